package contexts

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

var update = flag.Bool("update", false, "write the seeds of the fuzz target")

// stream puts files into one stream: NAME, content, NAME, content ...
func stream(t *testing.T, runs []Run, files ...string) []byte {
	t.Helper()
	var v []Variant
	for i := 0; i < len(files); i += 2 {
		v = append(v, Variant{files[i], int64(len(files[i+1])), strings.NewReader(files[i+1])})
	}
	r, err := NewReader(v, runs)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(iotest.HalfReader(r))
	if err != nil || int64(len(b)) != r.Size() {
		t.Fatal(len(b), r.Size(), err)
	}
	return b
}

// The golden stream says what each byte is for (docs/contexts.md).
func TestGolden(t *testing.T) {
	got := stream(t, []Run{{"fr", 0, 2}, {"en", 2, 3}}, "en", "hello", "fr", "salut!")
	want := ""
	for line := range strings.Lines(`
		d7 63 74 78 73 01        ; magic: 0xD7, "ctxs", version 1
		10 00 00 00              ; 16 bytes of directory follow
		02                       ; contexts
		02 65 6e 05              ; "en", 5 bytes
		02 66 72 06              ; "fr", 6 bytes
		02                       ; runs of the map
		01 00 02                 ; fr, from 0, 2 bytes
		00 02 03                 ; en, from 2, 3 bytes
		68 65 6c 6c 6f           ; en
		73 61 6c 75 74 21        ; fr
	`) {
		line, _, _ := strings.Cut(line, ";")
		want += strings.Join(strings.Fields(line), "")
	}
	if hex.EncodeToString(got) != want {
		t.Errorf("stream is\n%s, want\n%s", hex.EncodeToString(got), want)
	}
}

func TestViews(t *testing.T) {
	runs := []Run{{"b", 1, 2}, {"a", 0, 3}, {"b", 0, 1}}
	b := stream(t, runs, "a", "abc", "empty", "", "b", "0123456")
	d, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if d.Size() != int64(len(b)) || !slices.Equal(d.Map, runs) || !slices.Equal(d.Names(), []string{"a", "empty", "b"}) {
		t.Error(d)
	}
	views := map[string]*View{}
	for _, name := range d.Names() {
		if views[name], err = d.View(bytes.NewReader(b), name); err != nil {
			t.Fatal(err)
		}
	}
	if views["map"], err = d.MapView(bytes.NewReader(b), d.Map); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "abc", "empty": "", "b": "0123456", "map": "12abc0"} {
		v := views[name]
		if v.Size() != int64(len(want)) {
			t.Errorf("%s has %d bytes", name, v.Size())
		}
		if err := iotest.TestReader(io.NewSectionReader(v, 0, v.Size()), []byte(want)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n, err := v.ReadAt(make([]byte, 1), v.Size()); n != 0 || err != io.EOF {
			t.Errorf("%s: behind the end: %d %v", name, n, err)
		}
		if _, err := v.ReadAt(make([]byte, 1), -1); err == nil {
			t.Errorf("%s: before the begin", name)
		}
	}
	var unknown *UnknownError
	if _, err := d.View(bytes.NewReader(b), "c"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "a, empty, b") {
		t.Error(err)
	}
	short, err := d.View(bytes.NewReader(b[:len(b)-1]), "b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(io.NewSectionReader(short, 0, 7)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("a stream that is cut short:", err)
	}
}

