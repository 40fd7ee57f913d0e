package codec

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"sync"
)

// spoolMemory is how many bytes a spool holds in memory if it does not say.
const spoolMemory = 8 << 20

// spool keeps bytes that are appended to it: in memory, and when there are many in a temporary file.
// The zero value is empty. It may be read by many while one writes, and closed at any time.
type spool struct {
	most   int   // bytes in memory; 0 is spoolMemory
	size   int64 // is the writer's
	mu     sync.RWMutex
	mem    []byte
	file   *os.File
	closed bool
}

func (s *spool) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, fmt.Errorf("keep what has been read: %w", os.ErrClosed)
	}
	if s.file == nil && len(s.mem)+len(b) > cmp.Or(s.most, spoolMemory) {
		f, err := os.CreateTemp("", "dictnet-*")
		if err != nil {
			return 0, fmt.Errorf("keep what has been read: %w", err)
		}
		os.Remove(f.Name()) // it goes when it is closed, whatever happens
		s.file = f
		if _, err := f.Write(s.mem); err != nil {
			return 0, fmt.Errorf("keep what has been read: %w", err)
		}
		s.mem = nil
	}
	if s.file == nil {
		s.mem = append(s.mem, b...)
		s.size += int64(len(b))
		return len(b), nil
	}
	n, err := s.file.Write(b)
	s.size += int64(n)
	if err != nil {
		err = fmt.Errorf("keep what has been read: %w", err)
	}
	return n, err
}

func (s *spool) ReadAt(b []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.file != nil {
		return s.file.ReadAt(b, off)
	}
	n := copy(b, s.mem[min(off, int64(len(s.mem))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Close gives back the memory and the file.
func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mem, s.closed = nil, true
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}
