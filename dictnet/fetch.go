package dictnet

import (
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
	maxWindow  = 512  // wants outstanding at a source; servers stall beyond 1,024
	minWindow  = 16   // after stalls
	groupSize  = 64   // wants in one request
	maxQueued  = 1024 // wants that nobody waits for yet
	maxIdle    = 8 * time.Second
	tick       = 50 * time.Millisecond
	retryPause = 100 * time.Millisecond // before a source that could not be asked is tried again
	lingerTime = 2 * time.Second        // a session is kept so long for what may be asked next
)

// fetcher brings blocks from sources into the store. Wants for the same block are one; they go out in
// windows; when nothing arrives for a while the session is given up for a fresh one, half as wide, with the next
// source. Every block is checked before it is stored or handed on, and what fails the check counts as not
// arrived.
//
// One goroutine runs while there is something to fetch and a little longer.
type fetcher struct {
	blocks  blockStore
	sources []Source
	timeout time.Duration // without any progress, or with others served first, until a want fails
	idle    time.Duration // without any progress until a session is given up

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	wants   map[cid.Cid]*want
	queue   list.List // of *want, not asked for yet
	running bool
	changed chan struct{} // closed and made anew when the queue changes; see wake
	stats   Stats
	arrived uint64    // blocks, for telling starved wants from slow sources
	last    time.Time // of the last arrival
}

// Stats counts what came from sources.
type Stats struct {
	Blocks uint64 `json:"blocks"` // fetched and found good
	Bytes  uint64 `json:"bytes"`  // of these blocks
	Wrong  uint64 `json:"wrong"`  // blocks that were not what they were sent as; thrown away
	Stalls uint64 `json:"stalls"` // sessions given up because nothing came
}

