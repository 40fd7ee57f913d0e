package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"dictnet/codec"
	"dictnet/dictnet/seed"
)

const (
	page      = 4096      // a page of zeros in an earlier output may be a hole, that nothing was written to
	spotCount = 4         // places where a seed is compared with the file, to see whether it is an earlier output
	resumeBuf = 256 << 10 // bytes
)

// earlier finds a seed that is an earlier output of the same template, perhaps not all of it: what it holds stands where the file has
// it. Of four spots two must be there, so it must hold a good third, and none that is there may be another.
func earlier(whole *codec.Reader, seeds *seed.Seeds) (string, error) {
	size := whole.Size()
	if size < 16*page {
		return "", nil
	}
	least := size/16*5 + page
	var near []string
	for _, path := range seeds.Files() {
		if st, err := os.Stat(path); err == nil && st.Size() >= least {
			near = append(near, path)
		}
	}
	if len(near) == 0 {
		return "", nil
	}
	var spots [spotCount][page]byte
	for i := range spots {
		if n, err := whole.ReadAt(spots[i][:], spotAt(size, i)); n < page {
			return "", err
		}
	}
	for _, path := range near {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		equal, other := 0, 0
		var b [page]byte
		for i := range spots {
			if _, err := f.ReadAt(b[:], spotAt(size, i)); err != nil || b == [page]byte{} {
				continue // not there, or a hole
			}
			if b == spots[i] {
				equal++
			} else {
				other++
			}
		}
		f.Close()
		if equal >= 2 && other == 0 {
			return path, nil
		}
	}
	return "", nil
}

func spotAt(size int64, i int) int64 { return size / 16 * int64(4*i+1) }

// resumed plays a file with the help of an earlier output.
type resumed struct {
	ctx   context.Context
	whole *codec.Reader
	path  string
	out   *os.File
	bar   *progress
	taken *int64
}

// WriteTo writes to the file that the output is, not to w: what is found wrong is written again.
func (r *resumed) WriteTo(io.Writer) (n int64, err error) {
	if *r.taken, err = resume(r.ctx, r.whole, r.path, r.out, r.bar); err != nil {
		return 0, err
	}
	return r.whole.Size(), nil
}

// resume plays a file into out, but for what an earlier output has: that is copied. Then the frames and the whole are checked, and what is not
// as it should be is played after all.
func resume(ctx context.Context, whole *codec.Reader, path string, out *os.File, bar *progress) (taken int64, err error) {
	old, err := os.Open(path)
	if err != nil {
		return 0, inputError(err)
	}
	defer old.Close()
	size := whole.Size()
	if err := out.Truncate(size); err != nil {
		return 0, &writeError{err}
	}
	gaps, err := copyKnown(ctx, old, out, size, bar)
	if err != nil {
		return 0, err
	}
	taken = size
	for _, g := range gaps {
		taken -= int64(g.Len)
	}
	if err := playGaps(ctx, whole, out, gaps); err != nil {
		return 0, err
	}
	wrong, err := whole.Check(out)
	if err != nil || len(wrong) == 0 {
		return taken, err
	}
	for _, w := range wrong {
		taken = max(taken-int64(w.Len), 0) // or more than was taken of it
	}
	if err := playGaps(ctx, whole, out, wrong); err != nil {
		return 0, err
	}
	if wrong, err = whole.Check(out); err == nil && len(wrong) > 0 {
		err = fmt.Errorf("%w: bytes %d to %d play with another checksum", codec.ErrTemplate, wrong[0].Pos, wrong[0].Pos+wrong[0].Len)
	}
	return taken, err
}

// copyKnown copies what an earlier output holds and returns what it does not: what lies behind its end, and pages of zeros.
func copyKnown(ctx context.Context, old io.ReaderAt, out io.WriterAt, size int64, bar *progress) (gaps []codec.Span, err error) {
	gap := func(off, n int64) {
		if k := len(gaps); k > 0 && gaps[k-1].Pos+gaps[k-1].Len == uint64(off) {
			gaps[k-1].Len += uint64(n)
		} else if n > 0 {
			gaps = append(gaps, codec.Span{Pos: uint64(off), Len: uint64(n)})
		}
	}
	var zeros [page]byte
	buf := make([]byte, resumeBuf)
	for off := int64(0); off < size; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := old.ReadAt(buf[:min(int64(len(buf)), size-off)], off)
		if n == 0 {
			gap(off, size-off) // its end, or it cannot be read any further
			break
		}
		for at := 0; at < n; {
			from := at
			for at < n && !bytes.Equal(buf[at:min(at+page, n)], zeros[:min(page, n-at)]) {
				at = min(at+page, n)
			}
			if _, err := out.WriteAt(buf[from:at], off+int64(from)); err != nil {
				return nil, &writeError{err}
			}
			if at < n {
				k := min(page, n-at)
				gap(off+int64(at), int64(k))
				at += k
			}
		}
		off += int64(n)
		bar.set(off)
		if err != nil && off < size {
			gap(off, size-off)
			break
		}
	}
	return gaps, nil
}

// playGaps plays some ranges of the file.
func playGaps(ctx context.Context, whole *codec.Reader, out io.WriterAt, gaps []codec.Span) error {
	for _, g := range gaps {
		if err := whole.Prefetch(int64(g.Pos), int64(g.Len)); err != nil {
			return err
		}
	}
	buf := make([]byte, 1<<20)
	for _, g := range gaps {
		for g.Len > 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			b := buf[:min(uint64(len(buf)), g.Len)]
			if n, err := whole.ReadAt(b, int64(g.Pos)); n < len(b) {
				return err
			}
			if _, err := out.WriteAt(b, int64(g.Pos)); err != nil {
				return &writeError{err}
			}
			g.Pos += uint64(len(b))
			g.Len -= uint64(len(b))
		}
	}
	return nil
}
