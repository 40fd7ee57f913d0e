// Package rans codes decisions, each with a probability that both sides learn, close to their entropy.
//
// The coder is range asymmetric numeral systems (Duda, "Asymmetric numeral systems", arXiv:1311.2540; Giesen, "Interleaved
// entropy coders", arXiv:1402.3392) over binary symbols. A decoder runs forward with models that adapt; an Encoder therefore keeps
// what was decided and with which probability, and codes it backwards in the end.
//
// The state is a number of 64 bits. The encoder begins with 2^16, and gives off 32 bits at a time before the state would overflow;
// what is left in the end, with 2^16 flipped, is stored in as few bytes as it has. So a stream costs about two bytes more than its entropy, none at
// all if nothing was said, and a decoder that has read everything must be back at 2^16. A state never grows by decoding, so one that has
// fallen below says that more was asked than there is; of the streams that were changed, one in some 2^16 ends well. (Bits coded directly are not
// checked so: another one gives another answer, and that is all.)
//
//	stream  = state word*
//	state     2^16 flipped, little-endian, its last byte not 0: 0 to 8 bytes if no word follows, else 5 to 8
//	word      4 bytes, little-endian, in the order in which the decoder takes them
//
// The length of the stream alone says where the state ends: it is all of a stream of up to 8 bytes, and else has the length, 5 to 8, that leaves whole words.
package rans

import (
	"errors"

	"dictnet/internal/hugepage"
)

const (
	probBits = 16      // of a probability
	low      = 1 << 32 // a state below it takes a word, as long as there is one
	initial  = 1 << 16 // state of an encoder that begins, and of a decoder that has read all
)

// ErrStream says that a stream is not what an Encoder writes, or that not the same was asked of it.
var ErrStream = errors.New("rans: the stream does not end in its initial state")

// errTop says that a stream has a state with too many bytes: no other way of writing the same is accepted.
var errTop = errors.New("rans: the state's last byte is 0")

// Encoder takes decisions. The zero value is ready.
type Encoder struct {
	said []uint32 // decisions: 0, bit, probability; or 1, number of bits - 1, bits
}

const direct = 1 << 31

// Reset forgets all decisions and keeps the memory.
func (e *Encoder) Reset() { e.said = e.said[:0] }

// Reserve makes room for n decisions more: growing bit by bit would copy what was said, again and again.
func (e *Encoder) Reserve(n int) { e.said = hugepage.Grow(e.said, n) }

// Len returns how many decisions have been taken; up to 16 direct bits are one.
func (e *Encoder) Len() int { return len(e.said) }

// Bit codes a bit, 0 or 1, which p then knows.
func (e *Encoder) Bit(p *Prob, bit uint32) {
	e.said = append(e.said, bit<<probBits|p.One())
	p.Learn(bit)
}

// BitAt codes a bit whose probability of being 1 is one, in units of 2^-16, 1 to 65535.
func (e *Encoder) BitAt(one uint32, bit uint32) {
	e.said = append(e.said, bit<<probBits|one)
}

// Direct codes the low n bits of v, 0 to 64, each as likely 0 as 1.
func (e *Encoder) Direct(v uint64, n int) {
	for ; n > 16; n -= 16 {
		e.said = append(e.said, direct|15<<16|uint32(v>>(n-16))&0xffff)
	}
	if n > 0 {
		e.said = append(e.said, direct|uint32(n-1)<<16|uint32(v)&(1<<n-1))
	}
}

// Append appends the stream of all decisions to dst. It does not forget them.
func (e *Encoder) Append(dst []byte) []byte {
	x := uint64(initial)
	words := make([]uint32, 0, len(e.said)/32)
	for i := len(e.said) - 1; i >= 0; i-- {
		s := e.said[i]
		if s&direct != 0 {
			n := s>>16&15 + 1
			if x>>(64-n) != 0 {
				words = append(words, uint32(x))
				x >>= 32
			}
			x = x<<n | uint64(s&0xffff)
			continue
		}
		p := uint64(s & 0xffff) // of a one
		start := uint64(0)
		if s>>probBits == 0 {
			start, p = p, 1<<probBits-p
		}
		if x >= p<<(64-probBits) {
			words = append(words, uint32(x))
			x >>= 32
		}
		q := x / p
		x = q<<probBits + start + x - q*p
	}
	for x ^= initial; x > 0; x >>= 8 {
		dst = append(dst, byte(x))
	}
	for i := len(words) - 1; i >= 0; i-- {
		w := words[i]
		dst = append(dst, byte(w), byte(w>>8), byte(w>>16), byte(w>>24))
	}
	return dst
}

// Decoder answers what an Encoder was told, if it is asked in the same order with models that started alike. It
// never fails before the end: a stream that is not an Encoder's gives arbitrary answers, and then End says so. How many
// questions are asked must therefore be bounded by something else.
type Decoder struct {
	x  uint64
	in []byte // words
}

// Reset begins to read a stream, which must not change meanwhile.
func (d *Decoder) Reset(stream []byte) error {
	n := len(stream)
	if n > 8 {
		n = 5 + (n-5)%4
	}
	d.x = 0
	for i := n - 1; i >= 0; i-- {
		d.x = d.x<<8 | uint64(stream[i])
	}
	d.x ^= initial
	d.in = stream[n:]
	if n > 0 && stream[n-1] == 0 {
		return errTop
	}
	return nil
}

// Bit returns the next bit, 0 or 1, which p then knows.
func (d *Decoder) Bit(p *Prob) uint32 {
	bit := d.BitAt(p.One())
	p.Learn(bit)
	return bit
}

// BitAt returns the next bit, whose probability of being 1 is one, in units of 2^-16, 1 to 65535.
func (d *Decoder) BitAt(one uint32) uint32 {
	m := uint32(d.x) & (1<<probBits - 1)
	t := uint32(int32(m-one) >> 31) // all ones for a 1
	// A 1 has the first part of the range, a 0 the rest. Without a branch: what a bit will be is the one thing that a processor cannot predict.
	d.x = uint64(one^^t&(one^(1<<probBits-one)))*(d.x>>probBits) + uint64(m-one&^t)
	if d.x < low {
		d.fill()
	}
	return t & 1
}

// Direct returns the next n bits, 0 to 64.
func (d *Decoder) Direct(n int) (v uint64) {
	for n > 0 {
		k := min(n, 16)
		v = v<<k | d.x&(1<<k-1)
		d.x >>= k
		if d.x < low {
			d.fill()
		}
		n -= k
	}
	return v
}

func (d *Decoder) fill() {
	if in := d.in; len(in) >= 4 {
		d.x = d.x<<32 | uint64(in[0]) | uint64(in[1])<<8 | uint64(in[2])<<16 | uint64(in[3])<<24
		d.in = in[4:]
	}
}

// End checks that all has been read that there was.
func (d *Decoder) End() error {
	if d.x != initial || len(d.in) != 0 {
		return ErrStream
	}
	return nil
}
