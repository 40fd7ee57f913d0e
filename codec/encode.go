package codec

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"dictnet/codec/internal/deflate"
	"dictnet/codec/internal/gear"
	"dictnet/internal/hugepage"
)

// Defaults of EncodeOptions.
const (
	DefaultChunkSize      = 512 // bytes; of an index, and so of what is encoded with it
	DefaultAloneChunkSize = 64  // bytes; of a file without a dictionary
	DefaultMinPairFreq    = 2   // times
)

// EncodeOptions say what a template is made against, and how.
type EncodeOptions struct {
	// Dictionary is what the template names, and Tape and Index are its bytes. Nil makes a template that needs no dictionary.
	Dictionary *DictionaryRef
	Tape       Tape
	Index      *Index
	// Within are the parts of the tape that the template may refer to; nil: all of it. Who has the notes that hold them can decode it.
	Within []Span

	// ChunkSize is how far apart, 64 to 65,536 bytes, the places are on average at which a match may be found; shorter
	// matches may be missed. 0 is the index's spacing, or DefaultAloneChunkSize without one; it is not below the index's spacing.
	ChunkSize int
	// Profile trades time for size.
	Profile Profile
	// Grammar is how rules are found.
	Grammar Grammar
	// MinPairFreq is how often a pair of symbols occurs before GrammarRePair makes it a rule, >= 2; 0 is DefaultMinPairFreq.
	MinPairFreq int
	// Cuts are places of the file, in bytes, ascending, where what follows resembles what came before: versions or variants of one thing. Without a
	// dictionary, frames begin there, since a block is coded against other blocks rather than against what stands in it.
	Cuts []int64
	// Progress is called now and then with the number of bytes read so far.
	Progress func(read int64)
}

// EncodeStats says what a template is made of. All but the counts are bytes of the file.
type EncodeStats struct {
	Read    int64 `json:"fileSize"`     // bytes of the file
	Written int64 `json:"templateSize"` // bytes of the template
	Tape    int64 `json:"tapeBytes"`    // played from the dictionary
	Fresh   int64 `json:"freshBytes"`   // in local notes, counted where they are new
	Repeat  int64 `json:"repeatBytes"`  // local notes that play again
	Spans   int64 `json:"spans"`        // spans and local notes, counted each time they play
	Symbols int64 `json:"symbols"`      // in the frames' sequences, after rules were made
	Rules   int64 `json:"rules"`
	Frames  int64 `json:"frames"`
}

const (
	minTapeMatch = 32      // bytes; a shorter match with the tape is left to the blocks' coding
	maxPending   = 1 << 20 // bytes of a local note
	readSize     = 1 << 20
	stepSize     = 1 << 10  // bytes without an anchor after which the place is looked at where the file would be in step with the tape
	hookAfter    = 2 << 10  // bytes after which the file is no longer taken to be in step with the local tape, and by which it may be out of step
	hookAnyway   = 32 << 10 // bytes after which a short span says where the file is, in step or not
	leastCut     = 16 << 10 // bytes of local notes of a frame that is closed before its time,
	cutShare     = 8        // and their least share of it: what repeats itself is better played by the rules of one frame
	candidates   = 3        // places of the tape that are compared
	maxAnchors   = 1 << 20  // anchors of the local tape that are remembered
	maxSeen      = 1 << 18  // local notes that are remembered by their content
)

// frameLimits say when a frame is closed: after the symbol that reaches one of them.
type frameLimits struct {
	symbols   int
	terminals int    // different spans and local notes
	local     int    // bytes of local notes
	play      uint64 // bytes of the file
}

var defaultFrame = frameLimits{symbols: 1 << 19, terminals: maxTerminals - 2, local: 4 << 20, play: 16 << 30}

// Encode reads a file from src and writes its template to dst. What it holds, caches and
// tables, is about 200 MiB at most, whatever the length of the file and the size of the dictionary; what the garbage collector has yet to collect is not counted. The same file, dictionary and options always give the same template.
// An option out of range is an ErrOption, an index of another tape an ErrIndex; after any error, what dst has is no template.
func Encode(ctx context.Context, dst io.Writer, src io.Reader, o EncodeOptions) (EncodeStats, error) {
	e, err := newEncoder(ctx, dst, src, o)
	if err != nil {
		return EncodeStats{}, err
	}
	defer e.local.close()
	defer e.notes.borrow()()
	defer e.note.release()
	defer e.stop()
	if err := e.run(); err != nil {
		return EncodeStats{}, err
	}
	return e.stats, nil
}

