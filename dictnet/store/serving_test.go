package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
)

func mustBlock(t testing.TB, data []byte, c cid.Cid) blocks.Block {
	t.Helper()
	b, err := blocks.NewBlockWithCid(data, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is served is checked: a file that is damaged, too long, no file, or of another kind of name is not there, and
// is again when it is mended.
func TestServesNothingWrong(t *testing.T) {
	dir := t.TempDir()
	var told []cid.Cid
	o := Options{Damaged: func(c cid.Cid) { told = append(told, c) }}
	s := mustOpen(t, dir, o)
	b := seal(t, "a note that is served")
	if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
		t.Fatal(err)
	}
	get := func() bool {
		t.Helper()
		got, err := s.Blocks().Get(t.Context(), b.CID)
		if err == nil && !bytes.Equal(got.RawData(), b.Data) {
			t.Errorf("served %q", got.RawData())
		}
		return err == nil
	}
	there := func() bool {
		t.Helper()
		ok, err := s.Blocks().Has(t.Context(), b.CID)
		if err != nil {
			t.Error(err)
		}
		return ok
	}
	if !get() || !there() {
		t.Fatal("a good block is not served")
	}
	for name, damage := range map[string]func(path string, at int64) error{
		"flipped":   func(path string, at int64) error { writeTo(t, path, []byte{b.Data[0] ^ 1}, at); return nil },
		"the head":  func(path string, at int64) error { writeTo(t, path, []byte{9}, at-recordHeader+5); return nil },
		"truncated": func(path string, at int64) error { return os.Truncate(path, at+int64(len(b.Data))-1) },
		"removed":   func(path string, _ int64) error { return os.Remove(path) },
	} {
		told = nil
		path, at := packOf(t, s, b.CID)
		if err := damage(path, at); err != nil {
			t.Fatal(err)
		}
		if name == "removed" { // who has it open can go on reading it
			s.Close()
			s = mustOpen(t, dir, o)
		}
		if get() {
			t.Errorf("%s: served", name)
		}
		if there() {
			t.Errorf("%s: offered after it was found out", name)
		}
		if get(); (name == "flipped" || name == "the head") && (len(told) != 1 || told[0] != b.CID) {
			t.Errorf("%s: told of %v", name, told)
		}
		if err := s.Replace(t.Context(), b.CID, b.Data); err != nil {
			t.Fatal(err)
		}
		if !get() || !there() {
			t.Errorf("%s: not served after it was mended", name)
		}
	}
	for _, c := range []cid.Cid{cid.Undef, cid.NewCidV1(cid.Raw, nil), cid.NewCidV1(cid.Raw, []byte{0, 0}), cid.NewCidV1(cid.Raw, append([]byte{0, 120}, make([]byte, 120)...)), cid.NewCidV0(b.CID.Hash())} {
		if _, err := s.Blocks().Get(t.Context(), c); err == nil {
			t.Errorf("served %v", c)
		}
		if ok, err := s.Blocks().Has(t.Context(), c); ok || err != nil {
			t.Errorf("has %v: %v, %v", c, ok, err)
		}
	}
	if err := s.Blocks().Put(t.Context(), mustBlock(t, []byte("wrong"), b.CID)); err == nil {
		t.Error("written unchecked")
	}
}

// A block that the disk cannot give any more is damaged as any other is: it is named, and what is left of it is set aside.
func TestCheckUnreadable(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	names := fill(t, s, 1, 3, 5000)
	_, at := packOf(t, s, names[1])
	s.packs.o.readAll = func(f *os.File, b []byte, off int64) (int, error) {
		if n := at + 1000 - off; off <= at && n < int64(len(b)) { // its byte 1,000 cannot be read
			n, _ := f.ReadAt(b[:n], off)
			return n, &os.PathError{Op: "read", Path: f.Name(), Err: syscall.EIO}
		}
		return f.ReadAt(b, off)
	}
	var found []cid.Cid
	if n, err := s.Check(t.Context(), func(c cid.Cid, err error) {
		found = append(found, c)
		if !errors.Is(err, syscall.EIO) {
			t.Error(err)
		}
	}); n != 3 || err != nil || len(found) != 1 || found[0] != names[1] {
		t.Fatalf("checked %d, %v; found %v, want %v", n, err, found, names[1])
	}
	path, err := s.SetAside(names[1])
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 1000 {
		t.Errorf("set aside: %v, %v", info, err)
	}
	if ok, err := s.Has(t.Context(), names[1]); ok || err != nil {
		t.Errorf("it is still there, %v", err)
	}
}

// Check tells each kind of damage, and what is set aside is missing.
func TestCheckAndSetAside(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	for i := range 5 {
		data := []byte(noise(i, 100))
		if err := s.Put(t.Context(), mustName(data), data); err != nil {
			t.Fatal(err)
		}
	}
	name := func(i int) cid.Cid { return mustName([]byte(noise(i, 100))) }
	overwrite(t, s, name(0), []byte("other bytes"))
	path, at := packOf(t, s, name(1))
	writeTo(t, path, []byte("XXXX"), at-recordHeader) // its head: the bytes say which it was
	_, at = packOf(t, s, name(2))
	writeTo(t, path, make([]byte, 60), at-recordHeader) // its head and some bytes: nobody can say which it was
	_, at = packOf(t, s, name(3))
	writeTo(t, path, make([]byte, 60), at-4) // the digest of its head is left

	check := func(s *Store) (n uint64, found []cid.Cid) {
		t.Helper()
		n, err := s.Check(t.Context(), func(c cid.Cid, err error) {
			if err == nil {
				t.Error("damaged without an error", c)
			}
			found = append(found, c)
		})
		if err != nil {
			t.Fatal(err)
		}
		return n, found
	}
	same := func(what string, got []cid.Cid, want ...cid.Cid) {
		t.Helper()
		for _, c := range want {
			if !slices.Contains(got, c) {
				t.Errorf("%s: %v is not found", what, c)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: found %v", what, got)
		}
	}
	n, found := check(mustOpen(t, dir, Options{ReadOnly: true}))
	same("for reading only", found, name(0), name(1), cid.Undef, name(3))
	if n != 5 {
		t.Errorf("checked %d", n)
	}
	_, found = check(s)
	same("for writing", found, name(0), cid.Undef, name(3)) // 1 has been mended
	_, found = check(s)
	same("again", found, name(0), name(3)) // 2 is just missing
	if got, err := s.Get(t.Context(), name(1)); err != nil || string(got) != noise(1, 100) {
		t.Errorf("mended: %q, %v", got, err)
	}
	if ok, err := s.Has(t.Context(), name(2)); ok || err != nil {
		t.Errorf("what nobody can name is there: %v, %v", ok, err)
	}
	for _, i := range []int{0, 3} {
		path, err := s.SetAside(name(i))
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || len(data) != 100 || string(data) == noise(i, 100) {
			t.Errorf("set aside: %q, %v", data, err)
		}
		if ok, err := s.Has(t.Context(), name(i)); ok || err != nil {
			t.Errorf("%d is still there, %v", i, err)
		}
	}
	n, found = check(s)
	if same("in the end", found); n != 2 {
		t.Errorf("checked %d", n)
	}
	if _, err := s.SetAside(seal(t, "nowhere").CID); !errors.Is(err, ErrMissing) {
		t.Errorf("set aside what is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Check(ctx, func(cid.Cid, error) { t.Error("canceled") }); err == nil {
		t.Error("checked after the context ended")
	}
}
