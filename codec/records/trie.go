package records

import (
	"bytes"
	"slices"
)

// trie finds the phrases that begin at a place: a double array (Aoe, "An Efficient Digital Search Algorithm by Using a Double-Array Structure",
// IEEE TSE 15(9), 1989). The root is node 0. No two nodes have the same base, so that a child is known by its byte.
type trie struct {
	nodes []trieNode
}

// trieNode is a quarter of a cache line. From a node goes on either more than one phrase, or one and then nothing else is said of it: a tail, which
// holds all that is needed to compare the rest and to say what the phrase costs.
type trieNode struct {
	base uint32 // base << 8 | the byte that leads here: the child for byte c is base + c. Of a tail, its first byte << 8, likewise
	kids uint32 // which children there are, by the lower five bits of their bytes; of a tail, the place of what is left of its phrase << 8 | its bytes
	word uint16 // 1 + number of the phrase that ends here, or of the tail; 0 if there is none; and tailBit
	// What the phrase costs.
	global uint8  // after bytes that do not know it, without the escape
	eights uint8  // after others, so many
	first  uint32 // in encoder.eights
}

const (
	tailBit  = 1 << 15 // of word
	freeNode = 1 << 31 // base of a node that nothing leads to
	labelled = freeNode | 0xff
)

// newTrie makes the trie of phrases of content.
func newTrie(content []byte, phrases []phrase) *trie {
	words := make([][]byte, len(phrases))
	order := make([]int, len(phrases))
	for i, p := range phrases {
		words[i] = content[p.pos : p.pos+p.len]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(words[a], words[b]) })
	t := &trie{nodes: []trieNode{{}}}
	if len(phrases) == 0 {
		return t
	}
	free := func(i int) bool { return t.nodes[i].base == freeNode }
	bases := map[int]bool{}
	first := 1 // where to look for free nodes
	type task struct {
		node, from, to, depth int
	}
	stack := []task{{0, 0, len(order), 0}}
	var kids []task
	for len(stack) > 0 {
		k := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if w := order[k.from]; k.to-k.from == 1 && k.depth > 0 && len(words[w]) > k.depth {
			x := &t.nodes[k.node]
			x.base |= uint32(words[w][k.depth]) << 8
			x.word = uint16(w+1) | tailBit
			x.kids = (phrases[w].pos+uint32(k.depth))<<8 | uint32(len(words[w])-k.depth)
			continue
		}
		for k.from < k.to && len(words[order[k.from]]) == k.depth {
			t.nodes[k.node].word = uint16(order[k.from] + 1)
			k.from++
		}
		kids = kids[:0]
		for i := k.from; i < k.to; {
			c := words[order[i]][k.depth]
			j := i + 1
			for j < k.to && words[order[j]][k.depth] == c {
				j++
			}
			kids = append(kids, task{int(c), i, j, k.depth + 1})
			i = j
		}
		if len(kids) == 0 {
			continue
		}
		// The first child goes to a free node. Where hardly any are left, nobody looks again (as in Kudo's Darts).
		at, taken := max(first, kids[0].node+1), 0
		base := 0
		for looked := 1; ; at, looked = at+1, looked+1 {
			for at+512 >= len(t.nodes) {
				t.nodes = append(t.nodes, trieNode{base: freeNode})
			}
			if !free(at) {
				taken++
				continue
			}
			base = at - kids[0].node
			if !bases[base] && !slices.ContainsFunc(kids[1:], func(c task) bool { return !free(base + c.node) }) {
				if taken*20 >= looked*19 {
					first = at
				}
				break
			}
		}
		x := &t.nodes[k.node]
		x.base |= uint32(base) << 8
		bases[base] = true
		for _, c := range kids {
			x.kids |= 1 << (c.node & 31)
			t.nodes[base+c.node].base = uint32(c.node)
			c.node += base
			stack = append(stack, c)
		}
	}
	return t
}

// end is where a phrase ends, and its node.
type end struct {
	node, at uint32
}

// find returns how many phrases of content stand at r[i:], and puts their ends into ends, the shortest first.
func (t *trie) find(content, r []byte, i int, ends *[maxPhrase + 1]end) (found int) {
	x := &t.nodes[0]
	for j := i; j < len(r); {
		b := uint32(r[j])
		if x.kids>>(b&31)&1 == 0 {
			break
		}
		node := x.base>>8 + b
		x = &t.nodes[node]
		if x.base&labelled != b {
			break
		}
		j++
		if x.word >= tailBit {
			place, rest := x.kids>>8, x.kids&0xff
			if to := j + int(rest); to <= len(r) && byte(x.base>>8) == r[j] && bytes.Equal(content[place:place+rest], r[j:to]) {
				ends[found] = end{node, uint32(to)}
				found++
			}
			break
		}
		ends[found] = end{node, uint32(j)}
		if x.word > 0 {
			found++
		}
	}
	return found
}
