package codec

import (
	"bytes"
	"math/bits"
	"sort"
)

// What a run of bytes holds, as lines: those that lie wholly within it, and the parts of lines at its ends. Runs that follow
// one another are joined without looking at their bytes again, but for the line across the border.

// keepEdge is how many bytes of a part of a line are kept whole.
const keepEdge = 256

// edge is a part of a line at an end of a run.
type edge struct {
	n   uint64 // bytes
	b   []byte // all of them if there are at most lineJoiner.keep; else those nearest to the run's end, as many as it takes to find the pattern's literal across it
	hit bool   // if b is not all: the pattern's literal is in it
}

// lineSum is what a run of bytes holds. If it has no newline, head and tail are both all of it.
type lineSum struct {
	lines      uint64 // newlines
	selected   uint64 // lines between two of them that are selected
	head, tail edge   // before the first newline, after the last
}

// lineJoiner joins runs. Not safe for concurrent use.
type lineJoiner struct {
	p     *Pattern
	keep  int // bytes of an edge that is kept whole
	near  int // bytes kept of a longer one
	chunk []byte
	line  []byte // scratch
}

func newLineJoiner(p *Pattern, keep int) *lineJoiner {
	near := max(len(p.lit)-1, 0)
	return &lineJoiner{p: p, keep: max(keep, near), near: near}
}

// hold copies bytes to where they stay.
func (j *lineJoiner) hold(a, b []byte) []byte {
	n := len(a) + len(b)
	if n == 0 {
		return nil
	}
	if cap(j.chunk)-len(j.chunk) < n {
		j.chunk = make([]byte, 0, max(64<<10, n))
	}
	from := len(j.chunk)
	j.chunk = append(append(j.chunk, a...), b...)
	return j.chunk[from:len(j.chunk):len(j.chunk)]
}

func (e edge) whole() bool { return e.n == uint64(len(e.b)) }

// hits reports whether the literal is in an edge.
func (j *lineJoiner) hits(e edge) bool {
	if e.whole() {
		return bytes.Contains(e.b, j.p.lit)
	}
	return e.hit
}

// hitsAcross reports whether the literal is in a followed by b. a is a tail, b a head.
func (j *lineJoiner) hitsAcross(a, b edge) bool {
	if j.p.lit == nil {
		return false
	}
	if j.hits(a) || j.hits(b) {
		return true
	}
	x, y := a.b[max(0, len(a.b)-j.near):], b.b[:min(len(b.b), j.near)]
	j.line = append(append(j.line[:0], x...), y...)
	return bytes.Contains(j.line, j.p.lit)
}

// border reports whether the line is selected that begins with the tail a and ends with the head b; read returns what is
// needed to tell when the edges are not enough.
func (j *lineJoiner) border(a, b edge, read func() (bool, error)) (bool, error) {
	if a.whole() && b.whole() {
		if b.n == 0 {
			return j.p.selects(a.b), nil
		}
		if a.n == 0 {
			return j.p.selects(b.b), nil
		}
		j.line = append(append(j.line[:0], a.b...), b.b...)
		return j.p.selects(j.line), nil
	}
	if j.p.lit != nil {
		if hit := j.hitsAcross(a, b); !hit || j.p.exact {
			return j.p.decided(hit), nil
		}
	}
	return read()
}

// join returns what two runs hold together. read tells whether the line across their border is selected.
func (j *lineJoiner) join(a, b lineSum, read func() (bool, error)) (lineSum, error) {
	s := lineSum{lines: a.lines + b.lines, selected: a.selected + b.selected, head: a.head, tail: b.tail}
	n := a.tail.n + b.head.n
	switch {
	case a.lines > 0 && b.lines > 0:
		yes, err := j.border(a.tail, b.head, read)
		if err != nil {
			return s, err
		}
		if yes {
			s.selected++
		}
		return s, nil
	case n <= uint64(j.keep):
		e := edge{n: n}
		switch {
		case b.head.n == 0:
			e.b = a.tail.b
		case a.tail.n == 0:
			e.b = b.head.b
		default:
			e.b = j.hold(a.tail.b, b.head.b)
		}
		if a.lines == 0 {
			s.head = e
		}
		if b.lines == 0 {
			s.tail = e
		}
		return s, nil
	}
	hit := j.hitsAcross(a.tail, b.head)
	if a.lines == 0 {
		s.head = edge{n: n, hit: hit, b: a.head.b[:min(len(a.head.b), j.near)]}
		if more := j.near - len(s.head.b); more > 0 { // then a is shorter than that, and whole
			s.head.b = j.hold(s.head.b, b.head.b[:more])
		}
	}
	if b.lines == 0 {
		s.tail = edge{n: n, hit: hit, b: b.tail.b[max(0, len(b.tail.b)-j.near):]}
		if more := j.near - len(s.tail.b); more > 0 {
			s.tail.b = j.hold(a.tail.b[len(a.tail.b)-more:], s.tail.b)
		}
	}
	return s, nil
}

// lineTable says where the lines of a note or of a block of local notes are, and which of them are selected. Spans that
// lie in it are answered for from the table, however many there are and however they overlap.
type lineTable struct {
	start uint64 // position of the first byte
	raw   []byte
	nl    []uint32 // offsets of the newlines, ascending
	hits  []uint32 // offsets of the pattern's literal, ascending, once somebody has asked; then never nil
	bits  []uint64 // bit i: the line between newlines i and i+1 is selected
	done  []uint64 // bit g: word g of bits is known; nil if all are
}

