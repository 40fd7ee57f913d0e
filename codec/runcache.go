package codec

import (
	"context"
	"errors"
	"slices"
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
	raw        []byte // while it is being loaded, what has come
	err        error
	done       chan struct{} // nil once it is loaded
	grown      chan struct{} // is closed when more has come

	giveBack func() // of bytes that are lent; else nil
	users    int    // who read what is lent, and have not released it
	gone     bool   // it is kept no longer
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

// get returns the run that holds pos, waiting for one that is being loaded; nil if there is none. The caller is a user of it.
func (c *runCache) get(ctx context.Context, pos uint64) (*cachedRun, error) {
	for {
		c.mu.Lock()
		r := c.find(pos)
		if r == nil {
			c.mu.Unlock()
			return nil, nil
		}
		r.users++
		done := r.done
		c.mu.Unlock()
		if done == nil {
			return r, nil
		}
		select {
		case <-done:
		case <-ctx.Done():
			c.release(r)
			return nil, ctx.Err()
		}
		switch {
		case r.err == nil && r.start <= pos && pos < r.end:
			return r, nil
		case r.err != nil && !givenUp(r.err):
			return nil, r.err
		}
		c.release(r)
	}
}

// come returns what there is of the run that holds pos, at least that byte, and where it begins; nil if there is no such run. For one that is being loaded it waits, if so
// it is told, until that byte has come. What is lent must not be read so.
func (c *runCache) come(ctx context.Context, pos uint64, wait bool) (start uint64, raw []byte, err error) {
	for {
		c.mu.Lock()
		r := c.find(pos)
		if r == nil {
			c.mu.Unlock()
			return 0, nil, nil
		}
		start, raw, done, grown := r.start, r.raw, r.done, r.grown
		c.mu.Unlock()
		if pos-start < uint64(len(raw)) {
			return start, raw, nil
		}
		if !wait {
			return 0, nil, nil
		}
		select {
		case <-grown:
		case <-done:
			if r.err != nil && !givenUp(r.err) {
				return 0, nil, r.err
			}
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

// givenUp reports whether somebody else has given up a load, which says nothing of what he would have got.
func givenUp(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// loaded returns the run that holds pos, if it is there; else nil. The caller is a user of it.
func (c *runCache) loaded(pos uint64) *cachedRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.find(pos); r != nil && r.done == nil {
		r.users++
		return r
	}
	return nil
}

// release says that a user reads a run no more. Of bytes that are not lent it need not be said.
func (c *runCache) release(r *cachedRun) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.users--
	r.leave()
}

// leave gives back what is lent, if it is kept no longer and nobody reads it.
func (r *cachedRun) leave() {
	if r.gone && r.users == 0 && r.giveBack != nil {
		r.giveBack()
		r.giveBack = nil
	}
}

// giveBack keeps none of the runs that are lent any longer.
func (c *runCache) giveBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs = slices.DeleteFunc(c.runs, func(r *cachedRun) bool {
		r.gone = r.giveBack != nil
		r.leave()
		return r.gone
	})
}

// begin notes that start to end, which hold pos, are being loaded; nil if pos is there or on its way already. The caller is a user of the run.
func (c *runCache) begin(pos, start, end uint64) *cachedRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find(pos) != nil {
		return nil
	}
	r := &cachedRun{start: start, end: end, done: make(chan struct{}), grown: make(chan struct{}), users: 1}
	c.runs = append(c.runs, r)
	return r
}

// grow shows what has come of a run that is being loaded: more than before, which stands where it did.
func (c *runCache) grow(r *cachedRun, raw []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.raw = raw
	close(r.grown)
	r.grown = make(chan struct{})
}

// lend says that the bytes with which a load is about to finish are lent.
func (c *runCache) lend(r *cachedRun, giveBack func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.giveBack = giveBack
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

// add keeps a run that has been loaded, and returns it. The caller is a user of it.
func (c *runCache) add(start uint64, raw []byte) *cachedRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &cachedRun{start: start, end: start + uint64(len(raw)), raw: raw, users: 1}
	c.runs = append(c.runs, r)
	c.shrink()
	return r
}

func (c *runCache) drop(r *cachedRun) {
	for i := range c.runs {
		if c.runs[i] == r {
			c.runs = slices.Delete(c.runs, i, i+1)
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
		r := c.runs[i]
		if c.dropped != nil {
			c.dropped(r.start, r.raw)
		}
		c.runs = slices.Delete(c.runs, i, i+1)
		loaded--
		r.gone = true
		r.leave()
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
