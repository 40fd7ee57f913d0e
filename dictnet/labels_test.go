package dictnet

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// labelled extends dictionary "d" to n notes, or by none, and gives a context spans of the tape.
func labelled(t testing.TB, s *store.Store, n int, context string, spans ...codec.Span) Published {
	t.Helper()
	e, err := NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	addNotes(t, e, int(e.Size()), n)
	if err := e.Label(context, spans); err != nil {
		t.Fatal(err)
	}
	p, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLabelExtension(t *testing.T) {
	s := openStore(t, store.Options{})
	var starts []uint64 // of the notes
	end := uint64(0)
	for i := range 300 {
		starts = append(starts, end)
		end += uint64(len(noteText(i)))
	}
	span := func(first, last int) codec.Span {
		return codec.Span{Pos: starts[first], Len: starts[last] + 1 - starts[first]}
	}
	check := func(p Published, context string, want ...manifest.NoteRun) {
		t.Helper()
		m, err := manifest.Open(t.Context(), s, p.Ref.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		l, err := m.Labels(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Notes(context); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", context, got, err, want)
		}
	}
	one := labelled(t, s, 200, "VIDEO", span(0, 4), span(10, 10))
	check(one, "VIDEO", manifest.NoteRun{First: 0, Count: 5}, manifest.NoteRun{First: 10, Count: 1})
	two := labelled(t, s, 299, "TEXT", span(198, 201), codec.Span{Pos: starts[299] - 1, Len: 1}) // across what was there, and what is new
	check(two, "TEXT", manifest.NoteRun{First: 198, Count: 4}, manifest.NoteRun{First: 298, Count: 1})
	same := labelled(t, s, 299, "TEXT", span(199, 200))
	if same.Ref != two.Ref {
		t.Error("labels that are there already make another version")
	}
	// Labels alone bring a note of their own, for a version is known by its notes.
	three := labelled(t, s, 299, "VIDEO", span(298, 298))
	if three.Ref.Size != 300 || len(three.Proof) == 0 {
		t.Errorf("labels alone make a version of %d notes", three.Ref.Size)
	}
	check(three, "VIDEO", manifest.NoteRun{First: 0, Count: 5}, manifest.NoteRun{First: 10, Count: 1}, manifest.NoteRun{First: 298, Count: 1})
	tape, err := newClient(t, Options{Store: s}).Open(t.Context(), three.Ref)
	if err != nil {
		t.Fatal(err)
	}
	if _, raw, err := tape.NoteAt(t.Context(), tape.Size()-1); err != nil || string(raw) != "dictnet: 299 notes, labels of VIDEO\n" {
		t.Errorf("%q %v", raw, err)
	}
	e, err := NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Label("x", []codec.Span{{Pos: tape.Size() - 1, Len: 2}}); err == nil || !strings.Contains(err.Error(), "beyond the tape") {
		t.Error(err)
	}

	// Whoever has the newest version alone finds the earlier ones in it, labels and all; an audit replays them.
	mirror := openStore(t, store.Options{})
	if err := newClient(t, Options{Store: mirror, Sources: []Source{&storeSource{s: s, name: "peer"}}}).Pull(t.Context(), three.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	from := []Source{&storeSource{s: mirror, name: "mirror"}}
	for _, v := range []Published{one, two} {
		c := newClient(t, Options{Sources: from, Anchor: fixedAnchor{rec: Record{Version: three.Ref.Version, Manifest: three.Ref.Manifest}}})
		if _, err := c.Open(t.Context(), v.Ref); err != nil {
			t.Error(err)
		}
	}
	history := []PublishedVersion{{Number: 1, Version: one.Ref.Version, Manifest: one.Ref.Manifest}, {Number: 2, Version: three.Ref.Version, Manifest: three.Ref.Manifest}}
	a := NewAuditor(newClient(t, Options{Sources: from}))
	if r, err := a.Audit(t.Context(), Audit{Ref: three.Ref, History: history}); err != nil || r.Err() != nil || r.Versions != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	// Somebody else published the same notes with other labels.
	other := openStore(t, store.Options{})
	forged := labelled(t, other, 200, "VIDEO", span(0, 5))
	history[0].Manifest = forged.Ref.Manifest
	if r, err := a.Audit(t.Context(), Audit{Ref: three.Ref, History: history}); err != nil || !errors.Is(r.Err(), ErrContradiction) {
		t.Errorf("%+v, %v", r, err)
	}
	c := newClient(t, Options{Sources: append(from, &storeSource{s: other, name: "other"}), Anchor: fixedAnchor{rec: Record{Version: three.Ref.Version, Manifest: three.Ref.Manifest}}})
	if _, err := c.Open(t.Context(), forged.Ref); !errors.Is(err, ErrContradiction) {
		t.Error(err)
	}
}

// Blocks of labels that are gone, or are no labels, are told by pull and audit.
func TestDamagedLabels(t *testing.T) {
	s := openStore(t, store.Options{})
	p := labelled(t, s, 20, "VIDEO", codec.Span{Pos: 0, Len: 1})
	var blocks []cid.Cid
	m, err := manifest.Open(t.Context(), s, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
		if !l.Note {
			blocks = append(blocks, l.CID)
		}
		return true, nil
	}); err != nil || len(blocks) != 4 { // the manifest, labels, their page, the page of notes
		t.Fatal(blocks, err)
	}
	for _, lost := range blocks[1:3] {
		gone := &storeSource{s: s, name: "peer", change: func(c cid.Cid, data []byte) []byte {
			if c == lost {
				return nil
			}
			return data
		}}
		c := newClient(t, Options{Sources: []Source{gone}})
		if err := c.Pull(t.Context(), p.Ref, "", nil); !errors.Is(err, ErrUnavailable) {
			t.Error(err)
		}
		if r, err := NewAuditor(c).Audit(t.Context(), Audit{Ref: p.Ref}); err != nil || !errors.Is(r.Err(), ErrUnavailable) || r.Findings[0].What != "labels" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	// A manifest that names its page of notes as labels.
	head, err := s.Get(t.Context(), p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	forged := []byte(strings.Replace(string(head), string(blocks[1].Hash()), string(blocks[3].Hash()), 1))
	sum := sha256.Sum256(forged)
	mh, err := multihash.Encode(sum[:], multihash.SHA2_256)
	if err != nil {
		t.Fatal(err)
	}
	c := cid.NewCidV1(cid.DagCBOR, mh)
	if err := s.Put(context.Background(), c, forged); err != nil {
		t.Fatal(err)
	}
	ref := codec.DictionaryRef{Manifest: c, Version: p.Ref.Version}
	client := newClient(t, Options{Sources: []Source{&storeSource{s: s, name: "peer"}}})
	if err := client.Pull(t.Context(), ref, "", nil); !errors.Is(err, manifest.ErrInvalid) {
		t.Error(err)
	}
	if r, err := NewAuditor(client).Audit(t.Context(), Audit{Ref: ref}); err != nil || !errors.Is(r.Err(), ErrContradiction) {
		t.Errorf("%+v, %v", r, err)
	}
}
