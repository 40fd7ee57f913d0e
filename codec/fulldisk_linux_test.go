package codec

import (
	"bytes"
	"os/signal"
	"syscall"
	"testing"
)

// limitFiles lets no file become longer than n bytes until the test ends, or what is returned is called: a disk that is full.
func limitFiles(t *testing.T, n uint64) (free func()) {
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	limited := before
	limited.Cur = n
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limited); err != nil {
		t.Fatal(err)
	}
	free = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(free)
	return free
}

// What cannot be kept, for want of room on the disk, is opened again, and what was kept before, and is later, is right.
func TestReadWithFullDisk(t *testing.T) {
	const piece = 1 << 20
	file := noise(24*piece, 3)
	r := openTemplate(t, nil, encodeProfile(t, nil, file, ProfileFast).template)
	read := func(from, to int) {
		t.Helper()
		got := make([]byte, piece)
		for off := from; off < to; off += piece {
			if _, err := r.ReadAt(got, int64(off)); err != nil || !bytes.Equal(got, file[off:][:piece]) {
				t.Errorf("other bytes from %d on: %v", off, err)
			}
		}
	}
	free := limitFiles(t, 100<<10)
	read(0, 9*piece)
	free()
	read(9*piece, len(file))
	read(0, len(file))
}

// A frame plays to its end although there is no room for the next one.
func TestStreamWithFullDisk(t *testing.T) {
	file := noise(16<<20, 3)
	template := encodeProfile(t, nil, file, ProfileFast).template
	first := int(openTemplate(t, nil, template).idx.frames[0].play)
	limitFiles(t, 1<<20)
	for _, ahead := range []bool{false, true} {
		got, err := decodeStream(t.Context(), template, nil, ahead)
		if err == nil || len(got) < first || !bytes.HasPrefix(file, got) {
			t.Errorf("ahead %v: %d bytes, %v, want at least %d", ahead, len(got), err, first)
		}
	}
}