func TestRefusedVariants(t *testing.T) {
	v := func(names ...string) (list []Variant) {
		for _, n := range names {
			list = append(list, Variant{n, 1, strings.NewReader("x")})
		}
		return list
	}
	for name, c := range map[string]struct {
		v    []Variant
		runs []Run
	}{
		"none":        {nil, nil},
		"twice":       {v("a", "a"), nil},
		"no name":     {v(""), nil},
		"blank":       {v("a b"), nil},
		"newline":     {v("a\n"), nil},
		"no UTF-8":    {v("\xff"), nil},
		"long name":   {v(strings.Repeat("n", 65)), nil},
		"negative":    {[]Variant{{"a", -1, nil}}, nil},
		"too long":    {[]Variant{{"a", maxSize, nil}, {"b", 1, nil}}, nil},
		"map beyond":  {v("a"), []Run{{"a", 1, 1}}},
		"map to none": {v("a"), []Run{{"b", 0, 1}}},
		"empty run":   {v("a"), []Run{{"a", 0, 0}}},
	} {
		if _, err := NewReader(c.v, c.runs); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
	for size, content := range map[int64]string{2: "x", 0: "x", 5: "abcd"} {
		r, err := NewReader([]Variant{{"a", size, strings.NewReader(content)}, {"b", 1, strings.NewReader("b")}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, ErrSize) || !strings.Contains(err.Error(), "variant a") {
			t.Errorf("%q said to have %d bytes: %v", content, size, err)
		}
	}
}

func TestParseMap(t *testing.T) {
	runs, err := ParseMap(strings.NewReader("# first\nen 0:5\n\n  fr\t10: # the rest\n"))
	if err != nil || !slices.Equal(runs, []Run{{"en", 0, 5}, {"fr", 10, math.MaxInt64}}) {
		t.Fatal(runs, err)
	}
	got, err := Resolve(runs, []Context{{"fr", 30}, {"en", 5}})
	if err != nil || !slices.Equal(got, []Run{{"en", 0, 5}, {"fr", 10, 20}}) {
		t.Error(got, err)
	}
	if _, err := Resolve(runs, []Context{{"fr", 10}, {"en", 5}}); !errors.Is(err, ErrMap) {
		t.Error(err)
	}
	for _, bad := range []string{"", "#", "en", "en 5", "en 5:0", "en -1:5", "en 0:-1", "en 0:5 6", "en x:5", "en 0:y", "en :", "en 0:99999999999999999999", strings.Repeat("x", 1<<17)} {
		if _, err := ParseMap(strings.NewReader(bad)); !errors.Is(err, ErrMap) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
	if _, err := ParseMap(strings.NewReader(strings.Repeat("en 0:1\n", maxRuns+1))); !errors.Is(err, ErrMap) {
		t.Error(err)
	}
}

// FuzzParseMap: a map that is read says the same when it is written out and read again; whatever else there is, is no map.
func FuzzParseMap(f *testing.F) {
	for _, text := range []string{"# first\nen 0:5\n\n  fr\t10: # the rest\n", "en 0:5 6", "en 0:99999999999999999999", "#"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		runs, err := ParseMap(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrMap) {
				t.Error(err)
			}
			return
		}
		var lines strings.Builder
		for _, r := range runs {
			length := fmt.Sprint(r.Len)
			if r.Len == math.MaxInt64 {
				length = ""
			}
			fmt.Fprintf(&lines, "%s %d:%s\n", r.Context, r.Off, length)
		}
		if again, err := ParseMap(strings.NewReader(lines.String())); err != nil || !slices.Equal(again, runs) {
			t.Errorf("%+v comes back as %+v, %v", runs, again, err)
		}
	})
}

// forge writes a directory as it is given, right or wrong.
func forge(directory string) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte(Magic), uint32(len(directory))), directory...)
}

