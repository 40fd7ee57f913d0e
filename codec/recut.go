package codec

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/cespare/xxhash/v2"

	"dictnet/codec/internal/gear"
)

// Piece is a run of bytes of a sample.
type Piece struct {
	Sample int // 0 for the first that was added
	Off    int64
	Len    int
}

// Recutter finds notes in samples again: it cuts them just as a [Builder] without a base does, and says where the notes
// would lie instead of sealing them. What a Builder made of the same samples, in the same order, is found whole; and,
// because a note ends where its content says so, most of what it made of others that share long runs with them. Every sample is also
// cut as if it were the only one.
//
// Whether a note is one that somebody wants is for the caller to find out, by its length and by [SealNote]. Memory: about 50 bytes for
// each different chunk, up to 400 MiB; after that, chunks that come twice are not noticed any more.
type Recutter struct {
	ctx   context.Context
	cut   gear.Cutter
	mask  uint64
	found func([]Piece) error

	all, one *grouping
	samples  int
	last     map[Piece][]Piece // the first piece of a note that was found -> all of the latest such; of this sample
}

// grouping is how chunks have come together to notes so far.
type grouping struct {
	seen   map[uint64]struct{}
	chunks gathering[Piece]
	pieces []Piece // of the note
}

// grouping returns one of nothing.
func (r *Recutter) grouping() *grouping {
	g := &grouping{seen: make(map[uint64]struct{})}
	g.chunks = gathering[Piece]{mask: r.mask, add: g.take, end: func() error {
		err := r.note(g.pieces)
		g.pieces = nil
		return err
	}}
	return g
}

const maxRecutSeen = 4 << 20 // chunks

// NewRecutter returns a Recutter that hands the pieces of every note to found; they are not changed afterwards. chunkSize is the Builder's.
func NewRecutter(ctx context.Context, chunkSize int, found func([]Piece) error) (*Recutter, error) {
	if chunkSize == 0 {
		chunkSize = DefaultBuildChunk
	}
	cut, err := gear.NewCutter(chunkSize, MaxNote)
	if err != nil {
		return nil, fmt.Errorf("find notes: %w: %w", ErrOption, err)
	}
	r := &Recutter{ctx: ctx, cut: cut, found: found, mask: noteMask(chunkSize)}
	r.all = r.grouping()
	return r, nil
}

// Add cuts one sample. The last note of what was added so far is found, too, as if nothing followed.
func (r *Recutter) Add(sample io.Reader) error {
	r.one = r.grouping()
	r.last = make(map[Piece][]Piece)
	var buf []byte
	var off int64
	for eof := false; ; {
		if !eof && len(buf) < r.cut.Max() {
			if err := r.ctx.Err(); err != nil {
				return err
			}
			buf = slices.Grow(buf, readSize)
			n, err := io.ReadFull(sample, buf[len(buf):len(buf)+readSize])
			buf = buf[:len(buf)+n]
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				eof = true
			} else if err != nil {
				return err
			}
		}
		if len(buf) == 0 {
			break
		}
		n, hash := r.cut.Cut(buf)
		key := xxhash.Sum64(buf[:n])
		for _, g := range []*grouping{r.all, r.one} {
			if err := g.chunk(key, Piece{r.samples, off, n}, hash); err != nil {
				return err
			}
		}
		buf = buf[n:]
		off += int64(n)
	}
	for _, g := range []*grouping{r.all, r.one} {
		if err := g.chunks.settle(); err != nil {
			return err
		}
		if err := r.note(g.pieces); err != nil {
			return err
		}
	}
	r.samples++
	return nil
}

// chunk adds a chunk, as a Builder does.
func (g *grouping) chunk(key uint64, p Piece, hash uint64) error {
	if _, ok := g.seen[key]; ok {
		g.chunks.repeat(p.Len, hash, func() Piece { return p })
		return nil
	}
	if len(g.seen) < maxRecutSeen {
		g.seen[key] = struct{}{}
	}
	if err := g.chunks.settle(); err != nil {
		return err
	}
	return g.chunks.take(p, p.Len, hash)
}

// take puts a chunk into the note.
func (g *grouping) take(p Piece) {
	if k := len(g.pieces); k > 0 && g.pieces[k-1].Sample == p.Sample && g.pieces[k-1].Off+int64(g.pieces[k-1].Len) == p.Off {
		g.pieces[k-1].Len += p.Len
	} else {
		g.pieces = append(g.pieces, p)
	}
}

// note hands over a note, or what has come together of one.
func (r *Recutter) note(pieces []Piece) error {
	if len(pieces) == 0 {
		return nil
	}
	if slices.Equal(r.last[pieces[0]], pieces) {
		return nil // the other grouping has found it
	}
	pieces = slices.Clone(pieces)
	r.last[pieces[0]] = pieces
	return r.found(pieces)
}
