package codec

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"runtime"
	"sort"
	"sync"

	"golang.org/x/sync/semaphore"

	"dictnet/internal/hugepage"
)

// playback finds the bytes that symbols stand for: on the tape, and on the local tape of the
// template. It is safe for concurrent use.
type playback struct {
	src       io.ReaderAt     // the template; frames that have been read are all that is needed
	notes     *noteCache      // nil if no dictionary is named
	blocks    runCache        // of the local tape
	blockSize uint64          // raw bytes of a block that is all of a frame, at most
	openers   *openers        // of blocks
	again     keptRuns        // blocks that have left the cache: a file that repeats itself goes back to them
	mu        sync.Mutex      // guards what follows
	frames    []frameEntry    // frames known so far, in order
	parsed    []*frame        // parsed last, the latest last
	needs     needs           // of blocks of all frames that have been parsed
	left      map[uint64]bool // blocks that have left the cache, by their begin on the local tape
}

// Limits of what a playback keeps: the symbols of two frames, which take 3 MiB each unless a stranger wrote them (then
// up to 24), and 6.5 MiB of local notes, or two blocks; three of up to 2 MiB, so that one can play while two are opened.
const (
	keptFrames = 2
	keptLocal  = 13 << 19
)

// mostKept is how many bytes of blocks that have left the cache are kept on disk, lest they be opened a second time: after that, only what was.
const mostKept = 256 << 20

// openers lets so many blocks be opened at a time as there is memory for their references and the coder's tables.
type openers struct {
	places int64
	free   *semaphore.Weighted
	outer  *semaphore.Weighted // of blocks that need others
	idle   hugepage.Pool       // for references
}

// mostOpeners is how many blocks are opened at a time, at most.
const mostOpeners = 2

// largeMixed is how long the reference of a mixed block may be, in bytes, before nothing else is opened beside it.
const largeMixed = 1 << 20

func newOpeners() *openers {
	n := int64(min(mostOpeners, runtime.GOMAXPROCS(0)))
	return &openers{places: n, free: semaphore.NewWeighted(n), outer: semaphore.NewWeighted(n)}
}

// begin waits until a block may be opened that has so long a reference. It returns how many places that takes, which are given back to end.
func (o *openers) begin(ctx context.Context, c coding, reference int) (places int64, err error) {
	n := int64(1)
	if c.inner() == codingMixed && reference > largeMixed {
		n = o.places
	}
	if err := o.free.Acquire(ctx, n); err != nil {
		return 0, err
	}
	if c.inner() == codingMixed {
		runtime.GC() // its tables are a third of all memory: what is garbage has to go before, not when the collector is due
	}
	return n, nil
}

func (o *openers) end(places int64) { o.free.Release(places) }

// setBlockSize is told how many bytes of local notes one block may have that is all of a frame.
func (p *playback) setBlockSize(n int) {
	p.blockSize, p.blocks.max = uint64(n), max(keptLocal/(2*n), 2)
	if n <= 2<<20 {
		p.blocks.max = max(p.blocks.max, 3)
	}
	p.blocks.dropped = p.keepBlock
	p.openers = newOpeners()
	p.needs = make(needs)
	p.again.raw.most = 1 << 20
}

