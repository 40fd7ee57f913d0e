package zref

import (
	"encoding/binary"
	"math/bits"
)

// sequence is a run of literals, and a match behind it (section 3.1.1.3.2).
type sequence struct {
	literals uint32
	match    uint32 // bytes, 3 or more
	offset   uint32 // as it is written: a distance plus 3, or 1 to 3 for one of the last
}

const minMatch = 3

// The codes of a sequence, in the order of their tables.
const (
	codeLiterals = iota
	codeOffset
	codeMatch
)

// codes is one of the three kinds of codes of a block's sequences.
type codes struct {
	of    []byte // each sequence
	table fseTable
	count [maxCodes]uint32
}

// lengthCode is a code of a length: it stands for base and, behind so many bits, what follows.
type lengthCode struct {
	base uint32
	bits uint8
}

// The codes of lengths that have extra bits (tables 16 and 17 of section 3.1.1.3.2.1.1).
var (
	literalsCodes = makeLengthCodes(0, 16, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	matchCodes    = makeLengthCodes(minMatch, 32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)

	literalsCodeOf = makeCodeOf(literalsCodes, 64)
	matchCodeOf    = makeCodeOf(matchCodes, 128+minMatch)
)

func makeLengthCodes(least uint32, plain int, extra ...uint8) []lengthCode {
	all := make([]lengthCode, 0, plain+len(extra))
	for range plain {
		all = append(all, lengthCode{least, 0})
		least++
	}
	for _, n := range extra {
		all = append(all, lengthCode{least, n})
		least += 1 << n
	}
	return all
}

// makeCodeOf lists the codes of the lengths below n.
func makeCodeOf(codes []lengthCode, n uint32) []byte {
	of := make([]byte, n)
	for c, l := range codes {
		for v := l.base; v < min(n, l.base+1<<l.bits); v++ {
			of[v] = byte(c)
		}
	}
	return of
}

func literalsCode(n uint32) byte {
	if n < uint32(len(literalsCodeOf)) {
		return literalsCodeOf[n]
	}
	return byte(bits.Len32(n) - 1 + 19)
}

func matchCode(n uint32) byte {
	if n < uint32(len(matchCodeOf)) {
		return matchCodeOf[n]
	}
	return byte(bits.Len32(n-minMatch) - 1 + 36)
}

// The distributions that are agreed (section 3.1.1.3.2.2).
var agreed = [3]*fseTable{
	codeLiterals: makeTable(6, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1),
	codeOffset:   makeTable(5, 1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1),
	codeMatch: makeTable(6, 1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1),
}

// mostLog is the largest table of each kind of codes.
var mostLog = [3]uint{codeLiterals: 9, codeOffset: 8, codeMatch: 9}

const (
	modeAgreed = 0
	modeRLE    = 1
	modeFSE    = 2

	leastOwn = 16 // sequences that may be worth tables of their own
)

// appendSequences appends a sequences section.
func (e *Encoder) appendSequences(dst []byte) []byte {
	n := len(e.sequences)
	switch {
	case n == 0:
		return append(dst, 0)
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7f00:
		dst = append(dst, byte(n>>8+128), byte(n))
	default:
		dst = binary.LittleEndian.AppendUint16(append(dst, 255), uint16(n-0x7f00))
	}
	for k := range e.codes {
		c := &e.codes[k]
		if cap(c.of) < n {
			c.of = make([]byte, n, max(n+n/2, 4096))
		}
		c.of = c.of[:n]
		clear(c.count[:])
	}
	ll, of, ml := &e.codes[codeLiterals], &e.codes[codeOffset], &e.codes[codeMatch]
	for i, s := range e.sequences {
		a, b, c := literalsCode(s.literals), byte(bits.Len32(s.offset)-1), matchCode(s.match)
		ll.of[i], of.of[i], ml.of[i] = a, b, c
		ll.count[a%maxCodes]++
		of.count[b%maxCodes]++
		ml.count[c%maxCodes]++
	}
	modes := len(dst)
	dst = append(dst, 0)
	var tables [3]*fseTable
	for k := range e.codes {
		var mode byte
		tables[k], mode, dst = e.codes[k].choose(dst, k, n)
		dst[modes] |= mode << (6 - 2*k)
	}
	return e.appendBits(dst, tables[codeLiterals], tables[codeOffset], tables[codeMatch])
}

// choose chooses how codes are coded, and appends what says so.
func (c *codes) choose(dst []byte, kind, n int) (*fseTable, byte, []byte) {
	counts := c.count[:]
	for counts[len(counts)-1] == 0 {
		counts = counts[:len(counts)-1]
	}
	if counts[len(counts)-1] == uint32(n) && n > 2 {
		c.table.single()
		return &c.table, modeRLE, append(dst, byte(len(counts)-1))
	}
	plain := agreed[kind].cost(counts)
	if n >= leastOwn {
		c.table.make(counts, n, mostLog[kind])
		begin := len(dst)
		dst = c.table.appendCells(dst)
		if own := c.table.cost(counts) + (len(dst)-begin)*8<<costBits; own < plain {
			c.table.build()
			return &c.table, modeFSE, dst
		}
		dst = dst[:begin]
	}
	return agreed[kind], modeAgreed, dst
}

// appendBits appends the codes and extra bits of the sequences, the last first (section 3.1.1.3.2.1.2).
func (e *Encoder) appendBits(dst []byte, ll, of, ml *fseTable) []byte {
	n := len(e.sequences) - 1
	w := bitWriter{dst: dst}
	llc, ofc, mlc := e.codes[codeLiterals].of, e.codes[codeOffset].of, e.codes[codeMatch].of
	var sl, so, sm fseState
	for i := n; i >= 0; i-- {
		s := e.sequences[i]
		l, o, m := llc[i], ofc[i], mlc[i]
		if i == n {
			sm.begin(ml, m)
			so.begin(of, o)
			sl.begin(ll, l)
		} else {
			w.flush()
			so.code(&w, of, o)
			sm.code(&w, ml, m)
			sl.code(&w, ll, l)
		}
		w.flush()
		lc, mc := literalsCodes[l], matchCodes[m]
		w.add(uint64(s.literals-lc.base), uint(lc.bits))
		w.add(uint64(s.match-mc.base), uint(mc.bits))
		w.flush()
		w.add(uint64(s.offset)&(1<<o-1), uint(o))
	}
	w.flush()
	sm.end(&w, ml)
	so.end(&w, of)
	sl.end(&w, ll)
	w.add(1, 1)
	return w.end()
}

// bitWriter writes bits, the lowest of a byte first.
type bitWriter struct {
	dst  []byte
	bits uint64
	n    uint
}

// add adds the low n bits of v, which has no others. Up to 56 may be added before they are flushed.
func (w *bitWriter) add(v uint64, n uint) {
	w.bits |= v << (w.n & 63)
	w.n += n
}

func (w *bitWriter) flush() {
	w.dst = binary.LittleEndian.AppendUint64(w.dst, w.bits)
	w.dst = w.dst[:len(w.dst)-8+int(w.n>>3)]
	w.bits >>= w.n &^ 7
	w.n &= 7
}

func (w *bitWriter) end() []byte {
	w.flush()
	if w.n > 0 {
		w.dst = append(w.dst, byte(w.bits))
	}
	return w.dst
}
