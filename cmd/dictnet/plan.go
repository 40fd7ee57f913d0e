package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet"
)

func (a *app) planCommand() *cobra.Command {
	var template, dict, under string
	var f readerFlags
	c := &cobra.Command{
		Use:   "plan TEMPLATE",
		Short: "Say what decoding a template would fetch, and who has it",
		Long: `Say which notes a template needs that are not here, how many bytes they are, and which peers have them, before any of them moves.
Only pages of the manifest are fetched for that. The exit code is 4 if something is to be had from nobody.

` + exitHelp,
		Example: `  dictnet plan release-2.dn --peer /ip4/.../p2p/...
  dictnet plan release-2.dn -d eip155:1:0x.../0x... --rpc https://rpc.example.org --peer /ip4/.../p2p/... --json`,
		Args: args(0, 1, "one template"),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := oneName("template", "template", template, args)
			if err != nil {
				return err
			}
			return a.plan(c, name, dict, under, &f)
		},
	}
	c.Flags().StringVarP(&dict, "dict", "d", "", "the dictionary to believe")
	c.Flags().StringVar(&under, "context", "", "of a template that encode --context made, what it means under this context")
	alias(c.Flags(), &template, "template", "TEMPLATE")
	f.add(c)
	return c
}

func (a *app) plan(c *cobra.Command, name, dict, under string, f *readerFlags) error {
	ctx := c.Context()
	src, size, closeInput, err := a.openTemplate(ctx, name)
	if err != nil {
		return err
	}
	defer closeInput()
	if under != "" && meaningsOf(src) == nil {
		return usageErrorf("leave --context out", "%s was not made by encode --context", name)
	}
	opener := templateDictionary{app: a, command: c, dict: dict, flags: f}
	defer opener.Close()
	r, err := codec.NewReaderAt(ctx, src, size, opener.open)
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	if opener.tape == nil {
		return a.print(map[string]any{"notes": 0, "missing": []string{}}, row{"notes", "none: the template holds everything"})
	}
	spans, err := opener.wanted(ctx, r, meaningsOf(src), under, name)
	if err != nil {
		return err
	}
	plan, err := opener.reader.Plan(ctx, opener.tape, spans)
	if err != nil {
		return err
	}
	who := map[string]int{}
	for _, n := range plan.Missing {
		for _, w := range n.Who {
			who[w]++
		}
	}
	rows := []row{
		{"notes", fmt.Sprintf("%d, of which %d are here", plan.Notes, plan.Local)},
		{"to fetch", fmt.Sprintf("%d notes, at most %s, in %d requests", len(plan.Missing), bytesText(min(plan.Bytes, math.MaxInt64)), plan.Requests)},
	}
	for _, w := range sortedKeys(who) {
		rows = append(rows, row{"  " + w, fmt.Sprintf("has %d of them", who[w])})
	}
	for _, s := range plan.Silent {
		rows = append(rows, row{"  no answer", s})
	}
	rows = append(rows, row{"nowhere", plan.Nowhere})
	result := struct {
		*dictnet.Plan
		Contexts []noteContexts `json:"contexts,omitempty"` // of the dictionary
	}{Plan: plan}
	if result.Contexts, err = contextsOfNotes(ctx, opener.tape.Manifest(), spans); err != nil {
		return err
	}
	rows = slices.Insert(rows, 1, noteContextRows(result.Contexts)...)
	if err := a.print(result, rows...); err != nil {
		return err
	}
	return plan.Err()
}
