package manifest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/merkle"
)

// put stores any bytes under the name that they would have as a block of a manifest.
func (s *memStore) putNode(data []byte) digest {
	d := digest(sha256.Sum256(data))
	s.blocks[cidOf(codecNode, d)] = data
	return d
}

// entries returns n lines of a page, for the notes from index first.
func pageOf(first, n uint64) (es []entry) {
	for i := range n {
		note := testNote(first + i)
		d, err := digestOf(codecNote, note.CID)
		if err != nil {
			panic(err)
		}
		es = append(es, entry{link: d, hash: leafHash(d), length: uint64(note.RawLen)})
	}
	return es
}

// over returns the line of a branch for the children es.
func over(link digest, es []entry) entry {
	e := entry{link: link}
	var hashes []merkle.Hash
	for _, c := range es {
		hashes = append(hashes, c.hash)
		e.length += c.length
	}
	e.hash = merkle.Root(hashes)
	return e
}

// Each manifest below is made by somebody who can hash: every name is right, but one thing is not.
func TestHostileManifests(t *testing.T) {
	type dag struct {
		s    *memStore
		head head
	}
	// good makes a manifest of 300 notes, in two pages.
	good := func() (dag, []entry, []entry) {
		s := newMemStore()
		left, right := pageOf(0, 256), pageOf(256, 44)
		es := []entry{over(s.putNode(encodeNode(1, left)), left), over(s.putNode(encodeNode(1, right)), right)}
		top := over(s.putNode(encodeNode(2, es)), es)
		return dag{s, head{Version: merkle.Version{Size: 300, Root: top.hash}, length: top.length, tree: top.link}}, es, right
	}
	onePage := func(size uint64, es []entry, raw []byte) dag {
		s := newMemStore()
		top := over(s.putNode(raw), es)
		return dag{s, head{Version: merkle.Version{Size: size, Root: top.hash}, length: top.length, tree: top.link}}
	}
	three := pageOf(0, 3)

	tests := []struct {
		name string
		want string // in the error
		make func() dag
	}{
		{"missing page", "no such block", func() dag {
			d, es, _ := good()
			delete(d.s.blocks, cidOf(codecNode, es[1].link))
			return d
		}},
		{"missing branch", "no such block", func() dag {
			d, _, _ := good()
			delete(d.s.blocks, cidOf(codecNode, d.head.tree))
			return d
		}},
		{"other bytes under the name of a page", "the bytes are those of", func() dag {
			d, es, _ := good()
			d.s.blocks[cidOf(codecNode, es[1].link)] = encodeNode(1, pageOf(7, 44))
			return d
		}},
		{"one bit of a page", "the bytes are those of", func() dag {
			d, es, _ := good()
			c := cidOf(codecNode, es[1].link)
			d.s.blocks[c] = bytes.Clone(d.s.blocks[c])
			d.s.blocks[c][99] ^= 1
			return d
		}},
		{"block of a page cut short", "the bytes are those of", func() dag {
			d, es, _ := good()
			c := cidOf(codecNode, es[1].link)
			d.s.blocks[c] = d.s.blocks[c][:100]
			return d
		}},
		{"page cut short", "block ends within", func() dag {
			raw := encodeNode(1, three)
			return onePage(3, three, raw[:len(raw)-1])
		}},
		{"page with a byte after it", "after the end", func() dag {
			return onePage(3, three, append(encodeNode(1, three), 0))
		}},
		{"empty block", "block ends within", func() dag { return onePage(3, three, nil) }},
		{"page of no entries", "0 entries", func() dag { return onePage(3, three, []byte{cborArray}) }},
		{"too many entries", "257 entries", func() dag {
			es := pageOf(0, 257)
			return onePage(257, es, encodeNode(1, es))
		}},
		{"a count that would fill memory", "want 1 to 256", func() dag {
			return onePage(3, three, appendHead(nil, cborArray, math.MaxUint64))
		}},
		{"indefinite array", "an array of entries is expected", func() dag {
			raw := encodeNode(1, three)
			return onePage(3, three, append(append([]byte{0x9f}, raw[1:]...), 0xff))
		}},
		{"count not in its shortest form", "shortest form", func() dag {
			raw := encodeNode(1, three)
			return onePage(3, three, append([]byte{0x98, 3}, raw[1:]...))
		}},
		{"length not in its shortest form", "shortest form", func() dag {
			es := pageOf(0, 1)
			raw := encodeNode(1, es)
			return onePage(1, es, append(raw[:len(raw)-1], 0x19, 0, byte(es[0].length)))
		}},
		{"negative length", "a length is expected", func() dag {
			es := pageOf(0, 1)
			raw := encodeNode(1, es)
			raw[len(raw)-1] |= 0x20
			return onePage(1, es, raw)
		}},
		{"note without bytes", "no bytes", func() dag {
			es := pageOf(0, 3)
			es[1].length = 0
			return onePage(3, es, encodeNode(1, es))
		}},
		{"note larger than allowed", "limit 245760", func() dag {
			es := pageOf(0, 3)
			es[1].length = codec.MaxNote + 1
			return onePage(3, es, encodeNode(1, es))
		}},
		{"fewer notes than the size", "44 entries, want 45", func() dag {
			d, _, _ := good()
			d.head.Size = 301
			return d
		}},
		{"more notes than the size", "44 entries, want 43", func() dag {
			d, _, _ := good()
			d.head.Size = 299
			return d
		}},
		{"a branch where a page belongs", "not an entry of a page", func() dag {
			d, _, _ := good()
			d.head.Size = 200
			return d
		}},
		{"a page where a branch belongs", "an entry of a branch", func() dag {
			d, es, _ := good()
			d.head.tree = es[1].link
			return d
		}},
		{"a manifest where a page belongs", "an array of entries is expected", func() dag {
			d, _, _ := good()
			return onePage(3, three, encodeHead(d.head))
		}},
		{"root of another tree", "parent states", func() dag {
			d, _, _ := good()
			d.head.Root[0] ^= 1
			return d
		}},
		{"hash of another page", "tree hash", func() dag {
			d, es, _ := good()
			es[1].hash[31] ^= 1
			top := over(d.s.putNode(encodeNode(2, es)), es)
			d.head.tree, d.head.Root = top.link, top.hash
			return d
		}},
		{"length of the tape", "lengths add up to", func() dag {
			d, _, _ := good()
			d.head.length++
			return d
		}},
		{"lengths that overlap", "lengths add up to", func() dag {
			d, es, _ := good()
			es[0].length += 5
			es[1].length -= 5
			top := over(d.s.putNode(encodeNode(2, es)), es)
			d.head.tree, d.head.Root = top.link, top.hash
			return d
		}},
		{"lengths that overflow", "overflow", func() dag {
			d, es, _ := good()
			es[0].length, es[1].length = math.MaxUint64, 300
			top := over(d.s.putNode(encodeNode(2, es)), es)
			d.head.tree, d.head.Root = top.link, top.hash
			return d
		}},
		{"children in another order", "entries, want 256", func() dag {
			d, es, _ := good()
			es[0], es[1] = es[1], es[0]
			top := over(d.s.putNode(encodeNode(2, es)), es)
			d.head.tree, d.head.Root = top.link, top.hash
			return d
		}},
		{"note with another codec", "link to CIDv1, raw", func() dag {
			raw := encodeNode(1, three)
			raw[bytes.IndexByte(raw, 0x55)] = 0x70
			return onePage(3, three, raw)
		}},
		{"note with another hash", "link to CIDv1, raw", func() dag {
			raw := encodeNode(1, three)
			raw[bytes.IndexByte(raw, 0x55)+1] = 0x1b // keccak-256
			return onePage(3, three, raw)
		}},
		{"link without the zero byte", "link to CIDv1, raw", func() dag {
			raw := encodeNode(1, three)
			raw[bytes.IndexByte(raw, 0x55)-2] = 1
			return onePage(3, three, raw)
		}},
		{"link with another tag", "tag 43", func() dag {
			raw := encodeNode(1, three)
			raw[bytes.IndexByte(raw, 42)] = 43
			return onePage(3, three, raw)
		}},
		{"block larger than allowed", "limit 261120", func() dag {
			return onePage(3, three, make([]byte, MaxBlock+1))
		}},
		{"size without room in the length", "cannot have", func() dag {
			d, _, _ := good()
			d.head.length = 299
			return d
		}},
		{"length without notes", "cannot have", func() dag {
			return dag{newMemStore(), head{Version: merkle.Version{Root: merkle.EmptyRoot}, length: 1}}
		}},
		{"a root of no notes", "of no notes", func() dag {
			return dag{newMemStore(), head{}}
		}},
		{"size of 2^64-1", "entries, want", func() dag {
			d, _, _ := good()
			d.head.Size, d.head.length = math.MaxUint64, math.MaxUint64
			return d
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := test.make()
			err := readAll(t, d.s, cidOf(codecNode, d.s.putNode(encodeHead(d.head))))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want one about %q", err, test.want)
			}
			if missing := test.want == errMissing.Error(); errors.Is(err, errMissing) != missing || errors.Is(err, ErrInvalid) == missing {
				t.Errorf("error %v: missing and invalid confused", err)
			}
		})
	}

	d, _, _ := good()
	if err := readAll(t, d.s, cidOf(codecNode, d.s.putNode(encodeHead(d.head)))); err != nil {
		t.Errorf("the manifest that these were made from: %v", err)
	}
}

