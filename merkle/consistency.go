package merkle

import (
	"context"
	"fmt"
	"math/bits"
)

// ProveConsistency returns the proof that the first newSize leaves below r begin with the first oldSize leaves: the
// hashes of RFC 9162, section 2.1.4.1, at most 65. From size 0, and between equal sizes, there is nothing to show and
// the proof is empty.
func ProveConsistency(ctx context.Context, r NodeReader, oldSize, newSize uint64) ([]Hash, error) {
	if oldSize > newSize {
		return nil, fmt.Errorf("prove %d leaves to begin with %d: the old tree is larger than the new one", newSize, oldSize)
	}
	if oldSize == 0 || oldSize == newSize {
		return nil, nil
	}
	var p plan
	id := lastComplete(oldSize)
	if id.Index != 0 {
		p.subtree(id.Index<<id.Level, oldSize)
	}
	p.siblings(id, newSize)
	proof, err := p.read(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("prove %d leaves to begin with %d: %w", newSize, oldSize, err)
	}
	return proof, nil
}

// CheckConsistency returns nil if proof shows that version new begins with all leaves of version old, in the same
// order, else a *ConsistencyError (RFC 9162, section 2.1.4.2). The proof leads to both roots, and both are checked:
// without the old one, a tree with a changed old leaf would pass.
//
// The RFC has no proof from size 0. Here the empty version, which is size 0 with EmptyRoot, is extended by every
// version, with an empty proof. Between equal sizes the proof is empty and the roots must be the same.
func CheckConsistency(old, new Version, proof []Hash) error {
	if err := checkConsistency(old, new, proof); err != nil {
		return &ConsistencyError{old, new, proof, err}
	}
	return nil
}

func checkConsistency(old, new Version, proof []Hash) error {
	if old.Size > new.Size {
		return fmt.Errorf("the old size is larger than the new one")
	}
	if err := old.check(); err != nil {
		return err
	}
	if err := new.check(); err != nil {
		return err
	}
	if want := consistencyLen(old.Size, new.Size); len(proof) != want {
		return fmt.Errorf("proof has %d hashes, want %d", len(proof), want)
	}
	if old.Size == 0 {
		return nil
	}
	if old.Size == new.Size {
		if old.Root != new.Root {
			return fmt.Errorf("equal sizes have different roots")
		}
		return nil
	}

	// Start from the last complete subtree of the old tree, which both trees hold, and climb to both roots.
	id := lastComplete(old.Size)
	seed := old.Root // if the old tree is that subtree
	if id.Index != 0 {
		seed, proof = proof[0], proof[1:]
	}
	oldHash, newHash := seed, seed
	for i, last := id.Index, (new.Size-1)>>id.Level; last > 0; i, last = i>>1, last>>1 {
		switch {
		case i&1 == 1: // what is on the left is in both trees
			oldHash = NodeHash(proof[0], oldHash)
			newHash = NodeHash(proof[0], newHash)
		case i < last: // what is on the right is only in the new one
			newHash = NodeHash(newHash, proof[0])
		default:
			continue
		}
		proof = proof[1:]
	}
	if oldHash != old.Root {
		return &RootError{Want: old, Got: oldHash}
	}
	if newHash != new.Root {
		return &RootError{Want: new, Got: newHash}
	}
	return nil
}

// lastComplete returns the largest complete node that ends where a tree of size >= 1 leaves ends.
func lastComplete(size uint64) NodeID {
	l := bits.TrailingZeros64(size)
	return NodeID{uint8(l), size>>l - 1}
}

// consistencyLen returns the number of hashes in a proof from oldSize to newSize >= oldSize.
func consistencyLen(oldSize, newSize uint64) int {
	if oldSize == 0 || oldSize == newSize {
		return 0
	}
	id := lastComplete(oldSize)
	n := siblingCount(id, newSize)
	if id.Index != 0 {
		n++
	}
	return n
}
