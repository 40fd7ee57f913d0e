package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
)

// maxText is how long a text may be that is taken apart into entries, in bytes.
const maxText = 256 << 20

// readText reads a file that is taken apart into entries.
func (a *app) readText(ctx context.Context, name string) ([]byte, error) {
	in, err := a.open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer in.close()
	b, err := io.ReadAll(io.LimitReader(in, maxText+1))
	if err != nil {
		return nil, inputError(err)
	}
	if len(b) > maxText {
		return nil, usageErrorf("leave --context or --parallel out", "%s is longer than %s", name, bytesText(maxText))
	}
	return b, nil
}

// buildParallel puts texts that say the same in several contexts, line by line, into a dictionary.
func (a *app) buildParallel(c *cobra.Command, samples []labelledSample, out string) error {
	ctx := c.Context()
	ref, err := parseBuildRef(out)
	if err != nil {
		return err
	}
	const hint = "as --parallel --context en=messages.en --context fr=messages.fr"
	var texts []dictnet.Parallel
	read := 0
	for _, s := range samples {
		if len(s.contexts) != 1 {
			return usageErrorf(hint, "with --parallel, sample %s is not NAME=FILE", s.name)
		}
		b, err := a.readText(ctx, s.name)
		if err != nil {
			return err
		}
		t := dictnet.Parallel{Context: s.contexts[0], Entries: contexts.Lines(b)}
		if slices.ContainsFunc(texts, func(u dictnet.Parallel) bool { return u.Context == t.Context }) {
			return usageErrorf(hint, "with --parallel, context %s has two texts", t.Context)
		}
		if len(texts) > 0 && len(t.Entries) != len(texts[0].Entries) {
			return usageErrorf("line i of one has to say what line i of the other says", "%s has %d lines, %s %d", samples[0].name, len(texts[0].Entries), s.name, len(t.Entries))
		}
		texts = append(texts, t)
		read += len(b)
	}
	if len(texts) < 2 {
		return usageErrorf(hint, "--parallel needs texts of two contexts or more")
	}
	home, name, done, err := a.buildHome(c, ref)
	if err != nil {
		return err
	}
	defer done()
	ext, err := dictnet.NewPublisher(home).Extend(ctx, name)
	if err != nil {
		return err
	}
	before := ext.Size()
	err = ext.AddCodes(texts)
	var version dictnet.Published
	if err == nil {
		version, err = ext.Commit()
	}
	if errors.Is(err, manifest.ErrLabels) {
		err = usageErrorf("", "%w", err)
	}
	if err != nil {
		return err
	}
	if ref.car != "" {
		if err := a.exportCAR(ctx, home, version.Ref.Manifest, ref.car); err != nil {
			return err
		}
	}
	result := struct {
		buildResult
		Entries int `json:"entries"` // of each text
	}{buildResult{
		Name: out, Samples: int64(len(texts)), Read: int64(read), Added: version.Ref.Size - before,
		Size: version.Ref.Size, Tape: version.TapeSize, Root: version.Ref.Root.String(), Manifest: version.Ref.Manifest.String(),
	}, len(texts[0].Entries)}
	if result.Contexts, err = dictionaryContexts(ctx, home, version.Ref.Manifest); err != nil {
		return err
	}
	return a.print(result, append([]row{
		{"dictionary", out},
		{"entries", fmt.Sprintf("%s in each of %d contexts", grouped(uint64(result.Entries)), len(texts))},
		{"added", fmt.Sprintf("%d notes", result.Added)},
		{"size", fmt.Sprintf("%d notes, %s", result.Size, bytesText(result.Tape))},
		{"root", result.Root},
		{"manifest", result.Manifest}}, contextRows(result.Contexts)...)...)
}

