package codec

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"
	"sort"

	"dictnet/codec/internal/gear"
	"dictnet/merkle"
)

// Index finds places of a tape by their content: its anchors (see codec/internal/gear) by their hashes. Besides it knows the digest of
// every note, so that what is compared with a whole note need not open it. It is derived
// from the notes, a cache that is never published. A lookup reads a few hundred bytes, so that the index of a
// large dictionary may stay on disk; a small one is held in memory. It is safe for concurrent use.
type Index struct {
	src     io.ReaderAt
	held    []byte      // all of it, or nil
	spacing int         // bytes between anchors on average, a power of two
	size    uint64      // bytes of the tape
	root    merkle.Hash // of the version that the tape is of; zero if it did not say
	count   uint64      // entries
	notes   uint64
	shift   uint8    // a hash >> shift is its bucket
	ends    []uint32 // entries up to the end of each bucket
	base    int64    // offset of the first entry
	sums    int64    // offset of what is known of the notes
}

// ErrIndex is wrapped by errors that say that bytes are not the index they are taken for; it can be made again.
var ErrIndex = errors.New("not a valid index")

// The file, all big endian: magic; spacing, tape size, number of entries, number of notes, 8 bytes each; the root of the dictionary's version; the
// end of each bucket, 4 bytes; the entries, in ascending order, 7 bytes of hash and 5 of position each; of each note where it ends on the tape, 8
// bytes, and the sha256 of its raw bytes; the crc32c of all before it.
const (
	indexMagic   = "dnix\x02\x00\x00\x00"
	indexHeader  = len(indexMagic) + 4*8 + merkle.HashSize
	entryLen     = 12
	noteSumLen   = 8 + sha256.Size
	hashBits     = 56
	maxTapeSize  = 1 << 40 // of positions in an entry
	perBucket    = 16      // entries, on average
	samePlaces   = 8       // entries kept of one hash
	maxIndexMemo = 1 << 26 // bytes of bucket ends that are believed
	maxHeldIndex = 4 << 20 // bytes of an index that is held in memory
)

type indexEntry struct {
	hash, pos uint64 // the position is the end of the window
}

// anchorHash mixes a rolling hash, the top bits of which are zero at an anchor.
func anchorHash(h uint64) uint64 { return h * 0x9e3779b97f4a7c15 >> (64 - hashBits) }

// bucketing returns how the hashes of n entries are bucketed.
func bucketing(n uint64) (shift uint8, buckets int) {
	b := min(bits.Len64(n/perBucket), 24)
	return uint8(hashBits - b), 1 << b
}

