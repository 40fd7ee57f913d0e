package codec

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// manyFrames is a file that takes several frames, later ones of which repeat local notes of earlier ones.
func manyFrames(old []byte) (file []byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for len(file) < 3<<20 {
		switch r.IntN(3) {
		case 0:
			at := r.IntN(len(old) - 60000)
			file = append(file, old[at:at+1000+r.IntN(50000)]...)
		case 1:
			file = append(file, noise(1000+r.IntN(60000), r.Uint64())...)
		case 2:
			if len(file) > 100000 {
				at := r.IntN(len(file) - 60000)
				file = append(file, file[at:at+1000+r.IntN(50000)]...)
			}
		}
	}
	return file
}

// Files of many frames play, in every way and from everywhere, whatever closes the frames.
func TestManyFrames(t *testing.T) {
	old := append(text(1<<20, 5), noise(1<<20, 6)...)
	d := build(t, nil, BuildOptions{}, old)
	file := manyFrames(old)
	for _, limit := range []frameLimits{
		{symbols: 7, local: defaultFrame.local, play: 1 << 40},
		{symbols: 1 << 17, local: 100 << 10, play: 1 << 40},
		{symbols: 1 << 17, local: defaultFrame.local, play: 300 << 10},
	} {
		s := encodeSmall(t, d, file, limit)
		r, err := NewReaderAt(t.Context(), bytes.NewReader(s.template), int64(len(s.template)), d.open)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v: %d frames, %d bytes", limit, len(r.idx.frames), len(s.template))
		if len(r.idx.frames) < 8 {
			t.Errorf("%d frames", len(r.idx.frames))
		}
		for _, ahead := range []bool{false, true} {
			if got, err := decodeStream(t.Context(), s.template, d.open, ahead); err != nil || !bytes.Equal(got, file) {
				t.Errorf("stream: %d bytes, %v", len(got), err)
			}
		}
		if got, err := decodeWhole(t.Context(), s.template, d.open); err != nil || !bytes.Equal(got, file) {
			t.Errorf("whole: %d bytes, %v", len(got), err)
		}
		rnd := rand.New(rand.NewPCG(3, 4))
		b := make([]byte, 200<<10)
		for range 50 {
			off := rnd.IntN(len(file))
			n, err := r.ReadAt(b, int64(off))
			if want := file[off:min(off+len(b), len(file))]; !bytes.Equal(b[:n], want) || (err == io.EOF) != (n < len(b)) {
				t.Fatalf("%d bytes at %d: %d, %v", len(b), off, n, err)
			}
		}
	}
}

// A span that takes over the end of the one before, which thereby becomes another, does so in the frame that has played it.
func TestFrameOfManyTerminals(t *testing.T) {
	old := noise(200<<10, 6)
	var file []byte
	for at := 0; at < 160<<10; at += 20 << 10 { // to another place and back, both of which go on alike
		there := at + 12<<10
		copy(old[there+6000:], old[at+5000:at+5040])
		file = slices.Concat(file, old[at:at+5000], old[there:there+6000], old[at+5000:at+12000])
	}
	d := build(t, nil, BuildOptions{}, old)
	for n := 2; n < 9; n++ {
		s := encodeSmall(t, d, file, frameLimits{symbols: 1 << 17, terminals: n, local: 1 << 20, play: 1 << 40})
		if got, err := decodeWhole(t.Context(), s.template, d.open); err != nil || !bytes.Equal(got, file) {
			t.Errorf("frames of %d terminals: %d bytes, %v", n, len(got), err)
		}
	}
}

// Reading by turns with Read and WriteTo plays the file as well.
func TestReadThenWriteTo(t *testing.T) {
	old := noise(2<<20, 6)
	d := build(t, nil, BuildOptions{}, old)
	file := manyFrames(old)
	s := encodeSmall(t, d, file, frameLimits{symbols: 50, local: 1 << 20, play: 1 << 40})
	for _, n := range []int{0, 1, 1000, 700000, len(file)} {
		dec, err := NewDecoder(t.Context(), bytes.NewReader(s.template), d.open)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, n)
		if _, err := io.ReadFull(dec, got); err != nil {
			t.Fatal(err)
		}
		out := bytes.NewBuffer(got)
		dec.WriteTo(&brokenWriterAfter{out, 500000}) // gives up half way
		rest, err := io.ReadAll(dec)
		if got := append(out.Bytes(), rest...); err != nil || len(got) != len(file) || !bytes.Equal(got, file) {
			t.Errorf("after %d bytes: %d, %v", n, len(got), err)
		}
		dec.Close()
	}
}

// brokenWriterAfter fails before a write once it has taken n bytes.
type brokenWriterAfter struct {
	w io.Writer
	n int
}

func (w *brokenWriterAfter) Write(b []byte) (int, error) {
	k := min(w.n, len(b))
	w.n -= k
	w.w.Write(b[:k])
	if k < len(b) {
		return k, errBroken
	}
	return k, nil
}

