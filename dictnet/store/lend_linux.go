package store

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// local reports whether a file is on a disk of this machine. A network's file systems ask a server for every lock, and may show what others write late.
func local(f *os.File) bool {
	var st unix.Statfs_t
	if err := control(f, func(fd int) error { return unix.Fstatfs(fd, &st) }); err != nil {
		return false
	}
	switch uint32(st.Type) {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.CODA_SUPER_MAGIC,
		unix.CEPH_SUPER_MAGIC, unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC:
		return false
	}
	return true
}

// lockPart locks a part of a file for the open file, shared or exclusively, without waiting. It reports whether nobody else has it; where there are no such locks, nothing
// is lent.
func lockPart(f *os.File, at, size int64, exclusive bool) bool {
	kind := int16(unix.F_RDLCK)
	if exclusive {
		kind = unix.F_WRLCK
	}
	err := setLock(f, at, size, kind)
	return err == nil || exclusive && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES)
}

func unlockPart(f *os.File, at, size int64) { setLock(f, at, size, unix.F_UNLCK) }

func setLock(f *os.File, at, size int64, kind int16) error {
	return control(f, func(fd int) error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind, Start: at, Len: size})
	})
}

// mapPart maps a part of a file that begins with a page to memory, for reading.
func mapPart(f *os.File, at int64, size int) (b []byte, err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < at+int64(size) {
		return nil, io.ErrUnexpectedEOF
	}
	err = control(f, func(fd int) error {
		b, err = unix.Mmap(fd, at, size, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
		return err
	})
	return b, err
}

func unmapPart(b []byte) { unix.Munmap(b) }
