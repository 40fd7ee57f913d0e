package dictnet

import (
	"context"

	"dictnet/dictnet/manifest"
)

// Here reports whether a note is in the store, unchecked.
func (t *Tape) Here(ctx context.Context, n manifest.Note) (bool, error) {
	return t.client.blocks.Has(ctx, n.CID)
}
