package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// fencedTape is a tape of which only parts can be had, note by note.
type fencedTape struct {
	Tape
	parts []Span
}

var errFence = errors.New("outside the parts")

func (t fencedTape) NoteAt(ctx context.Context, pos uint64) (uint64, []byte, error) {
	start, raw, err := t.Tape.NoteAt(ctx, pos)
	if err == nil && len(within(t.parts).outside([]Span{{start, uint64(len(raw))}})) > 0 {
		return 0, nil, fmt.Errorf("byte %d: %w", pos, errFence)
	}
	return start, raw, err
}

// notesOf returns the span of notes first to last.
func (d *dictionary) notesOf(first, last int) Span {
	from, end := d.tape.starts[first], d.tape.starts[last]+uint64(d.tape.blocks[last].RawLen)
	return Span{from, end - from}
}

// A template that is made within parts of a tape is decoded by who has only these.
func TestWithin(t *testing.T) {
	a, b, c := text(40<<10, 1), text(35<<10, 2), text(60<<10, 3)
	d := buildLabelled(t, nil, BuildOptions{Placed: func(int, Span) {}}, []int{1, 2, 3}, a, b, c)
	notes := len(d.tape.blocks)
	border := func(pos int) int {
		i, _ := slices.BinarySearch(d.tape.starts, uint64(pos))
		return i
	}
	afterA, afterB := border(len(a)), border(len(a)+len(b))
	if d.tape.starts[afterA] != uint64(len(a)) || d.tape.starts[afterB] != uint64(len(a)+len(b)) {
		t.Fatal("samples with different labels share a note")
	}
	r := rand.New(rand.NewPCG(1, 1))
	edited := func(b []byte, every int) (out []byte) {
		for len(b) > 0 {
			n := min(len(b), 1+r.IntN(2*every))
			out = append(append(out, b[:n]...), fmt.Sprintf("<%d>", r.IntN(1e6))...)
			b = b[min(len(b), n+r.IntN(20)):]
		}
		return out
	}
	files := map[string][]byte{
		"a":                 a,
		"b edited":          edited(b, 5000),
		"all edited":        slices.Concat(edited(c, 3000), edited(b, 700), edited(a, 9000)),
		"new at both ends":  slices.Concat(text(9000, 4), a, text(9000, 5), b, text(9000, 6)),
		"ends of the parts": slices.Concat(a[len(a)-3000:], text(100, 7), b[:3000], text(5000, 8), c[len(c)-2000:], text(5000, 9), a[:2000]),
		"new":               text(10<<10, 10),
	}
	for name, parts := range map[string][]Span{
		"all":     {d.notesOf(0, notes-1)},
		"a and c": {d.notesOf(afterB, notes-1), d.notesOf(0, afterA-1)},
		"b":       {d.notesOf(afterA, afterB-1)},
		"one":     {d.notesOf(1, 1)},
		"none":    {},
	} {
		for what, file := range files {
			for _, profile := range []Profile{ProfileDefault, ProfileFast, ProfileMax} {
				o := EncodeOptions{Dictionary: &d.ref, Tape: d.tape, Index: d.index, Profile: profile, Within: parts}
				if profile == ProfileMax && what != "ends of the parts" {
					continue // slow
				}
				var out bytes.Buffer
				stats, err := Encode(t.Context(), &out, bytes.NewReader(file), o)
				if err != nil {
					t.Fatal(err)
				}
				fenced := fencedTape{d.tape, JoinSpans(parts)}
				open := func(context.Context, DictionaryName) (Tape, error) { return fenced, nil }
				rd, err := NewReaderAt(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), open)
				if err != nil {
					t.Fatal(err)
				}
				var back bytes.Buffer
				if _, err := rd.WriteTo(&back); err != nil || !bytes.Equal(back.Bytes(), file) {
					t.Fatalf("%s within %s, %v: %v", what, name, profile, err)
				}
				dec, err := NewDecoder(t.Context(), bytes.NewReader(out.Bytes()), open)
				if err != nil {
					t.Fatal(err)
				}
				back.Reset()
				if _, err := dec.WriteTo(&back); err != nil || !bytes.Equal(back.Bytes(), file) {
					t.Fatalf("%s within %s, %v, as a stream: %v", what, name, profile, err)
				}
				dec.Close()
				for s, err := range rd.Wanted() {
					if err != nil || len(within(fenced.parts).outside([]Span{s})) > 0 {
						t.Fatalf("%s within %s, %v: wants %v, %v", what, name, profile, s, err)
					}
				}
				switch {
				case name == "all":
					o.Within = nil
					var free bytes.Buffer
					if _, err := Encode(t.Context(), &free, bytes.NewReader(file), o); err != nil || !bytes.Equal(free.Bytes(), out.Bytes()) {
						t.Errorf("%s: all of the tape gives another template than no parts: %v", what, err)
					}
				case name == "none" && stats.Tape > 0:
					t.Errorf("%s: %d bytes of a tape of which nothing may be used", what, stats.Tape)
				case name == "a and c" && what == "all edited" && stats.Tape < int64(len(a)+len(c))*3/4:
					t.Errorf("%s within %s: only %d bytes of the tape", what, name, stats.Tape)
				}
			}
		}
	}
}

