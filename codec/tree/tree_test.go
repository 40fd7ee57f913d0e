package tree

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"
)

var second = time.Date(2026, 11, 22, 19, 0, 0, 7, time.UTC)

// pack returns the stream of a directory.
func pack(t *testing.T, dir fs.FS, times bool) []byte {
	t.Helper()
	r, err := NewReader(t.Context(), dir, times)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != r.Size() {
		t.Fatalf("%d bytes, said to be %d", len(b), r.Size())
	}
	return b
}

func packDir(t *testing.T, dir string) []byte {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	return pack(t, root.FS(), true)
}

// unpack extracts a stream into a new directory.
func unpack(t *testing.T, b []byte) (string, error) {
	t.Helper()
	dir := t.TempDir()
	return dir, unpackInto(t, dir, bytes.NewReader(b), false)
}

func unpackInto(t *testing.T, dir string, r io.Reader, anyLinks bool) error {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	tr, err := Extract(t.Context(), r, root, anyLinks)
	if err != nil {
		return err
	}
	return tr.SetDirs(root)
}

// The golden stream says what each byte is for (docs/tree.md).
func TestGolden(t *testing.T) {
	got := pack(t, fstest.MapFS{
		"a":     {Data: []byte("one"), Mode: 0o644, ModTime: second},
		"d":     {Mode: fs.ModeDir | 0o755, ModTime: second},
		"d/b":   {Data: []byte("two!"), Mode: 0o600, ModTime: second.Add(-time.Second)},
		"d.txt": {Mode: 0o444, ModTime: second}, // after what is in d
		"l":     {Data: []byte("d/b"), Mode: fs.ModeSymlink | 0o777},
	}, true)
	want := strings.NewReplacer(" ", "", "\n", "").Replace(stripComments(`
		d7 74 72 65 65 01        ; magic: 0xD7, "tree", version 1
		39 00 00 00              ; 57 bytes of index follow
		01                       ; flags: times are kept
		05                       ; entries
		05 0e 0a 03 04 08 04     ; lengths of the columns
		01 01 02 01 01           ; depths: a, d, d/b, d.txt, l
		61 00  64 00  62 00  64 2e 74 78 74 00  6c 00      ; names, each with a zero byte
		a4 03  ed 07  80 03  a4 02  80 08                  ; modes: 0644, directory 01755, 0600, 0444, link 02000
		03 04 00                 ; sizes of the files
		64 2f 62 00              ; target of l
		e0 ee 99 b0 0d 00 01 02  ; seconds, each less that of the entry before, zigzag
		07 07 07 07              ; nanoseconds
		6f 6e 65                 ; a
		74 77 6f 21              ; d/b; d.txt is empty
	`))
	if hex.EncodeToString(got) != want {
		t.Errorf("stream is\n%s, want\n%s", hex.EncodeToString(got), want)
	}
}

func stripComments(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, ";")
		b.WriteString(strings.Join(strings.Fields(line), ""))
	}
	return b.String()
}

// sampleDir makes a directory with all that a tree can hold.
func sampleDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"empty", "sub/deep/er", "read-only", "ünï"} {
		must(os.MkdirAll(filepath.Join(dir, d), 0o755))
	}
	for name, data := range map[string]string{"sub/deep/er/f": "deep", "sub.x": "after sub", "sub/a": strings.Repeat("long ", 100_000), "none": "",
		"read-only/f": "locked", "ünï/ç ode\n": "odd name", "run": "#!/bin/sh\n"} {
		must(os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
		must(os.Chtimes(filepath.Join(dir, name), second, second.Add(time.Duration(len(data))*time.Millisecond)))
	}
	must(os.Symlink("sub/a", filepath.Join(dir, "link")))
	must(os.Symlink("../../nothing", filepath.Join(dir, "sub", "deep", "dangling")))
	must(os.Chmod(filepath.Join(dir, "run"), 0o755))
	must(os.Chmod(filepath.Join(dir, "read-only/f"), 0o400))
	must(os.Chmod(filepath.Join(dir, "read-only"), 0o555))
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "read-only"), 0o755) })
	for _, d := range []string{"empty", "sub", "sub/deep"} {
		must(os.Chtimes(filepath.Join(dir, d), second, second.Add(-time.Hour)))
	}
	return dir
}

