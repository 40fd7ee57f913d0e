package merkle

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

var ctx = context.Background()

// Every pair of sizes up to this many leaves is tried where a test says "all".
const allSizes = 300

func TestRoots(t *testing.T) {
	leaves := testLeaves(allSizes)
	mem := memTree(leaves)
	var tree Tree
	for n := 0; n <= allSizes; n++ {
		want := Version{uint64(n), rfcRoot(leaves[:n])}
		if got := tree.Version(); got != want {
			t.Fatalf("Tree of %d leaves is %v, want %v", n, got, want)
		}
		if got := Root(leaves[:n]); got != want.Root {
			t.Fatalf("Root of %d leaves = %v, want %v", n, got, want.Root)
		}
		if got, err := RootAt(ctx, mem, uint64(n)); err != nil || got != want.Root {
			t.Fatalf("RootAt(%d) = %v, %v, want %v", n, got, err, want.Root)
		}
		if got := memTree(leaves[:n]).Version(); got != want {
			t.Fatalf("MemTree of %d leaves is %v, want %v", n, got, want)
		}
		if n < allSizes {
			tree.Append(leaves[n])
		}
	}
}

func TestTreeAt(t *testing.T) {
	leaves := testLeaves(100)
	mem := memTree(leaves)
	for n := range leaves {
		v := Version{uint64(n), rfcRoot(leaves[:n])}
		tree, err := TreeAt(ctx, mem, v)
		if err != nil {
			t.Fatal(err)
		}
		snapshot := *tree
		for _, h := range leaves[n:] {
			tree.Append(h)
		}
		if got := tree.Version(); got != mem.Version() {
			t.Errorf("from size %d grew to %v, want %v", n, got, mem.Version())
		}
		if got := snapshot.Version(); got != v {
			t.Errorf("copy at size %d became %v", n, got)
		}
		v.Root[31] ^= 1
		if _, err := TreeAt(ctx, mem, v); err == nil {
			t.Errorf("TreeAt(%v) accepted a wrong root", v)
		}
	}
	if _, err := TreeAt(ctx, mem, Version{101, EmptyRoot}); err == nil {
		t.Error("TreeAt accepted a size beyond the tree")
	}
}

// Each leaf of each tree of up to 300 leaves: the prover gives the RFC's path, the check accepts it for this leaf and
// no other.
func TestInclusionAll(t *testing.T) {
	leaves := testLeaves(allSizes)
	mem := memTree(leaves)
	for n := 1; n <= allSizes; n++ {
		v := Version{uint64(n), rfcRoot(leaves[:n])}
		for i := range n {
			proof, err := ProveInclusion(ctx, mem, uint64(i), v.Size)
			if err != nil {
				t.Fatal(err)
			}
			if want := rfcPath(i, leaves[:n]); !slices.Equal(proof, want) {
				t.Fatalf("proof of leaf %d of %d is %v, want %v", i, n, proof, want)
			}
			if err := CheckInclusion(v, uint64(i), leaves[i], proof); err != nil {
				t.Fatal(err)
			}
			other := (i + 1) % n
			if other != i && CheckInclusion(v, uint64(other), leaves[i], proof) == nil {
				t.Fatalf("proof of leaf %d of %d passes at %d", i, n, other)
			}
			if other != i && CheckInclusion(v, uint64(i), leaves[other], proof) == nil {
				t.Fatalf("proof of leaf %d of %d passes for leaf hash %d", i, n, other)
			}
		}
	}
}

