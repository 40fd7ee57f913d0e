package records

import (
	"math/bits"
	"slices"
)

// Probabilities are kept as classes, half a bit apart: class c > 0 weighs about 2^(c/2), class 0 nothing.
const (
	classes  = 32
	classTop = classes - 1
)

// weights are those of the classes: 2^(c/2) x 16, rounded down.
var weights = func() (w [classes]uint64) {
	for c := 1; c < classes; c++ {
		w[c] = 16 << (c / 2)
		if c%2 == 1 {
			w[c] = w[c] * 181 / 128
		}
	}
	return w
}()

// entry is one symbol of a distribution.
type entry struct {
	start, freq uint16
	sym         uint16
}

// dist is a static distribution over symbols, each with a part of a range of 1<<bits.
type dist struct {
	bits    uint32  // up to 15
	shift   uint32  // of a slot, to a first guess
	entries []entry // the most likely first
	guess   []uint16
}

// newDist makes a distribution of the classes of symbols; 0 stands for a symbol that does not occur. There is at least one that does, and at most 1<<bits.
func newDist(class []uint8, width uint32) dist {
	d := dist{bits: width}
	var total uint64
	for s, c := range class {
		if c > 0 {
			d.entries = append(d.entries, entry{sym: uint16(s)})
			total += weights[c]
		}
	}
	slices.SortFunc(d.entries, func(a, b entry) int {
		if c := int(class[b.sym]) - int(class[a.sym]); c != 0 {
			return c
		}
		return int(a.sym) - int(b.sym)
	})
	// Each symbol has one slot, and its share of the others.
	room := uint64(1)<<width - uint64(len(d.entries))
	rest := room
	freq := make([]uint64, len(d.entries))
	for i, e := range d.entries {
		share := weights[class[e.sym]] * room / total
		freq[i] = 1 + share
		rest -= share
	}
	for i := 0; rest > 0; i = (i + 1) % len(freq) {
		freq[i]++
		rest--
	}
	start := uint64(0)
	for i := range d.entries {
		d.entries[i].start, d.entries[i].freq = uint16(start), uint16(freq[i])
		start += freq[i]
	}
	// The guess of a slot is the symbol that holds the first slot with the same upper bits.
	n := min(width, uint32(bits.Len(uint(len(d.entries))))+2)
	d.shift = width - n
	d.guess = make([]uint16, 1<<n)
	at := 0
	for g := range d.guess {
		for at+1 < len(d.entries) && uint32(d.entries[at+1].start) <= uint32(g)<<d.shift {
			at++
		}
		d.guess[g] = uint16(at)
	}
	return d
}

// next decodes a symbol.
func (d *dist) next(s *source) uint16 {
	slot := s.x & (1<<d.bits - 1)
	i := int(d.guess[slot>>d.shift])
	for i+1 < len(d.entries) && uint32(d.entries[i+1].start) <= slot {
		i++
	}
	e := &d.entries[i]
	s.take(uint32(e.start), uint32(e.freq), d.bits)
	return e.sym
}

// Costs are in 1/256 bit.
const bit = 256

// cost returns what entry e costs.
func (d *dist) cost(e *entry) uint32 {
	return d.bits*bit - log2(uint64(e.freq))
}

// log2 returns the logarithm of n >= 1 in units of 1/256, rounded down.
func log2(n uint64) uint32 {
	k := uint32(bits.Len64(n) - 1)
	m := n << (63 - k) >> 32 // 1.0 to 2.0 in units of 2^-31
	r := k << 8
	for b := uint32(128); b > 0; b >>= 1 {
		m = m * m >> 31
		if m >= 1<<32 {
			m >>= 1
			r |= b
		}
	}
	return r
}

// classOf returns the class of something that was seen n of total times.
func classOf(n, total uint64) uint8 {
	if n == 0 {
		return 0
	}
	// 2^-15 and less likely is class 1.
	c := (int(log2(n)) - int(log2(total)) + 15*bit + bit/4) / (bit / 2)
	return uint8(min(max(c, 0)+1, classTop))
}
