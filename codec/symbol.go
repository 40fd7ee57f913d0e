package codec

import (
	"math"

	"dictnet/codec/internal/rans"
	"dictnet/codec/internal/repair"
)

// Play codes (section 4.3).
const (
	codeTape   = 0                              // a span of the tape where it is expected
	codeFresh  = 1                              // the next local note
	codeRepeat = 2                              // an earlier span of the local tape
	codeRule   = 3                              // two symbols, which follow
	codeThread = 4                              // to codeNew-1: a span of the tape where another thread expects it
	codeNew    = codeThread + 2*threadCount - 1 // a span of the tape that begins a thread
	codeRef    = codeNew + 1                    // and above: a symbol that has its number
)

// Limits of a frame (section 4.2).
const (
	maxTerminals = 1 << 18
	maxSequence  = 1 << 20
	maxDepth     = 64
)

// symbol is what a symbol of a frame stands for.
type symbol struct {
	code uint8  // codeTape to codeRule
	len  uint64 // bytes it plays
	pos  uint64 // of a span: on the tape (codeTape) or on the local tape; of a rule: its halves
}

// newRule returns a rule over two symbols, given by number, that plays n bytes.
func newRule(left, right uint32, n uint64) symbol {
	return symbol{code: codeRule, len: n, pos: uint64(right)<<32 | uint64(left)}
}

// halves returns the numbers of the symbols that a rule stands for.
func (s symbol) halves() (left, right uint32) { return uint32(s.pos), uint32(s.pos >> 32) }

// score is the symbols of one frame. Symbols are numbered in the order in which they first play.
type score struct {
	symbols  []symbol
	sequence []uint32 // numbers of symbols
	ends     []uint64 // where each symbol of the sequence ends, in bytes from the frame's begin
}

// What is said of symbols, each kind with models of its own (section 4.3).
const (
	streamPlay = iota
	streamTapeLen
	streamTapePos
	streamLocalLen
	streamRepeatDist
	streamRepeatLen
	streamCount
)

var streamNames = [streamCount]string{"play code", "tape length", "tape position", "local length", "repeat distance", "repeat length"}

// streams are the numbers of each kind, in the order in which they are read.
type streams [streamCount][]uint64

// scoreModels are what the numbers of a score are coded with. The context of a play code is the code before it, that of every other number the code
// that it belongs to.
type scoreModels struct {
	last uint64                         // play code, at most codeRef
	play [codeRef + 1][1 << 4]rans.Prob // the code, references as one
	back rans.Int                       // of a reference: how many definitions ago, less 1
	of   [streamCount][codeRef]rans.Int
}

// decisions is about how many a number of a score takes.
const decisions = 12

// appendScore codes the numbers of a score.
func appendScore(dst []byte, s streams) []byte {
	var e rans.Encoder
	var m scoreModels
	m.begin()
	var next [streamCount]int
	numbers := 0
	for _, k := range s {
		numbers += len(k)
	}
	e.Reserve(numbers * decisions)
	for _, code := range s[streamPlay] {
		e.Tree(m.play[m.last][:], 4, uint32(min(code, codeRef)))
		m.last = min(code, codeRef)
		if code >= codeRef {
			e.Int(&m.back, code-codeRef)
			continue
		}
		for _, k := range streamsOf(code) {
			if i := next[k]; i < len(s[k]) {
				e.Int(&m.of[k][code], s[k][i])
				next[k]++
			}
		}
	}
	return e.Append(dst)
}

// streamsOf returns which numbers follow a play code below codeRef.
func streamsOf(code uint64) []int {
	switch code {
	case codeFresh:
		return []int{streamLocalLen}
	case codeRepeat:
		return []int{streamRepeatDist, streamRepeatLen}
	case codeRule:
		return nil
	}
	return []int{streamTapeLen, streamTapePos}
}

// scoreWriter writes a score as streams, numbering symbols as they first play.
type scoreWriter struct {
	terminals []symbol // spans, in the order in which they were met
	rules     []repair.Rule
	numbers   []uint32 // of terminals and then rules: their number + 1, or 0
	out       score
	streams   streams
	cursor    uint64 // where the last fresh local note ended
	threads   threads
}

// writeScore orders the symbols of a frame. The sequence holds indexes into terminals, and len(terminals)+i for rule i.
// Its fresh local notes begin at localPos.
func writeScore(terminals []symbol, sequence []uint32, rules []repair.Rule, localPos uint64) (score, streams) {
	w := scoreWriter{
		terminals: terminals,
		rules:     rules,
		numbers:   make([]uint32, len(terminals)+len(rules)),
		cursor:    localPos,
	}
	w.out.symbols = make([]symbol, 0, len(w.numbers))
	w.streams[streamPlay] = make([]uint64, 0, len(sequence)+2*len(rules))
	w.out.sequence = make([]uint32, len(sequence))
	for i, s := range sequence {
		w.out.sequence[i] = w.write(s)
	}
	w.out.addUp()
	return w.out, w.streams
}

