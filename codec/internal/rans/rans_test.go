package rans

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// script is a random sequence of questions over a few models, with answers.
type script struct {
	kind []byte // of each question
	v    []uint64
}

func newScript(r *rand.Rand, n int) (s script) {
	for range n {
		k := byte(r.IntN(5))
		var v uint64
		switch k {
		case 0:
			v = uint64(r.IntN(20) / 19)
		case 1:
			v = uint64(r.IntN(2))
		case 2:
			v = r.Uint64() >> r.IntN(64)
			k |= byte(r.IntN(64)) << 3
			v &= 1<<(k>>3) - 1
		case 3:
			v = uint64(r.IntN(256) & r.IntN(256))
		case 4:
			v = r.Uint64() >> (r.Uint64() & 63)
			if r.IntN(4) == 0 {
				v = 0
			}
		}
		s.kind = append(s.kind, k)
		s.v = append(s.v, v)
	}
	return s
}

type models struct {
	bits [2]Prob
	tree [256]Prob
	num  Int
}

func (s script) encode() []byte {
	var e Encoder
	var m models
	for i, k := range s.kind {
		v := s.v[i]
		switch k & 7 {
		case 0, 1:
			e.Bit(&m.bits[k], uint32(v))
		case 2:
			e.Direct(v, int(k>>3))
		case 3:
			e.Tree(m.tree[:], 8, uint32(v))
		case 4:
			e.Int(&m.num, v)
		}
	}
	return e.Append(nil)
}

// decode returns the number of right answers.
func (s script) decode(b []byte) (int, error) {
	var d Decoder
	if err := d.Reset(b); err != nil {
		return 0, err
	}
	var m models
	right := 0
	for i, k := range s.kind {
		var v uint64
		switch k & 7 {
		case 0, 1:
			v = uint64(d.Bit(&m.bits[k]))
		case 2:
			v = d.Direct(int(k >> 3))
		case 3:
			v = uint64(d.Tree(m.tree[:], 8))
		case 4:
			v = d.Int(&m.num)
		}
		if v == s.v[i] {
			right++
		}
	}
	return right, d.End()
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		if n > 290 {
			n *= 100
		}
		s := newScript(r, n)
		b := s.encode()
		right, err := s.decode(b)
		if right != n || err != nil {
			t.Fatalf("%d of %d right, %v", right, n, err)
		}
	}
}

func TestExtremeInts(t *testing.T) {
	s := script{}
	for i := range 64 {
		s.kind = append(s.kind, 4, 4, 4)
		s.v = append(s.v, 1<<i, 1<<i-1, ^uint64(0)>>i)
	}
	if right, err := s.decode(s.encode()); right != len(s.v) || err != nil {
		t.Fatalf("%d of %d right, %v", right, len(s.v), err)
	}
}

// What was expected costs nothing, and what is left to chance little more than its bits.
func TestSize(t *testing.T) {
	if b := (script{}).encode(); len(b) != 0 {
		t.Errorf("nothing took % x", b)
	}
	r := rand.New(rand.NewPCG(3, 4))
	var e Encoder
	for range 1000 {
		e.Direct(r.Uint64(), 8)
	}
	if n := len(e.Append(nil)); n > 1004 {
		t.Errorf("1000 random bytes took %d", n)
	}
	e.Reset()
	var p Prob
	for range 100000 {
		e.Bit(&p, 0)
	}
	if n := len(e.Append(nil)); n > 6 {
		t.Errorf("100000 equal bits took %d bytes", n)
	}
	e.Reset()
	p = 0
	ones := 0
	for range 100000 {
		bit := uint32(0)
		if r.IntN(10) == 0 {
			bit = 1
			ones++
		}
		e.Bit(&p, bit)
	}
	if n := len(e.Append(nil)); n > 5980 { // 0.469 bits, the entropy of one in ten, and 2 %
		t.Errorf("100000 bits, of which %d ones, took %d bytes", ones, n)
	}
}

