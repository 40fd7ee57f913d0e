package manifest

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/ipld/go-ipld-prime/codec/dagcbor"
	"github.com/ipld/go-ipld-prime/datamodel"
	"github.com/ipld/go-ipld-prime/node/basicnode"

	"dictnet/codec"
)

// readGolden reads blocks from a file of lines "hex bytes  # meaning"; a line "[name]" starts a block.
func readGolden(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	blocks := make(map[string][]byte)
	name := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, _, _ := strings.Cut(lines.Text(), "#")
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			name = strings.Trim(line, "[]")
			continue
		}
		b, err := hex.DecodeString(line)
		if err != nil {
			t.Fatalf("%s: %q: %v", file, line, err)
		}
		blocks[name] = append(blocks[name], b...)
	}
	return blocks
}

// goldenNote is the note of the golden file that consists of one byte.
func goldenNote(t *testing.T, block []byte, rawLen int) Note {
	t.Helper()
	c, err := codec.NoteCID(block)
	if err != nil {
		t.Fatal(err)
	}
	return Note{CID: c, RawLen: rawLen}
}

func TestGolden(t *testing.T) {
	want := readGolden(t, "testdata/golden.txt")
	check := func(name string, c cid.Cid, s *memStore) {
		t.Helper()
		if got := s.blocks[c]; !bytes.Equal(got, want[name]) {
			t.Errorf("%s is\n%s\nwant\n%s", name, hex.Dump(got), hex.Dump(want[name]))
		}
	}

	s := newMemStore()
	check("manifest of no notes", mustAppend(t, s, cid.Undef, 0, 0).Manifest, s)

	// Two notes: the blocks are not zstd frames, which the manifest does not know.
	a, err := NewAppender(t.Context(), s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []Note{goldenNote(t, []byte("a"), 1), goldenNote(t, []byte("b"), 245760)} {
		if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
			t.Fatal(err)
		}
	}
	ref, err := a.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check("manifest of two notes", ref.Manifest, s)
	check("page of two notes", cidOf(codecNode, mustOpen(t, s, ref.Manifest).head.tree), s)

	// The same with labels: both notes are VIDEO, the second is TEXT.
	if a, err = NewAppender(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	for _, n := range []Note{goldenNote(t, []byte("a"), 1), goldenNote(t, []byte("b"), 245760)} {
		if err := a.Add(t.Context(), n.CID, n.RawLen); err != nil {
			t.Fatal(err)
		}
	}
	for _, g := range []grant{{"VIDEO", NoteRun{0, 2}}, {"TEXT", NoteRun{1, 1}}} {
		if err := a.Label(g.name, g.NoteRun); err != nil {
			t.Fatal(err)
		}
	}
	if ref, err = a.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	labelled := mustOpen(t, s, ref.Manifest).head
	check("labelled manifest of two notes", ref.Manifest, s)
	check("labels of two notes", cidOf(codecNode, labelled.labels), s)
	labels, _, err := decodeLabelHead(s.blocks[cidOf(codecNode, labelled.labels)])
	if err != nil {
		t.Fatal(err)
	}
	check("page of labels", cidOf(codecNode, labels.pages[0]), s)

	// And with a code book: two entries, which are 5 and 300 bytes in VIDEO, 7 and 1 in TEXT.
	if err := a.AddCodes([]Meaning{{"VIDEO", 10, []uint64{5, 300}}, {"TEXT", 65536, []uint64{7, 1}}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(t.Context(), goldenNote(t, []byte("a"), 1).CID, 1); err != nil {
		t.Fatal(err)
	}
	if ref, err = a.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	coded := mustOpen(t, s, ref.Manifest)
	check("labels with a code book", cidOf(codecNode, coded.head.labels), s)
	if _, err := coded.Codes(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("lengths in VIDEO", cidOf(codecNode, coded.labels.books[0].meanings[0].lengths), s)

	// 257 times the first note: the tree is a branch.
	if a, err = NewAppender(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	for range 257 {
		if err := a.Add(t.Context(), goldenNote(t, []byte("a"), 1).CID, 1); err != nil {
			t.Fatal(err)
		}
	}
	if ref, err = a.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("branch over 257 notes", cidOf(codecNode, mustOpen(t, s, ref.Manifest).head.tree), s)
}

// Our bytes are what the IPLD library takes for strict DAG-CBOR: it reads them, and writes the same.
func TestBlocksAreStrictDagCBOR(t *testing.T) {
	for _, size := range []uint64{0, 1, 23, 24, 256, 257, 700, 65537} {
		s := newMemStore()
		mustAppend(t, s, cid.Undef, 0, size)
		if size > 0 {
			grow(t, s, cid.Undef, size, grant{"VIDEO", NoteRun{0, 1}}, grant{"TEXT", NoteRun{size / 2, 1}})
		}
		for c, data := range s.blocks {
			nb := basicnode.Prototype.Any.NewBuilder()
			if err := (dagcbor.DecodeOptions{AllowLinks: true}).Decode(nb, bytes.NewReader(data)); err != nil {
				t.Fatalf("%d notes: %s: %v", size, c, err)
			}
			var out bytes.Buffer
			if err := dagcbor.Encode(nb.Build(), &out); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), data) {
				t.Fatalf("%d notes: block %s is written otherwise by the IPLD library", size, c)
			}
		}
	}
}

// A generic IPLD walker sees the links that we see.
func TestLinksAsIPLDSeesThem(t *testing.T) {
	s := newMemStore()
	m := mustOpen(t, s, grow(t, s, cid.Undef, 700, grant{"VIDEO", NoteRun{0, 300}}, grant{"TEXT", NoteRun{400, 1}}).Manifest)
	ours := make(map[string]bool)
	err := m.Walk(t.Context(), func(l Link) (bool, error) {
		ours[l.CID.String()] = true
		return true, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string]bool{m.cid.String(): true}
	var visit func(n datamodel.Node) error
	visit = func(n datamodel.Node) error {
		switch n.Kind() {
		case datamodel.Kind_Link:
			l, err := n.AsLink()
			if err != nil {
				return err
			}
			theirs[l.String()] = true
			c, err := cid.Decode(l.String())
			if err != nil {
				return err
			}
			if c.Prefix().Codec == codecNote {
				return nil
			}
			nb := basicnode.Prototype.Any.NewBuilder()
			if err := dagcbor.Decode(nb, bytes.NewReader(s.blocks[c])); err != nil {
				return fmt.Errorf("%s: %w", c, err)
			}
			return visit(nb.Build())
		case datamodel.Kind_Map:
			for it := n.MapIterator(); !it.Done(); {
				_, v, err := it.Next()
				if err != nil {
					return err
				}
				if err := visit(v); err != nil {
					return err
				}
			}
		case datamodel.Kind_List:
			for it := n.ListIterator(); !it.Done(); {
				_, v, err := it.Next()
				if err != nil {
					return err
				}
				if err := visit(v); err != nil {
					return err
				}
			}
		}
		return nil
	}
	nb := basicnode.Prototype.Any.NewBuilder()
	if err := dagcbor.Decode(nb, bytes.NewReader(s.blocks[m.cid])); err != nil {
		t.Fatal(err)
	}
	if err := visit(nb.Build()); err != nil {
		t.Fatal(err)
	}
	if len(ours) != len(theirs) {
		t.Fatalf("%d links, the IPLD library sees %d", len(ours), len(theirs))
	}
	for l := range theirs {
		if !ours[l] {
			t.Errorf("link %s was not walked", l)
		}
	}
}
