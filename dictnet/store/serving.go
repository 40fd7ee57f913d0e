package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"
)

// Blocks returns the store as the IPFS libraries want it, to serve from. Every block is checked when it is read, and one that is
// damaged is not there: nothing wrong is ever served. Write through Put.
func (s *Store) Blocks() blockstore.Blockstore { return served{s} }

type served struct{ s *Store }

var errPutOnly = errors.New("write through the store's own methods")

func (v served) Has(ctx context.Context, c cid.Cid) (bool, error) {
	_, err := v.GetSize(ctx, c)
	if ipld.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func (v served) GetSize(_ context.Context, c cid.Cid) (int, error) {
	d, err := checkCID(c)
	if err != nil {
		return -1, ipld.ErrNotFound{Cid: c} // under such a name nothing is kept
	}
	r, err := v.s.packs.find(d)
	switch {
	case err == ErrMissing:
		return -1, ipld.ErrNotFound{Cid: c}
	case errors.Is(err, ErrCorrupt):
		v.s.foundDamaged(c, d, r.place)
		return -1, ipld.ErrNotFound{Cid: c}
	case err != nil:
		return -1, blockError("find", c, err)
	case v.s.corrupt.has(d, r.place):
		return -1, ipld.ErrNotFound{Cid: c}
	}
	return int(r.size), nil
}

func (v served) Get(_ context.Context, c cid.Cid) (blocks.Block, error) {
	d, err := checkCID(c)
	if err != nil {
		return nil, ipld.ErrNotFound{Cid: c}
	}
	data, err := v.s.read(c, d, true)
	switch {
	case errors.Is(err, ErrMissing), errors.Is(err, ErrCorrupt):
		return nil, ipld.ErrNotFound{Cid: c}
	case err != nil:
		return nil, blockError("read", c, err)
	}
	return blocks.NewBlockWithCid(data, c)
}

func (v served) AllKeysChan(ctx context.Context) (<-chan cid.Cid, error) {
	keys := make(chan cid.Cid)
	go func() {
		defer close(keys)
		v.s.each(ctx, func(c cid.Cid) error {
			select {
			case keys <- c:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return keys, nil
}

func (v served) Put(context.Context, blocks.Block) error       { return errPutOnly }
func (v served) PutMany(context.Context, []blocks.Block) error { return errPutOnly }
func (v served) DeleteBlock(context.Context, cid.Cid) error    { return errPutOnly }

// read reads a block, and checks it if verify.
func (s *Store) read(c cid.Cid, d digest, verify bool) ([]byte, error) {
	data, r, err := s.packs.get(d)
	if err == nil && verify && sha256.Sum256(data) != d {
		err = ErrCorrupt
	}
	if errors.Is(err, ErrCorrupt) {
		s.foundDamaged(c, d, r.place)
	}
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (s *Store) foundDamaged(c cid.Cid, d digest, at place) {
	if s.corrupt.add(d, at) && s.o.Damaged != nil {
		s.o.Damaged(c)
	}
}

// marks remember which records were found to be damaged: a block that is mended is in another. The zero value is empty.
type marks struct {
	mu   sync.Mutex
	seen map[digest]place
}

// maxMarks bounds the memory that a disk full of damage takes; what is forgotten is found again.
const maxMarks = 1 << 16

func (m *marks) add(d digest, at place) (first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil || len(m.seen) >= maxMarks {
		m.seen = make(map[digest]place)
	}
	first = m.seen[d] != at
	m.seen[d] = at
	return first
}

func (m *marks) has(d digest, at place) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[d] == at // no record is at the zero place
}
