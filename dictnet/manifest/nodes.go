package manifest

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"dictnet/merkle"
)

var _ merkle.NodeReader = (*Manifest)(nil)

// Nodes returns the hashes of complete subtrees of the RFC 9162 tree over the notes, read from the blocks
// that hold them: level 8(h-1)+r is a fold of 2^r entries of a block of height h.
func (m *Manifest) Nodes(ctx context.Context, ids []merkle.NodeID) ([]merkle.Hash, error) {
	hashes := make([]merkle.Hash, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readAhead)
	for i, id := range ids {
		g.Go(func() (err error) {
			hashes[i], err = m.hashAt(ctx, id)
			return err
		})
	}
	return hashes, g.Wait()
}

func (m *Manifest) hashAt(ctx context.Context, id merkle.NodeID) (merkle.Hash, error) {
	if id.Level > 63 || id.Index >= m.head.Size>>id.Level {
		return merkle.Hash{}, fmt.Errorf("no complete subtree %d of level %d in %d notes", id.Index, id.Level, m.head.Size)
	}
	height := int(id.Level)/8 + 1
	if height > m.height { // a tree of 256^n notes is itself complete
		return m.head.Root, nil
	}
	r := id.Level % 8
	first := id.Index << r
	n, err := m.node(ctx, place{height, first / Fanout})
	if err != nil {
		return merkle.Hash{}, err
	}
	at := first % Fanout
	return merkle.Root(n.hashes[at : at+1<<r]), nil
}
