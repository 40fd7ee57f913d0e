package manifest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"dictnet/codec/contexts"
)

// Limits of the labels of a version (docs/format.md, section 3.1).
const (
	maxContexts   = 256
	labelFanout   = 4096 // runs of a full page of labels
	maxLabelPages = 256
	// MaxLabelRuns is how many runs of notes all labels of a version may have together.
	MaxLabelRuns = labelFanout * maxLabelPages
)

// NoteRun is a run of notes.
type NoteRun struct {
	First uint64 `json:"first"` // 0-based
	Count uint64 `json:"count"` // >= 1
}

func (r NoteRun) end() uint64 { return r.First + r.Count }

// InRuns reports whether a note is in one of the runs, which are ascending, as [Labels.Notes] returns them.
func InRuns(runs []NoteRun, note uint64) bool {
	i, found := slices.BinarySearchFunc(runs, note, func(r NoteRun, note uint64) int { return cmp.Compare(r.First, note) })
	return found || i > 0 && note < runs[i-1].end()
}

// labelRun says that a context got a run of notes as its own in the version that has since notes.
type labelRun struct {
	since   uint64
	context int // index into the names
	NoteRun
}

// Labels say which notes of a version belong to which expansion contexts. A note may belong to several, or to none. A
// later version has the labels of an earlier one and more.
type Labels struct {
	names []string   // in the order in which they came
	runs  []labelRun // by since, context and first note; no note belongs to a context twice
	books []book     // by since
}

// Names lists the contexts, in the order in which they came.
func (l *Labels) Names() []string { return slices.Clone(l.names) }

// Notes returns the notes that belong to one or more of the contexts, as few runs as possible, ascending. The error is a
// *contexts.UnknownError if there is no such context.
func (l *Labels) Notes(names ...string) ([]NoteRun, error) {
	var runs []NoteRun
	for _, name := range names {
		c := slices.Index(l.names, name)
		if c < 0 {
			return nil, &contexts.UnknownError{Name: name, Known: l.Names()}
		}
		runs = append(runs, l.of(c)...)
	}
	return joined(runs), nil
}

// of returns the runs of a context, as they came.
func (l *Labels) of(context int) (runs []NoteRun) {
	for _, r := range l.runs {
		if r.context == context {
			runs = append(runs, r.NoteRun)
		}
	}
	return runs
}

// upTo returns the labels that the version with so many notes had.
func (l *Labels) upTo(size uint64) Labels {
	n, _ := slices.BinarySearchFunc(l.runs, size, func(r labelRun, size uint64) int {
		if r.since <= size {
			return -1
		}
		return 1
	})
	names := 0
	for _, r := range l.runs[:n] {
		names = max(names, r.context+1)
	}
	books := 0
	for books < len(l.books) && l.books[books].since <= size {
		books++
	}
	return Labels{l.names[:names:names], l.runs[:n:n], l.books[:books:books]}
}

func (l *Labels) equal(other Labels) bool {
	return slices.Equal(l.names, other.names) && slices.Equal(l.runs, other.runs) && slices.EqualFunc(l.books, other.books, book.equal)
}

// joined sorts runs and makes one of those that overlap or touch.
func joined(runs []NoteRun) []NoteRun {
	runs = slices.Clone(runs)
	slices.SortFunc(runs, func(a, b NoteRun) int { return cmp.Compare(a.First, b.First) })
	out := runs[:0]
	for _, r := range runs {
		if k := len(out) - 1; k >= 0 && r.First <= out[k].end() {
			out[k].Count = max(out[k].end(), r.end()) - out[k].First
			continue
		}
		out = append(out, r)
	}
	return out
}

// without returns what is in a and not in b, both as joined returns them.
func without(a, b []NoteRun) (out []NoteRun) {
	for _, r := range a {
		for len(b) > 0 && b[0].end() <= r.First {
			b = b[1:]
		}
		at := r.First
		for _, x := range b {
			if x.First >= r.end() {
				break
			}
			if x.First > at {
				out = append(out, NoteRun{at, x.First - at})
			}
			at = max(at, x.end())
		}
		if at < r.end() {
			out = append(out, NoteRun{at, r.end() - at})
		}
	}
	return out
}

