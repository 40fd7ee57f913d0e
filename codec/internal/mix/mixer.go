package mix

// mixer weighs the inputs by a set of weights that a context selects.
type mixer struct {
	weights []int32  // in 1/65536, nInputs for each selection
	learned []uint32 // bits, by each selection
	sel     int
	stretch int32
	p       int32
}

func (x *mixer) init(selections int) {
	x.weights = make([]int32, selections*nInputs)
	x.learned = make([]uint32, selections)
	for i := range x.weights {
		if k := i % nInputs; k >= nContexts && k < nContexts+nExpected {
			x.weights[i] = 1 << 13
		} else {
			x.weights[i] = 1 << 12
		}
	}
}

func (x *mixer) mix(in *[nInputs]int32) {
	w := (*[nInputs]int32)(x.weights[x.sel*nInputs:])
	var sum int64
	for i, v := range in {
		sum += int64(v) * int64(w[i])
	}
	x.stretch = clamp(sum >> 16)
	x.p = squash(x.stretch)
}

// littleMiss is how far from the truth a mixer may be, in 1/65536, before it learns: it takes long, and most bits are all but certain.
const littleMiss = 512

func (x *mixer) learn(in *[nInputs]int32, bit int32) {
	n := &x.learned[x.sel]
	miss := bit<<16 - x.p
	if miss > -littleMiss && miss < littleMiss {
		return
	}
	err := int64(miss * int32(14+60000/(*n+600)))
	*n = min(*n+1, 1<<16)
	w := (*[nInputs]int32)(x.weights[x.sel*nInputs:])
	for i, v := range in {
		w[i] += int32((int64(v)*err + 1<<19) >> 20)
	}
}

func clamp(x int64) int32 { return int32(max(min(x, limit), -limit)) }

// judge weighs what the mixers say, by a set of weights that a context selects.
type judge struct {
	weights [][nMixers]int32 // in 1/65536
	sel     int
	stretch int32
}

const learnJudge = 6

func (j *judge) init(selections int) {
	j.weights = make([][nMixers]int32, selections)
	for i := range j.weights {
		for k := range j.weights[i] {
			j.weights[i][k] = 1 << 16 / nMixers
		}
	}
}

func (j *judge) mix(from *[nMixers]mixer) {
	var sum int64
	for i, w := range j.weights[j.sel] {
		sum += int64(from[i].stretch) * int64(w)
	}
	j.stretch = clamp(sum >> 16)
}

func (j *judge) learn(from *[nMixers]mixer, bit int32) {
	err := int64((bit<<16 - squash(j.stretch)) * learnJudge)
	w := &j.weights[j.sel]
	for i := range w {
		w[i] += int32((int64(from[i].stretch)*err + 1<<19) >> 20)
	}
}

// refined corrects a probability by what came where it was about as high in the same context (the adaptive probability maps of Mahoney's PAQ).
type refined struct {
	probs [][refinedSteps]uint16 // in 1/65536, by context and stretched probability
	shift uint
	near  *uint16 // that nearest to the latest one
}

const (
	refinedBits  = 14 // of a context, at most
	refinedSteps = 2*limit/refinedStep + 2
	refinedStep  = 256
)

func (r *refined) init(bits uint) {
	r.probs = make([][refinedSteps]uint16, 1<<bits)
	r.shift = 64 - bits
	for i := range r.probs {
		for k := range r.probs[i] {
			r.probs[i][k] = uint16(squash(int32(k*refinedStep) - limit - 1))
		}
	}
}

// refine returns the probability that stands for one whose stretch is x, by interpolation.
func (r *refined) refine(x int32, context uint64) int32 {
	steps := &r.probs[context*0x9e3779b97f4a7c15>>r.shift]
	x += limit + 1
	k, part := x/refinedStep, x%refinedStep
	r.near = &steps[k+part/(refinedStep/2)]
	return (int32(steps[k])*(refinedStep-part) + int32(steps[k+1])*part) / refinedStep
}

func (r *refined) learn(bit int32) {
	p := int32(*r.near)
	*r.near = uint16(p + (bit*65535-p)>>5)
}
