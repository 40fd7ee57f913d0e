package mix

// A bit history remembers, in one byte, about how often a 0 and a 1 followed in a context, and which came last. When a bit
// contradicts a long run of the other, most of the run is forgotten: what came lately counts for more (Mahoney, "Adaptive
// Weighing of Context Models for Lossless Data Compression", 2005, section 2.2).

// history is the number of a state; 0 is the empty history.
type history uint8

// counts are what a history stands for.
type counts struct {
	n    [2]uint8
	last uint8
}

// most is how far one count goes when the other, smaller one is the index.
var most = [...]uint8{41, 20, 10, 7, 5}

var (
	histories   []counts
	following   [256][2]history // what a bit makes of a history
	seen        [256]uint8      // bits that a history counts
	historyOdds [256]adaptive   // what a history means as long as nothing is learned
)

func init() {
	index := make(map[counts]history)
	add := func(c counts) {
		index[c] = history(len(histories))
		histories = append(histories, c)
	}
	add(counts{})
	for low := range uint8(len(most)) {
		for high := max(low, 1); high <= most[low]; high++ {
			for _, n := range [][2]uint8{{low, high}, {high, low}} {
				for last := range uint8(2) {
					if n[last] == 0 {
						continue
					}
					c := counts{n, last}
					if _, ok := index[c]; !ok {
						add(c)
					}
				}
			}
		}
	}
	for i, c := range histories {
		n := uint32(c.n[0]) + uint32(c.n[1])
		seen[i] = uint8(n)
		historyOdds[i] = adaptive((uint32(c.n[1])*10 + 4) * (1<<22 - 1) / (n*10 + 8) << 10)
		for bit := range uint8(2) {
			following[i][bit] = index[c.follow(bit)]
		}
	}
}

// follow returns the history after a bit.
func (c counts) follow(bit uint8) counts {
	other := 1 - bit
	if n := c.n[other]; n > 2 {
		c.n[other] = forget(n)
	}
	c.n[bit]++
	c.last = bit
	for {
		low, high := min(c.n[0], c.n[1]), max(c.n[0], c.n[1])
		if int(low) < len(most) && high <= most[low] {
			return c
		}
		if c.n[bit] >= c.n[other] {
			c.n[bit]--
		} else {
			c.n[other]--
		}
	}
}

// forget returns what is left of a count that was contradicted.
func forget(n uint8) uint8 {
	switch {
	case n < 5:
		return 2
	case n < 10:
		return 3
	case n < 20:
		return 4
	}
	return 5
}
