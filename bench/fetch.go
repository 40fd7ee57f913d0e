package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// cache holds the inputs, in a directory that git ignores.
type cache struct {
	dir    string
	inputs map[string]input
	sums   map[string]string // of the inputs seen in this run
	say    func(format string, args ...any)
}

// recipe makes the file out.
type recipe func(c *cache, out string, args []string) error

// recipeNamed returns a way to have an input, or nil.
func recipeNamed(name string) recipe {
	switch name {
	case "npm":
		return fetchNPM
	case "gomod":
		return fetchModule
	case "member":
		return extractMember
	case "members":
		return packMembers
	case "sql":
		return dumpSQL
	case "sqlite":
		return dumpSQLite
	case "concat":
		return concatInputs
	case "history":
		return makeHistory
	}
	return nil
}

// path returns the name of an input's file, which it fetches or makes if it is not there, and checks once a run.
// A file of the user's is named by its absolute path.
func (c *cache) path(name string) (string, error) {
	if filepath.IsAbs(name) {
		sum, err := fileSum(name)
		c.sums[name] = sum
		return name, err
	}
	in, ok := c.inputs[name]
	if !ok {
		return "", fmt.Errorf("no input is named %s", name)
	}
	file := filepath.Join(c.dir, name)
	if c.sums[name] != "" {
		return file, nil
	}
	if _, err := os.Stat(file); err != nil {
		c.say("%s: %s", name, strings.Join(in.recipe, " "))
		part := file + ".part"
		defer os.Remove(part)
		if err := recipeNamed(in.recipe[0])(c, part, in.recipe[1:]); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		if err := os.Rename(part, file); err != nil {
			return "", err
		}
	}
	sum, err := fileSum(file)
	if err != nil {
		return "", err
	}
	if in.sum != "-" && sum != in.sum {
		return "", fmt.Errorf("%s has sha256 %s, and inputs.txt pins %s: remove the file if it is an old one", file, sum, in.sum)
	}
	c.sums[name] = sum
	return file, nil
}

func fileSum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// fetchNPM takes the tar out of the package that npm names NAME@VERSION.
func fetchNPM(c *cache, out string, args []string) error {
	dir, err := os.MkdirTemp(c.dir, "npm-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	npm := exec.Command("npm", "pack", "--silent", "--ignore-scripts", args[0])
	npm.Dir = dir
	var stderr bytes.Buffer
	npm.Stderr = &stderr
	name, err := npm.Output()
	if err != nil {
		return fmt.Errorf("npm pack %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	in, err := os.Open(filepath.Join(dir, filepath.Base(strings.TrimSpace(string(name)))))
	if err != nil {
		return err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return err
	}
	return writeFile(out, func(w io.Writer) error {
		_, err := io.Copy(w, z)
		return err
	})
}

// fetchModule makes a tar of the source of the Go module MODULE@VERSION.
func fetchModule(c *cache, out string, args []string) error {
	download := exec.Command("go", "mod", "download", "-json", args[0])
	download.Dir = os.TempDir() // outside any module
	text, err := download.Output()
	var got struct{ Zip, Error string }
	if jerr := json.Unmarshal(text, &got); jerr != nil || got.Zip == "" {
		return fmt.Errorf("go mod download %s: %v: %s", args[0], err, got.Error)
	}
	// Not the directory that it was unpacked to, where others may have left files.
	source, err := zip.OpenReader(got.Zip)
	if err != nil {
		return err
	}
	defer source.Close()
	dir, err := fs.Sub(source, args[0])
	if err != nil {
		return err
	}
	return writeFile(out, func(w io.Writer) error { return tarFiles(w, dir) })
}

// tarFiles writes the regular files of dir to a tar, in lexical order and with nothing in the headers but name and size.
func tarFiles(dst io.Writer, dir fs.FS) error {
	w := tar.NewWriter(dst)
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o644, Size: info.Size(), Format: tar.FormatPAX}); err != nil {
			return err
		}
		src, err := dir.Open(path)
		if err != nil {
			return err
		}
		defer src.Close()
		_, err = io.Copy(w, src)
		return err
	})
	if err != nil {
		return err
	}
	return w.Close()
}

// extractMember takes the file PATH out of the input TAR.
func extractMember(c *cache, out string, args []string) error {
	found := false
	err := c.eachMember(args[0], func(h *tar.Header, r io.Reader) error {
		if h.Name != args[1] || found {
			return nil
		}
		found = true
		return writeFile(out, func(w io.Writer) error {
			_, err := io.Copy(w, r)
			return err
		})
	})
	if err == nil && !found {
		err = fmt.Errorf("%s has no file %s", args[0], args[1])
	}
	return err
}

// packMembers joins the files of the input TAR whose names end so, in the tar's order.
func packMembers(c *cache, out string, args []string) error {
	return writeFile(out, func(w io.Writer) error {
		return c.eachMember(args[0], func(h *tar.Header, r io.Reader) error {
			if !strings.HasSuffix(h.Name, args[1]) {
				return nil
			}
			_, err := io.Copy(w, r)
			return err
		})
	})
}

// concatInputs joins inputs.
func concatInputs(c *cache, out string, args []string) error {
	return writeFile(out, func(w io.Writer) error {
		for _, name := range args {
			if err := c.copyTo(w, name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *cache) copyTo(w io.Writer, name string) error {
	file, err := c.path(name)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// eachMember calls f for each regular file of an input that is a tar.
func (c *cache) eachMember(name string, f func(h *tar.Header, r io.Reader) error) error {
	file, err := c.path(name)
	if err != nil {
		return err
	}
	src, err := os.Open(file)
	if err != nil {
		return err
	}
	defer src.Close()
	r := tar.NewReader(src)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeReg {
			if err := f(h, r); err != nil {
				return err
			}
		}
	}
}

// writeFile makes a file of what f writes.
func writeFile(name string, f func(io.Writer) error) error {
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := f(out); err != nil {
		return err
	}
	return out.Close()
}
