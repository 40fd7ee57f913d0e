// Package repair finds the hierarchy in a sequence of symbols by recursive pairing: the most frequent pair of
// neighbours becomes a rule, until no pair is frequent (Larsson and Moffat, "Offline Dictionary-Based
// Compression", DCC 1999).
package repair

import (
	"container/heap"
	"math"
	"math/bits"
)

// Rule replaces two neighbours by one symbol.
type Rule struct{ Left, Right uint32 }

// Compress replaces pairs that occur at least minFreq (>= 2) times, the most frequent first and among equals the
// one that appeared first. Symbols of seq are below terminals; rule i is symbol terminals+i and uses only smaller symbols.
// No rule nests deeper than maxDepth. seq is not changed. The memory used is about 40 bytes a symbol.
func Compress(seq []uint32, terminals uint32, minFreq, maxDepth int) (out []uint32, rules []Rule) {
	g := grammar{
		sym:       append([]uint32(nil), seq...),
		next:      make([]int32, len(seq)),
		prev:      make([]int32, len(seq)),
		index:     make(map[Rule]int32),
		terminals: terminals,
		minFreq:   max(minFreq, 2),
	}
	for i := range seq {
		g.next[i], g.prev[i] = int32(i+1), int32(i-1)
	}
	// Most pairs stand once. A table that counts them by a hash, up to 255, keeps nearly all of those out; no count of a pair grows later.
	width := bits.Len(uint(2 * len(seq)))
	counts := make([]uint8, 1<<width)
	count := func(i int) *uint8 {
		return &counts[(uint64(seq[i])<<32|uint64(seq[i+1]))*0x9e3779b97f4a7c15>>(64-width)]
	}
	for i := 0; i+1 < len(seq); i++ {
		if c := count(i); *c < math.MaxUint8 {
			*c++
		}
	}
	var likely []int32
	for i := 0; i+1 < len(seq); i++ {
		if int(*count(i)) >= min(g.minFreq, math.MaxUint8) {
			likely = append(likely, int32(i))
		}
	}
	g.pairs = make([]pair, 0, len(likely))
	for _, i := range likely {
		g.add(i)
	}
	g.queue = make([]int32, 0, len(g.pairs))
	for i := range g.pairs {
		g.offer(int32(i))
	}
	for len(g.queue) > 0 {
		i := heap.Pop(&g).(int32)
		p := &g.pairs[i]
		live := g.live(p)
		if len(live) < p.count {
			p.count = len(live)
			g.offer(i)
			continue
		}
		if g.depthOf(p.Rule) >= maxDepth {
			continue
		}
		g.replace(*p, live)
	}
	for i := int32(0); i < int32(len(g.sym)); i = g.next[i] {
		out = append(out, g.sym[i])
	}
	return out, g.rules
}

// gone marks a place whose symbol has been merged into the one before it.
const gone = math.MaxUint32

type pair struct {
	Rule
	count  int     // occurrences, or more: some may have been destroyed since
	places []int32 // of the left symbol, ascending
}

type grammar struct {
	sym        []uint32
	next, prev []int32 // neighbours that are not gone; len(sym) and -1 at the ends
	pairs      []pair  // in the order in which they appeared
	index      map[Rule]int32
	queue      []int32 // a heap of pairs, the most frequent first

	rules     []Rule
	depth     []int
	terminals uint32
	minFreq   int
}

// add notes the pair whose left symbol is at i.
func (g *grammar) add(i int32) {
	r := Rule{g.sym[i], g.sym[g.next[i]]}
	k, ok := g.index[r]
	if !ok {
		k = int32(len(g.pairs))
		g.index[r] = k
		g.pairs = append(g.pairs, pair{Rule: r})
	}
	p := &g.pairs[k]
	p.places = append(p.places, i)
	p.count = len(p.places)
}

func (g *grammar) offer(i int32) {
	if g.pairs[i].count >= g.minFreq {
		heap.Push(g, i)
	}
}

// live returns where p still stands, without overlaps (in aaa the pair aa stands once).
func (g *grammar) live(p *pair) []int32 {
	kept := p.places[:0]
	end := int32(-1) // the place of the last right symbol taken
	for _, i := range p.places {
		if g.sym[i] != p.Left || i == end {
			continue
		}
		if j := g.next[i]; int(j) < len(g.sym) && g.sym[j] == p.Right {
			kept = append(kept, i)
			end = j
		}
	}
	p.places = kept
	return kept
}

func (g *grammar) depthOf(r Rule) int {
	d := 0
	for _, s := range []uint32{r.Left, r.Right} {
		if s >= g.terminals {
			d = max(d, g.depth[s-g.terminals])
		}
	}
	return d
}

// replace makes p a rule and puts its symbol at the places.
func (g *grammar) replace(p pair, places []int32) {
	s := g.terminals + uint32(len(g.rules))
	g.depth = append(g.depth, g.depthOf(p.Rule)+1)
	g.rules = append(g.rules, p.Rule)
	delete(g.index, p.Rule)
	places = append([]int32(nil), places...)
	for _, i := range places {
		j := g.next[i]
		k := g.next[j]
		g.sym[i], g.sym[j] = s, gone
		g.next[i] = k
		if int(k) < len(g.sym) {
			g.prev[k] = i
		}
	}
	// Every pair with s is new: no count of a pair that is queued ever grows.
	known := len(g.pairs)
	for _, i := range places {
		if h := g.prev[i]; h >= 0 && g.sym[h] != s { // s s is noted from its left side
			g.add(h)
		}
		if int(g.next[i]) < len(g.sym) {
			g.add(i)
		}
	}
	for k := known; k < len(g.pairs); k++ {
		g.offer(int32(k))
	}
}

// The heap of pairs.

func (g *grammar) Len() int { return len(g.queue) }
func (g *grammar) Less(a, b int) bool {
	p, q := g.queue[a], g.queue[b]
	if g.pairs[p].count != g.pairs[q].count {
		return g.pairs[p].count > g.pairs[q].count
	}
	return p < q
}
func (g *grammar) Swap(a, b int) { g.queue[a], g.queue[b] = g.queue[b], g.queue[a] }
func (g *grammar) Push(x any)    { g.queue = append(g.queue, x.(int32)) }
func (g *grammar) Pop() any {
	x := g.queue[len(g.queue)-1]
	g.queue = g.queue[:len(g.queue)-1]
	return x
}
