package dictnet

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet/store"
)

const (
	maxWindow  = 512  // wants outstanding at one who answers well; servers stall beyond 1,024
	newWindow  = 64   // and at one who is not known yet: he may have default limits
	minWindow  = 2    // after stalls: on a slow line each of many takes too long
	groupSize  = 64   // wants in one request
	maxQueued  = 1024 // wants that nobody waits for yet
	maxIdle    = 8 * time.Second
	tick       = 50 * time.Millisecond
	stagger    = 300 * time.Millisecond // of silence, until somebody else is asked as well
	lingerTime = 2 * time.Second        // sessions are kept so long for what may be asked next

	// What came before it was asked for.
	maxEarly       = 2 * PreludeBytes // bytes
	maxEarlyBlocks = 2 * PreludeBlocks
)

// fetcher brings blocks from sources into the store. Wants for the same block are one. Every block is checked before it is
// stored or handed on, and what fails the check counts as not arrived. Who is asked for what is decided by a crew.
//
// One goroutine runs while there is something to fetch and a little longer.
type fetcher struct {
	blocks  blockStore
	put     func(ctx context.Context, c cid.Cid, data []byte) error // into blocks, what has been checked
	sources []Source
	timeout time.Duration // without any progress, or with others served first, until a want fails
	idle    time.Duration // without any progress until one who was asked is left alone for a while

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	wants   map[cid.Cid]*want
	queue   list.List // of *want, to be asked for
	running bool
	afresh  bool          // the first of what is wanted was asked for after a time when nothing was
	changed chan struct{} // closed and made anew when the queue changes; see wake
	stats   Stats
	arrived uint64    // blocks, for telling starved wants from slow sources
	last    time.Time // of the last arrival

	early      map[cid.Cid]arrival
	earlyBytes int // of them
}

// arrival is a block that has come before it was asked for, with a prelude.
type arrival struct {
	lane *lane
	data []byte
}

// Stats counts what came from sources.
type Stats struct {
	Blocks uint64 `json:"blocks"` // fetched and found good
	Bytes  uint64 `json:"bytes"`  // of these blocks
	Wrong  uint64 `json:"wrong"`  // blocks that were not what they were sent as; thrown away
	Stalls uint64 `json:"stalls"` // how often one who was asked was given up because nothing came
}

// add counts a block that was fetched and found good, before it is stored: whoever finds it there may ask at once how many came.
func (s *Stats) add(block []byte) {
	s.Blocks++
	s.Bytes += uint64(len(block))
}

// want is a block that somebody is waiting for.
type want struct {
	what    string
	c       cid.Cid
	check   func(data []byte) error // digest and contents; nil: the digest is all there is to check
	replace bool                    // the copy in the store is damaged
	keep    bool                    // somebody needs the data, not just that it is in the store
	lead    *lead                   // what else to ask for with it; nil: nothing, or no more

	refused map[string]bool // lanes, by name, that do not have it, or sent something else twice
	lied    map[string]bool // lanes that sent something else
	sought  map[int]bool    // sources that have looked for others who have it
	asked   map[*lane]*group
	why     map[*crewSource]error // why each who should have had it did not give it, as far as that is known
	cause   error                 // why the last who should have had it did not give it
	refs    int                   // how many are interested
	queued  *list.Element         // nil when it need not be asked for (again)
	since   time.Time             // when first asked for, or first queued with nobody to ask
	after   uint64                // fetcher.arrived then
	counted bool                  // in the statistics

	done chan struct{}
	data []byte // if keep; set before done
	err  error  // set before done
}

// blockStore is where blocks are looked for first, and kept.
type blockStore interface {
	Get(ctx context.Context, c cid.Cid) ([]byte, error)
	Has(ctx context.Context, c cid.Cid) (bool, error)
	Put(ctx context.Context, c cid.Cid, data []byte) error
	Replace(ctx context.Context, c cid.Cid, data []byte) error
}

func newFetcher(blocks blockStore, sources []Source, timeout, idle time.Duration) *fetcher {
	ctx, cancel := context.WithCancel(context.Background())
	put := blocks.Put
	if b, ok := blocks.(interface {
		PutChecked(ctx context.Context, c cid.Cid, data []byte) error
	}); ok {
		put = b.PutChecked
	}
	return &fetcher{
		blocks: blocks, put: put, sources: sources, timeout: timeout, idle: idle,
		ctx: ctx, cancel: cancel,
		wants: make(map[cid.Cid]*want), changed: make(chan struct{}), early: make(map[cid.Cid]arrival),
	}
}

