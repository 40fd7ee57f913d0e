package codec

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strconv"

	"dictnet/codec/internal/align"
)

// Sections 4.7 to 4.9, for the reader of page_test.go.

func pageHash(v uint64, k uint) uint64     { return v * 0x9e3779b97f4a7c15 >> (64 - k) }
func pageHash32(v uint32) uint32           { return v * 0x9e3779b1 }
func pageDigit(c byte) bool                { return '0' <= c && c <= '9' }
func pageCut(x, least, most int64) int64   { return min(max(x, least), most) }
func pageSigned(v uint64) int64            { return int64(v>>1) ^ -int64(v&1) }
func pageNumberAt(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }

func pageOne(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Section 4.7.

type pageModel struct{ p, n int64 }

func pagePrior(w int64) pageModel { return pageModel{w << 16, 4} }

func (m *pageModel) begin() { *m = pageModel{p: 1 << 21} }

func (m *pageModel) first() bool { return m.p == 1<<21 && m.n == 0 }

func (m *pageModel) one() int64 { return m.p>>6 | 1 }

func (m *pageModel) learn(bit int) {
	t := int64(bit) * (1<<22 - 1)
	m.p += (t - m.p) * ((1 << 17) / (2*m.n + 3)) >> 16
	m.n = min(m.n+1, 62)
}

// pageModels returns n models without a prior.
func pageModels(n int) []pageModel {
	m := make([]pageModel, n)
	for i := range m {
		m[i].begin()
	}
	return m
}

type pageStream struct {
	x     uint64
	words []byte
}

func newPageStream(b []byte) *pageStream {
	n := len(b)
	if n > 8 {
		for n = 5; (len(b)-n)%4 != 0; n++ {
		}
	}
	if n > 0 && b[n-1] == 0 {
		panic(errPage)
	}
	var state [8]byte
	copy(state[:], b[:n])
	return &pageStream{binary.LittleEndian.Uint64(state[:]) ^ 1<<16, b[n:]}
}

func (s *pageStream) more() {
	if s.x < 1<<32 && len(s.words) >= 4 {
		s.x = s.x<<32 + uint64(binary.LittleEndian.Uint32(s.words))
		s.words = s.words[4:]
	}
}

func (s *pageStream) decode(one int64) (bit int) {
	p, m := uint64(one), s.x%(1<<16)
	if m < p {
		s.x, bit = p*(s.x>>16)+m, 1
	} else {
		s.x = (1<<16-p)*(s.x>>16) + m - p
	}
	s.more()
	return bit
}

func (s *pageStream) bit(m *pageModel) int {
	bit := s.decode(m.one())
	m.learn(bit)
	return bit
}

func (s *pageStream) direct(k int) (v uint64) {
	for ; k > 0; k -= min(k, 16) {
		n := min(k, 16)
		v = v<<n | s.x%(1<<n)
		s.x >>= n
		s.more()
	}
	return v
}

func (s *pageStream) tree(m []pageModel, k int) int {
	at := 1
	for range k {
		at = 2*at + s.bit(&m[at])
	}
	return at - 1<<k
}

func (s *pageStream) end() {
	if len(s.words) > 0 || s.x != 1<<16 {
		panic(errPage)
	}
}

type pageNumber struct {
	zero        pageModel
	short, long []pageModel
	top         [65][]pageModel
}

func newPageNumber(prior ...int64) *pageNumber {
	m := &pageNumber{zero: pagePrior(prior[0]), long: pageModels(64)}
	for _, w := range prior[1:] {
		m.short = append(m.short, pagePrior(w))
	}
	for i := range m.top {
		m.top[i] = pageModels(4)
	}
	return m
}

func (s *pageStream) number(m *pageNumber) uint64 {
	if s.bit(&m.zero) == 1 {
		return 0
	}
	length := 1
	for length <= 8 && s.bit(&m.short[length-1]) == 0 {
		length++
	}
	if length == 9 {
		length = min(9+s.tree(m.long, 6), 64)
	}
	k := min(length-1, 2)
	v := uint64(1)<<k | uint64(s.tree(m.top[length], k))
	return v<<(length-1-k) | s.direct(length-1-k)
}

// Section 4.8.

type pageMove struct {
	key uint32
	by  int32
}

type pageDecimal struct {
	moves    [3][1 << 12]pageMove
	going    bool
	before   byte
	level    int
	right    int
	old, new uint64
	count    int
	foreseen string // all digits of w
}

func (d *pageDecimal) key(k int) uint32 { return uint32(d.old>>(6*k)<<8) + uint32(d.before) }

func (d *pageDecimal) entry(k int) *pageMove { return &d.moves[k][pageHash32(d.key(k))>>20] }

func (d *pageDecimal) begin(ref []byte, before byte) {
	n := 0
	for n < len(ref) && pageDigit(ref[n]) {
		n++
	}
	if n > 18 {
		return
	}
	d.old, _ = strconv.ParseUint(string(ref[:n]), 10, 64)
	d.going, d.before, d.new, d.count, d.right, d.foreseen = true, before, 0, 0, 0, ""
	for k := range 3 {
		e := d.entry(k)
		if e.key != d.key(k) {
			continue
		}
		d.level = k
		if w := int64(d.old) + int64(e.by); e.by != 0 && w >= 0 {
			if ref[0] != '0' {
				n = 0
			}
			d.foreseen = fmt.Sprintf("%0*d", n, w)
		}
		return
	}
}

// next returns the digit that is foreseen, or -1.
func (d *pageDecimal) next() int {
	if d.going && d.count < len(d.foreseen) {
		return int(d.foreseen[d.count])
	}
	return -1
}

func (d *pageDecimal) take(c, e byte) {
	switch {
	case d.foreseen == "":
	case int(c) != d.next():
		d.foreseen = ""
	case c != e:
		d.right = 2
	default:
		d.right = max(d.right, 1)
	}
	if pageDigit(c) {
		d.new = 10*d.new + uint64(c-'0')
		d.count++
		d.going = d.count <= 18
		return
	}
	if by := int64(d.new - d.old); d.count > 0 && by == int64(int32(by)) {
		for k := range 3 {
			*d.entry(k) = pageMove{d.key(k), int32(by)}
		}
	}
	d.going = false
}

// Section 4.9.

var pageT = []int64{0, 0, 1, 1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911,
	53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65536, 65536}

func pageSquash(x int64) int64 {
	k, r := (x+2125)/85, (x+2125)%85
	a, b := pageT[k], pageT[k+1]
	return min(65535, max(1, a+((b-a)*r+42)/85))
}

// pageStretches has stretch of each p >> 4.
var pageStretches = func() (t [1 << 12]int64) {
	for k := range int64(1 << 11) {
		x := int64(-2047)
		for pageSquash(x) < 16*k+8 {
			x++
		}
		t[k], t[4095-k] = x, -x
	}
	return t
}()

type pageField struct {
	right, last int
	level       int
	start       byte
	old, value  uint32
	moves       [3][1 << 12]pageMove
	x           int // what is predicted, or -1
}

type pageWeights [4]int32

type pageAligned struct {
	raw, ref     []byte
	hints        []align.Hint
	pieces       []align.Hint
	passes, rest *pageStream

	c1, c2, c3        byte
	dist              int
	left              [3]int
	base              [2]int
	age               int
	hist, watch       uint32
	diff              byte
	file, tape        uint64
	source            []byte // at first there is none
	inRaw             bool
	sp                int
	places            bool
	fields            [3]pageField
	decimal           pageDecimal
	pass              uint64 // left, of the passes
	unsure, begins    []int
	equal             []pageModel
	same, turned      [16][256]pageModel
	order, ahead      []pageModel
	fit, fitAt        []pageModel
	second            []pageModel
	flags             [64][4][4]pageWeights
	ways              []pageModel
	step              [4]*pageNumber
	back, any, passed *pageNumber
	byLast, byTwo     []pageModel
	byThree           []pageModel
	byAligned, byDiff []pageModel
	literals          [10][2][16]pageWeights
}

// readPageAligned reads the data of a block of n bytes.
func readPageAligned(n int, data, ref []byte, hints []align.Hint) (raw []byte, err error) {
	var a *pageAligned
	defer func() {
		raw = a.raw
		if v := recover(); v != nil {
			if err, _ = v.(error); err != errPage {
				panic(v)
			}
		}
	}()
	a = &pageAligned{
		ref: ref, hints: hints, pieces: slices.Clone(hints),
		unsure: make([]int, 1<<17), begins: make([]int, 1<<16), equal: pageModels(1 << 17), order: pageModels(1 << 16), ahead: pageModels(1 << 16),
		fit: pageModels(96), fitAt: pageModels(96 << 8), second: pageModels(64 << 8),
		byLast: pageModels(1 << 16), byTwo: pageModels(1 << 17), byThree: pageModels(1 << 17), byAligned: pageModels(1 << 16), byDiff: pageModels(10 * 8 * 3 * 8),
		back: newPageNumber(1, 1, 1, 1, 2, 4, 6, 8, 9), any: newPageNumber(1, 1, 1, 1, 1, 1, 1, 1, 1), passed: newPageNumber(3, 2, 4, 8, 11, 15, 18, 22, 24),
	}
	slices.SortStableFunc(a.pieces, func(x, y align.Hint) int { return x.RefLo - y.RefLo })
	a.pieces = slices.CompactFunc(a.pieces, func(x, y align.Hint) bool { return x.RefLo == y.RefLo })
	for age := range 16 {
		for hist := range 256 {
			ones := bits.OnesCount(uint(hist))
			same, turned := [9]int64{58, 25, 21, 15, 15, 7, 7, 7, 7}[ones], [9]int64{42, 26, 20, 18, 13, 11, 10, 10, 10}[ones]
			if age < 4 {
				same = 63
			}
			if age == 15 {
				same, turned = [9]int64{58, 39, 37, 31, 30, 17, 15, 11, 2}[ones], [9]int64{31, 12, 12, 13, 11, 8, 7, 7, 3}[ones]
			}
			a.same[age][hist], a.turned[age][hist] = pagePrior(same), pagePrior(turned)
		}
	}
	for _, w := range []int64{4, 5, 36, 36, 32, 32, 9, 9, 32, 32} {
		a.ways = append(a.ways, pagePrior(w))
	}
	for i := range a.step {
		a.step[i] = newPageNumber(1, 5, 7, 10, 13, 13, 13, 13, 13)
	}
	for i := range a.flags {
		for j := range a.flags[i] {
			for k := range a.flags[i][j] {
				a.flags[i][j][k] = pageWeights{24000, 16000, 24000, 24000}
			}
		}
	}
	for i := range a.literals {
		for j := range a.literals[i] {
			for k := range a.literals[i][j] {
				a.literals[i][j][k] = pageWeights{28000, 28000, 28000, 28000}
			}
		}
	}
	cut := func() (s []byte) {
		size, k := binary.Uvarint(data)
		if k <= 0 || size > uint64(len(data)-k) {
			panic(errPage)
		}
		s, data = data[k:k+int(size)], data[k+int(size):]
		return s
	}
	for len(a.raw) < n {
		end := min(len(a.raw)+1<<18, n)
		a.passes = newPageStream(cut())
		if end < n {
			a.rest = newPageStream(cut())
		} else {
			a.rest, data = newPageStream(data), nil
		}
		a.pass = a.passes.number(a.passed)
		for len(a.raw) < end {
			a.readByte()
		}
		a.passes.end()
		a.rest.end()
		if a.pass != 0 {
			panic(errPage)
		}
	}
	if len(data) > 0 {
		panic(errPage)
	}
	return a.raw, nil
}

// e returns the aligned byte, or -1.
func (a *pageAligned) e() int {
	source := a.source
	if a.inRaw {
		source = a.raw
	}
	if a.sp >= len(source) {
		return -1
	}
	return int(source[a.sp])
}

func (a *pageAligned) turn(d int) {
	i, r := len(a.raw), len(a.ref)
	if d < 1 || d > r+i {
		panic(errPage)
	}
	if d != a.dist {
		switch d {
		case a.left[0]:
			a.left[0] = a.dist
		case a.left[1]:
			a.left[1], a.left[0] = a.left[0], a.dist
		default:
			a.left[2], a.left[1], a.left[0] = a.left[1], a.left[0], a.dist
		}
	}
	a.dist = d
	a.base[pageOne(d > i)] = d
	a.age, a.hist, a.watch = 0, 0, 0
	a.fields[0].right, a.fields[1].right = 0, 0
	a.decimal.going = false
	a.places = false
	if d <= i {
		a.inRaw, a.sp = true, i-d
		return
	}
	a.inRaw, a.source, a.sp = false, a.ref, r+i-d
	for _, p := range a.pieces {
		if p.RefLo <= a.sp {
			a.places, a.tape = true, p.Tape-uint64(p.Ref)
		}
	}
}

func (a *pageAligned) hash3(e int) uint64 {
	return pageHash(uint64(a.c1)+uint64(a.c2)<<8+uint64(e)<<16+uint64(a.hist%4)<<24, 17)
}

func (a *pageAligned) readByte() {
	i, r := len(a.raw), len(a.ref)
	for len(a.hints) > 0 && a.hints[0].At <= i {
		h := a.hints[0]
		a.hints = a.hints[1:]
		a.file = h.File - uint64(h.At)
		if h.At == i && 0 <= h.Ref && h.Ref < r {
			a.turn(r + i - h.Ref)
			a.age = 16
			if h.Ref >= 3 {
				a.c1, a.c2, a.c3 = a.ref[h.Ref-1], a.ref[h.Ref-2], a.ref[h.Ref-3]
			}
		}
	}
	e := a.e()
	if e < 0 {
		a.places, a.watch = false, 0
		if a.turnBit(a.hist%16 + 240) {
			a.decide(true)
			return
		}
		c := a.literal(0, 9)
		a.raw = append(a.raw, c)
		a.age++
		a.hist = 2*a.hist + 1
		a.c1, a.c2, a.c3 = c, a.c1, a.c2
		return
	}
	c := a.hash3(e)
	sure := a.unsure[c] == 0 && (!a.equal[c].first() || a.age >= 32 && a.hist == 0)
	a.foresee(e, sure)
	if !sure || slices.ContainsFunc(a.fields[:], func(f pageField) bool { return f.x >= 0 && f.x != e }) {
		a.decide(false)
		return
	}
	a.fields[0].right, a.fields[1].right = 0, 0
	if a.pass > 0 {
		a.pass--
		a.put(byte(e), byte(e))
		return
	}
	a.pass = a.passes.number(a.passed)
	same, equal := a.models(c)
	equal.learn(0)
	same.learn(0)
	a.judge(c)
	a.begins[int(a.c1)<<8|int(a.c2)] = 16
	a.other(byte(e), false)
}

func (a *pageAligned) models(c uint64) (same, equal *pageModel) {
	same, equal = &a.same[min(a.age, 15)][a.hist%256], &a.equal[c]
	if equal.first() {
		*equal = pageModel{same.one() << 6, 2}
	}
	return same, equal
}

func (a *pageAligned) judge(c uint64) { a.unsure[c] = pageOne(a.equal[c].one() < 60000) }

// decide is step 4 and what follows.
func (a *pageAligned) decide(turned bool) {
	e := a.e()
	if turned {
		a.foresee(e, false)
	}
	c := a.hash3(e)
	same, equal := a.models(c)
	x1, p1, x2, p2 := e, same.one(), -1, int64(0)
	var context [3]int
	for k := range a.fields {
		f := &a.fields[k]
		if f.x < 0 {
			continue
		}
		context[k] = ((4*k+f.right)*4+f.level)*2 + pageOne(f.x == e)
		q := (a.fit[context[k]].one() + a.fitAt[context[k]<<8|int(f.start)].one()) / 2
		if f.x == x1 {
			p1 = max(p1, q)
		} else if q > p1 {
			x2, p2, x1, p1 = x1, p1, f.x, q
		} else if q > p2 {
			x2, p2 = f.x, q
		}
	}
	kind := pageOne(x1 == e)
	ma, mb := equal, same
	for k := range a.fields {
		if f := &a.fields[k]; f.x == x1 {
			kind |= 2<<k | f.right<<4
			if mb == same {
				mb = &a.fitAt[context[k]<<8|int(f.start)]
				if x1 != e {
					ma = &a.fit[context[k]]
				}
			}
		}
	}
	n := byte(0)
	source := a.source
	if a.inRaw {
		source = a.raw
	}
	if a.sp+1 < len(source) && a.dist > 1 {
		n = source[a.sp+1]
	}
	c12 := uint64(a.c1) + uint64(a.c2)<<8
	mc := &a.order[pageHash(c12+uint64(a.c3)<<16+(uint64(kind)+uint64(a.hist%16)<<8)<<32, 16)]
	md := &a.ahead[pageHash(uint64(a.c1)+uint64(n)<<8+uint64(x1)<<16+(uint64(kind)+uint64(a.hist%4)<<8)<<32, 16)]
	is := -1
	bit := a.mixed(&a.flags[kind][min(a.age, 3)][a.hist%4], ma, mb, mc, md)
	a.judge(c)
	if bit == 1 {
		is = x1
	} else if x2 >= 0 && a.rest.bit(&a.second[kind<<8|int(a.c1)]) == 1 {
		is = x2
	}
	if is != e && a.fields[0].right == 0 && a.fields[1].right == 0 {
		a.begins[int(a.c1)<<8|int(a.c2)] = 16
	}
	for k := range a.fields {
		f := &a.fields[k]
		if f.x < 0 {
			continue
		}
		a.fit[context[k]].learn(pageOne(f.x == is))
		a.fitAt[context[k]<<8|int(f.start)].learn(pageOne(f.x == is))
		if k < 2 {
			if f.x == is && f.value != f.old && f.right < f.last {
				f.right++
			} else {
				f.right = 0
			}
		}
	}
	if mb != same {
		same.learn(pageOne(is == e))
	}
	a.watch |= 1
	if is >= 0 {
		a.put(byte(is), byte(e))
		return
	}
	a.other(byte(e), turned)
}

// other is step 6.
func (a *pageAligned) other(e byte, turned bool) {
	if !turned && a.turnBit(a.hist%256) {
		a.decide(true)
		return
	}
	c := a.literal(e, bits.OnesCount32(a.hist%256))
	a.diff = c - e
	a.put(c, e)
}

func (a *pageAligned) put(c, e byte) {
	if a.decimal.going {
		a.decimal.take(c, e)
	}
	a.raw = append(a.raw, c)
	a.sp++
	a.age++
	a.hist = 2*a.hist + uint32(pageOne(c != e))
	a.c1, a.c2, a.c3 = c, a.c1, a.c2
	a.watch *= 2
	if a.watch&16 != 0 && a.places {
		a.learnMove()
	}
}

func (a *pageAligned) turnBit(context uint32) bool {
	if a.rest.bit(&a.turned[min(a.age, 15)][context]) == 0 {
		return false
	}
	number := func(m *pageNumber) int { return int(min(a.rest.number(m), 1<<40)) }
	i, d := len(a.raw), 0
	in := pageOne(a.dist > i)
	if a.rest.bit(&a.ways[in]) == 1 {
		if a.rest.bit(&a.ways[2]) == 1 {
			d = a.left[0]
		} else if a.rest.bit(&a.ways[3]) == 1 {
			d = a.left[1]
		} else {
			d = a.left[2]
		}
	} else {
		to := a.rest.bit(&a.ways[4+in])
		if a.rest.bit(&a.ways[6+2*to+in]) == 1 {
			d = a.base[to] + int(pageSigned(uint64(number(a.step[2*to+in]))))
		} else if to == 0 {
			d = number(a.back)
		} else {
			d = len(a.ref) + i - number(a.any)
		}
	}
	a.turn(d)
	return true
}

func (a *pageAligned) mixed(w *pageWeights, models ...*pageModel) int {
	var s [4]int64
	x := int64(0)
	for k, m := range models {
		s[k] = pageStretches[m.one()>>4]
		x += s[k] * int64(w[k])
	}
	p := pageSquash(pageCut(x>>16, -2047, 2047))
	bit := a.rest.decode(p)
	err := (int64(bit)<<16 - p) * 160 >> 8
	for k, m := range models {
		w[k] += int32((s[k]*err + 1<<11) >> 12)
		m.learn(bit)
	}
	return bit
}

// place is that of v, which stands b bytes before sp.
func (a *pageAligned) place(field, b int, v uint32) (t, shift uint32, ok bool) {
	if field == 1 {
		return v, 0, 1<<12 <= v && v < 1<<28
	}
	tape, file := a.tape+uint64(a.sp-b), a.file+uint64(len(a.raw)-b)
	return uint32(tape) + 4 + v, uint32(file - tape), v < 1<<27 || v >= 1<<32-1<<27
}

// operand is that which stands b bytes before sp.
func (a *pageAligned) operand(b int) (pageOperand, bool) {
	return pageOperandAt(a.ref, a.sp-b, uint32(a.tape)+uint32(a.sp-b), uint32(a.file)+uint32(len(a.raw)-b))
}

func pageNoPlace(v uint32) bool { return 1<<28 <= v && v < 1<<32-1<<27 }

func (a *pageAligned) foresee(e int, sure bool) {
	f := a.fields[:]
	for k := range f {
		f[k].x = -1
	}
	d := &a.decimal
	if !d.going && a.dist > len(a.raw) && pageDigit(byte(e)) && !pageDigit(a.c1) && (a.sp == 0 || !pageDigit(a.source[a.sp-1])) {
		d.begin(a.ref[a.sp:], a.c1)
	}
	if d.next() >= 0 {
		f[2].x, f[2].right, f[2].level, f[2].start = d.next(), d.right, d.level, d.before
	}
	begins := &a.begins[int(a.c1)<<8|int(a.c2)]
	idle := sure && f[0].right == 0 && f[1].right == 0
	if idle && (!a.places || *begins == 0) {
		return
	}
	for k := range 2 {
		if f[k].right > 0 {
			f[k].x = int(byte(f[k].value >> (8 * f[k].right)))
			continue
		}
		if !a.places || a.sp+4 > len(a.ref) {
			continue
		}
		v := pageNumberAt(a.ref, a.sp)
		t, shift, ok := a.place(k, 0, v)
		o, operand := a.operand(0)
		if operand && k == 0 {
			t = o.place
		} else if operand || pageNoPlace(v) || !ok {
			continue
		}
		for level := range 3 {
			key := t >> (6 * level)
			if m := f[k].moves[level][pageHash(uint64(key), 12)]; m.key == key {
				old, value, last, ok := v, v+uint32(m.by)-shift, 3, true
				if operand {
					old, value, last, ok = o.moved(uint32(m.by))
				}
				if ok {
					f[k].level, f[k].start, f[k].old, f[k].value, f[k].last = level, a.c1, old, value, last
					f[k].x = int(byte(value))
				}
				break
			}
		}
	}
	if idle && f[0].x < 0 && f[1].x < 0 {
		*begins--
	}
}

func (a *pageAligned) learnMove() {
	if o, ok := a.operand(4); ok {
		if by, ok := o.further(a.raw, len(a.raw)-4); ok {
			a.fields[0].learn(o.place, by)
		}
		return
	}
	v, w := pageNumberAt(a.ref, a.sp-4), pageNumberAt(a.raw, len(a.raw)-4)
	if pageNoPlace(v) {
		return
	}
	for k := range 2 {
		t, shift, ok := a.place(k, 4, v)
		if by := int32(w - v + shift); ok && -1<<24 <= by && by <= 1<<24 {
			a.fields[k].learn(t, by)
		}
	}
}

func (f *pageField) learn(t uint32, by int32) {
	for level := range 3 {
		key := t >> (6 * level)
		f.moves[level][pageHash(uint64(key), 12)] = pageMove{key, by}
	}
}

func (a *pageAligned) literal(e byte, mode int) byte {
	c12 := uint64(a.c1) + uint64(a.c2)<<8
	two, three := pageHash(c12, 13), pageHash(c12+uint64(a.c3)<<16, 13)
	by := int(e+a.diff) + 256
	at, node := 1, 1
	for k := 7; k >= 0; k-- {
		if k == 3 {
			two, three = (two^uint64(at)*0x9e35)%(1<<13), (three^uint64(at)*0x9e35)%(1<<13)
			node = 1
		}
		models := []*pageModel{&a.byLast[int(a.c1)<<8|at], &a.byTwo[two<<4|uint64(node)]}
		if mode >= 6 {
			models = append(models, &a.byThree[three<<4|uint64(node)], &a.byAligned[int(e)<<8|at])
		} else {
			g := 0
			if by>>(k+1) == at {
				g = 1 + by>>k&1
			}
			models = append(models, &a.byAligned[int(e)<<8|at], &a.byDiff[((mode*8+int(a.hist%8))*3+g)*8+k])
		}
		bit := a.mixed(&a.literals[mode][pageOne(k <= 3)][node], models...)
		at, node = 2*at+bit, 2*node+bit
	}
	return byte(at)
}
