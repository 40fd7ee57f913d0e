package dictnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

func openStore(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// noteText is the raw bytes of note i of the test dictionaries: 1 byte to some KiB.
func noteText(i int) []byte {
	r := rand.New(rand.NewSource(int64(i)))
	b := make([]byte, 1+r.Intn(3000))
	for j := range b {
		b[j] = "abcdefgh"[r.Intn(8)]
	}
	return b
}

func addNotes(t testing.TB, e *Extension, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		b, err := codec.SealNote(noteText(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Add(b); err != nil {
			t.Fatal(err)
		}
	}
}

// publish extends dictionary "d" to n notes.
func publish(t testing.TB, s *store.Store, n int) Published {
	t.Helper()
	e, err := NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	addNotes(t, e, int(e.Size()), n)
	p, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	if o.Store == nil {
		o.Store = openStore(t, store.Options{})
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = 200 * time.Millisecond
	}
	c := NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// checkTape compares a tape with the notes it should have.
func checkTape(t testing.TB, tape *Tape, n int) {
	t.Helper()
	var want []byte
	for i := range n {
		want = append(want, noteText(i)...)
	}
	if tape.Size() != uint64(len(want)) {
		t.Fatalf("tape has %d bytes, want %d", tape.Size(), len(want))
	}
	for pos := uint64(0); pos < tape.Size(); {
		start, raw, err := tape.NoteAt(t.Context(), pos)
		if err != nil {
			t.Fatal(err)
		}
		if start != pos || !bytes.Equal(raw, want[pos:pos+uint64(len(raw))]) {
			t.Fatalf("wrong note at %d", pos)
		}
		pos += uint64(len(raw))
	}
}

// storeSource is a source that has the blocks of a store, and behaves as its fields say.
type storeSource struct {
	s       *store.Store
	name    string
	change  func(c cid.Cid, data []byte) []byte // what it sends; nil data: says that it has no such block
	silent  func(c cid.Cid) bool                // sends nothing, and says nothing
	breakAt int                                 // breaks the connection after so many blocks, if > 0
	refuse  error                               // cannot be reached

	mu          sync.Mutex
	sent        int
	outstanding int
	most        int // wants outstanding at once
	opened      int
}

func (s *storeSource) Name() string { return s.name }

func (s *storeSource) Open(context.Context) (Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	return s, s.refuse
}

func (s *storeSource) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	s.mu.Lock()
	s.outstanding += len(want)
	s.most = max(s.most, s.outstanding)
	s.mu.Unlock()
	left := len(want)
	served := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outstanding--
		left--
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outstanding -= left
	}()
	wait := false
	for _, c := range want {
		if s.silent != nil && s.silent(c) {
			wait = true
			continue
		}
		s.mu.Lock()
		s.sent++
		broken := s.breakAt > 0 && s.sent >= s.breakAt
		if broken {
			s.sent = 0
		}
		s.mu.Unlock()
		if broken {
			return io.ErrUnexpectedEOF
		}
		data, err := s.s.Get(ctx, c)
		if err != nil {
			continue
		}
		if s.change != nil {
			if data = s.change(c, data); data == nil {
				continue
			}
		}
		served()
		got(c, data)
	}
	if wait {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func isNote(c cid.Cid) bool { return c.Prefix().Codec == cid.Raw }

func TestPublishAndRead(t *testing.T) {
	s := openStore(t, store.Options{})
	var last Published
	for _, n := range []int{0, 1, 5, 300, 300} {
		p := publish(t, s, n)
		if p.Ref.Size != uint64(n) || p.Old.Size != last.Ref.Size {
			t.Fatalf("published %v after %v", p, last)
		}
		if err := merkle.CheckConsistency(p.Old, p.Ref.Version, p.Proof); err != nil {
			t.Errorf("%d notes: %v", n, err)
		}
		c := newClient(t, Options{Store: s})
		tape, err := c.Open(t.Context(), p.Ref)
		if err != nil {
			t.Fatal(err)
		}
		checkTape(t, tape, n)
		last = p
	}
	d, err := s.Dictionary("d")
	if err != nil || d.Current != last.Ref || len(d.Lineage) != 3 || d.TapeSize != last.TapeSize {
		t.Errorf("dictionary %+v, %v", d, err)
	}
	pins, err := s.Pins(t.Context())
	if err != nil || !slices.Equal(pins, []store.Pin{{CID: last.Ref.Manifest, Name: "d"}}) {
		t.Errorf("pins %v, %v", pins, err)
	}
	// A pin that somebody made under another name stays.
	if err := s.Pin(t.Context(), last.Ref.Manifest, "mine"); err != nil {
		t.Fatal(err)
	}
	publish(t, s, 301)
	if pins, err := s.Pins(t.Context()); err != nil || len(pins) != 2 {
		t.Errorf("pins %v, %v", pins, err)
	}
}

// Nothing is named before Commit, so an interrupted build leaves the dictionary as it was.
func TestExtensionWithoutCommit(t *testing.T) {
	s := openStore(t, store.Options{})
	p := publish(t, s, 3)
	e, err := NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	addNotes(t, e, 3, 10)
	if d, err := s.Dictionary("d"); err != nil || d.Current != p.Ref {
		t.Errorf("dictionary %v, %v", d, err)
	}
	if got, err := s.Collect(t.Context(), false); err != nil || got.Removed != 7 {
		t.Errorf("collected %v, %v", got, err)
	}
}

func TestProve(t *testing.T) {
	s := openStore(t, store.Options{})
	pub := NewPublisher(s)
	v1, v2 := publish(t, s, 100), publish(t, s, 700)
	empty := merkle.Version{Root: merkle.EmptyRoot}
	for _, old := range []merkle.Version{empty, {}, v1.Ref.Version, v2.Ref.Version} {
		proof, err := pub.Prove(t.Context(), v2.Ref, old)
		if err != nil {
			t.Fatal(err)
		}
		if old.Size == 0 {
			old = empty
		}
		if err := merkle.CheckConsistency(old, v2.Ref.Version, proof); err != nil {
			t.Error(err)
		}
	}
	forged := v1.Ref.Version
	forged.Root[0] ^= 1
	var bad *ContradictionError
	if _, err := pub.Prove(t.Context(), v2.Ref, forged); !errors.As(err, &bad) || bad.Found.Root != v1.Ref.Root {
		t.Errorf("extended what it does not: %v", err)
	}
	if _, err := pub.Prove(t.Context(), v1.Ref, v2.Ref.Version); !errors.Is(err, ErrContradiction) {
		t.Errorf("extended a longer one: %v", err)
	}
}

func TestFetch(t *testing.T) {
	origin := openStore(t, store.Options{})
	const n = 2000
	p := publish(t, origin, n)
	src := &storeSource{s: origin, name: "peer"}
	c := newClient(t, Options{Sources: []Source{src}})
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	tape.Prefetch(t.Context(), []codec.Span{{Pos: 0, Len: tape.Size()}})
	checkTape(t, tape, n)
	t.Logf("%d notes in %v", n, time.Since(begin))
	st := c.Stats()
	if want := uint64(n + 8 + 1 + 1); st.Blocks != want || st.Wrong != 0 {
		t.Errorf("fetched %+v, want %d blocks, each once", st, want)
	}
	if src.most > maxWindow {
		t.Errorf("%d wants outstanding", src.most)
	}
	// Now everything is here.
	checkTape(t, tape, n)
	if c.Stats() != st {
		t.Errorf("fetched again: %+v", c.Stats())
	}
}

func TestFetchBesideAWriter(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 300)
	dir := t.TempDir()
	r, err := store.Open(dir, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, Options{Store: r, Sources: []Source{&storeSource{s: origin, name: "peer"}}})
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		checkTape(t, tape, 300)
	}
	if st := c.Stats(); st.Blocks != 300+2+1+1 {
		t.Errorf("fetched %+v", st)
	}
	if err := c.Pull(t.Context(), p.Ref, "", nil); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("pulled into a store for reading only: %v", err)
	}
}

