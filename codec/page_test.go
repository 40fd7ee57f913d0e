package codec

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/lz"
	"dictnet/codec/internal/mix"
)

// A second reader of templates and of derived notes, which follows docs/format.md, in the words that are used there, and is as slow as it may be: whoever has nothing
// but the page is to come to the same bytes. It shares nothing with the first but the types of spans and hints.

var errPage = errors.New("not as the page has it")

func pageCheck(ok bool) {
	if !ok {
		panic(errPage)
	}
}

func pageCRC(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

type pageBytes []byte

func (b *pageBytes) take(n uint64) []byte {
	pageCheck(n <= uint64(len(*b)))
	taken := (*b)[:n]
	*b = (*b)[n:]
	return taken
}

func (b *pageBytes) varint() uint64 {
	v, n := binary.Uvarint(*b)
	pageCheck(n > 0 && (n == 1 || (*b)[n-1] != 0))
	*b = (*b)[n:]
	return v
}

func (b *pageBytes) u32() uint32 { return binary.LittleEndian.Uint32(b.take(4)) }

// A symbol, as section 4.3 has it: the code is 0 for all spans of the tape.
type pageSymbol struct {
	code        int
	pos, len    uint64
	left, right int
	height      int
	plays       uint64 // where in the file it plays first
}

type pageBlock struct {
	coding      int
	raw, stored uint64
	pos         uint64 // on the local tape
	sources     []Span // of the local tape
	needs       []uint64
}

type pageTemplate struct {
	tape, local, file []byte
	whole             uint64
	frames            [][]*pageBlock
}

// readPage plays a template.
func readPage(template, tape []byte) (file []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			if err, _ = v.(error); err != errPage {
				panic(v)
			}
		}
	}()
	b := pageBytes(template)
	pageCheck(string(b.take(4)) == "\xd7nt\x01")
	shape := b.varint()
	pageCheck(shape < 32)
	p := &pageTemplate{whole: 1 << (16 + shape>>1&7)}
	if shape&1 == 1 {
		p.tape = tape
		b.take(32)
		pageCheck(b.varint() >= 1)
	}
	if shape&16 != 0 {
		n := len(template) - 4
		pageCheck(len(template) <= 1<<16 && pageCRC(template[:n]) == binary.LittleEndian.Uint32(template[n:]))
		b = b[:len(b)-4]
		sum := p.frame(&b, true, false)
		pageCheck(len(b) == 4 && xxhash.Sum64(p.file) == uint64(b.u32())<<32|uint64(sum))
		return p.file, nil
	}
	pageCheck(pageCRC(template[:len(template)-len(b)]) == b.u32())
	var entries []byte
	var count uint64
	for {
		from, played, local := b, len(p.file), len(p.local)
		tag := b.take(1)[0]
		if tag == 4 {
			pageCheck(count == 1 && xxhash.Sum64(p.file)>>32 == uint64(b.u32()) && string(b) == "nt\xd7\r")
			return p.file, nil
		}
		if tag == 2 {
			pageCheck(b.varint() == count && count != 1 && bytes.Equal(b.take(uint64(len(entries))), entries) && binary.LittleEndian.Uint64(b.take(8)) == xxhash.Sum64(p.file))
			pageCheck(pageCRC(from[:len(from)-len(b)]) == b.u32())
			n := len(from) - len(b)
			pageCheck(int(b.u32()) == n && string(b) == "nt\xd7\n")
			return p.file, nil
		}
		pageCheck(tag == 1 || tag == 3)
		n := b.varint()
		head := pageBytes(b.take(n))
		pageCheck(n <= 1<<24 && pageCRC(from[:len(from)-len(b)]) == b.u32())
		rest := pageBytes(slices.Concat(head, b))
		p.frame(&rest, false, tag == 3)
		b = b[len(b)-len(rest):]
		count++
		for _, v := range []int{len(from) - len(b), len(p.file) - played, len(p.local) - local} {
			entries = binary.AppendUvarint(entries, uint64(v))
		}
	}
}

