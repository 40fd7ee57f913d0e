package main

import (
	"os"
	"runtime/debug"
)

// holdMemory makes the garbage collector run before the heap has grown by so many percent, and more often where the process would take more than limit
// bytes, unless the environment says otherwise. Most of what encoding, decoding and serving hold is caches and buffers, in which there is nothing to be traced, and
// what lives is small: the limit is what keeps garbage from doubling the process, and below it collecting can wait, which would take a fifth of the processor time
// where bytes only pass through. What is needed is had, limit or not.
func holdMemory(percent int, limit int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}
