package zref

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
)

// Magic begins every frame (section 3.1.1).
const Magic = "\x28\xb5\x2f\xfd"

// Decode returns what a frame, without its magic number, says against prefix, which both sides have: n bytes, as its header must state. Both together have less than 256 MiB.
// Any encoder may have made it, with prefix as a dictionary of raw content (section 5).
//
// It is decoded as a frame that begins with prefix, in blocks that are stored: decoders are made for what a frame repeats of itself, and take half as long again where
// that stands in a dictionary.
func Decode(frame, prefix []byte, n int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(append([]byte(Magic), frame[:min(len(frame), zstd.HeaderMaxSize)]...)); err != nil {
		return nil, fmt.Errorf("zstd header: %w", err)
	}
	if !h.HasFCS || h.FrameContentSize != uint64(n) || h.DictionaryID != 0 {
		return nil, fmt.Errorf("not a zstd frame of %d bytes without a dictionary id", n)
	}
	blocks := frame[h.HeaderSize-len(Magic):]
	var sum []byte
	if h.HasCheckSum { // it is of the text alone
		if len(blocks) < 4 {
			return nil, errors.New("zstd frame cut short")
		}
		blocks, sum = blocks[:len(blocks)-4], blocks[len(blocks)-4:]
	}
	w := works.Get().(*work)
	defer works.Put(w)
	w.frame = appendHeader(append(w.frame[:0], Magic...), len(prefix)+n)
	for rest := prefix; len(rest) > 0; {
		k := min(len(rest), maxBlock)
		word := k<<3 | kindRaw<<1
		w.frame = append(append(w.frame, byte(word), byte(word>>8), byte(word>>16)), rest[:k]...)
		rest = rest[k:]
	}
	w.frame = append(w.frame, blocks...)
	if cap(w.text) < len(prefix)+n {
		w.text = make([]byte, 0, len(prefix)+n)
	}
	text, err := decoder().DecodeAll(w.frame, w.text[:0])
	if err != nil {
		return nil, err
	}
	if len(text) != len(prefix)+n {
		return nil, fmt.Errorf("%d bytes expanded, want %d", len(text)-len(prefix), n)
	}
	text = text[len(prefix):]
	if sum != nil && uint32(xxhash.Sum64(text)) != binary.LittleEndian.Uint32(sum) {
		return nil, zstd.ErrCRCMismatch
	}
	return bytes.Clone(text), nil
}

// work is memory to be used again: each page of it that is touched for the first time takes as long as a kilobyte or two of text.
type work struct{ frame, text []byte }

var works = sync.Pool{New: func() any { return new(work) }}

// decoder returns one whose DecodeAll may be called concurrently.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(1<<28), zstd.WithDecoderConcurrency(0))
	if err != nil {
		panic(err) // only wrong options
	}
	return d
})
