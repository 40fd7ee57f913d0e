package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

func (a *app) promoteCommand() *cobra.Command {
	var dict, profile string
	c := &cobra.Command{
		Use:   "promote TEMPLATE... -d DICT",
		Short: "Move what is new in templates into a dictionary",
		Long: `Move the local notes of templates into a dictionary, as a new version of it, and write the templates anew, without local notes: they play the same
files, which is checked before they take their names; one that lists its notes (encode --portable) lists those of the new version. What the dictionary holds near the place already, or an earlier template brought, is not moved again.
So a history of releases grows by what is new in each, and the next release can be encoded against all of them.

The dictionary is a local name; if there is none of that name, it is made. The templates name it, an earlier version of it, or none. dictnet publish anchors the
new version; until then others cannot play the new templates.

` + exitHelp,
		Example: `  dictnet encode release-2.tar -d releases -o release-2.dn
  dictnet promote release-2.dn -d releases
  dictnet publish releases --key key.json --password-file password`,
		Args: args(1, -1, "templates"),
		RunE: func(c *cobra.Command, args []string) error { return a.promote(c, args, dict, profile) },
	}
	c.Flags().StringVar(&profile, "profile", codec.ProfileDefault.String(), "of the added notes: fast (each opens by itself), default, or max (smallest; they open at some hundred kilobytes a second)")
	c.Flags().StringVarP(&dict, "dict", "d", "", "the dictionary, by its local name")
	return c
}

type promoteResult struct {
	Name     string `json:"name"`
	Size     uint64 `json:"size"`      // notes
	Tape     uint64 `json:"tapeBytes"` // raw
	Root     string `json:"root"`
	Manifest string `json:"manifest"`
	codec.PromoteStats
}

