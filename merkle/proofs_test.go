package merkle

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/testonly"
)

// vectorTree is the tree over the first n leaves of the Certificate Transparency vectors.
func vectorTree(n int) *MemTree {
	t := new(MemTree)
	for _, leaf := range testonly.LeafInputs()[:n] {
		t.Append(LeafHash(leaf))
	}
	return t
}

func inclusionProof(t testing.TB, mem *MemTree, indices ...uint64) *InclusionProof {
	t.Helper()
	runs, err := Runs(indices...)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := ProveLeaves(ctx, mem, runs, mem.Size())
	if err != nil {
		t.Fatal(err)
	}
	return &InclusionProof{mem.Version(), runs, hashes}
}

func consistencyProof(t testing.TB, mem *MemTree, oldSize uint64) *ConsistencyProof {
	t.Helper()
	root, err := RootAt(ctx, mem, oldSize)
	if err != nil {
		t.Fatal(err)
	}
	hashes, err := ProveConsistency(ctx, mem, oldSize, mem.Size())
	if err != nil {
		t.Fatal(err)
	}
	return &ConsistencyProof{Version{oldSize, root}, mem.Version(), hashes}
}

// The proof of leaves 1, 4 and 5 of the seven first vectors, in both forms. Of the tree
//
//	level 3          ┌───── root ─────┐
//	level 2     ┌────┴───┐        ┌───┴───┐
//	level 1   ┌─┴─┐    ┌─┴─┐    ┌─┴─┐     │
//	level 0   0   1    2   3    4   5     6
//
// it takes leaf 0, the node over 2 and 3, and leaf 6, which has risen to level 1.
const goldenInclusionText = `dictnet/1 inclusion proof
size 7
root ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
leaf 1
leaves 4-5
6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e
b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f
`

var goldenInclusionBinary = golden(
	"64 6e 49", "dnI: dictnet, inclusion",
	"01", "format 1",
	"07", "size 7",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "root",
	"02", "two runs",
	"01 01", "after 1 leaf, 1 leaf: leaf 1",
	"02 02", "after 2 leaves more, 2 leaves: leaves 4 and 5",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "leaf 0",
	"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "leaves 2 and 3",
	"b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f", "leaf 6",
)

// From 3 to 7 leaves of the vectors: leaf 2, which ends the old tree, then leaf 3, leaves 0-1, leaves 4-6.
const goldenConsistencyText = `dictnet/1 consistency proof
old size 3
old root aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77
new size 7
new root ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c
0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7
07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7
fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125
837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e
`

var goldenConsistencyBinary = golden(
	"64 6e 43", "dnC: dictnet, consistency",
	"01", "format 1",
	"03", "old size 3",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "old root",
	"07", "new size 7",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "new root",
	"0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7", "leaf 2",
	"07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7", "leaf 3",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", "leaves 0 and 1",
	"837dbb152e9b079010717e84e865da4ebc0fa198a806d59d31bf15accef22d0e", "leaves 4 to 6",
)

// golden joins the hexadecimal bytes of a dump and leaves out what they mean.
func golden(dump ...string) []byte {
	var out []byte
	for i := 0; i < len(dump); i += 2 {
		b, err := hex.DecodeString(strings.ReplaceAll(dump[i], " ", ""))
		if err != nil {
			panic(err)
		}
		out = append(out, b...)
	}
	return out
}

