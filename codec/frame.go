package codec

import (
	"encoding/binary"
	"io"
	"sync"
)

// blockSize is the raw length of every block of a frame but the last, in bytes (section 4.4).
const blockSize = 1 << 19

// blockEntry says how a block of local notes is stored, and where.
type blockEntry struct {
	coding      coding
	raw, stored int
	off         int64 // of the stored bytes in the template
}

// frame is a frame without the bytes of its blocks.
type frame struct {
	frameEntry
	sum    uint32 // low half of the xxh64 of what it plays
	score  score
	blocks []blockEntry
	once   sync.Once
	fresh  []freshNote // for the references, made once
	parts  Parts
}

// Parts says what the bytes of a template are spent on.
type Parts struct {
	Symbols int64 `json:"symbols"` // coded streams of the frames' heads
	Local   int64 `json:"local"`   // blocks of local notes
	Other   int64 `json:"other"`   // header, index, lengths, checksums
}

// appendHead writes the head of a frame with its tag and checksum (section 4.2), for blocks that are packed already.
func appendHead(b []byte, play uint64, sum uint32, count int, s streams, blocks []blockEntry) []byte {
	head := binary.AppendUvarint(nil, play)
	head = binary.LittleEndian.AppendUint32(head, sum)
	head = binary.AppendUvarint(head, uint64(count))
	for _, raw := range s {
		head = appendStream(head, raw)
	}
	head = binary.AppendUvarint(head, uint64(len(blocks)))
	for _, e := range blocks {
		head = binary.AppendUvarint(head, uint64(e.coding))
		head = binary.AppendUvarint(head, uint64(e.raw))
		head = binary.AppendUvarint(head, uint64(e.stored))
	}
	from := len(b)
	b = append(b, tagFrame)
	b = binary.AppendUvarint(b, uint64(len(head)))
	b = append(b, head...)
	return binary.LittleEndian.AppendUint32(b, crc32c(b[from:]))
}

func appendStream(b, raw []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(raw)))
	if len(raw) == 0 {
		return b
	}
	c, data := packers(nil).pack(raw, nil)
	b = binary.AppendUvarint(b, uint64(c))
	if c != codingStored {
		b = binary.AppendUvarint(b, uint64(len(data)))
	}
	return append(b, data...)
}

// stream reads a coded stream of at most limit raw bytes.
func (f *fields) stream(name string, limit int) []byte {
	n := int(f.uvarint(0, uint64(limit), name+" stream's length"))
	if n == 0 {
		return nil
	}
	c, stored := coding(f.uvarint(0, uint64(codingZstd), name+" stream's coding")), n
	if c != codingStored {
		stored = int(f.uvarint(1, uint64(n), name+" stream's stored length"))
	}
	data := f.bytes(stored, name+" stream")
	if f.err != nil {
		return nil
	}
	raw, err := unpack(c, data, n, nil)
	if err != nil {
		f.fail("%s stream: %v", name, err)
	}
	return raw
}

// headSize returns how long the head at the start of b is, with its tag and checksum, and how much of that
// stands before the head proper. b is the first 1 to 11 bytes.
func headSize(b []byte, base int64) (size, lead int, err error) {
	f := fields{b: b, base: base}
	if t := f.bytes(1, "frame"); t != nil && t[0] != tagFrame {
		return 0, 0, formatErrorf(base, "neither a frame nor an index begins with %#02x", t[0])
	}
	n := f.uvarint(1, maxHead, "length of a head")
	return f.pos + int(n) + 4, f.pos, f.err
}

// parseHead reads a head with its tag and checksum, which together are all of b. at says where the frame
// begins; its play, local and size are what the head says.
func parseHead(b []byte, lead int, at frameEntry, tapeSize uint64) (*frame, error) {
	n := len(b) - 4
	if got, want := binary.LittleEndian.Uint32(b[n:]), crc32c(b[:n]); got != want {
		return nil, formatErrorf(at.off+int64(n), "head checksum is %08x, want %08x", got, want)
	}
	f := fields{b: b[:n], pos: lead, base: at.off}
	fr := &frame{frameEntry: at}
	fr.play = f.uvarint(1, maxPlay, "bytes of a frame")
	fr.sum = f.u32("frame checksum")
	count := int(f.uvarint(1, maxSequence, "symbols of a frame"))
	var s streams
	from, left := f.pos, maxStream
	for i := range s {
		s[i] = f.stream(streamNames[i], left)
		left -= len(s[i])
	}
	fr.parts.Symbols = int64(f.pos - from)
	var local, off uint64
	for range f.uvarint(0, maxStream/blockSize, "number of blocks") {
		e := blockEntry{coding: coding(f.uvarint(0, uint64(codingReferenced), "coding of a block"))}
		e.raw = int(f.uvarint(1, blockSize, "length of a block"))
		e.stored = int(f.uvarint(1, uint64(max(e.raw, 1)), "stored length of a block"))
		if f.err != nil {
			return nil, f.err
		}
		if local%blockSize != 0 {
			f.fail("a block of %d bytes follows %d", e.raw, local)
		}
		e.off = at.off + int64(len(b)) + int64(off)
		off += uint64(e.stored) + 4
		local += uint64(e.raw)
		fr.parts.Local += int64(e.stored)
		fr.blocks = append(fr.blocks, e)
	}
	f.end("head")
	if f.err != nil {
		return nil, f.err
	}
	fr.local = local
	fr.size = int64(len(b)) + int64(off)
	fr.parts.Other = fr.size - fr.parts.Symbols - fr.parts.Local
	var err error
	fr.score, err = readScore(s, count, fr.play, at.localPos, local, tapeSize, at.off)
	return fr, err
}

// readFrame reads the head of the frame that e describes from a template.
func readFrame(src io.ReaderAt, e frameEntry, tapeSize uint64) (*frame, error) {
	var first [11]byte
	n, err := readAt(src, first[:min(int64(len(first)), e.size)], e.off)
	if err != nil {
		return nil, err
	}
	size, lead, err := headSize(first[:n], e.off)
	if err != nil {
		return nil, err
	}
	if int64(size) > e.size {
		return nil, formatErrorf(e.off, "head of %d bytes in a frame of %d", size, e.size)
	}
	head := make([]byte, size)
	if _, err := readAt(src, head, e.off); err != nil {
		return nil, err
	}
	fr, err := parseHead(head, lead, e, tapeSize)
	if err != nil {
		return nil, err
	}
	if fr.frameEntry != e {
		return nil, formatErrorf(e.off, "frame and index disagree: %d and %d bytes played, %d and %d local, %d and %d long",
			fr.play, e.play, fr.local, e.local, fr.size, e.size)
	}
	return fr, nil
}

// readAt fills b from off; a template that ends before is an error of the format.
func readAt(src io.ReaderAt, b []byte, off int64) (int, error) {
	n, err := src.ReadAt(b, off)
	if n == len(b) {
		return n, nil
	}
	if err == io.EOF {
		return n, formatErrorf(off+int64(n), "cut short")
	}
	return n, err
}
