package merkle

import (
	"encoding/binary"
	"fmt"
)

// MaxEntry is the length in bytes of the longest leaf that fits in an entry bundle.
const MaxEntry = 1<<16 - 1

// AppendEntry appends a leaf to an entry bundle, which holds the leaves of one tile of level 0: each preceded by its
// length as a big-endian 16-bit integer (C2SP tlog-tiles, "Log entries").
func AppendEntry(bundle, leaf []byte) ([]byte, error) {
	if len(leaf) > MaxEntry {
		return nil, fmt.Errorf("leaf of %d bytes is too long for an entry bundle, which takes %d", len(leaf), MaxEntry)
	}
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(leaf)))
	return append(bundle, leaf...), nil
}

// ParseEntries returns the 1 to 256 leaves of an entry bundle, as parts of it.
func ParseEntries(bundle []byte) ([][]byte, error) {
	var leaves [][]byte
	for offset := 0; offset < len(bundle); {
		if len(leaves) == TileWidth {
			return nil, fmt.Errorf("entry bundle, at byte %d: more than %d leaves", offset, TileWidth)
		}
		rest := bundle[offset:]
		if len(rest) < 2 {
			return nil, fmt.Errorf("entry bundle, at byte %d: length of leaf %d is cut short", offset, len(leaves))
		}
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest)-2 < n {
			return nil, fmt.Errorf("entry bundle, at byte %d: leaf %d has %d bytes of %d", offset, len(leaves), len(rest)-2, n)
		}
		leaves = append(leaves, rest[2:2+n:2+n])
		offset += 2 + n
	}
	if len(leaves) == 0 {
		return nil, fmt.Errorf("entry bundle is empty")
	}
	return leaves, nil
}
