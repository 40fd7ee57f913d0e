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
	window    = 64         // bytes over which diagonals are compared
	ahead     = 7 * window // bytes behind it that are looked at for what comes later
	good      = 3          // quarters of a window which, if equal, leave no doubt
	seedLen   = 12         // bytes of an exact match that proposes a diagonal farther away
	reach     = 1024       // bytes around the diagonal that are searched
	leastWait = 8          // bytes between searches at first
	patience  = 512        // bytes after which a search is tried again where none succeeds
	fewer     = 6          // of the bytes of a table, one in so many may be equal less often on other rows, which are the right ones
)

// Finder finds the places at which a text had better leave the diagonal of its follower.
type Finder struct {
	raw, ref []byte
	gain     int // bytes more that are equal on a diagonal worth changing to
	f        *Follower
	heads    []int32
	shift    uint

	begin int // of the diagonal, in raw
	next  int // byte at which to search again
	wait  int // bytes to the search after a vain one

	rows Rows
	look int // byte from which on it is asked
}

// NewFinder returns a finder for a text at whose begin f is; so many bytes must be gained.
func NewFinder(raw []byte, gain int, f *Follower) *Finder {
	a := &Finder{raw: raw, ref: f.Win[:f.ref:f.ref], gain: gain, f: f, wait: leastWait}
	a.seed()
	a.rows.Reset(a.ref)
	return a
}

// Find returns the place of the reference from which the diagonal should go on at raw[i], where the follower is, if there is one.
func (a *Finder) Find(i int) (ref int, ok bool) {
	f := a.f
	if to := i + Surveyed; i >= a.look && f.left(len(a.raw)-i) >= Surveyed {
		a.look = to
		b, now := a.raw[i:to], a.at(f.Ptr)
		if f.Len > 0 && Equal(b, a.at(f.Match)) > Equal(b, now) {
			now = a.at(f.Match)
		}
		if ref, ok := a.rows.Find(b, now); ok && Equal(b, a.ref[ref:])+len(b)/fewer >= Equal(b, now) { // in tables, about as many are the same on any row
			return ref, true
		}
	}
	if begin := i - f.Along; f.Ptr >= 0 && begin > a.begin {
		a.begin, a.next, a.wait = begin, i, leastWait
	}
	if i < a.next {
		return 0, false
	}
	ref, ok, sure := a.search(i, i+f.left(len(a.raw)-i))
	switch {
	case sure:
		a.next, a.wait = i+window/4, leastWait
	case !ok:
		a.next = i + a.wait
		a.wait = min(a.wait*2, patience)
	}
	return ref, ok
}

// at returns what stands in reference and text from a place of Win on, known or not.
func (a *Finder) at(ptr int) []byte {
	switch {
	case ptr < 0:
		return nil
	case ptr < a.f.ref:
		return a.ref[ptr:]
	}
	return a.raw[ptr-a.f.ref:]
}

// A change of the diagonal costs some ten bits, and those that say how far it goes. In text, which says much about its next byte by itself, a byte on the
// diagonal saves fewer of them than in machine code.
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
func LeastOffer(gain int) int { return LeastNear + (gain-leastGain)*11/8 }

// Worth reports whether what is offered should be accepted where b comes next: as Find would, if twice as much is gained as it asks for, for the bytes
// on the way have been found already.
func (f *Follower) Worth(b []byte, gain int) bool {
	b = b[:f.left(len(b))]
	near, later := f.equal(b, f.Near, f.ref)
	cur, curLater := f.equal(b, f.Ptr, len(f.Win))
	return near >= cur+asked(gain*2, later-curLater)
}

// left returns how many of the next n bytes come before the next segment.
func (f *Follower) left(n int) int {
	if len(f.segments) > 0 {
		n = min(n, f.segments[0].At-(len(f.Win)-f.ref))
	}
	return n
}

// equal counts the bytes of b that agree with those known from ptr to end, in the window and ahead of it.
func (f *Follower) equal(b []byte, ptr, end int) (n, later int) {
	if ptr < 0 || ptr >= end {
		return 0, 0
	}
	win := f.Win[ptr:end]
	n = Equal(b[:min(len(b), window)], win)
	if len(b) > window && len(win) > window {
		later = Equal(b[window:min(len(b), window+ahead)], win[window:])
	}
	return n, later
}

// asked returns how many bytes a window must gain instead of gain if so many more are equal ahead of it.
func asked(gain, later int) int { return gain - min(max(later/8, -gain/2), gain*3/4) }

// finds reports whether a follower at ptr on its diagonal would find the place at of the reference, after the bytes that stand before it.
func (f *Follower) finds(at, ptr int) bool {
	h := hash(f.Win[at-8:])
	if int(f.heads[h>>f.shift]) == at {
		return true
	}
	places := &f.refs[h>>f.refsShift]
	if !slices.Contains(places[:], uint32(at)) {
		var found [NearbyPlaces]int
		return slices.Contains(f.close.Find(&found, binary.LittleEndian.Uint32(f.Win[at-4:])), at-4)
	}
	for _, c := range places {
		if c := int(c); c >= 8 && abs(c-ptr) < abs(at-ptr) && [8]byte(f.Win[c-8:]) == [8]byte(f.Win[at-8:]) {
			return false
		}
	}
	return true
}

func (a *Finder) seed() {
	n := bits.Len(uint(len(a.ref)))
	n = min(max(n, 8), 20)
	a.shift = uint(64 - n)
	a.heads = make([]int32, 1<<n)
	for i := 0; i+seedLen <= len(a.ref); i++ {
		a.heads[a.key(a.ref[i:])] = int32(i + 1)
	}
}

func (a *Finder) key(b []byte) uint64 {
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

// search looks for a better diagonal for raw[i:to] than the one that the follower is on, whose place is returned. It is sure if it need not look.
func (a *Finder) search(i, to int) (ref int, ok, sure bool) {
	f := a.f
	long := a.raw[i:min(i+window+ahead, to)]
	b := long[:min(len(long), window)]
	cur, later := f.equal(long, f.Ptr, len(f.Win))
	if f.Len > 0 {
		n, m := f.equal(long, f.Match, len(f.Win))
		cur, later = max(cur, n), max(later, m)
	}
	if cur*4 >= len(b)*good {
		return 0, false, true
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
	if at < 0 {
		return 0, false, false
	}
	_, n := f.equal(long, at, len(a.ref))
	least := asked(a.gain+bits.Len(uint(abs(at-f.Ptr)))*(a.gain+12)/24, n-later)
	if best < cur+least {
		return 0, false, false
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
	if best < known+least {
		return 0, false, known > len(b)/2
	}
	return at, true, false
}

// score is how many bytes of b agree with the reference from ptr on.
func (a *Finder) score(b []byte, ptr int) int {
	if ptr < 0 || ptr >= len(a.ref) {
		return 0
	}
	return Equal(b, a.ref[ptr:])
}
