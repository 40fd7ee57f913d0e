package dictnet

import (
	"cmp"
	"context"
	"iter"
	"math"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
)

// Tape reads one version of a dictionary as a codec.Tape. It is safe for concurrent use and needs no closing.
type Tape struct {
	client  *Client
	m       *manifest.Manifest
	deriver *codec.Deriver
	idle    idleNotes
}

var (
	_ codec.Tape       = (*Tape)(nil)
	_ codec.Prefetcher = (*Tape)(nil)
	_ codec.Locator    = (*Tape)(nil)
	_ codec.Lender     = (*Tape)(nil)
)

// Ref names the version.
func (t *Tape) Ref() codec.DictionaryRef { return t.m.Ref() }

// Manifest returns the list of the notes.
func (t *Tape) Manifest() *manifest.Manifest { return t.m }

// Size returns the length of the tape in bytes.
func (t *Tape) Size() uint64 { return t.m.TapeSize() }

// NoteAt returns the note that holds byte pos, from the store or from elsewhere.
func (t *Tape) NoteAt(ctx context.Context, pos uint64) (start uint64, raw []byte, err error) {
	return t.deriver.NoteAt(ctx, pos)
}

// Lend is NoteAt, in memory that is used again, as far as the store has unpacked what is wanted.
func (t *Tape) Lend(ctx context.Context, pos uint64) (start uint64, raw []byte, giveBack func(), err error) {
	n, err := t.m.Locate(ctx, pos)
	if err != nil {
		return 0, nil, nil, err
	}
	if raw := t.client.o.Store.UnpackedIn(n.CID, n.RawLen, t.idle.get); raw != nil {
		return n.Start, raw, func() { t.idle.put(raw) }, nil
	}
	start, raw, err = t.deriver.NoteAt(ctx, pos)
	return start, raw, nil, err
}

// idleNotes is memory of notes that have been given back. Of new memory, a system gives a MiB in up to a millisecond. It is safe for concurrent use.
type idleNotes struct {
	mu   sync.Mutex
	idle [][]byte
}

// get returns room for a note of size bytes.
func (i *idleNotes) get(size int) []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	if n := len(i.idle); n > 0 && size <= codec.MaxNote {
		b := i.idle[n-1]
		i.idle = i.idle[:n-1]
		return b[:size]
	}
	return make([]byte, size, max(size, codec.MaxNote)) // any note has room in it, and what a note leaves is not touched
}

func (i *idleNotes) put(b []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.idle = append(i.idle, b)
}

// GetNote is NoteAt but for derived notes, which it does not open.
func (t *Tape) GetNote(ctx context.Context, pos uint64) (start uint64, n codec.Note, err error) {
	at, err := t.m.Locate(ctx, pos)
	if err != nil {
		return 0, codec.Note{}, err
	}
	n, err = t.client.note(ctx, at)
	return at.Start, n, err
}

// Depth returns how deep the note that holds byte pos is: see [codec.Deriver].
func (t *Tape) Depth(ctx context.Context, pos uint64) (int, error) { return t.deriver.Depth(ctx, pos) }

// References returns what the note that holds byte pos is coded against: see [codec.Deriver].
func (t *Tape) References(ctx context.Context, pos uint64) ([]codec.Span, error) {
	return t.deriver.References(ctx, pos)
}

// Locate returns where the note lies that holds byte pos, so that the codec can open several notes side by side.
func (t *Tape) Locate(ctx context.Context, pos uint64) (codec.Span, error) {
	n, err := t.m.Locate(ctx, pos)
	return codec.Span{Pos: n.Start, Len: uint64(n.RawLen)}, err
}

// Note returns which note holds byte pos.
func (t *Tape) Note(ctx context.Context, pos uint64) (manifest.Note, error) {
	return t.m.Locate(ctx, pos)
}

// Here reports whether a note is in the store, unchecked.
func (t *Tape) Here(ctx context.Context, n manifest.Note) (bool, error) {
	return t.client.blocks.Has(ctx, n.CID)
}

// locateAtOnce is how many spans are looked up at the same time, so that pages which are elsewhere are fetched together.
const locateAtOnce = 64

// Prefetch asks for the notes of the spans, in order, many at once, until ctx ends or all are in the store.
func (t *Tape) Prefetch(ctx context.Context, spans []codec.Span) {
	f := t.client.fetch
	if len(f.sources) == 0 || len(spans) == 0 {
		return
	}
	spans = append([]codec.Span(nil), spans...)
	f.spawn(ctx, func(ctx context.Context) {
		for _, err := range t.client.ensure(ctx, t.notesOf(ctx, spans)) {
			if err != nil && ctx.Err() != nil {
				return // what is missing is reported where it is needed
			}
		}
	})
}

// notesOf lists the notes that the spans touch, each once if the spans are in tape order.
func (t *Tape) notesOf(ctx context.Context, spans []codec.Span) iter.Seq2[manifest.Note, error] {
	return func(yield func(manifest.Note, error) bool) {
		last := uint64(math.MaxUint64) // note that was listed: some may end in it, and the next begin
		for some := range slices.Chunk(spans, locateAtOnce) {
			g, gctx := errgroup.WithContext(ctx)
			for _, s := range some {
				g.Go(func() error {
					_, err := t.m.Locate(gctx, s.Pos)
					return err
				})
			}
			if err := cmp.Or(g.Wait(), ctx.Err()); err != nil {
				yield(manifest.Note{}, err)
				return
			}
			for n, err := range manifest.NotesOf(ctx, some, t.m.Locate) {
				if err == nil && n.Index == last {
					continue
				}
				if !yield(n, err) || err != nil {
					return
				}
				last = n.Index
			}
		}
	}
}

// ensure brings notes into the store, many at once, and yields each in order when it is there. An error of one note
// does not end it; an error of the list does.
func (c *Client) ensure(ctx context.Context, notes iter.Seq2[manifest.Note, error]) iter.Seq2[manifest.Note, error] {
	type asked struct {
		note manifest.Note
		want *want // nil if it was there
		err  error
	}
	return func(yield func(manifest.Note, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pending := make(chan asked, maxQueued)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			defer close(pending)
			for n, err := range notes {
				a := asked{note: n, err: err}
				if err == nil {
					var there bool
					if there, a.err = c.blocks.Has(ctx, n.CID); a.err == nil && !there {
						if a.err = c.fetch.room(ctx); a.err == nil {
							a.want = c.fetch.ask(wantNote(n))
						}
					}
				}
				select {
				case pending <- a:
				case <-ctx.Done():
					if a.want != nil {
						c.fetch.drop(a.want)
					}
					return
				}
				if err != nil {
					return
				}
			}
		}()
		defer func() {
			cancel()
			for a := range pending {
				if a.want != nil {
					c.fetch.drop(a.want)
				}
			}
			<-ended
		}()
		for a := range pending {
			if a.want != nil {
				select {
				case <-a.want.done:
					a.err = a.want.err
				case <-ctx.Done():
					a.err = ctx.Err()
				}
				c.fetch.drop(a.want)
			}
			if !yield(a.note, a.err) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(manifest.Note{}, err)
		}
	}
}
