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

// Write appends b, all of it or, with an error, nothing.
func (s *spool) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return 0, fmt.Errorf("keep what has been read: %w", os.ErrClosed)
	}
	if s.file == nil && len(s.mem)+len(b) > cmp.Or(s.most, spoolMemory) {
		if err := s.spill(); err != nil {
			return 0, fmt.Errorf("keep what has been read: %w", err)
		}
	}
	if s.file == nil {
		s.mem = append(s.mem, b...)
	} else if _, err := s.file.WriteAt(b, s.size); err != nil {
		return 0, fmt.Errorf("keep what has been read: %w", err)
	}
	s.size += int64(len(b))
	return len(b), nil
}

// spill moves what is in memory to a file.
func (s *spool) spill() error {
	f, err := unnamedFile()
	if err != nil {
		return err
	}
	if _, err := f.WriteAt(s.mem, 0); err != nil {
		f.Close()
		return err
	}
	s.file, s.mem = f, nil
	return nil
}

// unnamedFile makes a temporary file that goes when it is closed, whatever happens.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "dictnet-*")
	if err == nil {
		os.Remove(f.Name())
	}
	return f, err
}

func (s *spool) ReadAt(b []byte, off int64) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return 0, fmt.Errorf("read back what was kept: %w", os.ErrClosed)
	}
	if s.file != nil {
		return s.file.ReadAt(b, off)
	}
	n := copy(b, s.mem[min(off, int64(len(s.mem))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Close gives back the memory and the file. It may be called again.
func (s *spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.file
	s.mem, s.file, s.closed = nil, nil, true
	if f == nil {
		return nil
	}
	return f.Close()
}
