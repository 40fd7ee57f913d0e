package codec

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"slices"

	"dictnet/codec/internal/align"
)

// Section 4.10, for the reader of page_test.go.

type pageBits struct {
	low, high, code uint32
	data            []byte
	taken           int
}

func (b *pageBits) next() uint32 {
	b.taken++
	if b.taken > len(b.data) {
		return 0
	}
	return uint32(b.data[b.taken-1])
}

func (b *pageBits) decode(p int64, _ int) (bit int) {
	mid := b.low + uint32(uint64(b.high-b.low)*uint64(p)>>16)
	if b.code <= mid {
		b.high, bit = mid, 1
	} else {
		b.low = mid + 1
	}
	for b.low>>24 == b.high>>24 {
		b.low, b.high, b.code = b.low<<8, b.high<<8|255, b.code<<8|b.next()
	}
	return bit
}

// pageOdds has squash of -3071 to 3071.
var pageOdds = func() (t [6143]int64) {
	one := new(big.Int).Lsh(big.NewInt(1), 62)
	e, term := new(big.Int).Set(one), new(big.Int).Set(one)
	for k := int64(1); k <= 11; k++ {
		term.Div(term, big.NewInt(256*k))
		if k%2 == 1 {
			e.Sub(e, term)
		} else {
			e.Add(e, term)
		}
	}
	at := new(big.Int).Set(one)
	for i := range 3072 {
		above, below := new(big.Int).Rsh(at, 14), new(big.Int).Add(one, at)
		q := min(65535, max(1, above.Div(above, below.Rsh(below, 30)).Int64()))
		t[3071-i], t[3071+i] = q, min(65535, 65536-q)
		at.Rsh(at.Mul(at, e), 62)
	}
	return t
}()

func pageProbability(x int64) int64 { return pageOdds[pageCut(x, -3071, 3071)+3071] }

// pageLogits has stretch of each p >> 4.
var pageLogits = func() (t [1 << 12]int64) {
	for k := range t {
		x := int64(-3071)
		for x < 3071 && pageProbability(x) < int64(16*k+8) {
			x++
		}
		t[k] = x
	}
	return t
}()

type pageAdaptive struct{ v, n int64 }

func (a *pageAdaptive) p() int64 { return a.v >> 6 }

func (a *pageAdaptive) logit() int64 { return pageLogits[a.p()>>4] }

func (a *pageAdaptive) learn(bit int, most int64) {
	t := int64(bit) * (1<<22 - 1)
	a.v += (t - a.v) * (655360 / (10*a.n + 16)) >> 16
	if a.n < most {
		a.n++
	}
}

func pageAdaptives(n int, v, seen int64) []pageAdaptive {
	all := make([]pageAdaptive, n)
	for i := range all {
		all[i] = pageAdaptive{v, seen}
	}
	return all
}

type pageHistory struct{ a, b, last int }

var pageHistories, pageNext = func() (all []pageHistory, next [256][2]byte) {
	number := map[pageHistory]int{{}: 0}
	all = []pageHistory{{}}
	for low := range 5 {
		for high := max(low, 1); high <= []int{41, 20, 10, 7, 5}[low]; high++ {
			for _, ab := range [][2]int{{low, high}, {high, low}} {
				for last := range 2 {
					h := pageHistory{ab[0], ab[1], last}
					if _, there := number[h]; ab[last] > 0 && !there {
						number[h] = len(all)
						all = append(all, h)
					}
				}
			}
		}
	}
	for i, h := range all {
		for bit := range 2 {
			count := [2]int{h.a, h.b}
			if other := &count[1-bit]; *other > 2 {
				switch {
				case *other < 5:
					*other = 2
				case *other < 10:
					*other = 3
				case *other < 20:
					*other = 4
				default:
					*other = 5
				}
			}
			count[bit]++
			for {
				n, ok := number[pageHistory{count[0], count[1], bit}]
				if ok {
					next[i][bit] = byte(n)
					break
				}
				if count[bit] >= count[1-bit] {
					count[bit]--
				} else {
					count[1-bit]--
				}
			}
		}
	}
	return all, next
}()

func pageClass(n int) int {
	if n < 8 {
		return n
	}
	return min(15, 5+bits.Len(uint(n)))
}

func pageOnes(v uint32) int { return bits.OnesCount32(v) }

type pagePlaces struct {
	moves       [3][]pageMove
	k           int
	guess       int // or -1
	decimal     bool
	read, level int
	length      int // what is called last
	before      byte
	old, value  uint32
	say         [2][]pageAdaptive
}

