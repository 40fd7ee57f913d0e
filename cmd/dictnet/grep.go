package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"dictnet/codec"
)

func (a *app) grepCommand() *cobra.Command {
	var g grep
	c := &cobra.Command{
		Use:   "grep PATTERN TEMPLATE...",
		Short: "Search files for lines without expanding their templates",
		Long: `Print the lines of the files that match a pattern. The files are not played: every note and every local note is searched once, however
often it plays, and besides only the lines across the borders of what plays.

Patterns are RE2's (https://github.com/google/re2/wiki/Syntax); several are separated by newlines, or given with -e. Files are searched as bytes,
as with grep -a: the answers are those of grep -a on the file. With -o, the matches are those of grep -P; with -E or -F, the longest, as grep -E and grep -F
have it. Where bytes are no UTF-8, each of them counts as U+FFFD.

-q prints nothing, and ends at the first line that matches. The exit code is 1, without a message, if no line matches.
A template that cannot be searched is told of, and the others are searched all the same; the exit code is that of the first such, but with -q 0 if a line matches.

` + exitHelp,
		Example: `  dictnet grep -c TODO release-2.dn
  dictnet grep -n 'func (Test|Bench)[A-Z]' *.dn
  dictnet grep -obF 'libssl.so' image.dn -d images`,
		Args: func(c *cobra.Command, all []string) error {
			if len(g.exprs) > 0 {
				return args(1, -1, "templates")(c, all)
			}
			return args(2, -1, "a pattern and templates")(c, all)
		},
		RunE: func(c *cobra.Command, args []string) error {
			if len(g.exprs) == 0 {
				g.exprs, args = args[:1], args[1:]
			}
			g.limited = c.Flags().Changed("max-count")
			g.app, g.command, g.named = a, c, g.withName || len(args) > 1 && !g.noName
			return g.run(args)
		},
	}
	f := c.Flags()
	f.BoolVarP(&g.count, "count", "c", false, "print only how many lines match")
	f.BoolVarP(&g.only, "only-matching", "o", false, "print only what matches, each match on its line; not what is empty")
	f.BoolVarP(&g.number, "line-number", "n", false, "print the number of the line first")
	f.BoolVarP(&g.offset, "byte-offset", "b", false, "print the offset of the line first, with -o that of the match")
	f.BoolVarP(&g.list, "files-with-matches", "l", false, "print only the names of templates with a match")
	f.BoolVarP(&g.o.Invert, "invert-match", "v", false, "take the lines that do not match")
	f.BoolVarP(&g.o.FoldCase, "ignore-case", "i", false, "letters match in either case")
	f.BoolVarP(&g.o.Literal, "fixed-strings", "F", false, "patterns are strings, not expressions")
	f.BoolVarP(&g.o.Longest, "extended-regexp", "E", false, "of the matches that begin first, take the longest")
	f.BoolVarP(&g.o.WholeLine, "line-regexp", "x", false, "a match takes up all of a line")
	f.StringArrayVarP(&g.exprs, "regexp", "e", nil, "a pattern; may be repeated")
	f.Uint64VarP(&g.most, "max-count", "m", 0, "take no more than so many lines of a file (default all)")
	f.BoolVarP(&g.withName, "with-filename", "H", false, "print the name of the template first, as for several")
	f.BoolVar(&g.noName, "no-filename", false, "do not print the names of templates first")
	f.BoolVar(&a.verbose, "verbose", false, "tell what is being done") // -v is taken
	g.play.add(c)
	return c
}

// grep is one run of the verb.
type grep struct {
	o     codec.PatternOptions
	exprs []string
	most  uint64 // if limited

	limited bool

	count, only, number, offset, list bool
	withName, noName, named           bool

	play    playFlags
	app     *app
	command *cobra.Command
	pattern *codec.Pattern
	out     *bufio.Writer
	found   bool // anything
}

func (g *grep) run(templates []string) error {
	var err error
	if g.pattern, err = codec.CompilePattern(g.o, g.exprs...); err != nil {
		return err
	}
	if err := g.play.context.check(); err != nil {
		return err // and not once for each template
	}
	if g.limited && g.most == 0 { // as GNU grep does, which reads nothing
		return errNothing
	}
	w := g.app.stdout
	if g.app.quiet {
		w = io.Discard
	}
	g.out = bufio.NewWriterSize(w, 64<<10)
	var failed error // of the first template that cannot be searched; the others are, as by grep
	for _, name := range templates {
		err := g.template(name)
		if g.app.quiet && g.found { // the others would change nothing
			return nil
		}
		if err == nil {
			continue
		}
		if errors.As(err, new(*writeError)) || g.command.Context().Err() != nil {
			return err
		}
		if err := g.out.Flush(); err != nil {
			return outputError("stdout", err)
		}
		g.app.tell(err)
		if failed == nil {
			failed = &toldError{err}
		}
	}
	if err := g.out.Flush(); err != nil {
		return outputError("stdout", err)
	}
	if failed != nil {
		return failed
	}
	if !g.found {
		return errNothing
	}
	return nil
}