// frame reads a frame, from the begin of its head to the end of its blocks, and plays it. It returns the checksum of what it plays.
func (p *pageTemplate) frame(b *pageBytes, short, holes bool) uint32 {
	play, sum, count := b.varint(), b.u32(), b.varint()
	pageCheck(1 <= play && play <= 1<<48 && 1 <= count && count <= 1<<20)
	stream := b.take(b.varint())
	fresh := b.varint()
	pageCheck(fresh <= 1<<23)
	var blocks []*pageBlock
	p.frames = append(p.frames, nil)
	for pos := uint64(0); pos < fresh; {
		k := uint64(1)
		if fresh > p.whole {
			k = max(2, fresh/(2*p.whole))
		}
		block := &pageBlock{raw: min((fresh+k-1)/k, fresh-pos), pos: uint64(len(p.local)) + pos}
		coding := b.varint()
		block.coding = int(coding &^ 8)
		pageCheck(block.coding <= 6)
		if coding&8 != 0 {
			block.sources = p.sources(b, block)
		}
		block.stored = block.raw
		if block.coding != 0 {
			block.stored = b.varint()
			pageCheck(1 <= block.stored && block.stored <= block.raw)
		}
		pos += block.raw
		blocks = append(blocks, block)
		p.frames[len(p.frames)-1] = blocks
	}
	pageCheck(!short || len(blocks) == 0 || len(blocks) == 1 && blocks[0].sources == nil)
	var left []Span
	if holes {
		n, end := b.varint(), uint64(0)
		pageCheck(1 <= n && n <= 1<<16)
		for i := range n {
			gap, size := b.varint(), b.varint()
			pageCheck((i == 0 || gap > 0) && size > 0 && end+gap+size <= uint64(len(p.tape)))
			left = append(left, Span{end + gap, size})
			end += gap + size
		}
	}
	symbols, sequence := p.symbols(stream, int(count), fresh)
	played := uint64(len(p.file))
	size := uint64(0)
	for _, n := range sequence {
		size += symbols[n].len
	}
	pageCheck(size == play)
	var first func(n int, at uint64)
	seen := make([]bool, len(symbols))
	first = func(n int, at uint64) {
		if s := &symbols[n]; !seen[n] {
			seen[n] = true
			s.plays = at
			if s.code == 3 {
				first(s.left, at)
				first(s.right, at+symbols[s.left].len)
			}
		}
	}
	for _, n := range sequence {
		first(n, played)
		played += symbols[n].len
	}
	begin := uint64(len(p.local))
	for _, block := range blocks {
		data := b.take(block.stored)
		pageCheck(short || pageCRC(data) == b.u32())
		p.local = append(p.local, p.open(block, data, begin, symbols, left)...)
		pageCheck(uint64(len(p.local)) == block.pos+block.raw)
	}
	var bytesOf func(n int)
	bytesOf = func(n int) {
		switch s := symbols[n]; s.code {
		case 0:
			p.file = append(p.file, p.tape[s.pos:s.pos+s.len]...)
		case 3:
			bytesOf(s.left)
			bytesOf(s.right)
		default:
			p.file = append(p.file, p.local[s.pos:s.pos+s.len]...)
		}
	}
	from := len(p.file)
	for _, n := range sequence {
		bytesOf(n)
	}
	pageCheck(uint32(xxhash.Sum64(p.file[from:])) == sum)
	return sum
}

// sources reads those of a block of the last frame.
func (p *pageTemplate) sources(b *pageBytes, block *pageBlock) (sources []Span) {
	n := b.varint()
	pageCheck(1 <= n && n <= 8)
	needs := make(map[uint64]bool)
	for range n {
		back, number := b.varint(), b.varint()
		pageCheck(back < uint64(len(p.frames)))
		blocks := p.frames[len(p.frames)-1-int(back)]
		pageCheck(number < uint64(len(blocks)))
		source := blocks[number]
		k := len(sources)
		pageCheck(k == 0 || sources[k-1].Pos < source.pos)
		sources = append(sources, Span{source.pos, source.raw})
		for _, pos := range append(source.needs, source.pos) {
			needs[pos] = true
		}
	}
	pageCheck(len(needs) <= 8)
	for pos := range needs {
		block.needs = append(block.needs, pos)
	}
	return sources
}

// Section 4.3.