// newLineTable makes the table of raw, which begins at start.
func newLineTable(p *Pattern, start uint64, raw []byte) *lineTable {
	t := &lineTable{start: start, raw: raw}
	t.nl = make([]uint32, 0, bytes.Count(raw, newline))
	for at := 0; ; {
		i := bytes.IndexByte(raw[at:], '\n')
		if i < 0 {
			break
		}
		t.nl = append(t.nl, uint32(at+i))
		at += i + 1
	}
	t.bits = make([]uint64, len(t.nl)/64+1)
	if p.lit == nil {
		t.done = make([]uint64, len(t.bits)/64+1)
		return t
	}
	if len(p.lit) == 0 {
		if p.decided(true) {
			t.fill()
		}
		return t
	}
	if p.invert {
		t.fill()
	}
	for line := 1; line < len(t.nl); line++ { // of the newline that ends it
		from := int(t.nl[line-1]) + 1
		i := bytes.Index(raw[from:t.nl[len(t.nl)-1]], p.lit)
		if i < 0 {
			break
		}
		for int(t.nl[line]) <= from+i {
			line++
		}
		if p.exact || p.re.Match(raw[t.nl[line-1]+1:t.nl[line]]) {
			t.bits[(line-1)/64] ^= 1 << ((line - 1) % 64)
		}
	}
	return t
}

// find fills hits.
func (t *lineTable) find(lit []byte) {
	t.hits = make([]uint32, 0, 64)
	for at := 0; ; at++ {
		i := bytes.Index(t.raw[at:], lit)
		if i < 0 {
			return
		}
		at += i
		t.hits = append(t.hits, uint32(at))
	}
}

var newline = []byte{'\n'}

func (t *lineTable) fill() {
	for i := range t.bits {
		t.bits[i] = ^uint64(0)
	}
}

// size is about the memory that the table takes, in bytes.
func (t *lineTable) size() int { return len(t.raw) + 4*len(t.nl) + 4*len(t.hits) + 8*len(t.bits) + 128 }

// word returns word g of bits.
func (t *lineTable) word(p *Pattern, g int) uint64 {
	if t.done == nil || t.done[g/64]>>(g%64)&1 == 1 {
		return t.bits[g]
	}
	var w uint64
	for i := g * 64; i < (g+1)*64 && i+1 < len(t.nl); i++ {
		if p.selects(t.raw[t.nl[i]+1 : t.nl[i+1]]) {
			w |= 1 << (i % 64)
		}
	}
	t.bits[g] = w
	t.done[g/64] |= 1 << (g % 64)
	return w
}

// within calls found with each selected line of those between newlines i and j, until it returns false.
func (t *lineTable) within(p *Pattern, i, j int, found func(line int) bool) bool {
	for g := i / 64; g*64 < j; g++ {
		for w := mask(t.word(p, g), g*64, i, j); w != 0; w &= w - 1 {
			if !found(g*64 + bits.TrailingZeros64(w)) {
				return false
			}
		}
	}
	return true
}

// count returns how many lines between newlines i and j are selected.
func (t *lineTable) count(p *Pattern, i, j int) (n uint64) {
	for g := i / 64; g*64 < j; g++ {
		n += uint64(bits.OnesCount64(mask(t.word(p, g), g*64, i, j)))
	}
	return n
}

// mask leaves those bits of a word, the first of which is number first, that are numbered i to j-1.
func mask(w uint64, first, i, j int) uint64 {
	if i > first {
		w &= ^uint64(0) << (i - first)
	}
	if j < first+64 {
		w &= 1<<(j-first) - 1
	}
	return w
}

// newlines returns the numbers of the first newline from byte a on and of the first from byte b on.
func (t *lineTable) newlines(a, b uint64) (first, next int) {
	first = sort.Search(len(t.nl), func(i int) bool { return uint64(t.nl[i]) >= a })
	return first, first + sort.Search(len(t.nl)-first, func(i int) bool { return uint64(t.nl[first+i]) >= b })
}

// sum returns what the bytes from to end hold, which are counted as start is.
func (t *lineTable) sum(j *lineJoiner, from, end uint64) lineSum {
	a, b := from-t.start, end-t.start
	first, next := t.newlines(a, b)
	if first == next {
		head := t.edge(j, a, b, false)
		tail := head
		if !head.whole() {
			tail = t.edge(j, a, b, true)
		}
		return lineSum{head: head, tail: tail}
	}
	return lineSum{
		lines:    uint64(next - first),
		selected: t.count(j.p, first, next-1),
		head:     t.edge(j, a, uint64(t.nl[first]), false),
		tail:     t.edge(j, uint64(t.nl[next-1])+1, b, true),
	}
}

// edge returns the part of a line that is the bytes a to b.
func (t *lineTable) edge(j *lineJoiner, a, b uint64, tail bool) edge {
	e := edge{n: b - a}
	raw := t.raw[a:b]
	switch {
	case len(raw) <= j.keep:
		e.b = j.hold(raw, nil)
		return e
	case tail:
		e.b = j.hold(raw[len(raw)-j.near:], nil)
	default:
		e.b = j.hold(raw[:j.near], nil)
	}
	if len(j.p.lit) == 0 {
		e.hit = j.p.lit != nil
		return e
	}
	if t.hits == nil {
		t.find(j.p.lit)
	}
	i := sort.Search(len(t.hits), func(i int) bool { return uint64(t.hits[i]) >= a })
	e.hit = i < len(t.hits) && uint64(t.hits[i])+uint64(len(j.p.lit)) <= b
	return e
}