type pageRecall struct {
	least, b, every int
	at, len         int
	entries         []int
	r               int // what is recalled, or -1
	say             [2][]pageAdaptive
}

type pageSet struct {
	weights []int64
	n       int64
}

type pageMixed struct {
	win       []byte
	r         int // R
	raw       int // its length
	hints     []align.Hint
	least     int
	data      pageBits
	heads     []int
	refs      [][4]int
	k, n      uint
	close     map[uint32][]int // of the upper 12 bits: the latest places, the last one behind
	taken     map[int]int      // where P was
	ptr       int
	run       int
	misses    uint32
	along     int
	changed   bool
	hinted    bool
	match     int
	len       int
	slips     uint32
	near      int
	nearby    int
	justFound bool

	offers, turns, lengths []pageAdaptive
	steps                  [26][]pageAdaptive

	borrowed, placed    bool
	d, dRun, dAlong     int
	dMisses             uint32
	e                   int // or -1
	x                   [4]byte
	matched, nearByte   int // or -1
	f, t                uint64
	fields              [3]pagePlaces
	decimal             pageDecimal
	decimalAt           int
	recalls             [3]pageRecall
	sure                [6][]pageAdaptive
	sureSets            [2]map[int]*[7]int64
	ruledOut            bool
	h                   uint64
	diff                byte
	since               int
	word, before        uint64
	table               []byte
	meanings            [16][]pageAdaptive
	byE                 [2][]pageAdaptive
	byMatch, byNear, c0 []pageAdaptive
	sets                [4]map[int]*pageSet
	judges              [2]map[int]*[4]int64
	refined             [2]map[uint64]*[25]int64
	refinedBits         uint
}

// readPageMixed reads the data of a block of n bytes.
func readPageMixed(n int, data, ref []byte, hints []align.Hint) (raw []byte, err error) {
	m := newPageMixed(n, ref, hints)
	defer func() {
		raw = m.win[len(ref):]
		if v := recover(); v != nil {
			if err, _ = v.(error); err != errPage {
				panic(v)
			}
		}
	}()
	if len(data) == 0 || data[0] < 6 {
		return nil, errPage
	}
	m.least = int(data[0])
	m.data = pageBits{high: 1<<32 - 1, data: data[1:]}
	for range 4 {
		m.data.code = m.data.code<<8 | m.data.next()
	}
	m.look()
	m.rehearse()
	for range n {
		m.follow()
		m.expect()
		m.guesses()
		m.after(m.byte(m.data.decode, 0))
	}
	if m.data.taken < len(data)-1 || m.data.taken > len(data)-1+4 {
		return nil, errPage
	}
	return m.win[len(ref):], nil
}

func newPageMixed(n int, ref []byte, hints []align.Hint) *pageMixed {
	m := &pageMixed{win: slices.Clone(ref), r: len(ref), raw: n, hints: hints, ptr: -1, e: -1, matched: -1, nearByte: -1}
	whole := bits.Len(uint(len(ref) + n))
	m.k, m.n = uint(min(max(whole, 12), 19)), uint(min(max(bits.Len(uint(len(ref))), 10), 16))
	m.heads, m.refs = make([]int, 1<<m.k), make([][4]int, 1<<m.n)
	m.close, m.taken = make(map[uint32][]int), make(map[int]int)
	for p := 8; p < len(ref); p++ {
		m.heads[m.key(p, m.k)] = p
		places := &m.refs[m.key(p, m.n)]
		if places[0] != p-1 {
			copy(places[1:], places[:3])
		}
		places[0] = p
	}
	m.offers, m.turns, m.lengths = pageAdaptives(16*18, 1<<19, 1), pageAdaptives(19*3, 1<<16, 0), pageAdaptives(26, 25<<17, 2)
	for i := range m.steps {
		m.steps[i] = pageAdaptives(8, 1<<21, 0)
	}
	s := bits.Len(uint(n + min(len(ref), 262144)))
	for i := range m.fields {
		f := &m.fields[i]
		f.k, f.guess = min(max(s-2, 8), 14), -1
		for l := range f.moves {
			f.moves[l] = make([]pageMove, 1<<f.k)
		}
		f.say = [2][]pageAdaptive{pageAdaptives(256, 3<<20, 0), pageAdaptives(1<<13, 3<<20, 0)}
	}
	for i, least := range []int{4, 10, 20} {
		b := min(max(whole, 8), []int{18, 19, 18}[i])
		m.recalls[i] = pageRecall{least: least, b: b, every: []int{1, 1, 4}[i], entries: make([]int, 1<<b), r: -1,
			say: [2][]pageAdaptive{pageAdaptives(1<<10, 3<<20, 0), pageAdaptives(1<<min(b, 16), 3<<20, 0)}}
	}
	for i, size := range []int{16 * 33, 1 << 14, 1 << 14, 1 << 14, 27 * 16, 1 << 14} {
		m.sure[i] = pageAdaptives(size, 1<<22-1<<14, 0)
	}
	m.table = make([]byte, 1<<min(max(s+5, 14), 23))
	for i := range m.meanings {
		for _, h := range pageHistories {
			m.meanings[i] = append(m.meanings[i], pageAdaptive{v: int64((10*h.b + 4) * (1<<22 - 1) / (10*(h.a+h.b) + 8))})
		}
	}
	m.byE = [2][]pageAdaptive{pageAdaptives(1<<11, 3<<20, 0), pageAdaptives(1<<12, 3<<20, 0)}
	m.byMatch, m.byNear, m.c0 = pageAdaptives(1<<10, 3<<20, 0), pageAdaptives(1<<9, 3<<20, 0), pageAdaptives(1<<8, 1<<21, 0)
	for i := range m.sets {
		m.sets[i] = make(map[int]*pageSet)
	}
	for i := range 2 {
		m.sureSets[i], m.judges[i], m.refined[i] = make(map[int]*[7]int64), make(map[int]*[4]int64), make(map[uint64]*[25]int64)
	}
	m.refinedBits = uint(min(max(whole, 8), 14))
	return m
}

