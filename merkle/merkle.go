// Package merkle is the tree that gives a dictionary's history one name: the Merkle tree of RFC 9162, section 2.1,
// over SHA-256, and the proofs that go with it.
//
// A leaf is any string of bytes; in a dictionary it is the binary CID of a note. Hashes are computed as
//
//	leaf hash  = SHA-256(0x00 || leaf)
//	node hash  = SHA-256(0x01 || left || right)
//	empty root = SHA-256()
//
// The tree of n leaves has the largest power of two smaller than n on its left and the rest on its right. Seen from
// below: hashes are paired level by level from the left, and one that is left over at the end of a level rises
// unchanged.
//
//	level 3               ┌──── root ────┐
//	level 2        ┌──────┴─────┐        │
//	level 1     ┌──┴──┐      ┌──┴──┐  ┌──┴──┐
//	level 0     0     1      2     3  4     5     six leaves
//
// A node (level l, index i) is complete when all its leaves i<<l .. (i+1)<<l - 1 are there; complete nodes never change
// as the tree grows, which is why they can be stored and shared. Everything here is derived from complete nodes, read
// through a [NodeReader].
//
// A root means nothing without the number of leaves below it, so the two travel together as a [Version]. Proofs come as
// pairs, ProveX and CheckX. A check that returns nil has shown its claim against the version it was given; it trusts
// nothing in the proof.
package merkle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// HashSize is the length of a Hash in bytes.
const HashSize = sha256.Size

// A Hash names a leaf or a tree of leaves.
type Hash [HashSize]byte

// String returns the hash as 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText gives the form of String.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads just what MarshalText writes. On an error h is unchanged.
func (h *Hash) UnmarshalText(text []byte) error {
	v, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = v
	return nil
}

// ParseHash reads 64 lower-case hexadecimal digits and nothing else, so that a hash has one text form.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2*HashSize {
		return Hash{}, fmt.Errorf("hash %q: has %d characters, want %d hexadecimal digits", abbreviate(s), len(s), 2*HashSize)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return !('0' <= r && r <= '9' || 'a' <= r && r <= 'f') }); i >= 0 {
		return Hash{}, fmt.Errorf("hash %q: character %d is not a lower-case hexadecimal digit", s, i)
	}
	if _, err := hex.Decode(h[:], []byte(s)); err != nil {
		return Hash{}, fmt.Errorf("hash %q: %w", s, err)
	}
	return h, nil
}

// abbreviate keeps a stranger's text from filling an error message.
func abbreviate(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// EmptyRoot is the root of a tree without leaves: the SHA-256 of nothing.
var EmptyRoot = Hash(sha256.Sum256(nil))

// LeafHash returns SHA-256(0x00 || leaf), RFC 9162, section 2.1.1.
func LeafHash(leaf []byte) Hash {
	// Binary CIDs have 36 bytes; assembling them on the stack spares a heap allocation per leaf.
	var buf [128]byte
	if len(leaf) < len(buf) {
		n := copy(buf[1:], leaf)
		return sha256.Sum256(buf[:1+n])
	}
	d := sha256.New()
	d.Write(buf[:1])
	d.Write(leaf)
	var h Hash
	d.Sum(h[:0])
	return h
}

// NodeHash returns SHA-256(0x01 || left || right), RFC 9162, section 2.1.1.
func NodeHash(left, right Hash) Hash {
	var buf [1 + 2*HashSize]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+HashSize:], right[:])
	return sha256.Sum256(buf[:])
}

// A Version says which leaves there are: how many, and the root over them.
type Version struct {
	Size uint64 // leaves; any value, 0 goes with EmptyRoot only
	Root Hash
}

// String returns "size:root", for messages.
func (v Version) String() string { return fmt.Sprintf("%d:%s", v.Size, v.Root) }

// check refuses the one kind of version that is wrong by itself.
func (v Version) check() error {
	if v.Size == 0 && v.Root != EmptyRoot {
		return fmt.Errorf("version %s: size 0 has another root than the empty tree", v)
	}
	return nil
}