// want is a block that somebody is waiting for.
type want struct {
	what    string
	c       cid.Cid
	check   func(data []byte) error // digest and contents; nil: the digest is all there is to check
	replace bool                    // the copy in the store is damaged
	keep    bool                    // somebody needs the data, not just that it is in the store

	refused map[int]bool  // sources that said that they do not have it
	refs    int           // who is interested
	queued  *list.Element // nil when asked for or done
	since   time.Time     // when first asked for
	after   uint64        // fetcher.arrived then

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
	return &fetcher{
		blocks: blocks, sources: sources, timeout: timeout, idle: idle,
		ctx: ctx, cancel: cancel,
		wants: make(map[cid.Cid]*want), changed: make(chan struct{}),
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
		there.keep = there.keep || w.keep
		if w.keep && there.queued != nil { // somebody waits for it now
			f.queue.MoveToFront(there.queued)
		}
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
	f.wants[w.c] = w
	if w.keep {
		w.queued = f.queue.PushFront(w)
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

// drop ends the interest of one caller. What nobody is interested in is not asked for.
func (f *fetcher) drop(w *want) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.refs--
	if w.refs == 0 && w.queued != nil {
		f.queue.Remove(w.queued)
		w.queued = nil
		delete(f.wants, w.c)
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
	}
	if w.keep {
		w.data = data
	}
	w.err = err
	close(w.done)
}

// arrive checks a block and stores it.
func (f *fetcher) arrive(c cid.Cid, data []byte) {
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
		f.stats.Wrong++
		f.mu.Unlock()
		return
	}
	if err == nil {
		if w.replace {
			err = f.blocks.Replace(f.ctx, c, data)
		} else {
			err = f.blocks.Put(f.ctx, c, data)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stats.Blocks++
	f.stats.Bytes += uint64(len(data))
	f.arrived++
	f.last = time.Now()
	f.finish(w, data, err)
}

// take moves up to n queued wants into a group, of those that source src may have. It also says whether there are
// others.
func (f *fetcher) take(n, src int) (group []*want, others bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for e := f.queue.Front(); e != nil && len(group) < n; {
		w, next := e.Value.(*want), e.Next()
		if w.refused[src] {
			others = true
		} else {
			f.queue.Remove(e)
			w.queued = nil
			if w.since.IsZero() {
				w.since, w.after = time.Now(), f.arrived
			}
			group = append(group, w)
		}
		e = next
	}
	if len(group) > 0 {
		f.wake()
	}
	return group, others
}

// giveBack queues again what did not come. If source src refused it, the others are asked, and when all have
// refused, it is missing.
func (f *fetcher) giveBack(group []*want, src int, refused bool, asked []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range group {
		if f.wants[w.c] != w || w.queued != nil {
			continue
		}
		if w.refs == 0 {
			delete(f.wants, w.c)
			continue
		}
		if refused && f.refuse(w, src, asked) {
			continue
		}
		w.queued = f.queue.PushFront(w)
	}
	f.wake()
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

// expire fails wants that were waited for long enough: when nothing at all came for the timeout, or when so many
// others were served first that this one is not there.
func (f *fetcher) expire(asked []string, cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	for _, w := range f.wants {
		if w.since.IsZero() || now.Sub(w.since) < f.timeout {
			continue
		}
		if now.Sub(f.last) >= f.timeout || f.arrived-w.after >= 2*maxWindow {
			f.finish(w, nil, &MissingError{What: w.what, CID: w.c, Asked: asked, Waited: now.Sub(w.since), Cause: cause})
		}
	}
}

// failAll ends every want, because nobody can be asked.
func (f *fetcher) failAll(asked []string, cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.wants {
		err := error(&MissingError{What: w.what, CID: w.c, Asked: asked, Cause: cause})
		f.finish(w, nil, err)
	}
}

// run fetches until there is nothing to fetch.
func (f *fetcher) run() {
	asked := make([]string, len(f.sources))
	for i, s := range f.sources {
		asked[i] = s.Name()
	}
	window, idle := maxWindow, f.idle
	failed := 0 // sources in a row that could not be asked
	for turn := 0; ; turn++ {
		before := f.count()
		again, err := f.session(turn%len(f.sources), window, idle, turn >= len(f.sources)-1, asked)
		if !again {
			return
		}
		if f.count() > before { // it was of use
			window, idle, failed = maxWindow, f.idle, 0
		} else {
			window, idle = max(window/2, minWindow), min(2*idle, maxIdle)
			if err != nil {
				failed++
			}
		}
		if failed > 0 {
			select {
			case <-f.ctx.Done():
			case <-time.After(retryPause):
			}
		}
		switch {
		case f.ctx.Err() != nil:
			f.failAll(asked, errors.New("the client is closed"))
			f.more()
			return
		case failed == 2*len(f.sources): // each was tried twice
			f.failAll(asked, err)
			failed = 0
		default:
			f.expire(asked, err)
		}
	}
}

func (f *fetcher) count() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.arrived
}

// session asks one source until it stalls or has refused what is left (again), fails (again, with an error) or nothing
// is wanted any more. all says that the other sources have had their turn.
func (f *fetcher) session(at, window int, idle time.Duration, all bool, asked []string) (again bool, err error) {
	src := f.sources[at]
	ctx, cancel := context.WithCancel(f.ctx)
	var groups sync.WaitGroup
	defer groups.Wait()
	defer cancel()

	named := func(err error) error {
		if len(f.sources) > 1 {
			return fmt.Errorf("%s: %w", src.Name(), err)
		}
		return err
	}
	sess, err := src.Open(ctx)
	if err != nil {
		return f.more(), named(err)
	}
	type result struct {
		wants int
		err   error
	}
	results := make(chan result)
	timer := time.NewTicker(tick)
	defer timer.Stop()
	outstanding := 0
	quiet := time.Now() // since when nothing has come, or nothing was asked for
	empty := time.Now() // since when nothing is wanted
	for {
		others := false
		for outstanding < window {
			var group []*want
			if group, others = f.take(min(groupSize, window-outstanding), at); len(group) == 0 {
				break
			}
			if outstanding == 0 {
				quiet = time.Now()
			}
			outstanding += len(group)
			groups.Go(func() {
				var err error
				if names := f.stillMissing(ctx, group); len(names) > 0 {
					err = sess.Fetch(ctx, names, f.arrive)
				}
				f.giveBack(group, at, err == nil && ctx.Err() == nil, asked)
				select {
				case results <- result{len(group), err}:
				case <-ctx.Done():
				}
			})
		}
		f.mu.Lock()
		changed := f.changed
		if len(f.wants) > 0 {
			empty = time.Now()
		}
		if f.last.After(quiet) {
			quiet = f.last
		}
		f.mu.Unlock()
		switch {
		case outstanding == 0 && others:
			return true, nil
		case outstanding == 0 && time.Since(empty) >= lingerTime:
			return f.more(), nil
		case outstanding > 0 && time.Since(quiet) >= idle:
			f.mu.Lock()
			f.stats.Stalls++
			f.mu.Unlock()
			if all {
				cancel()
				groups.Wait()
				f.whatIsNowhere(sess, at, idle, asked)
			}
			return true, nil
		}
		select {
		case r := <-results:
			outstanding -= r.wants
			if r.err != nil && ctx.Err() == nil {
				return f.more(), named(r.err)
			}
		case <-changed:
		case <-timer.C:
			f.expire(asked, nil)
		case <-f.ctx.Done():
			return true, nil
		}
	}
}

// whatIsNowhere asks a source that has stalled what it has at all, and counts the rest as refused: so a note that nobody
// has is known to be missing long before the timeout. A source that does not answer, or claims to have what it does
// not send, is left to the timeout.
func (f *fetcher) whatIsNowhere(sess Session, src int, wait time.Duration, asked []string) {
	prober, ok := sess.(Prober)
	if !ok {
		return
	}
	f.mu.Lock()
	var open []cid.Cid
	for _, w := range f.wants {
		if !w.since.IsZero() && !w.refused[src] && len(open) < maxWindow {
			open = append(open, w.c)
		}
	}
	f.mu.Unlock()
	ctx, cancel := context.WithTimeout(f.ctx, wait+time.Second)
	defer cancel()
	select { // until the session has taken back its wants, which are the same blocks
	case <-ctx.Done():
	case <-time.After(retryPause):
	}
	there := make(map[cid.Cid]bool)
	if err := prober.Probe(ctx, open, func(c cid.Cid, _ string) { there[c] = true }); err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range open {
		if w := f.wants[c]; w != nil && !there[c] {
			f.refuse(w, src, asked)
		}
	}
}

// refuse notes that a source does not have a block, and ends the want if it was the last. f.mu is held.
func (f *fetcher) refuse(w *want, src int, asked []string) (ended bool) {
	if w.refused == nil {
		w.refused = make(map[int]bool)
	}
	w.refused[src] = true
	if len(w.refused) < len(f.sources) {
		return false
	}
	f.finish(w, nil, &MissingError{What: w.what, CID: w.c, Asked: asked, Waited: time.Since(w.since)})
	return true
}

// more reports whether anything is wanted; if not, the running goroutine is about to end.
func (f *fetcher) more() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running = len(f.wants) > 0
	return f.running
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
