package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncsAtOnce: blocks are written without sync, and one call syncs them all.
const syncsAtOnce = true

// syncDisk syncs the file system that holds dir.
func syncDisk(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
