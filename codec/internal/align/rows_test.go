package align

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// tables are of numbers that grow from row to row, and of moves that each column of a row has made.
var tables = map[string]func(n int, move func(row, column int) uint64) []byte{
	"places of code, 4 bytes": func(n int, move func(row, column int) uint64) (b []byte) {
		r := rand.New(rand.NewPCG(1, 4))
		for i := range n {
			b = binary.LittleEndian.AppendUint32(b, uint32(0x1c70000+r.IntN(1<<16)+int(move(i, 0))))
		}
		return b
	},
	"a place and one of what is said of it": func(n int, move func(row, column int) uint64) (b []byte) {
		r := rand.New(rand.NewPCG(2, 4))
		code, said := uint64(0x168d6b8), uint64(0x179a38)
		for i := range n {
			code += uint64(r.IntN(40)) * 16
			said += uint64(r.IntN(20)) * 4
			b = binary.LittleEndian.AppendUint32(b, uint32(code+move(i, 0)))
			b = binary.LittleEndian.AppendUint32(b, uint32(said+move(i, 1)))
		}
		return b
	},
	"relocations": func(n int, move func(row, column int) uint64) (b []byte) {
		r := rand.New(rand.NewPCG(3, 4))
		at := uint64(0x25c0000)
		for i := range n {
			at += 8 << r.IntN(3)
			b = binary.LittleEndian.AppendUint64(b, at+move(i, 0))
			b = binary.LittleEndian.AppendUint64(b, 8)
			b = binary.LittleEndian.AppendUint64(b, 0x100000+uint64(r.IntN(1<<20))*8+move(i, 1))
		}
		return b
	},
}

func none(int, int) uint64 { return 0 }

// Numbers have moved by hundreds to hundreds of thousands, some rows by other than those before, and where they stand is found.
func TestRowsThatMoved(t *testing.T) {
	for name, table := range tables {
		const n = 3000
		old := table(n, none)
		now := table(n, func(row, column int) uint64 { return uint64(0x3410+row/50*0x120) << (3 * column) })
		ref := slices.Concat(noise(12345, 1), old, noise(54321, 2))
		r := new(Rows)
		r.Reset(ref)
		for at := 0; at+Surveyed <= len(now); at += 977 {
			b := now[at:][:Surveyed]
			want := 12345 + at
			if got, ok := r.Find(b, ref); !ok || got != want {
				t.Errorf("%s, byte %d: is said to replace %d, %v, and replaces %d", name, at, got, ok, want)
			}
			if got, ok := r.Find(b, ref[want:]); ok {
				t.Errorf("%s, byte %d: is where it should be, and is said to replace %d", name, at, got)
			}
		}
	}
}

// Tables with rows of every length stand in one reference, and all are found.
func TestRowsOfEveryLength(t *testing.T) {
	table := func(row int, move uint32) (b []byte) {
		r := rand.New(rand.NewPCG(uint64(row), 7))
		at := make([]uint32, row/4)
		for range 6000 / row {
			for i := range at {
				at[i] += uint32(r.IntN(100)) * 4
				b = binary.LittleEndian.AppendUint32(b, 0x200000+at[i]+move)
			}
		}
		return b
	}
	ref := noise(777, 8)
	begins := map[int]int{}
	for row := 4; row <= 48; row += 4 {
		begins[row] = len(ref)
		ref = append(ref, table(row, 0)...)
	}
	r := new(Rows)
	r.Reset(ref)
	for row, begin := range begins {
		now := table(row, 0x12340)
		at := len(now) / 2
		if got, ok := r.Find(now[at:][:Surveyed], nil); !ok || got != begin+at {
			t.Errorf("rows of %d bytes are said to replace %d, %v, and replace %d", row, got, ok, begin+at)
		}
	}
}

// What is no table, or has no counterpart, is left where it is.
func TestRowsOfNothing(t *testing.T) {
	counted := make([]byte, 0, 1<<16)
	for i := range uint32(1 << 14) {
		counted = binary.LittleEndian.AppendUint32(counted, i*8)
	}
	old := tables["relocations"](3000, none)
	for name, b := range map[string][]byte{
		"noise":             noise(1<<16, 3),
		"zeros":             make([]byte, 1<<16),
		"numbers by eights": counted,
		"text":              bytes.Repeat([]byte("what stands here is said again, and again. "), 1500),
		"another table":     tables["places of code, 4 bytes"](1<<14, none),
	} {
		r := new(Rows)
		r.Reset(slices.Concat(noise(1000, 5), old))
		for at := 0; at+Surveyed <= len(b); at += 3001 {
			if got, ok := r.Find(b[at:][:Surveyed], nil); ok {
				t.Errorf("%s, byte %d: is said to replace %d", name, at, got)
			}
		}
	}
}

// The end of the reference, and one shorter than a row.
func TestRowsAtTheEnd(t *testing.T) {
	old := tables["relocations"](400, none)
	now := tables["relocations"](400, func(int, int) uint64 { return 0x777 })
	r := new(Rows)
	for n := range 200 {
		r.Reset(old[:n*7])
		r.Find(now[:Surveyed], old[:n])
		r.Find(now[len(now)-Surveyed:], nil)
		r.Find(now[:n], old)
	}
	r.Reset(old)
	if got, ok := r.Find(now[len(now)-Surveyed:], nil); !ok || got != len(old)-Surveyed {
		t.Errorf("the last rows are said to replace %d, %v, of %d", got, ok, len(old))
	}
}