type encoder struct {
	ctx    context.Context
	cancel context.CancelFunc
	out    templateWriter
	src    io.Reader
	o      EncodeOptions
	notes  *noteCache
	note   heldNote
	sums   noteSums
	differ int // whole notes in a row that were not there where they were expected
	within within
	mask   uint64
	limit  frameLimits
	shape  shape

	// What has been read and not been dropped. Bytes before lit are symbols; lit to pos have been hashed.
	buf      []byte
	lit, pos int
	hash     uint64
	eof      bool

	local     localTape
	anchors   map[uint64]uint64 // rolling hash -> where its window ends on the local tape
	localMask uint64            // of the anchors that are remembered
	seen      map[uint64]symbol // xxh64 of a local note -> its span
	near      uint64            // where the last span of the tape ended
	nearLocal uint64            // the same, of the local tape
	cuts      []int64           // places of the file that are yet to come
	detours   detours
	threads   threads // about where the frame's reader will expect spans
	places    []uint64
	held      symbol // the last one, which may yet be shortened; len 0 if there is none

	// The frame.
	terminals []symbol
	ids       map[symbol]uint32 // index into terminals; fresh local notes as codeRepeat
	sequence  []uint32
	freshPos  uint64 // of the frame's first fresh byte, on the local tape
	start     uint64 // of the frame, in the file
	play      uint64
	checks    checksums

	packers    packers
	references hugepage.Pool  // of blocks that are being coded
	blocks     []codedBlock   // of all frames that have been closed
	needs      needs          // of these
	flushed    int            // frames that have been closed
	ahead      int            // bytes that are read ahead of pos
	looked     int64          // byte of the file up to where it is known which streams begin
	streamEnd  int64          // end of the last one that matches came upon
	coding     []*closedFrame // being coded, in order
	started    bool           // the header is written
	index      index
	stats      EncodeStats
}

func newEncoder(ctx context.Context, dst io.Writer, src io.Reader, o EncodeOptions) (*encoder, error) {
	if (o.Dictionary == nil) != (o.Tape == nil) || (o.Tape == nil) != (o.Index == nil) {
		return nil, fmt.Errorf("encode: %w: a dictionary needs its tape and its index", ErrOption)
	}
	if o.Dictionary != nil {
		name := o.Dictionary.Name()
		if _, err := appendHeader(nil, &name, minBlockBits); err != nil { // before anything is read
			return nil, fmt.Errorf("encode: %w: %w", ErrOption, err)
		}
	}
	spacing := DefaultAloneChunkSize
	if o.Index != nil {
		if o.Index.TapeSize() != o.Tape.Size() {
			return nil, fmt.Errorf("encode: %w: it is of a tape of %d bytes, the dictionary has %d", ErrIndex, o.Index.TapeSize(), o.Tape.Size())
		}
		spacing = o.Index.Spacing()
		for _, s := range o.Within {
			if size := o.Tape.Size(); s.Pos > size || s.Len > size-s.Pos {
				return nil, fmt.Errorf("encode: %w: bytes %d:%d are not within a tape of %d", ErrOption, s.Pos, s.Len, size)
			}
		}
	}
	if o.ChunkSize != 0 {
		if o.ChunkSize < gear.MinChunk || o.ChunkSize > gear.MaxChunk {
			return nil, fmt.Errorf("encode: %w: chunk size %d is not within %d to %d", ErrOption, o.ChunkSize, gear.MinChunk, gear.MaxChunk)
		}
		spacing = max(spacing, o.ChunkSize)
		if o.Index == nil {
			spacing = o.ChunkSize
		}
	}
	if int(o.Profile) >= len(profileNames) || int(o.Grammar) >= len(grammarNames) {
		return nil, fmt.Errorf("encode: %w: profile %d, grammar %d", ErrOption, o.Profile, o.Grammar)
	}
	if o.MinPairFreq == 0 {
		o.MinPairFreq = DefaultMinPairFreq
	}
	if o.MinPairFreq < 2 {
		return nil, fmt.Errorf("encode: %w: least frequency of a pair is %d, want 2 or more", ErrOption, o.MinPairFreq)
	}
	if !slices.IsSorted(o.Cuts) || len(o.Cuts) > 0 && o.Cuts[0] < 0 {
		return nil, fmt.Errorf("encode: %w: the cuts are not places of the file, ascending", ErrOption)
	}
	ctx, cancel := context.WithCancel(ctx)
	e := &encoder{
		ctx: ctx, cancel: cancel, out: templateWriter{dst: dst}, src: src, o: o,
		notes:   newNoteCache(o.Tape, o.Profile.shape().notes),
		within:  withinOf(o.Within),
		mask:    gear.Mask(spacing),
		limit:   defaultFrame,
		shape:   o.Profile.shape(),
		packers: newPackers(),
		anchors: make(map[uint64]uint64),
		seen:    make(map[uint64]symbol),
		ids:     make(map[symbol]uint32),
		checks:  newChecksums(),
		needs:   make(needs),
	}
	if e.shape.coding >= codingAligned {
		e.ahead = deflate.MaxLen
	}
	e.note.notes = e.notes
	e.localMask = e.mask
	if o.Dictionary == nil {
		e.shape, e.cuts = e.shape.alone(len(o.Cuts) > 0), o.Cuts
	}
	if o.Dictionary != nil && o.Index.isOf(o.Dictionary.Root) {
		e.sums.x = o.Index
	}
	return e, nil
}

