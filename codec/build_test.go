package codec

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"
)

// tapeBytes reads a whole tape.
func tapeBytes(t testing.TB, tape Tape) (b []byte) {
	t.Helper()
	for uint64(len(b)) < tape.Size() {
		start, raw, err := tape.NoteAt(t.Context(), uint64(len(b)))
		if err != nil || start != uint64(len(b)) {
			t.Fatalf("note at %d begins at %d: %v", len(b), start, err)
		}
		b = append(b, raw...)
	}
	return b
}

func TestBuildTakesEachChunkOnce(t *testing.T) {
	a := append(text(1<<20, 1), noise(1<<20, 2)...)
	d := build(t, nil, BuildOptions{}, a)
	if !bytes.Equal(tapeBytes(t, d.tape), a) {
		t.Error("the tape of one sample without repeats is another than the sample")
	}
	twice := build(t, nil, BuildOptions{}, a, a, append(bytes.Clone(a), a...))
	if extra := twice.tape.size - d.tape.size; extra > 64<<10 {
		t.Errorf("%d bytes more for samples that are there", extra)
	}
	changed := edit(a, 200<<10, 3)
	more := build(t, nil, BuildOptions{}, a, changed)
	if extra := more.tape.size - d.tape.size; extra == 0 || extra > 1200<<10 {
		t.Errorf("%d bytes more for a sample with about ten edits, some 200 KiB apart", extra)
	}
	if once := build(t, nil, BuildOptions{MinFreq: 2}, a, changed); once.tape.size > d.tape.size {
		t.Errorf("%d bytes of chunks that occur twice, in %d", once.tape.size, d.tape.size)
	}
}

// An extension adds the novel chunks and nothing else, and moves nothing.
func TestBuildOnTop(t *testing.T) {
	a := slices.Concat(text(2<<20, 1), noise(1<<20, 2))
	d := build(t, nil, BuildOptions{}, a)
	if same := build(t, d, BuildOptions{}, a); same.tape.size != d.tape.size || len(same.tape.blocks) != len(d.tape.blocks) {
		t.Errorf("the same sample adds %d bytes", same.tape.size-d.tape.size)
	}
	if turned := build(t, d, BuildOptions{}, append(bytes.Clone(a[1<<20:]), a[:1<<20]...)); turned.tape.size-d.tape.size > 64<<10 {
		t.Errorf("the same sample, turned, adds %d bytes", turned.tape.size-d.tape.size)
	}
	novel := noise(300<<10, 3)
	more := build(t, d, BuildOptions{}, slices.Concat(a[:1<<20], novel, a[1<<20:]))
	if extra := more.tape.size - d.tape.size; extra < uint64(len(novel)) || extra > uint64(len(novel))+64<<10 {
		t.Errorf("%d bytes added for %d novel ones", extra, len(novel))
	}
	for i, b := range d.tape.blocks {
		if !more.tape.blocks[i].CID.Equals(b.CID) || more.tape.starts[i] != d.tape.starts[i] {
			t.Fatalf("note %d has changed", i)
		}
	}
	// What the first version encodes, the second one does not encode worse.
	was, _ := encode(t, d, a)
	if now, _ := encode(t, more, a); len(now) > len(was) {
		t.Errorf("template of %d bytes against the extension, %d before", len(now), len(was))
	}
}

// What has no anchors, runs above all, is found again only where the tape goes on with it. It compresses to nothing.
func TestBuildOnTopOfRuns(t *testing.T) {
	a := slices.Concat(noise(100<<10, 1), make([]byte, 1<<20), noise(100<<10, 2), make([]byte, 1<<20))
	d := build(t, nil, BuildOptions{}, a)
	if d.tape.size > 300<<10 {
		t.Errorf("tape of %d bytes for 200 KiB and zeros", d.tape.size)
	}
	same := build(t, d, BuildOptions{}, a)
	stored := 0
	for _, b := range same.tape.blocks[len(d.tape.blocks):] {
		stored += len(b.Data)
	}
	if stored > 1000 {
		t.Errorf("%d bytes added, stored as %d", same.tape.size-d.tape.size, stored)
	}
}

