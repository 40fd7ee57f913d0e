package dictnet

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// preludeSource is a source that offers preludes, and takes down what it is asked for.
type preludeSource struct {
	home   *store.Store
	name   string
	change func(c cid.Cid, data []byte) []byte // of a prelude; nil: none
	silent bool                                // it takes a request for a prelude, and says nothing
	drip   func(i int) cid.Cid                 // names something that it sends now and then, without end; nil: nothing

	mu       sync.Mutex
	asked    []cid.Cid
	preludes int
}

func (s *preludeSource) Name() string                          { return "the source" + s.name }
func (s *preludeSource) Open(context.Context) (Session, error) { return s, nil }

func (s *preludeSource) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	for _, c := range want {
		s.mu.Lock()
		s.asked = append(s.asked, c)
		s.mu.Unlock()
		if data, err := s.home.Get(ctx, c); err == nil {
			got(c, data)
		}
	}
	return ctx.Err()
}

func (s *preludeSource) FetchPrelude(ctx context.Context, name cid.Cid, spans []codec.Span, got func(cid.Cid, []byte)) error {
	s.mu.Lock()
	s.preludes++
	s.mu.Unlock()
	if s.silent {
		<-ctx.Done()
		return ctx.Err()
	}
	for i := 0; s.drip != nil && ctx.Err() == nil; i++ {
		got(s.drip(i), []byte{})
		time.Sleep(50 * time.Millisecond)
	}
	return Play(ctx, s.home, name, spans, func(c cid.Cid, data []byte) error {
		data = bytes.Clone(data)
		if s.change != nil {
			data = s.change(c, data)
		}
		if data != nil {
			got(c, data)
			clear(data) // which are got's no more
		}
		return nil
	})
}

// numbered is a name that nothing has.
func numbered(i int) cid.Cid {
	h, err := multihash.Encode(binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i)), multihash.SHA2_256)
	if err != nil {
		panic(err)
	}
	return cid.NewCidV1(cid.Raw, h)
}

