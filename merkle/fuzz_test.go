package merkle

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"
)

// The named seeds of these targets are in testdata/fuzz. They run with every go test; go test -fuzz NAME looks for
// more.

// FuzzAgainstOthers grows a tree and asks three implementations for its root and its proofs.
func FuzzAgainstOthers(f *testing.F) {
	f.Fuzz(func(t *testing.T, leaves []byte, oldSize, index uint16) {
		if len(leaves) == 0 || len(leaves) > 5000 {
			return
		}
		n := uint64(len(leaves))
		m, i := uint64(oldSize)%n+1, uint64(index)%n
		hashes := make([]Hash, n)
		for j, b := range leaves {
			hashes[j] = LeafHash([]byte{b})
			if theirs := tlog.RecordHash([]byte{b}); Hash(theirs) != hashes[j] {
				t.Fatalf("hash of leaf %d is %v, tlog has %v", j, hashes[j], theirs)
			}
		}
		mem := memTree(hashes)
		theirs := tlogNodes(mem)
		version := func(size uint64) Version {
			root, err := tlog.TreeHash(int64(size), theirs)
			if err != nil {
				t.Fatal(err)
			}
			if got := Root(hashes[:size]); got != Hash(root) {
				t.Fatalf("root of %d leaves is %v, tlog has %v", size, got, root)
			}
			if got := compactRoot(t, hashes[:size]); got != Hash(root) {
				t.Fatalf("root of %d leaves is %v, transparency-dev has %v", size, root, got)
			}
			return Version{size, Hash(root)}
		}
		old, new := version(m), version(n)

		path, err := ProveInclusion(ctx, mem, i, n)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := tlog.ProveRecord(int64(n), int64(i), theirs); err != nil || !slices.Equal(toTlog(path), want) {
			t.Fatalf("path of leaf %d of %d differs from tlog's", i, n)
		}
		if err := CheckInclusion(new, i, hashes[i], path); err != nil {
			t.Fatal(err)
		}
		steps, err := ProveConsistency(ctx, mem, m, n)
		if err != nil {
			t.Fatal(err)
		}
		if want, err := tlog.ProveTree(int64(n), int64(m), theirs); err != nil || !slices.Equal(toTlog(steps), want) {
			t.Fatalf("proof from %d to %d differs from tlog's", m, n)
		}
		if err := CheckConsistency(old, new, steps); err != nil {
			t.Fatal(err)
		}
	})
}

// hashesOf cuts bytes into at most 70 hashes, the last one filled up with zeros.
func hashesOf(data []byte) []Hash {
	var hashes []Hash
	for len(data) > 0 && len(hashes) < 70 {
		var h Hash
		data = data[copy(h[:], data):]
		hashes = append(hashes, h)
	}
	return hashes
}

// FuzzCheckInclusion gives any proof, with a root that makes it true if its length allows, to three implementations:
// they agree.
func FuzzCheckInclusion(f *testing.F) {
	f.Fuzz(func(t *testing.T, index, size uint64, leaf, path []byte, flip uint16) {
		size &= 1<<62 - 1 // tlog's sizes are signed
		hashes := hashesOf(path)
		leafHash := LeafHash(leaf)
		var root Hash
		if r, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, index, size, leafHash[:], toSlices(hashes)); err == nil {
			root = Hash(r)
		}
		if flip != 0 {
			root[flip%HashSize] ^= byte(flip >> 8)
		}
		ours := CheckInclusion(Version{size, root}, index, leafHash, hashes)
		theirs := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leafHash[:], toSlices(hashes), root[:])
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("leaf %d of %d: we say %v, transparency-dev says %v", index, size, ours, theirs)
		}
		if index < 1<<62 {
			if theirs := tlog.CheckRecord(toTlog(hashes), int64(size), tlog.Hash(root), int64(index), tlog.Hash(leafHash)); (ours == nil) != (theirs == nil) {
				t.Fatalf("leaf %d of %d: we say %v, tlog says %v", index, size, ours, theirs)
			}
		}
	})
}

