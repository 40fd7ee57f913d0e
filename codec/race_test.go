//go:build race

package codec

// flipped is how many bits of each byte are flipped: the race detector finds nothing where one goroutine decodes, but takes its time. Without
// it, all are (make test runs both).
const flipped = 1
