// Package lz codes bytes that resemble a reference: pieces of edited text and of recompiled machine code.
//
// It goes through the bytes one by one, each beside the one that it is aligned to, in the reference or earlier among the bytes themselves. Most bytes are the
// aligned ones beyond doubt, by what stood before and by the moves of other places where they are part of a number that holds one: of those it is only said
// how many pass until one is not. Of the others it is decided, in the contexts of what stands there, whether they are one of the bytes to be expected. Another byte is
// a literal, coded in the contexts of the aligned byte and of those before, and the alignment stays; or the alignment changes, to one of the last
// three that were left, by a few bytes, or to somewhere else.
//
// What a writer decides is only where alignments change; parser looks for the cheapest way. Everything else is the model's, which is the same in
// writer and reader and learns from what both have seen.
package lz

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/rans"
	"dictnet/codec/internal/varint"
	"dictnet/internal/hugepage"
)

const (
	// MaxRaw and MaxRef are the most bytes that are coded at once, and of their reference.
	MaxRaw = 8 << 20
	MaxRef = 8 << 20

	segment = 1 << 18 // bytes of a stream; the last one may have fewer
	told    = 1 << 15 // bytes after which a reader says how far it has come
)

// ErrData says that coded bytes are not what Encode writes.
var ErrData = errors.New("not what was coded against this reference")

// Encode appends raw, of 0 to MaxRaw bytes, coded against ref, of 0 to MaxRef. Hints, with ascending At, say which bytes of ref are
// replaced. Bytes that resemble nothing may take 3 % and some 40 bytes more than they are. The same arguments always give the same bytes. The error is the context's,
// which is asked at each stretch of the parser's: those take milliseconds, where MaxRaw bytes take many seconds.
func Encode(ctx context.Context, dst, raw, ref []byte, hints []align.Hint) ([]byte, error) {
	if len(raw) > MaxRaw || len(ref) > MaxRef {
		panic("lz: too long")
	}
	w := writers.Get().(*writer)
	defer writers.Put(w)
	w.model.reset(raw, ref, hints)
	w.model.coder.enc = &w.enc
	w.model.prices = &w.prices
	w.prices.reset()
	w.parser.reset(raw, ref, hints, &w.model, &w.prices)
	defer w.model.release()
	defer w.parser.release()
	for m := &w.model; m.i < len(raw); {
		end := min(m.i+segment, len(raw))
		w.enc.Reset()
		w.model.passes.enc.Reset()
		for m.i < end {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			to := min(stretchEnd(m.i), end)
			m.turns = append(m.turns, w.parser.parse(to)...) // behind those that still wait for a byte that is not expected
			if err := m.run(to); err != nil {
				panic(err) // only data makes it fail
			}
		}
		w.model.passes.say()
		w.stream = w.model.passes.enc.Append(w.stream[:0])
		dst = binary.AppendUvarint(dst, uint64(len(w.stream)))
		dst = append(dst, w.stream...)
		w.stream = w.enc.Append(w.stream[:0])
		if end < len(raw) {
			dst = binary.AppendUvarint(dst, uint64(len(w.stream)))
		}
		dst = append(dst, w.stream...)
	}
	return dst, nil
}

type writer struct {
	model  model
	enc    rans.Encoder
	parser parser
	prices prices
	stream []byte
}

var (
	writers = sync.Pool{New: func() any { return hugepage.New[writer]() }}
	readers = sync.Pool{New: func() any { return hugepage.New[model]() }}
)

// Decode fills raw with what was coded under the same ref and hints. While it does, it tells come, which may be nil, how many bytes there are: those are
// not written again. Time and memory, some 3 MiB, do not depend on what data holds. Errors, which wrap ErrData or are of package rans, say at which byte of raw; but not all that is wrong is noticed, so that a checksum is needed.
func Decode(raw, data, ref []byte, hints []align.Hint, come func(n int)) error {
	if len(raw) > MaxRaw || len(ref) > MaxRef {
		return fmt.Errorf("%d bytes against %d: %w", len(raw), len(ref), ErrData)
	}
	m := readers.Get().(*model)
	defer readers.Put(m)
	m.reset(raw, ref, hints)
	defer m.release()
	for m.i < len(raw) {
		end := min(m.i+segment, len(raw))
		passed, rest, ok := cutStream(data)
		if !ok {
			return fmt.Errorf("byte %d: length of a stream: %w", m.i, ErrData)
		}
		s, rest := rest, nil
		if end < len(raw) {
			if s, rest, ok = cutStream(s); !ok {
				return fmt.Errorf("byte %d: length of a stream: %w", m.i, ErrData)
			}
		}
		data = rest
		err := m.segment(end, passed, s, come)
		if err != nil {
			return fmt.Errorf("byte %d of %d: %w", m.i, len(raw), err)
		}
	}
	if len(data) > 0 {
		return fmt.Errorf("%d bytes too many: %w", len(data), ErrData)
	}
	return nil
}

// segment decodes up to end.
func (m *model) segment(end int, passed, stream []byte, come func(n int)) error {
	if err := m.passes.dec.Reset(passed); err != nil {
		return err
	}
	if err := m.coder.dec.Reset(stream); err != nil {
		return err
	}
	m.passes.next()
	for m.i < end {
		if err := m.run(min(m.i+told, end)); err != nil {
			return err
		}
		if come != nil {
			come(m.i)
		}
	}
	if m.passes.left != 0 {
		return ErrData
	}
	if err := m.passes.dec.End(); err != nil {
		return err
	}
	return m.coder.dec.End()
}

// cutStream takes a stream off that stands after its length, a varint in its shortest form.
func cutStream(data []byte) (stream, rest []byte, ok bool) {
	n, k := varint.Read(data)
	if k <= 0 || n > uint64(len(data)-k) {
		return nil, nil, false
	}
	return data[k : k+int(n)], data[k+int(n):], true
}
