package codec

import (
	"fmt"
	"slices"

	"dictnet/codec/internal/repair"
	"dictnet/codec/internal/sequitur"
)

// Grammar says how rules are found in the symbols of a frame.
type Grammar uint8

const (
	GrammarRePair   Grammar = iota // the most frequent pair first, over the whole frame (Larsson and Moffat, 1999)
	GrammarSequitur                // in one pass, every pair that occurs twice (Nevill-Manning and Witten, 1997)
)

var grammarNames = [...]string{"repair", "sequitur"}

func (g Grammar) String() string { return grammarNames[g] }

// ParseGrammar returns the grammar of a name: repair or sequitur.
func ParseGrammar(name string) (Grammar, error) {
	if i := slices.Index(grammarNames[:], name); i >= 0 {
		return Grammar(i), nil
	}
	return 0, fmt.Errorf("%w: no grammar is named %q, want repair or sequitur", ErrOption, name)
}

// liveSymbols is how many symbols Sequitur may yet change, at about 60 bytes each.
const liveSymbols = 1 << 16

func (g Grammar) compress(sequence []uint32, terminals uint32, minPairFreq int) ([]uint32, []repair.Rule) {
	if g == GrammarSequitur {
		return sequitur.Compress(sequence, terminals, liveSymbols, maxDepth)
	}
	return repair.Compress(sequence, terminals, minPairFreq, maxDepth)
}
