package lz

import (
	"encoding/binary"

	"dictnet/codec/internal/align"
)

// field predicts four-byte little-endian numbers that hold a place, relative to their own (fields[0], and align.Operand) or absolute (fields[1]): it learns how far
// places have moved from the numbers before, as in "Compressing differences of executable code" (Baker, Manber, Muth, 1999).
type field struct {
	moves [3][1 << moveBits]move // of places, of 64 and of 4096 places around
	x     int                    // the byte that is predicted, or -1
	right uint32                 // bytes of the number that have been predicted rightly, 0 to last
	last  uint32                 // bytes of the number behind the first
	level uint32                 // of moves, from which the prediction is
	start uint32                 // the byte before the number
	old   uint32                 // the aligned number
	value uint32                 // the predicted one
}

const (
	moveBits = 12
	maxMove  = 1 << 24

	mostBetween = 1 << 27 // bytes, a number and its place
)

// move says that what was at key (or, at level k, with key in the bits from 6k on) is now so much higher.
type move struct {
	key uint32
	by  int32
}

// place returns the place that a number v means which stands so far back in the reference, and how much less than the place the number has changed
// by standing elsewhere now.
func (m *model) place(kind, back int, v uint32) (t, shift uint32, ok bool) {
	return placeOf(kind, v, uint32(m.tape)+uint32(m.sp-back), uint32(m.file)+uint32(m.i-back))
}

// placeOf does so for a number that stands at tape and, now, at file.
func placeOf(kind int, v, tape, file uint32) (t, shift uint32, ok bool) {
	if kind == 1 {
		return v, 0, v >= 1<<12 && v < 1<<28
	}
	return tape + 4 + v, file - tape, v+mostBetween < 2*mostBetween
}

// unlikely says that a number is no place.
func unlikely(v uint32) bool { return v >= 1<<28 && v < 1<<32-mostBetween }

// foreseen fills in x of the fields, and reports whether one is another byte than the aligned one, e. Where that one is sure, numbers that hold a place are looked for
// only where the last ones that changed began: it takes long.
func (m *model) foreseen(e uint32, sure bool) bool {
	m.expectDecimal()
	f, g := &m.fields[0], &m.fields[1]
	if h := m.c1 | m.c2<<8; !sure || f.right|g.right != 0 {
		m.expectPlaces()
	} else if m.known && m.begins[h] > 0 {
		m.expectPlaces()
		if f.x < 0 && g.x < 0 {
			m.begins[h]--
		}
	} else {
		f.x, g.x = -1, -1
	}
	d := m.fields[2].x
	return f.x >= 0 && f.x != int(e) || g.x >= 0 && g.x != int(e) || d >= 0 && d != int(e)
}

// began says that a number which has changed may begin with the next byte.
func (m *model) began() { m.begins[m.c1|m.c2<<8] = trials }

// expectPlaces fills in x of the fields that hold places.
func (m *model) expectPlaces() {
	f, g := &m.fields[0], &m.fields[1]
	f.x, g.x = -1, -1
	if f.right|g.right != 0 {
		if f.right > 0 {
			f.x = int(byte(f.value >> (8 * f.right)))
		}
		if g.right > 0 {
			g.x = int(byte(g.value >> (8 * g.right)))
		}
	}
	if !m.known || m.sp+4 > len(m.src) {
		return
	}
	v := binary.LittleEndian.Uint32(m.src[m.sp:])
	if align.MayBeOperand(v, uint32(m.file)+uint32(m.i)) {
		if o, ok := m.operand(0); ok {
			if f.right == 0 {
				f.findOperand(&o, m.c1)
			}
			return
		}
	}
	if unlikely(v) {
		return
	}
	if f.right == 0 {
		if t, shift, ok := m.place(0, 0, v); ok {
			f.find(t, v, shift, m.c1)
		}
	}
	if g.right == 0 {
		if t, shift, ok := m.place(1, 0, v); ok {
			g.find(t, v, shift, m.c1)
		}
	}
}

// expectDecimal fills in x of fields[2].
func (m *model) expectDecimal() {
	d, f := &m.decimal, &m.fields[2]
	f.x = -1
	if !d.Inside {
		if !align.IsDigit(m.src[m.sp]) || m.dist <= m.i || align.IsDigit(byte(m.c1)) || m.sp > 0 && align.IsDigit(m.src[m.sp-1]) {
			return
		}
		d.Begin(m.src[m.sp:], byte(m.c1))
	}
	f.x, f.right, f.level, f.start = d.Next(), d.Right, d.Level, uint32(d.Before)
}

// find foresees the number v of place t, if it is known by how much that has moved.
func (f *field) find(t, v, shift, start uint32) {
	if level, by, ok := f.moved(t); ok {
		f.foresee(level, start, v, v+by-shift, 3)
	}
}

// findOperand does so for what an instruction says of a place.
func (f *field) findOperand(o *align.Operand, start uint32) {
	level, by, ok := f.moved(o.Place)
	if !ok {
		return
	}
	if v, w, ok := o.Further(by); ok {
		f.foresee(level, start, v, w, uint32(3-o.Skip))
	}
}

// foresee predicts a number of last + 1 bytes: value, where it was old.
func (f *field) foresee(level, start, old, value, last uint32) {
	f.level, f.start, f.old, f.value, f.last = level, start, old, value, last
	f.x = int(byte(value))
}

// moved returns by how much a place has moved, and at which level of moves that is known.
func (f *field) moved(t uint32) (level, by uint32, ok bool) {
	for k := range f.moves {
		key := t >> (6 * k)
		if s := &f.moves[k][hash32(uint64(key), moveBits)]; s.key == key {
			return uint32(k), uint32(s.by), true
		}
	}
	return 0, 0, false
}

// went on says whether the byte that was predicted came.
func (f *field) went(on bool) {
	if on && f.value != f.old && f.right < f.last {
		f.right++
	} else {
		f.right = 0
	}
}

// learnMove takes into account the number that ends where the model is.
func (m *model) learnMove() {
	v := binary.LittleEndian.Uint32(m.src[m.sp-4:])
	if align.MayBeOperand(v, uint32(m.file)+uint32(m.i-4)) {
		if o, ok := m.operand(4); ok {
			m.learnOperand(&o)
			return
		}
	}
	if unlikely(v) {
		return
	}
	w := binary.LittleEndian.Uint32(m.raw[m.i-4:])
	for kind := range 2 {
		t, shift, ok := m.place(kind, 4, v)
		if !ok {
			continue
		}
		by := int32(w - v + shift)
		if by > maxMove || by < -maxMove {
			continue
		}
		m.fields[kind].learn(t, by)
	}
}

// learnOperand does so for what an instruction says, of which the first byte that may change stands four back.
func (m *model) learnOperand(o *align.Operand) {
	at := m.i - 4 - o.Skip
	if at < 0 {
		return
	}
	if by, ok := o.By(binary.LittleEndian.Uint32(m.raw[at:])); ok && by+maxMove <= 2*maxMove {
		m.fields[0].learn(o.Place, int32(by))
	}
}

// learn keeps by how much a place has moved.
func (f *field) learn(t uint32, by int32) {
	for k := range f.moves {
		key := t >> (6 * k)
		f.moves[k][hash32(uint64(key), moveBits)] = move{key, by}
	}
}

// operand returns the one that began so many bytes ago.
func (m *model) operand(back int) (align.Operand, bool) {
	return align.OperandAt(m.src, m.sp-back, uint32(m.tape)+uint32(m.sp-back), uint32(m.file)+uint32(m.i-back))
}
