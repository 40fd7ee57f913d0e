package rans

import "math/bits"

// Tree codes the low n bits of v, the upper ones first, each given those before it. m has 1<<n models; the first is not used.
func (e *Encoder) Tree(m []Prob, n int, v uint32) {
	at := uint32(1)
	for i := n - 1; i >= 0; i-- {
		bit := v >> i & 1
		e.Bit(&m[at], bit)
		at = at<<1 | bit
	}
}

// Tree returns what Encoder.Tree was given.
func (d *Decoder) Tree(m []Prob, n int) uint32 {
	at := uint32(1)
	for range n {
		at = at<<1 | d.Bit(&m[at])
	}
	return at - 1<<n
}

// Int is a model of unsigned integers of up to 64 bits, which learns how long they are and how they begin: an Elias gamma code of which
// all that matters adapts. The zero value is ready. Where integers have a context, take an Int for each of its values; signed
// integers may be folded by Zigzag.
type Int struct {
	zero Prob
	// The length in bits, 1 to 64, less 1: unary up to 8, which small numbers learn soonest, then a tree of 6 bits.
	short [8]Prob
	long  [64]Prob
	// By length: the two bits after the first.
	top [65][4]Prob
}

// IntPrior is what is known of such numbers in general, each as Prior takes it: that one is 0, and that its length in bits is 1, 2, ... 8 if it is no less.
type IntPrior [9]uint8

// Begin makes an Int that has seen nothing begin so.
func (m *Int) Begin(p *IntPrior) {
	m.zero = Prior(p[0])
	for i := range m.short {
		m.short[i] = Prior(p[i+1])
	}
}

// Int codes v.
func (e *Encoder) Int(m *Int, v uint64) {
	n := bits.Len64(v)
	if n == 0 {
		e.Bit(&m.zero, 1)
		return
	}
	e.Bit(&m.zero, 0)
	for i := range m.short {
		if i == n-1 {
			e.Bit(&m.short[i], 1)
			break
		}
		e.Bit(&m.short[i], 0)
	}
	if n > len(m.short) {
		e.Tree(m.long[:], 6, uint32(n-len(m.short)-1))
	}
	t := min(n-1, 2)
	n -= 1 + t
	e.Tree(m.top[n+1+t][:], t, uint32(v>>n)&(1<<t-1))
	e.Direct(v, n)
}

// Int returns what Encoder.Int was given.
func (d *Decoder) Int(m *Int) uint64 {
	if d.Bit(&m.zero) == 1 {
		return 0
	}
	n := 1
	for n <= len(m.short) && d.Bit(&m.short[n-1]) == 0 {
		n++
	}
	if n > len(m.short) {
		n = min(n+int(d.Tree(m.long[:], 6)), 64)
	}
	t := min(n-1, 2)
	v := uint64(1)<<t | uint64(d.Tree(m.top[n][:], t))
	n -= 1 + t
	return v<<n | d.Direct(n)
}

// Zigzag folds a signed integer, small ones to small ones; Unzigzag reverses it.
func Zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func Unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