func TestOfflineMissing(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 10)
	c := newClient(t, Options{})
	var missing *MissingError
	if _, err := c.Open(t.Context(), p.Ref); !errors.As(err, &missing) || len(missing.Asked) != 0 || missing.CID != p.Ref.Manifest {
		t.Errorf("open: %v", err)
	}
}

// A note that nobody has is an error that says which, and who was asked, in bounded time; everything else arrives.
func TestMissingNote(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 300)
	m, err := manifest.Open(t.Context(), origin, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := m.Note(t.Context(), 123)
	if err != nil {
		t.Fatal(err)
	}
	silent := func(c cid.Cid) bool { return c == gone.CID }
	deny := func(c cid.Cid, data []byte) []byte {
		if c == gone.CID {
			return nil
		}
		return data
	}
	lie := func(c cid.Cid, data []byte) []byte {
		if c == gone.CID {
			return []byte("something else")
		}
		return data
	}
	for name, src := range map[string]*storeSource{
		"silent": {silent: silent},
		"denied": {change: deny},
		"wrong":  {change: lie},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src.s, src.name = origin, "peer A"
			c := newClient(t, Options{Sources: []Source{src}, Timeout: time.Second})
			tape, err := c.Open(t.Context(), p.Ref)
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			_, _, err = tape.NoteAt(t.Context(), gone.Start)
			var missing *MissingError
			if !errors.As(err, &missing) || !errors.Is(err, ErrUnavailable) {
				t.Fatalf("error %v", err)
			}
			for _, word := range []string{"note 123", gone.CID.String(), "peer A"} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
			if took := time.Since(begin); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
			if ok, err := c.o.Store.Has(t.Context(), gone.CID); ok || err != nil {
				t.Errorf("stored: %v, %v", ok, err)
			}
			// A pull says the same.
			if err := c.Pull(t.Context(), p.Ref, "", nil); !errors.As(err, &missing) || missing.CID != gone.CID {
				t.Errorf("pull: %v", err)
			}
			if pins, err := c.o.Store.Pins(t.Context()); err != nil || len(pins) != 0 {
				t.Errorf("pinned what is not complete: %v, %v", pins, err)
			}
			if name == "wrong" && c.Stats().Wrong == 0 {
				t.Error("no wrong block counted")
			}
		})
	}
}

