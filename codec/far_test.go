package codec

import (
	"bytes"
	"slices"
	"testing"
)

// Versions of a text that are edited every few hundred bytes cost about what their edits do, also where each is in frames of its own.
func TestVersionsFramesApart(t *testing.T) {
	first := text(1<<20, 1)
	versions := [][]byte{first, edit(first, 600, 2), edit(first, 600, 3)}
	const local = 256 << 10
	var none *dictionary
	apart := len(encodeFrames(t, none, first, 1<<19, local))
	d := build(t, nil, BuildOptions{}, first)
	for _, v := range versions[1:] {
		apart += len(encodeFrames(t, d, v, 1<<19, local))
	}
	file := slices.Concat(versions...)
	together := encodeFrames(t, none, file, 1<<19, local)
	if n := len(together); n > apart*11/10 {
		t.Errorf("the versions take %d bytes together, and %d as the first and what is new against it", n, apart)
	}
	got := make([]byte, len(file))
	if _, err := openTemplate(t, none, together).ReadAt(got, 0); err != nil || !bytes.Equal(got, file) {
		t.Errorf("another file came back: %v", err)
	}
}
