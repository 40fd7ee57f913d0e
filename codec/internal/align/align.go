// Package align finds which bytes of a reference the bytes of a text replace. Edited text and recompiled machine code resemble
// what they come from along diagonals: raw[i] is about ref[i+d] as long as only bytes are exchanged, and d changes where some are inserted or removed.
// Few bytes need be equal on a diagonal: half of them will do, as in Percival, "Naive Differences of Executable Code", 2003.
package align

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Segment says that raw[At] replaces ref[Ref], the next byte the next, and so on to the next segment.
type Segment struct{ At, Ref int }

const (
	window   = 64   // bytes over which diagonals are compared
	good     = 3    // quarters of a window which, if equal, leave no doubt
	seedLen  = 12   // bytes of an exact match that proposes a diagonal farther away
	reach    = 1024 // bytes around the diagonal that are searched
	gapLeast = 8    // bytes between segments at least, and between searches at first
	patience = 512  // bytes after which a search is tried again where none succeeds
)

// Find returns the segments that a follower of raw needs beside the given ones, in order.
func Find(raw, ref []byte, given []Segment) []Segment {
	a := aligner{raw: raw, ref: ref, gain: Gain(raw), f: NewFollower(ref, len(raw), nil)}
	a.seed()
	a.f.Least = LeastOffer(a.gain)
	f := a.f
	var out []Segment
	next, wait, to := 0, gapLeast, len(raw)
	for i := range raw {
		if len(given) > 0 && given[0].At == i || i == 0 {
			for len(given) > 0 && given[0].At == i {
				f.change(given[0].Ref, 8)
				given = given[1:]
			}
			to = len(raw)
			if len(given) > 0 {
				to = given[0].At
			}
			next, wait = i, gapLeast
		}
		if f.Offered && f.Worth(raw[i:to], a.gain) {
			f.Accept()
			next, wait = i+window/4, gapLeast
		}
		if i >= next {
			if s, ok, sure := a.search(i, to); ok {
				out = append(out, s)
				f.change(s.Ref, 8)
				next, wait = i+window/4, gapLeast
			} else if sure {
				next, wait = i+window/4, gapLeast
			} else {
				next = i + wait
				wait = min(wait*2, patience)
			}
		}
		f.Add(raw[i])
	}
	return out
}

// A change of the diagonal costs some twenty bits. In text, which says much about its next byte by itself, a byte on the diagonal saves
// fewer of them than in machine code.
const (
	leastGain = 12
	mostGain  = 28
)

// Gain says how many bytes must be gained for a change of the diagonal, from how often the byte comes that followed the last three before.
func Gain(raw []byte) int {
	const size = 16
	var next [1 << size]byte
	hits := 0
	for i := 3; i < len(raw); i++ {
		k := (uint32(raw[i-1]) | uint32(raw[i-2])<<8 | uint32(raw[i-3])<<16) * 0x9e3779b1 >> (32 - size)
		if next[k] == raw[i] {
			hits++
		}
		next[k] = raw[i]
	}
	return min(leastGain+max(48*hits/(len(raw)+1)-24, 0), mostGain)
}

// LeastOffer says how many bytes have to agree before a place nearby is offered where so many must be gained: in text, places where few agree are many.
func LeastOffer(gain int) int { return LeastNear + (gain-leastGain)*7/8 }

// Worth reports whether what is offered should be accepted where b comes next: as Find would, if half as much again is gained as it asks for, for the bytes
// on the way have been found already.
func (f *Follower) Worth(b []byte, gain int) bool {
	n := min(len(b), window)
	if len(f.segments) > 0 {
		n = min(n, f.segments[0].At-(len(f.Win)-f.ref))
	}
	b = b[:n]
	cur := 0
	if f.Ptr >= 0 {
		cur = Equal(b, f.Win[f.Ptr:])
	}
	return Equal(b, f.Win[f.Near:f.ref]) >= cur+gain*3/2
}

