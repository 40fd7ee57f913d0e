package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
)

func (a *app) diffCommand() *cobra.Command {
	var f playFlags
	var common bool
	c := &cobra.Command{
		Use:   "diff A B",
		Short: "Say which bytes two templates' files share, without expanding them",
		Long: `Say which byte ranges of two files are the same and which differ, from their templates. Both are made against the same dictionary, or versions of it, or
none. A line is the sign, the offset and the length in bytes of a range: - is only in A, + only in B, and with --common, = is in both (offset in A, offset
in B, length).

Ranges are the same if they play from the same place of the dictionary, or from local notes of the same content. Equal bytes that play from two places of
the dictionary count as different.

The exit code is 0 if the files are equal and 1, without a message, if they are not; -q prints nothing.

` + exitHelp,
		Example: `  dictnet diff release-2.dn release-3.dn
  dictnet diff release-2.dn release-3.dn --common --json`,
		Args: args(2, 2, "two templates"),
		RunE: func(c *cobra.Command, args []string) error { return a.diff(c, args[0], args[1], common, &f) },
	}
	c.Flags().BoolVar(&common, "common", false, "print what is in both, too")
	f.add(c)
	return c
}

type diffResult struct {
	A           string         `json:"a"`
	B           string         `json:"b"`
	Same        bool           `json:"same"`
	SizeA       int64          `json:"sizeA"`
	SizeB       int64          `json:"sizeB"`
	CommonBytes uint64         `json:"commonBytes"` // of b
	OnlyA       []byteRange    `json:"onlyA"`
	OnlyB       []byteRange    `json:"onlyB"`
	Common      []codec.Common `json:"common,omitempty"`
}

// byteRange is a range of a file.
type byteRange struct {
	Offset uint64 `json:"offset"`
	Length uint64 `json:"length"`
}

func byteRanges(spans []codec.Span) []byteRange {
	ranges := make([]byteRange, len(spans))
	for i, s := range spans {
		ranges[i] = byteRange{s.Pos, s.Len}
	}
	return ranges
}

func (a *app) diff(c *cobra.Command, nameA, nameB string, common bool, f *playFlags) error {
	ctx := c.Context()
	p, err := a.play(c, nameA, f)
	if err != nil {
		return err
	}
	defer p.Close()
	q, err := a.play(c, nameB, f)
	if err != nil {
		return err
	}
	defer q.Close()
	if err := sameTape(ctx, p, q); err != nil {
		return err
	}
	found, err := codec.CompareParts(ctx, p.whole, partsOf(p.view), q.whole, partsOf(q.view))
	if err != nil {
		return fmt.Errorf("compare %s and %s: %w", nameA, nameB, err)
	}
	r := diffResult{
		A: nameA, B: nameB, SizeA: p.size, SizeB: q.size,
		OnlyA: byteRanges(found.OnlyA), OnlyB: byteRanges(found.OnlyB),
		Same: found.Same,
	}
	for _, x := range found.Common {
		r.CommonBytes += x.Len
	}
	if common {
		r.Common = found.Common
	}
	if err := a.printDiff(r); err != nil {
		return err
	}
	if !r.Same {
		return errNothing
	}
	return nil
}

// sameTape reports whether positions on the tapes of two templates mean the same.
func sameTape(ctx context.Context, p, q *played) error {
	if p.opener.tape == nil || q.opener.tape == nil || p.opener.ref == q.opener.ref {
		return nil
	}
	older, newer := p.opener.tape, q.opener.tape
	if older.Ref().Size > newer.Ref().Size {
		older, newer = newer, older
	}
	err := newer.Manifest().CheckExtends(ctx, older.Manifest())
	if errors.Is(err, manifest.ErrFork) {
		return usageErrorf("only templates of one dictionary can be compared; decode both and compare the files", "%s and %s are made against different dictionaries: %w", p.name, q.name, err)
	}
	return err
}

func (a *app) printDiff(r diffResult) error {
	if a.quiet {
		return nil
	}
	type line struct {
		at   uint64
		text string
	}
	var lines []line
	if !a.json {
		for _, s := range r.OnlyA {
			lines = append(lines, line{s.Offset, fmt.Sprintf("- %d:%d", s.Offset, s.Length)})
		}
		for _, s := range r.OnlyB {
			lines = append(lines, line{s.Offset, fmt.Sprintf("+ %d:%d", s.Offset, s.Length)})
		}
		for _, s := range r.Common {
			lines = append(lines, line{s.B, fmt.Sprintf("= %d %d:%d", s.A, s.B, s.Len)})
		}
		slices.SortStableFunc(lines, func(x, y line) int { return cmp.Compare(x.at, y.at) })
		for _, l := range lines {
			if _, err := fmt.Fprintln(a.stdout, l.text); err != nil {
				return outputError("stdout", err)
			}
		}
		a.say("%s of %s are in %s, too", bytesText(r.CommonBytes), bytesText(r.SizeB), r.A)
		return nil
	}
	return a.print(r)
}
