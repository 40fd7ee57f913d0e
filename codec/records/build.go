package records

import (
	"errors"
	"fmt"
	"io"

	"dictnet/codec"
)

// Limits of a budget, in bytes of the tape.
const (
	MinBudget = 4 << 10
	MaxBudget = MaxUnit
)

// keepSamples is how many bytes of samples a Builder holds, and mostSamples how many: of more, every second is left out, then every fourth, and so on.
const (
	keepSamples = 32 << 20
	mostSamples = 1 << 20 // each takes up to 500 bytes besides its own while the Builder trains
)

// Builder trains a dictionary from samples, each of them a record like those to come. It holds 32 MiB of them, or a million, and some 200 MB more, or 500 of very short ones, while it
// trains: what more samples there are is thinned evenly.
type Builder struct {
	budget int
	kept   [][]byte
	bytes  int
	seen   int // samples
	step   int // of which every step-th is kept
	read   int64
}

// ErrFewSamples says that there is nothing to learn from.
var ErrFewSamples = errors.New("the samples have too little in common: give more of them, each a record of its own")

// NewBuilder returns a builder of a dictionary of up to budget bytes, model included.
func NewBuilder(budget int) (*Builder, error) {
	if budget < MinBudget || budget > MaxBudget {
		return nil, fmt.Errorf("build: %w: a budget of %d bytes, want %d to %d", codec.ErrOption, budget, MinBudget, MaxBudget)
	}
	return &Builder{budget: budget, step: 1}, nil
}

// Add takes a sample, which is copied. Of what is longer than a record, the pieces are samples.
func (b *Builder) Add(sample []byte) {
	b.read += int64(len(sample))
	for len(sample) > 0 {
		n := min(len(sample), MaxRecord)
		b.add(sample[:n])
		sample = sample[n:]
	}
}

func (b *Builder) add(sample []byte) {
	b.seen++
	if (b.seen-1)%b.step != 0 {
		return
	}
	b.kept = append(b.kept, append([]byte(nil), sample...))
	for b.bytes += len(sample); (b.bytes > keepSamples || len(b.kept) > mostSamples) && len(b.kept) > 1; {
		b.step *= 2
		b.bytes = 0
		half := b.kept[:0]
		for i := 0; i < len(b.kept); i += 2 {
			half = append(half, b.kept[i])
			b.bytes += len(b.kept[i])
		}
		clear(b.kept[len(half):])
		b.kept = half
	}
}

// AddFile takes all that r reads as a sample.
func (b *Builder) AddFile(r io.Reader) error {
	buf := make([]byte, MaxRecord)
	for {
		n, err := io.ReadFull(r, buf)
		b.Add(buf[:n])
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read sample: %w", err)
		}
	}
}

// AddLines takes each line of what r reads, with its end, as a sample.
func (b *Builder) AddLines(r io.Reader) error {
	s := NewLines(r)
	for {
		line, err := s.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		b.Add(line)
	}
}

// Seen returns how many samples there were, and their bytes.
func (b *Builder) Seen() (samples int, bytes int64) { return b.seen, b.read }

// Finish trains, and hands the notes to emit, in the order of the tape. The same samples in the same order give the same notes.
func (b *Builder) Finish(emit func(codec.Block) error) error {
	if len(b.kept) < 2 {
		return ErrFewSamples
	}
	unit := train(b.kept, b.budget)
	notes := (len(unit) + codec.MaxNote - 1) / codec.MaxNote
	for i := range notes {
		block, err := codec.SealNote(unit[len(unit)*i/notes : len(unit)*(i+1)/notes])
		if err != nil {
			return err
		}
		if err := emit(block); err != nil {
			return err
		}
	}
	return nil
}
