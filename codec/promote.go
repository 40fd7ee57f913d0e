package codec

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"dictnet/codec/internal/repair"
)

// Promoter moves local notes of templates into a dictionary, which leaves templates that are purely symbolic: spans of the
// tape and rules over them. What the dictionary holds near the place, or what was moved before, is not moved again.
//
// Add each template, then Close, then make the new version of the dictionary, then Write each template against it.
type Promoter struct {
	ctx   context.Context
	base  *noteCache        // nil if the dictionary is empty
	moved localTape         // what is appended to the tape
	notes noteWriter        // of it
	known map[uint64]uint64 // hash of a window -> where it ends on the tape
	seen  map[Span]bool     // of the tape, whose windows are known
	moves map[*Reader]*moved
	stats PromoteStats
}

// moved says where what a template plays has gone.
type moved struct {
	local   []Common          // A is on the tape, B on the local tape, by B
	bridges []map[Span]uint64 // by frame: spans of the tape that stand beside moved notes now, and where
}

// PromoteStats says what a Promoter has done. Bytes are raw.
type PromoteStats struct {
	Local  int64 `json:"localBytes"`   // of local notes
	Moved  int64 `json:"movedBytes"`   // appended to the tape: those that were not on it, and what stands between them
	Notes  int64 `json:"addedNotes"`   // sealed
	Stored int64 `json:"storedBytes"`  // of their blocks
	Before int64 `json:"bytesBefore"`  // of the templates that were written anew
	After  int64 `json:"bytesAfter"`   // likewise
	Spans  int64 `json:"spansWritten"` // different ones
}

const (
	minMoved      = 2048    // bytes; a shorter match is moved: in pieces, it would not be found again for the next release
	movedWindow   = 32      // bytes by which a match is found
	windowStep    = 64      // every so many bytes, a window of what is on the tape is remembered
	maxWindows    = 1 << 21 // that are remembered
	maxMoves      = 1 << 15 // parts that the local notes of a frame are cut into, about
	counterpartBy = 4096    // bytes of the tape that are looked at beyond what a note may replace

	counterpartMargin = 64 // bytes of the tape that are looked at before what a note replaces
)

// NewPromoter returns a promoter that hands each note to emit, in order, to be appended to the dictionary of which base is the
// tape, nil if it is empty. The profile is that of the notes: those of ProfileFast stand for themselves, the others are derived from
// what they replace and from those before them.
func NewPromoter(ctx context.Context, base Tape, profile Profile, emit func(Block) error) *Promoter {
	p := &Promoter{
		ctx: ctx, base: newNoteCache(base, buildNotes),
		known: make(map[uint64]uint64), seen: make(map[Span]bool), moves: make(map[*Reader]*moved),
	}
	p.notes = noteWriter{p: p, coding: profile.shape().coding, seal: sealer{emit: emit}, room: newPackers(), most: MaxNote, begin: p.base.size(), depths: make(map[uint64]int),
		opened: mostOpened, needs: make(map[uint64][]uint64)}
	return p
}

// Add moves what the local notes of a template hold. The template's dictionary must be the promoter's, or a beginning of it.
func (p *Promoter) Add(r *Reader) error {
	if r.play.notes.size() > p.base.size() {
		return fmt.Errorf("promote: the template's dictionary has %d bytes, the one to extend %d", r.play.notes.size(), p.base.size())
	}
	m := &moved{bridges: make([]map[Span]uint64, len(r.idx.frames))}
	for i, e := range r.idx.frames {
		if e.local == 0 {
			continue
		}
		fr, err := r.frame(i)
		if err != nil {
			return err
		}
		m.bridges[i] = make(map[Span]uint64)
		if m.local, err = p.frame(r, fr, m.local, m.bridges[i]); err != nil {
			return err
		}
	}
	p.moves[r] = m
	return nil
}

