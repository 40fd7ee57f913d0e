//go:build unix

package tree

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// setTime gives what stands at path, which is no link, its time. [os.Root.Chtimes] would do but for years in which nanoseconds since 1970 do not fit into 64 bits: those
// it would set to other ones.
func setTime(dir *os.Root, path string, t time.Time) error {
	if y := t.Year(); y > 1678 && y < 2262 {
		return dir.Chtimes(path, t, t)
	}
	at, err := unix.TimeToTimespec(t)
	if err != nil {
		return &fs.PathError{Op: "chtimes", Path: path, Err: err}
	}
	parent, err := dir.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := unix.UtimesNanoAt(int(parent.Fd()), filepath.Base(path), []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &fs.PathError{Op: "chtimes", Path: path, Err: err}
	}
	return nil
}
