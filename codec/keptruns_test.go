package codec

import (
	"bytes"
	"io"
	"slices"
	"sync/atomic"
	"testing"
)

func TestKeptRuns(t *testing.T) {
	k := keptRuns{raw: spool{most: 5000}}
	if _, raw, err := k.at(0); raw != nil || err != nil {
		t.Fatalf("an empty one has %d bytes: %v", len(raw), err)
	}
	tape := noise(40000, 1)
	for _, i := range []int{7, 2, 9, 0, 2, 5} { // some of them beyond what is kept in memory
		if err := k.add(uint64(i)*4000, tape[i*4000:][:3000]); err != nil {
			t.Fatal(err)
		}
	}
	for pos := uint64(0); pos < 41000; pos += 500 {
		start, raw, err := k.at(pos)
		kept := slices.Contains([]uint64{0, 2, 5, 7, 9}, pos/4000) && pos%4000 < 3000
		if err != nil || kept != (raw != nil) || kept && (start != pos/4000*4000 || !bytes.Equal(raw, tape[start:][:3000])) {
			t.Errorf("byte %d: %d bytes at %d, %v", pos, len(raw), start, err)
		}
	}
}

// countingReader counts what is read, by several at once.
type countingReader struct {
	io.ReaderAt
	read atomic.Int64
}

func (c *countingReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, off)
	c.read.Add(int64(n))
	return n, err
}

// A file that goes to and fro between more blocks than are kept at hand reads and opens each of them once.
func TestRepeatsOpenBlocksOnce(t *testing.T) {
	file := noise(9<<20, 3)
	for i := range 100 {
		at := i * 4 % 9 << 20
		file = append(file, file[at+i*1000:][:3000]...)
	}
	s := encodeProfile(t, nil, file, ProfileDefault)
	src := &countingReader{ReaderAt: bytes.NewReader(s.template)}
	r, err := NewReaderAt(t.Context(), src, int64(len(s.template)), nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := r.WriteTo(&out); err != nil || !bytes.Equal(out.Bytes(), file) {
		t.Fatal(err)
	}
	if n := src.read.Load(); n > int64(3*len(s.template)/2) {
		t.Errorf("%d bytes are read of a template of %d", n, len(s.template))
	}
}

// Blocks that have left the cache are looked at whole, however long: where a frame has several, they are longer than one that is all of a frame.
func TestWholeBlocksOfWhatIsKept(t *testing.T) {
	file := noise(1<<20, 5)
	r := openTemplate(t, nil, encodeProfile(t, nil, file, ProfileFast).template)
	r.play.blocks.max = 1
	p, err := CompilePattern(PatternOptions{Literal: true}, "ab")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		m, err := r.Measure(t.Context())
		if lines := uint64(bytes.Count(file, newline)) + 1; err != nil || m.Histogram['a'] != uint64(bytes.Count(file, []byte("a"))) || m.Lines != lines {
			t.Fatalf("%d lines, %v", m.Lines, err)
		}
		n, err := r.CountLines(t.Context(), p)
		if err != nil || n.Lines != m.Lines || n.Selected == 0 {
			t.Fatalf("%+v, %v", n, err)
		}
	}
}

// Of a block that is kept on disk only what is asked for is read.
func TestSmallReadsOfWhatIsKept(t *testing.T) {
	file := noise(1<<20, 5)
	r := openTemplate(t, nil, encodeProfile(t, nil, file, ProfileFast).template)
	if err := r.play.again.add(0, file); err != nil {
		t.Fatal(err)
	}
	raw, err := r.play.at(t.Context(), symbol{code: codeRepeat, pos: 0, len: 1 << 20}, 1<<19, 4096)
	if err != nil || !bytes.Equal(raw, file[1<<19:][:4096]) || cap(raw) > 8192 {
		t.Errorf("%d bytes in %d, %v", len(raw), cap(raw), err)
	}
}