func pageTree(often [13]int64) []pageModel {
	tree := pageModels(16)
	for depth := range 4 {
		for n := 1 << depth; n < 2<<depth; n++ {
			var t, r int64
			for code, times := range often {
				if (code|16)>>(4-depth) == n {
					t += times
					r += times * int64(code>>(3-depth)&1)
				}
			}
			if t > 0 {
				tree[n] = pagePrior(min(63, max(1, 64*r/t)))
			}
		}
	}
	return tree
}

type pageThread struct{ end, gap uint64 }

func (p *pageTemplate) symbols(stream []byte, count int, fresh uint64) (symbols []pageSymbol, sequence []int) {
	in := newPageStream(stream)
	var trees [13][]pageModel
	for code := range trees {
		switch code {
		case 1:
			trees[code] = pageTree([13]int64{48, 1, 1, 1, 3, 2, 1, 1, 1, 1, 1, 2, 2})
		case 2, 3, 12:
			trees[code] = pageTree([13]int64{20, 20, 4, 8, 1, 1, 1, 1, 1, 1, 1, 1, 6})
		default:
			trees[code] = pageTree([13]int64{2, 50, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4})
		}
	}
	type kind struct {
		what string
		code int
	}
	numbers := make(map[kind]*pageNumber)
	number := func(what string, code int) uint64 {
		m := numbers[kind{what, code}]
		if m == nil {
			priors := map[string][]int64{
				"tape length": {1, 1, 1, 1, 1, 1, 1, 5, 16}, "local length": {2, 1, 1, 1, 1, 2, 4, 5, 7}, "repeat length": {3, 3, 1, 1, 1, 1, 1, 1, 1},
				"distance": {1, 4, 8, 8, 10, 13, 16, 26, 40},
			}
			prior := priors[what]
			switch {
			case what == "tape position" && code == 0:
				prior = []int64{42, 3, 8, 5, 6, 12, 12, 14, 13}
			case what == "tape position" && code <= 10:
				prior = []int64{3, 4, 4, 4, 6, 8, 16, 16, 8}
			case prior == nil:
				prior = []int64{1, 1, 1, 1, 1, 1, 1, 1, 1}
			}
			m = newPageNumber(prior...)
			numbers[kind{what, code}] = m
		}
		return in.number(m)
	}
	threads := make([]pageThread, 4)
	cursor := uint64(len(p.local))
	last, terminals, rules := 1, 0, 0
	var read func(depth int) int
	read = func(depth int) int {
		code := in.tree(trees[last], 4)
		pageCheck(code <= 12)
		last = code
		s := pageSymbol{code: code}
		switch code {
		case 12:
			n := number("distance", 12)
			pageCheck(n < uint64(len(symbols)))
			at := len(symbols) - 1 - int(n)
			pageCheck(depth+symbols[at].height <= 64)
			return at
		case 1:
			s.pos, s.len = cursor, number("local length", code)+1
			cursor += s.len
		case 2:
			distance := number("repeat distance", code)
			s.len = number("repeat length", code) + 1
			pageCheck(s.len != 0 && distance >= s.len && distance <= cursor)
			s.pos = cursor - distance
		case 3:
			pageCheck(depth < 64)
			s.left = read(depth + 1)
			s.right = read(depth + 1)
			s.len = symbols[s.left].len + symbols[s.right].len
			s.height = 1 + max(symbols[s.left].height, symbols[s.right].height)
			rules++
		default:
			s.code = 0
			thread := map[int]int{0: 0, 11: 0, 4: 0, 5: 1, 6: 1, 7: 2, 8: 2, 9: 3, 10: 3}[code]
			expected := threads[thread].end
			if code != 4 && code != 6 && code != 8 && code != 10 {
				expected += threads[thread].gap
			}
			s.len = number("tape length", code) + 1
			s.pos = expected + uint64(pageSigned(number("tape position", code)))
			size := uint64(len(p.tape))
			pageCheck(s.len != 0 && s.pos <= size && s.len <= size-s.pos)
			if code == 11 {
				thread = 3
			}
			threads = slices.Insert(slices.Delete(threads, thread, thread+1), 0, pageThread{})
		}
		if code != 3 {
			terminals++
			for i := range threads {
				threads[i].gap += s.len
			}
			if s.code == 0 {
				threads[0] = pageThread{end: s.pos + s.len}
			}
		}
		symbols = append(symbols, s)
		return len(symbols) - 1
	}
	for range count {
		sequence = append(sequence, read(0))
	}
	in.end()
	pageCheck(terminals <= 1<<18 && rules <= 1<<18 && cursor == uint64(len(p.local))+fresh)
	return symbols, sequence
}

