package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
)

// loose puts n blocks of 1,000 bytes that nothing keeps, used a minute after each other, the last at end.
func loose(t testing.TB, s *Store, n int, end time.Time) []cid.Cid {
	t.Helper()
	var names []cid.Cid
	for i := range n {
		data := []byte(fmt.Sprintf("%1000d", i))
		if err := s.Put(t.Context(), mustName(data), data); err != nil {
			t.Fatal(err)
		}
		names = append(names, mustName(data))
		at := end.Add(time.Duration(i-n+1) * time.Minute)
		usedAt(t, s, names[i], at)
	}
	return names
}

// left says which of the blocks are there, as "0111".
func left(t testing.TB, s *Store, names []cid.Cid) string {
	t.Helper()
	var b strings.Builder
	for _, c := range names {
		if ok, err := s.Has(t.Context(), c); err != nil {
			t.Fatal(err)
		} else if ok {
			b.WriteByte('1')
		} else {
			b.WriteByte('0')
		}
	}
	return b.String()
}

// evicted opens a home with a limit, puts one block more, and says what was removed.
func evicted(t testing.TB, dir string, limit int64) (all []Evicted, failed error) {
	t.Helper()
	var mu sync.Mutex
	s, err := Open(dir, Options{CacheSize: limit, Evicted: func(e Evicted, err error) {
		mu.Lock()
		defer mu.Unlock()
		all, failed = append(all, e), errors.Join(failed, err)
	}})
	if err != nil {
		t.Fatal(err)
	}
	data := []byte(fmt.Sprintf("%1000s", rand.Text())) // none that is there
	if err := s.Put(t.Context(), mustName(data), data); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return all, failed
}

// What was used longest ago goes, whoever used it, also before a restart; what is kept stays, however old.
func TestEvictsLeastRecentlyUsed(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	pinned := putDictionary(t, s, cid.Undef, "pinned")
	named := putDictionary(t, s, cid.Undef, "named one")
	grown := putDictionary(t, s, named.Manifest, "named two")
	if err := s.Pin(t.Context(), pinned.Manifest, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.SetDictionary(t.Context(), Dictionary{Name: "d", Current: grown, Lineage: []codec.DictionaryRef{named}}); err != nil {
		t.Fatal(err)
	}
	ancient := time.Unix(1, 0)
	if err := s.each(t.Context(), func(c cid.Cid) error { usedAt(t, s, c, ancient); return nil }); err != nil {
		t.Fatal(err)
	}
	names := loose(t, s, 10, time.Now().Add(-time.Hour))
	s.Close()

	reader := mustOpen(t, dir, Options{ReadOnly: true})
	if _, err := reader.Get(t.Context(), names[0]); err != nil { // now it is the newest
		t.Fatal(err)
	}
	all, err := evicted(t, dir, 9000) // 11 are there: down to 8
	if err != nil || len(all) != 1 || all[0] != (Evicted{Removed: 3, RemovedBytes: 3000, Left: 8000}) {
		t.Errorf("removed %+v, %v", all, err)
	}
	if got := left(t, reader, names); got != "1000111111" {
		t.Errorf("left %s", got)
	}
	for _, ref := range []codec.DictionaryRef{pinned, named, grown} {
		m, err := manifest.Open(t.Context(), reader, ref.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		err = m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
			_, err := reader.Get(t.Context(), l.CID)
			return true, err
		})
		if err != nil {
			t.Errorf("what is kept: %v", err)
		}
	}
	if all, err := evicted(t, dir, 9000); len(all) != 0 || err != nil { // within the limit
		t.Errorf("again: %+v, %v", all, err)
	}
}

