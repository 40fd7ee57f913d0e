package dictnet

import (
	"context"
	"fmt"
	"iter"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
)

// needed lists the notes that reading the spans takes, each once: those that the spans touch, in tape order, and those that derived ones are coded against, and so on. Get returns the
// block of a note; nil if it is not to be had, and then nobody knows yet what that one is coded against.
func (t *Tape) needed(ctx context.Context, spans iter.Seq2[codec.Span, error], get func(context.Context, cid.Cid) ([]byte, error)) iter.Seq2[manifest.Note, error] {
	return func(yield func(manifest.Note, error) bool) {
		seen := make(map[uint64]bool)
		var behind []codec.Span // that derived notes are coded against
		visit := func(spans []codec.Span) bool {
			for n, err := range t.notesOf(ctx, spans) {
				if err != nil {
					return yield(n, err) && false
				}
				if seen[n.Index] {
					continue
				}
				seen[n.Index] = true
				if !yield(n, nil) {
					return false
				}
				block, err := get(ctx, n.CID)
				if err != nil {
					return yield(n, err) && false
				}
				more, err := codec.References(block, n.Start)
				if err != nil {
					return yield(n, fmt.Errorf("note %d (%s): %w", n.Index, n.CID, err)) && false
				}
				behind = append(behind, more...)
			}
			return true
		}
		for s, err := range spans {
			if err != nil {
				yield(manifest.Note{}, err)
				return
			}
			behind = append(behind, s)
		}
		for len(behind) > 0 {
			some := codec.JoinSpans(behind) // a template may name the whole tape a million times
			behind = nil
			if !visit(some) {
				return
			}
		}
	}
}
