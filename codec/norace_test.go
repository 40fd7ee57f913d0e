//go:build !race

package codec

const flipped = 8 // bits of each byte
