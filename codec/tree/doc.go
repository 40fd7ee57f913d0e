// Package tree packs a directory into one stream of bytes, and reads such a stream as a whole or at random.
//
// The stream is an index, and after it the contents of the files, end to end, in the order of the index. It is what a template plays
// when a directory was encoded; the codec knows nothing of it.
//
//	0      6      10        10+n                          size
//	| magic | u32 n | columns |  file  |   file   | file ... |
//
// The index is kept in columns (depths, names, modes, sizes, link targets, times), so that two releases of one directory
// have indexes that differ only where they do. What makes a path hostile cannot be written at all, or is refused by
// the parser: an entry has a depth and a name, not a path, so every parent is a directory that stands before it, and siblings
// ascend, so none comes twice. docs/tree.md is normative.
//
// The same directory always gives the same stream: no owner, no inode, no order of a file system is in it.
package tree

import (
	"errors"
	"fmt"
)

// ErrTree is wrapped by every error that says that bytes are no tree.
var ErrTree = errors.New("not a valid tree")

// ErrKind is wrapped by errors about what a tree cannot hold: devices, sockets, pipes, names that other systems cannot have.
var ErrKind = errors.New("a tree holds files, directories and links")

// ErrChanged is wrapped when a file is not as long as it was when the directory was listed.
var ErrChanged = errors.New("changed while it was read")

// ErrEscape is wrapped when a link leads out of the tree.
var ErrEscape = errors.New("leads out of the tree")

// formatErrorf returns an error that wraps ErrTree and names the byte of the stream at which it was found.
func formatErrorf(off int64, format string, args ...any) error {
	return fmt.Errorf("%w: byte %d: %s", ErrTree, off, fmt.Sprintf(format, args...))
}
