package tree

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

var (
	exampleContext = context.Background()
	update         = flag.Bool("update", false, "write the seeds of the fuzz target")
)

// forge writes an index as it is given, right or wrong.
func forge(flags, entries uint64, cols ...string) []byte {
	rest := binary.AppendUvarint(nil, flags)
	rest = binary.AppendUvarint(rest, entries)
	for i := range 7 {
		n := 0
		if i < len(cols) {
			n = len(cols[i])
		}
		rest = binary.AppendUvarint(rest, uint64(n))
	}
	rest = append(rest, strings.Join(cols, "")...)
	return append(binary.LittleEndian.AppendUint32([]byte(Magic), uint32(len(rest))), rest...)
}

// hostile are streams that must be refused: nothing of them is a tree.
func hostile() map[string][]byte {
	const file, dir, link = "\x00", "\x80\x04", "\x80\x08" // modes without permissions
	return map[string][]byte{
		"nothing":              {},
		"other magic":          []byte("\xd7tree\x02\x00\x00\x00\x00"),
		"index of 4 GiB":       []byte(Magic + "\xff\xff\xff\xff"),
		"index of 256 MiB":     []byte(Magic + "\x00\x00\x00\x10"),
		"unknown flags":        forge(2, 0),
		"too many entries":     forge(0, maxEntries+1),
		"entries without data": forge(0, maxEntries),
		"dot":                  forge(0, 1, "\x01", ".\x00", file, "\x00"),
		"dot dot":              forge(0, 1, "\x01", "..\x00", dir),
		"empty name":           forge(0, 1, "\x01", "\x00", file, "\x00"),
		"slash":                forge(0, 1, "\x01", "a/b\x00", file, "\x00"),
		"absolute":             forge(0, 1, "\x01", "/etc\x00", file, "\x00"),
		"climbing":             forge(0, 1, "\x01", "../x\x00", file, "\x00"),
		"no UTF-8":             forge(0, 1, "\x01", "\xff\x00", file, "\x00"),
		"long name":            forge(0, 1, "\x01", strings.Repeat("n", maxName+1)+"\x00", file, "\x00"),
		"duplicate":            forge(0, 2, "\x01\x01", "a\x00a\x00", file+file, "\x00\x00"),
		"duplicate directory":  forge(0, 3, "\x01\x02\x01", "a\x00b\x00a\x00", dir+file+dir, "\x00"),
		"descending":           forge(0, 2, "\x01\x01", "b\x00a\x00", file+file, "\x00\x00"),
		"below a file":         forge(0, 2, "\x01\x02", "a\x00b\x00", file+file, "\x00\x00"),
		"below a link":         forge(0, 2, "\x01\x02", "a\x00b\x00", link+file, "\x00", "/etc\x00"),
		"depth 0":              forge(0, 1, "\x00", "a\x00", file, "\x00"),
		"depth from nowhere":   forge(0, 1, "\x02", "a\x00", file, "\x00"),
		"huge depth":           forge(0, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a\x00", file, "\x00"),
		"too deep":             forge(0, maxDepth+1, deep(maxDepth+1), strings.Repeat("d\x00", maxDepth+1), strings.Repeat(dir, maxDepth+1)),
		"too long a path":      forge(0, 17, deep(17), strings.Repeat(strings.Repeat("d", maxName)+"\x00", 17), strings.Repeat(dir, 17)),
		"device":               forge(0, 1, "\x01", "null\x00", "\x80\x0c"),
		"set-uid":              forge(0, 1, "\x01", "su\x00", "\x80\x20", "\x00"),
		"mode of a link":       forge(0, 1, "\x01", "l\x00", "\xff\x0b", "", "x\x00"),
		"link to nothing":      forge(0, 1, "\x01", "l\x00", link, "", "\x00"),
		"long target":          forge(0, 1, "\x01", "l\x00", link, "", strings.Repeat("x", maxPath+1)+"\x00"),
		"target not UTF-8":     forge(0, 1, "\x01", "l\x00", link, "", "\xff\x00"),
		"size of a directory":  forge(0, 1, "\x01", "d\x00", dir, "\x00"),
		"size too large":       forge(0, 1, "\x01", "a\x00", file, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		"sizes overflow":       forge(0, 2, "\x01\x01", "a\x00b\x00", file+file, strings.Repeat("\x80\x80\x80\x80\x80\x80\x80\x80\x40", 2)),
		"long number":          forge(0, 1, "\x81\x00", "a\x00", file, "\x00"),
		"number of 70 bits":    forge(0, 1, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "a\x00", file, "\x00"),
		"full second":          forge(1, 1, "\x01", "a\x00", file, "\x00", "", "\x00", "\x80\x94\xeb\xdc\x03"),
		"year 300000000000":    forge(1, 1, "\x01", "a\x00", file, "\x00", "", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x00"),
		"times of none":        forge(0, 1, "\x01", "a\x00", file, "\x00", "", "\x00", "\x00"),
		"times missing":        forge(1, 1, "\x01", "a\x00", file, "\x00"),
		"name without end":     forge(0, 1, "\x01", "a", file, "\x00"),
		"column left over":     forge(0, 1, "\x01\x01", "a\x00", file, "\x00"),
		"bytes after columns":  append(append([]byte(Magic), "\x0a\x00\x00\x00"...), "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...),
		"column too long":      append(append([]byte(Magic), "\x09\x00\x00\x00"...), "\x00\x00\x00\x00\x00\x00\x00\x00\x7f"...),
	}
}

// deep are the depths 1 to n.
func deep(n uint64) string {
	var b []byte
	for d := range n {
		b = binary.AppendUvarint(b, d+1)
	}
	return string(b)
}

func TestHostile(t *testing.T) {
	for name, b := range hostile() {
		_, err := Read(bytes.NewReader(b))
		if !errors.Is(err, ErrTree) || !strings.Contains(err.Error(), "byte ") {
			t.Errorf("%s: %v", name, err)
		}
		if dir, err := unpack(t, b); err == nil {
			t.Errorf("%s: unpacked", name)
		} else if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%s: something was written", name)
		}
	}
}

// Long paths of many entries take no more memory than their names.
func TestLongPaths(t *testing.T) {
	const dirs, files = 15, 30000
	depths, modes := deep(dirs), strings.Repeat("\x80\x04", dirs)
	names := bytes.NewBufferString(strings.Repeat(strings.Repeat("d", maxName)+"\x00", dirs))
	for i := range files {
		fmt.Fprintf(names, "%05d\x00", i)
	}
	b := forge(0, dirs+files, depths+strings.Repeat("\x10", files), names.String(), modes+strings.Repeat("\x00", files), strings.Repeat("\x00", files))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tr, err := Read(bytes.NewReader(b))
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if all := after.TotalAlloc - before.TotalAlloc; all > 40<<20 {
		t.Errorf("%d bytes were allocated for an index of %d", all, len(b))
	}
	last := tr.Path(tr.Len() - 1)
	if i, ok := tr.Lookup(last); len(last) != dirs*(maxName+1)+5 || !ok || i != tr.Len()-1 {
		t.Errorf("the last is %d bytes, %d, %v", len(last), i, ok)
	}
}

// FuzzRead: what is read as an index is written as the same bytes again, and its parts are where they say.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := Read(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrTree) {
				t.Fatal(err)
			}
			return
		}
		again, err := tr.appendIndex(nil)
		if err != nil || !bytes.Equal(again, b[:tr.IndexSize()]) {
			t.Fatalf("% x comes back as % x: %v", b[:tr.IndexSize()], again, err)
		}
		at := tr.IndexSize()
		for i, e := range tr.All() {
			if !fs.ValidPath(tr.Path(i)) {
				t.Fatalf("path %q", tr.Path(i))
			}
			if got, ok := tr.Lookup(tr.Path(i)); !ok || got != i {
				t.Fatalf("%q is entry %d, found %d %v", tr.Path(i), i, got, ok)
			}
			if e.Kind == File {
				if e.Offset != at {
					t.Fatalf("%q begins at %d, want %d", tr.Path(i), e.Offset, at)
				}
				at += e.Size
			}
			if e.Time.Year() < 1 || e.Time.Year() > 9999 {
				t.Fatal(e.Time)
			}
		}
		if at != tr.Size() {
			t.Fatalf("size %d, want %d", tr.Size(), at)
		}
		if err := tr.CheckLinks(t.Context()); err != nil && !errors.Is(err, ErrEscape) {
			t.Fatal(err)
		}
	})
}

// The files under testdata/fuzz are the seeds, in the format of go test.
func TestSeedsAreWritten(t *testing.T) {
	all := hostile()
	all["good"] = pack(t, fstest.MapFS{"a": {Data: []byte("one"), ModTime: second}, "d/l": {Mode: fs.ModeSymlink, Data: []byte("../a")}, "d.": {Mode: 0o755}}, true)
	all["good, no times"] = pack(t, fstest.MapFS{"a/b/c/d": {Data: []byte("one")}, "a.b": {}}, false)
	dir := filepath.Join("testdata", "fuzz", "FuzzRead")
	if *update {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text := fmt.Sprintf("go test fuzz v1\n[]byte(%s)\n", strconv.Quote(string(all[name])))
		file := filepath.Join(dir, strings.NewReplacer(" ", "-", ",", "").Replace(name))
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
