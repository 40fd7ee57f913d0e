package dictnet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

// listed makes the list of notes that spans of the test dictionary of n notes touch.
func listed(t testing.TB, n int, prove bool, spans ...codec.Span) (*Portable, Published, *storeSource) {
	t.Helper()
	home := openStore(t, store.Options{})
	pub := publish(t, home, n)
	tape, err := newClient(t, Options{Store: home}).Open(t.Context(), pub.Ref)
	if err != nil {
		t.Fatal(err)
	}
	p, err := tape.Portable(t.Context(), spansOf(spans...), prove)
	if err != nil {
		t.Fatal(err)
	}
	return p, pub, &storeSource{s: home, name: "publisher"}
}

func written(t testing.TB, p *Portable) []byte {
	t.Helper()
	b, err := p.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readPortable(b []byte) (*Portable, int64, error) {
	return readList(bufio.NewReader(bytes.NewReader(b)), maxPortableNotes)
}

// A list is read back as it was, wherever its notes are, and tells where the template begins.
func TestPortableReadsBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		prove bool
		spans []codec.Span
		notes int
	}{
		{"nothing", true, nil, 0},
		{"first", true, []codec.Span{{Pos: 0, Len: 1}}, 1},
		{"scattered", true, []codec.Span{{Pos: 400000, Len: 9000}, {Pos: 5000, Len: 10}, {Pos: 401000, Len: 10}}, -1},
		{"no proof", false, []codec.Span{{Pos: 100, Len: 100000}}, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, pub, _ := listed(t, 300, c.prove, c.spans...)
			if c.notes >= 0 && len(p.Notes) != c.notes {
				t.Errorf("%d notes, want %d", len(p.Notes), c.notes)
			}
			b := written(t, p)
			got, n, err := readPortable(append(b[:len(b):len(b)], "and the template"...))
			if err != nil || n != int64(len(b)) {
				t.Fatalf("%d bytes of %d: %v", n, len(b), err)
			}
			if again := written(t, got); !bytes.Equal(again, b) {
				t.Error("is written otherwise")
			}
			if c.prove && len(c.spans) > 0 {
				if err := got.Check(pub.Ref.Version); err != nil {
					t.Error(err)
				}
			}
			if !c.prove && !errors.Is(got.Check(pub.Ref.Version), merkle.ErrProof) {
				t.Error("a list without proof is proved")
			}
		})
	}
}

// A client plays from the list: it fetches the notes, and no block of the manifest.
func TestPortableNeedsNoManifest(t *testing.T) {
	p, _, src := listed(t, 300, false, codec.Span{Pos: 1000, Len: 50000}, codec.Span{Pos: 300000, Len: 100})
	src.change = func(c cid.Cid, data []byte) []byte {
		if !isNote(c) {
			t.Errorf("block %s is asked for", c)
		}
		return data
	}
	c := newClient(t, Options{Sources: []Source{src}})
	tape := c.OpenPortable(p)
	tape.FetchAll(t.Context())
	var want []byte
	for i := range 300 {
		want = append(want, noteText(i)...)
	}
	for _, n := range p.Notes {
		start, raw, err := tape.NoteAt(t.Context(), n.Start)
		if err != nil || start != n.Start || !bytes.Equal(raw, want[start:start+uint64(len(raw))]) {
			t.Fatalf("note %d: %v", n.Index, err)
		}
		if s, err := tape.Locate(t.Context(), n.Start+uint64(n.RawLen)-1); err != nil || s != (codec.Span{Pos: n.Start, Len: uint64(n.RawLen)}) {
			t.Fatalf("note %d is at %v: %v", n.Index, s, err)
		}
	}
	if got := c.Stats().Blocks; got != uint64(len(p.Notes)) {
		t.Errorf("%d blocks fetched for %d notes", got, len(p.Notes))
	}
	if _, _, err := tape.NoteAt(t.Context(), 200000); !errors.Is(err, ErrContradiction) {
		t.Errorf("a note that is not listed: %v", err)
	}
	p.Notes[0].RawLen-- // the list lies about a length
	if _, _, err := c.OpenPortable(p).NoteAt(t.Context(), p.Notes[0].Start); !errors.Is(err, ErrContradiction) {
		t.Error(err)
	}
}

