package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sort"
)

// Reader gives random access to the file that a template plays. It reads only the frames, blocks and notes
// that it touches. All its methods are safe for concurrent use. Blocks of local notes that it may go back to are kept, if there is more than
// 1 MiB of them in a temporary file, which goes with the Reader: nobody closes it.
type Reader struct {
	ctx  context.Context
	dict *DictionaryName
	size int64 // of the template
	head int64 // length of the header
	idx  *index
	play playback
}

// NewReaderAt opens a template of size bytes. If it names a dictionary, open is called to find it. The
// context holds for all reads.
func NewReaderAt(ctx context.Context, src io.ReaderAt, size int64, open OpenTape) (*Reader, error) {
	r, err := openReader(ctx, src, size)
	if err != nil {
		return nil, err
	}
	if r.play.notes, err = openNotes(ctx, r.dict, open); err != nil {
		return nil, err
	}
	return r, nil
}

// openReader reads header and index.
func openReader(ctx context.Context, src io.ReaderAt, size int64) (*Reader, error) {
	r := &Reader{ctx: ctx, size: size}
	head := make([]byte, min(int64(maxHeader), max(size, 0)))
	if _, err := readAt(src, head, 0); err != nil {
		return nil, err
	}
	if isShort(head) {
		full, err := readShort(io.NewSectionReader(src, 0, size))
		if err != nil {
			return nil, err
		}
		src, size = bytes.NewReader(full), int64(len(full))
		head = full[:min(len(full), maxHeader)]
	}
	dict, blockSize, n, err := parseHeader(head)
	if err != nil {
		return nil, err
	}
	r.dict, r.head = dict, int64(n)
	if size < r.head+int64(oneLen) {
		return nil, formatErrorf(size, "cut short")
	}
	var foot [footerLen]byte
	if _, err := readAt(src, foot[:], size-int64(footerLen)); err != nil {
		return nil, err
	}
	switch m := foot[4:]; string(m) {
	case oneMagic:
		r.idx, err = readOne(src, r.head, size-int64(oneLen))
	case endMagic:
		r.idx, err = readIndex(src, r.head, size, int64(binary.LittleEndian.Uint32(foot[:])))
	default:
		err = formatErrorf(size-int64(len(endMagic)), "no template ends with % x: cut short, or bytes were added", m)
	}
	if err != nil {
		return nil, err
	}
	r.play.src, r.play.frames = src, r.idx.frames
	r.play.setBlockSize(blockSize)
	return r, nil
}

// readIndex reads the index, of n bytes before its footer, of a template of size bytes whose first frame stands at byte first.
func readIndex(src io.ReaderAt, first, size, n int64) (*index, error) {
	base := size - int64(footerLen) - n
	if n > maxIndex || base < first {
		return nil, formatErrorf(size-int64(footerLen), "index of %d bytes does not fit", n)
	}
	b := make([]byte, size-base)
	if _, err := readAt(src, b, base); err != nil {
		return nil, err
	}
	return parseIndex(b, base, first)
}

// Dictionary returns what the template names, or nil.
func (r *Reader) Dictionary() *DictionaryName { return r.dict }

// Size is the length of the file that the template plays, in bytes.
func (r *Reader) Size() int64 { return int64(r.idx.play()) }

// ReadAt plays len(b) bytes from off. All that it touches of the template and of the tape is checked; the checksums of whole
// frames are not (see WriteTo).
func (r *Reader) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d of a file", off)
	}
	i := r.frameAt(uint64(off))
	for n < len(b) {
		if i == len(r.idx.frames) {
			return n, io.EOF
		}
		fr, err := r.frame(i)
		if err != nil {
			return n, err
		}
		var from uint64
		if n == 0 {
			from = uint64(off) - fr.start
		}
		k, err := r.play.play(fr, from).read(r.ctx, b[n:])
		n += k
		if err != nil {
			return n, err
		}
		i++
	}
	return n, nil
}

// frame returns frame i, as long as the reader's context holds: there may be many, each of which takes a while.
func (r *Reader) frame(i int) (*frame, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	return r.play.frame(i)
}

// frameAt returns the number of the frame that plays byte off.
func (r *Reader) frameAt(off uint64) int {
	f := r.idx.frames
	return sort.Search(len(f), func(i int) bool { return f[i].start+f[i].play > off })
}

// Prefetch tells the tape, if it wants to know, which spans the bytes off to off+n need.
func (r *Reader) Prefetch(off, n int64) error {
	t, ok := r.play.notes.prefetcher()
	if !ok || n <= 0 {
		return nil
	}
	end := uint64(off) + uint64(n)
	for i := r.frameAt(uint64(off)); i < len(r.idx.frames) && r.idx.frames[i].start < end; i++ {
		fr, err := r.frame(i)
		if err != nil {
			return err
		}
		var spans []Span
		if uint64(off) <= fr.start && fr.start+fr.play <= end {
			spans = fr.wanted(r.play.notes.size())
		} else {
			if spans, err = fr.wantedWithin(r.ctx, max(uint64(off), fr.start)-fr.start, end-fr.start, r.play.notes.size()); err != nil {
				return err
			}
		}
		t.Prefetch(r.ctx, spans)
	}
	return nil
}

// WriteTo plays the whole file into w and checks every frame and the whole. Notes and local notes are opened ahead, on all
// cores; w gets the bytes of one note or less at a time, or of several short pieces.
func (r *Reader) WriteTo(w io.Writer) (n int64, err error) {
	sums := newChecksums()
	defer r.play.notes.borrow()()
	ahead := newLookAhead(r.ctx, &r.play, 0)
	defer ahead.stop()
	next, nextErr := r.announce(0, ahead)
	var short []byte
	for i, e := range r.idx.frames {
		fr, err := next, nextErr
		if err != nil {
			return n, err
		}
		next, nextErr = r.announce(i+1, ahead)
		p := r.play.play(fr, 0)
		p.ahead = ahead
		k, err := playFrame(r.ctx, w, p, &short, &sums)
		n += k
		if err != nil {
			return n, err
		}
		if err := checkFrame(e, fr.sum, sums.endFrame()); err != nil {
			return n, err
		}
	}
	return n, checkWhole(r.size, r.idx.sum, sums.whole())
}

// announce says that frame i is about to be played, and returns it; nil after the last.
func (r *Reader) announce(i int, ahead *lookAhead) (*frame, error) {
	if i >= len(r.idx.frames) {
		return nil, nil
	}
	e := r.idx.frames[i]
	if err := r.Prefetch(int64(e.start), int64(e.play)); err != nil {
		return nil, err
	}
	fr, err := r.frame(i)
	if err != nil {
		return nil, err
	}
	ahead.add(fr, 0)
	return fr, nil
}

// playFrame plays a frame into w; short is room for short pieces of it.
func playFrame(ctx context.Context, w io.Writer, p *frameReader, short *[]byte, sums *checksums) (n int64, err error) {
	defer p.release()
	for {
		raw, err := p.gather(ctx, short)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		sums.add(raw)
		k, err := w.Write(raw)
		n += int64(k)
		if err == nil && k < len(raw) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return n, err
		}
	}
}
