package codec

import (
	"context"
	"errors"
	"sync"
)

// lookAhead loads what a frame is about to play, in playing order, while what stands before it is being played. What
// goes wrong is reported to the player when it gets there.
type lookAhead struct {
	p      *playback
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	moved   sync.Cond
	loads   []load
	loaded  uint64 // bytes of loads
	at      uint64 // bytes of the frame that have played
	stopped bool
}

// load is a note or a block that has been loaded. What has begun to play is dropped.
type load struct {
	at   uint64 // where in the frame it begins to play
	size uint64
}

// Limits of what is loaded and has not begun to play; a single block may exceed them. With what is playing it has to fit in the caches: what is dropped
// there would be loaded again.
const (
	aheadLoads  = 24
	aheadLoaded = 3 << 20  // bytes
	aheadBytes  = 16 << 20 // bytes of the file that are looked at and not yet played
)

var errStopped = errors.New("look-ahead has ended")

// startAhead begins to load what the reader is about to play.
func (r *frameReader) startAhead(ctx context.Context) {
	a := &lookAhead{p: r.p, at: r.at}
	a.moved.L = &a.mu
	ctx, a.cancel = context.WithCancel(ctx)
	s, from := r.walk.s, r.at
	a.work.Go(func() { a.walk(ctx, s, from) })
	r.ahead = a
}

// stopAhead ends all that startAhead has begun and waits for it.
func (r *frameReader) stopAhead() {
	a := r.ahead
	if a == nil {
		return
	}
	r.ahead = nil
	a.cancel()
	a.mu.Lock()
	a.stopped = true
	a.moved.Signal()
	a.mu.Unlock()
	a.work.Wait()
}

// walk visits the spans of a frame from byte off on, ahead of the player.
func (a *lookAhead) walk(ctx context.Context, sc *score, off uint64) {
	wait := func(size uint64) error { return a.wait(off, size) }
	w := player{s: sc}
	for skip := w.seek(off); ; skip = 0 {
		s, ok := w.span()
		if !ok {
			return
		}
		for skip < s.len {
			if a.pace(off) != nil {
				return
			}
			var end uint64
			var err error
			if pos := s.pos + skip; s.code == codeTape {
				end, err = a.p.notes.ahead(ctx, &a.work, pos, wait)
			} else {
				end, err = a.p.localAhead(ctx, &a.work, pos, wait)
			}
			if err != nil {
				return
			}
			n := min(end-s.pos, s.len) - skip
			skip += n
			off += n
		}
	}
}

// pace returns when what plays off bytes into the frame may be looked at.
func (a *lookAhead) pace(off uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for off > a.at+aheadBytes && !a.stopped {
		a.moved.Wait()
	}
	if a.stopped {
		return errStopped
	}
	return nil
}

// wait returns when the size bytes that begin to play off bytes into the frame may be loaded.
func (a *lookAhead) wait(off, size uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.loads) > 0 && (len(a.loads) >= aheadLoads || a.loaded+size > aheadLoaded) && !a.stopped {
		a.moved.Wait()
	}
	if a.stopped {
		return errStopped
	}
	if off >= a.at {
		a.loads = append(a.loads, load{off, size})
		a.loaded += size
	}
	return nil
}

// played says that so many bytes more have been played.
func (a *lookAhead) played(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at += uint64(n)
	k := 0
	for k < len(a.loads) && a.loads[k].at < a.at {
		a.loaded -= a.loads[k].size
		k++
	}
	a.loads = append(a.loads[:0], a.loads[k:]...)
	a.moved.Signal()
}
