package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"
)

// A pack, byte for byte.
func TestPackGolden(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	for _, text := range []string{"one", "gone", "a third"} {
		if err := s.Put(t.Context(), mustName([]byte(text)), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Delete(t.Context(), mustName([]byte("gone"))); err != nil {
		t.Fatal(err)
	}
	const want = "6e6f7465" + "03000000" + // "note", 3 bytes
		"7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed" + // SHA-256
		"140024e8" + "6f6e65" + "00" + // CRC-32C, "one", to a multiple of 8
		"676f6e65" + "04000000" + // "gone", 4 bytes
		"283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247" +
		"bdcd1464" + "676f6e65" + // CRC-32C, what was "gone"
		"6e6f7465" + "07000000" + // "note", 7 bytes
		"d44e2d132ef9a2b833da6811d72a8e65ddebf34fa83234bba9b4c9a6d2e00a12" +
		"0919dc7a" + "61207468697264" // CRC-32C, "a third"
	path, _ := packOf(t, s, mustName([]byte("one")))
	pack, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(pack); got != want {
		t.Errorf("pack\n%s, want\n%s", got, want)
	}
}

// fill puts n blocks of the size, and returns their names.
func fill(t testing.TB, s *Store, seed, n, size int) []cid.Cid {
	t.Helper()
	var names []cid.Cid
	for i := range n {
		data := []byte(noise(seed<<20+i, size))
		if err := s.Put(t.Context(), mustName(data), data); err != nil {
			t.Fatal(err)
		}
		names = append(names, mustName(data))
	}
	return names
}

// whole fails the test unless just these blocks are in the store, with the right bytes.
func whole(t testing.TB, s *Store, what string, names ...[]cid.Cid) {
	t.Helper()
	n := uint64(0)
	for _, names := range names {
		for i, c := range names {
			n++
			if data, err := s.Get(t.Context(), c); err != nil || !mustName(data).Equals(c) {
				t.Fatalf("%s: block %d: %d bytes, %v", what, i, len(data), err)
			}
		}
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Blocks != n {
		t.Fatalf("%s: %d blocks, %v, want %d", what, st.Blocks, err, n)
	}
	if done, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(what, c, err) }); err != nil || done != n {
		t.Fatalf("%s: checked %d, %v, want %d", what, done, err, n)
	}
}

// smallPacks makes a store begin a pack after so many bytes.
func smallPacks(s *Store, size int64) *Store {
	s.packs.o.size = size
	return s
}

// Whatever happens to the table, a writer makes it anew, and a reader says what to do.
func TestTableLost(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, path string){
		"removed":   func(t *testing.T, path string) { os.Remove(path) },
		"empty":     func(t *testing.T, path string) { os.Truncate(path, 0) },
		"cut":       func(t *testing.T, path string) { os.Truncate(path, tablePage+1000) },
		"the magic": func(t *testing.T, path string) { writeTo(t, path, []byte("x"), 0) },
		"the page":  func(t *testing.T, path string) { writeTo(t, path, make([]byte, 100), 0) },
		"progress":  func(t *testing.T, path string) { writeTo(t, path, []byte{1, 2, 3}, 50) },
		"zeros":     func(t *testing.T, path string) { writeTo(t, path, make([]byte, minSlots*slotSize), tablePage) },
		"noise":     func(t *testing.T, path string) { writeTo(t, path, []byte(noise(1, minSlots*slotSize)), tablePage) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := smallPacks(mustOpen(t, dir, Options{}), 100_000)
			names := fill(t, s, 1, 200, 3000)
			gone := fill(t, s, 2, 20, 3000)
			for _, c := range gone {
				if err := s.Delete(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			s.Close()
			lose(t, s.packs.tablePath())
			r := mustOpen(t, dir, Options{ReadOnly: true})
			if _, err := r.Get(t.Context(), names[0]); !errors.Is(err, ErrStorage) || !errors.Is(err, errTable) {
				t.Errorf("a reader: %v", err)
			}
			s = mustOpen(t, dir, Options{})
			whole(t, s, "a writer", names)
			whole(t, r, "a reader afterwards", names)
			whole(t, s, "after more", names, fill(t, s, 3, 10, 3000))
		})
	}
}

const minSlots = 1<<minTable + tableTail

// A table that is damaged while the store is open is made anew while it is used.
func TestTableDamagedMeanwhile(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	names := fill(t, s, 1, 300, 100)
	for i, use := range []func() error{
		func() error { _, err := s.Get(t.Context(), names[0]); return err },
		func() error { return s.Put(t.Context(), mustName([]byte("new")), []byte("new")) },
		func() error { return s.Delete(t.Context(), mustName([]byte("new"))) },
		func() error {
			_, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(c, err) })
			return err
		},
	} {
		writeTo(t, s.packs.tablePath(), make([]byte, minSlots*slotSize), tablePage)
		if err := use(); err != nil {
			t.Errorf("use %d: %v", i, err)
		}
	}
	whole(t, s, "in the end", names)
}

