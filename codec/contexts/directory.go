package contexts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"dictnet/codec/internal/varint"
)

// Magic begins every stream of contexts: 0xD7, "ctxs", format version 1.
const Magic = "\xd7ctxs\x01"

// Limits of the format (docs/contexts.md).
const (
	headLen      = len(Magic) + 4
	maxDirectory = 1 << 20 // bytes
	maxContexts  = 256
	maxName      = 64      // bytes
	maxRuns      = 1 << 16 // of a map
	maxSize      = 1 << 60 // of all contexts together
)

// Context is a name and the length of the file that it picks.
type Context struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
}

// Run is a range of the file of one context.
type Run struct {
	Context string `json:"context"`
	Off     int64  `json:"offset"`
	Len     int64  `json:"length"`
}

// Directory says which contexts a stream has and where their bytes are.
type Directory struct {
	Contexts []Context `json:"contexts"`
	Map      []Run     `json:"map,omitempty"` // what plays if nobody picks a context; may be empty

	head int64 // bytes of the stream before the first context
	size int64 // of the stream
}

// Find reads the directory that a file of size bytes begins with; nil if it begins otherwise, or only happens to begin so.
func Find(r io.ReaderAt, size int64) (*Directory, error) {
	if size < int64(len(Magic)) {
		return nil, nil
	}
	var head [len(Magic)]byte
	if n, err := r.ReadAt(head[:], 0); n < len(head) { // io.EOF may come with the last bytes
		return nil, err
	}
	if string(head[:]) != Magic {
		return nil, nil
	}
	d, err := Read(io.NewSectionReader(r, 0, size))
	if errors.Is(err, ErrFormat) || err == nil && d.Size() != size {
		return nil, nil
	}
	return d, err
}

// Size is the length of the stream in bytes.
func (d *Directory) Size() int64 { return d.size }

// Names lists the contexts.
func (d *Directory) Names() (names []string) {
	for _, c := range d.Contexts {
		names = append(names, c.Name)
	}
	return names
}

func (d *Directory) find(name string) (int, error) {
	for i, c := range d.Contexts {
		if c.Name == name {
			return i, nil
		}
	}
	return 0, &UnknownError{name, d.Names()}
}

// check reports what is wrong with the directory, and finds out its size.
func (d *Directory) check() error {
	switch {
	case len(d.Contexts) == 0 || len(d.Contexts) > maxContexts:
		return fmt.Errorf("%d contexts, want 1 to %d", len(d.Contexts), maxContexts)
	case len(d.Map) > maxRuns:
		return fmt.Errorf("a map of %d runs, limit %d", len(d.Map), maxRuns)
	}
	seen := make(map[string]bool)
	d.size = d.head
	for _, c := range d.Contexts {
		if err := CheckName(c.Name); err != nil {
			return err
		}
		if seen[c.Name] {
			return fmt.Errorf("context %q comes twice", c.Name)
		}
		seen[c.Name] = true
		if c.Size < 0 || c.Size > maxSize-d.size {
			return fmt.Errorf("context %q has %d bytes: too many", c.Name, c.Size)
		}
		d.size += c.Size
	}
	return d.CheckMap(d.Map)
}

// CheckName reports whether a name can be that of a context: 1 to 64 bytes of UTF-8, printable, without blanks.
func CheckName(name string) error {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) {
		return fmt.Errorf("%q cannot name a context: 1 to %d bytes of UTF-8", name, maxName)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) || r == ' ' {
			return fmt.Errorf("%q cannot name a context: it has %q in it", name, r)
		}
	}
	return nil
}

// CheckMap reports whether every run of a map lies within its context.
func (d *Directory) CheckMap(runs []Run) error {
	for _, r := range runs {
		i, err := d.find(r.Context)
		if err != nil {
			return err
		}
		if size := d.Contexts[i].Size; r.Off < 0 || r.Len < 1 || r.Off > size || r.Len > size-r.Off {
			return fmt.Errorf("%w: bytes %d:%d of %s, which has %d", ErrMap, r.Off, r.Len, r.Context, size)
		}
	}
	return nil
}

// append writes the directory.
func (d *Directory) append(b []byte) ([]byte, error) {
	var rest []byte
	rest = binary.AppendUvarint(rest, uint64(len(d.Contexts)))
	number := make(map[string]uint64)
	for i, c := range d.Contexts {
		number[c.Name] = uint64(i)
		rest = binary.AppendUvarint(rest, uint64(len(c.Name)))
		rest = append(rest, c.Name...)
		rest = binary.AppendUvarint(rest, uint64(c.Size))
	}
	rest = binary.AppendUvarint(rest, uint64(len(d.Map)))
	for _, r := range d.Map {
		rest = binary.AppendUvarint(rest, number[r.Context])
		rest = binary.AppendUvarint(rest, uint64(r.Off))
		rest = binary.AppendUvarint(rest, uint64(r.Len))
	}
	if len(rest) > maxDirectory {
		return nil, fmt.Errorf("the directory of contexts has %d bytes, limit %d", len(rest), maxDirectory)
	}
	b = binary.LittleEndian.AppendUint32(append(b, Magic...), uint32(len(rest)))
	return append(b, rest...), nil
}

