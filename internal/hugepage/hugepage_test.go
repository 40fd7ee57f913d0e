package hugepage

import (
	"bytes"
	"slices"
	"testing"
)

func TestSlice(t *testing.T) {
	for _, n := range []int{0, 1, least / 8, least, 3 << 20} {
		s := Slice[uint64](n)
		if len(s) != n {
			t.Fatalf("%d values, want %d", len(s), n)
		}
		for i := range s {
			if s[i] != 0 {
				t.Fatalf("value %d of %d is %d", i, n, s[i])
			}
			s[i] = ^uint64(0) // each can be written to
		}
	}
}

func TestNew(t *testing.T) {
	p := New[[1 << 22]byte]()
	if bytes.Count(p[:], []byte{0}) != len(p) {
		t.Fatal("not zero")
	}
}

func TestGrow(t *testing.T) {
	b := []byte("what was there")
	for _, n := range []int{0, 1, 1 << 20} {
		g := Grow(slices.Clip(b), n)
		if string(g) != string(b) {
			t.Fatalf("%q became %q", b, g)
		}
		if cap(g)-len(g) < n {
			t.Fatalf("room for %d bytes, want %d", cap(g)-len(g), n)
		}
	}
	if g := Grow(b[:4], 3); &g[0] != &b[0] {
		t.Error("moved, though there was room")
	}
}

func TestPool(t *testing.T) {
	var p Pool
	for _, n := range []int{0, 100, 10, 3 << 20, 1} {
		b := p.Get(n)
		if len(*b) != 0 || cap(*b) < n {
			t.Fatalf("%d bytes of room for %d, with %d in it", cap(*b), n, len(*b))
		}
		*b = append(*b, bytes.Repeat([]byte{1}, n)...)
		p.Put(b)
	}
}
