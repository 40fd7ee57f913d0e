package seed

import (
	"context"
	"runtime"
	"sync"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
)

// Notes is a tape of which it is known which notes it is made of, and which of these are in the store.
type Notes interface {
	codec.Tape
	codec.Prefetcher
	codec.Locator
	// GetNote is NoteAt but for derived notes, which it does not open.
	GetNote(ctx context.Context, pos uint64) (start uint64, n codec.Note, err error)
	// Note returns which note holds byte pos (< Size).
	Note(ctx context.Context, pos uint64) (manifest.Note, error)
	// Here reports whether a note is in the store, unchecked.
	Here(ctx context.Context, n manifest.Note) (bool, error)
}

// Tape is a tape of which notes that are not in the store are read from seeds, and only those that seeds do not have are
// fetched. It is safe for concurrent use.
type Tape struct {
	Notes
	seeds   *Seeds
	deriver *codec.Deriver

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

var (
	_ codec.Tape       = (*Tape)(nil)
	_ codec.Prefetcher = (*Tape)(nil)
	_ codec.Locator    = (*Tape)(nil)

	_ Notes = (*dictnet.Tape)(nil)
	_ Notes = (*dictnet.PortableTape)(nil)
)

// NewTape puts seeds before t. The caller closes it before the client of t.
func NewTape(ctx context.Context, t Notes, seeds *Seeds) *Tape {
	s := &Tape{Notes: t, seeds: seeds}
	s.deriver = codec.NewDeriver(s.GetNote, s.Prefetch)
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// Close ends what Prefetch has begun.
func (t *Tape) Close() error {
	t.cancel()
	t.wg.Wait()
	return nil
}

// NoteAt returns the note that holds byte pos: from the store, from a seed, or from elsewhere.
func (t *Tape) NoteAt(ctx context.Context, pos uint64) (start uint64, raw []byte, err error) {
	return t.deriver.NoteAt(ctx, pos)
}

// GetNote is NoteAt but for derived notes, which it does not open.
func (t *Tape) GetNote(ctx context.Context, pos uint64) (start uint64, n codec.Note, err error) {
	at, err := t.Note(ctx, pos)
	if err != nil {
		return 0, codec.Note{}, err
	}
	here, err := t.Here(ctx, at)
	if err != nil {
		return 0, codec.Note{}, err
	}
	if !here {
		raw, ok, err := t.seeds.Note(ctx, at.CID, at.RawLen)
		if ok || err != nil {
			return at.Start, codec.Note{Raw: raw}, err
		}
	}
	return t.Notes.GetNote(ctx, pos)
}

// Prefetch finds out which notes of the spans have to be fetched, and asks for these.
func (t *Tape) Prefetch(ctx context.Context, spans []codec.Span) {
	spans = append([]codec.Span(nil), spans...)
	if t.ctx.Err() != nil {
		return
	}
	t.wg.Go(func() {
		fetching := ctx // what has been asked for goes on when all has been asked
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(t.ctx, cancel)()
		notes := make(chan manifest.Note)
		var provers sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			provers.Go(func() {
				for n := range notes {
					here, err := t.Here(ctx, n)
					if err != nil || here {
						continue // an error is reported where the note is needed
					}
					if _, ok, err := t.seeds.Note(ctx, n.CID, n.RawLen); err == nil && !ok {
						t.Notes.Prefetch(fetching, []codec.Span{{Pos: n.Start, Len: uint64(n.RawLen)}})
					}
				}
			})
		}
		t.visit(ctx, spans, notes)
		close(notes)
		provers.Wait()
	})
}

// visit sends the notes of spans, each once, in playing order.
func (t *Tape) visit(ctx context.Context, spans []codec.Span, to chan<- manifest.Note) {
	seen := make(map[uint64]bool)
	for n, err := range manifest.NotesOf(ctx, spans, t.Note) {
		if err != nil {
			return
		}
		if seen[n.Index] {
			continue
		}
		seen[n.Index] = true
		select {
		case to <- n:
		case <-ctx.Done():
			return
		}
	}
}
