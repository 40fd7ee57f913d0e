package codec

import (
	"encoding/binary"
	"io"
	"sync"
)

// A frame with at most so many bytes of local notes, 2^16 to 2^23 as the header says, has one block (section 4.4).
const (
	minBlockBits = 16
	maxBlockBits = 23
)

// blockLength returns how long the blocks of a frame with so many bytes of local notes are, but for the last, which may be shorter, if up to whole bytes
// are one block. They are of equal length, so that several cores have as much to do each, and otherwise as long as can be, for none sees what is in another.
func blockLength(local, whole uint64) uint64 {
	n := uint64(1)
	if local > whole {
		n = max(2, local/(2*whole))
	}
	return (local + n - 1) / n
}

// maxHoles is how many holes a frame may have (section 4.2).
const maxHoles = 1 << 16

// blockEntry says how a block of local notes is stored, and where.
type blockEntry struct {
	coding      coding
	raw, stored int
	off         int64         // of the stored bytes in the template
	sources     []blockSource // in the order of the local tape
}

// frame is a frame without the bytes of its blocks.
type frame struct {
	frameEntry
	sum    uint32 // low half of the xxh64 of what it plays
	score  score
	blocks []blockEntry
	holes  []Span // of the tape, which its references have not
	once   sync.Once
	fresh  *freshPlaces // made once
	parts  Parts
}

// Parts says what the bytes of a template are spent on.
type Parts struct {
	Symbols int64 `json:"symbols"` // coded streams of the frames' heads
	Local   int64 `json:"local"`   // blocks of local notes
	Other   int64 `json:"other"`   // header, index, lengths, checksums
}

// appendHead writes the head of a frame with its tag and checksum (section 4.2), for blocks that are packed already.
func appendHead(b []byte, play uint64, sum uint32, count int, symbols []byte, blocks []blockEntry, holes []Span) []byte {
	head := binary.AppendUvarint(nil, play)
	head = binary.LittleEndian.AppendUint32(head, sum)
	head = binary.AppendUvarint(head, uint64(count))
	head = binary.AppendUvarint(head, uint64(len(symbols)))
	head = append(head, symbols...)
	local := 0
	for _, e := range blocks {
		local += e.raw
	}
	head = binary.AppendUvarint(head, uint64(local))
	for _, e := range blocks {
		if len(e.sources) > 0 {
			head = appendSources(append(head, byte(e.coding)|withSources), e.sources)
		} else {
			head = append(head, byte(e.coding))
		}
		if e.coding != codingStored {
			head = binary.AppendUvarint(head, uint64(e.stored))
		}
	}
	tag := byte(tagFrame)
	if len(holes) > 0 {
		tag = tagHoles
		head = appendHoles(head, holes)
	}
	from := len(b)
	b = append(b, tag)
	b = binary.AppendUvarint(b, uint64(len(head)))
	b = append(b, head...)
	return binary.LittleEndian.AppendUint32(b, crc32c(b[from:]))
}

// headSize returns how long the head at the start of b is, with its tag and checksum, and how much of that
// stands before the head proper. b is the first 1 to 11 bytes.
func headSize(b []byte, base int64) (size, lead int, err error) {
	f := fields{b: b, base: base}
	if t := f.bytes(1, "frame"); t != nil && t[0] != tagFrame && t[0] != tagHoles {
		return 0, 0, formatErrorf(base, "neither a frame nor an index begins with %#02x", t[0])
	}
	n := f.uvarint(1, maxHead, "length of a head")
	return f.pos + int(n) + 4, f.pos, f.err
}

// checkHead takes the checksum off a head that stands at byte off.
func checkHead(b []byte, off int64) ([]byte, error) {
	n := len(b) - 4
	if got, want := binary.LittleEndian.Uint32(b[n:]), crc32c(b[:n]); got != want {
		return nil, formatErrorf(off+int64(n), "head checksum is %08x, want %08x", got, want)
	}
	return b[:n], nil
}

// summary is how a head begins.
type summary struct {
	play    uint64
	sum     uint32
	count   int
	symbols []byte
	local   uint64
}

func parseSummary(f *fields) (h summary, err error) {
	h.play = f.uvarint(1, maxPlay, "bytes of a frame")
	h.sum = f.u32("frame checksum")
	h.count = int(f.uvarint(1, maxSequence, "symbols of a frame"))
	h.symbols = f.bytes(int(f.uvarint(0, maxHead, "length of the symbols")), "symbols")
	h.local = f.uvarint(0, maxLocal, "local bytes of a frame")
	return h, f.err
}

// parseHead reads a head with its tag, which together are all of b; its checksum has been taken off. at says where the frame
// begins; its play, local and size are what the head says. Before are the frames before it.
func parseHead(b []byte, lead int, at frameEntry, before []frameEntry, tapeSize uint64, blockSize int) (*frame, error) {
	fr, h, err := parseLayout(b, lead, at, before, tapeSize, blockSize)
	if err != nil {
		return nil, err
	}
	return fr, fr.readSymbols(h, tapeSize)
}

