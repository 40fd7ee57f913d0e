package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dictnet/codec"
)

func (a *app) statCommand() *cobra.Command {
	var f playFlags
	var bytes bool
	c := &cobra.Command{
		Use:   "stat TEMPLATE...",
		Short: "Measure files without expanding their templates",
		Long: `Say of the files: bytes, lines, entropy, how much plays from the dictionary, from local notes and from local notes again, and with --bytes (or --json)
how often each byte occurs. The files are not played: every note is looked at once, however often it plays.

` + exitHelp,
		Example: `  dictnet stat release-2.dn
  dictnet stat release-*.dn -d releases --json`,
		Args: args(1, -1, "templates"),
		RunE: func(c *cobra.Command, names []string) error {
			results := []statResult{}
			for i, name := range names {
				r, err := a.stat(c, name, &f)
				if err != nil {
					return err
				}
				results = append(results, r)
				if a.json {
					continue
				}
				if i > 0 {
					fmt.Fprintln(a.stdout)
				}
				if err := a.print(nil, r.rows(len(names) > 1, bytes)...); err != nil {
					return err
				}
			}
			if a.json {
				return a.print(results)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&bytes, "bytes", false, "print how often each byte occurs")
	f.add(c)
	return c
}

type statResult struct {
	Template string `json:"template"`
	codec.Measure
}

func (a *app) stat(c *cobra.Command, name string, f *playFlags) (statResult, error) {
	p, err := a.play(c, name, f)
	if err != nil {
		return statResult{}, err
	}
	defer p.Close()
	m, err := p.whole.Measure(c.Context())
	if err != nil {
		return statResult{}, fmt.Errorf("template %s: %w", name, err)
	}
	return statResult{name, m}, nil
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
		row{"from the dictionary", share(r.Tape)},
		row{"local", share(r.Fresh)},
		row{"repeated", share(r.Repeat)},
		row{"distinct", share(r.Distinct)})
	if bytes {
		for b, n := range r.Histogram {
			if n > 0 {
				rows = append(rows, row{fmt.Sprintf("byte %02x %q", b, rune(b)), share(n)})
			}
		}
	}
	return rows
}
