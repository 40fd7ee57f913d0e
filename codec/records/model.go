package records

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"dictnet/codec/internal/rans"
)

// Symbols of a context: a byte, or what else may come.
const (
	symPhrase = 256 + iota // a phrase of the model
	symTape                // a span of the tape
	symSelf                // bytes of the record itself
	symEscape              // what this context does not hold: ask the shorter one
	symbols
)

// Widths of the ranges.
const (
	contextBits = 12
	phraseBits  = 15
	numberBits  = 12
)

// Numbers (lengths, distances, places) are coded as a class, their length in bits and the bit after the first, and the bits behind.
const (
	numberClasses = 32
	minTape       = 5 // bytes of a span of the tape
	minSelf       = 4 // bytes of a repetition
	maxPhrase     = 255
	placeClasses  = 128 // of equal parts of the tape
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// followers are what may come after certain bytes.
type followers struct {
	parent uint16 // the context of one byte less, asked after an escape; the empty one has itself
	dist   dist
}

// phrase is bytes of the tape that come often.
type phrase struct {
	pos uint32
	len uint32
}

// statistics is a model as it is stored: classes, from which all else follows.
type statistics struct {
	contexts map[uint32][]uint8 // by key
	phrases  []phrase           // by pos, then len
	global   []uint8            // of each phrase, where the byte before does not know it
	after    [256]map[int]uint8 // of phrases, by the byte before; -1 is the escape to global
	number   [numbers][]uint8
}

// Kinds of numbers.
const (
	numTapeLen = iota
	numTapePlace
	numSelfLen
	numSelfDist
	numbers
)

// numberSizes are how many classes each has.
var numberSizes = [numbers]int{numberClasses, placeClasses, numberClasses, numberClasses}

// contextKey names a context of n bytes, of which the last came last.
func contextKey(n int, last uint32) uint32 { return uint32(n)<<24 | last&(1<<(8*n)-1) }

// A tape for records ends with a unit: content, the model over it, and a footer that says how long they are. What stands before the unit belongs to
// earlier versions.
//
//	content | model | u32 bytes of content | u32 bytes of model | u32 crc32c of content and model | magic
const (
	footerLen = 16
	magic     = "\xd7nrm"
)

// MaxUnit is the most bytes that a unit has, footer included.
const MaxUnit = 4 << 20

// ErrNoModel says that a dictionary was not built for records.
var ErrNoModel = errors.New("the dictionary has no model of records")

// footer reads the last bytes of a tape.
func footer(foot []byte) (content, model int, sum uint32, err error) {
	if len(foot) != footerLen || string(foot[12:]) != magic {
		return 0, 0, 0, ErrNoModel
	}
	c, m := binary.LittleEndian.Uint32(foot), binary.LittleEndian.Uint32(foot[4:])
	if uint64(c)+uint64(m) > MaxUnit-footerLen {
		return 0, 0, 0, fmt.Errorf("%w: it states %d bytes of content and %d of model, limit %d", ErrNoModel, c, m, MaxUnit-footerLen)
	}
	return int(c), int(m), binary.LittleEndian.Uint32(foot[8:]), nil
}

// splitUnit parts a unit into content and model.
func splitUnit(unit []byte) (content, model []byte, err error) {
	rest := unit[:max(len(unit)-footerLen, 0)]
	n, m, sum, err := footer(unit[len(rest):])
	if err != nil {
		return nil, nil, err
	}
	if n+m != len(rest) {
		return nil, nil, fmt.Errorf("%w: it states %d bytes, and there are %d", ErrNoModel, n+m, len(rest))
	}
	if crc32.Checksum(rest, castagnoli) != sum {
		return nil, nil, fmt.Errorf("%w: its checksum is wrong", ErrNoModel)
	}
	return rest[:n], rest[n:], nil
}

// joinUnit makes a unit.
func joinUnit(content, model []byte) []byte {
	unit := append(slices.Clip(content), model...)
	sum := crc32.Checksum(unit, castagnoli)
	unit = binary.LittleEndian.AppendUint32(unit, uint32(len(content)))
	unit = binary.LittleEndian.AppendUint32(unit, uint32(len(model)))
	unit = binary.LittleEndian.AppendUint32(unit, sum)
	return append(unit, magic...)
}

// coding is what reads or writes statistics: the same walk for both.
type coding struct {
	enc *rans.Encoder // nil: decode
	dec rans.Decoder
}

func (c *coding) bit(p *rans.Prob, v uint32) uint32 {
	if c.enc != nil {
		c.enc.Bit(p, v)
		return v
	}
	return c.dec.Bit(p)
}

func (c *coding) tree(m []rans.Prob, n int, v uint32) uint32 {
	if c.enc != nil {
		c.enc.Tree(m, n, v)
		return v
	}
	return c.dec.Tree(m, n)
}

func (c *coding) int(m *rans.Int, v uint64) uint64 {
	if c.enc != nil {
		c.enc.Int(m, v)
		return v
	}
	return c.dec.Int(m)
}

// pack returns the bytes of statistics over content.
func (st *statistics) pack(content []byte) []byte {
	var e rans.Encoder
	c := coding{enc: &e}
	if err := st.walk(&c, content); err != nil {
		panic(err) // of our own making
	}
	return e.Append(nil)
}

// unpackStatistics reads what pack wrote.
func unpackStatistics(model, content []byte) (*statistics, error) {
	var c coding
	if err := c.dec.Reset(model); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoModel, err)
	}
	st := &statistics{contexts: map[uint32][]uint8{}}
	if err := st.walk(&c, content); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoModel, err)
	}
	if err := c.dec.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoModel, err)
	}
	return st, nil
}

