package codec

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ipfs/go-cid"
)

// Magic begins every template; its last byte is the format's version (section 4.1).
const Magic = "\xd7nt\x01"

const (
	endMagic = "nt\xd7\n" // ends a template (section 4.5)
	oneMagic = "nt\xd7\r" // ends one of one frame
	tagFrame = 0x01
	tagIndex = 0x02
	tagHoles = 0x03    // a frame with holes
	tagOne   = 0x04    // in place of an index after one frame
	maxPlay  = 1 << 48 // bytes that a frame plays
	maxHead  = 1 << 24 // bytes of a frame's head
	minFrame = 14      // bytes of a frame: no frame is shorter
	maxLocal = 1 << 23 // bytes of a frame's blocks, expanded
	maxIndex = 1 << 28 // bytes of an index
	maxNotes = 1<<63 - 1
	// maxHeader is the longest header.
	maxHeader = len(Magic) + 1 + digestLen + binary.MaxVarintLen64 + 4
)

// The CID of every manifest is this, CIDv1, dag-cbor, sha2-256, and a digest.
const (
	manifestPrefix = "\x01\x71\x12\x20"
	digestLen      = 0x20
)

// appendHeader writes a header (section 4.1); d may be nil. Up to 1<<blockBits bytes of local notes are one block.
func appendHeader(b []byte, d *DictionaryName, blockBits int) ([]byte, error) {
	from := len(b)
	b = append(b, Magic...)
	shape := byte(blockBits-minBlockBits) << 1
	if d == nil {
		b = append(b, shape)
	} else {
		c := d.Manifest.Bytes()
		if len(c) != len(manifestPrefix)+digestLen || string(c[:len(manifestPrefix)]) != manifestPrefix {
			return nil, fmt.Errorf("manifest CID %s is not CIDv1, dag-cbor, sha2-256", d.Manifest)
		}
		if d.Size < 1 || d.Size > maxNotes {
			return nil, fmt.Errorf("dictionary of %d notes, want 1 to %d", d.Size, uint64(maxNotes))
		}
		b = append(b, shape|1)
		b = append(b, c[len(manifestPrefix):]...)
		b = binary.AppendUvarint(b, d.Size)
	}
	return binary.LittleEndian.AppendUint32(b, crc32c(b[from:])), nil
}

// parseHeader reads the header at the start of b, of which at most maxHeader bytes are needed, and
// returns its length. The dictionary is nil if none is named.
func parseHeader(b []byte) (d *DictionaryName, blockSize, n int, err error) {
	d, blockSize, n, err = parseShape(b, 0)
	if err != nil {
		return nil, 0, 0, err
	}
	f := fields{b: b, pos: n}
	sum := crc32c(b[:n])
	if got := f.u32("header checksum"); f.err == nil && got != sum {
		f.fail("header checksum is %08x, want %08x", got, sum)
	}
	return d, blockSize, f.pos, f.err
}

// parseShape is parseHeader without the checksum, for a shape that has also the bits of form.
func parseShape(b []byte, form uint64) (d *DictionaryName, blockSize, n int, err error) {
	f := fields{b: b}
	if m := f.bytes(len(Magic), "magic"); m != nil && string(m) != Magic {
		if string(m[:3]) == Magic[:3] {
			return nil, 0, 0, formatErrorf(3, "format version %d is not known", m[3])
		}
		return nil, 0, 0, formatErrorf(0, "no template begins with % x", m)
	}
	shape := f.uvarint(form, form|(maxBlockBits-minBlockBits)<<1|1, "shape") &^ form
	blockSize = 1 << (minBlockBits + shape>>1)
	if shape&1 == 1 {
		digest := f.bytes(digestLen, "digest of the manifest")
		d = &DictionaryName{Size: f.uvarint(1, maxNotes, "dictionary size")}
		if f.err == nil {
			if d.Manifest, err = cid.Cast(append([]byte(manifestPrefix), digest...)); err != nil {
				f.fail("manifest CID: %v", err)
			}
		}
	}
	return d, blockSize, f.pos, f.err
}

// frameEntry says where a frame stands: in the template, in the file, and on the local tape. All in bytes.
type frameEntry struct {
	off, size       int64 // in the template, from the tag to the last block's checksum
	start, play     uint64
	localPos, local uint64
}

// index is the last part of a template.
type index struct {
	frames []frameEntry
	sum    uint64 // xxh64 of the file
}

// play is the length of the file.
func (x *index) play() uint64 {
	if len(x.frames) == 0 {
		return 0
	}
	last := x.frames[len(x.frames)-1]
	return last.start + last.play
}