func (m *pageMixed) key(p int, k uint) uint64 {
	return (binary.LittleEndian.Uint64(m.win[p-8:]) >> 16) * 0x9e3779b97f4a7c15 >> (64 - k)
}

func (m *pageMixed) four(p int) (number, key uint32) {
	number = binary.LittleEndian.Uint32(m.win[p:])
	return number, number * 0x9e3779b1 >> 20
}

func (m *pageMixed) take() {
	for k := m.ptr / 512; k <= m.ptr/512+4 && k*512 < m.r; k++ {
		if at, ok := m.taken[k]; ok && len(m.win)-at < 65536 {
			continue
		}
		m.taken[k] = len(m.win)
		for q := k * 512; q < k*512+512 && q <= m.r-4; q++ {
			_, key := m.four(q)
			if m.close[key] = append(m.close[key], q); len(m.close[key]) > 16 {
				m.close[key] = m.close[key][1:]
			}
		}
	}
}

func (m *pageMixed) common(c int) (n int) {
	for p := len(m.win); n < 40 && c-n > 0 && m.win[c-n-1] == m.win[p-n-1]; n++ {
	}
	return n
}

func (m *pageMixed) set(ptr, run int) {
	m.ptr, m.run, m.misses, m.along, m.changed = ptr, run, 0, 0, true
}

func (m *pageMixed) look() {
	p := len(m.win)
	m.changed, m.hinted, m.justFound = false, false, false
	for _, h := range m.hints {
		if h.At == p-m.r {
			m.set(h.Ref, 8)
			m.hinted = true
		}
	}
	if p >= 8 {
		head := &m.heads[m.key(p, m.k)]
		if c := *head; m.len < 6 && c > 0 && c != m.ptr && (m.len == 0 || c != m.match) && m.common(c) >= 6 {
			m.match, m.len, m.slips = c, m.common(c), 0
		}
		*head = p
		if m.ptr >= 0 && m.ptr < m.r {
			m.take()
		}
		if m.nearby == 0 {
			m.near = 0
			var found []int
			for _, c := range m.refs[m.key(p, m.n)] {
				if c != 0 && m.common(c) >= 6 {
					found = append(found, c)
				}
			}
			number, key := m.four(p - 4)
			for _, q := range m.close[key] {
				if n, _ := m.four(q); n == number && q+4 < m.r {
					found = append(found, q+4)
				}
			}
			slices.Sort(found)
			for _, c := range found {
				if c == m.ptr {
					continue
				}
				away := func(c int) int { return max(c-m.ptr, m.ptr-c) }
				if k := m.common(c); k > m.nearby || k == m.nearby && away(c) <= away(m.near) {
					m.near, m.nearby = c, k
				}
			}
			m.justFound = m.nearby > 0
		}
	}
	if m.nearby > 0 && m.near == m.ptr {
		m.nearby = 0
	}
	if m.len > 0 && m.match == m.ptr {
		m.len = 0
	}
	if m.len > 0 && m.ptr == -1 && m.r == 0 {
		m.set(m.match, m.len)
		m.len = 0
	}
}

func (m *pageMixed) strayed() int {
	if m.ptr == -1 {
		return 17
	}
	return pageOnes(m.misses & 0xffff)
}

