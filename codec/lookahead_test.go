package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"
)

// eventually waits until a condition holds that others bring about.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// Blocks of the next frame are opened before anything of this one has played.
func TestLookAheadCrossesFrames(t *testing.T) {
	_, template := sourced(t)
	r := openTemplate(t, nil, template)
	if len(r.idx.frames) < 2 || r.idx.frames[1].local == 0 {
		t.Fatalf("%d frames", len(r.idx.frames))
	}
	a := newLookAhead(t.Context(), &r.play, 0)
	defer a.stop()
	for i := range 2 {
		fr, err := r.play.frame(i)
		if err != nil {
			t.Fatal(err)
		}
		a.add(fr, 0)
	}
	eventually(t, "block of the second frame", func() bool {
		raw, err := r.play.blocks.get(t.Context(), r.idx.frames[1].localPos)
		return raw != nil && err == nil
	})
}

// A block plays as far as it has been opened.
func TestBlockPlaysWhileItIsOpened(t *testing.T) {
	s := encodeProfile(t, nil, text(64<<10, 1), ProfileMax) // of which 8 KiB take some 20 ms
	r := openTemplate(t, nil, s.template)
	opening := 0 // when some of it had come
	var got bytes.Buffer
	_, err := r.WriteTo(writerFunc(func(b []byte) (int, error) {
		r.play.blocks.mu.Lock()
		defer r.play.blocks.mu.Unlock()
		if run := r.play.blocks.runs[0]; run.done != nil && bytes.HasPrefix(run.raw, got.Bytes()) {
			opening++
		}
		return got.Write(b)
	}))
	if err != nil || !bytes.Equal(got.Bytes(), s.file) {
		t.Fatalf("%d bytes of %d: %v", got.Len(), len(s.file), err)
	}
	if opening < 3 {
		t.Errorf("only %d pieces played before all had come", opening)
	}
}

