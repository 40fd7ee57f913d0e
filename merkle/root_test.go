package merkle

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Bulk roots agree with the tree that grows leaf by leaf, at the edges of chunks and with any number of processors.
func TestBulkRoot(t *testing.T) {
	const most = 5*chunk + 3
	const width = 36
	leaves := make([]byte, most*width)
	hashes := make([]Hash, most)
	for i := range hashes {
		leaf := leaves[i*width:][:width]
		leaf[0], leaf[1], leaf[35] = byte(i), byte(i>>8), byte(i*7)
		hashes[i] = LeafHash(leaf)
	}
	want := make([]Hash, most+1)
	var tree Tree
	want[0] = tree.Version().Root
	for i, h := range hashes {
		tree.Append(h)
		want[i+1] = tree.Version().Root
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, procs := range []int{1, 2, 7} {
		runtime.GOMAXPROCS(procs)
		for _, n := range []int{0, 1, 2, 3, 255, chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 2*chunk + 1, 3 * chunk, 5 * chunk, most} {
			if got := Root(hashes[:n]); got != want[n] {
				t.Errorf("Root of %d leaves with %d processors = %v, want %v", n, procs, got, want[n])
			}
			if got := RootOfLeaves(leaves[:n*width], width); got != want[n] {
				t.Errorf("RootOfLeaves of %d leaves with %d processors = %v, want %v", n, procs, got, want[n])
			}
		}
	}
	if got := compactRoot(t, hashes); got != want[most] {
		t.Errorf("transparency-dev has root %v for %d leaves, want %v", got, most, want[most])
	}
}

func TestRootOfLeavesPanics(t *testing.T) {
	for _, width := range []int{-1, 0, 3} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("width %d: no panic for 8 bytes", width)
				}
			}()
			RootOfLeaves(make([]byte, 8), width)
		}()
	}
}

// Root must not change what it reads.
func TestRootLeavesInputAlone(t *testing.T) {
	for _, n := range []int{2, 3, chunk, chunk + 1, 3 * chunk} {
		hashes := testLeaves(n)
		Root(hashes)
		for i, h := range testLeaves(n) {
			if hashes[i] != h {
				t.Fatalf("leaf hash %d of %d was changed", i, n)
			}
		}
	}
}

// The memory taken does not grow with the leaves but for one hash in 4096.
func TestRootAllocations(t *testing.T) {
	const n = 64 * chunk
	hashes := make([]Hash, n)
	leaves := make([]byte, 36*n)
	for _, tt := range []struct {
		name   string
		root   func()
		hashes int
	}{
		{"Root", func() { Root(hashes) }, n},
		{"RootOfLeaves", func() { RootOfLeaves(leaves, 36) }, 2 * n},
	} {
		most := float64(20 + 20*runtime.GOMAXPROCS(0) + allocationsPerHash*tt.hashes)
		if got := testing.AllocsPerRun(3, tt.root); got > most {
			t.Errorf("%s of %d leaves makes %v allocations, want at most %v", tt.name, n, got, most)
		}
	}
	var tree Tree
	if n := testing.AllocsPerRun(1000, func() { tree.Append(hashes[0]) }); n != 0 {
		t.Errorf("Tree.Append makes %v allocations", n)
	}
}

// The hasher for messages of one length agrees with crypto/sha256 at the edges of blocks, and without its fast way too.
func TestFixedHasher(t *testing.T) {
	for n := 1; n <= 3*sha256.BlockSize; n++ {
		for _, fast := range []bool{true, false} {
			h := newFixedHasher(7, n)
			if h.state == nil {
				t.Errorf("no fast way for %d bytes: has crypto/sha256 changed the layout of its state?", n)
			}
			if !fast {
				h.state = nil
			}
			for round := range 3 {
				msg := bytes.Repeat([]byte{byte(round)}, n)
				msg[0] = 7
				copy(h.msg[1:h.n], msg[1:])
				if got, want := h.sum(), Hash(sha256.Sum256(msg)); got != want {
					t.Errorf("hash of %d bytes, fast %v, is %v, want %v", n, fast, got, want)
				}
			}
		}
	}
	// A state that cannot be had is done without.
	h := newNodeHasher()
	h.state = noState{}
	l, r := LeafHash([]byte("l")), LeafHash([]byte("r"))
	if got, want := h.node(&l, &r), NodeHash(l, r); got != want {
		t.Errorf("node hash is %v, want %v", got, want)
	}
	if got, want := newLeafHasher(1).leaf([]byte("l")), l; got != want {
		t.Errorf("leaf hash is %v, want %v", got, want)
	}
}

type noState struct{}

func (noState) AppendBinary([]byte) ([]byte, error) { return nil, errors.ErrUnsupported }

const benchLeaves = 1 << 15

// BenchmarkRoot compares bulk roots with transparency-dev's compact.Range, from leaf hashes and from 32-byte leaves.
// The sides take turns, and the ratio is that of their best times, so that other work on the machine falls on both.
func BenchmarkRoot(b *testing.B) {
	hashes := testLeaves(benchLeaves)
	flat := appendHashes(nil, hashes)
	compare := func(name string, ours, theirs func() Hash) {
		b.Run(name, func(b *testing.B) {
			best := [2]time.Duration{1 << 62, 1 << 62}
			var roots [2]Hash
			for b.Loop() {
				for i, f := range []func() Hash{ours, theirs} {
					start := time.Now()
					roots[i] = f()
					best[i] = min(best[i], time.Since(start))
				}
			}
			if roots[0] != roots[1] {
				b.Fatalf("root is %v, want %v", roots[0], roots[1])
			}
			b.ReportMetric(benchLeaves/best[0].Seconds(), "leaves/s")
			b.ReportMetric(benchLeaves/best[1].Seconds(), "compact.Range-leaves/s")
			b.ReportMetric(float64(best[1])/float64(best[0]), "x-compact.Range")
		})
	}
	compare("hashes", func() Hash { return Root(hashes) }, func() Hash { return compactRoot(b, hashes) })
	compare("leaves", func() Hash { return RootOfLeaves(flat, HashSize) }, func() Hash {
		f := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
		r := f.NewEmptyRange(0)
		for i := range benchLeaves {
			if err := r.Append(rfc6962.DefaultHasher.HashLeaf(flat[i*HashSize:][:HashSize]), nil); err != nil {
				b.Fatal(err)
			}
		}
		root, err := r.GetRootHash(nil)
		if err != nil {
			b.Fatal(err)
		}
		return Hash(root)
	})
}

func BenchmarkTreeAppend(b *testing.B) {
	var tree Tree
	h := LeafHash(nil)
	b.ReportAllocs()
	for b.Loop() {
		tree.Append(h)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "leaves/s")
}