func (m *pageMixed) rare(a *pageAdaptive) int {
	bit := m.data.decode(pageCut(a.p(), 32, 65503), 0)
	a.learn(bit, 255)
	return bit
}

// follow is what is said of the diagonal before a byte.
func (m *pageMixed) follow() {
	least := m.least
	if len(m.win) == m.r {
		least = 6
	}
	offered := (m.nearby > 0 && m.nearby == least || m.justFound && m.nearby > least) && (m.ptr == -1 || pageOnes(m.misses&0xffff) >= 2)
	if offered && m.rare(&m.offers[min(pageClass(m.nearby), 15)*18+m.strayed()]) == 1 {
		m.set(m.near, m.nearby)
		m.nearby = 0
		if m.len > 0 && m.match == m.ptr {
			m.len = 0
		}
		return
	}
	if m.r == 0 || m.misses&1 == 0 && !m.hinted && m.ptr != -1 {
		return
	}
	s, second := m.strayed(), 0
	if m.hinted {
		s = 18
	}
	if m.len >= 16 {
		second = 2
	} else if m.len > 0 {
		second = 1
	}
	if m.rare(&m.turns[s*3+second]) == 0 {
		return
	}
	length := 0
	for length < 26 && m.rare(&m.lengths[length]) == 1 {
		length++
	}
	v := min(length, 1)
	for range length - 1 {
		if v < 8 {
			v = 2*v + m.rare(&m.steps[length-1][v])
		} else {
			v = 2*v + m.data.decode(1<<15, 0)
		}
	}
	to := m.ptr
	if to == -1 {
		to = len(m.win) - m.r
	}
	if to += int(pageSigned(uint64(v))); to < 0 || to >= m.r {
		panic(errPage)
	}
	m.set(to, 8)
	if m.nearby > 0 && m.near == to {
		m.nearby = 0
	}
	if m.len > 0 && m.match == to {
		m.len = 0
	}
}

// beside sets e and the bytes around it, among the first p bytes.
func (m *pageMixed) beside(p int) {
	m.e, m.x = -1, [4]byte{}
	if m.d < 0 || m.d >= p {
		return
	}
	m.e = int(m.win[m.d])
	for i := range m.x {
		if at := m.d - 1 + i; at >= 0 && at < p {
			m.x[i] = m.win[at]
		}
	}
}

func (m *pageMixed) expect() {
	p, was := len(m.win), m.borrowed
	strayed := pageOnes(m.misses & 0xffff)
	m.borrowed = m.len > 0 && (m.ptr == -1 || strayed >= 8 || strayed >= 3 && m.run < 16 && m.len >= 64)
	m.matched, m.nearByte = -1, -1
	if m.borrowed {
		m.d, m.dRun, m.dMisses, m.dAlong, m.placed = m.match, m.len, m.slips, 0, false
	} else {
		m.d, m.dRun, m.dMisses, m.dAlong = m.ptr, m.run, m.misses, m.along
		if m.len > 0 {
			m.matched = int(m.win[m.match])
		}
	}
	if m.nearby > 0 {
		m.nearByte = int(m.win[m.near])
	}
	m.beside(p)
	if m.borrowed || !m.changed && !was {
		return
	}
	m.placed = false
	var hint, piece *align.Hint
	for i := range m.hints {
		h := &m.hints[i]
		if h.At <= p-m.r {
			hint = h
		}
		if h.RefLo <= m.d && (piece == nil || h.RefLo >= piece.RefLo) {
			piece = h
		}
	}
	if m.d < 0 || m.d >= m.r || hint == nil {
		return
	}
	m.f = hint.File + uint64(p-m.r-hint.At)
	if hint.At == p-m.r && hint.Ref == m.d {
		m.placed, m.t = true, hint.Tape
	} else if piece != nil {
		m.placed, m.t = true, uint64(m.d-piece.Ref)+piece.Tape
	}
}

// place is that of the number v, where T and F are these.
func pagePlace(field int, v uint32, t, f uint64) (place, shift uint32, ok bool) {
	switch field {
	case 0:
		return uint32(t) + 4 + v, uint32(f - t), v < 1<<27 || v >= 1<<32-1<<27
	case 1:
		return v, 0, v >= 4096
	}
	return v, 0, v >= 4096 && f%4 == 0
}

func (f *pagePlaces) entry(level int, place uint32) *pageMove {
	return &f.moves[level][pageHash32(place)>>(32-f.k)]
}

