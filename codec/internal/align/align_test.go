package align

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// fragments changes so many bytes of every word of four that no match is left, but the diagonal.
func fragments(b []byte) []byte {
	b = slices.Clone(b)
	for i := 0; i+1 < len(b); i += 4 {
		b[i] ^= 0x5a
	}
	return b
}

// follow follows raw as a writer does, and returns the segments that a finder finds and how many bytes of the text the follower was not where it should.
func follow(raw, ref []byte, given []Segment, want func(i, ptr int) int) (found []Segment, wrong int) {
	f := NewFollower(ref, len(raw), given)
	a := NewFinder(raw, Gain(raw), f)
	for i, c := range raw {
		if to, ok := a.Find(i); ok {
			found = append(found, Segment{i, to})
			f.Turn(to)
		}
		if want != nil && f.Ptr != want(i, f.Ptr) {
			wrong++
		}
		f.Add(c)
	}
	return found, wrong
}

func TestFindFollowsInsertions(t *testing.T) {
	ref := noise(20000, 1)
	raw := slices.Concat(fragments(ref[:5000]), noise(40, 2), fragments(ref[5000:9000]), fragments(ref[9100:]))
	found, wrong := follow(raw, ref, []Segment{{0, 0}}, func(i, ptr int) int {
		switch {
		case i >= 9040:
			return i - 40 + 100
		case i >= 5040:
			return i - 40
		case i >= 5000:
			return ptr
		}
		return i
	})
	if len(found) < 2 || len(found) > 6 || wrong > 150 {
		t.Errorf("%d segments, %d bytes beside the diagonal: %v", len(found), wrong, found)
	}
}

// What is a plain match is left to the follower.
func TestFindLeavesMatches(t *testing.T) {
	ref := noise(50000, 1)
	raw := slices.Concat(ref[30000:40000], ref[:10000])
	if found, _ := follow(raw, ref, nil, nil); len(found) > 2 {
		t.Errorf("%v", found)
	}
	if found, _ := follow(noise(10000, 5), ref, []Segment{{0, 0}}, nil); len(found) != 0 {
		t.Errorf("noise has %v", found)
	}
	if found, _ := follow(nil, ref, nil, nil); len(found) != 0 {
		t.Errorf("nothing has %v", found)
	}
}
