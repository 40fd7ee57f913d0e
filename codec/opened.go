package codec

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/deflate"
)

const (
	maxOpened    = 1 << 23 // bytes that a block, or a reference, may have when what is compressed in it is opened (section 4.13)
	maxOpenedRef = 1 << 22 // and a reference before that: both are in memory
)

// opened is a block or a reference, and where streams stand in it that were compressed.
type opened struct {
	was     []byte
	streams []deflate.Stream
}

// openedOf returns b and its streams that may be opened.
func openedOf(b []byte) opened {
	return opened{b, deflate.Find(b, min(deflate.MaxRaw, max(maxOpened-len(b), 0)))}
}

// size is how many bytes there are when the streams are opened.
func (o *opened) size() int {
	n := len(o.was)
	for _, s := range o.streams {
		n += len(s.Raw) - s.Len
	}
	return n
}

// appendTo appends all that there is, with the streams opened.
func (o *opened) appendTo(dst []byte) []byte {
	from := 0
	for _, s := range o.streams {
		dst = append(append(dst, o.was[from:s.At]...), s.Raw...)
		from = s.At + s.Len
	}
	return append(dst, o.was[from:]...)
}

// place returns where byte i stands when the streams are opened; of one within a stream, where that begins, and by how much it is behind the begin.
func (o *opened) place(i int) (at, within int) {
	at = i
	for _, s := range o.streams {
		if i < s.At {
			break
		}
		if i < s.At+s.Len {
			return at + s.At - i, i - s.At
		}
		at += len(s.Raw) - s.Len
	}
	return at, 0
}

// nearest returns which stream begins nearest to byte i, the first of two as near; -1 if there is none.
func (o *opened) nearest(i int) int {
	found, least := -1, 0
	for k, s := range o.streams {
		if d := max(s.At-i, i-s.At); found < 0 || d < least {
			found, least = k, d
		}
	}
	return found
}

// replaced returns which stream of the reference each of the block's replaces: the one that begins nearest to where the last hint says; -1 if there is none.
func replaced(hints []align.Hint, block, ref *opened) (by []int) {
	for _, s := range block.streams {
		for len(hints) > 1 && hints[1].At <= s.At {
			hints = hints[1:]
		}
		k := -1
		if len(hints) > 0 && hints[0].At <= s.At {
			k = ref.nearest(hints[0].Ref + s.At - hints[0].At)
		}
		by = append(by, k)
	}
	return by
}

// openedHints returns the hints of a block and its reference when streams of both are opened. Besides, what a stream of the block holds replaces what the one of the reference
// holds that it replaces, and what goes on behind the one what goes on behind the other. No two are for one byte: the first counts.
func openedHints(hints []align.Hint, block, ref *opened, by []int) (all []align.Hint) {
	add := func(h align.Hint, at, from, piece int) {
		to, within := block.place(at)
		if within > 0 || len(all) > 0 && all[len(all)-1].At >= to {
			return
		}
		place, behind := ref.place(from)
		lo, _ := ref.place(piece)
		all = append(all, align.Hint{At: to, Ref: place, RefLo: lo, File: h.File + uint64(at-h.At), Tape: h.Tape + uint64(from-behind-h.Ref)})
	}
	streams := block.streams
	for k, h := range hints {
		end := len(block.was)
		if k+1 < len(hints) {
			end = hints[k+1].At
		}
		add(h, h.At, h.Ref, h.RefLo)
		for ; len(streams) > 0 && streams[0].At < end; streams, by = streams[1:], by[1:] {
			if by[0] < 0 {
				continue
			}
			s, t := &streams[0], &ref.streams[by[0]]
			add(h, s.At, t.At, t.At)
			if on, from := s.At+s.Len, t.At+t.Len; on < end && from < len(ref.was) {
				add(h, on, from, from)
			}
		}
	}
	return all
}