func TestRoundTrip(t *testing.T) {
	dir := sampleDir(t)
	b := packDir(t, dir)
	back, err := unpack(t, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(back, "read-only"), 0o755) })
	if again := packDir(t, back); !bytes.Equal(again, b) {
		t.Error("what was unpacked packs to another stream")
	}
	for _, path := range []string{"sub/a", "run", "ünï/ç ode\n", "empty", "read-only", "sub/deep"} {
		was, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.Stat(filepath.Join(back, path))
		if err != nil {
			t.Fatal(err)
		}
		if was.Mode() != is.Mode() || !was.ModTime().Equal(is.ModTime()) || !was.IsDir() && was.Size() != is.Size() {
			t.Errorf("%s: %v %v %d, was %v %v %d", path, is.Mode(), is.ModTime(), is.Size(), was.Mode(), was.ModTime(), was.Size())
		}
	}
	if target, err := os.Readlink(filepath.Join(back, "link")); target != "sub/a" {
		t.Error(target, err)
	}
}

// A reader that gives one byte at a time changes nothing, nor does one that is asked for one.
func TestOneByteAtATime(t *testing.T) {
	b := packDir(t, sampleDir(t))
	dir := t.TempDir()
	if err := unpackInto(t, dir, iotest.OneByteReader(bytes.NewReader(b)), false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(dir, "read-only"), 0o755) })
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	r, err := NewReader(t.Context(), root.FS(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(iotest.OneByteReader(r))
	if err != nil || !bytes.Equal(got, b) {
		t.Fatal("read by single bytes, the stream is another one", err)
	}
}

func TestAccess(t *testing.T) {
	b := packDir(t, sampleDir(t))
	tr, err := Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if tr.Size() != int64(len(b)) || !tr.Times {
		t.Error(tr.Size(), len(b), tr.Times)
	}
	var paths []string
	for i, e := range tr.All() {
		path := tr.Path(i)
		paths = append(paths, path)
		if got, ok := tr.Lookup(path); !ok || got != i || !strings.HasSuffix("/"+path, "/"+e.Name) {
			t.Errorf("%s is found at %d %v, is %d", path, got, ok, i)
		}
	}
	want := "empty link none read-only read-only/f run sub sub/a sub/deep sub/deep/dangling sub/deep/er sub/deep/er/f sub.x ünï ünï/ç ode\n"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("order is %q, want %q", got, want)
	}
	i, ok := tr.Lookup("./sub/deep/er/f")
	if !ok {
		t.Fatal("sub/deep/er/f is not found")
	}
	if e := tr.Entry(i); string(b[e.Offset:e.Offset+e.Size]) != "deep" {
		t.Errorf("content of %s is not at %d", e.Name, e.Offset)
	}
	sub, _ := tr.Lookup("sub/")
	if from, end := tr.Below(sub); tr.Path(from) != "sub/a" || tr.Path(end) != "sub.x" {
		t.Error("below sub are", tr.Path(from), "to", tr.Path(end))
	}
	for _, path := range []string{"su", "sub/b", "sub/a/x", "none/", "link/x", "..", "/sub", "sub//a"} {
		if i, ok := tr.Lookup(path); ok && path != "none/" {
			t.Errorf("%q is found as %s", path, tr.Path(i))
		}
	}
	if i, ok := tr.Lookup("."); !ok || i != Top {
		t.Error("the top is not found")
	}
}

func TestWithoutTimes(t *testing.T) {
	at := func(when time.Time) []byte {
		return pack(t, fstest.MapFS{"d/f": {Data: []byte("x"), ModTime: when, Mode: 0o644}}, false)
	}
	if !bytes.Equal(at(second), at(second.Add(time.Hour))) {
		t.Error("times are in a stream that keeps none")
	}
	before := time.Now().Add(-time.Minute)
	dir, err := unpack(t, at(second))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"d", "d/f"} {
		if st, err := os.Stat(filepath.Join(dir, path)); err != nil || st.ModTime().Before(before) {
			t.Errorf("%s has a time that is in no tree: %v", path, err)
		}
	}
}

func TestEmptyDirectory(t *testing.T) {
	b := pack(t, fstest.MapFS{}, true)
	tr, err := Read(bytes.NewReader(b))
	if err != nil || tr.Len() != 0 || tr.Size() != int64(len(b)) {
		t.Fatal(err)
	}
	if _, err := unpack(t, b); err != nil {
		t.Fatal(err)
	}
}

