package store

import (
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"testing"
)

// BenchmarkPut stores notes of 128 KiB, at most 1 GiB of them, then begins anew: MB/s without sync.
func BenchmarkPut(b *testing.B) { benchmarkPut(b, false) }

// BenchmarkPutSync is the same with one sync at the end of each GiB, as a commit has it.
func BenchmarkPutSync(b *testing.B) { benchmarkPut(b, true) }

func benchmarkPut(b *testing.B, sync bool) {
	const size, notes = 128 << 10, 8192
	data := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(data)
	b.SetBytes(size)
	var s *Store
	for i := 0; b.Loop(); i++ {
		if i%notes == 0 {
			if s != nil {
				s.Close()
				os.RemoveAll(s.dir)
			}
			s = mustOpen(b, b.TempDir(), Options{})
		}
		binary.LittleEndian.PutUint64(data, uint64(i))
		if err := s.Put(b.Context(), mustName(data), data); err != nil {
			b.Fatal(err)
		}
		if sync && i%notes == notes-1 {
			if err := s.Sync(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := s.Sync(b.Context()); sync && err != nil {
		b.Fatal(err)
	}
}

// BenchmarkGet reads notes of 128 KiB from the cache of the system, unchecked and checked.
func BenchmarkGet(b *testing.B) {
	for _, checked := range []bool{false, true} {
		b.Run(fmt.Sprint("checked=", checked), func(b *testing.B) {
			s := mustOpen(b, b.TempDir(), Options{})
			data := make([]byte, 128<<10)
			rand.New(rand.NewSource(1)).Read(data)
			if err := s.Put(b.Context(), mustName(data), data); err != nil {
				b.Fatal(err)
			}
			c := mustName(data)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				var err error
				if checked {
					_, err = s.Blocks().Get(b.Context(), c)
				} else {
					_, err = s.Get(b.Context(), c)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCheck compares 256 MiB of notes in the cache of the system with their names.
func BenchmarkCheck(b *testing.B) {
	const size, notes = 128 << 10, 2048
	s := mustOpen(b, b.TempDir(), Options{})
	data := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(data)
	for i := range notes {
		binary.LittleEndian.PutUint64(data, uint64(i))
		if err := s.Put(b.Context(), mustName(data), data); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(size * notes)
	for b.Loop() {
		if n, err := s.Check(b.Context(), nil); n != notes || err != nil {
			b.Fatal(n, err)
		}
	}
}

// million makes a home with so many blocks, small ones: what is measured reads the table. With STORE_BENCH_HOME the home stays in that
// folder for the next run.
func million(b *testing.B, blocks int) string {
	b.Helper()
	dir := os.Getenv("STORE_BENCH_HOME")
	if dir == "" {
		dir = b.TempDir()
	}
	s := mustOpen(b, dir, Options{})
	defer s.Close()
	if st, err := s.Stats(b.Context()); err == nil && st.Blocks >= uint64(blocks) {
		return dir
	}
	for i := range blocks {
		data := binary.BigEndian.AppendUint64(nil, uint64(i))
		if err := s.Put(b.Context(), mustName(data), data); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Sync(b.Context()); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkOpenMillion opens a home with a million notes, for writing and for reading, and finds one of them.
func BenchmarkOpenMillion(b *testing.B) {
	dir := million(b, 1_000_000)
	for _, o := range []Options{{}, {ReadOnly: true}, {CacheSize: 1 << 30}} {
		b.Run(fmt.Sprintf("readonly=%v/cache=%d", o.ReadOnly, o.CacheSize), func(b *testing.B) {
			for b.Loop() {
				s, err := Open(dir, o)
				if err != nil {
					b.Fatal(err)
				}
				if ok, err := s.Has(b.Context(), mustName(make([]byte, 8))); !ok || err != nil {
					b.Fatal(ok, err)
				}
				s.Close()
			}
		})
	}
}

// BenchmarkCountMillion counts what nothing keeps in a home with a million notes: what a process pays once, beside its work, when the
// count of those before was lost, and when a tenth of the limit has been fetched.
func BenchmarkCountMillion(b *testing.B) {
	s := mustOpen(b, million(b, 1_000_000), Options{})
	b.ReportAllocs()
	for b.Loop() {
		if e, err := s.evict(b.Context(), 1<<40); err != nil || e.Left == 0 {
			b.Fatal(e, err)
		}
	}
}
