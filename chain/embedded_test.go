package chain

import (
	"testing"

	"dictnet/chain/devchain"
)

func startDev(tb testing.TB) *devchain.Chain {
	tb.Helper()
	c, err := devchain.Start(tb.Context(), devchain.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

func TestConformanceEmbedded(t *testing.T) {
	c := startDev(t)
	t.Run("http", func(t *testing.T) { conformance(t, c.URL()) })
	t.Run("websocket", func(t *testing.T) { conformance(t, c.WebSocketURL()) })
}
