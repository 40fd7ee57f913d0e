package codec

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"os"
	"slices"

	"dictnet/codec/internal/gear"
	"dictnet/merkle"
)

// Named is what a Tape may offer besides: the version that it is of. An index says of which one it is, and what it knows of whole notes is used
// for that one only.
type Named interface {
	Ref() DictionaryRef
}

// BuildIndex reads the whole tape and writes its index to w. Spacing, 64 to 65,536 bytes, is how far apart anchors are
// on average, rounded down to a power of two: finer anchors find shorter matches. It needs 40 bytes of memory a note, and 64 MiB at most for the
// anchors: more are sorted in a temporary file.
func BuildIndex(ctx context.Context, t Tape, spacing int, w io.Writer) error {
	if t.Size() > maxTapeSize {
		return fmt.Errorf("tape of %d bytes, an index holds %d", t.Size(), uint64(maxTapeSize))
	}
	if spacing < gear.MinChunk || spacing > gear.MaxChunk {
		return fmt.Errorf("index: %w: spacing of %d bytes is not within %d to %d", ErrOption, spacing, gear.MinChunk, gear.MaxChunk)
	}
	spacing = 1 << (bits.Len(uint(spacing)) - 1)
	mask := gear.Mask(spacing)
	var root merkle.Hash
	if n, ok := t.(Named); ok {
		root = n.Ref().Root
	}
	var s anchorSorter
	defer s.close()
	var sums []noteSum
	var h, pos uint64
	for pos < t.Size() {
		start, raw, err := t.NoteAt(ctx, pos)
		if err != nil {
			return err
		}
		raw = raw[pos-start:]
		sums = append(sums, noteSum{end: pos + uint64(len(raw)), digest: sha256.Sum256(raw)})
		for len(raw) > 0 {
			var n int
			var ok bool
			n, h, ok = gear.Next(h, raw, mask)
			raw, pos = raw[n:], pos+uint64(n)
			if ok {
				if err := s.add(indexEntry{anchorHash(h), pos}); err != nil {
					return err
				}
			}
		}
	}
	return writeIndex(w, &s, uint64(spacing), t.Size(), root, sums)
}

// anchorSorter sorts entries by hash and position. The zero value is empty.
type anchorSorter struct {
	most    int // entries in memory; 0: sortedAtOnce
	entries []indexEntry
	file    *os.File // sorted runs, one after the other
	ends    []int64  // of the runs, bytes
}

const (
	sortedAtOnce = 1 << 22 // entries: 64 MiB
	sortedLen    = 16      // bytes of an entry in the file
)

func (s *anchorSorter) add(e indexEntry) error {
	if s.most == 0 {
		s.most = sortedAtOnce
	}
	if len(s.entries) == s.most {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if len(s.entries) == cap(s.entries) { // not more than it will ever be
		s.entries = slices.Grow(s.entries, min(max(len(s.entries), 1<<10), s.most-len(s.entries)))
	}
	s.entries = append(s.entries, e)
	return nil
}

func (s *anchorSorter) sort() {
	slices.SortFunc(s.entries, compareEntries)
}

func compareEntries(a, b indexEntry) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.pos, b.pos))
}

// spill puts what is in memory aside as a run.
func (s *anchorSorter) spill() error {
	if s.file == nil {
		f, err := unnamedFile()
		if err != nil {
			return fmt.Errorf("sort anchors: %w", err)
		}
		s.file = f
	}
	s.sort()
	b := bufio.NewWriterSize(s.file, 1<<16)
	var word [sortedLen]byte
	for _, e := range s.entries {
		binary.LittleEndian.PutUint64(word[:], e.hash)
		binary.LittleEndian.PutUint64(word[8:], e.pos)
		b.Write(word[:])
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("sort anchors: %w", err)
	}
	end := int64(len(s.entries)) * sortedLen
	if n := len(s.ends); n > 0 {
		end += s.ends[n-1]
	}
	s.ends = append(s.ends, end)
	s.entries = s.entries[:0]
	return nil
}

func (s *anchorSorter) close() {
	if s.file != nil {
		s.file.Close()
	}
}

// each visits the entries in order, of each hash the first few, as often as it is called. Nothing is added any more.
func (s *anchorSorter) each(visit func(indexEntry)) error {
	s.sort()
	runs := []*sortedRun{{entries: s.entries}}
	var from int64
	for _, end := range s.ends {
		runs = append(runs, &sortedRun{src: bufio.NewReaderSize(io.NewSectionReader(s.file, from, end-from), 1<<16), left: int((end - from) / sortedLen)})
		from = end
	}
	for _, r := range runs {
		if err := r.next(); err != nil {
			return err
		}
	}
	var last indexEntry
	for same, first := 0, true; ; first = false {
		var least *sortedRun
		for _, r := range runs {
			if !r.ended && (least == nil || compareEntries(r.head, least.head) < 0) {
				least = r
			}
		}
		if least == nil {
			return nil
		}
		if same++; first || least.head.hash != last.hash {
			same = 0
		}
		if last = least.head; same < samePlaces {
			visit(last)
		}
		if err := least.next(); err != nil {
			return err
		}
	}
}

// sortedRun is a run that is being read, from memory or from the file.
type sortedRun struct {
	head    indexEntry
	ended   bool
	entries []indexEntry
	src     io.Reader
	left    int // entries in src
}

func (r *sortedRun) next() error {
	switch {
	case len(r.entries) > 0:
		r.head, r.entries = r.entries[0], r.entries[1:]
	case r.left > 0:
		var word [sortedLen]byte
		if _, err := io.ReadFull(r.src, word[:]); err != nil {
			return fmt.Errorf("sort anchors: %w", err)
		}
		r.left--
		r.head = indexEntry{binary.LittleEndian.Uint64(word[:]), binary.LittleEndian.Uint64(word[8:])}
	default:
		r.ended = true
	}
	return nil
}

func writeIndex(w io.Writer, s *anchorSorter, spacing, size uint64, root merkle.Hash, sums []noteSum) error {
	n := uint64(0)
	if err := s.each(func(indexEntry) { n++ }); err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	b := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<16)
	b.WriteString(indexMagic)
	var word [entryLen]byte
	for _, v := range []uint64{spacing, size, n, uint64(len(sums))} {
		binary.BigEndian.PutUint64(word[:], v)
		b.Write(word[:8])
	}
	b.Write(root[:])
	shift, buckets := bucketing(n)
	bucket, before := uint64(0), uint32(0)
	endUntil := func(k uint64) { // of the buckets before k
		binary.BigEndian.PutUint32(word[:], before)
		for ; bucket < k; bucket++ {
			b.Write(word[:4])
		}
	}
	if err := s.each(func(e indexEntry) {
		endUntil(e.hash >> shift)
		before++
	}); err != nil {
		return err
	}
	endUntil(uint64(buckets))
	if err := s.each(func(e indexEntry) {
		binary.BigEndian.PutUint64(word[:], e.hash<<8|e.pos>>32)
		binary.BigEndian.PutUint32(word[8:], uint32(e.pos))
		b.Write(word[:])
	}); err != nil {
		return err
	}
	for _, k := range sums {
		binary.BigEndian.PutUint64(word[:], k.end)
		b.Write(word[:8])
		b.Write(k.digest[:])
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return nil
}