// A list is proved for one version only, with just its notes at just their places.
func TestPortableCheckRefuses(t *testing.T) {
	list, pub, _ := listed(t, 300, true, codec.Span{Pos: 1000, Len: 50000}, codec.Span{Pos: 300000, Len: 100})
	good := written(t, list)
	for name, change := range map[string]func(p *Portable, v *merkle.Version){
		"other root":     func(_ *Portable, v *merkle.Version) { v.Root[0] ^= 1 },
		"other note":     func(p *Portable, _ *merkle.Version) { p.Notes[2].CID = p.Notes[3].CID },
		"moved note":     func(p *Portable, _ *merkle.Version) { p.Notes[len(p.Notes)-1].Index++ },
		"missing note":   func(p *Portable, _ *merkle.Version) { p.Notes = p.Notes[1:] },
		"other hash":     func(p *Portable, _ *merkle.Version) { p.Proof[0][0] ^= 1 },
		"missing hash":   func(p *Portable, _ *merkle.Version) { p.Proof = p.Proof[1:] },
		"hash too many":  func(p *Portable, _ *merkle.Version) { p.Proof = append(p.Proof, merkle.Hash{}) },
		"no proof":       func(p *Portable, _ *merkle.Version) { p.Proof = nil },
		"descending":     func(p *Portable, _ *merkle.Version) { p.Notes[0], p.Notes[1] = p.Notes[1], p.Notes[0] },
		"beyond the end": func(p *Portable, _ *merkle.Version) { p.Notes[len(p.Notes)-1].Index = 300 },
	} {
		p, _, err := readPortable(good)
		if err != nil {
			t.Fatal(err)
		}
		v := pub.Ref.Version
		if err := p.Check(v); err != nil {
			t.Fatal(err)
		}
		change(p, &v)
		if err := p.Check(v); !errors.Is(err, merkle.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sealed appends the right checksum.
func sealed(b ...[]byte) []byte {
	all := bytes.Join(b, nil)
	return binary.LittleEndian.AppendUint32(all, crc32.Checksum(all, castagnoli))
}

func hostileLists() map[string]struct{ list, want string } {
	u := func(vs ...uint64) []byte {
		var b []byte
		for _, v := range vs {
			b = binary.AppendUvarint(b, v)
		}
		return b
	}
	m, digest := []byte(PortableMagic), make([]byte, 32)
	return map[string]struct{ list, want string }{
		"empty":               {"", "at byte 0: cut short in magic"},
		"compact template":    {codec.Magic + "............", "at byte 0: no portable template begins with"},
		"no tape":             {string(sealed(m, u(0, 0, 0))), "at byte 4: length of the tape is 0"},
		"notes beyond limit":  {string(sealed(m, u(1, maxPortableNotes+1))), "number of notes is 16777217"},
		"notes that are not":  {string(m) + string(u(1, maxPortableNotes)), "at byte 9: cut short in gap before a note"},
		"long varint":         {string(sealed(m, []byte{0x81, 0x00}, u(0, 0))), "at byte 4: length of the tape is not a varint in its shortest form"},
		"varint of 11 bytes":  {string(sealed(m, bytes.Repeat([]byte{0xff}, 11))), "shortest form"},
		"note of no bytes":    {string(sealed(m, u(9, 1, 0, 0), digest, u(0))), "length of a note is 0"},
		"note too long":       {string(sealed(m, u(1<<40, 1, 0, codec.MaxNote+1), digest, u(0))), "length of a note is 245761"},
		"beyond the tape":     {string(sealed(m, u(9, 1, 0, 10), digest, u(0))), "note 0 ends at byte 10 of a tape of 9"},
		"gap of no bytes":     {string(sealed(m, u(9, 1, 3, 2, 1), digest, u(0))), "bytes before a note is 2, want 3"},
		"gap too long":        {string(sealed(m, u(1<<40, 1, 1, codec.MaxNote+1, 1), digest, u(0))), "bytes before a note is 245761"},
		"gap beyond the tape": {string(sealed(m, u(9, 1, 10, 10, 1), digest, u(0))), "gap of 10 notes on a tape of 9"},
		"huge gap":            {string(sealed(m, u(1<<63-1, 1, 1<<62+1, 1<<62+1, 1), digest, u(0))), "gap before a note is"},
		"proof too long":      {string(sealed(m, u(9, 1, 0, 9), digest, u(130))), "number of proof hashes is 130"},
		"proof cut short":     {string(sealed(m, u(9, 1, 0, 9), digest, u(3), digest)), "cut short in proof hash"},
		"wrong checksum":      {string(append(append(append([]byte{}, m...), u(9, 0, 0)...), 1, 2, 3, 4)), "at byte 7: checksum"},
		"no checksum":         {string(append(append([]byte{}, m...), u(9, 0, 0)...)), "at byte 7: cut short in checksum"},
	}
}

func TestReadPortableRefuses(t *testing.T) {
	for name, c := range hostileLists() {
		_, _, err := readPortable([]byte(c.list))
		var bad *codec.FormatError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	p, _, _ := listed(t, 20, true, codec.Span{Pos: 1000, Len: 9000})
	good := written(t, p)
	for i := range good {
		for _, bad := range [][]byte{good[:i], append(append(append([]byte{}, good[:i]...), good[i]^0x10), good[i+1:]...)} {
			if _, _, err := readPortable(bad); !errors.Is(err, codec.ErrTemplate) {
				t.Fatalf("byte %d of %d: %v", i, len(good), err)
			}
		}
	}
	p.Notes[0], p.Notes[1] = p.Notes[1], p.Notes[0]
	if _, err := p.AppendBinary(nil); err == nil {
		t.Error("a list out of order is written")
	}
	if _, err := (&Portable{TapeSize: 9, Notes: []manifest.Note{{RawLen: 9}}}).AppendBinary(nil); err == nil {
		t.Error("a note without a name is written")
	}
}

// FuzzReadPortable: what is read is what would be written.
func FuzzReadPortable(f *testing.F) {
	for _, c := range hostileLists() {
		f.Add([]byte(c.list))
	}
	for _, prove := range []bool{false, true} {
		p, _, _ := listed(f, 20, prove, codec.Span{Pos: 1000, Len: 3000}, codec.Span{Pos: 15000, Len: 1})
		f.Add(written(f, p))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, n, err := readPortable(b)
		if err != nil {
			if !errors.Is(err, codec.ErrTemplate) {
				t.Fatal(err)
			}
			// Once more with the right checksum, if that was all.
			if len(b) < 4 {
				return
			}
			if p, n, err = readPortable(sealed(b[:len(b)-4])); err != nil {
				return
			}
			b = sealed(b[:len(b)-4])
		}
		if got := written(t, p); !bytes.Equal(got, b[:n]) {
			t.Fatalf("% x is written as % x", b[:n], got)
		}
		p.Check(merkle.Version{Size: 20})
	})
}

// Spans that overlap a thousandfold cost no more than those that do not, and a caller who has gone is noticed.
func TestNeededOfOverlappingSpans(t *testing.T) {
	home, ref := longDictionary(t)
	c := NewClient(Options{Store: home})
	defer c.Close()
	tape, err := c.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	spans := make([]codec.Span, 1_000_000)
	for i := range spans {
		spans[i] = codec.Span{Pos: uint64(i % 300), Len: 50_000}
	}
	begin := time.Now()
	plan, err := c.Plan(t.Context(), tape, spans)
	if err != nil || plan.Notes != 503 || plan.Local != 503 || time.Since(begin) > 10*time.Second {
		t.Errorf("%+v, %v after %v", plan, err, time.Since(begin))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range tape.notesOf(ctx, spans) {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		break
	}
}
