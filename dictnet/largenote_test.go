package dictnet

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// blocksOf is a source that has what it was given, whatever it is.
type blocksOf map[cid.Cid][]byte

func (b blocksOf) put(t *testing.T, data []byte) cid.Cid {
	t.Helper()
	h, err := multihash.Sum(data, multihash.SHA2_256, -1)
	if err != nil {
		t.Fatal(err)
	}
	c := cid.NewCidV1(cid.Raw, h)
	b[c] = data
	return c
}

// A manifest that lists something that is no note, under its true CID: too large a block, no frame, a frame of another length. The error names the
// note and its CID; nothing of it is kept, and nothing is asked for again and again.
func TestNotesThatAreNone(t *testing.T) {
	good, err := codec.SealNote([]byte("a note as it should be"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := codec.SealNote([]byte("a note of another length"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"larger than a block may be": make([]byte, codec.MaxNoteBlock+1),
		"much larger":                make([]byte, 3<<20),
		"no frame":                   []byte("just bytes"),
		"empty":                      {},
		"another length":             other.Data,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := openStore(t, store.Options{})
			a, err := manifest.NewAppender(t.Context(), origin, nil)
			if err != nil {
				t.Fatal(err)
			}
			all := blocksOf{}
			bad := all.put(t, data)
			for _, c := range []cid.Cid{good.CID, bad} {
				if err := a.Add(t.Context(), c, good.RawLen); err != nil {
					t.Fatal(err)
				}
			}
			ref, err := a.Finish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := origin.Put(t.Context(), good.CID, good.Data); err != nil {
				t.Fatal(err)
			}
			src := &storeSource{s: origin, name: "peer"}
			c := newClient(t, Options{Sources: []Source{src, sourceOf{all}}})
			tape, err := c.Open(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = tape.NoteAt(t.Context(), uint64(good.RawLen))
			if !errors.Is(err, ErrContradiction) && !errors.Is(err, ErrUnavailable) {
				t.Errorf("error %v", err)
			}
			for _, word := range []string{"note 1", bad.String()} {
				if err == nil || !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
			if there, err := c.o.Store.Has(t.Context(), bad); there || err != nil {
				t.Errorf("kept: %v, %v", there, err)
			}
			if _, raw, err := tape.NoteAt(t.Context(), 0); err != nil || string(raw) != "a note as it should be" {
				t.Errorf("the note before it: %q, %v", raw, err)
			}
		})
	}
}

type sourceOf struct{ blocksOf }

func (s sourceOf) Name() string                              { return "another" }
func (s sourceOf) Open(ctx context.Context) (Session, error) { return s, nil }
func (s sourceOf) Fetch(_ context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	for _, c := range want {
		if data, ok := s.blocksOf[c]; ok {
			got(c, data)
		}
	}
	return nil
}
