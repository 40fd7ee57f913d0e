package merkle

import (
	"context"
	"fmt"
	"math/bits"
)

// ProveInclusion returns the proof that leaf index is one of the first size leaves below r: the hashes of RFC 9162,
// section 2.1.3.1, from the leaf's sibling upwards, at most 64.
func ProveInclusion(ctx context.Context, r NodeReader, index, size uint64) ([]Hash, error) {
	if index >= size {
		return nil, fmt.Errorf("prove leaf %d: a tree of %d leaves has none of that number", index, size)
	}
	var p plan
	p.siblings(NodeID{0, index}, size)
	proof, err := p.read(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("prove leaf %d of %d: %w", index, size, err)
	}
	return proof, nil
}

// CheckInclusion returns nil if proof shows that leafHash is leaf number index of version v, else an *InclusionError
// (RFC 9162, section 2.1.3.2).
func CheckInclusion(v Version, index uint64, leafHash Hash, proof []Hash) error {
	if err := checkInclusion(v, index, leafHash, proof); err != nil {
		return &InclusionError{v, []Run{{index, 1}}, []Hash{leafHash}, proof, err}
	}
	return nil
}

func checkInclusion(v Version, index uint64, leafHash Hash, proof []Hash) error {
	if index >= v.Size {
		return fmt.Errorf("index is not below the size")
	}
	if want := siblingCount(NodeID{0, index}, v.Size); len(proof) != want {
		return fmt.Errorf("proof has %d hashes, want %d", len(proof), want)
	}
	h := leafHash
	for i, last := index, v.Size-1; last > 0; i, last = i>>1, last>>1 {
		switch {
		case i&1 == 1:
			h = NodeHash(proof[0], h)
		case i < last:
			h = NodeHash(h, proof[0])
		default: // left over at the end of its level: rises unchanged
			continue
		}
		proof = proof[1:]
	}
	if h != v.Root {
		return &RootError{Want: v, Got: h}
	}
	return nil
}

// siblingCount returns how many siblings there are on the way from node id to the root of a tree over size leaves.
// Below the point where the way meets the right edge there is one on each level; from there on, only left siblings.
func siblingCount(id NodeID, size uint64) int {
	last := (size - 1) >> id.Level
	inner := bits.Len64(id.Index ^ last)
	return inner + bits.OnesCount64(id.Index>>inner)
}
