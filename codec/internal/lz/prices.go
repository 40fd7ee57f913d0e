package lz

import "math/bits"

// prices are averages of what was spent lately, by which the parser compares, in units of 1/512 bit. The price of a byte counts all that
// is said of it.
type prices struct {
	hit    [2][settled + 1]int32 // by whether the alignment is with the reference, and history: a byte that is the aligned one
	miss   [2][settled + 1]int32 // the same, one that is not
	fore   [256]int32            // by history: one that is not, but that a field foresees
	pair   [1 << 16]int32        // literals by the byte before and the byte
	single [256]int32            // literals by the byte
}

const (
	priceBits = 4 // more than those of coder.cost

	settled    = 256     // in place of a history: nothing but aligned bytes for long
	justTurned = 1 << 16 // a history after a turn: in 16 bytes it is settled
)

// past returns what prices know of a path's history.
func past(hist uint32) uint32 {
	if hist == 0 {
		return settled
	}
	return hist & 0xff
}

// history is the model's, as that of a path.
func (m *model) history() uint32 {
	if m.age < 16 {
		return m.hist | justTurned<<m.age
	}
	return m.hist
}

func (p *prices) reset() {
	for h := range 256 {
		hit, miss := int32(4*32), int32(5+6*32)
		switch n := bits.OnesCount8(uint8(h)); {
		case n == 0:
			hit, miss = 1, 12*32
		case n == 1:
			hit, miss = 5, 9*32+16
		case n <= 3:
			hit, miss = 16, 8*32
		case n <= 6:
			hit, miss = 40, 7*32
		}
		for k := range 2 {
			p.hit[k][h], p.miss[k][h] = hit<<priceBits, miss<<priceBits
		}
		p.fore[h] = 2 * 32 << priceBits
	}
	for k := range 2 {
		p.hit[k][settled], p.miss[k][settled] = 0, 12*32<<priceBits
	}
	for i := range p.pair {
		p.pair[i] = 6 * 32 << priceBits
	}
	for i := range p.single {
		p.single[i] = 6 * 32 << priceBits
	}
}

// aligned takes into account what the byte that m is about to append has cost.
func (p *prices) aligned(m *model, hit bool) {
	k := b2u(m.dist > m.i)
	h := past(m.history())
	price := &p.miss[k][h]
	if hit {
		price = &p.hit[k][h]
	}
	*price += (m.cost<<priceBits - *price) >> 5
}

// passed does so for n bytes that cost nothing and were the aligned ones, as the last ones were to m.
func (p *prices) passed(m *model, n int) {
	kind, hist := b2u(m.dist > m.i), m.history()
	for ; n > 0; n-- {
		h := past(hist)
		price := &p.hit[kind][h]
		if h == settled && *price == 0 {
			return // and so it stays
		}
		*price += -*price >> 5
		hist <<= 1
	}
}

// foreseen does so for one that was not the aligned byte, but that a field foresaw.
func (p *prices) foreseen(m *model) {
	price := &p.fore[m.hist&0xff]
	*price += (m.cost<<priceBits - *price) >> 5
}

// literal takes into account what a literal byte alone has cost.
func (p *prices) literal(m *model, cost int32) {
	c := m.raw[m.i]
	price := &p.pair[m.c1<<8|uint32(c)]
	*price += (cost<<priceBits - *price) >> 2
	price = &p.single[c]
	*price += (cost<<priceBits - *price) >> 4
}

// of returns the price of byte c, which stands after prev, if it hits, for an alignment of that kind and history.
func (p *prices) of(hit bool, kind, hist uint32, prev, c byte) int32 {
	h := past(hist)
	if hit {
		return p.hit[kind][h] >> priceBits
	}
	if bits.OnesCount8(uint8(hist)) >= literalRun {
		return p.literalAfter(prev, c) + 4
	}
	return p.miss[kind][h] >> priceBits
}

// literalRun is from how many literals among the last eight bytes on a literal's price is that of its byte.
const literalRun = 5

// literalAfter returns the price of c as a literal after prev.
func (p *prices) literalAfter(prev, c byte) int32 {
	return (p.pair[uint32(prev)<<8|uint32(c)] + p.single[c]) >> (priceBits + 1)
}
