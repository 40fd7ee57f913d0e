package codec

// placing finds out where on the tape the chunks of samples stand, for a Builder that is to tell. What a sample adds stands where it is
// put; what was there already, where it was found first.
type placing struct {
	told    func(label int, s Span)
	label   int
	first   map[uint64]uint64 // xxh64 of a chunk that was taken, or is in the base -> where it stands
	waiting map[uint64][]int  // of one that has not occurred often enough -> the labels that it has
	again   []Span            // where chunks stand that may be taken again, in which case they stand elsewhere
}

// newPlacing returns nil if nobody wants to know; all methods do nothing then.
func newPlacing(told func(int, Span)) *placing {
	if told == nil {
		return nil
	}
	return &placing{told: told, first: make(map[uint64]uint64), waiting: make(map[uint64][]int)}
}

// at tells where bytes of the sample stand.
func (p *placing) at(s Span) {
	if p != nil {
		p.told(p.label, s)
	}
}

// taken is told that a chunk stands on the tape, for the first time or since before, and tells it for all who had it and did not know. Not all that is in the
// base is found there each time.
func (p *placing) taken(key uint64, s Span) {
	if p == nil {
		return
	}
	p.first[key] = s.Pos
	for _, label := range p.waiting[key] {
		if label != p.label {
			p.told(label, s)
		}
	}
	delete(p.waiting, key)
}

// waits is told that a chunk has not occurred often enough yet.
func (p *placing) waits(key uint64) {
	if p == nil {
		return
	}
	labels := p.waiting[key]
	if k := len(labels) - 1; k < 0 || labels[k] != p.label {
		p.waiting[key] = append(labels, p.label)
	}
}

// known is told of a chunk of n bytes that was taken before and will not be again.
func (p *placing) known(key uint64, n int) {
	if p != nil {
		p.told(p.label, Span{p.first[key], uint64(n)})
	}
}

// repeats is told of a chunk of n bytes that was taken before. It is left out with those before it, or it is not decided yet.
func (p *placing) repeats(key uint64, n int, leftOut bool) {
	if p == nil {
		return
	}
	p.again = append(p.again, Span{p.first[key], uint64(n)})
	if leftOut {
		for _, s := range p.again {
			p.told(p.label, s)
		}
		p.again = p.again[:0]
	}
}

// settled is told that what was not decided has been taken again.
func (p *placing) settled() {
	if p != nil {
		p.again = p.again[:0]
	}
}
