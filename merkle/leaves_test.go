package merkle

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A recorder notes which nodes a prover reads.
type recorder struct {
	NodeReader
	ids []NodeID
}

func (r *recorder) Nodes(ctx context.Context, ids []NodeID) ([]Hash, error) {
	r.ids = append(r.ids, ids...)
	return r.NodeReader.Nodes(ctx, ids)
}

// leavesByDefinition is the proof as the comment of ProveLeaves defines it, found with sets instead of arithmetic on
// runs.
func leavesByDefinition(indices []uint64, leaves []Hash) []Hash {
	size := uint64(len(leaves))
	var proof []Hash
	known := make(map[uint64]bool)
	for _, i := range indices {
		known[i] = true
	}
	for l := 0; uint64(1)<<l < size; l++ {
		var missing []uint64
		up := make(map[uint64]bool)
		for i := range known {
			up[i/2] = true
			if s := i ^ 1; !known[s] && s<<l < size {
				missing = append(missing, s)
			}
		}
		slices.Sort(missing)
		for _, i := range missing {
			proof = append(proof, rfcRoot(leaves[i<<l:min((i+1)<<l, size)]))
		}
		known = up
	}
	return proof
}

func pick(leaves []Hash, indices []uint64) []Hash {
	var hashes []Hash
	for _, i := range indices {
		hashes = append(hashes, leaves[i])
	}
	return hashes
}

