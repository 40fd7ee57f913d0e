package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

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
	info, err := v.s.files.stat(d)
	switch {
	case err == ErrMissing:
		return -1, ipld.ErrNotFound{Cid: c}
	case err != nil:
		return -1, blockError("find", c, err)
	case info.Size() > MaxBlock:
		v.s.foundDamaged(c, d, info.ModTime())
		return -1, ipld.ErrNotFound{Cid: c}
	case v.s.files.corrupt.has(d, info.ModTime()) || !info.Mode().IsRegular():
		return -1, ipld.ErrNotFound{Cid: c}
	}
	return int(info.Size()), nil
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
	data, used, err := s.files.get(d)
	if err == nil && verify && sha256.Sum256(data) != d {
		err = ErrCorrupt
	}
	if errors.Is(err, ErrCorrupt) {
		s.foundDamaged(c, d, used)
	}
	if err != nil {
		return nil, err
	}
	s.files.touch(d, used)
	return data, nil
}

func (s *Store) foundDamaged(c cid.Cid, d digest, changed time.Time) {
	if s.files.corrupt.add(d, changed) && s.o.Damaged != nil {
		s.o.Damaged(c)
	}
}

// marks remember which files were found to be damaged, until they change. The zero value is empty.
type marks struct {
	mu   sync.Mutex
	seen map[digest]time.Time // when the file was changed last
}

// maxMarks bounds the memory that a disk full of damage takes; what is forgotten is found again.
const maxMarks = 1 << 16

func (m *marks) add(d digest, changed time.Time) (first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil || len(m.seen) >= maxMarks {
		m.seen = make(map[digest]time.Time)
	}
	was, ok := m.seen[d]
	m.seen[d] = changed
	return !ok || !was.Equal(changed)
}

func (m *marks) has(d digest, changed time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	was, ok := m.seen[d]
	return ok && was.Equal(changed)
}
