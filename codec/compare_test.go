package codec

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// checkCompare checks all that a comparison states against the files.
func checkCompare(t *testing.T, a, b []byte, c *Comparison) {
	t.Helper()
	inB := make([]bool, len(b))
	for _, r := range c.Common {
		if r.Len == 0 || !bytes.Equal(a[r.A:r.A+r.Len], b[r.B:r.B+r.Len]) {
			t.Fatalf("%+v is not common", r)
		}
		for i := range inB[r.B : r.B+r.Len] {
			if inB[r.B+uint64(i)] {
				t.Fatalf("%+v overlaps another", r)
			}
			inB[r.B+uint64(i)] = true
		}
	}
	if !slices.IsSortedFunc(c.Common, func(x, y Common) int { return int(x.B) - int(y.B) }) {
		t.Fatal("not in order")
	}
	for _, s := range c.OnlyB {
		for i := range inB[s.Pos : s.Pos+s.Len] {
			if inB[s.Pos+uint64(i)] {
				t.Fatalf("%+v is common and is not", s)
			}
			inB[s.Pos+uint64(i)] = true
		}
	}
	if slices.Contains(inB, false) {
		t.Fatalf("byte %d of b is neither common nor alone", slices.Index(inB, false))
	}
	for i, s := range c.OnlyA {
		if s.Len == 0 || s.Pos+s.Len > uint64(len(a)) || i > 0 && s.Pos <= c.OnlyA[i-1].Pos+c.OnlyA[i-1].Len {
			t.Fatalf("bytes only in a: %+v", c.OnlyA)
		}
	}
	if c.Same != bytes.Equal(a, b) {
		t.Fatalf("same: %v", c.Same)
	}
}

// alone is how many bytes are in the spans.
func alone(spans []Span) (n uint64) {
	for _, s := range spans {
		n += s.Len
	}
	return n
}

func TestCompare(t *testing.T) {
	old := text(400<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	fresh, more := noise(30000, 1), noise(30000, 2)
	for _, c := range []struct {
		name         string
		a, b         []byte
		onlyA, onlyB uint64 // at most
	}{
		{"nothing", nil, nil, 0, 0},
		{"something and nothing", old, nil, uint64(len(old)), 0},
		{"same", old, old, 0, 0},
		{"tape inserted", old, slices.Concat(old[:100000], old[300000:310000], old[100000:]), 0, 0},
		{"tape deleted", old, slices.Concat(old[:100000], old[150000:]), 50000, 0},
		{"local inserted", old, slices.Concat(old[:100000], fresh, old[100000:]), 0, 30000},
		{"local kept", slices.Concat(fresh, old), slices.Concat(old, fresh), 0, 0},
		{"local edited", slices.Concat(old[:9000], fresh, old[9000:]), slices.Concat(old[:7000], fresh[:10000], []byte("edit"), fresh[10000:], old[9000:]), 2200, 600},
		{"local moved", slices.Concat(fresh, old, more), slices.Concat(more, old, fresh), 0, 0},
		{"short local notes", slices.Concat(old[:9000], []byte("<a>"), old[9000:19000], []byte("<b>"), old[19000:]), slices.Concat(old[:9000], []byte("<b>"), old[9000:19000], []byte("<c>"), old[19000:]), 10, 10},
		{"versions", versions(old[:20000], 12, 3), versions(old[:20000], 15, 3), 0, 6000},
		{"unlike", old, text(400<<10, 77), uint64(len(old)), uint64(len(old))},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, encode := range map[string]func(*dictionary, []byte) []byte{
				"whole":  func(d *dictionary, b []byte) []byte { x, _ := encode(t, d, b); return x },
				"frames": func(d *dictionary, b []byte) []byte { return encodeFrames(t, d, b, 7, 20000) },
			} {
				got, err := Compare(t.Context(), openTemplate(t, d, encode(d, c.a)), openTemplate(t, d, encode(d, c.b)))
				if err != nil {
					t.Fatal(name, err)
				}
				checkCompare(t, c.a, c.b, got)
				if alone(got.OnlyA) > c.onlyA || alone(got.OnlyB) > c.onlyB {
					t.Errorf("%s: %d bytes only in a, %d only in b; at most %d and %d are", name, alone(got.OnlyA), alone(got.OnlyB), c.onlyA, c.onlyB)
				}
			}
		})
	}
}