// openBlock opens what can be closed again of a block and is not in its reference as it is, and of that what it replaces. It returns what the block is then coded as, and against,
// the recipes, and how many bytes were opened: 0 if there was nothing.
func openBlock(raw []byte, old counterpart) (inner []byte, against counterpart, recipes []byte, n int) {
	if len(old.bytes) > maxOpenedRef {
		return nil, old, nil, 0
	}
	found := openedOf(raw).streams
	if len(found) == 0 {
		return nil, old, nil, 0
	}
	ref := openedOf(old.bytes)
	same := make(map[string]bool) // streams of the reference
	for _, s := range ref.streams {
		same[string(old.bytes[s.At:s.At+s.Len])] = true
	}
	block := opened{was: raw}
	var each []byte
	end := 0
	for _, s := range found {
		if same[string(raw[s.At:s.At+s.Len])] {
			continue // it is the least as it is
		}
		recipe, ok := deflate.MakeRecipe(raw, s)
		if !ok {
			continue
		}
		block.streams = append(block.streams, s)
		n += s.Len
		for _, n := range []int{s.At - end, s.Len, len(s.Raw), len(recipe)} {
			each = binary.AppendUvarint(each, uint64(n))
		}
		each = append(each, recipe...)
		end = s.At + s.Len
	}
	if len(block.streams) == 0 {
		return nil, old, nil, 0
	}
	return block.appendTo(nil), openReference(old, ref, &block), append(binary.AppendUvarint(nil, uint64(len(block.streams))), each...), n
}

// openReference opens what a block is coded against, of which streams are opened: those of ref, the reference with all that it has, that these replace.
func openReference(old counterpart, ref opened, block *opened) counterpart {
	by := replaced(old.ref.hints, block, &ref)
	var kept []deflate.Stream
	number := make([]int, len(ref.streams)) // of those that are kept, or -1
	for k, s := range ref.streams {
		if number[k] = -1; slices.Contains(by, k) {
			number[k] = len(kept)
			kept = append(kept, s)
		}
	}
	for i, k := range by {
		if k >= 0 {
			by[i] = number[k]
		}
	}
	ref.streams = kept
	r := *old.ref
	r.hints = openedHints(r.hints, block, &ref, by)
	return counterpart{ref.appendTo(make([]byte, 0, ref.size()+codingMixed.behind(block.size()))), &r}
}

// unpackOpened reverses what pack does with what openBlock returns.
func unpackOpened(ctx context.Context, c coding, data []byte, rawLen int, old counterpart) ([]byte, error) {
	if len(old.bytes) > maxOpenedRef {
		return nil, fmt.Errorf("opened against a reference of %d bytes, want at most %d", len(old.bytes), maxOpenedRef)
	}
	f := &fields{b: data}
	block := opened{was: make([]byte, rawLen)} // as far as it is known
	count := f.uvarint(1, uint64(rawLen/deflate.LeastLen), "number of streams")
	if f.err != nil {
		return nil, f.err
	}
	recipes := make([][]byte, count)
	end, room := uint64(0), uint64(deflate.MaxRaw)
	for i := range recipes {
		at := end + f.uvarint(0, uint64(rawLen), "bytes before a stream")
		n := f.uvarint(deflate.LeastLen, deflate.MaxLen, "length of a stream")
		raw := f.uvarint(1, room, "bytes of a stream")
		recipes[i] = f.bytes(int(f.uvarint(0, uint64(len(data)), "length of a recipe")), "recipe")
		if end = at + n; f.err == nil && end > uint64(rawLen) {
			f.fail("stream ends at %d of %d bytes", end, rawLen)
		}
		if f.err != nil {
			return nil, f.err
		}
		room -= raw
		block.streams = append(block.streams, deflate.Stream{At: int(at), Len: int(n), Raw: make([]byte, raw)})
	}
	if block.size() > maxOpened {
		return nil, fmt.Errorf("%d bytes opened, want at most %d", block.size(), maxOpened)
	}
	inner, err := unpack(ctx, c.inner(), data[f.pos:], block.size(), openReference(old, openedOf(old.bytes), &block), nil)
	if err != nil {
		return nil, err
	}
	raw, from := block.was[:0], 0
	for i, s := range block.streams {
		raw = append(raw, inner[:s.At-from]...)
		inner = inner[s.At-from:]
		if raw, err = deflate.Close(raw, inner[:len(s.Raw)], recipes[i], s.Len); err != nil {
			return nil, fmt.Errorf("stream at byte %d: %w", s.At, err)
		}
		inner, from = inner[len(s.Raw):], s.At+s.Len
	}
	return append(raw, inner...), nil
}
