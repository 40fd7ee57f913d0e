//go:build unix

package tree

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"
)

// Times come back in any year, as far as the file system has it.
func TestFarTimes(t *testing.T) {
	for _, when := range []time.Time{{}, time.Date(1500, 1, 2, 3, 4, 5, 6, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 7, time.UTC), time.Date(2300, 1, 2, 3, 4, 5, 6, time.UTC), time.Date(9999, 1, 2, 3, 4, 5, 6, time.UTC)} {
		like := filepath.Join(t.TempDir(), "like")
		if err := os.WriteFile(like, nil, 0o666); err != nil {
			t.Fatal(err)
		}
		at, err := unix.TimeToTimespec(when)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.UtimesNano(like, []unix.Timespec{at, at}); err != nil {
			t.Fatal(err)
		}
		want, err := os.Stat(like)
		if err != nil {
			t.Fatal(err)
		}
		dir, err := unpack(t, pack(t, fstest.MapFS{"d": {Mode: fs.ModeDir | 0o755, ModTime: when}, "d/f": {Mode: 0o644, ModTime: when}}, true))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"d", "d/f"} {
			if st, err := os.Stat(filepath.Join(dir, path)); err != nil || !st.ModTime().Equal(want.ModTime()) {
				t.Errorf("%s of %v has the time %v, not %v; %v", path, when, st.ModTime(), want.ModTime(), err)
			}
		}
	}
}
