package align

import (
	"encoding/binary"
	"slices"
)

// Rows finds what the rows of a table of numbers replace: relocations, jump tables, indexes. Where all that they point to has moved, no number is what it was, and as many bytes
// agree with any other row; but by how much numbers grow from row to row stays, where those that stand together have moved by the same.
type Rows struct {
	ref    []byte
	known  [mostRow/leastRow + 1]bool // by bytes of a row: whether places has those of tables with such
	places [1 << growthBits][4]uint32 // by how numbers grow there, + 1, the latest first
	begins []int                      // that places speak for
}

// Surveyed is how many bytes of a text Find may have. Of few it makes more of chance.
const Surveyed = 1024

const (
	leastRow   = 4 // bytes of a row, of which they are multiples
	mostRow    = 48
	signRate   = 42 // growths are enough to look for if one begins in so many bytes
	agreeing   = 2  // of them, on an alignment that is looked at
	mostTried  = 8  // alignments
	growthBits = 16
)

// Reset makes ref the reference, which must not change as long as Find is used.
func (r *Rows) Reset(ref []byte) {
	r.ref = ref
	if slices.Contains(r.known[:], true) {
		clear(r.known[:])
		clear(r.places[:])
	}
}

// Find returns the place of the reference that b, where it looks like a table, is likely to replace, if numbers grow there more often by the same than in now, with which b is compared so far.
// It is one where many of them have moved: what is the same, byte by byte, others see.
func (r *Rows) Find(b, now []byte) (ref int, ok bool) {
	row := rowOf(b)
	if row == 0 {
		return 0, false
	}
	most, _ := alike(b, now, row)
	most += len(b) / 16
	for _, at := range r.alignments(b, row) {
		if n, moved := alike(b, r.ref[at:], row); n > most && moved > len(b)/8 {
			ref, ok, most = at, true, n
		}
	}
	return ref, ok
}

// alike counts the numbers of b that grow to the next row as in c, and those among them that are not the same in c.
func alike(b, c []byte, row int) (n, moved int) {
	l := min(len(b), len(c))
	for k := range l - row - 3 {
		x, y := binary.LittleEndian.Uint32(b[k:])-binary.LittleEndian.Uint32(c[k:]), binary.LittleEndian.Uint32(b[k+row:])-binary.LittleEndian.Uint32(c[k+row:])
		if x == y {
			n++
			if x != 0 {
				moved++
			}
		}
	}
	return n, moved
}

// alignments returns the places of the reference from which on most numbers grow as in b.
func (r *Rows) alignments(b []byte, row int) []int {
	type sign struct{ at, growth uint32 }
	var signs [Surveyed]sign
	n := 0
	for k := range len(b) - grown(row) + 1 {
		if g, ok := growth(b[k:], row); ok && n < len(signs) {
			signs[n] = sign{uint32(k), g}
			n++
		}
	}
	if n < len(b)/signRate {
		return nil
	}
	if known := &r.known[row/leastRow]; !*known {
		*known = true
		r.note(row)
	}
	r.begins = r.begins[:0]
	for _, s := range signs[:n] {
		for _, at := range r.places[s.growth] {
			if at := int(at) - 1 - int(s.at); at >= 0 {
				r.begins = append(r.begins, at)
			}
		}
	}
	return mostAgreed(r.begins)
}

// mostAgreed returns the values of list that are there most often, the first one most; it sorts list.
func mostAgreed(list []int) []int {
	slices.Sort(list)
	type votes struct{ n, value int }
	var top [mostTried]votes
	for k := 0; k < len(list); {
		v := votes{0, list[k]}
		for k < len(list) && list[k] == v.value {
			v.n++
			k++
		}
		for i := range top {
			if v.n >= agreeing && v.n > top[i].n {
				v, top[i] = top[i], v
			}
		}
	}
	list = list[:0]
	for _, v := range top {
		if v.n > 0 {
			list = append(list, v.value)
		}
	}
	return list
}

// note takes the places in tables of the reference that have rows of so many bytes.
func (r *Rows) note(row int) {
	const part = 256 // bytes that look like rows or do not
	for from := 0; from+part+grown(row) <= len(r.ref); from += part {
		if !rowsLike(Equal(r.ref[from+row:from+row+part], r.ref[from:]), part) {
			continue
		}
		for at := from; at < from+part; at++ {
			if g, ok := growth(r.ref[at:], row); ok {
				places := &r.places[g]
				places[0], places[1], places[2], places[3] = uint32(at)+1, places[0], places[1], places[2]
			}
		}
	}
}

// rowOf returns how many bytes each row has, if b looks like a table, or 0.
func rowOf(b []byte) (row int) {
	most := 0
	for n := leastRow; n <= min(mostRow, len(b)/4); n += leastRow {
		if same := Equal(b[n:], b); same > most && rowsLike(same, len(b)-n) {
			row, most = n, same+len(b)/16
		}
	}
	return row
}

// rowsLike reports whether it looks like rows that of so many bytes so many are the same as in the row before.
func rowsLike(same, of int) bool { return same >= of*3/8 }

// grown is how many bytes growth looks at.
func grown(row int) int { return 2*row + 8 }

// growth returns a hash of how the number at the start of b grows over two rows, if that is one of those that are kept: where it does not grow by the same twice, and of these one in four.
func growth(b []byte, row int) (hash uint32, ok bool) {
	x, y, z := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[row:]), binary.LittleEndian.Uint64(b[2*row:])
	x, y = y-x, z-y
	h := ((x*0x9e3779b97f4a7c15 ^ y) + uint64(row)) * 0xd6e8feb86659fd93
	return uint32(h>>32) & (1<<growthBits - 1), h>>62 == 0 && x != y && x != 0 && y != 0
}
