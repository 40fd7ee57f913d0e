package codec

import (
	"bufio"
	"container/list"
	"context"
	"errors"
	"io"
	"iter"
	"math"
	"runtime"
	"sort"
	"sync"

	"golang.org/x/sync/errgroup"
)

// LineCount is how many lines a file has, and how many of them a pattern selects.
type LineCount struct {
	Lines    uint64 `json:"lines"` // what follows the last newline is one, if it is not empty
	Selected uint64 `json:"selected"`
}

// Line is a line of a file.
type Line struct {
	Number int64 // 1 is the first
	Offset int64 // of its first byte in the file
	Len    int64 // bytes, without the newline
	// Text is the line's bytes; nil if there are more than MaxLine of them. It is valid until the next line is asked for, and not to be changed.
	Text []byte
}

// MaxLine is how many bytes of a line are held at a time. Longer lines are matched as they stream.
const MaxLine = 64 << 20

// Limits of what a search keeps, besides what decoding does.
const maxTables = 64 << 20 // bytes of tables of lines, with the bytes of the notes

// CountLines counts the lines of the file that a pattern selects, without playing it: every note, every local note
// and every rule is looked at once in a frame, and besides only the lines across their borders. What is touched is checked as by
// ReadAt: notes and blocks, but not what a whole frame plays. Given parts of the file, it searches what they are one after the other.
func (r *Reader) CountLines(ctx context.Context, p *Pattern, parts ...Span) (LineCount, error) {
	s := r.searchFor(ctx, p, parts...)
	err := s.run(nil)
	return LineCount{s.lines, s.selected}, err
}

// Lines returns the lines that a pattern selects, in order. It looks at what CountLines does, a frame at a time, and then only at
// the symbols in which there are such lines. Given parts of the file, it searches what they are one after the other, and of that are numbers and offsets. After an
// error nothing follows.
func (r *Reader) Lines(ctx context.Context, p *Pattern, parts ...Span) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		err := r.searchFor(ctx, p, parts...).run(func(l Line) bool { return yield(l, nil) })
		if err != nil && err != errEnoughLines {
			yield(Line{}, err)
		}
	}
}

// search goes through a file, frame by frame.
type search struct {
	r     *Reader
	ctx   context.Context
	p     *Pattern
	parts []Span // of the file; nil: all of it
	file  *partsReader
	join  *lineJoiner

	// What is kept; smaller in tests.
	keepEdge, maxLine, maxTables int

	mu     sync.Mutex
	tables map[stretch]*list.Element // of recent
	recent *list.List                // of keptTable, the latest used last
	held   int                       // bytes of tables

	// The file so far, which is the parts.
	at              uint64 // bytes
	lines, selected uint64
	begin           uint64 // offset of the first byte after the last newline
	open            edge   // the bytes from there on, as a tail

	// The frame, or what of it lies in a part.
	score *score
	sums  []lineSum // of its symbols
}

// keptTable is the table of a stretch, and how large it was when it was kept: it may be in use, and grow, while it is forgotten.
type keptTable struct {
	stretch
	*lineTable
	bytes int
}

// foundLine is told of selected lines and says whether more are wanted.
type foundLine = func(Line) bool

func (r *Reader) searchFor(ctx context.Context, p *Pattern, parts ...Span) *search {
	return &search{r: r, ctx: ctx, p: p, parts: parts, keepEdge: keepEdge, maxLine: MaxLine, maxTables: maxTables, tables: make(map[stretch]*list.Element), recent: list.New()}
}

// run goes through the whole file. found may be nil; when it wants no more, the error is errEnoughLines.
func (s *search) run(found foundLine) (err error) {
	if s.file, err = s.r.partsOf(s.parts); err != nil {
		return err
	}
	s.join = newLineJoiner(s.p, s.keepEdge)
	for _, p := range s.file.parts {
		for i := s.r.frameAt(p.Pos); p.Len > 0 && i < len(s.r.idx.frames) && s.r.idx.frames[i].start < p.Pos+p.Len; i++ {
			if err := s.frame(i, p, found); err != nil {
				return err
			}
		}
	}
	return s.end(found)
}

