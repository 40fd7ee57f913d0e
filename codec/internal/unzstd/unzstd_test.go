package unzstd

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// frameOf packs content as notes are, at a level.
func frameOf(t testing.TB, content []byte, o ...zstd.EOption) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil, append([]zstd.EOption{zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true)}, o...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	return enc.EncodeAll(content, nil)
}

// contents are of all kinds that make different blocks.
func contents() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 240<<10)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := func(n, letters, far int) []byte {
		var b []byte
		for len(b) < n {
			if len(b) > 10 && r.IntN(3) > 0 {
				at := len(b) - 1 - r.IntN(min(len(b)-1, far))
				for range 3 + r.IntN(60)*r.IntN(60)/20 {
					b = append(b, b[at])
					at++
				}
				continue
			}
			for range r.IntN(40) {
				b = append(b, 'a'+byte(min(r.IntN(letters), r.IntN(letters))))
			}
		}
		return b[:n]
	}
	m := map[string][]byte{
		"noise":        noise,
		"zeros":        make([]byte, 200<<10),
		"a byte":       {7},
		"few letters":  text(240<<10, 3, 1000),
		"near copies":  text(240<<10, 26, 12),
		"far copies":   text(240<<10, 26, 1<<20),
		"all letters":  text(100<<10, 150, 5000),
		"long copies":  slices.Concat(noise[:60<<10], noise[:60<<10], noise[5:70<<10]),
		"period 2":     bytes.Repeat([]byte("ab"), 50000),
		"period 15":    bytes.Repeat([]byte("123456789012345"), 9000),
		"period 16":    bytes.Repeat([]byte("1234567890123456"), 9000),
		"noise at end": slices.Concat(text(130<<10, 20, 4000), noise[:50<<10]),
	}
	for _, n := range []int{2, 31, 32, 255, 256, 257, 1023, 4095, 65535, 65536, 65791, 65792, 128 << 10, 128<<10 + 1} {
		m[fmt.Sprint(n, " of text")] = text(n, 20, 3000)
	}
	return m
}

// Whatever the encoder makes comes back, into memory that is large enough and into none, and nothing is written beyond what is allowed.
func TestDecode(t *testing.T) {
	refused := 0
	for name, want := range contents() {
		for level := zstd.SpeedFastest; level <= zstd.SpeedBestCompression; level++ {
			frame := frameOf(t, want, zstd.WithEncoderLevel(level), zstd.WithWindowSize(256<<10))
			room := bytes.Repeat([]byte{0xee}, len(want)+Slack+100)
			got, err := Decode(room[:0:len(want)+Slack], frame, len(want))
			if errors.Is(err, ErrRefused) {
				refused++
				t.Logf("%s, %v: refused", name, level)
			} else if err != nil || !bytes.Equal(got, want) || &got[0] != &room[0] {
				t.Errorf("%s, %v: %d bytes, %v", name, level, len(got), err)
			}
			if !bytes.Equal(room[len(want)+Slack:], bytes.Repeat([]byte{0xee}, 100)) {
				t.Errorf("%s, %v: wrote beyond the slack", name, level)
			}
			if again, err2 := Decode(nil, frame, len(want)); !errors.Is(err2, err) || err == nil && !bytes.Equal(again, want) {
				t.Errorf("%s, %v: into new memory: %v", name, level, err2)
			}
		}
	}
	if refused > 4 { // what is a handful of bytes may be
		t.Errorf("%d frames were refused", refused)
	}
}

// What is not for this decoder is refused.
func TestRefused(t *testing.T) {
	text := contents()["far copies"]
	good := frameOf(t, text)
	long := append(slices.Clone(good), 0)
	for name, frame := range map[string][]byte{
		"nothing":        {},
		"cut":            good[:len(good)-1],
		"longer":         long,
		"with checksum":  frameOf(t, text, zstd.WithEncoderCRC(true)),
		"several blocks": frameOf(t, text, zstd.WithSingleSegment(false)),
		"no frame":       append([]byte("    "), good[4:]...),
		"two frames":     slices.Concat(good, good),
	} {
		if got, err := Decode(nil, frame, len(text)); !errors.Is(err, ErrRefused) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for _, n := range []int{0, 1, len(text) - 1, len(text) + 1} {
		if _, err := Decode(nil, good, n); !errors.Is(err, ErrRefused) {
			t.Errorf("%d bytes asked of %d: %v", n, len(text), err)
		}
	}
}

// Whatever is done to a frame, it is refused, or gives what the general decoder gives.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	accepted := 0
	for _, want := range contents() {
		want = want[:min(len(want), 20000)]
		good := frameOf(t, want)
		for range 300 {
			bad := slices.Clone(good)
			for range 1 + r.IntN(3) {
				bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
			}
			if r.IntN(4) == 0 {
				bad = bad[:r.IntN(len(bad)+1)]
			}
			if same(t, dec, bad, len(want)) {
				accepted++
			}
		}
	}
	if accepted == 0 {
		t.Error("nothing was accepted, so nothing was compared")
	}
}

// same fails unless a frame is refused, or expands as dec says; it reports whether it was not refused.
func same(t *testing.T, dec *zstd.Decoder, frame []byte, size int) bool {
	t.Helper()
	got, err := Decode(nil, frame, size)
	if err != nil {
		return false
	}
	want, err := dec.DecodeAll(frame, nil)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes where the general decoder makes %d, %v, of % x", len(got), len(want), err, frame[:min(len(frame), 200)])
	}
	return true
}

func FuzzDecode(f *testing.F) {
	for name, b := range contents() {
		for level := zstd.SpeedFastest; level <= zstd.SpeedBestCompression; level++ {
			if len(b) > 5000 && name != "zeros" {
				b = b[:5000]
			}
			f.Add(frameOf(f, b, zstd.WithEncoderLevel(level)))
		}
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<20))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var h zstd.Header
		if h.Decode(frame) != nil || !h.HasFCS || h.FrameContentSize > 300<<10 {
			return
		}
		same(t, dec, frame, int(h.FrameContentSize))
	})
}

// The tables of lengths are those of RFC 8878, sections 3.1.1.3.2.1.1, at places where they could go wrong.
func TestCodes(t *testing.T) {
	for _, c := range []struct {
		kind, code int
		want       code
	}{
		{0, 15, code{15, 0}}, {0, 16, code{16, 1}}, {0, 24, code{48, 4}}, {0, 25, code{64, 6}}, {0, 35, code{65536, 16}},
		{2, 0, code{3, 0}}, {2, 31, code{34, 0}}, {2, 32, code{35, 1}}, {2, 42, code{99, 5}}, {2, 43, code{131, 7}}, {2, 52, code{65539, 16}},
		{1, 0, code{1, 0}}, {1, 1, code{2, 1}}, {1, 2, code{4, 2}}, {1, 10, code{1024, 10}},
	} {
		if got := kinds[c.kind].codes[c.code]; got != c.want {
			t.Errorf("kind %d, code %d: %v, want %v", c.kind, c.code, got, c.want)
		}
	}
	for i, k := range kinds {
		if len(k.codes) != []int{36, 32, maxSymbols}[i] {
			t.Errorf("kind %d has %d codes", i, len(k.codes))
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, content := range contents() {
		if len(content) < 100<<10 {
			continue
		}
		frame := frameOf(b, content, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(256<<10))
		room := make([]byte, len(content)+Slack)
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			b.Fatal(err)
		}
		defer dec.Close()
		b.Run(name+"/here", func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := Decode(room, frame, len(content)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/general", func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := dec.DecodeAll(frame, room[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
