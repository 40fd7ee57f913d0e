package codec

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"dictnet/internal/hugepage"
)

const (
	localPage  = 1 << 20 // bytes of a page
	localPages = 32      // pages held in memory if the tape does not say
)

// localTape is the encoder's copy of the local tape: the latest bytes in memory, all older ones in a temporary
// file. The zero value is empty.
type localTape struct {
	mu     sync.Mutex // guards pages, first and size against read
	keep   int        // pages held in memory; 0 is localPages
	pages  [][]byte   // from page number first on; the last may be partly filled
	first  int
	file   *os.File
	old    []byte // a page read back
	oldNum int
	size   uint64
}

func (t *localTape) append(b []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(b) > 0 {
		used := int(t.size % localPage)
		if used == 0 {
			if t.keep == 0 {
				t.keep = localPages
			}
			var page []byte
			if len(t.pages) == t.keep {
				var err error
				if page, err = t.evict(); err != nil {
					return err
				}
			} else {
				page = hugepage.Slice[byte](localPage)
			}
			t.pages = append(t.pages, page)
		}
		n := copy(t.pages[len(t.pages)-1][used:], b)
		b = b[n:]
		t.size += uint64(n)
	}
	return nil
}

// evict writes the oldest page to the file, and returns it for another use.
func (t *localTape) evict() (page []byte, err error) {
	if t.file == nil {
		f, err := unnamedFile()
		if err != nil {
			return nil, fmt.Errorf("keep local notes: %w", err)
		}
		t.file = f
	}
	page = t.pages[0]
	if _, err := t.file.WriteAt(page, int64(t.first)*localPage); err != nil {
		return nil, fmt.Errorf("keep local notes: %w", err)
	}
	t.pages = append(t.pages[:0], t.pages[1:]...)
	t.first++
	return page, nil
}

// at returns bytes that lie together around pos, which is below size, and the position of the first. They are valid until the next call.
func (t *localTape) at(pos uint64) (start uint64, raw []byte, err error) {
	n := int(pos / localPage)
	start = uint64(n) * localPage
	if n >= t.first {
		page := t.pages[n-t.first]
		return start, page[:min(localPage, t.size-start)], nil
	}
	if t.old == nil || t.oldNum != n {
		if t.old == nil {
			t.old = make([]byte, localPage)
		}
		t.oldNum = -1
		if _, err := t.file.ReadAt(t.old, int64(start)); err != nil && err != io.EOF {
			return 0, nil, fmt.Errorf("read local notes back: %w", err)
		}
		t.oldNum = n
	}
	return start, t.old, nil
}

// read appends the bytes of a span to b. Others may read at the same time, and one append.
func (t *localTape) read(b []byte, s Span) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s.Len > 0 {
		n, skip := int(s.Pos/localPage), s.Pos%localPage
		k := min(s.Len, localPage-skip)
		if n >= t.first {
			b = append(b, t.pages[n-t.first][skip:skip+k]...)
		} else {
			at := len(b)
			b = slices.Grow(b, int(k))[:at+int(k)]
			if _, err := t.file.ReadAt(b[at:], int64(s.Pos)); err != nil {
				return b, fmt.Errorf("read local notes back: %w", err)
			}
		}
		s = Span{s.Pos + k, s.Len - k}
	}
	return b, nil
}

func (t *localTape) close() {
	if t.file != nil {
		t.file.Close()
	}
}
