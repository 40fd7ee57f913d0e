package hugepage

import "golang.org/x/sys/unix"

// advise asks for large pages. All works as well without them, so that an error does not matter.
func advise(at, size uintptr) {
	unix.Syscall(unix.SYS_MADVISE, at, size, unix.MADV_HUGEPAGE)
}
