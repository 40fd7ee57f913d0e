// Package sha256x2 is SHA-256 of two messages at a time. Where a processor has instructions for SHA-256, each waits for the one before: two
// messages fill the gaps of each other, and take hardly longer than one.
package sha256x2

import (
	"crypto/sha256"
	"encoding/binary"
)

// Sum returns the SHA-256 digests of a and b, as crypto/sha256 does. It is fastest where they are of similar length.
func Sum(a, b []byte) (x, y [sha256.Size]byte) {
	if !fast {
		return sha256.Sum256(a), sha256.Sum256(b)
	}
	s := [2]state{initial, initial}
	n := min(len(a), len(b)) / sha256.BlockSize
	blocks(&s[0], &s[1], a, b, n)
	a, b = a[n*sha256.BlockSize:], b[n*sha256.BlockSize:]
	finish(&s, a, b, n*sha256.BlockSize)
	return s[0].digest(), s[1].digest()
}

// state is that of SHA-256 between two blocks.
type state [8]uint32

// initial is from FIPS 180-4, section 5.3.3.
var initial = state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}

func (s *state) digest() (d [sha256.Size]byte) {
	for i, v := range s {
		binary.BigEndian.PutUint32(d[4*i:], v)
	}
	return d
}

// finish takes in what is left of both messages, of which one is shorter than a block, behind done bytes of each.
func finish(s *[2]state, a, b []byte, done int) {
	var waste state // of the half that has nothing to do
	whole := func(s *state, p []byte) []byte {
		n := len(p) / sha256.BlockSize
		blocks(s, &waste, p, p, n)
		return p[n*sha256.BlockSize:]
	}
	var end [2][2 * sha256.BlockSize]byte
	n := [2]int{pad(&end[0], a, done), pad(&end[1], b, done)}
	whole(&s[0], a)
	whole(&s[1], b)
	both := min(n[0], n[1])
	blocks(&s[0], &s[1], end[0][:], end[1][:], both)
	for i := range end {
		if p := end[i][both*sha256.BlockSize:]; n[i] > both {
			blocks(&s[i], &waste, p, p, n[i]-both)
		}
	}
}

// pad writes the end of a message, of which rest stands behind done bytes: what is no whole block, a bit, zeros and the length in bits (FIPS 180-4,
// section 5.1.1). It returns how many blocks that takes.
func pad(end *[2 * sha256.BlockSize]byte, rest []byte, done int) int {
	tail := rest[len(rest)/sha256.BlockSize*sha256.BlockSize:]
	copy(end[:], tail)
	end[len(tail)] = 0x80
	n := (len(tail) + 1 + 8 + sha256.BlockSize - 1) / sha256.BlockSize
	binary.BigEndian.PutUint64(end[n*sha256.BlockSize-8:], uint64(done+len(rest))*8)
	return n
}
