package rans

// Prob is a bit's probability of being 1, learned from the bits before. The zero value knows nothing: 1/2. It learns fast at first, by
// 1/(n+1.5) of the error at the n-th bit, and then by 1/rateLimit, so that it follows what changes.
//
// The upper 22 bits are the probability in units of 2^-22, the topmost bit inverted; the lower 10 bits count the bits seen.
type Prob uint32

const (
	half      = 1 << 31
	countMask = 1<<10 - 1
)

// Guess is a Prob that has the probability one, in units of 2^-16, 1 to 65535, as if it had learned it from n bits, 1 to 62.
func Guess(one uint32, n uint32) Prob { return Prob(one<<16|n) ^ half }

// Prior is how a Prob begins where something is known of such bits in general: 1 with so many 64ths, 1 to 63, as if learned from four bits.
func Prior(w uint8) Prob { return Guess(uint32(w)<<10, 4) }

// One returns the probability of a 1 in units of 2^-16, 1 to 65535.
func (p *Prob) One() uint32 { return uint32(*p^half)>>16 | 1 }

// Learn takes a bit into account.
func (p *Prob) Learn(bit uint32) {
	v := uint32(*p ^ half)
	n := v & countMask
	// The target is all ones or nothing; arithmetic on 22 bits, in 64.
	d := int64(-bit>>10) - int64(v>>10)
	v += uint32(d*int64(rates[n])>>16) << 10
	if n < rateLimit {
		v++
	}
	*p = Prob(v) ^ half
}

// rateLimit is how many bits a Prob counts; it learns by about the last so many.
const rateLimit = 62

// rates[n] is 2^16 / (n + 1.5), which is what a Prob learns by when it has seen n bits.
var rates = func() (r [countMask + 1]uint16) {
	for n := range r {
		r[n] = uint16((1 << 17) / (2*min(n, rateLimit) + 3))
	}
	return r
}()
