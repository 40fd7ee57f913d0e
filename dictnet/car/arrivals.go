package car

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"
	"golang.org/x/sync/errgroup"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

// arrivals are the blocks of a CAR on their way into a store, on all processors. Each is hashed once.
type arrivals struct {
	store *store.Store

	mu    sync.Mutex
	fresh map[cid.Cid]bool // were not there
	notes map[cid.Cid]int  // are notes, as codec.CheckNote has it, of so many raw bytes
	bad   uint64           // the first block that was refused
	err   error            // why
}

// all takes every block. The error is that of the first one that is wrong.
func (a *arrivals) all(ctx context.Context, in *carv2.BlockReader, progress func(blocks uint64)) error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	var err error
	for n := uint64(1); err == nil && !a.refused(); n++ {
		var b blocks.Block
		if b, err = in.Next(); err == io.EOF {
			err = nil
			break
		}
		if err != nil {
			err = fmt.Errorf("%w: block %d: %v", ErrFormat, n, err)
			break
		}
		g.Go(func() error {
			a.refuse(n, a.take(ctx, n, b))
			return nil
		})
		if progress != nil {
			progress(n)
		}
		err = ctx.Err()
	}
	g.Wait()
	if a.err != nil {
		return a.err // of an earlier block
	}
	return err
}

func (a *arrivals) refused() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err != nil
}

func (a *arrivals) refuse(n uint64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil && (a.err == nil || n < a.bad) {
		a.bad, a.err = n, err
	}
}

func (a *arrivals) take(ctx context.Context, n uint64, b blocks.Block) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, data := b.Cid(), b.RawData()
	there, err := a.store.Has(ctx, c)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: block %d: %v", ErrFormat, n, err)
	}
	put, size := a.store.Put, -1
	if c.Prefix().Codec == cid.Raw {
		if note, err := codec.CheckNote(c, data); err == nil {
			put, size = a.store.PutChecked, note.RawLen()
		}
	}
	if there && size >= 0 { // whole, or damaged
		if have, err := a.store.Get(ctx, c); err == nil && !bytes.Equal(have, data) {
			put = a.store.Replace
		}
	}
	if err := put(ctx, c, data); errors.Is(err, store.ErrCorrupt) {
		return &dictnet.ContradictionError{What: fmt.Sprintf("block %d of the CAR", n), Err: err}
	} else if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !there {
		a.fresh[c] = true
	}
	if size >= 0 {
		a.notes[c] = size
	}
	return nil
}
