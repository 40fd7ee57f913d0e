package main

import (
	"os"
	"syscall"
)

// umask is the process's file mode mask, read before anything else runs.
var umask = func() os.FileMode {
	m := syscall.Umask(0)
	syscall.Umask(m)
	return os.FileMode(m)
}()
