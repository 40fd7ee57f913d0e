package car

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func publish(t testing.TB, s *store.Store, notes int) dictnet.Published {
	t.Helper()
	e, err := dictnet.NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	for i := range notes {
		b, err := codec.SealNote(fmt.Appendf(nil, "note %d of a dictionary that travels", i%250)) // some twice
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	p, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func export(t testing.TB, s *store.Store, c cid.Cid) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Export(t.Context(), &out, s, c, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func stats(t testing.TB, s *store.Store) store.Stats {
	t.Helper()
	st, err := s.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestThereAndBack(t *testing.T) {
	for _, n := range []int{0, 1, 256, 300} {
		from := openStore(t)
		p := publish(t, from, n)
		file := export(t, from, p.Ref.Manifest)
		if !bytes.Equal(file, export(t, from, p.Ref.Manifest)) {
			t.Errorf("%d notes: exported twice, other bytes", n)
		}
		to := openStore(t)
		for range 2 {
			ref, err := Import(t.Context(), bytes.NewReader(file), to, nil)
			if err != nil || ref != p.Ref {
				t.Fatalf("%d notes: imported %v, %v; want %v", n, ref, err, p.Ref)
			}
		}
		if a, b := stats(t, from), stats(t, to); a != b {
			t.Errorf("%d notes: %v blocks, imported %v", n, a, b)
		}
		if !bytes.Equal(file, export(t, to, p.Ref.Manifest)) {
			t.Errorf("%d notes: exported after import, other bytes", n)
		}
	}
}

// A dictionary in a file is read where it lies, by the client as by the manifest.
func TestReadWhereItLies(t *testing.T) {
	from := openStore(t)
	p := publish(t, from, 300)
	f, err := Open(bytes.NewReader(export(t, from, p.Ref.Manifest)), "d.car")
	if err != nil {
		t.Fatal(err)
	}
	if f.Root() != p.Ref.Manifest {
		t.Errorf("root %s", f.Root())
	}
	if m, err := manifest.Open(t.Context(), f, f.Root()); err != nil || m.Ref() != p.Ref {
		t.Errorf("manifest: %v", err)
	}
	c := dictnet.NewClient(dictnet.Options{Store: openStore(t), Sources: []dictnet.Source{f}})
	defer c.Close()
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	for pos := uint64(0); pos < tape.Size(); {
		_, raw, err := tape.NoteAt(t.Context(), pos)
		if err != nil {
			t.Fatal(err)
		}
		pos += uint64(len(raw))
	}
	if err := f.Check(t.Context()); err != nil {
		t.Error(err)
	}
	nowhere, err := codec.NoteCID([]byte("nowhere"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Get(t.Context(), nowhere); !errors.Is(err, store.ErrMissing) {
		t.Errorf("a block that is not in the file: %v", err)
	}
	if _, err := c.Get(t.Context(), nowhere); !errors.Is(err, dictnet.ErrUnavailable) {
		t.Errorf("a block that is not in the file: %v", err)
	}
}

// write makes a CAR of any blocks and roots.
func write(t *testing.T, roots []cid.Cid, bs ...blocks.Block) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := storage.NewWritable(&out, roots, carv2.WriteAsCarV1(true))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bs {
		if err := w.Put(t.Context(), b.Cid().KeyString(), b.RawData()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Finalize(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Whatever is wrong with a file, it is refused and the store is as it was.
func TestBadFiles(t *testing.T) {
	from := openStore(t)
	p := publish(t, from, 300)
	good := export(t, from, p.Ref.Manifest)
	junk := blocks.NewBlock([]byte("junk")) // CIDv0
	raw := func(data string) blocks.Block {
		c, err := codec.NoteCID([]byte(data))
		if err != nil {
			t.Fatal(err)
		}
		b, err := blocks.NewBlockWithCid([]byte(data), c)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 1
		return b
	}
	tests := []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, ErrFormat},
		{"text", []byte("this is no CAR file at all, but a text"), ErrFormat},
		{"header cut short", good[:30], ErrFormat},
		{"block cut short", good[:len(good)-5], ErrFormat},
		{"last page missing", good[:bytes.LastIndex(good, []byte{0x01, 0x71, 0x12, 0x20})-2], dictnet.ErrUnavailable},
		{"header only", good[:59], dictnet.ErrUnavailable},
		{"flipped bit in the last page", flip(len(good) - 3), dictnet.ErrContradiction},
		{"no root", write(t, nil, raw("x")), ErrFormat},
		{"two roots", write(t, []cid.Cid{p.Ref.Manifest, p.Ref.Manifest}), ErrFormat},
		{"root is no manifest", write(t, []cid.Cid{raw("x").Cid()}, raw("x")), manifest.ErrInvalid},
		{"block of another kind", write(t, []cid.Cid{p.Ref.Manifest}, junk), ErrFormat},
		{"huge section", append(bytes.Clone(good[:59]), 0xff, 0xff, 0xff, 0xff, 0x0f, 0x01), ErrFormat},
		{"huge header", []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0xa2}, ErrFormat},
	}
	for _, test := range tests {
		to := openStore(t)
		kept := publish(t, to, 100) // shares notes with the file
		before := stats(t, to)
		_, err := Import(t.Context(), bytes.NewReader(test.file), to, nil)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
		if after := stats(t, to); after != before {
			t.Errorf("%s: %v in the store, %v before", test.name, after, before)
		}
		export(t, to, kept.Ref.Manifest)
	}
	// Wrong bytes are found in a file that is checked where it lies, too.
	for at, file := range map[string][]byte{"the last page": flip(len(good) - 3), "the first page": flip(100), "the end": good[:len(good)-5]} {
		f, err := Open(bytes.NewReader(file), "bad.car")
		if err == nil {
			err = f.Check(t.Context())
		}
		if !errors.Is(err, ErrFormat) {
			t.Errorf("checked where it lies, wrong at %s: %v", at, err)
		}
	}
	// Every flipped bit is noticed, or stands where nothing is read.
	for at := 0; at < len(good); at += 97 {
		to := openStore(t)
		if ref, err := Import(t.Context(), bytes.NewReader(flip(at)), to, nil); err == nil && ref != p.Ref {
			t.Errorf("bit in byte %d: imported %v", at, ref)
		} else if err != nil && stats(t, to).Blocks != 0 {
			t.Errorf("bit in byte %d: left %v", at, stats(t, to))
		}
		if at > 97*100 {
			break
		}
	}
}

// Blocks that the manifest does not reach are not kept.
func TestStowaways(t *testing.T) {
	from := openStore(t)
	p := publish(t, from, 3)
	m, err := manifest.Open(t.Context(), from, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	var bs []blocks.Block
	stowaway, err := codec.SealNote([]byte("stowaway"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := blocks.NewBlockWithCid(stowaway.Data, stowaway.CID)
	if err != nil {
		t.Fatal(err)
	}
	bs = append(bs, b)
	if err := m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
		data, err := from.Get(t.Context(), l.CID)
		if err != nil {
			return false, err
		}
		b, err := blocks.NewBlockWithCid(data, l.CID)
		bs = append(bs, b)
		return true, err
	}); err != nil {
		t.Fatal(err)
	}
	to := openStore(t)
	if ref, err := Import(t.Context(), bytes.NewReader(write(t, []cid.Cid{p.Ref.Manifest}, bs...)), to, nil); err != nil || ref != p.Ref {
		t.Fatalf("%v, %v", ref, err)
	}
	if ok, err := to.Has(t.Context(), stowaway.CID); ok || err != nil {
		t.Errorf("kept a stowaway: %v", err)
	}
}

func TestInterrupted(t *testing.T) {
	from := openStore(t)
	p := publish(t, from, 300)
	to := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Import(ctx, bytes.NewReader(export(t, from, p.Ref.Manifest)), to, func(n uint64) {
		if n == 100 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || stats(t, to).Blocks != 0 {
		t.Errorf("%v, left %v", err, stats(t, to))
	}
	// A dictionary that is not whole is not exported.
	m, err := manifest.Open(t.Context(), from, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	n, err := m.Note(t.Context(), 200)
	if err != nil {
		t.Fatal(err)
	}
	if err := from.Delete(t.Context(), n.CID); err != nil {
		t.Fatal(err)
	}
	if err := Export(t.Context(), new(bytes.Buffer), from, p.Ref.Manifest, nil); !errors.Is(err, store.ErrMissing) {
		t.Errorf("exported without a note: %v", err)
	}
}

// wrapped makes a CARv2 of a file, with an index that says it is huge if it is damaged.
func wrapped(t testing.TB, file []byte, damaged bool) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := carv2.WrapV1(bytes.NewReader(file), &out); err != nil {
		t.Fatal(err)
	}
	b := out.Bytes()
	if index := binary.LittleEndian.Uint64(b[carv2.PragmaSize+32:]); damaged {
		binary.LittleEndian.PutUint64(b[index+22:], 40<<50) // bytes of the entries of 40 bytes
	}
	return b
}

// What the index of a CARv2 says is not believed, and does no harm.
func TestIndexIsLeftAlone(t *testing.T) {
	from := openStore(t)
	p := publish(t, from, 3)
	for _, damaged := range []bool{false, true} {
		file := wrapped(t, export(t, from, p.Ref.Manifest), damaged)
		f, err := Open(bytes.NewReader(file), "v2.car")
		if err != nil {
			t.Fatal(err)
		}
		if m, err := manifest.Open(t.Context(), f, f.Root()); err != nil || m.Ref() != p.Ref {
			t.Errorf("manifest: %v", err)
		}
		within := wrapped(t, export(t, from, p.Ref.Manifest), false)
		within = append(within[:carv2.PragmaSize+carv2.HeaderSize:carv2.PragmaSize+carv2.HeaderSize], file...) // a CARv2 for its blocks
		binary.LittleEndian.PutUint64(within[carv2.PragmaSize+24:], uint64(len(file)))
		if _, err := Open(bytes.NewReader(within), "v2.car"); !errors.Is(err, ErrFormat) {
			t.Errorf("a CARv2 in a CARv2: %v", err)
		}
	}
}

// FuzzImport: whatever a file holds, a dictionary comes of it that can be handed on, or nothing stays. Reading it where it lies finds no other one.
func FuzzImport(f *testing.F) {
	for _, n := range []int{0, 1, 3} {
		from := openStore(f)
		good := export(f, from, publish(f, from, n).Ref.Manifest)
		for _, file := range [][]byte{good, good[:len(good)-5], good[:59], append(bytes.Clone(good[:59]), 0xff, 0xff, 0xff, 0xff, 0x0f, 0x01), wrapped(f, good, false), wrapped(f, good, true)} {
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		to := openStore(t)
		ref, err := Import(t.Context(), bytes.NewReader(file), to, nil)
		if err != nil {
			if st := stats(t, to); st.Blocks != 0 {
				t.Errorf("refused (%v), and %v are left", err, st)
			}
		} else if again, err := Import(t.Context(), bytes.NewReader(export(t, to, ref.Manifest)), openStore(t), nil); err != nil || again != ref {
			t.Errorf("imported %v, and from there %v, %v", ref, again, err)
		}
		in, oerr := Open(bytes.NewReader(file), "fuzz.car")
		if oerr != nil {
			return
		}
		if err == nil && in.Root() != ref.Manifest {
			t.Errorf("where it lies the manifest is %s, imported %s", in.Root(), ref.Manifest)
		}
		if in.Check(t.Context()) == nil {
			if _, err := in.Sizes(t.Context(), int64(len(file))); err != nil {
				t.Errorf("all blocks are good, and their sizes: %v", err)
			}
		}
		in.Get(t.Context(), in.Root())
	})
}