// longDictionary makes a dictionary of three levels: notes of 100 bytes.
func longDictionary(t *testing.T) (*store.Store, codec.DictionaryRef) {
	t.Helper()
	home := openStore(t, store.Options{})
	e, err := NewPublisher(home).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 600 {
		b, err := codec.SealNote(bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 50))
		if err == nil {
			err = e.Add(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return home, p.Ref
}

// A prelude has the manifest, then for each span the blocks on the way and its notes, each once, and ends where it is long enough.
func TestPlay(t *testing.T) {
	home, ref := longDictionary(t)
	m, err := manifest.Open(t.Context(), home, ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	play := func(spans ...codec.Span) (kinds string, notes []cid.Cid) {
		t.Helper()
		seen := make(map[cid.Cid]bool)
		err := Play(t.Context(), home, ref.Manifest, spans, func(c cid.Cid, data []byte) error {
			if seen[c] {
				t.Errorf("%s is sent twice", c)
			}
			seen[c] = true
			if c.Prefix().Codec == cid.Raw {
				kinds += "n"
				notes = append(notes, c)
			} else {
				kinds += "t"
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return kinds, notes
	}
	for _, test := range []struct {
		spans []codec.Span
		kinds string
		notes []uint64
	}{
		{nil, "t", nil},
		{[]codec.Span{{Pos: 50_050, Len: 10}}, "tttn", []uint64{500}},
		{[]codec.Span{{Pos: 50_099, Len: 2}}, "tttnn", []uint64{500, 501}},
		{[]codec.Span{{Pos: 50_050, Len: 10}, {Pos: 0, Len: 1}, {Pos: 50_000, Len: 1}}, "tttntn", []uint64{500, 0}},
		{[]codec.Span{{Pos: 60_000, Len: 1}, {Pos: 1 << 62, Len: 1 << 62}, {Pos: 100, Len: 1}}, "tttn", []uint64{1}}, // two are beyond the tape
	} {
		kinds, notes := play(test.spans...)
		var want []cid.Cid
		for _, i := range test.notes {
			n, err := m.Note(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, n.CID)
		}
		if kinds != test.kinds || !slices.Equal(notes, want) {
			t.Errorf("%v: %s %v, want %s %v", test.spans, kinds, notes, test.kinds, want)
		}
	}
	if kinds, _ := play(codec.Span{Pos: 0, Len: 60_000}); len(kinds) != 1+1+3+600 {
		t.Errorf("the whole has %d blocks", len(kinds))
	}

	large := openStore(t, store.Options{})
	e, err := NewPublisher(large).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		b, err := codec.SealNote(noiseOf(i, 200_000))
		if err == nil {
			err = e.Add(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	if err := Play(t.Context(), large, p.Ref.Manifest, []codec.Span{{Pos: 0, Len: 4_000_000}}, func(_ cid.Cid, data []byte) error {
		sent += len(data)
		return nil
	}); err != nil || sent < PreludeBytes || sent > PreludeBytes+store.MaxBlock {
		t.Errorf("%d bytes were sent, %v", sent, err)
	}
}

// noiseOf is n bytes that do not compress.
func noiseOf(seed, n int) []byte {
	x := uint64(seed)*2 + 1
	b := make([]byte, n)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	return b
}

// Who says what will be played first needs one request for all that leads to it; whatever goes wrong with that, the blocks are asked for one by one, and what
// is played is right.
func TestExpect(t *testing.T) {
	home, ref := longDictionary(t)
	for name, test := range map[string]struct {
		source *preludeSource
		asked  int // block by block
	}{
		"as it should be":         {&preludeSource{}, 0},
		"all of it is wrong":      {&preludeSource{change: func(cid.Cid, []byte) []byte { return []byte("wrong") }}, 4},
		"nothing comes":           {&preludeSource{change: func(cid.Cid, []byte) []byte { return nil }}, 4},
		"nothing, and no end":     {&preludeSource{silent: true}, 4},
		"what nobody needs drips": {&preludeSource{drip: numbered}, 4},
		"the notes are missing":   {&preludeSource{change: func(c cid.Cid, data []byte) []byte { return map[bool][]byte{true: data}[c.Prefix().Codec != cid.Raw] }}, 1},
		"the manifest is missing": {&preludeSource{change: func(c cid.Cid, data []byte) []byte { return map[bool][]byte{true: data}[c != ref.Manifest] }}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.source.home = home
			mine := openStore(t, store.Options{})
			c := NewClient(Options{Store: mine, Sources: []Source{test.source}, Timeout: time.Minute, Idle: 200 * time.Millisecond})
			defer c.Close()
			c.Expect([]codec.Span{{Pos: 50_050, Len: 10}})
			tape, err := c.Open(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			start, raw, err := tape.NoteAt(t.Context(), 50_050)
			if err != nil || start != 50_000 || !bytes.Equal(raw, bytes.Repeat([]byte{244, 1}, 50)) {
				t.Errorf("note at %d: %x, %v", start, raw, err)
			}
			test.source.mu.Lock()
			defer test.source.mu.Unlock()
			if len(test.source.asked) != test.asked || test.source.preludes != 1 {
				t.Errorf("asked for %d blocks, %d preludes", len(test.source.asked), test.source.preludes)
			}
			if _, err := mine.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// A source whose prelude goes on and on with lies is no hindrance: another is asked.
func TestEndlessPrelude(t *testing.T) {
	home, ref := longDictionary(t)
	bad, good := &preludeSource{home: home, name: ", a liar", drip: func(int) cid.Cid { return ref.Manifest }}, &preludeSource{home: home}
	c := NewClient(Options{Store: openStore(t, store.Options{}), Sources: []Source{bad, good}, Timeout: 10 * time.Second, Idle: 200 * time.Millisecond})
	defer c.Close()
	c.Expect([]codec.Span{{Pos: 50_050, Len: 10}})
	if _, err := c.Open(t.Context(), ref); err != nil {
		t.Error(err)
	}
}

// What comes early, unasked for, takes no more memory than a prelude may, however small the blocks are.
func TestEarlyIsBounded(t *testing.T) {
	home, _ := longDictionary(t)
	f := newFetcher(home, nil, time.Minute, time.Second)
	defer f.close()
	l := &lane{f: f}
	for i := range 3 * PreludeBlocks {
		f.arriveEarly(l, numbered(i), []byte{})
	}
	if len(f.early) > 2*PreludeBlocks {
		t.Errorf("%d blocks are kept", len(f.early))
	}
}

// buildIndex returns a fine index of a tape.
func buildIndex(t *testing.T, tape *Tape) *codec.Index {
	var anchors bytes.Buffer
	if err := codec.BuildIndex(t.Context(), tape, 64, &anchors); err != nil {
		t.Fatal(err)
	}
	index, err := codec.OpenIndex(bytes.NewReader(anchors.Bytes()), int64(anchors.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// The spans that a template asks for first are known before the dictionary is: from all of it, and from its beginning.
func TestFirstSpans(t *testing.T) {
	home, ref := longDictionary(t)
	c := NewClient(Options{Store: home})
	defer c.Close()
	tape, err := c.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	index := buildIndex(t, tape)
	var template bytes.Buffer
	var file []byte
	for i := 300; i < 400; i++ {
		file = append(file, bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 50)...)
	}
	if _, err := codec.Encode(t.Context(), &template, bytes.NewReader(file), codec.EncodeOptions{Dictionary: &ref, Tape: tape, Index: index, ChunkSize: 64}); err != nil {
		t.Fatal(err)
	}
	b := template.Bytes()
	spans := FirstSpans(t.Context(), b)
	at := FirstSpansAt(t.Context(), bytes.NewReader(b), int64(len(b)), 5000, 10)
	if len(spans) == 0 || spans[0].Pos < 29_000 || spans[0].Pos > 31_000 {
		t.Errorf("the file begins with %v", spans)
	}
	if len(at) == 0 || at[0].Pos > 35_000 || at[0].Pos+at[0].Len <= 35_000 {
		t.Errorf("byte 5,000 is in %v", at)
	}
	for n := range b { // however little has arrived, or whatever it is
		for _, s := range FirstSpans(t.Context(), b[:n]) {
			if s.Len == 0 {
				t.Errorf("%d bytes: %v", n, s)
			}
		}
	}
	if s := FirstSpansAt(t.Context(), bytes.NewReader(b), int64(len(b)), int64(len(file)), 1); s != nil {
		t.Errorf("behind the end there is %v", s)
	}
}

// Spans in URLs.
func TestParseSpans(t *testing.T) {
	spans := []codec.Span{{Pos: 0, Len: 1}, {Pos: 1<<63 - 1, Len: 1<<63 - 1}}
	text := FormatSpans(spans)
	if text != "0:1,9223372036854775807:9223372036854775807" {
		t.Error(text)
	}
	if back, err := ParseSpans(text); err != nil || !slices.Equal(back, spans) {
		t.Errorf("%v, %v", back, err)
	}
	for _, bad := range []string{"", "1", "1:", ":1", "1:0", "-1:1", "1:1,", "1:2:3", "9223372036854775808:1", string(bytes.Repeat([]byte("0:1,"), PreludeSpans)) + "0:1"} {
		if s, err := ParseSpans(bad); err == nil {
			t.Errorf("%q is %v", bad, s)
		}
	}
}
