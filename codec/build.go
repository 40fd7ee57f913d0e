package codec

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"dictnet/codec/internal/gear"
)

// DefaultBuildChunk is the average length of a chunk of a sample, in bytes.
const DefaultBuildChunk = 4096

// Notes come out at about 128 KiB.
const (
	minNote  = 56 << 10 // bytes that a note has at least, unless it is the last of a build or one chunk more would be too much
	noteStep = 64 << 10 // a note that is that long ends within so many bytes, on average
)

// BuildOptions say what of the samples goes into a dictionary.
type BuildOptions struct {
	// Base and BaseIndex are the dictionary that is extended: what it holds is not taken again. Nil for a new one.
	Base      Tape
	BaseIndex *Index
	// ChunkSize is the average length of a chunk, 64 to 65,536 bytes; samples are compared by chunks. 0 is DefaultBuildChunk.
	ChunkSize int
	// MinFreq is how often a chunk occurs in the samples before it is taken. 1, or 0, takes each, and leaves out where 256 KiB or more
	// in a row have been taken before; from 2 on, up to 2^31-1, each is taken once.
	MinFreq int
	// Placed, if not nil, is told where on the tape bytes of samples stand, those that were there already included, and the label that their
	// sample has (see Label). A byte may be told several times. It is called before Close returns, and must not call the builder.
	Placed func(label int, s Span)
	// Progress is called now and then with the number of bytes read so far.
	Progress func(read int64)
}

// BuildStats says what a builder has done. Bytes are raw.
type BuildStats struct {
	Samples int64
	Read    int64 // bytes of samples
	Chunks  int64
	Taken   int64 // bytes that went into notes
	Notes   int64 // sealed so far
	Stored  int64 // bytes of their blocks
}

// Builder makes the notes of a dictionary from samples. Memory: about 30 bytes for each different chunk, and a few notes.
type Builder struct {
	ctx    context.Context
	o      BuildOptions
	cut    gear.Cutter
	anchor uint64 // mask of the base's anchors
	notes  *noteCache
	seen   map[uint64]uint32 // xxh64 of a chunk -> how often, up to MinFreq
	chunks gathering[[]byte]
	note   []byte
	run    run
	places []uint64
	seal   sealer
	place  *placing // nil if nobody wants to know
	stats  BuildStats
	err    error
}

// run is where the base goes on as the sample does.
type run struct {
	pos uint64
	ok  bool
}

// NewBuilder returns a builder that hands every note to emit, in order; emit must not call the builder. An option out of range is an ErrOption.
func NewBuilder(ctx context.Context, emit func(Block) error, o BuildOptions) (*Builder, error) {
	if o.ChunkSize == 0 {
		o.ChunkSize = DefaultBuildChunk
	}
	if o.MinFreq < 0 || o.MinFreq > math.MaxInt32 { // they are counted in 32 bits
		return nil, fmt.Errorf("build: %w: least frequency is %d, want 1 to %d", ErrOption, o.MinFreq, math.MaxInt32)
	}
	if (o.Base == nil) != (o.BaseIndex == nil) {
		return nil, fmt.Errorf("build: %w: a dictionary to extend needs its index", ErrOption)
	}
	cut, err := gear.NewCutter(o.ChunkSize, MaxNote)
	if err != nil {
		return nil, fmt.Errorf("build: %w: %w", ErrOption, err)
	}
	b := &Builder{
		ctx: ctx, o: o, cut: cut,
		notes: newNoteCache(o.Base, buildNotes),
		seen:  make(map[uint64]uint32),
		seal:  sealer{emit: emit},
		place: newPlacing(o.Placed),
	}
	b.chunks = gathering[[]byte]{mask: noteMask(o.ChunkSize), add: b.take, end: b.endNote}
	if o.BaseIndex != nil {
		b.anchor = gear.Mask(o.BaseIndex.Spacing())
	}
	return b, nil
}

// Label says what the samples that follow are labelled, for BuildOptions.Placed, without which it does nothing. Samples with different labels do not add to the same note. At first the label is 0.
func (b *Builder) Label(label int) error {
	if b.err == nil && b.place != nil && label != b.place.label {
		b.err = b.chunks.finish()
		b.place.label = label
	}
	return b.err
}

// Add takes one sample. After an error the builder is of no more use.
func (b *Builder) Add(sample io.Reader) error {
	if b.err == nil {
		b.err = b.add(sample)
	}
	return b.err
}

func (b *Builder) add(sample io.Reader) error {
	b.stats.Samples++
	b.run.ok = false
	var buf []byte
	for eof := false; ; {
		if !eof && len(buf) < b.cut.Max() {
			if err := b.ctx.Err(); err != nil {
				return err
			}
			buf = slices.Grow(buf, readSize)
			n, err := io.ReadFull(sample, buf[len(buf):len(buf)+readSize])
			buf = buf[:len(buf)+n]
			b.stats.Read += int64(n)
			if b.o.Progress != nil {
				b.o.Progress(b.stats.Read)
			}
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				eof = true
			} else if err != nil {
				return fmt.Errorf("read sample: %w", err)
			}
		}
		if len(buf) == 0 {
			b.place.settled()
			return b.chunks.settle()
		}
		n, hash := b.cut.Cut(buf)
		if err := b.chunk(buf[:n], hash); err != nil {
			return err
		}
		buf = buf[n:]
	}
}

