package codec

import (
	"cmp"
	"context"
	"slices"

	"dictnet/codec/internal/gear"
)

// noteWriter makes notes of what a Promoter appends to the tape: derived ones, if its coding is one of those that have a reference beside what
// they replace.
type noteWriter struct {
	p      *Promoter
	coding coding
	seal   sealer
	room   packers
	most   int // bytes of a note

	raw    []byte
	hash   uint64      // rolling, of raw
	runs   []freshNote // what raw replaces; positions count from its begin
	begin  uint64      // of raw, on the tape
	made   []madeNote  // ascending
	depths map[uint64]int

	opened int                 // derived notes that a reader opens for the sake of one, at most
	needs  map[uint64][]uint64 // derived notes by their begin -> those that it is coded against, by theirs
}

// derivedTape is what a tape offers besides that has derived notes.
type derivedTape interface {
	// Depth returns how deep the note that holds byte pos is, 0 if it is not derived.
	Depth(ctx context.Context, pos uint64) (int, error)
	// References returns the spans of the tape, ascending, that the note which holds byte pos is coded against.
	References(ctx context.Context, pos uint64) ([]Span, error)
}

// madeNote is a note that has been appended to the tape.
type madeNote struct {
	begin, end uint64
	depth      int
}

// replaceNotes is how many notes of the tape a note may replace parts of.
const replaceNotes = 48

// group is how many notes are coded each against all before it, which are within maxDerivedBack: what one costs to read, at most, that replaces nothing.
func (c coding) group() int {
	if c == codingMixed {
		return 8 // it opens a hundredth as fast
	}
	return 17
}

// bridged is how long a span of the tape may be, in bytes, between two local notes that it is moved with: it costs next to nothing where notes are derived, and
// the next release finds in one place what belongs together.
func (c coding) bridged() uint64 {
	if c >= codingAligned {
		return 32 << 10
	}
	return 512
}

// part returns what n bytes of a note from off on replace; positions count from their begin.
func (f freshNote) part(off, n uint64) freshNote {
	last := off+n == f.end-f.begin
	f.begin, f.end = 0, n
	f.file, f.from = f.file+off, f.from+off
	f.near = f.near && last
	return f
}

// add appends bytes to the tape.
func (w *noteWriter) add(b []byte, place freshNote) error {
	for off := uint64(0); len(b) > 0; {
		room := b[:min(len(b), w.most-len(w.raw))]
		n, full := len(room), false
		if w.coding < codingAligned {
			n, w.hash, full = gear.Next(w.hash, room, gear.Mask(noteStep))
			full = full && len(w.raw)+n >= minNote
		}
		run := place.part(off, uint64(n))
		run.begin, run.end = run.begin+uint64(len(w.raw)), run.end+uint64(len(w.raw))
		w.runs = append(w.runs, run)
		w.raw, b = append(w.raw, room[:n]...), b[n:]
		off += uint64(n)
		if full || len(w.raw) == w.most {
			if err := w.end(); err != nil {
				return err
			}
		}
	}
	return nil
}

// end seals the note, if there is one.
func (w *noteWriter) end() error {
	raw, runs := w.raw, w.runs
	if len(raw) == 0 {
		return nil
	}
	w.raw, w.runs = make([]byte, 0, w.most), nil
	defer func() { w.begin += uint64(len(raw)) }()
	if w.coding < codingAligned {
		return w.seal.add(func() (Block, error) { return SealNote(raw) })
	}
	w.room <- struct{}{} // before its reference is read, of which few may be held at a time
	d, old, err := w.derive(raw, runs)
	if err != nil {
		<-w.room
		return err
	}
	w.made = append(w.made, madeNote{w.begin, w.begin + uint64(len(raw)), d.depth})
	err = w.seal.add(func() (Block, error) {
		defer func() { <-w.room }()
		if d.depth == 0 {
			return SealNote(raw)
		}
		return sealDerived(w.p.ctx, d, raw, old)
	})
	if err != nil { // of an earlier note; this one is not sealed
		<-w.room
	}
	return err
}

