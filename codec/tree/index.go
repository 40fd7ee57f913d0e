package tree

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"time"

	"dictnet/codec/internal/varint"
)

// Magic begins every tree: 0xD7, "tree", format version 1.
const Magic = "\xd7tree\x01"

const headLen = len(Magic) + 4 // bytes before the columns' description

// flagTimes is set in the flags of a tree that keeps times.
const flagTimes = 1

// columns are the parts of an index, in the order in which they are written.
type columns struct{ depths, names, modes, sizes, targets, seconds, nanos []byte }

func (c *columns) all() []*[]byte {
	return []*[]byte{&c.depths, &c.names, &c.modes, &c.sizes, &c.targets, &c.seconds, &c.nanos}
}

var columnNames = []string{"depths", "names", "modes", "sizes", "targets", "seconds", "nanoseconds"}

// appendIndex writes the index.
func (t *Tree) appendIndex(b []byte) ([]byte, error) {
	var c columns
	var last int64 // seconds
	for i := range t.entries {
		e := &t.entries[i]
		c.depths = binary.AppendUvarint(c.depths, uint64(t.depths[i]))
		c.names = append(append(c.names, e.Name...), 0)
		c.modes = binary.AppendUvarint(c.modes, uint64(e.Kind)<<9|uint64(e.Mode))
		switch e.Kind {
		case File:
			c.sizes = binary.AppendUvarint(c.sizes, uint64(e.Size))
		case Link:
			c.targets = append(append(c.targets, e.Target...), 0)
			continue
		}
		if t.Times {
			s := e.Time.Unix()
			c.seconds = binary.AppendVarint(c.seconds, s-last)
			c.nanos = binary.AppendUvarint(c.nanos, uint64(e.Time.Nanosecond()))
			last = s
		}
	}
	var rest []byte
	flags := uint64(0)
	if t.Times {
		flags = flagTimes
	}
	rest = binary.AppendUvarint(rest, flags)
	rest = binary.AppendUvarint(rest, uint64(len(t.entries)))
	for _, col := range c.all() {
		rest = binary.AppendUvarint(rest, uint64(len(*col)))
	}
	for _, col := range c.all() {
		rest = append(rest, *col...)
	}
	if len(rest) > maxIndex {
		return nil, fmt.Errorf("the index has %d bytes, limit %d", len(rest), maxIndex)
	}
	b = append(b, Magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(rest)))
	return append(b, rest...), nil
}

// Read reads the index of a tree from r and checks it. It reads not a byte more, so the contents come next.
func Read(r io.Reader) (*Tree, error) {
	head := make([]byte, headLen)
	n, err := io.ReadFull(r, head)
	if !bytes.HasPrefix(head[:n], []byte(Magic)[:min(n, len(Magic))]) || n == 0 && err == io.EOF {
		return nil, formatErrorf(0, "no tree begins with % x", head[:min(n, len(Magic))])
	}
	if err != nil {
		return nil, cutShort(err, int64(n))
	}
	length := binary.LittleEndian.Uint32(head[len(Magic):])
	if length > maxIndex {
		return nil, formatErrorf(int64(len(Magic)), "index of %d bytes, limit %d", length, maxIndex)
	}
	var buf bytes.Buffer // grows with what arrives, not with what is promised
	if got, err := io.CopyN(&buf, r, int64(length)); err != nil {
		return nil, cutShort(err, int64(headLen)+got)
	}
	return parseIndex(buf.Bytes())
}

// cutShort says that the tree ends in the middle, if that is what an error of reading it means: one of a tape or a server that wraps io.EOF is none of the tree.
func cutShort(err error, off int64) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return formatErrorf(off, "cut short")
	}
	return fmt.Errorf("read tree: %w", err)
}

// field is a part of an index that is being read.
type field struct {
	name string
	b    []byte
	off  int64 // of b in the stream
	err  error // the first
}

func (f *field) fail(format string, args ...any) {
	if f.err == nil {
		f.err = formatErrorf(f.off, f.name+": "+format, args...)
	}
}

func (f *field) take(n int) []byte {
	b := f.b[:n]
	f.b = f.b[n:]
	f.off += int64(n)
	return b
}

// varint reads an unsigned LEB128 integer in its shortest form.
func (f *field) varint() uint64 {
	v, n := varint.Read(f.b)
	switch {
	case f.err != nil:
		return 0
	case n == 0:
		f.fail("cut short")
		return 0
	case n < 0:
		f.fail("a number is not one of 64 bits in its shortest form")
		return 0
	}
	f.take(n)
	return v
}

// text reads what stands before the next zero byte.
func (f *field) text() string {
	n := bytes.IndexByte(f.b, 0)
	if f.err == nil && n < 0 {
		f.fail("cut short")
	}
	if f.err != nil {
		return ""
	}
	return string(f.take(n + 1)[:n])
}

// parseIndex reads what follows the head.
func parseIndex(b []byte) (*Tree, error) {
	desc := field{name: "index", b: b, off: int64(headLen)}
	flags, count := desc.varint(), desc.varint()
	var lengths [7]uint64
	for i := range lengths {
		lengths[i] = desc.varint()
	}
	if desc.err == nil && flags > flagTimes {
		desc.fail("flags %#x are not known", flags)
	}
	if desc.err == nil && count > maxEntries {
		desc.fail("%d entries, limit %d", count, maxEntries)
	}
	if desc.err != nil {
		return nil, desc.err
	}
	var f [7]field
	for i, n := range lengths {
		if n > uint64(len(desc.b)) {
			desc.fail("column %s of %d bytes does not fit", columnNames[i], n)
			return nil, desc.err
		}
		off := desc.off
		f[i] = field{name: columnNames[i], b: desc.take(int(n)), off: off}
	}
	if len(desc.b) > 0 {
		desc.fail("%d bytes after the columns", len(desc.b))
		return nil, desc.err
	}
	t, dirs := newTree(flags&flagTimes != 0)
	depths, names, modes, sizes, targets, seconds, nanos := &f[0], &f[1], &f[2], &f[3], &f[4], &f[5], &f[6]
	var last int64
	for range count {
		at := names.off
		depth, name, mode := depths.varint(), names.text(), modes.varint()
		e := Entry{Name: name, Kind: Kind(mode >> 9 & 3), Mode: fs.FileMode(mode & 0o777)}
		switch {
		case mode>>9 > uint64(Link):
			modes.fail("mode %#o is not known", mode)
		case e.Kind == Link && e.Mode != 0:
			modes.fail("a link has no mode, not %#o", mode)
		}
		switch e.Kind {
		case File:
			size := sizes.varint()
			if size > maxSize {
				sizes.fail("a file of %d bytes", size)
			}
			e.Size = int64(size)
		case Link:
			e.Target = targets.text()
		}
		if t.Times && e.Kind != Link {
			delta := seconds.varint()
			ns := nanos.varint()
			if ns >= 1e9 {
				nanos.fail("%d nanoseconds are a second or more", ns)
			}
			last += int64(delta>>1) ^ -int64(delta&1)
			e.Time = time.Unix(last, int64(ns)).UTC()
		}
		for i := range f {
			if f[i].err != nil {
				return nil, f[i].err
			}
		}
		var err error
		if dirs, err = t.add(dirs, int(min(depth, maxDepth+1)), e); err != nil {
			return nil, formatErrorf(at, "%v", err)
		}
	}
	for i := range f {
		if len(f[i].b) > 0 {
			f[i].fail("%d bytes too many", len(f[i].b))
			return nil, f[i].err
		}
	}
	t.place(int64(headLen) + int64(len(b)))
	return t, nil
}
