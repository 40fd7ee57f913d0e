package merkle

import (
	"context"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	"golang.org/x/mod/sumdb/tlog"
)

// Others have built this tree before. Their vectors and their code must agree with ours in both directions.

// tlogNodes lets x/mod's provers read our nodes.
func tlogNodes(r NodeReader) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		ids := make([]NodeID, len(indexes))
		for i, x := range indexes {
			level, n := tlog.SplitStoredHashIndex(x)
			ids[i] = NodeID{uint8(level), uint64(n)}
		}
		hashes, err := r.Nodes(context.Background(), ids)
		return toTlog(hashes), err
	})
}

func toTlog(hashes []Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = tlog.Hash(h)
	}
	return out
}

func toSlices(hashes []Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// The Certificate Transparency vectors: eight leaves, every root, every complete node.
func TestCertificateTransparencyVectors(t *testing.T) {
	var mem MemTree
	if got := testonly.EmptyRootHash(); Hash(got) != EmptyRoot {
		t.Errorf("empty root is %x", got)
	}
	for i, leaf := range testonly.LeafInputs() {
		mem.Append(LeafHash(leaf))
		if want := Hash(testonly.RootHashes()[i+1]); mem.Version().Root != want {
			t.Errorf("root of %d leaves is %v, want %v", i+1, mem.Version().Root, want)
		}
		ids := appendCover(nil, 0, uint64(i+1))
		got, err := mem.Nodes(ctx, ids)
		if err != nil {
			t.Fatal(err)
		}
		if want := testonly.CompactTrees()[i+1]; !slices.EqualFunc(got, want, func(h Hash, b []byte) bool { return h == Hash(b) }) {
			t.Errorf("compact tree of %d leaves is %v, want %x", i+1, got, want)
		}
	}
	for level, hashes := range testonly.NodeHashes() {
		for index, want := range hashes {
			got, err := mem.Nodes(ctx, []NodeID{{uint8(level), uint64(index)}})
			if err != nil || got[0] != Hash(want) {
				t.Errorf("node %d/%d is %v, %v, want %x", level, index, got, err, want)
			}
		}
	}
}

// All pairs of sizes up to 300, against golang.org/x/mod/sumdb/tlog and transparency-dev/merkle: equal proofs, and each
// accepts ours.
func TestAgainstOthersAll(t *testing.T) {
	leaves := testLeaves(allSizes)
	mem := memTree(leaves)
	theirs := tlogNodes(mem)
	roots := make([]Hash, allSizes+1)
	for n := range roots {
		roots[n] = Root(leaves[:n])
	}
	for n := int64(1); n <= allSizes; n++ {
		root, err := tlog.TreeHash(n, theirs)
		if err != nil || Hash(root) != roots[n] {
			t.Fatalf("tlog has root %v, %v for %d leaves, want %v", root, err, n, roots[n])
		}
		for m := range n {
			ours, err := ProveInclusion(ctx, mem, uint64(m), uint64(n))
			if err != nil {
				t.Fatal(err)
			}
			want, err := tlog.ProveRecord(n, m, theirs)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(toTlog(ours), want) {
				t.Fatalf("leaf %d of %d: proof differs from tlog's", m, n)
			}
			if err := tlog.CheckRecord(toTlog(ours), n, root, m, tlog.Hash(leaves[m])); err != nil {
				t.Fatalf("leaf %d of %d: tlog: %v", m, n, err)
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(m), uint64(n), leaves[m][:], toSlices(ours), roots[n][:]); err != nil {
				t.Fatalf("leaf %d of %d: transparency-dev: %v", m, n, err)
			}
		}
		for m := int64(1); m <= n; m++ {
			ours, err := ProveConsistency(ctx, mem, uint64(m), uint64(n))
			if err != nil {
				t.Fatal(err)
			}
			want, err := tlog.ProveTree(n, m, theirs)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(toTlog(ours), want) {
				t.Fatalf("from %d to %d: proof differs from tlog's", m, n)
			}
			if err := tlog.CheckTree(toTlog(ours), n, root, m, tlog.Hash(roots[m])); err != nil {
				t.Fatalf("from %d to %d: tlog: %v", m, n, err)
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(m), uint64(n), toSlices(ours), roots[m][:], roots[n][:]); err != nil {
				t.Fatalf("from %d to %d: transparency-dev: %v", m, n, err)
			}
		}
	}
}

// compactRoot is the root as transparency-dev/merkle computes it in bulk.
func compactRoot(t testing.TB, leafHashes []Hash) Hash {
	f := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	r := f.NewEmptyRange(0)
	for i := range leafHashes {
		if err := r.Append(leafHashes[i][:], nil); err != nil {
			t.Fatal(err)
		}
	}
	root, err := r.GetRootHash(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Hash(root)
}