// close fails what is still wanted and ends all goroutines.
func (f *fetcher) close() {
	f.mu.Lock()
	f.cancel()
	f.mu.Unlock()
	f.wg.Wait()
}

// wake tells everybody who waits on f.changed. f.mu is held.
func (f *fetcher) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// ask registers interest in a block. The caller waits on done and calls drop.
func (f *fetcher) ask(w *want) *want {
	f.mu.Lock()
	defer f.mu.Unlock()
	if there := f.wants[w.c]; there != nil {
		there.refs++
		if w.keep && !there.keep && there.queued != nil { // somebody waits for it now
			f.queue.Remove(there.queued)
			f.enqueueWaited(there)
		}
		there.keep = there.keep || w.keep
		return there
	}
	w.refs = 1
	w.done = make(chan struct{})
	if f.ctx.Err() != nil || len(f.sources) == 0 {
		w.err = &MissingError{What: w.what, CID: w.c}
		if f.ctx.Err() != nil {
			w.err = fmt.Errorf("%s (%s): %w: the client is closed", w.what, w.c, ErrUnavailable)
		}
		close(w.done)
		return w
	}
	f.afresh = f.afresh || len(f.wants) == 0
	f.wants[w.c] = w
	if a, ok := f.early[w.c]; ok {
		delete(f.early, w.c)
		f.earlyBytes -= len(a.data)
		f.wg.Go(func() { f.arrive(a.lane, w.c, a.data) }) // queues it if it is wrong
	} else if w.keep {
		f.enqueueWaited(w)
	} else {
		w.queued = f.queue.PushBack(w)
	}
	if !f.running {
		f.running = true
		f.wg.Go(f.run)
	}
	f.wake()
	return w
}

// enqueueWaited queues what somebody waits for: before all that nobody waits for yet, and behind what was waited for earlier, since who plays a file asks for its
// notes in their order. f.mu is held.
func (f *fetcher) enqueueWaited(w *want) {
	e := f.queue.Front()
	for e != nil && e.Value.(*want).keep {
		e = e.Next()
	}
	if e == nil {
		w.queued = f.queue.PushBack(w)
		return
	}
	w.queued = f.queue.InsertBefore(w, e)
}

// drop ends the interest of one caller. What nobody is interested in is not asked for.
func (f *fetcher) drop(w *want) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.refs--
	if w.refs == 0 && w.queued != nil {
		f.queue.Remove(w.queued)
		w.queued = nil
		if len(w.asked) == 0 {
			delete(f.wants, w.c)
		}
		f.wake()
	}
}

// room waits until few wants are queued.
func (f *fetcher) room(ctx context.Context) error {
	for {
		f.mu.Lock()
		n, changed := f.queue.Len(), f.changed
		f.mu.Unlock()
		if n < maxQueued {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.ctx.Done():
			return nil // ask fails
		case <-changed:
		}
	}
}

