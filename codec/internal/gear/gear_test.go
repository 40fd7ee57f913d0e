package gear

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

func TestHashDependsOnWindowOnly(t *testing.T) {
	b := random(1000)
	h := Roll(0, b[:500])
	for i := 500; i < 1000; i++ {
		h = Roll(h, b[i:i+1])
		if want := Roll(12345, b[i+1-Window:i+1]); h != want {
			t.Fatalf("hash at %d is %x, want %x", i, h, want)
		}
	}
}

func TestAnchorsAreSpaced(t *testing.T) {
	b := random(1 << 20)
	for _, spacing := range []int{64, 512, 4096} {
		n, h := 0, uint64(0)
		for p := 0; p < len(b); n++ {
			var k int
			k, h, _ = Next(h, b[p:], Mask(spacing))
			p += k
		}
		if want := len(b) / spacing; n < want*3/4 || n > want*5/4 {
			t.Errorf("%d anchors at spacing %d, want about %d", n, spacing, want)
		}
	}
}

func TestCutMeanAndLimits(t *testing.T) {
	b := random(8 << 20)
	for _, avg := range []int{64, 1024, 4096, 16384} {
		c, err := NewCutter(avg, 240<<10)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for rest := b; len(rest) > 0; n++ {
			k, _ := c.Cut(rest)
			if k > c.Max() || k < avg/4 && k != len(rest) {
				t.Fatalf("avg %d: chunk of %d bytes", avg, k)
			}
			rest = rest[k:]
		}
		if mean := len(b) / n; mean < avg*8/10 || mean > avg*12/10 {
			t.Errorf("avg %d: mean is %d", avg, mean)
		}
	}
	for _, avg := range []int{0, -1, MinChunk - 1, MaxChunk + 1} {
		if _, err := NewCutter(avg, 1<<20); err == nil {
			t.Errorf("chunk size %d is taken", avg)
		}
	}
}

// Chunks after an insertion are the same as before it.
func TestCutsResynchronise(t *testing.T) {
	a := random(1 << 20)
	b := append(append(bytes.Clone(a[:300000]), "inserted"...), a[300000:]...)
	c, err := NewCutter(4096, 240<<10)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for rest := a; len(rest) > 0; {
		n, _ := c.Cut(rest)
		seen[string(rest[:n])] = true
		rest = rest[n:]
	}
	novel := 0
	for rest := b; len(rest) > 0; {
		n, _ := c.Cut(rest)
		if !seen[string(rest[:n])] {
			novel += n
		}
		rest = rest[n:]
	}
	if novel == 0 || novel > 64<<10 {
		t.Errorf("%d novel bytes after an insertion of 8", novel)
	}
}

func BenchmarkNext(b *testing.B) {
	data := random(1 << 20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		h := uint64(0)
		for p := 0; p < len(data); {
			var n int
			n, h, _ = Next(h, data[p:], Mask(512))
			p += n
		}
	}
}