// maxPhrases is how many phrases a model has at most.
const maxPhrases = 1 << 14

// walk codes, or decodes into st, its parts in their order.
func (st *statistics) walk(c *coding, content []byte) error {
	// Contexts, the shorter first, each beside the classes of the one that it escapes to.
	var byParent [4]classModels
	top := st.context(c, &byParent[0], contextKey(0, 0), make([]uint8, symbols))
	var has [4]rans.Prob
	for c1 := range uint32(256) {
		key := contextKey(1, c1)
		if c.bit(&has[1], present(st.contexts, key)) == 0 {
			continue
		}
		one := st.context(c, &byParent[1], key, top)
		if c.bit(&has[0], st.hasLonger(c, 2, c1)) == 0 {
			continue
		}
		for c2 := range uint32(256) {
			key := contextKey(2, c2<<8|c1)
			if c.bit(&has[2], present(st.contexts, key)) == 0 {
				continue
			}
			two := st.context(c, &byParent[2], key, one)
			if len(st.contexts) > maxContexts {
				return fmt.Errorf("more than %d contexts", maxContexts)
			}
			if c.bit(&has[0], st.hasLonger(c, 3, c2<<8|c1)) == 0 {
				continue
			}
			for c3 := range uint32(256) {
				key := contextKey(3, c3<<16|c2<<8|c1)
				if c.bit(&has[3], present(st.contexts, key)) == 0 {
					continue
				}
				st.context(c, &byParent[3], key, two)
				if len(st.contexts) > maxContexts {
					return fmt.Errorf("more than %d contexts", maxContexts)
				}
			}
		}
	}
	// Numbers.
	var plain [numbers][classes]rans.Prob
	for k, size := range numberSizes {
		if c.enc == nil {
			st.number[k] = make([]uint8, size)
		}
		for i := range size {
			st.number[k][i] = max(uint8(c.tree(plain[k][:], 5, uint32(st.number[k][i]))), 1)
		}
	}
	return st.walkPhrases(c, content)
}

// maxContexts is how many contexts a model has at most.
const maxContexts = 1 << 14