// frame goes through what of frame i lies in a part of the file. found may be nil.
func (s *search) frame(i int, part Span, found foundLine) error {
	e := s.r.idx.frames[i]
	from, end := max(part.Pos, e.start), min(part.Pos+part.Len, e.start+e.play)
	if err := s.r.Prefetch(int64(from), int64(end-from)); err != nil {
		return err
	}
	fr, err := s.r.frame(i)
	if err != nil {
		return err
	}
	s.score = &fr.score
	if end-from < e.play {
		s.score = fr.score.part(from-e.start, end-e.start)
	}
	s.join.chunk = nil // what the frame before held goes, but for what is still open
	s.open.b = s.join.hold(s.open.b, nil)
	if err := s.sumUp(); err != nil {
		return err
	}
	for _, n := range s.score.sequence {
		if err := s.play(n, s.at, found); err != nil {
			return err
		}
		s.at += s.score.symbols[n].len
	}
	return nil
}

// play goes on with a symbol of the sequence, which plays from offset at on.
func (s *search) play(n uint32, at uint64, found foundLine) error {
	sum, size := &s.sums[n], s.score.symbols[n].len
	if sum.lines == 0 {
		all, err := s.join.join(lineSum{lines: 1, tail: s.open}, *sum, nil) // nothing ends, so nothing is read
		s.open = all.tail
		return err
	}
	yes, err := s.join.border(s.open, sum.head, func() (bool, error) {
		return s.read(s.begin, s.open.n+sum.head.n)
	})
	if err != nil {
		return err
	}
	if yes {
		s.selected++
		if found != nil {
			if err := s.tell(found, s.begin, s.open.n+sum.head.n, s.lines); err != nil {
				return err
			}
		}
	}
	if found != nil && sum.selected > 0 {
		if err := s.descend(n, at, s.lines, found); err != nil {
			return err
		}
	}
	s.lines += sum.lines
	s.selected += sum.selected
	s.begin = at + size - sum.tail.n
	s.open = sum.tail
	return nil
}

// end takes what follows the last newline as a line.
func (s *search) end(found foundLine) error {
	if s.open.n == 0 {
		return nil
	}
	yes, err := s.join.border(s.open, edge{}, func() (bool, error) { return s.read(s.begin, s.open.n) })
	if err != nil {
		return err
	}
	if yes {
		s.selected++
		if found != nil {
			err = s.tell(found, s.begin, s.open.n, s.lines)
		}
	}
	s.lines++
	return err
}

// errEnoughLines ends a search that is no longer wanted.
var errEnoughLines = errors.New("no more lines are wanted")

// tell hands on the line of n bytes at offset off of the file, which has so many lines before it.
func (s *search) tell(found foundLine, off, n, before uint64) error {
	l := Line{Number: int64(before) + 1, Offset: int64(off), Len: int64(n)}
	if n <= uint64(s.maxLine) {
		l.Text = make([]byte, n)
		if _, err := s.file.ReadAt(l.Text, l.Offset); err != nil {
			return err
		}
	}
	if !found(l) {
		return errEnoughLines
	}
	return s.ctx.Err()
}

// read tells whether the n bytes at offset off of the file are a line that is selected.
func (s *search) read(off, n uint64) (bool, error) {
	return s.match(io.NewSectionReader(s.file, int64(off), int64(n)), n)
}

// match tells whether a line is selected: the next n bytes of src.
func (s *search) match(src io.Reader, n uint64) (bool, error) {
	src = &contextReader{ctx: s.ctx, src: io.LimitReader(src, int64(n))}
	if n <= uint64(s.maxLine) {
		line := make([]byte, n)
		if _, err := io.ReadFull(src, line); err != nil {
			return false, err
		}
		return s.p.selects(line), nil
	}
	in := &runeReader{Reader: bufio.NewReaderSize(src, 256<<10)}
	yes := s.p.selectsFrom(in)
	return yes, in.err
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	src io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.src.Read(b)
}

// runeReader remembers what went wrong, which package regexp takes for the end of the text.
type runeReader struct {
	*bufio.Reader
	err error
}

func (r *runeReader) ReadRune() (rune, int, error) {
	c, n, err := r.Reader.ReadRune()
	if err != nil && err != io.EOF {
		r.err = err
	}
	return c, n, err
}

