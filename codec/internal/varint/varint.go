// Package varint reads the unsigned LEB128 integers of the formats (docs/format.md): each has one form, so that nothing can be written in two ways.
package varint

import "encoding/binary"

// Read is [binary.Uvarint] but for integers that take more bytes than they need: of those n is below 0, too.
func Read(b []byte) (v uint64, n int) {
	if v, n = binary.Uvarint(b); n > 1 && b[n-1] == 0 {
		return 0, -n
	}
	return v, n
}
