package lz

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// relocations makes a table as linkers do: 24 bytes an entry, a place in the data, a kind, and a place in the code.
func relocations(n int, seed uint64, data, code func(i int) uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	var b []byte
	at := uint64(0x25c0000)
	for i := range n {
		at += 8 << r.IntN(3)
		b = binary.LittleEndian.AppendUint64(b, at+data(i))
		b = binary.LittleEndian.AppendUint64(b, 8)
		b = binary.LittleEndian.AppendUint64(b, 0x100000+uint64(r.IntN(1<<20))*8+code(i))
	}
	return b
}

// Rows of a table all look alike where what they point to has moved: which was the same row is told by that alone, nearby and far away.
func TestRows(t *testing.T) {
	const n = 20000
	none := func(int) uint64 { return 0 }
	old := relocations(n, 1, none, none)
	now := relocations(n, 1, func(int) uint64 { return 0x3410 }, func(int) uint64 { return 0x1230 })
	fresh := relocations(150, 2, none, none)
	for _, gone := range []int{0, 2000} {
		raw := slices.Concat(now[:24*4000], fresh, now[24*(4000+gone):])
		size := roundTrip(t, raw, old, whole(old))
		t.Logf("%d bytes take %d", len(raw), size)
		if size > 3000 {
			t.Errorf("%d bytes take %d", len(raw), size)
		}
	}
}
