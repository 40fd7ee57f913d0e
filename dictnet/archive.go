package dictnet

import (
	"context"
	"errors"
	"iter"
	"math"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"

	"dictnet/dictnet/manifest"
)

const (
	archivesAtOnce = 4 // pages of one source under way
	archiveWorth   = 8 // notes that must be missing below a page
	archiveIdle    = 8 // times the idle time that nothing may come for, on none of them
)

// pageWants are the notes of one page of a manifest that are not here.
type pageWants struct {
	page  cid.Cid
	notes map[cid.Cid]*want
	all   int
}

// archiveWatch gives up a source when nothing comes while it is asked for something.
type archiveWatch struct {
	mu    sync.Mutex
	asked int // streams under way
	late  *time.Timer
	idle  time.Duration
}

// asks notes that there are so many streams more, or that something has come.
func (w *archiveWatch) asks(more int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked += more; w.asked > 0 {
		w.late.Reset(w.idle)
	} else {
		w.late.Stop()
	}
}

// pullArchives brings what is missing of a version page by page, each with its notes by one request, from sources that offer this: one
// stream costs less than 256 questions. It is done where most of a page is missing, and only if no source that does not offer it comes first. A source that
// is silent is left for the next.
// What has arrived when a stream breaks off is kept, and the rest is left to be fetched note by note; so an error is one of the store or of ctx
// only.
func (c *Client) pullArchives(ctx context.Context, t *Tape) error {
	ctx, cancel := context.WithCancel(ctx) // ends the sessions
	defer cancel()
	worth := false // or nobody need be called
	for _, err := range c.missingPages(ctx, t) {
		if err != nil {
			return err
		}
		worth = true
		break
	}
	if !worth {
		return nil
	}
	for _, src := range c.fetch.sources {
		sess, err := src.Open(ctx)
		if err != nil {
			continue // the next has its turn; if there is none, the notes say so
		}
		archive, ok := sess.(Archive)
		if !ok {
			return nil
		}
		done, err := c.pullArchive(ctx, t, archive)
		if done || err != nil {
			return err
		}
	}
	return nil
}

// missingPages lists the pages of a version of which most is missing.
func (c *Client) missingPages(ctx context.Context, t *Tape) iter.Seq2[*pageWants, error] {
	return func(yield func(*pageWants, error) bool) {
		var page *pageWants
		worth := func() bool {
			return page != nil && len(page.notes) >= archiveWorth && len(page.notes)*2 >= page.all
		}
		err := t.m.Walk(ctx, func(l manifest.Link) (bool, error) {
			if !l.Note {
				if worth() && !yield(page, nil) {
					return false, errEnough
				}
				page = &pageWants{page: l.CID, notes: make(map[cid.Cid]*want)}
				return true, ctx.Err()
			}
			page.all++
			there, err := c.blocks.Has(ctx, l.CID)
			if err != nil || there {
				return false, err
			}
			n, err := t.m.Note(ctx, l.Index)
			if err == nil {
				page.notes[n.CID] = wantNote(n)
			}
			return false, err
		})
		switch {
		case err == nil && worth():
			yield(page, nil)
		case err != nil && err != errEnough:
			yield(nil, err)
		}
	}
}

// errNoArchive says that a source is of no use for this.
var errNoArchive = errors.New("does not give archives")

// pullArchive does it with one source, and reports whether that was of use.
func (c *Client) pullArchive(ctx context.Context, t *Tape, archive Archive) (useful bool, err error) {
	patient, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	watch := &archiveWatch{idle: archiveIdle * c.o.Idle, late: time.AfterFunc(math.MaxInt64, func() { giveUp(errNoArchive) })}
	defer watch.late.Stop()
	g, gctx := errgroup.WithContext(patient)
	g.SetLimit(archivesAtOnce)
	first := true
	for p, perr := range c.missingPages(gctx, t) {
		if err = perr; err != nil {
			break
		}
		get := func() error {
			got, err := c.pullPage(gctx, archive, p, watch)
			if err == nil || got > 0 {
				return nil
			}
			if gctx.Err() != nil {
				return gctx.Err()
			}
			return errNoArchive
		}
		if !first {
			g.Go(get)
		} else if err = get(); err != nil { // it is of no use at all
			break
		}
		first = false
	}
	if werr := g.Wait(); err == nil || errors.Is(err, context.Canceled) && werr != nil {
		err = werr
	}
	if ctx.Err() == nil && (errors.Is(err, errNoArchive) || errors.Is(context.Cause(patient), errNoArchive)) {
		return false, nil
	}
	return true, err
}

// pullPage brings the notes of a page, and says how many it brought.
func (c *Client) pullPage(ctx context.Context, archive Archive, p *pageWants, watch *archiveWatch) (got int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch.asks(1)
	defer watch.asks(-1)
	wrong, seen := 0, 0
	err = archive.FetchBelow(ctx, p.page, func(name cid.Cid, data []byte) {
		watch.asks(0)
		if seen++; seen > p.all+1 {
			cancel(errors.New("it is longer than what was asked for"))
			return
		}
		w := p.notes[name]
		if w == nil {
			return // the page itself, or a note that is here
		}
		f := c.fetch
		if err := w.check(data); err != nil {
			f.mu.Lock()
			f.stats.Wrong++
			f.mu.Unlock()
			if wrong++; wrong > maxLies {
				cancel(errors.New("too much of it is wrong"))
			}
			return
		}
		delete(p.notes, name)
		f.mu.Lock()
		f.stats.add(data)
		f.mu.Unlock()
		if err := f.put(ctx, name, data); err != nil {
			cancel(err)
			return
		}
		got++
	})
	return got, err
}
