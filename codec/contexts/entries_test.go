package contexts

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// The longest entry is found, of equal ones the first, whatever others begin with.
func TestEntriesAtAnyPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	word := func() string {
		b := make([]byte, r.IntN(9))
		for i := range b {
			b[i] = "ab .\n"[r.IntN(4+i%2)]
		}
		return string(b)
	}
	for range 3000 {
		var lines [][]byte
		for range 1 + r.IntN(20) {
			lines = append(lines, []byte(strings.ReplaceAll(word()+word(), "\n", "")+"\n"))
		}
		e := NewEntries(lines[:len(lines)/2], lines[len(lines)/2:])
		file := []byte(word() + string(lines[r.IntN(len(lines))]) + word() + string(lines[r.IntN(len(lines))]) + word())
		for p := range file {
			want := -1
			for i, text := range e.text {
				if strings.HasPrefix(string(file[p:]), text) && len(text) >= leastEntry && !within(file, p, p+len(text)) && (want < 0 || len(text) > len(e.text[want])) {
					want = i
				}
			}
			if got := e.find(file, p, -1); got != want {
				t.Fatalf("at %d of %q: entry %d of %q, want %d", p, file, got, e.text, want)
			}
		}
	}
}

// Lines that all begin alike, as those of a catalogue do, are not compared with every entry.
func TestEntriesThatBeginAlike(t *testing.T) {
	took := func(format string) time.Duration { // the best of three: something else may run meanwhile
		var book [][]byte
		var file []byte
		for i := range 20_000 {
			book = append(book, fmt.Appendf(nil, format, 2*i))
			file = fmt.Appendf(file, format, 2*i+1)
		}
		file = append(file, book[7]...)
		e := NewEntries(book)
		best := time.Duration(math.MaxInt64)
		for range 3 {
			begin := time.Now()
			if found := e.Find(file); len(found) != 1 || found[0].First != 7 {
				t.Errorf("found %+v", found)
			}
			best = min(best, time.Since(begin))
		}
		return best
	}
	alike, others := took("    \"%08d\": \"the same words\",\n"), took("%d    \"\": \"the same words\",\n")
	if alike > 30*others {
		t.Errorf("it takes %v, where none begins as another does %v", alike, others)
	}
}
