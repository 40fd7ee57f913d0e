package codec

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"

	"dictnet/codec/internal/gear"
)

// Index finds places of a tape by their content: its anchors (see codec/internal/gear) by their hashes. It is derived
// from the notes, a cache that is never published. A lookup reads a few hundred bytes, so that the index of a
// large dictionary may stay on disk. It is safe for concurrent use.
type Index struct {
	src     io.ReaderAt
	spacing int      // bytes between anchors on average, a power of two
	size    uint64   // bytes of the tape
	count   uint64   // entries
	shift   uint8    // a hash >> shift is its bucket
	ends    []uint32 // entries up to the end of each bucket
	base    int64    // offset of the first entry
}

// ErrIndex is wrapped by errors that say that bytes are not the index they are taken for; it can be made again.
var ErrIndex = errors.New("not a valid index")

// The file, all big endian: magic; spacing, tape size, number of entries, 8 bytes each; the end of each bucket, 4 bytes; the
// entries, in ascending order, 7 bytes of hash and 5 of position each; the crc32c of all before it.
const (
	indexMagic   = "dnix\x01\x00\x00\x00"
	indexHeader  = len(indexMagic) + 3*8
	entryLen     = 12
	hashBits     = 56
	maxTapeSize  = 1 << 40 // of positions in an entry
	perBucket    = 16      // entries, on average
	samePlaces   = 8       // entries kept of one hash
	maxIndexMemo = 1 << 26 // bytes of bucket ends that are believed
)

type indexEntry struct {
	hash, pos uint64 // the position is the end of the window
}

// anchorHash mixes a rolling hash, the top bits of which are zero at an anchor.
func anchorHash(h uint64) uint64 { return h * 0x9e3779b97f4a7c15 >> (64 - hashBits) }

// BuildIndex reads the whole tape and writes its index to w. Spacing, in bytes, is how far apart anchors are
// on average, rounded to a power of two: finer anchors find shorter matches. It needs 16 bytes of memory an anchor.
func BuildIndex(ctx context.Context, t Tape, spacing int, w io.Writer) error {
	if t.Size() > maxTapeSize {
		return fmt.Errorf("tape of %d bytes, an index holds %d", t.Size(), uint64(maxTapeSize))
	}
	if spacing < gear.MinChunk || spacing > gear.MaxChunk {
		return fmt.Errorf("spacing of %d bytes is not within %d to %d", spacing, gear.MinChunk, gear.MaxChunk)
	}
	spacing = 1 << (bits.Len(uint(spacing)) - 1)
	mask := gear.Mask(spacing)
	var entries []indexEntry
	var h, pos uint64
	for pos < t.Size() {
		start, raw, err := t.NoteAt(ctx, pos)
		if err != nil {
			return err
		}
		raw = raw[pos-start:]
		for len(raw) > 0 {
			var n int
			var ok bool
			n, h, ok = gear.Next(h, raw, mask)
			raw, pos = raw[n:], pos+uint64(n)
			if ok {
				entries = append(entries, indexEntry{anchorHash(h), pos})
			}
		}
	}
	slices.SortFunc(entries, func(a, b indexEntry) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.pos, b.pos))
	})
	kept := entries[:0]
	same := 0
	for i, e := range entries {
		if i > 0 && e.hash == entries[i-1].hash {
			same++
		} else {
			same = 0
		}
		if same < samePlaces {
			kept = append(kept, e)
		}
	}
	return writeIndex(w, kept, uint64(spacing), t.Size())
}