// readAll reads everything that a manifest says, in every way.
func readAll(t *testing.T, s *memStore, c cid.Cid) error {
	m, err := Open(t.Context(), s, c)
	if err != nil {
		return err
	}
	if m.head.Size > 1000 {
		_, err := m.Note(t.Context(), m.head.Size-1)
		return err
	}
	for n, err := range m.Notes(t.Context(), 0) {
		if err != nil {
			return err
		}
		if got, err := m.Locate(t.Context(), n.Start+uint64(n.RawLen)-1); err != nil || got != n {
			t.Errorf("note %v found as %v, %v", n, got, err)
		}
	}
	return m.Load(t.Context(), nil)
}

func TestOpenOtherNames(t *testing.T) {
	s := newMemStore()
	ref := mustAppend(t, s, cid.Undef, 0, 3)
	for name, c := range map[string]cid.Cid{
		"no CID": cid.Undef,
		"CIDv0":  cid.NewCidV0(ref.Manifest.Hash()),
		"raw":    cid.NewCidV1(cid.Raw, ref.Manifest.Hash()),
		"dag-pb": cid.NewCidV1(cid.DagProtobuf, ref.Manifest.Hash()),
	} {
		if _, err := Open(t.Context(), s, c); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := Open(t.Context(), s, cidOf(codecNode, mustOpen(t, s, ref.Manifest).head.tree)); !errors.Is(err, ErrInvalid) {
		t.Errorf("a page opened as a manifest: %v", err)
	}
}

// Every bit of a manifest and of a page counts: with one flipped and the name made right again, it is refused
// or says something else.
func TestFlippedBits(t *testing.T) {
	s := newMemStore()
	m := mustOpen(t, s, mustAppend(t, s, cid.Undef, 0, 3).Manifest)
	for _, m := range []*Manifest{m, mustOpen(t, s, grow(t, s, cid.Undef, 3, grant{"VIDEO", NoteRun{0, 1}}).Manifest)} {
		data := s.blocks[m.cid]
		for i := range len(data) * 8 {
			flipped := bytes.Clone(data)
			flipped[i/8] ^= 1 << (i % 8)
			if h, err := decodeHead(flipped); err == nil && h == m.head {
				t.Errorf("bit %d of a manifest does not count", i)
			}
		}
	}
	page := s.blocks[cidOf(codecNode, m.head.tree)]
	for i := range len(page) * 8 {
		flipped := bytes.Clone(page)
		flipped[i/8] ^= 1 << (i % 8)
		n, err := decodeNode(1, flipped)
		if err == nil && n.hash() == m.head.Root && n.length() == m.head.length && len(n.links) == 3 {
			same := true
			for j, e := range pageOf(0, 3) {
				same = same && n.entry(j) == e
			}
			if same {
				t.Errorf("bit %d of a page does not count", i)
			}
		}
	}
}

// What is decoded is written again as the same bytes: there is one encoding.
func FuzzDecode(f *testing.F) {
	f.Add(encodeHead(head{Version: merkle.Version{Root: merkle.EmptyRoot}}))
	f.Add(encodeHead(head{Version: merkle.Version{Size: 3}, length: 700}))
	f.Add(encodeHead(head{Version: merkle.Version{Size: 3}, length: 700, labels: digest{1}, labelled: true}))
	f.Add(encodeNode(1, pageOf(0, 2)))
	f.Add(encodeNode(1, pageOf(0, 256)))
	f.Add(encodeNode(2, pageOf(0, 30)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := decodeHead(data); err == nil && !bytes.Equal(encodeHead(h), data) {
			t.Error("manifest has two encodings")
		}
		for height := 1; height <= 2; height++ {
			n, err := decodeNode(height, data)
			if err != nil {
				continue
			}
			es := make([]entry, len(n.links))
			for i := range es {
				es[i] = n.entry(i)
			}
			if !bytes.Equal(encodeNode(height, es), data) {
				t.Errorf("block of height %d has two encodings", height)
			}
		}
	})
}