// All pairs of sizes up to 300: the prover gives the RFC's proof, and the check accepts it.
func TestConsistencyAll(t *testing.T) {
	leaves := testLeaves(allSizes)
	mem := memTree(leaves)
	roots := make([]Hash, allSizes+1)
	for n := range roots {
		roots[n] = rfcRoot(leaves[:n])
	}
	for n := 0; n <= allSizes; n++ {
		for m := 0; m <= n; m++ {
			proof, err := ProveConsistency(ctx, mem, uint64(m), uint64(n))
			if err != nil {
				t.Fatal(err)
			}
			var want []Hash
			if m > 0 {
				want = rfcSubproof(m, leaves[:n], true)
			}
			if !slices.Equal(proof, want) {
				t.Fatalf("proof from %d to %d is %v, want %v", m, n, proof, want)
			}
			if n > 0 && len(proof) > bits.Len(uint(n-1))+1 {
				t.Fatalf("proof from %d to %d has %d hashes, more than ceil(log2 n)+1", m, n, len(proof))
			}
			if err := CheckConsistency(Version{uint64(m), roots[m]}, Version{uint64(n), roots[n]}, proof); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Whatever single thing is wrong with an honest proof, it is refused.
func TestProofsDamaged(t *testing.T) {
	const size = 70
	leaves := testLeaves(size)
	mem := memTree(leaves)
	version := func(n uint64) Version { return Version{n, rfcRoot(leaves[:n])} }

	damage := func(t *testing.T, proof []Hash, check func([]Hash) error) {
		t.Helper()
		refuse := func(what string, p []Hash) {
			t.Helper()
			if err := check(p); !errors.Is(err, ErrProof) {
				t.Errorf("%s: got error %v, want ErrProof", what, err)
			}
		}
		for i := range proof {
			p := slices.Clone(proof)
			p[i][i%HashSize] ^= 1 << (i % 8)
			refuse(fmt.Sprintf("bit flipped in hash %d", i), p)
			refuse(fmt.Sprintf("hash %d missing", i), slices.Delete(slices.Clone(proof), i, i+1))
			refuse(fmt.Sprintf("hash %d twice", i), slices.Insert(slices.Clone(proof), i, proof[i]))
			if i > 0 {
				p := slices.Clone(proof)
				p[i-1], p[i] = p[i], p[i-1]
				refuse(fmt.Sprintf("hashes %d and %d swapped", i-1, i), p)
			}
		}
		refuse("one hash more", append(slices.Clone(proof), Hash{}))
		refuse("a thousand hashes more", append(slices.Clone(proof), make([]Hash, 1000)...))
	}

	for n := uint64(1); n <= size; n++ {
		for m := range n {
			proof, err := ProveInclusion(ctx, mem, m, n)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, proof, func(p []Hash) error { return CheckInclusion(version(n), m, leaves[m], p) })
			v := version(n)
			v.Root[0] ^= 1
			if CheckInclusion(v, m, leaves[m], proof) == nil {
				t.Errorf("leaf %d of %d: wrong root accepted", m, n)
			}

			proof, err = ProveConsistency(ctx, mem, m, n)
			if err != nil {
				t.Fatal(err)
			}
			damage(t, proof, func(p []Hash) error { return CheckConsistency(version(m), version(n), p) })
			old, new := version(m), version(n)
			old.Root[5] ^= 0x10
			if CheckConsistency(old, new, proof) == nil {
				t.Errorf("from %d to %d: wrong old root accepted", m, n)
			}
			if m > 0 { // from size 0, anything goes: there is nothing to contradict
				old, new := version(m), version(n)
				new.Root[5] ^= 0x10
				if CheckConsistency(old, new, proof) == nil {
					t.Errorf("from %d to %d: wrong new root accepted", m, n)
				}
			}
		}
	}
}

// The adversary that random damage does not imitate: a publisher rewrites one old leaf, grows the rewritten tree, and
// proves with full care that the new version extends the *rewritten* old one. Each hash of this proof is right in the
// rewritten tree, and it leads to the new root; only the check against the old root that was published refuses it.
func TestRewrittenHistory(t *testing.T) {
	const most = 64
	honest := testLeaves(most)
	for m := 1; m < most; m++ {
		old := Version{uint64(m), rfcRoot(honest[:m])}
		for _, changed := range []int{0, m / 2, m - 1} {
			rewritten := slices.Clone(honest)
			rewritten[changed] = LeafHash([]byte("another note"))
			mem := memTree(rewritten)
			for n := m + 1; n <= most; n++ {
				proof, err := ProveConsistency(ctx, mem, old.Size, uint64(n))
				if err != nil {
					t.Fatal(err)
				}
				rewrittenOld := Version{old.Size, rfcRoot(rewritten[:m])}
				new := Version{uint64(n), rfcRoot(rewritten[:n])}
				if err := CheckConsistency(rewrittenOld, new, proof); err != nil {
					t.Fatalf("the adversary's proof is not self-consistent: %v", err)
				}
				err = CheckConsistency(old, new, proof)
				if err == nil {
					t.Fatalf("from %d to %d with leaf %d changed: accepted", m, n, changed)
				}
				// If the old tree is one complete subtree, the check starts from its root and only the new root shows
				// the lie.
				var root *RootError
				if !errors.As(err, &root) || root.Want != old && bits.OnesCount(uint(m)) != 1 {
					t.Fatalf("from %d to %d: refused for another reason than the old root: %v", m, n, err)
				}
				// The same tree with an honest proof in which the first hashes lead to the old root: then the new root
				// differs.
				honestProof, err := ProveConsistency(ctx, memTree(honest), old.Size, uint64(n))
				if err != nil {
					t.Fatal(err)
				}
				if CheckConsistency(old, new, honestProof) == nil {
					t.Fatalf("from %d to %d: honest proof accepted for a rewritten tree", m, n)
				}
			}
		}
	}
}

func TestConsistencyEdges(t *testing.T) {
	leaves := testLeaves(8)
	v := func(n uint64) Version { return Version{n, rfcRoot(leaves[:n])} }
	notEmpty := Version{0, leaves[0]}
	for _, tt := range []struct {
		name     string
		old, new Version
		proof    []Hash
		want     string // part of the error; "" accepts
	}{
		{"empty to empty", v(0), v(0), nil, ""},
		{"empty to any", v(0), v(8), nil, ""},
		{"empty to any, empty slice", v(0), v(8), []Hash{}, ""},
		{"empty with a proof", v(0), v(8), []Hash{v(8).Root}, "proof has 1 hashes, want 0"},
		{"size 0 with a root", notEmpty, v(8), nil, "size 0 has another root"},
		{"size 0 with a zero root", Version{}, v(8), nil, "size 0 has another root"},
		{"to size 0 with a root", v(0), notEmpty, nil, "size 0 has another root"},
		{"same", v(5), v(5), nil, ""},
		{"same with a proof", v(5), v(5), []Hash{{}}, "proof has 1 hashes, want 0"},
		{"same size, other root", v(5), Version{5, v(4).Root}, nil, "equal sizes have different roots"},
		{"backwards", v(5), v(4), nil, "larger"},
		{"to empty", v(5), v(0), nil, "larger"},
		{"without proof", v(4), v(8), nil, "proof has 0 hashes, want 1"},
	} {
		err := CheckConsistency(tt.old, tt.new, tt.proof)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var evidence *ConsistencyError
		if !errors.Is(err, ErrProof) || !errors.As(err, &evidence) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
			continue
		}
		if evidence.Old != tt.old || evidence.New != tt.new || len(evidence.Proof) != len(tt.proof) {
			t.Errorf("%s: the error does not hold what was refused: %+v", tt.name, evidence)
		}
	}
}

func TestInclusionEdges(t *testing.T) {
	leaf := LeafHash([]byte("only"))
	if err := CheckInclusion(Version{1, leaf}, 0, leaf, nil); err != nil {
		t.Errorf("one leaf: %v", err)
	}
	for _, index := range []uint64{1, 2, 1<<64 - 1} {
		err := CheckInclusion(Version{1, leaf}, index, leaf, nil)
		var evidence *InclusionError
		if !errors.Is(err, ErrProof) || !errors.As(err, &evidence) || !slices.Equal(evidence.Leaves, []Run{{index, 1}}) {
			t.Errorf("leaf %d of 1: got error %v", index, err)
		}
	}
	if err := CheckInclusion(Version{0, EmptyRoot}, 0, leaf, nil); err == nil {
		t.Error("a leaf of the empty tree accepted")
	}
	// The root of eight leaves, said to be that of seven: leaf 7 has a path to it, but there is no leaf 7.
	leaves := testLeaves(8)
	path := rfcPath(7, leaves)
	if err := CheckInclusion(Version{8, rfcRoot(leaves)}, 7, leaves[7], path); err != nil {
		t.Error(err)
	}
	if err := CheckInclusion(Version{7, rfcRoot(leaves)}, 7, leaves[7], path); err == nil {
		t.Error("leaf 7 of 7 accepted")
	}
}

// Proofs at the ends of the range of sizes, over a tree with equal leaves, which has 2^64-1 of them without being
// stored.
func TestLargestTrees(t *testing.T) {
	tree := newUniformTree()
	sizes := []uint64{1, 2, 3, 1 << 31, 1<<32 - 1, 1<<32 + 1, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 2, 1<<64 - 1}
	version := func(n uint64) Version {
		root, err := RootAt(ctx, tree, n)
		if err != nil {
			t.Fatal(err)
		}
		return Version{n, root}
	}
	longest := 0
	for _, n := range sizes {
		for _, i := range []uint64{0, 1, n / 3, n / 2, n - 2, n - 1} {
			if i >= n {
				continue
			}
			proof, err := ProveInclusion(ctx, tree, i, n)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckInclusion(version(n), i, tree[0], proof); err != nil {
				t.Error(err)
			}
		}
		for _, m := range append([]uint64{n / 3, n / 2, n - 1}, sizes...) {
			if m > n {
				continue
			}
			proof, err := ProveConsistency(ctx, tree, m, n)
			if err != nil {
				t.Fatal(err)
			}
			longest = max(longest, len(proof))
			if err := CheckConsistency(version(m), version(n), proof); err != nil {
				t.Error(err)
			}
		}
	}
	if longest != 65 {
		t.Errorf("longest consistency proof has %d hashes, want ceil(log2 n)+1 = 65", longest)
	}
}

// brokenReader gives n hashes whatever it is asked for, or an error.
type brokenReader struct {
	n   int
	err error
}

func (r brokenReader) Nodes(context.Context, []NodeID) ([]Hash, error) {
	return make([]Hash, r.n), r.err
}

func TestProversRefuse(t *testing.T) {
	mem := memTree(testLeaves(8))
	lost := errors.New("disk on fire")
	for name, r := range map[string]NodeReader{
		"too few": brokenReader{n: 1}, "too many": brokenReader{n: 10}, "error": brokenReader{n: 2, err: lost},
	} {
		if _, err := ProveInclusion(ctx, r, 2, 4); err == nil {
			t.Errorf("ProveInclusion, %s: no error", name)
		}
		if _, err := ProveConsistency(ctx, r, 3, 5); err == nil {
			t.Errorf("ProveConsistency, %s: no error", name)
		}
		if _, err := RootAt(ctx, r, 3); err == nil {
			t.Errorf("RootAt, %s: no error", name)
		}
	}
	if _, err := RootAt(ctx, brokenReader{err: lost}, 3); !errors.Is(err, lost) {
		t.Errorf("RootAt hides its reader's error: %v", err)
	}
	if _, err := ProveInclusion(ctx, mem, 8, 8); err == nil {
		t.Error("leaf 8 of 8 proved")
	}
	if _, err := ProveInclusion(ctx, mem, 7, 9); err == nil {
		t.Error("leaf proved in a tree beyond the reader")
	}
	if _, err := ProveConsistency(ctx, mem, 8, 7); err == nil {
		t.Error("a smaller tree proved to extend a larger one")
	}
	if _, err := ProveConsistency(ctx, mem, 8, 9); err == nil {
		t.Error("a tree beyond the reader proved")
	}
}
