package records

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
)

// encoder holds what a model says in the form that an encoder asks for. It does not change. It is laid out to be small: what is asked for at every
// byte should stay in a processor's own cache.
type encoder struct {
	*model
	grams *grams
	words *trie
	// Prices.
	price       [][symEscape]uint8 // of a byte or kind by context, with the escapes that it takes
	escapePrice [256]uint8         // after a byte, that no list has a phrase
	eights      []eight            // of phrases, from trieNode.first
	tapeLen     []uint16           // by length, up to maxLength
	selfLen     []uint16
	selfDist    [numberClasses]uint16
	tapePlace   [placeClasses]uint16
	// Parts of the ranges.
	cells   [][symbols]cell // by context
	knowers []knower        // of phrases
	uses    []uint32        // of each phrase, where its knowers begin
	global  []cell          // of each phrase
	escape  [256]cell
	number  [numbers][]cell // by class
}

// cell is the part of a symbol in a range; freq is 0 if it has none.
type cell struct {
	start, freq uint16
}

// eight says what a phrase costs after up to eight bytes. What is not used of it repeats the first.
type eight struct {
	before uint64
	price  [8]uint8
}

// knower is a byte after which a phrase is known.
type knower struct {
	before byte
	cell   cell
}

// knower finds the cell of phrase w in the list after a byte.
func (e *encoder) knower(w uint32, before byte) (c cell, ok bool) {
	list := e.knowers[e.uses[w]:e.uses[w+1]]
	for i := range list {
		if list[i].before == before {
			return list[i].cell, true
		}
	}
	return cell{}, false
}

// Prices are costs in 1/16 bit: so coarse, that of a symbol is a byte.
const (
	grain     = bit / 16
	dearest   = 255 // what costs as much or more
	floor     = 20  // of each byte that a way still has to go
	maxLength = 512 // a longer match is taken whole
	enough    = 12  // of a span that goes on no longer one is looked for
)

func priceOf(cost uint32) uint8 { return uint8(min((cost+grain/2)/grain, dearest)) }

func newEncoder(m *model) *encoder {
	e := &encoder{model: m, grams: newGrams(m.content)}
	e.words = newTrie(m.content, m.phrases)
	e.price = make([][symEscape]uint8, len(m.contexts))
	e.cells = make([][symbols]cell, len(m.contexts))
	costs := make([][symbols]uint32, len(m.contexts))
	for id := range m.contexts {
		c := &m.contexts[id]
		own := &e.cells[id]
		for i := range c.dist.entries {
			n := &c.dist.entries[i]
			costs[id][n.sym] = c.dist.cost(n)
			own[n.sym] = cell{n.start, n.freq}
		}
		for s := range symEscape { // parents have smaller numbers
			if own[s].freq == 0 {
				costs[id][s] = costs[id][symEscape] + costs[c.parent][s]
			}
			e.price[id][s] = priceOf(costs[id][s])
		}
	}
	e.global = make([]cell, len(m.phrases))
	globalPrice := make([]uint8, len(m.phrases))
	for i := range m.global.entries {
		n := &m.global.entries[i]
		e.global[n.sym-1] = cell{n.start, n.freq}
		globalPrice[n.sym-1] = priceOf(m.global.cost(n))
	}
	lists := make([][]knower, len(m.phrases))
	for b, d := range m.after {
		if d == nil {
			continue
		}
		for i := range d.entries {
			n := &d.entries[i]
			if c := (cell{n.start, n.freq}); n.sym == 0 {
				e.escape[b], e.escapePrice[b] = c, priceOf(d.cost(n))
			} else {
				lists[n.sym-1] = append(lists[n.sym-1], knower{byte(b), c})
			}
		}
	}
	firsts := make([]uint32, len(lists))
	for i, l := range lists {
		// The likeliest first.
		slices.SortStableFunc(l, func(a, b knower) int { return cmp.Compare(b.cell.freq, a.cell.freq) })
		e.uses = append(e.uses, uint32(len(e.knowers)))
		e.knowers = append(e.knowers, l...)
		firsts[i] = uint32(len(e.eights))
		for k := 0; k < len(l); k += 8 {
			var x eight
			for j := range x.price {
				n := l[k]
				if k+j < len(l) {
					n = l[k+j]
				}
				x.before |= uint64(n.before) << (8 * j)
				x.price[j] = phrasePrice(n.cell)
			}
			e.eights = append(e.eights, x)
		}
	}
	e.uses = append(e.uses, uint32(len(e.knowers)))
	for i := range e.words.nodes {
		if x := &e.words.nodes[i]; x.word > 0 {
			w := x.word&^tailBit - 1
			x.global, x.first, x.eights = globalPrice[w], firsts[w], uint8((len(lists[w])+7)/8)
		}
	}
	number := func(k int) []uint16 {
		e.number[k] = make([]cell, numberSizes[k])
		costs := make([]uint16, numberSizes[k])
		d := &m.number[k]
		for i := range d.entries {
			n := &d.entries[i]
			e.number[k][n.sym] = cell{n.start, n.freq}
			costs[n.sym] = uint16(priceOf(d.cost(n)))
		}
		return costs
	}
	lengths := func(k int) []uint16 {
		costs := number(k)
		l := make([]uint16, maxLength+1)
		for n := range l {
			class, extra := numberClass(uint32(n))
			l[n] = costs[class] + uint16(extra*(bit/grain))
		}
		return l
	}
	e.tapeLen, e.selfLen = lengths(numTapeLen), lengths(numSelfLen)
	copy(e.tapePlace[:], number(numTapePlace))
	for i := range e.tapePlace {
		e.tapePlace[i] += uint16(m.place * (bit / grain))
	}
	for class, c := range number(numSelfDist) {
		_, extra := numberBase(uint32(class))
		e.selfDist[class] = c + uint16(extra*(bit/grain))
	}
	return e
}

