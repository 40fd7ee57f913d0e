package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
)

// someUnpacked is a limit with room for two buckets.
const someUnpacked = 2*unpackedWay*(unpackedNote+unpackedSlot) + 2*unpackedPage

func held(i, size int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "note %6d;", i), size/12+1)[:size]
}

func fresh(size int) []byte { return make([]byte, size) }

func TestUnpacked(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{UnpackedSize: someUnpacked})
	raw := held(1, codec.MaxNote)
	b := seal(t, string(raw))
	if s.Unpacked(b.CID, len(raw)) != nil {
		t.Error("there before it was kept")
	}
	s.KeepUnpacked(b.CID, raw)
	for what, s := range map[string]*Store{
		"the same":    s,
		"for reading": mustOpen(t, dir, Options{UnpackedSize: someUnpacked, ReadOnly: true}),
	} {
		if !bytes.Equal(s.Unpacked(b.CID, len(raw)), raw) {
			t.Errorf("%s: not there", what)
		}
		if s.Unpacked(b.CID, len(raw)-1) != nil {
			t.Errorf("%s: there with another size", what)
		}
	}
	for _, none := range []int64{0, someUnpacked / 3} { // too little for one bucket
		s := mustOpen(t, dir, Options{ReadOnly: true, UnpackedSize: none})
		s.KeepUnpacked(b.CID, raw)
		if s.Unpacked(b.CID, len(raw)) != nil {
			t.Errorf("there where %d bytes are wanted", none)
		}
	}
	reader := mustOpen(t, dir, Options{UnpackedSize: someUnpacked, ReadOnly: true})
	other := seal(t, "kept by one who reads")
	reader.KeepUnpacked(other.CID, []byte("kept by one who reads"))
	if got := s.Unpacked(other.CID, other.RawLen); string(got) != "kept by one who reads" {
		t.Errorf("a reader kept %q", got)
	}
	larger := mustOpen(t, dir, Options{UnpackedSize: 2 * someUnpacked, ReadOnly: true})
	if larger.Unpacked(b.CID, len(raw)) != nil {
		t.Error("there with another limit")
	}
	larger.KeepUnpacked(b.CID, raw)
	if !bytes.Equal(larger.Unpacked(b.CID, len(raw)), raw) {
		t.Error("with another limit, not kept")
	}
}

