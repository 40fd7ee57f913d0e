package codec

import (
	"fmt"
	"io"
	"sort"
)

// partsReader reads parts of a file, one after the other.
type partsReader struct {
	r     *Reader
	parts []Span
	ends  []uint64 // where each ends in what they are together
}

// partsOf returns parts of a file as what they are one after the other; nil is all of it.
func (r *Reader) partsOf(parts []Span) (*partsReader, error) {
	size := uint64(r.Size())
	if parts == nil {
		parts = []Span{{0, size}}
	}
	p := &partsReader{r: r, parts: parts}
	end := uint64(0)
	for _, s := range parts {
		if s.Pos > size || s.Len > size-s.Pos {
			return nil, fmt.Errorf("bytes %d:%d of a file of %d", s.Pos, s.Len, size)
		}
		end += s.Len
		p.ends = append(p.ends, end)
	}
	return p, nil
}

// size is the length of the parts together, in bytes.
func (p *partsReader) size() uint64 {
	if len(p.ends) == 0 {
		return 0
	}
	return p.ends[len(p.ends)-1]
}

// ReadAt reads bytes of the parts.
func (p *partsReader) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, fmt.Errorf("read at byte %d of a file", off)
	}
	at := uint64(off)
	for i := sort.Search(len(p.ends), func(i int) bool { return p.ends[i] > at }); i < len(p.parts) && n < len(b); i++ {
		left := p.ends[i] - at // of this part
		k := int(min(left, uint64(len(b)-n)))
		got, err := p.r.ReadAt(b[n:n+k], int64(p.parts[i].Pos+p.parts[i].Len-left))
		n += got
		if got < k {
			return n, err
		}
		at += uint64(k)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// part returns a score of its own for the bytes from to end of what a score plays: the symbols that play in them, and no others.
func (s *score) part(from, end uint64) *score {
	p := new(score)
	number := make(map[uint32]uint32) // in p, of symbols of s
	var take func(n uint32) uint32
	take = func(n uint32) uint32 {
		if k, ok := number[n]; ok {
			return k
		}
		x := s.symbols[n]
		if x.code == codeRule {
			left, right := x.halves()
			left = take(left)
			x = newRule(left, take(right), x.len)
		}
		k := uint32(len(p.symbols))
		p.symbols = append(p.symbols, x)
		number[n] = k
		return k
	}
	played := uint64(0)
	play := func(k uint32) {
		played += p.symbols[k].len
		p.sequence = append(p.sequence, k)
		p.ends = append(p.ends, played)
	}
	s.eachWithin(from, end, func(n uint32) { play(take(n)) }, func(x symbol) {
		p.symbols = append(p.symbols, x)
		play(uint32(len(p.symbols) - 1))
	})
	return p
}