// chunk takes one chunk if it is to be taken.
func (b *Builder) chunk(c []byte, hash uint64) error {
	b.stats.Chunks++
	key := xxhash.Sum64(c)
	count, least := b.seen[key], uint32(max(b.o.MinFreq, 1))
	if count < least {
		count++
		b.seen[key] = count
	} else {
		count = least + 1 // it has been taken
	}
	known, err := b.inBase(c)
	if err != nil {
		return err
	}
	if count > least && least == 1 && !known {
		b.chunks.repeat(len(c), hash, func() []byte { return bytes.Clone(c) })
		b.place.repeats(key, len(c), len(b.chunks.again) == 0)
		return nil
	}
	b.place.settled()
	if err := b.chunks.settle(); err != nil {
		return err
	}
	switch {
	case known:
		s := Span{b.run.pos - uint64(len(c)), uint64(len(c))}
		b.place.taken(key, s)
		b.place.at(s)
		return nil
	case count < least:
		b.place.waits(key)
		return nil
	case count > least:
		b.place.known(key, len(c))
		return nil
	}
	b.place.taken(key, Span{b.end(), uint64(len(c))})
	return b.chunks.take(c, len(c), hash)
}

// end is where the next byte that is taken will stand on the tape.
func (b *Builder) end() uint64 { return b.notes.size() + uint64(b.stats.Taken) }

// take appends a chunk to the note.
func (b *Builder) take(c []byte) {
	b.place.at(Span{b.end(), uint64(len(c))})
	b.note = append(b.note, c...)
	b.stats.Taken += int64(len(c))
}

// inBase reports whether the base holds the chunk in one piece.
func (b *Builder) inBase(c []byte) (bool, error) {
	if b.notes == nil {
		return false, nil
	}
	at := func(pos uint64) (uint64, []byte, error) { return b.notes.at(b.ctx, pos) }
	if b.run.ok {
		n, err := commonAfter(at, b.notes.size(), b.run.pos, c)
		if err != nil {
			return false, err
		}
		if n == len(c) {
			b.run.pos += uint64(n)
			return true, nil
		}
		b.run.ok = false
	}
	var h uint64
	for p := 0; p < len(c); {
		n, hash, ok := gear.Next(h, c[p:], b.anchor)
		p, h = p+n, hash
		if !ok || p < gear.Window {
			continue
		}
		var err error
		if b.places, err = b.o.BaseIndex.lookup(h, b.places[:0]); err != nil {
			return false, err
		}
		for _, pos := range b.places {
			if pos < uint64(p) {
				continue
			}
			n, err := commonAfter(at, b.notes.size(), pos-uint64(p), c)
			if err != nil {
				return false, err
			}
			if n == len(c) {
				b.run = run{pos - uint64(p) + uint64(n), true}
				return true, nil
			}
		}
	}
	return false, nil
}

func (b *Builder) endNote() error {
	raw := b.note
	b.note = make([]byte, 0, MaxNote)
	return b.seal.add(func() (Block, error) { return SealNote(raw) })
}

// Close seals the last note and waits until all have been handed over.
func (b *Builder) Close() error {
	if b.err == nil {
		b.err = b.chunks.finish()
	}
	b.err = b.seal.wait(b.err)
	return b.err
}

// Stats says what has been done so far; after Close, all.
func (b *Builder) Stats() BuildStats {
	s := b.stats
	b.seal.mu.Lock()
	defer b.seal.mu.Unlock()
	s.Notes, s.Stored = b.seal.notes, b.seal.stored
	return s
}

// sealer seals notes on all cores and hands them over in order.
type sealer struct {
	emit  func(Block) error
	queue []chan sealed // of the notes that have not been handed over, in order

	mu            sync.Mutex
	notes, stored int64
}

type sealed struct {
	block Block
	err   error
}

// add has a note sealed by seal.
func (s *sealer) add(seal func() (Block, error)) error {
	if len(s.queue) > 2*runtime.GOMAXPROCS(0) {
		if err := s.handOver(); err != nil {
			return err
		}
	}
	c := make(chan sealed, 1)
	s.queue = append(s.queue, c)
	go func() {
		b, err := seal()
		c <- sealed{b, err}
	}()
	return nil
}

func (s *sealer) handOver() error {
	r := <-s.queue[0]
	s.queue = s.queue[1:]
	if r.err != nil {
		return r.err
	}
	s.mu.Lock()
	s.notes++
	s.stored += int64(len(r.block.Data))
	s.mu.Unlock()
	return s.emit(r.block)
}

// wait hands over what is left; after an error, which it returns, it only waits.
func (s *sealer) wait(err error) error {
	for len(s.queue) > 0 {
		if err == nil {
			err = s.handOver()
		} else {
			<-s.queue[0]
			s.queue = s.queue[1:]
		}
	}
	return err
}
