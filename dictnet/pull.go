package dictnet

import (
	"context"
	"fmt"

	"dictnet/codec"
	"dictnet/dictnet/store"
)

// Progress says how far a long piece of work has come.
type Progress struct {
	Notes, OfNotes uint64
	Bytes, OfBytes uint64 // of the tape
}

// Pull brings a whole version here, pages first and then every note, and pins it under name. What is here
// already is not fetched again, so a pull that was interrupted goes on where it ended. progress may be nil.
func (c *Client) Pull(ctx context.Context, ref codec.DictionaryRef, name string, progress func(Progress)) error {
	if c.o.Store.ReadOnly() {
		return fmt.Errorf("pull %s: %w", ref.Manifest, store.ErrReadOnly)
	}
	t, err := c.Open(ctx, ref)
	if err != nil {
		return err
	}
	if err := t.m.Load(ctx, nil); err != nil {
		return fmt.Errorf("pull %s: %w", ref.Manifest, err)
	}
	if err := c.pullArchives(ctx, t); err != nil {
		return fmt.Errorf("pull %s: %w", ref.Manifest, err)
	}
	p := Progress{OfNotes: ref.Size, OfBytes: t.Size()}
	for n, err := range c.ensure(ctx, t.m.Notes(ctx, 0)) {
		if err != nil {
			return fmt.Errorf("pull %s: %w", ref.Manifest, err)
		}
		p.Notes++
		p.Bytes += uint64(n.RawLen)
		if progress != nil {
			progress(p)
		}
	}
	return c.o.Store.Pin(ctx, ref.Manifest, name)
}
