// Package sequitur finds the hierarchy in a sequence of symbols while it passes by: every pair of neighbours
// that occurs twice becomes a rule, and a rule that is used once is undone (Nevill-Manning and Witten, "Identifying Hierarchical
// Structure in Sequences: A linear-time algorithm", JAIR 7, 1997).
//
// Two properties hold for the part of the grammar that is live: no pair of neighbours stands in it twice without overlap (digram
// uniqueness), and every rule is used at least twice (rule utility). The paper's algorithm keeps the whole grammar live. This one keeps
// a limited number of symbols live: beyond it, the oldest symbols of the sequence are final, and so are the rules that matched
// longest ago. What is final may be used and is never changed; what repeats it later is not found.
package sequitur

import "dictnet/codec/internal/repair"

// Rule replaces two neighbours by one symbol.
type Rule = repair.Rule

// Compress returns a grammar of seq, found in one pass with at most about limit symbols live. Symbols of seq are below terminals; rule i is symbol
// terminals+i and uses only smaller symbols. No rule nests deeper than maxDepth (>= 1). seq is not changed. The memory used is
// about 80 bytes for each live symbol, and besides what is final: 4 bytes a symbol, about 100 a rule.
func Compress(seq []uint32, terminals uint32, limit, maxDepth int) (out []uint32, rules []Rule) {
	g := New(terminals, limit)
	for _, s := range seq {
		g.Append(s)
	}
	return g.Finish(maxDepth)
}

const (
	none  = -1
	guard = ^uint32(0) // the value of the node that closes a rule's ring
)

// node is one symbol of a rule's body, or its guard, in a ring.
type node struct {
	next, prev int32  // next is none if the node is free; prev is then the next free one
	val        uint32 // below terminals: a terminal; else terminals + the number of a rule
	in         int32  // 0 in the sequence; in a rule 1, but of its guard the rule's number
}

// rule is a rule, or the sequence itself (number 0).
type rule struct {
	guard        int32    // none: final, or free
	uses         int32    // how often it stands in bodies and in the sequence
	older, newer int32    // neighbours by when they last matched; of a free rule, older is the next free one
	body         []uint32 // when it is final
}

// Grammar is a grammar that grows by symbols.
type Grammar struct {
	terminals uint32
	limit     int
	nodes     []node
	freeNode  int32
	rules     []rule
	freeRule  int32
	oldest    int32 // of the live rules, by when they last matched
	newest    int32
	digrams   map[uint64]int32 // the left node of each pair that is live
	check     []int32          // nodes whose pair with the next one is new
	live      [2]int           // symbols that are live: of the sequence, of rules
	final     []uint32         // the part of the sequence that is final
}

// minLimit is the least number of live symbols that finds anything.
const minLimit = 16

// New returns the grammar of an empty sequence. Symbols are below terminals. Half of the live symbols are the sequence's latest, half
// are the bodies of rules.
func New(terminals uint32, limit int) *Grammar {
	g := &Grammar{terminals: terminals, limit: max(limit, minLimit), freeNode: none, freeRule: none, oldest: none, newest: none,
		digrams: make(map[uint64]int32)}
	g.newRule()
	g.unlist(0)
	return g
}

// Append adds a symbol to the sequence.
func (g *Grammar) Append(s uint32) {
	if s >= g.terminals {
		panic("sequitur: a symbol that is no terminal")
	}
	end := g.rules[0].guard
	last := g.nodes[end].prev
	g.insert(last, s)
	g.pend(last)
	g.settle()
	for g.live[0] > g.limit/2 {
		g.finishOldestSymbol()
	}
	for g.live[1] > g.limit/2 && g.oldest != none {
		g.finishRule(g.oldest)
	}
}

// settle makes rules until no pair stands twice.
func (g *Grammar) settle() {
	for len(g.check) > 0 {
		n := g.check[len(g.check)-1]
		g.check = g.check[:len(g.check)-1]
		key, ok := g.pair(n)
		if !ok {
			continue
		}
		m, known := g.digrams[key]
		switch {
		case !known:
			g.digrams[key] = n
		case m != n && g.nodes[m].next != n && g.nodes[n].next != m:
			g.match(m, n)
		}
	}
}

// match replaces the equal pairs at m and n by one rule.
func (g *Grammar) match(m, n int32) {
	var r int32
	switch {
	case g.isBody(m):
		r = g.nodes[g.nodes[m].prev].in
		g.touch(r)
		g.substitute(n, r)
	case g.isBody(n):
		r = g.nodes[g.nodes[n].prev].in
		g.touch(r)
		g.substitute(m, r)
	default:
		r = g.newRule()
		a, b := g.nodes[m].val, g.nodes[g.nodes[m].next].val
		left := g.insert(g.rules[r].guard, a)
		g.insert(left, b)
		g.substitute(m, r)
		g.substitute(n, r)
		g.pend(left)
	}
	// Only the two symbols of the rule may have lost a use; if one is left, it is the one in the rule.
	for _, at := range []int32{g.nodes[g.rules[r].guard].next, g.nodes[g.rules[r].guard].prev} {
		if v := g.nodes[at].val; v >= g.terminals {
			if u := int32(v - g.terminals); g.rules[u].uses == 1 && g.rules[u].guard != none {
				g.expand(at, u)
			}
		}
	}
}

// isBody reports whether the pair at n is all that a rule consists of.
func (g *Grammar) isBody(n int32) bool {
	p := g.nodes[n].prev
	return g.nodes[p].val == guard && g.nodes[p].in != 0 && g.nodes[g.nodes[g.nodes[n].next].next].val == guard
}

