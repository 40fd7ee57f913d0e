package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/codec"
	"dictnet/merkle"
)

const (
	// Fanout is how many entries a full page or branch has.
	Fanout = 256
	// MaxBlock is the most bytes a block of a manifest may have.
	MaxBlock = 255 << 10

	format = "dictnet/1"

	codecNote = cid.Raw
	codecNode = cid.DagCBOR
)

type digest [sha256.Size]byte

// cidOf returns the CIDv1 of a sha2-256 digest.
func cidOf(codec uint64, d digest) cid.Cid {
	mh, err := multihash.Encode(d[:], multihash.SHA2_256)
	if err != nil {
		panic(err) // only an unknown hash
	}
	return cid.NewCidV1(codec, mh)
}

// digestOf returns the digest in a CID that the format allows.
func digestOf(codec uint64, c cid.Cid) (digest, error) {
	if !c.Defined() {
		return digest{}, errors.New("no CID")
	}
	p := c.Prefix()
	if p.Version != 1 || p.Codec != codec || p.MhType != multihash.SHA2_256 || p.MhLength != sha256.Size {
		want := "dag-cbor"
		if codec == codecNote {
			want = "raw"
		}
		return digest{}, fmt.Errorf("CID %s is not CIDv1, %s, sha2-256", c, want)
	}
	h := c.Hash()
	return digest(h[len(h)-sha256.Size:]), nil
}

// head is the block that names a version.
type head struct {
	merkle.Version
	length uint64 // raw bytes of the tape
	tree   digest // meaningless if Size is 0

	labels   digest // meaningless if not labelled
	labelled bool
}

// entry is a line of a page or a branch.
type entry struct {
	link   digest
	hash   merkle.Hash // of a child: stated; of a note: its leaf hash
	length uint64      // raw bytes, 1 or more
}

// node is a page (height 1) or a branch as read. Its entries are 1 to Fanout.
type node struct {
	links  []digest
	hashes []merkle.Hash
	ends   []uint64 // raw bytes from the start of the block to the end of each entry
}

func (n *node) length() uint64    { return n.ends[len(n.ends)-1] }
func (n *node) hash() merkle.Hash { return merkle.Root(n.hashes) }

func (n *node) entry(i int) entry {
	return entry{link: n.links[i], hash: n.hashes[i], length: n.ends[i] - n.start(i)}
}

// start returns the position of entry i in the block, in raw bytes.
func (n *node) start(i int) uint64 {
	if i == 0 {
		return 0
	}
	return n.ends[i-1]
}

// leafHash returns the leaf hash of the note with this digest (section 2).
func leafHash(d digest) merkle.Hash {
	leaf := [4 + sha256.Size]byte{0x01, 0x55, 0x12, 0x20}
	copy(leaf[4:], d[:])
	return merkle.LeafHash(leaf[:])
}

// CBOR major types and the two other bytes that the format uses (RFC 8949).
const (
	cborUint  = 0 << 5
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborArray = 4 << 5
	cborMap   = 5 << 5
	cborTag   = 6 << 5
	cborNull  = 0xf6

	tagCID = 42
)

// appendHead appends a CBOR head in its shortest form.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n <= math.MaxUint8:
		return append(b, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, cborText, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(appendHead(b, cborBytes, uint64(len(s))), s...)
}

func appendLink(b []byte, codec byte, d digest) []byte {
	b = appendHead(b, cborTag, tagCID)
	b = appendHead(b, cborBytes, 5+sha256.Size)
	b = append(b, 0x00, 0x01, codec, 0x12, 0x20)
	return append(b, d[:]...)
}

func encodeHead(h head) []byte {
	keys := uint64(5)
	if h.labelled {
		keys++
	}
	b := appendHead(nil, cborMap, keys)
	b = appendBytes(appendText(b, "root"), h.Root[:])
	b = appendHead(appendText(b, "size"), cborUint, h.Size)
	b = appendText(b, "tree")
	if h.Size == 0 {
		b = append(b, cborNull)
	} else {
		b = appendLink(b, codecNode, h.tree)
	}
	b = appendText(appendText(b, "format"), format)
	if h.labelled {
		b = appendLink(appendText(b, "labels"), codecNode, h.labels)
	}
	return appendHead(appendText(b, "length"), cborUint, h.length)
}

// encodeNode encodes a page if height is 1, else a branch.
func encodeNode(height int, entries []entry) []byte {
	b := appendHead(make([]byte, 0, 4+len(entries)*96), cborArray, uint64(len(entries)))
	for _, e := range entries {
		if height == 1 {
			b = appendLink(appendHead(b, cborArray, 2), codecNote, e.link)
		} else {
			b = appendLink(appendHead(b, cborArray, 3), codecNode, e.link)
			b = appendBytes(b, e.hash[:])
		}
		b = appendHead(b, cborUint, e.length)
	}
	return b
}

// parser reads the few CBOR shapes of the format, each in its only valid form. After the first error
// every method returns zero.
type parser struct {
	data []byte
	off  int
	err  error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("at byte %d: %s", p.off, fmt.Sprintf(format, args...))
	}
}

// take returns the next n bytes.
func (p *parser) take(n int, what string) []byte {
	if p.err != nil {
		return nil
	}
	if len(p.data)-p.off < n {
		p.fail("block ends within %s", what)
		return nil
	}
	s := p.data[p.off : p.off+n]
	p.off += n
	return s
}