// Every set of leaves of every tree of up to 11 leaves.
func TestLeavesAllSets(t *testing.T) {
	all := testLeaves(11)
	mem := memTree(all)
	for size := uint64(1); size <= 11; size++ {
		leaves := all[:size]
		v := Version{size, rfcRoot(leaves)}
		for set := uint64(1); set < 1<<size; set++ {
			var indices []uint64
			for i := range size {
				if set>>i&1 == 1 {
					indices = append(indices, i)
				}
			}
			runs, err := Runs(indices...)
			if err != nil {
				t.Fatal(err)
			}
			rec := &recorder{NodeReader: mem}
			proof, err := ProveLeaves(ctx, rec, runs, size)
			if err != nil {
				t.Fatal(err)
			}
			if want := leavesByDefinition(indices, leaves); !slices.Equal(proof, want) {
				t.Fatalf("leaves %v of %d: proof is %v, want %v", indices, size, proof, want)
			}
			seen := make(map[NodeID]bool)
			for _, id := range rec.ids {
				if seen[id] {
					t.Fatalf("leaves %v of %d: node %v read twice", indices, size, id)
				}
				seen[id] = true
			}
			if len(indices) == 1 {
				if single, _ := ProveInclusion(ctx, mem, indices[0], size); !slices.Equal(proof, single) {
					t.Fatalf("leaf %v of %d: proof differs from ProveInclusion's", indices, size)
				}
			}
			if uint64(len(indices)) == size && len(proof) != 0 {
				t.Fatalf("all leaves of %d: proof is not empty", size)
			}
			if err := CheckLeaves(v, runs, pick(leaves, indices), proof); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Every run of consecutive leaves of every tree of up to 70 leaves takes at most two hashes on a level.
func TestLeavesAllRanges(t *testing.T) {
	const most = 70
	all := testLeaves(most)
	mem := memTree(all)
	for size := uint64(1); size <= most; size++ {
		v := Version{size, rfcRoot(all[:size])}
		for start := range size {
			for end := start + 1; end <= size; end++ {
				runs := []Run{{start, end - start}}
				proof, err := ProveLeaves(ctx, mem, runs, size)
				if err != nil {
					t.Fatal(err)
				}
				if height := bits.Len64(size - 1); len(proof) > 2*height {
					t.Fatalf("leaves %v of %d: %d hashes on %d levels", runs, size, len(proof), height)
				}
				if err := CheckLeaves(v, runs, all[start:end], proof); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// randomIndices are up to n distinct numbers below size, ascending, in clusters.
func randomIndices(rng *rand.Rand, n int, size uint64) []uint64 {
	var indices []uint64
	for range n {
		i := rng.Uint64N(size)
		for range rng.IntN(4) + 1 {
			if i < size {
				indices = append(indices, i)
			}
			i++
		}
	}
	slices.Sort(indices)
	return slices.Compact(indices)
}

func TestLeavesDamaged(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	all := testLeaves(600)
	mem := memTree(all)
	for range 150 {
		size := rng.Uint64N(600) + 1
		v := Version{size, Root(all[:size])}
		indices := randomIndices(rng, rng.IntN(20)+1, size)
		runs, _ := Runs(indices...)
		hashes := pick(all, indices)
		proof, err := ProveLeaves(ctx, mem, runs, size)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckLeaves(v, runs, hashes, proof); err != nil {
			t.Fatal(err)
		}
		refuse := func(what string, v Version, runs []Run, hashes, proof []Hash) {
			t.Helper()
			if err := CheckLeaves(v, runs, hashes, proof); !errors.Is(err, ErrProof) {
				t.Errorf("leaves %v of %d, %s: got error %v, want ErrProof", runs, size, what, err)
			}
		}
		for i := range proof {
			p := slices.Clone(proof)
			p[i][rng.IntN(HashSize)] ^= 1 << rng.IntN(8)
			refuse("bit flipped in proof", v, runs, hashes, p)
			refuse("hash missing", v, runs, hashes, slices.Delete(slices.Clone(proof), i, i+1))
		}
		for i := range hashes {
			h := slices.Clone(hashes)
			h[i][rng.IntN(HashSize)] ^= 1 << rng.IntN(8)
			refuse("bit flipped in leaf", v, runs, h, proof)
			if i > 0 {
				h := slices.Clone(hashes)
				h[i], h[i-1] = h[i-1], h[i]
				refuse("leaves swapped", v, runs, h, proof)
			}
		}
		refuse("one leaf hash less", v, runs, hashes[1:], proof)
		refuse("one leaf hash more", v, runs, append(slices.Clone(hashes), Hash{}), proof)
		refuse("one hash more", v, runs, hashes, append(slices.Clone(proof), Hash{}))
		bad := v
		bad.Root[3] ^= 1
		refuse("wrong root", bad, runs, hashes, proof)
		if shifted := slices.Clone(runs); runs[0].Start > 0 {
			shifted[0].Start--
			refuse("first run moved", v, shifted, hashes, proof)
		}
	}
}

func TestLeavesBadRuns(t *testing.T) {
	all := testLeaves(10)
	mem := memTree(all)
	for _, tt := range []struct {
		runs []Run
		want string
	}{
		{nil, "no leaves named"},
		{[]Run{{3, 0}}, "run of no leaves at leaf 3"},
		{[]Run{{10, 1}}, "run of 1 leaves at leaf 10"},
		{[]Run{{9, 2}}, "run of 2 leaves at leaf 9"},
		{[]Run{{1, 1<<64 - 1}}, "does not end within 10 leaves"},
		{[]Run{{1<<64 - 1, 1<<64 - 1}}, "does not end within 10 leaves"},
		{[]Run{{2, 1}, {3, 1}}, "leaf 3 does not come after the run before, with a gap"},
		{[]Run{{2, 4}, {3, 1}}, "leaf 3 does not come after"},
		{[]Run{{5, 1}, {2, 1}}, "leaf 2 does not come after"},
		{[]Run{{5, 1}, {5, 1}}, "leaf 5 does not come after"},
	} {
		if _, err := ProveLeaves(ctx, mem, tt.runs, 10); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ProveLeaves(%v): got error %v, want one with %q", tt.runs, err, tt.want)
		}
		if err := CheckLeaves(mem.Version(), tt.runs, all, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("CheckLeaves(%v): got error %v, want one with %q", tt.runs, err, tt.want)
		}
	}
	for _, indices := range [][]uint64{{2, 1}, {2, 2}, {0, 5, 4}} {
		if runs, err := Runs(indices...); err == nil {
			t.Errorf("Runs(%v) = %v", indices, runs)
		}
	}
	if runs, err := Runs(0, 1, 2, 5, 7, 8); err != nil || fmt.Sprint(runs) != "[0-2 5 7-8]" {
		t.Errorf("Runs = %v, %v", runs, err)
	}
}

func TestLeavesOfLargestTree(t *testing.T) {
	tree := newUniformTree()
	const size = 1<<64 - 1
	root, err := RootAt(ctx, tree, size)
	if err != nil {
		t.Fatal(err)
	}
	runs := []Run{{0, 2}, {1 << 40, 3}, {1<<63 - 1, 5}, {size - 3, 3}}
	proof, err := ProveLeaves(ctx, tree, runs, size)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckLeaves(Version{size, root}, runs, slices.Repeat([]Hash{tree[0]}, 13), proof); err != nil {
		t.Error(err)
	}
}

// BenchmarkCheckLeaves reports how much one proof for many leaves saves against one proof for each.
func BenchmarkCheckLeaves(b *testing.B) {
	const size = 1 << 20
	rng := rand.New(rand.NewPCG(3, 4))
	mem := memTree(testLeaves(size))
	for _, n := range []int{10, 1000} {
		indices := randomIndices(rng, n, size)
		runs, _ := Runs(indices...)
		hashes := pick(mem.levels[0], indices)
		v := mem.Version()
		proof, err := ProveLeaves(ctx, mem, runs, size)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("clusters=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := CheckLeaves(v, runs, hashes, proof); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(proof))/float64(len(indices)), "hashes/leaf")
			b.ReportMetric(float64(b.N*len(indices))/b.Elapsed().Seconds(), "leaves/s")
		})
	}
}