func (m *pageMixed) guesses() {
	for i := range m.fields {
		f := &m.fields[i]
		f.decimal, f.guess = false, -1
		if 1 <= f.read && f.read <= f.length {
			f.guess = int(byte(f.value >> (8 * f.read)))
			continue
		}
		f.read = 0
		if !m.placed || m.d+4 > len(m.win) {
			continue
		}
		v := pageNumberAt(m.win, m.d)
		place, shift, ok := pagePlace(i, v, m.t, m.f)
		o, operand := pageOperandAt(m.win, m.d, uint32(m.t), uint32(m.f))
		if operand = operand && i == 0; operand {
			place, ok = o.place, true
		}
		for l := 0; ok && l < 3; l++ {
			key := place >> (6 * l)
			if s := f.entry(l, key); s.key == key {
				old, value, last, is := v, v+uint32(s.by)-shift, 3, true
				if operand {
					old, value, last, is = o.moved(uint32(s.by))
				}
				if is {
					f.level, f.old, f.value, f.length, f.before = l, old, value, last, byte(m.h)
					f.guess = int(byte(f.value))
				}
				break
			}
		}
	}
	d := &m.decimal
	if d.going && m.d != m.decimalAt {
		d.going = false
	}
	if !d.going && 0 <= m.d && m.d < m.r && pageDigit(m.x[1]) && !pageDigit(m.x[0]) && !pageDigit(byte(m.h)) {
		d.begin(m.win[m.d:m.r], byte(m.h))
	}
	m.decimalAt = m.d + 1
	if f := &m.fields[0]; f.guess < 0 && d.next() >= 0 {
		f.decimal, f.guess, f.level, f.read, f.before = true, d.next(), 3, d.right, d.before
	}
}

// decides codes whether the byte is e, if that is asked.
func (m *pageMixed) decides(decode func(int64, int) int, told byte) bool {
	least := 8
	if m.borrowed {
		least = 32
	}
	if m.e < 0 || m.dRun < least || slices.ContainsFunc(m.fields[:], func(f pagePlaces) bool { return f.guess >= 0 && f.guess != m.e }) {
		return false
	}
	e, c1 := uint32(m.e), uint32(m.h&0xff)
	class, o := min(pageClass(m.dRun), 15), 0
	for _, r := range m.recalls {
		o *= 3
		if r.r == m.e {
			o++
		} else if r.r >= 0 {
			o += 2
		}
	}
	at := [6]int{
		class*33 + pageOnes(m.dMisses),
		int(pageHash32(e|c1<<8) >> 18),
		int(pageHash32(e|e<<8|uint32(m.x[2])<<16|c1<<24) >> 18),
		int(pageHash32(uint32(m.h&0xffffff)) >> 18),
		o*16 + class,
		int(pageHash32(e|c1<<8|uint32(m.recalls[0].r+1)<<16) >> 18),
	}
	var s [7]int64
	for i := range 6 {
		s[i] = m.sure[i][at[i]].logit()
	}
	s[6] = 256
	var y [2]int64
	var sets [2]*[7]int64
	for k, selected := range []int{class, o} {
		if m.sureSets[k][selected] == nil {
			m.sureSets[k][selected] = &[7]int64{7500, 7500, 7500, 7500, 7500, 7500}
		}
		sets[k] = m.sureSets[k][selected]
		for i, w := range sets[k] {
			y[k] += s[i] * w
		}
		y[k] = pageCut(y[k]>>16, -3071, 3071)
	}
	bit := decode(pageCut(pageProbability((y[0]+y[1])/2), 2, 65533), pageOne(int(told) == m.e))
	for k, set := range sets {
		err := int64(bit)<<16 - pageProbability(y[k])
		for i := range set {
			set[i] += (s[i]*24*err + 1<<19) >> 20
		}
	}
	for i := range 6 {
		m.sure[i][at[i]].learn(bit, 600)
	}
	m.ruledOut = bit == 0
	return bit == 1
}

