package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/contexts"
)

func (a *app) inspectCommand() *cobra.Command {
	var template, dict string
	var notes bool
	var f readerFlags
	c := &cobra.Command{
		Use:   "inspect TEMPLATE|DICT",
		Short: "Show what a template or a dictionary is made of",
		Long: `Show what a template is made of: the dictionary it names, what the file plays from it, from local notes and from repeats, and
where the template's bytes go. Neither the dictionary nor a network is needed; if the dictionary's pages are here and it has contexts, how many of the notes that are asked for belong to
each is told, too. With --notes, list the notes that it asks for: the CID, which note of the
dictionary, where on the tape, and which bytes of it, as OFFSET:LENGTH; the manifest says so, or a portable template itself. If there is no file of that name, show the dictionary of that name.

` + exitHelp,
		Example: `  dictnet inspect release-2.dn
  dictnet inspect releases --json`,
		Args: args(0, 1, "one template or dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := oneName("template", "template", template, args)
			if err != nil {
				return err
			}
			if notes {
				return a.inspectNotes(c, name, dict, &f)
			}
			if template == "" && !a.isFile(name) {
				return orFile(name, a.inspectDictionary(c, name))
			}
			return a.inspectTemplate(c, name)
		},
	}
	alias(c.Flags(), &template, "template", "TEMPLATE")
	c.Flags().BoolVar(&notes, "notes", false, "list the notes that the template asks for, with the bytes of each")
	c.Flags().StringVarP(&dict, "dict", "d", "", "with --notes, the dictionary to believe")
	f.add(c)
	return c
}

func (a *app) inspectTemplate(c *cobra.Command, name string) error {
	in, size, closeInput, err := a.openAnyTemplate(c.Context(), name)
	if err != nil {
		return err
	}
	defer closeInput()
	if recordAt(in) {
		return a.inspectRecords(&input{Reader: io.NewSectionReader(in, 0, size), file: in, size: size, name: name})
	}
	info, err := codec.Inspect(c.Context(), in, size)
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	result := struct {
		codec.Info
		Contexts *contexts.Directory `json:"contexts,omitempty"`
		Meanings *contexts.Meanings  `json:"meanings,omitempty"`
		Notes    []noteContexts      `json:"notesOfContexts,omitempty"` // of the dictionary
	}{Info: info}
	known := false
	result.Contexts, known = a.inspectContexts(c, in, size)
	result.Notes = a.inspectLabels(c, in, size)
	names := "not known without the dictionary"
	if known {
		names = "none"
	}
	if result.Contexts != nil {
		var list []string
		for _, one := range result.Contexts.Contexts {
			list = append(list, fmt.Sprintf("%s %s", one.Name, bytesText(one.Size)))
		}
		if n := len(result.Contexts.Map); n > 0 {
			list = append(list, fmt.Sprintf("a map of %d runs", n))
		}
		names = strings.Join(list, ", ")
	}
	if result.Meanings = meaningsOf(in); result.Meanings != nil {
		names = meaningNames(result.Meanings, info.FileSize)
	}
	dict := "none"
	if d := info.Dictionary; d != nil {
		dict = fmt.Sprintf("%s, %d notes", d.Manifest, d.Size)
	}
	rows := append([]row{{"dictionary", dict}}, noteContextRows(result.Notes)...)
	return a.print(result, append(rows,
		row{"contexts", names},
		row{"file", bytesText(info.FileSize)},
		row{"template", bytesText(info.TemplateSize)},
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