// A power failure: what was synced is there; of the rest, nothing that is wrong is. The table may be from before, or gone with the
// last bytes of the packs.
func TestPowerFailure(t *testing.T) {
	for name, fail := range map[string]func(t *testing.T, pack string, synced, end int64){
		"zeros to the end":  func(t *testing.T, pack string, synced, end int64) { writeTo(t, pack, make([]byte, end-synced), synced) },
		"cut to the synced": func(t *testing.T, pack string, synced, _ int64) { os.Truncate(pack, synced) },
		"half a record":     func(t *testing.T, pack string, synced, _ int64) { os.Truncate(pack, synced+1000) },
		"bytes of a block":  func(t *testing.T, pack string, synced, _ int64) { writeTo(t, pack, make([]byte, 512), synced+512) },
		"a head":            func(t *testing.T, pack string, synced, _ int64) { writeTo(t, pack, make([]byte, 40), synced) },
	} {
		for _, oldTable := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", old table: ", oldTable), func(t *testing.T) {
				dir := t.TempDir()
				s := mustOpen(t, dir, Options{})
				kept := fill(t, s, 1, 20, 3000)
				if err := s.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				table, err := os.ReadFile(s.packs.tablePath())
				if err != nil {
					t.Fatal(err)
				}
				synced := s.packs.end
				lost := fill(t, s, 2, 10, 3000)
				end, pack := s.packs.end, s.packs.packPath(s.packs.number)
				s.Close()
				if !oldTable {
					if table, err = os.ReadFile(s.packs.tablePath()); err != nil {
						t.Fatal(err)
					}
				}
				otherBoot(table)
				if err := os.WriteFile(s.packs.tablePath(), table, 0o644); err != nil {
					t.Fatal(err)
				}
				fail(t, pack, synced, end)
				s = mustOpen(t, dir, Options{})
				var left []cid.Cid
				for _, c := range lost {
					if ok, err := s.Has(t.Context(), c); err != nil {
						t.Fatal(err)
					} else if ok {
						left = append(left, c)
					}
				}
				if len(left) == len(lost) {
					t.Error("nothing was lost")
				}
				for _, c := range append(kept, left...) {
					if _, err := s.Blocks().Get(t.Context(), c); err != nil {
						t.Error(err)
					}
				}
				fill(t, s, 2, 10, 3000) // put again
				whole(t, s, "in the end", kept, lost)
			})
		}
	}
}

// otherBoot makes a table one of another run of the system.
func otherBoot(table []byte) {
	le := binary.LittleEndian
	copy(table[40:], progress{
		boot:    boot() + 1,
		synced:  place{le.Uint32(table[48:]), le.Uint32(table[52:])},
		written: place{le.Uint32(table[56:]), le.Uint32(table[60:])},
		filled:  le.Uint64(table[64:]),
	}.append(nil))
}

