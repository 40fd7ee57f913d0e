package mix

import (
	"math/bits"
	"slices"

	"dictnet/codec/internal/align"
)

// model predicts the next bit of a text from all it knows, and learns from what came.
//
// What it knows are histories of the bits that followed in a context before, the context being the last bytes, or the expected byte and those
// around it; the expected bytes themselves, on the diagonal, of the latest match, at the place nearby, and as numbers that point to what has moved. Each says something
// about the next bit, as a logarithm of odds; three mixers weigh what they say, and learn whom to believe when (Mahoney, 2005).
type model struct {
	follower *align.Follower
	win      []byte // reference, then text
	ref      int    // length of the reference

	// At the next byte.
	last             uint64       // the bytes before, the latest lowest
	ptr              int          // of the expected byte in win
	run              int          // as in align.Follower, of ptr
	misses           uint32       // likewise
	along            int          // likewise
	borrowed         bool         // ptr is that of the match: the diagonal leads nowhere
	ahead            [4]byte      // before the expected byte, it, and the two after
	hints            []align.Hint // the current one and those to come
	pieces           []align.Hint // by RefLo
	here             align.Hint   // what is known of ptr and the next byte
	placed           bool         // here is known
	diff             byte         // between the latest byte that was not as expected and the expected one
	since            int          // bytes since
	word, wordBefore uint64       // hashes of the letters and digits since the last other byte, and of those before it
	diagonal         expected
	match, near      expected
	fields           [nFields]field
	decimals         align.Decimals
	decimalAt        int // ptr at which decimals goes on
	certain          certainty
	turned           turned
	ruledOut         bool // the next byte is not the expected one
	ready            bool // its contexts have been found

	// At the next bit.
	c0  uint32 // the bits of the byte, after a leading 1
	bit int    // how many

	// Histories by context: buckets of 16 bytes, a check and the histories of the 15 nodes of half a byte.
	table  []byte
	mask   uint32
	hashes [nContexts]uint32
	bucket [nContexts]uint32
	node   [nContexts]uint32
	maps   [nContexts][256]adaptive // what a history means
	order0 [256]adaptive
	probs  [nExpected][4096]adaptive // of the expected bytes

	in    [nInputs]int32
	mixer [nMixers]mixer
	final []finalWeights
	sel   int
	p     int32
}

const (
	nContexts = 17
	nExpected = 4 // two for the diagonal, one for the match, one for the place nearby
	nInputs   = nContexts + nExpected + 2*nFields + 2
	nMixers   = 3
)

// mixer weighs the inputs by a set of weights that a context selects.
type mixer struct {
	weights []int32  // in 1/65536, nInputs for each selection
	learned []uint32 // bits, by each selection
	sel     int
	stretch int32
	p       int32
}

type finalWeights [nMixers]int32

const learnFinal = 6

// newModel returns a model of a text of n bytes, to which places nearby are offered once least bytes agree.
func newModel(ref []byte, n int, hints []align.Hint, least int) *model {
	m := &model{ref: len(ref), hints: hints, c0: 1}
	m.pieces = slices.Clone(hints)
	slices.SortStableFunc(m.pieces, func(a, b align.Hint) int { return a.RefLo - b.RefLo })
	m.follower = align.NewFollower(ref, n, align.Segments(hints))
	m.follower.Least = least
	m.win = m.follower.Win
	size := bits.Len(uint(n + min(len(ref), rehearsed)))
	m.table = make([]byte, 1<<min(max(size+5, 14), tableBits))
	m.mask = uint32(len(m.table) - 1)
	for i := range m.maps {
		m.maps[i] = historyOdds
	}
	fill(m.order0[:], half)
	m.turned.init()
	for i := range m.probs {
		fill(m.probs[i][:], likely)
	}
	for i := range m.fields {
		m.fields[i].init(fieldKind(i), uint(min(max(size-2, 8), fieldBits)))
	}
	m.certain.init()
	m.mixer[0].init(16 * 9)
	m.mixer[1].init(64 * 5)
	m.mixer[2].init(256 * 3)
	m.final = make([]finalWeights, 16*9)
	for i := range m.final {
		m.final[i] = finalWeights{1 << 16 / nMixers, 1 << 16 / nMixers, 1 << 16 / nMixers}
	}
	m.rehearse(ref)
	return m
}