// Section 4.4.

// pageNote is a fresh local note.
type pageNote struct {
	begin, end   uint64 // among those of the frame
	file         uint64
	some, closed bool // it adds something
	p, q         uint64
	stretch      Span
}

// notes returns the fresh local notes among symbols, as they are for a block with these sources.
func (p *pageTemplate) notes(symbols []pageSymbol, sources []Span) (notes []pageNote) {
	size := uint64(len(p.tape))
	stretches := []Span{{0, size}}
	for i, s := range sources {
		s.Pos += size
		if last := &stretches[len(stretches)-1]; i > 0 && last.Pos+last.Len == s.Pos {
			last.Len += s.Len
		} else {
			stretches = append(stretches, s)
		}
	}
	// span returns the stretch of a symbol, if it is a span.
	span := func(s pageSymbol) (pos uint64, stretch Span, ok bool) {
		switch s.code {
		case 0:
			return s.pos, stretches[0], true
		case 2:
			pos = size + s.pos
			for _, x := range stretches[1:] {
				if x.Pos <= pos && pos+s.len <= x.Pos+x.Len {
					return pos, x, true
				}
			}
		}
		return 0, Span{}, false
	}
	at := uint64(0)
	for i, s := range symbols {
		if s.code != 1 {
			continue
		}
		n := pageNote{begin: at, end: at + s.len, file: s.plays}
		at += s.len
		for k := i - 1; k >= 0 && !n.some; k-- {
			if pos, stretch, ok := span(symbols[k]); ok {
				n.some, n.p, n.stretch = true, pos+symbols[k].len, stretch
			}
		}
		for k := i + 1; k < len(symbols); k++ {
			q, stretch, ok := span(symbols[k])
			if !ok {
				continue
			}
			if !n.some {
				n.some, n.stretch = true, stretch
				if n.p = stretch.Pos; q-stretch.Pos > s.len {
					n.p = q - s.len
				}
			}
			n.closed = stretch == n.stretch && n.p <= q && q-n.p <= 2*s.len+4096
			n.q = q
			break
		}
		notes = append(notes, n)
	}
	return notes
}

// pageReference returns the pieces that the notes add to the reference of a block, of the bytes begin to end of the notes, behind what is taken first, and the hints.
func pageReference(notes []pageNote, begin, end uint64, coding int, first, holes []Span) (pieces []Span, hints []align.Hint) {
	notes = slices.DeleteFunc(slices.Clone(notes), func(n pageNote) bool { return n.end <= begin || n.begin >= end })
	margin, left := uint64(64), uint64(1<<20)
	if coding > 2 {
		margin, left = min(4096, max(64, (1<<19)/uint64(max(len(notes), 1)))), 1<<23
	}
	type piece struct {
		Span
		stretch Span
	}
	var taken []piece
	for _, s := range first {
		left -= s.Len
		taken = append(taken, piece{s, Span{0, s.Pos + s.Len}})
	}
	for _, n := range notes {
		if !n.some {
			continue
		}
		o := max(begin, n.begin) - n.begin
		l := min(end, n.end) - max(begin, n.begin)
		from, to := n.p+o, n.p+o+l+margin
		if !n.closed {
			to = n.p + o + l + 4096
		} else if n.end <= end {
			to = max(n.p+o+l, n.q) + margin
		}
		from -= min(from, margin)
		from, to = max(from, n.stretch.Pos), min(to, n.stretch.Pos+n.stretch.Len)
		if from < to {
			size := min(to-from, left)
			left -= size
			taken = append(taken, piece{Span{from, size}, n.stretch})
		}
	}
	slices.SortStableFunc(taken, func(a, b piece) int { return cmp.Compare(a.Pos, b.Pos) })
	var union []piece
	for _, x := range taken {
		if k := len(union) - 1; k >= 0 && x.Pos <= union[k].Pos+union[k].Len && (x.stretch.Pos == union[k].stretch.Pos) {
			union[k].Len = max(union[k].Len, x.Pos+x.Len-union[k].Pos)
		} else if x.Len > 0 {
			union = append(union, x)
		}
	}
	for _, x := range union {
		at, end := x.Pos, x.Pos+x.Len
		for _, h := range holes {
			if h.Pos+h.Len <= at || h.Pos >= end {
				continue
			}
			if h.Pos > at {
				pieces = append(pieces, Span{at, h.Pos - at})
			}
			at = h.Pos + h.Len
		}
		if at < end {
			pieces = append(pieces, Span{at, end - at})
		}
	}
	for _, n := range notes {
		part := max(begin, n.begin)
		ref := 0
		for _, s := range pieces {
			if pos := n.p + part - n.begin; n.some && s.Pos <= pos && pos < s.Pos+s.Len {
				hints = append(hints, align.Hint{At: int(part - begin), Ref: ref + int(pos-s.Pos), RefLo: ref, File: n.file + part - n.begin, Tape: pos})
			}
			ref += int(s.Len)
		}
	}
	return pieces, hints
}

