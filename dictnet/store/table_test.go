package store

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func newTestTable(t testing.TB) *table {
	t.Helper()
	tab, err := newTable(filepath.Join(t.TempDir(), "table"), minTable, progress{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tab.f.Close() })
	return tab
}

// A slot, byte for byte.
func TestSlotGolden(t *testing.T) {
	s := slot{key: key([]byte("0123456789abcdef")), place: place{7, 0x01020304}, size: 0x3FC00, used: 29_000_000}
	const want = "30313233343536373839616263646566" + // key
		"07000000" + "04030201" + // pack 7, byte 8 * 0x01020304
		"00fc03" + "3c" + // 261,120 bytes; check
		"4081ba01" // minutes since 1970
	if got := hex.EncodeToString(s.append(nil)); got != want {
		t.Errorf("slot\n%s, want\n%s", got, want)
	}
	if got := hex.EncodeToString(slot{}.append(nil)); got == hex.EncodeToString(make([]byte, slotSize)) {
		t.Error("an empty slot is zeros: a lost page would not be noticed")
	}
}

// A table that grows many times, with slots given up in between, says what a map says.
func TestTableLikeMap(t *testing.T) {
	tab := newTestTable(t)
	want := map[key]slot{}
	r := rand.New(rand.NewPCG(1, 2))
	var keys []key
	for i := range 20_000 {
		var k key
		if len(keys) > 0 && r.IntN(3) == 0 { // known: moved or removed
			k = keys[r.IntN(len(keys))]
		} else {
			binary.LittleEndian.PutUint64(k[:], uint64(i)) // only 8 bytes differ
			keys = append(keys, k)
		}
		fresh, err := tab.roomy()
		if err != nil {
			t.Fatal(err)
		}
		tab = fresh
		if _, ok := want[k]; ok && r.IntN(2) == 0 {
			at, was, ok, err := tab.find(k)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if err := tab.put(at, slot{place: place{0, wasUsed}}, was); err != nil {
				t.Fatal(err)
			}
			delete(want, k)
			continue
		}
		s := slot{key: k, place: place{1 + r.Uint32N(9), r.Uint32()}, size: r.Uint32N(MaxBlock + 1), used: r.Uint32()}
		if err := tab.add(s); err != nil {
			t.Fatal(err)
		}
		want[k] = s
	}
	if tab.log2 < minTable+4 {
		t.Errorf("it has grown to 2^%d only", tab.log2)
	}
	for _, tab := range []*table{tab, reopened(t, tab)} {
		for _, k := range keys {
			_, got, ok, err := tab.find(k)
			if s, there := want[k]; err != nil || ok != there || got != s && ok {
				t.Fatalf("%x: %v, %v, %v, want %v", k, got, ok, err, s)
			}
		}
		seen := map[key]slot{}
		damaged, err := tab.each(func(s slot) error { seen[s.key] = s; return nil })
		if err != nil || damaged != 0 || len(seen) != len(want) {
			t.Errorf("visited %d of %d, %d damaged, %v", len(seen), len(want), damaged, err)
		}
	}
}

func reopened(t testing.TB, tab *table) *table {
	t.Helper()
	if err := tab.save(); err != nil {
		t.Fatal(err)
	}
	again, err := openTable(tab.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.f.Close() })
	if again.progress != tab.progress || again.seed != tab.seed {
		t.Errorf("read %+v, wrote %+v", again.progress, tab.progress)
	}
	return again
}

