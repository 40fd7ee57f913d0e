package merkle

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
)

// A fixedHasher computes SHA-256 of many messages of one length. Their padding is the same (FIPS 180-4, section 5.1.1),
// so it is prepared once, and the state of the hash function after the padded message is the digest. This spares what
// crypto/sha256 does for each message, to copy its state and to pad the copy: a quarter to a third of the time when a
// message has one or two blocks. Not safe for concurrent use.
type fixedHasher struct {
	msg    []byte // message and padding: whole blocks
	n      int    // length of the message
	digest hash.Hash
	state  encoding.BinaryAppender // the digest's state; nil if that is not laid out as sum expects
	out    []byte                  // room for the state
}

// newFixedHasher returns a hasher of messages of n >= 1 bytes, of which the first is always prefix.
func newFixedHasher(prefix byte, n int) *fixedHasher {
	const end = 1 + 8 // padding is at least the byte 0x80 and the length in bits
	blocks := (n + end + sha256.BlockSize - 1) / sha256.BlockSize
	h := &fixedHasher{msg: make([]byte, blocks*sha256.BlockSize), n: n, digest: sha256.New()}
	h.msg[0] = prefix
	h.msg[n] = 0x80
	binary.BigEndian.PutUint64(h.msg[len(h.msg)-8:], uint64(n)*8)
	// How the state is laid out is crypto/sha256's own affair, so it is tried before it is relied on.
	h.state, _ = h.digest.(encoding.BinaryAppender)
	if h.state != nil && h.sum() != sha256.Sum256(h.msg[:n]) {
		h.state = nil
	}
	return h
}

// sum returns the hash of the message that stands in h.msg.
func (h *fixedHasher) sum() Hash {
	if h.state == nil {
		return sha256.Sum256(h.msg[:h.n])
	}
	h.digest.Reset()
	h.digest.Write(h.msg)
	const from = 4 // after the name of the hash function
	var err error
	if h.out, err = h.state.AppendBinary(h.out[:0]); err != nil || len(h.out) < from+HashSize {
		return sha256.Sum256(h.msg[:h.n])
	}
	return Hash(h.out[from:])
}

// newNodeHasher returns a hasher for node.
func newNodeHasher() *fixedHasher { return newFixedHasher(1, 1+2*HashSize) }

// node is NodeHash.
func (h *fixedHasher) node(left, right *Hash) Hash {
	copy(h.msg[1:], left[:])
	copy(h.msg[1+HashSize:], right[:])
	return h.sum()
}

// newLeafHasher returns a hasher for leaf.
func newLeafHasher(width int) *fixedHasher { return newFixedHasher(0, 1+width) }

// leaf is LeafHash of a leaf of the hasher's width.
func (h *fixedHasher) leaf(leaf []byte) Hash {
	copy(h.msg[1:h.n], leaf)
	return h.sum()
}
