package mix

import (
	"encoding/binary"

	"dictnet/codec/internal/align"
)

// field predicts little-endian numbers of four bytes that say where something is. When what they point to has moved, they change by
// as much, less, if they count from their own place, what they have moved themselves. How far the things around an old place have moved is learned
// from the numbers that pointed there before. Nothing is known of formats: any four bytes may be such a number, or say a place as align.Operand does, and how
// much a guess is worth is learned as well. (The idea is that of Courgette and Zucchini, which take programs apart for it.)
type field struct {
	kind    fieldKind
	moves   [3][]move // by the place, and by what it is near to
	bits    uint
	guess   guess
	decimal bool   // the guess is a digit of a decimal number
	read    uint8  // bytes of the number that were as guessed
	length  uint8  // of the number, from its first byte on that may change
	level   uint8  // index into moves, of the guess
	before  byte   // that stands before the number
	value   uint32 // guessed
	old     uint32
}

type fieldKind uint8

const (
	relative fieldKind = iota // to the number's own place
	absolute
	aligned // absolute, and at a place that is a multiple of four
	nFields = int(iota)
)

// move says how far a place has moved.
type move struct {
	place uint32
	by    int32
}

// nearness are the bits of a place that do not matter at each level.
var nearness = [3]uint{0, 6, 12}

const (
	farthest  = 1 << 24 // bytes that something moves at most
	leastSeen = 1 << 12 // absolute numbers below are not taken for places

	mostBetween = 1 << 27 // bytes, a number and what it points to
)

func (f *field) init(kind fieldKind, bits uint) {
	f.kind, f.bits = kind, bits
	for i := range f.moves {
		f.moves[i] = make([]move, 1<<bits)
	}
	f.guess.value = -1
	for i := range f.guess.probs {
		f.guess.probs[i] = make([]adaptive, 1<<13)
		fill(f.guess.probs[i], likely)
	}
}

func (f *field) slot(level int, place uint32) *move {
	return &f.moves[level][place*0x9e3779b1>>(32-f.bits)]
}

// place returns where the number v, p bytes after the begin of the reference, points to, and how far the number itself has moved.
func (f *field) place(m *model, p int, v uint32) (place uint32, shift int32, ok bool) {
	tape, file := m.stands(p)
	switch f.kind {
	case relative:
		return tape + 4 + v, int32(file - tape), v+mostBetween < 2*mostBetween
	case aligned:
		if file&3 != 0 {
			return 0, 0, false
		}
	}
	return v, 0, v >= leastSeen
}

// stands returns where byte p of the reference stands on the tape, and what is aligned to it in the file.
func (m *model) stands(p int) (tape, file uint32) {
	moved := uint64(p - m.here.Ref)
	return uint32(m.here.Tape + moved), uint32(m.here.File + moved)
}

// operand returns that of which p is the first byte that may change.
func (m *model) operand(p int) (o align.Operand, ok bool) {
	tape, file := m.stands(p)
	if !align.MayBeOperand(binary.LittleEndian.Uint32(m.win[p:]), file) {
		return o, false
	}
	return align.OperandAt(m.win, p, tape, file)
}

// predict guesses the next byte.
func (f *field) predict(m *model) {
	if f.read > 0 {
		if f.read < f.length {
			f.guess.value = int(byte(f.value >> (8 * f.read)))
			return
		}
		f.read = 0
	}
	f.guess.value = -1
	if !m.placed || m.ptr+4 > len(m.win) {
		return
	}
	if f.kind == relative {
		if o, ok := m.operand(m.ptr); ok {
			if level, by, ok := f.moved(o.Place); ok {
				if v, w, ok := o.Further(uint32(by)); ok {
					f.foresee(m, level, v, w, 4-o.Skip)
				}
			}
			return
		}
	}
	v := binary.LittleEndian.Uint32(m.win[m.ptr:])
	place, shift, ok := f.place(m, m.ptr, v)
	if !ok {
		return
	}
	if level, by, ok := f.moved(place); ok {
		f.foresee(m, level, v, v+uint32(by-shift), 4)
	}
}

// moved returns how far a place has moved, and at which level that is known.
func (f *field) moved(place uint32) (level int, by int32, ok bool) {
	for level, n := range nearness {
		if s := f.slot(level, place>>n); s.place == place>>n {
			return level, s.by, true
		}
	}
	return 0, 0, false
}

// foresee guesses the first byte of a number of so many: of value, where it was old.
func (f *field) foresee(m *model, level int, old, value uint32, length int) {
	f.level, f.length = uint8(level), uint8(length)
	f.old, f.value = old, value
	f.guess.value = int(byte(value))
	f.before = byte(m.last)
}

// add tells of the byte that came.
func (f *field) add(c byte) {
	if f.guess.value < 0 {
		return
	}
	if f.decimal || int(c) != f.guess.value || f.value == f.old {
		f.read = 0
		return
	}
	f.read++
}

// learn looks at the four bytes that came last.
func (f *field) learn(m *model) {
	if !m.placed || m.along < 4 || f.kind != relative && m.misses&15 == 0 && m.run > 16 {
		return
	}
	p := m.ptr - 4
	if f.kind == relative {
		if o, ok := m.operand(p); ok {
			if by, ok := o.By(binary.LittleEndian.Uint32(m.win[len(m.win)-4-o.Skip:])); ok {
				f.keep(o.Place, int32(by))
			}
			return
		}
	}
	v := binary.LittleEndian.Uint32(m.win[p:])
	place, shift, ok := f.place(m, p, v)
	if !ok {
		return
	}
	f.keep(place, int32(binary.LittleEndian.Uint32(m.win[len(m.win)-4:])-v)+shift)
}

// keep remembers how far a place has moved.
func (f *field) keep(place uint32, by int32) {
	if by > farthest || by < -farthest {
		return
	}
	for level, n := range nearness {
		*f.slot(level, place>>n) = move{place >> n, by}
	}
}

// inputs returns what the guess says of the next bit.
func (f *field) inputs(m *model) (a, b int32) {
	if !f.guess.next(m.c0, m.bit) {
		return 0, 0
	}
	same := 0
	if f.guess.value == m.diagonal.value {
		same = 1
	}
	f.guess.at[0] = ((int(f.read)*4+int(f.level))*2+same)*8 + m.bit
	f.guess.at[1] = int(f.before)<<5 | int(f.level)<<3 | same<<2 | int(f.read)
	return f.guess.inputs()
}

// summary is the guess as a context.
func (f *field) summary() uint64 {
	if f.guess.value < 0 {
		return 0
	}
	return uint64(f.guess.value+1) | uint64(f.read)<<9 | uint64(f.level)<<12
}
