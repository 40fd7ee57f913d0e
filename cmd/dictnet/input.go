package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"dictnet/dictnet"
)

// input is a file that a verb reads, or stdin.
type input struct {
	io.Reader
	file   io.ReaderAt // nil: stdin, a tree, or a stream from a server
	closer io.Closer   // nil: stdin
	size   int64       // bytes; -1 if not known
	name   string
	head   dictnet.TemplateHead // that was taken off, of a template
}

// open opens a file for reading; "-" is stdin, and a URL is a template on an HTTP server. Reading ends with the context, also where it may keep one waiting.
func (a *app) open(ctx context.Context, name string) (*input, error) {
	if name == "-" {
		if a.read {
			return nil, usageErrorf("write what it brings to a file first", "stdin is named twice, and can be read once")
		}
		a.read = true
		return &input{Reader: &patient{ctx: ctx, src: a.stdin}, size: -1, name: "stdin"}, nil
	}
	if isURL(name) {
		return a.openURL(ctx, name)
	}
	f, err := openPatiently(ctx, name, os.O_RDONLY)
	if err != nil {
		return nil, inputError(err)
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, inputError(err)
	}
	switch {
	case st.IsDir():
		f.Close()
		return nil, usageErrorf("name a file; build and encode alone take directories", "%s is a directory", name)
	case st.Mode().IsRegular():
		return &input{Reader: &untilDone{ctx, f}, file: f, closer: f, size: st.Size(), name: name}, nil
	}
	return &input{Reader: &patient{ctx: ctx, src: f}, file: f, closer: f, size: -1, name: name}, nil
}

// openPatiently opens a file that is there. A pipe is open when somebody has opened its other end, which may last for ever, until the context ends. What is
// under way then is left behind; the process is about to end.
func openPatiently(ctx context.Context, name string, flag int) (*os.File, error) {
	type result struct {
		f   *os.File
		err error
	}
	done := make(chan result, 1)
	go func() {
		f, err := os.OpenFile(name, flag, 0)
		done <- result{f, err}
	}()
	select {
	case r := <-done:
		return r.f, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (in *input) close() {
	if in.closer != nil {
		in.closer.Close()
	}
}

// inputError says that a file that was named cannot be read.
func inputError(err error) error {
	return &hinted{fmt.Errorf("read input: %w", err), exitUsage, ""}
}

// untilDone reads from a file until the context ends.
type untilDone struct {
	ctx context.Context
	src io.Reader
}

func (u *untilDone) Read(b []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := u.src.Read(b)
	if err != nil && err != io.EOF {
		err = &hinted{err, exitUsage, ""}
	}
	return n, err
}

// patient reads from a pipe or a terminal, where a read may last for ever, until the context ends. A read that is under
// way then is left behind; the process is about to end.
type patient struct {
	ctx  context.Context
	src  io.Reader
	buf  []byte
	rest []byte // of buf, not read yet
	err  error  // of src, for when rest is read
}

func (p *patient) Read(b []byte) (int, error) {
	if len(p.rest) == 0 && p.err == nil {
		if p.buf == nil {
			p.buf = make([]byte, 256<<10)
		}
		type result struct {
			n   int
			err error
		}
		done := make(chan result, 1)
		go func() {
			n, err := p.src.Read(p.buf)
			done <- result{n, err}
		}()
		select {
		case r := <-done:
			p.rest, p.err = p.buf[:r.n], r.err
		case <-p.ctx.Done():
			p.err = p.ctx.Err()
		}
	}
	if len(p.rest) == 0 {
		return 0, p.err
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// isFile reports whether there is a file, or anything else but a directory, of that name.
func (a *app) isFile(name string) bool {
	if name == "-" || isURL(name) {
		return true
	}
	st, err := os.Stat(name)
	return err == nil && !st.IsDir()
}
