package codec

import (
	"encoding/binary"

	"dictnet/codec/internal/align"
)

// Where numbers have changed in every row, short matches lead to other rows that happen to have the number, and whoever follows them goes
// to and fro. A match that leaves the way which the file goes along the tape is worth it only if what stands on the way would take more to code.

const (
	detourSide = 512 // bytes of the tape on either side of the way that are looked at

	// A shorter match is compared with what stands on the way, and is not taken if a coder needs fewer bits there.
	nearDetour, nearPrice = 512, 800
	farDetour, farPrice   = 4096, 40

	localPrice = 2 // of each byte of a match with local notes, which may be shorter than any with the tape

	// What a coder needs on the way, in bits. Digits that have become others it foresees.
	priceOther = 14 // where bytes differ,
	priceByte  = 6  // and for each of them
	priceShift = 40 // where bytes are inserted or removed

	leastShift = 6 // bytes that must agree where the way goes on
	mostSkip   = 6 // bytes in a row that differ, before other places are looked at
)

// detours compares matches with what stands on the way.
type detours struct {
	tape  []byte
	heads [1 << detourBits]uint16 // places + 1 in tape, by the four bytes there
}

const detourBits = 12

func (d *detours) head(b []byte) *uint16 {
	return &d.heads[binary.LittleEndian.Uint32(b)*0x9e3779b1>>(32-detourBits)]
}

// enter makes the heads those of d.tape.
func (d *detours) enter() {
	clear(d.heads[:])
	for i := 0; i+4 <= len(d.tape); i++ {
		*d.head(d.tape[i:]) = uint16(i + 1)
	}
}

// price estimates, in bits, what b would take beside d.tape, the way being at byte `at` of it. It gives up where it is more than most.
func (d *detours) price(b []byte, at, most int) int {
	t := d.tape
	known := false // the heads are those of t
	cost := 0
	for i := 0; cost < most; {
		if at < len(t) {
			n := commonPrefix(b[i:], t[at:])
			i, at = i+n, at+n
		}
		if i == len(b) {
			break
		}
		if k := skip(b[i:], t[min(at, len(t)):]); k > 0 {
			cost += priceOf(b[i:i+k], t[at:])
			i, at = i+k, at+k
			continue
		}
		if i+4 <= len(b) {
			if !known {
				d.enter()
				known = true
			}
			if p := int(*d.head(b[i:])) - 1; p >= 0 && commonPrefix(b[i:], t[p:]) >= min(leastShift, len(b)-i) {
				cost += priceShift
				at = p
				continue
			}
		}
		cost += priceOther + priceByte
		i, at = i+1, at+1
	}
	return cost
}

// skip returns after how many bytes, at most mostSkip, a and b agree again; 0 if they do not.
func skip(a, b []byte) int {
	for k := 1; k <= mostSkip && k+4 <= min(len(a), len(b)); k++ {
		if binary.LittleEndian.Uint32(a[k:]) == binary.LittleEndian.Uint32(b[k:]) {
			return k
		}
	}
	return 0
}

// priceOf is the price of the bytes a, which stand where the tape has b.
func priceOf(a, b []byte) int {
	cost := 0
	for i, c := range a {
		if align.IsDigit(c) && align.IsDigit(b[i]) {
			continue
		}
		if cost == 0 {
			cost = priceOther
		}
		cost += priceByte
	}
	return cost
}

// detour reports whether it is better not to go where a span would lead, whose bytes begin at start in buf, on the tape that src reads, of so many bytes,
// along which the file went up to near.
func (e *encoder) detour(s symbol, start int, src source, size, near uint64) (bool, error) {
	way := near + uint64(start-e.lit)
	if s.len >= farDetour || s.pos == way || near == 0 || way >= size {
		return false, nil
	}
	from := way - min(way, detourSide)
	to := min(way+s.len+detourSide, size)
	var err error
	if e.detours.tape, err = src.read(e.detours.tape[:0], Span{from, to - from}); err != nil {
		return false, err
	}
	most := farPrice
	switch {
	case s.len < nearDetour && s.code == codeRepeat:
		most = min(nearPrice, localPrice*int(s.len))
	case s.len < nearDetour:
		most = nearPrice
	}
	return e.detours.price(e.buf[start:start+int(s.len)], int(way-from), most) < most, nil
}
