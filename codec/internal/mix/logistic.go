package mix

import "math/bits"

// Probabilities are those of a 1, in 1/65536. In the logistic domain they are ln(p/(1-p)) in 1/256, from -limit to limit.

const limit = 3071 // 12 in 1/256: a probability of 1/163,000

var (
	squashed  [2*limit + 2]uint16 // by value + limit
	stretched [4096]int16         // by probability >> 4
)

// The logistic function, made of integers alone so that every machine has the same table: e^x by repeated multiplication in 2.62 fixed
// point.
func init() {
	// exp(-1/256) in 0.62 fixed point, by its series.
	const one = uint64(1) << 62
	term, e := one, one
	for k := uint64(1); k < 12; k++ {
		term /= 256 * k
		if k%2 == 1 {
			e -= term
		} else {
			e += term
		}
	}
	x := one // e^(-i/256)
	for i := 0; i <= limit; i++ {
		// p = 1/(1+x), q = x/(1+x)
		q := (x >> 14) / ((one + x) >> 30) // 16 bits: x * 2^16 / (1+x)
		q = min(max(q, 1), 65535)
		squashed[limit-i] = uint16(q)
		squashed[limit+i] = uint16(min(65536-q, 65535))
		x = mulShift62(x, e)
	}
	squashed[2*limit+1] = squashed[2*limit]
	// The inverse: the value whose probability is nearest from below.
	v := 0
	for i := range stretched {
		p := uint16(i<<4 | 8)
		for v < 2*limit && squashed[v] < p {
			v++
		}
		stretched[i] = int16(v - limit)
	}
}

func mulShift62(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi<<2 | lo>>62
}

func squash(x int32) int32 {
	if x > limit {
		x = limit
	}
	if x < -limit {
		x = -limit
	}
	return int32(squashed[x+limit])
}

func stretch(p int32) int32 { return int32(stretched[p>>4]) }
