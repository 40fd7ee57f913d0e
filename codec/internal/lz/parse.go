package lz

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/rans"
	"dictnet/internal/hugepage"
)

// parser finds a cheap way of alignments through raw. It carries the best few along side by side, as Viterbi's algorithm does, and at bytes that
// one of the best does not expect looks for others that would. All costs are in units of 1/32 bit, and what prices say.
type parser struct {
	win    []byte // ref || raw
	ref    int    // bytes of ref
	i      int    // of raw
	look   int    // from where on a survey is due
	dists  []int  // that it looks at
	hints  []align.Hint
	prices *prices
	model  *model // whose fields say what they foresee
	file   uint32 // as in model, the lower bits

	short, long, longer table        // places by the next 4, 8 and 20 bytes, the first of raw alone
	near                align.Nearby // what stands where in the reference, by 4 bytes
	paths               []path
	nodes               []node // of all paths of a stretch
	rows                align.Rows
}

const (
	leastStretch = 1 << 8 // bytes of the first stretch, which is parsed by what is known of such bytes in general
	mostStretch  = 1 << 11
	shortest     = 4       // bytes that are equal where an alignment begins, unless it was left lately
	longest      = 20      // bytes by which places are kept: of eight that are frequent, the latest places need not be the best
	within       = 4 * 32  // how much worse than the best a path may be to be improved
	mostPaths    = 64      // side by side
	hopeless     = 40 * 32 // how much worse than the best a path is forgotten
	behind       = 6 * 32  // how much of a gain may be lost again before a trial ends
	closeBy      = 16      // bytes of the reference, before and behind where it goes on, that are all looked at
	anew         = 16      // bytes of raw that are kept where it begins to be as the reference
	horizon      = 48      // bytes for which an alignment is tried
	leastMove    = 64      // by which numbers have moved that are taken to have moved as the last ones: smaller moves agree by chance
	turnPrice    = 8 * 32  // of saying one that was left; others come to a bit more and their digits
	shortBits    = 16
	longBits     = 17 // and of longer
)

// path is a way up to the present byte.
type path struct {
	cost int32
	node int32 // its last turn, in nodes, or -1
	dist int   // 0 if no byte is expected: before the first turn, and where the reference has ended to which the last one led
	said int   // by the last turn, as dist of the model
	left [3]int
	base [2]int
	hist uint32

	known  bool         // as in model
	tape   uint32       // likewise, the lower bits
	number int          // up to where in win one is foreseen
	by     [2][2]uint32 // for each field that holds places: by how much the last numbers that differed have moved
}

// node is a turn and the one before.
type node struct {
	turn
	before int32
}

func (p *parser) turn(s *path, dist int) {
	if dist != s.said {
		leave(&s.left, dist, s.said)
	}
	s.dist, s.said, s.hist = dist, dist, justTurned
	s.base[b2u(dist > p.i)] = dist
	s.number = 0
	s.known = false
	if dist > p.i {
		var tape uint64
		tape, s.known = p.model.tapeAt(p.ref + p.i - dist)
		s.tape = uint32(tape)
	}
}

// before returns what stands d before pos, where the parser is: up to the end of the reference, if it is of that. If d is 0, nothing does.
func (p *parser) before(pos, d int) []byte {
	switch {
	case d == 0:
		return nil
	case d > p.i:
		return p.win[pos-d : p.ref]
	}
	return p.win[pos-d:]
}

