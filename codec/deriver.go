package codec

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// GetNote returns the checked note that holds byte pos of a tape, and the position of its first byte.
type GetNote func(ctx context.Context, pos uint64) (start uint64, n Note, err error)

// Deriver reads a tape some of whose notes are derived. Each of those is opened once: what it holds is kept, 8 MiB of it in memory
// and the rest in a temporary file, which goes with the Deriver. It is safe for concurrent use.
type Deriver struct {
	get      GetNote
	prefetch func(context.Context, []Span)
	slots    chan struct{} // a reader has one while it opens a derived note, and all that takes

	opening runCache
	kept    keptRuns

	mu     sync.Mutex
	depths map[uint64]int // of the derived notes that have been met, by their begin
}

const (
	derivers   = 2    // derived notes that are opened at a time, each with up to 8 MiB of others at hand
	mostOpened = 4096 // notes that may be opened for the sake of one
)

// errSpent says that who wants a note has opened as many others for it as may be.
var errSpent = fmt.Errorf("%w: it takes more than %d others to open it", ErrNote, mostOpened)

// NewDeriver returns a Deriver that gets notes by get. Prefetch, if it is not nil, is told which spans it is about to get, as a [Prefetcher] is.
func NewDeriver(get GetNote, prefetch func(context.Context, []Span)) *Deriver {
	return &Deriver{get: get, prefetch: prefetch, slots: make(chan struct{}, derivers), opening: runCache{max: derivers}, depths: make(map[uint64]int)}
}

// NoteAt is that of a [Tape].
func (d *Deriver) NoteAt(ctx context.Context, pos uint64) (start uint64, raw []byte, err error) {
	if start, raw, err = d.kept.at(pos); raw != nil || err != nil {
		return start, raw, err
	}
	start, n, err := d.get(ctx, pos)
	if err != nil || n.Derived == nil {
		return start, n.Raw, err
	}
	select { // taken before the note is said to be on its way, so that whoever waits for it waits for somebody at work
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
	left := mostOpened
	return d.at(ctx, pos, maxDerivedDepth+1, &left)
}

// at returns the note that holds pos, which must be less deep than depth, whoever has opened it. It may open so many others as are left.
func (d *Deriver) at(ctx context.Context, pos uint64, depth int, left *int) (start uint64, raw []byte, err error) {
	for {
		r, err := d.opening.get(ctx, pos)
		if errors.Is(err, errSpent) {
			continue // what another reader had left when it came here says nothing of this one
		}
		if err != nil {
			return 0, nil, err
		}
		if r != nil {
			return r.start, r.raw, d.checkDepth(r.start, depth)
		}
		if start, raw, err = d.kept.at(pos); err != nil {
			return 0, nil, err
		}
		if raw != nil {
			return start, raw, d.checkDepth(start, depth)
		}
		start, n, err := d.get(ctx, pos)
		if err != nil || n.Derived == nil {
			return start, n.Raw, err
		}
		d.mu.Lock()
		d.depths[start] = n.Derived.depth
		d.mu.Unlock()
		if err := d.checkDepth(start, depth); err != nil {
			return 0, nil, err
		}
		if *left--; *left < 0 {
			return 0, nil, errSpent
		}
		if r = d.opening.begin(pos, start, start+uint64(n.Derived.rawLen)); r != nil {
			raw, err = d.open(ctx, start, n.Derived, left)
			d.opening.finish(r, start, raw, err)
			return start, raw, err
		}
	}
}

// checkDepth checks that the note that begins at start is less deep than depth.
func (d *Deriver) checkDepth(start uint64, depth int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.depths[start]; n >= depth {
		return fmt.Errorf("%w: the derived note at byte %d of the tape has depth %d, where less than %d is wanted", ErrNote, start, n, depth)
	}
	return nil
}

// open opens a derived note and keeps it.
func (d *Deriver) open(ctx context.Context, start uint64, n *Derived, left *int) ([]byte, error) {
	ref := n.reference(start)
	if d.prefetch != nil {
		d.prefetch(ctx, ref.pieces)
	}
	old := make([]byte, 0, ref.size())
	var first uint64
	var note []byte // the one that was read last: many pieces may be of the same
	for _, s := range ref.pieces {
		var err error
		old, err = source(func(pos uint64) (uint64, []byte, error) {
			if pos-first < uint64(len(note)) {
				return first, note, nil
			}
			var err error
			first, note, err = d.at(ctx, pos, n.depth, left)
			return first, note, err
		}).read(old, s)
		if err != nil {
			return nil, err
		}
	}
	raw, err := n.open(ctx, counterpart{old, ref})
	if err != nil {
		return nil, err
	}
	return raw, d.kept.add(start, raw)
}

// References returns the spans of the tape, ascending, that the note which holds byte pos is coded against: none if it is not derived.
func (d *Deriver) References(ctx context.Context, pos uint64) ([]Span, error) {
	start, n, err := d.get(ctx, pos)
	if err != nil || n.Derived == nil {
		return nil, err
	}
	return n.Derived.reference(start).pieces, nil
}

// Depth returns how deep the note that holds byte pos is: 0 if it is not derived, else 1 to 63, more than any it is coded against.
func (d *Deriver) Depth(ctx context.Context, pos uint64) (int, error) {
	_, n, err := d.get(ctx, pos)
	if err != nil || n.Derived == nil {
		return 0, err
	}
	return n.Derived.depth, nil
}