// open expands a block of a frame whose local notes begin at begin.
func (p *pageTemplate) open(block *pageBlock, data []byte, begin uint64, symbols []pageSymbol, holes []Span) []byte {
	if block.coding == 0 {
		return data
	}
	var ref []byte
	var hints []align.Hint
	if block.coding > 1 {
		var pieces []Span
		pieces, hints = pageReference(p.notes(symbols, block.sources), block.pos-begin, block.pos-begin+block.raw, block.coding, nil, holes)
		both := slices.Concat(p.tape, p.local)
		for _, s := range pieces {
			ref = append(ref, both[s.Pos:s.Pos+s.Len]...)
		}
	}
	return pageExpand(block.coding, int(block.raw), data, ref, hints)
}

func pageExpand(coding, n int, data, ref []byte, hints []align.Hint) (raw []byte) {
	var err error
	switch coding {
	case 1, 2:
		var options []zstd.DOption
		if coding == 2 {
			options = append(options, zstd.WithDecoderDictRaw(0, ref))
		}
		var z *zstd.Decoder
		if z, err = zstd.NewReader(nil, options...); err == nil {
			raw, err = z.DecodeAll(append([]byte{0x28, 0xb5, 0x2f, 0xfd}, data...), nil)
			z.Close()
		}
	case 3:
		raw, err = readPageAligned(n, data, ref, hints)
	case 4:
		raw, err = readPageMixed(n, data, ref, hints)
	case 5, 6:
		raw = readPageOpened(n, data, ref, hints, func(n int, data, ref []byte, hints []align.Hint) []byte {
			return pageExpand(coding-2, n, data, ref, hints)
		})
	}
	pageCheck(err == nil && len(raw) == n)
	return raw
}

// Section 1.1.

// readPageNote opens a derived note that stands behind a tape.
func readPageNote(block, tape []byte) (raw []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			if err, _ = v.(error); err != errPage {
				panic(v)
			}
		}
	}()
	b, size := pageBytes(block), uint64(len(tape))
	pageCheck(string(b.take(4)) == "\xd7nN\x01")
	n := b.varint()
	depth, coding, back, runs := b.varint(), b.varint(), b.varint(), b.varint()
	pageCheck(1 <= n && n <= 245760 && 1 <= depth && depth <= 63 && (coding == 3 || coding == 4) && back <= 1<<22 && runs <= n)
	var notes []pageNote
	var end, p, f uint64
	for range runs {
		gap, length := b.varint(), b.varint()
		pageCheck(length >= 1 && gap <= n-end && length <= n-end-gap)
		if gap > 0 {
			notes = append(notes, pageNote{begin: end, end: end + gap, file: f})
		}
		m := uint64(pageSigned(b.varint()))
		p += gap + m
		f += gap + m + uint64(pageSigned(b.varint()))
		note := pageNote{begin: end + gap, end: end + gap + length, file: f, some: true, p: p, stretch: Span{0, size}}
		if by := b.varint(); by > 0 {
			note.closed, note.q = true, p+length+uint64(pageSigned(by-1))
		}
		pageCheck(p < 1<<63 && f < 1<<63 && note.q < 1<<63)
		notes = append(notes, note)
		end, p, f = note.end, p+length, f+length
	}
	if end < n {
		notes = append(notes, pageNote{begin: end, end: n, file: f})
	}
	var first []Span
	if back = min(back, size); back > 0 {
		first = []Span{{size - back, back}}
	}
	pieces, hints := pageReference(notes, 0, n, int(coding), first, nil)
	var ref []byte
	for _, s := range pieces {
		ref = append(ref, tape[s.Pos:s.Pos+s.Len]...)
	}
	return pageExpand(int(coding), int(n), b, ref, hints), nil
}

