package dictnet

import (
	"bytes"
	"container/list"
	"context"
	"sync"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet/store"
)

// overlayBytes is how much an overlay holds.
const overlayBytes = 128 << 20

// overlay keeps what is fetched in memory, over a store that another process writes: the blocks used least
// recently give way.
type overlay struct {
	*store.Store
	mu    sync.Mutex
	held  map[cid.Cid]*list.Element
	order list.List // of heldBlock, the most recently used first
	bytes int
}

type heldBlock struct {
	c    cid.Cid
	data []byte
}

func newOverlay(s *store.Store) *overlay {
	return &overlay{Store: s, held: make(map[cid.Cid]*list.Element)}
}

func (o *overlay) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	o.mu.Lock()
	e := o.held[c]
	if e != nil {
		o.order.MoveToFront(e)
	}
	o.mu.Unlock()
	if e != nil {
		return e.Value.(heldBlock).data, nil
	}
	return o.Store.Get(ctx, c)
}

func (o *overlay) Has(ctx context.Context, c cid.Cid) (bool, error) {
	o.mu.Lock()
	_, ok := o.held[c]
	o.mu.Unlock()
	if ok {
		return true, nil
	}
	return o.Store.Has(ctx, c)
}

func (o *overlay) Put(_ context.Context, c cid.Cid, data []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.held[c]; ok {
		return nil
	}
	o.held[c] = o.order.PushFront(heldBlock{c, bytes.Clone(data)})
	o.bytes += len(data)
	for o.bytes > overlayBytes {
		old := o.order.Remove(o.order.Back()).(heldBlock)
		delete(o.held, old.c)
		o.bytes -= len(old.data)
	}
	return nil
}

// PutChecked is Put: what is put has been checked before.
func (o *overlay) PutChecked(ctx context.Context, c cid.Cid, data []byte) error {
	return o.Put(ctx, c, data)
}

// Replace covers a damaged block of the store.
func (o *overlay) Replace(ctx context.Context, c cid.Cid, data []byte) error {
	return o.Put(ctx, c, data)
}
