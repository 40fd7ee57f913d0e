package varint

import (
	"encoding/binary"
	"math"
	"testing"
)

func TestRead(t *testing.T) {
	for _, v := range []uint64{0, 1, 127, 128, 1 << 14, 1<<63 - 1, math.MaxUint64} {
		b := binary.AppendUvarint(nil, v)
		if got, n := Read(append(b, 0)); got != v || n != len(b) {
			t.Errorf("%d: %d in %d bytes", v, got, n)
		}
		if got, n := Read(b[:len(b)-1]); got != 0 || n != 0 {
			t.Errorf("%d, cut: %d in %d bytes", v, got, n)
		}
	}
	for _, bad := range []string{"\x80\x00", "\x81\x80\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"} {
		if v, n := Read([]byte(bad)); v != 0 || n >= 0 {
			t.Errorf("% x: %d in %d bytes", bad, v, n)
		}
	}
}
