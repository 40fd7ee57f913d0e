package manifest

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"dictnet/merkle"
)

var _ merkle.NodeReader = (*Manifest)(nil)

// Nodes returns the hashes of complete subtrees of the RFC 9162 tree over the notes, read from the blocks
// that hold them: level 8(h-1)+r is a fold of 2^r entries of a block of height h. Each block is read once, and those of
// one height together.
func (m *Manifest) Nodes(ctx context.Context, ids []merkle.NodeID) ([]merkle.Hash, error) {
	need := make([]map[uint64]bool, m.height+1) // by height
	for h := range need {
		need[h] = make(map[uint64]bool)
	}
	for _, id := range ids {
		if !m.complete(id) {
			return nil, fmt.Errorf("no complete subtree %d of level %d in %d notes", id.Index, id.Level, m.head.Size)
		}
		p := placeOf(id)
		for ; p.height <= m.height; p = (place{p.height + 1, p.index / Fanout}) {
			need[p.height][p.index] = true
		}
	}
	for h := m.height; h > 0; h-- {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(readAhead)
		for index := range need[h] {
			g.Go(func() error {
				_, err := m.node(gctx, place{h, index})
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
	}
	hashes := make([]merkle.Hash, len(ids))
	for i, id := range ids {
		var err error
		if hashes[i], err = m.hashAt(ctx, id); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

// complete reports whether all leaves below a node are there.
func (m *Manifest) complete(id merkle.NodeID) bool {
	return id.Level < 64 && id.Index < m.head.Size>>id.Level
}

// placeOf returns the block whose entries fold to a node.
func placeOf(id merkle.NodeID) place {
	return place{int(id.Level)/8 + 1, id.Index << (id.Level % 8) / Fanout}
}

// hashAt returns the hash of a complete node.
func (m *Manifest) hashAt(ctx context.Context, id merkle.NodeID) (merkle.Hash, error) {
	p := placeOf(id)
	if p.height > m.height { // a tree of 256^n notes is itself complete
		return m.head.Root, nil
	}
	n, err := m.node(ctx, p)
	if err != nil {
		return merkle.Hash{}, err
	}
	r := id.Level % 8
	at := id.Index << r % Fanout
	return merkle.Root(n.hashes[at : at+1<<r]), nil
}
