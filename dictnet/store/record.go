package store

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// A pack is a file of records, each of which begins at a multiple of 8 bytes:
//
//	 0   4  "note"; "gone" if what follows is no block any more
//	 4   4  bytes of the block, little endian: 0..MaxBlock, or, if gone, how many to pass over
//	 8  32  SHA-256 of the block; anything if gone
//	40   4  CRC-32C of bytes 4 to 40, little endian
//	44      the block, and up to 7 bytes that are ignored
//
// Records are only added at the end. All that is ever changed in place is the first word, from "note" to "gone"; records that are
// gone may be joined to one that passes over all of them.
const (
	recordHeader = 44
	recordAlign  = 8
	wordNote     = "note"
	wordGone     = "gone"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the beginning of a record.
type header struct {
	gone   bool
	size   uint32 // bytes after the header
	digest digest
}

func (h header) append(b []byte) []byte {
	word := wordNote
	if h.gone {
		word = wordGone
	}
	b = append(b, word...)
	body := len(b)
	b = binary.LittleEndian.AppendUint32(b, h.size)
	b = append(b, h.digest[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[body:], castagnoli))
}

// parseHeader reports whether b begins with the header of a record.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < recordHeader {
		return h, false
	}
	h = header{gone: string(b[:4]) == wordGone, size: binary.LittleEndian.Uint32(b[4:]), digest: digest(b[8:40])}
	if !h.gone && (string(b[:4]) != wordNote || h.size > MaxBlock) {
		return h, false
	}
	return h, crc32.Checksum(b[4:40], castagnoli) == binary.LittleEndian.Uint32(b[40:])
}

// align returns where the record after one that ends at this offset begins.
func align(end int64) int64 { return (end + recordAlign - 1) &^ (recordAlign - 1) }

// recordSpan is how much of a pack a block of this size takes, in bytes.
func recordSpan(size uint32) int64 { return align(recordHeader + int64(size)) }

// scan visits the blocks in the first size bytes of a pack from an offset on, where a record begins, until visit returns an error. It
// returns where the next record may be written, and whether all up to there was records.
//
// A record that ends after size was torn, and is none. After bytes that are no record, scan goes on with the next ones that are
// a block with the right digest: what looks like a record there may be the inside of a block. If verify, all
// blocks are compared with their digests, and whole is false for those that are not what they should be.
func scan(pack io.ReaderAt, from, size int64, verify bool, visit func(at int64, h header, whole bool) error) (end int64, sound bool, err error) {
	var window [64 << 10]byte
	var read []byte // what of the pack is in window
	var base int64  // where that begins
	var block []byte
	lost := false // not all up to at was records
	end, sound = from, true
	for at := from; at+recordHeader <= size; {
		if at < base || at+recordHeader > base+int64(len(read)) {
			want := int64(4 << 10)
			if lost {
				want = int64(len(window))
			}
			n, err := pack.ReadAt(window[:min(want, size-at)], at)
			if err != nil && err != io.EOF {
				return end, sound, err
			}
			if n < recordHeader {
				break
			}
			base, read = at, window[:n]
		}
		h, ok := parseHeader(read[at-base:])
		next := at + recordHeader + int64(h.size)
		ok = ok && next <= size && !(lost && h.gone)
		whole := true
		if ok && !h.gone && (verify || lost) {
			block = append(block[:0], make([]byte, h.size)...)
			if _, err := pack.ReadAt(block, at+recordHeader); err != nil && err != io.EOF {
				return end, sound, err
			}
			whole = sha256.Sum256(block) == h.digest
			ok = whole || !lost
		}
		if !ok {
			lost = true
			at += recordAlign
			continue
		}
		if !h.gone {
			if err := visit(at, h, whole); err != nil {
				return end, sound, err
			}
		}
		at = align(next)
		end, sound = at, !lost
	}
	return end, sound, nil
}
