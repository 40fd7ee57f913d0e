package seed

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
)

// noise returns bytes that do not repeat.
func noise(n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// build returns the notes of a dictionary, raw, by name.
func build(t *testing.T, samples ...[]byte) (blocks []codec.Block) {
	t.Helper()
	b, err := codec.NewBuilder(t.Context(), func(b codec.Block) error {
		blocks = append(blocks, b)
		return nil
	}, codec.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if err := b.Add(bytes.NewReader(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return blocks
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, paths ...string) *Seeds {
	t.Helper()
	s, err := Open(paths, func(msg string, args ...any) { t.Log(append([]any{msg}, args...)...) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// have counts the notes that seeds have, and checks each.
func have(t *testing.T, s *Seeds, blocks []codec.Block) (n int) {
	t.Helper()
	for _, b := range blocks {
		raw, ok, err := s.Note(t.Context(), b.CID, b.RawLen)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		n++
		want, err := codec.OpenNote(b.CID, b.Data)
		if err != nil || !bytes.Equal(raw, want) {
			t.Fatalf("note %s is given with other bytes: %v", b.CID, err)
		}
	}
	return n
}

func TestFindsNotes(t *testing.T) {
	dir := t.TempDir()
	a, b := noise(2<<20, 1), noise(1<<20, 2)
	write(t, filepath.Join(dir, "tree", "a"), a)
	write(t, filepath.Join(dir, "tree", "sub", "b"), b)
	write(t, filepath.Join(dir, "edited"), append(append(bytes.Clone(a[:1<<20]), "an edit"...), a[1<<20:]...))
	write(t, filepath.Join(dir, "part"), a[:1<<20])
	write(t, filepath.Join(dir, "other"), noise(1<<20, 3))
	write(t, filepath.Join(dir, "empty"), nil)
	blocks := build(t, a, b)
	for _, block := range blocks[:3] {
		write(t, filepath.Join(dir, "mirror", "ipfs", block.CID.String()), block.Data)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, c := range map[string]struct {
		paths []string
		least int
	}{
		"a directory":                 {[]string{at("tree")}, len(blocks)},
		"its files":                   {[]string{at("tree/a"), at("tree/sub/b")}, len(blocks)},
		"its files, the other way":    {[]string{at("tree/sub/b"), at("tree/a")}, len(blocks) - 4},
		"after others":                {[]string{at("other"), at("empty"), at("tree/a"), at("tree/sub/b")}, len(blocks) - 4},
		"one of two":                  {[]string{at("tree/a")}, len(build(t, a)) - 1},
		"an edited file":              {[]string{at("edited")}, len(build(t, a)) - 4},
		"the beginning of a file":     {[]string{at("part")}, len(build(t, a[:1<<20])) - 1},
		"blocks":                      {[]string{at("mirror")}, 3},
		"blocks and something else":   {[]string{at("mirror"), at("tree")}, len(blocks)},
		"something else":              {[]string{at("other")}, 0},
		"all of it, in lexical order": {[]string{dir}, 3},
	} {
		s := open(t, c.paths...)
		n := have(t, s, blocks)
		if n < c.least || c.least == 0 && n > 0 {
			t.Errorf("%s: %d of %d notes, want %d", name, n, len(blocks), c.least)
		}
		if got := s.Stats().Notes; got != uint64(n) {
			t.Errorf("%s: counts %d notes, gave %d", name, got, n)
		}
	}
}

// What is given was proved at that moment: a file that changes is no seed any more, and one that comes back is.
func TestChangedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	a := noise(1<<20, 1)
	blocks := build(t, a)
	write(t, path, a)
	s := open(t, path)
	if n := have(t, s, blocks); n != len(blocks) {
		t.Fatal(n)
	}
	changed := bytes.Clone(a)
	for i := range changed {
		changed[i]++
	}
	for name, b := range map[string][]byte{"other bytes": changed, "cut": a[:100_000], "nothing": nil} {
		write(t, path, a)
		s := open(t, path)
		have(t, s, blocks[:1])
		write(t, path, b)
		if n := have(t, s, blocks[1:]); n > 1 {
			t.Errorf("%s: %d notes", name, n)
		}
		if _, ok, err := s.Note(t.Context(), blocks[0].CID, blocks[0].RawLen); err != nil || ok && name != "cut" {
			t.Errorf("%s: a note that was there before is given: %v", name, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if n := have(t, s, blocks); n != 0 {
		t.Errorf("%d notes of a file that is gone", n)
	}
}

// The name decides, not the length.
func TestSameLength(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, noise(10_000, 1))
	other := build(t, noise(10_000, 2))
	if n := have(t, open(t, path), other); n != 0 {
		t.Error("a note is given for its length")
	}
	if _, ok, err := open(t, path).Note(t.Context(), build(t, noise(10_000, 1))[0].CID, 9_999); ok || err != nil {
		t.Error("a note is given with another length", err)
	}
}

func TestManyAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	a := noise(2<<20, 1)
	write(t, path, a)
	blocks := build(t, a)
	s := open(t, path)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, b := range blocks {
				if _, ok, err := s.Note(t.Context(), b.CID, b.RawLen); !ok || err != nil {
					t.Error(b.CID, ok, err)
				}
			}
		})
	}
	wg.Wait()
	if got := s.Stats(); got != (Stats{uint64(len(blocks)), 2 << 20}) {
		t.Error(got)
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := Open([]string{filepath.Join(t.TempDir(), "nothing")}, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open([]string{os.DevNull}, nil); !errors.Is(err, fs.ErrInvalid) {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, noise(100, 1))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s := open(t, path)
	if _, _, err := s.Note(ended, cid.Undef, 100); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if n := have(t, s, build(t, noise(100, 1))); n != 1 { // a scan that was given up begins again
		t.Error(n)
	}
}

// A file that held a block and is something much larger by now is not read into memory.
func TestBlockFileGrows(t *testing.T) {
	b, err := codec.SealNote([]byte("a note in a file of its own"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "block")
	write(t, path, b.Data)
	s, err := Open([]string{path}, func(msg string, args ...any) { t.Log(append([]any{msg}, args...)...) })
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, err := s.Note(t.Context(), b.CID, b.RawLen); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := os.Truncate(path, 64<<20); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, ok, err := s.Note(t.Context(), b.CID, b.RawLen); ok || err != nil {
		t.Error(ok, err)
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes of memory were taken", grown)
	}
}
