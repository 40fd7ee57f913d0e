package codec

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// noteCache reads a tape and keeps the notes that were read last. It is safe for concurrent use.
type noteCache struct {
	tape    Tape
	runs    runCache
	lending atomic.Int32 // whoever borrows notes at the moment
}

// Notes that a cache keeps, of up to 240 KiB and half that on average: more while a dictionary is made, where places far apart are compared, and more
// still while encoding, as a profile's shape says.
const (
	buildNotes = 192

	decodeNotes = 16
)

// newNoteCache returns a cache of so many notes; nil if there is no tape.
func newNoteCache(t Tape, notes int) *noteCache {
	if t == nil {
		return nil
	}
	return &noteCache{tape: t, runs: runCache{max: notes}}
}

func (c *noteCache) size() uint64 {
	if c == nil {
		return 0
	}
	return c.tape.Size()
}

// prefetcher returns the tape if it wants to know what will be read.
func (c *noteCache) prefetcher() (Prefetcher, bool) {
	if c == nil {
		return nil, false
	}
	p, ok := c.tape.(Prefetcher)
	return p, ok
}

// borrow lets the cache borrow notes from the tape, for all who read them, until end is called: by then whoever holds one has released it, or does so soon.
func (c *noteCache) borrow() (end func()) {
	if c == nil {
		return func() {}
	}
	c.lending.Add(1)
	return func() {
		if c.lending.Add(-1) == 0 {
			c.runs.giveBack()
		}
	}
}

// at returns the bytes of the note that holds byte pos of the tape, and that note's first byte's position. The caller may keep them.
func (c *noteCache) at(ctx context.Context, pos uint64) (start uint64, raw []byte, err error) {
	r, err := c.hold(ctx, pos)
	if err != nil {
		return 0, nil, err
	}
	if r.giveBack == nil {
		return r.start, r.raw, nil
	}
	defer c.runs.release(r)
	return r.start, slices.Clone(r.raw), nil
}

// hold returns the note that holds byte pos of the tape, to be read until it is released.
func (c *noteCache) hold(ctx context.Context, pos uint64) (*cachedRun, error) {
	for {
		r, err := c.runs.get(ctx, pos)
		if r != nil || err != nil {
			return r, err
		}
		s, err := c.locate(ctx, pos)
		if err != nil {
			return nil, err
		}
		if s.Len == 0 {
			start, raw, _, err := c.ask(ctx, pos, false)
			if err != nil {
				return nil, err
			}
			return c.runs.add(start, raw), nil
		}
		if r = c.runs.begin(pos, s.Pos, s.Pos+s.Len); r != nil {
			if err := c.load(ctx, r, pos); err != nil {
				return nil, err
			}
			return r, nil
		}
	}
}

// heldNote reads a tape for one who reads a note at a time.
type heldNote struct {
	notes *noteCache
	run   *cachedRun // the note that was read last; nil: none is held
}

// at returns the bytes of the note that holds byte pos of the tape, and that note's first byte's position. They are valid until the next call, or release.
func (h *heldNote) at(ctx context.Context, pos uint64) (start uint64, raw []byte, err error) {
	if r := h.run; r != nil && r.start <= pos && pos < r.end {
		return r.start, r.raw, nil
	}
	h.release()
	r, err := h.notes.hold(ctx, pos)
	if err != nil {
		return 0, nil, err
	}
	h.run = r
	return r.start, r.raw, nil
}

func (h *heldNote) release() {
	if h.run != nil {
		h.notes.runs.release(h.run)
		h.run = nil
	}
}

// ahead loads the note that holds byte pos in the background, unless it is there or on its way, and returns
// where it ends. Before it loads, it calls wait. A tape that does not say where notes end has them loaded one after the other.
func (c *noteCache) ahead(ctx context.Context, g *sync.WaitGroup, pos uint64, wait func(size uint64) error) (end uint64, err error) {
	if end, ok := c.runs.peek(pos); ok {
		return end, nil
	}
	s, err := c.locate(ctx, pos)
	if err != nil {
		return 0, err
	}
	if err := wait(s.Len); err != nil {
		return 0, err
	}
	if s.Len == 0 {
		r := c.runs.begin(pos, 0, math.MaxUint64) // it may be any
		if r == nil {
			return pos + 1, nil
		}
		defer c.runs.release(r)
		err := c.load(ctx, r, pos)
		return r.end, err
	}
	if r := c.runs.begin(pos, s.Pos, s.Pos+s.Len); r != nil {
		g.Go(func() {
			_ = c.load(ctx, r, pos)
			c.runs.release(r)
		})
	}
	return s.Pos + s.Len, nil
}

// locate asks the tape where the note is that holds byte pos. Len is 0 if the tape does not say.
func (c *noteCache) locate(ctx context.Context, pos uint64) (Span, error) {
	l, ok := c.tape.(Locator)
	if !ok {
		return Span{}, nil
	}
	s, err := l.Locate(ctx, pos)
	if err != nil {
		return Span{}, tapeError(err, pos)
	}
	if pos < s.Pos || pos-s.Pos >= s.Len {
		return Span{}, fmt.Errorf("tape locates byte %d in a note of %d bytes at %d", pos, s.Len, s.Pos)
	}
	return s, nil
}

// tapeError keeps an io.EOF of a tape, or an io.ErrUnexpectedEOF, from being taken for the end of what is played.
func tapeError(err error, pos uint64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("tape ends at byte %d: %w", pos, err)
	}
	return err
}

// load loads the note that holds byte pos into a run that has begun.
func (c *noteCache) load(ctx context.Context, r *cachedRun, pos uint64) error {
	start, raw, giveBack, err := c.ask(ctx, pos, c.lending.Load() > 0)
	if giveBack != nil {
		c.runs.lend(r, giveBack)
	}
	c.runs.finish(r, start, raw, err)
	if giveBack != nil && c.lending.Load() == 0 { // by now
		c.runs.giveBack()
	}
	return err
}

// ask asks the tape for the note that holds byte pos, which it may lend.
func (c *noteCache) ask(ctx context.Context, pos uint64, lend bool) (start uint64, raw []byte, giveBack func(), err error) {
	if err := ctx.Err(); err != nil {
		return 0, nil, nil, err
	}
	if l, ok := c.tape.(Lender); ok && lend {
		start, raw, giveBack, err = l.Lend(ctx, pos)
	} else {
		start, raw, err = c.tape.NoteAt(ctx, pos)
	}
	if err != nil {
		return 0, nil, nil, tapeError(err, pos)
	}
	if pos < start || pos-start >= uint64(len(raw)) {
		if giveBack != nil {
			giveBack()
		}
		return 0, nil, nil, fmt.Errorf("tape gives bytes %d to %d where byte %d is asked for", start, start+uint64(len(raw)), pos)
	}
	return start, raw, giveBack, nil
}

// read appends the bytes of a span to b.
func (c *noteCache) read(ctx context.Context, b []byte, s Span) ([]byte, error) {
	h := heldNote{notes: c}
	defer h.release()
	return source(func(pos uint64) (uint64, []byte, error) { return h.at(ctx, pos) }).read(b, s)
}
