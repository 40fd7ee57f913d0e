package align

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestNearby compares what is found with what stands in the stretches that have been kept, as far as no hash has had more places.
func TestNearby(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	ref := make([]byte, 20*nearbyStretch+100)
	for i := range ref {
		ref[i] = byte(rng.Uint32())
	}
	copy(ref[5000:], ref[4000:4100]) // so that some stand twice
	var n Nearby
	find := func(p int) []int {
		var found [NearbyPlaces]int
		return slices.Clone(n.Find(&found, binary.LittleEndian.Uint32(ref[p:])))
	}
	n.Reset(ref)
	if found := find(4000); len(found) > 0 {
		t.Fatalf("found %d before anything was kept", found)
	}
	n.Keep(4000, 0)
	first, end := 4000/nearbyStretch*nearbyStretch, (4000/nearbyStretch+nearbyAhead)*nearbyStretch
	for p := range len(ref) - 3 {
		kept := first <= p && p < end
		if found := find(p); slices.Contains(found, p) != kept {
			t.Fatalf("at %d, found %d; kept are %d to %d", p, found, first, end)
		}
	}
	if found := find(4050); !slices.Equal(found, []int{4050, 5050}) {
		t.Errorf("found %d, want the place and its copy", found)
	}
	n.Keep(4000, nearbyFor-1)
	if found := find(4050); len(found) != 2 {
		t.Errorf("found %d: kept again too early", found)
	}
	n.Keep(4000, nearbyFor)
	if found := find(4050); len(found) != 4 {
		t.Errorf("found %d: not kept again", found)
	}
	n.Keep(len(ref)-1, 0)
	if last := len(ref) - 4; !slices.Contains(find(last), last) {
		t.Errorf("the last four bytes are not found")
	}
	n.Reset(ref)
	if found := find(4050); len(found) > 0 {
		t.Errorf("found %d of the reference before", found)
	}
	n.Reset(nil)
	n.Keep(0, 0)
	if found := find(0); len(found) > 0 {
		t.Errorf("found %d of no reference", found)
	}
}

// TestNearbyKeepsTheLatest has one hash with more places than it has room for.
func TestNearbyKeepsTheLatest(t *testing.T) {
	ref := make([]byte, 2*nearbyStretch)
	var n Nearby
	n.Reset(ref)
	n.Keep(0, 0)
	var found [NearbyPlaces]int
	got := n.Find(&found, 0)
	slices.Sort(got)
	for k, p := range got {
		if want := len(ref) - 3 - NearbyPlaces + k; p != want {
			t.Fatalf("found %d, want the last %d places", got, NearbyPlaces)
		}
	}
	if len(got) != NearbyPlaces {
		t.Errorf("found %d places", len(got))
	}
}
