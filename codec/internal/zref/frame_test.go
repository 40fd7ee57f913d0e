package zref

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dictnet/codec/internal/align"
)

// decode decodes a frame by another implementation than made it.
func decode(frame, prefix []byte) ([]byte, error) {
	options := []zstd.DOption{zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1 << 28)}
	if len(prefix) > 0 {
		options = append(options, zstd.WithDecoderDictRaw(0, prefix))
	}
	d, err := zstd.NewReader(nil, options...)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(append([]byte("\x28\xb5\x2f\xfd"), frame...), nil)
}

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// text makes n bytes of words.
func text(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b []byte
	for len(b) < n {
		b = fmt.Appendf(b, "%s%c", [...]string{"note", "tape", "score", "of", "the", "played", "again"}[r.IntN(7)], " \n,."[r.IntN(4)])
		if r.IntN(20) == 0 {
			b = fmt.Append(b, r.Uint32())
		}
	}
	return b[:n]
}

// edited exchanges, inserts and removes bytes, about every so many.
func edited(b []byte, every int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	var out []byte
	for len(b) > 0 {
		n := min(1+r.IntN(2*every), len(b))
		out = append(out, b[:n]...)
		b = b[n:]
		switch r.IntN(3) {
		case 0:
			out = append(out, byte(r.Uint32()), byte(r.Uint32()))
		case 1:
			b = b[min(len(b), 1+r.IntN(6)):]
		case 2:
			if len(b) > 0 {
				out = append(out, b[0]+1)
				b = b[1:]
			}
		}
	}
	return out
}

// changed exchanges every step-th byte, but for the first few.
func changed(b []byte, step int) []byte {
	b = bytes.Clone(b)
	for i := 15 + step; i < len(b); i += step {
		b[i] ^= 0x55
	}
	return b
}

type sample struct {
	name        string
	raw, prefix []byte
	hints       []align.Hint
	most        int // bytes of the frame; 0: as many as the text has, and what its blocks and header take
}

func samples() []sample {
	const block = maxBlock
	long, words := noise(600<<10, 1), text(300<<10, 2)
	all := []sample{
		{name: "nothing"},
		{name: "one byte", raw: []byte("a")},
		{name: "one byte, prefix", raw: []byte("a"), prefix: []byte("abc")},
		{name: "short", raw: []byte("one two one two three"), prefix: []byte("three two one")},
		{name: "a run", raw: bytes.Repeat([]byte("a"), block+5), most: 20},
		{name: "a run in a prefix of one", raw: bytes.Repeat([]byte("a"), 1000), prefix: bytes.Repeat([]byte("a"), 1000), most: 20},
		{name: "a run, and words", raw: slices.Concat(bytes.Repeat([]byte("a"), block), words[:50<<10]), prefix: words, most: 60},
		{name: "literals of one kind", raw: slices.Concat(bytes.Repeat([]byte("a"), 40), long[:64], bytes.Repeat([]byte("a"), 40)), prefix: long[:64], most: 60},
		{name: "the prefix", raw: long, prefix: long, most: 80},
		{name: "within the prefix", raw: long[1001:200001], prefix: long, hints: []align.Hint{{At: 0, Ref: 1001}}, most: 60},
		{name: "noise", raw: long, prefix: words},
		{name: "words", raw: words, most: 80 << 10},
		{name: "words, edited", raw: edited(words, 200, 3), prefix: words, most: 23 << 10},
		{name: "noise, edited", raw: edited(long, 60, 4), prefix: long, most: 90 << 10},
		{name: "behind noise", raw: slices.Concat(long[:block-3], words[:block]), prefix: words, most: block + 200},
		{name: "before noise", raw: slices.Concat(words[:block], long[:block-3]), prefix: words, most: block + 200},
		{name: "long literals", raw: slices.Concat(long[:100<<10], words[:20<<10]), prefix: words, most: 101 << 10},
		{name: "false hints", raw: edited(words, 100, 5), prefix: words, hints: []align.Hint{{At: 0, Ref: 5}, {At: 1, Ref: len(words)}, {At: 7, Ref: 0}, {At: 100000, Ref: 3}}, most: 40 << 10},
	}
	for _, n := range []int{15, 16, 17, 31, 32, 255, 256, 257, 4095, 4096, 65535 + 256, 65536 + 256, block - 1, block, block + 1, 2 * block} {
		all = append(all,
			sample{name: fmt.Sprint("noise of ", n), raw: long[:n]},
			sample{name: fmt.Sprint("words of ", n), raw: words[:n], prefix: words[1000:2000]})
	}
	for step := 2; step < 40; step++ { // as regular as this, codes are all the same; from 4 on, every step is a sequence: 32,768 in a block
		all = append(all, sample{name: fmt.Sprint("every ", step), raw: changed(long[:2*block], step), prefix: long, hints: []align.Hint{{}}})
	}
	return all
}

