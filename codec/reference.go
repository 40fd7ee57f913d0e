package codec

import (
	"cmp"
	"slices"

	"dictnet/codec/internal/align"
)

// What a block of local notes is coded against (section 4.4). Local notes stand where the file differs from the tape, so the bytes
// that they replace, and those around them, are the best guess of what they hold.

const (
	leastMargin = 64      // bytes before and after what is replaced
	slack       = 4096    // bytes that may be replaced by fewer; bytes that are taken where it is not known how many are
	margins     = 1 << 19 // bytes that all margins together may have on one side, where there are few
)

// margin returns how many bytes before and after what they replace a number of notes are coded against.
func (c coding) margin(notes int) uint64 {
	if c == codingReferenced {
		return leastMargin
	}
	return uint64(min(max(margins/max(notes, 1), leastMargin), slack))
}

// freshNote is a fresh local note of a frame, and where the tape goes on after it.
type freshNote struct {
	begin, end uint64 // of the note, from the frame's first local byte
	file       uint64 // where it plays first, in the file
	ok         bool   // there is a span of the tape around it
	from       uint64 // first byte of the tape that it replaces
	to         uint64 // where the tape goes on
	near       bool   // to is known
}

// freshNotes returns a frame's fresh local notes, in order. The frame begins at start in the file.
func freshNotes(s *score, start uint64) []freshNote {
	next := make([]uint64, len(s.symbols)) // position + 1 of the next span of the tape, or 0
	var q uint64
	for i := len(s.symbols) - 1; i >= 0; i-- {
		next[i] = q
		if s.symbols[i].code == codeTape {
			q = s.symbols[i].pos + 1
		}
	}
	file := s.firstPlays(start)
	var notes []freshNote
	var p, at uint64
	hasP := false
	for i, s := range s.symbols {
		switch s.code {
		case codeTape:
			p, hasP = s.pos+s.len, true
		case codeFresh:
			hasQ, q := next[i] != 0, next[i]-1
			n := freshNote{begin: at, end: at + s.len, file: file[i], ok: hasP || hasQ, from: p}
			if !hasP && hasQ {
				n.from = q - min(q, s.len)
			}
			if hasQ && n.from <= q && q-n.from <= 2*s.len+slack {
				n.to, n.near = q, true
			}
			at = n.end
			notes = append(notes, n)
		}
	}
	return notes
}

// firstPlays returns where each symbol plays first, in bytes of a file in which the score begins at start. Every symbol is visited once.
func (s *score) firstPlays(start uint64) []uint64 {
	first := make([]uint64, len(s.symbols))
	seen := make([]bool, len(s.symbols))
	var visit func(n uint32, at uint64)
	visit = func(n uint32, at uint64) {
		if seen[n] {
			return
		}
		seen[n], first[n] = true, at
		if r := s.symbols[n]; r.code == codeRule {
			visit(r.left, at)
			visit(r.right, at+s.symbols[r.left].len)
		}
	}
	for i, n := range s.sequence {
		visit(n, start+s.ends[i]-s.symbols[n].len)
	}
	return first
}

// reference is what a block is coded against: pieces of the tape, one after the other, in the order of the tape.
type reference struct {
	pieces []Span
	at     []int        // where each piece begins in the reference
	hints  []align.Hint // what the notes of the block replace
}

// size is the length of the reference in bytes.
func (r *reference) size() int {
	if len(r.pieces) == 0 {
		return 0
	}
	last := len(r.pieces) - 1
	return r.at[last] + int(r.pieces[last].Len)
}

// find returns where a byte of the tape stands in the reference, and where its piece begins.
func (r *reference) find(pos uint64) (at, piece int, ok bool) {
	i, found := slices.BinarySearchFunc(r.pieces, pos, func(s Span, pos uint64) int { return cmp.Compare(s.Pos, pos) })
	if !found {
		i--
	}
	if i < 0 || pos-r.pieces[i].Pos >= r.pieces[i].Len {
		return 0, 0, false
	}
	return r.at[i] + int(pos-r.pieces[i].Pos), r.at[i], true
}

// referenceOf returns what the block that holds the local bytes begin to end of the frame is coded against; more is part of it, and shorter than the longest reference.
func referenceOf(notes []freshNote, begin, end, tapeSize uint64, c coding, more ...Span) *reference {
	first, _ := slices.BinarySearchFunc(notes, begin, func(n freshNote, begin uint64) int {
		if n.end <= begin {
			return -1
		}
		return 1
	})
	notes = notes[first:]
	count := slices.IndexFunc(notes, func(n freshNote) bool { return n.begin >= end })
	if count >= 0 {
		notes = notes[:count]
	}
	pieces := more
	left, margin := c.mostReference(), c.margin(len(notes))
	for _, s := range more {
		left -= s.Len
	}
	for _, n := range notes {
		if !n.ok {
			continue
		}
		from := n.from + max(begin, n.begin) - n.begin
		to := n.from + min(end, n.end) - n.begin
		switch {
		case !n.near:
			to += slack
		case n.end <= end:
			to = max(to, n.to) + margin
		default:
			to += margin
		}
		from -= min(from, margin)
		to = min(to, tapeSize)
		if from >= to {
			continue
		}
		take := min(to-from, left)
		if take == 0 {
			break
		}
		left -= take
		pieces = append(pieces, Span{from, take})
	}
	slices.SortFunc(pieces, func(a, b Span) int { return cmp.Or(cmp.Compare(a.Pos, b.Pos), cmp.Compare(a.Len, b.Len)) })
	r := &reference{}
	for _, p := range pieces {
		if k := len(r.pieces) - 1; k >= 0 {
			if last := &r.pieces[k]; p.Pos <= last.Pos+last.Len {
				last.Len = max(last.Len, p.Pos+p.Len-last.Pos)
				continue
			}
		}
		r.pieces = append(r.pieces, p)
	}
	at := 0
	for _, p := range r.pieces {
		r.at = append(r.at, at)
		at += int(p.Len)
	}
	for _, n := range notes {
		part := max(begin, n.begin)
		tape := n.from + part - n.begin
		if ref, piece, ok := r.find(tape); n.ok && ok {
			r.hints = append(r.hints, align.Hint{At: int(part - begin), Ref: ref, RefLo: piece, File: n.file + part - n.begin, Tape: tape})
		}
	}
	return r
}
