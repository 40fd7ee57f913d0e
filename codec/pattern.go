package codec

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// PatternOptions say how the text of a pattern is meant.
type PatternOptions struct {
	Literal   bool // the bytes themselves, not an expression
	FoldCase  bool // letters match in either case
	WholeLine bool // a match takes up all of a line
	Longest   bool // of the matches that begin first, the longest counts, as POSIX has it; else the one that RE2 prefers. Literals are always so
	Invert    bool // lines are selected that do not match
}

// Pattern says which lines of a file are selected. A line is a run of bytes without its newline, so no pattern matches across
// lines; a carriage return belongs to the line. Lines are bytes: what is no UTF-8 matches as U+FFFD does, byte by byte, and NUL is a byte
// like any other. It is safe for concurrent use.
type Pattern struct {
	lit    []byte     // every match contains it; nil if nothing is known
	exact  bool       // a line matches if it contains lit
	begins *[256]bool // bytes that a match may begin with; nil if it may be empty, or lit is known
	re     *regexp.Regexp
	invert bool
}

// CompilePattern compiles expressions in the syntax of RE2, as package regexp documents it. A line matches if it matches any of them;
// a newline in an expression separates two.
func CompilePattern(o PatternOptions, exprs ...string) (*Pattern, error) {
	var all []string
	for _, e := range exprs {
		all = append(all, strings.Split(e, "\n")...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: no pattern", ErrOption)
	}
	p := &Pattern{invert: o.Invert}
	if o.Literal && len(all) == 1 && !o.FoldCase && !o.WholeLine {
		p.lit, p.exact = []byte(all[0]), true
		return p, nil
	}
	for i, e := range all {
		if o.Literal {
			if !utf8.ValidString(e) {
				return nil, fmt.Errorf("%w: pattern %q is not UTF-8; as the only literal, without other options, it may be any bytes", ErrOption, e)
			}
			all[i] = regexp.QuoteMeta(e)
		}
		if _, err := syntax.Parse(all[i], syntax.Perl); err != nil {
			return nil, fmt.Errorf("%w: pattern %q: %w", ErrOption, e, err)
		}
	}
	expr := all[0]
	if len(all) > 1 {
		expr = "(?:" + strings.Join(all, ")|(?:") + ")"
	}
	if o.WholeLine {
		expr = "^(?:" + expr + ")$"
	}
	if o.FoldCase {
		expr = "(?i:" + expr + ")"
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err == nil {
		p.re, err = regexp.Compile(expr)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: pattern %q: %w", ErrOption, strings.Join(exprs, "\n"), err)
	}
	if o.Longest || o.Literal {
		p.re.Longest()
	}
	if s := required(tree); s != "" {
		p.lit = []byte(s)
		p.exact = tree.Op == syntax.OpLiteral
		return p, nil
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("%w: pattern %q: %w", ErrOption, strings.Join(exprs, "\n"), err)
	}
	p.begins = firstBytes(prog)
	return p, nil
}

// firstBytes returns the bytes that a match may begin with, or nil if it may have none.
func firstBytes(prog *syntax.Prog) *[256]bool {
	first := new([256]bool)
	seen := make([]bool, len(prog.Inst))
	for todo := []uint32{uint32(prog.Start)}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[at] {
			continue
		}
		seen[at] = true
		switch i := &prog.Inst[at]; i.Op {
		case syntax.InstMatch:
			return nil
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstNop, syntax.InstEmptyWidth: // what an assertion asks for is left to the expression
			todo = append(todo, i.Out)
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			for c := range first {
				// A byte from 0x80 on may begin many runes, or be no UTF-8.
				first[c] = first[c] || c >= utf8.RuneSelf || i.MatchRune(rune(c))
			}
		}
	}
	return first
}

// required returns bytes that every match contains, as many as are easily found.
func required(t *syntax.Regexp) string {
	switch t.Op {
	case syntax.OpLiteral:
		if t.Flags&syntax.FoldCase != 0 {
			return ""
		}
		// Bytes that are no UTF-8 match RuneError, too, and no line has a newline: a run of lines may.
		if s := string(t.Rune); !strings.ContainsAny(s, "\n\ufffd") {
			return s
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(t.Sub[0])
	case syntax.OpRepeat:
		if t.Min > 0 {
			return required(t.Sub[0])
		}
	case syntax.OpConcat:
		best := ""
		for _, s := range t.Sub {
			if r := required(s); len(r) > len(best) {
				best = r
			}
		}
		return best
	}
	return ""
}

// selects reports whether a line is selected.
func (p *Pattern) selects(line []byte) bool {
	if p.lit != nil {
		if hit := bytes.Contains(line, p.lit); !hit || p.exact {
			return p.decided(hit)
		}
	}
	if p.begins != nil && !slices.ContainsFunc(line, func(c byte) bool { return p.begins[c] }) {
		return p.decided(false)
	}
	return p.decided(p.re.Match(line))
}

// selectsFrom reports whether a line is selected that is too long to hold.
func (p *Pattern) selectsFrom(line io.RuneReader) bool { return p.decided(p.re.MatchReader(line)) }

func (p *Pattern) decided(match bool) bool { return match != p.invert }

// Matches returns where the matches in a line are that are not empty, as begin and end of each, in bytes; none if the pattern
// is inverted.
func (p *Pattern) Matches(line []byte) [][]int {
	if p.invert {
		return nil
	}
	var found [][]int
	if p.re == nil {
		for at := 0; len(p.lit) > 0; {
			i := bytes.Index(line[at:], p.lit)
			if i < 0 {
				break
			}
			found = append(found, []int{at + i, at + i + len(p.lit)})
			at += i + len(p.lit)
		}
		return found
	}
	for _, m := range p.re.FindAllIndex(line, -1) {
		if m[0] < m[1] {
			found = append(found, m)
		}
	}
	return found
}