// OpenIndex opens an index of size bytes and checks all of it once. The source must stay as it is.
func OpenIndex(src io.ReaderAt, size int64) (*Index, error) {
	var head [indexHeader]byte
	if n, err := src.ReadAt(head[:], 0); n < len(head) {
		return nil, fmt.Errorf("%w: header: %v", ErrIndex, err)
	}
	if string(head[:len(indexMagic)]) != indexMagic {
		return nil, fmt.Errorf("%w: begins with % x", ErrIndex, head[:len(indexMagic)])
	}
	word := func(i int) uint64 { return binary.BigEndian.Uint64(head[len(indexMagic)+8*i:]) }
	x := &Index{src: src, size: word(1), count: word(2), notes: word(3)}
	copy(x.root[:], head[indexHeader-merkle.HashSize:])
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
	x.sums = x.base + int64(x.count)*entryLen
	if x.count > 1<<32-1 || 4*buckets > maxIndexMemo || x.notes > x.size || size != x.sums+int64(x.notes)*noteSumLen+4 {
		return nil, fmt.Errorf("%w: %d bytes for %d entries and %d notes", ErrIndex, size, x.count, x.notes)
	}
	if size <= maxHeldIndex {
		x.held = make([]byte, size)
		if n, err := src.ReadAt(x.held, 0); n < len(x.held) {
			return nil, fmt.Errorf("%w: %v", ErrIndex, err)
		}
		src = bytes.NewReader(x.held)
	}
	sum := crc32.New(castagnoli)
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, io.NewSectionReader(src, 0, size-4), make([]byte, 256<<10)); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrIndex, err)
	}
	x.ends = make([]uint32, buckets)
	rest := bufio.NewReaderSize(io.NewSectionReader(src, int64(indexHeader), 4*int64(buckets)), 64<<10)
	for i := range x.ends {
		var b [4]byte
		if _, err := io.ReadFull(rest, b[:]); err != nil {
			return nil, fmt.Errorf("%w: %v", ErrIndex, err)
		}
		x.ends[i] = binary.BigEndian.Uint32(b[:])
		if uint64(x.ends[i]) > x.count || i > 0 && x.ends[i] < x.ends[i-1] {
			return nil, fmt.Errorf("%w: bucket %d ends at %d", ErrIndex, i, x.ends[i])
		}
	}
	var want [4]byte
	if n, err := src.ReadAt(want[:], size-4); n < len(want) { // io.EOF may come with the last bytes
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

// isOf reports whether the index says that it is of the version with this root. What does not say which it is of may be of any.
func (x *Index) isOf(root merkle.Hash) bool { return x.root == root && root != merkle.Hash{} }

// read returns n bytes from off on. They are not to be changed.
func (x *Index) read(off int64, n int) ([]byte, error) {
	if x.held != nil {
		return x.held[off:][:n], nil
	}
	b := make([]byte, n)
	if got, err := x.src.ReadAt(b, off); got < n {
		return nil, fmt.Errorf("read index: %w", err)
	}
	return b, nil
}

// lookup appends the positions at which an anchor with this rolling hash ends, ascending, to places.
func (x *Index) lookup(h uint64, places []uint64) ([]uint64, error) {
	hash := anchorHash(h)
	k := hash >> x.shift
	from, to := uint32(0), x.ends[k]
	if k > 0 {
		from = x.ends[k-1]
	}
	for from < to {
		n := min(to-from, 64)
		b, err := x.read(x.base+int64(from)*entryLen, int(n)*entryLen)
		if err != nil {
			return nil, err
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

// noteSum is what an index knows of a note.
type noteSum struct {
	start, end uint64 // on the tape
	digest     [sha256.Size]byte
}

// noteSums reads what an index knows of notes in the order of the tape. The zero value knows nothing.
type noteSums struct {
	x     *Index
	reads []noteReading // the most recently used first
}

// noteReading is what was read at a time: of notes that stand one after the other, the first of which begins at begin on the tape.
type noteReading struct {
	begin uint64
	sums  []byte
}

const (
	notesAtOnce = 64 // notes that are read about at a time
	readsKept   = 32 // readings that are kept: a file may go to and fro on the tape
)

// end returns where note i of a reading ends.
func (r *noteReading) end(i int) uint64 { return binary.BigEndian.Uint64(r.sums[i*noteSumLen:]) }

// tellsOf reports whether the note that holds pos is among those of a reading.
func (r *noteReading) tellsOf(pos uint64) bool {
	n := len(r.sums) / noteSumLen
	return n > 0 && r.begin <= pos && pos < r.end(n-1)
}

// at returns what is known of the note that begins at pos. It is cheapest for one note after the other.
func (s *noteSums) at(pos uint64) (noteSum, bool, error) {
	if s.x == nil || pos >= s.x.size {
		return noteSum{}, false, nil
	}
	switch i := slices.IndexFunc(s.reads, func(r noteReading) bool { return r.tellsOf(pos) }); {
	case i < 0:
		if err := s.seek(pos); err != nil {
			return noteSum{}, false, err
		}
	case i > 0:
		r := s.reads[i]
		copy(s.reads[1:], s.reads[:i])
		s.reads[0] = r
	}
	r := &s.reads[0]
	n := len(r.sums) / noteSumLen
	i := sort.Search(n, func(i int) bool { return r.end(i) > pos })
	if i == n {
		return noteSum{}, false, nil
	}
	k := noteSum{start: r.begin, end: r.end(i)}
	if i > 0 {
		k.start = r.end(i - 1)
	}
	copy(k.digest[:], r.sums[i*noteSumLen+8:])
	return k, k.start == pos, nil
}

// seek reads about the notes around pos: the one that ends there or before it, if there is one, and those behind it.
func (s *noteSums) seek(pos uint64) error {
	var failed error
	i := sort.Search(int(s.x.notes), func(i int) bool {
		end, err := s.x.read(s.x.sums+int64(i)*noteSumLen, 8)
		if err != nil {
			failed = err
			return false
		}
		return binary.BigEndian.Uint64(end) > pos
	})
	if failed != nil {
		return failed
	}
	from := max(i-1, 0)
	read, err := s.x.read(s.x.sums+int64(from)*noteSumLen, min(notesAtOnce, int(s.x.notes)-from)*noteSumLen)
	if err != nil {
		return err
	}
	r := noteReading{sums: read}
	if i > 0 { // the note before says where it begins
		r.begin, r.sums = r.end(0), read[noteSumLen:]
	}
	s.reads = slices.Insert(s.reads[:min(len(s.reads), readsKept-1)], 0, r)
	return nil
}
