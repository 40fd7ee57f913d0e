package codec

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"dictnet/codec/internal/gear"
	"dictnet/merkle"
)

// Every anchor of the tape is found where it is, unless its hash is too frequent.
func TestIndexLookups(t *testing.T) {
	data := slices.Concat(noise(300<<10, 1), text(300<<10, 2), bytes.Repeat(noise(5000, 3), 20))
	d := build(t, nil, BuildOptions{ChunkSize: 64 << 10}, data)
	tape := tapeBytes(t, d.tape)
	for _, spacing := range []int{64, 100, 512, 4096} {
		var b bytes.Buffer
		if err := BuildIndex(t.Context(), d.tape, spacing, &b); err != nil {
			t.Fatal(err)
		}
		x, err := OpenIndex(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if x.TapeSize() != d.tape.size || x.Spacing() > spacing || x.Spacing() <= spacing/2 {
			t.Errorf("index says spacing %d, tape of %d", x.Spacing(), x.TapeSize())
		}
		places := map[uint64][]uint64{}
		var h uint64
		for p := 0; p < len(tape); {
			n, hash, ok := gear.Next(h, tape[p:], gear.Mask(x.Spacing()))
			if p, h = p+n, hash; ok {
				places[h] = append(places[h], uint64(p))
			}
		}
		if len(places) < len(tape)/spacing/4 {
			t.Fatalf("%d anchors at spacing %d", len(places), spacing)
		}
		onDisk := *x
		onDisk.held = nil
		for _, x := range []*Index{x, &onDisk} {
			for h, want := range places {
				got, err := x.lookup(h, nil)
				if want = want[:min(len(want), samePlaces)]; err != nil || !slices.Equal(got, want) {
					t.Fatalf("hash %x is at %d, want %d: %v", h, got, want, err)
				}
			}
			if got, err := x.lookup(12345, []uint64{7}); err != nil || !slices.Equal(got, []uint64{7}) {
				t.Errorf("a hash that is not there is at %d, %v", got, err)
			}
		}
	}
}

func TestIndexOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := BuildIndex(t.Context(), new(memTape), 512, &b); err != nil {
		t.Fatal(err)
	}
	x, err := OpenIndex(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x.lookup(0, nil); err != nil || len(got) != 0 {
		t.Errorf("found at %d, %v", got, err)
	}
	for _, spacing := range []int{0, -5, gear.MinChunk - 1, gear.MaxChunk + 1} {
		if err := BuildIndex(t.Context(), new(memTape), spacing, &b); !errors.Is(err, ErrOption) {
			t.Errorf("spacing %d: %v", spacing, err)
		}
	}
}

// An index that has been damaged anywhere is refused, so that it is made again.
func TestDamagedIndexIsRefused(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(20000, 1))
	var b bytes.Buffer
	if err := BuildIndex(t.Context(), d.tape, 512, &b); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, n int, b []byte) {
		if _, err := OpenIndex(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrIndex) {
			t.Fatalf("%s %d: %v", what, n, err)
		}
	}
	for i := range b.Len() {
		for _, mask := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(b.Bytes())
			bad[i] ^= mask
			refused("changed byte", i, bad)
		}
		refused("cut after", i, b.Bytes()[:i])
	}
	refused("more", 1, append(bytes.Clone(b.Bytes()), 0))
}

// eagerReader says with the last bytes that they are the last, as an io.ReaderAt may.
type eagerReader []byte

func (r eagerReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := bytes.NewReader(r).ReadAt(b, off)
	if int(off)+n == len(r) {
		err = io.EOF
	}
	return n, err
}

// An index, held in memory or not, and a template are read by what says with the last bytes that they are the last.
func TestEagerReaders(t *testing.T) {
	for _, size := range []int{0, 100 << 10, maxHeldIndex / entryLen * 64 * 5 / 4} {
		tape := flatTape(noise(size, 1))
		var b bytes.Buffer
		if err := BuildIndex(t.Context(), tape, 64, &b); err != nil {
			t.Fatal(err)
		}
		x, err := OpenIndex(eagerReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatalf("an index of %d bytes: %v", b.Len(), err)
		}
		if (x.held != nil) != (size <= 100<<10) {
			t.Errorf("an index of %d bytes is held, or not", b.Len())
		}
		s := noteSums{x: x}
		if k, ok, err := s.at(0); err != nil || ok != (size > 0) || k.end != uint64(size) {
			t.Errorf("of a tape of %d bytes: %v %v %v", size, k, ok, err)
		}
	}
	for name, s := range smallTemplates(t) {
		r, err := NewReaderAt(t.Context(), eagerReader(s.template), int64(len(s.template)), s.d.open)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var out bytes.Buffer
		if _, err := r.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), s.file) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An index that is of another tape makes worse templates, or is refused; never wrong ones.
func TestIndexOfAnotherTape(t *testing.T) {
	a, b := noise(300<<10, 1), text(300<<10, 2)
	d, other := build(t, nil, BuildOptions{}, a), build(t, nil, BuildOptions{}, b)
	if d.tape.size != other.tape.size {
		t.Fatal("the tapes should be of one length")
	}
	o := d.options()
	o.Index = other.index
	var out bytes.Buffer
	file := append(b, a...)
	unnamed := DictionaryRef{Manifest: d.ref.Manifest, Version: merkle.Version{Size: d.ref.Size}} // as the index, it does not say what its root is
	for _, ref := range []*DictionaryRef{&d.ref, &unnamed} {
		o.Dictionary = ref
		out.Reset()
		if _, err := Encode(t.Context(), &out, bytes.NewReader(file), o); err != nil {
			t.Fatal(err)
		}
		if got, err := decodeWhole(t.Context(), out.Bytes(), d.open); err != nil || !bytes.Equal(got, file) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	o.Index = build(t, nil, BuildOptions{}, noise(1000, 1)).index
	if _, err := Encode(t.Context(), &out, bytes.NewReader(a), o); !errors.Is(err, ErrIndex) {
		t.Errorf("an index of a shorter tape: %v", err)
	}
}
