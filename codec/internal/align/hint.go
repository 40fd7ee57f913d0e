package align

import (
	"errors"

	"dictnet/codec/internal/rans"
)

// Hint is a segment of which it is known where its bytes stand: raw[At] at File in the file, ref[Ref] at Tape on the tape. The reference is of
// one piece from RefLo to Ref.
type Hint struct {
	At, Ref    int
	RefLo      int
	File, Tape uint64
}

// Segments returns the segments of hints.
func Segments(hints []Hint) []Segment {
	s := make([]Segment, len(hints))
	for i, h := range hints {
		s[i] = Segment{h.At, h.Ref}
	}
	return s
}

// ErrSegments says that a list of segments is not what AppendSegments writes.
var ErrSegments = errors.New("not a list of segments")

// diagonals knows on which diagonal given segments are.
type diagonals struct {
	given []Segment
	shift int
}

func (d *diagonals) at(at int) int {
	for len(d.given) > 0 && d.given[0].At <= at {
		d.shift = d.given[0].Ref - d.given[0].At
		d.given = d.given[1:]
	}
	return at + d.shift
}

// AppendSegments appends a list of segments, found beside given ones, as a rans stream: how many there are, and of each how far At is from the one
// before, and Ref from the diagonal so far.
func AppendSegments(dst []byte, found, given []Segment) []byte {
	var e rans.Encoder
	var count, gap, step rans.Int
	e.Int(&count, uint64(len(found)))
	d := diagonals{given: given}
	last := 0
	for _, s := range found {
		e.Int(&gap, uint64(s.At-last))
		e.Int(&step, rans.Zigzag(int64(s.Ref-d.at(s.At))))
		last, d.shift = s.At, s.Ref-s.At
	}
	return e.Append(dst)
}

// ReadSegments reads a list of segments of a text of n bytes and a reference of m.
func ReadSegments(data []byte, n, m int, given []Segment) ([]Segment, error) {
	var dec rans.Decoder
	var count, gap, step rans.Int
	if err := dec.Reset(data); err != nil {
		return nil, err
	}
	k := dec.Int(&count)
	if k > uint64(n/gapLeast+1) {
		return nil, ErrSegments
	}
	d := diagonals{given: given}
	var found []Segment
	last := 0
	for range k {
		g := dec.Int(&gap)
		if g >= uint64(n-last) || g == 0 && len(found) > 0 {
			return nil, ErrSegments
		}
		s := Segment{At: last + int(g)}
		to := int64(d.at(s.At)) + rans.Unzigzag(dec.Int(&step))
		if to < 0 || to >= int64(m) {
			return nil, ErrSegments
		}
		s.Ref = int(to)
		found = append(found, s)
		last, d.shift = s.At, s.Ref-s.At
	}
	return found, dec.End()
}