// foreseen reports whether the model's fields are likely to foresee the byte at pos, which is not the one that s expects: it begins a number that has moved as
// the model knows of places around, or as the numbers before it, from which the model will know when it comes there; or it belongs to one.
func (p *parser) foreseen(s *path, pos int) bool {
	if pos < s.number {
		return true
	}
	sp := pos - s.dist
	if !s.known || sp+4 > p.ref || pos+4 > len(p.win) {
		return false
	}
	if o, ok := p.operand(s, sp, pos); ok {
		by, holds := o.By(binary.LittleEndian.Uint32(p.win[pos-o.Skip:]))
		if !holds || by-o.Shift+maxMove > 2*maxMove || !p.moved(s, 0, o.Place, by) {
			return false
		}
		s.number = pos + 4 - o.Skip
		return true
	}
	v, w := binary.LittleEndian.Uint32(p.win[sp:]), binary.LittleEndian.Uint32(p.win[pos:])
	if w-v+maxMove > 2*maxMove || unlikely(v) {
		return false
	}
	ok := false
	for kind := range s.by {
		t, shift, holds := placeOf(kind, v, s.tape+uint32(sp), p.file+uint32(pos-p.ref))
		if !holds {
			continue
		}
		if p.moved(s, kind, t, w-v+shift) {
			ok = true
		}
	}
	if ok {
		s.number = pos + 4
	}
	return ok
}

// operand returns that of the reference at sp, which is aligned to pos.
func (p *parser) operand(s *path, sp, pos int) (o align.Operand, ok bool) {
	file := p.file + uint32(pos-p.ref)
	if !align.MayBeOperand(binary.LittleEndian.Uint32(p.win[sp:]), file) {
		return o, false
	}
	return align.OperandAt(p.win[:p.ref], sp, s.tape+uint32(sp), file)
}

// moved reports whether it is known, or is that of one of the last two, by how much the place of a number has moved.
func (p *parser) moved(s *path, kind int, t, by uint32) bool {
	last := &s.by[kind]
	_, known, moved := p.model.fields[kind].moved(t)
	ok := moved && by == known || (by == last[0] || by == last[1]) && by+leastMove > 2*leastMove
	if by != last[0] {
		last[0], last[1] = by, last[0]
	}
	return ok
}

func (p *parser) reset(raw, ref []byte, hints []align.Hint, m *model, prices *prices) {
	p.model, p.file = m, 0
	p.win = append(append(hugepage.Grow(p.win[:0], len(ref)+len(raw)), ref...), raw...)
	p.ref, p.i, p.hints, p.prices = len(ref), 0, hints, prices
	p.look = 0
	p.rows.Reset(p.win[:p.ref])
	n := bits.Len(uint(len(p.win)))
	p.short.reset(min(shortBits, n), 4)
	p.long.reset(min(longBits, n), 16)
	p.longer.reset(min(longBits-1, n), 8)
	p.near.Reset(p.win[:p.ref])
	p.paths = append(p.paths[:0], path{hist: 0xff})
	p.rememberRef()
}

func (p *parser) release() {
	p.hints, p.prices, p.model = nil, nil, nil
	p.rows.Reset(nil)
	p.near.Reset(nil)
	if cap(p.win) > 1<<22 {
		p.win = nil
	}
}

// table keeps the latest places by a hash.
type table struct {
	bits  int
	slots int      // of a hash, a power of 2
	at    []uint32 // eight bits more of the hash, place + 1
	next  []uint8
}

const (
	placeBits = 24
	placeMask = 1<<placeBits - 1 // MaxRef + MaxRaw places, of which the last few are not kept
)

func (t *table) reset(bits, slots int) {
	n := 1 << bits
	t.bits, t.slots = bits, slots
	if len(t.next) < n {
		t.at, t.next = hugepage.Slice[uint32](slots*n), make([]uint8, n)
		return
	}
	clear(t.at[:slots*n])
	clear(t.next[:n])
}

// places returns those of a hash, and what the upper bits of the right ones are.
func (t *table) places(x uint64) ([]uint32, uint32) {
	h := hash32(x, t.bits+8)
	return t.at[int(h>>8)*t.slots:][:t.slots], h & 0xff
}

func (t *table) put(x uint64, at int) {
	h := hash32(x, t.bits+8)
	n := t.next[h>>8]
	t.next[h>>8] = n + 1
	t.at[int(h>>8)*t.slots|int(n)&(t.slots-1)] = h<<placeBits | uint32(at+1)
}

// rememberRef keeps every second place of the reference by many bytes. By few, near does.
func (p *parser) rememberRef() {
	long, longer := p.long, p.longer // in registers, here and below
	for at := 0; at < min(p.ref, len(p.win)-longest+1); at += 2 {
		b := p.win[at:][:longest]
		long.put(binary.LittleEndian.Uint64(b), at)
		longer.put(long20(b), at)
	}
}

