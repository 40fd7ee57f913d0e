package codec

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/cespare/xxhash/v2"
)

// FileSpan is a part of a file that stands on the tape.
type FileSpan struct {
	Off uint64 // in the file
	Span
}

// EncodeGiven writes the template of a file of which it is known what plays from the tape: just these spans, one symbol each, ascending, and as
// many as there are. All else is local, and coded without the tape. ChunkSize and Within are not used.
func EncodeGiven(ctx context.Context, dst io.Writer, file []byte, spans []FileSpan, o EncodeOptions) (EncodeStats, error) {
	e, err := newEncoder(ctx, dst, nil, o)
	if err != nil {
		return EncodeStats{}, err
	}
	defer e.local.close()
	defer e.stop()
	e.buf, e.eof, e.within = file, true, within{}
	e.stats.Read = int64(len(file))
	for _, s := range spans {
		if err := e.give(s); err != nil {
			return EncodeStats{}, err
		}
	}
	if err := e.literals(len(file)); err != nil {
		return EncodeStats{}, err
	}
	if err := e.finish(); err != nil {
		return EncodeStats{}, err
	}
	return e.stats, nil
}

// literals makes local notes of what is pending, up to end.
func (e *encoder) literals(end int) error {
	for e.lit < end {
		if err := e.literal(min(end, e.lit+maxPending)); err != nil {
			return err
		}
	}
	return nil
}

// give makes a symbol of a span, after what stands before it.
func (e *encoder) give(s FileSpan) error {
	if s.Len == 0 || s.Off < uint64(e.lit) || s.Off > uint64(len(e.buf)) || s.Len > uint64(len(e.buf))-s.Off {
		return fmt.Errorf("encode: bytes %d:%d of a file of %d, of which %d are done", s.Off, s.Len, len(e.buf), e.lit)
	}
	if err := e.literals(int(s.Off)); err != nil {
		return err
	}
	if err := e.release(); err != nil {
		return err
	}
	b := e.buf[s.Off : s.Off+s.Len]
	n, err := commonAfter(e.tapeAt, e.notes.size(), s.Pos, b)
	if err != nil {
		return err
	}
	if n < len(b) {
		return fmt.Errorf("encode: bytes %d:%d of the file do not stand at byte %d of the tape", s.Off, s.Len, s.Pos)
	}
	e.account(b)
	e.lit = int(s.Off + s.Len)
	e.pos = e.lit
	e.stats.Tape += int64(s.Len)
	e.held = symbol{code: codeTape, pos: s.Pos, len: s.Len}
	return nil
}

// WriteMeaning plays the whole file into w with another span in place of each span of the tape, and returns its length and xxh64. The template's checksums
// are of what it plays itself, so nothing checks what is written but the caller. What would be longer than most bytes is an error.
func (r *Reader) WriteMeaning(w io.Writer, meaning func(Span) (Span, error), most int64) (n int64, sum uint64, err error) {
	whole := xxhash.New()
	w = io.MultiWriter(w, whole)
	for i := range r.idx.frames {
		fr, err := r.frame(i)
		if err != nil {
			return n, 0, err
		}
		means, err := r.meanings(fr, meaning)
		if err != nil {
			return n, 0, err
		}
		if t, ok := r.play.notes.prefetcher(); ok && len(means) > 0 {
			t.Prefetch(r.ctx, fr.wantedAs(means, r))
		}
		walk := player{s: &fr.score}
		walk.seek(0)
		for {
			s, ok := walk.span()
			if !ok {
				break
			}
			if s.code == codeTape {
				m := means[Span{s.pos, s.len}]
				s.pos, s.len = m.Pos, m.Len
			}
			if s.len > uint64(most-n) {
				return n, 0, fmt.Errorf("%w: it is longer than %d bytes", errMeaning, most)
			}
			for skip := uint64(0); skip < s.len; {
				if err := r.ctx.Err(); err != nil {
					return n, 0, err
				}
				raw, err := r.play.at(r.ctx, s, skip, math.MaxUint64)
				if err != nil {
					return n, 0, err
				}
				if _, err := w.Write(raw); err != nil {
					return n, 0, err
				}
				skip += uint64(len(raw))
				n += int64(len(raw))
			}
		}
	}
	return n, whole.Sum64(), nil
}

var errMeaning = fmt.Errorf("%w: not what it should mean", ErrTemplate)

// WantedMeaning returns the runs of the tape that WriteMeaning asks for, as Wanted does for WriteTo.
func (r *Reader) WantedMeaning(meaning func(Span) (Span, error)) (spans []Span, err error) {
	for i := range r.idx.frames {
		fr, err := r.frame(i)
		if err != nil {
			return nil, err
		}
		means, err := r.meanings(fr, meaning)
		if err != nil {
			return nil, err
		}
		spans = append(spans, fr.wantedAs(means, r)...)
	}
	return spans, nil
}

// wantedAs returns the runs of the tape that a frame needs if its spans mean others.
func (fr *frame) wantedAs(means map[Span]Span, r *Reader) (spans []Span) {
	for i := range fr.blocks {
		spans = append(spans, fr.tapeReference(i, r.play.notes.size())...)
	}
	for _, s := range fr.score.symbols {
		if s.code == codeTape {
			spans = append(spans, means[Span{s.pos, s.len}])
		}
	}
	return spans
}

// meanings finds the meaning of each span of a frame.
func (r *Reader) meanings(fr *frame, meaning func(Span) (Span, error)) (map[Span]Span, error) {
	means := make(map[Span]Span)
	for _, s := range fr.score.symbols {
		if s.code != codeTape {
			continue
		}
		m, err := meaning(Span{s.pos, s.len})
		if err != nil {
			return nil, err
		}
		if size := r.play.notes.size(); m.Pos > size || m.Len > size-m.Pos {
			return nil, fmt.Errorf("%w: bytes %d:%d of a tape of %d", errMeaning, m.Pos, m.Len, size)
		}
		means[Span{s.pos, s.len}] = m
	}
	return means, nil
}
