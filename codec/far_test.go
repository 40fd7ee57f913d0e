package codec

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// Versions of a text that are edited every few hundred bytes cost about what their edits do, also where each is in frames of its own.
func TestVersionsFramesApart(t *testing.T) {
	first := text(1<<20, 1)
	versions := [][]byte{first, edit(first, 600, 2), edit(first, 600, 3)}
	const local = 256 << 10
	var none *dictionary
	apart := len(encodeFrames(t, none, first, 1<<19, local))
	d := build(t, nil, BuildOptions{}, first)
	for _, v := range versions[1:] {
		apart += len(encodeFrames(t, d, v, 1<<19, local))
	}
	file := slices.Concat(versions...)
	together := encodeFrames(t, none, file, 1<<19, local)
	if n := len(together); n > apart*11/10 {
		t.Errorf("the versions take %d bytes together, and %d as the first and what is new against it", n, apart)
	}
	got := make([]byte, len(file))
	if _, err := openTemplate(t, none, together).ReadAt(got, 0); err != nil || !bytes.Equal(got, file) {
		t.Errorf("another file came back: %v", err)
	}
}

// Variants that share 95 of 100 bytes cost at most a tenth more together than the first and what is new in the others, however the rest lies between: everywhere or in some places, in files
// as short as a block or as long as frames.
func TestVariants(t *testing.T) {
	few := func(b []byte, seed uint64) []byte { // bytes here and there become others
		out, r := bytes.Clone(b), rand.New(rand.NewPCG(seed, 3))
		for i := range out {
			if r.IntN(20) == 0 {
				out[i] = byte(r.Uint32())
			}
		}
		return out
	}
	for _, c := range []struct {
		name  string
		first []byte
		vary  func([]byte, uint64) []byte
		local int // bytes of local notes of a frame
	}{
		{"bytes of a short one", text(80<<10, 1), few, 1 << 20},
		{"bytes of a long one", text(500<<10, 2), few, 150 << 10},
		{"edits of a short one", text(80<<10, 3), func(b []byte, seed uint64) []byte { return edit(b, 100, seed) }, 1 << 20},
		{"edits of a long one", text(500<<10, 4), func(b []byte, seed uint64) []byte { return edit(b, 100, seed) }, 150 << 10},
		{"edits of what is noise", noise(100<<10, 5), func(b []byte, seed uint64) []byte { return edit(b, 200, seed) }, 1 << 20},
		{"none", text(100<<10, 6), func(b []byte, _ uint64) []byte { return b }, 1 << 20},
	} {
		variants := [][]byte{c.first, c.vary(c.first, 1), c.vary(c.first, 2)}
		var none *dictionary
		apart := len(encodeCuts(t, none, c.first, nil, c.local))
		d := build(t, nil, BuildOptions{}, c.first)
		for _, v := range variants[1:] {
			apart += len(encodeCuts(t, d, v, nil, c.local))
		}
		file := slices.Concat(variants...)
		first, second := int64(len(variants[0])), int64(len(variants[1]))
		template := encodeCuts(t, none, file, []int64{first, first + second}, c.local)
		if n := len(template); n > apart*11/10+200 {
			t.Errorf("%s: three variants take %d bytes together, and %d as the first and what is new against it", c.name, n, apart)
		}
		if got, err := decodeStream(t.Context(), template, nil, true); err != nil || !bytes.Equal(got, file) {
			t.Errorf("%s: another file came back: %v", c.name, err)
		}
	}
}

// Frames begin at cuts, if what stands before them brought enough; all others are taken no notice of.
func TestCuts(t *testing.T) {
	a, b := noise(40<<10, 1), noise(30<<10, 2)
	file := slices.Concat(a, b, a, b[:20<<10], noise(5000, 3))
	size := int64(len(file))
	for _, c := range []struct {
		cuts []int64
		want []uint64 // begins of frames
	}{
		{nil, []uint64{0}},
		{[]int64{0, size, size + 1}, []uint64{0}},
		{[]int64{40 << 10}, []uint64{0, 40 << 10}},
		{[]int64{100, 40 << 10}, []uint64{0, 40 << 10}},
		{[]int64{40 << 10, 70 << 10, 110 << 10}, []uint64{0, 40 << 10, 70 << 10}},
		{[]int64{40 << 10, 90 << 10}, []uint64{0, 40 << 10, 110 << 10}}, // within what repeats, which is played to its end
	} {
		template := encodeCuts(t, nil, file, c.cuts, 1<<20)
		r := openTemplate(t, nil, template)
		var got []uint64
		for _, e := range r.idx.frames {
			got = append(got, e.start)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("cuts at %v: frames begin at %v, want %v", c.cuts, got, c.want)
		}
		played := make([]byte, len(file))
		if _, err := r.ReadAt(played, 0); err != nil || !bytes.Equal(played, file) {
			t.Errorf("cuts at %v: another file came back: %v", c.cuts, err)
		}
	}
}

// encodeCuts encodes with cuts, and with frames of up to so many bytes of local notes.
func encodeCuts(t testing.TB, d *dictionary, file []byte, cuts []int64, local int) []byte {
	t.Helper()
	o := d.options()
	o.ChunkSize, o.Cuts = 0, cuts
	return encodeLimited(t, o, file, frameLimits{symbols: defaultFrame.symbols, local: local, play: defaultFrame.play})
}
