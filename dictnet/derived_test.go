package dictnet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/store"
)

// derivedDictionary promotes a file of lines, so that its later notes are coded against the first.
func derivedDictionary(t testing.TB, s *store.Store) (Published, []byte) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var file bytes.Buffer
	for file.Len() < 500<<10 {
		fmt.Fprintf(&file, "line %d: item %x has the value %d\n", r.IntN(1000), r.Uint32(), r.IntN(100000))
	}
	var template bytes.Buffer
	if _, err := codec.Encode(t.Context(), &template, bytes.NewReader(file.Bytes()), codec.EncodeOptions{}); err != nil {
		t.Fatal(err)
	}
	reader, err := codec.NewReaderAt(t.Context(), bytes.NewReader(template.Bytes()), int64(template.Len()), nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	p := codec.NewPromoter(t.Context(), nil, codec.ProfileDefault, e.Add)
	if err := p.Add(reader); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	pub, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return pub, file.Bytes()
}

// Whoever wants a note that is derived is told of all that it takes, fetches that, and nothing else.
func TestDerivedNotesAreFetched(t *testing.T) {
	home := openStore(t, store.Options{})
	pub, file := derivedDictionary(t, home)
	tape, err := newClient(t, Options{Store: home}).Open(t.Context(), pub.Ref)
	if err != nil {
		t.Fatal(err)
	}
	second := codec.Span{Pos: codec.MaxNote, Len: 1}
	if depth, err := tape.Depth(t.Context(), second.Pos); err != nil || depth != 1 {
		t.Fatalf("the second note has depth %d: %v", depth, err)
	}
	portable, err := tape.Portable(t.Context(), spansOf(second), true)
	if err != nil || len(portable.Notes) != 2 {
		t.Fatalf("the list has %d notes: %v", len(portable.Notes), err)
	}
	here, err := newClient(t, Options{Store: home}).Plan(t.Context(), tape, []codec.Span{second})
	if err != nil || here.Notes != uint64(len(portable.Notes)) || here.Local != here.Notes {
		t.Errorf("planned: %+v, %v", here, err)
	}

	source := &storeSource{s: home, name: "publisher"}
	for name, open := range map[string]func(c *Client) (codec.Tape, error){
		"by manifest": func(c *Client) (codec.Tape, error) { return c.OpenTape(t.Context(), pub.Ref.Name()) },
		"by list":     func(c *Client) (codec.Tape, error) { return c.OpenPortable(portable), nil },
	} {
		c := newClient(t, Options{Sources: []Source{source}})
		tape, err := open(c)
		if err != nil {
			t.Fatal(err)
		}
		start, raw, err := tape.NoteAt(t.Context(), second.Pos)
		if err != nil || !bytes.Equal(raw, file[start:][:len(raw)]) {
			t.Errorf("%s: the second note comes as %d bytes at %d: %v", name, len(raw), start, err)
		}
	}

	// One that it is coded against is nowhere: the error names it.
	source.change = func(c cid.Cid, data []byte) []byte {
		if c.Equals(portable.Notes[0].CID) {
			return nil
		}
		return data
	}
	_, raw, err := newClient(t, Options{Sources: []Source{source}}).OpenPortable(portable).NoteAt(t.Context(), second.Pos)
	var missing *MissingError
	if !errors.As(err, &missing) || raw != nil {
		t.Errorf("without note %d: %d bytes, %v", portable.Notes[0].Index, len(raw), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := newClient(t, Options{Sources: []Source{source}}).OpenPortable(portable).NoteAt(ctx, second.Pos); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