// fetch returns a block that is not in the store, or only a damaged copy of it.
func (f *fetcher) fetch(ctx context.Context, w *want) ([]byte, error) {
	w.keep = true
	w = f.ask(w)
	defer f.drop(w)
	select {
	case <-w.done:
		return w.data, w.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// finish ends a want. f.mu is held.
func (f *fetcher) finish(w *want, data []byte, err error) {
	if f.wants[w.c] != w {
		return // ended before
	}
	delete(f.wants, w.c)
	if w.queued != nil {
		f.queue.Remove(w.queued)
		w.queued = nil
		f.wake() // there is room
	}
	for l, g := range w.asked {
		l.answered(w, g)
	}
	if w.keep {
		w.data = bytes.Clone(data) // which are the sender's
	}
	w.err = err
	close(w.done)
}

// arrive checks a block that a lane has brought, and stores it.
func (f *fetcher) arrive(l *lane, c cid.Cid, data []byte) {
	f.mu.Lock()
	w := f.wants[c]
	f.mu.Unlock()
	if w == nil {
		return // came twice
	}
	var err error
	if w.check != nil {
		err = w.check(data) // the digest, too
	}
	if (w.check == nil || err != nil) && !named(c, data) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.stats.Wrong++
		l.lied(w, data)
		f.wake()
		return
	}
	f.mu.Lock()
	if !w.counted {
		w.counted = true
		f.stats.add(data)
	}
	f.mu.Unlock()
	if err == nil {
		if w.replace {
			err = f.blocks.Replace(f.ctx, c, data)
		} else {
			err = f.put(f.ctx, c, data)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wants[c] != w {
		return // another was faster
	}
	f.arrived++
	f.last = time.Now()
	l.gave(f.last)
	f.finish(w, data, err)
	if l.outstanding%groupSize == 0 { // there is room for another group
		f.wake()
	}
}

// arriveEarly takes a block of a prelude: those that are not asked for yet are kept for a while.
func (f *fetcher) arriveEarly(l *lane, c cid.Cid, data []byte) {
	f.mu.Lock()
	if now := time.Now(); now.Sub(l.led) < tooSlow { // from then on, only what is wanted is a sign of life
		l.last = now
	}
	if f.wants[c] == nil {
		if f.early[c].data == nil && f.earlyBytes+len(data) <= maxEarly && len(f.early) < maxEarlyBlocks {
			f.early[c] = arrival{l, bytes.Clone(data)}
			f.earlyBytes += len(data)
		}
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	f.arrive(l, c, data)
}

// missing says that a want cannot be had. f.mu is held.
func (f *fetcher) missing(w *want, asked, why []string, cause error) {
	if cause == nil {
		cause = w.cause
	}
	e := &MissingError{What: w.what, CID: w.c, Asked: asked, Why: why, Cause: cause}
	if !w.since.IsZero() {
		e.Waited = time.Since(w.since)
	}
	f.finish(w, nil, e)
}

// stillMissing returns the names of a group, but for those that came into the store after their want was made up and
// before it was made.
func (f *fetcher) stillMissing(ctx context.Context, group []*want) []cid.Cid {
	var names []cid.Cid
	for _, w := range group {
		if there, err := f.blocks.Has(ctx, w.c); err == nil && there && !w.replace {
			if data, damaged, err := f.local(ctx, w.c); err == nil && data != nil && !damaged {
				f.mu.Lock()
				f.finish(w, data, nil)
				f.mu.Unlock()
				continue
			}
		}
		names = append(names, w.c)
	}
	return names
}

// run fetches until there is nothing to fetch.
func (f *fetcher) run() {
	c := newCrew(f)
	defer c.close()
	timer := time.NewTicker(tick)
	defer timer.Stop()
	empty := time.Now() // since when nothing is wanted
	ticked := true
	for {
		f.mu.Lock()
		if f.ctx.Err() != nil {
			for _, w := range f.wants {
				f.missing(w, c.names(), nil, errors.New("the client is closed"))
			}
		}
		if len(f.wants) > 0 {
			empty = time.Now()
		}
		if f.ctx.Err() != nil || time.Since(empty) >= lingerTime {
			f.running = false
			clear(f.early)
			f.earlyBytes = 0
			f.mu.Unlock()
			return
		}
		c.step(time.Now(), ticked)
		changed := f.changed
		f.mu.Unlock()
		ticked = false
		select {
		case <-changed:
		case <-timer.C:
			ticked = true
		case <-f.ctx.Done():
		}
	}
}

// local returns a block of the store if it is there and what its name says.
func (f *fetcher) local(ctx context.Context, c cid.Cid) (data []byte, damaged bool, err error) {
	data, err = f.blocks.Get(ctx, c)
	switch {
	case errors.Is(err, store.ErrMissing):
		return nil, false, nil
	case errors.Is(err, store.ErrCorrupt):
		return nil, true, nil
	case err != nil:
		return nil, false, err
	}
	if !named(c, data) {
		return nil, true, nil
	}
	return data, false, nil
}

// named reports whether c, a sha2-256 CID, is the name of data.
func named(c cid.Cid, data []byte) bool {
	h, sum := c.Hash(), sha256.Sum256(data)
	return len(h) > len(sum) && string(h[len(h)-len(sum):]) == string(sum[:])
}

// spawn runs work beside the caller, until ctx or the fetcher ends.
func (f *fetcher) spawn(ctx context.Context, work func(context.Context)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() != nil {
		return
	}
	f.wg.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(f.ctx, cancel)()
		work(ctx)
	})
}
