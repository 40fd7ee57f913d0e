package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"os"
	"testing"
)

// streams were made by zlib 1.2.13 and gzip 1.12, of text of this project, numbers and noise: each behind what it is, in brackets.
func streams(t testing.TB) []byte {
	b, err := os.ReadFile("testdata/streams")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each stream is found, holds what another implementation says, and is closed again to the byte, by a recipe of few bytes.
func TestStreams(t *testing.T) {
	b := streams(t)
	found := Find(b, MaxRaw)
	for i, c := range []struct {
		name   string
		level  int // 0 if no recipe is worth it
		recipe int // bytes, at most
	}{
		{"zlib 1", 1, 6}, {"zlib 2", 2, 6}, {"zlib 3", 3, 6}, {"zlib 4", 4, 6}, {"zlib 5", 5, 6}, {"zlib 6", 6, 6}, {"zlib 7", 7, 6}, {"zlib 8", 8, 6}, {"zlib 9", 9, 6},
		{"gzip", 9, 6}, {"zip a", 6, 6}, {"zip b", 6, 6}, {"stored", 6, 12}, {"agreed codes", 6, 5}, {"filtered", 0, 0}, {"more memory", 9, 9}, {"numbers", 6, 9}, {"literals alone", 0, 0}, {"long codes", 6, 16},
	} {
		if i >= len(found) {
			t.Fatalf("%s: %d streams found", c.name, len(found))
		}
		s := found[i]
		want, err := io.ReadAll(flate.NewReader(bytes.NewReader(b[s.At : s.At+s.Len])))
		if err != nil || !bytes.Equal(s.Raw, want) {
			t.Errorf("%s: holds %d bytes, want %d, %v", c.name, len(s.Raw), len(want), err)
		}
		recipe, ok := MakeRecipe(b, s)
		if ok != (c.level > 0) {
			t.Errorf("%s: recipe %v", c.name, ok)
		}
		if !ok {
			continue
		}
		t.Logf("%s: %d bytes hold %d, recipe of %d, level %d", c.name, s.Len, len(s.Raw), len(recipe), recipe[0])
		if len(recipe) > c.recipe || c.level < 6 && int(recipe[0]) != c.level {
			t.Errorf("%s: recipe of %d bytes, level %d", c.name, len(recipe), recipe[0])
		}
		closed, err := Close([]byte("before"), s.Raw, recipe, s.Len)
		if err != nil || !bytes.Equal(closed, append([]byte("before"), b[s.At:s.At+s.Len]...)) {
			t.Errorf("%s: closed to %d bytes, %v", c.name, len(closed), err)
		}
	}
	if len(found) != 19 {
		t.Errorf("%d streams found", len(found))
	}
}

// What goes on behind a place is found from before it.
func TestAcross(t *testing.T) {
	b := streams(t)
	s := Find(b, MaxRaw)[3]
	for _, c := range []struct {
		from, to int
		ok       bool
	}{{s.At - 2, s.At - 1, true}, {s.At - 2, s.At + 10, true}, {s.At - 2, s.At + s.Len - 1, true}, {s.At - 2, s.At + s.Len, false}, {s.At - 1, s.At + 10, false}, {0, s.At + 10, true}} {
		if got, begin, ok := Across(b, c.from, c.to); ok != c.ok || ok && (begin != s.At-2 || got.At != s.At || got.Len != s.Len) {
			t.Errorf("from %d to %d: %v behind %d, %v", c.from, c.to, got, begin, ok)
		}
	}
}

func TestRoom(t *testing.T) {
	b := streams(t)
	all := Find(b, MaxRaw)
	room := len(all[0].Raw) + len(all[1].Raw)
	for _, s := range Find(b, room) {
		if room -= len(s.Raw); room < 0 {
			t.Fatal("more is held than there is room for")
		}
	}
	// Places where none begins take their share, so that it ends.
	if got := Find(append(bytes.Repeat([]byte{0x78, 0x9c}, mostWork/perPlace), b...), MaxRaw); len(got) != 0 {
		t.Errorf("%d streams behind all the work", len(got))
	}
}

// Where a compressor has chosen otherwise than zlib a few times, the recipe says so.
func TestExceptions(t *testing.T) {
	raw := Find(streams(t), MaxRaw)[0].Raw
	var m matcher
	m.begin(raw, 6)
	var tokens []token
	others := 0
	for i := 0; i < len(raw); {
		next := m.next(i)
		if next.length > 5 && len(tokens) >= 300*others {
			was := next
			next = token{}
			if others++; others == 2 {
				next = token{3, was.distance}
			}
		}
		m.pass(i, next)
		tokens = append(tokens, next)
		i += max(1, int(next.length))
	}
	w := writer{out: []byte{0x78, 0x9c}}
	w.put(1, 1)
	w.put(kindDynamic, 2)
	w.dynamic(raw, tokens)
	w.flush()
	found := Find(w.out, MaxRaw)
	if len(found) != 1 || !bytes.Equal(found[0].Raw, raw) {
		t.Fatalf("%d streams", len(found))
	}
	recipe, ok := MakeRecipe(w.out, found[0])
	closed, err := Close(nil, raw, recipe, len(w.out)-2)
	if !ok || others < 3 || int(recipe[4]) < others || err != nil || !bytes.Equal(closed, w.out[2:]) {
		t.Errorf("%d exceptions, recipe % x, closed to %d bytes, %v", others, recipe, len(closed), err)
	}
}

func TestCloseRefuses(t *testing.T) {
	b := streams(t)
	s := Find(b, MaxRaw)[0]
	recipe, _ := MakeRecipe(b, s)
	for name, c := range map[string]struct {
		raw, recipe []byte
		length      int
	}{
		"nothing":                         {s.Raw, nil, s.Len},
		"level 0":                         {s.Raw, append([]byte{0}, recipe[1:]...), s.Len},
		"level 10":                        {s.Raw, append([]byte{10}, recipe[1:]...), s.Len},
		"another length":                  {s.Raw, recipe, s.Len - 1},
		"more bytes":                      {append(bytes.Clone(s.Raw), 'x'), recipe, s.Len},
		"fewer bytes":                     {s.Raw[1:], recipe, s.Len},
		"more of recipe":                  {s.Raw, append(bytes.Clone(recipe), 0), s.Len},
		"less of it":                      {s.Raw, recipe[:len(recipe)-1], s.Len},
		"kind 3":                          {[]byte("abc"), []byte{6, 1, 3<<2 | 3, 0}, 5},
		"a false match":                   {[]byte("abcdefgh"), []byte{6, 1, 2<<2 | 1, 1, 1, 7, 1}, 6},
		"no distance":                     {[]byte("aaaaaaaa"), []byte{6, 1, 2<<2 | 1, 1, 1, 7, 0}, 6},
		"many blocks":                     {s.Raw, append([]byte{6}, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), s.Len},
		"an exception that does not come": {[]byte("abc"), []byte{6, 1, 3<<2 | 1, 1, 9, 0}, 5},
	} {
		if got, err := Close(nil, c.raw, c.recipe, c.length); !errors.Is(err, ErrRecipe) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if got, err := Close(nil, []byte("aaaaaaaa"), []byte{6, 1, 2<<2 | 1, 1, 1, 7, 1}, 4); err != nil {
		t.Errorf("a match that is said: %x, %v", got, err)
	}
}

// Whatever is found and gets a recipe is closed by it to the byte; what is no recipe is refused.
func FuzzFind(f *testing.F) {
	b := streams(f)
	for _, s := range Find(b, MaxRaw) {
		f.Add(b[max(s.At-60, 0):s.At+s.Len], []byte{6, 1, 9})
	}
	f.Fuzz(func(t *testing.T, b, recipe []byte) {
		for _, s := range Find(b, 1<<16) {
			raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(b[s.At : s.At+s.Len])))
			if err != nil || !bytes.Equal(raw, s.Raw) {
				t.Fatalf("holds %d bytes, want %d, %v", len(s.Raw), len(raw), err)
			}
			if r, ok := MakeRecipe(b, s); ok {
				if closed, err := Close(nil, s.Raw, r, s.Len); err != nil || !bytes.Equal(closed, b[s.At:s.At+s.Len]) {
					t.Fatalf("closed to %d bytes, %v", len(closed), err)
				}
			}
			if closed, err := Close(nil, s.Raw, recipe, s.Len); err == nil && len(closed) != s.Len {
				t.Fatalf("%d bytes, want %d", len(closed), s.Len)
			}
		}
	})
}

func BenchmarkClose(b *testing.B) {
	all := streams(b)
	s := Find(all, MaxRaw)[8]
	recipe, _ := MakeRecipe(all, s)
	b.SetBytes(int64(len(s.Raw)))
	for b.Loop() {
		if _, err := Close(nil, s.Raw, recipe, s.Len); err != nil {
			b.Fatal(err)
		}
	}
}
