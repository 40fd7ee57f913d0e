package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/merkle"
)

// program makes what looks like machine code with calls: words of 4 bytes, some of which say how far away another word is. Where says
// where each of the n functions begins, in words.
func program(n int, insert func(function int) int) []byte {
	var where []int
	at := 0
	for i := range n {
		where = append(where, at)
		at += 40 + insert(i)
	}
	out := noise(4*at, 3)
	for i, begin := range where {
		body := noise(160, uint64(i)+10)
		copy(out[4*begin:], body)
		for k := range 8 {
			place := begin + 3 + 4*k
			binary.LittleEndian.PutUint32(out[4*place:], uint32(4*(where[(i*7+k*131)%n]-place-1)))
		}
	}
	return out
}

// Every profile and grammar plays back the file, and says the same however many cores there are.
func TestProfiles(t *testing.T) {
	old := slices.Concat(text(100<<10, 5), program(500, func(int) int { return 0 }))
	file := slices.Concat(old[:70<<10], []byte("a few new words"), old[71<<10:100<<10], program(500, func(i int) int { return i % 50 / 49 * 3 }))
	d := build(t, nil, BuildOptions{}, old)
	sizes := make(map[Profile]int)
	for p := range Profile(len(profileNames)) {
		for g := range Grammar(len(grammarNames)) {
			o := d.options()
			o.Profile, o.Grammar = p, g
			var out bytes.Buffer
			if _, err := Encode(t.Context(), &out, bytes.NewReader(file), o); err != nil {
				t.Fatal(err)
			}
			for _, ahead := range []bool{false, true} {
				if got, err := decodeStream(t.Context(), out.Bytes(), d.open, ahead); err != nil || !bytes.Equal(got, file) {
					t.Errorf("%v, %v: %d bytes, %v", p, g, len(got), err)
				}
			}
			if got, err := decodeWhole(t.Context(), out.Bytes(), d.open); err != nil || !bytes.Equal(got, file) {
				t.Errorf("%v, %v: %d bytes, %v", p, g, len(got), err)
			}
			sizes[p] = out.Len()
		}
	}
	if sizes[ProfileMax] > sizes[ProfileDefault] || sizes[ProfileDefault] > sizes[ProfileFast] {
		t.Errorf("bytes of templates: %v", sizes)
	}
}

func TestProfileNames(t *testing.T) {
	for p := range Profile(len(profileNames)) {
		if got, err := ParseProfile(p.String()); got != p || err != nil {
			t.Errorf("%v is %v, %v", p, got, err)
		}
	}
	for g := range Grammar(len(grammarNames)) {
		if got, err := ParseGrammar(g.String()); got != g || err != nil {
			t.Errorf("%v is %v, %v", g, got, err)
		}
	}
	if _, err := ParseProfile("best"); !errors.Is(err, ErrOption) {
		t.Errorf("%v", err)
	}
	if _, err := ParseGrammar("lzw"); !errors.Is(err, ErrOption) {
		t.Errorf("%v", err)
	}
	for _, o := range []EncodeOptions{{Profile: 3}, {Grammar: 2}, {Cuts: []int64{-1, 5}}, {Cuts: []int64{7, 5}}} {
		if _, err := Encode(t.Context(), new(bytes.Buffer), bytes.NewReader(nil), o); !errors.Is(err, ErrOption) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// What a dictionary needs is asked for before anything is read, and a name that nobody could read is not written.
func TestDictionaryOptions(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(1000, 1))
	ref := func(m cid.Cid, size uint64) *DictionaryRef { return &DictionaryRef{m, merkle.Version{Size: size}} }
	note := d.tape.blocks[0].CID
	for what, o := range map[string]EncodeOptions{
		"no tape":        {Dictionary: &d.ref, Index: d.index},
		"no index":       {Dictionary: &d.ref, Tape: d.tape},
		"no name":        {Tape: d.tape, Index: d.index},
		"no manifest":    {Dictionary: ref(cid.Undef, 1), Tape: d.tape, Index: d.index},
		"a note":         {Dictionary: ref(note, 1), Tape: d.tape, Index: d.index},
		"no notes":       {Dictionary: ref(d.ref.Manifest, 0), Tape: d.tape, Index: d.index},
		"too many notes": {Dictionary: ref(d.ref.Manifest, 1<<63), Tape: d.tape, Index: d.index},
	} {
		src := readerFunc(func() { t.Errorf("%s: something is read", what) })
		if _, err := Encode(t.Context(), io.Discard, src, o); !errors.Is(err, ErrOption) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, o := range map[string]BuildOptions{"no index": {Base: d.tape}, "no tape": {BaseIndex: d.index}} {
		if _, err := NewBuilder(t.Context(), nil, o); !errors.Is(err, ErrOption) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What cannot be coded grows by no more than 64 bytes and 0.01 %.
func TestGrowth(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(300<<10, 1))
	for _, n := range []int{0, 1, 100, 1000, 1 << 16, 1<<19 + 1} {
		for p := range Profile(len(profileNames)) {
			for _, use := range []*dictionary{nil, d} {
				s := encodeProfile(t, use, noise(n, 99), p)
				if most := n + 64 + n/10000; len(s.template) > most {
					t.Errorf("%v: %d random bytes become %d", p, n, len(s.template))
				}
			}
		}
	}
}
