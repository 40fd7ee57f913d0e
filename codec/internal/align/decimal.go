package align

// Decimals foresees numbers in decimal digits where a reference has such numbers: it learns from those before by how much they have
// changed. Where rows, lines or places are numbered, all numbers behind an insertion are higher by as much. It is told of each byte of a text and of
// the one of the reference beside it; reader and writer run the same one. The zero value is ready.
type Decimals struct {
	Inside bool   // a number, of the reference or of the text
	Before byte   // the byte of the text before the number
	Level  uint32 // what is foreseen is learned from: 0 the same number, 1 one of 64 around, 2 one of 4096 around
	Right  uint32 // digits that came as foreseen: 0 none, 1 only such as the reference has, 2 others too

	moves  [3][1 << decimalBits]decimalMove
	old    uint64 // number of the reference
	new    uint64 // digits of the text so far
	count  int    // how many
	digits []byte // foreseen
	fits   bool   // so far
	buf    [mostDigits + 2]byte
}

// decimalMove says that a number (or those around it) after a byte is so much higher.
type decimalMove struct {
	key uint32
	by  int32
}

const (
	decimalBits = 12
	mostDigits  = 18
)

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return c-'0' <= 9 }

// Begin tells that a number begins in the reference, whose first digit is ref[0], and in the text, after a byte that is no digit.
func (d *Decimals) Begin(ref []byte, before byte) {
	v, n := uint64(0), 0
	for n < len(ref) && IsDigit(ref[n]) {
		if n == mostDigits {
			return
		}
		v = v*10 + uint64(ref[n]-'0')
		n++
	}
	d.Inside, d.Before, d.Right = true, before, 0
	d.old, d.new, d.count, d.fits = v, 0, 0, false
	for k := range d.moves {
		key, m := d.move(k)
		if m.key != key {
			continue
		}
		d.Level = uint32(k)
		if w := int64(v) + int64(m.by); m.by != 0 && w >= 0 {
			d.foresee(uint64(w), n, ref[0] == '0')
		}
		return
	}
}

func (d *Decimals) move(k int) (key uint32, m *decimalMove) {
	key = uint32(d.old>>(6*k))<<8 | uint32(d.Before)
	return key, &d.moves[k][key*0x9e3779b1>>(32-decimalBits)]
}

// foresee lays out w, in at least n digits if it is padded.
func (d *Decimals) foresee(w uint64, n int, padded bool) {
	p := len(d.buf)
	for w > 0 || p == len(d.buf) || padded && p > len(d.buf)-n {
		p--
		d.buf[p] = byte('0' + w%10)
		w /= 10
	}
	d.digits, d.fits = d.buf[p:], true
}

// Next returns the byte that is foreseen, or -1.
func (d *Decimals) Next() int {
	if d.fits && d.count < len(d.digits) {
		return int(d.digits[d.count])
	}
	return -1
}

// Add tells of the next byte c, beside e, inside of a number.
func (d *Decimals) Add(c, e byte) {
	if d.fits {
		switch {
		case int(c) != d.Next():
			d.fits = false
		case c != e:
			d.Right = 2
		default:
			d.Right = max(d.Right, 1)
		}
	}
	if IsDigit(c) {
		d.new = d.new*10 + uint64(c-'0')
		if d.count++; d.count > mostDigits {
			d.End()
		}
		return
	}
	by := int64(d.new - d.old)
	if d.count > 0 && by == int64(int32(by)) {
		for k := range d.moves {
			key, m := d.move(k)
			*m = decimalMove{key, int32(by)}
		}
	}
	d.End()
}

// End tells that the text goes on beside another place.
func (d *Decimals) End() { d.Inside, d.fits = false, false }
