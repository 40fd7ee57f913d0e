package codec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

var errBroken = errors.New("broken on purpose")

// brokenTape fails from its n-th call on.
type brokenTape struct {
	Tape
	n   *atomic.Int64
	err error
}

func (t brokenTape) NoteAt(ctx context.Context, pos uint64) (uint64, []byte, error) {
	if t.n.Add(-1) < 0 {
		return 0, nil, t.err
	}
	return t.Tape.NoteAt(ctx, pos)
}

func (t brokenTape) Locate(ctx context.Context, pos uint64) (Span, error) {
	return locatingTape{t.Tape.(*memTape)}.Locate(ctx, pos)
}

func failAfter(t Tape, n int, err error) brokenTape {
	left := new(atomic.Int64)
	left.Store(int64(n))
	return brokenTape{t, left, err}
}

// ended fails the test if goroutines are left over.
func ended(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

// What a tape reports reaches the caller as it is, whichever call of NoteAt reports it, and is not called a fault of the
// template; what has been played before is right.
func TestTapeErrorsArePassedOn(t *testing.T) {
	old := slices.Concat(noise(400<<10, 1), text(400<<10, 2), noise(400<<10, 3))
	d := build(t, nil, BuildOptions{}, old)
	file := edit(old, 20000, 4)
	template, _ := encode(t, d, file)
	goroutines := runtime.NumGoroutine()
	for _, cause := range []error{errBroken, io.EOF, io.ErrUnexpectedEOF} {
		for n := range len(d.tape.blocks) {
			open := func(context.Context, DictionaryName) (Tape, error) { return failAfter(d.tape, n, cause), nil }
			for way, decode := range []func() ([]byte, error){
				func() ([]byte, error) { return decodeStream(t.Context(), template, open, false) },
				func() ([]byte, error) { return decodeStream(t.Context(), template, open, true) },
				func() ([]byte, error) { return decodeWhole(t.Context(), template, open) },
				func() ([]byte, error) {
					r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), open)
					if err != nil {
						return nil, err
					}
					b := make([]byte, len(file))
					n, err := r.ReadAt(b, 0)
					return b[:n], err
				},
			} {
				got, err := decode()
				if !errors.Is(err, cause) || errors.Is(err, ErrTemplate) || cause != errBroken && err == cause {
					t.Fatalf("way %d, call %d: %v, want %v", way, n, err, cause)
				}
				if !bytes.HasPrefix(file, got) {
					t.Fatalf("way %d, call %d: plays other bytes", way, n)
				}
			}
		}
	}
	ended(t, goroutines)
}

// A tape that fails once does not spoil later reads.
func TestTapeRecovers(t *testing.T) {
	old := noise(600<<10, 1)
	d := build(t, nil, BuildOptions{}, old)
	template, _ := encode(t, d, old)
	tape := failAfter(d.tape, 1, errBroken)
	r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), func(context.Context, DictionaryName) (Tape, error) { return tape, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.WriteTo(io.Discard); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	tape.n.Store(1000)
	var out bytes.Buffer
	if _, err := r.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), old) {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}