// encodeMeaning makes a template of a file under a context: entries of the dictionary's code books become codes, and what they mean in other contexts
// is noted beside it.
func (a *app) encodeMeaning(c *cobra.Command, name, under, dict, out string, o codec.EncodeOptions) error {
	ctx := c.Context()
	file, err := a.readText(ctx, name)
	if err != nil {
		return err
	}
	w, err := a.create(ctx, out)
	if err != nil {
		return err
	}
	defer w.abandon()
	s, err := a.openStoreOf(c, dict)
	if err != nil {
		return err
	}
	defer s.Close()
	tape, done, err := a.openLocal(ctx, s, dict)
	if err != nil {
		return err
	}
	defer done.Close()
	codes, err := tape.Manifest().Codes(ctx)
	if err != nil {
		return err
	}
	entries, err := codes.Entries(under)
	if err != nil {
		return usageErrorf("dictnet build --parallel makes dictionaries whose entries mean the same in several contexts", "%w", err)
	}
	spans, err := findEntries(ctx, tape, entries, file)
	if err != nil {
		return err
	}
	ref := tape.Ref()
	o.Dictionary, o.Tape = &ref, tape
	if o.Index, err = a.tapeIndex(ctx, s, ref, tape); err != nil {
		return err
	}
	template, err := spool()
	if err != nil {
		return err
	}
	defer template.Close()
	stats, err := codec.EncodeGiven(ctx, template, file, spans, o)
	if err != nil {
		return err
	}
	r, err := codec.NewReaderAt(ctx, template, stats.Written, func(context.Context, codec.DictionaryName) (codec.Tape, error) { return tape, nil })
	if err != nil {
		return err
	}
	meanings := contexts.Meanings{Source: under}
	for _, other := range codes.Contexts() {
		if other == under || r.Dictionary() == nil {
			continue
		}
		translate, err := codes.Translate(under, other)
		if err != nil {
			return err
		}
		n, sum, err := r.WriteMeaning(io.Discard, translate, math.MaxInt64)
		if errors.Is(err, manifest.ErrNoMeaning) {
			continue // not all of its codes mean something there
		}
		if err != nil {
			return err
		}
		meanings.Others = append(meanings.Others, contexts.Meaning{Context: other, Size: n, Sum: sum})
	}
	if len(meanings.Others) == 0 {
		return usageErrorf("encode it without --context", "%s has no entries of %s that mean something in another context", name, under)
	}
	head, err := meanings.AppendBinary(nil)
	if err != nil {
		return err
	}
	to := stoppable(ctx, w)
	for _, part := range []io.Reader{bytes.NewReader(head), io.NewSectionReader(template, 0, stats.Written)} {
		if _, err := io.Copy(to, part); err != nil {
			return w.written(err)
		}
	}
	if err := w.commit(); err != nil {
		return err
	}
	stats.Written += int64(len(head))
	if out == "-" {
		return nil
	}
	var others []string
	for _, m := range meanings.Others {
		others = append(others, fmt.Sprintf("%s %s", m.Context, bytesText(m.Size)))
	}
	return a.print(struct {
		encodeResult
		*contexts.Meanings
	}{encodeResult{Template: out, Dictionary: ref.Manifest.String(), EncodeStats: stats}, &meanings},
		row{"template", fmt.Sprintf("%s of %s", bytesText(stats.Written), bytesText(stats.Read))},
		row{"codes", fmt.Sprintf("%s in %d spans of %s", bytesText(stats.Tape), len(spans), under)},
		row{"in all contexts alike", bytesText(stats.Fresh + stats.Repeat)},
		row{"means as well", strings.Join(others, ", ")})
}

// findEntries finds entries of a context in a file.
func findEntries(ctx context.Context, tape *dictnet.Tape, books [][]codec.Span, file []byte) (spans []codec.FileSpan, err error) {
	var texts [][][]byte
	for _, entries := range books {
		first, last := entries[0], entries[len(entries)-1]
		text := make([]byte, 0, last.Pos+last.Len-first.Pos)
		for pos := first.Pos; pos < last.Pos+last.Len; {
			start, raw, err := tape.NoteAt(ctx, pos)
			if err != nil {
				return nil, err
			}
			raw = raw[pos-start:]
			raw = raw[:min(uint64(len(raw)), last.Pos+last.Len-pos)]
			text, pos = append(text, raw...), pos+uint64(len(raw))
		}
		var lines [][]byte
		for _, s := range entries {
			lines = append(lines, text[s.Pos-first.Pos:][:s.Len])
		}
		texts = append(texts, lines)
	}
	for _, f := range contexts.NewEntries(texts...).Find(file) {
		spans = append(spans, codec.FileSpan{Off: uint64(f.Off), Span: codec.Span{Pos: books[f.Book][f.First].Pos, Len: uint64(f.Len)}})
	}
	return spans, nil
}

// meaning returns the meaning that the flags pick; nil if the template is to be played as it stands, which it is under the context that it was made
// under.
func (f *contextFlags) meaning(m *contexts.Meanings) (*contexts.Meaning, error) {
	if m == nil || f.name == "" {
		return nil, nil
	}
	other, err := m.Find(f.name)
	if err == nil && other == nil {
		f.name = "" // it has nothing to pick but this
	}
	return other, contextError(err)
}

// meaningWriter plays what a template means under another context than it was made under.
type meaningWriter struct {
	ctx      context.Context
	whole    *codec.Reader
	meanings *contexts.Meanings
	meaning  *contexts.Meaning
	tape     *dictnet.Tape // nil if the template names no dictionary
}

func (p *meaningWriter) WriteTo(w io.Writer) (int64, error) {
	translate := func(codec.Span) (codec.Span, error) { return codec.Span{}, manifest.ErrNoMeaning }
	if p.tape != nil {
		codes, err := p.tape.Manifest().Codes(p.ctx)
		if err == nil {
			translate, err = codes.Translate(p.meanings.Source, p.meaning.Context)
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %w", contexts.ErrMeaning, err)
		}
	}
	n, sum, err := p.whole.WriteMeaning(w, translate, p.meaning.Size)
	if err == nil {
		err = p.meaning.Check(n, sum)
	}
	return n, err
}

// meaningNames lists the contexts of a template with several meanings, for people.
func meaningNames(m *contexts.Meanings, size int64) string {
	list := []string{fmt.Sprintf("%s %s", m.Source, bytesText(size))}
	for _, o := range m.Others {
		list = append(list, fmt.Sprintf("%s %s", o.Context, bytesText(o.Size)))
	}
	return strings.Join(list, ", ")
}
