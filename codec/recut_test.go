package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/ipfs/go-cid"
)

// built are the notes that a Builder makes of samples, in order.
func built(t *testing.T, samples ...[]byte) []cid.Cid {
	t.Helper()
	var names []cid.Cid
	b, err := NewBuilder(t.Context(), func(b Block) error {
		names = append(names, b.CID)
		return nil
	}, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if err := b.Add(bytes.NewReader(s)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return names
}

// recut are the notes that a Recutter finds in samples, by name.
func recut(t *testing.T, samples ...[]byte) map[cid.Cid]bool {
	t.Helper()
	names := make(map[cid.Cid]bool)
	r, err := NewRecutter(t.Context(), 0, func(pieces []Piece) error {
		var raw []byte
		for _, p := range pieces {
			raw = append(raw, samples[p.Sample][p.Off:p.Off+int64(p.Len)]...)
		}
		b, err := SealNote(raw)
		names[b.CID] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if err := r.Add(bytes.NewReader(s)); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func present(want []cid.Cid, have map[cid.Cid]bool) (n int) {
	for _, c := range want {
		if have[c] {
			n++
		}
	}
	return n
}

// What was built is found in the same samples, whole, and in others but for the notes about the places where they differ.
func TestRecutter(t *testing.T) {
	a, b := noise(3<<20, 1), noise(2<<20, 2)
	repeated := append(append(bytes.Clone(a[:1<<20]), a[:1<<20]...), b...)
	stutter := append(append(append(bytes.Clone(a[:1<<20]), a[100_000:200_000]...), b[:300_000]...), a[:150_000]...)
	small := [][]byte{a[:1], a[1:70_000], b[:100], b[100:90_000], a[90_000:300_000], {}}
	for name, c := range map[string]struct {
		build, look [][]byte
		missing     int // at most
	}{
		"the same":         {[][]byte{a}, [][]byte{a}, 0},
		"two":              {[][]byte{a, b}, [][]byte{a, b}, 0},
		"short repeats":    {[][]byte{stutter, stutter}, [][]byte{stutter, stutter}, 0},
		"repeats":          {[][]byte{repeated}, [][]byte{repeated}, 0},
		"small files":      {small, small, 0},
		"nothing":          {nil, [][]byte{{}}, 0},
		"after another":    {[][]byte{a}, [][]byte{b, a}, 0},
		"without another":  {[][]byte{b, a}, [][]byte{a}, len(built(t, b)) + 3},
		"a longer one":     {[][]byte{a}, [][]byte{append(bytes.Clone(a), b...)}, 1},
		"the beginning":    {[][]byte{a}, [][]byte{a[:2<<20]}, len(built(t, a[2<<20:])) + 1},
		"the end":          {[][]byte{a}, [][]byte{a[1<<20:]}, len(built(t, a[:1<<20])) + 3},
		"edited":           {[][]byte{a}, [][]byte{append(append(bytes.Clone(a[:1<<20]), "edit"...), a[1<<20:]...)}, 2},
		"something else":   {[][]byte{a}, [][]byte{b}, len(built(t, a))},
		"in another order": {[][]byte{a, b}, [][]byte{b, a}, 4},
	} {
		want := built(t, c.build...)
		got := present(want, recut(t, c.look...))
		if got < len(want)-c.missing {
			t.Errorf("%s: %d of %d notes are found, may miss %d", name, got, len(want), c.missing)
		}
		if name == "something else" && got > 0 {
			t.Errorf("%s: %d notes are found", name, got)
		}
	}
}

// A file is compared with a template without any note.
func TestCheck(t *testing.T) {
	d := fuzzDictionary(t)
	file := bytes.Repeat(noise(100_000, 7), 3)
	template, _ := encode(t, d, file)
	r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), d.open)
	if err != nil {
		t.Fatal(err)
	}
	check := func(b []byte) []Span {
		t.Helper()
		wrong, err := r.Check(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return wrong
	}
	if wrong := check(file); len(wrong) > 0 {
		t.Errorf("a good file is wrong at %v", wrong)
	}
	for _, at := range []int{0, 1, len(file) / 2, len(file) - 1} {
		bad := bytes.Clone(file)
		bad[at] ^= 1
		if wrong := check(bad); len(wrong) != 1 || uint64(at)-wrong[0].Pos >= wrong[0].Len {
			t.Errorf("a flip at %d is found at %v", at, wrong)
		}
	}
	if wrong := check(file[:len(file)-1]); len(wrong) == 0 {
		t.Error("a file that is cut short is good")
	}
	if wrong := check(nil); len(wrong) == 0 {
		t.Error("no file is good")
	}
	gone := fmt.Errorf("the server has gone: %w", io.EOF)
	if wrong, err := r.Check(brokenReaderAt{file, 1000, gone}); !errors.Is(err, gone) {
		t.Errorf("a file that cannot be read is wrong at %v, %v", wrong, err)
	}
}

// Two notes that begin alike are two.
func TestRecutBeginsAlike(t *testing.T) {
	var found [][]Piece
	r, err := NewRecutter(t.Context(), 0, func(p []Piece) error {
		found = append(found, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(bytes.NewReader(nil)); err != nil {
		t.Fatal(err)
	}
	begin := Piece{0, 0, 60 << 10}
	for _, then := range []Piece{{0, 1 << 20, 5000}, {0, 2 << 20, 7000}, {0, 2 << 20, 7000}} {
		if err := r.note([]Piece{begin, then}); err != nil {
			t.Fatal(err)
		}
	}
	if len(found) != 2 {
		t.Errorf("%d notes are found, want 2", len(found))
	}
}