// phrasePrice returns what a phrase costs that has a cell in a list.
func phrasePrice(c cell) uint8 { return priceOf(phraseBits*bit - log2(uint64(c.freq))) }

// step is the cheapest way to a place in a record: what it costs, and its last token. They are in one number, so that the cheapest of two ways is the
// smaller one.
//
//	63        40 39  38 37      22 21              0
//	+-----------+------+----------+----------------+
//	| price     | kind | length   | byte, number of the phrase, place on the tape, or distance
//	+-----------+------+----------+----------------+
type step uint64

const (
	stepPrice = 40
	stepKind  = 38
	stepLen   = 22
	stepByte  = 3 // kinds 0 to 2 are symPhrase, symTape and symSelf
)

func (s step) len() int    { return int(s >> stepLen & 0xffff) }
func (s step) arg() uint32 { return uint32(s & (1<<stepLen - 1)) }

// symbol returns the symbol of the token.
func (s step) symbol() uint16 {
	if k := s >> stepKind & 3; k != stepByte {
		return symPhrase + uint16(k)
	}
	return uint16(s & 0xff)
}

// parser is what one goroutine encodes with; it is used again.
type parser struct {
	text     []byte   // the record between zeros
	contexts []uint16 // at each place that a token was looked for at
	steps    []step
	ends     [maxPhrase + 1]end
	heads4   [1 << selfBits]uint16 // 1 + last place of four bytes in the record that a token was looked for at
	heads8   [1 << selfBits]uint16 // 1 + last place of eight bytes
	out      Batch                 // what a part of a batch became
	scratch  []byte
}

const (
	selfBits    = 12
	zerosBefore = 3 // a record, which contexts ask for
	zerosAfter  = 8 // which hashes ask for
	hashPrime4  = 0x9e3779b1
	hashPrime8  = 0x9e3779b185ebca87
)

// barred is a part of the tape that a training record must not use: it was taken from it.
type barred struct{ from, to uint32 }

