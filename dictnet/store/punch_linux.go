package store

import (
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// punch gives the disk space of a part of a file back; reading it gives zeros. Where the file system cannot do that, it does nothing.
func punch(f *os.File, at, size int64) error {
	return control(f, func(fd int) error {
		err := unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, size)
		if err == unix.EOPNOTSUPP || err == unix.ENOSYS {
			err = nil
		}
		return err
	})
}

// startWriting has the system begin to write a part of a file to the disk. It is only a hint.
func startWriting(f *os.File, at, size int64) {
	control(f, func(fd int) error { return unix.SyncFileRange(fd, at, size, unix.SYNC_FILE_RANGE_WRITE) })
}

func control(f *os.File, do func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if cerr := c.Control(func(fd uintptr) { err = do(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// allocated returns how much disk space a file takes, in bytes.
func allocated(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return info.Size()
}

// diskRoom returns how many bytes are free on the disk of a file, and how many there are.
func diskRoom(f *os.File) (free, all int64) {
	var st unix.Statfs_t
	if err := control(f, func(fd int) error { return unix.Fstatfs(fd, &st) }); err != nil {
		return 0, 1
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize
}

// boot tells one run of the system from another; 0: not known.
var boot = sync.OnceValue(func() uint64 {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return 0
	}
	id, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil || len(id) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(id)
})
