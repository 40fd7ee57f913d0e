package codec

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
)

// A block of local notes may be coded against earlier blocks of its template, its sources, as against the tape (section 4.4). Each needs, to be opened, its
// sources and what these need.

const (
	maxNeeds    = 8 // blocks that have to be opened before one, at most
	withSources = 8 // added to the coding of a block that has sources

	leastSource = 64 // bytes of notes that a source stands around, at least
	leastMore   = 16 // share by which more must stand around notes, for a block that has a tape
)

// blockSource is an earlier block of the same template.
type blockSource struct {
	back  int // frames from its own to that of the block which is coded against it, 0 if they are the same
	block int // its number in its frame
	Span      // of the local tape
}

// behind returns the parts of the local tape that these blocks are, as if it followed a tape of so many bytes.
func behind(tapeSize uint64, sources []blockSource) within {
	var parts []Span
	for _, s := range sources {
		parts = append(parts, Span{tapeSize + s.Pos, s.Len})
	}
	return JoinSpans(parts)
}

func appendSources(b []byte, sources []blockSource) []byte {
	b = binary.AppendUvarint(b, uint64(len(sources)))
	for _, s := range sources {
		b = binary.AppendUvarint(b, uint64(s.back))
		b = binary.AppendUvarint(b, uint64(s.block))
	}
	return b
}

// parseSources reads the sources of the next block of a frame, in the order of the local tape.
func parseSources(f *fields, before []frameEntry, own *frame, blockSize uint64) (sources []blockSource) {
	var end uint64
	for range f.uvarint(1, maxNeeds, "number of sources") {
		back := int(f.uvarint(0, uint64(len(before)), "frames back to a source"))
		block := f.uvarint(0, maxLocal, "number of a source")
		e := own.frameEntry
		if back > 0 {
			e = before[len(before)-back]
		}
		length := blockLength(e.local, blockSize)
		s := blockSource{back, int(block), Span{Pos: e.localPos + block*length}}
		switch {
		case back > 0 && block*length >= e.local, back == 0 && block >= uint64(len(own.blocks)):
			f.fail("a source is no earlier block")
		case s.Pos < end:
			f.fail("sources are not in the order of the local tape")
		}
		if f.err != nil {
			return nil
		}
		s.Len = min(length, e.local-block*length)
		end = s.Pos + s.Len
		sources = append(sources, s)
	}
	return sources
}

// needs are the blocks that have to be opened before each block of a template that has been seen, ascending. A block is known by where it begins on the local tape.
type needs map[uint64][]uint64

// of returns what a block with these sources needs.
func (n needs) of(sources []blockSource) (all []uint64) {
	for _, s := range sources {
		all = append(append(all, s.Pos), n[s.Pos]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// add makes known what the blocks of a frame need, if it has what their sources do.
func (n needs) add(fr *frame) error {
	pos := fr.localPos
	for _, b := range fr.blocks {
		if err := n.learn(pos, b.sources, fr.off); err != nil {
			return err
		}
		pos += uint64(b.raw)
	}
	return nil
}

// learn does so for the block that begins at pos, of a frame that stands at byte off.
func (n needs) learn(pos uint64, sources []blockSource, off int64) error {
	all := n.of(sources)
	if len(all) > maxNeeds {
		return formatErrorf(off, "a block needs %d others, want at most %d", len(all), maxNeeds)
	}
	n[pos] = all
	return nil
}

// codedBlock is a block that later ones may be coded against.
type codedBlock struct {
	frame, block int
	Span         // of the local tape
}

// chooseSources says which earlier blocks each block of a frame is coded against: those that stand around most of its notes. Beside a tape, which they would
// take notes from, blocks have none unless more of what is new then stands where something is known to go on.
func (e *encoder) chooseSources(f *closedFrame) {
	size := uint64(len(f.fresh))
	length := blockLength(size, 1<<e.shape.blockBits)
	tape := e.notes.size()
	places := freshPlacesOf(f.terminals, nil, tape)
	var notes []freshNote
	repeats := slices.ContainsFunc(f.terminals, func(s symbol) bool { return s.code == codeRepeat })
	for begin, number := uint64(0), 0; begin < size; begin, number = begin+length, number+1 {
		own := codedBlock{frame: e.flushed, block: number, Span: Span{f.entry.localPos + begin, min(length, size-begin)}}
		notes = places.notes(notes[:0], begin, begin+own.Len, nil)
		known, _ := e.weigh(notes, begin, begin+own.Len)
		least := known + known/leastMore
		var sources []blockSource
		if repeats && least < own.Len {
			notes = places.notes(notes[:0], begin, begin+own.Len, within{{tape, own.Pos}})
			if known, weights := e.weigh(notes, begin, begin+own.Len); known > least {
				sources = e.heaviest(weights)
			}
		}
		f.sources = append(f.sources, sources)
		e.blocks = append(e.blocks, own)
		e.needs[own.Pos] = e.needs.of(sources)
	}
	e.flushed++
}

// weigh returns how many bytes, from begin to end, of notes are known to go on somewhere, and how many do in each block, by its index in e.blocks.
func (e *encoder) weigh(notes []freshNote, begin, end uint64) (all uint64, weights map[int]uint64) {
	weights = make(map[int]uint64)
	for _, n := range notes {
		from, to := max(n.begin, begin), min(n.end, end)
		if !n.near || from >= to {
			continue
		}
		all += to - from
		if n.stretch.Len == 0 {
			continue
		}
		pos := n.from + from - n.begin - e.notes.size()
		i, found := slices.BinarySearchFunc(e.blocks, pos, func(b codedBlock, pos uint64) int { return cmp.Compare(b.Pos, pos) })
		if !found {
			i--
		}
		weights[i] += to - from
	}
	return all, weights
}

// heaviest returns those blocks that together need few enough, taken the heaviest first, in the order of the local tape.
func (e *encoder) heaviest(weights map[int]uint64) (sources []blockSource) {
	for _, i := range slices.SortedFunc(maps.Keys(weights), func(a, b int) int { return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(a, b)) }) {
		if weights[i] < leastSource {
			break
		}
		b := e.blocks[i]
		if more := append(sources, blockSource{e.flushed - b.frame, b.block, b.Span}); len(e.needs.of(more)) <= maxNeeds {
			sources = more
		}
	}
	slices.SortFunc(sources, func(a, b blockSource) int { return cmp.Compare(a.Pos, b.Pos) })
	return sources
}