// frame moves the local notes of a frame.
func (p *Promoter) frame(r *Reader, fr *frame, moves []Common, bridges map[Span]uint64) ([]Common, error) {
	plays := fr.score.firstPlays(fr.start)
	var terminals []symbol
	var files []uint64 // where they play first
	for i, s := range fr.score.symbols {
		if s.code != codeRule {
			terminals, files = append(terminals, s), append(files, plays[i])
		}
	}
	fresh := freshPlacesOf(fr.score.symbols, plays, r.play.notes.size()).all()
	var raw []byte
	var near uint64     // where the last span of the tape ended
	var appended uint64 // how long the tape was after the last local note, if it ended there
	from := len(moves)
	for i, s := range terminals {
		switch s.code {
		case codeTape:
			near = s.pos + s.len
			span := Span{s.pos, s.len}
			if s.len >= p.notes.coding.bridged() || appended != p.size() || i+1 == len(terminals) || terminals[i+1].code != codeFresh {
				continue
			}
			if _, ok := bridges[span]; ok {
				continue
			}
			b, err := p.base.read(p.ctx, nil, span)
			if err != nil {
				return nil, err
			}
			if bridges[span], err = p.append(b, freshNote{end: span.Len, file: files[i], ok: true, from: span.Pos, to: span.Pos + span.Len, near: true}); err != nil {
				return nil, err
			}
			appended = p.size()
		case codeFresh:
			note := fresh[0]
			fresh = fresh[1:]
			appended = 0
			if err := p.ctx.Err(); err != nil {
				return nil, err
			}
			var err error
			if raw, err = r.play.localBytes(p.ctx, raw[:0], Span{s.pos, s.len}); err != nil {
				return nil, err
			}
			p.stats.Local += int64(len(raw))
			if len(moves)-from < maxMoves {
				if err := p.learn(near, 2*s.len+counterpartBy); err != nil {
					return nil, err
				}
			}
			for len(raw) > 0 {
				var at Common // B counts from raw's begin
				if len(moves)-from < maxMoves {
					if at, err = p.find(raw); err != nil {
						return nil, err
					}
				}
				if at.Len == 0 {
					at.B = uint64(len(raw))
				}
				pos := s.pos + s.len - uint64(len(raw))
				if at.B > 0 {
					to, err := p.append(raw[:at.B], note.part(pos-s.pos, at.B))
					if err != nil {
						return nil, err
					}
					moves = addMove(moves, Common{to, pos, at.B})
					if at.Len == 0 {
						appended = p.size()
					}
				}
				if at.Len > 0 {
					moves = addMove(moves, Common{at.A, pos + at.B, at.Len})
				}
				raw = raw[at.B+at.Len:]
			}
		}
	}
	return moves, nil
}

func addMove(moves []Common, m Common) []Common {
	if k := len(moves); k > 0 && moves[k-1].A+moves[k-1].Len == m.A && moves[k-1].B+moves[k-1].Len == m.B {
		moves[k-1].Len += m.Len
		return moves
	}
	return append(moves, m)
}

// size is the length of the tape so far.
func (p *Promoter) size() uint64 { return p.base.size() + p.moved.size }

// at reads the tape with what has been moved.
func (p *Promoter) at(pos uint64) (uint64, []byte, error) {
	if n := p.base.size(); pos >= n {
		start, raw, err := p.moved.at(pos - n)
		return start + n, raw, err
	}
	return p.base.at(p.ctx, pos)
}

// append puts bytes at the end of the tape and returns where. Place says what they replace; its positions count from their begin.
func (p *Promoter) append(b []byte, place freshNote) (pos uint64, err error) {
	pos = p.size()
	if err := p.moved.appendPages(b); err != nil {
		return 0, err
	}
	p.stats.Moved += int64(len(b))
	p.remember(b, pos)
	return pos, p.notes.add(b, place)
}

// windowHash mixes the first movedWindow bytes of b.
func windowHash(b []byte) uint64 {
	const m = 0x9e3779b97f4a7c15
	h := uint64(0)
	for i := 0; i < movedWindow; i += 8 {
		h = (h ^ binary.LittleEndian.Uint64(b[i:])) * m
		h ^= h >> 29
	}
	return h
}

// remember makes windows of bytes known that are on the tape at pos.
func (p *Promoter) remember(b []byte, pos uint64) {
	for i := 0; i+movedWindow <= len(b) && len(p.known) < maxWindows; i += windowStep {
		p.known[windowHash(b[i:])] = pos + uint64(i)
	}
}