// Parts that are not of the tape are refused: who reads on behind its end has an error of the tape, which says nothing of the parts, or finds nothing.
func TestPartsBeyondTheTape(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(10000, 1))
	file := tapeBytes(t, d.tape)
	size := d.tape.size
	for _, part := range []Span{{0, size + 1}, {5000, math.MaxUint64}, {size, 1}, {size + 1, 0}, {math.MaxUint64, math.MaxUint64}} {
		o := d.options()
		o.Within = []Span{{0, 1000}, part}
		if _, err := Encode(t.Context(), io.Discard, bytes.NewReader(file), o); !errors.Is(err, ErrOption) {
			t.Errorf("%v of %d bytes: %v", part, size, err)
		}
	}
	o := d.options()
	o.Within = []Span{{0, size}, {size, 0}}
	if stats, err := Encode(t.Context(), io.Discard, bytes.NewReader(file), o); err != nil || stats.Tape != int64(size) {
		t.Errorf("all of it: %v, %v", stats, err)
	}
}

// What was left out of references costs little: what is new in a file is coded against what it replaces, though the tape goes on with what may not be used.
func TestWithinKeepsReferences(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	a := noise(200<<10, 1)
	changed := bytes.Clone(a)
	for i := 0; i < len(changed); i += 1 + r.IntN(60) {
		changed[i]++
	}
	x, y := text(20<<10, 3), text(30<<10, 4)
	d := buildLabelled(t, nil, BuildOptions{Placed: func(int, Span) {}}, []int{1, 2}, slices.Concat(x, a, y), noise(300<<10, 2))
	file := slices.Concat(x, changed, y, text(3000, 5)) // its last local note is not closed: the reference would go on behind the part
	n, _ := slices.BinarySearch(d.tape.starts, uint64(250<<10))
	size := func(parts []Span) int {
		var out bytes.Buffer
		if _, err := Encode(t.Context(), &out, bytes.NewReader(file), EncodeOptions{Dictionary: &d.ref, Tape: d.tape, Index: d.index, Within: parts}); err != nil {
			t.Fatal(err)
		}
		return out.Len()
	}
	free, within := size(nil), size([]Span{d.notesOf(0, n-1)})
	if none := size([]Span{}); within > free+100 || none < 3*free {
		t.Errorf("%d bytes within a part that holds all, %d without parts, %d with nothing of the tape", within, free, none)
	}
}

func TestOutside(t *testing.T) {
	for _, c := range []struct {
		parts within
		spans []Span
		want  []Span
	}{
		{nil, []Span{{1, 5}}, nil},
		{within{}, []Span{{1, 5}, {8, 1}}, []Span{{1, 5}, {8, 1}}},
		{within{{0, 10}}, []Span{{1, 5}, {8, 4}, {20, 1}}, []Span{{10, 2}, {20, 1}}},
		{within{{2, 2}, {6, 2}, {30, 1}}, []Span{{0, 10}, {29, 3}}, []Span{{0, 2}, {4, 2}, {8, 2}, {29, 1}, {31, 1}}},
		{within{{2, 2}}, []Span{{0, 3}, {3, 1}}, []Span{{0, 2}}},
	} {
		if got := c.parts.outside(c.spans); !slices.Equal(got, c.want) {
			t.Errorf("%v outside %v: %v, want %v", c.spans, c.parts, got, c.want)
		}
	}
	w := withinOf([]Span{{30, 10}, {10, 5}, {15, 5}})
	for pos, want := range map[uint64][2]uint64{5: {5, 5}, 10: {10, 20}, 11: {10, 20}, 20: {10, 20}, 21: {21, 21}, 30: {30, 40}, 40: {30, 40}} {
		if b, e := w.begin(pos), w.end(pos, 0); b != want[0] || e != want[1] && pos != want[1] {
			t.Errorf("around %d: %d to %d, want %v", pos, b, e, want)
		}
	}
	if got := w.only([]uint64{5, 10, 20, 21, 25, 35, 41}); !slices.Equal(got, []uint64{10, 20, 35}) {
		t.Error(got)
	}
}

