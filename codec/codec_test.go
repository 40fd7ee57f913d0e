package codec

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"
	"testing"
	"testing/iotest"

	"dictnet/merkle"
	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

// memTape is a dictionary in memory.
type memTape struct {
	starts []uint64
	blocks []Block
	size   uint64

	once    sync.Once
	deriver *Deriver
}

// clone returns a tape that begins as t does.
func (t *memTape) clone() *memTape {
	return &memTape{starts: slices.Clone(t.starts), blocks: slices.Clone(t.blocks), size: t.size}
}

// opened returns what opens the tape's notes.
func (t *memTape) opened() *Deriver {
	t.once.Do(func() { t.deriver = NewDeriver(t.note, nil) })
	return t.deriver
}

func (t *memTape) add(b Block) error {
	t.starts = append(t.starts, t.size)
	t.blocks = append(t.blocks, b)
	t.size += uint64(b.RawLen)
	return nil
}

func (t *memTape) Size() uint64 { return t.size }

func (t *memTape) NoteAt(ctx context.Context, pos uint64) (uint64, []byte, error) {
	return t.opened().NoteAt(ctx, pos)
}

func (t *memTape) note(_ context.Context, pos uint64) (uint64, Note, error) {
	if pos >= t.size {
		return 0, Note{}, fmt.Errorf("no byte %d on a tape of %d", pos, t.size)
	}
	i := sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > pos }) - 1
	n, err := CheckNote(t.blocks[i].CID, t.blocks[i].Data)
	return t.starts[i], n, err
}

func (t *memTape) Depth(ctx context.Context, pos uint64) (int, error) {
	return t.opened().Depth(ctx, pos)
}

func (t *memTape) References(ctx context.Context, pos uint64) ([]Span, error) {
	return t.opened().References(ctx, pos)
}

// locatingTape is one that says where its notes end, so that they can be opened side by side.
type locatingTape struct{ *memTape }

func (t locatingTape) Locate(_ context.Context, pos uint64) (Span, error) {
	i := sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > pos }) - 1
	return Span{t.starts[i], uint64(t.blocks[i].RawLen)}, nil
}

// dictionary is a dictionary with all that an encoder needs.
type dictionary struct {
	tape  *memTape
	index *Index
	ref   DictionaryRef
}

// build makes a dictionary from samples, on top of base if that is not nil.
func build(t testing.TB, base *dictionary, o BuildOptions, samples ...[]byte) *dictionary {
	t.Helper()
	return buildLabelled(t, base, o, make([]int, len(samples)), samples...)
}

// buildLabelled is build with a label for each sample.
func buildLabelled(t testing.TB, base *dictionary, o BuildOptions, labels []int, samples ...[]byte) *dictionary {
	t.Helper()
	d := &dictionary{tape: new(memTape)}
	if base != nil {
		d.tape = base.tape.clone()
		o.Base, o.BaseIndex = base.tape, base.index
	}
	b, err := NewBuilder(t.Context(), d.tape.add, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range samples {
		if err := b.Label(labels[i]); err != nil {
			t.Fatal(err)
		}
		if err := b.Add(bytes.NewReader(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	var ix bytes.Buffer
	if err := BuildIndex(t.Context(), d.tape, DefaultChunkSize, &ix); err != nil {
		t.Fatal(err)
	}
	if d.index, err = OpenIndex(bytes.NewReader(ix.Bytes()), int64(ix.Len())); err != nil {
		t.Fatal(err)
	}
	var tree merkle.Tree
	for _, b := range d.tape.blocks {
		tree.Append(merkle.LeafHash(b.CID.Bytes()))
	}
	d.ref.Version = tree.Version()
	sum, err := multihash.Sum(d.ref.Root[:], multihash.SHA2_256, -1) // any name will do here
	if err != nil {
		t.Fatal(err)
	}
	d.ref.Manifest = cid.NewCidV1(cid.DagCBOR, sum)
	return d
}

func (d *dictionary) name() *DictionaryName {
	name := d.ref.Name()
	return &name
}

func (d *dictionary) open(_ context.Context, r DictionaryName) (Tape, error) {
	if d == nil || r != d.ref.Name() {
		return nil, fmt.Errorf("no dictionary %s", r.Manifest)
	}
	return locatingTape{d.tape}, nil
}

func (d *dictionary) options() EncodeOptions {
	if d == nil || d.tape.size == 0 {
		return EncodeOptions{}
	}
	return EncodeOptions{Dictionary: &d.ref, Tape: d.tape, Index: d.index}
}

func encode(t testing.TB, d *dictionary, file []byte) ([]byte, EncodeStats) {
	t.Helper()
	var out bytes.Buffer
	stats, err := Encode(t.Context(), &out, bytes.NewReader(file), d.options())
	if err != nil {
		t.Fatal(err)
	}
	if stats.Read != int64(len(file)) || stats.Written != int64(out.Len()) || stats.Tape+stats.Fresh+stats.Repeat != stats.Read {
		t.Fatalf("stats do not add up: %+v for %d bytes, template of %d", stats, len(file), out.Len())
	}
	return out.Bytes(), stats
}

// roundTrip encodes a file and decodes it in every way.
func roundTrip(t testing.TB, d *dictionary, file []byte) ([]byte, EncodeStats) {
	t.Helper()
	template, stats := encode(t, d, file)

	dec, err := NewDecoder(t.Context(), bytes.NewReader(template), d.open)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(dec)
	if err != nil || !bytes.Equal(got, file) {
		t.Fatalf("stream: %d bytes, want %d: %v", len(got), len(file), err)
	}
	dec.Close()

	r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), d.open)
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	if n, err := r.WriteTo(&whole); err != nil || n != int64(len(file)) || !bytes.Equal(whole.Bytes(), file) {
		t.Fatalf("whole: %d bytes, want %d: %v", n, len(file), err)
	}
	if r.Size() != int64(len(file)) {
		t.Fatalf("size is %d, want %d", r.Size(), len(file))
	}
	rnd := rand.New(rand.NewPCG(1, uint64(len(file))))
	for range 20 {
		off := rnd.Int64N(int64(len(file)) + 10)
		b := make([]byte, rnd.IntN(5000))
		n, err := r.ReadAt(b, off)
		want := file[min(off, int64(len(file))):]
		want = want[:min(len(want), len(b))]
		if !bytes.Equal(b[:n], want) || err != nil && err != io.EOF || (err == io.EOF) != (n < len(b)) {
			t.Fatalf("%d bytes at %d: %d bytes, %v", len(b), off, n, err)
		}
	}
	return template, stats
}

// text returns n bytes of lines that compress, and hardly repeat.
func text(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 99))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "line %d: the value of item %x is %d\n", r.IntN(1000), r.IntN(1<<30), r.IntN(100000))
	}
	return b.Bytes()[:n]
}

