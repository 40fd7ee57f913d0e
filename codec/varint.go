package codec

import (
	"encoding/binary"
	"hash/crc32"

	"dictnet/codec/internal/varint"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func crc32c(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// fields reads the fields of a part of a template. The first fault sticks; reading on gives zeros.
type fields struct {
	b    []byte
	pos  int
	base int64 // offset of b in the template
	err  error
}

func (f *fields) fail(format string, args ...any) {
	if f.err == nil {
		f.err = formatErrorf(f.base+int64(f.pos), format, args...)
	}
}

// bytes reads n bytes; they are not copied.
func (f *fields) bytes(n int, what string) []byte {
	if f.err != nil {
		return nil
	}
	if n > len(f.b)-f.pos {
		f.fail("cut short in %s", what)
		return nil
	}
	b := f.b[f.pos : f.pos+n]
	f.pos += n
	return b
}

// uvarint reads a varint of lo to hi.
func (f *fields) uvarint(lo, hi uint64, what string) uint64 {
	if f.err != nil {
		return 0
	}
	u, n := varint.Read(f.b[f.pos:])
	switch {
	case n == 0:
		f.fail("cut short in %s", what)
		return 0
	case n < 0:
		f.fail("%s is not a varint in its shortest form", what)
		return 0
	case u < lo || u > hi:
		f.fail("%s is %d, want %d to %d", what, u, lo, hi)
		return 0
	}
	f.pos += n
	return u
}

func (f *fields) u32(what string) uint32 {
	if b := f.bytes(4, what); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (f *fields) u64(what string) uint64 {
	if b := f.bytes(8, what); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// end checks that nothing is left.
func (f *fields) end(what string) {
	if f.err == nil && f.pos != len(f.b) {
		f.fail("%d bytes too many in %s", len(f.b)-f.pos, what)
	}
}