// head reads a CBOR head of a major type and returns its argument.
func (p *parser) head(major byte, what string) uint64 {
	at := p.off
	first := p.take(1, what)
	if first == nil {
		return 0
	}
	p.off = at
	if first[0]&0xe0 != major || first[0]&0x1f > 27 {
		p.fail("byte 0x%02x where %s is expected", first[0], what)
		return 0
	}
	n := uint64(first[0] & 0x1f)
	size := 0 // bytes of the argument
	if n >= 24 {
		size = 1 << (n - 24)
	}
	b := p.take(1+size, what)
	if b == nil || size == 0 {
		return n * uint64(min(len(b), 1))
	}
	var wide [8]byte
	copy(wide[8-size:], b[1:])
	n = binary.BigEndian.Uint64(wide[:])
	if len(appendHead(nil, major, n)) != 1+size {
		p.off = at
		p.fail("%s is not in its shortest form", what)
		return 0
	}
	return n
}

// exact reads bytes that can have only one value.
func (p *parser) exact(want []byte, what string) {
	at := p.off
	if got := p.take(len(want), what); got != nil && string(got) != string(want) {
		p.off = at
		p.fail("not %s", what)
	}
}

func (p *parser) text(s string) { p.exact(appendText(nil, s), fmt.Sprintf("the text %q", s)) }

func (p *parser) hash() (h merkle.Hash) {
	if n := p.head(cborBytes, "a hash"); p.err == nil && n != merkle.HashSize {
		p.fail("hash of %d bytes, want %d", n, merkle.HashSize)
	}
	copy(h[:], p.take(merkle.HashSize, "a hash"))
	return h
}

func (p *parser) link(codec byte) (d digest) {
	if tag := p.head(cborTag, "a link"); p.err == nil && tag != tagCID {
		p.fail("tag %d, want %d, a link", tag, tagCID)
	}
	want := "a link to CIDv1, dag-cbor, sha2-256"
	if codec == codecNote {
		want = "a link to CIDv1, raw, sha2-256"
	}
	p.exact([]byte{cborBytes | 24, 5 + sha256.Size, 0x00, 0x01, codec, 0x12, 0x20}, want)
	copy(d[:], p.take(sha256.Size, "a link"))
	return d
}

// end returns the first error, or one if bytes are left.
func (p *parser) end() error {
	if p.err == nil && p.off != len(p.data) {
		p.fail("%d bytes after the end", len(p.data)-p.off)
	}
	return p.err
}

func decodeHead(data []byte) (head, error) {
	var h head
	p := &parser{data: data}
	n := p.head(cborMap, "a map of a manifest")
	if p.err == nil && n != 5 && n != 6 {
		p.fail("map of %d keys, want 5 or 6", n)
	}
	p.text("root")
	h.Root = p.hash()
	p.text("size")
	h.Size = p.head(cborUint, "the size")
	p.text("tree")
	if h.Size == 0 {
		p.exact([]byte{cborNull}, "null, the tree of no notes")
	} else {
		h.tree = p.link(codecNode)
	}
	p.text("format")
	p.text(format)
	if n == 6 {
		p.text("labels")
		h.labels, h.labelled = p.link(codecNode), true
	}
	p.text("length")
	h.length = p.head(cborUint, "the length")
	if err := p.end(); err != nil {
		return head{}, err
	}
	if h.Size == 0 && h.labelled {
		return head{}, errors.New("labels of no notes")
	}
	if h.Size == 0 && h.Root != merkle.EmptyRoot {
		return head{}, fmt.Errorf("root %s of no notes, want %s", h.Root, merkle.EmptyRoot)
	}
	high, most := bits.Mul64(h.Size, codec.MaxNote)
	if h.length < h.Size || high == 0 && h.length > most {
		return head{}, fmt.Errorf("%d notes cannot have %d bytes", h.Size, h.length)
	}
	return h, nil
}

// decodeNode reads a page if height is 1, else a branch.
func decodeNode(height int, data []byte) (*node, error) {
	p := &parser{data: data}
	count := p.head(cborArray, "an array of entries")
	if p.err == nil && (count == 0 || count > Fanout) {
		p.fail("%d entries, want 1 to %d", count, Fanout)
	}
	if p.err != nil {
		return nil, p.err
	}
	n := &node{
		links:  make([]digest, count),
		hashes: make([]merkle.Hash, count),
		ends:   make([]uint64, count),
	}
	var end uint64
	for i := range n.links {
		if height == 1 {
			p.exact([]byte{cborArray | 2}, "an entry of a page")
			n.links[i] = p.link(codecNote)
		} else {
			p.exact([]byte{cborArray | 3}, "an entry of a branch")
			n.links[i] = p.link(codecNode)
			n.hashes[i] = p.hash()
		}
		length := p.head(cborUint, "a length")
		if p.err != nil {
			return nil, p.err
		}
		if length == 0 {
			return nil, fmt.Errorf("entry %d has no bytes", i)
		}
		if height == 1 {
			if length > codec.MaxNote {
				return nil, fmt.Errorf("note of %d bytes in entry %d, limit %d", length, i, codec.MaxNote)
			}
			n.hashes[i] = leafHash(n.links[i])
		}
		var carry uint64
		if end, carry = bits.Add64(end, length, 0); carry != 0 {
			return nil, fmt.Errorf("lengths overflow in entry %d", i)
		}
		n.ends[i] = end
	}
	return n, p.end()
}
