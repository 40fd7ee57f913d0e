package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"dictnet/codec/tree"
)

// row is a line of a result that people read.
type row struct {
	name  string
	value any
}

// print writes a result to stdout, or to stderr if stdout has taken a file: as JSON where that was asked for, else as aligned lines.
func (a *app) print(result any, rows ...row) error {
	w := a.stdout
	if a.taken {
		w = a.stderr
	}
	if a.json {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(result)
	}
	width := 0
	for _, r := range rows {
		width = max(width, len(r.name))
	}
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%-*s  %v\n", width, r.name, r.value)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// bytesText says a number of bytes for people and exactly.
func bytesText[T ~int | ~int64 | ~uint64](n T) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), 0
	for f >= 1024 && unit < 5 {
		f /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB (%s B)", f, " KMGTP"[unit], grouped(uint64(n)))
}

// grouped writes a number with commas between thousands.
func grouped(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// progress shows how far long work is: a bar on a terminal, nothing in a pipe.
type progress struct {
	bar  *progressbar.ProgressBar
	last int64
	mu   sync.Mutex
}

// progress starts a bar over total bytes (-1: not known).
func (a *app) progress(what string, total int64) *progress {
	f, ok := a.stderr.(*os.File)
	if !ok || a.json || a.quiet || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	return &progress{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(f),
		progressbar.OptionShowBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionFullWidth(),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(false))}
}

// set says how many bytes are done.
func (p *progress) set(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil && done > p.last {
		p.bar.Add64(done - p.last)
		p.last = done
	}
}

func (p *progress) end() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

// spool makes a temporary file, which goes when it is closed, whatever happens.
func spool() (*os.File, error) {
	f, err := os.CreateTemp("", "dictnet-*")
	if err != nil {
		return nil, storageError(err)
	}
	os.Remove(f.Name())
	return f, nil
}

// output is a file that gets its name only when it is complete.
type output struct {
	io.Writer
	tmp   *os.File
	name  string
	at    string // the path of it: name, if that is no link
	again bool   // it can be made again: unless it takes another file's place, it need not be on the disk when it gets its name
}

// create opens an output; "-" is stdout. Nothing stands under the name before commit. If the name is a link, the file that it leads to is
// meant: the link stays.
func (a *app) create(ctx context.Context, name string) (*output, error) {
	if slices.Contains([]string{"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}, name) {
		a.taken = true
		return &output{Writer: a.stdout, name: "stdout"}, nil
	}
	if st, err := os.Stat(name); err == nil && st.IsDir() {
		return nil, usageErrorf("name a file in it", "output %s is a directory", name)
	}
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() { // a device or a pipe: write to it as it is
		f, err := openPatiently(ctx, name, os.O_WRONLY)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, outputError(name, err)
		}
		return &output{Writer: f, name: name}, nil
	}
	at := followed(name)
	dir, _ := filepath.Split(at)
	f, err := os.CreateTemp(cmp.Or(dir, "."), partName(at))
	if err != nil {
		return nil, outputError(name, err)
	}
	return &output{Writer: f, tmp: f, name: name, at: at}, nil
}

// followed returns the path that a link leads to, which may be one of nothing yet.
func followed(name string) string {
	for range 40 { // the kernel follows no more, either
		to, err := os.Readlink(name)
		if err != nil {
			break
		}
		if !filepath.IsAbs(to) {
			dir, _ := filepath.Split(name)
			to = dir + to // not Join: the directory may be a link, too
		}
		name = to
	}
	return name
}

// partName is what an output is called, beside its place, until it is complete, with a * for what makes the name new. An output's own name may leave no room for more.
func partName(name string) string {
	base := filepath.Base(filepath.Clean(name))
	if len(base) > 200 {
		base = strings.ToValidUTF8(base[:200], "")
	}
	return "." + base + ".*.part"
}