func (a *app) promote(c *cobra.Command, names []string, dict, profileName string) error {
	ctx := c.Context()
	profile, err := codec.ParseProfile(profileName)
	if err != nil {
		return usageErrorf("", "%w", err)
	}
	if dict == "" {
		return usageErrorf("-d names it, by its local name", "no dictionary is named")
	}
	ref, err := parseDictRef(dict)
	if err != nil {
		return err
	}
	if ref.name == "" {
		return usageErrorf("dictnet pull --as NAME gives it one", "promote takes the local name of a dictionary, not %s", dict)
	}
	for _, name := range names {
		st, err := os.Stat(name)
		if name == "-" || isURL(name) || err == nil && !st.Mode().IsRegular() {
			return usageErrorf("name files", "promote writes templates anew where they are, and %s is no file", name)
		}
	}
	holdMemory(100, 224<<20)
	s, err := a.openHome(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	client := dictnet.NewClient(dictnet.Options{Store: s})
	defer client.Close()
	ext, err := dictnet.NewPublisher(s).Extend(ctx, ref.name)
	if err != nil {
		return err
	}
	var base *dictnet.Tape
	var tape codec.Tape // nil, not a nil *dictnet.Tape, if there is none
	if b := ext.Base(); b.Size > 0 {
		if base, err = client.Open(ctx, b); err != nil {
			return err
		}
		tape = base
	}
	p := codec.NewPromoter(ctx, tape, profile, ext.Add)
	closed := false
	defer func() {
		if !closed {
			p.Close()
		}
	}()
	var readers []*codec.Reader
	var lists []*dictnet.Portable // of the notes of portable templates
	var outputs []*output         // which are begun now: what is moved stays in the dictionary, whether they can be written or not
	for _, name := range names {
		in, err := a.openTemplate(ctx, name)
		if err != nil {
			return err
		}
		defer in.close()
		if in.head.Meanings != nil {
			return usageErrorf("decode it, and encode it anew", "template %s has several meanings, which are not promoted", name)
		}
		w, err := a.create(ctx, name)
		if err != nil {
			return err
		}
		defer w.abandon()
		r, err := codec.NewReaderAt(ctx, in.file, in.size, func(ctx context.Context, d codec.DictionaryName) (codec.Tape, error) {
			return openEarlier(ctx, client, base, d, ref.name)
		})
		if err == nil {
			err = p.Add(r)
		}
		if err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
		readers, lists, outputs = append(readers, r), append(lists, in.head.Portable), append(outputs, w)
	}
	closed = true
	if err := p.Close(); err != nil {
		return err
	}
	version, err := ext.Commit()
	if err != nil {
		return err
	}
	next, err := client.Open(ctx, version.Ref)
	if err != nil {
		return err
	}
	for i, r := range readers {
		w := outputs[i]
		if err := writePromoted(ctx, w, p, r, next, lists[i]); err != nil {
			return w.written(fmt.Errorf("template %s: %w", names[i], err))
		}
		if err := checkPlays(ctx, w, r, next); err != nil {
			return fmt.Errorf("template %s: as written anew: %w", names[i], err)
		}
	}
	for _, w := range outputs {
		if err := w.commit(); err != nil {
			return err
		}
	}
	result := promoteResult{
		Name: ref.name, Size: version.Ref.Size, Tape: version.TapeSize, Root: version.Ref.Root.String(), Manifest: version.Ref.Manifest.String(),
		PromoteStats: p.Stats(),
	}
	stats := result.PromoteStats
	return a.print(result,
		row{"dictionary", ref.name},
		row{"local notes", bytesText(stats.Local)},
		row{"added", fmt.Sprintf("%d notes, %s, stored as %s", stats.Notes, bytesText(stats.Moved), bytesText(stats.Stored))},
		row{"templates", fmt.Sprintf("%s, were %s", bytesText(stats.After), bytesText(stats.Before))},
		row{"size", fmt.Sprintf("%d notes, %s", result.Size, bytesText(result.Tape))},
		row{"root", result.Root},
		row{"manifest", result.Manifest})
}

// openEarlier opens the dictionary that a template names if it is base or a beginning of it.
func openEarlier(ctx context.Context, client *dictnet.Client, base *dictnet.Tape, d codec.DictionaryName, name string) (codec.Tape, error) {
	if base == nil {
		return nil, usageErrorf("name the dictionary that it was made against", "dictionary %s is new, but the template names %s", name, d.Manifest)
	}
	if d == base.Ref().Name() {
		return base, nil
	}
	t, err := client.OpenNamed(ctx, d)
	if errors.Is(err, store.ErrMissing) || errors.Is(err, dictnet.ErrUnavailable) {
		// The store may have dropped the blocks of an earlier version; they are made from the later one's.
		if _, perr := base.Manifest().Prefix(ctx, client, d.Size); perr == nil {
			t, err = client.OpenNamed(ctx, d)
		}
	}
	if err == nil {
		err = base.Manifest().CheckExtends(ctx, t.Manifest())
	}
	if errors.Is(err, manifest.ErrFork) {
		return nil, usageErrorf("name the dictionary that it was made against", "the template names no version of %s: %w", name, err)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// writePromoted writes a template anew. One that came with a list of its notes, and perhaps a proof, gets those of the new version.
func writePromoted(ctx context.Context, w io.Writer, p *codec.Promoter, r *codec.Reader, next *dictnet.Tape, list *dictnet.Portable) error {
	to := stoppable(ctx, w)
	if list == nil {
		return p.Write(to, r, next.Ref())
	}
	template, err := spool()
	if err != nil {
		return err
	}
	defer template.Close()
	if err := p.Write(template, r, next.Ref()); err != nil {
		return err
	}
	_, err = portableFlags{list: true, proof: list.Proof != nil}.writePortable(ctx, to, template, next, next)
	return err
}

// checkPlays plays a template that has just been written, whose frames and file have the checksums of r's.
func checkPlays(ctx context.Context, w *output, r *codec.Reader, tape codec.Tape) error {
	size, err := w.tmp.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	file, err := dictnet.OpenTemplate(w.tmp, size, 0)
	if err != nil {
		return err
	}
	got, err := codec.NewReaderAt(ctx, file, file.Size, func(context.Context, codec.DictionaryName) (codec.Tape, error) { return tape, nil })
	if err != nil {
		return err
	}
	n, err := got.WriteTo(io.Discard)
	if err == nil && n != r.Size() {
		err = fmt.Errorf("it plays %d bytes, was %d", n, r.Size())
	}
	return err
}
