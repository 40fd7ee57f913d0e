package zref

import (
	"encoding/binary"
	"math"
	"math/bits"

	"dictnet/codec/internal/align"
)

const (
	longBits  = 17
	shortBits = 14
	longLen   = 8 // bytes that are looked up in the long table
	shortLen  = 4 // and in the short one

	prime8 = 0xcf1bbcdcb7a56463
	prime5 = 889523592379 // of zstd's own hash of five bytes; mixes four as well

	// So many places apart those of the prefix are in the tables: what begins between them is found a few bytes late, and prolonged to the front.
	longStride  = 2
	shortStride = 8

	// What a match gains is reckoned in bits.
	literalBits  = 6 // of a literal that is spared
	sequenceBits = 8 // of a sequence, besides its distance
	repeatBits   = 1 // of a distance that is one of the last three

	lazy   = 2  // bytes by which a match may be put off for a better one
	enough = 64 // bytes of a match that is not

	stepShift = 8 // the farther behind the last match, the fewer places are looked at

	// Text and prefix are in step where the last distance holds again after a few bytes. Then nothing else is looked for: it is the rule where one is an
	// edited copy of the other, and takes no table.
	stepAfter = 3 // bytes, at most
	stepLeast = 8 // bytes for which it must hold
)

// finder finds matches of a text with its prefix and itself.
type finder struct {
	all    []byte // prefix and text
	at     int    // up to where it has been searched
	base   int    // of the values in the tables: what is below is of another text
	long   [1 << longBits]uint32
	short  [1 << shortBits]uint32
	last   [3]int // distances, the latest first
	hints  []align.Hint
	prefix int
	hinted int // distance that the last hint says; 0 before the first
	next   int // where the next hint is

	sequences []sequence
	literals  []byte
}

func hashLong(v uint64) uint64  { return v * prime8 >> (64 - longBits) }
func hashShort(v uint64) uint64 { return v << 32 * prime5 >> (64 - shortBits) }

func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }
func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }

// begin begins a text.
func (f *finder) begin(all []byte, prefix int, hints []align.Hint) {
	f.base += len(f.all) + 1
	if f.base+len(all) > math.MaxUint32 {
		clear(f.long[:])
		clear(f.short[:])
		f.base = 1
	}
	f.all, f.prefix, f.at, f.hints = all, prefix, prefix, hints
	f.last = [3]int{1, 4, 8} // section 3.1.1.5
	f.hinted = 0
	for i := 0; i <= prefix-longLen; i += longStride {
		v := load64(all, i)
		f.long[hashLong(v)] = uint32(f.base + i)
		if i%shortStride == 0 {
			f.short[hashShort(v)] = uint32(f.base + i)
		}
	}
}

// find finds the sequences of the next n bytes of the text, and the literals between and behind them.
func (f *finder) find(n int) {
	b := f.all
	s, end := f.at, f.at+n // s is behind the last match, plus what has been looked at in vain
	f.at = end
	f.sequences = f.sequences[:0]
	f.literals = f.literals[:0]
	done := s // behind the last match
	last := end - longLen - lazy
	f.hint(s)
	for s <= last {
		if s >= f.next {
			f.hint(s)
		}
		if p := s - f.last[0]; p >= 0 {
			if k := bits.LeadingZeros64(load64(b, s)^load64(b, p)) >> 3; k >= 8-stepAfter {
				if n := k + matchLen(b, s+8, p+8, end); n >= stepLeast {
					done = f.take(match{s + 8 - k, p + 8 - k, n, 0}, done)
					s = done
					continue
				}
			}
		}
		m := f.probe(s, end, 0)
		if m.n == 0 {
			s += 1 + (s-done)>>stepShift
			continue
		}
		for k := 1; k <= lazy && m.n < enough && m.at <= last-k; k++ {
			if o := f.probe(m.at+k, end, m.gain); o.n > 0 {
				m, k = o, 0
			}
		}
		done = f.take(m, done)
		s = done
		if s <= last {
			if next := m.at + lazy + 1; next < s-2 {
				f.keep(next)
			}
			f.keep(s - 2)
		}
	}
	f.literals = append(f.literals, b[done:end]...)
}

// skip passes over the next n bytes of the text.
func (f *finder) skip(n int) { f.at += n }

// hint takes up what is said of the text at s.
func (f *finder) hint(s int) {
	for len(f.hints) > 0 && f.hints[0].At+f.prefix <= s {
		f.hinted = f.hints[0].At + f.prefix - f.hints[0].Ref
		f.hints = f.hints[1:]
	}
	f.next = math.MaxInt
	if len(f.hints) > 0 {
		f.next = f.hints[0].At + f.prefix
	}
}

