package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/seed"
	"dictnet/merkle"
)

// portableFlags say whether a template is to carry its list of notes.
type portableFlags struct{ list, proof bool }

func (f *portableFlags) add(c *cobra.Command) {
	c.Flags().BoolVar(&f.list, "portable", false, "let the template carry the list of its notes, so that it is decoded without the manifest")
	c.Flags().BoolVar(&f.proof, "proof", false, "with --portable, let it carry a proof that they are in the dictionary's version, too")
}

func (f *portableFlags) check(dict string) error {
	switch {
	case f.proof && !f.list:
		return usageErrorf("add --portable", "--proof without a list of notes")
	case f.list && dict == "":
		return usageErrorf("leave it out: a template without a dictionary needs no notes", "--portable without a dictionary")
	}
	return nil
}

// writePortable writes the list of the notes of a template, and the template, which is all that was written to a file.
func (f portableFlags) writePortable(ctx context.Context, w io.Writer, template *os.File, tape *dictnet.Tape, play codec.Tape) (extra int64, err error) {
	size, err := template.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, storageError(err)
	}
	p := &dictnet.Portable{TapeSize: tape.Size()}
	r, err := codec.NewReaderAt(ctx, template, size, func(context.Context, codec.DictionaryName) (codec.Tape, error) { return play, nil })
	if err == nil && r.Dictionary() != nil { // a file of which nothing is in the dictionary names none
		p, err = tape.Portable(ctx, r.Wanted(), f.proof)
	}
	if err != nil {
		return 0, err
	}
	head, err := p.AppendBinary(nil)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(head); err != nil {
		return 0, err
	}
	_, err = io.Copy(w, io.NewSectionReader(template, 0, size))
	return int64(len(head)), err
}

// openListed opens the notes that a portable template lists, if they are to be believed: because the command line says so, or because the list is proved for a
// version that the registry has as its newest, or that is known here. Else it returns nil, and the manifest has to say what the notes are.
func (d *templateDictionary) openListed(ctx context.Context, name codec.DictionaryName) (seed.Notes, error) {
	r := d.reader
	var version codec.DictionaryRef
	switch {
	case d.portable == nil:
		return nil, nil
	case d.flags.listed:
		r.trust = "the list of notes in the template, as it was given"
		version = codec.DictionaryRef{Manifest: name.Manifest, Version: merkle.Version{Size: name.Size}}
	case d.portable.Proof == nil:
		return nil, nil
	case r.anchor != nil:
		rec, err := r.anchor.Head(ctx, dictnet.DictionaryID(r.address.ID))
		if err != nil {
			return nil, err
		}
		if version = rec.Ref(); version.Name() != name {
			return nil, nil // an earlier version; the manifest shows that it is one
		}
	case r.dict != nil:
		var ok bool
		if version, ok = versionOf(*r.dict, name); !ok {
			return nil, nil
		}
	default:
		return nil, nil
	}
	if !d.flags.listed {
		if err := d.portable.Check(version.Version); err != nil {
			return nil, fmt.Errorf("list of notes in the template: %w", err)
		}
	}
	d.ref = version
	t := r.OpenPortable(d.portable)
	if d.whole && len(d.flags.seeds) == 0 { // what seeds have is not fetched
		t.FetchAll(ctx)
	}
	return t, nil
}

// noteUse is a note, and which of its bytes a template asks for.
type noteUse struct {
	Note   uint64      `json:"note"`
	CID    string      `json:"cid"`
	Start  uint64      `json:"start"`  // on the tape
	Length int         `json:"length"` // raw
	Spans  []byteRange `json:"spans"`  // from the note's first byte
}

// inspectNotes lists the notes that a template asks for.
func (a *app) inspectNotes(c *cobra.Command, name, dict string, f *readerFlags) error {
	ctx := c.Context()
	in, err := a.openTemplate(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	opener := templateDictionary{app: a, command: c, dict: dict, flags: f}
	defer opener.Close()
	locate := func(ctx context.Context, pos uint64) (manifest.Note, error) { return opener.tape.Note(ctx, pos) }
	open := opener.open
	if list := in.head.Portable; list != nil {
		t := new(dictnet.Client).OpenPortable(list) // only asked where notes are
		locate = t.Note
		open = func(context.Context, codec.DictionaryName) (codec.Tape, error) { return t, nil }
	}
	r, err := codec.NewReaderAt(ctx, in.file, in.size, open)
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	var spans []codec.Span
	for s, err := range r.Wanted() {
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		spans = append(spans, s)
	}
	slices.SortFunc(spans, func(a, b codec.Span) int { return cmp.Compare(a.Pos, b.Pos) })
	notes := []noteUse{}
	var done uint64 // up to where the tape has been dealt with
	for _, s := range spans {
		for pos, end := max(s.Pos, done), s.Pos+s.Len; pos < end; {
			k := len(notes) - 1
			if k < 0 || pos >= notes[k].Start+uint64(notes[k].Length) {
				n, err := locate(ctx, pos)
				if err != nil {
					return fmt.Errorf("template %s: %w", name, err)
				}
				notes = append(notes, noteUse{Note: n.Index, CID: n.CID.String(), Start: n.Start, Length: n.RawLen})
				k++
			}
			n := &notes[k]
			to := min(end, n.Start+uint64(n.Length))
			if last := len(n.Spans) - 1; last >= 0 && n.Spans[last].Offset+n.Spans[last].Length == pos-n.Start {
				n.Spans[last].Length += to - pos
			} else {
				n.Spans = append(n.Spans, byteRange{pos - n.Start, to - pos})
			}
			pos, done = to, to
		}
	}
	if a.json {
		return a.print(notes)
	}
	w := bufio.NewWriter(a.stdout)
	for _, n := range notes {
		fmt.Fprintf(w, "%s  note %d  tape %d:%d ", n.CID, n.Note, n.Start, n.Length)
		for _, s := range n.Spans {
			fmt.Fprintf(w, " %d:%d", s.Offset, s.Length)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return outputError("stdout", err)
	}
	return nil
}
