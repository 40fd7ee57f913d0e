package chain

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	dev := startDev(t)
	owner := devSigner(t, 0)
	registry, _, err := Deploy(t.Context(), dialTest(t, dev.URL()), owner)
	if err != nil {
		t.Fatal(err)
	}
	id := registry.IDOf(owner.Address(), [32]byte{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := make(chan uint64, 100) // sizes; 1000 for "not registered"
	done := make(chan error, 1)
	go func() {
		done <- registry.Watch(ctx, id, Latest, 5*time.Millisecond, func(h *History, err error) error {
			switch {
			case errors.Is(err, ErrNotRegistered):
				select {
				case seen <- 1000:
				default:
				}
			case errors.Is(err, ErrReorged):
				return nil // between two looks at one block
			case err != nil:
				return err
			default:
				seen <- h.Head.Size
			}
			return nil
		})
	}()
	next := func(want uint64) {
		t.Helper()
		for {
			select {
			case got := <-seen:
				if got == 1000 && want != 1000 {
					continue
				}
				if got != want {
					t.Fatalf("saw %d, want %d", got, want)
				}
				return
			case err := <-done:
				t.Fatalf("watch ended: %v", err)
			}
		}
	}
	next(1000)
	if _, _, err := registry.Register(t.Context(), owner, [32]byte{}); err != nil {
		t.Fatal(err)
	}
	next(0)
	tape := newTape("watch", 30)
	publish := func(from, to uint64) {
		t.Helper()
		v := tape.version(t, to)
		if _, err := registry.Publish(t.Context(), owner, id, tape.version(t, from), v, manifestOf(v), tape.proof(t, from, to)); err != nil {
			t.Fatal(err)
		}
	}
	publish(0, 5)
	next(5)
	publish(5, 9)
	next(9)
	// A version that was seen is taken back: who relied on it must know.
	if err := dev.Reorg(1); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if !errors.Is(err, ErrReorged) {
			t.Errorf("watch ended with %v", err)
		}
	case <-ctx.Done():
		t.Error("nobody noticed the reorganisation")
	}
}

// A call that a person ends is over at once, and a node that goes away is told to the watcher, who decides.
func TestWatchEnds(t *testing.T) {
	dev := startDev(t)
	owner := devSigner(t, 0)
	registry, _, err := Deploy(t.Context(), dialTest(t, dev.URL()), owner)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if err := registry.Watch(t.Context(), ID{}, Latest, time.Hour, func(*History, error) error { return enough }); err != enough {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := registry.Watch(ctx, ID{}, Latest, time.Hour, func(*History, error) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	dev.Close()
	if err := registry.Watch(t.Context(), ID{}, Latest, time.Hour, func(_ *History, err error) error { return err }); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%v", err)
	}
}

// A block that is taken back before anything was read in it is a reorganisation, too, whatever the node calls it.
func TestBlockGoneBeforeItIsRead(t *testing.T) {
	dev := startDev(t)
	_, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{})
	once := false
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		if method == "eth_getBlockByNumber" && !once {
			once = true
			if err := dev.Reorg(1); err != nil {
				t.Error(err)
			}
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := through.HeadAt(t.Context(), id, Latest); !once || !errors.Is(err, ErrReorged) {
		t.Errorf("%v, want %v", err, ErrReorged)
	}
}

// A reorganisation while the history is read is looked at again: nobody had relied on anything. Only a node that goes on like that is told of.
func TestWatchLooksAgain(t *testing.T) {
	dev := startDev(t)
	_, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{})
	var turns atomic.Int32
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, params, result []byte) []byte {
		if method == "eth_getBlockByNumber" && !bytes.Contains(params, []byte("latest")) && turns.Add(-1) >= 0 {
			return []byte(`{"hash":"0x0100000000000000000000000000000000000000000000000000000000000000"}`)
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	for n, want := range []error{enough, enough, ErrReorged} {
		turns.Store(int32(n))
		err := through.Watch(t.Context(), id, Latest, time.Millisecond, func(_ *History, err error) error {
			return cmp.Or(err, enough)
		})
		if !errors.Is(err, want) {
			t.Errorf("%d times: %v, want %v", n, err, want)
		}
	}
}

// What f could not do is tried again with what is there then, after ever longer pauses; and so is a node that does not answer, of which f hears once.
func TestWatchTriesAgain(t *testing.T) {
	dev := startDev(t)
	_, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{})
	var down atomic.Int32
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, params, result []byte) []byte {
		if method == "eth_getBlockByNumber" && bytes.Contains(params, []byte("latest")) && down.Add(-1) >= 0 {
			return []byte("null")
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	down.Store(3)
	enough := errors.New("enough")
	var heard, tried int
	var times []time.Time
	err = through.Watch(t.Context(), id, Latest, 20*time.Millisecond, func(h *History, err error) error {
		if err != nil {
			heard++
			if !errors.Is(err, ErrUnreachable) {
				t.Error(err)
			}
			return nil
		}
		times = append(times, time.Now())
		if tried++; tried == 3 {
			down.Store(2) // and once more
		}
		if tried == 5 {
			return enough
		}
		return fmt.Errorf("not yet: %w", ErrAgain)
	})
	if err != enough || heard != 2 || tried != 5 {
		t.Errorf("%v; tried %d times, heard of the node %d times", err, tried, heard)
	}
	if first, last := times[1].Sub(times[0]), times[4].Sub(times[3]); last < 2*first && last < 16*20*time.Millisecond {
		t.Errorf("pauses of %v and %v", first, last)
	}
}
