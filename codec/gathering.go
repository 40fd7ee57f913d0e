package codec

import "dictnet/codec/internal/gear"

// gathering puts chunks together to notes. It decides which of the chunks that were taken before are taken again, and where notes end; what a chunk
// is, and what becomes of a note, is for others to say: a Builder seals notes, a Recutter finds them again.
type gathering[C any] struct {
	mask uint64       // of the end of a note, at the end of a chunk
	add  func(C)      // puts a chunk into the note
	end  func() error // hands over the note and begins the next

	len   int            // bytes of the note
	again []heldChunk[C] // chunks that were taken before, since the last other one, unless there are enough of them
	held  int            // bytes of these
}

// heldChunk is a chunk that was taken before.
type heldChunk[C any] struct {
	chunk C
	len   int
	hash  uint64 // at its end
}

// leastRepeat is how many bytes a sample has to repeat in a row before they are left out: where less is left out, files that
// resemble the sample would go to and fro on the tape, which costs each of their templates more than is saved here.
const leastRepeat = 256 << 10

// noteMask selects where notes end, of the places where chunks of an average length do. A chunk's end has the top bits of the hash clear already; so
// many more, and it ends a note.
func noteMask(chunkSize int) uint64 { return gear.Mask(chunkSize * max(noteStep/chunkSize, 1)) }

// repeat is told of a chunk of n bytes that was taken before; keep returns one that may be kept.
func (g *gathering[C]) repeat(n int, hash uint64, keep func() C) {
	if g.held += n; g.held >= leastRepeat {
		g.again = g.again[:0]
		return
	}
	g.again = append(g.again, heldChunk[C]{keep(), n, hash})
}

// settle takes the chunks that were taken before, unless there are enough of them in a row.
func (g *gathering[C]) settle() error {
	for _, c := range g.again {
		if err := g.take(c.chunk, c.len, c.hash); err != nil {
			return err
		}
	}
	g.again, g.held = g.again[:0], 0
	return nil
}

// take puts a chunk of n bytes into the note.
func (g *gathering[C]) take(c C, n int, hash uint64) error {
	if g.len+n > MaxNote {
		if err := g.finish(); err != nil {
			return err
		}
	}
	g.add(c)
	g.len += n
	if g.len >= minNote && hash&g.mask == 0 {
		return g.finish()
	}
	return nil
}

// finish ends the note, if there is one.
func (g *gathering[C]) finish() error {
	if g.len == 0 {
		return nil
	}
	g.len = 0
	return g.end()
}
