package tree

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Reader reads a directory as a tree: the index, and then the files, each when its turn comes.
type Reader struct {
	*Tree
	ctx   context.Context
	dir   fs.FS
	rest  []byte // of the index
	next  int    // entry
	file  fs.File
	entry int   // of file
	left  int64 // bytes of file
	err   error
}

// NewReader lists a directory. The caller closes the reader. What is neither a file nor a directory nor a link is an
// error, which wraps ErrKind. A file system that has links must be an [fs.ReadLinkFS]. Without times, the tree keeps none.
func NewReader(ctx context.Context, dir fs.FS, times bool) (*Reader, error) {
	t, dirs := newTree(times)
	s := scanner{ctx: ctx, dir: dir, t: t, dirs: dirs}
	if err := s.scan(".", 1); err != nil {
		return nil, err
	}
	index, err := t.appendIndex(nil)
	if err != nil {
		return nil, err
	}
	t.place(int64(len(index)))
	return &Reader{Tree: t, ctx: ctx, dir: dir, rest: index}, nil
}

type scanner struct {
	ctx  context.Context
	dir  fs.FS
	t    *Tree
	dirs []int
}

// scan adds what is in one directory, and below.
func (s *scanner) scan(path string, depth int) error {
	list, err := fs.ReadDir(s.dir, path) // by the bytes of the names
	if err != nil {
		return err
	}
	for _, d := range list {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		name := d.Name()
		at := name
		if path != "." {
			at = path + "/" + name
		}
		if err := s.entry(at, name, depth, d); err != nil {
			return err
		}
		if s.t.entries[len(s.t.entries)-1].Kind == Dir { // as it is now, whatever the list said
			if err := s.scan(at, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *scanner) entry(at, name string, depth int, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	e := Entry{Name: name, Mode: info.Mode().Perm()}
	switch info.Mode().Type() {
	case 0:
		e.Kind, e.Size = File, info.Size()
	case fs.ModeDir:
		e.Kind = Dir
	case fs.ModeSymlink:
		e.Kind, e.Mode = Link, 0
		if e.Target, err = fs.ReadLink(s.dir, at); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: %q is %s", ErrKind, at, kindText(info.Mode()))
	}
	if s.t.Times && e.Kind != Link {
		e.Time = info.ModTime().UTC()
	}
	if s.dirs, err = s.t.add(s.dirs, depth, e); err != nil {
		return fmt.Errorf("%w: %w", ErrKind, err)
	}
	return nil
}

func kindText(m fs.FileMode) string {
	switch {
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}

// Read reads the stream.
func (r *Reader) Read(b []byte) (int, error) {
	for len(b) > 0 {
		switch {
		case r.err != nil:
			return 0, r.err
		case len(r.rest) > 0:
			n := copy(b, r.rest)
			r.rest = r.rest[n:]
			return n, nil
		case r.file != nil && r.left > 0:
			n, err := r.file.Read(b[:min(int64(len(b)), r.left)])
			r.left -= int64(n)
			if err == io.EOF && r.left > 0 {
				err = fmt.Errorf("%s: %w: it ends %d bytes early", r.Path(r.entry), ErrChanged, r.left)
			} else if err == io.EOF {
				err = nil
			}
			r.err = err
			if n > 0 {
				return n, nil
			}
		case r.file != nil:
			r.err = r.endFile()
		default:
			r.err = r.nextFile()
		}
	}
	return 0, nil
}

// endFile makes sure that the file has no more bytes.
func (r *Reader) endFile() error {
	n, err := io.ReadFull(r.file, make([]byte, 1))
	r.file.Close()
	r.file = nil
	if n > 0 {
		return fmt.Errorf("%s: %w: it has more than %d bytes", r.Path(r.entry), ErrChanged, r.Entry(r.entry).Size)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// nextFile opens the next file; io.EOF after the last.
func (r *Reader) nextFile() (err error) {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	for ; r.next < len(r.entries); r.next++ {
		if e := &r.entries[r.next]; e.Kind == File {
			r.entry, r.left = r.next, e.Size
			r.next++
			if r.file, err = r.dir.Open(r.Path(r.entry)); err != nil {
				return err
			}
			if info, err := r.file.Stat(); err != nil {
				return err
			} else if !info.Mode().IsRegular() {
				return fmt.Errorf("%s: %w: it is no file any more", r.Path(r.entry), ErrChanged)
			}
			return nil
		}
	}
	return io.EOF
}

// Close ends reading: what has not been read by then is not read any more.
func (r *Reader) Close() error {
	r.err = cmp.Or[error](r.err, fs.ErrClosed)
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}