// Read reads a directory from r and checks it. It reads not a byte more.
func Read(r io.Reader) (*Directory, error) {
	head := make([]byte, headLen)
	n, err := io.ReadFull(r, head)
	if !bytes.HasPrefix(head[:n], []byte(Magic)[:min(n, len(Magic))]) || n == 0 && err == io.EOF {
		return nil, formatErrorf(0, "none begins with % x", head[:min(n, len(Magic))])
	}
	if err != nil {
		return nil, cutShort(err, int64(n))
	}
	length := binary.LittleEndian.Uint32(head[len(Magic):])
	if length > maxDirectory {
		return nil, formatErrorf(int64(len(Magic)), "directory of %d bytes, limit %d", length, maxDirectory)
	}
	var buf bytes.Buffer // grows with what arrives
	if got, err := io.CopyN(&buf, r, int64(length)); err != nil {
		return nil, cutShort(err, int64(headLen)+got)
	}
	return parse(buf.Bytes())
}

// cutShort says that what is read ends in the middle, if that is what an error of reading it means: one of a tape or a server that wraps io.EOF is another.
func cutShort(err error, off int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return formatErrorf(off, "cut short")
	}
	return fmt.Errorf("read contexts: %w", err)
}

type parser struct {
	b   []byte
	off int64
	err error
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = formatErrorf(p.off, format, args...)
	}
}

func (p *parser) take(n uint64) []byte {
	if p.err == nil && n > uint64(len(p.b)) {
		p.fail("cut short")
	}
	if p.err != nil {
		return nil
	}
	b := p.b[:n]
	p.b = p.b[n:]
	p.off += int64(n)
	return b
}

// number reads a varint in its shortest form, at most limit.
func (p *parser) number(limit uint64, what string) uint64 {
	if p.err != nil {
		return 0
	}
	v, n := varint.Read(p.b)
	switch {
	case n == 0:
		p.fail("cut short")
	case n < 0:
		p.fail("%s is not a number in its shortest form", what)
	case v > limit:
		p.fail("%s is %d, limit %d", what, v, limit)
	}
	if p.err != nil {
		return 0
	}
	p.take(uint64(n))
	return v
}

// parse reads what follows the head.
func parse(b []byte) (*Directory, error) {
	p := parser{b: b, off: int64(headLen)}
	d := &Directory{head: int64(headLen) + int64(len(b))}
	for range p.number(maxContexts, "the number of contexts") {
		name := p.take(p.number(maxName, "the length of a name"))
		d.Contexts = append(d.Contexts, Context{string(name), int64(p.number(maxSize, "a size"))})
		if p.err != nil {
			return nil, p.err
		}
	}
	for range p.number(maxRuns, "the length of the map") {
		i := p.number(uint64(max(len(d.Contexts), 1)-1), "a context of the map")
		r := Run{Off: int64(p.number(maxSize, "an offset")), Len: int64(p.number(maxSize, "a length"))}
		if p.err != nil {
			return nil, p.err
		}
		if len(d.Contexts) > 0 {
			r.Context = d.Contexts[i].Name
		}
		d.Map = append(d.Map, r)
	}
	if p.err == nil && len(p.b) > 0 {
		p.fail("%d bytes too many", len(p.b))
	}
	if p.err != nil {
		return nil, p.err
	}
	if err := d.check(); err != nil {
		return nil, formatErrorf(int64(headLen), "%v", err)
	}
	return d, nil
}

// begin is where context i begins in the stream.
func (d *Directory) begin(i int) int64 {
	pos := d.head
	for _, c := range d.Contexts[:i] {
		pos += c.Size
	}
	return pos
}

// BeginsOf returns where the contexts but the first begin, ascending, if src is a stream of them, and in whole all that src has, from its begin.
func BeginsOf(src io.Reader) (begins []int64, whole io.Reader) {
	var head bytes.Buffer
	if d, err := Read(io.TeeReader(src, &head)); err == nil {
		for i := 1; i < len(d.Contexts); i++ {
			begins = append(begins, d.begin(i))
		}
	}
	return begins, io.MultiReader(&head, src)
}