// check reports what is wrong with the labels of a version of so many notes. Whatever passes can be written in one way only.
func (l *Labels) check(size uint64) error {
	seen := make(map[string]bool)
	for _, name := range l.names {
		if err := contexts.CheckName(name); err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("context %q comes twice", name)
		}
		seen[name] = true
	}
	known := 0 // names that have had a run
	of := make([][]NoteRun, len(l.names))
	for i, r := range l.runs {
		switch {
		case r.since == 0 || r.since > size:
			return fmt.Errorf("run %d of labels is of a version with %d notes, of %d", i, r.since, size)
		case r.context >= len(l.names):
			return fmt.Errorf("run %d of labels is of context %d, of %d", i, r.context, len(l.names))
		case r.context > known:
			return fmt.Errorf("run %d of labels is of context %d before one of context %d", i, r.context, known)
		case r.Count == 0 || r.First >= r.since || r.Count > r.since-r.First:
			return fmt.Errorf("run %d of labels has notes %d:%d, the version %d", i, r.First, r.Count, r.since)
		}
		known = max(known, r.context+1)
		if i > 0 {
			p := l.runs[i-1]
			if c := cmp.Or(cmp.Compare(p.since, r.since), cmp.Compare(p.context, r.context)); c > 0 || c == 0 && r.First <= p.end() {
				return fmt.Errorf("run %d of labels is out of order, or goes on where the one before ends", i)
			}
		}
		of[r.context] = append(of[r.context], r.NoteRun)
	}
	if known < len(l.names) {
		return fmt.Errorf("context %q has no notes", l.names[known])
	}
	for c, runs := range of {
		slices.SortFunc(runs, func(a, b NoteRun) int { return cmp.Compare(a.First, b.First) })
		for i := 1; i < len(runs); i++ {
			if runs[i].First < runs[i-1].end() {
				return fmt.Errorf("note %d belongs to context %q twice", runs[i].First, l.names[c])
			}
		}
	}
	return l.checkBooks(size)
}

// labelHead is the block above the pages of labels.
type labelHead struct {
	count uint64 // runs
	names []string
	pages []digest
}

func encodeLabelHead(h labelHead, books ...book) []byte {
	var b []byte
	if len(books) == 0 {
		b = appendHead(b, cborMap, 3)
	} else {
		b = encodeBooks(appendHead(b, cborMap, 4), books)
	}
	b = appendHead(appendText(b, "count"), cborUint, h.count)
	b = appendHead(appendText(b, "names"), cborArray, uint64(len(h.names)))
	for _, name := range h.names {
		b = appendText(b, name)
	}
	b = appendHead(appendText(b, "pages"), cborArray, uint64(len(h.pages)))
	for _, d := range h.pages {
		b = appendLink(b, codecNode, d)
	}
	return b
}

func decodeLabelHead(data []byte) (h labelHead, books []book, err error) {
	p := &parser{data: data}
	keys := p.head(cborMap, "a map of labels")
	if p.err == nil && keys != 3 && keys != 4 {
		p.fail("map of %d keys, want 3 or 4", keys)
	}
	if keys == 4 {
		books = p.books()
	}
	p.text("count")
	if h.count = p.head(cborUint, "a number of runs"); p.err == nil && (h.count == 0 || h.count > MaxLabelRuns) {
		p.fail("%d runs, want 1 to %d", h.count, MaxLabelRuns)
	}
	p.text("names")
	names := p.head(cborArray, "an array of names")
	if p.err == nil && (names == 0 || names > maxContexts) {
		p.fail("%d names, want 1 to %d", names, maxContexts)
	}
	for range names {
		n := p.head(cborText, "a name")
		h.names = append(h.names, string(p.take(int(min(n, MaxBlock+1)), "a name")))
		if p.err != nil {
			return labelHead{}, nil, p.err
		}
	}
	p.text("pages")
	pages := p.head(cborArray, "an array of pages")
	if want := (h.count + labelFanout - 1) / labelFanout; p.err == nil && pages != want {
		p.fail("%d pages for %d runs, want %d", pages, h.count, want)
	}
	if p.err != nil {
		return labelHead{}, nil, p.err
	}
	for range pages {
		h.pages = append(h.pages, p.link(codecNode))
	}
	return h, books, p.end()
}

