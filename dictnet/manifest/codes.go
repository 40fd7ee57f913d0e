package manifest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"

	"dictnet/codec"
	"dictnet/codec/contexts"
)

// Limits of the code books of a version (docs/format.md, section 3.2).
const (
	maxBooks    = 256
	maxMeanings = 1024 // of all books together
	// MaxEntries is how many entries a code book may have.
	MaxEntries = 1 << 16
	// MaxEntry is how long an entry may be, in bytes.
	MaxEntry = 1 << 16
)

// meaning says where a context has the entries of a book: one after the other from pos on.
type meaning struct {
	context int // index into the names
	pos     uint64
	lengths digest
}

// book is a code book: what the same entries mean in several contexts.
type book struct {
	since    uint64
	meanings []meaning // by context
}

func (b book) equal(other book) bool {
	return b.since == other.since && slices.Equal(b.meanings, other.meanings)
}

// Codes are the code books of a version: a code names an entry, and each context of its book gives it a span of the tape.
type Codes struct {
	names []string
	books []openBook
}

// openBook is a book with the lengths read.
type openBook struct {
	contexts []int
	starts   []uint64   // of each context: where the first entry begins on the tape
	ends     [][]uint64 // of each context: where each entry ends, from there on; one more before the first, 0
}

// Contexts lists those that have entries.
func (c *Codes) Contexts() (names []string) {
	for i, name := range c.names {
		if slices.ContainsFunc(c.books, func(b openBook) bool { return slices.Contains(b.contexts, i) }) {
			names = append(names, name)
		}
	}
	return names
}

// find returns the number of a context.
func (c *Codes) find(name string) (int, error) {
	if known := c.Contexts(); !slices.Contains(known, name) {
		return 0, &contexts.UnknownError{Name: name, Known: known}
	}
	return slices.Index(c.names, name), nil
}

// Entries returns the books of a context: the spans of the entries of each, in order.
func (c *Codes) Entries(context string) (books [][]codec.Span, err error) {
	n, err := c.find(context)
	if err != nil {
		return nil, err
	}
	for _, b := range c.books {
		i := slices.Index(b.contexts, n)
		if i < 0 {
			continue
		}
		spans := make([]codec.Span, len(b.ends[i])-1)
		for k := range spans {
			spans[k] = codec.Span{Pos: b.starts[i] + b.ends[i][k], Len: b.ends[i][k+1] - b.ends[i][k]}
		}
		books = append(books, spans)
	}
	return books, nil
}

// ErrNoMeaning says that a span has no meaning in a context.
var ErrNoMeaning = fmt.Errorf("%w: no meaning", codec.ErrTemplate)

// Translate returns what gives a span of whole entries of one context the meaning that it has in another. The span may leave out the last byte of its
// last entry, the newline. The errors of what it returns wrap ErrNoMeaning.
func (c *Codes) Translate(from, to string) (func(codec.Span) (codec.Span, error), error) {
	a, err := c.find(from)
	if err != nil {
		return nil, err
	}
	b, err := c.find(to)
	if err != nil {
		return nil, err
	}
	return func(s codec.Span) (codec.Span, error) {
		for _, book := range c.books {
			i, k := slices.Index(book.contexts, a), slices.Index(book.contexts, b)
			if i < 0 || k < 0 || s.Pos < book.starts[i] {
				continue
			}
			from := codec.Span{Pos: s.Pos - book.starts[i], Len: s.Len}
			if begin, end, cut, ok := whole(book.ends[i], from); ok {
				pos := book.ends[k][begin]
				return codec.Span{Pos: book.starts[k] + pos, Len: book.ends[k][end] - cut - pos}, nil
			}
		}
		return codec.Span{}, fmt.Errorf("%w in %s: bytes %d:%d of the tape are no entries that %s and %s have", ErrNoMeaning, to, s.Pos, s.Len, from, to)
	}, nil
}

// whole finds the entries that a span consists of, begin to end, but for its last cut bytes, 0 or 1.
func whole(ends []uint64, s codec.Span) (begin, end int, cut uint64, ok bool) {
	begin, ok = slices.BinarySearch(ends, s.Pos)
	if !ok || s.Len == 0 || begin == len(ends)-1 {
		return 0, 0, 0, false
	}
	last := s.Pos + s.Len
	end = sort.Search(len(ends), func(i int) bool { return ends[i] >= last })
	if end == len(ends) || ends[end]-last > 1 {
		return 0, 0, 0, false
	}
	return begin, end, ends[end] - last, true
}