// What is not there is not shown, and a load that fails after it has shown something says so to those who want more.
func TestRunsGrow(t *testing.T) {
	c := runCache{max: 1}
	if _, raw, err := c.come(t.Context(), 5, true); raw != nil || err != nil {
		t.Errorf("%q, %v of nothing", raw, err)
	}
	raw := []byte("0123456789")
	r := c.begin(12, 10, 20)
	if _, raw, err := c.come(t.Context(), 12, false); raw != nil || err != nil {
		t.Errorf("%q, %v before anything came", raw, err)
	}
	c.grow(r, raw[:4])
	for _, wait := range []bool{false, true} {
		if start, got, err := c.come(t.Context(), 13, wait); start != 10 || string(got) != "0123" || err != nil {
			t.Errorf("%d, %q, %v", start, got, err)
		}
	}
	if _, raw, err := c.come(t.Context(), 14, false); raw != nil || err != nil {
		t.Errorf("%q, %v before it came", raw, err)
	}
	got := make(chan string)
	ask := func(pos uint64) {
		_, raw, err := c.come(t.Context(), pos, true)
		got <- fmt.Sprintf("%s %v", raw, err)
	}
	go ask(16)
	c.grow(r, raw[:5])
	c.grow(r, raw[:7])
	if s := <-got; s != "0123456 <nil>" {
		t.Error(s)
	}
	go ask(17)
	c.finish(r, 0, nil, errFull)
	if s := <-got; s != " full" && s != " <nil>" { // asked before it failed, or after
		t.Error(s)
	}
	r = c.begin(17, 10, 20)
	go ask(19)
	c.finish(r, 10, raw, nil)
	if s := <-got; s != "0123456789 <nil>" {
		t.Error(s)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	c.begin(30, 30, 40)
	if _, raw, err := c.come(ended, 30, true); raw != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v when nobody waits any more", raw, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// failingWriter takes so many bytes, and then none.
type failingWriter struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("full")

func (w *failingWriter) Write(b []byte) (int, error) {
	n, _ := w.Buffer.Write(b[:min(len(b), w.room)])
	w.room -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

// A decoder goes on where a writer failed, with what was being read ahead.
func TestGoOnAfterFailedWrite(t *testing.T) {
	file, template := sourced(t)
	for _, room := range []int{0, 1, 1_000_000, 2_500_000} {
		d, err := NewDecoder(t.Context(), bytes.NewReader(template), nil)
		if err != nil {
			t.Fatal(err)
		}
		w := failingWriter{room: room}
		if n, err := d.WriteTo(&w); n != int64(room) || !errors.Is(err, errFull) {
			t.Errorf("%d bytes, %v, want %d and %v", n, err, room, errFull)
		}
		if _, err := io.CopyN(&w.Buffer, d, 1000); err != nil {
			t.Error(err)
		}
		if _, err := d.WriteTo(&w.Buffer); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(w.Bytes(), file) {
			t.Errorf("room for %d bytes: another file came back", room)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// lateTape has the notes from a place on only when it is told so.
type lateTape struct {
	locatingTape
	from uint64
	here chan struct{}
}

func (t lateTape) NoteAt(ctx context.Context, pos uint64) (uint64, []byte, error) {
	if pos >= t.from {
		select {
		case <-t.here:
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
	return t.locatingTape.NoteAt(ctx, pos)
}

// meter says when it has got so many bytes, and counts how often it is called.
type meter struct {
	bytes.Buffer
	calls, want int
	enough      chan struct{}
}

func (m *meter) Write(b []byte) (int, error) {
	m.calls++
	before := m.Len()
	n, err := m.Buffer.Write(b)
	if before < m.want && m.Len() >= m.want {
		close(m.enough)
	}
	return n, err
}

// Short pieces are written together, but do not wait for what is not there yet.
func TestShortPieces(t *testing.T) {
	const piece, pieces = 1000, 1000
	old := noise(4<<20, 1)
	d := build(t, nil, BuildOptions{}, old)
	var file []byte
	for i := range pieces {
		file = append(file, old[i*637%pieces*piece:][:piece]...)
	}
	file = append(file, old[3<<20:]...)
	template, stats := encode(t, d, file)
	if stats.Spans < pieces*9/10 {
		t.Fatalf("%d spans", stats.Spans)
	}
	for name, play := range map[string]func(open OpenTape) io.WriterTo{
		"stream": func(open OpenTape) io.WriterTo {
			dec, err := NewDecoder(t.Context(), bytes.NewReader(template), open)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dec.Close() })
			return dec
		},
		"file": func(open OpenTape) io.WriterTo {
			r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), open)
			if err != nil {
				t.Fatal(err)
			}
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			start, _, err := d.tape.NoteAt(t.Context(), 3<<20)
			if err != nil {
				t.Fatal(err)
			}
			m := &meter{want: piece * pieces, enough: make(chan struct{})} // of them none is in a note that is late
			got := play(func(context.Context, DictionaryName) (Tape, error) {
				return lateTape{locatingTape{d.tape}, start, m.enough}, nil
			})
			if _, err := got.WriteTo(m); err != nil || !bytes.Equal(m.Bytes(), file) {
				t.Fatalf("%d bytes of %d: %v", m.Len(), len(file), err)
			}
			if m.calls > 100 {
				t.Errorf("%d bytes were written in %d calls", len(file), m.calls)
			}
		})
	}
}

// arrivingSlowly gives a template up to a place and then nothing until it is told to go on.
type arrivingSlowly struct {
	io.Reader
	waiting chan struct{} // is closed once the place has been reached
	goOn    chan struct{}
	rest    io.Reader
}

func (s *arrivingSlowly) Read(b []byte) (int, error) {
	if n, err := s.Reader.Read(b); err == nil {
		return n, nil
	}
	if s.rest == nil {
		return 0, io.EOF
	}
	close(s.waiting)
	<-s.goOn
	s.Reader, s.rest = s.rest, nil
	return s.Reader.Read(b)
}

// A frame plays to its end while the next one is on its way, and a decoder may be closed then.
func TestReadAheadWaits(t *testing.T) {
	file, template := sourced(t)
	r := openTemplate(t, nil, template)
	second := r.idx.frames[1]
	for _, leave := range []bool{false, true} {
		src := &arrivingSlowly{
			Reader:  bytes.NewReader(template[:second.off+20]),
			rest:    bytes.NewReader(template[second.off+20:]),
			waiting: make(chan struct{}), goOn: make(chan struct{}),
		}
		d, err := NewDecoder(t.Context(), src, nil)
		if err != nil {
			t.Fatal(err)
		}
		out, in := io.Pipe()
		done := make(chan error, 1)
		go func() {
			_, err := d.WriteTo(in)
			in.CloseWithError(err)
			done <- err
		}()
		first := make([]byte, second.start)
		if _, err := io.ReadFull(out, first); err != nil || !bytes.Equal(first, file[:second.start]) {
			t.Errorf("the first frame did not play: %v", err)
		}
		<-src.waiting
		if leave {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			close(src.goOn)
			if err := <-done; err == nil {
				t.Error("a closed decoder went on")
			}
			continue
		}
		close(src.goOn)
		if rest, err := io.ReadAll(out); err != nil || !bytes.Equal(rest, file[second.start:]) {
			t.Errorf("%d bytes, %v", len(rest), err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// After it was closed, a decoder does not call the template wrong.
func TestClosedDecoder(t *testing.T) {
	_, template := sourced(t)
	d, err := NewDecoder(t.Context(), bytes.NewReader(template), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, d, 10); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	var wrong *FormatError
	if _, err := io.Copy(io.Discard, struct{ io.Reader }{d}); !errors.Is(err, os.ErrClosed) || errors.As(err, &wrong) {
		t.Errorf("%v, want %v", err, os.ErrClosed)
	}
}
