package records

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Batch is a list of records, or of templates, in one piece of memory. The zero value is empty. It may be used again after Reset, and then
// allocates nothing as long as it does not grow.
type Batch struct {
	Data []byte
	Ends []int // of each in Data, ascending; each begins where the one before it ends
}

// Len returns how many there are.
func (b *Batch) Len() int { return len(b.Ends) }

// At returns one, 0 <= i < Len. It is part of Data.
func (b *Batch) At(i int) []byte {
	from := 0
	if i > 0 {
		from = b.Ends[i-1]
	}
	return b.Data[from:b.Ends[i]:b.Ends[i]]
}

// Append adds a copy of one.
func (b *Batch) Append(p []byte) {
	b.Data = append(b.Data, p...)
	b.Ends = append(b.Ends, len(b.Data))
}

// Reset forgets all and keeps the memory.
func (b *Batch) Reset() { b.Data, b.Ends = b.Data[:0], b.Ends[:0] }

// BatchError says which of a batch could not be coded: the first.
type BatchError struct {
	Index int
	Err   error
}

func (e *BatchError) Error() string { return fmt.Sprintf("record %d: %v", e.Index, e.Err) }
func (e *BatchError) Unwrap() error { return e.Err }

// EncodeBatch makes dst the templates of the records of src, in their order, on all cores. They are the same however many there are. After an error,
// which is a *BatchError, dst is empty. dst and src are different, and nobody else uses dst meanwhile.
func (c *Coder) EncodeBatch(dst, src *Batch) error {
	c.encoder()
	return c.batch(dst, src, func(out, in []byte, p *parser) ([]byte, error) { return c.appendEncode(out, in, p) })
}

// DecodeBatch makes dst the records of the templates of src, likewise.
func (c *Coder) DecodeBatch(dst, src *Batch) error {
	return c.batch(dst, src, func(out, in []byte, _ *parser) ([]byte, error) { return c.AppendDecode(out, in) })
}

// share is how many of a batch a core takes at once, at least.
const share = 16

func (c *Coder) batch(dst, src *Batch, one func(out, in []byte, p *parser) ([]byte, error)) error {
	dst.Reset()
	n := src.Len()
	workers := max(1, min(runtime.GOMAXPROCS(0), n/share))
	parts := make([]*parser, workers)
	errs := make([]error, workers)
	var wait sync.WaitGroup
	for w := range workers {
		p := c.take()
		parts[w] = p
		p.out.Reset()
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				data, err := one(p.out.Data, src.At(i), p)
				if err != nil {
					errs[w] = &BatchError{i, err}
					return
				}
				p.out.Data = data
				p.out.Ends = append(p.out.Ends, len(data))
			}
		}()
	}
	wait.Wait()
	var failed error
	for w, p := range parts {
		if failed == nil {
			failed = errs[w]
		}
		base := len(dst.Data)
		dst.Data = append(dst.Data, p.out.Data...)
		dst.Ends = slices.Grow(dst.Ends, len(p.out.Ends))
		for _, e := range p.out.Ends {
			dst.Ends = append(dst.Ends, base+e)
		}
		c.give(p)
	}
	if failed != nil {
		dst.Reset()
	}
	return failed
}
