//go:build !unix

package tree

import (
	"os"
	"time"
)

// setTime gives what stands at path its time.
func setTime(dir *os.Root, path string, t time.Time) error { return dir.Chtimes(path, t, t) }