// Removed blocks give their space back: whole packs, parts of packs, and by moving what is left; readers beside see nothing of it.
func TestReclaim(t *testing.T) {
	for _, size := range []int{300, 3000, 100_000} { // smaller than a block of the disk, and larger
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := t.TempDir()
			s := smallPacks(mustOpen(t, dir, Options{}), 1<<20)
			r := mustOpen(t, dir, Options{ReadOnly: true})
			all := fill(t, s, 1, 4<<20/size, size)
			var kept []cid.Cid
			for i, c := range all {
				if i%8 == 0 && i < len(all)/2 { // an eighth of one half, nothing of the other
					kept = append(kept, c)
				} else if err := s.Delete(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			var wg sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			for _, s := range []*Store{s, r} {
				wg.Go(func() {
					for ctx.Err() == nil {
						for _, c := range kept {
							if data, err := s.Get(t.Context(), c); err != nil || !mustName(data).Equals(c) {
								t.Errorf("read meanwhile: %d bytes, %v", len(data), err)
								return
							}
						}
					}
				})
			}
			for range 2 {
				if err := s.packs.reclaim(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			cancel()
			wg.Wait()
			if used, want := diskUse(t, s), int64(len(kept)*(size+recordHeader)); used > 2*want+4*slack {
				t.Errorf("%d bytes on the disk for %d", used, want)
			}
			whole(t, s, "after", kept)
			whole(t, r, "beside", kept)
			s.Close()
			os.Remove(s.packs.tablePath())
			whole(t, mustOpen(t, dir, Options{}), "with a new table", kept)
		})
	}
}

// diskUse returns what the packs take on the disk, in bytes.
func diskUse(t testing.TB, s *Store) (sum int64) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(s.blockDir(), "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range packs {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		sum += allocated(info)
	}
	return sum
}

// What the table lacks is not destroyed when space is given back, but found.
func TestReclaimBelievesPacks(t *testing.T) {
	s := smallPacks(mustOpen(t, t.TempDir(), Options{}), 1<<20)
	names := fill(t, s, 1, 100, 20_000)
	for i, c := range names {
		if i%3 == 0 {
			if err := s.Delete(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if i%3 == 1 { // forgotten
			at, was, ok, err := mustTable(t, s).find(keyOf(digestOf(c)))
			if err == nil && ok {
				err = mustTable(t, s).put(at, slot{place: place{0, wasUsed}}, was)
			}
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
	}
	if err := s.packs.reclaim(t.Context()); err != nil {
		t.Fatal(err)
	}
	var kept []cid.Cid
	for i, c := range names {
		if i%3 != 0 {
			kept = append(kept, c)
		}
	}
	whole(t, s, "after", kept)
}

// A pack that somebody removes takes its blocks along, and nothing else; who reads one can end.
func TestPackRemoved(t *testing.T) {
	dir := t.TempDir()
	s := smallPacks(mustOpen(t, dir, Options{}), 10_000)
	names := fill(t, s, 1, 30, 1000) // three packs
	reads := mustOpen(t, dir, Options{ReadOnly: true})
	for _, c := range names {
		if _, err := reads.Get(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if err := os.Remove(s.packs.packPath(2)); err != nil {
		t.Fatal(err)
	}
	for _, c := range names {
		if _, err := reads.Get(t.Context(), c); err != nil { // it has the packs open
			t.Error(err)
		}
	}
	s = mustOpen(t, dir, Options{})
	lost := 0
	for _, c := range names {
		if _, err := s.Get(t.Context(), c); errors.Is(err, ErrMissing) {
			lost++
		} else if err != nil {
			t.Error(err)
		}
	}
	if lost == 0 || lost > 12 {
		t.Errorf("%d of 30 blocks are lost", lost)
	}
	if _, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(c, err) }); err != nil {
		t.Error(err)
	}
	whole(t, s, "put again", fill(t, s, 1, 30, 1000))
}

// Who looks for a block that a pack has lost does not hide those that are left in it from others.
func TestCutPackBesideReads(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	names := fill(t, s, 1, 20, 1000)
	path, at := packOf(t, s, names[19])
	s.Close()
	if err := os.Truncate(path, at); err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, dir, Options{ReadOnly: true})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 2000 {
				if _, err := r.Get(t.Context(), names[19]); !errors.Is(err, ErrMissing) {
					t.Errorf("what is lost: %v", err)
					return
				}
				if _, err := r.Get(t.Context(), names[i%19]); err != nil {
					t.Errorf("after %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A reader does not keep the packs open that a writer removes, however long both go on.
func TestRemovedPacksAreClosed(t *testing.T) {
	dir := t.TempDir()
	s := smallPacks(mustOpen(t, dir, Options{}), 10_000)
	r := mustOpen(t, dir, Options{ReadOnly: true})
	for round := range 10 {
		names := fill(t, s, round, 20, 1000)
		whole(t, r, "a reader", names)
		for _, c := range names {
			if err := s.Delete(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.packs.reclaim(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	open := 0
	r.packs.files.Range(func(_, _ any) bool { open++; return true })
	if open > 4 {
		t.Errorf("%d packs are open", open)
	}
}

// A store in which each block is a file says what to do about it.
func TestOldLayout(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "blocks"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "blocks", "SHARDING"), []byte("/repo/flatfs/shard/v1/next-to-last/2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		if _, err := Open(dir, Options{ReadOnly: readOnly}); !errors.Is(err, ErrStorage) || !errors.Is(err, errLayout) {
			t.Errorf("read only %v: %v", readOnly, err)
		}
	}
}

// FuzzPack reads any bytes as a pack that a writer finds: whatever is found has the right name, and the store works.
func FuzzPack(f *testing.F) {
	s := mustOpen(f, f.TempDir(), Options{})
	for i := range 5 {
		data := []byte(noise(i, 100*i))
		if err := s.Put(f.Context(), mustName(data), data); err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Delete(f.Context(), mustName([]byte(noise(2, 200)))); err != nil {
		f.Fatal(err)
	}
	pack, err := os.ReadFile(s.packs.packPath(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(pack)
	f.Add(pack[:len(pack)-1])                                          // torn
	f.Add(pack[3:])                                                    // no record at the beginning
	f.Add(append(bytes.Clone(pack[:48]), pack...))                     // a head without its block
	f.Add(header{gone: true, size: 1<<32 - 1}.append(nil))             // passes over more than there is
	f.Add(append(header{size: 9}.append(nil), "no such."...))          // another digest
	f.Add(append(header{gone: true, size: 8}.append(nil), pack...))    // records within a gap
	f.Add(append(bytes.Repeat([]byte("note"), 1000), pack[44:200]...)) // words
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "blocks"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "blocks", "00000001.pack"), data, 0o644); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, dir, Options{})
		defer s.Close()
		block := []byte("one more")
		if err := s.Put(t.Context(), mustName(block), block); err != nil {
			t.Fatal(err)
		}
		n, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(c, err) })
		if err != nil || n == 0 || int(n) > len(data)/recordHeader+1 {
			t.Errorf("checked %d, %v", n, err)
		}
		if err := s.packs.reclaim(t.Context()); err != nil {
			t.Error(err)
		}
		if st, err := s.Stats(t.Context()); err != nil || st.Blocks != n {
			t.Errorf("%d blocks after %d, %v", st.Blocks, n, err)
		}
	})
}

// A reader sees what a writer puts, at once, also when the table grows and when it is made anew meanwhile.
func TestReaderBeside(t *testing.T) {
	dir := t.TempDir()
	r := mustOpen(t, dir, Options{ReadOnly: true})
	s := smallPacks(mustOpen(t, dir, Options{}), 20_000)
	var names []cid.Cid
	for i := range 4000 { // more than the first table holds
		data := binary.BigEndian.AppendUint64(nil, uint64(i))
		names = append(names, mustName(data))
		if ok, err := r.Has(t.Context(), names[i]); ok || err != nil {
			t.Fatalf("block %d before it was put: %v, %v", i, ok, err)
		}
		if err := s.Put(t.Context(), names[i], data); err != nil {
			t.Fatal(err)
		}
		if got, err := r.Get(t.Context(), names[i]); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("block %d: %x, %v", i, got, err)
		}
		if i == 3000 {
			s.Close()
			os.Remove(s.packs.tablePath())
			s = smallPacks(mustOpen(t, dir, Options{}), 20_000)
		}
	}
	whole(t, r, "in the end", names)
	for _, c := range names[:2000] {
		if err := s.Delete(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Get(t.Context(), c); !errors.Is(err, ErrMissing) {
			t.Fatalf("removed: %v", err)
		}
	}
	if err := s.packs.reclaim(t.Context()); err != nil {
		t.Fatal(err)
	}
	whole(t, r, "after blocks were removed", names[2000:])
}