// FuzzCheckConsistency damages an honest proof and both roots, or not, and asks three implementations: they agree.
func FuzzCheckConsistency(f *testing.F) {
	all := memTree(testLeaves(1 << 10))
	f.Fuzz(func(t *testing.T, oldSize, newSize uint16, mask, oldMask, newMask []byte, drop uint8) {
		n := uint64(newSize)%(1<<10) + 1
		m := uint64(oldSize)%n + 1 // others know no proof from size 0
		steps, err := ProveConsistency(ctx, all, m, n)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range mask {
			if i/HashSize < len(steps) {
				steps[i/HashSize][i%HashSize] ^= b
			} else if len(steps) < 70 {
				steps = append(steps, Hash{b})
			}
		}
		steps = steps[min(int(drop), len(steps)):]
		version := func(size uint64, mask []byte) Version {
			root, err := RootAt(ctx, all, size)
			if err != nil {
				t.Fatal(err)
			}
			for i, b := range mask {
				root[i%HashSize] ^= b
			}
			return Version{size, root}
		}
		old, new := version(m, oldMask), version(n, newMask)
		ours := CheckConsistency(old, new, steps)
		theirs := proof.VerifyConsistency(rfc6962.DefaultHasher, m, n, toSlices(steps), old.Root[:], new.Root[:])
		if (ours == nil) != (theirs == nil) {
			t.Fatalf("from %v to %v: we say %v, transparency-dev says %v", old, new, ours, theirs)
		}
		if theirs := tlog.CheckTree(toTlog(steps), int64(n), tlog.Hash(new.Root), int64(m), tlog.Hash(old.Root)); (ours == nil) != (theirs == nil) {
			t.Fatalf("from %v to %v: we say %v, tlog says %v", old, new, ours, theirs)
		}
	})
}

// FuzzLeaves proves any set of leaves, compares the proof with the definition, and damages it in one place.
func FuzzLeaves(f *testing.F) {
	all := testLeaves(1 << 9)
	mem := memTree(all)
	f.Fuzz(func(t *testing.T, size uint16, set []byte, flip uint16) {
		n := uint64(size)%uint64(len(all)) + 1
		var indices []uint64
		for i := range n {
			if i/8 < uint64(len(set)) && set[i/8]>>(i%8)&1 == 1 {
				indices = append(indices, i)
			}
		}
		if len(indices) == 0 {
			return
		}
		runs, err := Runs(indices...)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := ProveLeaves(ctx, mem, runs, n)
		if err != nil {
			t.Fatal(err)
		}
		if want := leavesByDefinition(indices, all[:n]); !slices.Equal(steps, want) {
			t.Fatalf("proof of leaves %v of %d is %v, want %v", runs, n, steps, want)
		}
		v := Version{n, Root(all[:n])}
		hashes := pick(all, indices)
		if err := CheckLeaves(v, runs, hashes, steps); err != nil {
			t.Fatal(err)
		}
		if at := int(flip); at < len(hashes) {
			hashes[at][at%HashSize] ^= 1
		} else if at -= len(hashes); at < len(steps) {
			steps[at][at%HashSize] ^= 1
		} else {
			v.Root[at%HashSize] ^= 1
		}
		if CheckLeaves(v, runs, hashes, steps) == nil {
			t.Fatalf("damaged proof of leaves %v of %d accepted", runs, n)
		}
	})
}

// What a parser accepts has one form: it is written back byte for byte, and in the other form it has the same meaning.
func checkForms(t *testing.T, p, q document, fromText bool, data []byte) {
	t.Helper()
	text, err := p.MarshalText()
	if err != nil {
		t.Fatalf("cannot write what was read: %v", err)
	}
	bin, err := p.MarshalBinary()
	if err != nil {
		t.Fatalf("cannot write what was read: %v", err)
	}
	if fromText && !bytes.Equal(text, data) || !fromText && !bytes.Equal(bin, data) {
		t.Fatalf("%q was read, and written back as %q and %q", data, text, bin)
	}
	if fromText {
		err = q.UnmarshalBinary(bin)
	} else {
		err = q.UnmarshalText(text)
	}
	if err != nil || !reflect.DeepEqual(p, q) {
		t.Fatalf("%+v in the other form is %+v, %v", p, q, err)
	}
}

func FuzzInclusionText(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, q InclusionProof
		if p.UnmarshalText(data) == nil {
			checkForms(t, &p, &q, true, data)
			p.Check(p.Version, p.Hashes...)
		}
	})
}

func FuzzInclusionBinary(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, q InclusionProof
		if p.UnmarshalBinary(data) == nil {
			checkForms(t, &p, &q, false, data)
			p.Check(p.Version, p.Hashes...)
		}
	})
}