// apart refuses an output that would take the place of a file that is read for it: the dictionary, if it is one, or an input. An input that is no file is not looked at.
func (a *app) apart(out, dict string, inputs ...string) error {
	to, err := os.Stat(out)
	if out == "-" || err != nil || !to.Mode().IsRegular() {
		return nil
	}
	if isCAR(dict) {
		inputs = append(inputs, dict)
	}
	for _, in := range inputs {
		from, err := os.Stat(in)
		if f, ok := a.stdin.(*os.File); ok && in == "-" {
			from, err = f.Stat()
		}
		if err == nil && os.SameFile(from, to) {
			return usageErrorf("-o names another file", "output %s would take the place of the input, %s", out, in)
		}
	}
	return nil
}

// outside refuses an output that would take the place of a file below a directory that is read for it, and so, the next time, be read itself. An input that is no directory is not looked at.
func (a *app) outside(out string, inputs ...string) error {
	to, err := os.Stat(out)
	if out == "-" || err != nil || !to.Mode().IsRegular() {
		return nil
	}
	at := out
	if dir, err := os.Getwd(); err == nil && !filepath.IsAbs(at) {
		at = dir + string(filepath.Separator) + at // not Join: .. may follow a link
	}
	if at, err = filepath.EvalSymlinks(at); err != nil {
		return outputError(out, err)
	}
	for dir := at; dir != filepath.Dir(dir); {
		dir = filepath.Dir(dir)
		above, err := os.Stat(dir)
		if err != nil {
			continue
		}
		for _, in := range inputs {
			if from, err := os.Stat(in); err == nil && os.SameFile(from, above) {
				return usageErrorf("-o names a file elsewhere", "output %s would take the place of a file in the input, %s", out, in)
			}
		}
	}
	return nil
}

func outputError(name string, err error) error {
	return &hinted{fmt.Errorf("write output %s: %w", name, err), exitStorage, "check that its directory exists, may be written and has space"}
}

// failed says what a failed write means.
func (o *output) failed(err error) error { return outputError(o.name, err) }

// written tells of what went through a countingWriter the errors of the output from those of what was read.
func (o *output) written(err error) error {
	if failed := (*writeError)(nil); errors.As(err, &failed) {
		return o.failed(failed.error)
	}
	return err
}

// commit puts the output under its name.
func (o *output) commit() error {
	if o.tmp == nil {
		return nil
	}
	mode := os.FileMode(0o666)
	sync := o.tmp.Sync
	if st, err := os.Stat(o.at); err == nil {
		mode = st.Mode().Perm()
	} else {
		mode &^= umask
		if o.again {
			sync = func() error { return nil }
		}
	}
	for _, step := range []func() error{
		func() error { return o.tmp.Chmod(mode) },
		sync,
		o.tmp.Close,
		func() error { return os.Rename(o.tmp.Name(), o.at) },
	} {
		if err := step(); err != nil {
			return outputError(o.name, err)
		}
	}
	o.tmp = nil
	return nil
}

// abandon removes what was written, unless it was committed.
func (o *output) abandon() {
	if o.tmp != nil {
		o.tmp.Close()
		os.Remove(o.tmp.Name())
	}
}

// countingWriter moves a bar, stops when the context ends, and marks errors of the output.
type countingWriter struct {
	io.Writer
	ctx  context.Context
	bar  *progress
	done int64
	tree bool // what is written begins as a tree does
}

// stoppable returns one that moves no bar.
func stoppable(ctx context.Context, w io.Writer) *countingWriter {
	return &countingWriter{Writer: w, ctx: ctx, bar: &progress{}}
}

func (w *countingWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	if w.done == 0 && len(b) > 0 {
		w.tree = bytes.HasPrefix(b, []byte(tree.Magic))
	}
	n, err := w.Writer.Write(b)
	w.done += int64(n)
	w.bar.set(w.done)
	if err != nil {
		err = &writeError{err}
	}
	return n, err
}

// writeError is an error of the output, as opposed to one of what is read.
type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// say tells a person something that is no result.
func (a *app) say(format string, args ...any) {
	if !a.quiet && !a.json {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}
