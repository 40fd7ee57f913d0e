package sha256x2

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestSum compares with crypto/sha256 at all lengths up to some blocks, and at all differences of lengths around the borders of blocks.
func TestSum(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	a, b := make([]byte, 1<<10), make([]byte, 1<<10)
	random.Read(a)
	random.Read(b)
	var want [2][1<<10 + 1][sha256.Size]byte
	for n := range want[0] {
		want[0][n], want[1][n] = sha256.Sum256(a[:n]), sha256.Sum256(b[:n])
	}
	check := func(n, m int) {
		if x, y := Sum(a[:n], b[:m]); x != want[0][n] || y != want[1][m] {
			t.Fatalf("wrong digest of %d and %d bytes", n, m)
		}
	}
	for n := range 5 * sha256.BlockSize {
		for m := range 5 * sha256.BlockSize {
			check(n, m)
		}
	}
	for n := range 1<<10 + 1 {
		check(n, n)
		check(n, 1<<10-n)
	}
}

// TestLong compares lengths of notes, at places of all alignments.
func TestLong(t *testing.T) {
	data := make([]byte, 600<<10)
	rand.NewChaCha8([32]byte{2}).Read(data)
	for i := range 200 {
		a := data[i%67 : i%67+rand.IntN(256<<10)]
		b := data[len(data)-rand.IntN(256<<10):]
		if x, y := Sum(a, b); x != sha256.Sum256(a) || y != sha256.Sum256(b) {
			t.Fatalf("wrong digest of %d and %d bytes", len(a), len(b))
		}
	}
}

func FuzzSum(f *testing.F) {
	f.Add([]byte("a note"), []byte("another"))
	f.Add(make([]byte, 55), make([]byte, 56))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if x, y := Sum(a, b); x != sha256.Sum256(a) || y != sha256.Sum256(b) {
			t.Fatalf("wrong digest of %x and %x", a, b)
		}
	})
}

// BenchmarkSum is the rate of both messages together, beside crypto/sha256.
func BenchmarkSum(b *testing.B) {
	for _, n := range []int{32, 1 << 10, 128 << 10} {
		x, y := make([]byte, n), make([]byte, n)
		b.Run(fmt.Sprint("two/", n), func(b *testing.B) {
			b.SetBytes(int64(2 * n))
			for b.Loop() {
				Sum(x, y)
			}
		})
		b.Run(fmt.Sprint("crypto/", n), func(b *testing.B) {
			b.SetBytes(int64(2 * n))
			for b.Loop() {
				sha256.Sum256(x)
				sha256.Sum256(y)
			}
		})
	}
}