// What cannot be in a tree is named, not left out in silence.
func TestRefusedOnPacking(t *testing.T) {
	for name, dir := range map[string]fstest.MapFS{
		"device":      {"dev/null": {Mode: fs.ModeDevice | fs.ModeCharDevice}},
		"pipe":        {"p": {Mode: fs.ModeNamedPipe}},
		"socket":      {"s": {Mode: fs.ModeSocket}},
		"irregular":   {"i": {Mode: fs.ModeIrregular}},
		"name":        {"caf\xe9": {}},
		"target":      {"l": {Mode: fs.ModeSymlink, Data: []byte("\xff")}},
		"long name":   {strings.Repeat("n", maxName+1): {}},
		"long path":   {strings.Repeat("n/", maxPath/2) + "nn": {}},
		"year 10,000": {"f": {ModTime: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}},
	} {
		if r, err := NewReader(t.Context(), dir, true); !errors.Is(err, ErrKind) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				r.Close()
			}
		}
	}
}

// liar is a directory with a file that is not as long as it says.
type liar struct {
	fstest.MapFS
	more int
}

func (l liar) Open(name string) (fs.File, error) {
	if name != "f" {
		return l.MapFS.Open(name)
	}
	return fstest.MapFS{"f": {Data: bytes.Repeat([]byte("x"), len(l.MapFS["f"].Data)+l.more), Mode: 0o644}}.Open(name)
}

func TestChangedFile(t *testing.T) {
	for _, more := range []int{-1, 1, -10, 0} {
		r, err := NewReader(t.Context(), liar{fstest.MapFS{"f": {Data: make([]byte, 10)}, "g": {Data: []byte("g")}}, more}, true)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(r)
		if more == 0 && err != nil || more != 0 && (!errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "f: ")) {
			t.Errorf("%+d bytes: %v", more, err)
		}
		r.Close()
	}
}

// What is closed gives nothing more: it would go on with the next file.
func TestReadAfterClose(t *testing.T) {
	dir := fstest.MapFS{"f": {Data: []byte("first")}, "g": {Data: []byte("second")}}
	whole := pack(t, dir, false)
	for n := range whole {
		r, err := NewReader(t.Context(), dir, false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := r.Close(); err != nil {
				t.Errorf("closed after %d bytes: %v", n, err)
			}
		}
		if b, err := io.ReadAll(r); len(b) > 0 || !errors.Is(err, fs.ErrClosed) {
			t.Errorf("closed after %d of %d bytes, it gives %d more, %v", n, len(whole), len(b), err)
		}
	}
}

// listed is a directory whose list says of d that it is a file, which it was then.
type listed struct{ fstest.MapFS }

func (l listed) ReadDir(name string) ([]fs.DirEntry, error) {
	list, err := l.MapFS.ReadDir(name)
	for i, d := range list {
		if d.Name() == "d" {
			list[i] = wasFile{d}
		}
	}
	return list, err
}

type wasFile struct{ fs.DirEntry }

func (wasFile) IsDir() bool       { return false }
func (wasFile) Type() fs.FileMode { return 0 }

// What takes the place of a file while a directory is listed is taken for what it is.
func TestChangedKind(t *testing.T) {
	dir := fstest.MapFS{"d/f": {Data: []byte("content"), Mode: 0o644}, "g": {Mode: 0o644}}
	if !bytes.Equal(pack(t, listed{dir}, false), pack(t, dir, false)) {
		t.Error("what is in the directory is left out")
	}
}

func TestEveryCutIsRefused(t *testing.T) {
	b := pack(t, fstest.MapFS{"a": {Data: []byte("content")}, "d/l": {Mode: fs.ModeSymlink, Data: []byte("../a")}}, true)
	for n := range b {
		if _, err := unpack(t, b[:n]); !errors.Is(err, ErrTree) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	}
	if _, err := unpack(t, append(bytes.Clone(b), 0)); !errors.Is(err, ErrTree) {
		t.Fatalf("one byte more: %v", err)
	}
	broken := errors.New("broken")
	if err := unpackInto(t, t.TempDir(), io.MultiReader(bytes.NewReader(b), iotest.ErrReader(broken)), false); !errors.Is(err, broken) {
		t.Fatalf("an error after the last byte is lost: %v", err)
	}
}

// A source that breaks off with an error which wraps io.EOF, as those of connections do, has not ended, be it before the index, in a file or behind the last one.
func TestBrokenOffIsNotCutShort(t *testing.T) {
	b := pack(t, fstest.MapFS{"a": {Data: []byte("content")}, "d/l": {Mode: fs.ModeSymlink, Data: []byte("../a")}}, true)
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF} {
		gone := fmt.Errorf("the server has gone: %w", cause)
		for n := range len(b) + 1 {
			src := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(gone))
			if err := unpackInto(t, t.TempDir(), src, false); !errors.Is(err, gone) || errors.Is(err, ErrTree) {
				t.Fatalf("after %d of %d bytes: %v", n, len(b), err)
			}
		}
	}
}

