package codec

import (
	"cmp"
	"slices"
)

// JoinSpans sorts spans and makes one of those that overlap or touch. Those of length 0 are left out. It returns a slice of its own.
func JoinSpans(spans []Span) []Span {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.Pos, b.Pos) })
	out := spans[:0]
	for _, s := range spans {
		if k := len(out) - 1; k >= 0 && s.Pos <= out[k].Pos+out[k].Len {
			out[k].Len = max(out[k].Pos+out[k].Len, s.Pos+s.Len) - out[k].Pos
		} else if s.Len > 0 {
			out = append(out, s)
		}
	}
	return out
}
