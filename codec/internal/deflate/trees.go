package deflate

// heap is that of zlib's build_tree: which of two symbols that are as frequent comes first shows in the codes.
type heap struct {
	nodes []node
	at    []int // from 1 on
	n     int
}

type node struct{ count, depth, parent, length int }

func (h *heap) less(a, b int) bool {
	x, y := &h.nodes[a], &h.nodes[b]
	return x.count < y.count || x.count == y.count && x.depth <= y.depth
}

func (h *heap) down(k int) {
	v := h.at[k]
	for j := 2 * k; j <= h.n; j *= 2 {
		if j < h.n && h.less(h.at[j+1], h.at[j]) {
			j++
		}
		if h.less(v, h.at[j]) {
			break
		}
		h.at[k] = h.at[j]
		k = j
	}
	h.at[k] = v
}

// codeLens returns the lengths of the codes that zlib gives to symbols of such counts, at most so many bits, and the number of symbols up to the last that has one.
func codeLens(counts []int, most int) (lens []uint8, used int) {
	elems := len(counts)
	h := heap{nodes: make([]node, 2*elems+1), at: make([]int, 2*elems+2)}
	last := -1
	for s, c := range counts {
		if h.nodes[s].count = c; c > 0 {
			h.n++
			h.at[h.n] = s
			last = s
		}
	}
	for h.n < 2 { // there are two codes at least
		s := 0
		if last < 2 {
			last++
			s = last
		}
		h.n++
		h.at[h.n] = s
		h.nodes[s].count = 1
	}
	for k := h.n / 2; k >= 1; k-- {
		h.down(k)
	}
	var order []int // the rarest first
	for next := elems; ; next++ {
		a := h.at[1]
		h.at[1] = h.at[h.n]
		h.n--
		h.down(1)
		b := h.at[1]
		order = append(order, a, b)
		h.nodes[next] = node{count: h.nodes[a].count + h.nodes[b].count, depth: 1 + max(h.nodes[a].depth, h.nodes[b].depth)}
		h.nodes[a].parent, h.nodes[b].parent = next, next
		h.at[1] = next
		h.down(1)
		if h.n < 2 {
			order = append(order, h.at[1])
			break
		}
	}
	// gen_bitlen: from the root on; those that would be too long are shortened, and others prolonged for them.
	var count [mostBits + 1]int
	over := 0
	for k := len(order) - 2; k >= 0; k-- {
		nd := &h.nodes[order[k]]
		if nd.length = h.nodes[nd.parent].length + 1; nd.length > most {
			nd.length = most
			over++
		}
		if order[k] < elems {
			count[nd.length]++
		}
	}
	if over > 0 {
		for ; over > 0; over -= 2 {
			n := most - 1
			for count[n] == 0 {
				n--
			}
			count[n]--
			count[n+1] += 2
			count[most]--
		}
		k := 0
		for n := most; n > 0; n-- {
			for left := count[n]; left > 0; k++ {
				if order[k] < elems {
					h.nodes[order[k]].length = n
					left--
				}
			}
		}
	}
	lens = make([]uint8, elems)
	for s := range lens {
		if h.nodes[s].count > 0 {
			lens[s] = uint8(h.nodes[s].length)
		}
	}
	return lens, last + 1
}

// prefixCodes returns the codes of such lengths, their bits reversed as they are written (section 3.2.2).
func prefixCodes(lens []uint8) []uint16 {
	var count, next [mostBits + 2]int
	for _, n := range lens {
		count[n]++
	}
	count[0] = 0
	for n := 1; n <= mostBits; n++ {
		next[n+1] = (next[n] + count[n]) << 1
	}
	codes := make([]uint16, len(lens))
	for s, n := range lens {
		if n == 0 {
			continue
		}
		c := next[n]
		next[n]++
		for range n {
			codes[s] = codes[s]<<1 | uint16(c&1)
			c >>= 1
		}
	}
	return codes
}
