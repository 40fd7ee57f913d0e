package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/codec/contexts"
)

// withCodes appends notes up to a size with labels for all contexts, and a code book.
func withCodes(t testing.TB, s Store, base cid.Cid, to uint64, meanings ...Meaning) codec.DictionaryRef {
	t.Helper()
	var from *Manifest
	if base.Defined() {
		from = mustOpen(t, s, base)
	}
	a, err := NewAppender(t.Context(), s, from)
	if err != nil {
		t.Fatal(err)
	}
	for n := range testNotes(a.Size(), to) {
		if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range meanings {
		if err := a.Label(m.Context, NoteRun{0, to}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.AddCodes(meanings); err != nil {
		t.Fatal(err)
	}
	ref, err := a.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestCodes(t *testing.T) {
	s := newMemStore()
	one := withCodes(t, s, cid.Undef, 3, Meaning{"en", 100, []uint64{5, 1, 7}}, Meaning{"fr", 200, []uint64{6, 9, 1}})
	two := withCodes(t, s, one.Manifest, 4, Meaning{"de", 500, []uint64{2, 2, 2}}, Meaning{"en", 100, []uint64{5, 1, 7}})
	c, err := mustOpen(t, s, two.Manifest).Codes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Contexts(), " "); got != "en fr de" {
		t.Error(got)
	}
	books, err := c.Entries("en")
	if want := []codec.Span{{Pos: 100, Len: 5}, {Pos: 105, Len: 1}, {Pos: 106, Len: 7}}; err != nil || len(books) != 2 || !slices.Equal(books[0], want) || !slices.Equal(books[1], want) {
		t.Error(books, err)
	}
	for _, test := range []struct {
		from, to string
		s, want  codec.Span // want.Len 0: none
	}{
		{"en", "fr", codec.Span{Pos: 100, Len: 5}, codec.Span{Pos: 200, Len: 6}},
		{"en", "fr", codec.Span{Pos: 100, Len: 4}, codec.Span{Pos: 200, Len: 5}}, // without the newline
		{"en", "fr", codec.Span{Pos: 100, Len: 13}, codec.Span{Pos: 200, Len: 16}},
		{"en", "fr", codec.Span{Pos: 105, Len: 8}, codec.Span{Pos: 206, Len: 10}},
		{"en", "fr", codec.Span{Pos: 106, Len: 6}, codec.Span{Pos: 215, Len: 0}}, // nothing but a newline
		{"en", "de", codec.Span{Pos: 105, Len: 7}, codec.Span{Pos: 502, Len: 3}},
		{"de", "en", codec.Span{Pos: 504, Len: 1}, codec.Span{Pos: 106, Len: 6}},
		{"en", "en", codec.Span{Pos: 105, Len: 7}, codec.Span{Pos: 105, Len: 7}},
		{"en", "fr", codec.Span{Pos: 100, Len: 3}, codec.Span{}},
		{"en", "fr", codec.Span{Pos: 101, Len: 4}, codec.Span{}},
		{"en", "fr", codec.Span{Pos: 100, Len: 14}, codec.Span{}},
		{"en", "fr", codec.Span{Pos: 113, Len: 1}, codec.Span{}},
		{"en", "fr", codec.Span{Pos: 99, Len: 6}, codec.Span{}},
		{"en", "fr", codec.Span{Pos: 100, Len: 0}, codec.Span{}},
		{"en", "fr", codec.Span{Pos: 100, Len: 1<<64 - 50}, codec.Span{}},
		{"fr", "de", codec.Span{Pos: 200, Len: 6}, codec.Span{}}, // no book has both
	} {
		meaning, err := c.Translate(test.from, test.to)
		if err != nil {
			t.Fatal(err)
		}
		got, err := meaning(test.s)
		if test.want.Pos == 0 && !errors.Is(err, ErrNoMeaning) || test.want.Pos > 0 && (err != nil || got != test.want) {
			t.Errorf("%v in %s is %v in %s, %v; want %v", test.s, test.from, got, test.to, err, test.want)
		}
	}
	var unknown *contexts.UnknownError
	if _, err := c.Translate("en", "it"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "en, fr, de") {
		t.Error(err)
	}
	if _, err := c.Entries("it"); !errors.As(err, &unknown) {
		t.Error(err)
	}

	// Earlier versions are found in later ones; the same book again is none.
	m := mustOpen(t, s, two.Manifest)
	if got, err := m.Prefix(t.Context(), newMemStore(), one.Size); err != nil || got != one {
		t.Error(got, err)
	}
	if err := m.CheckExtends(t.Context(), mustOpen(t, s, one.Manifest)); err != nil {
		t.Error(err)
	}
	other := withCodes(t, s, cid.Undef, 3, Meaning{"en", 100, []uint64{5, 1, 7}}, Meaning{"fr", 200, []uint64{6, 9, 2}})
	if err := m.CheckExtends(t.Context(), mustOpen(t, s, other.Manifest)); !errors.Is(err, ErrFork) {
		t.Error(err)
	}
	a, err := NewAppender(t.Context(), s, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.AddCodes([]Meaning{{"fr", 200, []uint64{6, 9, 1}}, {"en", 100, []uint64{5, 1, 7}}}); err != nil || len(a.Unlabelled()) > 0 {
		t.Error(err, a.Unlabelled())
	}
	if ref, err := a.Finish(t.Context()); err != nil || ref != two {
		t.Error(ref, err)
	}
	if err := a.AddCodes([]Meaning{{"fr", 200, []uint64{6, 9}}, {"en", 100, []uint64{5, 1}}}); err != nil || len(a.Unlabelled()) != 2 {
		t.Error(err, a.Unlabelled())
	}
	if _, err := a.Finish(t.Context()); !errors.Is(err, ErrLabels) {
		t.Error("codes alone make a version:", err)
	}
	// All their blocks are walked.
	seen := 0
	if err := m.Walk(t.Context(), func(l Link) (bool, error) { seen++; return true, nil }); err != nil || seen != 1+1+4+1+1+4 {
		t.Error(seen, err)
	}
	for _, data := range s.blocks {
		if len(data) > MaxBlock {
			t.Error(len(data))
		}
	}
}

func TestRefusedCodes(t *testing.T) {
	s := newMemStore()
	a, err := NewAppender(t.Context(), s, mustOpen(t, s, withCodes(t, s, cid.Undef, 1, Meaning{"en", 0, []uint64{1}}, Meaning{"fr", 0, []uint64{1}}).Manifest))
	if err != nil {
		t.Fatal(err)
	}
	n := Note{CID: testNote(1).CID, RawLen: 200000}
	if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
		t.Fatal(err)
	}
	for name, meanings := range map[string][]Meaning{
		"one context":     {{"en", 0, []uint64{1}}},
		"no entries":      {{"en", 0, nil}, {"fr", 0, nil}},
		"other numbers":   {{"en", 0, []uint64{1}}, {"fr", 0, []uint64{1, 1}}},
		"empty entry":     {{"en", 0, []uint64{1}}, {"fr", 0, []uint64{0}}},
		"long entry":      {{"en", 0, []uint64{1}}, {"fr", 0, []uint64{MaxEntry + 1}}},
		"twice":           {{"en", 0, []uint64{1}}, {"en", 0, []uint64{1}}},
		"beyond the tape": {{"en", 0, []uint64{1}}, {"fr", 200001, []uint64{1}}},
		"far beyond":      {{"en", 0, []uint64{1}}, {"fr", 1<<64 - 1, []uint64{1}}},
		"too many":        {{"en", 0, slices.Repeat([]uint64{1}, MaxEntries+1)}, {"fr", 0, slices.Repeat([]uint64{1}, MaxEntries+1)}},
	} {
		if err := a.AddCodes(meanings); !errors.Is(err, ErrLabels) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := a.AddCodes([]Meaning{{"en", 0, []uint64{1}}, {"it", 0, []uint64{1}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Finish(t.Context()); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), "\"it\" has entries and no notes") {
		t.Error(err)
	}
	a.pendingCodes = nil
	for i := range uint64(maxMeanings / 2) {
		if err := a.AddCodes([]Meaning{{"en", i, []uint64{1}}, {"fr", i, []uint64{1}}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Finish(t.Context()); !errors.Is(err, ErrLabels) || !strings.Contains(err.Error(), "limits 256 and 1024") {
		t.Error(err)
	}
}

func TestHostileCodes(t *testing.T) {
	s := newMemStore()
	ten := mustAppend(t, s, cid.Undef, 0, 10).Manifest
	tape := mustOpen(t, s, ten).TapeSize()
	page := s.putNode(encodeLabelPage([]labelRun{{5, 0, NoteRun{0, 1}}, {5, 1, NoteRun{0, 1}}, {7, 2, NoteRun{0, 1}}}))
	lengths := func(n ...uint64) digest { return s.putNode(encodeLengths(n)) }
	good := book{6, []meaning{{0, 0, lengths(1, 2)}, {1, tape - 4, lengths(2, 2)}}}
	head := func(books ...book) []byte {
		return encodeLabelHead(labelHead{3, []string{"en", "fr", "de"}, []digest{page}}, books...)
	}
	if _, err := mustOpen(t, s, withLabels(t, s, ten, head(good, good))).Codes(t.Context()); err != nil {
		t.Fatal(err)
	}
	with := func(m ...meaning) book { return book{6, m} }
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"one context":       {head(with(good.meanings[0])), "1 contexts of a code book"},
		"of no version":     {head(book{0, good.meanings}), "version with 0 notes"},
		"of a later one":    {head(book{11, good.meanings}), "version with 11 notes"},
		"unsorted":          {head(good, book{5, good.meanings}), "version with 5 notes"},
		"contexts unsorted": {head(with(good.meanings[1], good.meanings[0])), "out of order"},
		"context twice":     {head(with(good.meanings[0], good.meanings[0])), "out of order"},
		"no such context":   {head(with(good.meanings[0], meaning{3, 0, good.meanings[0].lengths})), "context 3, of 2"},
		"before its labels": {head(with(good.meanings[0], meaning{2, 0, good.meanings[0].lengths})), "context 2, of 2"},
		"context 256":       {head(with(good.meanings[0], meaning{256, 0, good.meanings[0].lengths})), "context 256"},
		"other numbers":     {head(with(good.meanings[0], meaning{1, 0, lengths(1)})), "2 entries in one context and 1 in another"},
		"empty entry":       {head(with(good.meanings[0], meaning{1, 0, lengths(1, 0)})), "entry of 0 bytes"},
		"long entry":        {head(with(good.meanings[0], meaning{1, 0, lengths(1, MaxEntry+1)})), "entry of 65537 bytes"},
		"no entries":        {head(with(meaning{0, 0, lengths()}, meaning{1, 0, lengths()})), "0 entries"},
		"too many entries":  {head(with(meaning{0, 0, lengths(slices.Repeat([]uint64{1}, MaxEntries+1)...)}, good.meanings[1])), "65537 entries"},
		"beyond the tape":   {head(with(good.meanings[0], meaning{1, tape - 3, lengths(2, 2)})), "behind the tape"},
		"overflow":          {head(with(good.meanings[0], meaning{1, 1<<64 - 1, lengths(2, 2)})), "behind the tape"},
		"no lengths":        {head(with(good.meanings[0], meaning{1, 0, page})), "a length is expected"},
		"byte after them":   {head(with(good.meanings[0], meaning{1, 0, s.putNode(append(encodeLengths([]uint64{1, 1}), 0))})), "after the end"},
		"too many books":    {head(slices.Repeat([]book{good}, maxBooks+1)...), "257 code books"},
		"too many meanings": {head(slices.Repeat([]book{{6, slices.Repeat([]meaning{good.meanings[0]}, 200)}}, 6)...), "1024 of all"},
		"no books":          {append([]byte{cborMap | 4}, encodeBooks(nil, nil)...), "0 code books"},
		"cut short":         {head(good)[:30], "block ends within"},
	} {
		m := mustOpen(t, s, withLabels(t, s, ten, test.raw))
		if _, err := m.Codes(t.Context()); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want one about %q", name, err, test.want)
		}
		if err := m.Load(t.Context(), nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: load: %v", name, err)
		}
	}
	delete(s.blocks, cidOf(codecNode, good.meanings[1].lengths))
	m := mustOpen(t, s, withLabels(t, s, ten, head(good)))
	if _, err := m.Codes(t.Context()); !errors.Is(err, errMissing) {
		t.Error(err)
	}
	if err := m.Walk(t.Context(), func(Link) (bool, error) { return true, nil }); !errors.Is(err, errMissing) {
		t.Error("walked all the same:", err)
	}
	if l, err := m.Labels(t.Context()); err != nil || len(l.Names()) != 3 {
		t.Error("labels do not need them:", err)
	}
}

// A few blocks do not stand for a memory full of entries: lengths that several contexts share are held once.
func TestCodesShareLengths(t *testing.T) {
	s := newMemStore()
	ten := mustAppend(t, s, cid.Undef, 0, 10).Manifest
	tape := mustOpen(t, s, ten).TapeSize()
	h := labelHead{count: maxContexts}
	var runs []labelRun
	for c := range maxContexts {
		h.names = append(h.names, fmt.Sprint(c))
		runs = append(runs, labelRun{5, c, NoteRun{0, 1}})
	}
	h.pages = []digest{s.putNode(encodeLabelPage(runs))}
	count := min(tape-maxMeanings, MaxEntries)
	lengths := s.putNode(encodeLengths(slices.Repeat([]uint64{1}, int(count))))
	books := make([]book, maxMeanings/maxContexts)
	for i := range books {
		books[i].since = 6
		for c := range maxContexts {
			books[i].meanings = append(books[i].meanings, meaning{c, uint64(i*maxContexts + c), lengths})
		}
	}
	m := mustOpen(t, s, withLabels(t, s, ten, encodeLabelHead(h, books...)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	codes, err := m.Codes(t.Context())
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("%d MiB for %d entries of %d contexts", used>>20, count, maxMeanings)
	}
	translate, err := codes.Translate("3", "200")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := translate(codec.Span{Pos: 10, Len: 5}); err != nil || got != (codec.Span{Pos: 207, Len: 5}) {
		t.Errorf("%v, %v", got, err)
	}
}

// FuzzCodes: what is decoded is written again as the same bytes; translating to and fro gives the same span.
func FuzzCodes(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, books, err := decodeLabelHead(data); err == nil && !bytes.Equal(encodeLabelHead(h, books...), data) {
			t.Error("code books have two encodings")
		}
		lengths, err := decodeLengths(data)
		if err != nil {
			return
		}
		if !bytes.Equal(encodeLengths(lengths), data) {
			t.Error("lengths have two encodings")
		}
		r := rand.New(rand.NewPCG(uint64(len(data)), 1))
		there, back := []uint64{0}, []uint64{0}
		for i, n := range lengths {
			there, back = append(there, there[i]+n), append(back, back[i]+1+r.Uint64N(9))
		}
		c := Codes{[]string{"en", "fr"}, []openBook{{[]int{0, 1}, []uint64{1000, 1 << 40}, [][]uint64{there, back}}}}
		to, err := c.Translate("en", "fr")
		if err != nil {
			t.Fatal(err)
		}
		fro, err := c.Translate("fr", "en")
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			i := r.IntN(len(lengths))
			k := i + 1 + r.IntN(len(lengths)-i)
			s := codec.Span{Pos: 1000 + there[i], Len: there[k] - there[i]}
			if got, err := to(s); err != nil || got != (codec.Span{Pos: 1<<40 + back[i], Len: back[k] - back[i]}) {
				t.Fatal(s, got, err)
			} else if again, err := fro(got); err != nil || again != s {
				t.Fatal(s, again, err)
			}
		}
	})
}

func TestCodeSeedsAreWritten(t *testing.T) {
	good := book{6, []meaning{{0, 0, digest{1}}, {1, 1 << 33, digest{2}}}}
	writeSeeds(t, "FuzzCodes", map[string][]byte{
		"head":       encodeLabelHead(labelHead{3, []string{"en", "fr"}, []digest{{3}}}, good),
		"two books":  encodeLabelHead(labelHead{3, []string{"en", "fr"}, []digest{{3}}}, good, book{900, good.meanings}),
		"lengths":    encodeLengths([]uint64{1, 23, 24, 255, 256, 65535, 65536}),
		"empty":      encodeLengths([]uint64{5, 0}),
		"long":       encodeLengths([]uint64{MaxEntry + 1}),
		"no lengths": encodeLengths(nil),
		"one":        encodeLengths([]uint64{1}),
	})
}