// hostile are streams that must be refused.
func hostile() map[string][]byte {
	return map[string][]byte{
		"nothing":             {},
		"other magic":         []byte("\xd7ctxs\x02\x00\x00\x00\x00"),
		"directory of 4 GiB":  []byte(Magic + "\xff\xff\xff\xff"),
		"directory cut short": []byte(Magic + "\x10\x00\x00\x00\x01"),
		"empty directory":     forge(""),
		"no contexts":         forge("\x00\x00"),
		"too many contexts":   forge("\x81\x02"),
		"duplicate":           forge("\x02\x01a\x00\x01a\x00\x00"),
		"empty name":          forge("\x01\x00\x00\x00"),
		"long name":           forge("\x01\x41" + strings.Repeat("n", 65) + "\x00\x00"),
		"name cut short":      forge("\x01\x05ab"),
		"control":             forge("\x01\x01\n\x00\x00"),
		"no UTF-8":            forge("\x01\x01\xff\x00\x00"),
		"long number":         forge("\x01\x01a\x80\x00\x00"),
		"size of 2^63":        forge("\x01\x01a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00"),
		"sizes overflow":      forge("\x02\x01a\x80\x80\x80\x80\x80\x80\x80\x80\x10\x01b\x80\x80\x80\x80\x80\x80\x80\x80\x10\x00"),
		"too many runs":       forge("\x01\x01a\x01\x81\x80\x04"),
		"run of nobody":       forge("\x01\x01a\x01\x01\x01\x00\x01"),
		"run beyond":          forge("\x01\x01a\x01\x01\x00\x01\x01"),
		"run too long":        forge("\x01\x01a\x01\x01\x00\x00\x02"),
		"empty run":           forge("\x01\x01a\x01\x01\x00\x00\x00"),
		"run cut short":       forge("\x01\x01a\x01\x01\x00"),
		"bytes after the map": forge("\x01\x01a\x01\x00\x00"),
	}
}