// finds reports whether a follower at ptr on its diagonal would find the place at of the reference, after the bytes that stand before it.
func (f *Follower) finds(at, ptr int) bool {
	h := hash(f.Win[at-8:])
	if int(f.heads[h>>f.shift]) == at {
		return true
	}
	places := &f.refs[h>>f.refsShift]
	if !slices.Contains(places[:], uint32(at)) {
		return false
	}
	for _, c := range places {
		if c := int(c); c >= 8 && abs(c-ptr) < abs(at-ptr) && [8]byte(f.Win[c-8:]) == [8]byte(f.Win[at-8:]) {
			return false
		}
	}
	return true
}

type aligner struct {
	raw, ref []byte
	gain     int // bytes more that are equal on a diagonal worth changing to
	f        *Follower
	heads    []int32
	shift    uint
}

func (a *aligner) seed() {
	n := bits.Len(uint(len(a.ref)))
	n = min(max(n, 8), 20)
	a.shift = uint(64 - n)
	a.heads = make([]int32, 1<<n)
	for i := 0; i+seedLen <= len(a.ref); i++ {
		a.heads[a.key(a.ref[i:])] = int32(i + 1)
	}
}

func (a *aligner) key(b []byte) uint64 {
	x := binary.LittleEndian.Uint64(b)*0x9e3779b97f4a7c15 ^ uint64(binary.LittleEndian.Uint32(b[8:]))*0xd6e8feb86659fd93
	return x * 0xbf58476d1ce4e5b9 >> a.shift
}

// Equal counts the bytes that are the same in a and b over the shorter length.
func Equal(a, b []byte) int {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	count, i := 0, 0
	for ; i+8 <= n; i += 8 {
		x := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:])
		// The top bit of every byte that is not zero.
		y := (x&0x7f7f7f7f7f7f7f7f + 0x7f7f7f7f7f7f7f7f) | x
		count += 8 - bits.OnesCount64(y&0x8080808080808080)
	}
	for ; i < n; i++ {
		if a[i] == b[i] {
			count++
		}
	}
	return count
}

// score is how many bytes of b agree with the reference from ptr on.
func (a *aligner) score(b []byte, ptr int) int {
	if ptr < 0 || ptr >= len(a.ref) {
		return 0
	}
	return Equal(b, a.ref[ptr:])
}

// search looks for a better diagonal for raw[i:to] than the one that the follower is on.
func (a *aligner) search(i, to int) (s Segment, ok, sure bool) {
	f := a.f
	b := a.raw[i:min(i+window, to)]
	cur := 0
	if f.Ptr >= 0 {
		cur = Equal(b, f.Win[f.Ptr:])
		if cur*4 >= len(b)*good {
			return s, false, true
		}
	}
	if f.Len > 0 {
		if m := Equal(b, f.Win[f.Match:]); m > cur {
			cur = m
			if cur*4 >= len(b)*good {
				return s, false, true
			}
		}
	}
	best, at := cur, -1
	if f.Ptr >= 0 && f.Ptr < len(a.ref) {
		for d := 1; d < reach; d++ {
			if s := a.score(b, f.Ptr-d); s > best {
				best, at = s, f.Ptr-d
			}
			if s := a.score(b, f.Ptr+d); s > best {
				best, at = s, f.Ptr+d
			}
		}
	}
	for j := 0; j < min(16, to-i-seedLen); j++ {
		if h := int(a.heads[a.key(a.raw[i+j:])]) - 1; h-j >= 0 {
			if s := a.score(b, h-j); s > best+4 {
				best, at = s, h-j
			}
		}
	}
	if at < 0 || best < cur+a.gain {
		return s, false, false
	}
	// What the follower would find by itself is worth nothing: the bytes of a match, as soon as it has been seen.
	known, run, match := 0, 0, false
	for j, c := range b {
		same := at+j < len(a.ref) && c == a.ref[at+j]
		if match && same || f.Ptr >= 0 && f.Ptr+j < len(f.Win) && c == f.Win[f.Ptr+j] {
			known++
		}
		if !same {
			run, match = 0, false
		} else if run++; !match && run > matchBytes && j >= 8 {
			match = f.finds(at+j+1, f.Ptr+j+1)
		}
	}
	if best < known+a.gain {
		return s, false, known > len(b)/2
	}
	return Segment{i, at}, true, false
}
