package records

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// encoder holds what a model says in the form that an encoder asks for. It does not change.
type encoder struct {
	*model
	cells [][symbols]cell // by context and symbol
	words *trie
	uses  []use // of each phrase
	after []knower
	// Costs.
	globalEntry []uint16
	escapes     [256]uint16 // after a byte, the entry of the escape to global
	escapeCost  [256]uint16
	tapeLen     []uint16 // by length, up to maxLength
	selfLen     []uint16
	selfDist    [numberClasses]uint16
	tapePlace   [placeClasses]uint16
	numberEntry [numbers][]uint16
	spans       *spanIndex
}

// cell says what a symbol costs in a context, with the escapes that it takes, and its part of the range; freq is 0 if the context does not have it.
type cell struct {
	cost, start, freq uint16
}

// use says what a phrase costs: after one byte, after others that know it, and after all others.
type use struct {
	before byte // of first
	more   uint8
	cost   uint16 // after before
	global uint16 // without the escape
	entry  uint16
	from   uint32 // of the others in after
}

// knower is a byte after which a phrase is known.
type knower struct {
	before byte
	entry  uint16
	cost   uint16
}

// knower finds the byte among those that know phrase w.
func (e *encoder) knower(w uint32, before byte) (k knower, ok bool) {
	u := &e.uses[w]
	if u.before == before && u.cost < dear {
		return knower{before, u.entry, u.cost}, true
	}
	for _, k := range e.after[u.from : u.from+uint32(u.more)] {
		if k.before == before {
			return k, true
		}
	}
	return knower{}, false
}

// phraseCost returns what phrase w costs after a byte.
func (e *encoder) phraseCost(w uint32, before byte) uint32 {
	u := &e.uses[w]
	if u.before == before && u.cost < dear {
		return uint32(u.cost)
	}
	if u.more > 0 {
		for _, k := range e.after[u.from : u.from+uint32(u.more)] {
			if k.before == before {
				return uint32(k.cost)
			}
		}
	}
	return uint32(e.escapeCost[before]) + uint32(u.global)
}

const (
	none      = 1<<16 - 1
	dear      = 1<<15 - 1 // costs what cannot be coded
	maxLength = 512       // a longer match is taken whole
	enough    = 12        // of a span that goes on no longer one is looked for
)

func newEncoder(m *model) *encoder {
	e := &encoder{model: m, spans: newSpanIndex(m.content)}
	e.cells = make([][symbols]cell, len(m.contexts))
	for id := range m.contexts {
		c := &m.contexts[id]
		for s := range symbols {
			e.cells[id][s].cost = dear
		}
		for i := range c.dist.entries {
			n := &c.dist.entries[i]
			e.cells[id][n.sym] = cell{uint16(c.dist.cost(n)), n.start, n.freq}
		}
		if id == 0 {
			continue
		}
		for s := range symEscape { // parents have smaller numbers
			if own := &e.cells[id]; own[s].freq == 0 {
				own[s].cost = min(dear, own[symEscape].cost+e.cells[c.parent][s].cost)
			}
		}
	}
	texts := make([][]byte, len(m.phrases))
	for i, p := range m.phrases {
		texts[i] = m.phraseText(p)
	}
	e.words = newTrie(texts)
	e.globalEntry = make([]uint16, len(texts))
	e.uses = make([]use, len(texts))
	for i := range m.global.entries {
		n := &m.global.entries[i]
		e.globalEntry[n.sym-1] = uint16(i)
		e.uses[n.sym-1].global = uint16(m.global.cost(n))
	}
	lists := make([][]knower, len(texts))
	for b, d := range m.after {
		if d == nil {
			continue
		}
		for i := range d.entries {
			n := &d.entries[i]
			if n.sym == 0 {
				e.escapes[b], e.escapeCost[b] = uint16(i), uint16(d.cost(n))
				continue
			}
			lists[n.sym-1] = append(lists[n.sym-1], knower{byte(b), uint16(i), uint16(d.cost(n))})
		}
	}
	for i, l := range lists {
		u := &e.uses[i]
		u.cost = dear
		if len(l) > 0 {
			// The likeliest first.
			slices.SortFunc(l, func(a, b knower) int { return cmp.Or(cmp.Compare(a.cost, b.cost), cmp.Compare(a.before, b.before)) })
			u.before, u.entry, u.cost = l[0].before, l[0].entry, l[0].cost
			u.from, u.more = uint32(len(e.after)), uint8(len(l)-1)
			e.after = append(e.after, l[1:]...)
		}
	}
	number := func(k int) []uint16 {
		e.numberEntry[k] = slices.Repeat([]uint16{none}, numberSizes[k])
		costs := slices.Repeat([]uint16{dear}, numberSizes[k])
		d := &m.number[k]
		for i := range d.entries {
			n := &d.entries[i]
			e.numberEntry[k][n.sym] = uint16(i)
			costs[n.sym] = uint16(d.cost(n))
		}
		return costs
	}
	lengths := func(k int) []uint16 {
		costs := number(k)
		l := make([]uint16, maxLength+1)
		for n := range l {
			class, extra := numberClass(uint32(n))
			l[n] = min(dear, costs[class]+uint16(extra*bit))
		}
		return l
	}
	e.tapeLen, e.selfLen = lengths(numTapeLen), lengths(numSelfLen)
	copy(e.tapePlace[:], number(numTapePlace))
	for i := range e.tapePlace {
		e.tapePlace[i] = min(dear, e.tapePlace[i]+uint16(m.place*bit))
	}
	for class, c := range number(numSelfDist) {
		_, extra := numberBase(uint32(class))
		e.selfDist[class] = min(dear, c+uint16(extra*bit))
	}
	return e
}