func encodeLabelPage(runs []labelRun) []byte {
	b := appendHead(nil, cborArray, uint64(len(runs)))
	for _, r := range runs {
		b = appendHead(b, cborArray, 4)
		for _, n := range []uint64{r.since, uint64(r.context), r.First, r.Count} {
			b = appendHead(b, cborUint, n)
		}
	}
	return b
}

func decodeLabelPage(data []byte) ([]labelRun, error) {
	p := &parser{data: data}
	count := p.head(cborArray, "an array of runs")
	if p.err == nil && (count == 0 || count > labelFanout) {
		p.fail("%d runs, want 1 to %d", count, labelFanout)
	}
	if p.err != nil {
		return nil, p.err
	}
	runs := make([]labelRun, count)
	for i := range runs {
		p.exact([]byte{cborArray | 4}, "a run of labels")
		r := &runs[i]
		r.since = p.head(cborUint, "the size of a version")
		if c := p.head(cborUint, "a context"); p.err == nil && c >= maxContexts {
			p.fail("context %d, limit %d", c, maxContexts)
		} else {
			r.context = int(c)
		}
		r.First = p.head(cborUint, "a note")
		r.Count = p.head(cborUint, "a number of notes")
		if p.err != nil {
			return nil, p.err
		}
	}
	return runs, p.end()
}

// Labels returns the labels of the version. It reads their blocks once, and checks all that the format demands of them.
func (m *Manifest) Labels(ctx context.Context) (*Labels, error) {
	m.labelMu.Lock()
	defer m.labelMu.Unlock()
	if m.labels == nil {
		l, err := m.readLabels(ctx, func(_ digest, name string) (bool, error) { return name != lengthsName, nil })
		if err != nil {
			return nil, err
		}
		m.labels = l
	}
	return m.labels, nil
}

// readLabels reads the labels. visit is called before a block is read, and says whether it is to be; without all of them but the lengths of entries the
// result is nil.
func (m *Manifest) readLabels(ctx context.Context, visit func(d digest, name string) (bool, error)) (*Labels, error) {
	l := new(Labels)
	if !m.head.labelled {
		return l, nil
	}
	const name = "labels"
	bad := func(err error) error {
		return &BlockError{CID: cidOf(codecNode, m.head.labels), Block: name, Reason: err.Error()}
	}
	if read, err := visit(m.head.labels, name); err != nil || !read {
		return nil, err
	}
	data, err := getBlock(ctx, m.get, m.head.labels, name)
	if err != nil {
		return nil, err
	}
	h, books, err := decodeLabelHead(data)
	if err != nil {
		return nil, bad(err)
	}
	l.names, l.books = h.names, books
	whole := true
	known := make(map[digest][]uint64)
	for _, b := range books {
		for _, x := range b.meanings {
			if read, err := visit(x.lengths, lengthsName); err != nil {
				return nil, err
			} else if read {
				if known[x.lengths], err = m.ends(ctx, x, known[x.lengths]); err != nil {
					return nil, err
				}
			}
		}
	}
	for i, d := range h.pages {
		name := fmt.Sprintf("page %d of the labels", i)
		if read, err := visit(d, name); err != nil {
			return nil, err
		} else if !read {
			whole = false
			continue
		}
		data, err := getBlock(ctx, m.get, d, name)
		if err != nil {
			return nil, err
		}
		runs, err := decodeLabelPage(data)
		if want := min(h.count-uint64(i)*labelFanout, labelFanout); err == nil && uint64(len(runs)) != want {
			err = fmt.Errorf("%d runs, want %d", len(runs), want)
		}
		if err != nil {
			return nil, &BlockError{CID: cidOf(codecNode, d), Block: name, Reason: err.Error()}
		}
		l.runs = append(l.runs, runs...)
	}
	if !whole {
		return nil, nil
	}
	if err := l.check(m.head.Size); err != nil {
		return nil, bad(err)
	}
	return l, nil
}

// ErrLabels is wrapped when labels cannot be given.
var ErrLabels = errors.New("cannot label")

