package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
)

// runGiven measures the tools on two files of the user's, and prints what came of it. Nothing of it is kept.
func runGiven(r *runner, out io.Writer, oldFile, newFile string, list []tool) error {
	c := testCase{id: "given", kind: update, old: oldFile, new: newFile}
	for _, name := range []*string{&c.old, &c.new} {
		if *name == "" {
			return errors.New("-old and -new go together")
		}
		abs, err := filepath.Abs(*name)
		if err != nil {
			return err
		}
		*name = abs
	}
	r.results = results{filepath.Join(r.scratch, "given")}
	if err := r.runCase(c, list); err != nil {
		return err
	}
	ms, err := r.results.all([]testCase{c}, list)
	if err != nil {
		return err
	}
	t := tabulate(ms)
	smallest := t.best(c.id, deltaPeers...)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "bytes\tby the smallest delta\tencode, s\tMiB\tdecode, s\tMiB\t \ttool")
	slices.SortStableFunc(ms, func(a, b *measurement) int { return cmp.Compare(a.Sizes.Warm, b.Sizes.Warm) })
	for _, m := range ms {
		if m.Failure != "" {
			fmt.Fprintf(w, "\t\t\t\t\t\t \t%s: %s\n", m.Tool, m.Failure)
			continue
		}
		by := ""
		if smallest != nil {
			by = fmt.Sprintf("%.2f", float64(m.Sizes.Warm)/float64(smallest.Sizes.Warm))
		}
		fmt.Fprintf(w, "%d\t%s\t%.2f\t%.0f\t%.2f\t%.0f\t \t%s\n", m.Sizes.Warm, by,
			m.encodeWall(), m.encodeRSS()/(1<<20), m.decodeWall(), m.decodeRSS()/(1<<20), m.Tool)
	}
	return w.Flush()
}