// frame returns frame i, parsed.
func (p *playback) frame(i int) (*frame, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.frames[i]
	for k, fr := range p.parsed {
		if fr.off == e.off {
			p.parsed = append(append(p.parsed[:k:k], p.parsed[k+1:]...), fr)
			return fr, nil
		}
	}
	fr, err := readFrame(p.src, e, p.frames[:i], p.notes.size(), int(p.blockSize))
	if err != nil {
		return nil, err
	}
	layouts := make(map[int][]blockEntry)
	for _, b := range fr.blocks {
		for _, s := range b.sources {
			if s.back > 0 {
				if err := p.learnNeeds(i-s.back, s.block, 1, layouts); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := p.needs.add(fr); err != nil {
		return nil, err
	}
	p.keep(fr)
	return fr, nil
}

// learnNeeds makes known what a block of frame i needs, which is as far as depth sources away from one that is wanted. Layouts are the blocks of frames that were
// read for this.
func (p *playback) learnNeeds(i, block, depth int, layouts map[int][]blockEntry) error {
	e := p.frames[i]
	pos := e.localPos + uint64(block)*blockLength(e.local, p.blockSize)
	if _, ok := p.needs[pos]; ok {
		return nil
	}
	if depth > maxNeeds {
		return formatErrorf(e.off, "a block needs more than %d others", maxNeeds)
	}
	blocks := layouts[i]
	if blocks == nil {
		fr, _, err := readLayout(p.src, e, p.frames[:i], p.notes.size(), int(p.blockSize))
		if err == nil {
			err = fr.agrees(e)
		}
		if err != nil {
			return err
		}
		blocks = fr.blocks
		layouts[i] = blocks
	}
	for _, s := range blocks[block].sources {
		if err := p.learnNeeds(i-s.back, s.block, depth+1, layouts); err != nil {
			return err
		}
	}
	return p.needs.learn(pos, blocks[block].sources, e.off)
}

func (p *playback) keep(fr *frame) {
	if len(p.parsed) == keptFrames {
		p.parsed = append(p.parsed[:0:0], p.parsed[1:]...)
	}
	p.parsed = append(p.parsed, fr)
}

// add makes a frame known that has just been read.
func (p *playback) add(fr *frame) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.needs.add(fr); err != nil {
		return err
	}
	p.frames = append(p.frames, fr.frameEntry)
	p.keep(fr)
	return nil
}

// at returns bytes that s begins with after the first skip bytes of it: as many as lie together, at least one and up to want.
func (p *playback) at(ctx context.Context, s symbol, skip, want uint64) ([]byte, error) {
	want = min(want, s.len-skip)
	var start uint64
	var raw []byte
	var err error
	if s.code == codeTape {
		start, raw, err = p.notes.at(ctx, s.pos+skip)
	} else {
		start, raw, err = p.localAt(ctx, s.pos+skip, want)
	}
	if err != nil {
		return nil, err
	}
	raw = raw[s.pos+skip-start:]
	return raw[:min(uint64(len(raw)), want)], nil
}

// appendHere appends all of s after skip to b, if it is less than so many bytes that lie together, and nothing has to be waited for or opened; else nothing.
func (p *playback) appendHere(b []byte, s symbol, skip, less uint64) []byte {
	var start uint64
	var raw []byte
	if s.code == codeTape {
		r := p.notes.runs.loaded(s.pos + skip)
		if r == nil {
			return b
		}
		defer p.notes.runs.release(r)
		start, raw = r.start, r.raw
	} else if start, raw, _ = p.blocks.come(context.Background(), s.pos+skip, false); raw == nil {
		return b
	}
	raw = raw[s.pos+skip-start:]
	raw = raw[:min(uint64(len(raw)), s.len-skip)]
	if uint64(len(raw)) >= less {
		return b
	}
	return append(b, raw...)
}

// localBlock is a block of a frame, and where it stands on the local tape.
type localBlock struct {
	frame, block int
	start, end   uint64
}

// localBlock returns the block that holds byte pos of the local tape.
func (p *playback) localBlock(pos uint64) (localBlock, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := sort.Search(len(p.frames), func(i int) bool { return p.frames[i].localPos > pos }) - 1
	for ; i >= 0 && p.frames[i].local == 0; i-- {
	}
	if i < 0 || pos-p.frames[i].localPos >= p.frames[i].local {
		return localBlock{}, fmt.Errorf("local tape has no byte %d", pos) // the scores have been checked
	}
	e := p.frames[i]
	n := blockLength(e.local, p.blockSize)
	k := (pos - e.localPos) / n
	return localBlock{i, int(k), e.localPos + k*n, e.localPos + min((k+1)*n, e.local)}, nil
}

// localAt returns bytes of the block that holds byte pos of the local tape, and the position of the first: all of them, or, if it was kept on disk, up to want from
// pos on; or, while it is being opened, what there is.
func (p *playback) localAt(ctx context.Context, pos, want uint64) (start uint64, raw []byte, err error) {
	return p.localFor(ctx, pos, want, false)
}

// localFor is localAt. The bytes are wanted to open another block, which is inner and needs all of them, or to be played.
func (p *playback) localFor(ctx context.Context, pos, want uint64, inner bool) (start uint64, raw []byte, err error) {
	for {
		if inner {
			r, err := p.blocks.get(ctx, pos)
			if err != nil {
				return 0, nil, err
			}
			if r != nil {
				return r.start, r.raw, nil
			}
		} else if start, raw, err := p.blocks.come(ctx, pos, true); raw != nil || err != nil {
			return start, raw, err
		}
		if raw, err := p.again.read(pos, want); raw != nil || err != nil {
			return pos, raw, err
		}
		b, err := p.localBlock(pos)
		if err != nil {
			return 0, nil, err
		}
		fr, err := p.frame(b.frame)
		if err != nil {
			return 0, nil, err
		}
		leave, err := p.enter(ctx, fr, b.block, inner)
		if err != nil {
			return 0, nil, err
		}
		r := p.blocks.begin(pos, b.start, b.end)
		if r != nil {
			raw, err = p.open(ctx, fr, b.block, r)
			p.blocks.finish(r, b.start, raw, err)
		}
		leave()
		if r != nil {
			return b.start, raw, err
		}
	}
}

// enter waits until block i of a frame may be opened, if it needs others. Whoever opens others holds his place until he has done, so it is taken before the block is said to be on its way:
// who waits for it waits for somebody at work.
func (p *playback) enter(ctx context.Context, fr *frame, i int, inner bool) (leave func(), err error) {
	b := fr.blocks[i]
	if len(b.sources) == 0 || inner {
		return func() {}, nil
	}
	n := int64(1)
	if b.coding.inner() == codingMixed {
		n = p.openers.places
	}
	if err := p.openers.outer.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return func() { p.openers.outer.Release(n) }, nil
}

// localAhead loads the block that holds byte pos of the local tape in the background, unless it is there or on its
// way, and returns where it ends. Before it loads, it calls wait.
func (p *playback) localAhead(ctx context.Context, g *sync.WaitGroup, pos uint64, wait func(size uint64) error) (end uint64, err error) {
	if end, ok := p.blocks.peek(pos); ok {
		return end, nil
	}
	if end, ok := p.again.peek(pos); ok {
		return end, nil
	}
	b, err := p.localBlock(pos)
	if err != nil {
		return 0, err
	}
	if err := wait(b.end - b.start); err != nil {
		return 0, err
	}
	fr, err := p.frame(b.frame)
	if err != nil {
		return 0, err
	}
	leave, err := p.enter(ctx, fr, b.block, false)
	if err != nil {
		return 0, err
	}
	r := p.blocks.begin(pos, b.start, b.end)
	if r == nil {
		leave()
		return b.end, nil
	}
	g.Go(func() {
		defer leave()
		raw, err := p.open(ctx, fr, b.block, r)
		p.blocks.finish(r, b.start, raw, err)
	})
	return b.end, nil
}

// keepBlock keeps a block that begins at start and has left the cache. Where that fails, for want of room on the disk, it has to be opened again.
func (p *playback) keepBlock(start uint64, raw []byte) {
	p.mu.Lock()
	before := p.left[start]
	if p.left == nil {
		p.left = make(map[uint64]bool)
	}
	p.left[start] = true
	p.mu.Unlock()
	if before || p.again.size() < mostKept {
		_ = p.again.add(start, raw)
	}
}

// open reads, checks and expands block i of a frame. What has come of it is shown to those who wait for the run.
func (p *playback) open(ctx context.Context, fr *frame, i int, run *cachedRun) ([]byte, error) {
	e := fr.blocks[i]
	ref := fr.blockReference(i, p.notes.size())
	tape, local := ref.parted(p.notes.size())
	var memory *[]byte  // for the reference
	if len(local) > 0 { // before there is a place for this one, for others may have to be opened
		if err := p.openNeeds(ctx, fr, i); err != nil {
			return nil, err
		}
		memory = p.openers.idle.Get(ref.size() + e.coding.behind(e.raw))
		behind := (*memory)[:ref.at[len(tape)]]
		for _, s := range local {
			var err error
			if behind, err = p.localBytes(ctx, behind, s); err != nil {
				return nil, err
			}
		}
	}
	places, err := p.openers.begin(ctx, e.coding, ref.size())
	if err != nil {
		return nil, err
	}
	defer p.openers.end(places)
	if memory == nil {
		memory = p.openers.idle.Get(ref.size() + e.coding.behind(e.raw))
	}
	defer p.openers.idle.Put(memory)
	data := make([]byte, e.stored+4)
	if _, err := readAt(p.src, data, e.off); err != nil {
		return nil, err
	}
	sum := binary.LittleEndian.Uint32(data[e.stored:])
	data = data[:e.stored]
	if got := crc32c(data); got != sum {
		return nil, formatErrorf(e.off, "block checksum is %08x, want %08x", got, sum)
	}
	old := (*memory)[:0]
	for _, s := range tape {
		if old, err = p.notes.read(ctx, old, s); err != nil {
			return nil, err
		}
	}
	raw, err := unpack(ctx, e.coding, data, e.raw, counterpart{old[:ref.size()], ref}, func(raw []byte) { p.blocks.grow(run, raw) })
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, formatErrorf(e.off, "block of local notes: %v", err)
	}
	return raw, nil
}

// openNeeds opens and keeps what block i of a frame needs.
func (p *playback) openNeeds(ctx context.Context, fr *frame, i int) error {
	p.mu.Lock()
	before := p.needs[fr.localPos+uint64(i)*uint64(fr.blocks[0].raw)]
	p.mu.Unlock()
	for _, pos := range before { // in their order, so that each finds what it needs at hand
		if _, kept := p.again.peek(pos); kept {
			continue
		}
		start, raw, err := p.localFor(ctx, pos, 1, true)
		if err == nil {
			err = p.again.add(start, raw) // or else they would be opened over and over
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// wanted returns the runs of the tape that a frame needs: what its blocks are coded against, then its spans. What several blocks are coded against comes several times.
func (fr *frame) wanted(tapeSize uint64) []Span {
	var spans []Span
	for i := range fr.blocks {
		spans = append(spans, fr.tapeReference(i, tapeSize)...)
	}
	for _, s := range fr.score.symbols {
		if s.code == codeTape {
			spans = append(spans, Span{s.pos, s.len})
		}
	}
	return spans
}

// wantedWithin returns the runs of the tape that the bytes from to end of a frame need, but for what earlier frames need: each once, in playing order.
func (fr *frame) wantedWithin(ctx context.Context, from, end, tapeSize uint64) ([]Span, error) {
	var spans []Span
	wanted := make(map[Span]bool)
	want := func(s Span) {
		if !wanted[s] {
			wanted[s] = true
			spans = append(spans, s)
		}
	}
	opened := make(map[int]bool)
	var open func(i int)
	open = func(i int) {
		if opened[i] {
			return
		}
		opened[i] = true
		for _, s := range fr.blocks[i].sources {
			if s.back == 0 {
				open(s.block)
			}
		}
		for _, s := range fr.tapeReference(i, tapeSize) {
			want(s)
		}
	}
	walk := player{s: &fr.score}
	skip := walk.seek(from)
	for at := from; at < end; skip = 0 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s, ok := walk.span()
		if !ok {
			break
		}
		n := min(s.len-skip, end-at)
		at += n
		if s.code == codeTape {
			want(Span{s.pos + skip, n})
			continue
		}
		if s.pos+skip < fr.localPos {
			continue
		}
		first, length := s.pos+skip-fr.localPos, uint64(fr.blocks[0].raw)
		for i := int(first / length); i <= int((first+n-1)/length); i++ {
			open(i)
		}
	}
	return spans, nil
}

// blockReference returns what block i is coded against.
func (fr *frame) blockReference(i int, tapeSize uint64) *reference {
	e := fr.blocks[i]
	if !e.coding.referenced() {
		return &reference{}
	}
	fr.once.Do(func() { fr.fresh = fr.score.places(fr.start, tapeSize) })
	begin := uint64(i) * uint64(fr.blocks[0].raw) // only the last may be shorter
	fresh := fr.fresh.notes(nil, begin, begin+uint64(e.raw), behind(tapeSize, e.sources))
	r := referenceOf(fresh, begin, begin+uint64(e.raw), tapeSize, e.coding)
	r.leaveOut(fr.holes)
	return r
}

// tapeReference returns the pieces of the tape that block i is coded against.
func (fr *frame) tapeReference(i int, tapeSize uint64) []Span {
	tape, _ := fr.blockReference(i, tapeSize).parted(tapeSize)
	return tape
}

// frameReader plays one frame.
type frameReader struct {
	p    *playback
	walk player
	sym  symbol
	skip uint64 // bytes of sym that have played
	note heldNote

	ahead *lookAhead // nil if there is none
}

// play begins to play a frame at its byte from.
func (p *playback) play(fr *frame, from uint64) *frameReader { return p.playScore(&fr.score, from) }

func (p *playback) playScore(s *score, from uint64) *frameReader {
	r := &frameReader{p: p, walk: player{s: s}, note: heldNote{notes: p.notes}}
	r.skip = r.walk.seek(from)
	r.sym, _ = r.walk.span()
	return r
}

// more goes on to the next symbol if nothing of this one is left, and reports whether there is one.
func (r *frameReader) more() bool {
	for r.skip >= r.sym.len {
		s, ok := r.walk.span()
		if !ok {
			return false
		}
		r.sym, r.skip = s, 0
	}
	return true
}

// next returns the next bytes that the frame plays, up to want; io.EOF after the last. The caller does not change them, and they are valid until the next call, or release.
func (r *frameReader) next(ctx context.Context, want uint64) ([]byte, error) {
	if !r.more() {
		return nil, io.EOF
	}
	if err := ctx.Err(); err != nil { // what is at hand already may play for ever
		return nil, err
	}
	b, err := r.at(ctx, want)
	r.skip += uint64(len(b))
	if r.ahead != nil {
		r.ahead.played(len(b))
	}
	return b, err
}

// at returns bytes of what is left of the symbol: as many as lie together, up to want.
func (r *frameReader) at(ctx context.Context, want uint64) ([]byte, error) {
	if r.sym.code != codeTape {
		if r.ahead != nil {
			if err := r.ahead.begin(r.sym.pos + r.skip); err != nil {
				return nil, err
			}
		}
		return r.p.at(ctx, r.sym, r.skip, want)
	}
	pos := r.sym.pos + r.skip
	start, raw, err := r.note.at(ctx, pos)
	if err != nil {
		return nil, err
	}
	raw = raw[pos-start:]
	return raw[:min(uint64(len(raw)), want, r.sym.len-r.skip)], nil
}

// release says that what next returned last has been read.
func (r *frameReader) release() { r.note.release() }

// read plays into b until that is full or the frame ends.
func (r *frameReader) read(ctx context.Context, b []byte) (n int, err error) {
	defer r.release()
	for n < len(b) {
		raw, err := r.next(ctx, uint64(len(b)-n))
		if err == io.EOF {
			break
		}
		if err != nil {
			return n, err
		}
		n += copy(b[n:], raw)
	}
	return n, nil
}

// Whoever takes bytes on does so by checksums and system calls: short pieces cost him more than a copy.
const (
	atOnce     = 64 << 10 // bytes, at most, of pieces
	shortPiece = 8 << 10  // shorter than this
)

// gather is next without a limit, but puts short pieces together in buf, to be used again, as long as nothing has to be waited for.
func (r *frameReader) gather(ctx context.Context, buf *[]byte) ([]byte, error) {
	b, err := r.next(ctx, math.MaxUint64)
	if err != nil || len(b) >= shortPiece {
		return b, err
	}
	some := append((*buf)[:0], b...)
	for len(some) <= atOnce-shortPiece && r.more() {
		before := len(some)
		some = r.p.appendHere(some, r.sym, r.skip, shortPiece)
		if len(some) == before {
			break
		}
		r.skip += uint64(len(some) - before)
	}
	*buf = some
	if r.ahead != nil && len(some) > len(b) {
		r.ahead.played(len(some) - len(b))
	}
	return some, nil
}
