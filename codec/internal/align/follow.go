package align

import (
	"encoding/binary"
	"math/bits"
)

// Follower knows, at every byte of a text, which bytes are expected next: it follows the reference along a diagonal, across bytes that differ, and
// besides the latest place at which the last bytes stood before. Reader and writer run the same one.
type Follower struct {
	Win []byte // reference, then what is known of the text

	segments []Segment // those to come

	// The diagonal.
	Ptr     int    // in Win, of the expected byte; -1 if there is none
	Run     int    // bytes in a row that were as expected
	Misses  uint32 // of the latest 32 bytes, the last lowest: 1 where another byte came
	Along   int    // bytes since the diagonal changed
	Changed bool   // at this byte

	// The match.
	Match int // in Win, of the expected byte
	Len   int // bytes that agreed before it; 0 if there is no match

	heads []uint32
	shift uint
	ref   int
}

const (
	matchBytes = 6  // that have to agree
	matchMost  = 40 // that are compared
)

// NewFollower returns one at the begin of a text of n bytes. The reference is copied.
func NewFollower(ref []byte, n int, segments []Segment) *Follower {
	f := &Follower{segments: segments, ref: len(ref), Ptr: -1}
	f.Win = make([]byte, len(ref), len(ref)+n+8)
	copy(f.Win, ref)
	b := min(max(bits.Len(uint(len(ref)+n)), 12), 20)
	f.heads = make([]uint32, 1<<b)
	f.shift = uint(64 - b)
	for p := 8; p < len(ref); p++ {
		f.heads[f.key(p)] = uint32(p)
	}
	f.look()
	return f
}

func (f *Follower) key(p int) uint64 {
	x := binary.LittleEndian.Uint64(f.Win[p-8:]) >> (64 - 8*matchBytes)
	return x * 0x9e3779b97f4a7c15 >> f.shift
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
		if f.Win[f.Match] == c {
			f.Len++
			f.Match++
		} else {
			f.Len = 0
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
	if p >= 8 {
		k := f.key(p)
		if f.Len == 0 {
			if c := int(f.heads[k]); c > 0 && c != f.Ptr {
				if n := f.common(c, p); n >= matchBytes {
					f.Match, f.Len = c, n
				}
			}
		}
		f.heads[k] = uint32(p)
	}
	if f.Len > 0 && f.Match == f.Ptr {
		f.Len = 0
	}
	if f.Len > 0 && f.Ptr < 0 && f.ref == 0 {
		n := f.Len
		f.Len = 0
		f.change(f.Match, n)
	}
}

func (f *Follower) change(ptr, run int) {
	f.Ptr, f.Run, f.Misses, f.Along, f.Changed = ptr, run, 0, 0, true
}

func (f *Follower) common(a, b int) int {
	n := 0
	for n < matchMost && a-n > 0 && f.Win[a-n-1] == f.Win[b-n-1] {
		n++
	}
	return n
}

func (f *Follower) keyOf(b []byte) uint64 {
	x := binary.LittleEndian.Uint64(b) >> (64 - 8*matchBytes)
	return x * 0x9e3779b97f4a7c15 >> f.shift
}
