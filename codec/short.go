package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// A template of one frame with one block at most, and of at most maxShort bytes, is written short (section 4.11): without what tells
// the parts of a longer one apart, and with one checksum for them all. Those who read it have it in full first.
const (
	shortBit = 1 << 4 // of the shape
	maxShort = 1 << 16
)

// isShort reports whether a template is written short, by how it begins.
func isShort(b []byte) bool {
	at := len(Magic)
	return len(b) > at && string(b[:at]) == Magic && b[at] < 2*shortBit && b[at]&shortBit != 0
}

// shorten returns a template written short, or as it is if it is none of that kind.
func shorten(full []byte) []byte {
	dict, blockSize, head, err := parseHeader(full)
	if err != nil || len(full) > maxShort || !bytes.HasSuffix(full, []byte(oneMagic)) {
		return full
	}
	e := frameEntry{off: int64(head), size: int64(len(full) - head - oneLen)}
	b, lead, err := readHead(bytes.NewReader(full), e)
	if err != nil {
		return full
	}
	var tapeSize uint64
	if dict != nil {
		tapeSize = math.MaxInt64
	}
	fr, _, err := parseLayout(b, lead, e, nil, tapeSize, blockSize)
	if err != nil || len(fr.blocks) > 1 || b[0] != tagFrame {
		return full
	}
	short := bytes.Clone(full[:head-4])
	short[len(Magic)] |= shortBit
	short = append(short, b[lead:]...)
	for _, e := range fr.blocks {
		short = append(short, full[e.off:e.off+int64(e.stored)]...)
	}
	end := full[len(full)-oneLen:]
	short = append(short, end[1:5]...)
	return binary.LittleEndian.AppendUint32(short, crc32c(short))
}

// expand returns in full what shorten has returned.
func expand(short []byte) ([]byte, error) {
	n := len(short) - 4
	if n < len(Magic) {
		return nil, formatErrorf(int64(len(short)), "cut short")
	}
	if got, want := binary.LittleEndian.Uint32(short[n:]), crc32c(short[:n]); got != want {
		return nil, formatErrorf(int64(n), "checksum is %08x, want %08x", got, want)
	}
	b := short[:n]
	_, blockSize, head, err := parseShape(b, shortBit)
	if err != nil {
		return nil, err
	}
	full := bytes.Clone(b[:head])
	full[len(Magic)] &^= shortBit
	full = binary.LittleEndian.AppendUint32(full, crc32c(full))

	f := fields{b: b, pos: head}
	h, err := parseSummary(&f)
	if err != nil {
		return nil, err
	}
	var blocks []blockEntry
	if h.local > uint64(blockSize) {
		return nil, formatErrorf(int64(f.pos), "a short template has one block, this one %d bytes of local notes", h.local)
	}
	if h.local > 0 {
		e := blockEntry{coding: coding(f.uvarint(0, uint64(lastCoding), "coding of a block")), raw: int(h.local), stored: int(h.local)}
		if e.coding != codingStored {
			e.stored = int(f.uvarint(1, h.local, "stored length of a block"))
		}
		blocks = append(blocks, e)
	}
	full = appendHead(full, h.play, h.sum, h.count, h.symbols, blocks, nil)
	for _, e := range blocks {
		data := f.bytes(e.stored, "block of local notes")
		full = binary.LittleEndian.AppendUint32(append(full, data...), crc32c(data))
	}
	upper := f.u32("file checksum")
	if f.end("template"); f.err != nil {
		return nil, f.err
	}
	return appendOne(full, upper), nil
}

// readShort reads a template that is written short, and returns it in full.
func readShort(src io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(src, maxShort+1))
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	if len(b) > maxShort {
		return nil, formatErrorf(maxShort, "a short template goes on")
	}
	return expand(b)
}

// templateWriter writes a template, short if it can be: so many bytes wait for the end.
type templateWriter struct {
	dst     io.Writer
	off     int64  // bytes of the template so far, in full
	held    []byte // all of these, as long as they may be written short
	written int64  // to dst
}

func (w *templateWriter) write(b []byte) error {
	waited := int64(len(w.held)) == w.off
	w.off += int64(len(b))
	if !waited {
		return w.put(b)
	}
	w.held = append(w.held, b...)
	if len(w.held) <= maxShort {
		return nil
	}
	b, w.held = w.held, nil
	return w.put(b)
}

// end writes what waits.
func (w *templateWriter) end() error {
	if int64(len(w.held)) < w.off {
		return nil
	}
	return w.put(shorten(w.held))
}

func (w *templateWriter) put(b []byte) error {
	n, err := w.dst.Write(b)
	w.written += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("write template: %w", err)
	}
	return nil
}