func writeIndex(w io.Writer, entries []indexEntry, spacing, size uint64) error {
	sum := crc32.New(castagnoli)
	b := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	b.WriteString(indexMagic)
	n := uint64(len(entries))
	var word [entryLen]byte
	for _, v := range []uint64{spacing, size, n} {
		binary.BigEndian.PutUint64(word[:], v)
		b.Write(word[:8])
	}
	shift, buckets := bucketing(n)
	i := 0
	for k := range buckets {
		for i < len(entries) && entries[i].hash>>shift <= uint64(k) {
			i++
		}
		binary.BigEndian.PutUint32(word[:], uint32(i))
		b.Write(word[:4])
	}
	for _, e := range entries {
		binary.BigEndian.PutUint64(word[:], e.hash<<8|e.pos>>32)
		binary.BigEndian.PutUint32(word[8:], uint32(e.pos))
		b.Write(word[:])
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return nil
}

// bucketing returns how the hashes of n entries are bucketed.
func bucketing(n uint64) (shift uint8, buckets int) {
	b := min(bits.Len64(n/perBucket), 24)
	return uint8(hashBits - b), 1 << b
}

// OpenIndex opens an index of size bytes and checks all of it once. The source must stay as it is.
func OpenIndex(src io.ReaderAt, size int64) (*Index, error) {
	var head [indexHeader]byte
	if _, err := src.ReadAt(head[:], 0); err != nil {
		return nil, fmt.Errorf("%w: header: %v", ErrIndex, err)
	}
	if string(head[:len(indexMagic)]) != indexMagic {
		return nil, fmt.Errorf("%w: begins with % x", ErrIndex, head[:len(indexMagic)])
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(head[len(indexMagic)+8*i:]) }
	x := &Index{src: src, size: word(1), count: word(2)}
	if s := word(0); s < gear.MinChunk || s > gear.MaxChunk || s&(s-1) != 0 {
		return nil, fmt.Errorf("%w: spacing of %d bytes", ErrIndex, s)
	}
	if x.size > maxTapeSize {
		return nil, fmt.Errorf("%w: it is of a tape of %d bytes, the limit is %d", ErrIndex, x.size, uint64(maxTapeSize))
	}
	x.spacing = int(word(0))
	var buckets int
	x.shift, buckets = bucketing(x.count)
	x.base = int64(indexHeader) + 4*int64(buckets)
	if x.count > 1<<32-1 || 4*buckets > maxIndexMemo || size != x.base+int64(x.count)*entryLen+4 {
		return nil, fmt.Errorf("%w: %d bytes for %d entries", ErrIndex, size, x.count)
	}
	sum := crc32.New(castagnoli)
	if _, err := io.Copy(sum, io.NewSectionReader(src, 0, size-4)); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrIndex, err)
	}
	rest := make([]byte, 4*buckets)
	if _, err := src.ReadAt(rest, int64(indexHeader)); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrIndex, err)
	}
	x.ends = make([]uint32, buckets)
	for i := range x.ends {
		x.ends[i] = binary.BigEndian.Uint32(rest[4*i:])
		if uint64(x.ends[i]) > x.count || i > 0 && x.ends[i] < x.ends[i-1] {
			return nil, fmt.Errorf("%w: bucket %d ends at %d", ErrIndex, i, x.ends[i])
		}
	}
	var want [4]byte
	if _, err := src.ReadAt(want[:], size-4); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrIndex, err)
	}
	if got := sum.Sum32(); got != binary.BigEndian.Uint32(want[:]) {
		return nil, fmt.Errorf("%w: checksum is %08x, want %x", ErrIndex, got, want)
	}
	return x, nil
}

// Spacing is how far apart anchors are on average, in bytes.
func (x *Index) Spacing() int { return x.spacing }

// TapeSize is the length of the tape that the index is of, in bytes.
func (x *Index) TapeSize() uint64 { return x.size }

// lookup appends the positions at which an anchor with this rolling hash ends, ascending, to places.
func (x *Index) lookup(h uint64, places []uint64) ([]uint64, error) {
	hash := anchorHash(h)
	k := hash >> x.shift
	from, to := uint32(0), x.ends[k]
	if k > 0 {
		from = x.ends[k-1]
	}
	var window [64 * entryLen]byte
	for from < to {
		n := min(to-from, 64)
		b := window[:n*entryLen]
		if _, err := x.src.ReadAt(b, x.base+int64(from)*entryLen); err != nil {
			return nil, fmt.Errorf("read index: %w", err)
		}
		for ; len(b) > 0; b = b[entryLen:] {
			v := binary.BigEndian.Uint64(b)
			if v>>8 > hash {
				return places, nil
			}
			if v>>8 == hash {
				if pos := v<<32&(maxTapeSize-1) | uint64(binary.BigEndian.Uint32(b[8:])); pos <= x.size {
					places = append(places, pos)
				}
			}
		}
		from += n
	}
	return places, nil
}