// remember keeps the places of raw from from on, and before to.
func (p *parser) remember(from, to int) {
	short, long, longer := p.short, p.long, p.longer
	last := len(p.win) - longest
	for at := from; at < min(to, last+1); at++ {
		b := p.win[at:][:longest]
		x := binary.LittleEndian.Uint64(b)
		short.put(x<<(64-8*shortest), at)
		long.put(x, at)
		longer.put(long20(b), at)
	}
	for at := max(from, last+1); at < min(to, len(p.win)-7); at++ {
		x := binary.LittleEndian.Uint64(p.win[at:])
		short.put(x<<(64-8*shortest), at)
		long.put(x, at)
	}
}

// long20 is a hash of twenty bytes.
func long20(b []byte) uint64 {
	x := binary.LittleEndian.Uint64(b)
	x = (x^x>>29)*0xd6e8feb86659fd93 ^ binary.LittleEndian.Uint64(b[8:])
	x = (x^x>>29)*0xd6e8feb86659fd93 ^ uint64(binary.LittleEndian.Uint32(b[16:]))
	return x ^ x>>32
}

// stretchEnd returns where the stretch ends that begins at i: there the best path is taken, and the model follows.
func stretchEnd(i int) int { return i + min(max(i, leastStretch), mostStretch) }

// parse returns the turns of a cheap way to end, which is at most a stretch away.
func (p *parser) parse(end int) []turn {
	p.nodes = p.nodes[:0]
	p.paths[0].cost, p.paths[0].node = 0, -1
	prev := byte(0)
	if p.ref+p.i > 0 {
		prev = p.win[p.ref+p.i-1]
	}
	low := int32(0)
	for ; p.i < end; p.i++ {
		if len(p.hints) > 0 && p.hints[0].At <= p.i {
			p.takeHints()
		}
		pos := p.ref + p.i
		if len(p.paths) == 1 {
			if n := p.along(min(end, p.look)); n > 0 {
				p.i += n - 1
				low, prev = p.paths[0].cost, p.win[pos+n-1]
				continue
			}
		}
		for k := range p.paths {
			if s := &p.paths[k]; p.ended(s) {
				s.dist = 0
			}
		}
		if p.i >= p.look {
			p.survey(pos)
		}
		c := p.win[pos]
		missed := -1 // the best path to which c is not the expected byte
		for k := range p.paths {
			s := &p.paths[k]
			if (s.dist == 0 || p.win[pos-s.dist] != c) && (missed < 0 || s.cost < p.paths[missed].cost) {
				missed = k
			}
		}
		if missed >= 0 && pos >= p.paths[missed].number && p.paths[missed].cost < low+within && pos+8 <= len(p.win) {
			p.search(p.paths[missed], pos, prev)
		}
		p.remember(pos, pos+1)
		low = p.step(pos, prev)
		prev = c
	}
	p.best()
	var out []turn
	for n := p.paths[0].node; n >= 0; n = p.nodes[n].before {
		out = append(out, p.nodes[n].turn)
	}
	slices.Reverse(out)
	return out
}

// ended reports whether s has come to the end of the reference: what follows in win is raw.
func (p *parser) ended(s *path) bool {
	return s.dist == p.i && s.dist == s.base[1] && s.dist != s.base[0]
}

// along does what parse does up to end, or to the first byte that the only path does not expect, and returns how many bytes it has gone.
func (p *parser) along(end int) (n int) {
	s := &p.paths[0]
	if p.ended(s) {
		return 0
	}
	if len(p.hints) > 0 {
		end = min(end, p.hints[0].At)
	}
	pos := p.ref + p.i
	src := p.before(pos, s.dist)
	src = src[:max(0, min(end-p.i, len(src)))]
	dst := p.win[pos:][:len(src)]
	hits := &p.prices.hit[b2u(s.dist > p.i)]
	for n < len(src) && src[n] == dst[n] {
		s.cost += hits[past(s.hist)] >> priceBits
		s.hist <<= 1
		n++
	}
	kept := n
	if s.dist > p.i {
		kept = min(n, anew) // the rest is found in the reference
	}
	p.remember(pos, pos+kept)
	return n
}

