package dictnet

import (
	"context"
	"errors"

	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"

	"dictnet/dictnet/manifest"
)

const (
	archivesAtOnce = 4 // pages of one source under way
	archiveWorth   = 8 // notes that must be missing below a page
)

// pageWants are the notes of one page of a manifest that are not here.
type pageWants struct {
	page  cid.Cid
	notes map[cid.Cid]*want
	all   int
}

// pullArchives brings what is missing of a version page by page, each with its notes by one request, from sources that offer this: one
// stream costs less than 256 questions. It is done where most of a page is missing, and only if no source that does not offer it comes first.
// What has arrived when a stream breaks off is kept, and the rest is left to be fetched note by note; so an error is one of the store or of ctx
// only.
func (c *Client) pullArchives(ctx context.Context, t *Tape) error {
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

// errNoArchive says that a source is of no use for this.
var errNoArchive = errors.New("does not give archives")

// pullArchive does it with one source, and reports whether that was of use.
func (c *Client) pullArchive(ctx context.Context, t *Tape, archive Archive) (useful bool, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(archivesAtOnce)
	first := true
	fetch := func(p *pageWants) error {
		if len(p.notes) < archiveWorth || len(p.notes)*2 < p.all {
			return nil
		}
		get := func() error {
			got, err := c.pullPage(gctx, archive, p)
			if err == nil || got > 0 {
				return nil
			}
			if gctx.Err() != nil {
				return gctx.Err()
			}
			return errNoArchive
		}
		if first { // to find out whether it is of use at all
			first = false
			return get()
		}
		g.Go(get)
		return nil
	}
	var page *pageWants
	err = t.m.Walk(gctx, func(l manifest.Link) (bool, error) {
		if !l.Note {
			if page != nil {
				if err := fetch(page); err != nil {
					return false, err
				}
			}
			page = &pageWants{page: l.CID, notes: make(map[cid.Cid]*want)}
			return true, gctx.Err()
		}
		page.all++
		there, err := c.blocks.Has(gctx, l.CID)
		if err != nil || there {
			return false, err
		}
		n, err := t.m.Note(gctx, l.Index)
		if err == nil {
			page.notes[n.CID] = wantNote(n)
		}
		return false, err
	})
	if err == nil && page != nil {
		err = fetch(page)
	}
	if werr := g.Wait(); err == nil || errors.Is(err, context.Canceled) && werr != nil {
		err = werr
	}
	if errors.Is(err, errNoArchive) {
		return false, nil
	}
	return true, err
}

// pullPage brings the notes of a page, and says how many it brought.
func (c *Client) pullPage(ctx context.Context, archive Archive, p *pageWants) (got int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	wrong, seen := 0, 0
	err = archive.FetchBelow(ctx, p.page, func(name cid.Cid, data []byte) {
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