func TestEscapingLinks(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		links   string // PATH>TARGET, blanks between
		escapes bool
	}{
		{"l>/etc/passwd", true},
		{"l>..", true},
		{"d/l>../..", true},
		{"d/l>..", false},
		{"d/l>../d/../d/x", false},
		{"d/l>../d/../../x", true},
		{"l>d/../x", false},
		{"l>nothing/../x", false},
		{"l>nothing/../../x", true},
		{"l>l", false},
		{"l>m m>l", false},
		{"l>" + strings.Repeat("./", 1000) + "x", false},
		{"l>" + strings.Repeat("./", 2000) + "x", true}, // nobody needs that
		{"l>m m>" + strings.Repeat("./", 900) + "n n>" + strings.Repeat("./", 900) + "x", true},
		{"l>m/x m>l/x", false},
		// Each of the two stays inside by its letters; followed, the second does not.
		{"a/b/up>../.. a/b/l>up/../x", true},
		{"a/b/up>../.. a/b/l>up/x", false},
		{"z>a/b a/b/f>x l>z/../../..", true},
		{"z>a/b a/b/f>x l>z/../../x", false},
		{"a>b b>c c>.//./d d/f>x", false},
		{"a>b b>/c", true},
		{"l>a//b/..///..", false},
		{"l>\\\\host\\share", false}, // a name like any other where the slash divides
	} {
		dir := fstest.MapFS{}
		for _, l := range strings.Fields(c.links) {
			path, target, _ := strings.Cut(l, ">")
			dir[path] = &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte(target)}
		}
		r, err := NewReader(t.Context(), dir, false)
		if err != nil {
			t.Fatal(c.links, err)
		}
		if err := r.CheckLinks(t.Context()); errors.Is(err, ErrEscape) != c.escapes {
			t.Errorf("%s: %v", c.links, err)
		}
		if err := r.CheckLinks(over); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: when nobody waits any more: %v", c.links, err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out := t.TempDir()
		if err := unpackInto(t, out, bytes.NewReader(b), false); errors.Is(err, ErrEscape) != c.escapes {
			t.Errorf("%s: unpacked: %v", c.links, err)
		}
		if left, err := os.ReadDir(out); err != nil || c.escapes && len(left) > 0 {
			t.Errorf("%s: something was written", c.links)
		}
		if err := unpackInto(t, t.TempDir(), bytes.NewReader(b), true); err != nil {
			t.Errorf("%s: with any links: %v", c.links, err)
		}
	}
}

// Where names are not told apart by case, the second one is there already when its turn comes.
func TestSameName(t *testing.T) {
	b := pack(t, fstest.MapFS{"README": {Data: []byte("1")}, "readme": {Data: []byte("2")}}, true)
	for _, kind := range []string{"file", "directory", "link"} {
		dir := t.TempDir()
		at := filepath.Join(dir, "readme")
		var err error
		switch kind {
		case "file":
			err = os.WriteFile(at, []byte("first"), 0o644)
		case "directory":
			err = os.Mkdir(at, 0o755)
		case "link":
			err = os.Symlink(filepath.Join(t.TempDir(), "outside"), at)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := unpackInto(t, dir, bytes.NewReader(b), false); !errors.Is(err, ErrSameName) || !strings.Contains(err.Error(), `"readme"`) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// A full disk is an error of the output.
func TestOutputError(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	root.Close() // nothing can be made in it
	b := pack(t, fstest.MapFS{"f": {Data: []byte("1")}}, true)
	var out *OutputError
	if _, err := Extract(t.Context(), bytes.NewReader(b), root, false); !errors.As(err, &out) {
		t.Error(err)
	}
}

func Example() {
	dir := fstest.MapFS{
		"docs/index.html": {Data: []byte("<p>hello")},
		"run.sh":          {Data: []byte("exec true\n"), Mode: 0o755},
	}
	r, err := NewReader(exampleContext, dir, false)
	if err != nil {
		panic(err)
	}
	defer r.Close()
	stream, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}

	t, err := Read(bytes.NewReader(stream))
	if err != nil {
		panic(err)
	}
	for i, e := range t.All() {
		fmt.Println(e.Mode, e.Size, t.Path(i))
	}
	i, _ := t.Lookup("docs/index.html")
	e := t.Entry(i)
	fmt.Printf("%s\n", stream[e.Offset:e.Offset+e.Size])
	// Output:
	// -r-xr-xr-x 0 docs
	// ---------- 8 docs/index.html
	// -rwxr-xr-x 10 run.sh
	// <p>hello
}
