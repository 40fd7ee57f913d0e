package records

import (
	"bytes"
	"cmp"
	"slices"

	"dictnet/codec/internal/repair"
)

// train makes the unit of a dictionary for records like the samples: what they share, and a model of how they use it.
func train(samples [][]byte, budget int) []byte {
	content, segments := cover(samples, budget, segmentLen)
	// At first a part of the budget, so that there is room for the model; when that is known, the rest.
	half := 0
	for half < len(segments) && segments[half].at < budget*contentShare/100 {
		half++
	}
	if half < len(segments) {
		content = content[:segments[half].at]
	}
	rest := segments[half:]
	segments = segments[:half]
	few := thin(samples, trainBytes)
	texts := candidates(samples, thin(samples, repairBytes), maxPhrases)
	content, phrases := place(content, texts, budget/16)
	n := &counts{}
	n.begin(samples, few, len(phrases))
	st := n.statistics(phrases, worth)
	for round := range 5 {
		if round == 3 {
			room := budget - footerLen - len(content) - len(st.pack(content))*102/100
			for _, s := range rest {
				if room -= s.to - s.from; room < 0 {
					break
				}
				s.at = len(content)
				content = append(content, samples[s.sample][s.from:s.to]...)
				segments = append(segments, s)
			}
		}
		m := newModel(st, content)
		e := newEncoder(m)
		n = newCounts(len(m.phrases))
		p := new(parser)
		by := barredBySample(segments, len(samples))
		for _, i := range few {
			e.parse(p, samples[i], by[i])
			n.add(e, p, samples[i])
		}
		phrases = m.phrases
		st = n.statistics(phrases, worth)
	}
	packed := st.pack(content)
	for w := worth + 1; len(packed) > budget-len(content)-footerLen; w += w / 4 {
		packed = n.statistics(phrases, w).pack(content)
	}
	return joinUnit(content, packed)
}

const (
	segmentLen   = 256     // bytes of content that are chosen at once, about
	contentShare = 45      // percent of the budget that content has while the model is being made
	worth        = 3       // times that something is used before it is worth its place in the model
	trainBytes   = 6 << 20 // of samples that are parsed
	repairBytes  = 2 << 20 // of samples that phrases are looked for in
)

// thin returns the numbers of samples, evenly spread, that have about n bytes in all.
func thin(samples [][]byte, n int) (few []int) {
	total := 0
	for _, s := range samples {
		total += len(s)
	}
	sum := 0
	for i := range samples {
		if sum += min(n, total); sum >= total {
			sum -= total
			few = append(few, i)
		}
	}
	return few
}

// candidates returns strings that come often, found by recursive pairing, the most useful first.
func candidates(samples [][]byte, few []int, most int) [][]byte {
	var seq []uint32
	for _, i := range few {
		for _, c := range samples[i] {
			seq = append(seq, uint32(c))
		}
		seq = append(seq, uint32(256+len(seq))) // no pair goes across
	}
	terminals := uint32(256 + len(seq))
	out, rules := repair.Compress(seq, terminals, 4, 64)
	count := make([]int, len(rules))
	use := func(s uint32, n int) {
		if s >= terminals {
			count[s-terminals] += n
		}
	}
	for _, s := range out {
		use(s, 1)
	}
	for i := len(rules) - 1; i >= 0; i-- {
		use(rules[i].Left, count[i])
		use(rules[i].Right, count[i])
	}
	texts := make([][]byte, len(rules))
	text := func(s uint32) []byte {
		if s < 256 {
			return []byte{byte(s)}
		}
		return texts[s-terminals]
	}
	type found struct {
		text  []byte
		score int
	}
	var list []found
	seen := map[string]bool{}
	for i, r := range rules {
		left, right := text(r.Left), text(r.Right)
		if left == nil || right == nil || len(left)+len(right) > maxPhrase {
			continue // and what is made of it
		}
		texts[i] = slices.Concat(left, right)
		if !seen[string(texts[i])] {
			seen[string(texts[i])] = true
			list = append(list, found{texts[i], count[i] * (len(texts[i]) + 2)})
		}
	}
	slices.SortStableFunc(list, func(a, b found) int { return cmp.Compare(b.score, a.score) })
	list = list[:min(len(list), most)]
	texts = texts[:0]
	for _, f := range list {
		texts = append(texts, f.text)
	}
	return texts
}

// place finds texts on the tape, and appends those that are not there, up to room bytes.
func place(content []byte, texts [][]byte, room int) ([]byte, []phrase) {
	x := newSpanIndex(content)
	var phrases []phrase
	limit := len(content) + room
	base := len(content)
	for _, t := range texts {
		at := -1
		if len(t) >= 8 {
			if p, n := x.longest(t); int(n) == len(t) {
				at = int(p)
			}
		} else {
			at = bytes.Index(content, t)
		}
		if at < 0 {
			if at = bytes.Index(content[base:], t); at >= 0 {
				at += base
			}
		}
		if at < 0 && len(content)+len(t) <= limit {
			at = len(content)
			content = append(content, t...)
		}
		if at >= 0 {
			phrases = append(phrases, phrase{uint32(at), uint32(len(t))})
		}
	}
	slices.SortFunc(phrases, comparePhrases)
	return content, slices.Compact(phrases)
}

func comparePhrases(a, b phrase) int {
	return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(a.len, b.len))
}