func (e *encoder) run() error {
	for {
		if e.pos == len(e.buf) && e.eof {
			break
		}
		if len(e.buf)-e.pos <= e.ahead && !e.eof {
			if err := e.fill(); err != nil {
				return err
			}
			continue
		}
		cut := e.cut()
		end := min(len(e.buf), e.lit+maxPending, e.pos+stepSize, cut)
		n, h, anchor := gear.Next(e.hash, e.buf[e.pos:end], e.mask)
		e.pos += n
		e.hash = h
		look := e.step
		if anchor {
			look = e.match
		}
		m, err := look()
		if err != nil {
			return err
		}
		if m.sym.len > 0 {
			m = e.outsideStream(m)
		}
		if m.sym.len > 0 {
			if err := e.take(m); err != nil {
				return err
			}
			continue
		}
		if anchor && h&e.localMask == 0 {
			e.remember(h, e.local.size+uint64(e.pos-e.lit))
		}
		if e.pos-e.lit >= maxPending || e.pos == cut {
			if err := e.literal(e.pos); err != nil {
				return err
			}
		}
		if e.pos == cut {
			if err := e.release(); err != nil {
				return err
			}
		}
	}
	return e.finish()
}

// streamHeader is how many bytes of a match are looked through, at its end, for the header of a stream that is another behind it.
const streamHeader = 512

// outsideStream returns what of m lies in no stream that was compressed and of which m holds a part alone: all of a stream is opened, or nothing.
func (e *encoder) outsideStream(m found) found {
	if e.shape.coding < codingAligned {
		return m
	}
	lit := int64(e.start + e.play)
	at := func(i int) int64 { return lit + int64(i-e.lit) }
	if from := max(e.lit, e.lit+int(e.looked-lit)); from < m.start && at(m.start) > e.streamEnd {
		if s, _, ok := deflate.Across(e.buf, from, m.start); ok && (m.start > s.At || m.start+int(m.sym.len) < s.At+s.Len) {
			e.streamEnd = at(s.At + s.Len)
		}
		e.looked = at(m.start)
	}
	if inside := e.streamEnd - at(m.start); inside > 0 {
		if uint64(inside) >= m.sym.len {
			return found{}
		}
		m.start += int(inside)
		m.sym.pos += uint64(inside)
		m.sym.len -= uint64(inside)
	}
	end := m.start + int(m.sym.len)
	if _, begin, ok := deflate.Across(e.buf, max(m.start, end-streamHeader), end); ok {
		m.sym.len -= uint64(end - begin)
	}
	if m.sym.len < minTapeMatch {
		return found{}
	}
	return m
}

// cut returns where in buf the next of the cuts is; beyond it, if it has not been read.
func (e *encoder) cut() int {
	at := int64(e.start + e.play) // of lit
	for _, c := range e.cuts {
		if c > at {
			return e.lit + int(min(c-at, math.MaxInt32))
		}
	}
	return math.MaxInt
}

