package mix

// encoder is a carry-less binary arithmetic coder: an interval of 32 bits is divided in proportion, and its leading bytes are written
// once both ends agree on them.
type encoder struct {
	low, high uint32
	out       []byte
}

func newEncoder(dst []byte) encoder { return encoder{high: 1<<32 - 1, out: dst} }

// bit codes a bit whose probability to be 1 is p/65536, 0 < p < 65536.
func (e *encoder) bit(b int, p uint32) {
	mid := e.low + uint32(uint64(e.high-e.low)*uint64(p)>>16)
	if b != 0 {
		e.high = mid
	} else {
		e.low = mid + 1
	}
	for (e.low^e.high)>>24 == 0 {
		e.out = append(e.out, byte(e.high>>24))
		e.low <<= 8
		e.high = e.high<<8 | 0xff
	}
}

// flush writes as many bytes as tell the interval; the decoder reads zeros behind them.
func (e *encoder) flush() []byte {
	// The shortest string whose continuation by zeros lies within the interval.
	for n := uint(0); n <= 4; n++ {
		shift := 32 - 8*n
		v := uint64(e.low)
		if shift > 0 {
			v = (v + 1<<shift - 1) >> shift << shift
		}
		if v <= uint64(e.high) {
			for k := uint(0); k < n; k++ {
				e.out = append(e.out, byte(v>>(24-8*k)))
			}
			break
		}
	}
	return e.out
}

type decoder struct {
	low, high, code uint32
	in              []byte
	pos             int // bytes taken, those behind the end counted too
}

func newDecoder(in []byte) decoder {
	d := decoder{high: 1<<32 - 1, in: in}
	for range 4 {
		d.code = d.code<<8 | uint32(d.next())
	}
	return d
}

func (d *decoder) next() byte {
	d.pos++
	if d.pos <= len(d.in) {
		return d.in[d.pos-1]
	}
	return 0
}

func (d *decoder) bit(p uint32) int {
	mid := d.low + uint32(uint64(d.high-d.low)*uint64(p)>>16)
	b := 0
	if d.code <= mid {
		b = 1
		d.high = mid
	} else {
		d.low = mid + 1
	}
	for (d.low^d.high)>>24 == 0 {
		d.low <<= 8
		d.high = d.high<<8 | 0xff
		d.code = d.code<<8 | uint32(d.next())
	}
	return b
}

// A coder codes a bit whose probability to be 1 is p/65536 and returns it; a reader does not look at the one it is given. So what is rare can be
// written once for both.
type coder func(bit int, p uint32) int

func (e *encoder) coder(bit int, p uint32) int {
	e.bit(bit, p)
	return bit
}

func (d *decoder) coder(_ int, p uint32) int { return d.bit(p) }
