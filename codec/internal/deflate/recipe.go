package deflate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"dictnet/codec/internal/varint"
)

// ErrRecipe says that a recipe is not one of these bytes.
var ErrRecipe = errors.New("not a recipe of what was compressed")

// likely is the order in which levels are tried: 6 is zlib's default, 9 that of packagers.
var likely = [levels]int{6, 9, 1, 8, 7, 5, 4, 3, 2}

const (
	probed = 1 << 12 // tokens by which most levels are told from the right one
	fewest = 16      // tokens that there are, at least, to each that is other than zlib would have made it
)

// MakeRecipe returns the recipe by which Close makes the stream s in b of what it holds, if there is one that is worth it.
//
//	recipe     = level blocks block* exceptions exception*
//	level      1 byte: 1 to 9
//	block      varint: 4 x tokens + how it is stored
//	exception  varints: tokens since the last one, not counted itself; length of the match that stands there, 0 for a literal; distance, if it is a match
//
// All numbers but the level are varints.
func MakeRecipe(b []byte, s Stream) (recipe []byte, ok bool) {
	in := inflater{keep: true}
	if !in.open(b[s.At:s.At+s.Len], len(s.Raw)) {
		return nil, false
	}
	var m matcher
	level, best, ok := m.level(s.Raw, &in)
	if !ok {
		return nil, false
	}
	recipe = binary.AppendUvarint([]byte{byte(level)}, uint64(len(in.blocks)))
	for _, k := range in.blocks {
		recipe = binary.AppendUvarint(recipe, uint64(k.tokens)<<2|uint64(k.kind))
	}
	recipe = binary.AppendUvarint(recipe, uint64(len(best)))
	for _, x := range best {
		recipe = binary.AppendUvarint(recipe, uint64(x.gap))
		recipe = binary.AppendUvarint(recipe, uint64(x.length))
		if x.length > 0 {
			recipe = binary.AppendUvarint(recipe, uint64(x.distance))
		}
	}
	closed, err := Close(nil, s.Raw, recipe, s.Len)
	if err != nil || !bytes.Equal(closed, b[s.At:s.At+s.Len]) {
		return nil, false
	}
	return recipe, true
}

// level returns the level that has the fewest exceptions, and these. Most differ soon: of all levels but the best ones only some tokens are looked at.
func (m *matcher) level(raw []byte, in *inflater) (level int, best []exception, ok bool) {
	var rank [levels]int
	for i, l := range likely {
		few, _ := m.exceptions(raw, l, in, probed, probed)
		rank[i] = len(few)
	}
	least := slices.Min(rank[:])
	most := len(in.tokens) / fewest
	for i, l := range likely {
		if rank[i] > least {
			continue
		}
		if x, fits := m.exceptions(raw, l, in, most, len(in.tokens)); fits {
			level, best, ok = l, x, true
			if most = len(x) - 1; most < 0 {
				break
			}
		}
	}
	return level, best, ok
}

// exception is a token that zlib would not have made, and how many it would have made since the one before.
type exception struct {
	gap int
	token
}

// exceptions returns those of a level among the first tokens, if there are no more than most.
func (m *matcher) exceptions(raw []byte, level int, in *inflater, most, first int) (all []exception, ok bool) {
	m.begin(raw, level)
	tokens, i, gap := in.tokens, 0, 0
	for _, b := range in.blocks {
		for _, t := range tokens[:b.tokens] {
			if first--; first < 0 {
				return all, true
			}
			if b.kind == kindStored {
				m.keep(i)
				i++
				continue
			}
			if m.next(i) != t {
				if len(all) == most || m.lost() {
					return all, false
				}
				all = append(all, exception{gap, t})
				gap = -1
			}
			gap++
			m.pass(i, t)
			i += max(1, int(t.length))
		}
		tokens = tokens[b.tokens:]
	}
	return all, !m.lost()
}

// Close appends the stream that holds raw, of up to MaxRaw bytes, by its recipe. It has so many bytes, up to MaxLen. Errors wrap ErrRecipe.
func Close(dst, raw, recipe []byte, length int) ([]byte, error) {
	r := reader{rest: recipe}
	level := r.byte()
	count := r.number(uint64(len(recipe)))
	if level < 1 || level > levels || len(raw) > MaxRaw || length > MaxLen {
		return nil, fmt.Errorf("level %d of zlib: %w", level, ErrRecipe)
	}
	blocks := make([]block, count)
	for i := range blocks {
		n := r.number(4*MaxRaw + 3)
		blocks[i] = block{int(n & 3), int(n >> 2)}
	}
	left := r.number(uint64(len(recipe)))
	next := func() (x exception) {
		if left == 0 {
			return exception{gap: -1}
		}
		left--
		x.gap = int(r.number(MaxRaw))
		if x.length = uint16(r.number(mostLen)); x.length > 0 {
			x.distance = uint16(r.number(1 << 15))
		}
		return x
	}
	x := next()
	w := writer{out: dst}
	begin := len(dst)
	var m matcher
	m.begin(raw, level)
	var tokens []token
	i := 0
	for k, b := range blocks {
		at := i
		tokens = tokens[:0]
		for range b.tokens {
			if i >= len(raw) || m.lost() {
				return nil, fmt.Errorf("more tokens than bytes: %w", ErrRecipe)
			}
			if b.kind == kindStored {
				m.keep(i)
				i++
				continue
			}
			t := m.next(i)
			if x.gap == 0 {
				t = x.token
				if !t.holds(raw, i) {
					return nil, fmt.Errorf("byte %d: a match of %d bytes, %d before: %w", i, t.length, t.distance, ErrRecipe)
				}
				x = next()
			} else {
				x.gap--
			}
			tokens = append(tokens, t)
			m.pass(i, t)
			i += max(1, int(t.length))
		}
		w.put(b2i(k == len(blocks)-1), 1)
		w.put(b.kind, 2)
		switch b.kind {
		case kindStored:
			if i-at > 0xffff {
				return nil, fmt.Errorf("a block of %d bytes: %w", i-at, ErrRecipe)
			}
			w.stored(raw[at:i])
		case kindFixed:
			w.fixed(raw[at:i], tokens)
		case kindDynamic:
			w.dynamic(raw[at:i], tokens)
		default:
			return nil, fmt.Errorf("kind of a block: %w", ErrRecipe)
		}
		if len(w.out)-begin > length {
			break
		}
	}
	w.flush()
	if i != len(raw) || len(w.out)-begin != length || left > 0 || x.gap >= 0 || len(r.rest) > 0 || r.bad {
		return nil, fmt.Errorf("%d of %d bytes make %d, want %d: %w", i, len(raw), len(w.out)-begin, length, ErrRecipe)
	}
	return w.out, nil
}

// holds reports whether raw is so at i as the token says.
func (t token) holds(raw []byte, i int) bool {
	n, d := int(t.length), int(t.distance)
	return n == 0 || n >= leastLen && d > 0 && d <= i && n <= len(raw)-i && bytes.Equal(raw[i:i+n], raw[i-d:i-d+n])
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// reader reads a recipe.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) byte() int {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return int(b)
}

// number reads a varint of at most so much.
func (r *reader) number(most uint64) uint64 {
	v, n := varint.Read(r.rest)
	if n <= 0 || v > most {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}
