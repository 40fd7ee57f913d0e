package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/dictnet"
	"dictnet/dictnet/seed"
)

func (a *app) decodeCommand() *cobra.Command {
	var template, out, into, dict, span string
	var anyLinks bool
	var record int64
	var picked contextFlags
	var f readerFlags
	c := &cobra.Command{
		Use:   "decode TEMPLATE -o FILE",
		Short: "Play a template back: the file, a range of it, or the directory",
		Long: `Play a template back. Notes that are not here are fetched, only those that are needed, and every one is checked.

The dictionary is what -d says; without it, one here that has the version which the template names, and of several one that is on a chain. If it is on a
chain, the version must be one that its registry holds, or a beginning of it. TEMPLATE and FILE may be - for stdin and stdout, and TEMPLATE the URL of one (http or https): then the
file is played while the template still arrives; with --range, only the parts of it that are needed are asked for.

What lies on this disk already need not be fetched: --seed names files and directories in which notes are looked for by their content, and proved by sealing
them again. An earlier output of the same template, or the larger part of one, counts as well: what is taken from it is checked by the template's
checksums. docs/seeds.md says what is found and what is not.

With -C, what was a directory is unpacked, into a new or empty one.

Of the template of a record, the dictionary is the one here that has the version which it was encoded with, or what -d names. A pack of records is played whole, or with --record, one of it.

` + exitHelp,
		Example: `  dictnet decode release-2.dn -o release-2.tar
  dictnet decode release-2.dn -o release-2.tar -d eip155:1:0x.../0x... --rpc https://rpc.example.org --peer /ip4/.../p2p/...
  dictnet decode release-2.dn -o - --range 1048576:4096 | hexdump -C
  dictnet decode https://example.org/release-2.dn -o release-2.tar
  dictnet decode site.dn -C site
  dictnet decode release-2.dn -o release-2.tar --seed release-1.tar --seed ~/Downloads/release-2.tar.part
  dictnet decode manual.dn --context fr -o manual-fr.txt
  dictnet decode --template T --out F --verbose`,
		Args: args(0, 1, "one template"),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case out == "" && into == "":
				return usageErrorf("-o names a file, - is stdout; -C names a directory", "no output is named")
			case into != "" && (out != "" || span != ""):
				return usageErrorf("leave the others out", "-C does not go with -o or --range")
			case c.Flags().Changed("record") && record < 1:
				return usageErrorf("they are counted from 1", "there is no record %d", record)
			}
			name, err := oneName("template", "template", template, args)
			if err != nil {
				return err
			}
			if err := a.apart(out, dict, name, picked.file); err != nil {
				return err
			}
			return a.decode(c, name, decodeTo{out, into, anyLinks, record}, dict, span, &picked, &f)
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "the file; - is stdout")
	c.Flags().StringVarP(&into, "directory", "C", "", "unpack what was a directory, as this one")
	c.Flags().BoolVar(&anyLinks, "any-links", false, "with -C, make links that lead out of the directory, too")
	c.Flags().StringVarP(&dict, "dict", "d", "", "the dictionary to believe")
	c.Flags().Int64Var(&record, "record", 0, "of a pack of records, play only this one; the first is 1")
	c.Flags().StringVar(&span, "range", "", "play only OFF:LEN, in bytes; OFF: is to the end")
	alias(c.Flags(), &template, "template", "TEMPLATE")
	f.add(c)
	f.addSeeds(c)
	f.addListed(c)
	picked.add(c)
	return c
}

// decodeTo says where a file goes.
type decodeTo struct {
	out      string // a file, or - for stdout
	into     string // a directory; with it, out is ""
	anyLinks bool
	record   int64 // of a pack of records, the first being 1; 0: all
}

// sink is an output that stands under its name only when it is complete.
type sink interface {
	io.Writer
	commit() error
	abandon()
	failed(error) error // what an error of Write means
}

