//go:build !race

package merkle

const allocationsPerHash = 0
