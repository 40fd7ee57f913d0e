package align

import (
	"encoding/binary"
	"math/bits"
)

// Follower knows, at every byte of a text, which bytes are expected next: it follows the reference along a diagonal, across bytes that differ, and
// besides the latest place at which the last bytes stood before, and that place of the reference, after those bytes, which is nearest to the diagonal. Reader and writer run the same one.
type Follower struct {
	Win []byte // reference, then what is known of the text

	segments []Segment // those to come

	// The diagonal.
	Ptr     int    // in Win, of the expected byte; -1 if there is none
	Run     int    // bytes in a row that were as expected
	Misses  uint32 // of the latest 32 bytes, the last lowest: 1 where another byte came
	Along   int    // bytes since the diagonal changed
	Changed bool   // at this byte

	// The match. It goes on across bytes that differ, until they are too many.
	Match       int    // in Win, of the expected byte
	Len         int    // bytes in a row that agreed before it, at least 1; 0 if there is no match
	MatchMisses uint32 // as Misses

	// The place nearby.
	Near    int // in the reference, of the expected byte
	NearLen int // bytes that agreed before it; 0 if there is none

	// Offered says that the text may go on from Near as its diagonal: whoever has the text decides, and Accept makes it so.
	Offered bool
	Least   int // NearLen of what is offered, at least LeastNear

	heads     []uint32
	shift     uint
	refs      []places
	refsShift uint
	close     Nearby
	ref       int
}

// places are the latest of a hash, the last one first.
type places [4]uint32

const (
	matchBytes = 6  // that have to agree
	matchMost  = 40 // that are compared
	lost       = 4  // bytes of sixteen that differ, and a match is given up
	LeastNear  = 6  // bytes that agree before a place nearby that is offered, at least
	offerLeast = 2  // bytes of sixteen that differ on the diagonal, before another is offered
)

// NewFollower returns one at the begin of a text of n bytes. The reference is copied unless n + 8 bytes fit in behind it.
func NewFollower(ref []byte, n int, segments []Segment) *Follower {
	f := &Follower{segments: segments, ref: len(ref), Ptr: -1, Least: LeastNear}
	if f.Win = ref; cap(ref) < len(ref)+n+8 {
		f.Win = append(make([]byte, 0, len(ref)+n+8), ref...)
	}
	b := min(max(bits.Len(uint(len(ref)+n)), 12), 19)
	f.heads = make([]uint32, 1<<b)
	f.shift = uint(64 - b)
	b = min(max(bits.Len(uint(len(ref))), 10), 16)
	f.refs = make([]places, 1<<b)
	f.refsShift = uint(64 - b)
	for p := 8; p < len(ref); p++ {
		h := hash(f.Win[p-8:])
		f.heads[h>>f.shift] = uint32(p)
		f.refs[h>>f.refsShift].put(uint32(p))
	}
	f.close.Reset(f.Win[:f.ref:f.ref])
	f.look()
	return f
}

// hash is one of the last six of eight bytes.
func hash(b []byte) uint64 {
	return binary.LittleEndian.Uint64(b) >> (64 - 8*matchBytes) * 0x9e3779b97f4a7c15
}

// put adds a place; of places in a row it keeps one.
func (x *places) put(p uint32) {
	if x[0]+1 != p {
		copy(x[1:], x[:3])
	}
	x[0] = p
}

// Add tells of the next byte.
func (f *Follower) Add(c byte) { f.add(c, f.Ptr >= 0 && f.Win[f.Ptr] == c) }

// AddExpected tells of the next byte, which somebody expected who knows more of the diagonal than the byte on it.
func (f *Follower) AddExpected(c byte) { f.add(c, true) }

