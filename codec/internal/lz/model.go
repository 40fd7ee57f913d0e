package lz

import (
	"cmp"
	"math/bits"
	"slices"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/rans"
)

const (
	equalBits = 17 // of a hash, as are these
	orderBits = 16
	aheadBits = 16
	pairBits  = 13

	certain  = 60000 // of 2^16: from here on a byte is as good as certain to be the aligned one
	seasoned = 32    // bytes after which that is believed in contexts that are new
	given    = 16    // the age of an alignment that a hint gave
	trials   = 16    // how often a number is looked for in vain where one has begun before
)

// model is what both sides know, and how what follows is coded.
type model struct {
	coder
	prices *prices // nil in a reader
	turns  []turn  // where the writer changes the alignment

	raw, ref []byte
	hints    []align.Hint // those to come
	pieces   []piece

	i          int    // bytes of raw that are known
	c1, c2, c3 uint32 // the last ones

	// The alignment: raw[i] is expected to be src[sp], which is i+len(ref)-dist in ref and raw as one. There is none if sp is len(src).
	src  []byte // ref or raw
	sp   int
	dist int
	left [3]int // distances that were left, the last one first
	base [2]int // the latest distance within raw, and into ref
	age  uint32 // bytes since it began
	hist uint32 // a bit for each byte: 1 if it was not the aligned one; the last one lowest

	known      bool   // what stands where
	tape, file uint64 // what to add to sp, and to i, for the place on the tape, and in the file
	watch      uint32 // a bit for each of the last bytes, the last one lowest: whether a number may have begun there
	diff       uint32 // last difference of a literal from the aligned byte

	fields  [3]field
	decimal align.Decimals // fields[2] says what it foresees

	passes passes
	unsure bitmap         // the contexts of equal in which bytes are not certain
	begins [1 << 16]uint8 // by the last two bytes: how often to look whether a number begins, since one did

	same     [16 << 8]rans.Prob // by age and history
	equal    [1 << equalBits]rans.Prob
	order    [1 << orderBits]rans.Prob
	ahead    [1 << aheadBits]rans.Prob
	fit      [96]rans.Prob      // of fields: by kind, bytes right, level, and whether it is the aligned byte
	fitAt    [96 << 8]rans.Prob // and by the byte before the number
	flags    [64 << 4]weights
	second   [64 << 8]rans.Prob
	turned   [16 << 8]rans.Prob
	ways     [10]rans.Prob
	step     [4]rans.Int
	back     rans.Int
	anywhere rans.Int

	literals
}

type literals struct {
	byAligned [256 * 17 << 4]rans.Prob
	byLast    [256 * 17 << 4]rans.Prob
	byTwo     [16 << pairBits]rans.Prob
	byThree   [16 << pairBits]rans.Prob
	byDiff    [16 << 8]rans.Prob
	weights   [10 << 5]weights
}

// turn says that raw[at], or the next byte that is not the expected one, is aligned to what stands dist before.
type turn struct{ at, dist int }

// piece is a run of the reference that stands together on the tape.
type piece struct {
	ref  int
	tape uint64 // what to add to a place in the reference
}

func (m *model) reset(raw, ref []byte, hints []align.Hint) {
	pieces := m.pieces[:0]
	*m = model{} // in place: a literal with fields would be made on the stack first, which then is as large
	m.raw, m.ref, m.hints = raw, ref, hints
	for _, h := range hints {
		pieces = append(pieces, piece{h.RefLo, h.Tape - uint64(h.Ref)})
	}
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(a.ref, b.ref) })
	m.pieces = slices.CompactFunc(pieces, func(a, b piece) bool { return a.ref == b.ref })
	for i := range m.flags {
		m.flags[i] = weights{24000, 16000, 24000, 24000}
	}
	for i := range m.literals.weights {
		m.literals.weights[i] = weights{28000, 28000, 28000, 28000}
	}
	m.begin()
}

// release lets go of what is not the model's own.
func (m *model) release() {
	m.coder = coder{}
	m.prices, m.turns, m.raw, m.ref, m.src, m.hints = nil, nil, nil, nil, nil, nil
}

func hash32(x uint64, bits int) uint32 {
	return uint32(x * 0x9e3779b97f4a7c15 >> (64 - bits))
}

