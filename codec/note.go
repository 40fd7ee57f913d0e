package codec

import (
	"errors"
	"fmt"
	"sync"

	"github.com/ipfs/go-cid"
	"github.com/klauspost/compress/zstd"
	"github.com/multiformats/go-multihash"

	"dictnet/internal/hugepage"
)

// Limits of a note (section 1).
const (
	MaxNote      = 240 << 10 // raw bytes of a note
	MaxNoteBlock = 255 << 10 // bytes of a note's block
)

// ErrNote is wrapped by every error that says that a block is not the note it is taken for.
var ErrNote = errors.New("not a valid note")

// Block is a note as it is stored and sent: one zstd frame, or a derived note (section 1.1), under the name of its bytes.
type Block struct {
	CID    cid.Cid // CIDv1, raw, sha2-256
	Data   []byte
	RawLen int // bytes that Data expands to, 1 to MaxNote
}

// SealNote makes the block of a note from its raw bytes, of which there are 1 to MaxNote.
// The same bytes always give the same block. It is safe for concurrent use.
func SealNote(raw []byte) (Block, error) {
	if len(raw) == 0 || len(raw) > MaxNote {
		return Block{}, fmt.Errorf("%w: %d raw bytes, want 1 to %d", ErrNote, len(raw), MaxNote)
	}
	data := noteZstd().enc.EncodeAll(raw, nil)
	c, err := NoteCID(data)
	if err != nil {
		return Block{}, err
	}
	return Block{CID: c, Data: data, RawLen: len(raw)}, nil
}

// NoteCID returns the name of a block: CIDv1, raw codec, sha2-256.
func NoteCID(block []byte) (cid.Cid, error) {
	sum, err := multihash.Sum(block, multihash.SHA2_256, -1)
	if err != nil {
		return cid.Undef, fmt.Errorf("name note: %w", err)
	}
	return cid.NewCidV1(cid.Raw, sum), nil
}

// CheckNoteCID reports whether c can name a note at all.
func CheckNoteCID(c cid.Cid) error {
	if !c.Defined() {
		return fmt.Errorf("%w: no CID", ErrNote)
	}
	p := c.Prefix()
	if p.Version != 1 || p.Codec != cid.Raw || p.MhType != multihash.SHA2_256 || p.MhLength != 32 {
		return fmt.Errorf("%w: CID %s is not CIDv1, raw, sha2-256", ErrNote, c)
	}
	return nil
}

// checkName checks that block is not too long and has the name c.
func checkName(c cid.Cid, block []byte) error {
	if err := CheckNoteCID(c); err != nil {
		return err
	}
	if len(block) > MaxNoteBlock {
		return fmt.Errorf("%w: block of %s has %d bytes, limit %d", ErrNote, c, len(block), MaxNoteBlock)
	}
	got, err := NoteCID(block)
	if err != nil {
		return err
	}
	if !got.Equals(c) {
		return fmt.Errorf("%w: block of %s has the bytes of %s", ErrNote, c, got)
	}
	return nil
}

// OpenNote checks that block is the note named c and returns its raw bytes. Nothing is expanded before
// the name, the frame's shape and its stated size have been found good. The error wraps ErrDerived if it takes other notes
// to open this one: see [CheckNote]. It is safe for concurrent use.
func OpenNote(c cid.Cid, block []byte) ([]byte, error) {
	if err := checkName(c, block); err != nil {
		return nil, err
	}
	if isDerived(block) {
		return nil, fmt.Errorf("%s: %w", c, ErrDerived)
	}
	size, err := frameSize(block, MaxNote)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrNote, c, err)
	}
	raw, err := noteZstd().dec.DecodeAll(block, hugepage.Slice[byte](size)[:0])
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrNote, c, err)
	}
	if len(raw) != size {
		return nil, fmt.Errorf("%w: %s expands to %d bytes, states %d", ErrNote, c, len(raw), size)
	}
	return raw, nil
}

// zstdBlock is the most that one block of a zstd frame expands to (RFC 8878, section 3.1.1.2).
const zstdBlock = 128 << 10

// frameSize returns the content size that a block states, 1 to limit, if the block is just one zstd
// frame (RFC 8878, section 3.1.1).
func frameSize(block []byte, limit uint64) (int, error) {
	var h zstd.Header
	if err := h.Decode(block); err != nil {
		return 0, fmt.Errorf("zstd header: %v", err)
	}
	switch {
	case h.Skippable:
		return 0, errors.New("skippable zstd frame")
	case !h.HasFCS:
		return 0, errors.New("zstd frame without content size")
	case h.FrameContentSize == 0 || h.FrameContentSize > limit:
		return 0, fmt.Errorf("zstd frame states %d bytes, want 1 to %d", h.FrameContentSize, limit)
	case h.DictionaryID != 0:
		return 0, errors.New("zstd frame with a dictionary id")
	}
	rest := block[h.HeaderSize:]
	var most uint64 // that the blocks can hold
	for {
		if len(rest) < 3 {
			return 0, errors.New("zstd frame cut short")
		}
		head := int(rest[0]) | int(rest[1])<<8 | int(rest[2])<<16
		n := head >> 3
		switch head >> 1 & 3 {
		case 0: // raw
			most += uint64(n)
		case 1: // a run of one byte
			most += uint64(n)
			n = 1
		default:
			most += zstdBlock
		}
		if len(rest)-3 < n {
			return 0, errors.New("zstd frame cut short")
		}
		rest = rest[3+n:]
		if head&1 == 1 {
			break
		}
	}
	if h.FrameContentSize > most {
		return 0, fmt.Errorf("zstd frame states %d bytes, its blocks hold at most %d", h.FrameContentSize, most)
	}
	if h.HasCheckSum {
		if len(rest) < 4 {
			return 0, errors.New("zstd frame cut short")
		}
		rest = rest[4:]
	}
	if len(rest) != 0 {
		return 0, fmt.Errorf("%d bytes after the zstd frame", len(rest))
	}
	return int(h.FrameContentSize), nil
}

type zstdCoders struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// noteZstd are the coders of notes. EncodeAll and DecodeAll may be called concurrently.
var noteZstd = sync.OnceValue(func() zstdCoders {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithWindowSize(256<<10),
		zstd.WithEncoderCRC(false), // the CID is the checksum
		zstd.WithSingleSegment(true))
	if err != nil {
		panic(err) // only wrong options
	}
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderMaxMemory(MaxNote),
		zstd.WithDecoderConcurrency(0))
	if err != nil {
		panic(err)
	}
	return zstdCoders{enc, dec}
})