func TestOpenTapeErrors(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(1000, 1))
	template, _ := encode(t, d, noise(1000, 1))
	for name, open := range map[string]OpenTape{
		"fails": func(context.Context, DictionaryName) (Tape, error) { return nil, errBroken },
		"empty": func(context.Context, DictionaryName) (Tape, error) { return new(memTape), nil },
		"none":  nil,
	} {
		_, err := decodeStream(t.Context(), template, open, true)
		_, err2 := decodeWhole(t.Context(), template, open)
		for _, err := range []error{err, err2} {
			if err == nil || errors.Is(err, ErrTemplate) || name == "fails" && !errors.Is(err, errBroken) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// lyingTape gives another note than the one that is asked for.
type lyingTape struct{ *memTape }

func (t lyingTape) NoteAt(ctx context.Context, pos uint64) (uint64, []byte, error) {
	if pos >= t.starts[1] {
		return t.memTape.NoteAt(ctx, 0)
	}
	return t.memTape.NoteAt(ctx, pos)
}

func TestTapeThatGivesOtherNotes(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(600<<10, 1))
	template, _ := encode(t, d, noise(600<<10, 1))
	open := func(context.Context, DictionaryName) (Tape, error) { return lyingTape{d.tape}, nil }
	if _, err := decodeStream(t.Context(), template, open, true); err == nil || errors.Is(err, ErrTemplate) {
		t.Error(err)
	}
}

// brokenWriter takes n bytes and then fails; or takes less than it is given without saying why.
type brokenWriter struct {
	n     int
	short bool
}

func (w *brokenWriter) Write(b []byte) (int, error) {
	if len(b) > w.n {
		if w.short {
			return w.n, nil
		}
		return w.n, errBroken
	}
	w.n -= len(b)
	return len(b), nil
}

func TestBrokenWriters(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(600<<10, 1))
	file := edit(noise(600<<10, 1), 3000, 1)
	template, _ := encode(t, d, file)
	for _, short := range []bool{false, true} {
		want := errBroken
		if short {
			want = io.ErrShortWrite
		}
		for _, n := range []int{0, 1, 77, 78, 100, 200, len(template) / 2, len(template) - 20, len(template) - 1} {
			if _, err := Encode(t.Context(), &brokenWriter{n, short}, bytes.NewReader(file), d.options()); !errors.Is(err, want) {
				t.Fatalf("encode, full after %d bytes: %v", n, err)
			}
		}
		goroutines := runtime.NumGoroutine()
		for n := 0; n < len(file); n += 50021 {
			dec, err := NewDecoder(t.Context(), bytes.NewReader(template), d.open)
			if err != nil {
				t.Fatal(err)
			}
			if k, err := dec.WriteTo(&brokenWriter{n, short}); !errors.Is(err, want) || k != int64(n) {
				t.Fatalf("stream, full after %d bytes: %d, %v", n, k, err)
			}
			dec.Close()
			r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), d.open)
			if err != nil {
				t.Fatal(err)
			}
			if k, err := r.WriteTo(&brokenWriter{n, short}); !errors.Is(err, want) || k != int64(n) {
				t.Fatalf("whole, full after %d bytes: %d, %v", n, k, err)
			}
		}
		ended(t, goroutines)
	}
	if err := BuildIndex(t.Context(), d.tape, 512, &brokenWriter{n: 100}); !errors.Is(err, errBroken) {
		t.Errorf("index: %v", err)
	}
}

func TestBrokenReaders(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(600<<10, 1))
	file := edit(noise(600<<10, 1), 3000, 1)
	template, _ := encode(t, d, file)
	broken := func(b []byte, n int) io.Reader {
		return io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(errBroken))
	}
	for n := 0; n < len(file); n += 100003 {
		if _, err := Encode(t.Context(), io.Discard, broken(file, n), d.options()); !errors.Is(err, errBroken) {
			t.Errorf("encode, %d bytes read: %v", n, err)
		}
		b, err := NewBuilder(t.Context(), func(Block) error { return nil }, BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Add(broken(file, n)); !errors.Is(err, errBroken) {
			t.Errorf("build, %d bytes read: %v", n, err)
		}
		if err := b.Close(); !errors.Is(err, errBroken) {
			t.Errorf("build forgot the error: %v", err)
		}
	}
	for n := range template {
		dec, err := NewDecoder(t.Context(), broken(template, n), d.open)
		if err == nil {
			_, err = dec.WriteTo(io.Discard)
			dec.Close()
		}
		if !errors.Is(err, errBroken) || errors.Is(err, ErrTemplate) {
			t.Fatalf("decode, %d bytes read: %v", n, err)
		}
		r, err := NewReaderAt(t.Context(), brokenReaderAt{template, n, errBroken}, int64(len(template)), d.open)
		if err == nil {
			_, err = r.WriteTo(io.Discard)
		}
		if !errors.Is(err, errBroken) || errors.Is(err, ErrTemplate) {
			t.Fatalf("whole, byte %d is bad: %v", n, err)
		}
	}
}

// A decoder may be closed twice, whether it has kept the template in memory or in a file; and no frame is read any more.
func TestDecoderIsClosed(t *testing.T) {
	for _, size := range []int{1000, spoolMemory + 1<<20} {
		file := noise(size, 1)
		for _, n := range []int64{0, 100, int64(size)} {
			d, err := NewDecoder(t.Context(), bytes.NewReader(encodeProfile(t, nil, file, ProfileFast).template), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, d, n); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := d.Close(); err != nil {
					t.Errorf("%d of %d bytes: %v", n, size, err)
				}
			}
			if n == 0 {
				if _, err := d.WriteTo(io.Discard); !errors.Is(err, os.ErrClosed) {
					t.Errorf("%d bytes, closed: %v", size, err)
				}
			}
		}
	}
}

