package mix

import "math/bits"

// adaptive is a probability of a 1 that learns fast at first: the upper 22 bits are the probability, the lower 10 count the bits seen.
type adaptive uint32

const (
	half    adaptive = 1 << 31
	likely  adaptive = 3 << 30               // 3/4
	certain adaptive = (1<<22 - 1<<14) << 10 // 255/256
	offered adaptive = 1<<29 | 1             // 1/8, as after a bit
	turning adaptive = 1 << 26               // 1/64
	longer  adaptive = 200<<24 | 2           // 25/32, as after two
)

// reciprocal[n] is 2^16 / (n + 1.6): what is learned from the bit after n others.
var reciprocal = func() (r [1024]uint32) {
	for n := range r {
		r[n] = uint32(10 << 16 / (10*n + 16))
	}
	return r
}()

// p16 is the probability in 1/65536.
func (a adaptive) p16() int32 { return int32(a >> 16) }

// learn takes a bit into account; it counts up to most.
func (a *adaptive) learn(bit int, most uint32) {
	v := uint32(*a)
	n := v & 1023
	p := int32(v >> 10)
	if n < most {
		n++
	}
	target := int32(-bit) & (1<<22 - 1)
	p += int32(int64(target-p) * int64(reciprocal[v&1023]) >> 16)
	*a = adaptive(uint32(p)<<10 | n)
}

func fill(a []adaptive, v adaptive) {
	for i := range a {
		a[i] = v
	}
}

// lengthClass sorts a length into 16 classes.
func lengthClass(n int) int {
	if n < 8 {
		return n
	}
	return min(5+bits.Len(uint(n)), 15)
}
