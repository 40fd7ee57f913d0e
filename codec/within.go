package codec

import (
	"slices"

	"dictnet/codec/internal/align"
)

// within are the parts of a tape that may be used, as JoinSpans returns them; nil: all of it.
type within []Span

// withinOf leaves nil as it is: nothing may be used where there is no part.
func withinOf(parts []Span) within {
	if parts == nil {
		return nil
	}
	return append(within{}, JoinSpans(parts)...)
}

// run returns the part that holds byte pos.
func (w within) run(pos uint64) (Span, bool) {
	i, found := slices.BinarySearchFunc(w, pos, func(s Span, pos uint64) int {
		switch {
		case s.Pos+s.Len <= pos:
			return -1
		case s.Pos > pos:
			return 1
		}
		return 0
	})
	if !found {
		return Span{}, false
	}
	return w[i], true
}

// end returns up to where the tape, which has size bytes, may be read on from pos; pos itself if it may not be used.
func (w within) end(pos, size uint64) uint64 {
	if w == nil {
		return size
	}
	if s, ok := w.run(pos); ok {
		return s.Pos + s.Len
	}
	return pos
}

// begin returns from where on the tape may be read up to pos.
func (w within) begin(pos uint64) uint64 {
	if w == nil || pos == 0 {
		return 0
	}
	if s, ok := w.run(pos - 1); ok {
		return s.Pos
	}
	return pos
}

// only leaves those of the places, ends of windows, around which something may be used.
func (w within) only(places []uint64) []uint64 {
	if w == nil {
		return places
	}
	return slices.DeleteFunc(places, func(p uint64) bool { return w.begin(p) == p && w.end(p, 0) == p })
}

// tapeAfter returns how many bytes of b stand on the tape at pos, where it may be used.
func (e *encoder) tapeAfter(pos uint64, b []byte) (int, error) {
	n, _, err := e.follow(pos, e.within.end(pos, e.notes.size()), b, false)
	return n, err
}

// tapeBefore returns how many bytes at the end of b stand on the tape just before pos, where it may be used.
func (e *encoder) tapeBefore(pos uint64, b []byte) (int, error) {
	most := min(uint64(len(b)), pos-e.within.begin(pos))
	return commonBefore(e.tapeAt, pos, b[uint64(len(b))-most:])
}

// outside returns what is in spans and not in w. Both are as JoinSpans returns them.
func (w within) outside(spans []Span) (out []Span) {
	if w == nil {
		return nil
	}
	rest := w
	for _, s := range spans {
		for len(rest) > 0 && rest[0].Pos+rest[0].Len <= s.Pos {
			rest = rest[1:]
		}
		at, end := s.Pos, s.Pos+s.Len
		for _, x := range rest {
			if x.Pos >= end {
				break
			}
			if x.Pos > at {
				out = append(out, Span{at, x.Pos - at})
			}
			at = max(at, x.Pos+x.Len)
		}
		if at < end {
			out = append(out, Span{at, end - at})
		}
	}
	return out
}

// leaveOut takes the holes of a frame out of a reference (section 4.4).
func (r *reference) leaveOut(holes []Span) {
	if len(holes) == 0 {
		return
	}
	r.pieces = within(holes).outside(r.pieces)
	r.at = r.at[:0]
	at := 0
	for _, p := range r.pieces {
		r.at = append(r.at, at)
		at += int(p.Len)
	}
	r.hints = slices.DeleteFunc(r.hints, func(h align.Hint) bool {
		_, _, ok := r.find(h.Tape)
		return !ok
	})
	for i := range r.hints {
		h := &r.hints[i]
		h.Ref, h.RefLo, _ = r.find(h.Tape)
	}
}
