package contexts

import (
	"bytes"
	"cmp"
	"slices"
	"unicode"
	"unicode/utf8"
)

// leastEntry is how long the text of an entry must be to be looked for, in bytes; a shorter one is no shorter as a code.
const leastEntry = 4

// Entries finds the entries of code books in a file. An entry is a line; it is found with its newline or without, and not within a word.
type Entries struct {
	text []string // of each entry, without the newline
	book []int
	at   map[[leastEntry]byte][]int // by its first bytes: entries, the longest first, of equal ones the first first
}

// NewEntries returns what finds the entries of several books, each the lines of a text.
func NewEntries(books ...[][]byte) *Entries {
	e := &Entries{at: make(map[[leastEntry]byte][]int)}
	for n, lines := range books {
		for _, line := range lines {
			i := len(e.text)
			text := string(bytes.TrimSuffix(line, []byte("\n")))
			e.text, e.book = append(e.text, text), append(e.book, n)
			if len(text) >= leastEntry {
				key := [leastEntry]byte([]byte(text))
				e.at[key] = append(e.at[key], i)
			}
		}
	}
	for _, list := range e.at {
		slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(len(e.text[b]), len(e.text[a])) })
	}
	return e
}

// Found is a run of entries of one book, one after the other, that stands in a file.
type Found struct {
	Off, Len int // in the file
	Book     int
	First    int // of the book, 0-based
	Count    int
	Newline  bool // the last one has its newline
}

// Find finds entries from the first byte of a file to the last: the line that goes on with the run before, if it does, else the longest, of equal ones the
// first.
func (e *Entries) Find(file []byte) (all []Found) {
	first := make([]int, 0) // of each book, its first entry
	for i, b := range e.book {
		for len(first) <= b {
			first = append(first, i)
		}
	}
	next := -1 // the entry that would go on with the last run; -1: none
	for p := 0; p < len(file); {
		i := e.find(file, p, next)
		if i < 0 {
			p++
			continue
		}
		n := len(e.text[i])
		line := p+n < len(file) && file[p+n] == '\n'
		if line {
			n++
		}
		if k := len(all) - 1; i == next && all[k].Off+all[k].Len == p {
			all[k].Len += n
			all[k].Count++
			all[k].Newline = line
		} else {
			all = append(all, Found{p, n, e.book[i], i - first[e.book[i]], 1, line})
		}
		next = -1
		if line && i+1 < len(e.text) && e.book[i+1] == e.book[i] {
			next = i + 1
		}
		p += n
	}
	return all
}

// find returns the entry at p, or -1.
func (e *Entries) find(file []byte, p, next int) int {
	rest := file[p:]
	if next >= 0 {
		if n := len(e.text[next]); n < len(rest) && string(rest[:n]) == e.text[next] && rest[n] == '\n' {
			return next
		}
	}
	if len(rest) < leastEntry {
		return -1
	}
	for _, i := range e.at[[leastEntry]byte(rest)] {
		if n := len(e.text[i]); n <= len(rest) && string(rest[:n]) == e.text[i] && !within(file, p, p+n) {
			return i
		}
	}
	return -1
}

// within reports whether a word goes on before from, or after end.
func within(file []byte, from, end int) bool {
	word := func(r rune, n int) bool { return n > 0 && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
	return word(utf8.DecodeLastRune(file[:from])) && word(utf8.DecodeRune(file[from:])) ||
		word(utf8.DecodeLastRune(file[:end])) && word(utf8.DecodeRune(file[end:]))
}

// Lines cuts a text into lines, each with its newline; the last gets one if it has none.
func Lines(text []byte) (lines [][]byte) {
	for line := range bytes.Lines(text) {
		if line[len(line)-1] != '\n' {
			line = append(line[:len(line):len(line)], '\n')
		}
		lines = append(lines, line)
	}
	return lines
}