// edge is the last token of the cheapest way to a place in a record.
type edge struct {
	kind uint16 // a byte, or symPhrase, symTape, symSelf
	len  uint16
	arg  uint32 // number of the phrase, place on the tape, distance
}

// parser is what one goroutine encodes with; it is used again.
type parser struct {
	cost      []uint32
	edges     []edge
	heads     [1 << selfBits]uint16 // 1 + last place of four bytes in the record
	prev      []uint16
	out       Batch  // what a part of a batch became
	ahead     int    // a place that has been reached,
	aheadCost uint32 // for so much
	scratch   []byte
}

const (
	selfBits  = 12
	selfTries = 6
)

func hash4(b []byte) uint32 { return binary.LittleEndian.Uint32(b) * 0x9e3779b1 >> (32 - selfBits) }

// barred is a part of the tape that a training record must not use: it was taken from it.
type barred struct{ from, to uint32 }

// parse finds the cheapest tokens for a record. They are the edges of p, from the end. A token depends on the bytes before it alone, not on
// how they were said, so that the cheapest way to each place is part of the cheapest way beyond.
func (e *encoder) parse(p *parser, r []byte, not []barred) {
	n := len(r)
	p.cost = slices.Grow(p.cost[:0], n+1)[:n+1]
	p.edges = slices.Grow(p.edges[:0], n+1)[:n+1]
	p.prev = slices.Grow(p.prev[:0], n+1)[:n+1]
	for i := range p.cost {
		p.cost[i] = 1<<32 - 1
	}
	clear(p.heads[:])
	p.cost[0] = 0
	p.ahead, p.aheadCost = 0, 0
	nodes := e.words.nodes
	var carryPlace, carryLen uint32 // a span that was found, less the bytes since
	carryAt, inserted := 0, 0
	for i := 0; i < n; i++ {
		c := r[i]
		at := p.cost[i]
		if i < p.ahead && at >= p.aheadCost {
			continue // whoever comes by here comes later
		}
		h := history(r, i)
		id := e.context(h)
		costs := &e.cells[id]
		if v := at + uint32(costs[c].cost); v < p.cost[i+1] {
			p.cost[i+1] = v
			p.edges[i+1] = edge{uint16(c), 1, 0}
		}
		// Phrases.
		if base := at + uint32(costs[symPhrase].cost); len(e.phrases) > 0 {
			before := byte(h)
			node, from := int32(0), int32(0)
			at := nodes[0].base
			for j := i; j < n; {
				node = at + int32(r[j])
				x := &nodes[node]
				if x.check != from {
					break
				}
				j++
				from, at = node, x.base
				if x.word > 0 {
					w := uint32(x.word - 1)
					p.offer(i, j, base+e.phraseCost(w, before), edge{symPhrase, uint16(j - i), w})
				}
				if at < 0 {
					w := uint32(-1 - at)
					if x := e.phrases[w]; i+int(x.len) <= n && common(e.content[x.pos+uint32(j-i):x.pos+x.len], r[j:]) == x.len-uint32(j-i) {
						p.offer(i, i+int(x.len), base+e.phraseCost(w, before), edge{symPhrase, uint16(x.len), w})
					}
					break
				}
			}
		}
		// The tape.
		gone := uint32(i - carryAt)
		if gone+enough > carryLen {
			carryPlace, carryLen = e.spans.longest(r[i:])
			carryAt, gone = i, 0
		}
		if l := carryLen - gone; carryLen >= gone+minTape && !isBarred(not, carryPlace+gone, l) {
			place := carryPlace + gone
			base := at + uint32(costs[symTape].cost) + uint32(e.tapePlace[place>>e.place])
			p.relax(i, int(l), minTape, base, e.tapeLen, symTape, place)
		}
		// The record itself.
		if i+4 > n {
			continue
		}
		for ; inserted < i; inserted++ {
			key := hash4(r[inserted:])
			p.prev[inserted] = p.heads[key]
			p.heads[key] = uint16(inserted + 1)
		}
		best := minSelf - 1
		for k, cand := 0, int(p.heads[hash4(r[i:])]); cand > 0 && k < selfTries; k++ {
			cand--
			if l := int(common(r[cand:n-i+cand], r[i:])); l > best {
				best = l
				dist := uint32(i - cand)
				class, _ := numberClass(dist - 1)
				base := at + uint32(costs[symSelf].cost) + uint32(e.selfDist[class])
				p.relax(i, l, minSelf, base, e.selfLen, symSelf, dist)
			}
			cand = int(p.prev[cand])
		}
	}
}

// offer takes a way from i to j if it is the cheapest.
func (p *parser) offer(i, j int, v uint32, t edge) {
	if v >= p.cost[j] {
		return
	}
	p.cost[j] = v
	p.edges[j] = t
	// Of two places ahead, the farther one counts, at two bits a byte.
	if i >= p.ahead || int64(v)-int64(p.aheadCost) <= int64(j-p.ahead)*2*bit {
		p.ahead, p.aheadCost = j, v
	}
}

// relax considers a match of l bytes at i, and shorter ones; least is what length 0 stands for.
func (p *parser) relax(i, l, least int, base uint32, lengths []uint16, kind uint16, arg uint32) {
	shortest := least
	if l > 32 {
		shortest = l - 2
	}
	for k := l; k >= shortest; k-- {
		p.offer(i, i+k, base+uint32(lengths[min(k-least, maxLength)]), edge{kind, uint16(k), arg})
	}
}

func isBarred(not []barred, place, n uint32) bool {
	for _, b := range not {
		if place < b.to && place+n > b.from {
			return true
		}
	}
	return false
}
