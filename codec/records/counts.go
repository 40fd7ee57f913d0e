package records

import (
	"maps"
	"slices"
)

// counts is how often samples use what a model offers.
type counts struct {
	symbol map[uint64]uint32 // by context of three bytes << 9 | symbol
	phrase []uint32
	after  map[uint64]uint32 // by phrase << 8 | byte before
	number [numbers][]uint32
}

func newCounts(phrases int) *counts {
	n := &counts{symbol: map[uint64]uint32{}, phrase: make([]uint32, phrases), after: map[uint64]uint32{}}
	for k, size := range numberSizes {
		n.number[k] = make([]uint32, size)
	}
	return n
}

// begin guesses.
func (n *counts) begin(samples [][]byte, few []int, phrases int) {
	*n = *newCounts(phrases)
	for _, i := range few {
		h := uint32(0)
		for _, c := range samples[i] {
			key := uint64(h&0xff) << 9 // one byte is enough
			n.symbol[key|uint64(c)] += 16
			n.symbol[key|symPhrase] += 6
			n.symbol[key|symTape] += 1
			n.symbol[key|symSelf] += 1
			h = h<<8 | uint32(c)
		}
	}
	for i := range n.phrase {
		n.phrase[i] = 64
	}
	for k := range n.number {
		for i := range n.number[k] {
			n.number[k][i] = 64
		}
	}
}

// add counts what parse found for a record.
func (n *counts) add(e *encoder, p *parser, r []byte) {
	for at := len(r); at > 0; {
		t := p.steps[at]
		at -= t.len()
		h := uint64(history(r, at))
		n.symbol[h<<9|uint64(t.symbol())]++
		switch t.symbol() {
		case symPhrase:
			n.phrase[t.arg()]++
			n.after[uint64(t.arg())<<8|h&0xff]++
		case symTape:
			n.number[numTapePlace][t.arg()>>e.place]++
			class, _ := numberClass(uint32(t.len()) - minTape)
			n.number[numTapeLen][class]++
		case symSelf:
			class, _ := numberClass(t.arg() - 1)
			n.number[numSelfDist][class]++
			class, _ = numberClass(uint32(t.len()) - minSelf)
			n.number[numSelfLen][class]++
		}
	}
}

// statistics makes the model's classes of what was counted.
func (n *counts) statistics(phrases []phrase, worth int) *statistics {
	st := &statistics{contexts: map[uint32][]uint8{}}
	for k := range n.number {
		total := uint64(0)
		for _, c := range n.number[k] {
			total += uint64(c) + 1
		}
		for _, c := range n.number[k] {
			st.number[k] = append(st.number[k], classOf(uint64(c)+1, total))
		}
	}
	n.contexts(st, worth)
	// Phrases.
	renumber := make([]int, len(phrases))
	var kept []uint32
	for i, c := range n.phrase {
		renumber[i] = -1
		if int(c) >= worth {
			renumber[i] = len(st.phrases)
			st.phrases = append(st.phrases, phrases[i])
			kept = append(kept, c)
		}
	}
	var inAfter [256]uint64
	var escaped [256]uint64
	global := make([]uint64, len(kept))
	for _, key := range slices.Sorted(maps.Keys(n.after)) {
		i, b, c := renumber[key>>8], key&0xff, uint64(n.after[key])
		if i < 0 {
			continue
		}
		inAfter[b] += c
		if c < 2 {
			escaped[b] += c
			global[i] += c
		}
	}
	if len(n.after) == 0 { // a guess
		for i, c := range kept {
			global[i] = uint64(c)
		}
	}
	var totalGlobal uint64
	for i := range global {
		global[i]++
		totalGlobal += global[i]
	}
	for i := range global {
		st.global = append(st.global, classOf(global[i], totalGlobal))
	}
	for _, key := range slices.Sorted(maps.Keys(n.after)) {
		i, b, c := renumber[key>>8], key&0xff, uint64(n.after[key])
		if i < 0 || c < 2 {
			continue
		}
		if st.after[b] == nil {
			e := escaped[b] + 1
			st.after[b] = map[int]uint8{-1: classOf(e, inAfter[b]+1)}
		}
		st.after[b][i] = classOf(c, inAfter[b]+1)
	}
	return st
}