// brokenReaderAt cannot read one byte.
type brokenReaderAt struct {
	b   []byte
	bad int
	err error
}

func (r brokenReaderAt) ReadAt(b []byte, off int64) (int, error) {
	n, err := bytes.NewReader(r.b).ReadAt(b, off)
	if k := r.bad - int(off); k >= 0 && k < n {
		return k, r.err
	}
	return n, err
}

// cancelTape cancels at its n-th call.
type cancelTape struct {
	*memTape
	n      *atomic.Int64
	cancel func()
}

func (t cancelTape) NoteAt(ctx context.Context, pos uint64) (uint64, []byte, error) {
	if t.n.Add(-1) < 0 {
		t.cancel()
	}
	return t.memTape.NoteAt(ctx, pos)
}

func (t cancelTape) Locate(ctx context.Context, pos uint64) (Span, error) {
	return locatingTape{t.memTape}.Locate(ctx, pos)
}

func TestCancel(t *testing.T) {
	old := noise(2<<20, 1)
	d := build(t, nil, BuildOptions{}, old)
	template, _ := encode(t, d, old)
	goroutines := runtime.NumGoroutine()
	try := func(name string, f func(ctx context.Context, tape Tape) error) {
		for _, calls := range []int64{0, 1, 5} {
			ctx, cancel := context.WithCancel(t.Context())
			n := new(atomic.Int64)
			n.Store(calls)
			if err := f(ctx, cancelTape{d.tape, n, cancel}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrTemplate) {
				t.Errorf("%s, cancelled at call %d: %v", name, calls, err)
			}
			cancel()
		}
	}
	opener := func(tape Tape) OpenTape {
		return func(context.Context, DictionaryName) (Tape, error) { return tape, nil }
	}
	try("stream", func(ctx context.Context, tape Tape) error {
		_, err := decodeStream(ctx, template, opener(tape), false)
		return err
	})
	try("stream ahead", func(ctx context.Context, tape Tape) error {
		_, err := decodeStream(ctx, template, opener(tape), true)
		return err
	})
	try("whole", func(ctx context.Context, tape Tape) error {
		_, err := decodeWhole(ctx, template, opener(tape))
		return err
	})
	try("encode", func(ctx context.Context, tape Tape) error {
		_, err := Encode(ctx, io.Discard, bytes.NewReader(old), EncodeOptions{Dictionary: &d.ref, Tape: tape, Index: d.index})
		return err
	})
	try("build", func(ctx context.Context, tape Tape) error {
		b, err := NewBuilder(ctx, func(Block) error { return nil }, BuildOptions{Base: tape, BaseIndex: d.index})
		if err != nil {
			return err
		}
		b.Add(bytes.NewReader(old))
		return b.Close()
	})
	ended(t, goroutines)

	// Without a tape, cancellation is seen between reads.
	ctx, cancel := context.WithCancel(t.Context())
	src := io.MultiReader(bytes.NewReader(old), readerFunc(func() { cancel() }), bytes.NewReader(old))
	if _, err := Encode(ctx, io.Discard, src, EncodeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("encode: %v", err)
	}
	b, err := NewBuilder(ctx, func(Block) error { return nil }, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Add(bytes.NewReader(old)); !errors.Is(err, context.Canceled) {
		t.Errorf("build: %v", err)
	}
	b.Close()
	if _, err := Inspect(ctx, bytes.NewReader(template), int64(len(template))); !errors.Is(err, context.Canceled) {
		t.Errorf("inspect: %v", err)
	}
}

// endingReader ends a context when it is read for the last time that may be.
type endingReader struct {
	io.ReaderAt
	reads, last int
	end         func()
}

func (r *endingReader) ReadAt(b []byte, off int64) (int, error) {
	if r.reads++; r.reads == r.last {
		r.end()
	}
	return r.ReaderAt.ReadAt(b, off)
}

// prefetchingTape wants to know what will be read.
type prefetchingTape struct{ locatingTape }

func (prefetchingTape) Prefetch(context.Context, []Span) {}

// What goes through the frames of a template ends with the context, in whatever frame that is.
func TestFramesEnd(t *testing.T) {
	old := noise(100<<10, 1)
	d := build(t, nil, BuildOptions{}, old)
	template := encodeLimited(t, d.options(), bytes.Repeat(old, 30), frameLimits{symbols: 1 << 19, local: 1 << 20, play: 50 << 10})
	for name, do := range map[string]func(context.Context, *Reader) error{
		"measure":  func(ctx context.Context, r *Reader) error { _, err := r.Measure(ctx); return err },
		"plays":    func(_ context.Context, r *Reader) error { _, err := r.PlaysFrom([][]Span{{{0, 1000}}}); return err },
		"prefetch": func(_ context.Context, r *Reader) error { return r.Prefetch(0, r.Size()) },
		"wanted": func(_ context.Context, r *Reader) error {
			for _, err := range r.Wanted() {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"meaning": func(_ context.Context, r *Reader) error {
			_, err := r.WantedMeaning(func(s Span) (Span, error) { return s, nil })
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		src := &endingReader{ReaderAt: bytes.NewReader(template), end: cancel}
		r, err := NewReaderAt(ctx, src, int64(len(template)), func(context.Context, DictionaryName) (Tape, error) {
			return prefetchingTape{locatingTape{d.tape}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.idx.frames) < 20 {
			t.Fatalf("%d frames", len(r.idx.frames))
		}
		src.last = src.reads + 5
		if err := do(ctx, r); !errors.Is(err, context.Canceled) || src.reads > src.last+1 {
			t.Errorf("%s: %v, after %d reads that nobody waits for", name, err, src.reads-src.last)
		}
		cancel()
	}
}

// endsSoon is a context that has ended when it is asked for the n-th time.
type endsSoon struct {
	context.Context
	n atomic.Int64
}

func (e *endsSoon) Err() error {
	if e.n.Add(-1) <= 0 {
		return context.Canceled
	}
	return nil
}

// A block, or a derived note, that takes long is given up in the middle, which is no fault of the template or of the note.
func TestGivenUpInTheMiddle(t *testing.T) {
	old := text(40<<10, 1)
	template := encodeProfile(t, nil, old, ProfileMax).template
	d := build(t, nil, BuildOptions{}, old)
	changed, _ := encode(t, d, edit(old, 500, 2))
	next, _, _ := promoteAs(t, d, ProfileMax, changed)
	pos := d.tape.size
	if _, n, err := next.tape.note(t.Context(), pos); err != nil || n.Derived == nil || n.Derived.coding != codingMixed {
		t.Fatalf("the note that was added is another one: %v, %v", n.Derived, err)
	}
	for what, open := range map[string]func(ctx context.Context) error{
		"block": func(ctx context.Context) error {
			r, err := NewReaderAt(ctx, bytes.NewReader(template), int64(len(template)), nil)
			if err == nil {
				_, err = r.ReadAt(make([]byte, 10), 0)
			}
			return err
		},
		"note": func(ctx context.Context) error {
			_, _, err := NewDeriver(next.tape.note, nil).NoteAt(ctx, pos)
			return err
		},
	} {
		n := int64(0)
		for err := errors.New("not yet"); err != nil; {
			n++
			ctx := &endsSoon{Context: t.Context()}
			ctx.n.Store(n)
			if err = open(ctx); err != nil && (!errors.Is(err, context.Canceled) || errors.Is(err, ErrTemplate) || errors.Is(err, ErrNote)) {
				t.Fatalf("%s: %v", what, err)
			}
		}
		if least := map[string]int64{"block": 6, "note": 2}[what]; n < least {
			t.Errorf("%s: the context is asked %d times, want %d or more", what, n-1, least-1)
		}
	}
}

// readerFunc is a reader of nothing that does something.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

func TestBuilderPassesErrorsOn(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	n := 0
	b, err := NewBuilder(t.Context(), func(Block) error {
		if n++; n > 2 {
			return errBroken
		}
		return nil
	}, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b.Add(bytes.NewReader(noise(4<<20, 1)))
	if err := b.Close(); !errors.Is(err, errBroken) || n != 3 {
		t.Errorf("emit was called %d times: %v", n, err)
	}
	ended(t, goroutines)
}