// The clock was wrong while blocks were used: they are neither kept for ever nor taken for old, and what the clock
// says when they are read is noted.
func TestClockJumps(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	future := time.Now().Add(20 * 365 * 24 * time.Hour)
	names := loose(t, s, 4, future)
	old := loose(t, s, 6, time.Now().Add(-time.Hour))[4:] // 0 to 3 are the same: old now
	usedAt(t, s, names[1], future)
	if _, err := s.Get(t.Context(), names[1]); err != nil {
		t.Fatal(err)
	}
	if at := lastUse(t, s, names[1]); at.After(time.Now().Add(time.Minute)) {
		t.Errorf("used %v after it was read", at)
	}
	usedAt(t, s, names[2], future)
	s.Close()
	all, err := evicted(t, dir, 5000) // 7 are there: down to 4
	if err != nil || len(all) != 1 || all[0].Removed != 3 {
		t.Errorf("removed %+v, %v", all, err)
	}
	r := mustOpen(t, dir, Options{ReadOnly: true})
	if got := left(t, r, append(names, old...)); got != "011001" { // 0, 3 and 4 were the oldest
		t.Errorf("left %s", got)
	}
	if at := lastUse(t, r, names[2]); at.After(time.Now().Add(time.Minute)) {
		t.Errorf("used %v after the count", at)
	}

	// The clock goes back: everything was used in the future. Nothing fails, and something goes.
	s = mustOpen(t, dir, Options{CacheSize: 2000})
	s.packs.o.now = func() time.Time { return time.Unix(1000, 0) }
	if e, err := s.evict(t.Context(), 2000); err != nil || e.Left > 2000 {
		t.Errorf("evicted %+v, %v", e, err)
	}
}

// Where it cannot be told what is kept, nothing is removed, and that is said.
func TestEvictsNothingWhenUnsure(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	ref := putDictionary(t, s, cid.Undef, "one")
	if err := s.Pin(t.Context(), ref.Manifest, ""); err != nil {
		t.Fatal(err)
	}
	names := loose(t, s, 5, time.Now())
	if err := s.Delete(t.Context(), ref.Manifest); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if all, err := evicted(t, dir, 1000); !errors.Is(err, ErrMissing) {
		t.Errorf("removed %+v, %v", all, err)
	}
	if got := left(t, mustOpen(t, dir, Options{ReadOnly: true}), names); got != "11111" {
		t.Errorf("left %s", got)
	}
}

// After a pass that could not tell what is kept, the next one waits until much more was put, or something is kept no longer: each looks at all that is kept.
func TestFailedPassIsNotRepeatedAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	ref := putDictionary(t, s, cid.Undef, "one")
	if err := s.Pin(t.Context(), ref.Manifest, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), ref.Manifest); err != nil {
		t.Fatal(err)
	}
	s.Close()
	var mu sync.Mutex
	var removed, failed int
	s = mustOpen(t, dir, Options{CacheSize: 2000, Evicted: func(_ Evicted, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed++
		} else {
			removed++
		}
	}})
	put := func(seed, n int) {
		for i := range n {
			fill(t, s, seed+i, 1, 1000)
			s.cache.wg.Wait()
		}
	}
	put(1, 5)
	if failed != 1 || removed != 0 {
		t.Errorf("%d passes failed, %d removed something; want one that failed", failed, removed)
	}
	if err := s.Unpin(t.Context(), ref.Manifest); err != nil {
		t.Fatal(err)
	}
	put(10, 1)
	if failed != 1 || removed != 1 {
		t.Errorf("%d passes failed, %d removed something; want one of each", failed, removed)
	}
}

