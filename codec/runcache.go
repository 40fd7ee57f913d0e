package codec

import (
	"context"
	"errors"
	"sync"
)

// runCache keeps runs of bytes of a tape that were read last, and knows those that are being loaded, so
// that none is loaded twice at once. It is safe for concurrent use.
type runCache struct {
	mu   sync.Mutex
	runs []*cachedRun // the most recently used last
	max  int          // runs that are kept besides those being loaded

	dropped func(start uint64, raw []byte) // is told of those that are kept no longer; may be nil
}

// cachedRun holds the bytes from start to end; while they are being loaded, those are what is known of it.
type cachedRun struct {
	start, end uint64
	raw        []byte
	err        error
	done       chan struct{} // nil once it is loaded
}

// find returns the run that holds pos: a loaded one if there is one, else one that is being loaded, or nil.
func (c *runCache) find(pos uint64) *cachedRun {
	var loading *cachedRun
	for i := len(c.runs) - 1; i >= 0; i-- {
		r := c.runs[i]
		if pos < r.start || pos >= r.end {
			continue
		}
		if r.done != nil {
			loading = r
			continue
		}
		if i < len(c.runs)-1 {
			copy(c.runs[i:], c.runs[i+1:])
			c.runs[len(c.runs)-1] = r
		}
		return r
	}
	return loading
}

// get returns the run that holds pos, waiting for one that is being loaded; nil if there is none.
func (c *runCache) get(ctx context.Context, pos uint64) (*cachedRun, error) {
	for {
		c.mu.Lock()
		r := c.find(pos)
		if r == nil || r.done == nil {
			c.mu.Unlock()
			return r, nil
		}
		done := r.done
		c.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch {
		case r.err == nil && r.start <= pos && pos < r.end:
			return r, nil
		case r.err != nil && !errors.Is(r.err, context.Canceled) && !errors.Is(r.err, context.DeadlineExceeded):
			return nil, r.err // a load that somebody else has given up says nothing
		}
	}
}

// loaded returns the run that holds pos, if it is there; else nil.
func (c *runCache) loaded(pos uint64) *cachedRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.find(pos); r != nil && r.done == nil {
		return r
	}
	return nil
}

// begin notes that start to end, which hold pos, are being loaded; nil if pos is there or on its way already.
func (c *runCache) begin(pos, start, end uint64) *cachedRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find(pos) != nil {
		return nil
	}
	r := &cachedRun{start: start, end: end, done: make(chan struct{})}
	c.runs = append(c.runs, r)
	return r
}

// finish ends a load. Runs that failed are not kept.
func (c *runCache) finish(r *cachedRun, start uint64, raw []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := r.done
	r.done, r.err = nil, err
	r.start, r.end, r.raw = start, start+uint64(len(raw)), raw
	if err != nil {
		c.drop(r)
	} else {
		c.shrink()
	}
	close(done)
}

// add keeps a run that has been loaded.
func (c *runCache) add(start uint64, raw []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs = append(c.runs, &cachedRun{start: start, end: start + uint64(len(raw)), raw: raw})
	c.shrink()
}

func (c *runCache) drop(r *cachedRun) {
	for i := range c.runs {
		if c.runs[i] == r {
			c.runs = append(c.runs[:i], c.runs[i+1:]...)
			return
		}
	}
}

// shrink forgets the runs used longest ago.
func (c *runCache) shrink() {
	loaded := 0
	for _, r := range c.runs {
		if r.done == nil {
			loaded++
		}
	}
	for i := 0; loaded > c.max; {
		if c.runs[i].done != nil {
			i++
			continue
		}
		if c.dropped != nil {
			c.dropped(c.runs[i].start, c.runs[i].raw)
		}
		copy(c.runs[i:], c.runs[i+1:])
		c.runs[len(c.runs)-1] = nil
		c.runs = c.runs[:len(c.runs)-1]
		loaded--
	}
}

// peek returns the end of the run that holds pos, loaded or on its way, without waiting.
func (c *runCache) peek(pos uint64) (end uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.find(pos); r != nil {
		return r.end, true
	}
	return 0, false
}
