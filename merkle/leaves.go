package merkle

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// A Run is one or more leaves that stand side by side.
type Run struct {
	Start uint64 // number of the first leaf
	Count uint64 // leaves, >= 1
}

// last is the number of the run's last leaf.
func (r Run) last() uint64 { return r.Start + r.Count - 1 }

// String returns "5" or "5-9", for messages.
func (r Run) String() string {
	if r.Count == 1 {
		return fmt.Sprint(r.Start)
	}
	return fmt.Sprintf("%d-%d", r.Start, r.last())
}

// Runs returns the leaves with the given numbers, which are strictly ascending, as the fewest runs.
func Runs(indices ...uint64) ([]Run, error) {
	var runs []Run
	for i, index := range indices {
		switch {
		case i > 0 && index <= indices[i-1]:
			return nil, fmt.Errorf("leaf %d after leaf %d: numbers are not ascending", index, indices[i-1])
		case i > 0 && index == indices[i-1]+1:
			runs[len(runs)-1].Count++
		default:
			runs = append(runs, Run{index, 1})
		}
	}
	return runs, nil
}

// countLeaves returns how many leaves there are in runs. It refuses runs that are not the fewest for their leaves, in
// ascending order, all within a tree of size leaves, so that the same leaves are always named in the same way.
func countLeaves(runs []Run, size uint64) (uint64, error) {
	if len(runs) == 0 {
		return 0, errors.New("no leaves named")
	}
	var n, end uint64 // leaves so far, end of the run before
	for i, r := range runs {
		switch {
		case r.Count == 0:
			return 0, fmt.Errorf("run of no leaves at leaf %d", r.Start)
		case r.Start >= size || r.Count > size-r.Start:
			return 0, fmt.Errorf("run of %d leaves at leaf %d does not end within %d leaves", r.Count, r.Start, size)
		case i > 0 && r.Start <= end:
			return 0, fmt.Errorf("leaf %d does not come after the run before, with a gap", r.Start)
		}
		n += r.Count
		end = r.Start + r.Count
	}
	return n, nil
}

// ProveLeaves returns one proof that all leaves in runs are among the first size leaves below r. The runs are ascending
// and do not touch, as Runs makes them; consecutive leaves are one run.
//
// The proof climbs level by level. On each level it holds, from left to right, the siblings of the nodes that have a
// proved leaf below them, but for siblings that are such nodes themselves. So no hash comes twice and none that follows
// from others: at most two on each level for each run. For one leaf it is the proof of ProveInclusion.
func ProveLeaves(ctx context.Context, r NodeReader, runs []Run, size uint64) ([]Hash, error) {
	if _, err := countLeaves(runs, size); err != nil {
		return nil, fmt.Errorf("prove leaves: %w", err)
	}
	var p plan
	climb(runs, size, func(l uint8, last uint64, runs []Run) {
		for _, r := range runs {
			if r.Start&1 == 1 {
				p.node(NodeID{l, r.Start - 1}, size)
			}
			if end := r.last(); end&1 == 0 && end < last {
				p.node(NodeID{l, end + 1}, size)
			}
		}
	})
	proof, err := p.read(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("prove leaves %v of %d: %w", summary(runs), size, err)
	}
	return proof, nil
}

// CheckLeaves returns nil if proof shows that leafHashes are the leaves in runs of version v, in ascending order, else
// an *InclusionError.
func CheckLeaves(v Version, runs []Run, leafHashes, proof []Hash) error {
	if err := checkLeaves(v, runs, leafHashes, proof); err != nil {
		return &InclusionError{v, runs, leafHashes, proof, err}
	}
	return nil
}

func checkLeaves(v Version, runs []Run, leafHashes, proof []Hash) error {
	n, err := countLeaves(runs, v.Size)
	if err != nil {
		return err
	}
	if n != uint64(len(leafHashes)) {
		return fmt.Errorf("%d leaf hashes given for %d leaves", len(leafHashes), n)
	}
	if want := leavesLen(runs, v.Size); len(proof) != want {
		return fmt.Errorf("proof has %d hashes, want %d", len(proof), want)
	}
	next := func() (h Hash) {
		h, proof = proof[0], proof[1:]
		return h
	}
	nodes := slices.Clone(leafHashes) // of the level reached, run after run
	climb(runs, v.Size, func(_ uint8, last uint64, runs []Run) {
		from, to := 0, 0 // nodes used of this level, nodes made of the next
		for _, r := range runs {
			i, end := r.Start, r.last()
			if i&1 == 1 {
				nodes[to] = NodeHash(next(), nodes[from])
				i, from, to = i+1, from+1, to+1
			}
			for ; i < end; i, from, to = i+2, from+2, to+1 {
				nodes[to] = NodeHash(nodes[from], nodes[from+1])
			}
			if end&1 == 0 {
				h := nodes[from]
				if end < last {
					h = NodeHash(h, next())
				}
				nodes[to] = h
				from, to = from+1, to+1
			}
		}
		nodes = nodes[:to]
	})
	if nodes[0] != v.Root {
		return &RootError{Want: v, Got: nodes[0]}
	}
	return nil
}

// leavesLen returns the number of hashes in a proof of the leaves in runs.
func leavesLen(runs []Run, size uint64) int {
	n := 0
	climb(runs, size, func(_ uint8, last uint64, runs []Run) {
		for _, r := range runs {
			n += int(r.Start & 1)
			if end := r.last(); end&1 == 0 && end < last {
				n++
			}
		}
	})
	return n
}

// climb calls level for each level of a tree over size leaves but the root's, from the leaves upwards, with the number
// of the level's last node and the runs of nodes that have one of the leaves below them. A node is on the left of its
// sibling if its number is even; the last node of a level may have none.
func climb(leaves []Run, size uint64, level func(l uint8, last uint64, nodes []Run)) {
	nodes := slices.Clone(leaves)
	for l := range uint8(bits.Len64(size - 1)) {
		level(l, (size-1)>>l, nodes)
		up := nodes[:0]
		for _, r := range nodes {
			parents := Run{r.Start >> 1, r.last()>>1 - r.Start>>1 + 1}
			if n := len(up); n > 0 && up[n-1].last()+1 >= parents.Start {
				up[n-1].Count += parents.Count // gaps of one node close, so runs touch but never overlap
				continue
			}
			up = append(up, parents)
		}
		nodes = up
	}
}

// summary keeps the runs of a large proof from filling an error message.
func summary(runs []Run) string {
	const most = 4
	if len(runs) <= most {
		return fmt.Sprint(runs)
	}
	return fmt.Sprintf("%v and %d more runs", runs[:most], len(runs)-most)
}