// cheapest returns which of the paths is the best.
func (p *parser) cheapest() int {
	best := 0
	for k := range p.paths {
		if p.paths[k].cost < p.paths[best].cost {
			best = k
		}
	}
	return best
}

// best forgets all paths but the best.
func (p *parser) best() {
	p.paths[0] = p.paths[p.cheapest()]
	p.paths = p.paths[:1]
}

// takeHints does what the model will do of its own accord.
func (p *parser) takeHints() {
	for len(p.hints) > 0 && p.hints[0].At <= p.i {
		h := p.hints[0]
		p.hints = p.hints[1:]
		p.file = uint32(h.File - uint64(h.At))
		if h.At == p.i && h.Ref >= 0 && h.Ref < p.ref {
			p.best()
			p.turn(&p.paths[0], p.ref+p.i-h.Ref)
		}
	}
}

// step takes all paths past the byte at pos, and returns the cost of the best.
func (p *parser) step(pos int, prev byte) int32 {
	c := p.win[pos]
	low := int32(math.MaxInt32)
	for k := range p.paths {
		s := &p.paths[k]
		hit := s.dist > 0 && p.win[pos-s.dist] == c
		if !hit && s.dist > p.i && p.foreseen(s, pos) {
			s.cost += p.prices.fore[s.hist&0xff] >> priceBits
		} else {
			s.cost += p.prices.of(hit, b2u(s.dist > p.i), s.hist, prev, c)
		}
		s.hist = s.hist<<1 | b2u(!hit)
		low = min(low, s.cost)
	}
	n := 0
	for k := range p.paths {
		if p.paths[k].cost <= low+hopeless {
			if n != k {
				p.paths[n] = p.paths[k]
			}
			n++
		}
	}
	p.paths = p.paths[:n]
	return low
}

// candidate is a distance that s may turn to.
type candidate struct {
	dist         int
	price, worth int32
}

// search adds up to two paths that leave s at pos for something better.
func (p *parser) search(s path, pos int, prev byte) {
	w := p.win[pos:min(pos+horizon, len(p.win))]
	x := binary.LittleEndian.Uint64(w)
	// The candidates of which most bytes agree, for their price.
	var top [6]candidate
	consider := func(d int) {
		if d == s.said {
			return
		}
		for k := range top {
			if top[k].dist == d {
				return
			}
		}
		price := s.price(d, p.i, p.ref)
		worth := equal(w, p.before(pos, d))*3*32 - price
		k := len(top)
		for k > 0 && (top[k-1].dist == 0 || worth > top[k-1].worth) {
			k--
		}
		if k < len(top) {
			copy(top[k+1:], top[k:])
			top[k] = candidate{d, price, worth}
		}
	}
	// among considers the places that t has of the bytes in mask, which agree in all of them.
	among := func(t *table, key, mask uint64) {
		places, tag := t.places(key)
		for _, at := range places {
			if at>>placeBits == tag && at != 0 {
				if at &= placeMask; (binary.LittleEndian.Uint64(p.win[at-1:])^x)&mask == 0 {
					consider(pos - int(at-1))
				}
			}
		}
	}
	for _, d := range s.left {
		if d > 0 && p.win[pos-d] == w[0] {
			consider(d)
		}
	}
	// Behind what was inserted or removed, the reference goes on close by. In tables, where much is missed, so do rows that only look alike.
	if b := s.base[1]; b > p.i && (s.dist <= p.i || bits.OnesCount32(s.hist&0xffff) <= 2) {
		from := max(pos-b-closeBy, 0)
		near := p.win[from:min(pos-b+closeBy, p.ref)]
		for k := range len(near) - 3 {
			if binary.LittleEndian.Uint32(near[k:]) == uint32(x) && from+k != pos-b {
				consider(pos - from - k)
			}
		}
	}
	if pos+longest <= len(p.win) {
		among(&p.longer, long20(p.win[pos:]), math.MaxUint64)
	}
	if top[1].dist == 0 {
		among(&p.long, x, math.MaxUint64)
	}
	if top[0].dist == 0 || top[3].dist == 0 { // few agree for so long
		among(&p.short, x<<(64-8*shortest), 1<<(8*shortest)-1)
	}
	var places [align.NearbyPlaces]int
	for _, at := range p.near.Find(&places, uint32(x)) {
		consider(pos - at)
	}
	if top[0].dist == 0 {
		return
	}
	// What s would cost over the next bytes.
	var base [horizon]int32
	cost, hist, before := int32(0), s.hist, prev
	src := p.before(pos, s.dist)
	for k, c := range w {
		hit := k < len(src) && src[k] == c
		cost += p.prices.of(hit, b2u(s.dist > p.i), hist, before, c)
		hist = hist<<1 | b2u(!hit)
		base[k] = cost
		before = c
	}
	var best, second candidate
	for _, t := range top {
		if t.dist == 0 {
			break
		}
		t.worth = p.gain(t.dist, pos, w, prev, &base) - t.price
		if t.worth > best.worth {
			best, second = t, best
		} else if t.worth > second.worth {
			second = t
		}
	}
	if best.worth > 0 {
		p.branch(s, best)
	}
	if second.worth > 0 {
		p.branch(s, second)
	}
}