// parse finds cheap tokens for a record. They are the steps of p, from the end. A token depends on the bytes before it alone, not on how they were said,
// so that the cheapest way to each place is part of the cheapest way beyond. It is not looked for at each place, though: where a longer token ends farther on, a
// place within it is of use only if it saves what the rest of the way still has to cost, and that is floor a byte at least, or is taken to be.
//
// A place that is looked at was reached for at most dearest a byte: a token that costs more is no reason to leave out what lies within it. So the price of a step, of
// 24 bits, has room for that of every record.
func (e *encoder) parse(p *parser, r []byte, not []barred) {
	n := len(r)
	size := zerosBefore + n + zerosAfter
	p.text = slices.Grow(p.text[:0], size)[:size]
	text := p.text
	clear(text[:zerosBefore])
	copy(text[zerosBefore:], r)
	clear(text[zerosBefore+n:])
	clear(p.heads4[:])
	clear(p.heads8[:])
	p.contexts = slices.Grow(p.contexts[:0], n)[:n]
	p.steps = slices.Grow(p.steps[:0], n+1)[:n+1]
	steps := p.steps
	for i := range steps {
		steps[i] = 1<<64 - 1
	}
	steps[0] = 0
	nodes := e.words.nodes
	ahead, aheadPrice := 0, uint32(0)    // a place that is reached for so much
	carryPlace, carryEnd := uint32(0), 0 // a span that was found: its place, less that in the record, and where it ends
	for i := 0; i < n; i++ {
		w := binary.LittleEndian.Uint64(text[zerosBefore+i:])
		hash := w * hashPrime8
		head8 := &p.heads8[hash>>(64-selfBits)]
		self := *head8
		*head8 = uint16(i + 1)
		at := uint32(steps[i] >> stepPrice)
		if i < ahead && at+floor*uint32(ahead-i) >= aheadPrice {
			continue
		}
		h := binary.BigEndian.Uint32(text[i:])
		c, before := byte(h), byte(h>>8)
		context := e.context(h >> 8)
		p.contexts[i] = context
		prices := &e.price[context]
		steps[i+1] = min(steps[i+1], step(at+uint32(prices[c]))<<stepPrice|stepByte<<stepKind|1<<stepLen|step(c))
		far, farPrice := i, at // the longest token
		// Phrases.
		found := e.words.find(e.content, r, i, &p.ends)
		base := at + uint32(prices[symPhrase])
		known := uint32(0)
		for _, end := range p.ends[:found] {
			x := &nodes[end.node]
			known = uint32(x.word &^ tailBit)
			far, farPrice = int(end.at), base+e.phrasePrice(x, before)
			steps[far] = min(steps[far], step(farPrice)<<stepPrice|step(far-i)<<stepLen|step(known-1))
		}
		// The tape: the span that was found before, or, where nothing reaches farther, where the longest phrase stands, or where eight bytes do.
		place, l := carryPlace+uint32(i), uint32(0)
		if i < carryEnd {
			l = uint32(carryEnd - i)
		}
		if l < enough && i >= ahead {
			at := uint32(0)
			if far-i >= 8 {
				at = e.phrases[known-1].pos + 1
			} else {
				at = e.grams.find(hash)
			}
			if at > 0 {
				if k := common(e.content[at-1:], r[i:]); k > l {
					place, l = at-1, k
					carryPlace, carryEnd = place-uint32(i), i+int(l)
				}
			}
		}
		if l >= minTape && !isBarred(not, place, l) {
			base := at + uint32(prices[symTape]) + uint32(e.tapePlace[place>>e.place])
			v := p.match(i, int(l), minTape, base, e.tapeLen, (symTape-symPhrase)<<stepKind|step(place))
			if i+int(l) > far {
				far, farPrice = i+int(l), v
			}
		}
		// The record itself: where eight bytes stood last, or four.
		head4 := &p.heads4[uint32(w)*hashPrime4>>(32-selfBits)]
		if self == 0 || binary.LittleEndian.Uint64(text[zerosBefore-1+int(self):]) != w {
			self = *head4
		}
		*head4 = uint16(i + 1)
		if self > 0 {
			from := int(self) - 1
			if l := int(common(r[from:n-i+from], r[i:])); l >= minSelf {
				dist := uint32(i - from)
				class, _ := numberClass(dist - 1)
				base := at + uint32(prices[symSelf]) + uint32(e.selfDist[class])
				v := p.match(i, l, minSelf, base, e.selfLen, (symSelf-symPhrase)<<stepKind|step(dist))
				if i+l > far {
					far, farPrice = i+l, v
				}
			}
		}
		// Of two places ahead, the one counts that leaves more out.
		if i >= ahead || int64(farPrice)-int64(aheadPrice) <= int64(far-ahead)*floor {
			ahead, aheadPrice = far, farPrice
		}
	}
}

// phrasePrice returns what the phrase of a node costs after a byte.
func (e *encoder) phrasePrice(x *trieNode, before byte) uint32 {
	const ones = 0x0101010101010101
	for i := range uint32(x.eights) {
		t := &e.eights[x.first+i]
		d := t.before ^ uint64(before)*ones
		if zero := (d - ones) &^ d & (ones << 7); zero != 0 { // the lowest bit is that of the first byte of d that is 0
			return uint32(t.price[bits.TrailingZeros64(zero)/8])
		}
	}
	return uint32(e.escapePrice[before]) + uint32(x.global)
}

// match considers a match of l bytes at i, and one of a byte less; least is what length 0 stands for. It returns the price of the longer.
func (p *parser) match(i, l, least int, base uint32, lengths []uint16, token step) uint32 {
	if l > least {
		v := base + uint32(lengths[min(l-1-least, maxLength)])
		p.steps[i+l-1] = min(p.steps[i+l-1], step(v)<<stepPrice|token|step(l-1)<<stepLen)
	}
	v := base + uint32(lengths[min(l-least, maxLength)])
	p.steps[i+l] = min(p.steps[i+l], step(v)<<stepPrice|token|step(l)<<stepLen)
	return v
}

func isBarred(not []barred, place, n uint32) bool {
	for _, b := range not {
		if place < b.to && place+n > b.from {
			return true
		}
	}
	return false
}

// history returns the three bytes before place i, the last in the lowest byte; 0 where there are none.
func history(r []byte, i int) (h uint32) {
	if i >= 3 {
		return uint32(r[i-1]) | uint32(r[i-2])<<8 | uint32(r[i-3])<<16
	}
	for _, c := range r[:i] {
		h = h<<8 | uint32(c)
	}
	return h
}
