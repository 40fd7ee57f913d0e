package deflate

// token is a literal, if length is 0, or says that so many bytes are those which stand distance before.
type token struct{ length, distance uint16 }

// The ways in which a block is stored (RFC 1951, section 3.2.3).
const (
	kindStored  = 0
	kindFixed   = 1
	kindDynamic = 2
)

// block is one of a stream: how it is stored, and how many tokens it has. Of one that is stored as it is, each byte counts as a literal.
type block struct{ kind, tokens int }

const (
	mostBits = 15 // of a code
	leastLen = 3  // bytes of a match
	mostLen  = 258

	endOfBlock = 256
	litCodes   = 286 // literals, the end, lengths
	distCodes  = 30
)

// span says that a code stands for base and, behind so many bits, what follows (section 3.2.5).
type span struct {
	base int
	bits uint
}

var (
	lengths   = append(makeSpans(leastLen, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5), span{mostLen, 0})
	distances = makeSpans(1, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13)

	lengthCode = func() (of [mostLen + 1]uint8) {
		for c, s := range lengths {
			for n := s.base; n < min(s.base+1<<s.bits, mostLen+1); n++ {
				of[n] = uint8(c)
			}
		}
		return of
	}()
)

func makeSpans(least int, bits ...uint) (all []span) {
	for _, n := range bits {
		all = append(all, span{least, n})
		least += 1 << n
	}
	return all
}

func distanceCode(d int) int {
	c := 0
	for c+1 < len(distances) && d >= distances[c+1].base {
		c++
	}
	return c
}

// Codes of lengths of codes come in this order.
var lengthOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

