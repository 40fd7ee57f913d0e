package lz

import (
	"math/bits"

	"dictnet/codec/internal/rans"
)

// How models begin, by what they learned from edits of text and of machine code, so that short blocks need not learn it again: see rans.Prior. What
// depends on the history does so by how many of the last eight bytes were not the aligned ones.
var (
	sameYoung = [9]uint8{58, 25, 21, 15, 15, 7, 7, 7, 7} // while the alignment is younger than aged bytes
	sameOld   = [9]uint8{58, 39, 37, 31, 30, 17, 15, 11, 2}
	sameFirst = uint8(63) // of the first bytes

	turnedYoung = [9]uint8{42, 26, 20, 18, 13, 11, 10, 10, 10}
	turnedOld   = [9]uint8{31, 12, 12, 13, 11, 8, 7, 7, 3}

	waysPrior = [len(model{}.ways)]uint8{4, 5, 36, 36, 32, 32, 9, 9, 32, 32}

	stepPrior     = rans.IntPrior{1, 5, 7, 10, 13, 13, 13, 13, 13}
	backPrior     = rans.IntPrior{1, 1, 1, 1, 2, 4, 6, 8, 9}
	anywherePrior = rans.IntPrior{1, 1, 1, 1, 1, 1, 1, 1, 1}
	passPrior     = rans.IntPrior{3, 2, 4, 8, 11, 15, 18, 22, 24}
)

const (
	first = 4  // bytes of an alignment that are nearly always the aligned ones
	aged  = 15 // from here on ages count as one
)

// begin gives the models that have one their prior.
func (m *model) begin() {
	for age := range uint32(aged + 1) {
		for hist := range uint32(1 << 8) {
			ones := bits.OnesCount32(hist)
			same, turned := sameYoung[ones], turnedYoung[ones]
			switch {
			case age == aged:
				same, turned = sameOld[ones], turnedOld[ones]
			case age < first:
				same = sameFirst
			}
			m.same[age<<8|hist] = rans.Prior(same)
			m.turned[age<<8|hist] = rans.Prior(turned)
		}
	}
	for i, w := range waysPrior {
		m.ways[i] = rans.Prior(w)
	}
	for i := range m.step {
		m.step[i].Begin(&stepPrior)
	}
	m.back.Begin(&backPrior)
	m.anywhere.Begin(&anywherePrior)
	m.passes.number.Begin(&passPrior)
}
