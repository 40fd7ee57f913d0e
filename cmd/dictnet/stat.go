package main

import (
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/codec/contexts"
)

func (a *app) statCommand() *cobra.Command {
	var f playFlags
	var bytes bool
	c := &cobra.Command{
		Use:   "stat TEMPLATE...",
		Short: "Measure files without expanding their templates",
		Long: `Say of the files: bytes, lines, entropy, how much plays from the dictionary, from local notes and from local notes again, and with --bytes (or --json)
how often each byte occurs. The files are not played: every note is looked at once, however often it plays.

Of a template with several contexts, each is measured besides; --context measures one alone. Against a dictionary with labels, it is said how much plays from notes that
belong to each of its contexts, or to none; a note may belong to several.

A template that cannot be measured is told of, and the others are measured all the same; the exit code is that of the first such.

` + exitHelp,
		Example: `  dictnet stat release-2.dn
  dictnet stat release-*.dn -d releases --json`,
		Args: args(1, -1, "templates"),
		RunE: func(c *cobra.Command, names []string) error {
			if err := f.context.check(); err != nil {
				return err // and not once for each template
			}
			results := []statResult{}
			var failed error // of the first
			for _, name := range names {
				r, err := a.stat(c, name, &f)
				if err != nil {
					if c.Context().Err() != nil || len(names) == 1 {
						return err
					}
					a.tell(err)
					if failed == nil {
						failed = &toldError{err}
					}
					continue
				}
				results = append(results, r)
				if a.json {
					continue
				}
				if len(results) > 1 {
					fmt.Fprintln(a.stdout)
				}
				if err := a.print(nil, r.rows(len(names) > 1, bytes)...); err != nil {
					return err
				}
			}
			if a.json {
				if err := a.print(results); err != nil {
					return err
				}
			}
			return failed
		},
	}
	c.Flags().BoolVar(&bytes, "bytes", false, "print how often each byte occurs")
	f.add(c)
	return c
}

type statResult struct {
	Template string `json:"template"`
	codec.Measure
	Contexts []contextStat `json:"contexts,omitempty"` // that the template has
	Labels   []labelStat   `json:"labels,omitempty"`   // of the dictionary
}

// contextStat is what one of several contexts of a template means.
type contextStat struct {
	Context string `json:"context"`
	codec.Measure
}

// labelStat is how much plays from notes that belong to a context of the dictionary.
type labelStat struct {
	Context string `json:"context"` // empty: notes that belong to none
	Bytes   uint64 `json:"dictionaryBytes"`
}

func (a *app) stat(c *cobra.Command, name string, f *playFlags) (statResult, error) {
	fail := func(err error) (statResult, error) { return statResult{}, fmt.Errorf("template %s: %w", name, err) }
	all := !f.context.named() && !f.context.raw
	of := *f
	if all {
		of.context.raw = true // all contexts, as they stand
	}
	p, err := a.play(c, name, &of)
	if err != nil {
		return statResult{}, err
	}
	defer p.Close()
	r := statResult{Template: name}
	parts := partsOf(p.view)
	if r.Measure, err = p.whole.Measure(c.Context(), parts...); err != nil {
		return fail(err)
	}
	var d *contexts.Directory
	if all {
		if d, err = contexts.Find(p.whole, p.whole.Size()); err != nil {
			return fail(err)
		}
	}
	if d != nil {
		for _, name := range d.Names() {
			v, err := d.View(p.whole, name)
			if err != nil {
				return fail(err)
			}
			m, err := p.whole.Measure(c.Context(), partsOf(v)...)
			if err != nil {
				return fail(err)
			}
			r.Contexts = append(r.Contexts, contextStat{name, m})
		}
	}
	if r.Labels, err = labelStats(c.Context(), p, parts); err != nil {
		return fail(err)
	}
	return r, nil
}

// partsOf returns what a view plays of the file of a template; nil if there is no view.
func partsOf(v *contexts.View) []codec.Span {
	if v == nil {
		return nil
	}
	parts := []codec.Span{}
	for pos, n := range v.Ranges(0, math.MaxInt64) {
		parts = append(parts, codec.Span{Pos: uint64(pos), Len: uint64(n)})
	}
	return parts
}

// labelStats says how much of a file plays from each context of the dictionary; nil if that has none.
func labelStats(ctx context.Context, p *played, parts []codec.Span) ([]labelStat, error) {
	if p.opener.tape == nil {
		return nil, nil
	}
	m := p.opener.tape.Manifest()
	labels, err := m.Labels(ctx)
	if err != nil || len(labels.Names()) == 0 {
		return nil, err
	}
	var list []labelStat
	var sets [][]codec.Span
	for _, name := range append(labels.Names(), "") {
		names := []string{name}
		if name == "" {
			names = labels.Names()
		}
		spans, _, err := contextSpans(ctx, m, names...)
		if err != nil {
			return nil, err
		}
		list, sets = append(list, labelStat{Context: name}), append(sets, spans)
	}
	sets = append(sets, []codec.Span{{Len: m.TapeSize()}})
	sums, err := p.whole.PlaysFrom(sets, parts...)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i].Bytes = sums[i]
	}
	none := &list[len(list)-1]
	none.Bytes = sums[len(list)] - none.Bytes
	return list, nil
}

func (r statResult) rows(named, bytes bool) []row {
	share := func(n uint64) string {
		if r.Bytes == 0 {
			return bytesText(n)
		}
		return fmt.Sprintf("%s, %.2f %%", bytesText(n), 100*float64(n)/float64(r.Bytes))
	}
	var rows []row
	if named {
		rows = append(rows, row{"template", r.Template})
	}
	rows = append(rows,
		row{"file", bytesText(r.Bytes)},
		row{"lines", grouped(r.Lines)},
		row{"entropy", fmt.Sprintf("%.4f bits a byte", r.Entropy)},
		row{"from the dictionary", share(r.Tape)})
	for _, l := range r.Labels {
		name := "  of " + l.Context
		if l.Context == "" {
			name = "  of no context"
		}
		rows = append(rows, row{name, share(l.Bytes)})
	}
	rows = append(rows,
		row{"local", share(r.Fresh)},
		row{"repeated", share(r.Repeat)},
		row{"distinct", share(r.Distinct)})
	for _, c := range r.Contexts {
		percent := func(n uint64) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(max(c.Bytes, 1))) }
		rows = append(rows, row{"context " + c.Context, fmt.Sprintf("%s, %s lines: %s from the dictionary, %s local, %s repeated",
			bytesText(c.Bytes), grouped(c.Lines), percent(c.Tape), percent(c.Fresh), percent(c.Repeat))})
	}
	if bytes {
		for b, n := range r.Histogram {
			if n > 0 {
				rows = append(rows, row{fmt.Sprintf("byte %02x %q", b, rune(b)), share(n)})
			}
		}
	}
	return rows
}
