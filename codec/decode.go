package codec

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Decoder plays a template back while it arrives. It keeps what it has read of the template, in memory and
// beyond 8 MiB in a temporary file, because later frames may repeat local notes of earlier ones; besides, it
// holds about 40 MiB at most, what the garbage collector has yet to collect not counted.
type Decoder struct {
	ctx   context.Context
	in    *bufio.Reader
	kept  *spool
	dict  *DictionaryName
	play  playback
	index index        // as the frames say
	next  chan arrived // of the frame that is being read ahead; nil if none is
	ahead *lookAhead   // while WriteTo plays
	frame *frame       // that cur plays
	cur   *frameReader
	at    uint64 // bytes that have been played
	sums  checksums
	rest  []byte // bytes that have been played but not been read
	short []byte // room for short pieces of it
	err   error
}

// arrived is a frame that has been read, or the error that there was.
type arrived struct {
	fr    *frame
	ahead *lookAhead // that has been told of it, or nil
	err   error
}

// NewDecoder reads the header of the template in src. If it names a dictionary, open is called to find it.
// The context holds for all reads. The caller closes the decoder; nobody closes src.
func NewDecoder(ctx context.Context, src io.Reader, open OpenTape) (*Decoder, error) {
	d := &Decoder{ctx: ctx, in: bufio.NewReaderSize(src, 64<<10), kept: new(spool), sums: newChecksums()}
	head, err := d.in.Peek(maxHeader)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read template: %w", err)
	}
	if isShort(head) {
		full, err := readShort(d.in)
		if err != nil {
			return nil, err
		}
		d.in.Reset(bytes.NewReader(full))
		head = full[:min(len(full), maxHeader)]
	}
	ref, blockSize, n, err := parseHeader(head)
	if err != nil {
		return nil, err
	}
	if _, err := d.take(n); err != nil {
		return nil, err
	}
	d.dict = ref
	d.play.src = d.kept
	d.play.setBlockSize(blockSize)
	if d.play.notes, err = openNotes(ctx, ref, open); err != nil {
		return nil, err
	}
	return d, nil
}

// openNotes opens the dictionary that a template names, if it names one.
func openNotes(ctx context.Context, ref *DictionaryName, open OpenTape) (*noteCache, error) {
	if ref == nil {
		return nil, nil
	}
	if open == nil {
		return nil, fmt.Errorf("template needs the dictionary %s", ref.Manifest)
	}
	t, err := open(ctx, *ref)
	if err != nil {
		return nil, err
	}
	if t.Size() == 0 || t.Size() > math.MaxInt64 {
		return nil, fmt.Errorf("dictionary %s has a tape of %d bytes", ref.Manifest, t.Size())
	}
	return newNoteCache(t, decodeNotes), nil
}

// Dictionary returns what the template names, or nil.
func (d *Decoder) Dictionary() *DictionaryName { return d.dict }

// Close frees what the decoder keeps. It may be called again, and then does nothing.
func (d *Decoder) Close() error { return errors.Join(d.kept.Close(), d.play.again.close()) }

