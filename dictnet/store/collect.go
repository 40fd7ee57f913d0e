package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/go-cid"

	"dictnet/dictnet/manifest"
)

// Collected says what a collection did, or would do.
type Collected struct {
	Kept         uint64 `json:"kept"`    // blocks
	Removed      uint64 `json:"removed"` // blocks
	RemovedBytes uint64 `json:"removed_bytes"`
}

// Collect removes every block that no pin, no named dictionary and none of its earlier versions reaches;
// if dryRun, it only counts. Where a manifest that is kept lacks a block, it removes nothing: what is below could
// not be told from garbage.
func (s *Store) Collect(ctx context.Context, dryRun bool) (Collected, error) {
	if s.ReadOnly() && !dryRun {
		return Collected{}, fmt.Errorf("collect: %w", ErrReadOnly)
	}
	live, err := s.mark(ctx)
	if err != nil {
		return Collected{}, err
	}
	var r Collected
	var garbage []cid.Cid
	err = s.each(ctx, func(c cid.Cid) error {
		if live[digestOf(c)] {
			r.Kept++
			return nil
		}
		garbage = append(garbage, c)
		return nil
	})
	if err != nil {
		return r, err
	}
	for _, c := range garbage {
		size, err := s.blocks.GetSize(ctx, c)
		if err != nil {
			return r, blockError("find", c, err)
		}
		if !dryRun {
			if err := s.blocks.DeleteBlock(ctx, c); err != nil {
				return r, blockError("delete", c, err)
			}
		}
		r.Removed++
		r.RemovedBytes += uint64(size)
	}
	return r, nil
}

type digest [sha256.Size]byte

func digestOf(c cid.Cid) digest {
	var d digest
	h := c.Hash()
	copy(d[:], h[max(0, len(h)-len(d)):])
	return d
}

// mark returns the digests of all blocks to keep.
func (s *Store) mark(ctx context.Context) (map[digest]bool, error) {
	pins, err := s.Pins(ctx)
	if err != nil {
		return nil, err
	}
	dicts, err := s.Dictionaries()
	if err != nil {
		return nil, err
	}
	roots := make(map[cid.Cid]string)
	for _, d := range dicts {
		roots[d.Current.Manifest] = fmt.Sprintf("dictionary %q", d.Name)
		for _, v := range d.Lineage {
			roots[v.Manifest] = fmt.Sprintf("an earlier version of dictionary %q", d.Name)
		}
	}
	for _, p := range pins {
		roots[p.CID] = "a pinned manifest"
	}
	live := make(map[digest]bool)
	for c, what := range roots {
		m, err := manifest.Open(ctx, s, c)
		if err == nil {
			err = m.Walk(ctx, func(l manifest.Link) (bool, error) {
				d := digestOf(l.CID)
				seen := live[d]
				live[d] = true
				return !seen, nil
			})
		}
		if err != nil {
			return nil, fmt.Errorf("nothing collected, because %s is incomplete here: %w", what, err)
		}
	}
	return live, nil
}

// each visits the names of all blocks. They come as raw CIDs: the store keeps blocks by digest.
func (s *Store) each(ctx context.Context, visit func(cid.Cid) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keys, failed, err := s.blocks.(blockstore.AllKeysChanWithErrer).AllKeysChanWithErr(ctx)
	if err != nil {
		return storageError("list blocks", err)
	}
	for c := range keys {
		if err := visit(c); err != nil {
			cancel()
			for range keys { // until the lister has ended
			}
			return err
		}
	}
	return storageError("list blocks", failed())
}

// Stats says what the store holds.
type Stats struct {
	Blocks uint64 `json:"blocks"`
	Bytes  uint64 `json:"bytes"`
}

// Stats counts the blocks.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	err := s.each(ctx, func(c cid.Cid) error {
		size, err := s.blocks.GetSize(ctx, c)
		if err != nil {
			return blockError("find", c, err)
		}
		st.Blocks++
		st.Bytes += uint64(size)
		return nil
	})
	return st, err
}

// Check reads every block and calls bad for each whose bytes are not those of its name. It returns how many
// were read.
func (s *Store) Check(ctx context.Context, bad func(c cid.Cid, err error)) (uint64, error) {
	var n uint64
	err := s.each(ctx, func(c cid.Cid) error {
		data, err := s.Get(ctx, c)
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrMissing) {
			return err
		}
		if err == nil && sha256.Sum256(data) != digestOf(c) {
			err = fmt.Errorf("block %s in %s: %w", c, s.dir, ErrCorrupt)
		}
		if err != nil {
			bad(c, err)
		}
		n++
		return nil
	})
	return n, err
}
