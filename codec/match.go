package codec

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// source reads bytes of a tape: those that lie together around pos, and the position of the first.
type source func(pos uint64) (start uint64, raw []byte, err error)

// read appends the bytes of a span to b.
func (src source) read(b []byte, s Span) ([]byte, error) {
	for s.Len > 0 {
		start, raw, err := src(s.Pos)
		if err != nil {
			return nil, err
		}
		raw = raw[s.Pos-start:]
		raw = raw[:min(uint64(len(raw)), s.Len)]
		b = append(b, raw...)
		s.Pos += uint64(len(raw))
		s.Len -= uint64(len(raw))
	}
	return b, nil
}

// commonAfter returns how many bytes of b stand in the source at pos, which has size bytes.
func commonAfter(src source, size, pos uint64, b []byte) (n int, err error) {
	for n < len(b) && pos < size {
		start, raw, err := src(pos)
		if err != nil {
			return 0, err
		}
		raw = raw[pos-start:]
		k := commonPrefix(raw, b[n:])
		n += k
		pos += uint64(k)
		if k < len(raw) {
			break
		}
	}
	return n, nil
}

// commonBefore returns how many bytes at the end of b stand in the source just before pos.
func commonBefore(src source, pos uint64, b []byte) (n int, err error) {
	for n < len(b) && pos > 0 {
		start, raw, err := src(pos - 1)
		if err != nil {
			return 0, err
		}
		raw = raw[:pos-start]
		k := commonSuffix(raw, b[:len(b)-n])
		n += k
		pos -= uint64(k)
		if k < len(raw) {
			break
		}
	}
	return n, nil
}

// commonPrefix returns the length of the longest common prefix of a and b.
func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	i := 0
	for ; n-i >= 256 && bytes.Equal(a[i:i+256], b[i:i+256]); i += 256 {
	}
	for ; n-i >= 8; i += 8 {
		if x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); x != 0 {
			return i + bits.TrailingZeros64(x)/8
		}
	}
	for ; i < n && a[i] == b[i]; i++ {
	}
	return i
}

// commonSuffix returns the length of the longest common suffix of a and b.
func commonSuffix(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[len(a)-n:], b[len(b)-n:]
	i := n
	for ; i >= 8; i -= 8 {
		if x := binary.LittleEndian.Uint64(a[i-8:]) ^ binary.LittleEndian.Uint64(b[i-8:]); x != 0 {
			return n - i + bits.LeadingZeros64(x)/8
		}
	}
	for ; i > 0 && a[i-1] == b[i-1]; i-- {
	}
	return n - i
}
