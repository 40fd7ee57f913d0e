package codec

import (
	"cmp"
	"context"
	"slices"
	"sort"
)

// A frame read without being played: every terminal once, sorted by the notes and the blocks of local notes that it lies in.

// stretch is a note, or a block of local notes.
type stretch struct {
	local      bool // on the local tape
	start, end uint64
}

// part is what of a terminal lies in one stretch.
type part struct {
	sym       uint32 // number of the terminal
	from, end uint64 // counted as the stretch is
}

// gathered is a stretch with all parts of terminals in it, but for those that are all of it and of which a terminal has more: they may be as many as all terminals
// in every stretch.
type gathered struct {
	stretch
	parts []part
	whole bool // there are such
}

// stretchAt returns the stretch that holds byte pos of a tape.
func (p *playback) stretchAt(ctx context.Context, local bool, pos uint64) (stretch, error) {
	if local {
		b, err := p.localBlock(pos)
		return stretch{true, b.start, b.end}, err
	}
	s, err := p.notes.locate(ctx, pos)
	if err != nil {
		return stretch{}, err
	}
	if s.Len == 0 { // the tape does not say
		start, raw, err := p.notes.at(ctx, pos)
		return stretch{false, start, start + uint64(len(raw))}, err
	}
	return stretch{false, s.Pos, s.Pos + s.Len}, nil
}

// bytes returns the bytes of a stretch.
func (p *playback) bytes(ctx context.Context, s stretch) (start uint64, raw []byte, err error) {
	if s.local {
		return p.localAt(ctx, s.start, s.end-s.start)
	}
	return p.notes.at(ctx, s.start)
}

// gather sorts the terminals of a score into stretches, by position.
func (p *playback) gather(ctx context.Context, sc *score) (tape, local []gathered, err error) {
	var order []uint32
	for n, s := range sc.symbols {
		if s.code != codeRule {
			order = append(order, uint32(n))
		}
	}
	slices.SortFunc(order, func(x, y uint32) int {
		a, b := &sc.symbols[x], &sc.symbols[y]
		if d := cmp.Compare(kind(a), kind(b)); d != 0 {
			return d
		}
		return cmp.Or(cmp.Compare(a.pos, b.pos), cmp.Compare(x, y))
	})
	for _, n := range order {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		s := sc.symbols[n]
		all := &tape
		if s.code != codeTape {
			all = &local
		}
		for pos, end := s.pos, s.pos+s.len; pos < end; {
			g := *all
			i := sort.Search(len(g), func(i int) bool { return g[i].end > pos })
			if i == len(g) || g[i].start > pos {
				at, err := p.stretchAt(ctx, s.code != codeTape, pos)
				if err != nil {
					return nil, nil, err
				}
				g = slices.Insert(g, i, gathered{stretch: at})
				*all = g
			}
			to := min(end, g[i].end)
			if g[i].start == pos && g[i].end == to && to-pos < s.len {
				g[i].whole = true
			} else {
				g[i].parts = append(g[i].parts, part{n, pos, to})
			}
			pos = to
		}
	}
	return tape, local, nil
}

// kind is 0 for a span of the tape, 1 for one of the local tape.
func kind(s *symbol) int {
	if s.code == codeTape {
		return 0
	}
	return 1
}
