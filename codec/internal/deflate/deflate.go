// Package deflate opens what was compressed with deflate (RFC 1951), as gzip, zlib and zip files hold it, and closes it again to the byte.
//
// Of two releases of a compressed file hardly a byte agrees, however little of it has changed: what it holds has to be compared. But what is opened can be closed
// again only by who knows each choice of the compressor. Nearly all are made by zlib's algorithm, or by that of gzip from which it comes: which of nine
// levels it was, and where its blocks end, says nearly all. Where a compressor chose otherwise, that is said as well: a recipe is all of this. Recipes take some
// ten bytes, so that little is lost where nothing was to be gained.
package deflate

import "bytes"

// A stream is opened only if it is no longer than this, in bytes, compressed and not; and what several hold that are opened at once comes to no more.
const (
	MaxLen = 1 << 20
	MaxRaw = 1 << 21

	LeastLen = 64 // in bytes: shorter streams are not opened

	perPlace = 1 << 10 // what it costs to look whether a stream begins at a place, besides the bytes that are opened from there
	mostWork = 1 << 23 // of all places together
)

// Stream is one that stands in b[At:At+Len] and holds Raw.
type Stream struct {
	At, Len int
	Raw     []byte
}

// Find returns the streams in b, the first one first, of those that stand behind the header of a gzip member (RFC 1952), of a file in a zip archive, or of zlib
// (RFC 1950). What they hold comes to so many bytes at most. It takes no longer than opening mostWork bytes, and the look through b.
func Find(b []byte, room int) (streams []Stream) {
	f := finder{work: mostWork}
	for i := 0; i+4 <= len(b) && f.work >= 0; i++ {
		if s, ok := f.behind(b, i, room); ok {
			s.Raw = bytes.Clone(s.Raw)
			streams = append(streams, s)
			room -= len(s.Raw)
			i = s.At + s.Len - 1
		}
	}
	return streams
}

// finder opens what may be streams, as long as there is work left.
type finder struct {
	in   inflater
	work int // below 0 if there was too little for a place
}

// behind returns the stream behind the header that begins at b[i], if there is one that holds no more than room bytes. They are overwritten by the next one.
func (f *finder) behind(b []byte, i, room int) (s Stream, ok bool) {
	n := header(b[i:])
	if n == 0 {
		return s, false
	}
	if f.work -= perPlace; f.work < 0 {
		return s, false
	}
	ok = f.in.open(b[i+n:min(len(b), i+n+MaxLen)], min(room, f.work))
	f.work -= len(f.in.raw)
	return Stream{i + n, f.in.used(), f.in.raw}, ok && f.in.used() >= LeastLen
}

// header returns how many bytes the header takes that b begins with, behind which a stream stands; 0 if b begins with none. b has four bytes or more.
func header(b []byte) int {
	switch {
	case b[0] == 0x1f && b[1] == 0x8b && b[2] == 8 && b[3]&0xe0 == 0:
		return gzipHeader(b)
	case b[0] == 'P' && b[1] == 'K' && b[2] == 3 && b[3] == 4:
		if len(b) < 30 || b[8] != 8 || b[9] != 0 {
			return 0
		}
		if n := 30 + int(b[26]) + int(b[27])<<8 + int(b[28]) + int(b[29])<<8; n < len(b) {
			return n
		}
	case b[0] == 0x78 && b[1]&0x20 == 0 && (0x7800+int(b[1]))%31 == 0:
		return 2
	}
	return 0
}

// gzipHeader does so for that of a gzip member.
func gzipHeader(b []byte) int {
	const crc, extra, name, comment = 1 << 1, 1 << 2, 1 << 3, 1 << 4
	flags, n := b[3], 10
	if flags&extra != 0 {
		if len(b) < n+2 {
			return 0
		}
		n += 2 + int(b[n]) + int(b[n+1])<<8
	}
	for _, text := range []byte{name, comment} {
		if flags&text == 0 {
			continue
		}
		for n < len(b) && b[n] != 0 {
			n++
		}
		n++
	}
	if flags&crc != 0 {
		n += 2
	}
	if n >= len(b) {
		return 0
	}
	return n
}

// Across returns the first stream whose header begins in b[from:to] and that goes on behind that, and where the header begins. It takes no longer than Find.
func Across(b []byte, from, to int) (s Stream, begin int, ok bool) {
	f := finder{work: mostWork}
	for i := from; i < to && i+4 <= len(b) && f.work >= 0; i++ {
		if s, ok := f.behind(b, i, MaxRaw); ok {
			if s.At+s.Len > to {
				return s, i, true
			}
			i = s.At + s.Len - 1
		}
	}
	return Stream{}, 0, false
}