// One bad source costs a bounded delay: the other is asked.
func TestSecondSource(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 700)
	all := func(cid.Cid) bool { return true }
	for name, bad := range map[string]*storeSource{
		"unreachable":         {refuse: errors.New("connection refused")},
		"silent":              {silent: all},
		"silent about a note": {silent: func(c cid.Cid) bool { return isNote(c) && c.Hash()[2] < 8 }},
		"has nothing":         {change: func(cid.Cid, []byte) []byte { return nil }},
		"lies": {change: func(_ cid.Cid, data []byte) []byte {
			data = bytes.Clone(data)
			data[len(data)/2] ^= 1
			return data
		}},
		"sends too much":       {change: func(cid.Cid, []byte) []byte { return make([]byte, 4<<20) }},
		"sends nothing at all": {change: func(cid.Cid, []byte) []byte { return []byte{} }},
		"breaks":               {breakAt: 50},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad.s, bad.name = origin, "bad"
			c := newClient(t, Options{Sources: []Source{bad, &storeSource{s: origin, name: "good"}}, Timeout: 5 * time.Second})
			begin := time.Now()
			if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Fatal(err)
			}
			t.Logf("took %v, %+v", time.Since(begin), c.Stats())
			tape, err := c.Open(t.Context(), p.Ref)
			if err != nil {
				t.Fatal(err)
			}
			checkTape(t, tape, 700)
			if n, err := c.o.Store.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); n == 0 || err != nil {
				t.Errorf("checked %d blocks, %v", n, err)
			}
		})
	}
}

// A connection that breaks and comes back costs nothing but time, and what has arrived is kept.
func TestBreaksHalfWay(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 500)
	src := &storeSource{s: origin, name: "peer", breakAt: 100}
	c := newClient(t, Options{Sources: []Source{src}})
	if err := c.Pull(t.Context(), p.Ref, "kept", nil); err != nil {
		t.Fatal(err)
	}
	if st := c.Stats(); st.Blocks != 500+2+1+1 {
		t.Errorf("fetched %+v", st)
	}

	// If it does not come back, the error says so, and a later pull goes on.
	src = &storeSource{s: origin, name: "peer", breakAt: 100}
	c = newClient(t, Options{Sources: []Source{src}, Timeout: 2 * time.Second})
	src.change = func(_ cid.Cid, data []byte) []byte {
		src.mu.Lock()
		defer src.mu.Unlock()
		if src.opened > 1 {
			src.refuse = errors.New("connection refused")
			return nil
		}
		return data
	}
	err := c.Pull(t.Context(), p.Ref, "kept", nil)
	if !errors.Is(err, ErrUnavailable) {
		t.Fatalf("pull: %v", err)
	}
	first := c.Stats().Blocks
	src2 := &storeSource{s: origin, name: "peer"}
	c2 := newClient(t, Options{Store: c.o.Store, Sources: []Source{src2}})
	if err := c2.Pull(t.Context(), p.Ref, "kept", nil); err != nil {
		t.Fatal(err)
	}
	if second := c2.Stats().Blocks; first == 0 || first+second != 504 {
		t.Errorf("fetched %d, then %d", first, second)
	}
}

