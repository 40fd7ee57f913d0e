package zref

import (
	"math"
	"math/bits"
)

// fseTable codes symbols by finite state entropy, the table variant of ANS (section 4.1; Duda, arXiv:1311.2540).
type fseTable struct {
	log    uint    // of the number of cells, which are the states
	cells  []int16 // of each symbol; -1: one, which is more than its share
	states []uint16
	steps  [maxCodes]fseStep

	cellSpace  [maxCodes]int16
	stateSpace [1 << maxLog]uint16
}

const (
	maxLog   = 9
	minLog   = 5
	maxCodes = 64
)

// fseStep says what coding a symbol does to a state.
type fseStep struct {
	bits uint32 // added to the state; then its upper half is how many bits the state gives off
	find int32  // added to what is left of the state; there stands the next one
}

// costBits is the precision of costs: they are in units of 2^-costBits bits.
const costBits = 8

// costs are those of a symbol that has so many of 2^maxLog cells.
var costs = func() (c [1<<maxLog + 1]int) {
	for i := 1; i < len(c); i++ {
		c[i] = int(math.Round((maxLog - math.Log2(float64(i))) * (1 << costBits)))
	}
	return c
}()

// makeTable returns a table of known numbers of cells.
func makeTable(log uint, cells ...int16) *fseTable {
	t := &fseTable{log: log, cells: cells}
	t.build()
	return t
}

// single makes the table of a symbol that is the only one, and takes no bits.
func (t *fseTable) single() {
	t.log, t.cells = 0, nil
	t.steps = [maxCodes]fseStep{}
	t.states = t.stateSpace[:1]
	t.states[0] = 0
}

// make chooses the size of a table, and how many cells each symbol has, from how often each of n comes. Two at least do.
func (t *fseTable) make(counts []uint32, n int, most uint) {
	used := 0
	for _, c := range counts {
		if c > 0 {
			used++
		}
	}
	t.log = min(most, max(uint(bits.Len(uint(n-1)))-2, minLog)) // as much as the numbers say, and
	t.log = max(t.log, uint(bits.Len(uint(used)))+1)            // as the symbols need
	t.cells = t.cellSpace[:len(counts)]
	left := 1 << t.log
	for s, c := range counts {
		k := 0
		if c > 0 {
			k = max(1, int((uint64(c)<<t.log+uint64(n)/2)/uint64(n)))
		}
		t.cells[s] = int16(k)
		left -= k
	}
	// Rounding has left some, or taken too many: each goes to whom it helps most, or comes from whom it hurts least.
	for left != 0 {
		step := 1
		if left < 0 {
			step = -1
		}
		best, to := math.MinInt, 0
		for s, c := range counts {
			k := int(t.cells[s])
			if c == 0 || k+step < 1 {
				continue
			}
			if gain := int(c) * (t.costOf(k) - t.costOf(k+step)); gain > best {
				best, to = gain, s
			}
		}
		t.cells[to] += int16(step)
		left -= step
	}
}

// costOf is what a symbol with so many cells takes.
func (t *fseTable) costOf(cells int) int { return costs[cells<<(maxLog-t.log)] }

// cost is what symbols that come so often take.
func (t *fseTable) cost(counts []uint32) (sum int) {
	for s, c := range counts {
		if c > 0 {
			sum += int(c) * t.costOf(max(1, int(t.cells[s])))
		}
	}
	return sum
}

// appendCells appends the description of a table (section 4.1.1).
func (t *fseTable) appendCells(dst []byte) []byte {
	w := bitWriter{dst: dst}
	w.add(uint64(t.log-minLog), 4)
	left := 1<<t.log + 1 // one more than the cells that are yet to be described
	limit, width := 1<<t.log, t.log+1
	none := false // the last symbol had none
	for s := 0; left > 1; {
		if none {
			begin := s
			for t.cells[s] == 0 {
				s++
			}
			n := s - begin
			for ; n >= 3; n -= 3 {
				w.add(3, 2)
				w.flush()
			}
			w.add(uint64(n), 2)
		}
		n := int(t.cells[s])
		s++
		short := 2*limit - 1 - left // what is below takes a bit less
		left -= max(n, -n)
		v, k := n+1, width
		if v >= limit {
			v += short
		}
		if v < short {
			k--
		}
		w.add(uint64(v), k)
		w.flush()
		none = n == 0
		for left < limit {
			limit >>= 1
			width--
		}
	}
	return w.end()
}

// build makes the states from the cells, spread as section 4.1.1 says.
func (t *fseTable) build() {
	size := 1 << t.log
	var spread [1 << maxLog]uint8
	var next [maxCodes + 1]int // where the states of each symbol begin
	high := size - 1
	for s, n := range t.cells {
		next[s+1] = next[s] + max(int(n), -int(n))
		if n < 0 {
			spread[high] = uint8(s)
			high--
		}
	}
	begin := next
	at, step, mask := 0, size>>1+size>>3+3, size-1
	for s, n := range t.cells {
		for range max(n, 0) {
			spread[at] = uint8(s)
			for at = (at + step) & mask; at > high; at = (at + step) & mask {
			}
		}
	}
	t.states = t.stateSpace[:size]
	for i, s := range spread[:size] {
		t.states[next[s]] = uint16(size + i)
		next[s]++
	}
	for s, n := range t.cells {
		switch n {
		case 0:
			t.steps[s] = fseStep{}
		case 1, -1:
			t.steps[s] = fseStep{uint32(t.log)<<16 - uint32(size), int32(begin[s] - 1)}
		default:
			most := t.log + 1 - uint(bits.Len(uint(n-1)))
			t.steps[s] = fseStep{uint32(most)<<16 - uint32(n)<<most, int32(begin[s] - int(n))}
		}
	}
}

// fseState is where coding stands.
type fseState struct{ x uint32 }

// begin begins with the last symbol, in the state that will give off the fewest bits.
func (s *fseState) begin(t *fseTable, symbol byte) {
	p := t.steps[symbol%maxCodes]
	n := (p.bits + 1<<15) >> 16
	s.x = uint32(t.states[int32((n<<16-p.bits)>>n)+p.find])
}

// code codes the symbol before.
func (s *fseState) code(w *bitWriter, t *fseTable, symbol byte) {
	p := t.steps[symbol%maxCodes]
	n := (s.x + p.bits) >> 16
	w.add(uint64(s.x)&(1<<n-1), uint(n))
	s.x = uint32(t.states[int32(s.x>>n)+p.find])
}

// end says in which state the decoder begins.
func (s *fseState) end(w *bitWriter, t *fseTable) {
	w.add(uint64(s.x)&(1<<t.log-1), t.log)
	w.flush()
}