var fixedLens = func() (lens [288 + distCodes]uint8) {
	for i := range 288 {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	for i := range distCodes {
		lens[288+i] = 5
	}
	return lens
}()

// inflater opens streams.
type inflater struct {
	raw    []byte
	tokens []token
	blocks []block

	in   []byte
	at   int
	bits uint64
	n    uint
	bad  bool

	keep   bool // tokens and blocks
	lit    prefixCode
	dist   prefixCode
	length prefixCode
}

// used is how many bytes the stream takes that was opened.
func (r *inflater) used() int { return r.at - int(r.n/8) }

// take returns the next n bits, 0 to 16.
func (r *inflater) take(n uint) int {
	for r.n < n {
		if r.at == len(r.in) {
			r.bad = true
			return 0
		}
		r.bits |= uint64(r.in[r.at]) << r.n
		r.at++
		r.n += 8
	}
	v := r.bits & (1<<n - 1)
	r.bits >>= n
	r.n -= n
	return int(v)
}

// prefixCode has the symbols of each length of code, in the order of the codes, which begins with the shortest.
type prefixCode struct {
	count   [mostBits + 1]int
	symbols [288]uint16
}

// set makes it that of symbols with such lengths of code. A code must be complete, but for one with a single symbol of one bit, or none.
func (c *prefixCode) set(lens []uint8) bool {
	c.count = [mostBits + 1]int{}
	for _, n := range lens {
		c.count[n]++
	}
	used := len(lens) - c.count[0]
	c.count[0] = 0
	left := 1
	var at [mostBits + 1]int
	for n := 1; n <= mostBits; n++ {
		if left = left<<1 - c.count[n]; left < 0 {
			return false
		}
		if n < mostBits {
			at[n+1] = at[n] + c.count[n]
		}
	}
	if left > 0 && !(used == 0 || used == 1 && c.count[1] == 1) {
		return false
	}
	for s, n := range lens {
		if n > 0 {
			c.symbols[at[n]] = uint16(s)
			at[n]++
		}
	}
	return true
}

// symbol returns the next one.
func (r *inflater) symbol(c *prefixCode) int {
	code, first, index := 0, 0, 0
	for n := 1; n <= mostBits; n++ {
		code |= r.take(1)
		if r.bad {
			return 0
		}
		if code-c.count[n] < first {
			return int(c.symbols[index+code-first])
		}
		index += c.count[n]
		first = (first + c.count[n]) << 1
		code <<= 1
	}
	r.bad = true
	return 0
}

// open opens the stream that in begins with, of which raw may have so many bytes. It reports whether there is one. A block without a byte counts as a fault, unless it is the last.
func (r *inflater) open(in []byte, most int) bool {
	r.in, r.at, r.bits, r.n, r.bad = in, 0, 0, 0, false
	r.raw, r.tokens, r.blocks = r.raw[:0], r.tokens[:0], r.blocks[:0]
	for {
		last := r.take(1) == 1
		kind := r.take(2)
		if r.bad {
			return false
		}
		before, tokens := len(r.raw), len(r.tokens)
		ok := false
		switch kind {
		case kindStored:
			ok = r.stored(most)
		case kindFixed:
			ok = r.lit.set(fixedLens[:288]) && r.dist.set(append(fixedLens[288:], 5, 5)) && r.coded(most)
		case kindDynamic:
			ok = r.codes() && r.coded(most)
		}
		if !ok || r.bad || len(r.raw) == before && !last {
			return false
		}
		if r.keep {
			r.blocks = append(r.blocks, block{kind, len(r.tokens) - tokens})
		}
		if last {
			return true
		}
	}
}

// stored copies a block that is stored as it is.
func (r *inflater) stored(most int) bool {
	r.take(r.n % 8)
	n, not := r.take(16), r.take(16)
	if r.bad || n^not != 0xffff {
		return false
	}
	r.at -= int(r.n / 8)
	r.bits, r.n = 0, 0
	if n > len(r.in)-r.at || n > most-len(r.raw) {
		return false
	}
	r.raw = append(r.raw, r.in[r.at:r.at+n]...)
	r.at += n
	if r.keep {
		r.tokens = append(r.tokens, make([]token, n)...)
	}
	return true
}

// codes reads the codes of a block (section 3.2.7).
func (r *inflater) codes() bool {
	lits, dists, n := r.take(5)+257, r.take(5)+1, r.take(4)+4
	if r.bad || lits > litCodes || dists > distCodes {
		return false
	}
	var lens [litCodes + distCodes]uint8
	for _, k := range lengthOrder[:n] {
		lens[k] = uint8(r.take(3))
	}
	if r.bad || !r.length.set(lens[:19]) {
		return false
	}
	clear(lens[:19])
	for i := 0; i < lits+dists; {
		s := r.symbol(&r.length)
		if r.bad {
			return false
		}
		if s < 16 {
			lens[i] = uint8(s)
			i++
			continue
		}
		again, v := 0, uint8(0)
		switch s {
		case 16:
			if i == 0 {
				return false
			}
			again, v = 3+r.take(2), lens[i-1]
		case 17:
			again = 3 + r.take(3)
		default:
			again = 11 + r.take(7)
		}
		if i+again > lits+dists {
			return false
		}
		for range again {
			lens[i] = v
			i++
		}
	}
	return !r.bad && lens[endOfBlock] > 0 && r.lit.set(lens[:lits]) && r.dist.set(lens[lits:lits+dists])
}

// coded opens the tokens of a block.
func (r *inflater) coded(most int) bool {
	for {
		s := r.symbol(&r.lit)
		if r.bad {
			return false
		}
		if s == endOfBlock {
			return true
		}
		var t token
		if s < endOfBlock {
			if len(r.raw) >= most {
				return false
			}
			r.raw = append(r.raw, byte(s))
		} else {
			if s -= endOfBlock + 1; s >= len(lengths) {
				return false
			}
			n := lengths[s].base + r.take(lengths[s].bits)
			k := r.symbol(&r.dist)
			if r.bad || k >= len(distances) {
				return false
			}
			d := distances[k].base + r.take(distances[k].bits)
			if r.bad || n > mostLen || d > len(r.raw) || n > most-len(r.raw) {
				return false
			}
			for range n {
				r.raw = append(r.raw, r.raw[len(r.raw)-d])
			}
			t = token{uint16(n), uint16(d)}
		}
		if r.keep {
			r.tokens = append(r.tokens, t)
		}
	}
}
