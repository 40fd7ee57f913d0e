package codec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/iotest"
)

// namedTape says of which version it is, and counts how often a note is opened.
type namedTape struct {
	locatingTape
	ref    DictionaryRef
	opened *atomic.Int64
}

func (t namedTape) Ref() DictionaryRef { return t.ref }

func (t namedTape) NoteAt(ctx context.Context, pos uint64) (uint64, []byte, error) {
	t.opened.Add(1)
	return t.locatingTape.NoteAt(ctx, pos)
}

// named is options of a dictionary whose index knows the version, and a count of the notes that are opened.
func (d *dictionary) named(t *testing.T) (EncodeOptions, *atomic.Int64) {
	t.Helper()
	tape := namedTape{locatingTape{d.tape}, d.ref, new(atomic.Int64)}
	var b bytes.Buffer
	if err := BuildIndex(t.Context(), tape, DefaultChunkSize, &b); err != nil {
		t.Fatal(err)
	}
	x, err := OpenIndex(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	tape.opened.Store(0)
	return EncodeOptions{Dictionary: &d.ref, Tape: tape, Index: x}, tape.opened
}

// Comparing whole notes by their digests gives the template that comparing all bytes gives, wherever the file ends to be as the tape is, and
// in whatever portions it is read.
func TestWholeNotes(t *testing.T) {
	old := slices.Concat(noise(3<<20, 1), text(2<<20, 2))
	d := build(t, nil, BuildOptions{}, old)
	tape := tapeBytes(t, d.tape)
	if len(d.tape.starts) < 20 {
		t.Fatalf("%d notes", len(d.tape.starts))
	}
	changed := func(at ...int) []byte {
		b := bytes.Clone(tape)
		for _, p := range at {
			b[p] ^= 1
		}
		return b
	}
	start := func(i int) int { return int(d.tape.starts[i]) }
	files := map[string][]byte{
		"the tape":                 tape,
		"all but its last byte":    tape[:len(tape)-1],
		"all but its first byte":   tape[1:],
		"from a note on":           tape[start(3):],
		"up to a note":             tape[:start(9)],
		"up to a note and a byte":  tape[:start(9)+1],
		"less than a note":         tape[start(4)+100 : start(5)-100],
		"a first byte differs":     changed(start(7)),
		"a last byte differs":      changed(start(8) - 1),
		"bytes of two notes":       changed(start(6)+5000, start(12)+60000),
		"of every third note":      changed(start(2)+1, start(5)+2, start(8)+3, start(11)+4, start(14)+5, start(17)+6),
		"the first notes differ":   changed(start(1)+1, start(2)+2, start(3)+3, start(4)+4, start(5)+5),
		"another order":            slices.Concat(tape[start(9):], tape[:start(9)]),
		"the same again":           slices.Concat(tape, tape),
		"bytes taken out":          slices.Concat(tape[:start(5)+777], tape[start(5)+999:]),
		"bytes put in at a border": slices.Concat(tape[:start(5)], []byte("put in"), tape[start(5):]),
	}
	for name, file := range files {
		want, _ := encode(t, d, file)
		o, opened := d.named(t)
		for _, read := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.HalfReader, iotest.DataErrReader} {
			var out bytes.Buffer
			if _, err := Encode(t.Context(), &out, read(bytes.NewReader(file)), o); err != nil || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%s: %d bytes, %v, want %d", name, out.Len(), err, len(want))
			}
		}
		if n := opened.Load() / 3; (name == "the tape" || name == "the first notes differ") && n > int64(len(d.tape.starts)/2) {
			t.Errorf("%s: %d of %d notes were opened", name, n, len(d.tape.starts))
		}
		if got, err := decodeWhole(t.Context(), want, d.open); err != nil || !bytes.Equal(got, file) {
			t.Errorf("%s: plays %d bytes, %v", name, len(got), err)
		}
	}
}

// What an index knows of whole notes is believed only for the version that it was made of.
func TestWholeNotesOfAnotherVersion(t *testing.T) {
	a := noise(2<<20, 1)
	b := bytes.Clone(a)
	for at := 1 << 20; at < len(b); at += 50000 {
		b[at] ^= 1
	}
	d, other := build(t, nil, BuildOptions{}, a), build(t, nil, BuildOptions{}, b)
	if d.tape.size != other.tape.size || d.ref == other.ref {
		t.Fatal("the tapes should be of one length, and differ")
	}
	o, _ := d.named(t)
	wrong, _ := other.named(t)
	o.Index = wrong.Index
	var out bytes.Buffer
	if _, err := Encode(t.Context(), &out, bytes.NewReader(b), o); err != nil {
		t.Fatal(err)
	}
	if got, err := decodeWhole(t.Context(), out.Bytes(), d.open); err != nil || !bytes.Equal(got, b) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// An index knows every note where it begins, and nowhere else, in whatever order it is asked.
func TestNoteSums(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(12<<20, 1))
	o, _ := d.named(t)
	n := len(d.tape.starts)
	if n <= notesAtOnce {
		t.Fatalf("%d notes", n)
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(n)
	inOrder := slices.Clone(order)
	slices.Sort(inOrder)
	for _, order := range [][]int{order, inOrder} {
		s := noteSums{x: o.Index}
		for _, i := range order {
			start := d.tape.starts[i]
			end := start + uint64(d.tape.blocks[i].RawLen)
			k, ok, err := s.at(start)
			if err != nil || !ok || k.start != start || k.end != end {
				t.Fatalf("note %d is %d to %d, known as %+v, %v, %v", i, start, end, k, ok, err)
			}
			for _, p := range []uint64{start + 1, end - 1} {
				if _, ok, err := s.at(p); ok || err != nil {
					t.Fatalf("a note begins at %d within note %d: %v", p, i, err)
				}
			}
		}
		if _, ok, err := s.at(d.tape.size); ok || err != nil {
			t.Errorf("behind the end: %v, %v", ok, err)
		}
	}
	o.Index.src, o.Index.held = goneDisk{}, nil
	if _, _, err := (&noteSums{x: o.Index}).at(0); !errors.Is(err, errBroken) {
		t.Errorf("from a broken disk: %v", err)
	}
}

type goneDisk struct{}

func (goneDisk) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

// Anchors come out in one order, however few fit into memory.
func TestAnchorSorter(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var entries []indexEntry
	for range 20000 {
		entries = append(entries, indexEntry{r.Uint64N(300) << 40, r.Uint64N(1 << 40)})
	}
	sorted := func(most int) (got []indexEntry) {
		s := anchorSorter{most: most}
		defer s.close()
		for _, e := range entries {
			if err := s.add(e); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			got = nil
			if err := s.each(func(e indexEntry) { got = append(got, e) }); err != nil {
				t.Fatal(err)
			}
		}
		return got
	}
	want := sorted(0)
	if len(want) != 300*samePlaces || !slices.IsSortedFunc(want, compareEntries) {
		t.Fatalf("%d entries", len(want))
	}
	for _, most := range []int{1500, 6500, 19999, 20000, 20001} {
		if got := sorted(most); !slices.Equal(got, want) {
			t.Errorf("%d in memory: %d entries, want %d", most, len(got), len(want))
		}
	}
}