// A damaged block of the store is fetched anew, or named.
func TestDamagedStore(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 300)
	s := openStore(t, store.Options{})
	src := &storeSource{s: origin, name: "peer"}
	c := newClient(t, Options{Store: s, Sources: []Source{src}})
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	damage(t, s)
	alone := newClient(t, Options{Store: s})
	_, err := alone.Open(t.Context(), p.Ref)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("open with a damaged manifest: %v", err)
	}
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	checkTape(t, tape, 300)
	if n, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); n != 304 || err != nil {
		t.Errorf("%d blocks, %v", n, err)
	}
}

func TestPullProgress(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 600)
	c := newClient(t, Options{Sources: []Source{&storeSource{s: origin, name: "peer"}}})
	var last Progress
	if err := c.Pull(t.Context(), p.Ref, "x", func(p Progress) {
		if p.Notes != last.Notes+1 || p.Bytes <= last.Bytes {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
	}); err != nil {
		t.Fatal(err)
	}
	if last != (Progress{600, 600, p.TapeSize, p.TapeSize}) {
		t.Errorf("ended with %+v", last)
	}
	if pins, err := c.o.Store.Pins(t.Context()); err != nil || len(pins) != 1 || pins[0] != (store.Pin{CID: p.Ref.Manifest, Name: "x"}) {
		t.Errorf("pins %v, %v", pins, err)
	}
	// Nobody is called for what is here.
	src := &storeSource{s: origin, name: "peer"}
	if err := newClient(t, Options{Store: c.o.Store, Sources: []Source{src}}).Pull(t.Context(), p.Ref, "x", nil); err != nil || src.opened > 0 {
		t.Errorf("called %d times, %v", src.opened, err)
	}
}

func TestCanceled(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 300)
	src := &storeSource{s: origin, name: "peer", silent: isNote}
	c := newClient(t, Options{Sources: []Source{src}, Timeout: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := c.Pull(ctx, p.Ref, "", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("pull: %v", err)
	}
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	tape.Prefetch(t.Context(), []codec.Span{{Pos: 0, Len: 1000}}) // left behind
	go func() {
		time.Sleep(50 * time.Millisecond)
		c.Close()
	}()
	if _, _, err := tape.NoteAt(t.Context(), 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("note while closing: %v", err)
	}
	if _, _, err := tape.NoteAt(t.Context(), 0); !errors.Is(err, ErrUnavailable) {
		t.Errorf("note after closing: %v", err)
	}
	tape.Prefetch(t.Context(), []codec.Span{{Pos: 0, Len: 1000}})
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestConcurrentReaders(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 600)
	src := &storeSource{s: origin, name: "peer"}
	c := newClient(t, Options{Sources: []Source{src}})
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			tape, err := c.Open(t.Context(), p.Ref)
			if err != nil {
				t.Error(err)
				return
			}
			tape.Prefetch(t.Context(), []codec.Span{{Pos: 0, Len: tape.Size() / 2}})
			checkTape(t, tape, 600)
		})
	}
	wg.Wait()
	if st := c.Stats(); st.Blocks != 600+3+1+1 {
		t.Errorf("fetched %+v, want each block once", st)
	}
}

// fixedAnchor is a registry with one dictionary.
type fixedAnchor struct {
	rec Record
	err error
}

func (a fixedAnchor) Head(context.Context, DictionaryID) (Record, error) { return a.rec, a.err }