func encodeBooks(b []byte, books []book) []byte {
	b = appendHead(appendText(b, "codes"), cborArray, uint64(len(books)))
	for _, x := range books {
		b = appendHead(appendHead(b, cborArray, 2), cborUint, x.since)
		b = appendHead(b, cborArray, uint64(len(x.meanings)))
		for _, m := range x.meanings {
			b = appendHead(appendHead(appendHead(b, cborArray, 3), cborUint, uint64(m.context)), cborUint, m.pos)
			b = appendLink(b, codecNode, m.lengths)
		}
	}
	return b
}

// books reads what encodeBooks writes.
func (p *parser) books() (books []book) {
	p.text("codes")
	count := p.head(cborArray, "an array of code books")
	if p.err == nil && (count == 0 || count > maxBooks) {
		p.fail("%d code books, want 1 to %d", count, maxBooks)
	}
	all := uint64(0)
	for i := uint64(0); i < count && p.err == nil; i++ {
		var x book
		p.exact([]byte{cborArray | 2}, "a code book")
		x.since = p.head(cborUint, "the size of a version")
		n := p.head(cborArray, "an array of meanings")
		if all += n; p.err == nil && (n < 2 || n > maxContexts || all > maxMeanings) {
			p.fail("%d contexts of a code book, want 2 to %d, and %d of all", n, maxContexts, maxMeanings)
		}
		for k := uint64(0); k < n && p.err == nil; k++ {
			p.exact([]byte{cborArray | 3}, "a meaning")
			c := p.head(cborUint, "a context")
			if p.err == nil && c >= maxContexts {
				p.fail("context %d, limit %d", c, maxContexts)
			}
			x.meanings = append(x.meanings, meaning{int(c), p.head(cborUint, "a place of the tape"), p.link(codecNode)})
		}
		books = append(books, x)
	}
	return books
}

// checkBooks reports what is wrong with the books of labels that are otherwise right, of a version of so many notes.
func (l *Labels) checkBooks(size uint64) error {
	for i, b := range l.books {
		if b.since == 0 || b.since > size || i > 0 && b.since < l.books[i-1].since {
			return fmt.Errorf("code book %d is of a version with %d notes", i, b.since)
		}
		was := l.upTo(b.since)
		for k, m := range b.meanings {
			if m.context >= len(was.names) || k > 0 && m.context <= b.meanings[k-1].context {
				return fmt.Errorf("code book %d has context %d, of %d, out of order or before it was there", i, m.context, len(was.names))
			}
		}
	}
	return nil
}

func encodeLengths(lengths []uint64) []byte {
	b := appendHead(nil, cborArray, uint64(len(lengths)))
	for _, n := range lengths {
		b = appendHead(b, cborUint, n)
	}
	return b
}

func decodeLengths(data []byte) ([]uint64, error) {
	p := &parser{data: data}
	count := p.head(cborArray, "an array of lengths")
	if p.err == nil && (count == 0 || count > MaxEntries) {
		p.fail("%d entries, want 1 to %d", count, MaxEntries)
	}
	if p.err != nil {
		return nil, p.err
	}
	lengths := make([]uint64, 0, min(count, uint64(len(data))))
	for range count {
		n := p.head(cborUint, "a length")
		if p.err == nil && (n == 0 || n > MaxEntry) {
			p.fail("entry of %d bytes, want 1 to %d", n, MaxEntry)
		}
		if p.err != nil {
			return nil, p.err
		}
		lengths = append(lengths, n)
	}
	return lengths, p.end()
}

// Codes reads the code books of the version.
func (m *Manifest) Codes(ctx context.Context) (*Codes, error) {
	l, err := m.Labels(ctx)
	if err != nil {
		return nil, err
	}
	c := &Codes{names: l.names}
	known := make(map[digest][]uint64) // what many contexts share is held once
	for i, b := range l.books {
		var o openBook
		for _, x := range b.meanings {
			ends, err := m.ends(ctx, x, known[x.lengths])
			if err != nil {
				return nil, err
			}
			known[x.lengths] = ends
			if len(o.ends) > 0 && len(ends) != len(o.ends[0]) {
				return nil, &BlockError{CID: cidOf(codecNode, m.head.labels), Block: "labels", Reason: fmt.Sprintf("code book %d has %d entries in one context and %d in another", i, len(o.ends[0])-1, len(ends)-1)}
			}
			o.contexts, o.starts, o.ends = append(o.contexts, x.context), append(o.starts, x.pos), append(o.ends, ends)
		}
		c.books = append(c.books, o)
	}
	return c, nil
}

const lengthsName = "lengths of a code book"

