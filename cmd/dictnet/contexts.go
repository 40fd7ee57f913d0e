package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/contexts"
)

// contextFlags are the flags of verbs that read the file of a template: which of its expansion contexts is meant.
type contextFlags struct {
	name string
	file string // a map
	raw  bool
}

func (f *contextFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.name, "context", "", "play what this expansion context means")
	c.Flags().StringVar(&f.file, "contexts-map", "", "a file with a line CONTEXT OFF:LEN for each range to play, one after the other")
	c.Flags().BoolVar(&f.raw, "raw", false, "play a template that has contexts as it stands, all of them in one file")
}

// named reports whether a context, or a map, was asked for.
func (f *contextFlags) named() bool { return f.name != "" || f.file != "" }

func (f *contextFlags) check() error {
	if f.name != "" && f.file != "" || f.raw && f.named() {
		return usageErrorf("leave the others out", "--context, --contexts-map and --raw do not go together")
	}
	return nil
}

const contextHint = "--context NAME picks one, --raw plays them all as they stand; dictnet inspect lists them"

// pick returns what the flags pick out of the file of a template; nil if that is the file as it stands.
func (f *contextFlags) pick(whole *codec.Reader, template string) (*contexts.View, error) {
	if f.raw {
		return nil, nil
	}
	d, err := contexts.Find(whole, whole.Size())
	if err != nil {
		return nil, err
	}
	switch {
	case d == nil && f.named():
		return nil, usageErrorf("dictnet encode --variant makes templates with contexts", "%s has no contexts", template)
	case d == nil:
		return nil, nil
	case f.name != "":
		v, err := d.View(whole, f.name)
		return v, contextError(err)
	case f.file != "":
		runs, err := readMap(f.file, d.Contexts)
		if err != nil {
			return nil, err
		}
		v, err := d.MapView(whole, runs)
		return v, contextError(err)
	case len(d.Map) > 0:
		v, err := d.MapView(whole, d.Map)
		return v, contextError(err)
	}
	return nil, usageErrorf(contextHint, "%s has the contexts %s", template, strings.Join(d.Names(), ", "))
}

// play is how the file of a template plays whose first bytes are those of one with contexts: what is picked out of it, or all.
func (f *contextFlags) play(whole *codec.Reader, template string) (io.WriterTo, error) {
	view, err := f.pick(whole, template)
	if err != nil || view == nil {
		return whole, err
	}
	return &partWriter{whole, view, 0, view.Size()}, nil
}

// contextError makes wrong names and maps mistakes of what was typed.
func contextError(err error) error {
	if unknown := (*contexts.UnknownError)(nil); errors.As(err, &unknown) || errors.Is(err, contexts.ErrMap) {
		return usageErrorf("", "%w", err)
	}
	return err
}

// readMap reads a map of some contexts from a file.
func readMap(name string, of []contexts.Context) ([]contexts.Run, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, inputError(err)
	}
	defer f.Close()
	runs, err := contexts.ParseMap(f)
	if err == nil {
		runs, err = contexts.Resolve(runs, of)
	}
	if err != nil {
		return nil, contextError(fmt.Errorf("%s: %w", name, err))
	}
	return runs, nil
}

// openVariants opens files or directories, NAME=PATH each, as one stream of contexts.
func (a *app) openVariants(ctx context.Context, variants []string, mapFile string, times bool) (in *input, err error) {
	var opened []*input
	closeAll := closerFunc(func() error {
		for _, in := range opened {
			in.close()
		}
		return nil
	})
	defer func() {
		if err != nil {
			closeAll()
		}
	}()
	var list []contexts.Variant
	var sizes []contexts.Context
	for _, v := range variants {
		name, path, ok := strings.Cut(v, "=")
		if !ok || path == "" {
			return nil, usageErrorf("as --variant en=manual-en.txt", "variant %q is not NAME=PATH", v)
		}
		one, err := a.openWhole(ctx, path, times)
		if err != nil {
			return nil, err
		}
		opened = append(opened, one)
		if one.size < 0 {
			return nil, usageErrorf("write it to a file first", "variant %s: %s has no length that is known beforehand", name, path)
		}
		list = append(list, contexts.Variant{Name: name, Size: one.size, Reader: one})
		sizes = append(sizes, contexts.Context{Name: name, Size: one.size})
	}
	var runs []contexts.Run
	if mapFile != "" {
		if runs, err = readMap(mapFile, sizes); err != nil {
			return nil, err
		}
	}
	r, err := contexts.NewReader(list, runs)
	if err != nil {
		return nil, usageErrorf("", "%w", err)
	}
	return &input{Reader: r, closer: closeAll, size: r.Size(), name: strings.Join(variants, " ")}, nil
}

// partWriter plays a part of the file of a template, or of what was picked out of it.
type partWriter struct {
	whole    *codec.Reader
	view     *contexts.View // nil: all of it
	off, len int64
}

func (p *partWriter) WriteTo(w io.Writer) (int64, error) {
	if err := prefetchView(p.whole, p.view, p.off, p.len); err != nil {
		return 0, err
	}
	var r io.ReaderAt = p.whole
	if p.view != nil {
		r = p.view
	}
	return sectionWriter{io.NewSectionReader(r, p.off, p.len)}.WriteTo(w)
}

// errContexts says that a file has contexts, and that nothing of it was written.
var errContexts = errors.New("the template has contexts, and none is picked")

// withoutContexts plays a file from its beginning, unless it begins as one with contexts does. That is seen as the first bytes play: to have those beforehand takes as
// long as the block that they are in, while everything else waits.
type withoutContexts struct{ io.WriterTo }

// WriteTo fails with errContexts where there may be contexts.
func (p withoutContexts) WriteTo(w io.Writer) (int64, error) {
	var head []byte // what has come, while it is too short to say
	passed := false
	pass := func() error {
		passed = true
		if len(head) == 0 {
			return nil
		}
		_, err := w.Write(head)
		return err
	}
	n, err := p.WriterTo.WriteTo(writerFunc(func(b []byte) (int, error) {
		if !passed {
			begin := append(head, b[:min(len(b), len(contexts.Magic)-len(head))]...)
			if strings.HasPrefix(contexts.Magic, string(begin)) {
				if len(begin) == len(contexts.Magic) {
					return 0, errContexts
				}
				head = begin
				return len(b), nil
			}
			if err := pass(); err != nil {
				return 0, err
			}
		}
		return w.Write(b)
	}))
	if err == nil && !passed {
		err = pass()
	}
	return n, err
}

// prefetchView asks for the notes of a part of a view, or of the whole if there is none.
func prefetchView(whole *codec.Reader, view *contexts.View, off, n int64) error {
	if view == nil {
		return whole.Prefetch(off, n)
	}
	for pos, n := range view.Ranges(off, n) {
		if err := whole.Prefetch(pos, n); err != nil {
			return err
		}
	}
	return nil
}