// finish makes symbols of what is pending and writes all that is not written.
func (e *encoder) finish() error {
	if err := e.literal(len(e.buf)); err != nil {
		return err
	}
	if err := e.release(); err != nil {
		return err
	}
	if len(e.sequence) > 0 {
		if err := e.flush(); err != nil {
			return err
		}
	}
	for len(e.coding) > 0 || !e.started {
		if err := e.writeFrame(); err != nil {
			return err
		}
	}
	e.index.sum = e.checks.whole()
	if err := e.out.write(e.index.append(nil)); err != nil {
		return err
	}
	err := e.out.end()
	e.stats.Written = e.out.written
	return err
}

// fill reads more of the file, and drops what has become symbols but for the last window.
func (e *encoder) fill() error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	if drop := min(e.lit, e.pos-gear.Window); drop > 0 {
		e.buf = e.buf[:copy(e.buf, e.buf[drop:])]
		e.lit -= drop
		e.pos -= drop
	}
	e.buf = hugepage.Grow(e.buf, readSize)
	n, err := io.ReadFull(e.src, e.buf[len(e.buf):len(e.buf)+readSize])
	e.buf = e.buf[:len(e.buf)+n]
	e.stats.Read += int64(n)
	if e.o.Progress != nil {
		e.o.Progress(e.stats.Read)
	}
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		e.eof = true
	case err != nil:
		return fmt.Errorf("read input: %w", err)
	}
	return nil
}

// remember keeps an anchor of the local tape, and when there are too many every second one.
func (e *encoder) remember(h, end uint64) {
	if len(e.anchors) >= maxAnchors {
		e.localMask |= e.localMask >> 1
		for k := range e.anchors {
			if k&e.localMask != 0 {
				delete(e.anchors, k)
			}
		}
	}
	e.anchors[h] = end
}

// found is a span whose bytes stand in buf from start on.
type found struct {
	sym   symbol // len 0: none
	start int
}

// match finds the longest span around pos, where an anchor is.
func (e *encoder) match() (best found, err error) {
	if e.notes != nil {
		if best, err = e.matchTape(); err != nil {
			return found{}, err
		}
	}
	m, err := e.matchLocal()
	if err != nil || m.sym.len <= best.sym.len {
		return best, err
	}
	return m, nil
}

// matchTape finds the longest span of the tape around pos that is worth going there.
func (e *encoder) matchTape() (best found, err error) {
	if e.places, err = e.o.Index.lookup(e.hash, e.places[:0]); err != nil {
		return found{}, err
	}
	e.places = e.within.only(e.places)
	slices.SortFunc(e.places, func(a, b uint64) int { // the nearest first
		return cmp.Or(cmp.Compare(distance(a, e.near), distance(b, e.near)), cmp.Compare(a, b))
	})
	for _, p := range e.places[:min(len(e.places), candidates)] {
		before, err := e.tapeBefore(p, e.buf[e.lit:e.pos])
		if err != nil {
			return found{}, err
		}
		after, err := e.tapeAfter(p, e.buf[e.pos:])
		if err != nil {
			return found{}, err
		}
		if n := uint64(before + after); n >= e.least(p-uint64(before), e.pos-before) && n > best.sym.len {
			best = found{symbol{code: codeTape, pos: p - uint64(before), len: n}, e.pos - before}
		}
	}
	if best.sym.len == 0 {
		return found{}, nil
	}
	if off, err := e.detour(best.sym, best.start, e.tapeAt, e.notes.size(), e.near); off || err != nil {
		return found{}, err
	}
	return best, nil
}

// matchLocal finds a span of the local tape around pos, if it is worth going there.
func (e *encoder) matchLocal() (found, error) {
	p, ok := e.anchors[e.hash]
	if !ok || p > e.local.size {
		return found{}, nil
	}
	before, err := commonBefore(e.local.at, p, e.buf[e.lit:e.pos])
	if err != nil {
		return found{}, err
	}
	after, err := commonAfter(e.local.at, e.local.size, p, e.buf[e.pos:])
	if err != nil {
		return found{}, err
	}
	m := found{symbol{code: codeRepeat, pos: p - uint64(before), len: uint64(before + after)}, e.pos - before}
	if m.sym.len < e.leastLocal(m.sym.pos, m.start) {
		return found{}, nil
	}
	if m.sym.pos >= e.freshPos || e.inStep(m.sym.pos, m.start) {
		return m, nil
	}
	if off, err := e.detour(m.sym, m.start, e.local.at, e.freshPos, e.nearLocal); off || err != nil {
		return found{}, err
	}
	return m, nil
}