// Label gives notes to a context. They are written with the version that Finish makes, which must have more notes than
// the one before: a version is known by its notes, so two that differ in their labels alone would be one.
func (a *Appender) Label(context string, notes NoteRun) error {
	if err := contexts.CheckName(context); err != nil {
		return fmt.Errorf("%w: %w", ErrLabels, err)
	}
	if notes.Count == 0 || notes.First >= a.size || notes.Count > a.size-notes.First {
		return fmt.Errorf("%w: notes %d:%d of %d", ErrLabels, notes.First, notes.Count, a.size)
	}
	for i := range a.pending {
		if p := &a.pending[i]; p.name == context {
			if k := len(p.runs) - 1; k >= 0 && p.runs[k].First <= notes.First && notes.First <= p.runs[k].end() {
				p.runs[k].Count = max(p.runs[k].end(), notes.end()) - p.runs[k].First
			} else {
				p.runs = append(p.runs, notes)
			}
			return nil
		}
	}
	a.pending = append(a.pending, pendingLabel{context, []NoteRun{notes}})
	return nil
}

// pendingLabel is what a context has been given since the last version.
type pendingLabel struct {
	name string
	runs []NoteRun
}

// Unlabelled lists the contexts that have been given notes or codes which they had not before, since the last version.
func (a *Appender) Unlabelled() (names []string) {
	for _, p := range a.pending {
		if len(a.fresh(p)) > 0 {
			names = append(names, p.name)
		}
	}
	for _, meanings := range a.pendingCodes {
		if x, err := a.labels.book(0, meanings); err == nil && a.labels.hasBook(x) {
			continue
		}
		for _, m := range meanings {
			if !slices.Contains(names, m.Context) {
				names = append(names, m.Context)
			}
		}
	}
	return names
}

// fresh returns what a context has been given that it had not.
func (a *Appender) fresh(p pendingLabel) []NoteRun {
	runs := joined(p.runs)
	if c := slices.Index(a.labels.names, p.name); c >= 0 {
		return without(runs, joined(a.labels.of(c)))
	}
	return runs
}

// settleLabels makes labels of what is pending.
func (a *Appender) settleLabels(ctx context.Context) error {
	var add []labelRun
	names := slices.Clone(a.labels.names)
	for _, p := range a.pending {
		runs := a.fresh(p)
		if len(runs) == 0 {
			continue
		}
		c := slices.Index(names, p.name)
		if c < 0 {
			c = len(names)
			names = append(names, p.name)
		}
		for _, r := range runs {
			add = append(add, labelRun{a.size, c, r})
		}
	}
	switch {
	case len(names) > maxContexts:
		return fmt.Errorf("%w: %d contexts, limit %d", ErrLabels, len(names), maxContexts)
	case len(a.labels.runs)+len(add) > MaxLabelRuns:
		return fmt.Errorf("%w: %d runs of notes, limit %d", ErrLabels, len(a.labels.runs)+len(add), MaxLabelRuns)
	}
	slices.SortFunc(add, func(x, y labelRun) int {
		return cmp.Or(cmp.Compare(x.context, y.context), cmp.Compare(x.First, y.First))
	})
	with := Labels{names, slices.Concat(a.labels.runs, add), a.labels.books}
	books, err := a.settleCodes(ctx, with)
	if err != nil {
		return err
	}
	with.books = slices.Concat(with.books, books)
	if len(add)+len(books) > 0 && a.size == a.named {
		return fmt.Errorf("%w: the version of %d notes has its labels already, and no note was added", ErrLabels, a.size)
	}
	a.labels, a.pending, a.pendingCodes = with, nil, nil
	return nil
}

// putLabels writes the blocks of the labels, if there are any, and puts their link into the head.
func (a *Appender) putLabels(ctx context.Context, h *head) error {
	if len(a.labels.runs) == 0 {
		return nil
	}
	l := labelHead{count: uint64(len(a.labels.runs)), names: a.labels.names}
	for page := range slices.Chunk(a.labels.runs, labelFanout) {
		d, err := a.putBlock(ctx, encodeLabelPage(page))
		if err != nil {
			return err
		}
		l.pages = append(l.pages, d)
	}
	var err error
	data := encodeLabelHead(l, a.labels.books...)
	if len(data) > MaxBlock {
		return fmt.Errorf("%w: the list of contexts takes %d bytes, limit %d", ErrLabels, len(data), MaxBlock)
	}
	h.labels, err = a.putBlock(ctx, data)
	h.labelled = err == nil
	return err
}