// A reader who had opened the table before it grew notes in the new one what he uses.
func TestUseAfterTableGrew(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	name := fill(t, s, 1, 1, 1000)[0]
	r := mustOpen(t, dir, Options{ReadOnly: true})
	if _, err := r.Get(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	usedAt(t, s, name, time.Unix(1, 0))
	before := mustTable(t, s)
	fill(t, s, 2, 2000, 8)
	if mustTable(t, s) == before {
		t.Fatal("the table has not grown")
	}
	if _, err := r.Get(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if at := lastUse(t, s, name); time.Since(at) > time.Hour {
		t.Errorf("used %v", at)
	}
}

// The count on disk is never too low, whatever the processes before did: a writer without a limit, one that ended in the
// middle, one that unpinned, a power failure that left rubbish.
func TestCountIsNeverTooLow(t *testing.T) {
	limit := int64(5000)
	for name, before := range map[string]func(t *testing.T, dir string){
		"a writer without a limit": func(t *testing.T, dir string) {
			loose(t, mustOpen(t, dir, Options{}), 8, time.Now())
		},
		"a killed writer": func(t *testing.T, dir string) {
			s, err := Open(dir, Options{CacheSize: 1 << 40})
			if err != nil {
				t.Fatal(err)
			}
			loose(t, s, 8, time.Now())
			s.cache.wg.Wait()
			s.lock.Close() // and no more
		},
		"unpinned": func(t *testing.T, dir string) {
			s := mustOpen(t, dir, Options{CacheSize: limit})
			var notes []string
			for i := range 8 {
				notes = append(notes, noise(i, 1000))
			}
			ref := putDictionary(t, s, cid.Undef, notes...)
			s.cache.wg.Wait()
			if err := s.Pin(t.Context(), ref.Manifest, ""); err == nil {
				err = s.Unpin(t.Context(), ref.Manifest)
				if err != nil {
					t.Fatal(err)
				}
			}
		},
		"rubbish": func(t *testing.T, dir string) {
			s := mustOpen(t, dir, Options{CacheSize: 1 << 40})
			loose(t, s, 8, time.Now())
			s.Close()
			if err := os.WriteFile(filepath.Join(dir, "cache.json"), make([]byte, 20), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"a negative count": func(t *testing.T, dir string) {
			s := mustOpen(t, dir, Options{CacheSize: 1 << 40})
			loose(t, s, 8, time.Now())
			s.Close()
			if err := os.WriteFile(filepath.Join(dir, "cache.json"), []byte(`{"bound_bytes":-5000000}`), 0o644); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			t.Run("before", func(t *testing.T) { before(t, dir) })
			if _, err := evicted(t, dir, limit); err != nil {
				t.Fatal(err)
			}
			if st, err := mustOpen(t, dir, Options{ReadOnly: true}).Stats(t.Context()); err != nil || st.Bytes > uint64(limit) || st.Bytes == 0 {
				t.Errorf("left %+v, %v", st, err)
			}
		})
	}
}

// While blocks are removed, others are put, read and pinned: what is pinned is whole, or pinning fails.
func TestEvictsBesidePins(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{CacheSize: 20_000, Evicted: func(_ Evicted, err error) {
		if err != nil {
			t.Error(err)
		}
	}})
	var mu sync.Mutex
	var pins []codec.DictionaryRef
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 40 {
				var notes []string
				for n := range 4 {
					notes = append(notes, noise(g*1000+i*10+n, 2000))
				}
				ref := putDictionary(t, s, cid.Undef, notes...)
				err := s.Pin(t.Context(), ref.Manifest, "")
				if err == nil {
					mu.Lock()
					pins = append(pins, ref)
					mu.Unlock()
				} else if !errors.Is(err, ErrMissing) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	if len(pins) == 0 {
		t.Error("nothing could be pinned")
	}
	r := mustOpen(t, dir, Options{ReadOnly: true})
	for _, ref := range pins {
		m, err := manifest.Open(t.Context(), r, ref.Manifest)
		if err == nil {
			err = m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
				_, err := r.Get(t.Context(), l.CID)
				return true, err
			})
		}
		if err != nil {
			t.Errorf("pinned: %v", err)
		}
	}
}

// noise is a text that does not compress.
func noise(seed, n int) string {
	x := uint64(seed)*2 + 1
	b := make([]byte, n)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	return string(b)
}

// A store for reading only does not remove anything.
func TestReadOnlyIgnoresLimit(t *testing.T) {
	dir := t.TempDir()
	names := loose(t, mustOpen(t, dir, Options{}), 3, time.Now())
	r := mustOpen(t, dir, Options{ReadOnly: true, CacheSize: 1})
	for _, c := range names {
		if _, err := r.Get(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
}
