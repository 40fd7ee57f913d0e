package merkle

import (
	"context"
	"fmt"
	"math/bits"
)

// A NodeID says where a complete node stands: at which level, and how many nodes of that level are to its left. It
// covers the leaves Index<<Level up to but not including (Index+1)<<Level. Level 0 are the leaf hashes.
type NodeID struct {
	Level uint8  // 0..63
	Index uint64 // (Index+1)<<Level is at most the number of leaves
}

// String returns "level/index", for messages.
func (id NodeID) String() string { return fmt.Sprintf("%d/%d", id.Level, id.Index) }

// in reports whether all leaves of the node are among the first size.
func (id NodeID) in(size uint64) bool { return id.Level < 64 && id.Index < size>>id.Level }

// A NodeReader gives hashes of complete nodes of a tree that only grows.
type NodeReader interface {
	// Nodes returns the hashes of the given nodes in the given order, all of them or an error. A prover calls it once
	// with everything it needs, so that an implementation can fetch in one go. The caller
	// may change the result; the implementation keeps no hold of ids.
	//
	// Nodes may be called from several goroutines at once. Provers do not check what they are given: a wrong hash makes
	// a wrong proof, which the check refuses.
	Nodes(ctx context.Context, ids []NodeID) ([]Hash, error)
}

// RootAt returns the root over the first size leaves below r, reading at most 64 nodes.
func RootAt(ctx context.Context, r NodeReader, size uint64) (Hash, error) {
	if size == 0 {
		return EmptyRoot, nil
	}
	var p plan
	p.subtree(0, size)
	h, err := p.read(ctx, r)
	if err != nil {
		return Hash{}, err
	}
	return h[0], nil
}

// readNodes is r.Nodes with its promise checked.
func readNodes(ctx context.Context, r NodeReader, ids []NodeID) ([]Hash, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	hashes, err := r.Nodes(ctx, ids)
	if err != nil {
		return nil, err
	}
	if len(hashes) != len(ids) {
		return nil, fmt.Errorf("node reader returned %d hashes for %d nodes", len(hashes), len(ids))
	}
	return hashes, nil
}

// appendCover appends the fewest complete nodes that together cover the leaves lo to hi-1, from left to right. Each is
// as large as the alignment of its first leaf and the end allow.
func appendCover(ids []NodeID, lo, hi uint64) []NodeID {
	for lo < hi {
		l := bits.Len64(hi-lo) - 1
		if lo != 0 {
			l = min(l, bits.TrailingZeros64(lo))
		}
		ids = append(ids, NodeID{uint8(l), lo >> l})
		lo += 1 << l
	}
	return ids
}

// A plan lists the subtrees whose hashes make a proof, each as the complete nodes it is folded from, so that all are
// read at once.
type plan struct {
	ids  []NodeID
	ends []int // subtree i is folded from ids[ends[i-1]:ends[i]]
}

// subtree adds the hash of the tree over leaves lo to hi-1. It must be a subtree of some tree: lo is a multiple of the
// least power of two that is at least hi-lo.
func (p *plan) subtree(lo, hi uint64) {
	p.ids = appendCover(p.ids, lo, hi)
	p.ends = append(p.ends, len(p.ids))
}

// node adds the hash of a node of the tree over size leaves, complete or, at the right edge, not.
func (p *plan) node(id NodeID, size uint64) {
	lo, hi := id.Index<<id.Level, size
	if id.in(size) {
		hi = (id.Index + 1) << id.Level
	}
	p.subtree(lo, hi)
}

// siblings adds what a proof needs to climb from node id to the root of the tree over size leaves: the sibling at each
// level that has one, from low to high.
func (p *plan) siblings(id NodeID, size uint64) {
	last := (size - 1) >> id.Level // of this level; the only node that may be incomplete
	for l, i := id.Level, id.Index; last > 0; l, i, last = l+1, i>>1, last>>1 {
		if i^1 <= last {
			p.node(NodeID{l, i ^ 1}, size)
		}
	}
}

// read returns the hash of each subtree, in the order they were added; nil if there are none.
func (p *plan) read(ctx context.Context, r NodeReader) ([]Hash, error) {
	if len(p.ends) == 0 {
		return nil, nil
	}
	nodes, err := readNodes(ctx, r, p.ids)
	if err != nil {
		return nil, err
	}
	hashes := make([]Hash, len(p.ends))
	start := 0
	for i, end := range p.ends {
		h := nodes[end-1]
		for j := end - 2; j >= start; j-- {
			h = NodeHash(nodes[j], h)
		}
		hashes[i], start = h, end
	}
	return hashes, nil
}