// step looks whether the file goes on as the tape does after the last span, where there is no anchor.
func (e *encoder) step() (found, error) {
	p := e.near + uint64(e.pos-e.lit)
	if p >= e.notes.size() || e.near == 0 {
		return found{}, nil
	}
	after, err := e.tapeAfter(p, e.buf[e.pos:])
	if err != nil || uint64(after) < stepSize {
		return found{}, err
	}
	before, err := e.tapeBefore(p, e.buf[e.lit:e.pos])
	if err != nil {
		return found{}, err
	}
	return found{symbol{code: codeTape, pos: p - uint64(before), len: uint64(before + after)}, e.pos - before}, nil
}

// least is how long a span must be that begins at tape and whose bytes begin at start in buf.
func (e *encoder) least(tape uint64, start int) uint64 {
	if tape == e.near+uint64(start-e.lit) {
		return e.shape.fold
	}
	return minTapeMatch
}

// leastLocal is how long a span of the local tape must be that begins at pos and whose bytes begin at start in buf.
func (e *encoder) leastLocal(pos uint64, start int) uint64 {
	if pos >= e.freshPos {
		return e.shape.repeat
	}
	if n := uint64(start - e.lit); n >= hookAnyway || n >= hookAfter && !e.inStep(pos, start) {
		return e.shape.hook
	}
	return e.shape.far
}

// inStep reports whether the file, where the bytes at start in buf stand on the local tape at pos, goes on about as that does after the last span of it.
func (e *encoder) inStep(pos uint64, start int) bool {
	return distance(pos, e.nearLocal+uint64(start-e.lit)) <= hookAfter
}

func distance(a, b uint64) uint64 { return max(a, b) - min(a, b) }

// tapeAt reads the tape. The bytes are valid until the next call.
func (e *encoder) tapeAt(pos uint64) (uint64, []byte, error) { return e.note.at(e.ctx, pos) }

// take makes symbols of what is pending before m and of m, which it prolongs as far as the file goes on alike.
func (e *encoder) take(m found) error {
	if err := e.literal(m.start); err != nil {
		return err
	}
	back, err := e.join(m)
	if err != nil {
		return err
	}
	if err := e.release(); err != nil {
		return err
	}
	at := m.start // up to where the file has been compared
	n, short := int(m.sym.len), false
	for {
		e.pos = at + n
		e.account(e.buf[at:e.pos])
		e.lit = e.pos
		if (e.pos < len(e.buf) && !short) || e.eof {
			break
		}
		if err := e.fill(); err != nil {
			return err
		}
		at = e.pos
		end := m.sym.pos + m.sym.len
		if m.sym.code == codeTape {
			n, short, err = e.follow(end, e.within.end(m.sym.pos, e.notes.size()), e.buf[at:], !e.eof)
		} else {
			n, err = commonAfter(e.local.at, e.local.size, end, e.buf[at:])
		}
		if err != nil {
			return err
		}
		m.sym.len += uint64(n)
		if n == 0 && !short {
			break
		}
	}
	if m.sym.code == codeTape {
		e.near = m.sym.pos + m.sym.len
		e.stats.Tape += int64(m.sym.len)
	} else {
		e.nearLocal = m.sym.pos + m.sym.len
		e.stats.Repeat += int64(m.sym.len)
	}
	e.hash = gear.Roll(0, e.buf[max(0, e.pos-gear.Window):e.pos])
	m.sym.pos -= back
	m.sym.len += back
	e.held = m.sym
	return nil
}

// join looks whether m, if it took over the last bytes of the held symbol, would begin just where a thread
// ended, which is cheap to write; if so it takes them from the held symbol and says how many.
func (e *encoder) join(m found) (back uint64, err error) {
	const most = 64 << 10
	if e.held.len == 0 || e.held.code != codeTape || m.sym.code != codeTape || e.full(1) {
		return 0, nil
	}
	for _, t := range e.threads {
		back := m.sym.pos - t.end
		if t.end >= m.sym.pos || back >= min(e.held.len, most) || e.within.end(t.end, m.sym.pos) < m.sym.pos {
			continue
		}
		a, err := e.notes.read(e.ctx, nil, Span{t.end, back})
		if err != nil {
			return 0, err
		}
		n, err := commonAfter(e.tapeAt, e.notes.size(), e.held.pos+e.held.len-back, a)
		if err != nil {
			return 0, err
		}
		if uint64(n) == back {
			e.held.len -= back
			return back, nil
		}
	}
	return 0, nil
}

