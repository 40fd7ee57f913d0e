package pinning

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
)

const manifest = "bafyreihcagoydax6trvgdkori6z2fkuxgtbzrblputy65jgbezzbmgvkqy"

// A service that says that there are ever more pins is asked once: one is enough.
func TestEndlessList(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"count": 1000, "results": [{"requestid": "x", "status": "pinned", "created": "2026-01-01T00:00:00Z", "pin": {"cid": %q}, "delegates": []}]}`, manifest)
	}))
	defer srv.Close()
	s, err := New(srv.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	st, err := s.Pin(ctx, cid.MustParse(manifest), "d", nil, nil)
	if err != nil || st.Status != "pinned" || asked != 1 {
		t.Errorf("%+v after %d questions, %v", st, asked, err)
	}
}
