package dictnet

import (
	"context"

	"dictnet/dictnet/manifest"
)

// Here reports whether a note is in the store, unchecked.
func (t *Tape) Here(ctx context.Context, n manifest.Note) (bool, error) {
	return t.client.blocks.Has(ctx, n.CID)
}

// Note returns which note holds byte pos.
func (t *Tape) Note(ctx context.Context, pos uint64) (manifest.Note, error) {
	return t.m.Locate(ctx, pos)
}

// Here reports whether a note is in the store, unchecked.
func (t *PortableTape) Here(ctx context.Context, n manifest.Note) (bool, error) {
	return t.client.blocks.Has(ctx, n.CID)
}