func (f *Follower) add(c byte, expected bool) {
	if f.Ptr >= 0 {
		f.Misses <<= 1
		if expected {
			f.Run++
		} else {
			f.Run = 0
			f.Misses |= 1
		}
		f.Ptr++
		f.Along++
	}
	if f.Len > 0 {
		f.MatchMisses <<= 1
		if f.Win[f.Match] == c {
			f.Len++
		} else {
			f.MatchMisses |= 1
			f.Len = 1
			if bits.OnesCount32(f.MatchMisses&0xffff) > lost {
				f.Len = 0
			}
		}
		f.Match++
	}
	if f.NearLen > 0 {
		if f.Win[f.Near] == c && f.Near+1 < f.ref {
			f.NearLen++
			f.Near++
		} else {
			f.NearLen = 0
		}
	}
	f.Win = append(f.Win, c)
	f.look()
}

// look finds what is expected next.
func (f *Follower) look() {
	p := len(f.Win)
	f.Changed = false
	for len(f.segments) > 0 && f.segments[0].At <= p-f.ref {
		if s := f.segments[0]; s.At == p-f.ref {
			f.change(s.Ref, 8)
		}
		f.segments = f.segments[1:]
	}
	found := false
	if p >= 8 {
		h := hash(f.Win[p-8:])
		head := &f.heads[h>>f.shift]
		if f.Len < matchBytes {
			if c := int(*head); c > 0 && c != f.Ptr && (f.Len == 0 || c != f.Match) {
				if n := f.common(c, p); n >= matchBytes {
					f.Match, f.Len, f.MatchMisses = c, n, 0
				}
			}
		}
		*head = uint32(p)
		if f.Ptr >= 0 && f.Ptr < f.ref {
			f.close.Keep(f.Ptr, p)
		}
		if f.NearLen == 0 {
			f.Near, f.NearLen = f.nearby(&f.refs[h>>f.refsShift], p)
			found = true
		}
	}
	if f.NearLen > 0 && f.Near == f.Ptr {
		f.NearLen = 0
	}
	f.Offered = (f.NearLen == f.Least || found && f.NearLen > f.Least) && (f.Ptr < 0 || bits.OnesCount32(f.Misses&0xffff) >= offerLeast)
	if f.Len > 0 && f.Match == f.Ptr {
		f.Len = 0
	}
	if f.Len > 0 && f.Ptr < 0 && f.ref == 0 {
		n := f.Len
		f.Len = 0
		f.change(f.Match, n)
	}
}

// nearby returns, of the places before which the most bytes agree with those before p, the one that is nearest to the diagonal, and how many these are. Of two that are as
// near, it is the one behind.
func (f *Follower) nearby(x *places, p int) (at, n int) {
	better := func(c, least int) {
		if c == f.Ptr {
			return
		}
		k := f.common(c, p)
		if k < least || k < n {
			return
		}
		if d, e := abs(c-f.Ptr), abs(at-f.Ptr); k > n || d < e || d == e && c > at {
			at, n = c, k
		}
	}
	for _, c := range x {
		if c > 0 {
			better(int(c), matchBytes)
		}
	}
	var found [NearbyPlaces]int
	for _, c := range f.close.Find(&found, binary.LittleEndian.Uint32(f.Win[p-4:])) {
		if c += 4; c < f.ref {
			better(c, 4)
		}
	}
	return at, n
}

func abs(x int) int { return max(x, -x) }

func (f *Follower) change(ptr, run int) {
	f.Ptr, f.Run, f.Misses, f.Along, f.Changed = ptr, run, 0, 0, true
}

// Accept makes the place nearby that of the diagonal.
func (f *Follower) Accept() { f.turn(f.Near, f.NearLen) }

// Turn makes ref, a place of the reference, that of the diagonal.
func (f *Follower) Turn(ref int) { f.turn(ref, 8) }

func (f *Follower) turn(ptr, run int) {
	f.change(ptr, run)
	f.Offered = false
	if f.NearLen > 0 && f.Near == ptr {
		f.NearLen = 0
	}
	if f.Len > 0 && f.Match == ptr {
		f.Len = 0
	}
}

func (f *Follower) common(a, b int) int {
	n := 0
	for n < matchMost && a-n > 0 && f.Win[a-n-1] == f.Win[b-n-1] {
		n++
	}
	return n
}
