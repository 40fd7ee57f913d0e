package chain

import (
	"errors"
	"testing"
	"time"
)

// reorgs is what a client notices when a chain takes blocks back. reorg replaces the newest n blocks by at least as many
// that do not have their transactions; mine appends empty blocks.
func reorgs(t *testing.T, url string, mine, reorg func(n int)) {
	client := dialTest(t, url)
	owner, registry, id := registered(t, client, [32]byte{1})
	tape := newTape("reorg", 20)
	publish := func(from, to uint64) Receipt {
		t.Helper()
		v := tape.version(t, to)
		r, err := registry.Publish(t.Context(), owner, id, tape.version(t, from), v, manifestOf(v), tape.proof(t, from, to))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := publish(0, 5)
	mine(3)
	deep, err := registry.Confirm(t.Context(), first.Tx, Confirmed(3))
	if err != nil {
		t.Fatal(err)
	}
	lost := publish(5, 6)
	shallow, err := client.Block(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := registry.HeadAt(t.Context(), id, Confirmed(3))
	if err != nil || head.Size != 5 {
		t.Errorf("at a depth of 3 blocks: %d notes, %v", head.Size, err)
	}

	// Somebody waits for confirmations of the second version, and then it is gone.
	confirmed := make(chan error, 1)
	go func() {
		_, err := registry.Confirm(t.Context(), lost.Tx, Confirmed(10))
		confirmed <- err
	}()
	time.Sleep(time.Second) // enough to have seen it once
	reorg(2)
	select {
	case err := <-confirmed:
		if !errors.Is(err, ErrReorged) {
			t.Errorf("confirm: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody noticed")
	}
	if err := client.Still(t.Context(), shallow); !errors.Is(err, ErrReorged) {
		t.Errorf("the block that was taken back: %v", err)
	}
	if err := client.Still(t.Context(), deep); err != nil {
		t.Errorf("a block below: %v", err)
	}
	if _, err := registry.Prove(t.Context(), id, shallow); err == nil {
		t.Error("proved something in a block that was taken back")
	}
	h, err := registry.History(t.Context(), id)
	if err != nil || h.Head.Version != tape.version(t, 5) || len(h.Entries) != 1 {
		t.Errorf("after the reorganisation: %+v, %v", h, err)
	}
	// The publisher can do it again.
	again := publish(5, 6)
	mine(3)
	if _, err := registry.Confirm(t.Context(), again.Tx, Confirmed(3)); err != nil {
		t.Error(err)
	}
}

func TestReorgEmbedded(t *testing.T) {
	c := startDev(t)
	reorgs(t, c.URL(), c.Mine, func(n int) {
		if err := c.Reorg(n); err != nil {
			t.Error(err)
		}
		c.Mine(n)
	})
}