func (st *statistics) walkPhrases(c *coding, content []byte) error {
	var count, gap, length, same rans.Int
	var globals [classes]rans.Prob
	var more [3]rans.Prob
	var before rans.Prob
	var other [256]rans.Prob
	var local [classes][classes]rans.Prob
	n := c.int(&count, uint64(len(st.phrases)))
	if n > maxPhrases {
		return fmt.Errorf("%d phrases, limit %d", n, maxPhrases)
	}
	if c.enc == nil {
		st.phrases, st.global = make([]phrase, n), make([]uint8, n)
	}
	var last phrase
	for i := range st.phrases {
		p := &st.phrases[i]
		g := c.int(&gap, uint64(p.pos-last.pos))
		l := uint64(2)
		if g == 0 && i > 0 {
			l = uint64(last.len) + 1
			l += min(c.int(&same, uint64(p.len)-l), maxPhrase)
		} else {
			l += min(c.int(&length, uint64(p.len)-l), maxPhrase)
		}
		if l > maxPhrase || g > uint64(len(content)) || uint64(last.pos)+g+l > uint64(len(content)) {
			return fmt.Errorf("phrase %d is none", i)
		}
		*p = phrase{last.pos + uint32(g), uint32(l)}
		last = *p
		st.global[i] = max(uint8(c.tree(globals[:], 5, uint32(st.global[i]))), 1)
		// The bytes before it that know it, ascending but for the one that stands before it on the tape, which is first.
		prev := byte(0)
		if p.pos > 0 {
			prev = content[p.pos-1]
		}
		put := func(b byte) {
			v := uint8(c.tree(local[st.global[i]][:], 5, uint32(st.after[b][i])))
			if st.after[b] == nil {
				st.after[b] = map[int]uint8{}
			}
			st.after[b][i] = max(v, 1)
		}
		if c.bit(&before, known(st.after[prev], i)) == 1 {
			put(prev)
		}
		next := 0
		for k := 0; ; k++ {
			b := next
			for ; c.enc != nil && b < 256 && (byte(b) == prev || known(st.after[b], i) == 0); b++ {
			}
			if c.bit(&more[min(k, 2)], flag(b < 256 && c.enc != nil)) == 0 {
				break
			}
			b = int(c.tree(other[:], 8, uint32(b)&0xff))
			if b < next || byte(b) == prev {
				return fmt.Errorf("phrase %d has its bytes out of order", i)
			}
			put(byte(b))
			next = b + 1
			if next > 255 {
				break
			}
		}
	}
	var escape [classes]rans.Prob
	for b := range st.after {
		if len(st.after[b]) == 0 {
			continue
		}
		v := uint8(c.tree(escape[:], 5, uint32(st.after[b][-1])))
		st.after[b][-1] = max(v, 1)
	}
	return nil
}

// classModels are for the classes of a symbol, by its class in the shorter context; or, classes further, by the nearest that knows it.
type classModels [2 * classes][classes]rans.Prob

// context codes the classes of one context, beside those that it escapes to, and returns what it gives to longer ones. The empty context
// knows every byte and kind; every other one the escape.
func (st *statistics) context(c *coding, models *classModels, key uint32, parent []uint8) []uint8 {
	if c.enc == nil {
		st.contexts[key] = make([]uint8, symbols)
	}
	own := st.contexts[key]
	below := make([]uint8, symbols)
	for s := range own {
		m := &models[parent[s]]
		switch {
		case key == 0 && s == symEscape:
			continue
		case key == 0 || s == symEscape:
			own[s] = max(uint8(c.tree(m[:], 5, uint32(own[s]))), 1)
		case c.bit(&m[0], flag(own[s] > 0)) == 1:
			own[s] = max(uint8(c.tree(m[:], 5, uint32(own[s]))), 1)
		}
		below[s] = own[s]
		if own[s] == 0 {
			below[s] = parent[s] | classes
		}
	}
	return below
}

