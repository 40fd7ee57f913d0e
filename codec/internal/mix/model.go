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
	recalls          [nRecalls]recall
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
	mixed [nMixers]int32 // what they say
	judge [2]judge
	sharp [2]refined
}

const (
	nContexts = 16
	nExpected = 4 // two for the diagonal, one for the match, one for the place nearby
	nInputs   = nContexts + nExpected + 2*nFields + 2*nRecalls + 2
	nMixers   = 4
)

// newModel returns a model of a text of n bytes, to which places nearby are offered once least bytes agree.
func newModel(ref []byte, n int, hints []align.Hint, least int) *model {
	m := &model{ref: len(ref), hints: hints, c0: 1}
	m.pieces = slices.Clone(hints)
	slices.SortStableFunc(m.pieces, func(a, b align.Hint) int { return a.RefLo - b.RefLo })
	m.follower = align.NewFollower(ref, n, align.Segments(hints))
	m.follower.Least = least // its first look, before this, offers what it finds from align.LeastNear bytes on (section 4.10)
	m.win = m.follower.Win
	whole := bits.Len(uint(len(ref) + n))
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
	m.mixer[3].init(nVoices)
	m.judge[0].init(16 * 9)
	m.judge[1].init(nVoices)
	for i := range m.sharp {
		m.sharp[i].init(min(max(whole, 8), refinedBits))
	}
	m.recalls = newRecalls(max(whole, 8))
	m.rehearse()
	return m
}

const (
	tableBits = 23 // the table has up to 2^23 bytes
	fieldBits = 14 // the tables of fields up to 2^14 entries each: what was learned long ago had better be forgotten
	stale     = 8  // of 16 bytes not as expected, and the diagonal is given up for the match

	// Or it is given up where so many of 16 bytes were not as expected, none or few since, and the match has so many.
	doubtful  = 3
	shortRun  = 16
	longMatch = 64
)

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
	m.beside(m.win)
	for i := range m.recalls {
		m.recalls[i].look(m.win)
	}
	for i := range m.fields {
		m.fields[i].decimal = false
		m.fields[i].predict(m)
	}
	m.foresee()
	m.ready, m.ruledOut = false, false
}

// beside finds what stands on the diagonal, in win.
func (m *model) beside(win []byte) {
	m.diagonal.value = -1
	m.ahead = [4]byte{}
	if m.ptr >= 0 && m.ptr < len(win) {
		m.diagonal.value = int(win[m.ptr])
		copy(m.ahead[1:], win[m.ptr:min(m.ptr+3, len(win))])
		if m.ptr > 0 {
			m.ahead[0] = win[m.ptr-1]
		}
	}
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
	common, rare, again := uint64(m.recalls[0].guess.value+1), uint64(m.recalls[1].guess.value+1), uint64(m.recalls[2].guess.value+1)
	for i, x := range [nContexts]uint64{
		c1,
		h & 0xffff,
		h & 0xffffff,
		h & 0xffffffff,
		common | h&0xffff<<9 | 1<<50,
		e | after<<9 | third<<17 | before<<25 | misses<<33,
		e | before<<9 | c1<<17 | misses<<25,
		e | uint64(m.diff)<<9 | uint64(min(m.since, 8))<<17,
		m.fields[relative].summary() | e<<20 | misses<<30,
		again | common<<9 | rare<<18,
		rare | c1<<9 | 1<<51,
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
			// The other three of a line of the processor's cache.
			least := at
			for k := uint32(16); k < 64; k += 16 {
				other := at ^ k
				if t[other] == check {
					least = other
					break
				}
				if seen[t[other+1]] < seen[t[least+1]] {
					least = other
				}
			}
			if at = least; t[at] != check {
				clear(t[at : at+16])
				t[at] = check
			}
		}
		m.bucket[i] = at
	}
}

// code codes a byte, of which the model has looked for what is expected, and returns it.
func (m *model) code(code coder, c byte) byte {
	if m.sure() {
		hit := code(b2i(int(c) == m.diagonal.value), m.certain.predict(m))
		m.certain.learn(hit)
		if hit == 1 {
			return byte(m.diagonal.value)
		}
		m.ruledOut = true
	}
	for i := 7; i >= 0; i-- {
		m.learn(code(int(c>>i&1), m.predict()))
	}
	return byte(m.c0)
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
	for i := range m.recalls {
		in[k], in[k+1] = m.recalls[i].inputs(m)
		k += 2
	}
	in[k] = stretch(m.order0[m.c0].p16())
	in[k+1] = 256

	sel := lengthClass(m.run)*9 + state
	if agree {
		sel += 3
	}
	m.mixer[0].sel = sel
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
	m.mixer[3].sel = m.voices()
	for i := range m.mixer {
		m.mixed[i] = m.mixer[i].mix(in)
	}
	m.judge[0].sel, m.judge[1].sel = sel, m.mixer[3].sel
	for i := range m.judge {
		m.judge[i].mix(&m.mixed)
	}
	x := (m.judge[0].stretch + m.judge[1].stretch) / 2
	var e uint64
	if agree {
		e = uint64(m.diagonal.value + 1)
	}
	p := squash(x) + m.sharp[0].refine(x, uint64(m.c0)|m.last&0xff<<8) + 2*m.sharp[1].refine(x, uint64(m.c0)|m.last&0xffff<<8|e<<24)
	return uint32(max(min(p/4, 65535-8), 8))
}

// nVoices is how many answers voices may give.
const nVoices = 3 * nOpinions

// voices says which bit the diagonal expects, and each of what is recalled.
func (m *model) voices() int {
	v := m.diagonal.voice()
	for i := range m.recalls {
		v = v*3 + m.recalls[i].guess.voice()
	}
	return v
}

// learn tells of the bit that came.
func (m *model) learn(bit int) {
	for i := range m.sharp {
		m.sharp[i].learn(int32(bit))
	}
	for i := range m.judge {
		m.judge[i].learn(&m.mixed, int32(bit))
	}
	for i := range m.mixer {
		m.mixer[i].learn(&m.in, int32(bit))
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
		m.fields[i].guess.said(bit)
	}
	for i := range m.recalls {
		m.recalls[i].guess.said(bit)
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
	m.recall(m.win)
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