// template searches one.
func (g *grep) template(name string) error {
	p, err := g.app.play(g.command, name, &g.play)
	if err != nil {
		return err
	}
	defer p.Close()
	switch {
	case g.list || g.app.quiet:
		err = g.names(p)
	case g.count:
		err = g.counts(p)
	default:
		err = g.lines(p)
	}
	if err == nil && g.out.Buffered() > 0 && g.named { // one after the other
		err = outputOrNil(g.out.Flush())
	}
	var failed *writeError
	if err != nil && !errors.As(err, &failed) {
		err = fmt.Errorf("template %s: %w", name, err)
	}
	return err
}

func outputOrNil(err error) error {
	if err == nil {
		return nil
	}
	return &writeError{outputError("stdout", err)}
}

// names prints the name if there is a line.
func (g *grep) names(p *played) error {
	for _, err := range p.whole.Lines(g.command.Context(), g.pattern, partsOf(p.view)...) {
		if err != nil {
			return err
		}
		g.found = true
		if g.app.json {
			return g.json(map[string]any{"template": p.name})
		}
		fmt.Fprintln(g.out, p.name)
		break
	}
	return nil
}

// counts prints how many lines there are.
func (g *grep) counts(p *played) error {
	n, err := p.whole.CountLines(g.command.Context(), g.pattern, partsOf(p.view)...)
	if err != nil {
		return err
	}
	if g.limited {
		n.Selected = min(n.Selected, g.most)
	}
	g.found = g.found || n.Selected > 0
	if g.app.json {
		return g.json(map[string]any{"template": p.name, "lines": n.Lines, "selected": n.Selected})
	}
	if g.named {
		g.out.WriteString(p.name + ":")
	}
	fmt.Fprintln(g.out, n.Selected)
	return nil
}

// lines prints lines, or what matches in them.
func (g *grep) lines(p *played) error {
	told := uint64(0)
	for l, err := range p.whole.Lines(g.command.Context(), g.pattern, partsOf(p.view)...) {
		if err != nil {
			return err
		}
		g.found = true
		if g.only {
			err = g.matches(p, l)
		} else {
			err = g.line(p, l, l.Offset, l.Text)
		}
		if err != nil {
			return err
		}
		if told++; g.limited && told == g.most {
			break
		}
	}
	return nil
}

func (g *grep) matches(p *played, l codec.Line) error {
	if l.Text == nil && !g.o.Invert {
		return fmt.Errorf("line %d has %d bytes: matches are only told apart in lines of up to %d; -c counts the lines", l.Number, l.Len, codec.MaxLine)
	}
	for _, m := range g.pattern.Matches(l.Text) {
		if err := g.line(p, l, l.Offset+int64(m[0]), l.Text[m[0]:m[1]]); err != nil {
			return err
		}
	}
	return nil
}

// line prints one line, or what matches in it, which begins at off.
func (g *grep) line(p *played, l codec.Line, off int64, text []byte) error {
	if g.app.json {
		if text == nil {
			return fmt.Errorf("line %d has %d bytes, as JSON at most %d are printed", l.Number, l.Len, codec.MaxLine)
		}
		m := map[string]any{"template": p.name, "line": l.Number, "offset": off}
		if utf8.Valid(text) {
			m["text"] = string(text)
		} else {
			m["bytes"] = base64.StdEncoding.EncodeToString(text)
		}
		return g.json(m)
	}
	if g.named {
		g.out.WriteString(p.name)
		g.out.WriteByte(':')
	}
	var b [24]byte
	if g.number {
		g.out.Write(append(strconv.AppendInt(b[:0], l.Number, 10), ':'))
	}
	if g.offset {
		g.out.Write(append(strconv.AppendInt(b[:0], off, 10), ':'))
	}
	if text == nil { // it is too long to be held
		if _, err := io.Copy(g.out, io.NewSectionReader(p, l.Offset, l.Len)); err != nil {
			return err
		}
	}
	g.out.Write(text)
	return outputOrNil(g.out.WriteByte('\n'))
}

// json prints one result on a line.
func (g *grep) json(v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		g.out.Write(b)
		err = outputOrNil(g.out.WriteByte('\n'))
	}
	return err
}
