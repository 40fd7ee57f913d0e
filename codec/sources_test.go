package codec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// sourced is a file of versions, each the one before edited every few hundred bytes, and its template, of frames so short that blocks have others for sources.
func sourced(t testing.TB) (file, template []byte) {
	onceSourced.Do(func() { onceSourced.file, onceSourced.template = makeSourced(t) })
	return onceSourced.file, onceSourced.template
}

var onceSourced struct {
	sync.Once
	file, template []byte
}

func makeSourced(t testing.TB) (file, template []byte) {
	version := text(512<<10, 1)
	for i := range uint64(8) {
		file = append(file, version...)
		version = edit(version, 400, i)
	}
	template = encodeFrames(t, nil, file, 1<<19, 64<<10)
	r := openTemplate(t, nil, template)
	most := 0
	for i := range r.idx.frames {
		if _, err := r.play.frame(i); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range r.play.needs {
		most = max(most, len(n))
	}
	if most < 3 || most > maxNeeds {
		t.Fatalf("blocks need up to %d others, want 3 to %d", most, maxNeeds)
	}
	return file, template
}

// Blocks that are coded against others play in every order, by one reader and by many at a time, and in a stream.
func TestSources(t *testing.T) {
	file, template := sourced(t)
	for _, ahead := range []bool{false, true} {
		if got, err := decodeStream(t.Context(), template, nil, ahead); err != nil || !bytes.Equal(got, file) {
			t.Errorf("ahead %v: another file came back: %v", ahead, err)
		}
	}
	if got, err := decodeWhole(t.Context(), template, nil); err != nil || !bytes.Equal(got, file) {
		t.Errorf("whole: another file came back: %v", err)
	}
	readAll := func(r *Reader, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		for range 40 {
			off := random.IntN(len(file))
			got := make([]byte, min(4<<10, len(file)-off))
			if n, err := r.ReadAt(got, int64(off)); n != len(got) || err != nil || !bytes.Equal(got, file[off:off+n]) {
				t.Errorf("other bytes came back from %d on: %v", off, err)
			}
		}
	}
	r := openTemplate(t, nil, template)
	var readers sync.WaitGroup
	for i := range 8 {
		readers.Go(func() { readAll(r, uint64(i)) })
	}
	readers.Wait()
	for i := range uint64(4) {
		readAll(openTemplate(t, nil, template), 100+i)
	}
}

// Blocks that others need are kept on disk when there are many. Where that cannot be, it is said, for to open them over and over would take for ever.
func TestSourcesWithoutDisk(t *testing.T) {
	file, template := sourced(t)
	t.Setenv("TMPDIR", "/nonexistent")
	var bad *FormatError
	_, err := openTemplate(t, nil, template).ReadAt(make([]byte, len(file)), 0)
	if !errors.Is(err, fs.ErrNotExist) || errors.As(err, &bad) || !strings.Contains(err.Error(), "keep") {
		t.Errorf("no room for what is kept: %v", err)
	}
}

// helloAgain is a frame that plays hello, and whose block has sources, which its coding does not use.
func helloAgain(sources ...blockSource) forgedFrame {
	f := helloFrame(5, "hello", 1, codeFresh)
	f.blocks[0].sources = sources
	return f
}

// helloChain is so many frames, each with the one before it for a source.
func helloChain(n int) []forgedFrame {
	frames := []forgedFrame{helloAgain()}
	for len(frames) < n {
		frames = append(frames, helloAgain(blockSource{back: 1}))
	}
	return frames
}

// A block may need as many others as the format allows, also where they are known only from heads that have not been read.
func TestLongestChainOfSources(t *testing.T) {
	template := forged{frames: helloChain(maxNeeds + 1)}.bytes()
	file := strings.Repeat("hello", maxNeeds+1)
	for _, ahead := range []bool{false, true} {
		if got, err := decodeStream(t.Context(), template, nil, ahead); err != nil || string(got) != file {
			t.Errorf("%q, %v", got, err)
		}
	}
	got := make([]byte, 5)
	if _, err := openTemplate(t, nil, template).ReadAt(got, int64(5*maxNeeds)); err != nil || string(got) != "hello" {
		t.Errorf("the last: %q, %v", got, err)
	}
}

// A file that has a dictionary is coded against it, and against itself only where that knows more.
func TestSourcesBesideATape(t *testing.T) {
	first, other := text(300<<10, 1), noise(1200<<10, 2)
	twice := slices.Concat(other, edit(other, 1000, 3))
	for _, c := range []struct {
		name string
		tape []byte
		file []byte
		want bool
	}{
		{"known to the tape", first, slices.Concat(edit(first, 600, 4), edit(first, 600, 5)), false},
		{"unknown to it", text(1000, 1), twice, true},
	} {
		d := build(t, nil, BuildOptions{}, c.tape)
		template := encodeFrames(t, d, c.file, 1<<19, 64<<10)
		r := openTemplate(t, d, template)
		has := false
		for i := range r.idx.frames {
			fr, err := r.play.frame(i)
			if err != nil {
				t.Fatal(err)
			}
			has = has || slices.ContainsFunc(fr.blocks, func(b blockEntry) bool { return len(b.sources) > 0 })
		}
		if has != c.want {
			t.Errorf("%s: has sources is %v, want %v", c.name, has, c.want)
		}
		got := make([]byte, len(c.file))
		if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, c.file) {
			t.Errorf("%s: another file came back: %v", c.name, err)
		}
	}
}