func FuzzConsistencyText(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, q ConsistencyProof
		if p.UnmarshalText(data) == nil {
			checkForms(t, &p, &q, true, data)
			p.Check(p.Old, p.New)
		}
	})
}

func FuzzConsistencyBinary(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		var p, q ConsistencyProof
		if p.UnmarshalBinary(data) == nil {
			checkForms(t, &p, &q, false, data)
			p.Check(p.Old, p.New)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := ParseHash(s); err == nil && h.String() != s {
			t.Fatalf("%q was read, and written back as %q", s, h)
		}
	})
}

// FuzzParseTilePath compares with x/mod, which has one path element more and knows no largest tree.
func FuzzParseTilePath(f *testing.F) {
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := ParseTilePath(path)
		theirs, theirErr := tlog.ParseTilePath(strings.Replace(path, "tile/", "tile/8/", 1))
		if err != nil {
			if theirErr == nil && theirs.L >= 0 && theirs.H == 8 && (Tile{uint8(min(theirs.L, 64)), uint64(theirs.N), theirs.W}).valid() {
				t.Fatalf("%q is %+v to tlog, not to us: %v", path, theirs, err)
			}
			return
		}
		if tile.Path() != path {
			t.Fatalf("%q was read, and written back as %q", path, tile)
		}
		if theirErr != nil || theirs != (tlog.Tile{H: 8, L: int(tile.Level), N: int64(tile.Index), W: tile.Width}) {
			t.Fatalf("%q is %+v to us, %+v (%v) to tlog", path, tile, theirs, theirErr)
		}
	})
}

// FuzzTileReader overwrites bytes of one tile, which may make it longer or shorter: whatever the reader returns is
// right.
func FuzzTileReader(f *testing.F) {
	const most = 1200
	mem := memTree(testLeaves(most))
	f.Fuzz(func(t *testing.T, size, tile, at uint16, bytes []byte, cut bool, ask uint64) {
		n := uint64(size)%most + 1
		root, err := RootAt(ctx, mem, n)
		if err != nil {
			t.Fatal(err)
		}
		files := tilesOf(t, mem, n)
		tiles := slices.Collect(NewTiles(0, n))
		path := tiles[int(tile)%len(tiles)].Path()
		data := files[path].Data
		from := int(at) % len(data)
		bad := append(slices.Clone(data[:from]), bytes...)
		if !cut && len(bad) < len(data) {
			bad = append(bad, data[len(bad):]...)
		}
		files[path] = &fstest.MapFile{Data: bad}

		r := NewTileReader(Version{n, root}, TilesIn(files))
		rng := rand.New(rand.NewPCG(ask, 0))
		for range 3 {
			level := uint8(rng.UintN(11))
			if n>>level == 0 {
				continue
			}
			id := NodeID{level, rng.Uint64N(n >> level)}
			if got, err := r.Nodes(ctx, []NodeID{id}); err == nil && got[0] != mem.levels[level][id.Index] {
				t.Fatalf("%s damaged: node %v is %v, want %v", path, id, got[0], mem.levels[level][id.Index])
			}
		}
	})
}

func FuzzParseEntries(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		leaves, err := ParseEntries(data)
		if err != nil {
			return
		}
		var bundle []byte
		for _, leaf := range leaves {
			if bundle, err = AppendEntry(bundle, leaf); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(bundle, data) {
			t.Fatalf("%x was read, and written back as %x", data, bundle)
		}
	})
}

// FuzzRoot folds any number of leaves of any width.
func FuzzRoot(f *testing.F) {
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, width uint8) {
		count := int(n) % (3*chunk + 2)
		w := int(width)%200 + 1
		leaves := make([]byte, count*w)
		for i := range leaves {
			leaves[i] = byte(seed >> (i % 57))
		}
		var tree Tree
		hashes := make([]Hash, count)
		for i := range hashes {
			if count > 0 && w >= 2 {
				binary.LittleEndian.PutUint16(leaves[i*w:], uint16(i))
			}
			hashes[i] = LeafHash(leaves[i*w:][:w])
			tree.Append(hashes[i])
		}
		want := tree.Version().Root
		if got := Root(hashes); got != want {
			t.Fatalf("Root of %d leaves is %v, want %v", count, got, want)
		}
		if got := RootOfLeaves(leaves, w); got != want {
			t.Fatalf("RootOfLeaves of %d leaves of %d bytes is %v, want %v", count, w, got, want)
		}
	})
}
