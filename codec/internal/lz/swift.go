package lz

import (
	"encoding/binary"
)

// swift decodes bytes that are as aligned beyond doubt, up to end, and leaves off where it takes more than one decision: it does just what run does, with
// everything at hand. Most bytes of most blocks go this way. It reports whether it stopped at a byte that is another, which has been asked for.
func (m *model) swift(end int) (other bool) {
	if len(m.hints) > 0 {
		end = min(end, m.hints[0].At)
	}
	if m.fields[0].right|m.fields[1].right != 0 {
		return false
	}
	src, sp, i := m.src, m.sp, m.i
	n := min(end-i, len(src)-sp)
	if n <= 0 {
		return false
	}
	c1, c2, c3 := m.c1, m.c2, m.c3
	age, hist, watch := m.age, m.hist, m.watch
	inside := m.decimal.Inside
	raw := m.raw
	known := m.known
	// The model of the latest context is kept here, for it is that of the next byte as well, mostly.
	at := min(age, 15)<<8 | hist&0xff
	same := m.same[at]
	digit := c1-'0' <= 9
	for ; n > 0; n-- {
		e := uint32(src[sp])
		isDigit := e-'0' <= 9
		if inside || isDigit && !digit {
			m.sp, m.i, m.c1 = sp, i, c1
			m.expectDecimal()
			inside = m.decimal.Inside
			if d := m.fields[2].x; d >= 0 && d != int(e) {
				break
			}
		}
		equal := &m.equal[hash32(uint64(c1|c2<<8|e<<16|hist&3<<24), equalBits)]
		if *equal == 0 {
			break
		}
		one := equal.One()
		if one < certain {
			break
		}
		if known && sp+4 <= len(src) && !unlikely(binary.LittleEndian.Uint32(src[sp:])) {
			m.sp, m.i, m.c1 = sp, i, c1
			m.expectPlaces()
			if f, g := m.fields[0].x, m.fields[1].x; f >= 0 && f != int(e) || g >= 0 && g != int(e) {
				break
			}
		}
		if !m.dec.Likely(one) {
			m.dec.BitAt(one)
			equal.Learn(0)
			same.Learn(0)
			other = true
			break
		}
		if m.dec.Low() {
			m.dec.Refill()
		}
		equal.LearnOne()
		same.LearnOne()
		if inside {
			m.decimal.Add(byte(e), byte(e))
			inside = m.decimal.Inside
		}
		raw[i] = byte(e)
		i++
		sp++
		c1, c2, c3 = e, c1, c2
		digit = isDigit
		hist <<= 1
		watch <<= 1
		age++
		if next := min(age, 15)<<8 | hist&0xff; next != at {
			m.same[at] = same
			at = next
			same = m.same[at]
		}
		if watch&16 != 0 && known {
			m.sp, m.i = sp, i
			m.learnMove()
		}
	}
	m.same[at] = same
	m.sp, m.i = sp, i
	m.c1, m.c2, m.c3 = c1, c2, c3
	m.age, m.hist, m.watch = age, hist, watch
	return other
}
