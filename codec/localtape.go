package codec

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"dictnet/internal/hugepage"
)

const (
	localPage = 1 << 20  // bytes that are read back from the file together
	localKeep = 32 << 20 // bytes that are held in memory if the tape does not say
)

// localTape is the encoder's local tape: the latest bytes in memory, all older ones in a temporary file. It is made of segments, each in one
// piece, so that who cuts them can go on reading what they hold. The zero value is empty.
type localTape struct {
	mu       sync.Mutex // guards all but what only who appends changes
	keep     int        // bytes of whole segments that are held in memory; 0 is localKeep
	size     uint64
	segments []localSegment // in memory, up to size; the last is the one that is appended to
	idle     []byte         // was of a segment that is in the file now, and is empty
	file     *os.File       // the bytes before the first segment; nil if there are none

	page      []byte // of the file, read back
	pageStart uint64
}

type localSegment struct {
	start uint64
	b     []byte
}

func (s localSegment) end() uint64 { return s.start + uint64(len(s.b)) }

// append appends to the last segment, which may come to most bytes, until it is cut.
func (t *localTape) append(b []byte, most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.segments) == 0 {
		t.begin()
	}
	s := &t.segments[len(t.segments)-1]
	if cap(s.b)-len(s.b) < len(b) {
		n := len(b)
		if len(s.b) > 0 { // all that it may come to, unless there is no more than this: what is not written to takes no memory
			n = max(n, most-len(s.b))
		}
		s.b = hugepage.Grow(s.b, n)
	}
	s.b = append(s.b, b...)
	t.size += uint64(len(b))
}

func (t *localTape) begin() {
	t.segments = append(t.segments, localSegment{t.size, t.idle})
	t.idle = nil
}

// cut ends the last segment and returns what it holds, which stays as it is until it may be released.
func (t *localTape) cut() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.segments) == 0 {
		return nil
	}
	b := t.segments[len(t.segments)-1].b
	if len(b) > 0 {
		t.begin()
	}
	return slices.Clip(b)
}

// appendPages appends for one who reads nothing but by at and read.
func (t *localTape) appendPages(b []byte) error {
	t.append(b, localPage)
	if last := t.segments[len(t.segments)-1]; len(last.b) < localPage {
		return nil
	}
	t.cut()
	return t.release(t.size)
}

// release writes the oldest segments that end at end or before to the file, until no more than what is to be kept of all that were cut are in memory.
func (t *localTape) release(end uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.segments) > 1 && t.segments[0].end() <= end {
		if last := t.segments[len(t.segments)-1].start; last-t.segments[0].start <= uint64(cmp.Or(t.keep, localKeep)) {
			break
		}
		if t.file == nil {
			f, err := unnamedFile()
			if err != nil {
				return fmt.Errorf("keep local notes: %w", err)
			}
			t.file = f
		}
		s := t.segments[0]
		if _, err := t.file.WriteAt(s.b, int64(s.start)); err != nil {
			return fmt.Errorf("keep local notes: %w", err)
		}
		t.idle = s.b[:0]
		t.segments = slices.Delete(t.segments, 0, 1)
	}
	return nil
}

// segment returns the number of the segment in memory that holds pos; -1 if that is in the file.
func (t *localTape) segment(pos uint64) int {
	i := len(t.segments) - 1
	for i >= 0 && t.segments[i].start > pos {
		i--
	}
	return i
}

// at returns bytes that lie together around pos, which is below size, and the position of the first. They are valid until the next call.
func (t *localTape) at(pos uint64) (start uint64, raw []byte, err error) {
	if i := t.segment(pos); i >= 0 {
		return t.segments[i].start, t.segments[i].b, nil
	}
	if pos-t.pageStart >= uint64(len(t.page)) {
		start := pos / localPage * localPage
		n := min(localPage, t.segments[0].start-start)
		if cap(t.page) == 0 {
			t.page = make([]byte, 0, localPage)
		}
		t.page = t.page[:0]
		if _, err := t.file.ReadAt(t.page[:n], int64(start)); err != nil && err != io.EOF {
			return 0, nil, fmt.Errorf("read local notes back: %w", err)
		}
		t.page, t.pageStart = t.page[:n], start
	}
	return t.pageStart, t.page, nil
}

// read appends the bytes of a span to b. Others may read at the same time, and one append, cut and release.
func (t *localTape) read(b []byte, s Span) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s.Len > 0 {
		n := s.Len
		if i := t.segment(s.Pos); i >= 0 {
			n = min(n, t.segments[i].end()-s.Pos)
			skip := s.Pos - t.segments[i].start
			b = append(b, t.segments[i].b[skip:skip+n]...)
		} else {
			n = min(n, t.segments[0].start-s.Pos)
			at := len(b)
			b = slices.Grow(b, int(n))[:at+int(n)]
			if _, err := t.file.ReadAt(b[at:], int64(s.Pos)); err != nil {
				return b, fmt.Errorf("read local notes back: %w", err)
			}
		}
		s = Span{s.Pos + n, s.Len - n}
	}
	return b, nil
}

func (t *localTape) close() {
	if t.file != nil {
		t.file.Close()
	}
}
