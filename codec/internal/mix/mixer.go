package mix

// mixer weighs the inputs by a set of weights that a context selects.
type mixer struct {
	weights []int32  // in 1/65536, nInputs for each selection
	learned []uint32 // bits, by each selection
	sel     int
	stretch int32
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

// mix returns what the inputs say together, stretched.
func (x *mixer) mix(in *[nInputs]int32) int32 {
	x.stretch = weigh(in[:], x.selected())
	return x.stretch
}

// littleMiss is how far from the truth a mixer may be, in 1/65536, before it learns: it takes long, and most bits are all but certain.
const littleMiss = 512

func (x *mixer) learn(in *[nInputs]int32, bit int32) {
	n := &x.learned[x.sel]
	miss := bit<<16 - squash(x.stretch)
	if miss > -littleMiss && miss < littleMiss {
		return
	}
	rate := int32(14 + 60000/(*n+600))
	*n = min(*n+1, 1<<16)
	correct(x.selected(), in[:], miss*rate)
}

func (x *mixer) selected() []int32 { return x.weights[x.sel*nInputs:][:nInputs] }

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

func (j *judge) mix(mixed *[nMixers]int32) { j.stretch = weigh(mixed[:], j.weights[j.sel][:]) }

func (j *judge) learn(mixed *[nMixers]int32, bit int32) {
	correct(j.weights[j.sel][:], mixed[:], (bit<<16-squash(j.stretch))*learnJudge)
}

// weigh returns the sum of what is said, stretched, by weights in 1/65536.
func weigh(said, weights []int32) int32 {
	weights = weights[:len(said)]
	var sum int64
	for i, v := range said {
		sum += int64(v) * int64(weights[i])
	}
	return int32(max(min(sum>>16, limit), -limit))
}

// correct gives more weight to what erred less, where all erred by so much in 1/65536, times how fast is learned.
func correct(weights, said []int32, err int32) {
	weights = weights[:len(said)]
	for i, v := range said {
		weights[i] += int32((int64(v)*int64(err) + 1<<19) >> 20)
	}
}

// refined corrects a probability by what came where it was about as high in the same context (the adaptive probability maps of Mahoney's PAQ).
type refined struct {
	probs [][refinedSteps]uint16 // in 1/65536, by context and stretched probability
	shift int
	near  *uint16 // that nearest to the latest one
}

const (
	refinedBits  = 14 // of a context, at most
	refinedSteps = 2*limit/refinedStep + 2
	refinedStep  = 256
)

func (r *refined) init(bits int) {
	r.probs = make([][refinedSteps]uint16, 1<<bits)
	r.shift = 64 - bits
	var straight [refinedSteps]uint16
	for k := range straight {
		straight[k] = uint16(squash(int32(k*refinedStep) - limit - 1))
	}
	for i := range r.probs {
		r.probs[i] = straight
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
