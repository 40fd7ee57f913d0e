package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/merkle"
)

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func seal(t testing.TB, raw string) codec.Block {
	t.Helper()
	b, err := codec.SealNote([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// putDictionary stores a dictionary of the notes and its manifest, after those of base.
func putDictionary(t testing.TB, s *Store, base cid.Cid, notes ...string) codec.DictionaryRef {
	t.Helper()
	var blocks []codec.Block
	for _, raw := range notes {
		b := seal(t, raw)
		if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	ref, err := manifest.Append(t.Context(), s, base, func(yield func(manifest.Note, error) bool) {
		for _, b := range blocks {
			if !yield(manifest.Note{CID: b.CID, RawLen: b.RawLen}, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// packOf returns the path of the pack that a block is in, and where in it its bytes begin.
func packOf(t testing.TB, s *Store, c cid.Cid) (path string, at int64) {
	t.Helper()
	r, err := s.packs.find(digestOf(c))
	if err != nil {
		t.Fatal(err)
	}
	return s.packs.packPath(r.pack), r.offset() + recordHeader
}

// overwrite puts other bytes in place of the first ones of a block.
func overwrite(t testing.TB, s *Store, c cid.Cid, data []byte) {
	t.Helper()
	path, at := packOf(t, s, c)
	writeTo(t, path, data, at)
}

func writeTo(t testing.TB, path string, data []byte, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(data, at); err != nil {
		t.Fatal(err)
	}
}

// usedAt makes a block seem to have been used at a time.
func usedAt(t testing.TB, s *Store, c cid.Cid, when time.Time) {
	t.Helper()
	table := mustTable(t, s)
	at, _, ok, err := table.find(keyOf(digestOf(c)))
	if err == nil && ok {
		err = table.use(at, uint32(when.Unix()/60))
	}
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// lastUse returns when a block was used.
func lastUse(t testing.TB, s *Store, c cid.Cid) time.Time {
	t.Helper()
	_, slot, ok, err := mustTable(t, s).find(keyOf(digestOf(c)))
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	return time.Unix(int64(slot.used)*60, 0)
}

func mustTable(t testing.TB, s *Store) *table {
	t.Helper()
	table, err := s.packs.index()
	if err != nil || table == nil {
		t.Fatal("no index:", err)
	}
	return table
}

func mustName(data []byte) cid.Cid {
	c, err := codec.NoteCID(data)
	if err != nil {
		panic(err)
	}
	return c
}

func TestBlocks(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	b := seal(t, "a note")
	if _, err := s.Get(t.Context(), b.CID); !errors.Is(err, ErrMissing) || errors.Is(err, ErrStorage) {
		t.Errorf("block that is not there: %v", err)
	}
	for range 2 { // putting twice is putting once
		if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
			t.Fatal(err)
		}
	}
	check := func(s *Store) {
		t.Helper()
		if got, err := s.Get(t.Context(), b.CID); err != nil || !bytes.Equal(got, b.Data) {
			t.Errorf("got %q, %v", got, err)
		}
		if ok, err := s.Has(t.Context(), b.CID); !ok || err != nil {
			t.Errorf("has: %v, %v", ok, err)
		}
		if st, err := s.Stats(t.Context()); err != nil || st != (Stats{Blocks: 1, Bytes: uint64(len(b.Data))}) {
			t.Errorf("stats %v, %v", st, err)
		}
	}
	check(s)
	beside := mustOpen(t, dir, Options{ReadOnly: true})
	check(beside)
	if err := s.Sync(t.Context()); err != nil {
		t.Error(err)
	}
	s.Close()
	check(beside)
	check(mustOpen(t, dir, Options{}))
	s = mustOpen(t, t.TempDir(), Options{})
	if err := s.Delete(t.Context(), b.CID); err != nil {
		t.Errorf("delete what is not there: %v", err)
	}
}

// Nothing gets into the store under a name that is not its own.
func TestPutRefuses(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	b := seal(t, "a note")
	tests := map[string]struct {
		c    cid.Cid
		data []byte
	}{
		"other bytes":  {b.CID, []byte("another note")},
		"no bytes":     {b.CID, nil},
		"no CID":       {cid.Undef, b.Data},
		"CIDv0":        {cid.NewCidV0(b.CID.Hash()), b.Data},
		"dag-pb":       {cid.NewCidV1(cid.DagProtobuf, b.CID.Hash()), b.Data},
		"larger block": {mustName(make([]byte, MaxBlock+1)), make([]byte, MaxBlock+1)},
	}
	for name, test := range tests {
		if err := s.Put(t.Context(), test.c, test.data); err == nil {
			t.Errorf("%s: stored", name)
		}
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Blocks != 0 {
		t.Errorf("left %v, %v", st, err)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{Command: "dictnet build"})
	_, err := Open(dir, Options{})
	var locked *LockedError
	if !errors.As(err, &locked) || !errors.Is(err, ErrStorage) {
		t.Fatalf("second writer: %v", err)
	}
	if want := fmt.Sprintf("process %d (dictnet build)", os.Getpid()); locked.Holder != want {
		t.Errorf("holder %q, want %q", locked.Holder, want)
	}
	s.Close()
	mustOpen(t, dir, Options{})
}

func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	ref := putDictionary(t, s, cid.Undef, "one", "two")
	if err := s.Pin(t.Context(), ref.Manifest, "kept"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDictionary(t.Context(), Dictionary{Name: "d", Current: ref}); err != nil {
		t.Fatal(err)
	}

	r := mustOpen(t, dir, Options{ReadOnly: true})
	if ds, err := r.Dictionaries(); err != nil || len(ds) != 1 || ds[0].Current != ref {
		t.Errorf("dictionaries %v, %v", ds, err)
	}
	if pins, err := r.Pins(t.Context()); err != nil || len(pins) != 1 || pins[0] != (Pin{ref.Manifest, "kept"}) {
		t.Errorf("pins %v, %v", pins, err)
	}
	b := seal(t, "three")
	_, collect := r.Collect(t.Context(), false)
	for op, err := range map[string]error{
		"put":     r.Put(t.Context(), b.CID, b.Data),
		"delete":  r.Delete(t.Context(), b.CID),
		"pin":     r.Pin(t.Context(), ref.Manifest, ""),
		"unpin":   r.Unpin(t.Context(), ref.Manifest),
		"name":    r.SetDictionary(t.Context(), Dictionary{Name: "e", Current: ref}),
		"forget":  r.RemoveDictionary("d"),
		"collect": collect,
	} {
		if !errors.Is(err, ErrReadOnly) || !errors.Is(err, ErrStorage) {
			t.Errorf("%s: %v", op, err)
		}
	}
	// A home that is still empty can be read, too.
	r = mustOpen(t, filepath.Join(t.TempDir(), "new"), Options{ReadOnly: true})
	if pins, err := r.Pins(t.Context()); err != nil || pins != nil {
		t.Errorf("pins %v, %v", pins, err)
	}
	if _, err := r.Get(t.Context(), b.CID); !errors.Is(err, ErrMissing) {
		t.Errorf("block of an empty home: %v", err)
	}
	if st, err := r.Stats(t.Context()); err != nil || st.Blocks != 0 {
		t.Errorf("blocks of an empty home: %v, %v", st, err)
	}
}

// A block damaged on disk is never taken for the note: not when verifying, not by the reader of notes, and a
// good copy takes its place.
func TestDamagedBlocks(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"flipped bit": func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"zeros":       func(b []byte) []byte { return make([]byte, len(b)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, dir, Options{})
			b := seal(t, strings.Repeat("a note that compresses to some bytes. ", 9))
			if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
				t.Fatal(err)
			}
			overwrite(t, s, b.CID, damage(bytes.Clone(b.Data)))
			data, err := s.Get(t.Context(), b.CID)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := codec.OpenNote(b.CID, data); !errors.Is(err, codec.ErrNote) {
				t.Errorf("opened: %v", err)
			}
			served := mustOpen(t, dir, Options{ReadOnly: true}).Blocks()
			if _, err := served.Get(t.Context(), b.CID); !ipld.IsNotFound(err) {
				t.Errorf("served: %v", err)
			}
			var bad []cid.Cid
			n, err := s.Check(t.Context(), func(c cid.Cid, err error) { bad = append(bad, c) })
			if n != 1 || err != nil || len(bad) != 1 || digestOf(bad[0]) != digestOf(b.CID) {
				t.Errorf("check of %d blocks found %v, %v", n, bad, err)
			}
			if err := s.Replace(t.Context(), b.CID, b.Data); err != nil {
				t.Fatal(err)
			}
			if got, err := served.Get(t.Context(), b.CID); err != nil || !bytes.Equal(got.RawData(), b.Data) {
				t.Errorf("served after repair: %v, %v", got, err)
			}
		})
	}
}

// A pack that was cut loses what was there, and nothing else; it can be put again.
func TestCutPacks(t *testing.T) {
	first, b := seal(t, "first"), seal(t, strings.Repeat("a note", 99))
	for cut := int64(0); cut < recordHeader+int64(len(b.Data)); cut += 7 {
		s := mustOpen(t, t.TempDir(), Options{})
		for _, b := range []codec.Block{first, b} {
			if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
				t.Fatal(err)
			}
		}
		path, at := packOf(t, s, b.CID)
		if err := os.Truncate(path, at-recordHeader+cut); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Store{s, mustOpen(t, s.dir, Options{ReadOnly: true})} {
			if data, err := s.Get(t.Context(), b.CID); !errors.Is(err, ErrMissing) {
				t.Errorf("%d bytes left: %q, %v", cut, data, err)
			}
			if got, err := s.Get(t.Context(), first.CID); err != nil || !bytes.Equal(got, first.Data) {
				t.Errorf("%d bytes left: before it %q, %v", cut, got, err)
			}
		}
		s.Close()
		s = mustOpen(t, s.dir, Options{})
		if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
			t.Fatal(err)
		}
		for _, b := range []codec.Block{first, b} {
			if got, err := s.Get(t.Context(), b.CID); err != nil || !bytes.Equal(got, b.Data) {
				t.Errorf("%d bytes left, put again: %q, %v", cut, got, err)
			}
		}
		if n, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(c, err) }); n != 2 || err != nil {
			t.Errorf("%d bytes left: checked %d, %v", cut, n, err)
		}
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	v1 := putDictionary(t, s, cid.Undef, "one")
	v2 := putDictionary(t, s, v1.Manifest, "two")
	d := Dictionary{
		Name: "typescript-5.9", Current: v2, TapeSize: 6, Lineage: []codec.DictionaryRef{v1},
		Anchor: &Anchor{Chain: "eip155:31337", Registry: "0xabc", Dictionary: "0xdef"},
	}
	if _, err := s.Dictionary(d.Name); !errors.Is(err, ErrNoDictionary) {
		t.Errorf("before: %v", err)
	}
	if err := s.SetDictionary(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = mustOpen(t, dir, Options{})
	got, err := s.Dictionary(d.Name)
	if err != nil || got.Current != v2 || got.TapeSize != 6 || len(got.Lineage) != 1 || got.Lineage[0] != v1 || *got.Anchor != *d.Anchor {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := s.SetDictionary(t.Context(), Dictionary{Name: "a", Current: v1}); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(dir, "names", ".new-123"), []byte("{"), 0o644) // left by a killed process
	if ds, err := s.Dictionaries(); err != nil || len(ds) != 2 || ds[0].Name != "a" || ds[1].Name != d.Name {
		t.Errorf("listed %v, %v", ds, err)
	}
	if err := s.RemoveDictionary("a"); err != nil {
		t.Error(err)
	}
	if err := s.RemoveDictionary("a"); !errors.Is(err, ErrNoDictionary) {
		t.Errorf("removed twice: %v", err)
	}
	os.WriteFile(s.nameFile("broken"), []byte("{"), 0o644)
	if _, err := s.Dictionary("broken"); !errors.Is(err, ErrStorage) || !strings.Contains(err.Error(), "broken.json") {
		t.Errorf("broken file: %v", err)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/b", "-x", "x.car", "x.CAR", "ünlaut", "a b", "eip155:1", strings.Repeat("x", 101), v1.Manifest.String()} {
		if CheckName(name) == nil {
			t.Errorf("name %q allowed", name)
		}
		if _, err := s.Dictionary(name); !errors.Is(err, ErrNoDictionary) {
			t.Errorf("dictionary %q: %v", name, err)
		}
		if s.SetDictionary(t.Context(), Dictionary{Name: name, Current: v1}) == nil {
			t.Errorf("dictionary %q set", name)
		}
	}
}

func TestPins(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	a, b := putDictionary(t, s, cid.Undef, "one"), putDictionary(t, s, cid.Undef, "two")
	if err := s.Pin(t.Context(), seal(t, "nowhere").CID, ""); !errors.Is(err, ErrMissing) {
		t.Errorf("pinned what is not there: %v", err)
	}
	for _, name := range []string{"x", "x", "y"} {
		if err := s.Pin(t.Context(), a.Manifest, name); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Pin(t.Context(), b.Manifest, ""); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = mustOpen(t, dir, Options{})
	pins, err := s.Pins(t.Context())
	if err != nil || len(pins) != 2 {
		t.Fatalf("pins %v, %v", pins, err)
	}
	for _, p := range pins {
		if p != (Pin{a.Manifest, "y"}) && p != (Pin{b.Manifest, ""}) {
			t.Errorf("pin %v", p)
		}
	}
	if err := s.Unpin(t.Context(), a.Manifest); err != nil {
		t.Error(err)
	}
	if err := s.Unpin(t.Context(), a.Manifest); !errors.Is(err, ErrNotPinned) {
		t.Errorf("unpinned twice: %v", err)
	}
}

// What is pinned is kept wherever the home lies: its path is no pattern.
func TestCollectInOddPlace(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "notes [old]"), Options{})
	ref := putDictionary(t, s, cid.Undef, "a note")
	if err := s.Pin(t.Context(), ref.Manifest, ""); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Collect(t.Context(), false); err != nil || r.Kept != 3 || r.Removed != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestCollect(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	pinned := putDictionary(t, s, cid.Undef, "pinned one", "shared")
	v1 := putDictionary(t, s, cid.Undef, "named one", "shared")
	v2 := putDictionary(t, s, v1.Manifest, "named two")
	loose := putDictionary(t, s, cid.Undef, "loose", "shared")
	if err := s.Pin(t.Context(), pinned.Manifest, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDictionary(t.Context(), Dictionary{Name: "d", Current: v2, Lineage: []codec.DictionaryRef{v1}}); err != nil {
		t.Fatal(err)
	}
	dry, err := s.Collect(t.Context(), true)
	if err != nil || dry.Removed != 3 { // the note, the page and the manifest of the loose one
		t.Fatalf("dry run: %+v, %v", dry, err)
	}
	got, err := s.Collect(t.Context(), false)
	if err != nil || got != dry {
		t.Fatalf("collected %+v, %v; dry run said %+v", got, err, dry)
	}
	complete := func(ref codec.DictionaryRef) error {
		m, err := manifest.Open(t.Context(), s, ref.Manifest)
		if err != nil {
			return err
		}
		return m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
			_, err := s.Get(t.Context(), l.CID)
			return true, err
		})
	}
	for _, ref := range []codec.DictionaryRef{pinned, v1, v2} {
		if err := complete(ref); err != nil {
			t.Errorf("after collection: %v", err)
		}
	}
	if err := complete(loose); !errors.Is(err, ErrMissing) {
		t.Errorf("loose dictionary: %v", err)
	}

	// With a page of a kept dictionary gone, nothing else is lost.
	loose = putDictionary(t, s, cid.Undef, "loose")
	m, err := manifest.Open(t.Context(), s, pinned.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
		if l.CID != pinned.Manifest && !l.Note {
			s.Delete(t.Context(), l.CID)
		}
		return true, nil
	})
	if _, err := s.Collect(t.Context(), false); !errors.Is(err, ErrMissing) {
		t.Errorf("collection with a page missing: %v", err)
	}
	if err := complete(loose); err != nil {
		t.Errorf("after refused collection: %v", err)
	}
	if err := s.Unpin(t.Context(), pinned.Manifest); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveDictionary("d"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collect(t.Context(), false); err != nil {
		t.Error(err)
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Blocks != 0 {
		t.Errorf("left %v, %v", st, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	r := mustOpen(t, dir, Options{ReadOnly: true})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				b := seal(t, fmt.Sprint("note ", i, " of ", g/2)) // two write the same
				if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
					t.Error(err)
				}
				for _, s := range []*Store{s, r} {
					if got, err := s.Get(t.Context(), b.CID); err != nil || !bytes.Equal(got, b.Data) {
						t.Errorf("got %q, %v", got, err)
					}
				}
			}
			ref := codec.DictionaryRef{Manifest: seal(t, "x").CID, Version: merkle.Version{Size: uint64(g + 1)}}
			if err := s.SetDictionary(t.Context(), Dictionary{Name: fmt.Sprint("d", g), Current: ref}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			for range 3 {
				if _, err := r.Pins(t.Context()); err != nil {
					t.Error(err)
				}
				b := seal(t, fmt.Sprint("pinned by ", g))
				if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
					t.Error(err)
				}
				if err := s.Pin(t.Context(), b.CID, ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if ds, err := r.Dictionaries(); err != nil || len(ds) != 8 {
		t.Errorf("%d dictionaries, %v", len(ds), err)
	}
	if pins, err := r.Pins(t.Context()); err != nil || len(pins) != 8 {
		t.Errorf("%d pins, %v", len(pins), err)
	}
}

func TestCanceled(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	ref := putDictionary(t, s, cid.Undef, "one")
	if err := s.Pin(t.Context(), ref.Manifest, ""); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Collect(ctx, false); !errors.Is(err, context.Canceled) || errors.Is(err, ErrStorage) {
		t.Errorf("collect: %v", err)
	}
	if ok, err := s.Has(t.Context(), ref.Manifest); !ok || err != nil {
		t.Errorf("after a canceled collection: %v, %v", ok, err)
	}
}

// A disk that refuses to write, as a full one does, is an ErrStorage that names the block. Nothing is there under its name, and when the
// disk takes it, all is well. It is tried with every write that can fail.
func TestDiskRefuses(t *testing.T) {
	broken := errors.New("the disk refuses")
	large := []byte(noise(1, smallBlock+1))
	for fail := range 4 { // of the writes: a small block, the bytes and the head of a large one, none
		for part := range 2 {
			s := mustOpen(t, t.TempDir(), Options{})
			writes := 0
			s.packs.o.write = func(f *os.File, b []byte, at int64) (int, error) {
				writes++
				if writes-1 != fail {
					return f.WriteAt(b, at)
				}
				n, _ := f.WriteAt(b[:len(b)/2*part], at)
				return n, broken
			}
			small := seal(t, "a note")
			for _, b := range []codec.Block{small, {CID: mustName(large), Data: large}} {
				err := s.Put(t.Context(), b.CID, b.Data)
				if err == nil {
					continue
				}
				if !errors.Is(err, ErrStorage) || !errors.Is(err, broken) || !strings.Contains(err.Error(), b.CID.String()) {
					t.Errorf("put: %v", err)
				}
				if ok, err := s.Has(t.Context(), b.CID); ok || err != nil {
					t.Errorf("what was not written is there: %v, %v", ok, err)
				}
				s.Close()
				s = mustOpen(t, s.dir, Options{})
				if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
					t.Error(err)
				}
			}
			if n, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(c, err) }); n != 2 || err != nil {
				t.Errorf("write %d: checked %d, %v", fail, n, err)
			}
		}
	}
	if _, err := Open(filepath.Join(fileIn(t), "home"), Options{}); !errors.Is(err, ErrStorage) {
		t.Errorf("open below a file: %v", err)
	}
	if _, err := Open(fileIn(t), Options{ReadOnly: true}); !errors.Is(err, ErrStorage) {
		t.Errorf("open a file: %v", err)
	}
}

func fileIn(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
