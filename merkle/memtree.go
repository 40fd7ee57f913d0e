package merkle

import (
	"context"
	"fmt"
)

// A MemTree keeps every complete node in memory, about 64 bytes per leaf: a NodeReader for publishers of small
// trees and for tests. The zero value is the empty tree. Reading from several goroutines is safe while nobody appends.
type MemTree struct {
	levels [][]Hash // levels[l][i] is node (l, i)
}

// Append adds leaves, given by their hashes.
func (t *MemTree) Append(leafHashes ...Hash) {
	for _, h := range leafHashes {
		for l := 0; ; l++ {
			if l == len(t.levels) {
				t.levels = append(t.levels, nil)
			}
			t.levels[l] = append(t.levels[l], h)
			n := len(t.levels[l])
			if n%2 == 1 {
				break
			}
			h = NodeHash(t.levels[l][n-2], t.levels[l][n-1])
		}
	}
}

// Size returns the number of leaves.
func (t *MemTree) Size() uint64 {
	if len(t.levels) == 0 {
		return 0
	}
	return uint64(len(t.levels[0]))
}

// Version returns the number of leaves and the root over them.
func (t *MemTree) Version() Version {
	root, err := RootAt(context.Background(), t, t.Size())
	if err != nil {
		panic("merkle: memory tree lost a node: " + err.Error())
	}
	return Version{t.Size(), root}
}

// Nodes implements [NodeReader].
func (t *MemTree) Nodes(ctx context.Context, ids []NodeID) ([]Hash, error) {
	hashes := make([]Hash, len(ids))
	for i, id := range ids {
		if !id.in(t.Size()) {
			return nil, fmt.Errorf("node %v is not complete in a tree of %d leaves", id, t.Size())
		}
		hashes[i] = t.levels[id.Level][id.Index]
	}
	return hashes, nil
}
