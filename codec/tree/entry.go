package tree

import (
	"fmt"
	"io/fs"
	"iter"
	"sort"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind says what an entry is.
type Kind uint8

const (
	File Kind = iota
	Dir
	Link // symbolic
)

// Entry is one file, directory or link of a tree. Its path is said by [Tree.Path]: all paths together may be a hundred times as long as the index.
type Entry struct {
	Name   string      // in its directory; UTF-8
	Kind   Kind        //
	path   uint16      // bytes of the path
	Mode   fs.FileMode // permissions, 0 to 0777; 0 for a link
	Time   time.Time   // of the last change; zero for a link, and where the tree keeps no times
	Size   int64       // bytes of a file
	Target string      // of a link
	Offset int64       // byte of the stream at which a file's content begins
}

// Tree is the index of a stream, found good.
type Tree struct {
	Times bool // the entries have times

	entries  []Entry // a directory before what is in it, siblings by the bytes of their names
	depths   []int   // of the entries; 1 at the top
	parents  []int   // of the entries; Top at the top
	children [][]int // entry numbers by the number of their directory plus 1, in order
	index    int64   // bytes of the index; contents follow
	size     int64   // bytes of the stream
}

// Limits of the format (docs/tree.md).
const (
	maxIndex   = 1 << 28 // bytes of the columns and what describes them
	maxEntries = 1 << 22
	maxDepth   = 1 << 8
	maxName    = 255  // bytes
	maxPath    = 4095 // bytes, also of a link's target
	maxSize    = 1 << 62

	firstSecond = -62135596800 // since 1970: the begin of the year 1
	lastSecond  = 253402300799 // the end of the year 9999
)

// Len is the number of entries.
func (t *Tree) Len() int { return len(t.entries) }

// Size is the length of the stream in bytes.
func (t *Tree) Size() int64 { return t.size }

// IndexSize is the length of the index in bytes; the content of the first file begins there.
func (t *Tree) IndexSize() int64 { return t.index }

// All visits every entry in the order of the stream: a directory before what is in it.
func (t *Tree) All() iter.Seq2[int, *Entry] {
	return func(yield func(int, *Entry) bool) {
		for i := range t.entries {
			if !yield(i, &t.entries[i]) {
				return
			}
		}
	}
}

// Entry returns entry i, 0 to Len()-1.
func (t *Tree) Entry(i int) *Entry { return &t.entries[i] }

// Path returns the path of entry i, from the top, with slashes.
func (t *Tree) Path(i int) string {
	b := make([]byte, t.entries[i].path)
	for at := len(b); ; at-- {
		at -= len(t.entries[i].Name)
		copy(b[at:], t.entries[i].Name)
		if i = t.parents[i]; i == Top {
			return string(b)
		}
		b[at-1] = '/'
	}
}

// Top stands for the top directory, which has no entry.
const Top = -1

// Children returns the numbers of the entries of directory i, or of Top.
func (t *Tree) Children(i int) []int { return t.children[i+1] }

// Child finds an entry of directory i, or of Top, by its name.
func (t *Tree) Child(i int, name string) (child int, ok bool) {
	c := t.Children(i)
	k := sort.Search(len(c), func(k int) bool { return t.entries[c[k]].Name >= name })
	if k == len(c) || t.entries[c[k]].Name != name {
		return 0, false
	}
	return c[k], true
}

// Lookup finds an entry by its path, without following links. "." and "" are Top.
func (t *Tree) Lookup(path string) (i int, ok bool) {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "./"), "/")
	i = Top
	if path == "" || path == "." {
		return i, true
	}
	for name := range strings.SplitSeq(path, "/") {
		if i, ok = t.Child(i, name); !ok {
			return 0, false
		}
	}
	return i, true
}

// Below returns the entries of directory i, or of Top, and all that they hold: numbers from to end.
func (t *Tree) Below(i int) (from, end int) {
	if i == Top {
		return 0, len(t.entries)
	}
	for end = i + 1; end < len(t.entries) && t.depths[end] > t.depths[i]; end++ {
	}
	return i + 1, end
}

// add appends an entry, after checking it against those before it. dirs are the numbers of the directories that are open, Top first.
func (t *Tree) add(dirs []int, depth int, e Entry) ([]int, error) {
	switch {
	case depth < 1 || depth > len(dirs):
		return nil, fmt.Errorf("entry %d has depth %d, its directory is not there", len(t.entries), depth)
	case depth > maxDepth:
		return nil, fmt.Errorf("entry %d is deeper than %d", len(t.entries), maxDepth)
	case len(t.entries) == maxEntries:
		return nil, fmt.Errorf("more than %d entries", maxEntries)
	}
	if err := checkName(e.Name); err != nil {
		return nil, err
	}
	parent := dirs[depth-1]
	n := len(e.Name)
	if parent != Top {
		n += int(t.entries[parent].path) + 1
	}
	if n > maxPath {
		return nil, fmt.Errorf("a path has %d bytes, limit %d", n, maxPath)
	}
	e.path = uint16(n)
	path := func() string { // for errors
		if parent == Top {
			return e.Name
		}
		return t.Path(parent) + "/" + e.Name
	}
	siblings := t.children[parent+1]
	if n := len(siblings); n > 0 && t.entries[siblings[n-1]].Name >= e.Name {
		return nil, fmt.Errorf("%q stands after %q: names must ascend, each once", path(), t.Path(siblings[n-1]))
	}
	if e.Kind == Link {
		if err := checkTarget(e.Target); err != nil {
			return nil, fmt.Errorf("%q: %w", path(), err)
		}
	}
	if s := e.Time.Unix(); s < firstSecond || s > lastSecond {
		return nil, fmt.Errorf("%q: its time is not in the years 1 to 9999", path())
	}
	if e.Size > maxSize-t.size {
		return nil, fmt.Errorf("%q has %d bytes: too many", path(), e.Size)
	}
	i := len(t.entries)
	t.entries = append(t.entries, e)
	t.depths = append(t.depths, depth)
	t.parents = append(t.parents, parent)
	t.children[parent+1] = append(siblings, i)
	t.children = append(t.children, nil)
	t.size += e.Size
	dirs = dirs[:depth]
	if e.Kind == Dir {
		dirs = append(dirs, i)
	}
	return dirs, nil
}

// newTree returns a tree without entries, and the directories that are open in it.
func newTree(times bool) (*Tree, []int) {
	return &Tree{Times: times, children: make([][]int, 1)}, []int{Top}
}

// place says where the contents begin, now that the length of the index is known.
func (t *Tree) place(index int64) {
	t.index = index
	at := index
	for i := range t.entries {
		if e := &t.entries[i]; e.Kind == File {
			e.Offset = at
			at += e.Size
		}
	}
	t.size = at
}

func checkName(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return fmt.Errorf("%q is no name", name)
	case len(name) > maxName:
		return fmt.Errorf("a name has %d bytes, limit %d", len(name), maxName)
	case strings.ContainsAny(name, "/\x00"):
		return fmt.Errorf("%q has a slash or a zero byte in it", name)
	case !utf8.ValidString(name):
		return fmt.Errorf("%q is not UTF-8", name)
	}
	return nil
}

func checkTarget(target string) error {
	switch {
	case target == "":
		return fmt.Errorf("a link to nothing")
	case len(target) > maxPath:
		return fmt.Errorf("a link's target has %d bytes, limit %d", len(target), maxPath)
	case strings.ContainsRune(target, 0):
		return fmt.Errorf("target %q has a zero byte in it", target)
	case !utf8.ValidString(target):
		return fmt.Errorf("target %q is not UTF-8", target)
	}
	return nil
}