// Read plays the next bytes. An error other than io.EOF says that the bytes read since the last whole
// frame, or all of them, are not what was encoded.
func (d *Decoder) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if err := d.fill(); err != nil {
		return 0, err
	}
	n := copy(b, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// WriteTo plays all that is left into w. Unlike Read, it opens notes and local notes ahead, on all cores, and reads the next frame while one plays: after an error, a
// read of the source may be under way still, which another Read or WriteTo waits for.
func (d *Decoder) WriteTo(w io.Writer) (n int64, err error) {
	defer d.play.notes.borrow()()
	d.ahead = newLookAhead(d.ctx, &d.play, d.at)
	if d.cur != nil {
		d.ahead.add(d.frame, d.at-d.frame.start)
		d.cur.ahead = d.ahead
		if d.next == nil {
			d.readAhead()
		}
	}
	defer func() {
		d.ahead.stop()
		d.ahead = nil
		if d.cur != nil { // it failed
			d.cur.ahead = nil
			d.rest = slices.Clone(d.rest)
			d.cur.release()
		}
	}()
	for {
		if err := d.fill(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		k, err := w.Write(d.rest)
		n += int64(k)
		if err == nil && k < len(d.rest) {
			err = io.ErrShortWrite
		}
		d.rest = d.rest[k:]
		if err != nil {
			return n, err
		}
	}
}

// fill makes rest hold at least one byte.
func (d *Decoder) fill() error {
	for d.err == nil && len(d.rest) == 0 {
		if d.cur == nil {
			d.err = d.nextFrame()
			continue
		}
		b, err := d.cur.gather(d.ctx, &d.short)
		if err == io.EOF {
			d.err = checkFrame(d.frame.frameEntry, d.frame.sum, d.sums.endFrame())
			d.cur.release()
			d.cur = nil
			continue
		}
		d.err = err
		d.rest = b
		d.at += uint64(len(b))
		d.sums.add(b)
	}
	if d.err != nil && len(d.rest) == 0 {
		return d.err
	}
	return nil
}

// nextFrame begins to play the next frame, or checks the index, which gives io.EOF.
func (d *Decoder) nextFrame() error {
	a := d.arrive()
	if a.err == io.EOF {
		return d.end()
	}
	if a.err != nil {
		return a.err
	}
	d.frame = a.fr
	d.cur = d.play.play(a.fr, 0)
	if d.ahead == nil {
		return nil
	}
	if a.ahead != d.ahead {
		d.ahead.add(a.fr, 0)
	}
	d.cur.ahead = d.ahead
	d.readAhead()
	return nil
}

// arrive returns the next frame, as it was read ahead if it was.
func (d *Decoder) arrive() arrived {
	if d.next == nil {
		fr, err := d.readFrame()
		return arrived{fr: fr, err: err}
	}
	select {
	case a := <-d.next:
		d.next = nil
		return a
	case <-d.ctx.Done():
		return arrived{err: d.ctx.Err()}
	}
}

// readAhead begins to read the frame that arrives next.
func (d *Decoder) readAhead() {
	next, ahead := make(chan arrived, 1), d.ahead
	d.next = next
	go func() {
		fr, err := d.readFrame()
		if err == nil {
			ahead.add(fr, 0)
		}
		next <- arrived{fr, ahead, err}
	}()
}

// checkFrame compares what a frame has played with what it says.
func checkFrame(e frameEntry, want, got uint32) error {
	if got != want {
		return formatErrorf(e.off, "frame plays bytes with checksum %08x, want %08x", got, want)
	}
	return nil
}

// checkWhole compares what all frames have played with what the template says at its end.
func checkWhole(off int64, want, got uint64) error {
	if got != want {
		return formatErrorf(off, "file checksum is %016x, want %016x", got, want)
	}
	return nil
}

// readFrame reads a frame with its blocks. The error is io.EOF where the index begins.
func (d *Decoder) readFrame() (*frame, error) {
	at := frameEntry{off: d.kept.size}
	if k := len(d.index.frames); k > 0 {
		last := d.index.frames[k-1]
		at.start, at.localPos = last.start+last.play, last.localPos+last.local
	}
	first, err := d.in.Peek(11)
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read template: %w", err)
	}
	if len(first) == 0 {
		return nil, formatErrorf(at.off, "cut short before the index")
	}
	if first[0] == tagIndex || first[0] == tagOne {
		return nil, io.EOF
	}
	size, lead, err := headSize(first, at.off)
	if err != nil {
		return nil, err
	}
	head, err := d.take(size)
	if err != nil {
		return nil, err
	}
	if head, err = checkHead(head, at.off); err != nil {
		return nil, err
	}
	fr, err := parseHead(head, lead, at, d.index.frames, d.play.notes.size(), int(d.play.blockSize))
	if err != nil {
		return nil, err
	}
	if p, ok := d.play.notes.prefetcher(); ok { // notes come while the rest of the frame does
		p.Prefetch(d.ctx, fr.wanted(d.play.notes.size()))
	}
	if err := d.keep(int(fr.size) - size); err != nil {
		return nil, err
	}
	d.index.frames = append(d.index.frames, fr.frameEntry)
	return fr, d.play.add(fr)
}

// take reads n bytes of the template, keeps them and returns them.
func (d *Decoder) take(n int) ([]byte, error) {
	off := d.kept.size
	if err := d.keep(n); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err := d.kept.ReadAt(b, off)
	return b, err
}

// keep reads n bytes of the template and keeps them. The memory it takes grows with what arrives, not with n.
func (d *Decoder) keep(n int) error {
	_, err := io.CopyN(d.kept, d.in, int64(n))
	if err == io.EOF {
		return formatErrorf(d.kept.size, "cut short")
	}
	if err != nil {
		return fmt.Errorf("read template: %w", err)
	}
	return nil
}

// end reads the index, which must be just what the frames say.
func (d *Decoder) end() error {
	base := d.kept.size
	d.index.sum = d.sums.whole()
	want := d.index.append(nil)
	got := make([]byte, len(want)+1)
	n, err := io.ReadFull(d.in, got)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("read template: %w", err)
	}
	got = got[:n]
	switch {
	case bytes.Equal(got, want):
		return io.EOF
	case bytes.HasPrefix(got, want):
		return formatErrorf(base+int64(len(want)), "bytes follow the end")
	}
	if len(d.index.frames) == 1 { // whose checksum, the lower half, has been found right
		upper, err := parseOne(got, base)
		if err != nil {
			return err
		}
		return checkWhole(base, uint64(upper)<<32|d.index.sum&math.MaxUint32, d.index.sum)
	}
	first := base
	if len(d.index.frames) > 0 {
		first = d.index.frames[0].off
	}
	x, err := parseIndex(got, base, first)
	if err != nil {
		return err
	}
	if err := checkWhole(base, x.sum, d.index.sum); err != nil {
		return err
	}
	return formatErrorf(base, "index and frames disagree")
}