// rehearse learns from passages of the reference, as far apart as it is long, what its kind of text is like, but for what is expected where.
func (m *model) rehearse(ref []byte) {
	step := max(len(ref)/(rehearsed/passage), passage)
	for at := 0; at < len(ref); at += step {
		for _, c := range ref[at:min(at+passage, len(ref))] {
			m.diagonal.value, m.match.value, m.near.value, m.ready = -1, -1, -1, false
			for i := 7; i >= 0; i-- {
				m.predict()
				m.learnBit(int(c >> i & 1))
			}
			m.remember(c)
		}
	}
}

const (
	rehearsed = 128 << 10 // bytes of the reference that are learned from beforehand, in passages of so many:
	passage   = 1 << 10
	tableBits = 23 // the table has up to 2^23 bytes
	fieldBits = 14 // the tables of fields up to 2^14 entries each: what was learned long ago had better be forgotten
	stale     = 8  // of 16 bytes not as expected, and the diagonal is given up for the match

	// Or it is given up where so many of 16 bytes were not as expected, none or few since, and the match has so many.
	doubtful  = 3
	shortRun  = 16
	longMatch = 64
)

func (x *mixer) init(selections int) {
	x.weights = make([]int32, selections*nInputs)
	x.learned = make([]uint32, selections)
	for i := range x.weights {
		if k := i % nInputs; k >= nContexts && k < nContexts+nExpected {
			x.weights[i] = 1 << 14
		} else {
			x.weights[i] = 1 << 12
		}
	}
}

// look finds what is expected of the next byte.
func (m *model) look() {
	f := m.follower
	m.ptr, m.run, m.misses, m.along = f.Ptr, f.Run, f.Misses, f.Along
	m.match.value, m.near.value = -1, -1
	if f.NearLen > 0 {
		m.near.value = int(m.win[f.Near])
	}
	if n := bits.OnesCount32(f.Misses & 0xffff); f.Len > 0 && (f.Ptr < 0 || n >= stale || f.Len >= longMatch && f.Run < shortRun && n >= doubtful) {
		m.ptr, m.run, m.misses, m.along = f.Match, f.Len, f.MatchMisses, 0
		m.borrowed, m.placed = true, false
	} else {
		if f.Changed || m.borrowed {
			m.locate()
		}
		m.borrowed = false
		if f.Len > 0 {
			m.match.value = int(m.win[f.Match])
		}
	}
	m.diagonal.value = -1
	m.ahead = [4]byte{}
	if m.ptr >= 0 && m.ptr < len(m.win) {
		m.diagonal.value = int(m.win[m.ptr])
		copy(m.ahead[1:], m.win[m.ptr:min(m.ptr+3, len(m.win))])
		if m.ptr > 0 {
			m.ahead[0] = m.win[m.ptr-1]
		}
	}
	for i := range m.fields {
		m.fields[i].decimal = false
		m.fields[i].predict(m)
	}
	m.foresee()
	m.ready, m.ruledOut = false, false
}

// foresee lets the relative field, where it says nothing, say which digit is foreseen.
func (m *model) foresee() {
	d := &m.decimals
	if d.Inside && m.ptr != m.decimalAt {
		d.End()
	}
	if !d.Inside {
		if m.ptr < 0 || m.ptr >= m.ref || !align.IsDigit(m.ahead[1]) || align.IsDigit(m.ahead[0]) || align.IsDigit(byte(m.last)) {
			return
		}
		d.Begin(m.win[m.ptr:m.ref], byte(m.last))
	}
	m.decimalAt = m.ptr + 1
	if f := &m.fields[relative]; f.guess.value < 0 {
		if f.guess.value = d.Next(); f.guess.value >= 0 {
			f.decimal, f.level, f.read, f.before = true, 3, uint8(d.Right), d.Before
		}
	}
}

// locate finds out where the expected byte stands on the tape, and the next one in the file.
func (m *model) locate() {
	at := len(m.win) - m.ref
	for len(m.hints) > 1 && m.hints[1].At <= at {
		m.hints = m.hints[1:]
	}
	m.placed = len(m.hints) > 0 && m.ptr >= 0 && m.ptr < m.ref && m.hints[0].At <= at
	if !m.placed {
		return
	}
	m.here = m.hints[0]
	m.here.File += uint64(at - m.here.At)
	m.here.At = at
	if m.ptr == m.here.Ref && at == m.hints[0].At {
		return
	}
	i, _ := slices.BinarySearchFunc(m.pieces, m.ptr, func(h align.Hint, p int) int {
		if h.RefLo <= p {
			return -1
		}
		return 1
	})
	if m.placed = i > 0; m.placed {
		piece := m.pieces[i-1]
		m.here.Tape = piece.Tape + uint64(int64(m.ptr-piece.Ref))
		m.here.Ref = m.ptr
	}
}

