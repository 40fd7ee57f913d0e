//go:build !purego

package sha256x2

// fast says whether blocks may be called.
var fast = hasSHA()

// hasSHA reports whether the processor has SHA-NI, SSSE3 and SSE4.1.
func hasSHA() bool

// blocks takes n blocks of 64 bytes of a into x, and as many of b into y.
func blocks(x, y *state, a, b []byte, n int) {
	if n > 0 {
		_, _ = a[64*n-1], b[64*n-1]
		blocksSHANI(x, y, &a[0], &b[0], n)
	}
}

//go:noescape
func blocksSHANI(x, y *state, a, b *byte, n int)
