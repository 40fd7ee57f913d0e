package lz

import (
	"encoding/binary"
	"math"
	"slices"
)

const (
	surveyed   = 512 // bytes that a survey compares
	surveyRate = 12  // it is of use if of so many bytes more than one differs
	firstRows  = 96  // bytes that tell by how much numbers of a table have moved
)

// survey brings near up to date, and adds a path that turns from the best one to an alignment with the reference by which clearly more of what follows agrees, if there is one. In tables of numbers most bytes
// agree with those of any row, also of raw itself, and runs of equal bytes are no longer on the right alignment than on others: there, what align.Rows finds takes the place of all paths.
func (p *parser) survey(pos int) {
	p.look = p.i + surveyed
	best := p.paths[p.cheapest()]
	if b := best.base[1]; b > p.i {
		p.near.Keep(pos-b, p.i)
	}
	w := p.win[pos:min(pos+surveyed, len(p.win))]
	if best.dist == 0 || len(w) < surveyed {
		return
	}
	// Most surveys find that all is well, and so does a look at what differs alone, of which each byte counts as four at most.
	const fine = surveyed * 4 / surveyRate
	src := p.before(pos, best.dist)
	least := (surveyed - equal(w, src)) * 4
	if least > fine {
		s := best
		least = p.misses(&s, pos, w, math.MaxInt32)
	}
	if least <= fine {
		return
	}
	d := p.byRuns(best, pos, w, least*3/4)
	if d == 0 {
		ref, ok := p.rows.Find(w, src)
		if !ok {
			return
		}
		// The first rows cost more than those that follow, for it must be learned by how much numbers have moved: prices know it beforehand, and no other path remains.
		d = pos - ref
		s := best
		p.turn(&s, d)
		p.misses(&s, pos, w[:firstRows], math.MaxInt32)
		best.by = s.by
		p.paths = p.paths[:0]
	}
	p.branch(best, candidate{dist: d, price: best.price(d, p.i, p.ref)})
}

// byRuns returns the alignment with the reference on which the fewest bytes of w are missed, less than so many, of those on which three runs of eight bytes agree, and of
// those that were left; 0 if there is none.
func (p *parser) byRuns(best path, pos int, w []byte, least int32) (found int) {
	p.dists = p.dists[:0]
	for k := 0; k < surveyed && best.dist > p.i; k += 8 {
		places, tag := p.long.places(binary.LittleEndian.Uint64(w[k:]))
		for _, at := range places {
			if d := pos + k + 1 - int(at&placeMask); at>>placeBits == tag && at != 0 && d-surveyed > p.i && d <= pos {
				p.dists = append(p.dists, d)
			}
		}
	}
	for _, d := range append(best.left[:], best.base[1]) {
		if d-surveyed > p.i {
			p.dists = append(p.dists, d, d, d)
		}
	}
	slices.Sort(p.dists)
	for k, n := 0, 0; k < len(p.dists); k++ {
		d := p.dists[k]
		if n++; n == 3 {
			s := best
			p.turn(&s, d)
			if misses := p.misses(&s, pos, w, least); misses < least {
				least, found = misses, d
			}
		}
		if k+1 < len(p.dists) && p.dists[k+1] != d {
			n = 0
		}
	}
	return found
}

// misses counts the bytes of w, which stands at pos, that are not as expected on the alignment of s: one that fields foresee as one, others as four. It
// need not go on if there are most, or more.
func (p *parser) misses(s *path, pos int, w []byte, most int32) (n int32) {
	src := p.before(pos, s.dist)
	src = src[:min(len(src), len(w))]
	if int32(len(w))-equal(w, src) >= most {
		return most
	}
	n = int32(len(w)-len(src)) * 4
	for k, c := range src {
		if c != w[k] {
			if n += 4; p.foreseen(s, pos+k) {
				n -= 3
			}
			if n >= most {
				break
			}
		}
	}
	return n
}