// learn makes n bytes of the tape known, from near on.
func (p *Promoter) learn(near, n uint64) error {
	near -= min(near, counterpartMargin)
	s := Span{near, min(n, p.base.size()-min(near, p.base.size()))}
	if s.Len == 0 || p.seen[s] {
		return nil
	}
	p.seen[s] = true
	raw, err := p.base.read(p.ctx, nil, s)
	if err == nil {
		p.remember(raw, s.Pos)
	}
	return err
}

// find returns the first run of b that is on the tape already: A where, B where in b. Len is 0 if there is none.
func (p *Promoter) find(b []byte) (Common, error) {
	for i := 0; i+movedWindow <= len(b); i++ {
		pos, ok := p.known[windowHash(b[i:])]
		if !ok {
			continue
		}
		after, err := commonAfter(p.at, p.size(), pos, b[i:])
		if err != nil {
			return Common{}, err
		}
		before, err := commonBefore(p.at, pos, b[:i])
		if err != nil {
			return Common{}, err
		}
		if n := before + after; n >= minMoved {
			return Common{pos - uint64(before), uint64(i - before), uint64(n)}, nil
		}
	}
	return Common{}, nil
}

// Close seals the last note and waits until all have been handed over. The templates are still to be written.
func (p *Promoter) Close() error {
	err := p.notes.end()
	p.moved.close()
	return p.notes.seal.wait(err)
}

// Stats says what has been done so far.
func (p *Promoter) Stats() PromoteStats {
	s := p.stats
	seal := &p.notes.seal
	seal.mu.Lock()
	defer seal.mu.Unlock()
	s.Notes, s.Stored = seal.notes, seal.stored
	return s
}

// ErrTooManySpans says that a template cannot be written without local notes, because a frame would hold too many spans.
var ErrTooManySpans = errors.New("too many spans for a frame")

// Write writes a template that was added anew, with spans of the tape in place of its local notes. It plays the same file. d is the dictionary with the
// promoter's notes appended.
func (p *Promoter) Write(dst io.Writer, r *Reader, d DictionaryRef) error {
	moves, ok := p.moves[r]
	if !ok {
		return errors.New("promote: the template has not been added")
	}
	var dict *DictionaryName
	if len(r.idx.frames) > 0 { // else nothing plays
		name := d.Name()
		dict = &name
	}
	out, err := appendHeader(nil, dict, minBlockBits)
	if err != nil {
		return err
	}
	x := index{sum: r.idx.sum}
	w := templateWriter{dst: dst}
	if err := w.write(out); err != nil {
		return err
	}
	for i := range r.idx.frames {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		fr, err := r.frame(i)
		if err != nil {
			return err
		}
		m := mover{old: &fr.score, moves: moves.local, bridges: moves.bridges[i], ids: make(map[Span]uint32)}
		sequence, rules, err := m.run()
		if err != nil {
			return fmt.Errorf("promote: frame %d: %w", i, err)
		}
		_, streams := writeScore(m.terminals, sequence, rules, 0)
		head := appendHead(nil, fr.play, fr.sum, len(sequence), appendScore(nil, streams), nil, nil)
		if len(head) > maxHead {
			return fmt.Errorf("promote: frame %d: %w", i, ErrTooManySpans)
		}
		x.frames = append(x.frames, frameEntry{off: w.off, size: int64(len(head)), start: fr.start, play: fr.play})
		if err := w.write(head); err != nil {
			return err
		}
		p.stats.Spans += int64(len(m.terminals))
	}
	if err := w.write(x.append(nil)); err != nil {
		return err
	}
	err = w.end()
	p.stats.Before += r.size
	p.stats.After += w.written
	return err
}

// mover turns the score of a frame into one of spans of the tape only.
type mover struct {
	old       *score
	moves     []Common
	bridges   map[Span]uint64
	terminals []symbol
	ids       map[Span]uint32 // numbers of terminals
}