// write writes one symbol and returns its number.
func (w *scoreWriter) write(s uint32) uint32 {
	if n := w.numbers[s]; n != 0 {
		w.put(streamPlay, codeRef+uint64(len(w.out.symbols))-uint64(n))
		return n - 1
	}
	var sym symbol
	if int(s) >= len(w.terminals) {
		w.put(streamPlay, codeRule)
		r := w.rules[int(s)-len(w.terminals)]
		left, right := w.write(r.Left), w.write(r.Right)
		sym = newRule(left, right, w.out.symbols[left].len+w.out.symbols[right].len)
	} else {
		sym = w.terminals[s]
		code := uint64(sym.code)
		if code == codeTape {
			code = w.threads.pick(sym.pos)
		}
		w.put(streamPlay, code)
		switch sym.code {
		case codeTape:
			w.put(streamTapeLen, sym.len-1)
			w.put(streamTapePos, zigzag(int64(sym.pos-w.threads.expected(code))))
			w.threads.use(code, sym.pos, sym.len)
		case codeFresh:
			w.put(streamLocalLen, sym.len-1)
			w.cursor += sym.len
			w.threads.skip(sym.len)
		case codeRepeat:
			w.put(streamRepeatDist, w.cursor-sym.pos)
			w.put(streamRepeatLen, sym.len-1)
			w.threads.skip(sym.len)
		}
	}
	w.out.symbols = append(w.out.symbols, sym)
	w.numbers[s] = uint32(len(w.out.symbols))
	return w.numbers[s] - 1
}

func (w *scoreWriter) put(stream int, v uint64) {
	w.streams[stream] = append(w.streams[stream], v)
}

// addUp fills ends.
func (s *score) addUp() {
	s.ends = make([]uint64, len(s.sequence))
	var at uint64
	for i, n := range s.sequence {
		at += s.symbols[n].len
		s.ends[i] = at
	}
}

// scoreReader reads what scoreWriter writes, and believes nothing.
type scoreReader struct {
	in               rans.Decoder
	models           scoreModels
	base             int64 // offset of the head
	out              score
	depth            []uint8 // of each symbol
	terminals, rules int
	cursor           uint64
	threads          threads
	tapeSize         uint64
	err              error
}

// readScore reads a score of count symbols that plays just play bytes. Its fresh local notes begin at localPos and take
// just local bytes. Errors carry the offset of the head, base.
func readScore(in []byte, count int, play, localPos, local, tapeSize uint64, base int64) (score, error) {
	r := scoreReader{cursor: localPos, tapeSize: tapeSize, base: base}
	r.models.begin()
	if err := r.in.Reset(in); err != nil {
		return score{}, formatErrorf(base, "symbols: %v", err)
	}
	for range count {
		n := r.read(0)
		if r.err != nil {
			return score{}, r.err
		}
		r.out.sequence = append(r.out.sequence, n)
	}
	if err := r.in.End(); err != nil {
		return score{}, formatErrorf(base, "symbols: %v", err)
	}
	if got := r.cursor - localPos; got != local {
		return score{}, formatErrorf(base, "local notes take %d bytes, blocks hold %d", got, local)
	}
	var sum uint64
	for _, n := range r.out.sequence {
		if sum += r.out.symbols[n].len; sum > play {
			break
		}
	}
	if sum != play {
		return score{}, formatErrorf(base, "symbols play %d bytes or more, frame states %d", sum, play)
	}
	r.out.addUp()
	return r.out, nil
}

// code reads a play code.
func (r *scoreReader) code() uint64 {
	m := &r.models
	code := uint64(r.in.Tree(m.play[m.last][:], 4))
	if code > codeRef {
		r.fail("play code %d is not known", code)
		return 0
	}
	m.last = code
	if code == codeRef {
		if back := r.in.Int(&m.back); back < uint64(len(r.out.symbols)) {
			return codeRef + back
		}
		r.fail("symbol %d refers to one before the first", len(r.out.symbols))
	}
	return code
}

// get reads another number, of lo to hi, that belongs to the last code.
func (r *scoreReader) get(stream int, lo, hi uint64) uint64 {
	if r.err != nil {
		return 0
	}
	v := r.in.Int(&r.models.of[stream][r.models.last])
	if v < lo || v > hi {
		r.fail("%s is %d, want %d to %d", streamNames[stream], v, lo, hi)
		return 0
	}
	return v
}

