package store

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/datastore/dshelp"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-ds-flatfs"
)

// The blocks lie as flatfs lays them, which is what Kubo's repositories are made of: it reads ours, and we read its.
func TestLayoutIsFlatfs(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	b := seal(t, "a note")
	if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
		t.Fatal(err)
	}
	flat, err := flatfs.Open(s.blockDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer flat.Close()
	if got, err := flat.Get(t.Context(), dshelp.MultihashToDsKey(b.CID.Hash())); err != nil || !bytes.Equal(got, b.Data) {
		t.Errorf("flatfs reads %q, %v", got, err)
	}
	other := seal(t, "a note that flatfs wrote")
	if err := blockstore.NewBlockstore(flat, blockstore.NoPrefix()).Put(t.Context(), mustBlock(t, other.Data, other.CID)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(t.Context(), other.CID); err != nil || !bytes.Equal(got, other.Data) {
		t.Errorf("we read %q, %v", got, err)
	}
	if st, err := s.Stats(t.Context()); err != nil || st.Blocks != 2 {
		t.Errorf("stats %+v, %v", st, err)
	}
}

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
	s := mustOpen(t, dir, Options{Damaged: func(c cid.Cid) { told = append(told, c) }})
	b := seal(t, "a note that is served")
	if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
		t.Fatal(err)
	}
	path := fileOf(t, s, b.CID)
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
	for name, damage := range map[string]func() error{
		"flipped":   func() error { return os.WriteFile(path, append([]byte{b.Data[0] ^ 1}, b.Data[1:]...), 0o644) },
		"truncated": func() error { return os.Truncate(path, int64(len(b.Data)-1)) },
		"empty":     func() error { return os.Truncate(path, 0) },
		"too long":  func() error { return os.Truncate(path, 1<<40) },
		"a folder": func() error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o755)
		},
	} {
		told = nil
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		if get() {
			t.Errorf("%s: served", name)
		}
		if there() {
			t.Errorf("%s: offered after it was found out", name)
		}
		if get(); name != "a folder" && (len(told) != 1 || told[0] != b.CID) {
			t.Errorf("%s: told of %v", name, told)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
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

// Check tells each kind of damage, and what is set aside is missing.
func TestCheckAndSetAside(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{})
	good, bad := seal(t, "good"), map[cid.Cid]bool{}
	if err := s.Put(t.Context(), good.CID, good.Data); err != nil {
		t.Fatal(err)
	}
	for i, damage := range []func(path string) error{
		func(path string) error { return os.Truncate(path, 3) },
		func(path string) error { return os.Truncate(path, 1<<40) },
		func(path string) error { return os.WriteFile(path, good.Data, 0o644) },
		func(path string) error { return os.Symlink(path+"-nowhere", path+".new") },
		func(path string) error { os.Remove(path); return os.Mkdir(path, 0o755) },
	} {
		b := seal(t, noise(i, 100))
		if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
			t.Fatal(err)
		}
		if err := damage(fileOf(t, s, b.CID)); err != nil {
			t.Fatal(err)
		}
		bad[b.CID] = i != 3 // a file of another name beside it is no block
	}
	os.WriteFile(filepath.Join(s.blockDir(), "XX"), nil, 0o644)
	found := map[cid.Cid]error{}
	n, err := s.Check(t.Context(), func(c cid.Cid, err error) { found[c] = err })
	if err != nil || n != 6 {
		t.Errorf("checked %d, %v", n, err)
	}
	for c, want := range bad {
		if (found[c] != nil) != want {
			t.Errorf("%s: %v", c, found[c])
		}
		if !want {
			continue
		}
		path, err := s.SetAside(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
		if ok, err := s.Has(t.Context(), c); ok || err != nil {
			t.Errorf("%s is still there, %v", c, err)
		}
	}
	if _, err := s.SetAside(seal(t, "nowhere").CID); err == nil {
		t.Error("set aside what is not there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Check(ctx, func(cid.Cid, error) { t.Error("canceled") }); err == nil {
		t.Error("checked after the context ended")
	}
}
