package dictnet

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// parallelText makes up lines of a context.
func parallelText(context string, lines int) (entries [][]byte) {
	for i := range lines {
		entries = append(entries, fmt.Appendf(nil, "%s says %d%s\n", context, i, strings.Repeat("!", i%7)))
	}
	return entries
}

// addCodes adds texts of so many lines to dictionary "d".
func addCodes(t testing.TB, s *store.Store, lines int, names ...string) (Published, error) {
	t.Helper()
	e, err := NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	var texts []Parallel
	for _, name := range names {
		texts = append(texts, Parallel{name, parallelText(name, lines)})
	}
	if err := e.AddCodes(texts); err != nil {
		return Published{}, err
	}
	return e.Commit()
}

func TestParallelTexts(t *testing.T) {
	s := openStore(t, store.Options{})
	first := publish(t, s, 10)
	one, err := addCodes(t, s, 20000, "en", "fr")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := addCodes(t, s, 20000, "fr", "en"); err != nil || again.Ref != one.Ref {
		t.Error("the same texts make another version:", err)
	}
	// Another context comes by one that is there, which is not put there again.
	two, err := addCodes(t, s, 20000, "en", "de")
	if err != nil || two.TapeSize-one.TapeSize > 500_000 || two.TapeSize-one.TapeSize < 300_000 {
		t.Fatal(two.TapeSize-one.TapeSize, err)
	}
	// Texts that are all there make a book of their own, for which a note has to stand.
	three, err := addCodes(t, s, 20000, "fr", "de")
	if err != nil || three.Ref.Size != two.Ref.Size+1 {
		t.Fatal(three.Ref.Size, two.Ref.Size, err)
	}
	tape, err := newClient(t, Options{Store: s}).Open(t.Context(), three.Ref)
	if err != nil {
		t.Fatal(err)
	}
	codes, err := tape.Manifest().Codes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	read := func(s codec.Span) (b []byte) {
		for end := s.Pos + s.Len; s.Pos < end; {
			start, raw, err := tape.NoteAt(t.Context(), s.Pos)
			if err != nil {
				t.Fatal(err)
			}
			raw = raw[s.Pos-start:]
			raw = raw[:min(uint64(len(raw)), end-s.Pos)]
			b, s.Pos = append(b, raw...), s.Pos+uint64(len(raw))
		}
		return b
	}
	for _, from := range []string{"en", "fr", "de"} {
		books, err := codes.Entries(from)
		if err != nil || len(books) != 2 {
			t.Fatal(len(books), err)
		}
		for _, to := range []string{"en", "fr", "de"} {
			meaning, err := codes.Translate(from, to)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range []int{0, 1, 777, 9999, 19999} {
				x := books[0][i]
				if got := read(x); !bytes.Equal(got, parallelText(from, i+1)[i]) {
					t.Fatalf("entry %d of %s is %q", i, from, got)
				}
				m, err := meaning(x)
				if err != nil || !bytes.Equal(read(m), parallelText(to, i+1)[i]) {
					t.Errorf("entry %d of %s is %v in %s, %v", i, from, m, to, err)
				}
			}
		}
	}
	// The notes of a context are its own.
	labels, err := tape.Manifest().Labels(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []manifest.NoteRun
	for _, name := range labels.Names() {
		runs, err := labels.Notes(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, runs...)
	}
	if want := []manifest.NoteRun{{First: 10, Count: 3}, {First: 13, Count: 3}, {First: 16, Count: 3}}; !slices.Equal(all, want) {
		t.Errorf("notes %v, want %v", all, want)
	}
	if first.Ref.Size != 10 || !slices.Equal(labels.Names(), []string{"en", "fr", "de"}) {
		t.Error(first.Ref.Size, labels.Names())
	}
	// A mirror has all that it takes, and an audit passes.
	mirror := openStore(t, store.Options{})
	c := newClient(t, Options{Store: mirror, Sources: []Source{&storeSource{s: s, name: "peer"}}})
	if err := c.Pull(t.Context(), three.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	history := []PublishedVersion{{Number: 1, Version: first.Ref.Version, Manifest: first.Ref.Manifest}, {Number: 2, Version: one.Ref.Version, Manifest: one.Ref.Manifest}}
	if r, err := NewAuditor(newClient(t, Options{Store: mirror})).Audit(t.Context(), Audit{Ref: three.Ref, History: history}); err != nil || r.Err() != nil || r.Versions != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := addCodes(t, s, 70000, "en", "fr"); err == nil {
		t.Error("70,000 entries")
	}
	if len(contexts.Lines(bytes.Join(parallelText("en", 9), nil))) != 9 {
		t.Error("lines")
	}
}