// edit replaces, inserts and deletes a few bytes every so often.
func edit(b []byte, every int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 7))
	var out []byte
	for len(b) > 0 {
		n := min(len(b), 1+r.IntN(2*every))
		out = append(out, b[:n]...)
		b = b[n:]
		switch r.IntN(3) {
		case 0:
			out = append(out, fmt.Sprint("edit", r.IntN(1000))...)
		case 1:
			b = b[min(len(b), r.IntN(20)):]
		case 2:
			k := min(len(b), 4)
			out = append(out, "EDIT"[:k]...)
			b = b[k:]
		}
	}
	return out
}

func TestRoundTripWithoutDictionary(t *testing.T) {
	files := map[string][]byte{
		"empty":      {},
		"one":        {42},
		"zeros":      make([]byte, 1<<20+5),
		"text":       text(500<<10, 1),
		"noise":      noise(2<<20, 1),
		"twice":      bytes.Repeat(noise(2<<20, 2), 2),
		"period 100": bytes.Repeat(noise(100, 3), 11000),
		"versions":   nil,
	}
	v := text(100<<10, 2)
	for i := range 20 {
		files["versions"] = append(files["versions"], v...)
		v = edit(v, 20000, uint64(i))
	}
	for _, n := range []int{63, 64, 65, 1<<20 - 1, 1 << 20, 1<<20 + 1, maxPending - 1, maxPending, maxPending + 1, defaultFrame.local, defaultFrame.local + 1} {
		files[fmt.Sprint("noise of ", n)] = noise(n, uint64(n))
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			template, _ := roundTrip(t, nil, file)
			t.Logf("%d bytes, template %d", len(file), len(template))
			if limit := len(file) + len(file)/10000 + 64; len(template) > limit {
				t.Errorf("template has %d bytes for %d", len(template), len(file))
			}
		})
	}
}

func TestRoundTripWithDictionary(t *testing.T) {
	old := append(text(700<<10, 5), noise(400<<10, 6)...)
	d := build(t, nil, BuildOptions{}, old)
	for name, file := range map[string][]byte{
		"empty":     {},
		"same":      old,
		"edited":    edit(old, 5000, 1),
		"dense":     edit(old, 60, 2),
		"unlike":    noise(100000, 9),
		"turned":    append(bytes.Clone(old[500<<10:]), old[:500<<10]...),
		"twice":     append(edit(old, 5000, 1), edit(old, 5000, 1)...),
		"part":      old[12345:234567],
		"one byte":  {old[77]},
		"new, same": append(noise(100000, 10), old...),
	} {
		t.Run(name, func(t *testing.T) {
			template, stats := roundTrip(t, d, file)
			t.Logf("%d bytes, template %d: %+v", len(file), len(template), stats)
			if limit := len(file) + len(file)/10000 + 64 + 73; len(template) > limit {
				t.Errorf("template has %d bytes for %d", len(template), len(file))
			}
			if name == "same" && len(template) > 250 {
				t.Errorf("template of the dictionary itself has %d bytes", len(template))
			}
		})
	}
}

// Templates do not depend on how the file arrives.
func TestEncodeOneByteAtATime(t *testing.T) {
	old := text(1<<20, 5)
	d := build(t, nil, BuildOptions{}, old)
	file := edit(old, 3000, 8)
	want, _ := encode(t, d, file)
	for _, src := range []io.Reader{iotest.OneByteReader(bytes.NewReader(file)), iotest.DataErrReader(bytes.NewReader(file))} {
		var got bytes.Buffer
		if _, err := Encode(t.Context(), &got, src, d.options()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Error("templates differ")
		}
	}
	dec, err := NewDecoder(t.Context(), iotest.OneByteReader(bytes.NewReader(want)), d.open)
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	if err := iotest.TestReader(dec, file); err != nil {
		t.Error(err)
	}
}