func TestHostile(t *testing.T) {
	for name, b := range hostile() {
		if _, err := Read(bytes.NewReader(b)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "byte ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := stream(t, []Run{{"en", 0, 1}}, "en", "x", "fr", "y")
	for n := range len(b) - 2 { // the contexts themselves are not the directory's
		if _, err := Read(bytes.NewReader(b[:n])); !errors.Is(err, ErrFormat) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	broken := errors.New("broken")
	if _, err := Read(io.MultiReader(bytes.NewReader(b[:12]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// brokenAt is a stream that breaks off before byte n.
type brokenAt struct {
	b   []byte
	n   int
	err error
}

func (r brokenAt) ReadAt(b []byte, off int64) (int, error) {
	n, err := bytes.NewReader(r.b[:r.n]).ReadAt(b, off)
	if err == io.EOF {
		err = r.err
	}
	return n, err
}

// A source that breaks off with an error which wraps io.EOF, as those of connections do, has not ended: it is not taken for a file without contexts.
func TestBrokenOffIsNotCutShort(t *testing.T) {
	whole := stream(t, []Run{{"en", 0, 1}}, "en", "x", "fr", "y")
	meanings, err := (&Meanings{"en", []Meaning{{"fr", 1, 2}}}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF} {
		gone := fmt.Errorf("the server has gone: %w", cause)
		for n := range len(whole) - 2 {
			if _, err := Read(io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(gone))); !errors.Is(err, gone) || errors.Is(err, ErrFormat) {
				t.Fatalf("after %d bytes: %v", n, err)
			}
			if d, err := Find(brokenAt{whole, n, gone}, int64(len(whole))); !errors.Is(err, gone) {
				t.Fatalf("after %d bytes: found %v, %v", n, d, err)
			}
		}
		for n := range meanings {
			if _, _, err := ReadMeanings(io.MultiReader(bytes.NewReader(meanings[:n]), iotest.ErrReader(gone))); !errors.Is(err, gone) || errors.Is(err, ErrFormat) {
				t.Fatalf("meanings, after %d bytes: %v", n, err)
			}
		}
	}
}

// eagerReader says with the last bytes that they are the last, as an io.ReaderAt may.
type eagerReader []byte

func (r eagerReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := bytes.NewReader(r).ReadAt(b, off)
	if int(off)+n == len(r) {
		err = io.EOF
	}
	return n, err
}

func TestEagerReaders(t *testing.T) {
	whole := stream(t, nil, "en", "x", "fr", "y")
	for n := range len(whole) + 1 {
		if d, err := Find(eagerReader(whole[:n]), int64(n)); err != nil || (d != nil) != (n == len(whole)) {
			t.Errorf("in the first %d of %d bytes: %v, %v", n, len(whole), d, err)
		}
	}
	d, err := Find(eagerReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	v, err := d.View(eagerReader(whole), "fr")
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(io.NewSectionReader(v, 0, v.Size()), []byte("y")); err != nil {
		t.Error(err)
	}
}

// FuzzRead: what is read as a directory is written as the same bytes again, and its views lie within the stream.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Read(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		again, err := d.append(nil)
		if err != nil || !bytes.HasPrefix(b, again) || int64(len(again)) != d.head {
			t.Fatalf("% x comes back as % x: %v", b, again, err)
		}
		at := d.head
		var all []*View
		for _, c := range d.Contexts {
			v, err := d.View(nil, c.Name)
			if err != nil || v.Size() != c.Size {
				t.Fatal(c, err)
			}
			for pos, n := range v.Ranges(0, v.Size()) {
				if pos != at || n != c.Size {
					t.Fatalf("%s is at %d:%d, want %d:%d", c.Name, pos, n, at, c.Size)
				}
			}
			at += c.Size
			all = append(all, v)
		}
		if at != d.Size() {
			t.Fatal(at, d.Size())
		}
		if v, err := d.MapView(nil, d.Map); err == nil {
			all = append(all, v)
		}
		for _, v := range all {
			var sum int64
			for pos, n := range v.Ranges(1, math.MaxInt64) {
				if pos < d.head || n < 1 || n > d.Size()-pos {
					t.Fatalf("range %d:%d of %d", pos, n, d.Size())
				}
				sum += n
			}
			if sum != max(v.Size()-1, 0) {
				t.Fatal(sum, v.Size())
			}
		}
	})
}

// The files under testdata/fuzz are the seeds, in the format of go test.
func TestSeedsAreWritten(t *testing.T) {
	all := hostile()
	all["good"] = stream(t, nil, "en", "hello", "fr", "salut")
	all["good, with a map"] = stream(t, []Run{{"b", 1, 1}, {"a", 0, 1}}, "a", "x", "empty", "", "b", "yz")
	dir := filepath.Join("testdata", "fuzz", "FuzzRead")
	if *update {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text := fmt.Sprintf("go test fuzz v1\n[]byte(%s)\n", strconv.Quote(string(all[name])))
		file := filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "", "^", "").Replace(name))
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%s is not what -update writes: %v", file, err)
		}
	}
}

// Where contexts begin is read from the stream, of which nothing is lost, stream or not.
func TestBeginsOf(t *testing.T) {
	whole := stream(t, nil, "en", "hello", "fr", "salut!", "de", "hallo")
	for _, c := range []struct {
		name string
		b    []byte
		want []int64
	}{
		{"stream", whole, []int64{int64(len(whole)) - 11, int64(len(whole)) - 5}},
		{"one that is cut short", whole[:12], nil},
		{"no stream", []byte("a file like any other"), nil},
		{"a short file", []byte("\xd7c"), nil},
		{"an empty one", nil, nil},
	} {
		for _, fails := range []error{nil, errors.New("it is gone")} {
			src := io.Reader(iotest.OneByteReader(bytes.NewReader(c.b)))
			if fails != nil {
				src = io.MultiReader(src, iotest.ErrReader(fails))
			}
			begins, again := BeginsOf(src)
			if !slices.Equal(begins, c.want) {
				t.Errorf("%s: contexts begin at %v, want %v", c.name, begins, c.want)
			}
			if got, err := io.ReadAll(again); !bytes.Equal(got, c.b) || !errors.Is(err, fails) {
				t.Errorf("%s: %d bytes of %d, %v", c.name, len(got), len(c.b), err)
			}
		}
	}
}
