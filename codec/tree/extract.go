package tree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrSameName is wrapped when two names of a tree are one name where it is unpacked: they differ by case, say, and the
// file system does not tell them apart.
var ErrSameName = errors.New("another name of the tree is the same on this file system")

// OutputError is an error of the directory that is written, as opposed to one of what is read.
type OutputError struct{ error }

func (e *OutputError) Unwrap() error { return e.error }

// Extract unpacks a tree into dir, which is empty, and leaves nothing outside of it. Links that lead out of the tree are refused, before anything is
// written, unless anyLinks says that they may stay as they are: a link is made but never followed. The directories
// do not have their modes and times yet; see SetDirs. r is read to its end, where a reader of templates makes its last checks;
// after an error, dir holds a part of the tree.
func Extract(ctx context.Context, r io.Reader, dir *os.Root, anyLinks bool) (*Tree, error) {
	t, err := Read(r)
	if err != nil {
		return nil, err
	}
	for i := range t.entries {
		if _, err := filepath.Localize(t.Path(i)); err != nil {
			return nil, &OutputError{fmt.Errorf("%q cannot be a name here: %w", t.Path(i), err)}
		}
	}
	if !anyLinks {
		if err := t.CheckLinks(ctx); err != nil {
			return nil, err
		}
	}
	buf := make([]byte, 256<<10)
	for i := range t.entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, path := &t.entries[i], filepath.FromSlash(t.Path(i))
		switch e.Kind {
		case Dir:
			err = dir.Mkdir(path, 0o700)
		case Link:
			err = dir.Symlink(e.Target, path)
		case File:
			err = t.extractFile(r, dir, path, e, buf)
		}
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("%q: %w", t.Path(i), ErrSameName)
		}
		if inner := (*inputError)(nil); errors.As(err, &inner) {
			return nil, inner.error
		}
		if err != nil {
			return nil, &OutputError{err}
		}
	}
	switch n, err := io.ReadFull(r, buf[:1]); {
	case n > 0:
		return nil, formatErrorf(t.size, "bytes after the last file")
	case err != io.EOF:
		return nil, err
	}
	return t, nil
}

// inputError is an error of the stream.
type inputError struct{ error }

func (t *Tree) extractFile(r io.Reader, dir *os.Root, path string, e *Entry, buf []byte) error {
	f, err := dir.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for left := e.Size; left > 0; {
		n, err := io.ReadFull(r, buf[:min(int64(len(buf)), left)])
		if err != nil {
			return &inputError{cutShort(err, e.Offset+e.Size-left+int64(n))}
		}
		if _, err := f.Write(buf[:n]); err != nil {
			return err
		}
		left -= int64(n)
	}
	if err := f.Chmod(e.Mode); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if t.Times {
		return setTime(dir, path, e.Time)
	}
	return nil
}

// SetDirs gives the directories of a tree that Extract has unpacked into dir their modes and times.
func (t *Tree) SetDirs(dir *os.Root) error {
	for i := len(t.entries) - 1; i >= 0; i-- { // what is inside first: its directory may become read-only
		e := &t.entries[i]
		if e.Kind != Dir {
			continue
		}
		path := filepath.FromSlash(t.Path(i))
		if t.Times {
			if err := setTime(dir, path, e.Time); err != nil {
				return &OutputError{err}
			}
		}
		if err := dir.Chmod(path, e.Mode); err != nil {
			return &OutputError{err}
		}
	}
	return nil
}
