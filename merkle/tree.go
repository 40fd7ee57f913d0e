package merkle

import (
	"context"
	"math/bits"
)

// A Tree grows leaf by leaf and knows its root at any time. It keeps only the roots of the complete subtrees on its
// right edge, at most 64 hashes. The zero value is the empty tree. A copy is a snapshot. Not safe for concurrent use.
type Tree struct {
	size uint64
	// edge[l] is the root of a complete subtree of 1<<l leaves, and counts if bit l of size is set. From high to low
	// levels these subtrees cover the leaves in order.
	edge [64]Hash
}

// Append adds one leaf, given by its hash. It panics if there are 2^64-1 leaves already.
func (t *Tree) Append(leafHash Hash) {
	h, l := leafHash, 0
	for ; t.size>>l&1 == 1; l++ {
		h = NodeHash(t.edge[l], h)
	}
	t.edge[l] = h
	t.size++
}

// Version returns the number of leaves and the root over them.
func (t *Tree) Version() Version {
	if t.size == 0 {
		return Version{0, EmptyRoot}
	}
	l := bits.TrailingZeros64(t.size)
	h := t.edge[l]
	for l++; l < 64; l++ {
		if t.size>>l&1 == 1 {
			h = NodeHash(t.edge[l], h)
		}
	}
	return Version{t.size, h}
}

// TreeAt returns the tree of the first v.Size leaves below r, ready to grow. It refuses nodes that do not hash to
// v.Root.
func TreeAt(ctx context.Context, r NodeReader, v Version) (*Tree, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	ids := appendCover(nil, 0, v.Size)
	hashes, err := readNodes(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	t := &Tree{size: v.Size}
	for i, id := range ids {
		t.edge[id.Level] = hashes[i]
	}
	if got := t.Version(); got != v {
		return nil, &RootError{Want: v, Got: got.Root}
	}
	return t, nil
}
