package contexts

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"sort"
)

// Variant is what a context picks.
type Variant struct {
	Name string
	Size int64 // bytes
	io.Reader
}

// ErrSize is wrapped when a variant is not as long as it was said to be.
var ErrSize = errors.New("is not as long as it was")

// Reader reads variants as one stream.
type Reader struct {
	*Directory
	variants []Variant
	rest     []byte // of the directory
	next     int    // variant
	left     int64  // bytes of variant next
	err      error
}

// NewReader puts variants into one stream. runs is what plays if nobody picks a context, and may be nil.
func NewReader(variants []Variant, runs []Run) (*Reader, error) {
	d := &Directory{Map: runs}
	for _, v := range variants {
		d.Contexts = append(d.Contexts, Context{v.Name, v.Size})
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	b, err := d.append(nil)
	if err != nil {
		return nil, err
	}
	d.head = int64(len(b))
	d.size += d.head
	return &Reader{Directory: d, variants: variants, rest: b, left: variants[0].Size}, nil
}

// Read reads the stream.
func (r *Reader) Read(b []byte) (int, error) {
	for len(b) > 0 {
		switch {
		case r.err != nil:
			return 0, r.err
		case len(r.rest) > 0:
			n := copy(b, r.rest)
			r.rest = r.rest[n:]
			return n, nil
		case r.left > 0:
			v := r.variants[r.next]
			n, err := v.Read(b[:min(int64(len(b)), r.left)])
			r.left -= int64(n)
			if err == io.EOF && r.left > 0 {
				err = fmt.Errorf("variant %s %w: it ends early", v.Name, ErrSize)
			} else if err == io.EOF {
				err = nil
			}
			r.err = err
			if n > 0 {
				return n, nil
			}
		default:
			r.err = r.end()
		}
	}
	return 0, nil
}

// end makes sure that the variant has no more bytes and goes to the next; io.EOF after the last.
func (r *Reader) end() error {
	var b [1]byte
	if n, err := io.ReadFull(r.variants[r.next], b[:]); n > 0 {
		return fmt.Errorf("variant %s %w: it goes on", r.variants[r.next].Name, ErrSize)
	} else if err != io.EOF {
		return err
	}
	if r.next++; r.next == len(r.variants) {
		return io.EOF
	}
	r.left = r.variants[r.next].Size
	return nil
}

// View is the file that one context, or a map, picks out of a stream. It is safe for concurrent use if the stream is.
type View struct {
	r    io.ReaderAt
	runs []viewRun
	size int64
}

type viewRun struct {
	start, pos, len int64 // where it begins in the file, and in the stream
}

// View returns the file of a context. r is the stream. The error is an *UnknownError if there is no such context.
func (d *Directory) View(r io.ReaderAt, name string) (*View, error) {
	i, err := d.find(name)
	if err != nil {
		return nil, err
	}
	size := d.Contexts[i].Size
	return &View{r, []viewRun{{0, d.begin(i), size}}, size}, nil
}

// MapView returns the file that the runs of a map play, one after the other.
func (d *Directory) MapView(r io.ReaderAt, runs []Run) (*View, error) {
	if err := d.CheckMap(runs); err != nil {
		return nil, err
	}
	v := &View{r: r}
	for _, run := range runs {
		i, err := d.find(run.Context)
		if err != nil {
			return nil, err
		}
		if run.Len > maxSize-v.size {
			return nil, fmt.Errorf("%w: it plays too many bytes", ErrMap)
		}
		v.runs = append(v.runs, viewRun{v.size, d.begin(i) + run.Off, run.Len})
		v.size += run.Len
	}
	return v, nil
}

// Size is the length of the file in bytes.
func (v *View) Size() int64 { return v.size }

// ReadAt reads bytes of the file.
func (v *View) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d of a file", off)
	}
	for pos, k := range v.Ranges(off, int64(len(b))) {
		got, err := v.r.ReadAt(b[n:n+int(k)], pos)
		n += got
		if got < int(k) {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Ranges says where bytes off to off+n of the file lie in the stream: positions and lengths, in order. What is beyond the end of the file is left
// out.
func (v *View) Ranges(off, n int64) iter.Seq2[int64, int64] {
	return func(yield func(pos, n int64) bool) {
		i := sort.Search(len(v.runs), func(i int) bool { return v.runs[i].start+v.runs[i].len > off })
		for off, n := off, n; n > 0 && i < len(v.runs); i++ {
			r := v.runs[i]
			k := min(n, r.start+r.len-off)
			if !yield(r.pos+off-r.start, k) {
				return
			}
			off += k
			n -= k
		}
	}
}
