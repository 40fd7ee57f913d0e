package records

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Lines reads the records of a text: its lines, each with its end.
type Lines struct {
	r *bufio.Reader
	n int // lines read
}

// NewLines returns the lines of what r reads.
func NewLines(r io.Reader) *Lines { return &Lines{r: bufio.NewReaderSize(r, MaxRecord+1)} }

// Next returns the next line, which is good until the next call, or io.EOF.
func (l *Lines) Next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || len(line) > MaxRecord {
		return nil, fmt.Errorf("line %d: %w: more than %d bytes", l.n+1, ErrTooLong, MaxRecord)
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	l.n++
	return slices.Clip(line), err // or else who appends to it writes over the next one
}
