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

func TestFindFollowsInsertions(t *testing.T) {
	ref := noise(20000, 1)
	raw := slices.Concat(fragments(ref[:5000]), noise(40, 2), fragments(ref[5000:9000]), fragments(ref[9100:]))
	found := Find(raw, ref, []Segment{{0, 0}})
	f := NewFollower(ref, len(raw), append([]Segment{{0, 0}}, found...))
	wrong := 0
	for i, c := range raw {
		want := i
		switch {
		case i >= 9040:
			want = i - 40 + 100
		case i >= 5040:
			want = i - 40
		case i >= 5000:
			want = f.Ptr
		}
		if f.Ptr != want {
			wrong++
		}
		f.Add(c)
	}
	if len(found) < 2 || len(found) > 6 || wrong > 150 {
		t.Errorf("%d segments, %d bytes beside the diagonal: %v", len(found), wrong, found)
	}
}

// What is a plain match is left to the follower.
func TestFindLeavesMatches(t *testing.T) {
	ref := noise(50000, 1)
	raw := slices.Concat(ref[30000:40000], ref[:10000])
	if found := Find(raw, ref, nil); len(found) > 2 {
		t.Errorf("%v", found)
	}
	if found := Find(noise(10000, 5), ref, []Segment{{0, 0}}); len(found) != 0 {
		t.Errorf("noise has %v", found)
	}
	if found := Find(nil, ref, nil); len(found) != 0 {
		t.Errorf("nothing has %v", found)
	}
}

func TestSegments(t *testing.T) {
	given := []Segment{{0, 5}, {100, 700}}
	for _, found := range [][]Segment{nil, {{8, 0}}, {{16, 21}, {99, 104}, {100, 1}, {199, 999}}} {
		data := AppendSegments(nil, found, given)
		got, err := ReadSegments(data, 200, 1000, given)
		if err != nil || !slices.Equal(got, found) {
			t.Errorf("%v became %v, %v", found, got, err)
		}
	}
	far := AppendSegments(nil, []Segment{{16, 21}}, given)
	for _, c := range []struct{ n, m int }{{16, 1000}, {0, 1000}, {200, 21}, {200, 0}} {
		if got, err := ReadSegments(far, c.n, c.m, given); err == nil {
			t.Errorf("%v in %d bytes beside %d", got, c.n, c.m)
		}
	}
	if got, err := ReadSegments(append(far, 0), 200, 1000, given); err == nil {
		t.Errorf("%v, and a byte too many", got)
	}
}

func FuzzReadSegments(f *testing.F) {
	f.Add(AppendSegments(nil, []Segment{{16, 21}, {99, 104}}, nil), 200, 1000)
	f.Add([]byte{}, 10, 10)
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 127}, 1<<22, 1<<23)
	f.Fuzz(func(t *testing.T, data []byte, n, m int) {
		if n < 0 || m < 0 || n > 1<<22 || m > 1<<23 {
			return
		}
		got, err := ReadSegments(data, n, m, nil)
		if err != nil {
			return
		}
		last := -1
		for _, s := range got {
			if s.At <= last || s.At >= n || s.Ref < 0 || s.Ref >= m {
				t.Fatalf("%v in %d bytes beside %d", got, n, m)
			}
			last = s.At
		}
		if again, err := ReadSegments(AppendSegments(nil, got, nil), n, m, nil); err != nil || !slices.Equal(again, got) {
			t.Fatalf("%v became %v, %v", got, again, err)
		}
	})
}
