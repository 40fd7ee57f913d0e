package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/dictnet/manifest"
)

// Collected says what a collection did, or would do.
type Collected struct {
	Kept         uint64 `json:"kept"`    // blocks
	Removed      uint64 `json:"removed"` // blocks
	RemovedBytes uint64 `json:"removedBytes"`
}

// Collect removes every block that no pin, no named dictionary and none of its earlier versions reaches;
// if dryRun, it only counts. Where a manifest that is kept lacks a block, it removes nothing: what is below could
// not be told from garbage.
func (s *Store) Collect(ctx context.Context, dryRun bool) (Collected, error) {
	if s.ReadOnly() && !dryRun {
		return Collected{}, fmt.Errorf("collect: %w", ErrReadOnly)
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	live, err := s.mark(ctx)
	if err != nil {
		return Collected{}, err
	}
	var r Collected
	var garbage []slot
	err = storageError("list blocks", s.packs.each(ctx, func(b slot) error {
		if live.has(b.key) {
			r.Kept++
		} else {
			garbage = append(garbage, b)
		}
		return nil
	}))
	if err != nil {
		return r, err
	}
	for _, b := range garbage {
		if err == nil && !dryRun {
			_, err = s.packs.remove(b.key)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return r, storageError("collect", err)
		}
		r.Removed++
		r.RemovedBytes += uint64(b.size)
	}
	if !dryRun {
		if err = s.packs.reclaim(ctx); err == nil {
			err = s.dropUnpacked()
		}
	}
	return r, storageError("collect", err)
}

type digest [sha256.Size]byte

func digestOf(c cid.Cid) digest {
	var d digest
	h := c.Hash()
	copy(d[:], h[max(0, len(h)-len(d)):])
	return d
}

// rawCID names a block by its digest: the store keeps blocks by digest.
func rawCID(d digest) cid.Cid {
	h, err := multihash.Encode(d[:], multihash.SHA2_256)
	if err != nil {
		panic(err) // only for unknown hashes
	}
	return cid.NewCidV1(cid.Raw, h)
}

// live is the set of blocks that are kept.
type live map[key]bool

func (l live) has(k key) bool { return l[k] }

// mark returns the blocks to keep.
func (s *Store) mark(ctx context.Context) (live, error) {
	l, walked := make(live), make(map[cid.Cid]bool)
	dicts, err := s.Dictionaries()
	if err != nil {
		return nil, fmt.Errorf("nothing collected, because nobody knows what is kept: %w", err)
	}
	err = s.eachKept(ctx, dicts, func(c cid.Cid, what string) error {
		m, err := manifest.Open(ctx, s, c)
		if err == nil {
			err = m.Walk(ctx, func(link manifest.Link) (bool, error) {
				l[keyOf(digestOf(link.CID))] = true
				if link.Note {
					return false, nil
				}
				seen := walked[link.CID]
				walked[link.CID] = true
				return !seen, nil
			})
		}
		if err != nil {
			return fmt.Errorf("nothing collected, because %s is incomplete here: %w", what, err)
		}
		return nil
	})
	return l, err
}

// eachKept visits the manifests of pins and dictionaries, each once, and says for people what each is.
func (s *Store) eachKept(ctx context.Context, dicts []Dictionary, visit func(c cid.Cid, what string) error) error {
	pins, err := s.Pins(ctx)
	if err != nil {
		return err
	}
	seen := make(map[cid.Cid]bool)
	once := func(c cid.Cid, format string, args ...any) {
		if err == nil && !seen[c] {
			seen[c] = true
			err = visit(c, fmt.Sprintf(format, args...))
		}
	}
	for _, d := range dicts {
		once(d.Current.Manifest, "dictionary %q", d.Name)
		for i, v := range d.Lineage {
			once(v.Manifest, "version %d of dictionary %q", i+1, d.Name)
		}
	}
	for _, p := range pins {
		once(p.CID, "pin %s", p.CID)
	}
	return err
}

// each visits the names of all blocks. They come as raw CIDs.
func (s *Store) each(ctx context.Context, visit func(cid.Cid) error) error {
	return storageError("list blocks", s.packs.each(ctx, func(b slot) error {
		d, err := s.packs.name(b)
		if err == errGone || err == io.EOF || errors.Is(err, ErrCorrupt) {
			return nil // meanwhile, or nobody can have it
		}
		if err != nil {
			return err
		}
		return visit(rawCID(d))
	}))
}

// Stats says what the store holds.
type Stats struct {
	Blocks uint64 `json:"blocks"`
	Bytes  uint64 `json:"bytes"`

	Unpacked uint64 `json:"unpackedBytes"` // of the disk, for what notes hold: see KeepUnpacked
}

// Stats counts the blocks.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	err := s.packs.each(ctx, func(b slot) error {
		st.Blocks++
		st.Bytes += uint64(b.size)
		return nil
	})
	if info, serr := os.Stat(s.unpackedFile()); serr == nil {
		st.Unpacked = uint64(allocated(info))
	}
	return st, storageError("list blocks", err)
}