func (x *index) append(b []byte) []byte {
	if len(x.frames) == 1 {
		return appendOne(b, uint32(x.sum>>32))
	}
	from := len(b)
	b = append(b, tagIndex)
	b = binary.AppendUvarint(b, uint64(len(x.frames)))
	for _, e := range x.frames {
		b = binary.AppendUvarint(b, uint64(e.size))
		b = binary.AppendUvarint(b, e.play)
		b = binary.AppendUvarint(b, e.local)
	}
	b = binary.LittleEndian.AppendUint64(b, x.sum)
	b = binary.LittleEndian.AppendUint32(b, crc32c(b[from:]))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)-from))
	return append(b, endMagic...)
}

// appendOne ends a template of one frame with the upper half of the file's checksum.
func appendOne(b []byte, upper uint32) []byte {
	b = append(b, tagOne)
	b = binary.LittleEndian.AppendUint32(b, upper)
	return append(b, oneMagic...)
}

const (
	footerLen = 4 + len(endMagic)     // of what stands behind the checksum of an index
	oneLen    = 1 + 4 + len(oneMagic) // of what stands in place of the index after one frame
)

// parseOne reads what stands in place of the index after one frame, which is all of b and stands at offset base. It returns the upper half of the file's
// checksum; the lower is that of the frame.
func parseOne(b []byte, base int64) (uint32, error) {
	f := fields{b: b, base: base}
	if t := f.bytes(1, "end"); t != nil && t[0] != tagOne {
		return 0, formatErrorf(base, "no template of one frame ends with %#02x", t[0])
	}
	sum := f.u32("file checksum")
	if m := f.bytes(len(oneMagic), "end mark"); m != nil && string(m) != oneMagic {
		f.fail("no template of one frame ends with % x", m)
	}
	f.end("template")
	return sum, f.err
}

// readOne makes the index of a template whose one frame stands from byte first to base.
func readOne(src io.ReaderAt, first, base int64) (*index, error) {
	var end [oneLen]byte
	if _, err := readAt(src, end[:], base); err != nil {
		return nil, err
	}
	upper, err := parseOne(end[:], base)
	if err != nil {
		return nil, err
	}
	e := frameEntry{off: first, size: base - first}
	head, lead, err := readHead(src, e)
	if err != nil {
		return nil, err
	}
	h, err := parseSummary(&fields{b: head, pos: lead, base: first})
	if err != nil {
		return nil, err
	}
	e.play, e.local = h.play, h.local
	return &index{frames: []frameEntry{e}, sum: uint64(upper)<<32 | uint64(h.sum)}, nil
}

// parseIndex reads an index with its footer, which together are all of b and stand at offset base; the first
// frame stands at offset first.
func parseIndex(b []byte, base, first int64) (*index, error) {
	f := fields{b: b, base: base}
	if t := f.bytes(1, "index"); t != nil && t[0] != tagIndex {
		return nil, formatErrorf(base, "no index begins with %#02x", t[0])
	}
	n := f.uvarint(0, uint64(len(b)), "number of frames")
	if n == 1 {
		f.fail("one frame has no index")
	}
	x := new(index)
	at := frameEntry{off: first}
	for range n {
		at.size = int64(f.uvarint(minFrame, 1<<40, "length of a frame"))
		at.play = f.uvarint(1, maxPlay, "bytes of a frame")
		at.local = f.uvarint(0, maxLocal, "local bytes of a frame")
		if f.err == nil && (at.off+at.size > base || at.start+at.play > 1<<62) {
			f.fail("frames do not fit before the index")
		}
		if f.err != nil {
			return nil, f.err
		}
		x.frames = append(x.frames, at)
		at.off, at.start, at.localPos = at.off+at.size, at.start+at.play, at.localPos+at.local
	}
	if f.err == nil && at.off != base {
		f.fail("frames end at byte %d, the index begins at %d", at.off, base)
	}
	x.sum = f.u64("file checksum")
	sum := crc32c(b[:f.pos])
	if got := f.u32("index checksum"); f.err == nil && got != sum {
		f.fail("index checksum is %08x, want %08x", got, sum)
	}
	size := f.pos
	if got := f.u32("index length"); f.err == nil && int64(got) != int64(size) {
		f.fail("index length is %d, want %d", got, size)
	}
	if m := f.bytes(len(endMagic), "end mark"); m != nil && string(m) != endMagic {
		f.fail("no template ends with % x", m)
	}
	f.end("index")
	if f.err != nil {
		return nil, f.err
	}
	return x, nil
}