// hasLonger reports whether there are contexts of n bytes that end with these; who decodes will see.
func (st *statistics) hasLonger(c *coding, n int, last uint32) uint32 {
	if c.enc == nil {
		return 0
	}
	for b := range uint32(256) {
		if present(st.contexts, contextKey(n, b<<(8*(n-1))|last)) == 1 {
			return 1
		}
	}
	return 0
}

func present(m map[uint32][]uint8, key uint32) uint32 { return flag(m[key] != nil) }

func known(m map[int]uint8, i int) uint32 {
	_, ok := m[i]
	return flag(ok)
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// model is what coding needs, made from statistics.
type model struct {
	content []byte

	contexts []followers
	order1   [256]uint16
	order2   []uint16   // by c2<<8 | c1
	longer   []uint16   // of a context of two bytes, its table in order3; 0 is one in which nothing is
	order3   []uint16   // by table << 8 | c3
	phrases  []phrase   // by number
	after    [256]*dist // of numbers of phrases + 1; 0 is the escape
	global   dist       // of numbers of phrases + 1
	number   [numbers]dist
	place    uint32 // bits of a place below its class
}

func newModel(st *statistics, content []byte) *model {
	m := &model{content: content, phrases: st.phrases, order2: make([]uint16, 1<<16)}
	keys := make([]uint32, 0, len(st.contexts))
	for k := range st.contexts {
		keys = append(keys, k)
	}
	slices.Sort(keys) // the shorter first
	ids := map[uint32]uint16{}
	m.order3 = make([]uint16, 256)
	m.longer = make([]uint16, len(keys))
	for i, key := range keys {
		n := int(key >> 24)
		c := followers{dist: newDist(st.contexts[key], contextBits)}
		id := uint16(i)
		ids[key] = id
		last := key & 0xffffff
		switch n {
		case 1:
			m.order1[last] = id
		case 2:
			c.parent = ids[contextKey(1, last)]
			m.order2[last] = id
		case 3:
			two := ids[contextKey(2, last)]
			c.parent = two
			if m.longer[two] == 0 {
				m.longer[two] = uint16(len(m.order3) >> 8)
				m.order3 = append(m.order3, make([]uint16, 256)...)
			}
			m.order3[uint32(m.longer[two])<<8|last>>16] = id
		}
		m.contexts = append(m.contexts, c)
	}
	for i, id := range m.order2 {
		if id == 0 {
			m.order2[i] = m.order1[i&0xff]
		}
	}
	for k := range m.number {
		m.number[k] = newDist(st.number[k], numberBits)
	}
	if len(st.phrases) > 0 {
		m.global = newDist(append([]uint8{0}, st.global...), phraseBits)
	}
	for b, list := range st.after {
		if len(list) == 0 {
			continue
		}
		class := make([]uint8, len(st.phrases)+1)
		for i, c := range list {
			class[i+1] = c
		}
		d := newDist(class, phraseBits)
		m.after[b] = &d
	}
	m.place = placeBits(len(content))
	return m
}

// placeBits says by how many bits a place on a tape of n bytes is longer than its class.
func placeBits(n int) uint32 {
	k := uint32(0)
	for (n-1)>>k >= placeClasses {
		k++
	}
	return k
}

// context returns the context after bytes, the last in the lowest byte of h.
func (m *model) context(h uint32) uint16 {
	id := m.order2[h&0xffff]
	if long := m.order3[uint32(m.longer[id])<<8|h>>16&0xff]; long != 0 {
		id = long
	}
	return id
}

// numberClass returns the class of n, and how many bits behind it say the rest: 0 to 3 are their own, then two for each power of 2.
func numberClass(n uint32) (class, extra uint32) {
	if n < 4 {
		return n, 0
	}
	k := uint32(0)
	for n>>k >= 4 {
		k++
	}
	return k*2 + n>>k, k
}

// numberBase returns the least number of a class, and how many bits follow.
func numberBase(class uint32) (base, extra uint32) {
	if class < 4 {
		return class, 0
	}
	k := class/2 - 1
	return (2 + class&1) << k, k
}
