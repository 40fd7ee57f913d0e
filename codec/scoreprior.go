package codec

import "dictnet/codec/internal/rans"

// How the models of a score begin, by what the scores of edited files have in common (section 4.3): how often each play code follows a span of the tape, a
// fresh local note, or anything else; and what numbers are like.
var (
	playsAfterSpan  = [1 << 4]int{2, 50, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4}
	playsAfterFresh = [1 << 4]int{48, 1, 1, 1, 3, 2, 1, 1, 1, 1, 1, 2, 2}
	playsAfterOther = [1 << 4]int{20, 20, 4, 8, 1, 1, 1, 1, 1, 1, 1, 1, 6}

	numberPriors = [streamCount]rans.IntPrior{
		streamTapeLen:    {1, 1, 1, 1, 1, 1, 1, 5, 16},
		streamTapePos:    {42, 3, 8, 5, 6, 12, 12, 14, 13}, // under code 0
		streamLocalLen:   {2, 1, 1, 1, 1, 2, 4, 5, 7},
		streamRepeatDist: {1, 1, 1, 1, 1, 1, 1, 1, 1},
		streamRepeatLen:  {3, 3, 1, 1, 1, 1, 1, 1, 1},
	}
	threadPosPrior = rans.IntPrior{3, 4, 4, 4, 6, 8, 16, 16, 8} // under codes 4 to 10
	newPosPrior    = rans.IntPrior{1, 1, 1, 1, 1, 1, 1, 1, 1}   // under code 11
	backPrior      = rans.IntPrior{1, 4, 8, 8, 10, 13, 16, 26, 40}
)

// begin makes models that are all zero those of a score that begins.
func (m *scoreModels) begin() {
	m.last = codeFresh
	for last := range m.play {
		follow := &playsAfterOther
		switch {
		case last == codeFresh:
			follow = &playsAfterFresh
		case last == codeTape || codeThread <= last && last <= codeNew:
			follow = &playsAfterSpan
		}
		beginTree(m.play[last][:], follow[:])
	}
	m.back.Begin(&backPrior)
	for k := streamTapeLen; k < streamCount; k++ {
		for code := range m.of[k] {
			m.of[k][code].Begin(&numberPriors[k])
		}
	}
	for code := codeThread; code < codeNew; code++ {
		m.of[streamTapePos][code].Begin(&threadPosPrior)
	}
	m.of[streamTapePos][codeNew].Begin(&newPosPrior)
}

// beginTree gives each model of a tree the prior that follows from how often each value comes, where any does.
func beginTree(tree []rans.Prob, often []int) {
	sums := make([]int, 2*len(often)) // of what is below each node
	copy(sums[len(often):], often)
	for n := len(often) - 1; n > 0; n-- {
		if sums[n] = sums[2*n] + sums[2*n+1]; sums[n] > 0 {
			tree[n] = rans.Prior(uint8(max(1, min(63, 64*sums[2*n+1]/sums[n]))))
		}
	}
}