// byte decodes one, by decode, which a byte that is known already is told of.
func (m *pageMixed) byte(decode func(p int64, told int) int, told byte) byte {
	m.ruledOut = false
	if m.decides(decode, told) {
		return byte(m.e)
	}
	e, ms := uint64(m.e+1), uint64(m.dMisses&3)
	if m.ruledOut {
		e |= 1 << 40
	}
	var g, q [3]uint64
	for i := range 3 {
		if f := m.fields[i]; f.guess >= 0 {
			g[i] = uint64(f.guess+1) | uint64(f.read)<<9 | uint64(f.level)<<12
		}
		q[i] = uint64(m.recalls[i].r + 1)
	}
	h, c1 := m.h, m.h&0xff
	before, x1, x2 := uint64(m.x[0]), uint64(m.x[2]), uint64(m.x[3])
	var hashes [16]uint32
	for i, it := range []uint64{
		h & 0xff, h & 0xffff, h & 0xffffff, h & 0xffffffff, q[0] | (h&0xffff)<<9 | 1<<50, e | x1<<9 | x2<<17 | before<<25 | ms<<33, e | before<<9 | c1<<17 | ms<<25,
		e | uint64(m.diff)<<9 | uint64(min(m.since, 8))<<17, g[0] | e<<20 | ms<<30, q[2] | q[0]<<9 | q[1]<<18, q[1] | c1<<9 | 1<<51, g[1] | e<<20 | ms<<30,
		e | uint64(m.dMisses&0xff)<<9 | x1<<20, g[2] | e<<20 | ms<<30, m.word, m.word*0x9e3779b97f4a7c15 + m.before,
	} {
		hashes[i] = uint32((it + uint64(i+1)*0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93 >> 32)
	}
	c0 := 1
	var buckets [16][]byte
	for j := range 8 {
		if j%4 == 0 {
			u := uint32(0)
			if j == 4 {
				u = uint32(c0)
			}
			for i, hash := range hashes {
				buckets[i] = m.bucket(hash + u*0x9e3779b1)
			}
		}
		node := c0
		if j >= 4 {
			node = 1<<(j-4) | c0&(1<<(j-4)-1)
		}
		c0 = 2*c0 + m.bitOf(decode, int(told>>(7-j)&1), c0, j, &buckets, node)
	}
	return byte(c0)
}

// bucket returns that of a half byte.
func (m *pageMixed) bucket(sum uint32) []byte {
	z := sum * 0x85ebca6b
	z ^= z >> 15
	check := byte(z)
	b := int(z>>8) * 16 % len(m.table)
	for _, other := range []int{b, b ^ 16, b ^ 32, b ^ 48} {
		if m.table[other] == check {
			return m.table[other:][:16]
		}
	}
	least := b
	counts := func(b int) int { s := pageHistories[m.table[b+1]]; return s.a + s.b }
	for _, other := range []int{b ^ 16, b ^ 32, b ^ 48} {
		if counts(other) < counts(least) {
			least = other
		}
	}
	bucket := m.table[least:][:16]
	clear(bucket)
	bucket[0] = check
	return bucket
}

// bitOf codes bit j of a byte, after those of c0.
func (m *pageMixed) bitOf(decode func(int64, int) int, told, c0, j int, buckets *[16][]byte, node int) int {
	agrees := func(x int) (bit int, ok bool) {
		if x < 0 || (x|256)>>(8-j) != c0 {
			return 0, false
		}
		return x >> (7 - j) & 1, true
	}
	var in []int64
	type voice struct {
		a   *pageAdaptive
		bit int
	}
	var voices []voice
	say := func(bit int, ok bool, tables ...*pageAdaptive) {
		for _, a := range tables {
			s := int64(0)
			if ok {
				s = a.logit()
				if bit == 0 {
					s = -s
				}
				voices = append(voices, voice{a, bit})
			}
			in = append(in, s)
		}
	}
	for i, b := range buckets {
		s := int64(0)
		if b[node] != 0 {
			s = m.meanings[i][b[node]].logit()
		}
		in = append(in, s)
	}
	class := min(pageClass(m.dRun), 15)
	eBit, eAgrees := agrees(m.e)
	eAgrees = eAgrees && !m.ruledOut
	at, long := 0, pageOne(m.dRun >= 16)
	if eAgrees {
		at = m.e
	}
	say(eBit, eAgrees, &m.byE[0][(class*16+min(pageOnes(m.dMisses), 15))*8+j], &m.byE[1][at<<4|j<<1|long])
	mBit, mAgrees := agrees(m.matched)
	with := pageOne(mAgrees && eAgrees && mBit == eBit)
	say(mBit, mAgrees, &m.byMatch[((pageClass(m.len)*4+min(pageOnes(m.slips&0xffff), 3))*8+j)*2+with])
	nBit, nAgrees := agrees(m.nearByte)
	say(nBit, nAgrees, &m.byNear[(pageClass(m.nearby)*8+j)*4+pageOne(eAgrees && nBit == eBit)+2*pageOne(mAgrees && nBit == mBit)])
	for i := range m.fields {
		f := &m.fields[i]
		bit, ok := agrees(f.guess)
		same := pageOne(f.guess == m.e)
		say(bit, ok, &f.say[0][((f.read*4+f.level)*2+same)*8+j], &f.say[1][int(f.before)<<5|f.level<<3|same<<2|f.read])
	}
	v := 0
	if eAgrees {
		v = 1 + eBit
	}
	for i := range m.recalls {
		r := &m.recalls[i]
		bit, ok := agrees(r.r)
		length := r.len
		if length >= 16 {
			length = min(14+length/8, 31)
		}
		pair := pageHash32(uint32(m.h&0xff)<<8|uint32(max(r.r, 0))) >> (32 - min(r.b, 16))
		say(bit, ok, &r.say[0][(length*4+pageOne(eAgrees && bit == eBit)+2*pageOne(mAgrees && bit == mBit))*8+j], &r.say[1][pair])
		v *= 3
		if ok {
			v += 1 + bit
		}
	}
	in = append(in, m.c0[c0].logit(), 256)

	s := class*9 + 3*pageOne(eAgrees)
	if mAgrees {
		s += 2 - with
	}
	second := int(m.dMisses&63)*5 + 4
	if f := m.fields[0]; f.guess >= 0 {
		second += f.read - 4
	}
	third := c0 * 3
	if eAgrees {
		third++
	} else if m.e >= 0 {
		third += 2
	}
	var x [4]int64
	var sets [4]*pageSet
	for i, selected := range []int{s, second, third, v} {
		set := m.sets[i][selected]
		if set == nil {
			set = &pageSet{weights: slices.Repeat([]int64{1 << 12}, len(in))}
			for k := 16; k < 20; k++ {
				set.weights[k] = 1 << 13
			}
			m.sets[i][selected] = set
		}
		sets[i] = set
		for k, w := range set.weights {
			x[i] += in[k] * w
		}
		x[i] = pageCut(x[i]>>16, -3071, 3071)
	}
	var z [2]int64
	var judges [2]*[4]int64
	for i, selected := range []int{s, v} {
		if m.judges[i][selected] == nil {
			m.judges[i][selected] = &[4]int64{1 << 14, 1 << 14, 1 << 14, 1 << 14}
		}
		judges[i] = m.judges[i][selected]
		for k, w := range judges[i] {
			z[i] += x[k] * w
		}
		z[i] = pageCut(z[i]>>16, -3071, 3071)
	}
	both := (z[0] + z[1]) / 2
	gs := [2]uint64{uint64(c0) | m.h&0xff<<8, uint64(c0) | m.h&0xffff<<8}
	if eAgrees {
		gs[1] |= uint64(m.e+1) << 24
	}
	u := both + 3072
	var says [2]int64
	var nearer [2]*int64
	for i, g := range gs {
		g = g * 0x9e3779b97f4a7c15 >> (64 - m.refinedBits)
		row := m.refined[i][g]
		if row == nil {
			row = new([25]int64)
			for k := range row {
				row[k] = pageProbability(int64(256*k - 3072))
			}
			m.refined[i][g] = row
		}
		k, f := u/256, u%256
		says[i] = (row[k]*(256-f) + row[k+1]*f) / 256
		nearer[i] = &row[k+f/128]
	}
	bit := decode(pageCut((pageProbability(both)+says[0]+2*says[1])/4, 8, 65527), told)

	target := int64(bit) << 16
	for _, q := range nearer {
		*q += (target - int64(bit) - *q) >> 5
	}
	for i, judge := range judges {
		err := target - pageProbability(z[i])
		for k := range judge {
			judge[k] += (x[k]*6*err + 1<<19) >> 20
		}
	}
	for i, set := range sets {
		err := target - pageProbability(x[i])
		if err > -512 && err < 512 {
			continue
		}
		r := 14 + 60000/(set.n+600)
		for k := range set.weights {
			set.weights[k] += (in[k]*r*err + 1<<19) >> 20
		}
		set.n = min(set.n+1, 1<<16)
	}
	for i, b := range buckets {
		m.meanings[i][b[node]].learn(bit, 255)
		b[node] = pageNext[b[node]][bit]
	}
	m.c0[c0].learn(bit, 60)
	for _, v := range voices {
		v.a.learn(pageOne(v.bit == bit), 255)
	}
	return bit
}

// last makes c the last byte.
func (m *pageMixed) last(c byte) {
	m.h = m.h<<8 | uint64(c)
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || pageDigit(c) || c == '_' || c > 127 {
		m.word = (m.word + uint64(c) + 1) * 0x2545f4914f6cdd1d
	} else if m.word != 0 {
		m.before, m.word = m.word, 0
	}
}

// recall tells of the byte before place p.
func (m *pageMixed) recall(p int) {
	for i := range m.recalls {
		r := &m.recalls[i]
		if r.len > 0 {
			if m.win[r.at] == m.win[p-1] {
				r.at++
				r.len++
			} else {
				r.len = 0
			}
		}
		if p < 32 {
			continue
		}
		if k := *r.entry(m.win, p); r.len < r.least && k != 0 {
			n := 0
			for n < 32 && n < k && m.win[k-1-n] == m.win[p-1-n] {
				n++
			}
			if n >= r.least {
				r.at, r.len = k, n
			}
		}
		r.note(m.win, p)
	}
}

func (r *pageRecall) entry(win []byte, p int) *int {
	w := binary.LittleEndian.Uint64(win[p-8:])
	a := (w >> 32) * 0x9e3779b97f4a7c15
	if r.least != 4 {
		a = (w*0x9e3779b97f4a7c15 ^ binary.LittleEndian.Uint64(win[p-r.least:])) * 0xd6e8feb86659fd93
	}
	return &r.entries[a>>(64-r.b)]
}

func (r *pageRecall) note(win []byte, p int) {
	if p%r.every == 0 {
		*r.entry(win, p) = p
	}
}

// recalled finds what is recalled.
func (m *pageMixed) recalled() {
	for i := range m.recalls {
		r := &m.recalls[i]
		if r.r = -1; r.len > 0 {
			r.r = int(m.win[r.at])
		}
	}
}

func (m *pageMixed) rehearse() {
	noted := 32 // the first place that is not
	note := func(to int) {
		for i := range m.recalls {
			r := &m.recalls[i]
			for p := noted; p <= to; p++ {
				r.note(m.win, p)
			}
			r.len = 0
		}
		noted = max(noted, to+1)
	}
	for begin := 0; begin < m.r; begin += max(m.r/256, 1024) {
		note(begin)
		end := min(begin+1024, m.r)
		for p := begin; p < end; p++ {
			m.borrowed, m.d, m.dRun, m.dMisses = true, -1, 0, 0
			m.recalled()
			for _, r := range m.recalls[1:] {
				if r.len > 0 {
					m.d, m.dRun = r.at, r.len
				}
			}
			m.beside(p)
			c := m.byte(func(_ int64, told int) int { return told }, m.win[p])
			m.last(c)
			m.recall(p + 1)
		}
		noted = max(noted, end+1)
	}
	note(m.r)
	m.recalled()
	m.borrowed = false
}

// after tells of the byte that came.
func (m *pageMixed) after(c byte) {
	f0 := &m.fields[0]
	foreseen := f0.decimal && f0.guess == int(c) && !m.borrowed
	if m.decimal.going {
		m.decimal.take(c, m.x[1])
	}
	m.last(c)
	for i := range m.fields {
		f := &m.fields[i]
		switch {
		case f.guess < 0:
		case !f.decimal && f.guess == int(c) && f.value != f.old:
			f.read++
		default:
			f.read = 0
		}
	}
	if m.e >= 0 {
		m.since++
		if int(c) != m.e {
			m.diff, m.since = c-byte(m.e), 0
		}
	}
	if m.ptr >= 0 {
		m.misses *= 2
		if m.win[m.ptr] != c && !foreseen {
			m.misses++
			m.run = 0
		} else {
			m.run++
		}
		m.ptr++
		m.along++
	}
	if m.len > 0 {
		m.slips *= 2
		if m.win[m.match] == c {
			m.len++
		} else {
			m.slips++
			m.len = 1
			if pageOnes(m.slips&0xffff) > 4 {
				m.len = 0
			}
		}
		m.match++
	}
	if m.nearby > 0 {
		if m.win[m.near] == c && m.near+1 < m.r {
			m.nearby++
			m.near++
		} else {
			m.nearby = 0
		}
	}
	m.win = append(m.win, c)
	m.look()
	m.recall(len(m.win))
	m.recalled()

	m.d++
	m.dAlong++
	m.t++
	m.f++
	for i := range m.fields {
		f := &m.fields[i]
		if !m.placed || m.dAlong < 4 || i > 0 && m.misses&15 == 0 && m.run > 16 {
			continue
		}
		v, w := pageNumberAt(m.win, m.d-4), pageNumberAt(m.win, len(m.win)-4)
		place, shift, ok := pagePlace(i, v, m.t-4, m.f-4)
		by := int32(w - v + shift)
		if o, operand := pageOperandAt(m.win, m.d-4, uint32(m.t-4), uint32(m.f-4)); operand && i == 0 {
			place = o.place
			by, ok = o.further(m.win, len(m.win)-4)
		}
		if ok && -1<<24 <= by && by <= 1<<24 {
			for l := range 3 {
				key := place >> (6 * l)
				*f.entry(l, key) = pageMove{key, by}
			}
		}
	}
}