func (r *scoreReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = formatErrorf(r.base, format, args...)
	}
}

// read reads one symbol below depth rules and returns its number.
func (r *scoreReader) read(depth int) uint32 {
	code := r.code()
	if r.err != nil {
		return 0
	}
	if code >= codeRef {
		back := int(code-codeRef) + 1
		n := len(r.out.symbols) - back
		if depth+int(r.depth[n]) > maxDepth {
			r.fail("rules nest more than %d deep", maxDepth)
		}
		return uint32(n)
	}
	sym := symbol{code: uint8(code)}
	var height uint8
	switch code {
	default: // codeTape, codeThread to codeNew
		sym.code = codeTape
		if r.tapeSize == 0 {
			r.fail("span of the tape, but no dictionary is named")
			return 0
		}
		sym.len = r.get(streamTapeLen, 0, r.tapeSize-1) + 1
		sym.pos = r.threads.expected(code) + uint64(unzigzag(r.get(streamTapePos, 0, math.MaxUint64)))
		if sym.pos > r.tapeSize || sym.len > r.tapeSize-sym.pos {
			r.fail("span of %d bytes at %d is not within the tape of %d", sym.len, sym.pos, r.tapeSize)
		}
		r.threads.use(code, sym.pos, sym.len)
	case codeFresh:
		sym.len = r.get(streamLocalLen, 0, maxLocal-1) + 1
		sym.pos = r.cursor
		r.cursor += sym.len
		r.threads.skip(sym.len)
	case codeRepeat:
		dist := r.get(streamRepeatDist, 1, r.cursor)
		sym.len = r.get(streamRepeatLen, 0, max(dist, 1)-1) + 1
		sym.pos = r.cursor - dist
		r.threads.skip(sym.len)
	case codeRule:
		if r.rules++; r.rules > maxTerminals {
			r.fail("more than %d rules", maxTerminals)
		}
		if depth++; depth > maxDepth {
			r.fail("rules nest more than %d deep", maxDepth)
		}
		if r.err != nil {
			return 0
		}
		left := r.read(depth)
		if r.err != nil {
			return 0
		}
		right := r.read(depth)
		if r.err != nil {
			return 0
		}
		sym = newRule(left, right, r.out.symbols[left].len+r.out.symbols[right].len)
		if sym.len > maxPlay {
			r.fail("rule plays %d bytes", sym.len)
		}
		height = max(r.depth[left], r.depth[right]) + 1
	}
	if code != codeRule {
		if r.terminals++; r.terminals > maxTerminals {
			r.fail("more than %d terminals", maxTerminals)
		}
	}
	if r.err != nil {
		return 0
	}
	r.out.symbols = append(r.out.symbols, sym)
	r.depth = append(r.depth, height)
	return uint32(len(r.out.symbols) - 1)
}

// player walks through a score from a place on.
type player struct {
	s     *score
	next  int      // in the sequence
	stack []uint32 // symbols to play before that, the next one last
}

// seek makes off, in bytes from the frame's begin, the next byte to play, and returns how many bytes of
// the next span lie before it.
func (p *player) seek(off uint64) (skip uint64) {
	lo, hi := 0, len(p.s.ends)
	for lo < hi {
		if mid := (lo + hi) / 2; p.s.ends[mid] <= off {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	p.stack = p.stack[:0]
	p.next = lo
	if lo == len(p.s.ends) {
		return 0
	}
	if lo > 0 {
		off -= p.s.ends[lo-1]
	}
	n := p.s.sequence[lo]
	p.next++
	for p.s.symbols[n].code == codeRule {
		left, right := p.s.symbols[n].halves()
		if size := p.s.symbols[left].len; off < size {
			p.stack = append(p.stack, right)
			n = left
		} else {
			off -= size
			n = right
		}
	}
	p.stack = append(p.stack, n)
	return off
}

// span returns the next span to play; false at the end of the frame.
func (p *player) span() (symbol, bool) {
	var n uint32
	if k := len(p.stack); k > 0 {
		n = p.stack[k-1]
		p.stack = p.stack[:k-1]
	} else if p.next < len(p.s.sequence) {
		n = p.s.sequence[p.next]
		p.next++
	} else {
		return symbol{}, false
	}
	for p.s.symbols[n].code == codeRule {
		left, right := p.s.symbols[n].halves()
		p.stack = append(p.stack, right)
		n = left
	}
	return p.s.symbols[n], true
}