func TestAnchored(t *testing.T) {
	origin := openStore(t, store.Options{})
	v1, v2, v3 := publish(t, origin, 100), publish(t, origin, 300), publish(t, origin, 600)
	other := openStore(t, store.Options{})
	e, err := NewPublisher(other).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	addNotes(t, e, 1000, 1300)
	fork, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	// The same notes, one of them said to be longer: root and size are those of v2.
	longer, err := manifest.Append(t.Context(), other, cid.Undef, func(yield func(manifest.Note, error) bool) {
		m, err := manifest.Open(t.Context(), origin, v2.Ref.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		for n, err := range m.Notes(t.Context(), 0) {
			if n.Index == 7 {
				n.RawLen++
			}
			if !yield(n, err) {
				return
			}
		}
	})
	if err != nil || longer.Version != v2.Ref.Version {
		t.Fatalf("%v, %v", longer, err)
	}

	down := errors.New("connection refused")
	tests := []struct {
		name   string
		head   codec.DictionaryRef
		anchor error
		ref    codec.DictionaryRef
		want   error
	}{
		{"head", v3.Ref, nil, v3.Ref, nil},
		{"earlier", v3.Ref, nil, v2.Ref, nil},
		{"first", v3.Ref, nil, v1.Ref, nil},
		{"newer than the registry", v1.Ref, nil, v2.Ref, ErrContradiction},
		{"nothing published", codec.DictionaryRef{}, nil, v2.Ref, ErrContradiction},
		{"fork, shorter", v3.Ref, nil, fork.Ref, ErrContradiction},
		{"fork, same size", v2.Ref, nil, fork.Ref, ErrContradiction},
		{"other lengths, same size", v2.Ref, nil, longer, ErrContradiction},
		{"other lengths, shorter", v3.Ref, nil, longer, ErrContradiction},
		{"registry's manifest is of another version", codec.DictionaryRef{Manifest: v1.Ref.Manifest, Version: v3.Ref.Version}, nil, v2.Ref, ErrContradiction},
		{"registry's manifest is nowhere", codec.DictionaryRef{Manifest: fork.Ref.Manifest, Version: v3.Ref.Version}, nil, v2.Ref, ErrUnavailable},
		{"chain does not answer", codec.DictionaryRef{}, down, v2.Ref, down},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newClient(t, Options{Sources: []Source{&storeSource{s: origin, name: "peer"}},
				Anchor: fixedAnchor{Record{Version: test.head.Version, Manifest: test.head.Manifest}, test.anchor}})
			tape, err := c.Open(t.Context(), test.ref)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if err == nil {
				checkTape(t, tape, int(test.ref.Size))
			}
		})
	}

	// A publisher who has anchored an honest root with the manifest of other notes: to whom a template names just the manifest, it is refused, too.
	c := newClient(t, Options{Sources: []Source{&storeSource{s: other, name: "peer"}},
		Anchor: fixedAnchor{rec: Record{Version: v2.Ref.Version, Manifest: fork.Ref.Manifest}}})
	if tape, err := c.OpenNamed(t.Context(), fork.Ref.Name()); !errors.Is(err, ErrContradiction) {
		t.Errorf("a manifest of other notes than the root's: opened %v, %v", tape, err)
	}
	if tape, err := c.OpenManifest(t.Context(), fork.Ref.Manifest); !errors.Is(err, ErrContradiction) {
		t.Errorf("a manifest of other notes than the root's, by its CID: opened %v, %v", tape, err)
	}

	// The blocks that only the old version has are gone everywhere: it is read from the newest.
	mirror := openStore(t, store.Options{})
	c = newClient(t, Options{Store: mirror, Sources: []Source{&storeSource{s: origin, name: "peer"}}})
	if err := c.Pull(t.Context(), v3.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	if ok, err := mirror.Has(t.Context(), v1.Ref.Manifest); ok || err != nil {
		t.Fatalf("the mirror has the old manifest: %v", err)
	}
	c = newClient(t, Options{Sources: []Source{&storeSource{s: mirror, name: "mirror"}},
		Anchor: fixedAnchor{rec: Record{Version: v3.Ref.Version, Manifest: v3.Ref.Manifest}}})
	tape, err := c.Open(t.Context(), v1.Ref)
	if err != nil {
		t.Fatal(err)
	}
	checkTape(t, tape, 100)
}

