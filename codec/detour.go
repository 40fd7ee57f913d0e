package codec

import "encoding/binary"

// Where numbers have changed in every row, short matches lead to other rows that happen to have the number, and whoever follows them goes
// to and fro. A match that leaves the way which the file goes along the tape is worth it only if what stands on the way would take more to code.

const (
	mostDetour  = 512 // bytes of a match that is compared with what stands on the way
	detourPrice = 300 // bits that a coder may need on the way
	detourSide  = 512 // bytes of the tape on either side of the way that are looked at

	// What a coder needs on the way, in bits.
	priceByte  = 6  // for a byte that differs
	priceShift = 16 // where bytes are inserted or removed

	leastShift = 6 // bytes that must agree where the way goes on
	mostSkip   = 6 // bytes in a row that differ, before other places are looked at
)

// detours compares matches with what stands on the way.
type detours struct {
	tape  []byte
	heads [1 << detourBits]uint16 // places + 1 in tape, by the four bytes there
}

const detourBits = 11

func (d *detours) head(b []byte) *uint16 {
	return &d.heads[binary.LittleEndian.Uint32(b)*0x9e3779b1>>(32-detourBits)]
}

// price estimates, in bits, what b would take beside d.tape, the way being at byte `at` of it. It gives up where it is too much.
func (d *detours) price(b []byte, at int) int {
	t := d.tape
	clear(d.heads[:])
	for i := 0; i+4 <= len(t); i++ {
		*d.head(t[i:]) = uint16(i + 1)
	}
	cost := 0
	for i := 0; cost < detourPrice; {
		if at < len(t) {
			n := commonPrefix(b[i:], t[at:])
			i, at = i+n, at+n
		}
		if i == len(b) {
			break
		}
		if k := skip(b[i:], t[min(at, len(t)):]); k > 0 {
			cost += k*priceByte + 2
			i, at = i+k, at+k
			continue
		}
		if i+4 <= len(b) {
			if p := int(*d.head(b[i:])) - 1; p >= 0 && commonPrefix(b[i:], t[p:]) >= min(leastShift, len(b)-i) {
				cost += priceShift
				at = p
				continue
			}
		}
		cost += priceByte + 1
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

// detour reports whether it is better not to go where a span would lead, whose bytes begin at start in buf.
func (e *encoder) detour(s symbol, start int) (bool, error) {
	way := e.near + uint64(start-e.lit)
	if s.len >= mostDetour || s.pos == way || e.near == 0 || way >= e.notes.size() {
		return false, nil
	}
	from := way - min(way, detourSide)
	to := min(way+s.len+detourSide, e.notes.size())
	var err error
	if e.detours.tape, err = e.notes.read(e.ctx, e.detours.tape[:0], Span{from, to - from}); err != nil {
		return false, err
	}
	return e.detours.price(e.buf[start:start+int(s.len)], int(way-from)) < detourPrice, nil
}