// ends returns where the entries of a meaning end, from its place on, and reads the lengths unless the ends are known from another meaning.
func (m *Manifest) ends(ctx context.Context, x meaning, known []uint64) ([]uint64, error) {
	bad := func(err error) error {
		return &BlockError{CID: cidOf(codecNode, x.lengths), Block: lengthsName, Reason: err.Error()}
	}
	ends := known
	if ends == nil {
		data, err := getBlock(ctx, m.get, x.lengths, lengthsName)
		if err != nil {
			return nil, err
		}
		lengths, err := decodeLengths(data)
		if err != nil {
			return nil, bad(err)
		}
		ends = make([]uint64, len(lengths)+1)
		for i, n := range lengths {
			ends[i+1] = ends[i] + n // at most MaxEntries * MaxEntry
		}
	}
	if x.pos > m.head.length || ends[len(ends)-1] > m.head.length-x.pos {
		return nil, bad(fmt.Errorf("entries end behind the tape of %d bytes", m.head.length))
	}
	return ends, nil
}

// Meaning is where a context has the entries of a code book.
type Meaning struct {
	Context string // has been given notes with Label
	Pos     uint64 // on the tape
	Lengths []uint64
}

// AddCodes adds a code book. Like labels it is written with the next version, which must have more notes.
func (a *Appender) AddCodes(meanings []Meaning) error {
	if len(meanings) < 2 {
		return fmt.Errorf("%w: a code book has 2 contexts or more", ErrLabels)
	}
	for i, x := range meanings {
		var sum uint64
		for _, n := range x.Lengths {
			if n == 0 || n > MaxEntry {
				return fmt.Errorf("%w: entry of %d bytes in %s, want 1 to %d", ErrLabels, n, x.Context, MaxEntry)
			}
			sum += n
		}
		switch {
		case len(x.Lengths) == 0 || len(x.Lengths) > MaxEntries:
			return fmt.Errorf("%w: %d entries of %s, want 1 to %d", ErrLabels, len(x.Lengths), x.Context, MaxEntries)
		case len(x.Lengths) != len(meanings[0].Lengths):
			return fmt.Errorf("%w: %s has %d entries, %s %d", ErrLabels, x.Context, len(x.Lengths), meanings[0].Context, len(meanings[0].Lengths))
		case x.Pos > a.length || sum > a.length-x.Pos:
			return fmt.Errorf("%w: entries of %s end behind the tape", ErrLabels, x.Context)
		case slices.ContainsFunc(meanings[:i], func(y Meaning) bool { return y.Context == x.Context }):
			return fmt.Errorf("%w: context %q comes twice", ErrLabels, x.Context)
		case len(encodeLengths(x.Lengths)) > MaxBlock:
			return fmt.Errorf("%w: the lengths of the entries of %s take more than %d bytes", ErrLabels, x.Context, MaxBlock)
		}
	}
	a.pendingCodes = append(a.pendingCodes, meanings)
	return nil
}

// book returns the book of meanings whose contexts have labels.
func (l *Labels) book(since uint64, meanings []Meaning) (book, error) {
	x := book{since: since}
	for _, m := range meanings {
		c := slices.Index(l.names, m.Context)
		if c < 0 {
			return book{}, fmt.Errorf("%w: context %q has entries and no notes", ErrLabels, m.Context)
		}
		x.meanings = append(x.meanings, meaning{c, m.Pos, sha256.Sum256(encodeLengths(m.Lengths))})
	}
	slices.SortFunc(x.meanings, func(a, b meaning) int { return a.context - b.context })
	return x, nil
}

// hasBook reports whether the same meanings are there.
func (l *Labels) hasBook(x book) bool {
	return slices.ContainsFunc(l.books, func(y book) bool { return slices.Equal(x.meanings, y.meanings) })
}

// settleCodes makes books of what is pending, beside the labels, and returns those that are new.
func (a *Appender) settleCodes(ctx context.Context, l Labels) (added []book, err error) {
	all := 0
	for _, b := range l.books {
		all += len(b.meanings)
	}
	for _, meanings := range a.pendingCodes {
		x, err := l.book(a.size, meanings)
		if err != nil {
			return nil, err
		}
		if l.hasBook(x) || (&Labels{books: added}).hasBook(x) {
			continue
		}
		for _, m := range meanings {
			if _, err := a.putBlock(ctx, encodeLengths(m.Lengths)); err != nil {
				return nil, err
			}
		}
		added, all = append(added, x), all+len(x.meanings)
	}
	if len(l.books)+len(added) > maxBooks || all > maxMeanings {
		return nil, fmt.Errorf("%w: %d code books of %d contexts in all, limits %d and %d", ErrLabels, len(l.books)+len(added), all, maxBooks, maxMeanings)
	}
	return added, nil
}