// A reference whose parts do not belong together is refused without a registry, too.
func TestWrongReference(t *testing.T) {
	s := openStore(t, store.Options{})
	p := publish(t, s, 10)
	c := newClient(t, Options{Store: s})
	bad := p.Ref
	bad.Root[5] ^= 1
	if _, err := c.Open(t.Context(), bad); !errors.Is(err, ErrContradiction) {
		t.Errorf("other root: %v", err)
	}
	bad = p.Ref
	bad.Size++
	if _, err := c.Open(t.Context(), bad); !errors.Is(err, ErrContradiction) {
		t.Errorf("other size: %v", err)
	}
	m, err := manifest.Open(t.Context(), s, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	n, err := m.Note(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	bad.Manifest = n.CID
	if _, err := c.Open(t.Context(), bad); !errors.Is(err, manifest.ErrInvalid) {
		t.Errorf("a note as manifest: %v", err)
	}
}

// A dictionary that lists blocks which are no notes, or lies about their lengths, is a contradiction, whoever
// sent them, and they are not stored.
func TestDictionaryOfNoNotes(t *testing.T) {
	s := openStore(t, store.Options{})
	junk := []byte("this is no zstd frame")
	c, err := codec.NoteCID(junk)
	if err != nil {
		t.Fatal(err)
	}
	good, err := codec.SealNote([]byte("a good note"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{s.Put(t.Context(), c, junk), s.Put(t.Context(), good.CID, good.Data)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	ref, err := manifest.Append(t.Context(), s, cid.Undef, func(yield func(manifest.Note, error) bool) {
		_ = yield(manifest.Note{CID: c, RawLen: 10}, nil) && yield(manifest.Note{CID: good.CID, RawLen: good.RawLen + 1}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	remote := newClient(t, Options{Sources: []Source{&storeSource{s: s, name: "peer"}}})
	for _, client := range []*Client{newClient(t, Options{Store: s}), remote} {
		tape, err := client.Open(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		for _, pos := range []uint64{0, 10} {
			if _, _, err := tape.NoteAt(t.Context(), pos); !errors.Is(err, ErrContradiction) || !errors.Is(err, codec.ErrNote) {
				t.Errorf("byte %d: %v", pos, err)
			}
		}
	}
	if ok, err := remote.o.Store.Has(t.Context(), c); ok || err != nil {
		t.Errorf("stored junk: %v", err)
	}
	r, err := NewAuditor(remote).Audit(t.Context(), Audit{Ref: ref})
	if err != nil || r.Contradictions != 2 || r.Unavailable != 0 || !errors.Is(r.Err(), ErrContradiction) {
		t.Errorf("audit: %+v, %v", r, err)
	}
}

func TestAudit(t *testing.T) {
	origin := openStore(t, store.Options{})
	var history []PublishedVersion
	var last Published
	for i, n := range []int{1, 100, 256, 600} {
		last = publish(t, origin, n)
		history = append(history, PublishedVersion{Number: uint64(i + 1), Version: last.Ref.Version, Manifest: last.Ref.Manifest})
	}
	head := Record{Versions: 4, Version: last.Ref.Version, Manifest: last.Ref.Manifest}
	a := NewAuditor(newClient(t, Options{Sources: []Source{&storeSource{s: origin, name: "peer"}}}))
	notes := 0
	r, err := a.Audit(t.Context(), Audit{Ref: last.Ref, Head: &head, History: history, Progress: func(Progress) { notes++ }})
	if err != nil || r.Err() != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.NotesOpened != 600 || notes != 600 || r.Versions != 4 || r.ComputedRoot != last.Ref.Root || r.TapeSize != last.TapeSize {
		t.Errorf("report %+v", r)
	}
	// An earlier version passes against the same head.
	if r, err := a.Audit(t.Context(), Audit{Ref: history[1].ref(), Head: &head, History: history[:2]}); err != nil || r.Err() != nil {
		t.Errorf("earlier version: %+v, %v", r, err)
	}

	expect := func(name, kind, what string, o Audit) {
		t.Helper()
		r, err := a.Audit(t.Context(), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]error{Contradiction: ErrContradiction, Unavailable: ErrUnavailable}[kind]
		if !errors.Is(r.Err(), want) || len(r.Findings) != 1 || r.Findings[0].Kind != kind || r.Findings[0].What != what {
			t.Errorf("%s: %s", name, out)
		}
	}
	forged := slices.Clone(history)
	forged[1].Root[0] ^= 1
	expect("forged history", Contradiction, "version 2", Audit{Ref: last.Ref, Head: &head, History: forged})
	forged = slices.Clone(history)
	forged[2].Manifest = history[0].Manifest
	expect("forged manifest in the history", Contradiction, "version 3", Audit{Ref: last.Ref, Head: &head, History: forged})
	forgedHead := head
	forgedHead.Root[0] ^= 1
	expect("forged head", Contradiction, "registry", Audit{Ref: last.Ref, Head: &forgedHead})
	forgedHead = head
	forgedHead.Size++
	expect("head beyond its manifest", Contradiction, "registry", Audit{Ref: last.Ref, Head: &forgedHead})
	expect("history shrinks", Contradiction, "version 2", Audit{Ref: last.Ref, History: []PublishedVersion{
		{Number: 1, Version: history[2].Version, Manifest: history[2].Manifest},
		{Number: 2, Version: history[1].Version, Manifest: history[1].Manifest}}})
	nowhere, err := codec.NoteCID([]byte("nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	expect("manifest that is nowhere", Unavailable, "manifest",
		Audit{Ref: codec.DictionaryRef{Manifest: cid.NewCidV1(cid.DagCBOR, nowhere.Hash()), Version: last.Ref.Version}})
	expect("manifest that is none", Contradiction, "manifest", Audit{Ref: codec.DictionaryRef{Manifest: nowhere, Version: last.Ref.Version}})

	// With notes gone and damaged at the only source.
	m, err := manifest.Open(t.Context(), origin, last.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	n, err := m.Note(t.Context(), 333)
	if err != nil {
		t.Fatal(err)
	}
	if err := origin.Delete(t.Context(), n.CID); err != nil {
		t.Fatal(err)
	}
	a = NewAuditor(newClient(t, Options{Sources: []Source{&storeSource{s: origin, name: "peer"}}}))
	expect("missing note", Unavailable, "note 333", Audit{Ref: last.Ref, Head: &head, History: history})
	if r, err := a.Audit(t.Context(), Audit{Ref: last.Ref}); err != nil || *r.Findings[0].Note != 333 || r.Findings[0].CID != n.CID.String() || r.NotesOpened != 599 || r.ComputedRoot != last.Ref.Root {
		t.Errorf("missing note: %+v, %v", r, err)
	}
}

// What stands behind a page that cannot be had is audited, too.
func TestAuditBehindAMissingPage(t *testing.T) {
	origin := openStore(t, store.Options{})
	p := publish(t, origin, 3*manifest.Fanout)
	m, err := manifest.Open(t.Context(), origin, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	var pages []cid.Cid
	var last manifest.Link
	if err := m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
		if l.Note && l.Index%manifest.Fanout == 0 {
			pages = append(pages, last.CID)
		}
		if l.Index == 2*manifest.Fanout+10 {
			return false, origin.Delete(t.Context(), l.CID)
		}
		last = l
		return true, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := origin.Delete(t.Context(), pages[1]); err != nil {
		t.Fatal(err)
	}
	r, err := NewAuditor(newClient(t, Options{Sources: []Source{&storeSource{s: origin, name: "peer"}}})).Audit(t.Context(), Audit{Ref: p.Ref})
	if err != nil || r.NotesOpened != 2*manifest.Fanout-1 || r.Unavailable != 2 || r.ComputedRoot != (merkle.Hash{}) { // of a part it would be no root
		t.Fatalf("%+v, %v", r, err)
	}
	if f := r.Findings[0]; f.CID != pages[1].String() || *r.Findings[1].Note != 2*manifest.Fanout+10 {
		t.Errorf("%+v", r.Findings)
	}
}

func ExampleReport() {
	r := &Report{Manifest: "bafy...", Size: 3}
	i := uint64(2)
	r.Add(Finding{Kind: Unavailable, What: "note 2", Note: &i, CID: "bafk...", Detail: "asked peer A for 30s"})
	fmt.Println(r.Err())
	// Output: the audit of bafy... found 1 notes or pages unavailable, the first: note 2: asked peer A for 30s
}
