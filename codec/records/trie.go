package records

import "slices"

// trie finds the phrases that begin at a place: a double array (Aoe, "An Efficient Digital Search Algorithm by Using a Double-Array Structure",
// IEEE TSE 15(9), 1989). The root is node 0.
type trie struct {
	nodes []trieNode
}

type trieNode struct {
	base  int32 // the child for byte c is base + c; below 0, -1 - the only phrase that goes on from here
	check int32 // the parent, or -1
	word  int32 // 1 + number of the phrase that ends here, or 0
	_     int32 // four to a cache line
}

// newTrie makes the trie of words.
func newTrie(words [][]byte) *trie {
	order := make([]int, len(words))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(words[a], words[b]) })
	t := &trie{nodes: make([]trieNode, 512)}
	for i := range t.nodes {
		t.nodes[i].check = -1
	}
	t.nodes[0].check = -2
	first := 1 // where to look for free nodes
	type task struct {
		node, from, to, depth int
	}
	stack := []task{{0, 0, len(order), 0}}
	var kids []task
	for len(stack) > 0 {
		k := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for k.from < k.to && len(words[order[k.from]]) == k.depth {
			t.nodes[k.node].word = int32(order[k.from] + 1)
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
		if k.to-k.from == 1 {
			t.nodes[k.node].base = int32(-1 - order[k.from])
			continue
		}
		// The first child goes to a free node. Where hardly any are left, nobody looks again (as in Kudo's Darts).
		at, taken := max(first, kids[0].node+1), 0
		base := 0
		for looked := 1; ; at, looked = at+1, looked+1 {
			for at+512 >= len(t.nodes) {
				t.nodes = append(t.nodes, trieNode{check: -1})
			}
			if t.nodes[at].check != -1 {
				taken++
				continue
			}
			base = at - kids[0].node
			if !slices.ContainsFunc(kids[1:], func(c task) bool { return t.nodes[base+c.node].check != -1 }) {
				if taken*20 >= looked*19 {
					first = at
				}
				break
			}
		}
		t.nodes[k.node].base = int32(base)
		for _, c := range kids {
			t.nodes[base+c.node].check = int32(k.node)
			c.node += base
			stack = append(stack, c)
		}
	}
	return t
}