func TestFrames(t *testing.T) {
	e := new(Encoder)
	sequences := 0
	for _, s := range samples() {
		frame := e.Encode(s.raw, slices.Clip(s.prefix), s.hints)
		got, err := decode(frame, s.prefix)
		if err != nil || !bytes.Equal(got, s.raw) {
			t.Errorf("%s: %d of %d bytes came back, %v", s.name, len(got), len(s.raw), err)
		}
		if ours, err := Decode(frame, s.prefix, len(s.raw)); err != nil || !bytes.Equal(ours, s.raw) {
			t.Errorf("%s: %d of %d bytes came back by Decode, %v", s.name, len(ours), len(s.raw), err)
		}
		most := s.most
		if most == 0 {
			most = len(s.raw) + 5 + 3*(1+len(s.raw)/maxBlock)
		}
		if len(frame) > most {
			t.Errorf("%s: %d bytes, want at most %d", s.name, len(frame), most)
		}
		room := append(make([]byte, 0, len(s.prefix)+len(s.raw)), s.prefix...)
		if again := new(Encoder).Encode(s.raw, room, s.hints); !bytes.Equal(again, frame) {
			t.Errorf("%s: another frame where the encoder is new and there is room behind the prefix", s.name)
		}
		sequences = max(sequences, len(e.sequences))
	}
	if sequences < 0x7f00 {
		t.Errorf("no block has more than %d sequences", sequences)
	}
}

// Tables that are used again, and begin anew when their numbers end, say nothing of earlier texts.
func TestTablesBeginAnew(t *testing.T) {
	prefix := text(100<<10, 1)
	raw := edited(prefix, 50, 2)
	want := new(Encoder).Encode(raw, slices.Clip(prefix), nil)
	e := new(Encoder)
	for range 5 {
		e.base = math.MaxUint32 - 500<<10
		for range 4 {
			e.Encode(edited(prefix, 30, 3), slices.Clip(prefix[1:]), nil)
			if got := e.Encode(raw, slices.Clip(prefix), nil); !bytes.Equal(got, want) {
				t.Fatalf("from %d: %d bytes, want %d", e.base, len(got), len(want))
			}
		}
		if e.base > math.MaxUint32/2 {
			t.Errorf("the numbers have come to %d", e.base)
		}
	}
}

// Every code of lengths stands for what section 3.1.1.3.2.1.1 says.
func TestLengthCodes(t *testing.T) {
	for _, c := range []struct {
		n                uint32
		literals, match  byte
		litBase, mtcBase uint32
	}{
		{3, 3, 0, 3, 3}, {15, 15, 12, 15, 15}, {16, 16, 13, 16, 16}, {18, 17, 15, 18, 18}, {24, 20, 21, 24, 24}, {34, 22, 31, 32, 34}, {35, 22, 32, 32, 35},
		{36, 22, 32, 32, 35}, {63, 24, 39, 48, 59}, {64, 25, 39, 64, 59}, {98, 25, 41, 64, 83}, {99, 25, 42, 64, 99}, {127, 25, 42, 64, 99}, {128, 26, 42, 128, 99},
		{131, 26, 43, 128, 131}, {258, 27, 43, 256, 131}, {65538, 35, 51, 65536, 32771}, {65539, 35, 52, 65536, 65539}, {131071, 35, 52, 65536, 65539},
	} {
		l, m := literalsCode(c.n), matchCode(c.n)
		if l != c.literals || m != c.match {
			t.Errorf("%d: codes %d and %d, want %d and %d", c.n, l, m, c.literals, c.match)
		} else if literalsCodes[l].base != c.litBase || matchCodes[m].base != c.mtcBase {
			t.Errorf("%d: from %d and %d on, want %d and %d", c.n, literalsCodes[l].base, matchCodes[m].base, c.litBase, c.mtcBase)
		}
	}
}

func FuzzEncode(f *testing.F) {
	for _, s := range samples()[:17] {
		f.Add(s.raw[:min(len(s.raw), 1000)], s.prefix[:min(len(s.prefix), 1000)], uint32(1), uint16(7))
	}
	f.Add(changed(noise(4000, 1), 4), noise(4000, 1), uint32(0), uint16(0))
	e := new(Encoder) // with what it remembers of others
	f.Fuzz(func(t *testing.T, raw, prefix []byte, at uint32, ref uint16) {
		if len(raw) > 1<<20 || len(prefix) > 1<<20 {
			return
		}
		var hints []align.Hint
		if len(raw) > 0 && len(prefix) > 0 {
			hints = []align.Hint{{At: 0, Ref: 0}, {At: int(at) % len(raw), Ref: int(ref) % len(prefix)}}
		}
		frame := e.Encode(raw, slices.Clip(prefix), hints)
		if got, err := decode(frame, prefix); err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%d of %d bytes came back, %v", len(got), len(raw), err)
		}
		if got, err := Decode(frame, prefix, len(raw)); err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("%d of %d bytes came back by Decode, %v", len(got), len(raw), err)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	prefix := noise(256<<10, 1)
	for _, every := range []int{8, 32, 256} {
		raw := edited(prefix, every, 2)
		e, room := new(Encoder), append(make([]byte, 0, len(prefix)+len(raw)), prefix...)
		b.Run(fmt.Sprint("edited every ", every), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			n := 0
			for b.Loop() {
				n = len(e.Encode(raw, room, []align.Hint{{}}))
			}
			b.ReportMetric(float64(n)/float64(len(raw)), "size/raw")
		})
	}
}
