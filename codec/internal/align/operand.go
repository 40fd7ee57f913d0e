package align

import "encoding/binary"

// Operand is what an instruction of 64-bit ARM in a reference says of a place (Arm Architecture Reference Manual for A-profile, C6.2): how many words it is away, which page it is in, or
// where in a page. When what stands there has moved, it changes by as much. Nothing is known of files: any four bytes at a multiple of four that look so may be such an instruction.
type Operand struct {
	Place uint32 // of a page, or in one, its upper bits are those that no other place has
	Shift uint32 // how much less than its place it changes, by standing elsewhere itself
	Skip  int    // bytes of the instruction that come before the one that was asked for: the first may be one that does not change

	word  uint32
	form  operandForm
	scale uint8 // log2 of what inPage counts, in bytes
}

type operandForm uint8

const (
	inWords operandForm = iota // the lower 26 bits count words: b, bl
	inPages                    // 21 bits count pages: adrp
	inPage                     // 12 bits, from the tenth on, say where in a page that was named before: add, or the offset of ldr and str
)

const (
	pageBits   = 12
	wordsMask  = 1<<26 - 1
	inPageMask = 1<<pageBits - 1
	adrp       = 0x90000000
	adrpMask   = 0x9f00001f // of what is not the number of pages
	namedAgo   = 8          // instructions, at most
)

// operands has, for the fourth byte of four, and for the third, at which places modulo four an operand may begin with the first.
var operands = func() (t [2][256]uint8) {
	for b := range 256 {
		if b&0x7c == 0x14 || b&0x9f == adrp>>24 {
			t[0][b] = 1 << 0
		}
		if b&0x7f == 0x11 || b&0x3b == 0x39 {
			t[1][b] = 1 << 1
		}
	}
	return t
}()

// MayBeOperand reports whether OperandAt is worth asking, of four bytes v of the reference that are aligned to what stands at file.
func MayBeOperand(v, file uint32) bool {
	return (operands[0][v>>24]|operands[1][v>>16&0xff])>>(file&3)&1 != 0
}

// OperandAt returns that of which src[at] is the first byte that may change; src[at:at+4] is there. It stands at tape, and what is aligned to it at file.
func OperandAt(src []byte, at int, tape, file uint32) (o Operand, ok bool) {
	v := binary.LittleEndian.Uint32(src[at:])
	switch {
	case file&3 == 0 && v>>26&31 == 5:
		return Operand{Place: tape + uint32(int32(v<<6)>>4), Shift: file - tape, word: v, form: inWords}, true
	case file&3 == 0 && v&0x9f000000 == adrp:
		return Operand{Place: 3<<30 + tape>>pageBits + pagesOf(v), word: v, form: inPages}, true
	case file&3 != 1 || at == 0:
		return o, false
	}
	v = v<<8 | uint32(src[at-1])
	o = Operand{Skip: 1, word: v, form: inPage}
	if v&0x7fc00000 != 0x11000000 {
		if v&0x3b000000 != 0x39000000 {
			return o, false
		}
		o.scale = uint8(v >> 30)
	}
	page, ok := pageNamed(src[:at-1], tape-1, v>>5&31)
	o.Place = 2<<30 | (page<<pageBits+v>>10&inPageMask<<o.scale)&(1<<30-1)
	return o, ok
}

// pagesOf returns how many pages an adrp counts.
func pagesOf(v uint32) uint32 { return uint32(int32(v<<8)>>11)&^3 | v>>29&3 }

// pageNamed returns the page that one of the last instructions in src, which ends at tape, has put into a register.
func pageNamed(src []byte, tape, register uint32) (page uint32, ok bool) {
	for k := 4; k <= 4*namedAgo && k <= len(src); k += 4 {
		v := binary.LittleEndian.Uint32(src[len(src)-k:])
		if v&adrpMask == adrp|register {
			return (tape-uint32(k))>>pageBits + pagesOf(v), true
		}
	}
	return 0, false
}

// By returns how much further the instruction leads that w is; not if it is another one.
func (o *Operand) By(w uint32) (by uint32, ok bool) {
	switch o.form {
	case inWords:
		return uint32(int32((w-o.word)<<6)>>4) + o.Shift, (o.word^w)&^wordsMask == 0
	case inPages:
		return uint32(int32((pagesOf(w)-pagesOf(o.word))<<11) >> 11), (o.word^w)&adrpMask == 0
	}
	return (w>>10 - o.word>>10) & inPageMask << o.scale, (o.word^w)&^(inPageMask<<10) == 0
}

// Further returns the instruction, and the one that leads so much further, both from the byte on that may change first.
func (o *Operand) Further(by uint32) (v, w uint32, ok bool) {
	w = o.word
	by -= o.Shift
	switch o.form {
	case inWords:
		w = w&^wordsMask | (w+uint32(int32(by)>>2))&wordsMask
		ok = by&3 == 0
	case inPages:
		p := pagesOf(w) + by
		w = w&adrpMask | p&3<<29 | p>>2&(1<<19-1)<<5
		ok = true
	default:
		w = w&^(inPageMask<<10) | (w>>10+by>>o.scale)&inPageMask<<10
		ok = by&(1<<o.scale-1) == 0
	}
	return o.word >> (8 * o.Skip), w >> (8 * o.Skip), ok
}
