package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// work is one case in the hands of one tool, in a directory of its own that is gone afterwards.
type work struct {
	testCase
	dir     string // absolute
	old     string // files; old is "" if both sides hold nothing
	new     string
	packed  string // what the tool makes of new
	back    string // what it makes of packed
	dictnet string // the program
	disk    string // a directory for what memory cannot hold
}

func (w *work) in(name string) string { return filepath.Join(w.dir, name) }

// sizes are what a tool has to send, in bytes.
type sizes struct {
	Warm          int64 `json:"warm"`                    // if the other side holds old (or its notes, or chunks)
	Cold          int64 `json:"cold,omitempty"`          // if it holds nothing and gets what is needed of old as well; 0: not measured
	SelfContained int64 `json:"selfContained,omitempty"` // if old is not used at all; 0: not measured
}

// tool is one way to do one kind of case.
type tool struct {
	name     string
	programs []string // all must be on PATH
	kinds    []kind
	dictnet  bool                       // ours
	skip     func(testCase) bool        // cases of these kinds that are left out all the same
	prepare  func(*work) (usage, error) // once, before any encode: what a user has to do once for all files
	before   func(*work) error          // before each encode: put back what the last one changed
	encode   func(*work) []command
	size     func(*work) (int64, error) // nil: of the file packed
	decode   func(*work) []command
	more     func(*work, *measurement) error // after the first trial: what does not belong to its times
	version  []string                        // prints the version
}

const (
	pairs = update + "," + held // large files too
	all   = pairs + "," + large
	alone = plain + "," + series
)

func kindsOf(list kind) []kind {
	var ks []kind
	for _, k := range strings.Split(string(list), ",") {
		ks = append(ks, kind(k))
	}
	return ks
}

// tools are in the order of the tables: the peers, then ours.
func tools() []tool {
	list := []tool{
		{
			name: "zstd -19 --patch-from", programs: []string{"zstd"}, kinds: kindsOf(all), version: []string{"zstd", "--version"},
			encode: func(w *work) []command {
				return []command{cmd("zstd", "-q", "-f", "-19", "--long=31", "--patch-from="+w.old, w.new, "-o", w.packed)}
			},
			decode: func(w *work) []command {
				return []command{cmd("zstd", "-q", "-f", "-d", "--long=31", "--memory=2048MB", "--patch-from="+w.old, w.packed, "-o", w.back)}
			},
			more: func(w *work, m *measurement) error {
				if w.kind == large {
					return nil // it takes long, and is of no interest there
				}
				old, err := zstdSize(w, w.old)
				if err != nil {
					return err
				}
				m.Sizes.Cold = m.Sizes.Warm + old
				m.Sizes.SelfContained, err = zstdSize(w, w.new)
				return err
			},
		},
		{
			name: "xdelta3 -9 -S lzma", programs: []string{"xdelta3"}, kinds: kindsOf(update), version: []string{"xdelta3", "-V"},
			// -B: see the whole old file, however large; without it only 64 MB around the current place are.
			// -A=: do not write the files' names into the result.
			encode: func(w *work) []command {
				return []command{cmd("xdelta3", "-q", "-f", "-e", "-9", "-S", "lzma", "-A=", "-B", sourceWindow(w.old), "-s", w.old, w.new, w.packed)}
			},
			decode: func(w *work) []command {
				return []command{cmd("xdelta3", "-q", "-f", "-d", "-B", sourceWindow(w.old), "-s", w.old, w.packed, w.back)}
			},
		},
		{
			name: "bsdiff", programs: []string{"bsdiff", "bspatch"}, kinds: kindsOf(update), version: []string{"dpkg-query", "-W", "bsdiff"},
			encode: func(w *work) []command { return []command{cmd("bsdiff", w.old, w.new, w.packed)} },
			decode: func(w *work) []command { return []command{cmd("bspatch", w.old, w.back, w.packed)} },
		},
		{
			name: "hdiffz -m-6 zstd-22", programs: []string{"hdiffz", "hpatchz"}, kinds: kindsOf(update), version: []string{"hdiffz", "-v"},
			// -d: do not decode as a check, which no other tool does either.
			encode: func(w *work) []command {
				return []command{cmd("hdiffz", "-f", "-d", "-m-6", "-SD", "-c-zstd-22-28", w.old, w.new, w.packed)}
			},
			decode: func(w *work) []command { return []command{cmd("hpatchz", "-f", w.old, w.packed, w.back)} },
		},
		chunkStore("casync", func(store, index, file string) []string {
			return []string{"casync", "make", "--store=" + store, index, file}
		}, func(store, index, file string) []string {
			return []string{"casync", "extract", "--store=" + store, index, file}
		}, []string{"dpkg-query", "-W", "casync"}),
		chunkStore("desync", func(store, index, file string) []string {
			return []string{"desync", "make", "-s", store, index, file}
		}, func(store, index, file string) []string {
			return []string{"desync", "extract", "-s", store, index, file}
		}, []string{"go", "version", "-m", lookPath("desync")}),
		stream("zstd -19 --long=27", plain, []string{"zstd", "-19", "--long=27"}, []string{"zstd", "-d", "--long=27"}, "zstd"),
		stream("zstd -19 --long=31", series, []string{"zstd", "-19", "--long=31"}, []string{"zstd", "-d", "--long=31", "--memory=2048MB"}, "zstd"),
		stream("xz -9e", alone, []string{"xz", "-9e", "-T1", "-c"}, []string{"xz", "-d", "-c"}, "xz"),
		stream("brotli -q 11", plain, []string{"brotli", "-q", "11", "--lgwin=24", "-c"}, []string{"brotli", "-d", "-c"}, "brotli"),
		{
			name: "lrzip -L 9", programs: []string{"lrzip"}, kinds: kindsOf(alone), version: []string{"dpkg-query", "-W", "lrzip"},
			encode: func(w *work) []command { return []command{cmd("lrzip", "-q", "-f", "-L", "9", "-o", w.packed, w.new)} },
			decode: func(w *work) []command { return []command{cmd("lrzip", "-q", "-f", "-d", "-o", w.back, w.packed)} },
		},
		zpaq("zpaq -m5", plain, "-m5"),
		zpaq("zpaq -m3", series, "-m3"), // -m5 would take an hour
	}
	for _, profile := range []string{"fast", "default", "max"} {
		list = append(list, dictnetTool(profile))
	}
	return list
}

func lookPath(program string) string {
	if p, err := exec.LookPath(program); err == nil {
		return p
	}
	return program
}

// sourceWindow is xdelta3's -B for a file: its size, and what xdelta3 takes at least.
func sourceWindow(file string) string {
	st, err := os.Stat(file)
	if err != nil {
		return "67108864"
	}
	return strconv.FormatInt(max(64<<20, (st.Size()+1<<20)&^(1<<20-1)), 10)
}

// stream is a compressor from stdin to stdout.
func stream(name string, kinds kind, encode, decode []string, program string) tool {
	return tool{
		name: name, programs: []string{program}, kinds: kindsOf(kinds), version: []string{program, "--version"},
		encode: func(w *work) []command { return []command{{argv: encode, in: w.new, out: w.packed}} },
		decode: func(w *work) []command { return []command{{argv: decode, in: w.packed, out: w.back}} },
	}
}

func zpaq(name string, kinds kind, method string) tool {
	return tool{
		name: name, programs: []string{"zpaq"}, kinds: kindsOf(kinds), version: []string{"dpkg-query", "-W", "zpaq"},
		before: func(w *work) error { os.Remove(w.packed + ".zpaq"); return nil },
		encode: func(w *work) []command {
			c := cmd("zpaq", "add", w.packed+".zpaq", filepath.Base(w.new), method)
			c.dir = filepath.Dir(w.new)
			return []command{c}
		},
		size: func(w *work) (int64, error) { return fileSize(w.packed + ".zpaq") },
		decode: func(w *work) []command {
			return []command{cmd("zpaq", "extract", w.packed+".zpaq", filepath.Base(w.new), "-to", w.back, "-force")}
		},
	}
}

// chunkStore is a tool that cuts files into chunks. What it sends is the index and the chunks that old does not have.
func chunkStore(name string, make_, extract func(store, index, file string) []string, version []string) tool {
	pristine := func(w *work) string { return w.in("old.castr") }
	store := func(w *work) string { return w.in("new.castr") }
	index := func(w *work) string { return w.in("new.caibx") }
	return tool{
		name: name, programs: []string{name}, kinds: kindsOf(pairs), version: version,
		prepare: func(w *work) (usage, error) {
			if err := os.MkdirAll(pristine(w), 0o777); err != nil {
				return usage{}, err
			}
			return run(cmd(make_(pristine(w), w.in("old.caibx"), w.old)...))
		},
		before: func(w *work) error {
			os.Remove(index(w))
			if err := os.RemoveAll(store(w)); err != nil {
				return err
			}
			return linkTree(pristine(w), store(w))
		},
		encode: func(w *work) []command { return []command{cmd(make_(store(w), index(w), w.new)...)} },
		size: func(w *work) (int64, error) {
			n, err := treeSize(store(w), pristine(w))
			if err != nil {
				return 0, err
			}
			i, err := fileSize(index(w))
			return n + i, err
		},
		decode: func(w *work) []command { return []command{cmd(extract(store(w), index(w), w.back)...)} },
		more: func(w *work, m *measurement) error {
			// A store of new alone is what one who holds nothing has to get.
			alone := w.in("alone.castr")
			if err := os.MkdirAll(alone, 0o777); err != nil {
				return err
			}
			if _, err := run(cmd(make_(alone, w.in("alone.caibx"), w.new)...)); err != nil {
				return err
			}
			n, err := treeSize(alone, "")
			if err != nil {
				return err
			}
			i, err := fileSize(w.in("alone.caibx"))
			m.Sizes.Cold, m.Sizes.SelfContained = n+i, n+i
			return err
		},
	}
}

// linkTree makes the tree from anew at to, of hard links.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o777)
		}
		return os.Link(path, filepath.Join(to, rel))
	})
}

// treeSize adds up the files below dir that are not below without.
func treeSize(dir, without string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if without != "" {
			rel, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			_, err = os.Stat(filepath.Join(without, rel))
			if err == nil || !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		return nil
	})
	return total, err
}

func fileSize(name string) (int64, error) {
	st, err := os.Stat(name)
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

// zstdSize is how many bytes zstd -19 makes of a file.
func zstdSize(w *work, file string) (int64, error) {
	out := w.in("zstd")
	defer os.Remove(out)
	if _, err := run(cmd("zstd", "-q", "-f", "-19", "--long=31", file, "-o", out)); err != nil {
		return 0, err
	}
	return fileSize(out)
}

// versionOf asks a tool for its version: the first line that has a digit, up to a comma.
func versionOf(t tool) string {
	if len(t.version) == 0 {
		return ""
	}
	out, err := exec.Command(t.version[0], t.version[1:]...).CombinedOutput()
	for _, line := range bytes.Split(out, []byte("\n")) {
		if f := bytes.Fields(line); len(f) > 0 && string(f[0]) == "mod" && len(f) > 2 { // of go version -m
			return string(f[2])
		}
	}
	for _, line := range bytes.Split(out, []byte("\n")) {
		if bytes.ContainsAny(line, "0123456789") && !bytes.Contains(line, []byte("go1.")) {
			short, _, _ := strings.Cut(string(line), ",")
			return strings.Join(strings.Fields(strings.Trim(short, "* ")), " ")
		}
	}
	return fmt.Sprint(err)
}
