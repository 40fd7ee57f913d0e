package codec

import (
	"cmp"
	"math"
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

// freshPlaces says where the fresh local notes of a frame stand among its symbols, which are in the order of their definition.
type freshPlaces struct {
	symbols  []symbol
	file     []uint64 // where each symbol plays first; nil if that is not known
	tapeSize uint64
	index    []uint32 // which symbol each note is
	end      []uint64 // where it ends, from the frame's first local byte
}

func freshPlacesOf(symbols []symbol, file []uint64, tapeSize uint64) *freshPlaces {
	n := 0
	for i := range symbols {
		if symbols[i].code == codeFresh {
			n++
		}
	}
	p := &freshPlaces{symbols, file, tapeSize, make([]uint32, 0, n), make([]uint64, 0, n)}
	end := uint64(0)
	for i := range symbols {
		if s := &symbols[i]; s.code == codeFresh {
			end += s.len
			p.index, p.end = append(p.index, uint32(i)), append(p.end, end)
		}
	}
	return p
}

// places returns where the fresh local notes of a score are that begins at start in the file.
func (s *score) places(start, tapeSize uint64) *freshPlaces {
	return freshPlacesOf(s.symbols, s.firstPlays(start), tapeSize)
}

// all returns all notes, for blocks that are coded against the tape alone.
func (p *freshPlaces) all() []freshNote { return p.notes(nil, 0, math.MaxUint64, nil) }

// notes appends the notes that have bytes from begin to end, in order, for blocks that may be coded against these sources.
func (p *freshPlaces) notes(notes []freshNote, begin, end uint64, sources within) []freshNote {
	k, found := slices.BinarySearch(p.end, begin)
	if found {
		k++
	}
	if k == len(p.end) || p.end[k]-p.symbols[p.index[k]].len >= end {
		return notes
	}
	first := int(p.index[k])
	at := p.end[k] - p.symbols[first].len
	var from uint64 // up to where the tape has been used
	var stretch Span
	known := false
	for i := first - 1; i >= 0 && !known; i-- {
		var pos uint64
		if pos, stretch, known = p.usable(&p.symbols[i], sources); known {
			from = pos + p.symbols[i].len
		}
	}
	open := len(notes) // notes from here on have nothing behind them yet
	for i := first; i < len(p.symbols); i++ {
		s := &p.symbols[i]
		if s.code == codeFresh {
			if at >= end {
				if open == len(notes) {
					break
				}
				continue
			}
			n := freshNote{begin: at, end: at + s.len, ok: known, from: from, stretch: stretch}
			if p.file != nil {
				n.file = p.file[i]
			}
			notes = append(notes, n)
			at += s.len
			continue
		}
		pos, next, ok := p.usable(s, sources)
		if !ok {
			continue
		}
		for ; open < len(notes); open++ {
			n := &notes[open]
			size := n.end - n.begin
			if !n.ok {
				n.ok, n.stretch, n.from = true, next, pos-min(pos-next.Pos, size)
			}
			if n.stretch == next && n.from <= pos && pos-n.from <= 2*size+slack {
				n.to, n.near = pos, true
			}
		}
		if at >= end {
			break
		}
		from, stretch, known = pos+s.len, next, true
	}
	return notes
}

// usable returns where a symbol that is no fresh note stands, the local tape behind the other, if a block with these sources may be coded against that; and of the local tape the part that may be used.
func (p *freshPlaces) usable(s *symbol, sources within) (pos uint64, stretch Span, ok bool) {
	switch s.code {
	case codeTape:
		return s.pos, Span{}, true
	case codeRepeat:
		pos = s.pos + p.tapeSize
		stretch, ok = sources.run(pos)
		return pos, stretch, ok && pos+s.len <= stretch.Pos+stretch.Len
	}
	return 0, Span{}, false
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
