package align

import "encoding/binary"

// Nearby has places of a reference by the four bytes there: of those alone that are about where the reference goes on, or lately were. Four bytes stand in many places, but what has
// moved a little, or what comes behind an instruction that has changed, goes on close by.
type Nearby struct {
	ref  []byte
	at   []uint32 // the latest of each hash: eight bits more of it, place + 1
	next []uint8  // by hash
	kept []uint32 // for each stretch of the reference: how far the text was when its places were last kept, plus 1, or 0
}

// NearbyPlaces is how many places of a hash are known at most.
const NearbyPlaces = 16

const (
	nearbyBits    = 12 // of a hash
	nearbyStretch = 512
	nearbyAhead   = 5       // stretches that are kept, with that in which the reference goes on
	nearbyFor     = 1 << 16 // bytes of the text for which they are not kept again

	placeBits = 24
	placeMask = 1<<placeBits - 1
)

// Reset makes n one for ref, of at most 2^24 - 2 bytes, of which no place is kept. It lets go of the one before.
func (n *Nearby) Reset(ref []byte) {
	n.ref = ref
	n.kept = append(n.kept[:0], make([]uint32, (len(ref)+nearbyStretch-1)/nearbyStretch)...)
	if len(ref) == 0 {
		return
	}
	if n.at == nil {
		n.at, n.next = make([]uint32, NearbyPlaces<<nearbyBits), make([]uint8, 1<<nearbyBits)
	} else {
		clear(n.at)
		clear(n.next)
	}
}

// Keep keeps the places about at, where the reference goes on behind i bytes of the text.
func (n *Nearby) Keep(at, i int) {
	first := at / nearbyStretch
	for k := first; k < min(first+nearbyAhead, len(n.kept)); k++ {
		if n.kept[k] > 0 && i+1-int(n.kept[k]) < nearbyFor {
			continue
		}
		n.kept[k] = uint32(i + 1)
		for p := k * nearbyStretch; p < min((k+1)*nearbyStretch, len(n.ref)-3); p++ {
			h, tag := hashFour(binary.LittleEndian.Uint32(n.ref[p:]))
			n.at[h*NearbyPlaces+uint32(n.next[h])%NearbyPlaces] = tag<<placeBits | uint32(p+1)
			n.next[h]++
		}
	}
}

// Find fills found with the places where these four bytes stand, as a little-endian number, and returns what it has filled. A place may be among them more than once.
func (n *Nearby) Find(found *[NearbyPlaces]int, four uint32) []int {
	if len(n.ref) == 0 {
		return nil
	}
	h, tag := hashFour(four)
	k := 0
	for _, x := range n.at[h*NearbyPlaces:][:NearbyPlaces] {
		if x>>placeBits == tag && x != 0 {
			if p := int(x&placeMask) - 1; binary.LittleEndian.Uint32(n.ref[p:]) == four {
				found[k] = p
				k++
			}
		}
	}
	return found[:k]
}

// hashFour is where the places of four bytes are, and eight bits more.
func hashFour(four uint32) (h, tag uint32) {
	x := four * 0x9e3779b1
	return x >> (32 - nearbyBits), x >> (32 - nearbyBits - 8) & 0xff
}
