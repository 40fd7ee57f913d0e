//go:build !linux

package hugepage

func advise(at, size uintptr) {}