// However one byte of a slot changes, no other block is found in its place; and zeros are noticed.
func TestDamagedSlot(t *testing.T) {
	tab := newTestTable(t)
	s := slot{key: key{1, 2, 3}, place: place{1, 2}, size: 3, used: 4}
	if err := tab.add(s); err != nil {
		t.Fatal(err)
	}
	at, _, _, _ := tab.find(s.key)
	good := s.append(nil)
	for i := range 28 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		writeTo(t, tab.path, bad, slotAt(at))
		if _, _, ok, err := tab.find(s.key); ok || !errors.Is(err, errTable) {
			t.Errorf("byte %d changed: %v, %v", i, ok, err)
		}
	}
	writeTo(t, tab.path, make([]byte, 512), slotAt(at)&^511)
	if _, _, ok, err := tab.find(s.key); ok || !errors.Is(err, errTable) {
		t.Errorf("zeros: %v, %v", ok, err)
	}
	if damaged, err := tab.each(func(slot) error { return nil }); err != nil || damaged != 16 {
		t.Errorf("%d damaged, %v", damaged, err)
	}
	if _, err := tab.grown(tab.path + ".new"); !errors.Is(err, errTable) {
		t.Errorf("grown from what is damaged: %v", err)
	}
	if _, err := os.Stat(tab.path + ".new"); !notExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

// FuzzTable opens any bytes as a table: an error or a table that answers, and never more memory than the file.
func FuzzTable(f *testing.F) {
	tab := newTestTable(f)
	for i := range 300 {
		if err := tab.add(slot{key: key{byte(i), byte(i >> 8)}, place: place{1, uint32(i)}, size: uint32(i)}); err != nil {
			f.Fatal(err)
		}
	}
	whole, err := os.ReadFile(tab.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole[:tablePage], []byte("seed: the page alone"), int64(len(whole)))
	f.Add(whole[:100], whole[tablePage:][:3200], int64(len(whole)))
	f.Add(whole[:100], make([]byte, 64), int64(len(whole)))
	f.Add([]byte(tableMagic), []byte{}, int64(8))
	f.Fuzz(func(t *testing.T, head, slots []byte, size int64) {
		path := filepath.Join(t.TempDir(), "table")
		if len(head) > tablePage || len(slots) > len(whole)-tablePage || size > int64(len(whole)) || size < 0 {
			return
		}
		data := bytes.Clone(whole)
		copy(data, head)
		copy(data[tablePage:], slots)
		if err := os.WriteFile(path, data[:size], 0o644); err != nil {
			t.Fatal(err)
		}
		tab, err := openTable(path)
		if err != nil {
			if !errors.Is(err, errTable) {
				t.Fatal(err)
			}
			return
		}
		defer tab.f.Close()
		found := 0
		damaged, err := tab.each(func(s slot) error {
			found++
			if s.size > MaxBlock {
				t.Errorf("a block of %d bytes", s.size)
			}
			_, _, _, err := tab.find(s.key)
			if errors.Is(err, errTable) {
				err = nil
			}
			return err
		})
		if err != nil || uint64(found+damaged) > tab.slots() {
			t.Errorf("%d found, %d damaged, %v", found, damaged, err)
		}
	})
}

// grow makes the table anew, as if it were crowded.
func grow(t *testing.T, s *Store) {
	t.Helper()
	p := s.packs
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.table.Load()
	old.filled = old.slots()
	if fresh, err := p.roomy(); err != nil || fresh == old {
		t.Error(err)
	}
}

// A table that grows while blocks are listed or synced hinders neither.
func TestTableGrowsMeanwhile(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	large, err := newTable(s.packs.tablePath()+".new", 16, progress{}) // more than is read at once
	if err != nil {
		t.Fatal(err)
	}
	if err := large.rename(s.packs.tablePath()); err != nil {
		t.Fatal(err)
	}
	s.packs.replaced(large)
	fill(t, s, 1, 20, 100)
	n := 0
	if err := s.packs.each(t.Context(), func(slot) error {
		if n++; n == 1 {
			grow(t, s)
		}
		return nil
	}); err != nil || n != 20 {
		t.Errorf("%d blocks are listed, %v", n, err)
	}

	s = mustOpen(t, t.TempDir(), Options{})
	fill(t, s, 1, 1, 100)
	var growing sync.WaitGroup
	growing.Go(func() {
		for range 100 {
			grow(t, s)
		}
	})
	for i := range 10 {
		fill(t, s, 2+i, 1, 100)
		if err := s.Sync(t.Context()); err != nil {
			t.Error(err)
		}
	}
	growing.Wait()
}
