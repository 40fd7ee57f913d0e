package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dictnet/codec/tree"
)

// openTree opens a directory for reading, as a tree.
func (a *app) openTree(ctx context.Context, dir string, times bool) (*input, error) {
	root, err := os.OpenRoot(dir) // so that nothing outside is read, even while links are being made
	if err != nil {
		return nil, inputError(err)
	}
	r, err := tree.NewReader(ctx, unwaited{root.FS().(fs.ReadLinkFS), root}, times)
	if err != nil {
		root.Close()
		if errors.Is(err, tree.ErrKind) {
			err = withHint(err, "move it elsewhere; what a tree holds is said in docs/tree.md")
		}
		return nil, inputError(fmt.Errorf("%s: %w", dir, err))
	}
	return &input{Reader: r, closer: closerFunc(func() error { return errors.Join(r.Close(), root.Close()) }), size: r.Size(), name: dir}, nil
}

// unwaited is a directory in which nothing is waited for: a pipe that has taken the place of a file would be opened for ever, or until somebody writes to it.
type unwaited struct {
	fs.ReadLinkFS
	root *os.Root
}

func (u unwaited) Open(name string) (fs.File, error) {
	f, err := u.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// treeOutput unpacks what is written to it, and puts it in its place when all of it is there.
type treeOutput struct {
	*io.PipeWriter
	from  string // the template
	dir   string // in the end
	fresh bool   // dir is not there yet
	tmp   string // beside dir, or in it
	root  *os.Root
	tree  *tree.Tree
	done  chan error
}

// createTree begins to unpack the tree that a template plays as dir, which is new or an empty directory.
func (a *app) createTree(ctx context.Context, from, dir string, anyLinks bool) (*treeOutput, error) {
	o := &treeOutput{from: from, dir: dir, done: make(chan error, 1)}
	beside := dir
	switch list, err := os.ReadDir(dir); {
	case errors.Is(err, os.ErrNotExist):
		o.fresh = true
		beside = filepath.Dir(filepath.Clean(dir))
	case err != nil:
		return nil, outputError(dir, err)
	case len(list) > 0:
		return nil, usageErrorf("name a new one", "directory %s is not empty", dir)
	}
	var err error
	if o.tmp, err = os.MkdirTemp(beside, partName(dir)); err != nil {
		return nil, outputError(dir, err)
	}
	if o.root, err = os.OpenRoot(o.tmp); err != nil {
		os.RemoveAll(o.tmp)
		return nil, outputError(dir, err)
	}
	var r *io.PipeReader
	r, o.PipeWriter = io.Pipe()
	go func() {
		var err error
		o.tree, err = tree.Extract(ctx, r, o.root, anyLinks)
		r.CloseWithError(cmp.Or[error](err, io.ErrClosedPipe))
		o.done <- err
	}()
	return o, nil
}

// failed says what a failed write means.
func (o *treeOutput) failed(err error) error {
	if out := (*tree.OutputError)(nil); errors.As(err, &out) {
		return outputError(o.dir, err)
	}
	return fmt.Errorf("template %s: %w", o.from, err)
}

// commit puts the tree in its place.
func (o *treeOutput) commit() error {
	o.PipeWriter.Close()
	err := <-o.done
	o.done = nil
	if err != nil {
		return o.failed(err)
	}
	if list, err := os.ReadDir(o.dir); !o.fresh && err == nil && len(list) > 1 { // besides what was unpacked: it would be overwritten where names are the same
		return usageErrorf("name a new one", "directory %s is not empty any more", o.dir)
	}
	if err := o.place(); err != nil {
		return outputError(o.dir, err)
	}
	return nil
}

func (o *treeOutput) place() error {
	if o.fresh {
		if err := o.tree.SetDirs(o.root); err != nil {
			return err
		}
		if err := os.Chmod(o.tmp, 0o777&^umask); err != nil {
			return err
		}
		if err := os.Rename(o.tmp, o.dir); err != nil {
			return err
		}
		o.tmp = ""
		return nil
	}
	root, err := os.OpenRoot(o.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, i := range o.tree.Children(tree.Top) {
		name := o.tree.Entry(i).Name
		if err := root.Rename(filepath.Join(filepath.Base(o.tmp), name), name); err != nil {
			return err
		}
	}
	return o.tree.SetDirs(root)
}

var errAbandoned = errors.New("what should be unpacked did not come")

// abandon removes what is not in its place.
func (o *treeOutput) abandon() {
	if o.done != nil {
		o.CloseWithError(errAbandoned)
		<-o.done
		o.done = nil
	}
	if o.tmp != "" && o.tree != nil { // directories that have their modes already may let nothing be removed
		for i, e := range o.tree.All() {
			if e.Kind == tree.Dir {
				o.root.Chmod(filepath.FromSlash(o.tree.Path(i)), 0o700)
			}
		}
	}
	o.root.Close()
	if o.tmp != "" {
		os.RemoveAll(o.tmp)
	}
}

type listedEntry struct {
	Path   string     `json:"path"`
	Kind   string     `json:"kind"` // file, directory, link
	Mode   string     `json:"mode,omitempty"`
	Size   int64      `json:"size"`
	Time   *time.Time `json:"time,omitempty"`
	Target string     `json:"target,omitempty"`
}

// lsTree lists a tree, or what is at some paths of it and below.
func (a *app) lsTree(c *cobra.Command, name string, paths []string, f *playFlags) error {
	p, err := a.play(c, name, f)
	if err != nil {
		return err
	}
	defer p.Close()
	t, err := p.tree()
	if err != nil {
		return err
	}
	if len(paths) == 0 {
		paths = []string{"."}
	}
	var runs [][2]int // of entries, from and end
	for _, path := range paths {
		i, ok := t.Lookup(path)
		if !ok {
			return noEntry(name, path)
		}
		from, end := i, i+1
		if i == tree.Top || t.Entry(i).Kind == tree.Dir {
			_, end = t.Below(i)
		}
		runs = append(runs, [2]int{max(from, 0), end})
	}
	// One entry at a time: all together they may be much longer than the tree's index.
	w := bufio.NewWriter(a.stdout)
	before := "{\n  \"entries\": ["
	for _, run := range runs {
		for i := run[0]; i < run[1]; i++ {
			if err := c.Context().Err(); err != nil {
				return err
			}
			l, line := listed(t, i)
			if !a.json {
				w.WriteString(line)
				continue
			}
			b, err := json.MarshalIndent(l, "    ", "  ")
			if err != nil {
				return err
			}
			w.WriteString(before + "\n    ")
			w.Write(b)
			before = ","
		}
	}
	switch {
	case !a.json:
	case before == ",":
		w.WriteString("\n  ]\n}\n")
	default:
		w.WriteString(before + "]\n}\n")
	}
	if err := w.Flush(); err != nil {
		return outputError("stdout", err)
	}
	return nil
}

// listed says of entry i what is listed, also as a line for people.
func listed(t *tree.Tree, i int) (l listedEntry, line string) {
	e, path := t.Entry(i), t.Path(i)
	l = listedEntry{Path: path, Kind: "file", Mode: fmt.Sprintf("%04o", e.Mode), Size: e.Size, Target: e.Target}
	mode, when, what := e.Mode, "", printable(path)
	switch e.Kind {
	case tree.Dir:
		l.Kind, mode, what = "directory", mode|os.ModeDir, what+"/"
	case tree.Link:
		l.Kind, l.Mode, mode, what = "link", "", os.ModeSymlink|0o777, what+" -> "+printable(e.Target)
	}
	if t.Times && e.Kind != tree.Link {
		l.Time = &e.Time
		when = e.Time.Format(time.DateTime)
	}
	return l, fmt.Sprintf("%s %12d  %-19s  %s\n", mode, e.Size, when, what)
}

func noEntry(name, path string) error {
	return usageErrorf("dictnet ls "+name+" lists the tree", "there is no %s in %s", printable(path), name)
}

// printable quotes a name that would not look like what it is.
func printable(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

func (a *app) catCommand() *cobra.Command {
	var f playFlags
	c := &cobra.Command{
		Use:   "cat TEMPLATE PATH...",
		Short: "Write files of a tree to stdout, reading only what they need",
		Long: `Write files of the tree that a template plays to stdout. Only the notes that hold the index and these files are fetched.

` + exitHelp,
		Example: `  dictnet cat site.dn docs/index.html
  dictnet cat go-ethereum.dn go.mod -d eip155:1:0x.../0x... --peer /ip4/.../p2p/...`,
		Args: args(2, -1, "a template and a path in it"),
		RunE: func(c *cobra.Command, args []string) error { return a.cat(c, args[0], args[1:], &f) },
	}
	f.add(c)
	return c
}

func (a *app) cat(c *cobra.Command, name string, paths []string, f *playFlags) error {
	p, err := a.play(c, name, f)
	if err != nil {
		return err
	}
	defer p.Close()
	t, err := p.tree()
	if err != nil {
		return err
	}
	var entries []int
	for _, path := range paths { // a mistyped one is better told before anything is written
		i, ok := t.Lookup(path)
		if !ok {
			return noEntry(name, path)
		}
		if i == tree.Top || t.Entry(i).Kind == tree.Dir {
			return usageErrorf("dictnet ls "+name+" "+path+" lists it", "%s is a directory", printable(path))
		}
		if e := t.Entry(i); e.Kind == tree.Link {
			return usageErrorf("name what it leads to", "%s is a link to %s", printable(path), printable(e.Target))
		}
		entries = append(entries, i)
	}
	for _, i := range entries {
		e := t.Entry(i)
		s, err := p.section(e.Offset, e.Size)
		if err != nil {
			return err
		}
		if _, err := (sectionWriter{s}).WriteTo(stoppable(c.Context(), a.stdout)); err != nil {
			if failed := (*writeError)(nil); errors.As(err, &failed) {
				return outputError("stdout", failed.error)
			}
			return fmt.Errorf("%s of %s: %w", printable(t.Path(i)), name, err)
		}
	}
	return nil
}