// readSymbols reads the symbols of a frame whose layout is known.
func (fr *frame) readSymbols(h summary, tapeSize uint64) (err error) {
	fr.score, err = readScore(h.symbols, h.count, h.play, fr.localPos, h.local, tapeSize, fr.off)
	return err
}

// parseLayout is parseHead without the symbols, which may be many.
func parseLayout(b []byte, lead int, at frameEntry, before []frameEntry, tapeSize uint64, blockSize int) (*frame, summary, error) {
	f := fields{b: b, pos: lead, base: at.off}
	h, err := parseSummary(&f)
	if err != nil {
		return nil, h, err
	}
	fr := &frame{frameEntry: at, sum: h.sum}
	fr.play, fr.local = h.play, h.local
	fr.parts.Symbols = int64(len(h.symbols))
	size := int64(len(b)) + 4
	length := int(blockLength(h.local, uint64(blockSize)))
	for left := int(h.local); left > 0 && f.err == nil; left -= length {
		c := f.uvarint(0, uint64(lastCoding)|withSources, "coding of a block")
		e := blockEntry{coding: coding(c &^ withSources), raw: min(left, length)}
		if e.coding > lastCoding {
			f.fail("coding of a block is %d", c)
		}
		if c&withSources != 0 {
			e.sources = parseSources(&f, before, fr, uint64(blockSize))
		}
		e.stored = e.raw
		if e.coding != codingStored {
			e.stored = int(f.uvarint(1, uint64(e.raw), "stored length of a block"))
		}
		e.off = at.off + size
		size += int64(e.stored) + 4
		fr.parts.Local += int64(e.stored)
		fr.blocks = append(fr.blocks, e)
	}
	if b[0] == tagHoles {
		fr.holes = parseHoles(&f, tapeSize)
	}
	f.end("head")
	fr.size = size
	fr.parts.Other = fr.size - fr.parts.Symbols - fr.parts.Local
	return fr, h, f.err
}

// appendHoles writes the holes of a frame, which are as JoinSpans returns them.
func appendHoles(b []byte, holes []Span) []byte {
	b = binary.AppendUvarint(b, uint64(len(holes)))
	var end uint64
	for _, s := range holes {
		b = binary.AppendUvarint(b, s.Pos-end)
		b = binary.AppendUvarint(b, s.Len)
		end = s.Pos + s.Len
	}
	return b
}

// parseHoles reads the holes of a frame: at least one, in the order of the tape, none of which touches the next.
func parseHoles(f *fields, tapeSize uint64) (holes []Span) {
	count := f.uvarint(1, maxHoles, "number of holes")
	var end uint64
	for i := range count {
		least := uint64(min(i, 1))
		gap := f.uvarint(0, tapeSize-end, "place of a hole")
		if f.err == nil && gap < least {
			f.fail("a hole touches the one before")
		}
		end += gap
		n := f.uvarint(0, tapeSize-end, "length of a hole")
		if f.err == nil && n == 0 {
			f.fail("a hole has no bytes")
		}
		if f.err != nil {
			return nil
		}
		holes = append(holes, Span{end, n})
		end += n
	}
	return holes
}

// readHead reads the head, with its tag, of a frame from a template. All that it needs to know of it is where it stands.
func readHead(src io.ReaderAt, e frameEntry) (head []byte, lead int, err error) {
	var first [11]byte
	n, err := readAt(src, first[:min(int64(len(first)), e.size)], e.off)
	if err != nil {
		return nil, 0, err
	}
	size, lead, err := headSize(first[:n], e.off)
	if err != nil {
		return nil, 0, err
	}
	if int64(size) > e.size {
		return nil, 0, formatErrorf(e.off, "head of %d bytes in a frame of %d", size, e.size)
	}
	head = make([]byte, size)
	if _, err := readAt(src, head, e.off); err != nil {
		return nil, 0, err
	}
	head, err = checkHead(head, e.off)
	return head, lead, err
}

// readFrame reads the head of the frame that e describes, which comes after those before, from a template.
func readFrame(src io.ReaderAt, e frameEntry, before []frameEntry, tapeSize uint64, blockSize int) (*frame, error) {
	fr, h, err := readLayout(src, e, before, tapeSize, blockSize)
	if err == nil {
		err = fr.readSymbols(h, tapeSize)
	}
	if err != nil {
		return nil, err
	}
	return fr, fr.agrees(e)
}

// readLayout is readFrame without the symbols, and without asking whether the frame agrees.
func readLayout(src io.ReaderAt, e frameEntry, before []frameEntry, tapeSize uint64, blockSize int) (*frame, summary, error) {
	head, lead, err := readHead(src, e)
	if err != nil {
		return nil, summary{}, err
	}
	return parseLayout(head, lead, e, before, tapeSize, blockSize)
}

// agrees checks that a frame is what the index says.
func (fr *frame) agrees(e frameEntry) error {
	if fr.frameEntry != e {
		return formatErrorf(e.off, "frame and index disagree: %d and %d bytes played, %d and %d local, %d and %d long",
			fr.play, e.play, fr.local, e.local, fr.size, e.size)
	}
	return nil
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