func TestBuildMinFreq(t *testing.T) {
	common, once := text(500<<10, 1), noise(500<<10, 2)
	for _, c := range []struct {
		minFreq int
		has     []byte
		not     []byte
	}{
		{1, once, nil},
		{2, common, once},
		{3, common, once},
		{4, nil, common},
	} {
		samples := [][]byte{append(bytes.Clone(common), once...), common, common}
		d := build(t, nil, BuildOptions{MinFreq: c.minFreq}, samples...)
		got := tapeBytes(t, d.tape)
		count := func(b []byte) (n int) { // of pieces of b that are there
			for ; len(b) >= 2000; b = b[min(len(b), 20000):] {
				if bytes.Contains(got, b[:200]) {
					n++
				}
			}
			return n
		}
		if c.has != nil && count(c.has) < 23 {
			t.Errorf("at %d, what is frequent enough is missing: %d pieces", c.minFreq, count(c.has))
		}
		if c.not != nil && count(c.not) > 2 {
			t.Errorf("at %d, what is too rare was taken: %d pieces", c.minFreq, count(c.not))
		}
	}
}

// Notes depend on the samples and on nothing else.
func TestBuildIsDeterministic(t *testing.T) {
	a := slices.Concat(text(2<<20, 1), noise(1<<20, 2))
	want := build(t, nil, BuildOptions{}, a, edit(a, 9000, 3)).tape
	check := func(name string, wrap func([]byte) io.Reader) {
		got := new(memTape)
		b, err := NewBuilder(t.Context(), got.add, BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range [][]byte{a, edit(a, 9000, 3)} {
			if err := b.Add(wrap(s)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(got.blocks, want.blocks, func(a, b Block) bool { return a.CID.Equals(b.CID) }) {
			t.Errorf("%s: other notes", name)
		}
		if s := b.Stats(); s.Notes != int64(len(got.blocks)) || s.Taken != int64(got.size) || s.Samples != 2 {
			t.Errorf("%s: stats say %+v", name, s)
		}
	}
	check("half reads", func(b []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(b)) })
	check("data with EOF", func(b []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) })
	check("odd reads", func(b []byte) io.Reader { return oddReader{bytes.NewReader(b)} })
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	check("one processor", func(b []byte) io.Reader { return bytes.NewReader(b) })
}

// oddReader gives 4,097 bytes at a time.
type oddReader struct{ r io.Reader }

func (r oddReader) Read(b []byte) (int, error) { return r.r.Read(b[:min(len(b), 4097)]) }

func TestNoteLengths(t *testing.T) {
	for _, chunk := range []int{0, 1024, 16 << 10, 64 << 10} {
		for name, data := range map[string][]byte{"text": text(5<<20, 1), "noise": noise(9<<20, 2)} {
			d := build(t, nil, BuildOptions{ChunkSize: chunk}, data)
			n := len(d.tape.blocks)
			for i, b := range d.tape.blocks {
				if b.RawLen > MaxNote || len(b.Data) > MaxNoteBlock || b.RawLen < minNote && i < n-1 {
					t.Errorf("note %d has %d bytes, its block %d", i, b.RawLen, len(b.Data))
				}
			}
			if mean := int(d.tape.size) / n >> 10; mean < 100 || mean > 156 {
				t.Errorf("%s in chunks of %d: notes have %d KiB on average, want about 128", name, chunk, mean)
			}
		}
	}
}

func TestBuildEmptySamples(t *testing.T) {
	d := build(t, nil, BuildOptions{}, nil, []byte{}, nil)
	if len(d.tape.blocks) != 0 {
		t.Errorf("%d notes of nothing", len(d.tape.blocks))
	}
	d = build(t, nil, BuildOptions{}, nil, []byte("x"), nil)
	if got := tapeBytes(t, d.tape); string(got) != "x" {
		t.Errorf("tape is %q", got)
	}
	roundTrip(t, d, []byte("xx"))
}

func TestBuildOptionsRefused(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(1000, 1))
	for name, o := range map[string]BuildOptions{
		"chunk too small":    {ChunkSize: 63},
		"chunk too large":    {ChunkSize: 64<<10 + 1},
		"negative chunk":     {ChunkSize: -1},
		"negative frequency": {MinFreq: -1},
		"frequency of 2^32":  {MinFreq: 1<<32 + 1},
		"no index":           {Base: d.tape},
		"no base":            {BaseIndex: d.index},
	} {
		if _, err := NewBuilder(t.Context(), d.tape.add, o); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	data := append(text(16<<20, 1), noise(4<<20, 2)...)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		bd, err := NewBuilder(b.Context(), func(Block) error { return nil }, BuildOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := bd.Add(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
		if err := bd.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(bd.Stats().Stored)/float64(len(data)), "stored/raw")
	}
}

func ExampleNewBuilder() {
	var notes []Block
	b, err := NewBuilder(exampleContext, func(n Block) error { notes = append(notes, n); return nil }, BuildOptions{})
	if err != nil {
		panic(err)
	}
	for _, sample := range []string{"one release", "the next release"} {
		if err := b.Add(bytes.NewReader([]byte(sample))); err != nil {
			panic(err)
		}
	}
	if err := b.Close(); err != nil {
		panic(err)
	}
	fmt.Println(len(notes), "note of", notes[0].RawLen, "bytes")
	// Output: 1 note of 27 bytes
}

// A builder says where on the tape each sample stands: what it is told of a label holds all bytes of its samples.
func TestBuildPlaces(t *testing.T) {
	common := text(600<<10, 1)
	a := slices.Concat(noise(200<<10, 2), common)
	c := slices.Concat(common[:100<<10], noise(150<<10, 3), common) // repeats a little first, then a lot
	base := build(t, nil, BuildOptions{}, slices.Concat(noise(100<<10, 4), common[:300<<10]))
	for name, test := range map[string]struct {
		d *dictionary
		o BuildOptions
	}{"new": {nil, BuildOptions{}}, "on top": {base, BuildOptions{}}, "frequent": {nil, BuildOptions{MinFreq: 2}}} {
		told := map[int][]Span{}
		o := test.o
		o.Placed = func(label int, s Span) { told[label] = append(told[label], s) }
		samples := [][]byte{a, c, a}
		labels := []int{1, 2, 1}
		d := buildLabelled(t, test.d, o, labels, samples...)
		tape := tapeBytes(t, d.tape)
		for label, sample := range map[int][]byte{1: a, 2: c} {
			var got []byte // of what was told, each byte of the tape once
			mark := make([]bool, len(tape))
			for _, s := range told[label] {
				if s.Len == 0 || s.Pos+s.Len > uint64(len(tape)) || !bytes.Contains(sample, tape[s.Pos:s.Pos+s.Len]) {
					t.Fatalf("%s: label %d: span %v is not of its sample", name, label, s)
				}
				for i := range s.Len {
					mark[s.Pos+i] = true
				}
			}
			for i, m := range mark {
				if m {
					got = append(got, tape[i])
				}
			}
			missing := 0
			for p := 0; p+256 <= len(sample); p += 4096 {
				if !bytes.Contains(got, sample[p:p+256]) {
					missing++
				}
			}
			limit := 8 // pieces that a border of the tape runs through
			if test.o.MinFreq > 1 && label == 2 {
				limit += 40 // noise that occurs once is not on the tape
			}
			if missing > limit {
				t.Errorf("%s: label %d: %d pieces of its sample were not told", name, label, missing)
			}
		}
		// What only one of them has brought stands in notes of its own.
		for i, start := range d.tape.starts {
			raw := tape[start : start+uint64(d.tape.blocks[i].RawLen)]
			if test.d == nil && bytes.Contains(raw, a[1000:1100]) && bytes.Contains(raw, c[150<<10:150<<10+100]) {
				t.Errorf("%s: note %d holds bytes of both", name, i)
			}
		}
	}
}

// What is in the base is told as it is, too, where it is found only as the tape goes on with it.
func TestBuildPlacesRunsInBase(t *testing.T) {
	a := append(noise(100<<10, 1), make([]byte, 400<<10)...)
	base := build(t, nil, BuildOptions{}, a)
	var told []Span
	o := BuildOptions{Placed: func(_ int, s Span) { told = append(told, s) }}
	c := a[50<<10:]
	tape := tapeBytes(t, buildLabelled(t, base, o, []int{1}, c).tape)
	for _, s := range told {
		if !bytes.Contains(c, tape[s.Pos:s.Pos+s.Len]) {
			t.Errorf("span %v is not of the sample", s)
		}
	}
	if len(told) < 10 {
		t.Errorf("%d spans are told", len(told))
	}
}