// hostileHoles are holes in a tape of 100 bytes that a stranger may write.
var hostileHoles = map[string]struct{ raw, want string }{
	"none":            {"\x00", "number of holes is 0"},
	"too many":        {"\x81\x80\x04", "number of holes is 65537"},
	"cut short":       {"\x02\x01\x01\x01", "cut short"},
	"empty":           {"\x01\x05\x00", "no bytes"},
	"touching":        {"\x02\x05\x01\x00\x01", "touches"},
	"beyond the tape": {"\x01\x64\x01", "length of a hole"},
	"far beyond":      {"\x01\x65\x01", "place of a hole"},
	"too long":        {"\x01\x05\x7f", "length of a hole"},
}

func TestHostileHoles(t *testing.T) {
	for name, test := range hostileHoles {
		f := fields{b: []byte(test.raw)}
		parseHoles(&f, 100)
		f.end("head")
		if f.err == nil || !strings.Contains(f.err.Error(), test.want) || !errors.Is(f.err, ErrTemplate) {
			t.Errorf("%s: %v, want one about %q", name, f.err, test.want)
		}
	}
	f := fields{b: []byte("\x02\x00\x01\x01\x62")}
	if got := parseHoles(&f, 100); f.err != nil || !slices.Equal(got, []Span{{0, 1}, {2, 98}}) {
		t.Error(got, f.err)
	}
}

// FuzzHoles: what is read as the holes of a frame is written as the same bytes again.
func FuzzHoles(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte, tapeSize uint64) {
		in := fields{b: raw}
		holes := parseHoles(&in, tapeSize)
		in.end("head")
		if in.err != nil {
			return
		}
		if again := appendHoles(nil, holes); !bytes.Equal(again, raw) {
			t.Errorf("% x comes back as % x", raw, again)
		}
		if joined := JoinSpans(holes); !slices.Equal(joined, holes) || holes[len(holes)-1].Pos+holes[len(holes)-1].Len > tapeSize {
			t.Errorf("holes %v in %d bytes", holes, tapeSize)
		}
	})
}

// templateWithHoles is a template with a frame that has a hole.
func templateWithHoles(t *testing.T, d *dictionary) []byte {
	t.Helper()
	tape := tapeBytes(t, d.tape)
	file := slices.Concat(tape[3000:7000], tape[7010:7500]) // it goes on behind the part
	var out bytes.Buffer
	if _, err := Encode(t.Context(), &out, bytes.NewReader(file), EncodeOptions{Dictionary: &d.ref, Tape: d.tape, Index: d.index, Within: []Span{{2000, 5100}}}); err != nil {
		t.Fatal(err)
	}
	r, err := NewReaderAt(t.Context(), bytes.NewReader(out.Bytes()), int64(out.Len()), d.open)
	if err != nil {
		t.Fatal(err)
	}
	if fr, err := r.play.frame(0); err != nil || len(fr.holes) == 0 {
		t.Fatal("no holes:", err)
	}
	return out.Bytes()
}

// Without its holes, or with another one, a frame is another.
func TestHolesCount(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(10000, 1))
	b := templateWithHoles(t, d)
	if _, err := decodeWhole(t.Context(), b, d.open); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		flipped := bytes.Clone(b)
		flipped[i] ^= 2
		if _, err := decodeWhole(t.Context(), flipped, d.open); err == nil {
			t.Errorf("byte %d does not count", i)
		}
	}
}
