package merkle

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	inclusionTitle   = "dictnet/1 inclusion proof"
	consistencyTitle = "dictnet/1 consistency proof"
)

// MarshalText gives the proof as lines, each ended by a newline:
//
//	dictnet/1 inclusion proof
//	size 6
//	root 3f1c...                  64 hexadecimal digits, lower case
//	leaf 1                        a line for each run, ascending: "leaf N"
//	leaves 4-5                    or "leaves FIRST-LAST" for more than one
//	96a2...                       a line for each hash
//
// Numbers are decimal without leading zeros. How many hashes there are follows from the size and the leaves.
func (p *InclusionProof) MarshalText() ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("inclusion proof: %w", err)
	}
	text := fmt.Appendf(nil, "%s\nsize %d\nroot %s\n", inclusionTitle, p.Version.Size, p.Version.Root)
	for _, r := range p.Leaves {
		if r.Count == 1 {
			text = fmt.Appendf(text, "leaf %d\n", r.Start)
		} else {
			text = fmt.Appendf(text, "leaves %d-%d\n", r.Start, r.last())
		}
	}
	return appendHashLines(text, p.Hashes), nil
}

// UnmarshalText reads just what MarshalText writes. That the proof has the right shape does not make it true: see
// Check. On an error p is unchanged.
func (p *InclusionProof) UnmarshalText(text []byte) error {
	l := lineReader{rest: string(text)}
	l.title(inclusionTitle)
	var q InclusionProof
	q.Version.Size = l.number("size ")
	q.Version.Root = l.hash("root ")
	for l.has("leaf ") || l.has("leaves ") {
		q.Leaves = append(q.Leaves, l.run())
	}
	q.Hashes = l.hashes()
	if l.err == nil {
		l.err = q.validate()
	}
	if l.err != nil {
		return fmt.Errorf("inclusion proof: %w", l.err)
	}
	*p = q
	return nil
}

// MarshalText gives the proof as lines, each ended by a newline, in the manner of [InclusionProof.MarshalText]:
//
//	dictnet/1 consistency proof
//	old size 3
//	old root 7a0c...
//	new size 6
//	new root 3f1c...
//	96a2...                       a line for each hash
func (p *ConsistencyProof) MarshalText() ([]byte, error) {
	if err := p.validate(); err != nil {
		return nil, fmt.Errorf("consistency proof: %w", err)
	}
	text := fmt.Appendf(nil, "%s\nold size %d\nold root %s\nnew size %d\nnew root %s\n",
		consistencyTitle, p.Old.Size, p.Old.Root, p.New.Size, p.New.Root)
	return appendHashLines(text, p.Hashes), nil
}

// UnmarshalText reads just what MarshalText writes. That the proof has the right shape does not make it true: see
// Check. On an error p is unchanged.
func (p *ConsistencyProof) UnmarshalText(text []byte) error {
	l := lineReader{rest: string(text)}
	l.title(consistencyTitle)
	var q ConsistencyProof
	q.Old.Size = l.number("old size ")
	q.Old.Root = l.hash("old root ")
	q.New.Size = l.number("new size ")
	q.New.Root = l.hash("new root ")
	q.Hashes = l.hashes()
	if l.err == nil {
		l.err = q.validate()
	}
	if l.err != nil {
		return fmt.Errorf("consistency proof: %w", l.err)
	}
	*p = q
	return nil
}

func appendHashLines(text []byte, hashes []Hash) []byte {
	for _, h := range hashes {
		text = fmt.Appendf(text, "%s\n", h)
	}
	return text
}

// A lineReader takes a text apart line by line and keeps the first error, after which it reads nothing more.
type lineReader struct {
	rest string
	line int // number of the line read last
	err  error
}

// fail keeps the first error, with the line it is about.
func (l *lineReader) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf("line %d: %w", l.line, fmt.Errorf(format, args...))
		l.rest = ""
	}
}

// next returns the next line without its newline.
func (l *lineReader) next() string {
	if l.err != nil {
		return ""
	}
	l.line++
	line, rest, ended := strings.Cut(l.rest, "\n")
	if !ended {
		if line == "" {
			l.fail("missing")
		} else {
			l.fail("%q is not ended by a newline", abbreviate(line))
		}
		return ""
	}
	l.rest = rest
	return line
}

// has reports whether the next line begins with prefix.
func (l *lineReader) has(prefix string) bool { return strings.HasPrefix(l.rest, prefix) }

// field returns what follows prefix on the next line.
func (l *lineReader) field(prefix string) string {
	line := l.next()
	value, ok := strings.CutPrefix(line, prefix)
	if !ok {
		l.fail("%q does not begin with %q", abbreviate(line), prefix)
	}
	return value
}

func (l *lineReader) title(want string) {
	if line := l.next(); line != want {
		l.fail("%q is not %q", abbreviate(line), want)
	}
}

func (l *lineReader) number(prefix string) uint64 { return l.parseNumber(l.field(prefix)) }

func (l *lineReader) parseNumber(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		l.fail("%q is not a decimal number below 2^64 without leading zeros", abbreviate(s))
	}
	return n
}

func (l *lineReader) hash(prefix string) Hash {
	s := l.field(prefix)
	if l.err != nil {
		return Hash{}
	}
	h, err := ParseHash(s)
	if err != nil {
		l.fail("%w", err)
	}
	return h
}

func (l *lineReader) run() Run {
	if l.has("leaf ") {
		return Run{l.number("leaf "), 1}
	}
	first, last, ok := strings.Cut(l.field("leaves "), "-")
	if !ok {
		l.fail("%q has no last leaf", abbreviate(first))
		return Run{}
	}
	r := Run{Start: l.parseNumber(first)}
	end := l.parseNumber(last)
	if end <= r.Start {
		l.fail("leaves %d-%d are not more than one", r.Start, end)
	}
	r.Count = end - r.Start + 1 // cannot be 2^64: then it is 0, which validate refuses
	return r
}

// hashes reads the rest of the text.
func (l *lineReader) hashes() []Hash {
	var hashes []Hash
	for l.err == nil && l.rest != "" {
		hashes = append(hashes, l.hash(""))
	}
	return hashes
}