// Whatever is in the file, what comes from it is what was kept, and what is wrong can be kept again.
func TestUnpackedDamage(t *testing.T) {
	dir := t.TempDir()
	u := newUnpacked(dir+"/unpacked", someUnpacked)
	defer u.close()
	raw := held(1, 10000)
	d := digest{16: 1, 31: 9}
	u.put(d, raw)
	sound, err := os.ReadFile(u.path)
	if err != nil {
		t.Fatal(err)
	}
	begin := bytes.Index(sound, raw)
	slot := bytes.Index(sound, d[:])
	for what, at := range map[string]int{"first byte": begin, "last byte": begin + len(raw) - 1, "digest": slot + 3, "size": slot + 32, "sum": slot + 36, "check": slot + 43} {
		f, _ := u.open(false)
		if _, err := f.WriteAt([]byte{sound[at] ^ 4}, int64(at)); err != nil {
			t.Fatal(err)
		}
		if got, _ := u.get(d, len(raw), fresh); got != nil {
			t.Errorf("%s damaged: %d bytes", what, len(got))
		}
		u.put(d, raw)
		if got, _ := u.get(d, len(raw), fresh); !bytes.Equal(got, raw) {
			t.Errorf("%s damaged: not kept again", what)
		}
	}
	u.close()
	for what, bad := range map[string][]byte{"empty": nil, "cut off": sound[:5000], "another": bytes.Repeat([]byte("?"), len(sound)), "half": sound[:len(sound)/2]} {
		if err := os.WriteFile(u.path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, _ := u.get(d, len(raw), fresh); got != nil && !bytes.Equal(got, raw) {
			t.Errorf("%s: other bytes", what)
		}
		u.put(d, raw)
		if got, _ := u.get(d, len(raw), fresh); !bytes.Equal(got, raw) {
			t.Errorf("%s: not kept again", what)
		}
		u.close()
	}
}

// The file takes no more of the disk than it may. What was read lately stays, what was not makes room.
func TestUnpackedLimit(t *testing.T) {
	u := newUnpacked(t.TempDir()+"/unpacked", someUnpacked)
	defer u.close()
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	u.now = func() time.Time { return clock }
	name := func(i int) (d digest) {
		binary.LittleEndian.PutUint64(d[:], uint64(i))
		d[16] = byte(i) // turns about between the two buckets
		return d
	}
	const places = 2 * unpackedWay
	there := func(from, to int) (n int) {
		for i := from; i < to; i++ {
			if raw, _ := u.get(name(i), unpackedNote, fresh); raw != nil {
				n++
			}
		}
		return n
	}
	keep := func(from, to int) {
		for i := from; i < to; i++ {
			u.put(name(i), held(i, unpackedNote))
		}
	}
	keep(0, 10*places)
	if n, more := there(0, places), there(places, 10*places); n != places || more != 0 {
		t.Errorf("%d of the first, and %d of what came within the hour", n, more)
	}
	clock = clock.Add(61 * time.Minute)
	if n := there(0, places/2); n != places/2 { // these are read again
		t.Errorf("%d of the first are left", n)
	}
	keep(20*places, 30*places)
	if n, old, fresh := there(0, places/2), there(places/2, places), there(20*places, 30*places); n != places/2 || old != 0 || fresh != places/2 {
		t.Errorf("%d were read, of which %d are left; of %d that were not %d, and %d new ones", places/2, n, places/2, old, fresh)
	}
	clock = clock.Add(-100 * 24 * time.Hour) // what lies in the future is no reason to stay
	keep(40*places, 41*places)
	if n := there(40*places, 41*places); n != places {
		t.Errorf("%d of %d kept by a clock that was wrong before", n, places)
	}
	info, err := os.Stat(u.path)
	if err != nil {
		t.Fatal(err)
	}
	if n := allocated(info); n > someUnpacked {
		t.Errorf("%d bytes on the disk, limit %d", n, someUnpacked)
	}
	clock = clock.Add(61 * time.Minute)
	for i := 50 * places; i < 51*places; i++ {
		u.put(name(i), []byte("a few bytes"))
	}
	if info, err = os.Stat(u.path); err != nil {
		t.Fatal(err)
	}
	if n := allocated(info); n > places*2*unpackedPage {
		t.Errorf("%d bytes on the disk for short notes in the places of long ones", n)
	}
}

// Whoever reads and writes beside whom, nobody gets other bytes than those that were kept.
func TestUnpackedBesideOthers(t *testing.T) {
	path := t.TempDir() + "/unpacked"
	const bucket = unpackedWay*(unpackedNote+unpackedSlot) + 2*unpackedPage // all want the same places
	var work sync.WaitGroup
	var hits [4]int
	for k := range hits { // each is as a process of its own
		u := newUnpacked(path, bucket)
		defer u.close()
		var hours int64
		u.now = func() time.Time { return time.Unix(hours*7200, 0) } // so that anything may go
		r := rand.New(rand.NewPCG(uint64(k), 1))
		work.Go(func() {
			for range 600 {
				hours++
				i := r.IntN(40)
				size := 1000 + i*4000
				d := digest{0: byte(i)}
				raw, _ := u.get(d, size, fresh)
				if raw == nil {
					u.put(d, held(i, size))
					continue
				}
				hits[k]++
				if !bytes.Equal(raw, held(i, size)) {
					t.Errorf("note %d has other bytes", i)
				}
			}
		})
	}
	work.Wait()
	for _, n := range hits {
		if n < 20 {
			t.Errorf("found %v of 600 each", hits)
			break
		}
	}
}

// Collecting drops what notes held that are gone, and all if none are wanted any more.
func TestUnpackedCollected(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{UnpackedSize: someUnpacked})
	ref := putDictionary(t, s, cid.Undef, "a note that a dictionary keeps")
	if err := s.SetDictionary(t.Context(), Dictionary{Name: "kept", Current: ref}); err != nil {
		t.Fatal(err)
	}
	kept, gone := seal(t, "a note that a dictionary keeps"), seal(t, "a note that nothing keeps")
	if err := s.Put(t.Context(), gone.CID, gone.Data); err != nil {
		t.Fatal(err)
	}
	s.KeepUnpacked(kept.CID, []byte("a note that a dictionary keeps"))
	s.KeepUnpacked(gone.CID, []byte("a note that nothing keeps"))
	if _, err := s.Collect(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if s.Unpacked(gone.CID, gone.RawLen) == nil {
		t.Error("a dry run dropped it")
	}
	if _, err := s.Collect(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if s.Unpacked(gone.CID, gone.RawLen) != nil {
		t.Error("what a note held is there, and its block is not")
	}
	if s.Unpacked(kept.CID, kept.RawLen) == nil {
		t.Error("what a note holds that is kept was dropped")
	}
	s.Close()
	torn := s.unpackedFile() + ".1234.part"
	if err := os.WriteFile(torn, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := mustOpen(t, dir, Options{}).Collect(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{s.unpackedFile(), torn} {
		if _, err := os.Stat(path); !notExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}

// A block whose copy is read counts as used.
func TestUnpackedIsUse(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir, Options{UnpackedSize: someUnpacked})
	b := seal(t, "a note")
	if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
		t.Fatal(err)
	}
	s.KeepUnpacked(b.CID, []byte("a note"))
	later := time.Now().Add(3 * time.Hour)
	for _, now := range []*func() time.Time{&s.packs.o.now, &s.unpacked.now} {
		*now = func() time.Time { return later }
	}
	if s.Unpacked(b.CID, b.RawLen) == nil {
		t.Fatal("not there")
	}
	slot, ok, err := s.packs.slotOf(keyOf(digestOf(b.CID)))
	if err != nil || !ok || slot.used != s.packs.minute() {
		t.Errorf("used in minute %d, want %d: %v, %v", slot.used, s.packs.minute(), ok, err)
	}
}

// What others need of the disk is left to them, and given back to them when they collect.
func TestUnpackedOnAFullDisk(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{UnpackedSize: someUnpacked})
	free := int64(unpackedSpare + 50000)
	s.unpacked.disk = func(*os.File) (int64, int64) { return free, 1 << 40 }
	var blocks []codec.Block
	for i := range 10 {
		raw := held(i, 20000)
		b := seal(t, string(raw))
		if err := s.Put(t.Context(), b.CID, b.Data); err != nil {
			t.Fatal(err)
		}
		if s.KeepUnpacked(b.CID, raw); s.Unpacked(b.CID, len(raw)) != nil {
			free -= 20000
			blocks = append(blocks, b)
		}
	}
	if len(blocks) != 2 {
		t.Fatalf("%d of 20,000 bytes kept where there is room for two", len(blocks))
	}
	if err := s.dropUnpacked(); err != nil {
		t.Fatal(err)
	}
	if s.Unpacked(blocks[0].CID, blocks[0].RawLen) == nil {
		t.Error("dropped where there was room")
	}
	free = unpackedSpare - 1
	if err := s.dropUnpacked(); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		if s.Unpacked(b.CID, b.RawLen) != nil {
			t.Error("not dropped")
		}
	}
}