// substitute puts rule r in the place of the pair at n.
func (g *Grammar) substitute(n, r int32) {
	p := g.nodes[n].prev
	g.remove(g.nodes[n].next)
	g.remove(n)
	at := g.insert(p, g.terminals+uint32(r))
	g.pend(p)
	g.pend(at)
}

// expand puts the body of rule u in the place of the node at, its only use, in another rule.
func (g *Grammar) expand(at, u int32) {
	first, last := g.nodes[g.rules[u].guard].next, g.nodes[g.rules[u].guard].prev
	p := g.nodes[at].prev
	g.remove(at)
	next := g.nodes[p].next
	g.forget(p)
	g.nodes[p].next, g.nodes[first].prev = first, p
	g.nodes[last].next, g.nodes[next].prev = next, last
	g.freeNodeAt(g.rules[u].guard)
	g.unlist(u)
	g.rules[u] = rule{guard: none, older: g.freeRule}
	g.freeRule = u
	g.pend(p)
	g.pend(last)
}

// finishOldestSymbol makes the oldest live symbol of the sequence final.
func (g *Grammar) finishOldestSymbol() {
	first := g.nodes[g.rules[0].guard].next
	v := g.nodes[first].val
	g.final = append(g.final, v)
	if v >= g.terminals {
		g.rules[v-g.terminals].uses++ // it stays used
	}
	g.remove(first)
	g.settle()
}

// finishRule makes a rule's body final.
func (g *Grammar) finishRule(r int32) {
	end := g.rules[r].guard
	body := g.symbolsOf(end)
	for n := g.nodes[end].next; n != end; n = g.nodes[end].next {
		if v := g.nodes[n].val; v >= g.terminals {
			g.rules[v-g.terminals].uses++ // it stays used
		}
		g.remove(n)
	}
	g.freeNodeAt(end)
	g.unlist(r)
	g.rules[r].guard, g.rules[r].body = none, body
	g.settle()
}

// symbolsOf returns what stands in the ring of a guard.
func (g *Grammar) symbolsOf(end int32) (symbols []uint32) {
	for n := g.nodes[end].next; n != end; n = g.nodes[n].next {
		symbols = append(symbols, g.nodes[n].val)
	}
	return symbols
}

// Nodes.

// insert puts a symbol behind p. The caller pends the pairs that come about.
func (g *Grammar) insert(p int32, val uint32) int32 {
	n := g.newNode(val, min(g.nodes[p].in, 1))
	g.forget(p)
	next := g.nodes[p].next
	g.nodes[n].prev, g.nodes[n].next = p, next
	g.nodes[p].next, g.nodes[next].prev = n, n
	if val >= g.terminals {
		g.rules[val-g.terminals].uses++
	}
	g.live[g.nodes[n].in]++
	return n
}

// remove takes a symbol out. The caller pends the pair that comes about.
func (g *Grammar) remove(n int32) {
	x := g.nodes[n]
	g.forget(x.prev)
	g.forget(n)
	g.nodes[x.prev].next, g.nodes[x.next].prev = x.next, x.prev
	if x.val >= g.terminals {
		g.rules[x.val-g.terminals].uses--
	}
	g.live[x.in]--
	g.freeNodeAt(n)
}

func (g *Grammar) newNode(val uint32, in int32) int32 {
	n := g.freeNode
	if n == none {
		n = int32(len(g.nodes))
		g.nodes = append(g.nodes, node{})
	} else {
		g.freeNode = g.nodes[n].prev
	}
	g.nodes[n] = node{val: val, in: in}
	return n
}

func (g *Grammar) freeNodeAt(n int32) {
	g.nodes[n] = node{next: none, prev: g.freeNode}
	g.freeNode = n
}

// Pairs.

// pair returns the key of the pair at n, unless n is free or the pair would have a guard in it.
func (g *Grammar) pair(n int32) (key uint64, ok bool) {
	x := g.nodes[n]
	if x.next == none || x.val == guard || g.nodes[x.next].val == guard {
		return 0, false
	}
	return uint64(x.val)<<32 | uint64(g.nodes[x.next].val), true
}

// pend has the pair at n looked at by settle.
func (g *Grammar) pend(n int32) { g.check = append(g.check, n) }

// forget is told that the pair at n ends. In aaa only one of the two pairs is known: the other one takes its place.
func (g *Grammar) forget(n int32) {
	key, ok := g.pair(n)
	if !ok {
		return
	}
	if m, known := g.digrams[key]; !known || m != n {
		return
	}
	delete(g.digrams, key)
	for _, other := range []int32{g.nodes[n].prev, g.nodes[n].next} {
		if k, ok := g.pair(other); ok && k == key {
			g.pend(other)
		}
	}
}

// Rules, in a list by when they last matched.

func (g *Grammar) newRule() int32 {
	r := g.freeRule
	if r == none {
		r = int32(len(g.rules))
		g.rules = append(g.rules, rule{})
	} else {
		g.freeRule = g.rules[r].older
	}
	end := g.newNode(guard, r)
	g.nodes[end].next, g.nodes[end].prev = end, end
	g.rules[r] = rule{guard: end}
	g.list(r)
	return r
}

// list makes r the newest.
func (g *Grammar) list(r int32) {
	g.rules[r].older, g.rules[r].newer = g.newest, none
	if g.newest != none {
		g.rules[g.newest].newer = r
	} else {
		g.oldest = r
	}
	g.newest = r
}

func (g *Grammar) unlist(r int32) {
	x := g.rules[r]
	if x.older != none {
		g.rules[x.older].newer = x.newer
	} else {
		g.oldest = x.newer
	}
	if x.newer != none {
		g.rules[x.newer].older = x.older
	} else {
		g.newest = x.older
	}
}

func (g *Grammar) touch(r int32) {
	g.unlist(r)
	g.list(r)
}