func TestPage(t *testing.T) {
	templates := smallTemplates(t)
	d := build(t, nil, BuildOptions{}, noise(10000, 1))
	tape := tapeBytes(t, d.tape)
	templates["holes"] = small{d, slices.Concat(tape[3000:7000], tape[7010:7500]), templateWithHoles(t, d)}
	file := noise(300<<10, 3)
	templates["several blocks"] = encodeProfile(t, nil, file, ProfileFast)
	version := text(5<<10, 1)
	file = slices.Concat(version, edit(version, 300, 1), edit(version, 300, 2), noise(2000, 4), edit(version, 300, 3))
	templates["blocks of blocks"] = small{nil, file, encodeFrames(t, nil, file, 1<<19, 3<<10)}
	for name, s := range templates {
		var tape []byte
		if s.d != nil {
			tape = tapeBytes(t, s.d.tape)
		}
		if got, err := readPage(s.template, tape); err != nil || !bytes.Equal(got, s.file) {
			t.Errorf("%s: %d of %d bytes agree, %v", name, commonPrefix(got, s.file), len(s.file), err)
		}
	}
}

func TestPageOfNotes(t *testing.T) {
	for _, profile := range []Profile{ProfileDefault, ProfileMax} {
		d, _, _ := history(t, profile, 10<<10, 2)
		tape := tapeBytes(t, d.tape)
		derived := 0
		for i, b := range d.tape.blocks {
			if !isDerived(b.Data) {
				continue
			}
			derived++
			start := d.tape.starts[i]
			want := tape[start:][:b.RawLen]
			if got, err := readPageNote(b.Data, tape[:start]); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: note %d: %d of %d bytes agree, %v", profile, i, commonPrefix(got, want), len(want), err)
			}
		}
		if derived == 0 {
			t.Errorf("%s: no note is derived", profile)
		}
	}
}

