// Package mix codes bytes in as little room as can be had, slowly: it predicts each bit from many contexts at once and mixes the predictions.
package mix

import (
	"errors"
	"fmt"

	"dictnet/codec/internal/align"
)

// Encode appends raw, coded against ref. Hints, with ascending At, say which bytes of ref are replaced.
func Encode(dst, raw, ref []byte, hints []align.Hint) []byte {
	m := newModel(ref, len(raw), hints)
	e := newEncoder(dst)
	for _, c := range raw {
		if m.sure() {
			p := m.certain.predict(m)
			hit := 0
			if int(c) == m.diagonal.value {
				hit = 1
			}
			e.bit(hit, p)
			m.certain.learn(hit)
			if hit == 1 {
				m.add(c)
				continue
			}
			m.ruledOut = true
		}
		for i := 7; i >= 0; i-- {
			bit := int(c >> i & 1)
			e.bit(bit, m.predict())
			m.learn(bit)
		}
	}
	return e.flush()
}

// errLength says that coded bytes end before or after what they are to hold.
var errLength = errors.New("coded bytes do not end where they should")

// Decode fills raw with what was coded against ref under the same hints. It takes the same time and memory whatever data holds, and
// errors only if data is too long or too short: other faults have to be found by a checksum.
func Decode(raw, data, ref []byte, hints []align.Hint) error {
	m := newModel(ref, len(raw), hints)
	d := newDecoder(data)
	for i := range raw {
		if d.pos > len(data)+4 {
			return fmt.Errorf("byte %d of %d: %w", i, len(raw), errLength)
		}
		if m.sure() {
			hit := d.bit(m.certain.predict(m))
			m.certain.learn(hit)
			if hit == 1 {
				m.add(byte(m.diagonal.value))
				continue
			}
			m.ruledOut = true
		}
		for range 8 {
			m.learn(d.bit(m.predict()))
		}
	}
	if d.pos < len(data) || d.pos > len(data)+4 {
		return errLength
	}
	copy(raw, m.win[len(ref):])
	return nil
}
