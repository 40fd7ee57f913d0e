package gear

import "fmt"

// Cutter finds the ends of chunks: FastCDC (Xia et al., USENIX ATC 2016) with a minimum of a quarter and
// a maximum of eight times the average, and normalised cutting, one level.
type Cutter struct {
	min, normal, max int
	hard, easy       uint64 // masks before and after the normal size
}

// Limits of the average size of a chunk, in bytes.
const (
	MinChunk = 64
	MaxChunk = 64 << 10
)

// NewCutter returns a cutter for chunks of avg bytes on average, none longer than limit.
func NewCutter(avg, limit int) (Cutter, error) {
	if avg < MinChunk || avg > MaxChunk {
		return Cutter{}, fmt.Errorf("chunk size %d is not within %d to %d", avg, MinChunk, MaxChunk)
	}
	// The mean is near min + what the masks add; with the normal size at 3/4 of avg it comes out at avg.
	return Cutter{min: avg / 4, normal: avg * 3 / 4, max: min(8*avg, limit), hard: Mask(avg * 2), easy: Mask(avg / 2)}, nil
}

// Max is the length of the longest chunk, in bytes.
func (c Cutter) Max() int { return c.max }

// Cut returns the length of the first chunk of b, and its hash at the end. If b is shorter than Max, more bytes may
// move the end, unless b is all there is.
func (c Cutter) Cut(b []byte) (n int, hash uint64) {
	if len(b) <= c.min {
		return len(b), Roll(0, b)
	}
	b = b[:min(len(b), c.max)]
	h := Roll(0, b[:c.min])
	normal := min(c.normal, len(b))
	i, h, ok := Next(h, b[c.min:normal], c.hard)
	n = c.min + i
	if !ok {
		i, h, _ = Next(h, b[normal:], c.easy)
		n = normal + i
	}
	return n, h
}