type tally struct {
	sym uint16
	n   uint64
}

// contexts chooses contexts, the longest first: one is kept where it says so much more than the shorter one that it is worth its bytes. What it does not
// keep, the shorter one has to say.
func (n *counts) contexts(st *statistics, worth int) {
	// Full counts of every length say what a shorter context would cost.
	full := [4]map[uint64]uint64{3: {}, 2: {}, 1: {}, 0: {}}
	sums := [4]map[uint32]uint64{3: {}, 2: {}, 1: {}, 0: {}}
	for key, c := range n.symbol {
		h, s := uint32(key>>9), key&511
		for k := range full {
			x := contextKey(k, h)
			full[k][uint64(x)<<9|s] += uint64(c)
			sums[k][x] += uint64(c)
		}
	}
	left := map[uint64]uint64{} // by key of a context << 9 | symbol
	for key, c := range n.symbol {
		left[uint64(contextKey(3, uint32(key>>9)))<<9|key&511] += uint64(c)
	}
	keep := map[uint32]bool{} // has a longer one
	for k := 3; k >= 0; k-- {
		lower := map[uint64]uint64{}
		keys := slices.Sorted(maps.Keys(left))
		for i := 0; i < len(keys); {
			x := uint32(keys[i] >> 9)
			var list []tally
			var total uint64
			for ; i < len(keys) && uint32(keys[i]>>9) == x; i++ {
				c := left[keys[i]]
				list = append(list, tally{uint16(keys[i] & 511), c})
				total += c
			}
			if k == 0 {
				own := make([]uint8, symbols)
				for s := range symEscape {
					own[s] = 1
				}
				for _, t := range list {
					own[t.sym] = classOf(t.n, total)
				}
				st.contexts[x] = own
				continue
			}
			up := contextKey(k-1, x)
			own := make([]uint8, symbols)
			var escape uint64
			distinct := uint64(0)
			held := 0
			for _, t := range list {
				if t.n >= 2 {
					held++
				} else {
					escape += t.n
				}
				distinct++
			}
			escape += distinct/4 + 1
			all := total + distinct/4 + 1
			gain := 0
			for _, t := range list {
				lowCost := int(log2(sums[k-1][up])) - int(log2(full[k-1][uint64(up)<<9|uint64(t.sym)]))
				if t.n >= 2 {
					gain += int(t.n) * (lowCost - int(log2(all)) + int(log2(t.n)))
				} else {
					gain += int(t.n) * (int(log2(escape)) - int(log2(all)))
				}
			}
			if !keep[x] && gain < worth*bit*(7*held+20)/2 {
				for _, t := range list {
					lower[uint64(up)<<9|uint64(t.sym)] += t.n
				}
				continue
			}
			keep[up] = true
			for _, t := range list {
				if t.n >= 2 {
					own[t.sym] = classOf(t.n, all)
				} else {
					lower[uint64(up)<<9|uint64(t.sym)] += t.n
				}
			}
			own[symEscape] = classOf(escape, all)
			st.contexts[x] = own
		}
		// A context that has a longer one is there, even if nothing is left for it to say.
		if k > 0 {
			for x := range keep {
				if int(x>>24) == k && st.contexts[x] == nil {
					own := make([]uint8, symbols)
					own[symEscape] = 1
					st.contexts[x] = own
					keep[contextKey(k-1, x)] = true
				}
			}
		}
		left = lower
	}
	if st.contexts[0] == nil {
		own := make([]uint8, symbols)
		for s := range symEscape {
			own[s] = 1
		}
		st.contexts[0] = own
	}
}