// sumUp finds out what every symbol of the frame holds: the terminals from tables of their notes, on all cores, then the rules from their parts.
func (s *search) sumUp() error {
	symbols := s.score.symbols
	s.sums = make([]lineSum, len(symbols))
	tape, local, err := s.r.play.gather(s.ctx, s.score)
	if err != nil {
		return err
	}
	groups := append(tape, local...)
	pieces := make([][]lineSum, len(groups))
	wholes := make([]lineSum, len(groups))
	g, ctx := errgroup.WithContext(s.ctx)
	workers := runtime.GOMAXPROCS(0)
	g.SetLimit(workers)
	joiners := make(chan *lineJoiner, workers) // as many as that: what one holds is held until the frame has been searched
	for range workers {
		joiners <- newLineJoiner(s.p, s.keepEdge)
	}
	for i := range groups {
		g.Go(func() error {
			t, err := s.table(ctx, groups[i].stretch)
			if err != nil {
				return err
			}
			join := <-joiners
			defer func() { joiners <- join }()
			if groups[i].whole {
				wholes[i] = t.sum(join, groups[i].start, groups[i].end)
			}
			for _, p := range groups[i].parts {
				sum := t.sum(join, p.from, p.end)
				if p.end-p.from == symbols[p.sym].len {
					s.sums[p.sym] = sum
				} else {
					pieces[i] = append(pieces[i], sum)
				}
			}
			s.keep(groups[i].stretch, t)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// Terminals that run across notes: a part of the first and one of the last may be theirs alone, between are whole ones.
	firsts, lasts := make(map[uint32]lineSum), make(map[uint32]lineSum)
	for i := range groups {
		k := 0
		for _, p := range groups[i].parts {
			if p.end-p.from == symbols[p.sym].len {
				continue
			}
			if p.from == symbols[p.sym].pos {
				firsts[p.sym] = pieces[i][k]
			} else {
				lasts[p.sym] = pieces[i][k]
			}
			k++
		}
	}
	for n, sym := range symbols {
		if n%1024 == 0 {
			if err := s.ctx.Err(); err != nil {
				return err
			}
		}
		if sym.code != codeRule {
			g, whole := groups[:len(tape)], wholes[:len(tape)]
			if kind(&sym) > 0 {
				g, whole = groups[len(tape):], wholes[len(tape):]
			}
			i := sort.Search(len(g), func(i int) bool { return g[i].end > sym.pos })
			if sym.pos+sym.len <= g[i].end {
				continue
			}
			sum := whole[i]
			if g[i].start < sym.pos {
				sum = firsts[uint32(n)]
			}
			for at := g[i].end - sym.pos; at < sym.len; at = g[i].end - sym.pos {
				if err := s.ctx.Err(); err != nil {
					return err
				}
				i++
				next := whole[i]
				if g[i].end > sym.pos+sym.len {
					next = lasts[uint32(n)]
				}
				if sum, err = s.across(uint32(n), at, sum, next); err != nil {
					return err
				}
			}
			s.sums[n] = sum
			continue
		}
		left, right := sym.halves()
		if s.sums[n], err = s.across(uint32(n), symbols[left].len, s.sums[left], s.sums[right]); err != nil {
			return err
		}
	}
	return nil
}

// across joins the two parts of a symbol that meet at its byte at.
func (s *search) across(n uint32, at uint64, a, b lineSum) (lineSum, error) {
	return s.join.join(a, b, func() (bool, error) {
		size := a.tail.n + b.head.n
		return s.match(s.symbolReader(n, at-a.tail.n), size)
	})
}

// symbolReader plays a symbol from its byte off on.
func (s *search) symbolReader(n uint32, off uint64) io.Reader {
	sc := &score{symbols: s.score.symbols, sequence: []uint32{n}, ends: []uint64{s.score.symbols[n].len}}
	return &playReader{ctx: s.ctx, r: s.r.play.playScore(sc, off)}
}

// playReader reads what a frameReader plays.
type playReader struct {
	ctx  context.Context
	r    *frameReader
	rest []byte
}

func (p *playReader) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		var err error
		if p.rest, err = p.r.next(p.ctx, math.MaxUint64); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.rest)
	if p.rest = p.rest[n:]; len(p.rest) == 0 {
		p.r.release()
	}
	return n, nil
}

// descend tells of the selected lines between the first and the last newline of a symbol, which plays from offset at on and
// has so many newlines before it.
func (s *search) descend(n uint32, at, before uint64, found foundLine) error {
	sym := s.score.symbols[n]
	if sym.code != codeRule {
		return s.descendTerminal(sym, n, at, before, found)
	}
	first, second := sym.halves()
	all, left, right := &s.sums[n], &s.sums[first], &s.sums[second]
	if left.selected > 0 {
		if err := s.descend(first, at, before, found); err != nil {
			return err
		}
	}
	at += s.score.symbols[first].len
	if all.selected > left.selected+right.selected {
		if err := s.tell(found, at-left.tail.n, left.tail.n+right.head.n, before+left.lines); err != nil {
			return err
		}
	}
	if right.selected > 0 {
		return s.descend(second, at, before+left.lines, found)
	}
	return nil
}

// descendTerminal is descend for a terminal.
func (s *search) descendTerminal(sym symbol, n uint32, at, before uint64, found foundLine) error {
	var sum lineSum // of the parts so far
	for pos, end := sym.pos, sym.pos+sym.len; pos < end; {
		st, err := s.stretch(sym.code != codeTape, pos)
		if err != nil {
			return err
		}
		t, err := s.table(s.ctx, st)
		if err != nil {
			return err
		}
		to := min(end, st.end)
		here := t.sum(s.join, pos, to)
		if pos > sym.pos {
			off := pos - sym.pos
			all, err := s.across(n, off, sum, here)
			if err != nil {
				return err
			}
			if all.selected > sum.selected+here.selected {
				if err := s.tell(found, at+off-sum.tail.n, sum.tail.n+here.head.n, before+sum.lines); err != nil {
					return err
				}
			}
			if err := s.tellFrom(t, pos, to, at+off, before+sum.lines, found); err != nil {
				return err
			}
			sum = all
		} else {
			if err := s.tellFrom(t, pos, to, at, before, found); err != nil {
				return err
			}
			sum = here
		}
		s.keep(st, t)
		pos = to
	}
	return nil
}

// tellFrom tells of the selected lines within the bytes from to end of a table's stretch.
func (s *search) tellFrom(t *lineTable, from, end, at, before uint64, found foundLine) error {
	first, next := t.newlines(from-t.start, end-t.start)
	more := true
	t.within(s.p, first, next-1, func(i int) bool {
		off := uint64(t.nl[i]) + 1
		text := t.raw[off:t.nl[i+1]:t.nl[i+1]] // or else who appends to it writes over the note
		more = found(Line{
			Number: int64(before) + int64(i-first) + 2,
			Offset: int64(at + t.start + off - from),
			Len:    int64(len(text)),
			Text:   text,
		})
		return more
	})
	if !more {
		return errEnoughLines
	}
	return s.ctx.Err()
}

// stretch returns the stretch that holds byte pos, of those whose tables are kept if it can.
func (s *search) stretch(local bool, pos uint64) (stretch, error) {
	for e, n := s.recent.Back(), 0; e != nil && n < 8; e, n = e.Prev(), n+1 {
		if st := e.Value.(keptTable).stretch; st.local == local && st.start <= pos && pos < st.end {
			return st, nil
		}
	}
	return s.r.play.stretchAt(s.ctx, local, pos)
}

// table returns the table of a stretch, which nobody else uses until keep.
func (s *search) table(ctx context.Context, st stretch) (*lineTable, error) {
	s.mu.Lock()
	e := s.tables[st]
	s.mu.Unlock()
	if e != nil {
		return e.Value.(keptTable).lineTable, nil
	}
	start, raw, err := s.r.play.bytes(ctx, st)
	if err != nil {
		return nil, err
	}
	return newLineTable(s.p, start, raw), nil
}

// keep keeps a table, and forgets those used longest ago.
func (s *search) keep(st stretch, t *lineTable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.tables[st]; e != nil {
		s.recent.MoveToBack(e)
		return
	}
	kept := keptTable{st, t, t.size()}
	s.tables[st] = s.recent.PushBack(kept)
	s.held += kept.bytes
	for s.held > s.maxTables && s.recent.Len() > 1 {
		old := s.recent.Remove(s.recent.Front()).(keptTable)
		s.held -= old.bytes
		delete(s.tables, old.stretch)
	}
}
