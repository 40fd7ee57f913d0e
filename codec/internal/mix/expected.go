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

// voice says which bit is expected of those that next was asked for last: 0 if none is, else 1 for a 0, 2 for a 1.
func (e *expected) voice() int {
	if !e.used {
		return 0
	}
	return 1 + e.bit
}

// guess is an expected byte of which two contexts know how often such came.
type guess struct {
	expected
	probs [2][]adaptive
}

// inputs returns what it says of the next bit, in the contexts of at.
func (g *guess) inputs() (a, b int32) {
	a = stretch(g.probs[0][g.at[0]].p16())
	b = stretch(g.probs[1][g.at[1]].p16())
	return g.sign(a), g.sign(b)
}

// said tells of the bit that came.
func (g *guess) said(bit int) {
	if !g.used {
		return
	}
	hit := 1 ^ bit ^ g.bit
	g.probs[0][g.at[0]].learn(hit, 255)
	g.probs[1][g.at[1]].learn(hit, 255)
}

// certainty predicts in one decision whether the next byte is the expected one, where that is all but sure.
type certainty struct {
	probs [nSure][]adaptive
	at    [nSure]uint32
	in    [nSure + 1]int32
	sets  [2][]sureWeights // by how long it has been right, and by what is recalled
	sel   [2]int
	said  [2]int32 // stretched, by each set
}

type sureWeights [nSure + 1]int32

const (
	nSure         = 6
	sureRun       = 8  // bytes in a row that were as expected on the diagonal
	sureMatch     = 32 // the same, of a match
	certaintyBits = 14
	hashed        = 1 << certaintyBits
	learnSure     = 24
)

func (c *certainty) init() {
	for i, n := range [nSure]int{16 * 33, hashed, hashed, hashed, nOpinions * 16, hashed} {
		c.probs[i] = make([]adaptive, n)
		fill(c.probs[i], certain)
	}
	c.sets = [2][]sureWeights{make([]sureWeights, 16), make([]sureWeights, nOpinions)}
	for _, set := range c.sets {
		for i := range set {
			for k := range nSure {
				set[i][k] = 7500
			}
		}
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
	opinions := 0
	for i := range m.recalls {
		opinions = opinions*3 + m.recalls[i].opinion(m.diagonal.value)
	}
	c.at[4] = uint32(opinions*16 + class)
	c.at[5] = (e | last&0xff<<8 | uint32(m.recalls[0].guess.value+1)<<16) * 0x9e3779b1 >> (32 - certaintyBits)
	for i := range c.probs {
		c.in[i] = stretch(c.probs[i][c.at[i]].p16())
	}
	c.in[nSure] = 256
	c.sel = [2]int{class, opinions}
	for k, set := range c.sets {
		c.said[k] = weigh(c.in[:], set[c.sel[k]][:])
	}
	return uint32(max(min(squash((c.said[0]+c.said[1])/2), 65535-2), 2))
}

// learn tells whether it came.
func (c *certainty) learn(hit int) {
	for k, set := range c.sets {
		correct(set[c.sel[k]][:], c.in[:], (int32(hit)<<16-squash(c.said[k]))*learnSure)
	}
	for i := range c.probs {
		c.probs[i][c.at[i]].learn(hit, 600)
	}
}