func (a *app) sink(ctx context.Context, from string, to decodeTo) (sink, error) {
	if to.into != "" {
		return a.createTree(ctx, from, to.into, to.anyLinks)
	}
	out, err := a.create(ctx, to.out)
	if err != nil {
		return nil, err
	}
	out.again = true
	return out, nil
}

type decodeResult struct {
	Out          string `json:"out"`
	Bytes        int64  `json:"bytes"`
	Manifest     string `json:"manifest,omitempty"`
	Size         uint64 `json:"size,omitempty"` // notes
	Root         string `json:"root,omitempty"`
	Trust        string `json:"trust,omitempty"`
	NotesFetched uint64 `json:"notesFetched"`
	BytesFetched uint64 `json:"bytesFetched"`

	Seeds       *seed.Stats `json:"seeds,omitempty"`       // notes that were found in seeds
	Resumed     string      `json:"resumed,omitempty"`     // the seed that is an earlier output
	ResumeBytes int64       `json:"resumeBytes,omitempty"` // of the file, taken from it
}

func (a *app) decode(c *cobra.Command, name string, to decodeTo, dict, span string, picked *contextFlags, f *readerFlags) error {
	ctx := c.Context()
	if err := picked.check(); err != nil {
		return err
	}
	holdMemory(400, 42<<20)
	out := cmp.Or(to.out, to.into)
	off, length, err := parseRange(span)
	if err != nil {
		return err
	}
	in, err := a.openToPlay(ctx, name, span != "" || picked.named())
	if err != nil {
		return err
	}
	defer in.close()
	portable, meanings := in.head.Portable, in.head.Meanings
	meaning, err := picked.meaning(meanings)
	if err != nil {
		return err
	}
	if holdsRecords(in) {
		if to.into != "" || span != "" || picked.named() {
			return usageErrorf("--record N picks one of a pack", "%s holds records, with which -C, --range and contexts do not go", in.name)
		}
		return a.decodeRecords(c, in, to.out, dict, to.record, f)
	}
	if to.record != 0 {
		return usageErrorf("encode --records line makes one", "--record, and %s is no pack of records", in.name)
	}
	if in.size < 0 && picked.named() { // a context is read here and there: the template is kept
		if err := in.keep(ctx, keptInMemory); err != nil {
			return err
		}
	}

	w, err := a.sink(ctx, in.name, to)
	if err != nil {
		return err
	}
	defer w.abandon()
	opener := templateDictionary{app: a, command: c, dict: dict, flags: f, portable: portable, whole: span == "" && !picked.named()}
	defer opener.Close()
	if f.node.any() && !f.offline {
		opener.first = firstSpans(ctx, in, off, length)
	}
	counting := &countingWriter{Writer: w, ctx: ctx}
	var play io.WriterTo
	var whole *codec.Reader // nil while the template arrives as a stream
	size := int64(-1)
	if in.size >= 0 {
		whole, err = codec.NewReaderAt(ctx, in.file, in.size, opener.open)
		if err != nil {
			return fmt.Errorf("template %s: %w", in.name, err)
		}
		var view *contexts.View
		size = whole.Size()
		play = whole
		switch {
		case meaning != nil:
			size = meaning.Size
			play = &meaningWriter{ctx, whole, meanings, meaning, opener.tape}
		case picked.named() || span != "" || opener.seeds != nil:
			if view, err = picked.pick(whole, in.name); err != nil {
				return err
			}
		case !picked.raw:
			play = withoutContexts{whole}
		}
		if view != nil {
			size = view.Size()
		}
		if off > size {
			return behindEnd(off, size)
		}
		switch {
		case meaning != nil && span != "":
			size = min(length, size-off)
			play = &rangeWriter{play, off, size}
		case view != nil || span != "":
			size = min(length, size-off)
			play = &partWriter{whole, view, off, size}
		}
	} else {
		dec, err := codec.NewDecoder(ctx, in, opener.open)
		if err != nil {
			return fmt.Errorf("template %s: %w", in.name, err)
		}
		defer dec.Close()
		play = dec
		if !picked.raw {
			play = withoutContexts{dec}
		}
		if span != "" {
			play = &rangeWriter{play, off, length}
		}
	}
	bar := a.progress("decode", size)
	defer bar.end()
	result := decodeResult{Out: out}
	counting.bar = bar
	if file, ok := w.(*output); ok && file.tmp != nil && play == io.WriterTo(whole) && opener.seeds != nil {
		if result.Resumed, err = earlier(whole, opener.seeds); err != nil {
			return fmt.Errorf("decode %s: %w", in.name, err)
		}
		if result.Resumed != "" {
			play = &resumed{ctx: ctx, whole: whole, path: result.Resumed, out: file.tmp, bar: bar, taken: &result.ResumeBytes}
		}
	}
	result.Bytes, err = play.WriteTo(counting)
	if errors.Is(err, errContexts) {
		if whole == nil {
			return usageErrorf(contextHint, "decode %s: %w", in.name, err)
		}
		if play, err = picked.play(whole, in.name); err != nil {
			return err
		}
		result.Bytes, err = play.WriteTo(counting)
	}
	if err != nil {
		var failed *writeError
		if errors.As(err, &failed) {
			return w.failed(failed.error)
		}
		return fmt.Errorf("decode %s: %w", in.name, err)
	}
	if err := w.commit(); err != nil {
		return err
	}
	bar.end()
	return a.printDecoded(result, &opener, counting.tree && to.into == "" && span == "")
}