func TestChanged(t *testing.T) {
	// Without bits that are coded directly: of these, a change gives others and is not noticed here.
	r := rand.New(rand.NewPCG(5, 6))
	var s script
	for range 500 {
		s.kind = append(s.kind, 3)
		s.v = append(s.v, uint64(r.IntN(256)&r.IntN(256)))
	}
	b := s.encode()
	unseen := 0
	for i := range b {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[i] ^= 1 << bit
			right, err := s.decode(c)
			if err == nil {
				unseen++
			}
			if right == len(s.v) && err == nil {
				t.Errorf("byte %d, bit %d: the same was decoded without an error", i, bit)
			}
		}
	}
	if unseen > 2 {
		t.Errorf("%d of %d changes went unnoticed", unseen, 8*len(b))
	}
	for n := range b {
		if _, err := s.decode(b[:n]); err == nil {
			t.Errorf("cut after %d of %d: no error", n, len(b))
		}
	}
	if _, err := s.decode(append(bytes.Clone(b), 1)); err == nil {
		t.Error("a byte more: no error")
	}
	if err := new(Decoder).Reset([]byte{1, 0}); err == nil {
		t.Error("a state with a zero on top was accepted")
	}
	var d Decoder
	d.Reset([]byte{7})
	if err := d.End(); !errors.Is(err, ErrStream) {
		t.Errorf("End at once: %v", err)
	}
}

func FuzzDecoder(f *testing.F) {
	s := newScript(rand.New(rand.NewPCG(7, 8)), 50)
	f.Add(s.kind, s.encode())
	f.Add([]byte{4, 4, 4, 4}, []byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte{2 | 31<<3, 3}, []byte{})
	f.Fuzz(func(t *testing.T, kind, b []byte) {
		// Whatever the stream, asking goes on; and a stream that ends well is the one that its answers give.
		s := script{kind: kind}
		for i := range kind {
			if kind[i]&7 > 4 {
				kind[i] &^= 4
			}
			if kind[i]&7 != 2 {
				kind[i] &= 7
			}
		}
		var d Decoder
		if d.Reset(b) != nil {
			return
		}
		var m models
		for _, k := range kind {
			var v uint64
			switch k & 7 {
			case 0, 1:
				v = uint64(d.Bit(&m.bits[k]))
			case 2:
				v = d.Direct(int(k >> 3))
			case 3:
				v = uint64(d.Tree(m.tree[:], 8))
			case 4:
				v = d.Int(&m.num)
			}
			s.v = append(s.v, v)
		}
		if d.End() == nil && !bytes.Equal(s.encode(), b) {
			t.Errorf("% x decodes, and encodes to % x", b, s.encode())
		}
	})
}

func BenchmarkBit(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	bits := make([]byte, 1<<20)
	for i := range bits {
		if r.IntN(8) == 0 {
			bits[i] = 1
		}
	}
	var e Encoder
	b.Run("encode", func(b *testing.B) {
		var out []byte
		for range b.N {
			var m [256]Prob
			e.Reset()
			for i, bit := range bits {
				e.Bit(&m[i&255], uint32(bit))
			}
			out = e.Append(out[:0])
		}
		b.ReportMetric(float64(b.N)*float64(len(bits))/b.Elapsed().Seconds()/1e6, "Mbit/s")
	})
	stream := e.Append(nil)
	b.Run("decode", func(b *testing.B) {
		for range b.N {
			var m [256]Prob
			var d Decoder
			d.Reset(stream)
			for i := range bits {
				d.Bit(&m[i&255])
			}
			if err := d.End(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.N)*float64(len(bits))/b.Elapsed().Seconds()/1e6, "Mbit/s")
	})
}

// What begins with a prior says what is expected in fewer bits, and learns otherwise.
func TestPrior(t *testing.T) {
	for _, w := range []uint8{1, 32, 63} {
		p := Prior(w)
		if got, want := p.One(), uint32(w)<<10|1; got != want {
			t.Errorf("Prior(%d).One() = %d, want %d", w, got, want)
		}
	}
	large := IntPrior{1, 1, 1, 1, 1, 1, 1, 1, 1}
	size := func(v uint64, begin bool) int {
		var e Encoder
		m := make([]Int, 16) // each sees one number: nothing is learned
		for i := range m {
			if begin {
				m[i].Begin(&large)
			}
			e.Int(&m[i], v)
		}
		b := e.Append(nil)
		var d Decoder
		if err := d.Reset(b); err != nil {
			t.Fatal(err)
		}
		for range m {
			var n Int
			if begin {
				n.Begin(&large)
			}
			if got := d.Int(&n); got != v {
				t.Fatalf("got %d, want %d", got, v)
			}
		}
		if err := d.End(); err != nil {
			t.Fatal(err)
		}
		return len(b)
	}
	// A 1 in 64 costs 6 bits, 63 in 64 a 44th: 9 of these, where there were 9 bits.
	if with, without := size(1000, true), size(1000, false); with > without-16*8/8 {
		t.Errorf("16 large numbers take %d bytes, %d without a prior", with, without)
	}
	if with, without := size(0, true), size(0, false); with < without+16*4/8 {
		t.Errorf("16 zeros take %d bytes, %d without the prior that speaks against them", with, without)
	}
}
