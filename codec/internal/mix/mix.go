// Package mix codes bytes in as little room as can be had, slowly: it predicts each bit from many contexts at once and mixes the predictions.
//
// The text is followed along a diagonal of the reference. Where the byte on it is all but sure to come, one decision is made for the byte, else eight. Histories of
// bits in each context, the weighing of what they say, and the correction of that are those of Mahoney's PAQ ("Adaptive Weighing of Context Models for Lossless
// Data Compression", 2005); where else ideas come from is said where they are used. Writer and reader learn the same from the same bytes, by integers alone.
// docs/format.md, section 4.10, says each step.
package mix

import (
	"context"
	"errors"
	"fmt"

	"dictnet/codec/internal/align"
)

// untilAsked is after how many bytes the context is asked whether to go on, and a reader says how far it has come: they take some 20 ms.
const untilAsked = 8 << 10

// Encode appends raw, coded against ref. Hints, with ascending At, say which bytes of ref are replaced. The error is the context's.
func Encode(ctx context.Context, dst, raw, ref []byte, hints []align.Hint) ([]byte, error) {
	gain := align.Gain(raw)
	least := align.LeastOffer(gain)
	m := newModel(ref, len(raw), hints, least)
	e := newEncoder(append(dst, byte(least)))
	finder := align.NewFinder(raw, gain, m.follower)
	code := e.coder
	for i, c := range raw {
		if i%untilAsked == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		accepted := m.follower.Offered && m.offer(code, m.follower.Worth(raw[i:], gain))
		if !accepted && m.mayTurn() {
			if to, ok := finder.Find(i); m.turns(code, ok) {
				m.turn(code, to)
			}
		}
		m.look()
		m.add(m.code(code, c))
	}
	return e.flush(), nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// errLength says that coded bytes end before or after what they are to hold.
var errLength = errors.New("coded bytes do not end where they should")

// Decode fills raw with what was coded against ref under the same hints. While it does, it tells come, which may be nil, how many bytes there are: those are not
// written again. It takes the same time and memory whatever data holds, and errors only if data is too long or too short or begins wrong, or if a diagonal leaves
// ref, or if the context ends: other faults have to be found by a checksum. What ref has room for behind its bytes may be written to.
func Decode(ctx context.Context, raw, data, ref []byte, hints []align.Hint, come func(n int)) error {
	if len(data) == 0 {
		return errLength
	}
	if data[0] < align.LeastNear {
		return fmt.Errorf("places are offered after %d bytes, want at least %d", data[0], align.LeastNear)
	}
	m := newModel(ref, len(raw), hints, int(data[0]))
	data = data[1:]
	d := newDecoder(data)
	code := d.coder
	there := 0
	for i := range raw {
		if i%untilAsked == 0 {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if come != nil && i > 0 {
				there += copy(raw[there:i], m.win[len(ref)+there:])
				come(there)
			}
		}
		if d.pos > len(data)+4 {
			return fmt.Errorf("byte %d of %d: %w", i, len(raw), errLength)
		}
		accepted := m.follower.Offered && m.offer(code, false)
		if !accepted && m.mayTurn() && m.turns(code, false) {
			if to := m.turn(code, 0); to < 0 || to >= len(ref) {
				return fmt.Errorf("byte %d of %d: the diagonal goes on at %d of a reference of %d bytes", i, len(raw), to, len(ref))
			}
		}
		m.look()
		m.add(m.code(code, 0))
	}
	if d.pos < len(data) || d.pos > len(data)+4 {
		return errLength
	}
	copy(raw[there:], m.win[len(ref)+there:])
	return nil
}
