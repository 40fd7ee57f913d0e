package mix

import (
	"math/bits"

	"dictnet/codec/internal/rans"
)

// turned is what is learned of where the diagonal changes.
type turned struct {
	offers [16 * 18]adaptive     // that the place nearby is accepted
	here   [19 * 3]adaptive      // that the diagonal turns elsewhere
	length [stepBits]adaptive    // that a step has more bits
	top    [stepBits][8]adaptive // the upper bits of a step, by its length less 1
}

// stepBits is how long a step may be, in bits: there and back over the longest reference and block.
const stepBits = 26

func (t *turned) init() {
	fill(t.offers[:], offered)
	fill(t.here[:], turning)
	fill(t.length[:], longer)
	for i := range t.top {
		fill(t.top[i][:], half)
	}
}

// rare codes a bit that a learns.
func (a *adaptive) rare(code coder, bit int) int {
	bit = code(bit, uint32(max(min(a.p16(), 65535-32), 32)))
	a.learn(bit, 255)
	return bit
}

// offer codes whether the place nearby is accepted.
func (m *model) offer(code coder, accept bool) bool {
	f := m.follower
	if m.turned.offers[lengthClass(f.NearLen)*18+m.strayed()].rare(code, b2i(accept)) == 0 {
		return false
	}
	f.Accept()
	return true
}

// strayed says how many of the last 16 bytes were not the diagonal's; 17 if there is none.
func (m *model) strayed() int {
	if m.follower.Ptr < 0 {
		return 17
	}
	return bits.OnesCount32(m.follower.Misses & 0xffff)
}

// mayTurn reports whether it is asked if the diagonal turns: after a byte that was not the one on it, where a hint has set it, and where there is none.
func (m *model) mayTurn() bool {
	f := m.follower
	return m.ref > 0 && (f.Misses&1 != 0 || f.Changed || f.Ptr < 0)
}

// turns codes whether it does.
func (m *model) turns(code coder, turn bool) bool {
	f := m.follower
	n := m.strayed()
	if f.Changed {
		n = 18
	}
	match := 0
	switch {
	case f.Len >= 16:
		match = 2
	case f.Len > 0:
		match = 1
	}
	return m.turned.here[n*3+match].rare(code, b2i(turn)) == 1
}

// turn codes the place in the reference to which it turns, as a step from where it leads. A reader takes any place; only one in the reference is turned to.
func (m *model) turn(code coder, to int) int {
	f := m.follower
	from := f.Ptr
	if from < 0 {
		from = len(m.win) - m.ref
	}
	step := m.turned.step(code, uint32(rans.Zigzag(int64(to-from))))
	to = from + int(rans.Unzigzag(uint64(step)))
	if to >= 0 && to < m.ref {
		f.Turn(to)
	}
	return to
}

// step codes a number: how many bits it has, and those after the first, of which the upper three are learned.
func (t *turned) step(code coder, v uint32) uint32 {
	n := 0
	for n < stepBits && t.length[n].rare(code, b2i(bits.Len32(v) > n)) == 1 {
		n++
	}
	x := uint32(min(n, 1))
	for i := n - 2; i >= 0; i-- {
		bit := int(v >> i & 1)
		if x < 8 {
			bit = t.top[n-1][x].rare(code, bit)
		} else {
			bit = code(bit, 1<<15)
		}
		x = x<<1 | uint32(bit)
	}
	return x
}
