package codec

import (
	"context"
	"errors"
	"sync"
)

// lookAhead loads what frames are about to play, in playing order, while what stands before it is being played: notes, and blocks of local notes, which are
// larger and take longer. What goes wrong is reported to the player when it gets there.
type lookAhead struct {
	p      *playback
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu            sync.Mutex
	moved         sync.Cond
	notes, blocks window
	at            uint64 // bytes of the file that have played
	stopped       bool
}

// window says what has been loaded and has not begun to play; a single load may be larger. With what is playing it has to fit in the caches: what is
// dropped there would be loaded again.
type window struct {
	most      int // loads
	mostBytes uint64
	loads     []load
	loaded    uint64        // bytes of loads
	visited   chan struct{} // is closed once all of the frame that was added last has been visited
}

// load is a note or a block that has been loaded. What has begun to play is dropped.
type load struct {
	at   uint64 // where in the file it begins to play
	size uint64
}

// aheadBytes is how many bytes of the file are looked at and not yet played, at most.
const aheadBytes = 64 << 20

var errStopped = errors.New("look-ahead has ended")

// newLookAhead returns one for what plays from byte at of the file on.
func newLookAhead(ctx context.Context, p *playback, at uint64) *lookAhead {
	a := &lookAhead{
		p:      p,
		at:     at,
		notes:  window{most: decodeNotes * 3 / 4, mostBytes: 3 << 20},
		blocks: window{most: min(mostOpeners, p.blocks.max-1), mostBytes: keptLocal},
	}
	a.moved.L = &a.mu
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// add says that a frame plays next, from its byte from on.
func (a *lookAhead) add(fr *frame, from uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped {
		return
	}
	for _, w := range []*window{&a.notes, &a.blocks} {
		before, visited := w.visited, make(chan struct{})
		w.visited = visited
		a.work.Go(func() {
			defer close(visited)
			if before != nil {
				<-before
			}
			a.visit(fr, from, w)
		})
	}
}

// begin loads the block of local notes that plays now, unless it is there or on its way.
func (a *lookAhead) begin(pos uint64) error {
	_, err := a.p.localAhead(a.ctx, &a.work, pos, func(uint64) error { return nil })
	return err
}

// stop ends all that has begun and waits for it.
func (a *lookAhead) stop() {
	a.cancel()
	a.mu.Lock()
	a.stopped = true
	a.moved.Broadcast()
	a.mu.Unlock()
	a.work.Wait()
}

// visit loads what belongs in a window of what a frame plays from its byte off on.
func (a *lookAhead) visit(fr *frame, off uint64, w *window) {
	wait := func(size uint64) error { return a.wait(w, fr.start+off, size) }
	walk := player{s: &fr.score}
	for skip := walk.seek(off); ; skip = 0 {
		s, ok := walk.span()
		if !ok {
			return
		}
		for skip < s.len {
			if a.pace(fr.start+off) != nil {
				return
			}
			if (s.code == codeTape) != (w == &a.notes) {
				off += s.len - skip
				break
			}
			var end uint64
			var err error
			if pos := s.pos + skip; s.code == codeTape {
				end, err = a.p.notes.ahead(a.ctx, &a.work, pos, wait)
			} else {
				end, err = a.p.localAhead(a.ctx, &a.work, pos, wait)
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

// pace returns when what plays off bytes into the file may be looked at.
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

// wait returns when the size bytes that begin to play off bytes into the file may be loaded.
func (a *lookAhead) wait(w *window, off, size uint64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(w.loads) > 0 && (len(w.loads) >= w.most || w.loaded+size > w.mostBytes) && !a.stopped {
		a.moved.Wait()
	}
	if a.stopped {
		return errStopped
	}
	if off >= a.at {
		w.loads = append(w.loads, load{off, size})
		w.loaded += size
	}
	return nil
}

// played says that so many bytes more have been played.
func (a *lookAhead) played(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	const step = 1 << 18 // bytes: who waits for its pace need not hear of fewer
	before := a.at
	a.at += uint64(n)
	notes, blocks := a.notes.begin(a.at), a.blocks.begin(a.at)
	if notes || blocks || before/step != a.at/step {
		a.moved.Broadcast()
	}
}

// begin drops what begins to play before byte at of the file, and reports whether anything did.
func (w *window) begin(at uint64) bool {
	k := 0
	for k < len(w.loads) && w.loads[k].at < at {
		w.loaded -= w.loads[k].size
		k++
	}
	w.loads = append(w.loads[:0], w.loads[k:]...)
	return k > 0
}
