package codec

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"testing"
)

// lendingTape lends all of its notes, and overwrites those that are given back.
type lendingTape struct {
	locatingTape

	mu        sync.Mutex
	lent, out int // times that a note was lent; notes that are
	again     int // notes that were given back twice
}

func (t *lendingTape) Lend(ctx context.Context, pos uint64) (uint64, []byte, func(), error) {
	start, raw, err := t.NoteAt(ctx, pos)
	if err != nil {
		return 0, nil, nil, err
	}
	raw = bytes.Clone(raw)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lent++
	t.out++
	given := false
	return start, raw, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.out--
		if given {
			t.again++
		}
		given = true
		for i := range raw {
			raw[i] = 0xdb
		}
	}, nil
}

// check checks that notes were lent, and all have been given back, once.
func (t *lendingTape) check(tb testing.TB, what string) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lent == 0 || t.out != 0 || t.again != 0 {
		tb.Errorf("%s: notes were lent %d times, %d still are, and %d were given back twice", what, t.lent, t.out, t.again)
	}
}

// lentTo is a dictionary whose notes are lent; there are more of them than are kept. The file plays them to and fro, and has some that are new.
func lentTo(t testing.TB) (d *dictionary, file []byte) {
	old := slices.Concat(noise(6<<20, 1), text(4<<20, 2), noise(2<<20, 3))
	d = build(t, nil, BuildOptions{}, old)
	return d, slices.Concat(edit(old[5<<20:9<<20], 300, 4), old[11<<20:], text(10<<10, 5), edit(old[:2<<20], 5000, 6), old[8<<20:10<<20+77])
}

// What is lent is not read after it was given back, and all of it is.
func TestLentToEncoder(t *testing.T) {
	d, file := lentTo(t)
	want := encodeProfile(t, d, file, ProfileFast).template
	tape := &lendingTape{locatingTape: locatingTape{d.tape}}
	o := d.options()
	o.Profile, o.Tape = ProfileFast, tape
	var got bytes.Buffer
	if _, err := Encode(t.Context(), &got, bytes.NewReader(file), o); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d bytes, %v; want %d", got.Len(), err, len(want))
	}
	tape.check(t, "encoder")
	if _, err := Encode(t.Context(), &failingWriter{room: 1000}, bytes.NewReader(file), o); err == nil {
		t.Error("wrote more than there was room for")
	}
	tape.check(t, "encoder, to a full disk")
}

func TestLentToDecoder(t *testing.T) {
	d, file := lentTo(t)
	template := encodeProfile(t, d, file, ProfileFast).template
	tape := &lendingTape{locatingTape: locatingTape{d.tape}}
	open := func(context.Context, DictionaryName) (Tape, error) { return tape, nil }
	dec, err := NewDecoder(t.Context(), bytes.NewReader(template), open)
	if err != nil {
		t.Fatal(err)
	}
	w := failingWriter{room: 5 << 20}
	if _, err := dec.WriteTo(&w); err != errFull {
		t.Error(err)
	}
	tape.check(t, "decoder whose writer failed")
	rest, err := io.ReadAll(struct{ io.Reader }{dec})
	if got := slices.Concat(w.Bytes(), rest); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d and %d bytes, %v", w.Len(), len(rest), err)
	}
	if err := dec.Close(); err != nil {
		t.Error(err)
	}
	tape = &lendingTape{locatingTape: locatingTape{d.tape}}
	r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), open)
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for range 3 { // at once
		work.Go(func() {
			var out bytes.Buffer
			if _, err := r.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), file) {
				t.Errorf("%d bytes of %d, %v", out.Len(), len(file), err)
			}
		})
		work.Go(func() {
			b := make([]byte, 100<<10)
			for off := 0; off+len(b) < len(file); off += 301 << 10 {
				if n, err := r.ReadAt(b, int64(off)); err != nil || !bytes.Equal(b, file[off:off+n]) {
					t.Errorf("at byte %d: %v", off, err)
				}
			}
		})
	}
	work.Go(func() {
		p, err := CompilePattern(PatternOptions{}, "note")
		if err != nil {
			t.Error(err)
			return
		}
		for line, err := range r.Lines(t.Context(), p) {
			if err != nil || line.Text != nil && !bytes.Equal(line.Text, file[line.Offset:line.Offset+line.Len]) {
				t.Errorf("line %d: %v", line.Number, err)
				return
			}
		}
	})
	work.Wait()
	tape.check(t, "reader")
}
