package unzstd

import "math/bits"

// table decodes the codes of one kind (RFC 8878, section 4.1).
type table struct {
	there    bool // it was read in this frame
	accuracy int  // bits of a state
	states   [1 << maxAccuracy]entry
}

// entry is what a state means: from the lowest bits on, how many bits to read for the next state, 8 bits; how many to add to the value, 8; what they are added to
// for the next state, 16; the value, 32.
type entry uint64

// kind is what is fixed for all tables of a kind.
type kind struct {
	most       int // accuracy, bits
	codes      []code
	predefined []int16
	accuracy   int // of predefined
}

// code is a value and how many bits follow to be added to it.
type code struct {
	value uint32
	bits  uint8
}

// The kinds, in the order in which their tables are read.
var kinds = [3]kind{
	{9, lengthCodes(0, 16, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
		[]int16{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}, 6},
	{8, offsetCodes(),
		[]int16{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}, 5},
	{9, lengthCodes(3, 32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
		[]int16{1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1}, 6},
}

// lengthCodes are codes of lengths from least on: so many single ones, and then one for each number of bits that follow. Once more than 5 bits
// follow, a code begins at a power of two beyond least.
func lengthCodes(least uint32, single int, following ...uint8) []code {
	var codes []code
	next := least
	for range single {
		codes = append(codes, code{next, 0})
		next++
	}
	for _, b := range following {
		if b > 5 {
			next = least + 1<<b
		}
		codes = append(codes, code{next, b})
		next += 1 << b
	}
	return codes
}

// offsetCodes are 1 << n with n bits that follow. What is beyond every frame stays so without bits.
func offsetCodes() []code {
	codes := make([]code, 32)
	for n := range codes {
		codes[n].value = 1 << n
		if n <= maxOffset {
			codes[n].bits = uint8(n)
		}
	}
	return codes
}

// read reads a table in one of the four modes from b and returns how many bytes it takes.
func (t *table) read(k *kind, mode byte, b []byte) (n int, ok bool) {
	switch mode {
	case 0:
		t.there = t.build(k, k.predefined, k.accuracy)
		return 0, t.there
	case 1: // always the same code
		if len(b) == 0 || int(b[0]) >= len(k.codes) {
			return 0, false
		}
		c := k.codes[b[0]]
		t.accuracy, t.there = 0, true
		t.states[0] = entry(c.value)<<32 | entry(c.bits)<<8
		return 1, true
	case 3:
		return 0, t.there
	}
	t.there = false
	var shares [maxSymbols]int16
	some, accuracy, n := readShares(shares[:], k, b)
	if n == 0 {
		return 0, false
	}
	t.there = t.build(k, some, accuracy)
	return n, t.there
}

// maxSymbols is the most codes that a kind has: those of match lengths.
const maxSymbols = 53

// readShares reads how many states each code has, -1 for one of least probability (RFC 8878, section 4.1.1). n is the bytes read, 0 on an error.
func readShares(shares []int16, k *kind, b []byte) (some []int16, accuracy, n int) {
	at := 0 // bits
	peek := func() uint32 {
		var v uint32
		for i := range 4 {
			if at/8+i < len(b) {
				v |= uint32(b[at/8+i]) << (8 * i)
			}
		}
		return v >> (at % 8)
	}
	if len(b) == 0 {
		return nil, 0, 0
	}
	accuracy = int(b[0]&15) + 5
	at = 4
	if accuracy > k.most {
		return nil, 0, 0
	}
	left := 1 << accuracy
	next := 0
	for left > 0 {
		if next >= len(k.codes) || at > 8*len(b) {
			return nil, 0, 0
		}
		// A number up to left+1: the smallest ones take a bit less.
		width := bits.Len(uint(left + 1))
		short := 1<<width - 1 - (left + 1)
		v := int(peek() & (1<<width - 1))
		if low := v & (1<<(width-1) - 1); low < short {
			v = low
			at += width - 1
		} else {
			if v >= 1<<(width-1) {
				v -= short
			}
			at += width
		}
		share := v - 1
		shares[next] = int16(share)
		next++
		if share < 0 {
			left--
			continue
		}
		left -= share
		if share > 0 {
			continue
		}
		for {
			more := int(peek() & 3)
			at += 2
			if next+more > len(k.codes) || at > 8*len(b) {
				return nil, 0, 0
			}
			for range more {
				shares[next] = 0
				next++
			}
			if more < 3 {
				break
			}
		}
	}
	n = (at + 7) / 8
	if left < 0 || n > len(b) {
		return nil, 0, 0
	}
	return shares[:next], accuracy, n
}

// build makes the table of shares, which add up to 1 << accuracy (RFC 8878, section 4.1.1).
func (t *table) build(k *kind, shares []int16, accuracy int) bool {
	size := 1 << accuracy
	var codes [1 << maxAccuracy]uint8 // of the states
	var next [maxSymbols]uint16
	high := size - 1
	for c, share := range shares {
		next[c] = uint16(share)
		if share < 0 {
			next[c] = 1
			codes[high] = uint8(c)
			high--
		}
	}
	at, step := 0, size>>1+size>>3+3
	for c, share := range shares {
		for range share {
			codes[at] = uint8(c)
			for at = (at + step) & (size - 1); at > high; at = (at + step) & (size - 1) {
			}
		}
	}
	if at != 0 {
		return false
	}
	for s := range size {
		c := codes[s]
		if int(c) >= len(k.codes) {
			return false
		}
		v := next[c]
		next[c]++
		width := accuracy - (bits.Len16(v) - 1)
		t.states[s] = entry(k.codes[c].value)<<32 | entry(int(v)<<width-size)<<16 | entry(k.codes[c].bits)<<8 | entry(width)
	}
	t.accuracy = accuracy
	return true
}