// Frames may be a longer chain than blocks: of two blocks each, the first has the second of the frame before for its source.
func TestChainOfFrames(t *testing.T) {
	const half = 1<<18 + 1
	zeros := zstdBomb(half)
	var frames []forgedFrame
	for i := range maxNeeds + 4 {
		f := forgedFrame{play: 2 * half, plays: make([]byte, 2*half), count: 1, data: [][]byte{zeros, zeros}}
		f.streams[streamPlay] = []uint64{codeFresh}
		f.streams[streamLocalLen] = []uint64{2*half - 1}
		f.blocks = []blockEntry{{coding: codingZstd, raw: half, stored: len(zeros)}, {coding: codingZstd, raw: half, stored: len(zeros)}}
		if i > 0 {
			f.blocks[0].sources = []blockSource{{back: 1, block: 1}}
		}
		frames = append(frames, f)
	}
	template := forged{frames: frames}.bytes()
	for i := range frames {
		r := openTemplate(t, nil, template)
		if n, err := r.ReadAt(make([]byte, 10), int64(i)*2*half); n != 10 || err != nil {
			t.Errorf("frame %d: %d bytes, %v", i, n, err)
		}
	}
	if got, err := decodeWhole(t.Context(), template, nil); len(got) != len(frames)*2*half || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A template that names no dictionary, since none of its symbols needs it, is decoded without one: its blocks, too, are coded as if there were none.
func TestSourcesWithoutTheDictionary(t *testing.T) {
	d := build(t, nil, BuildOptions{}, text(100_001, 5))
	code := func(moved uint32) (b []byte) { // numbers that hold places, among noise
		r := rand.New(rand.NewPCG(1, 3))
		for len(b) < 100<<10 {
			for range 300 + r.IntN(300) {
				b = append(b, byte(r.Uint32()))
			}
			for range 4 {
				to := 1<<20 + r.Uint32N(1<<16)
				b = binary.LittleEndian.AppendUint32(append(b, 0xe8), to+moved*(1+to>>6&7))
				b = append(b, 0x90, 0x90)
			}
		}
		return b
	}
	file := append(make([]byte, maxPending-len(code(0))), code(0)...) // becomes local before what repeats it
	file = append(file, code(1<<12)...)
	var out bytes.Buffer
	e, err := newEncoder(t.Context(), &out, bytes.NewReader(file), d.options())
	if err != nil {
		t.Fatal(err)
	}
	defer e.local.close()
	e.shape.blockBits = minBlockBits
	if err := e.run(); err != nil {
		t.Fatal(err)
	}
	if name, _, _, err := parseHeader(out.Bytes()); name != nil || err != nil || len(e.needs[e.blocks[len(e.blocks)-1].Pos]) == 0 {
		t.Fatalf("named is %v, needed is %v: %v", name, e.needs, err)
	}
	var got bytes.Buffer
	if _, err := openTemplate(t, nil, out.Bytes()).WriteTo(&got); err != nil || !bytes.Equal(got.Bytes(), file) {
		t.Fatalf("%d bytes, want %d: %v", got.Len(), len(file), err)
	}
}
