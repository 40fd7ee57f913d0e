package manifest

import (
	"context"
	"errors"
	"fmt"

	"dictnet/codec"
	"dictnet/merkle"
)

// ErrFork is wrapped by the error of two versions of which neither is the beginning of the other.
var ErrFork = errors.New("versions contradict each other")

// ForkError shows that a version does not extend another. Both were read and checked against their
// roots, so the two names together are the evidence. It wraps ErrFork.
type ForkError struct {
	Old, New codec.DictionaryRef
	At       merkle.Hash // root of the first Old.Size notes of New; zero if New is shorter
	Reason   string
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("%v: %s (%d notes) does not extend %s (%d notes): %s",
		ErrFork, e.New.Manifest, e.New.Size, e.Old.Manifest, e.Old.Size, e.Reason)
}

func (e *ForkError) Unwrap() error { return ErrFork }

// CheckExtends reports whether m is old with notes appended: its first old.Size notes are those of old, in
// order, with the same raw lengths, and the labels that are as old are those of old. It reads a few blocks of each, one path, and the labels.
func (m *Manifest) CheckExtends(ctx context.Context, old *Manifest) error {
	fork := &ForkError{Old: old.Ref(), New: m.Ref()}
	if old.head.Size > m.head.Size {
		fork.Reason = "it is shorter"
		return fork
	}
	at, err := merkle.RootAt(ctx, m, old.head.Size)
	if err != nil {
		return err
	}
	fork.At = at
	if at != old.head.Root {
		fork.Reason = fmt.Sprintf("root of its first %d notes is %s, not %s", old.head.Size, at, old.head.Root)
		return fork
	}
	was, err := old.Labels(ctx)
	if err != nil {
		return err
	}
	now, err := m.Labels(ctx)
	if err != nil {
		return err
	}
	if !was.equal(now.upTo(old.head.Size)) {
		fork.Reason = fmt.Sprintf("the labels of its first %d notes differ", old.head.Size)
		return fork
	}
	// The tree binds the notes. The lengths are bound by the blocks: equal links to full blocks, and equal entries
	// down the right edge of old.
	for p := (place{old.height, 0}); p.height > 0; {
		a, err := old.node(ctx, p)
		if err != nil {
			return err
		}
		b, err := m.node(ctx, p)
		if err != nil {
			return err
		}
		last := len(a.links) - 1
		child := place{p.height - 1, p.index*Fanout + uint64(last)}
		full := child.height == 0 || notesBelow(old.head.Size, child) == 1<<(8*child.height)
		for i := range a.links {
			if (i < last || full) && a.entry(i) != b.entry(i) {
				fork.Reason = fmt.Sprintf("entry %d of %s differs", i, p)
				return fork
			}
		}
		if full {
			return nil
		}
		p = child
	}
	return nil
}