// run returns sequence and rules as writeScore takes them.
func (m *mover) run() (sequence []uint32, rules []repair.Rule, err error) {
	spans := make([][]Span, len(m.old.symbols)) // of each terminal
	var plays uint64                            // spans, in all
	have := 0                                   // spans that all terminals have become
	for n, times := range m.old.times() {
		s := m.old.symbols[n]
		if s.code == codeRule {
			continue
		}
		if spans[n], err = m.spansOf(s); err != nil {
			return nil, nil, err
		}
		if have += len(spans[n]); have > maxSequence { // neither as they play nor by rules
			return nil, nil, ErrTooManySpans
		}
		if plays += uint64(times) * uint64(len(spans[n])); plays > maxSequence {
			plays = maxSequence + 1
		}
	}
	if plays <= maxSequence { // other spans may want other rules
		var last Span
		flush := func() {
			if last.Len > 0 {
				sequence = append(sequence, m.terminal(last))
			}
		}
		var visit func(n uint32)
		visit = func(n uint32) {
			if s := m.old.symbols[n]; s.code == codeRule {
				left, right := s.halves()
				visit(left)
				visit(right)
				return
			}
			for _, s := range spans[n] {
				if last.Len > 0 && last.Pos+last.Len == s.Pos {
					last.Len += s.Len
					continue
				}
				flush()
				last = s
			}
		}
		for _, n := range m.old.sequence {
			visit(n)
		}
		flush()
		if len(m.terminals) > maxTerminals {
			return nil, nil, ErrTooManySpans
		}
		sequence, rules = fewRules(sequence, uint32(len(m.terminals)), maxTerminals)
		return sequence, rules, nil
	}
	// The old rules stay; a terminal that has become several spans is a rule over them.
	for _, some := range spans {
		for _, s := range some {
			m.terminal(s)
		}
	}
	if len(m.terminals) > maxTerminals {
		return nil, nil, ErrTooManySpans
	}
	ids := make([]uint32, len(m.old.symbols))
	depth := make([]int, len(m.old.symbols))
	rule := func(left, right uint32) uint32 {
		rules = append(rules, repair.Rule{Left: left, Right: right})
		return uint32(len(m.terminals) + len(rules) - 1)
	}
	for n, s := range m.old.symbols {
		if s.code == codeRule {
			left, right := s.halves()
			ids[n], depth[n] = rule(ids[left], ids[right]), max(depth[left], depth[right])+1
		} else {
			var level []uint32
			for _, s := range spans[n] {
				level = append(level, m.terminal(s))
			}
			for ; ; depth[n]++ {
				if len(level) == 1 {
					ids[n] = level[0]
					break
				}
				var next []uint32
				for pair := range slices.Chunk(level, 2) {
					if len(pair) == 2 {
						pair = []uint32{rule(pair[0], pair[1])}
					}
					next = append(next, pair[0])
				}
				level = next
			}
		}
		if depth[n] > maxDepth || len(rules) > maxTerminals {
			return nil, nil, ErrTooManySpans
		}
	}
	for _, n := range m.old.sequence {
		sequence = append(sequence, ids[n])
	}
	return sequence, rules, nil
}

// fewRules finds the rules of a sequence of up to maxSequence symbols, no more of them than most, which is a fourth of the symbols or more.
func fewRules(sequence []uint32, terminals uint32, most int) (out []uint32, rules []repair.Rule) {
	for freq := DefaultMinPairFreq; ; freq++ { // each rule saves as many symbols as its pair has places
		if out, rules = GrammarRePair.compress(sequence, terminals, freq); len(rules) <= most {
			return out, rules
		}
	}
}

// spansOf returns the spans of the tape that a terminal has become.
func (m *mover) spansOf(s symbol) ([]Span, error) {
	if s.code == codeTape {
		span := Span{s.pos, s.len}
		if pos, ok := m.bridges[span]; ok {
			span.Pos = pos
		}
		return []Span{span}, nil
	}
	var spans []Span
	i := sort.Search(len(m.moves), func(i int) bool { return m.moves[i].B+m.moves[i].Len > s.pos })
	for pos, end := s.pos, s.pos+s.len; pos < end; i++ {
		if i == len(m.moves) || m.moves[i].B > pos {
			return nil, fmt.Errorf("byte %d of the local tape has not been moved", pos)
		}
		v := m.moves[i]
		n := min(end, v.B+v.Len) - pos
		spans = append(spans, Span{v.A + pos - v.B, n})
		pos += n
	}
	return spans, nil
}

// terminal returns the number of a span.
func (m *mover) terminal(s Span) uint32 {
	id, ok := m.ids[s]
	if !ok {
		id = uint32(len(m.terminals))
		m.ids[s] = id
		m.terminals = append(m.terminals, symbol{code: codeTape, pos: s.Pos, len: s.Len})
	}
	return id
}