// A document has both forms.
type document interface {
	encoding.TextMarshaler
	encoding.TextUnmarshaler
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

func TestProofGolden(t *testing.T) {
	mem := vectorTree(7)
	for _, tt := range []struct {
		proof, empty document
		text         string
		binary       []byte
	}{
		{inclusionProof(t, mem, 1, 4, 5), new(InclusionProof), goldenInclusionText, goldenInclusionBinary},
		{consistencyProof(t, mem, 3), new(ConsistencyProof), goldenConsistencyText, goldenConsistencyBinary},
	} {
		text, err := tt.proof.MarshalText()
		if err != nil || string(text) != tt.text {
			t.Errorf("text form is\n%s%v\nwant\n%s", text, err, tt.text)
		}
		data, err := tt.proof.MarshalBinary()
		if err != nil || !bytes.Equal(data, tt.binary) {
			t.Errorf("binary form is\n%x %v\nwant\n%x", data, err, tt.binary)
		}
		if err := tt.empty.UnmarshalText([]byte(tt.text)); err != nil || !reflect.DeepEqual(tt.empty, tt.proof) {
			t.Errorf("text read back as %+v, %v", tt.empty, err)
		}
		// What is read into is replaced, not added to.
		if err := tt.empty.UnmarshalBinary(tt.binary); err != nil || !reflect.DeepEqual(tt.empty, tt.proof) {
			t.Errorf("binary read back as %+v, %v", tt.empty, err)
		}
	}
}

func TestProofRoundTrips(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	leaves := testLeaves(400)
	for range 300 {
		mem := memTree(leaves[:rng.IntN(400)+1])
		indices := randomIndices(rng, rng.IntN(12)+1, mem.Size())
		in := inclusionProof(t, mem, indices...)
		con := consistencyProof(t, mem, rng.Uint64N(mem.Size()+1))
		for _, tt := range []struct{ p, q, r document }{
			{in, new(InclusionProof), new(InclusionProof)},
			{con, new(ConsistencyProof), new(ConsistencyProof)},
		} {
			text, err := tt.p.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			data, err := tt.p.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if err := tt.q.UnmarshalText(text); err != nil || !reflect.DeepEqual(tt.q, tt.p) {
				t.Fatalf("text of %+v read back as %+v, %v", tt.p, tt.q, err)
			}
			if err := tt.r.UnmarshalBinary(data); err != nil || !reflect.DeepEqual(tt.r, tt.p) {
				t.Fatalf("binary of %+v read back as %+v, %v", tt.p, tt.r, err)
			}
		}
		if err := in.Check(mem.Version(), pick(leaves, indices)...); err != nil {
			t.Fatal(err)
		}
		if err := con.Check(con.Old, con.New); err != nil {
			t.Fatal(err)
		}
	}
}

// A proof is checked against versions that the caller trusts, never against those it brings along.
func TestProofForAnotherVersion(t *testing.T) {
	mem := vectorTree(7)
	in := inclusionProof(t, mem, 2)
	leaf := mem.levels[0][2]
	for _, trusted := range []Version{{}, {7, EmptyRoot}, {6, in.Version.Root}, vectorTree(6).Version()} {
		var evidence *InclusionError
		if err := in.Check(trusted, leaf); !errors.Is(err, ErrProof) || !errors.As(err, &evidence) || evidence.Version != trusted {
			t.Errorf("proof for %v checked against %v: got error %v", in.Version, trusted, err)
		}
	}
	con := consistencyProof(t, mem, 3)
	for _, trusted := range [][2]Version{{con.New, con.New}, {con.Old, con.Old}, {con.New, con.Old}, {vectorTree(4).Version(), con.New}} {
		var evidence *ConsistencyError
		if err := con.Check(trusted[0], trusted[1]); !errors.Is(err, ErrProof) || !errors.As(err, &evidence) {
			t.Errorf("proof from %v to %v checked against %v: got error %v", con.Old, con.New, trusted, err)
		}
	}
}

func TestProofMarshalRefuses(t *testing.T) {
	mem := vectorTree(7)
	in, con := inclusionProof(t, mem, 2), consistencyProof(t, mem, 3)
	for name, p := range map[string]document{
		"zero inclusion proof":     &InclusionProof{},
		"no leaves":                &InclusionProof{in.Version, nil, in.Hashes},
		"touching runs":            &InclusionProof{in.Version, []Run{{1, 1}, {2, 1}}, in.Hashes},
		"a hash missing":           &InclusionProof{in.Version, in.Leaves, in.Hashes[1:]},
		"zero consistency proof":   &ConsistencyProof{},
		"backwards":                &ConsistencyProof{con.New, con.Old, con.Hashes},
		"one hash more":            &ConsistencyProof{con.Old, con.New, append(slices.Clone(con.Hashes), Hash{})},
		"size 0 with a wrong root": &ConsistencyProof{Version{}, con.New, nil},
	} {
		if text, err := p.MarshalText(); err == nil {
			t.Errorf("%s: has text %q", name, text)
		}
		if data, err := p.MarshalBinary(); err == nil {
			t.Errorf("%s: has bytes %x", name, data)
		}
	}
}

func TestProofTextRefuses(t *testing.T) {
	in, con := goldenInclusionText, goldenConsistencyText
	edit := func(s, old, new string) string {
		if !strings.Contains(s, old) {
			t.Fatalf("no %q to replace", old)
		}
		return strings.Replace(s, old, new, 1)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "line 1: missing"},
		{"title only", "dictnet/1 inclusion proof\n", "line 2: missing"},
		{"other title", edit(in, "dictnet/1", "dictnet/2"), `line 1: "dictnet/2 inclusion proof" is not`},
		{"title of the other kind", con, "line 1:"},
		{"carriage returns", strings.ReplaceAll(in, "\n", "\r\n"), "line 1:"},
		{"no last newline", strings.TrimSuffix(in, "\n"), "line 8: "},
		{"empty line at the end", in + "\n", "line 9: hash"},
		{"more text", in + "more\n", "line 9: hash"},
		{"leading zero", edit(in, "size 7", "size 07"), "line 2:"},
		{"plus sign", edit(in, "size 7", "size +7"), "line 2:"},
		{"size 2^64", edit(in, "size 7", "size 18446744073709551616"), "line 2:"},
		{"space after", edit(in, "size 7", "size 7 "), "line 2:"},
		{"upper case", edit(in, "root ddb8", "root DDB8"), "line 3:"},
		{"root missing", edit(in, "root ", "toor "), "line 3:"},
		{"no leaves", edit(in, "leaf 1\nleaves 4-5\n", ""), "no leaves named"},
		{"run of one as a range", edit(in, "leaf 1", "leaves 1-1"), "line 4: leaves 1-1 are not more than one"},
		{"range backwards", edit(in, "4-5", "5-4"), "line 5:"},
		{"range without end", edit(in, "4-5", "4"), "line 5:"},
		{"all leaves there could be", edit(in, "leaf 1", "leaves 0-18446744073709551615"), "run of no leaves"},
		{"leaf beyond the size", edit(in, "4-5", "4-7"), "does not end within 7 leaves"},
		{"leaves out of order", edit(in, "leaf 1\nleaves 4-5\n", "leaves 4-5\nleaf 1\n"), "does not come after"},
		{"runs that touch", edit(in, "leaf 1", "leaves 1-3"), "leaf 4 does not come after"},
		{"hash missing", edit(in, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d\n", ""), "has 2 hashes, want 3"},
		{"leaf after a hash", in + "leaf 6\n", "line 9:"},
		{"long rubbish", strings.Repeat("x", 1<<20), "line 1:"},
	} {
		p := *inclusionProof(t, vectorTree(2), 0)
		before := p
		err := p.UnmarshalText([]byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		} else if len(err.Error()) > 400 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error is not one short line: %v", tt.name, err)
		}
		if !reflect.DeepEqual(p, before) {
			t.Errorf("%s: changed the proof it failed to read", tt.name)
		}
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "line 1: missing"},
		{"other kind", in, "line 1:"},
		{"sizes swapped", edit(edit(con, "old size 3", "old size 7"), "new size 7", "new size 3"), "larger than the new size"},
		{"size 0 with a root", edit(con, "old size 3", "old size 0"), "size 0 has another root"},
		{"hash twice", con + con[strings.Index(con, "837d"):], "has 5 hashes, want 4"},
		{"fields swapped", edit(con, "old root", "new root"), "line 3:"},
	} {
		p := *consistencyProof(t, vectorTree(2), 1)
		before := p
		err := p.UnmarshalText([]byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
		if !reflect.DeepEqual(p, before) {
			t.Errorf("%s: changed the proof it failed to read", tt.name)
		}
	}
}

func TestProofBinaryRefuses(t *testing.T) {
	in, con := goldenInclusionBinary, goldenConsistencyBinary
	splice := func(at, n int, b ...byte) []byte { return slices.Replace(slices.Clone(in), at, at+n, b...) }
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"other kind", con, "at byte 0: does not begin with"},
		{"format 2", splice(3, 1, 2), "at byte 0:"},
		{"size with a needless byte", splice(4, 1, 0x87, 0), "at byte 4: size is not a varint in its shortest form"},
		{"size of 11 bytes", splice(4, 1, bytes.Repeat([]byte{0xff}, 11)...), "at byte 4: size is not below 2^64"},
		{"size 2^64", splice(4, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2), "at byte 4: size is not below 2^64"},
		{"no runs", splice(37, 5, 0), "no leaves named"},
		{"more runs than bytes", splice(37, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), "runs do not fit"},
		{"a run of no leaves", splice(39, 1, 0), "run of no leaves at leaf 1"},
		{"runs that touch", splice(40, 1, 0), "leaf 2 does not come after"},
		{"leaf beyond 2^64", splice(40, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), "leaf number is not below 2^64"},
		{"leaf beyond the size", splice(41, 1, 4), "does not end within 7 leaves"},
		{"a byte more", append(slices.Clone(in), 0), "at byte 138: last hash is cut short"},
		{"a hash more", append(slices.Clone(in), make([]byte, 32)...), "has 4 hashes, want 3"},
		{"a hash less", in[:len(in)-32], "has 2 hashes, want 3"},
	} {
		p := *inclusionProof(t, vectorTree(2), 0)
		before := p
		err := p.UnmarshalBinary(tt.data)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
		if !reflect.DeepEqual(p, before) {
			t.Errorf("%s: changed the proof it failed to read", tt.name)
		}
	}
	// Cut short anywhere, neither kind is read.
	for n := range in {
		if err := new(InclusionProof).UnmarshalBinary(in[:n]); err == nil {
			t.Errorf("inclusion proof cut to %d bytes was read", n)
		}
	}
	for n := range con {
		if err := new(ConsistencyProof).UnmarshalBinary(con[:n]); err == nil {
			t.Errorf("consistency proof cut to %d bytes was read", n)
		}
	}
	// With a bit flipped anywhere, it may have another meaning, but it is not accepted.
	mem := vectorTree(7)
	for i := range in {
		for bit := range 8 {
			data := slices.Clone(in)
			data[i] ^= 1 << bit
			var p InclusionProof
			if p.UnmarshalBinary(data) == nil && p.Check(mem.Version(), mem.levels[0][1], mem.levels[0][4], mem.levels[0][5]) == nil {
				t.Errorf("inclusion proof with bit %d of byte %d flipped is accepted", bit, i)
			}
		}
	}
	for i := range con {
		for bit := range 8 {
			data := slices.Clone(con)
			data[i] ^= 1 << bit
			var p ConsistencyProof
			if p.UnmarshalBinary(data) == nil && p.Check(vectorTree(3).Version(), mem.Version()) == nil {
				t.Errorf("consistency proof with bit %d of byte %d flipped is accepted", bit, i)
			}
		}
	}
}
