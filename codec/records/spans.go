package records

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// spanIndex finds the longest span of the content that begins as a record goes on: the places of each five bytes, in the order of what follows them.
type spanIndex struct {
	content []byte
	ends    []uint32 // of the places of each hash
	places  []uint32
	width   uint32 // bits of a hash
}

const compared = 256 // bytes by which places are ordered

func newSpanIndex(content []byte) *spanIndex {
	x := &spanIndex{content: content, width: uint32(max(bits.Len(uint(len(content))), 8))}
	x.ends = make([]uint32, 1<<x.width+1)
	n := max(len(content)-7, 0) // a hash reads eight bytes
	for i := range n {
		x.ends[x.hash(content[i:])+1]++
	}
	for i := range x.ends[1:] {
		x.ends[i+1] += x.ends[i]
	}
	x.places = make([]uint32, n)
	at := slices.Clone(x.ends)
	for i := range n {
		h := x.hash(content[i:])
		x.places[at[h]] = uint32(i)
		at[h]++
	}
	for h := range 1 << x.width {
		slices.SortFunc(x.places[x.ends[h]:x.ends[h+1]], func(a, b uint32) int {
			if c := bytes.Compare(x.from(a), x.from(b)); c != 0 {
				return c
			}
			return int(a) - int(b)
		})
	}
	return x
}

func (x *spanIndex) from(at uint32) []byte {
	return x.content[at:min(int(at)+compared, len(x.content))]
}

// hash is of the first five of eight bytes.
func (x *spanIndex) hash(b []byte) uint32 {
	return uint32(binary.LittleEndian.Uint64(b) << 24 * hashPrime8 >> (64 - x.width))
}

// longest returns the place and the length of the longest span that b begins with; 0 if it is shorter than minTape.
func (x *spanIndex) longest(b []byte) (place, n uint32) {
	if len(b) < 8 {
		return 0, 0
	}
	h := x.hash(b)
	list := x.places[x.ends[h]:x.ends[h+1]]
	lo, hi := 0, len(list)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		rest := x.content[list[mid]:]
		k := common(rest, b)
		if k > n {
			place, n = list[mid], k
		}
		if int(k) == len(b) {
			break
		}
		if int(k) < len(rest) && rest[k] > b[k] {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if n < minTape {
		return 0, 0
	}
	return place, n
}

// grams finds the place where eight bytes stand first in the content, by one look: an entry is 1 + the place, in 22 bits, and 10 more of the hash.
type grams struct {
	entries []uint32
	shift   uint32
}

const gramPlace = 1<<22 - 1 // MaxUnit

func newGrams(content []byte) *grams {
	// A place for each four bytes is enough, and near.
	width := max(bits.Len(uint(len(content)/4)), 8)
	g := &grams{make([]uint32, 1<<width), uint32(64 - width)}
	for i := len(content) - 8; i >= 0; i-- {
		h := binary.LittleEndian.Uint64(content[i:]) * hashPrime8
		g.entries[h>>g.shift] = uint32(h>>10)&^gramPlace | uint32(i+1)
	}
	return g
}

// find returns 1 + the place of eight bytes, by their hash, or 0.
func (g *grams) find(hash uint64) uint32 {
	x := g.entries[hash>>g.shift]
	if (x^uint32(hash>>10))&^gramPlace != 0 {
		return 0
	}
	return x & gramPlace
}

// common returns how many bytes a and b begin with alike.
func common(a, b []byte) uint32 {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if d := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); d != 0 {
			return uint32(i + bits.TrailingZeros64(d)/8)
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return uint32(i)
}
