// Package contexts puts several variants of a file into one stream, each under the name of an expansion context, so that one
// template holds them all and what they share is stored once.
//
// The stream is a directory of the contexts, and after it their files, end to end, in the order of the directory. The codec, which
// knows nothing of it, finds what repeats over any distance.
//
//	0      6      10          10+n                          size
//	| magic | u32 n | directory | en ... | fr ... | de ... |
//
// Every context is a file of its own, of any length, and read at random without the others. A map plays ranges of
// several contexts one after the other.
//
// The other way is a template that is made once, under one context, and of which the others give the codes another meaning: [Entries] finds
// what has a code in a file, and [Meanings] says beside the template what it means. docs/contexts.md is normative.
package contexts

import (
	"errors"
	"fmt"
	"strings"
)

// ErrFormat is wrapped by every error that says that bytes are no directory of contexts.
var ErrFormat = errors.New("not a valid directory of contexts")

// ErrMap is wrapped by errors about a map.
var ErrMap = errors.New("not a map of contexts")

// UnknownError says that there is no such context, and which there are.
type UnknownError struct {
	Name  string
	Known []string
}

func (e *UnknownError) Error() string {
	if len(e.Known) == 0 {
		return fmt.Sprintf("there is no context %q; there are none", e.Name)
	}
	return fmt.Sprintf("there is no context %q; there are %s", e.Name, strings.Join(e.Known, ", "))
}

func formatErrorf(off int64, format string, args ...any) error {
	return fmt.Errorf("%w: byte %d: %s", ErrFormat, off, fmt.Sprintf(format, args...))
}
