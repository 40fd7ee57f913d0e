package lz

import "dictnet/codec/internal/rans"

// Probabilities are mixed in the logistic domain (Mattern, "Mixing strategies in data compression", DCC 2012; Mahoney's lpaq): the
// weighted sum of ln(p/(1-p)) over the models, with weights that follow the models' errors. All of it is integer arithmetic, for
// both sides must come to the same.
//
// A logit is in units of 1/170, within -2047 to 2047: so p is within 6e-6 of 0 and of 1.

const (
	logitMax  = 2047
	logitStep = 85 // of squashTable
)

// squashTable has round(65536/(1+exp(-k/2))) for k from -25 to 25.
var squashTable = [...]int32{
	0, 0, 1, 1, 2, 3, 5, 8, 13, 22, 36, 60, 98, 162, 267, 439, 720,
	1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357,
	64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65536, 65536,
}

// squashed[x+2048] is the probability, in units of 2^-16, 1 to 65535, of the logit x.
var squashed = func() (t [4096]uint16) {
	for i := range t {
		x := i - 2048 + 25*logitStep
		k, r := x/logitStep, int32(x%logitStep)
		a, b := squashTable[k], squashTable[k+1]
		t[i] = uint16(max(1, min(65535, a+((b-a)*r+logitStep/2)/logitStep)))
	}
	return t
}()

// stretched[p>>4] is the logit of p: below 1/2 the least one whose probability is at least p>>4<<4 + 8, above that the same with the other sign.
var stretched = func() (t [1 << 12]int16) {
	x := -logitMax
	for k := range 1 << 11 {
		for int(squashed[x+2048]) < k<<4+8 {
			x++
		}
		t[k] = int16(x)
		t[1<<12-1-k] = int16(-x)
	}
	return t
}()

// weights are those of four models, in units of 2^-16.
type weights [4]int32

// rate is how fast weights follow errors.
const rate = 160

// mix codes a bit by four models, which learn it.
func (c *coder) mix(p0, p1, p2, p3 *rans.Prob, w *weights, bit uint32) uint32 {
	s0 := int32(stretched[p0.One()>>4&0xfff])
	s1 := int32(stretched[p1.One()>>4&0xfff])
	s2 := int32(stretched[p2.One()>>4&0xfff])
	s3 := int32(stretched[p3.One()>>4&0xfff])
	dot := (int64(s0)*int64(w[0]) + int64(s1)*int64(w[1]) + int64(s2)*int64(w[2]) + int64(s3)*int64(w[3])) >> 16
	one := uint32(squashed[(max(-logitMax, min(dot, logitMax))+2048)&0xfff])
	if c.enc == nil {
		bit = c.dec.BitAt(one)
	} else {
		bit = c.at(one, bit)
	}
	err := (int32(bit<<16) - int32(one)) * rate >> 8
	w[0] += (s0*err + 1<<11) >> 12
	w[1] += (s1*err + 1<<11) >> 12
	w[2] += (s2*err + 1<<11) >> 12
	w[3] += (s3*err + 1<<11) >> 12
	p0.Learn(bit)
	p1.Learn(bit)
	p2.Learn(bit)
	p3.Learn(bit)
	return bit
}
