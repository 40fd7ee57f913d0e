package align

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
