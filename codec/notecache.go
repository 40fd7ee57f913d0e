package codec

import (
	"context"
	"fmt"
	"sync"
)

// noteCache keeps the notes of a tape that were read last. It is safe for concurrent use.
type noteCache struct {
	tape Tape
	mu   sync.Mutex
	held []*heldNote // the most recently used last
	max  int         // notes held
}

type heldNote struct {
	start uint64
	raw   []byte
}

// cachedNotes is how many notes a cache holds: at most 30 MiB.
const cachedNotes = 128

func newNoteCache(t Tape) *noteCache {
	if t == nil {
		return nil
	}
	return &noteCache{tape: t, max: cachedNotes}
}

func (c *noteCache) size() uint64 {
	if c == nil {
		return 0
	}
	return c.tape.Size()
}

// at returns the bytes of the tape from pos to the end of the note that holds it, and that note's first byte's position.
func (c *noteCache) at(ctx context.Context, pos uint64) (start uint64, raw []byte, err error) {
	if n := c.find(pos); n != nil {
		return n.start, n.raw, nil
	}
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	start, raw, err = c.tape.NoteAt(ctx, pos)
	if err != nil {
		return 0, nil, err
	}
	if pos < start || pos-start >= uint64(len(raw)) {
		return 0, nil, fmt.Errorf("tape gives bytes %d to %d where byte %d is asked for", start, start+uint64(len(raw)), pos)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.held) >= c.max {
		c.held = append(c.held[:0], c.held[1:]...)
	}
	c.held = append(c.held, &heldNote{start, raw})
	return start, raw, nil
}

func (c *noteCache) find(pos uint64) *heldNote {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := len(c.held) - 1; i >= 0; i-- {
		if n := c.held[i]; n.start <= pos && pos-n.start < uint64(len(n.raw)) {
			if i < len(c.held)-1 {
				copy(c.held[i:], c.held[i+1:])
				c.held[len(c.held)-1] = n
			}
			return n
		}
	}
	return nil
}

// read appends the bytes of a span to b.
func (c *noteCache) read(ctx context.Context, b []byte, s Span) ([]byte, error) {
	for s.Len > 0 {
		start, raw, err := c.at(ctx, s.Pos)
		if err != nil {
			return nil, err
		}
		raw = raw[s.Pos-start:]
		raw = raw[:min(uint64(len(raw)), s.Len)]
		b = append(b, raw...)
		s.Pos += uint64(len(raw))
		s.Len -= uint64(len(raw))
	}
	return b, nil
}
