package mix

import "encoding/binary"

// recall knows the latest place at which the last bytes, at least so many, stood before, in the reference or the text: what followed there may come again. Where text is new,
// but of the kind of the reference, this is what is known of it from all of the reference, which no table of histories is large enough for.
type recall struct {
	least int      // bytes that have to agree
	every int      // one place of so many is noted, a power of two
	heads []uint32 // of places noted, by the hash of the bytes before them
	shift int

	at    int   // of the expected byte
	len   int   // bytes that agreed before it; 0 if there is none
	guess guess // by len and who agrees, and by a hash of the last byte and the expected one
	pairs int   // bits that the hash leaves out of 32
}

const (
	recallFrom = 32 // bytes before a place from which on it is noted and looked for
	recallMost = 32 // bytes that are compared
	nRecalls   = 3
	nOpinions  = 3 * 3 * 3 // of all of them
)

// newRecalls returns one for what is common, one for what is less so, and one for what is repeated; their tables have 2^bits entries, but not more
// than memory allows.
func newRecalls(bits int) [nRecalls]recall {
	return [nRecalls]recall{newRecall(4, 1, min(bits, 18)), newRecall(10, 1, min(bits, 19)), newRecall(20, 4, min(bits, 18))}
}

func newRecall(least, every, bits int) recall {
	r := recall{least: least, every: every, heads: make([]uint32, 1<<bits), shift: 64 - bits}
	r.guess.value = -1
	r.guess.probs[0] = make([]adaptive, 32*4*8)
	r.guess.probs[1] = make([]adaptive, 1<<min(bits, 16))
	r.pairs = 32 - min(bits, 16)
	for i := range r.guess.probs {
		fill(r.guess.probs[i], likely)
	}
	return r
}

// head is where the place is noted that the bytes of win lead to.
func (r *recall) head(win []byte) *uint32 {
	h := binary.LittleEndian.Uint64(win[len(win)-8:])
	if r.least < 8 {
		h >>= 64 - 8*r.least
	}
	h *= 0x9e3779b97f4a7c15
	if r.least > 8 {
		h = (h ^ binary.LittleEndian.Uint64(win[len(win)-r.least:])) * 0xd6e8feb86659fd93
	}
	return &r.heads[h>>r.shift]
}

// note notes the places of win from one to another, the latter included.
func (r *recall) note(win []byte, from, to int) {
	for n := (from + r.every - 1) &^ (r.every - 1); n <= to; n += r.every {
		*r.head(win[:n]) = uint32(n)
	}
}

// add tells of the last byte of win.
func (r *recall) add(win []byte) {
	n := len(win)
	if r.len > 0 {
		if win[r.at] == win[n-1] {
			r.len++
			r.at++
		} else {
			r.len = 0
		}
	}
	if n < recallFrom {
		return
	}
	head := r.head(win)
	if at := int(*head); at > 0 && r.len < r.least {
		k := 0
		for k < min(recallMost, at) && win[at-1-k] == win[n-1-k] {
			k++
		}
		if k >= r.least {
			r.at, r.len = at, k
		}
	}
	if n&(r.every-1) == 0 {
		*head = uint32(n)
	}
}

// look finds what is expected after win.
func (r *recall) look(win []byte) {
	r.guess.value = -1
	if r.len > 0 {
		r.guess.value = int(win[r.at])
	}
}

// opinion says whether one expects anything, and if so, whether it is e.
func (r *recall) opinion(e int) int {
	switch r.guess.value {
	case -1:
		return 0
	case e:
		return 1
	}
	return 2
}

// inputs returns what the guess says of the next bit.
func (r *recall) inputs(m *model) (a, b int32) {
	if !r.guess.next(m.c0, m.bit) {
		return 0, 0
	}
	agree := 0
	if m.diagonal.used && m.diagonal.bit == r.guess.bit {
		agree = 1
	}
	if m.match.used && m.match.bit == r.guess.bit {
		agree += 2
	}
	class := r.len
	if class >= 16 {
		class = min(14+class/8, 31)
	}
	r.guess.at[0] = (class*4+agree)*8 + m.bit
	r.guess.at[1] = int(uint32(m.last&0xff<<8|uint64(r.guess.value)) * 0x9e3779b1 >> r.pairs)
	return r.guess.inputs()
}
