package main

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"dictnet/codec/contexts"
)

func (a *app) planCommand() *cobra.Command {
	var template, dict, under string
	var f readerFlags
	c := &cobra.Command{
		Use:   "plan TEMPLATE",
		Short: "Say what decoding a template would fetch, and who has it",
		Long: `Say which notes a template needs that are not here, how many bytes they are, and which peers have them, before any of them moves.
Only pages of the manifest are fetched for that, and none if a portable template lists its notes and that is believed, as decode believes it. The exit code is 4 if something is to be had from nobody.
Templates of records are not taken: to decode one takes the end of the dictionary that it was encoded with, whatever is in it.

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
	f.addListed(c)
	return c
}

func (a *app) plan(c *cobra.Command, name, dict, under string, f *readerFlags) error {
	ctx := c.Context()
	in, err := a.openTemplate(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	if under != "" && in.head.Meanings == nil {
		return usageErrorf("leave --context out", "%s was not made by encode --context", name)
	}
	opener := templateDictionary{app: a, command: c, dict: dict, flags: f, portable: in.head.Portable}
	defer opener.Close()
	plan, err := in.template().Plan(ctx, under, opener.open)
	if unknown := (*contexts.UnknownError)(nil); errors.As(err, &unknown) {
		return contextError(err)
	}
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	if plan.Notes == 0 {
		return a.print(plan, row{"notes", "none: the template holds everything"})
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
	if plan.Listed {
		rows = append(rows, row{"as listed in", name})
	}
	rows = slices.Insert(rows, 1, noteContextRows(plan.Contexts)...)
	if err := a.print(plan, rows...); err != nil {
		return err
	}
	return plan.Err()
}
