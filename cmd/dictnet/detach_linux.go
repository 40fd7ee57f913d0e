package main

import "golang.org/x/sys/unix"

// detach unmounts what is still in use.
func detach(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }
