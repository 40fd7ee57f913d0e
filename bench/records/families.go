package main

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Records of a family have 200 bytes to 8 KiB.
const (
	shortest = 200
	longest  = 8 << 10
)

// Of one group, so many records are taken at most: no package speaks for the family.
const perGroup = 24

// family is a kind of small records, of which some groups train and others test.
type family struct {
	name        string
	what        string
	train, test [][]byte
}

// groups collects records by the package that they are of.
type groups map[string][][]byte

// add takes a record, if it is small enough, new, and its group not full.
func (g groups) add(group string, record []byte) {
	if len(record) < shortest || len(record) > longest || len(g[group]) >= perGroup {
		return
	}
	if !slices.ContainsFunc(g[group], func(b []byte) bool { return bytes.Equal(b, record) }) {
		g[group] = append(g[group], record)
	}
}

// split gives each group to one side: three of four train, by the hash of their names. Records that occur on both sides only train.
func (g groups) split(name, what string) family {
	f := family{name: name, what: what}
	seen := map[string]bool{}
	var test []string
	names := make([]string, 0, len(g))
	for n := range g {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if sha256.Sum256([]byte(n))[0]%4 == 0 {
			test = append(test, n)
			continue
		}
		for _, r := range g[n] {
			if !seen[string(r)] {
				seen[string(r)] = true
				f.train = append(f.train, r)
			}
		}
	}
	for _, n := range test {
		for _, r := range g[n] {
			if !seen[string(r)] {
				seen[string(r)] = true
				f.test = append(f.test, r)
			}
		}
	}
	return f
}

// packages takes the package.json files of npm packages below the directories, by package name.
func packages(dirs []string) (family, error) {
	g := groups{}
	err := files(dirs, func(path string) bool { return filepath.Base(path) == "package.json" }, func(path string, b []byte) {
		var p struct{ Name, Version string }
		if json.Unmarshal(b, &p) == nil && p.Name != "" && p.Version != "" {
			g.add(p.Name, b)
		}
	})
	if err != nil {
		return family{}, err
	}
	return g.split("package.json", "package.json files of npm packages, by package"), nil
}

// changelogs takes the entries of Debian's changelogs, by source package.
func changelogs(dirs []string) (family, error) {
	g := groups{}
	err := files(dirs, func(path string) bool {
		return strings.HasPrefix(filepath.Base(path), "changelog") && strings.HasSuffix(path, ".gz")
	}, func(_ string, b []byte) {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		var entry []byte
		var source string
		s := bufio.NewScanner(z)
		for s.Scan() {
			line := s.Text()
			if name, rest, ok := strings.Cut(line, " ("); ok && !strings.HasPrefix(line, " ") && strings.Contains(rest, "; urgency=") {
				entry, source = nil, name
			}
			if source == "" {
				continue
			}
			entry = append(append(entry, line...), '\n')
			if strings.HasPrefix(line, " -- ") {
				g.add(source, entry)
				source = ""
			}
		}
	})
	if err != nil {
		return family{}, err
	}
	return g.split("changelog", "entries of Debian changelogs, by source package"), nil
}

// locked takes what lock files of npm say of packages, by package.
func locked(dirs []string) (family, error) {
	g := groups{}
	for _, dir := range dirs {
		b, err := os.ReadFile(filepath.Join(dir, ".package-lock.json"))
		if err != nil {
			return family{}, err
		}
		var lock struct{ Packages map[string]json.RawMessage }
		if err := json.Unmarshal(b, &lock); err != nil {
			return family{}, fmt.Errorf("the lock file of %s: %w", dir, err)
		}
		for _, path := range slices.Sorted(maps.Keys(lock.Packages)) {
			_, name, _ := strings.Cut("/"+path, "/node_modules/")
			name, _, _ = strings.Cut(name, "/node_modules/")
			g.add(name, lock.Packages[path])
		}
	}
	return g.split("lock entries", "entries of npm's lock files, by package"), nil
}

// requests takes the lines of the log that npm keeps of what it fetched, by the host and the begin of the path of what was asked for.
func requests(dirs []string) (family, error) {
	g := groups{}
	err := files(dirs, func(string) bool { return true }, func(_ string, b []byte) {
		for line := range bytes.Lines(b) {
			_, entry, _ := bytes.Cut(line, []byte("\t"))
			var e struct{ Metadata struct{ URL string } }
			if json.Unmarshal(entry, &e) != nil {
				continue
			}
			if u, err := url.Parse(e.Metadata.URL); err == nil {
				name, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
				g.add(u.Host+"/"+name, line)
			}
		}
	})
	if err != nil {
		return family{}, err
	}
	return g.split("request log", "lines of npm's log of requests, by what was asked for"), nil
}

// copyrights takes the stanzas on files of Debian's machine-readable copyright files, by package.
func copyrights(dirs []string) (family, error) {
	g := groups{}
	err := files(dirs, func(path string) bool { return filepath.Base(path) == "copyright" }, func(path string, b []byte) {
		for p := range bytes.SplitSeq(b, []byte("\n\n")) {
			if bytes.HasPrefix(p, []byte("Files:")) {
				g.add(filepath.Base(filepath.Dir(path)), append(p, '\n'))
			}
		}
	})
	if err != nil {
		return family{}, err
	}
	return g.split("copyright", "stanzas of Debian's copyright files, by package"), nil
}

// paragraphs takes the paragraphs of what dpkg knows of packages, by source package.
func paragraphs(dirs []string) (family, error) {
	g := groups{}
	for _, path := range dirs {
		b, err := os.ReadFile(path)
		if err != nil {
			return family{}, err
		}
		for p := range bytes.SplitSeq(b, []byte("\n\n")) {
			var name, source string
			for line := range strings.Lines(string(p)) {
				if v, ok := strings.CutPrefix(line, "Package: "); ok {
					name = strings.TrimSpace(v)
				}
				if v, ok := strings.CutPrefix(line, "Source: "); ok {
					source, _, _ = strings.Cut(strings.TrimSpace(v), " ")
				}
			}
			g.add(cmp.Or(source, name), append(p, '\n'))
		}
	}
	return g.split("dpkg status", "what dpkg knows of packages, by source package"), nil
}

// inPackages returns a function that takes files of npm packages with a certain end of their names, by package.
func inPackages(name, end string) func([]string) (family, error) {
	return func(dirs []string) (family, error) {
		g := groups{}
		err := files(dirs, func(path string) bool { return strings.HasSuffix(strings.ToLower(path), end) }, func(path string, b []byte) {
			at := strings.LastIndex(path, "node_modules/")
			parts := strings.Split(path[max(at, 0):], "/")
			if at < 0 || len(parts) < 3 {
				return
			}
			g.add(parts[1], b) // a scope is one: its packages are often alike
		})
		if err != nil {
			return family{}, err
		}
		return g.split(name, name+" of npm packages, by package or scope"), nil
	}
}

// sources takes Go source files below a directory of the module cache, by module.
func sources(dirs []string) (family, error) {
	g := groups{}
	for _, dir := range dirs {
		err := files([]string{dir}, func(path string) bool { return strings.HasSuffix(path, ".go") }, func(path string, b []byte) {
			rel, _ := filepath.Rel(dir, path)
			if module, _, ok := strings.Cut(rel, "@"); ok {
				g.add(module, b)
			}
		})
		if err != nil {
			return family{}, err
		}
	}
	return g.split("go source", "source files of Go modules, by module"), nil
}

// files calls take for each regular file below the directories whose path is wanted, in lexical order.
func files(dirs []string, want func(string) bool, take func(string, []byte)) error {
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || !want(path) {
				return err
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			b, err := io.ReadAll(io.LimitReader(f, 16<<20))
			if err != nil {
				return err
			}
			take(path, b)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
