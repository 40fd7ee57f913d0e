package lz

import "encoding/binary"

// near has places of the reference by the next four bytes: of those that are about where the reference goes on, or were lately. Four bytes are found in many places, but what has
// moved a little, or what an instruction before it has made another, goes on close by.
type near struct {
	table
	ref  []byte
	kept []int // for each stretch of the reference: up to where raw had been parsed when its places were last kept, plus 1, or 0
}

const (
	nearBits    = 12
	nearStretch = 512
	nearAhead   = 5       // stretches that are kept, with that in which the reference goes on
	nearFor     = 1 << 16 // bytes of raw for which they are taken to stay
)

func (n *near) reset(ref []byte) {
	n.table.reset(nearBits, 16)
	n.ref = ref
	n.kept = append(n.kept[:0], make([]int, (len(ref)+nearStretch-1)/nearStretch)...)
}

// keep keeps the places from at on, where the reference goes on when i bytes of raw have been parsed.
func (n *near) keep(at, i int) {
	t := n.table // in registers
	for k := at / nearStretch; k < min(at/nearStretch+nearAhead, len(n.kept)); k++ {
		if n.kept[k] > 0 && i+1-n.kept[k] < nearFor {
			continue
		}
		n.kept[k] = i + 1
		for at := k * nearStretch; at < min((k+1)*nearStretch, len(n.ref)-7); at++ {
			t.put(binary.LittleEndian.Uint64(n.ref[at:])<<(64-8*shortest), at)
		}
	}
}
