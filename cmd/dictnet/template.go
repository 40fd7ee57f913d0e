package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"dictnet/codec"
	"dictnet/codec/records"
	"dictnet/dictnet"
)

// openToPlay opens a template to be played: if it is on a server and parts is set, at random where the server lets us.
func (a *app) openToPlay(ctx context.Context, name string, parts bool) (*input, error) {
	if !parts || !isURL(name) {
		return unwrapped(a.open(ctx, name))
	}
	f, stream, err := a.openRemote(ctx, name)
	if err != nil || stream != nil {
		return unwrapped(stream, err)
	}
	return unwrapped(&input{Reader: io.NewSectionReader(f, 0, f.r.size), file: f, closer: f, size: f.r.size, name: f.r.String()}, nil)
}

// openTemplate opens a template for random access; what arrives as a stream is kept.
func (a *app) openTemplate(ctx context.Context, name string) (*input, error) {
	in, err := a.openAnyTemplate(ctx, name)
	if err == nil && holdsRecords(in) {
		in.close()
		err = usageErrorf("decode plays them, inspect shows what they are", "%s holds records", name)
	}
	return in, err
}

// openAnyTemplate opens a template, or what holds records, for random access.
func (a *app) openAnyTemplate(ctx context.Context, name string) (*input, error) {
	in, err := a.openToPlay(ctx, name, true)
	if err != nil || in.size >= 0 {
		return in, err
	}
	if err := in.keep(ctx, keptInMemory); err != nil {
		in.close()
		return nil, err
	}
	return in, nil
}

// keptInMemory is how much of a template that arrives as a stream is kept in memory. A longer one goes into a temporary file.
const keptInMemory = 64 << 20

// keep takes all of a template that arrives as a stream, so that it can be read at random.
func (in *input) keep(ctx context.Context, inMemory int) error {
	b, err := io.ReadAll(io.LimitReader(in, int64(inMemory)))
	if err != nil {
		return packError(in.name, err)
	}
	in.file, in.size = bytes.NewReader(b), int64(len(b))
	if len(b) == inMemory && (bytes.HasPrefix(b, []byte(codec.Magic)) || records.Holds(b)) { // else it is none, and whoever reads it says so
		kept, err := spool()
		if err != nil {
			return err
		}
		before := in.closer
		in.closer = closerFunc(func() error {
			if before != nil {
				before.Close()
			}
			return kept.Close()
		})
		n, err := io.Copy(stoppable(ctx, kept), io.MultiReader(bytes.NewReader(b), in))
		if failed := (*writeError)(nil); errors.As(err, &failed) {
			return storageError(failed.error)
		}
		if err != nil {
			return packError(in.name, err)
		}
		in.file, in.size = kept, n
	}
	in.Reader = io.NewSectionReader(in.file, 0, in.size)
	return nil
}

// unwrapped takes off what stands before a template: a list of its notes, or its meanings.
func unwrapped(in *input, err error) (*input, error) {
	if err != nil {
		return in, err
	}
	if in.size >= 0 && in.file != nil {
		var f *dictnet.TemplateFile
		if f, err = dictnet.OpenTemplate(in.file, in.size, 0); err == nil && f.Head.Bytes > 0 {
			in.Reader, in.file, in.size, in.head = io.NewSectionReader(f, 0, f.Size), f, f.Size, f.Head
		}
	} else {
		src := bufio.NewReaderSize(in.Reader, 64<<10)
		in.Reader = src
		in.head, err = dictnet.ReadTemplateHead(src, 0)
	}
	if err != nil {
		in.close()
		return nil, fmt.Errorf("template %s: %w", in.name, err)
	}
	return in, nil
}

// template returns an input that openTemplate opened as the roles see it.
func (in *input) template() *dictnet.TemplateFile {
	return &dictnet.TemplateFile{ReaderAt: in.file, Size: in.size, Head: in.head}
}