// contexts finds the histories of the next byte.
func (m *model) contexts() {
	m.ready = true
	h := m.last
	c1 := h & 0xff
	e := uint64(m.diagonal.value + 1)
	if m.ruledOut {
		e |= 1 << 40
	}
	before, after, third := uint64(m.ahead[0]), uint64(m.ahead[2]), uint64(m.ahead[3])
	misses := uint64(m.misses & 3)
	for i, x := range [nContexts]uint64{
		c1,
		h & 0xffff,
		h & 0xffffff,
		h & 0xffffffff,
		h & 0xffffffffffff,
		e | c1<<9,
		e | after<<9 | third<<17 | before<<25 | misses<<33,
		e | before<<9 | c1<<17 | misses<<25,
		e | uint64(m.diff)<<9 | uint64(min(m.since, 8))<<17,
		m.fields[relative].summary() | e<<20 | misses<<30,
		h>>8&0xffff<<8 | e<<32,
		e | h&0xffff<<9 | misses<<26,
		m.fields[absolute].summary() | e<<20 | misses<<30,
		e | uint64(m.misses&0xff)<<9 | after<<20,
		m.fields[aligned].summary() | e<<20 | misses<<30,
		m.word,
		m.word*0x9e3779b97f4a7c15 + m.wordBefore,
	} {
		m.hashes[i] = uint32((x + uint64(i+1)*0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93 >> 32)
	}
	m.buckets(0)
}

// buckets finds the buckets for half a byte.
func (m *model) buckets(half uint32) {
	t := m.table
	for i, h := range m.hashes {
		h = (h + half*0x9e3779b1) * 0x85ebca6b
		h ^= h >> 15
		check := byte(h)
		at := h >> 8 * 16 & m.mask
		if t[at] != check {
			other := at ^ 16
			if t[other] == check {
				at = other
			} else {
				if seen[t[other+1]] < seen[t[at+1]] {
					at = other
				}
				clear(t[at : at+16])
				t[at] = check
			}
		}
		m.bucket[i] = at
	}
}

// predict returns the probability of a 1, in 1/65536.
func (m *model) predict() uint32 {
	node := m.c0
	switch {
	case m.bit == 0:
		if !m.ready {
			m.contexts()
		}
	case m.bit >= 4:
		if m.bit == 4 {
			m.buckets(m.c0)
		}
		node = m.c0&(1<<(m.bit-4)-1) | 1<<(m.bit-4)
	}
	in := &m.in
	t := m.table
	for i, at := range m.bucket {
		at += node
		m.node[i] = at
		in[i] = 0
		if h := t[at]; h != 0 {
			in[i] = stretch(m.maps[i][h].p16())
		}
	}
	k := nContexts
	in[k], in[k+1], in[k+2], in[k+3] = 0, 0, 0, 0
	agree := m.diagonal.next(m.c0, m.bit)
	if agree = agree && !m.ruledOut; agree {
		d := &m.diagonal
		d.at[0] = (lengthClass(m.run)*16+min(bits.OnesCount32(m.misses), 15))*8 + m.bit
		d.at[1] = d.value<<4 | m.bit<<1
		if m.run >= 16 {
			d.at[1] |= 1
		}
		in[k] = d.sign(stretch(m.probs[0][d.at[0]].p16()))
		in[k+1] = d.sign(stretch(m.probs[1][d.at[1]].p16()))
	} else {
		m.diagonal.used = false
	}
	state := 0 // of the match
	if x := &m.match; x.next(m.c0, m.bit) {
		x.at[0] = ((lengthClass(m.follower.Len)*4+min(bits.OnesCount32(m.follower.MatchMisses&0xffff), 3))*8 + m.bit) * 2
		state = 2
		if agree && x.bit == m.diagonal.bit {
			x.at[0]++
			state = 1
		}
		in[k+2] = x.sign(stretch(m.probs[2][x.at[0]].p16()))
	}
	if x := &m.near; x.next(m.c0, m.bit) {
		x.at[0] = (lengthClass(m.follower.NearLen)*8 + m.bit) * 4
		if agree && x.bit == m.diagonal.bit {
			x.at[0]++
		}
		if m.match.used && x.bit == m.match.bit {
			x.at[0] += 2
		}
		in[k+3] = x.sign(stretch(m.probs[3][x.at[0]].p16()))
	}
	k += nExpected
	for i := range m.fields {
		in[k], in[k+1] = m.fields[i].inputs(m)
		k += 2
	}
	in[k] = stretch(m.order0[m.c0].p16())
	in[k+1] = 256

	m.sel = lengthClass(m.run)*9 + state
	if agree {
		m.sel += 3
	}
	m.mixer[0].sel = m.sel
	reading := 4
	if f := &m.fields[relative]; f.guess.value >= 0 {
		reading = int(f.read)
	}
	m.mixer[1].sel = int(m.misses&63)*5 + reading
	m.mixer[2].sel = int(m.c0) * 3
	switch {
	case agree:
		m.mixer[2].sel++
	case m.diagonal.value >= 0:
		m.mixer[2].sel += 2
	}
	var sum int64
	for i := range m.mixer {
		x := &m.mixer[i]
		x.mix(in)
		sum += int64(x.stretch) * int64(m.final[m.sel][i])
	}
	m.p = squash(clamp(sum >> 16))
	return uint32(max(min(m.p, 65535-8), 8))
}

func clamp(x int64) int32 { return int32(max(min(x, limit), -limit)) }

func (x *mixer) mix(in *[nInputs]int32) {
	w := (*[nInputs]int32)(x.weights[x.sel*nInputs:])
	var sum int64
	for i, v := range in {
		sum += int64(v) * int64(w[i])
	}
	x.stretch = clamp(sum >> 16)
	x.p = squash(x.stretch)
}

func (x *mixer) learn(in *[nInputs]int32, bit int32) {
	n := &x.learned[x.sel]
	err := int64((bit<<16 - x.p) * int32(14+60000/(*n+600)))
	*n = min(*n+1, 1<<16)
	w := (*[nInputs]int32)(x.weights[x.sel*nInputs:])
	for i, v := range in {
		w[i] += int32((int64(v)*err + 1<<19) >> 20)
	}
}

// learn tells of the bit that came.
func (m *model) learn(bit int) {
	m.learnBit(bit)
	if m.bit == 8 {
		m.add(byte(m.c0))
	}
}

func (m *model) learnBit(bit int) {
	final := &m.final[m.sel]
	err := int64((int32(bit)<<16 - m.p) * learnFinal)
	for i := range m.mixer {
		m.mixer[i].learn(&m.in, int32(bit))
		final[i] += int32((int64(m.mixer[i].stretch)*err + 1<<19) >> 20)
	}
	for i, at := range m.node {
		h := &m.table[at]
		m.maps[i][*h].learn(bit, 255)
		*h = byte(following[*h][bit])
	}
	m.order0[m.c0].learn(bit, 60)
	if d := &m.diagonal; d.used {
		hit := 1 ^ bit ^ d.bit
		m.probs[0][d.at[0]].learn(hit, 255)
		m.probs[1][d.at[1]].learn(hit, 255)
	}
	if x := &m.match; x.used {
		m.probs[2][x.at[0]].learn(1^bit^x.bit, 255)
	}
	if x := &m.near; x.used {
		m.probs[3][x.at[0]].learn(1^bit^x.bit, 255)
	}
	for i := range m.fields {
		m.fields[i].said(bit)
	}
	m.c0 = m.c0<<1 | uint32(bit)
	m.bit++
}

// add tells of the byte that came. Once it is known whether the diagonal changes, the model has to look for what is expected next.
func (m *model) add(c byte) {
	if m.decimals.Inside {
		m.decimals.Add(c, m.ahead[1])
	}
	m.remember(c)
	f := &m.fields[relative]
	foreseen := f.decimal && f.guess.value == int(c) && !m.borrowed
	for i := range m.fields {
		m.fields[i].add(c)
	}
	if e := m.diagonal.value; e >= 0 {
		m.since++
		if int(c) != e {
			m.diff, m.since = c-byte(e), 0
		}
	}
	if foreseen {
		m.follower.AddExpected(c)
	} else {
		m.follower.Add(c)
	}
	m.win = m.follower.Win
	m.ptr++
	m.along++
	m.run, m.misses = m.follower.Run, m.follower.Misses
	for i := range m.fields {
		m.fields[i].learn(m)
	}
}

// remember makes c the latest byte.
func (m *model) remember(c byte) {
	m.last = m.last<<8 | uint64(c)
	m.c0, m.bit = 1, 0
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c >= 0x80:
		m.word = (m.word + uint64(c) + 1) * 0x2545f4914f6cdd1d
	case m.word != 0:
		m.wordBefore, m.word = m.word, 0
	}
}