// Templates do not depend on the number of processors.
func TestEncodeOnOneProcessor(t *testing.T) {
	old := append(text(1<<20, 5), noise(1<<20, 6)...)
	d := build(t, nil, BuildOptions{}, old)
	file := append(manyFrames(old), edit(old, 300, 3)...)
	want, _ := encode(t, d, file)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if got, _ := encode(t, d, file); !bytes.Equal(got, want) {
		t.Error("templates differ")
	}
	if got, err := decodeWhole(t.Context(), want, d.open); err != nil || !bytes.Equal(got, file) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// The local tape gives back what has long left the memory.
func TestLocalTapeEvicts(t *testing.T) {
	data := noise(7<<20+12345, 1)
	for _, keep := range []int{1 << 20, 2 << 20, 0} {
		tape := localTape{keep: keep}
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 300000)
			if err := tape.appendPages(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if (tape.file != nil) != (keep > 0) {
			t.Errorf("keeping %d bytes, a file is %v", keep, tape.file)
		}
		r := rand.New(rand.NewPCG(1, 1))
		for range 200 {
			pos := r.IntN(len(data))
			start, raw, err := tape.at(uint64(pos))
			if err != nil || start > uint64(pos) || uint64(pos)-start >= uint64(len(raw)) || !bytes.Equal(raw, data[start:start+uint64(len(raw))]) {
				t.Fatalf("byte %d: %d bytes at %d, %v", pos, len(raw), start, err)
			}
		}
		tape.close()
	}
}

// Repeats reach back to what the encoder has evicted and the decoder has spooled to a file.
func TestRepeatsReachFarBack(t *testing.T) {
	first := noise(10<<20, 1)
	file := slices.Concat(first, first[100:3<<20], first[5<<20:5<<20+2000], first)
	var out bytes.Buffer
	e, err := newEncoder(t.Context(), &out, bytes.NewReader(file), EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.local.close()
	e.local.keep = 2 << 20
	if err := e.run(); err != nil {
		t.Fatal(err)
	}
	if e.local.file == nil {
		t.Error("nothing was evicted")
	}
	if out.Len() > len(first)+5000 {
		t.Errorf("template of %d bytes for %d that repeat", out.Len(), len(first))
	}
	for _, ahead := range []bool{false, true} {
		dec, err := NewDecoder(t.Context(), bytes.NewReader(out.Bytes()), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if ahead {
			_, err = dec.WriteTo(&got)
		} else {
			_, err = io.Copy(&got, struct{ io.Reader }{dec})
		}
		if err != nil || !bytes.Equal(got.Bytes(), file) {
			t.Errorf("%d bytes, %v", got.Len(), err)
		}
		if dec.kept.file == nil {
			t.Error("nothing was spooled to a file")
		}
		dec.Close()
	}
}

func TestSpool(t *testing.T) {
	data := noise(spoolMemory+100000, 1)
	var s spool
	for i := 0; i < len(data); i += 70001 {
		part := data[i:min(i+70001, len(data))]
		if n, err := s.Write(part); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
		b := make([]byte, 1000)
		n, err := s.ReadAt(b, int64(i))
		if want := part[:min(len(part), 1000)]; !bytes.Equal(b[:n], want) || (err == io.EOF) != (n < 1000) {
			t.Fatalf("at %d: %d bytes, %v", i, n, err)
		}
	}
	got := make([]byte, len(data))
	if n, err := s.ReadAt(got, 0); n != len(data) || err != nil || !bytes.Equal(got, data) || s.file == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// peak runs f and returns by how much the heap in use grew at most, in MiB, as far as sampling sees it.
func peak(f func()) float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, m.HeapInuse
	done := make(chan struct{})
	sampled := make(chan struct{})
	go func() {
		defer close(sampled)
		for {
			select {
			case <-done:
				return
			default:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
				runtime.Gosched()
			}
		}
	}()
	f()
	close(done)
	<-sampled
	return float64(most-before) / (1 << 20)
}

// Bytes per second, bytes of template and memory. "like" is a recompiled program: every few hundred bytes differ.
func BenchmarkCodec(b *testing.B) {
	old := append(text(12<<20, 5), noise(4<<20, 6)...)
	d := build(b, nil, BuildOptions{}, old)
	for name, file := range map[string][]byte{"same": old, "edited": edit(old, 5000, 1), "like": edit(old, 300, 2), "unlike": text(16<<20, 99)} {
		template, _ := encode(b, d, file)
		b.Run(fmt.Sprintf("encode/%s", name), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				encode(b, d, file)
			}
			b.ReportMetric(float64(len(template))/float64(len(file)), "template/file")
			b.ReportMetric(peak(func() { encode(b, d, file) }), "peak-MiB")
		})
		b.Run(fmt.Sprintf("decode/%s", name), func(b *testing.B) {
			play := func() {
				dec, err := NewDecoder(b.Context(), bytes.NewReader(template), d.open)
				if err != nil {
					b.Fatal(err)
				}
				defer dec.Close()
				if n, err := dec.WriteTo(io.Discard); err != nil || n != int64(len(file)) {
					b.Fatal(n, err)
				}
			}
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				play()
			}
			b.ReportMetric(peak(play), "peak-MiB")
		})
	}
}
