package records

import "slices"

// perByte is what a byte may cost: a token is worth what it leaves of that for its bytes.
const perByte = 9 * bit / 4

// likely is from which length on nothing but a phrase is looked for, and what goes on where it stands.
const likely = 4

// greedy finds tokens for a record as parse does: from the first byte on, the one that is worth most where it stands.
func (e *encoder) greedy(p *parser, r []byte) {
	n := len(r)
	p.edges = slices.Grow(p.edges[:0], n+1)[:n+1]
	clear(p.heads[:])
	nodes := e.words.nodes
	inserted := 0
	h := uint32(0)
	for i := 0; i < n; {
		costs := &e.cells[e.context(h)]
		t := edge{uint16(r[i]), 1, 0}
		best := perByte - int32(costs[r[i]].cost)
		// Phrases.
		before := byte(h)
		var known, knownLen uint32 // the longest
		from, at := int32(0), nodes[0].base
		for j := i; j < n; {
			node := at + int32(r[j])
			x := &nodes[node]
			if x.check != from {
				break
			}
			j++
			from, at = node, x.base
			if x.word > 0 {
				w := uint32(x.word - 1)
				known, knownLen = w, uint32(j-i)
				if v := int32(j-i)*perByte - int32(costs[symPhrase].cost) - int32(e.phraseCost(w, before)); v > best {
					best, t = v, edge{symPhrase, uint16(j - i), w}
				}
			}
			if at < 0 {
				w := uint32(-1 - at)
				if x := e.phrases[w]; i+int(x.len) <= n && common(e.content[x.pos+uint32(j-i):x.pos+x.len], r[j:]) == x.len-uint32(j-i) {
					known, knownLen = w, x.len
					if v := int32(x.len)*perByte - int32(costs[symPhrase].cost) - int32(e.phraseCost(w, before)); v > best {
						best, t = v, edge{symPhrase, uint16(x.len), w}
					}
				}
				break
			}
		}
		// The tape: where the phrase stands, or where these bytes stand first.
		var place, l uint32
		if knownLen >= likely {
			place = e.phrases[known].pos
			l = knownLen + common(e.content[place+knownLen:], r[i+int(knownLen):])
		} else {
			place, l = e.spans.any(r[i:])
		}
		if l >= minTape && l > knownLen {
			v := int32(l)*perByte - int32(costs[symTape].cost) - int32(e.tapePlace[place>>e.place]) - int32(e.tapeLen[min(l-minTape, maxLength)])
			if v > best {
				best, t = v, edge{symTape, uint16(l), place}
			}
		}
		// The record itself.
		if t.len < 16 && i+4 <= n {
			for ; inserted < i; inserted++ {
				p.heads[hash4(r[inserted:])] = uint16(inserted + 1)
			}
			if cand := int(p.heads[hash4(r[i:])]); cand > 0 {
				cand--
				if l := int(common(r[cand:n-i+cand], r[i:])); l >= minSelf {
					dist := uint32(i - cand)
					class, _ := numberClass(dist - 1)
					v := int32(l)*perByte - int32(costs[symSelf].cost) - int32(e.selfDist[class]) - int32(e.selfLen[min(l-minSelf, maxLength)])
					if v > best {
						t = edge{symSelf, uint16(l), dist}
					}
				}
			}
		}
		i += int(t.len)
		p.edges[i] = t
		h = history(r, i)
	}
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