// printDecoded completes the result with where the notes came from, and says it, if stdout is not the file's. packed says that the file is a tree and stays one.
func (a *app) printDecoded(result decodeResult, opener *templateDictionary, packed bool) error {
	r := opener.reader
	if r != nil {
		stats, ref := r.Stats(), opener.ref
		result.Manifest, result.Size, result.Root, result.Trust = ref.Manifest.String(), ref.Size, opener.root(), r.trust
		result.NotesFetched, result.BytesFetched = stats.Blocks, stats.Bytes
		if r.address == nil && r.dict != nil {
			a.say("dictionary %s is on no chain: only its local name vouches for it", r.dict.Name)
		}
	}
	if opener.seeds != nil {
		stats := opener.seeds.Stats()
		result.Seeds = &stats
	}
	if result.Out == "-" {
		return nil
	}
	if packed {
		a.say("this is the tree of a directory: -C DIR unpacks it")
	}
	rows := []row{{"file", fmt.Sprintf("%s, %s", result.Out, bytesText(result.Bytes))}}
	if r != nil {
		rows = append(rows,
			row{"dictionary", opener.described()},
			row{"believed for", result.Trust},
			row{"fetched", fmt.Sprintf("%d blocks, %s", result.NotesFetched, bytesText(result.BytesFetched))})
	}
	if result.Resumed != "" {
		rows = append(rows, row{"resumed", fmt.Sprintf("%s of %s", bytesText(result.ResumeBytes), result.Resumed)})
	}
	if s := result.Seeds; s != nil {
		rows = append(rows, row{"from seeds", fmt.Sprintf("%d notes, %s", s.Notes, bytesText(s.Bytes))})
	}
	return a.print(result, rows...)
}

// firstSpans returns which spans of the dictionary will be played first, as far as can be told from a file, or from what a stream has brought at first.
func firstSpans(ctx context.Context, in *input, off, length int64) []codec.Span {
	_, local := in.closer.(*os.File)
	switch {
	case in.size >= 0 && local:
		return dictnet.FirstSpansAt(ctx, in.file, in.size, off, length)
	case in.size >= 0:
		return nil // it would be asked for twice
	}
	buffered := bufio.NewReaderSize(in.Reader, 64<<10)
	in.Reader = buffered
	buffered.Peek(1)
	beginning, _ := buffered.Peek(buffered.Buffered())
	return dictnet.FirstSpans(ctx, beginning)
}
