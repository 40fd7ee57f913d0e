package records

import (
	"encoding/binary"
	"math/bits"
)

// The coder is range asymmetric numeral systems (Duda, arXiv:1311.2540; byte-wise as in Giesen, arXiv:1402.3392) over static tables.
// The state is within [2^24, 2^32). It begins, and a decoder's ends, with 24 bits of the checksum, so that they cost nothing more.
const (
	ansLow  = 1 << 24
	ansMask = ansLow - 1
)

// sink codes symbols from the last to the first, into the end of buf.
type sink struct {
	x   uint32
	at  int // of the byte written last
	buf []byte
}

// put codes the part [start, start+freq) of a range of 1<<bits, bits 1 to 16. It writes 2 bytes at most; which, is not foreseeable, so that it is said
// without a branch.
func (s *sink) put(start, freq, bits uint32) {
	binary.BigEndian.PutUint16(s.buf[s.at-2:], uint16(s.x))
	limit, x := uint64(freq)<<(32-bits), uint64(s.x)
	n := (limit-1-x)>>63 + (limit-1-x>>8)>>63 // 1 for each that is at limit
	s.at -= int(n)
	y := s.x >> (8 * n)
	q := y / freq
	s.x = q<<bits + start + y - q*freq
}

// cell codes the part of a symbol.
func (s *sink) cell(c cell, bits uint32) { s.put(uint32(c.start), uint32(c.freq), bits) }

// direct codes the low n bits of v, 0 to 16.
func (s *sink) direct(v, n uint32) {
	if n > 0 {
		s.put(v&(1<<n-1), 1, n)
	}
}

// end writes the state and returns all that was coded.
func (s *sink) end() []byte {
	s.at -= 4
	binary.BigEndian.PutUint32(s.buf[s.at:], s.x)
	return s.buf[s.at:]
}

// source reads what a sink wrote. It never fails: behind the end stand zeros, and end says whether all was right.
type source struct {
	x    uint32
	at   int // of the next byte
	data []byte
}

func newSource(data []byte) (s source, ok bool) {
	if len(data) < 4 {
		return s, false
	}
	s = source{binary.BigEndian.Uint32(data), 4, data}
	return s, s.x >= ansLow
}

// take goes on behind a symbol.
func (s *source) take(start, freq, width uint32) {
	x := freq*(s.x>>width) + s.x&(1<<width-1) - start // at least 1<<8
	n := uint32(bits.LeadingZeros32(x)) / 8
	if s.at+2 <= len(s.data) {
		next := uint32(binary.BigEndian.Uint16(s.data[s.at:]))
		s.x = x<<(8*n) | next>>(16-8*n)
	} else {
		s.x = x << (8 * n)
		if n > 0 && s.at < len(s.data) {
			s.x |= uint32(s.data[s.at]) << (8 * (n - 1))
		}
	}
	s.at += int(n)
}

// direct returns a number of n bits, 0 to 16, all of them equally likely.
func (s *source) direct(n uint32) uint32 {
	if n == 0 {
		return 0
	}
	v := s.x & (1<<n - 1)
	s.take(v, 1, n)
	return v
}

// end reports whether all has been read, and just that.
func (s *source) end(seed uint32) bool {
	return s.at == len(s.data) && s.x == ansLow|seed&ansMask
}
