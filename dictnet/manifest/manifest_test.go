package manifest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/merkle"
)

var errMissing = errors.New("no such block")

// memStore is a store of blocks in memory.
type memStore struct {
	mu     sync.Mutex
	blocks map[cid.Cid][]byte
	gets   int
}

func newMemStore() *memStore { return &memStore{blocks: make(map[cid.Cid][]byte)} }

func (s *memStore) Get(_ context.Context, c cid.Cid) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	if b, ok := s.blocks[c]; ok {
		return b, nil
	}
	return nil, errMissing
}

func (s *memStore) Put(_ context.Context, c cid.Cid, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks[c] = slices.Clone(data)
	return nil
}

// testNote makes up the name and length of note i.
func testNote(i uint64) Note {
	c, err := codec.NoteCID(binary.BigEndian.AppendUint64(nil, i))
	if err != nil {
		panic(err)
	}
	return Note{CID: c, RawLen: 1 + int(i*7919%codec.MaxNote)}
}

func testNotes(from, to uint64) iter.Seq2[Note, error] {
	return func(yield func(Note, error) bool) {
		for i := from; i < to; i++ {
			if !yield(testNote(i), nil) {
				return
			}
		}
	}
}

func mustAppend(t testing.TB, s Store, base cid.Cid, from, to uint64) codec.DictionaryRef {
	t.Helper()
	ref, err := Append(t.Context(), s, base, testNotes(from, to))
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func mustOpen(t testing.TB, s Getter, c cid.Cid) *Manifest {
	t.Helper()
	m, err := Open(t.Context(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var edges = []uint64{0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 1000, 65535, 65536, 65537, 65536 + 256, 65536 + 257}

// The root in the manifest is the RFC 9162 root over the notes, computed here without any page.
func TestRootIsThatOfTheNotes(t *testing.T) {
	for _, size := range edges {
		var leaves []merkle.Hash
		var length uint64
		for i := range size {
			n := testNote(i)
			leaves = append(leaves, merkle.LeafHash(n.CID.Bytes()))
			length += uint64(n.RawLen)
		}
		s := newMemStore()
		ref := mustAppend(t, s, cid.Undef, 0, size)
		if want := (merkle.Version{Size: size, Root: merkle.Root(leaves)}); ref.Version != want {
			t.Errorf("%d notes: version %v, want %v", size, ref.Version, want)
		}
		m := mustOpen(t, s, ref.Manifest)
		if m.Ref() != ref || m.TapeSize() != length {
			t.Errorf("%d notes: opened as %v with %d bytes, want %v with %d", size, m.Ref(), m.TapeSize(), ref, length)
		}
	}
}

// However a dictionary grew, its manifest is the same.
func TestSameNotesSameBytes(t *testing.T) {
	whole := newMemStore()
	for _, size := range edges {
		want := mustAppend(t, whole, cid.Undef, 0, size)
		for _, step := range []uint64{1, 100, 256, 257, 65536} {
			if size > 1000 && (step < 256 || size != 65537) || size > 600 && step < 100 {
				continue
			}
			s := newMemStore()
			ref := mustAppend(t, s, cid.Undef, 0, 0)
			for from := uint64(0); from < size; from += step {
				ref = mustAppend(t, s, ref.Manifest, from, min(from+step, size))
			}
			if ref != want {
				t.Fatalf("%d notes in steps of %d: %v, want %v", size, step, ref, want)
			}
			// The pieces left nothing out.
			if err := mustOpen(t, s, ref.Manifest).Load(t.Context(), nil); err != nil {
				t.Fatalf("%d notes in steps of %d: %v", size, step, err)
			}
		}
	}
}

// One appender can end several versions.
func TestFinishMoreThanOnce(t *testing.T) {
	s := newMemStore()
	a, err := NewAppender(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(600) {
		if slices.Contains([]uint64{0, 1, 255, 256, 257, 512, 513}, i) {
			got, err := a.Finish(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := mustAppend(t, newMemStore(), cid.Undef, 0, i); got != want {
				t.Fatalf("after %d notes: %v, want %v", i, got, want)
			}
		}
		n := testNote(i)
		if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLocate(t *testing.T) {
	for _, size := range []uint64{1, 2, 256, 257, 1000, 65537} {
		s := newMemStore()
		m := mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, size).Manifest)
		var start uint64
		for i := range size {
			want := testNote(i)
			want.Index, want.Start = i, start
			end := start + uint64(want.RawLen)
			if i < 300 || i > size-300 {
				for _, pos := range []uint64{start, (start + end) / 2, end - 1} {
					if got, err := m.Locate(t.Context(), pos); err != nil || got != want {
						t.Fatalf("%d notes: byte %d is in %v, %v; want %v", size, pos, got, err, want)
					}
				}
				if got, err := m.Note(t.Context(), i); err != nil || got != want {
					t.Fatalf("%d notes: note %d is %v, %v; want %v", size, i, got, err, want)
				}
			}
			start = end
		}
		if _, err := m.Locate(t.Context(), start); err == nil {
			t.Errorf("%d notes: found a byte beyond the tape", size)
		}
		if _, err := m.Note(t.Context(), size); err == nil {
			t.Errorf("%d notes: found note %d", size, size)
		}
	}
}

// Of notes of ten bytes: where spans begin, end, overlap, touch nothing and come back.
func TestNotesOf(t *testing.T) {
	asked := 0
	locate := func(_ context.Context, pos uint64) (Note, error) {
		asked++
		if pos >= 100 {
			return Note{}, errMissing
		}
		return Note{Index: pos / 10, Start: pos / 10 * 10, RawLen: 10}, nil
	}
	for _, c := range []struct {
		spans []codec.Span
		want  []uint64 // notes
		err   error
	}{
		{nil, nil, nil},
		{[]codec.Span{{Pos: 5}}, nil, nil},
		{[]codec.Span{{Pos: 0, Len: 10}}, []uint64{0}, nil},
		{[]codec.Span{{Pos: 9, Len: 2}}, []uint64{0, 1}, nil},
		{[]codec.Span{{Pos: 5, Len: 20}, {Pos: 25, Len: 1}, {Pos: 28, Len: 12}}, []uint64{0, 1, 2, 3}, nil},
		{[]codec.Span{{Pos: 50, Len: 5}, {Pos: 0, Len: 1}, {Pos: 55, Len: 5}}, []uint64{5, 0, 5}, nil},
		{[]codec.Span{{Pos: 95, Len: 10}, {Pos: 0, Len: 1}}, []uint64{9}, errMissing},
	} {
		asked = 0
		var got []uint64
		var failed error
		for n, err := range NotesOf(t.Context(), c.spans, locate) {
			if failed = err; err == nil {
				got = append(got, n.Index)
			}
		}
		if !slices.Equal(got, c.want) || !errors.Is(failed, c.err) || c.err == nil && asked != len(got) {
			t.Errorf("%v: notes %v, %v, after %d questions; want %v, %v", c.spans, got, failed, asked, c.want, c.err)
		}
	}
	for range NotesOf(t.Context(), []codec.Span{{Pos: 0, Len: 100}}, locate) {
		break
	}
}

func TestNotes(t *testing.T) {
	s := newMemStore()
	const size = 40*256 + 17
	m := mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, size).Manifest)
	for _, from := range []uint64{0, 1, 255, 256, 300, size - 1, size, size + 1} {
		i := from
		for n, err := range m.Notes(t.Context(), from) {
			if err != nil {
				t.Fatal(err)
			}
			want, err := m.Note(t.Context(), i)
			if err != nil || n != want {
				t.Fatalf("from %d: note %v, want %v, %v", from, n, want, err)
			}
			i++
		}
		if i != max(size, from) {
			t.Errorf("from %d: ended at note %d", from, i)
		}
	}
}

// Proofs derived from pages pass the checks, and a client needs only a few blocks for one.
func TestProofsFromPages(t *testing.T) {
	versions := make(map[uint64]merkle.Version)
	for _, size := range edges {
		versions[size] = mustAppend(t, newMemStore(), cid.Undef, 0, size).Version
	}
	for _, size := range edges[1:] {
		s := newMemStore()
		ref := mustAppend(t, s, cid.Undef, 0, size)
		for _, i := range []uint64{0, size / 3, size - 1} {
			m := mustOpen(t, s, ref.Manifest)
			s.gets = 0
			proof, err := merkle.ProveInclusion(t.Context(), m, i, size)
			if err != nil {
				t.Fatal(err)
			}
			leaf := merkle.LeafHash(testNote(i).CID.Bytes())
			if err := merkle.CheckInclusion(ref.Version, i, leaf, proof); err != nil {
				t.Errorf("note %d of %d: %v", i, size, err)
			}
			if s.gets > 9 {
				t.Errorf("note %d of %d: proof took %d blocks", i, size, s.gets)
			}
		}
		for _, old := range edges {
			if old > size {
				continue
			}
			m := mustOpen(t, s, ref.Manifest)
			root, err := merkle.RootAt(t.Context(), m, old)
			if err != nil {
				t.Fatal(err)
			}
			was := versions[old]
			if root != was.Root {
				t.Fatalf("root of the first %d of %d notes: %s, want %s", old, size, root, was.Root)
			}
			proof, err := merkle.ProveConsistency(t.Context(), m, old, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := merkle.CheckConsistency(was, ref.Version, proof); err != nil {
				t.Errorf("%d notes extend %d: %v", size, old, err)
			}
		}
	}
}

func TestNodesThatAreNotComplete(t *testing.T) {
	s := newMemStore()
	m := mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, 300).Manifest)
	for _, id := range []merkle.NodeID{{Level: 0, Index: 300}, {Level: 8, Index: 1}, {Level: 9}, {Level: 64}, {Level: 255}} {
		if _, err := m.Nodes(t.Context(), []merkle.NodeID{id}); err == nil {
			t.Errorf("got a hash for %v", id)
		}
	}
}

func TestWalk(t *testing.T) {
	for _, size := range []uint64{0, 1, 256, 257, 1000, 65537} {
		s := newMemStore()
		m := mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, size).Manifest)
		seen := make(map[cid.Cid]bool)
		var notes uint64
		err := m.Walk(t.Context(), func(l Link) (bool, error) {
			if l.Note {
				if l.Index != notes || l.CID != testNote(notes).CID {
					return false, fmt.Errorf("visited %v as note %d", l, notes)
				}
				notes++
			}
			seen[l.CID] = true
			return true, nil
		})
		if err != nil || notes != size {
			t.Errorf("%d notes: walked %d, %v", size, notes, err)
		}
		for c := range s.blocks {
			if !seen[c] {
				t.Errorf("%d notes: block %s was written and is not reached", size, c)
			}
		}
		var blocks uint64
		if err := m.Load(t.Context(), func(n uint64) { blocks = n }); err != nil {
			t.Error(err)
		}
		if size > 0 && blocks != uint64(len(s.blocks)) {
			t.Errorf("%d notes: loaded %d blocks of %d", size, blocks, len(s.blocks))
		}
	}
}

func TestCheckExtends(t *testing.T) {
	s := newMemStore()
	versions := make(map[uint64]cid.Cid)
	for _, size := range edges {
		versions[size] = mustAppend(t, s, cid.Undef, 0, size).Manifest
	}
	for _, old := range edges {
		a := mustOpen(t, s, versions[old])
		for _, size := range edges {
			b := mustOpen(t, s, versions[size])
			err := b.CheckExtends(t.Context(), a)
			if size >= old && err != nil {
				t.Errorf("%d notes extend %d: %v", size, old, err)
			}
			if size < old && !errors.Is(err, ErrFork) {
				t.Errorf("%d notes extend %d: error %v", size, old, err)
			}
		}
	}
}

// A second history that shares all notes but one, or all notes but one length, is told apart.
func TestForks(t *testing.T) {
	for _, size := range []uint64{1, 2, 255, 256, 257, 600, 65537} {
		for _, at := range []uint64{0, size / 2, size - 1} {
			if size > 1000 && at != size/2 {
				continue
			}
			s := newMemStore()
			old := mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, size).Manifest)
			forge := func(change func(*Note)) *Manifest {
				ref, err := Append(t.Context(), s, cid.Undef, func(yield func(Note, error) bool) {
					for n := range testNotes(0, size+5) {
						if n.CID == testNote(at).CID {
							change(&n)
						}
						yield(n, nil)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
				return mustOpen(t, s, ref.Manifest)
			}
			var fork *ForkError
			other := forge(func(n *Note) { n.CID = testNote(1 << 40).CID })
			if err := other.CheckExtends(t.Context(), old); !errors.As(err, &fork) || fork.At == old.Ref().Root {
				t.Errorf("%d notes, note %d replaced: %v", size, at, err)
			}
			longer := forge(func(n *Note) { n.RawLen++ })
			if err := longer.CheckExtends(t.Context(), old); !errors.As(err, &fork) || fork.At != old.Ref().Root {
				t.Errorf("%d notes, note %d longer: %v", size, at, err)
			}
		}
	}
}

func TestAddRefusesWhatIsNoNote(t *testing.T) {
	good := testNote(1)
	bad := map[string]Note{
		"no CID":         {RawLen: 1},
		"dag-cbor CID":   {CID: cid.NewCidV1(cid.DagCBOR, good.CID.Hash()), RawLen: 1},
		"CIDv0":          {CID: cid.NewCidV0(good.CID.Hash()), RawLen: 1},
		"no bytes":       {CID: good.CID},
		"too many bytes": {CID: good.CID, RawLen: codec.MaxNote + 1},
	}
	for name, n := range bad {
		a, err := NewAppender(t.Context(), newMemStore(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(t.Context(), n.CID, n.RawLen); err == nil {
			t.Errorf("%s: added", name)
		}
		if a.Size() != 0 || a.TapeSize() != 0 {
			t.Errorf("%s: counted", name)
		}
	}
}

type discard struct{ blocks, bytes int }

func (d *discard) Get(context.Context, cid.Cid) ([]byte, error) { return nil, errMissing }
func (d *discard) Put(_ context.Context, _ cid.Cid, data []byte) error {
	d.blocks++
	d.bytes += len(data)
	if len(data) > MaxBlock {
		return fmt.Errorf("block of %d bytes", len(data))
	}
	return nil
}

// Memory does not grow with the number of notes: only the right edge is held.
func TestAppenderHoldsTheRightEdge(t *testing.T) {
	d := new(discard)
	a, err := NewAppender(t.Context(), d, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := testNote(0).CID
	for range 300_000 {
		if err := a.Add(t.Context(), c, codec.MaxNote); err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, l := range a.levels {
			held += len(l)
		}
		if held > 3*Fanout {
			t.Fatalf("%d entries held", held)
		}
	}
}

func TestAppendFailures(t *testing.T) {
	broken := errors.New("sample cannot be read")
	s := newMemStore()
	if _, err := Append(t.Context(), s, cid.Undef, func(yield func(Note, error) bool) {
		_ = yield(testNote(0), nil) && yield(Note{}, broken)
	}); !errors.Is(err, broken) {
		t.Errorf("error of the notes: %v", err)
	}
	if _, err := Append(t.Context(), s, cidOf(codecNode, digest{1}), testNotes(0, 1)); !errors.Is(err, errMissing) {
		t.Errorf("base that is not there: %v", err)
	}
	if _, err := Append(t.Context(), s, testNote(1).CID, testNotes(0, 1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("base that is no manifest: %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	d := new(discard)
	a, err := NewAppender(b.Context(), d, nil)
	if err != nil {
		b.Fatal(err)
	}
	c := testNote(0).CID
	for b.Loop() {
		if err := a.Add(b.Context(), c, 100_000); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(d.bytes)/float64(b.N), "B/note")
}

// Every earlier version can be had from a later one, under the name that it was published under.
func TestPrefix(t *testing.T) {
	s := newMemStore()
	versions := make(map[uint64]codec.DictionaryRef)
	for _, size := range edges {
		versions[size] = mustAppend(t, s, cid.Undef, 0, size)
	}
	for _, size := range edges {
		m := mustOpen(t, s, versions[size].Manifest)
		for _, old := range edges {
			out := newMemStore()
			got, err := m.Prefix(t.Context(), out, old)
			if old > size {
				if err == nil {
					t.Errorf("%d notes have a prefix of %d", size, old)
				}
				continue
			}
			if err != nil || got != versions[old] {
				t.Fatalf("first %d of %d notes: %v, %v; want %v", old, size, got, err, versions[old])
			}
			// With the blocks of the later version, those written make the earlier one complete.
			for c := range out.blocks {
				if s.blocks[c] == nil {
					t.Errorf("first %d of %d notes: wrote %s, which the version does not have", old, size, c)
				}
			}
			if len(out.blocks) > 4 {
				t.Errorf("first %d of %d notes: wrote %d blocks", old, size, len(out.blocks))
			}
		}
	}
}
