// Package gear cuts bytes where their content says so, by one rolling hash.
//
// The Gear hash (Xia et al., "Ddelta: A Deduplication-Inspired Fast Delta Compression Approach", 2014) is
// h = h<<1 + table[byte]: its top bit depends on the last 64 bytes and on nothing before. Where its top bits
// are zero is an anchor. Anchors of a coarse mask are anchors of every finer one.
package gear

import "math/bits"

// Window is how many bytes a hash depends on.
const Window = 64

// table maps a byte to its pseudo-random summand: SplitMix64 (Steele et al., 2014) from seed 0.
var table = func() (t [256]uint64) {
	var s uint64
	for i := range t {
		s += 0x9e3779b97f4a7c15
		z := s
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		t[i] = z ^ z>>31
	}
	return t
}()

// Mask selects one position in spacing on average; spacing is rounded to a power of two.
func Mask(spacing int) uint64 {
	n := bits.Len(uint(max(spacing, 1))) - 1
	return ^(^uint64(0) >> n)
}

// Roll returns the hash after the bytes of b have followed those of h.
func Roll(h uint64, b []byte) uint64 {
	if len(b) > Window {
		b = b[len(b)-Window:]
	}
	for _, c := range b {
		h = h<<1 + table[c]
	}
	return h
}

// Next rolls over b up to and including the first byte at which no bit of mask is set in the hash. It
// returns how many bytes that took and the hash there; len(b) and false if there is no such byte.
func Next(h uint64, b []byte, mask uint64) (n int, hash uint64, ok bool) {
	for i, c := range b {
		h = h<<1 + table[c]
		if h&mask == 0 {
			return i + 1, h, true
		}
	}
	return len(b), h, false
}
