package lz

import (
	"math"

	"dictnet/codec/internal/rans"
)

// coder is an encoder or a decoder, so that both go one way through the model. What bit a decoder is told does not matter; what it
// answers does.
type coder struct {
	enc  *rans.Encoder // nil in a reader
	dec  rans.Decoder
	cost int32 // of what was encoded, in units of 1/32 bit, as far as the parser wants to know
}

// bitCost[p>>6] is the cost of a bit of probability p, in units of 1/32 bit.
var bitCost = func() (t [1 << 10]int32) {
	for i := range t {
		t[i] = int32(-32*math.Log2((float64(i)+0.5)/1024) + 0.5)
	}
	return t
}()

func (c *coder) at(one, bit uint32) uint32 {
	if c.enc == nil {
		return c.dec.BitAt(one)
	}
	c.enc.BitAt(one, bit)
	c.cost += bitCost[(one^-(1-bit))&0xffff>>6]
	return bit
}

func (c *coder) bit(p *rans.Prob, bit uint32) uint32 {
	bit = c.at(p.One(), bit)
	p.Learn(bit)
	return bit
}

// number codes one below 2^40; from hostile data may come 2^40.
func (c *coder) number(m *rans.Int, v int) int {
	if c.enc == nil {
		return int(min(c.dec.Int(m), 1<<40))
	}
	c.enc.Int(m, uint64(v))
	return v
}
