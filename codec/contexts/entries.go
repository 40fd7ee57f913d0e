package contexts

import (
	"bytes"
	"cmp"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// leastEntry is how long the text of an entry must be to be looked for, in bytes; a shorter one is no shorter as a code.
const leastEntry = 4

// Entries finds the entries of code books in a file. An entry is a line; it is found with its newline or without, and not within a word.
type Entries struct {
	text   []string // of each entry, without the newline
	book   []int
	sorted []int                    // entries by their text, of equal ones the first
	under  []int                    // of each of these the longest other that it begins with, in sorted; -1 if there is none
	at     map[[leastEntry]byte]run // by its first bytes
}

// run is entries of sorted.
type run struct{ from, end int }

// NewEntries returns what finds the entries of several books, each the lines of a text.
func NewEntries(books ...[][]byte) *Entries {
	e := &Entries{at: make(map[[leastEntry]byte]run)}
	for n, lines := range books {
		for _, line := range lines {
			text := string(bytes.TrimSuffix(line, []byte("\n")))
			if len(text) >= leastEntry {
				e.sorted = append(e.sorted, len(e.text))
			}
			e.text, e.book = append(e.text, text), append(e.book, n)
		}
	}
	slices.SortStableFunc(e.sorted, func(a, b int) int { return cmp.Compare(e.text[a], e.text[b]) })
	e.sorted = slices.CompactFunc(e.sorted, func(a, b int) bool { return e.text[a] == e.text[b] })
	for k, i := range e.sorted {
		u := k - 1 // what begins as i does stands between them
		for u >= 0 && !strings.HasPrefix(e.text[i], e.text[e.sorted[u]]) {
			u = e.under[u]
		}
		e.under = append(e.under, u)
		key := [leastEntry]byte([]byte(e.text[i][:leastEntry]))
		r, ok := e.at[key]
		if !ok {
			r.from = k
		}
		e.at[key] = run{r.from, k + 1}
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
	r := e.at[[leastEntry]byte(rest)]
	after := sort.Search(r.end-r.from, func(k int) bool { // the first that what stands there comes before
		text := e.text[e.sorted[r.from+k]]
		return text > string(rest[:min(len(rest), len(text))])
	})
	if after == 0 {
		return -1
	}
	for k := r.from + after - 1; k >= 0; k = e.under[k] {
		i := e.sorted[k]
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
