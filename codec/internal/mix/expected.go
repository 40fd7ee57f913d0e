package mix

import "math/bits"

// expected is a byte that is thought to come next. Each bit of it speaks for itself as long as those before it were right.
type expected struct {
	value int // -1: none
	at    [2]int
	used  bool
	bit   int
}

// next reports which bit is expected, given that the bits before it, under a leading 1, are c0.
func (e *expected) next(c0 uint32, n int) bool {
	e.used = false
	if e.value < 0 {
		return false
	}
	x := uint32(e.value) | 256
	if x>>(8-n) != c0 {
		return false
	}
	e.bit = int(x >> (7 - n) & 1)
	e.used = true
	return true
}

// sign turns the stretched probability that the expected bit comes into that of a 1.
func (e *expected) sign(s int32) int32 {
	if e.bit == 0 {
		return -s
	}
	return s
}

// certainty predicts in one decision whether the next byte is the expected one, where that is all but sure.
type certainty struct {
	probs [4][]adaptive
	at    [4]uint32
	in    [5]int32
	w     [16][5]int32
	sel   int
	p     int32
}

const (
	sureRun       = 8  // bytes in a row that were as expected on the diagonal
	sureMatch     = 32 // the same, of a match
	certaintyBits = 14
)

func (c *certainty) init() {
	for i := range c.probs {
		c.probs[i] = make([]adaptive, 1<<certaintyBits)
		fill(c.probs[i], certain)
	}
	for i := range c.w {
		c.w[i] = [5]int32{20000, 20000, 20000, 20000, 0}
	}
}

// sure reports whether the next byte is coded by certainty first.
func (m *model) sure() bool {
	if m.diagonal.value < 0 || m.run < sureRun || m.borrowed && m.run < sureMatch {
		return false
	}
	for i := range m.fields {
		if v := m.fields[i].guess.value; v >= 0 && v != m.diagonal.value {
			return false
		}
	}
	return true
}

// predict returns the probability, in 1/65536, that the expected byte comes.
func (c *certainty) predict(m *model) uint32 {
	last, e := uint32(m.last), uint32(m.diagonal.value)
	class := lengthClass(m.run)
	c.at[0] = uint32(class*33 + bits.OnesCount32(m.misses))
	c.at[1] = (e | last&0xff<<8) * 0x9e3779b1 >> (32 - certaintyBits)
	c.at[2] = (e | uint32(m.ahead[1])<<8 | uint32(m.ahead[2])<<16 | last&0xff<<24) * 0x9e3779b1 >> (32 - certaintyBits)
	c.at[3] = (last & 0xffffff) * 0x9e3779b1 >> (32 - certaintyBits)
	c.sel = class
	w := &c.w[class]
	sum := int64(256) * int64(w[4])
	for i := range c.probs {
		c.in[i] = stretch(c.probs[i][c.at[i]].p16())
		sum += int64(c.in[i]) * int64(w[i])
	}
	c.in[4] = 256
	c.p = squash(int32(max(min(sum>>16, limit), -limit)))
	return uint32(max(min(c.p, 65535-2), 2))
}

// learn tells whether it came.
func (c *certainty) learn(hit int) {
	err := (int32(hit)<<16 - c.p) * 4
	w := &c.w[c.sel]
	for i := range w {
		w[i] += int32((int64(c.in[i])*int64(err) + 1<<19) >> 20)
	}
	for i := range c.probs {
		c.probs[i][c.at[i]].learn(hit, 1000)
	}
}
