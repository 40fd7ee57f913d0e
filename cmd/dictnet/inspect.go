package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet"
)

func (a *app) inspectCommand() *cobra.Command {
	var template, dict string
	var notes bool
	var f readerFlags
	c := &cobra.Command{
		Use:   "inspect TEMPLATE|DICT",
		Short: "Show what a template or a dictionary is made of",
		Long: `Show what a template is made of: the dictionary it names, what the file plays from it, from local notes and from repeats, and
where the bytes of its file go: those of the template, and of the list of notes or the meanings that may stand before it. Of records, show how many there are and what they take. TEMPLATE may be - for stdin, or
the URL of one.

Neither the dictionary nor a network is needed; if the dictionary's pages are here and it has contexts, how many of the notes that are asked for belong to
each is told, too. With -d, such things are read of that dictionary, wherever it is. With --notes, list the notes that it asks for: the CID, which note of the
dictionary, where on the tape, and which bytes of it, as OFFSET:LENGTH; the manifest says so, or a portable template itself.

If there is no file of that name, show the dictionary of that name. Of a CAR file, show the dictionary in it, and how much of it the file carries.

` + exitHelp,
		Example: `  dictnet inspect release-2.dn
  dictnet inspect release-2.dn --notes -d releases.car
  dictnet inspect releases --json
  dictnet inspect releases.car`,
		Args: args(0, 1, "one template or dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := oneName("template", "template", template, args)
			if err != nil {
				return err
			}
			named, err := parseDictRef(name)
			car := template == "" && err == nil && named.car != ""
			switch {
			case notes && car:
				return usageErrorf("decode -d "+name+" takes it; name a template that needs it", "--notes lists those of a template, and %s is a dictionary", name)
			case notes:
				return a.inspectNotes(c, name, dict, &f)
			case car:
				return a.inspectCAR(c, named.car)
			case template == "" && !a.isFile(name):
				return orFile(name, a.inspectDictionary(c, name))
			}
			return a.inspectTemplate(c, name, dict, &f)
		},
	}
	alias(c.Flags(), &template, "template", "TEMPLATE")
	c.Flags().BoolVar(&notes, "notes", false, "list the notes that the template asks for, with the bytes of each")
	c.Flags().StringVarP(&dict, "dict", "d", "", "the dictionary to believe")
	f.add(c)
	return c
}

// inspectTemplate shows what a template is made of. What that takes of a dictionary is read here only, unless the dictionary is named.
func (a *app) inspectTemplate(c *cobra.Command, name, dict string, f *readerFlags) error {
	ctx := c.Context()
	in, err := a.openAnyTemplate(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	if holdsRecords(in) {
		return a.inspectRecords(in)
	}
	opener := templateDictionary{app: a, command: c, dict: dict, flags: f}
	if dict == "" {
		opener.flags = &readerFlags{offline: true}
	}
	defer opener.Close()
	info, err := in.template().Inspect(ctx, func(ctx context.Context, name codec.DictionaryName) (*dictnet.Tape, error) {
		_, err := opener.open(ctx, name)
		if err != nil && dict == "" {
			return nil, nil
		}
		return opener.tape, err
	})
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	named := "none"
	if d := info.Dictionary; d != nil {
		named = fmt.Sprintf("%s, %d notes", d.Manifest, d.Size)
	}
	rows := append([]row{{"dictionary", named}}, noteContextRows(info.Notes)...)
	rows = append(rows,
		row{"contexts", contextsText(info)},
		row{"file", bytesText(info.FileSize)},
		row{"template", bytesText(info.TemplateSize)})
	if l := info.List; l != nil {
		proof := "no proof"
		if l.Proved {
			proof = fmt.Sprintf("a proof of %d hashes", l.Hashes)
		}
		rows = append(rows, row{"  list of notes", fmt.Sprintf("%s: %d notes, %s", bytesText(info.Parts.List), l.Notes, proof)})
	}
	if info.Meanings != nil {
		rows = append(rows, row{"  meanings", bytesText(info.Parts.Meanings)})
	}
	return a.print(info, append(rows,
		row{"  symbols", bytesText(info.Parts.Symbols)},
		row{"  local notes", bytesText(info.Parts.Local)},
		row{"  all else", bytesText(info.Parts.Other)},
		row{"plays from dictionary", bytesText(info.TapeBytes)},
		row{"plays new", bytesText(info.FreshBytes)},
		row{"plays repeated", bytesText(info.RepeatBytes)},
		row{"dictionary touched", fmt.Sprintf("%s in %d spans", bytesText(info.TapeSpanSize), info.TapeSpans)},
		row{"frames", info.Frames},
		row{"symbols", info.Symbols},
		row{"rules", info.Rules})...)
}

// contextsText lists the contexts of a template for people.
func contextsText(info *dictnet.TemplateInfo) string {
	switch {
	case info.Meanings != nil:
		return meaningNames(info.Meanings, info.FileSize)
	case info.Contexts != nil:
		var list []string
		for _, one := range info.Contexts.Contexts {
			list = append(list, fmt.Sprintf("%s %s", one.Name, bytesText(one.Size)))
		}
		if n := len(info.Contexts.Map); n > 0 {
			list = append(list, fmt.Sprintf("a map of %d runs", n))
		}
		return strings.Join(list, ", ")
	case info.ContextsKnown:
		return "none"
	}
	return "not known without the dictionary"
}