// keep keeps a place in the tables.
func (f *finder) keep(s int) {
	v := load64(f.all, s)
	f.long[hashLong(v)] = uint32(f.base + s)
	f.short[hashShort(v>>8)] = uint32(f.base + s + 1)
}

// match says that n bytes at at are those at from; n is 0 if there is none.
type match struct{ at, from, n, gain int }

// probe looks for the match of what stands at s that gains most, and more than so many bits. It keeps the place.
func (f *finder) probe(s, end, gain int) (m match) {
	b := f.all
	v := load64(b, s)
	l, h := hashLong(v), hashShort(v)
	far, near := int(f.long[l])-f.base, int(f.short[h])-f.base
	f.long[l], f.short[h] = uint32(f.base+s), uint32(f.base+s)

	m.gain = gain
	// Matches must be longer than so many bytes. The last four of those are looked at first.
	tail := max((gain+sequenceBits+repeatBits)/literalBits-3, 0)
	if s+tail+4 > end {
		return m
	}
	w := load32(b, s+tail)
	for _, d := range f.last {
		p := s - d
		if p < 0 || load32(b, p+tail) != w && (tail > 0 || (load32(b, p)^w)<<8 != 0) {
			continue
		}
		n := matchLen(b, s, p, end)
		if g := n*literalBits - sequenceBits - repeatBits; g > m.gain {
			m = match{s, p, n, g}
			if tail = n - 3; s+tail+4 > end {
				return m
			}
			w = load32(b, s+tail)
		}
	}
	if p := s - f.hinted; f.hinted > 0 && m.n < longLen && load64(b, p) == v {
		m.take(s, p, longLen+matchLen(b, s+longLen, p+longLen, end))
	}
	if far >= 0 {
		if load32(b, far+tail) == w && load64(b, far) == v {
			m.take(s, far, longLen+matchLen(b, s+longLen, far+longLen, end))
			return m
		}
	}
	if m.n < shortLen && near >= 0 && load32(b, near+tail) == w && load32(b, near) == uint32(v) {
		m.take(s, near, shortLen+matchLen(b, s+shortLen, near+shortLen, end))
	}
	return m
}

// take makes m the match of n bytes at s if that gains more, with a distance that is none of the last.
func (m *match) take(s, from, n int) {
	if g := n*literalBits - sequenceBits - bits.Len(uint(s-from)); g > m.gain {
		*m = match{s, from, n, g}
	}
}

// matchLen returns how many bytes at i and j are equal, up to end for i.
func matchLen(b []byte, i, j, end int) int {
	begin := i
	for i+8 <= end {
		if x := load64(b, i) ^ load64(b, j); x != 0 {
			return i - begin + bits.TrailingZeros64(x)>>3
		}
		i += 8
		j += 8
	}
	for i < end && b[i] == b[j] {
		i++
		j++
	}
	return i - begin
}

// take makes a sequence of a match, and of what it is longer to the front, down to done. It returns where it ends.
func (f *finder) take(m match, done int) int {
	b := f.all
	for m.at > done && m.from > 0 && b[m.at-1] == b[m.from-1] {
		m.at--
		m.from--
		m.n++
	}
	literals := m.at - done
	if k := len(f.literals); literals <= 16 && cap(f.literals)-k >= 16 && done+16 <= len(b) {
		f.literals = f.literals[:k+literals]
		copy((*[16]byte)(f.literals[k : k+16])[:], b[done:done+16])
	} else {
		f.literals = append(f.literals, b[done:m.at]...)
	}
	f.sequences = append(f.sequences, sequence{uint32(literals), uint32(m.n), f.offset(m.at-m.from, literals == 0)})
	return m.at + m.n
}

// offset returns how a distance is written, and learns it (section 3.1.1.5). None says that there are no literals before the match.
func (f *finder) offset(d int, none bool) uint32 {
	a, b, c := f.last[0], f.last[1], f.last[2]
	second := uint32(2) // how b is written
	if none {
		second = 1
	}
	switch {
	case d == a && !none:
		return 1
	case d == b:
		f.last[0], f.last[1] = b, a
		return second
	case d == c:
		f.last = [3]int{c, a, b}
		return second + 1
	}
	f.last = [3]int{d, a, b}
	if d == a-1 && none {
		return 3
	}
	return uint32(d) + 3
}
