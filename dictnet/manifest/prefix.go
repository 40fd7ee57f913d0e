package manifest

import (
	"context"
	"fmt"

	"dictnet/codec"
)

// Prefix writes the right edge of the version that had only the first size notes, and returns its name:
// the one it was published under, if m extends it: labels say since when they are. So an old version is found and checked, lengths included, by who
// has only a later one. It reads one path of m.
func (m *Manifest) Prefix(ctx context.Context, store Store, size uint64) (codec.DictionaryRef, error) {
	if size > m.head.Size {
		return codec.DictionaryRef{}, fmt.Errorf("%d notes have no prefix of %d", m.head.Size, size)
	}
	if size == m.head.Size {
		return m.Ref(), nil
	}
	labels, err := m.Labels(ctx)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	a := &Appender{labels: labels.upTo(size), store: store, levels: make([][]entry, m.height+1), size: size}
	left := size // notes to take from the block at p, fewer than it has
	for p := (place{m.height, 0}); left > 0; {
		n, err := m.node(ctx, p)
		if err != nil {
			return codec.DictionaryRef{}, err
		}
		below := 8 * (p.height - 1)
		whole := int(left >> below)
		for i := range whole {
			e := n.entry(i)
			a.levels[p.height-1] = append(a.levels[p.height-1], e)
			a.length += e.length
		}
		left -= uint64(whole) << below
		p = place{p.height - 1, p.index*Fanout + uint64(whole)}
	}
	return a.Finish(ctx)
}
