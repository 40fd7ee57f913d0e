// Package unzstd expands zstd frames (RFC 8878) that are held whole, as notes are: one segment, no checksum, no dictionary. It does
// so about half again as fast as a general decoder, because it knows how much room there is and may write a few bytes too many.
//
// What it does not know, or does not believe, it refuses without saying why: a general decoder is to be asked then. What it accepts
// is what a general decoder makes of the frame.
package unzstd

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/klauspost/compress/huff0"
)

// ErrRefused says that a frame is not expanded here. It may be a good one.
var ErrRefused = errors.New("zstd frame is not expanded here")

// Slack is how many bytes of room Decode wants behind those that it gives.
const Slack = 32

const (
	magic        = 0xfd2fb528
	maxBlock     = 128 << 10 // bytes that a block expands to (RFC 8878, section 3.1.1.2)
	descriptor   = 0x20      // of a frame that is a single segment, without the flags of its content size
	maxOffset    = 24        // bits of an offset; frames are much smaller
	maxAccuracy  = 9         // bits, of any table
	leastFrame   = 4 + 1 + 1 + 3
	streamMargin = 8 // bytes before a bit stream that may be read with it
)

// Decode expands a frame, of which the content has size bytes, and returns the content. It is written to dst[:size], if dst has
// room for that and Slack more, else to new memory. The error is ErrRefused. It is safe for concurrent use.
func Decode(dst, frame []byte, size int) ([]byte, error) {
	if cap(dst) < size+Slack {
		dst = make([]byte, size+Slack)
	}
	d := idle.Get().(*decoder)
	defer idle.Put(d)
	if !d.frame(dst[:size+Slack], frame, size) {
		return nil, ErrRefused
	}
	return dst[:size:size], nil
}

var idle = sync.Pool{New: func() any { return new(decoder) }}

// decoder is what expanding takes besides the bytes.
type decoder struct {
	tables   [3]table // of literal lengths, offsets and match lengths
	recent   [3]int   // offsets used last (RFC 8878, section 3.1.1.5)
	huffman  *huff0.Scratch
	treed    bool // huffman holds a tree of this frame
	literals [maxBlock + Slack]byte
	batch    [batch]sequence
}

// frame expands a frame into out, which has Slack bytes more than size.
func (d *decoder) frame(out, frame []byte, size int) bool {
	if len(frame) < leastFrame || binary.LittleEndian.Uint32(frame) != magic || frame[4]&^0xc0 != descriptor {
		return false
	}
	var stated uint64
	at := 5
	switch frame[4] >> 6 {
	case 0:
		stated = uint64(frame[at])
		at++
	case 1:
		stated = uint64(binary.LittleEndian.Uint16(frame[at:])) + 256
		at += 2
	case 2:
		stated = uint64(binary.LittleEndian.Uint32(frame[at:]))
		at += 4
	case 3:
		if len(frame) < at+8 {
			return false
		}
		stated = binary.LittleEndian.Uint64(frame[at:])
		at += 8
	}
	if stated != uint64(size) {
		return false
	}
	d.recent = [3]int{1, 4, 8}
	d.treed = false
	for i := range d.tables {
		d.tables[i].there = false
	}
	done := 0
	for last := false; !last; {
		if len(frame)-at < 3 {
			return false
		}
		head := int(frame[at]) | int(frame[at+1])<<8 | int(frame[at+2])<<16
		at += 3
		last = head&1 == 1
		n := head >> 3
		if n > maxBlock {
			return false
		}
		switch head >> 1 & 3 {
		case 0: // as it is
			if n > len(frame)-at || n > size-done {
				return false
			}
			copy(out[done:], frame[at:at+n])
			done += n
			at += n
		case 1: // one byte, again and again
			if at == len(frame) || n > size-done {
				return false
			}
			fill(out[done:done+n], frame[at])
			done += n
			at++
		case 2:
			if n > len(frame)-at {
				return false
			}
			var ok bool
			if done, ok = d.block(out, done, min(size, done+maxBlock), frame[:at+n], at); !ok {
				return false
			}
			at += n
		default:
			return false
		}
	}
	return done == size && at == len(frame)
}

func fill(b []byte, c byte) {
	for i := range b {
		b[i] = c
	}
}

// block expands the compressed block that is frame[at:] to out[done:], and returns where it ends there, at most limit.
func (d *decoder) block(out []byte, done, limit int, frame []byte, at int) (end int, ok bool) {
	literals, at, ok := d.readLiterals(frame, at)
	if !ok || at == len(frame) {
		return 0, false
	}
	count := int(frame[at])
	switch {
	case count < 128:
		at++
	case count < 255 && len(frame)-at >= 2:
		count = (count-128)<<8 | int(frame[at+1])
		at += 2
	case count == 255 && len(frame)-at >= 3:
		count = 0x7f00 + int(binary.LittleEndian.Uint16(frame[at+1:]))
		at += 3
	default:
		return 0, false
	}
	if count == 0 {
		if at != len(frame) || literals > limit-done {
			return 0, false
		}
		return done + copy(out[done:], d.literals[:literals]), true
	}
	if at == len(frame) {
		return 0, false
	}
	modes := frame[at]
	at++
	if modes&3 != 0 {
		return 0, false
	}
	for i := range d.tables {
		n, ok := d.tables[i].read(&kinds[i], modes>>(6-2*i)&3, frame[at:])
		if !ok {
			return 0, false
		}
		at += n
	}
	return d.sequences(out, done, limit, frame, at, literals, count)
}

// readLiterals reads the literals section (RFC 8878, section 3.1.1.3.1) and returns how many there are and where it ends.
func (d *decoder) readLiterals(frame []byte, at int) (n, end int, ok bool) {
	b := frame[at:]
	if len(b) < 5 {
		return 0, 0, false // such a block saves nothing
	}
	kind, format := b[0]&3, b[0]>>2&3
	if kind < 2 {
		var head int
		switch format {
		case 1:
			n, head = int(b[0]>>4)|int(b[1])<<4, 2
		case 3:
			n, head = int(b[0]>>4)|int(b[1])<<4|int(b[2])<<12, 3
		default:
			n, head = int(b[0]>>3), 1
		}
		b = b[head:]
		switch {
		case n > maxBlock:
			return 0, 0, false
		case kind == 1:
			fill(d.literals[:n], b[0])
			return n, at + head + 1, true
		case n > len(b):
			return 0, 0, false
		}
		copy(d.literals[:n], b)
		return n, at + head + n, true
	}
	v := uint64(binary.LittleEndian.Uint32(b)) | uint64(b[4])<<32
	bits, head := 10, 3
	if format >= 2 {
		bits, head = 4*int(format)+6, int(format)+2
	}
	n = int(v >> 4 & (1<<bits - 1))
	stored := int(v >> (4 + bits) & (1<<bits - 1))
	b = b[head:]
	if n > maxBlock || stored > len(b) {
		return 0, 0, false
	}
	b = b[:stored]
	var err error
	if kind == 2 {
		d.treed = false
		if d.huffman == nil {
			d.huffman = new(huff0.Scratch)
		}
		if d.huffman, b, err = huff0.ReadTable(b, d.huffman); err != nil {
			d.huffman = nil
			return 0, 0, false
		}
		d.treed = true
	}
	if !d.treed {
		return 0, 0, false
	}
	d.huffman.MaxDecodedSize = n
	expand := d.huffman.Decoder().Decompress4X
	if format == 0 {
		expand = d.huffman.Decoder().Decompress1X
	}
	got, err := expand(d.literals[:0:n], b)
	return n, at + head + stored, err == nil && len(got) == n
}