// derive says what a note is coded against, and reads it. If the depth is 0, the note is to stand for itself.
func (w *noteWriter) derive(raw []byte, runs []freshNote) (*Derived, counterpart, error) {
	d := &Derived{rawLen: len(raw), coding: w.coding}
	if k := len(w.made) % w.coding.group(); k > 0 {
		d.back = w.begin - w.made[len(w.made)-k].begin
	}
	replaced := make(map[uint64]bool) // notes, by their begin
	for i, r := range runs {
		if !r.ok {
			continue
		}
		n, err := w.noteAt(min(r.from, w.begin-1))
		if err != nil {
			return nil, counterpart{}, err
		}
		if n.depth == maxDerivedDepth || !replaced[n.begin] && len(replaced) == replaceNotes {
			runs[i].ok = false
		} else {
			replaced[n.begin] = true
		}
	}

	// As a reader will see it.
	f := &fields{b: appendRuns(nil, runs)}
	if d.runs = f.runs(len(raw)); f.err != nil {
		return nil, counterpart{}, f.err
	}
	ref := d.reference(w.begin)
	notes, err := w.notesOf(ref.pieces)
	if err != nil {
		return nil, counterpart{}, err
	}
	for _, n := range notes {
		d.depth = max(d.depth, n.depth+1)
	}
	if d.depth == 0 || d.depth > maxDerivedDepth {
		d.depth = 0
		return d, counterpart{}, nil
	}
	w.needs[w.begin] = derivedOnes(notes)
	if many, err := w.tooMany(w.begin); err != nil || many {
		delete(w.needs, w.begin)
		d.depth = 0
		return d, counterpart{}, err
	}
	old := make([]byte, 0, ref.size())
	for _, s := range ref.pieces {
		if old, err = source(w.p.at).read(old, s); err != nil {
			return nil, counterpart{}, err
		}
	}
	return d, counterpart{old, ref}, nil
}

// notesOf returns the notes that hold bytes of spans of the tape.
func (w *noteWriter) notesOf(spans []Span) (notes []madeNote, err error) {
	for _, s := range spans {
		for pos := s.Pos; pos < s.Pos+s.Len; {
			n, err := w.noteAt(pos)
			if err != nil {
				return nil, err
			}
			notes = append(notes, n)
			pos = n.end
		}
	}
	return notes, nil
}

// derivedOnes returns the begins of those notes that are derived, each once.
func derivedOnes(notes []madeNote) (begins []uint64) {
	for _, n := range notes {
		if n.depth > 0 {
			begins = append(begins, n.begin)
		}
	}
	slices.Sort(begins)
	return slices.Compact(begins)
}

// tooMany reports whether a reader who has opened none would have to open more derived notes for the sake of the one that begins at begin than he does.
func (w *noteWriter) tooMany(begin uint64) (bool, error) {
	seen := map[uint64]bool{begin: true}
	for open := []uint64{begin}; len(open) > 0; {
		begin, open = open[len(open)-1], open[:len(open)-1]
		needs, err := w.needsOf(begin)
		if err != nil {
			return false, err
		}
		for _, n := range needs {
			if !seen[n] {
				seen[n] = true
				open = append(open, n)
			}
		}
		if len(seen) > w.opened {
			return true, nil
		}
	}
	return false, nil
}

// needsOf returns the derived notes that the one which begins at begin is coded against.
func (w *noteWriter) needsOf(begin uint64) ([]uint64, error) {
	needs, ok := w.needs[begin]
	if ok {
		return needs, nil
	}
	spans, err := w.p.base.tape.(derivedTape).References(w.p.ctx, begin) // it said how deep the note is
	if err != nil {
		return nil, err
	}
	notes, err := w.notesOf(spans)
	if err != nil {
		return nil, err
	}
	needs = derivedOnes(notes)
	w.needs[begin] = needs
	return needs, nil
}

// noteAt returns the note that holds byte pos of the tape.
func (w *noteWriter) noteAt(pos uint64) (madeNote, error) {
	if i, found := slices.BinarySearchFunc(w.made, pos, func(n madeNote, pos uint64) int { return cmp.Compare(n.begin, pos) }); found {
		return w.made[i], nil
	} else if i > 0 {
		return w.made[i-1], nil
	}
	s, err := w.p.base.locate(w.p.ctx, pos)
	if err == nil && s.Len == 0 { // the tape does not say
		var raw []byte
		s.Pos, raw, err = w.p.base.at(w.p.ctx, pos)
		s.Len = uint64(len(raw))
	}
	if err != nil {
		return madeNote{}, err
	}
	depth, ok := w.depths[s.Pos]
	if t, deep := w.p.base.tape.(derivedTape); deep && !ok {
		if depth, err = t.Depth(w.p.ctx, s.Pos); err != nil {
			return madeNote{}, err
		}
		w.depths[s.Pos] = depth
	}
	return madeNote{s.Pos, s.Pos + s.Len, depth}, nil
}
