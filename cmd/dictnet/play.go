package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/codec/tree"
)

// playFlags are the flags of verbs that read the file of a template at random.
type playFlags struct {
	dict    string
	reader  readerFlags
	context contextFlags
	long    bool // see templateDictionary
}

func (f *playFlags) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.dict, "dict", "d", "", "the dictionary to believe")
	f.reader.add(c)
	f.reader.addSeeds(c)
	f.context.add(c)
}

// played is the file that a template plays, to be read at random.
type played struct {
	io.ReaderAt
	size   int64
	whole  *codec.Reader
	view   *contexts.View // what a context picks out of it; nil: all of it
	opener templateDictionary
	close  func()
	name   string
}

// play opens a template for reading at random. The caller closes it.
func (a *app) play(c *cobra.Command, name string, f *playFlags) (*played, error) {
	if err := f.context.check(); err != nil {
		return nil, err
	}
	in, err := a.openTemplate(c.Context(), name)
	if err != nil {
		return nil, err
	}
	if m := in.head.Meanings; m != nil && f.context.name != "" {
		if f.context.name != m.Source {
			in.close()
			return nil, usageErrorf("dictnet decode --context "+f.context.name+" plays it", "%s is made under the context %s, and only that is read here", name, m.Source)
		}
		only := *f
		only.context.name, f = "", &only
	}
	p := &played{name: name, close: in.close, opener: templateDictionary{app: a, command: c, dict: f.dict, flags: &f.reader, long: f.long}}
	if p.whole, err = codec.NewReaderAt(c.Context(), in.file, in.size, p.opener.open); err != nil {
		p.Close()
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	p.ReaderAt, p.size = p.whole, p.whole.Size()
	if p.view, err = f.context.pick(p.whole, name); err != nil {
		p.Close()
		return nil, err
	}
	if p.view != nil {
		p.ReaderAt, p.size = p.view, p.view.Size()
	}
	return p, nil
}

// Close closes the template and all that was opened for it.
func (p *played) Close() error {
	p.close()
	return p.opener.Close()
}

// section gives n bytes from off, and asks for their notes at once.
func (p *played) section(off, n int64) (*io.SectionReader, error) {
	if err := prefetchView(p.whole, p.view, off, n); err != nil {
		return nil, fmt.Errorf("template %s: %w", p.name, err)
	}
	return io.NewSectionReader(p, off, n), nil
}

// tree reads the index of the tree that the file is.
func (p *played) tree() (*tree.Tree, error) {
	t, err := tree.Read(io.NewSectionReader(p, 0, p.size))
	if err == nil && t.Size() != p.size {
		err = fmt.Errorf("%w: it has %d bytes, its index says %d", tree.ErrTree, p.size, t.Size())
	}
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", p.name, err)
	}
	return t, nil
}
