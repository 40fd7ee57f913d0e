package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// parseRange reads OFF:LEN or OFF:.
func parseRange(s string) (off, length int64, err error) {
	if s == "" {
		return 0, math.MaxInt64, nil
	}
	from, n, ok := strings.Cut(s, ":")
	off, err = strconv.ParseInt(from, 10, 64)
	length = math.MaxInt64
	if err == nil && n != "" {
		length, err = strconv.ParseInt(n, 10, 64)
	}
	if !ok || err != nil || off < 0 || length < 0 {
		return 0, 0, usageErrorf("as 4096:512, in bytes", "range %q is not OFF:LEN", s)
	}
	return off, length, nil
}

// sectionWriter writes a part of a file.
type sectionWriter struct{ *io.SectionReader }

func (s sectionWriter) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(w, struct{ io.Reader }{s.SectionReader}, make([]byte, 1<<20))
}

// rangeWriter writes a part of a stream. It plays the stream to its end, because the last check stands there.
type rangeWriter struct {
	io.WriterTo
	skip, left int64
}

func (r *rangeWriter) WriteTo(w io.Writer) (n int64, err error) {
	off := r.skip
	size, err := r.WriterTo.WriteTo(writerFunc(func(b []byte) (int, error) {
		all := len(b)
		k := min(int64(len(b)), r.skip)
		r.skip -= k
		b = b[k:]
		b = b[:min(int64(len(b)), r.left)]
		if len(b) == 0 {
			return all, nil
		}
		m, err := w.Write(b)
		n += int64(m)
		r.left -= int64(m)
		if err != nil {
			return 0, err
		}
		return all, nil
	}))
	if err == nil && r.skip > 0 {
		err = behindEnd(off, size)
	}
	return n, err
}

// behindEnd refuses a range that begins behind the end of a file.
func behindEnd(off, size int64) error {
	return usageErrorf(fmt.Sprintf("the file has %d bytes", size), "range %d: begins behind the end of the file", off)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