func b2u(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// leave puts the present distance among those that were left, for dist, which is taken out.
func leave(left *[3]int, dist, now int) {
	switch dist {
	case left[0]:
		left[0] = now
	case left[1]:
		left[1], left[0] = left[0], now
	default:
		left[2], left[1], left[0] = left[1], left[0], now
	}
}

// turn makes the byte that stands dist before the next one the expected one.
func (m *model) turn(dist int) {
	if dist != m.dist {
		leave(&m.left, dist, m.dist)
	}
	m.dist = dist
	m.base[b2u(dist > m.i)] = dist
	m.age, m.hist, m.watch = 0, 0, 0
	m.known = false
	m.decimal.End()
	m.fields[0].right, m.fields[1].right = 0, 0
	if dist <= m.i {
		m.src, m.sp = m.raw, m.i-dist
		return
	}
	m.src, m.sp = m.ref, len(m.ref)+m.i-dist
	m.tape, m.known = m.tapeAt(m.sp)
}

// tapeAt returns what to add to a place in the reference for that on the tape, if it is known.
func (m *model) tapeAt(ref int) (uint64, bool) {
	n, _ := slices.BinarySearchFunc(m.pieces, ref+1, func(p piece, ref int) int { return cmp.Compare(p.ref, ref) })
	if n == 0 {
		return 0, false
	}
	return m.pieces[n-1].tape, true
}

// hint takes the next hint.
func (m *model) hint() {
	h := m.hints[0]
	m.hints = m.hints[1:]
	m.file = h.File - uint64(h.At)
	if h.At != m.i || h.Ref < 0 || h.Ref >= len(m.ref) {
		return
	}
	for len(m.turns) > 0 && m.turns[0].at < m.i {
		m.turns = m.turns[1:]
	}
	m.turn(len(m.ref) + m.i - h.Ref)
	m.age = given
	if h.Ref >= 3 {
		m.c1, m.c2, m.c3 = uint32(m.ref[h.Ref-1]), uint32(m.ref[h.Ref-2]), uint32(m.ref[h.Ref-3])
	}
}

// run codes the bytes of raw up to end.
func (m *model) run(end int) error {
	for m.i < end {
		if len(m.hints) > 0 && m.hints[0].At <= m.i {
			m.hint()
			continue
		}
		m.skim(end)
		if m.i == end || len(m.hints) > 0 && m.hints[0].At <= m.i {
			continue
		}
		var c uint32
		if m.enc != nil {
			c = uint32(m.raw[m.i])
			m.cost = 0
		}
		if m.sp >= len(m.src) {
			if err := m.unaligned(c); err != nil {
				return err
			}
			continue
		}
		e := uint32(m.src[m.sp])
		sure := m.sure(e)
		if m.foreseen(e, sure) || !sure {
			if err := m.uncertain(c, e, false); err != nil {
				return err
			}
			continue
		}
		m.fields[0].right, m.fields[1].right = 0, 0
		if !m.pass(c == e) {
			h := m.context(e)
			same, equal := m.aligned(h)
			equal.Learn(0)
			same.Learn(0)
			m.judge(h)
			m.began()
			if err := m.other(c, e, false); err != nil {
				return err
			}
			continue
		}
		if m.prices != nil {
			m.prices.aligned(m, true)
		}
		m.put(e, e)
	}
	return nil
}

// aligned returns the models that know whether a byte is the aligned one.
func (m *model) aligned(context uint32) (same, equal *rans.Prob) {
	same = &m.same[min(m.age, aged)<<8|m.hist&0xff]
	equal = &m.equal[context]
	if *equal == 0 {
		*equal = rans.Guess(same.One(), 2)
	}
	return same, equal
}

// put appends c, which is aligned to e.
func (m *model) put(c, e uint32) {
	if m.enc == nil {
		m.raw[m.i] = byte(c)
	}
	if m.decimal.Inside {
		m.decimal.Add(byte(c), byte(e))
	}
	m.i++
	m.sp++
	m.age++
	m.hist = m.hist<<1 | b2u(c != e)
	m.c1, m.c2, m.c3 = c, m.c1, m.c2
	m.watch <<= 1
	if m.watch&16 != 0 && m.known {
		m.learnMove()
	}
}

// uncertain codes a byte that may or may not be the aligned one, e, or one that a field predicts.
func (m *model) uncertain(c, e uint32, turned bool) error {
	h := m.context(e)
	same, equal := m.aligned(h)
	// The two likeliest bytes, and who says so.
	x1, x2 := int(e), -1
	p1, p2 := same.One(), uint32(0)
	var fit, fitAt [3]*rans.Prob
	for k := range m.fields {
		f := &m.fields[k]
		if f.x < 0 {
			continue
		}
		context := ((uint32(k)*4+f.right)*4+f.level)*2 + b2u(f.x == int(e))
		fit[k], fitAt[k] = &m.fit[context], &m.fitAt[context<<8|f.start]
		p := (fit[k].One() + fitAt[k].One()) / 2
		switch {
		case f.x == x1:
			p1 = max(p1, p)
		case p > p1:
			x2, p2 = x1, p1
			x1, p1 = f.x, p
		case p > p2:
			x2, p2 = f.x, p
		}
	}
	kind := b2u(x1 == int(e))
	first, next := equal, same
	for k := len(m.fields) - 1; k >= 0; k-- {
		if f := &m.fields[k]; f.x == x1 {
			kind |= 2<<k | f.right<<4
			next = fitAt[k]
			if x1 != int(e) {
				first = fit[k]
			}
		}
	}
	order := &m.order[hash32(uint64(m.c1|m.c2<<8|m.c3<<16)|uint64(kind|m.hist&15<<8)<<32, orderBits)]
	var n uint32 // the byte that the next one is aligned to
	if m.sp+1 < len(m.src) && m.dist > 1 {
		n = uint32(m.src[m.sp+1])
	}
	ahead := &m.ahead[hash32(uint64(m.c1|n<<8|uint32(x1)<<16)|uint64(kind|m.hist&3<<8)<<32, aheadBits)]
	hit := m.mix(first, next, order, ahead, &m.flags[kind<<4|min(m.age, 3)<<2|m.hist&3], b2u(c == uint32(x1))) == 1
	m.judge(h)
	got := x1
	if !hit && x2 >= 0 {
		hit = m.bit(&m.second[kind<<8|m.c1], b2u(c == uint32(x2))) == 1
		got = x2
	}
	if !hit {
		got = -1
	}
	if got != int(e) && m.fields[0].right|m.fields[1].right == 0 {
		m.began()
	}
	for k := range m.fields {
		if f := &m.fields[k]; f.x >= 0 {
			on := f.x == got
			fit[k].Learn(b2u(on))
			fitAt[k].Learn(b2u(on))
			if k < 2 {
				f.went(on)
			}
		}
	}
	if next != same {
		same.Learn(b2u(got == int(e)))
	}
	m.watch |= 1
	if !hit {
		return m.other(c, e, turned)
	}
	if m.prices != nil {
		m.prices.aligned(m, got == int(e)) // what the parser does not know to be foreseen counts as missed, so this is in its price
		if got != int(e) {
			m.prices.foreseen(m)
		}
	}
	m.put(uint32(got), e)
	return nil
}

// other codes a byte that is not among the expected, or a turn of the alignment, unless there was one at this byte.
func (m *model) other(c, e uint32, turned bool) error {
	if !turned {
		ok, err := m.maybeTurn(m.hist & 0xff)
		if err != nil {
			return err
		}
		if ok {
			return m.afterTurn(c)
		}
	}
	mode := uint32(bits.OnesCount8(uint8(m.hist)))
	before := m.cost
	c = m.literal(c, e, mode)
	if m.prices != nil {
		m.prices.literal(m, m.cost-before)
		m.prices.aligned(m, false)
	}
	m.diff = (c - e) & 0xff
	m.put(c, e)
	return nil
}

// unaligned codes a byte where there is nothing to compare with.
func (m *model) unaligned(c uint32) error {
	m.known, m.watch = false, 0
	ok, err := m.maybeTurn(m.hist&15 | 0xf0)
	if err != nil {
		return err
	}
	if ok {
		return m.afterTurn(c)
	}
	before := m.cost
	c = m.literal(c, 0, 9)
	if m.prices != nil {
		m.prices.literal(m, m.cost-before)
	}
	if m.enc == nil {
		m.raw[m.i] = byte(c)
	}
	m.i++
	m.age++
	m.hist = m.hist<<1 | 1
	m.c1, m.c2, m.c3 = c, m.c1, m.c2
	return nil
}

// afterTurn codes the byte at which the alignment turned.
func (m *model) afterTurn(c uint32) error {
	e := uint32(m.src[m.sp])
	m.foreseen(e, false)
	return m.uncertain(c, e, true)
}

// maybeTurn codes whether the alignment turns, and how.
func (m *model) maybeTurn(context uint32) (bool, error) {
	d := m.dist
	for len(m.turns) > 0 && m.turns[0].at <= m.i {
		d = m.turns[0].dist
		m.turns = m.turns[1:]
	}
	if m.bit(&m.turned[min(m.age, aged)<<8|context], b2u(d != m.dist)) == 0 {
		return false, nil
	}
	d = m.distance(d)
	if d <= 0 || d > len(m.ref)+m.i {
		return false, ErrData
	}
	m.turn(d)
	return true, nil
}

// way is how a distance is said.
type way int

const (
	wayLeft  way = iota // it is one of those that were left
	wayStep             // by how much it is more than the present one
	wayBack             // the distance, within raw
	wayPlace            // the place in the reference
)

const maxStep = 1 << 12

// wayTo returns the way by which d is said before raw[i].
func wayTo(d int, left *[3]int, base *[2]int, i int) way {
	if d == left[0] || d == left[1] || d == left[2] {
		return wayLeft
	}
	if d <= i {
		if step := max(d-base[0], base[0]-d); base[0] > 0 && step*16 < d {
			return wayStep
		}
		return wayBack
	}
	if step := max(d-base[1], base[1]-d); base[1] > 0 && step < maxStep {
		return wayStep
	}
	return wayPlace
}

// distance codes one.
func (m *model) distance(d int) int {
	w := wayTo(d, &m.left, &m.base, m.i)
	in := b2u(m.dist > m.i) // the reference
	if m.bit(&m.ways[in], b2u(w == wayLeft)) == 1 {
		for k := range 2 {
			if m.bit(&m.ways[2+k], b2u(d == m.left[k])) == 1 {
				return m.left[k]
			}
		}
		return m.left[2]
	}
	to := m.bit(&m.ways[4+in], b2u(d > m.i))
	if m.bit(&m.ways[6+2*to+in], b2u(w == wayStep)) == 1 {
		base := m.base[to]
		z := m.number(&m.step[2*to+in], int(rans.Zigzag(int64(d-base))))
		return base + int(rans.Unzigzag(uint64(z)))
	}
	if to == 0 {
		return m.number(&m.back, d)
	}
	return len(m.ref) + m.i - m.number(&m.anywhere, len(m.ref)+m.i-d)
}

// literal codes a byte, aligned to e. The mode is how many of the last eight bytes were not the aligned ones, or 9.
func (m *model) literal(c, e, mode uint32) uint32 {
	l := &m.literals
	two := hash32(uint64(m.c1|m.c2<<8), pairBits)
	three := hash32(uint64(m.c1|m.c2<<8|m.c3<<16), pairBits)
	byDiff := l.byDiff[mode<<8|m.hist&7<<5:][:32]
	by := (e+m.diff)&0xff | 0x100        // as different as the last one
	last, aligned := m.c1*17<<4, e*17<<4 // a tree of four bits has a line of the cache
	w := l.weights[mode<<5:][:32]
	at, node := uint32(1), uint32(1)
	for k := 7; k >= 0; k-- {
		if k == 3 {
			two = (two ^ at*0x9e35) & (1<<pairBits - 1)
			three = (three ^ at*0x9e35) & (1<<pairBits - 1)
			last += (1 + at&15) << 4
			aligned += (1 + at&15) << 4
			w = w[16:]
			node = 1
		}
		var third, fourth *rans.Prob
		if mode >= 6 {
			third, fourth = &l.byThree[three<<4|node], &l.byAligned[aligned|node]
		} else {
			agrees := uint32(0)
			if by>>(k+1) == at {
				agrees = 1 + by>>k&1
			}
			third, fourth = &l.byAligned[aligned|node], &byDiff[agrees<<3|uint32(k)]
		}
		bit := m.mix(&l.byLast[last|node], &l.byTwo[two<<4|node], third, fourth, &w[node], c>>k&1)
		at, node = at<<1|bit, node<<1|bit
	}
	return at & 0xff
}