// pageMixture makes a reference and a block beside it of all that a coder knows of: words, decimal numbers, places that have moved, what stood there before, and
// bytes like no others.
func pageMixture(seed uint64, n int) (ref, raw []byte, hints []align.Hint) {
	r := rand.New(rand.NewPCG(seed, 1))
	words := text(3000, seed)
	tape, file := uint64(1<<20), uint64(3<<20)
	moved := 100 + r.Uint32N(1000)
	for len(raw) < n {
		if r.IntN(8) == 0 { // a piece of its own
			tape += 5000
			hints = append(hints, align.Hint{At: len(raw), Ref: len(ref), RefLo: len(ref), Tape: tape + uint64(len(ref)), File: file + uint64(len(raw))})
		}
		var a, b []byte
		switch r.IntN(9) {
		case 0, 1:
			at := r.IntN(2800)
			a = words[at : at+r.IntN(200)]
			b = a
		case 2:
			id := r.IntN(90000)
			for i := range r.IntN(20) {
				a, b = fmt.Appendf(a, "(%05d,%d)", id+i, i%3), fmt.Appendf(b, "(%05d,%d)", id+i+7, i%3)
			}
		case 3:
			for range r.IntN(40) {
				to := 1<<14 + r.Uint32N(1<<12)
				a, b = binary.LittleEndian.AppendUint32(a, to), binary.LittleEndian.AppendUint32(b, to+moved*(1+to>>10&1))
				a, b = append(a, "code"...), append(b, "code"...)
			}
		case 4:
			for range r.IntN(40) { // relative to their own place
				to := r.Uint32N(1<<16) - uint32(len(ref)+len(a)) + r.Uint32N(2)*100_000_000
				a, b = binary.LittleEndian.AppendUint32(append(a, 0xe8, '7'), to), binary.LittleEndian.AppendUint32(append(b, 0xe8, '7'), to+moved/4*4)
			}
		case 5:
			if len(raw) > 500 {
				at := r.IntN(len(raw) - 400)
				b = raw[at : at+r.IntN(400)]
			}
		case 6:
			a, b = noise(r.IntN(60), r.Uint64()), noise(r.IntN(60), r.Uint64())
		case 7:
			for i := range r.IntN(20) { // digits that may be the first byte of a place
				a, b = append(a, byte('0'+i%10), '1', 0, 0, 0), append(b, byte('1'+i%9), '1', 0, 0, 0)
			}
		case 8:
			a = make([]byte, -len(raw)&3)
			b = a
			add := func(word, changed uint32) {
				a, b = binary.LittleEndian.AppendUint32(a, word), binary.LittleEndian.AppendUint32(b, changed)
			}
			for range r.IntN(30) { // instructions of 64-bit ARM
				page, register, in := r.Uint32N(8), r.Uint32N(3), r.Uint32N(1<<9)<<3
				call := r.Uint32N(1<<14) - uint32(len(ref)+len(a))/4
				add(0x94000000|call&(1<<26-1), 0x94000000|(call+moved/4)&(1<<26-1))
				other := (register + r.Uint32N(8)/7) % 3
				add(0x90000000|page<<5|page&3<<29|register, 0x90000000|(page+1)<<5|page&3<<29|other)
				if r.IntN(2) == 0 {
					add(0xd503201f, 0xd503201f)
				}
				add(0x91000000|in<<10|register<<5|register, 0x91000000|(in+moved)&0xfff<<10|register<<5|register)
				scale := r.Uint32N(4)
				add(0x39400000|scale<<30|in>>scale<<10|register<<5|1, 0x39400000|scale<<30|(in+moved/8*8)&0xfff>>scale<<10|register<<5|1)
			}
		}
		ref = append(ref, a...)
		if len(b) > 9 && r.IntN(3) == 0 {
			b = slices.Concat(b[:4], noise(r.IntN(4), r.Uint64()), b[6:])
		}
		raw = append(raw, b...)
	}
	hints = slices.DeleteFunc(hints, func(h align.Hint) bool { return h.Ref >= len(ref) })
	return ref, raw, hints
}

func TestPageOfBlocks(t *testing.T) {
	type block struct {
		name     string
		ref, raw []byte
		hints    []align.Hint
	}
	old := text(1600, 5)
	where := []align.Hint{{Tape: 1000, File: 2000}}
	blocks := []block{
		{"nothing", old[:100], nil, where},
		{"short", old[:5], old[:3], where},
		{"nothing to compare with", nil, slices.Concat(old[:800], edit(old[:800], 100, 1)), nil},
		{"edited", old, edit(old, 150, 3), where},
		{"a program", program(8, func(int) int { return 0 }), program(8, func(i int) int { return i % 4 / 3 * 3 }), where},
		{"noise", noise(300, 1), noise(300, 2), where},
	}
	for seed := range uint64(flipped) {
		ref, raw, hints := pageMixture(seed, 2500)
		blocks = append(blocks, block{fmt.Sprintf("mixture %d", seed), ref, raw, hints})
	}
	for _, b := range blocks {
		aligned, err := lz.Encode(t.Context(), nil, b.raw, b.ref, b.hints)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readPageAligned(len(b.raw), aligned, b.ref, b.hints); err != nil || !bytes.Equal(got, b.raw) {
			t.Errorf("%s, aligned: %d bytes agree, %v", b.name, commonPrefix(got, b.raw), err)
		}
		mixed, err := mix.Encode(t.Context(), nil, b.raw, b.ref, b.hints)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := readPageMixed(len(b.raw), mixed, b.ref, b.hints); err != nil || !bytes.Equal(got, b.raw) {
			t.Errorf("%s, mixed: %d bytes agree, %v", b.name, commonPrefix(got, b.raw), err)
		}
	}
	if flipped == 1 {
		return // the race detector takes its time
	}
	segments := slices.Concat(make([]byte, 1<<18-500), old)
	aligned, err := lz.Encode(t.Context(), nil, segments, old, where)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readPageAligned(len(segments), aligned, old, where); err != nil || !bytes.Equal(got, segments) {
		t.Errorf("two segments: %d bytes agree, %v", commonPrefix(got, segments), err)
	}
}
