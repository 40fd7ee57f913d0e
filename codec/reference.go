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
	stretch    Span   // of the local tape behind the dictionary's, if what it replaces is of that: the block is coded against it
}

// freshNotes returns a frame's fresh local notes, in order, for blocks that may be coded against these sources. The frame begins at start in the file.
func freshNotes(s *score, start, tapeSize uint64, sources within) []freshNote {
	notes := surroundings(s.symbols, tapeSize, sources)
	file := s.firstPlays(start)
	k := 0
	for i, s := range s.symbols {
		if s.code == codeFresh {
			notes[k].file = file[i]
			k++
		}
	}
	return notes
}

// surroundings returns the fresh local notes among symbols, which are in the order of their definition, without where they play.
func surroundings(symbols []symbol, tapeSize uint64, sources within) []freshNote {
	var notes []freshNote
	var at, p uint64
	var stretch Span
	hasP := false
	open := 0 // notes from here on have nothing behind them yet
	for _, s := range symbols {
		q, next := s.pos, Span{}
		switch s.code {
		case codeFresh:
			notes = append(notes, freshNote{begin: at, end: at + s.len, ok: hasP, from: p, stretch: stretch})
			at += s.len
			continue
		case codeRule:
			continue
		case codeRepeat:
			q += tapeSize
			var ok bool
			if next, ok = sources.run(q); !ok || q+s.len > next.Pos+next.Len {
				continue
			}
		}
		for ; open < len(notes); open++ {
			n := &notes[open]
			size := n.end - n.begin
			if !n.ok {
				n.ok, n.stretch, n.from = true, next, q-min(q-next.Pos, size)
			}
			if n.stretch == next && n.from <= q && q-n.from <= 2*size+slack {
				n.to, n.near = q, true
			}
		}
		p, stretch, hasP = q+s.len, next, true
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
			left, right := r.halves()
			visit(left, at)
			visit(right, at+s.symbols[left].len)
		}
	}
	for i, n := range s.sequence {
		visit(n, start+s.ends[i]-s.symbols[n].len)
	}
	return first
}

// reference is what a block is coded against: pieces of the tape, one after the other, in the order of the tape.
type reference struct {
	pieces []Span       // those of the local tape behind all others, as if that followed the dictionary's
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

// parted returns the pieces of a tape of so many bytes, and those of the local tape, as they lie on it.
func (r *reference) parted(tapeSize uint64) (tape, local []Span) {
	k, _ := slices.BinarySearchFunc(r.pieces, tapeSize, func(s Span, pos uint64) int { return cmp.Compare(s.Pos, pos) })
	for _, s := range r.pieces[k:] {
		local = append(local, Span{s.Pos - tapeSize, s.Len})
	}
	return r.pieces[:k], local
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
		first, last := uint64(0), tapeSize
		if n.stretch.Len > 0 {
			first, last = n.stretch.Pos, n.stretch.Pos+n.stretch.Len
		}
		from -= min(from-min(from, first), margin)
		to = min(to, last)
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
			if last := &r.pieces[k]; p.Pos <= last.Pos+last.Len && (p.Pos < tapeSize) == (last.Pos < tapeSize) {
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