// account adds played bytes to the checksums.
func (e *encoder) account(b []byte) {
	e.checks.add(b)
	e.play += uint64(len(b))
}

// literal makes a local note of the pending bytes up to end.
func (e *encoder) literal(end int) error {
	b := e.buf[e.lit:end]
	if len(b) == 0 {
		return nil
	}
	if err := e.release(); err != nil {
		return err
	}
	e.account(b)
	e.lit = end
	e.pos = max(e.pos, end)
	key := xxhash.Sum64(b)
	if s, ok := e.seen[key]; ok && s.len == uint64(len(b)) {
		n, err := commonAfter(e.local.at, e.local.size, s.pos, b)
		if err != nil {
			return err
		}
		if n == len(b) {
			e.stats.Repeat += int64(n)
			e.held = s
			return nil
		}
	}
	s := symbol{code: codeRepeat, pos: e.local.size, len: uint64(len(b))}
	if len(e.seen) >= maxSeen {
		clear(e.seen)
	}
	e.seen[key] = s
	e.local.append(b, e.limit.local+maxPending)
	e.ids[s] = uint32(len(e.terminals))
	e.terminals = append(e.terminals, symbol{code: codeFresh, pos: s.pos, len: s.len})
	e.stats.Fresh += int64(len(b))
	e.held = s
	return nil
}

// release appends the held symbol to the sequence of the frame, and closes the frame when it is full.
func (e *encoder) release() error {
	s := e.held
	if s.len == 0 {
		return nil
	}
	e.held = symbol{}
	id, ok := e.ids[s]
	if !ok {
		id = uint32(len(e.terminals))
		e.ids[s] = id
		e.terminals = append(e.terminals, s)
	}
	if !ok && s.code == codeTape {
		e.threads.use(e.threads.pick(s.pos), s.pos, s.len)
	} else {
		e.threads.skip(s.len)
	}
	e.sequence = append(e.sequence, id)
	e.stats.Spans++
	if e.full(0) {
		if err := e.flush(); err != nil {
			return err
		}
	}
	for e.atCut() {
		e.cuts = e.cuts[1:]
	}
	return nil
}

// atCut reports whether the next of the cuts has been reached.
func (e *encoder) atCut() bool { return len(e.cuts) > 0 && uint64(e.cuts[0]) <= e.start+e.play }

// full reports whether the frame is to be closed once it has so many more symbols, which no other may be like.
func (e *encoder) full(more int) bool {
	fresh := e.local.size - e.freshPos
	return len(e.sequence)+more >= e.limit.symbols || len(e.terminals)+more >= e.limit.terminals || fresh >= uint64(e.limit.local) || e.play >= e.limit.play ||
		e.atCut() && fresh >= leastCut && fresh >= e.play/cutShare
}

// flush closes the frame and begins to code it, while the next one is read.
func (e *encoder) flush() error {
	if len(e.coding) == cap(e.packers) {
		if err := e.writeFrame(); err != nil {
			return err
		}
	}
	if e.flushed == 0 && e.eof && e.lit == len(e.buf) && !slices.ContainsFunc(e.terminals, func(s symbol) bool { return s.code == codeTape }) {
		// The only frame, and it needs no dictionary: none is named, and blocks are coded as they are decoded then, the local tape behind nothing (section 4.4).
		e.o.Dictionary, e.notes = nil, nil
	}
	f := &closedFrame{
		terminals: e.terminals, sequence: e.sequence, fresh: e.local.cut(),
		entry: frameEntry{start: e.start, play: e.play, localPos: e.freshPos, local: e.local.size - e.freshPos},
		sum:   e.checks.endFrame(),
		done:  make(chan struct{}),
	}
	e.chooseSources(f)
	e.coding = append(e.coding, f)
	go func() {
		defer close(f.done)
		f.err = e.code(f)
	}()
	e.start += e.play
	e.terminals, e.sequence = nil, nil
	clear(e.ids)
	e.threads = threads{}
	e.freshPos, e.play = e.local.size, 0
	return nil
}
