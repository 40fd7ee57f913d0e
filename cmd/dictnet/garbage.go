package main

import (
	"math"
	"os"
	"runtime/debug"
)

// passThrough is for verbs through which many bytes go that are used once: what lives is small, so the garbage collector would run for every few megabytes that
// have come, and take a fifth of the processor time. It may wait for more, as long as the process stays below 192 MiB.
func passThrough() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 { // else GOMEMLIMIT says it
		debug.SetMemoryLimit(192 << 20)
	}
}