// Parts are compared as what they are together, and are the same if their bytes are, whatever they play from.
func TestCompareParts(t *testing.T) {
	old := text(100<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	fresh := noise(9000, 1)
	a := slices.Concat(old[:20000], fresh, old[:50000])
	b := slices.Concat(fresh, old[:50000], fresh[:100], old[60000:])
	r := rand.New(rand.NewPCG(1, 2))
	for _, o := range []*dictionary{d, nil} { // with a dictionary, and all of b local
		x, _ := encode(t, d, a)
		y, _ := encode(t, o, b)
		p, q := openTemplate(t, d, x), openTemplate(t, d, y)
		lists := [][2][]Span{
			{{{20000, 59000}}, {{0, 59000}}}, // the same
			{{{20000, 100}}, {{59000, 100}}},
			{{{20000, 100}, {20000, 100}}, {{0, 100}, {59000, 100}}},
			{{{20000, 100}}, {{59001, 100}}},
			{{}, {{5, 0}}},
			{{}, nil},
			{nil, {{0, uint64(len(b))}}},
		}
		for range 20 {
			var pair [2][]Span
			for i, size := range []int{len(a), len(b)} {
				for range 1 + r.IntN(3) {
					pair[i] = append(pair[i], somePart(r, size))
				}
			}
			lists = append(lists, pair)
		}
		for _, pair := range lists {
			inA, inB := a, b
			if pair[0] != nil {
				inA = together(a, pair[0])
			}
			if pair[1] != nil {
				inB = together(b, pair[1])
			}
			got, err := CompareParts(t.Context(), p, pair[0], q, pair[1])
			if err != nil {
				t.Fatal(pair, err)
			}
			t.Log(pair)
			checkCompare(t, inA, inB, got)
		}
	}
}

// An edit leaves two runs, before and after it.
func TestCompareFollows(t *testing.T) {
	old := text(400<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	a, _ := encode(t, d, old)
	b, _ := encode(t, d, slices.Concat(old[:100000], []byte("something else"), old[100020:]))
	got, err := Compare(t.Context(), openTemplate(t, d, a), openTemplate(t, d, b))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Common); n != 2 || got.Common[0].A != 0 || got.Common[1].A-got.Common[1].B != 6 {
		t.Errorf("%+v", got)
	}
}

// FuzzCompare builds two files of pieces and holds every statement against them.
func FuzzCompare(f *testing.F) {
	old := slices.Concat(text(20<<10, 5), noise(5<<10, 6))
	d := build(f, nil, BuildOptions{}, old)
	f.Fuzz(func(t *testing.T, first, second []byte, symbols, local uint16) {
		files := [2][]byte{}
		for i, edits := range [][]byte{first, second} {
			for ; len(edits) >= 4 && len(files[i]) < 1<<16; edits = edits[4:] {
				n := int(edits[1]) << (edits[0] >> 4 & 7)
				at := int(edits[2])<<8 | int(edits[3])
				switch edits[0] & 3 {
				case 0, 1:
					at = min(at, len(old))
					files[i] = append(files[i], old[at:min(at+n, len(old))]...)
				case 2:
					files[i] = append(files[i], noise(n, uint64(at))...)
				case 3:
					at = min(at, len(files[0]))
					files[i] = append(files[i], files[0][at:min(at+n, len(files[0]))]...)
				}
			}
		}
		a := openTemplate(t, d, encodeFrames(t, d, files[0], 1+int(symbols), 1+int(local)*16))
		b := openTemplate(t, d, encodeFrames(t, d, files[1], 1+int(local), 1+int(symbols)*16))
		c, err := Compare(t.Context(), a, b)
		if err != nil {
			t.Fatal(err)
		}
		checkCompare(t, files[0], files[1], c)
	})
}

func TestCompareFails(t *testing.T) {
	old := text(100<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	short, _ := encode(t, d, slices.Concat(noise(1000, 8), old))
	good := inFull(t, short)
	bad := bytes.Clone(good)
	bad[bytes.Index(bad, noise(1000, 8)[:100])] ^= 1
	var format *FormatError
	for _, pair := range [][2][]byte{{good, bad}, {bad, good}} {
		if _, err := Compare(t.Context(), openTemplate(t, d, pair[0]), openTemplate(t, d, pair[1])); !errors.As(err, &format) {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Compare(ctx, openTemplate(t, d, good), openTemplate(t, d, good)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What has left the cache is compared in blocks, backwards as well.
func TestCompareWhatIsKept(t *testing.T) {
	file := noise(1<<20, 5)
	changed := bytes.Clone(file)
	for at := 1000; at < len(changed); at += 50000 {
		changed[at]++
	}
	a, b := openTemplate(t, nil, encodeProfile(t, nil, file, ProfileFast).template), openTemplate(t, nil, encodeProfile(t, nil, changed, ProfileFast).template)
	a.play.blocks.max = 1
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, err := Compare(t.Context(), a, b)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	checkCompare(t, file, changed, c)
	if n := alone(c.OnlyB); n > 21*100 {
		t.Errorf("%d bytes are common to none", n)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 50 {
		t.Errorf("it took %d MiB", took)
	}
}
