// Package zref writes and reads zstd frames (RFC 8878) of texts that resemble a prefix, which both sides have.
//
// General encoders make tables of a prefix once, for many texts, and copy them for each. That takes longer than the coding itself where every text has a prefix of its
// own. Here prefix and text are one stretch of memory and share tables that are never cleared, and a copy with edits is followed along its diagonal, without them.
package zref

import (
	"encoding/binary"
	"slices"

	"github.com/klauspost/compress/huff0"

	"dictnet/codec/internal/align"
)

const (
	maxBlock = 128 << 10 // bytes of the text in a block (RFC 8878, section 3.1.1.2.4)

	// Kinds of blocks, and of literals sections.
	kindRaw   = 0
	kindRLE   = 1
	kindCoded = 2
)

// Encoder keeps tables to be used again. The zero value is ready. It is not safe for concurrent use.
type Encoder struct {
	finder
	huffman huff0.Scratch
	codes   [3]codes
	frame   []byte
}

// Encode returns a frame of raw, without its magic number, that states the size of its content and has no checksum. What lies behind prefix, up to its capacity, is
// overwritten if raw fits there. Hints, in the order of raw, say what it replaces in prefix. Both together have less than 256 MiB.
func (e *Encoder) Encode(raw, prefix []byte, hints []align.Hint) []byte {
	e.frame = e.appendFrame(e.frame[:0], raw, prefix, hints)
	return slices.Clone(e.frame)
}

func (e *Encoder) appendFrame(dst, raw, prefix []byte, hints []align.Hint) []byte {
	dst = appendHeader(dst, len(raw))
	e.begin(append(prefix, raw...), len(prefix), hints)
	for {
		n := min(maxBlock, len(raw))
		head := len(dst)
		dst = e.appendBlock(append(dst, 0, 0, 0), raw[:n])
		raw = raw[n:]
		if len(raw) == 0 {
			dst[head] |= 1
			return dst
		}
	}
}

// appendBlock appends the next block, and sets the header before it, but for the bit that says that it is the last.
func (e *Encoder) appendBlock(dst, block []byte) []byte {
	begin := len(dst)
	header := func(kind, size int) {
		word := size<<3 | kind<<1
		dst[begin-3], dst[begin-2], dst[begin-1] = byte(word), byte(word>>8), byte(word>>16)
	}
	if len(block) > 1 && allEqual(block) {
		e.skip(len(block))
		dst = append(dst, block[0])
		header(kindRLE, len(block))
		return dst
	}
	last := e.last
	e.find(len(block))
	dst = e.appendSequences(e.appendLiterals(dst))
	if size := len(dst) - begin; size < len(block) {
		header(kindCoded, size)
		return dst
	}
	e.last = last
	dst = append(dst[:begin], block...)
	header(kindRaw, len(block))
	return dst
}

func allEqual(b []byte) bool {
	for i := range b {
		if b[i] != b[0] {
			return false
		}
	}
	return true
}

// appendHeader appends the header of a frame that is one segment (section 3.1.1.1).
func appendHeader(dst []byte, size int) []byte {
	const single = 1 << 5
	switch {
	case size < 256:
		return append(dst, single, byte(size))
	case size < 65536+256:
		return binary.LittleEndian.AppendUint16(append(dst, 1<<6|single), uint16(size-256))
	}
	return binary.LittleEndian.AppendUint32(append(dst, 2<<6|single), uint32(size))
}

// appendLiterals appends a literals section (section 3.1.1.3.1).
func (e *Encoder) appendLiterals(dst []byte) []byte {
	n := len(e.literals)
	e.huffman.Reuse = huff0.ReusePolicyNone
	format, bits := 0, 10
	var coded []byte
	err := huff0.ErrIncompressible
	switch {
	case n >= 1<<14:
		format, bits = 3, 18
		coded, _, err = huff0.Compress4X(e.literals, &e.huffman)
	case n >= 1<<10:
		format, bits = 2, 14
		coded, _, err = huff0.Compress4X(e.literals, &e.huffman)
	case n > 16:
		coded, _, err = huff0.Compress1X(e.literals, &e.huffman)
	}
	switch {
	case err == huff0.ErrUseRLE:
		return append(appendPlainHeader(dst, kindRLE, n), e.literals[0])
	case err != nil || len(coded)+2 >= n:
		return append(appendPlainHeader(dst, kindRaw, n), e.literals...)
	}
	word := uint64(kindCoded | format<<2 | n<<4 | len(coded)<<(4+bits))
	for k := 4 + 2*bits; k > 0; k -= 8 {
		dst = append(dst, byte(word))
		word >>= 8
	}
	return append(dst, coded...)
}

// appendPlainHeader appends the header of literals that are stored or all alike.
func appendPlainHeader(dst []byte, kind byte, n int) []byte {
	switch {
	case n < 32:
		return append(dst, kind|byte(n<<3))
	case n < 1<<12:
		return append(dst, kind|1<<2|byte(n<<4), byte(n>>4))
	}
	return append(dst, kind|3<<2|byte(n<<4), byte(n>>4), byte(n>>12))
}