// gain returns by how much w, which stands at pos, is cheaper up to some byte if it is aligned to what stands d before than base says.
func (p *parser) gain(d, pos int, w []byte, prev byte, base *[horizon]int32) (gain int32) {
	kind := b2u(d > p.i)
	hist := uint32(justTurned)
	cost := int32(0)
	src := p.before(pos, d)
	for k, c := range w {
		hit := k < len(src) && src[k] == c
		cost += p.prices.of(hit, kind, hist, prev, c)
		prev = c
		hist = hist<<1 | b2u(!hit)
		g := base[k] - cost
		if !hit && (k < 3 || g < gain-behind) {
			break
		}
		gain = max(gain, g)
	}
	return gain
}

// branch adds the path that turns from s, if it is among the best or there is room.
func (p *parser) branch(s path, t candidate) {
	p.nodes = append(p.nodes, node{turn{p.i, t.dist}, s.node})
	s.node = int32(len(p.nodes) - 1)
	p.turn(&s, t.dist)
	s.cost += t.price
	worst := 0
	for k := range p.paths {
		if p.paths[k].dist == s.dist {
			if s.cost < p.paths[k].cost {
				p.paths[k] = s
			}
			return
		}
		if p.paths[k].cost > p.paths[worst].cost {
			worst = k
		}
	}
	if len(p.paths) < mostPaths {
		p.paths = append(p.paths, s)
	} else if s.cost < p.paths[worst].cost {
		p.paths[worst] = s
	}
}

// price returns what it costs to say d.
func (s *path) price(d, i, ref int) int32 {
	n := 0
	switch wayTo(d, &s.left, &s.base, i) {
	case wayLeft:
		return turnPrice
	case wayStep:
		n = bits.Len64(rans.Zigzag(int64(d-s.base[b2u(d > i)]))) + 1
	case wayBack:
		n = bits.Len(uint(d))
	case wayPlace:
		n = bits.Len(uint(ref+i-d)) + 1
	}
	return turnPrice + 32 + int32(n)*32
}

// equal counts the bytes that are the same in a and b, eight by eight.
func equal(a, b []byte) (n int32) {
	for len(a) >= 8 && len(b) >= 8 {
		x := binary.LittleEndian.Uint64(a) ^ binary.LittleEndian.Uint64(b)
		y := (x&0x7f7f7f7f7f7f7f7f + 0x7f7f7f7f7f7f7f7f) | x // the top bits of bytes that differ
		n += 8 - int32(bits.OnesCount64(y&0x8080808080808080))
		a, b = a[8:], b[8:]
	}
	return n
}
