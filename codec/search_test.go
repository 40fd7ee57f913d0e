package codec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// encodeFrames makes a template of frames that hold few symbols and few local bytes.
func encodeFrames(t testing.TB, d *dictionary, file []byte, symbols, local int) []byte {
	t.Helper()
	o := d.options()
	o.ChunkSize = 0
	return encodeLimited(t, o, file, frameLimits{symbols: symbols, local: local, play: defaultFrame.play})
}

func openTemplate(t testing.TB, d *dictionary, template []byte) *Reader {
	t.Helper()
	r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), d.open)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// grep is what a search has to find, from the expansion.
func grep(file []byte, re *regexp.Regexp, invert bool) (lines []Line, all int) {
	parts := bytes.Split(file, newline)
	if len(parts[len(parts)-1]) == 0 {
		parts = parts[:len(parts)-1]
	}
	off := int64(0)
	for i, l := range parts {
		if re.Match(l) != invert {
			lines = append(lines, Line{Number: int64(i) + 1, Offset: off, Len: int64(len(l)), Text: l})
		}
		off += int64(len(l)) + 1
	}
	return lines, len(parts)
}

// checkSearch compares every way of searching, with everything that is kept as small as it gets and as it is. Given parts, file is what they are together.
func checkSearch(t *testing.T, r *Reader, file []byte, p *Pattern, re *regexp.Regexp, invert bool, parts ...Span) {
	t.Helper()
	want, all := grep(file, re, invert)
	for _, keep := range [][3]int{{keepEdge, MaxLine, maxTables}, {0, 0, 1}, {3, 9, 5000}} {
		s := r.searchFor(t.Context(), p, parts...)
		s.keepEdge, s.maxLine, s.maxTables = keep[0], keep[1], keep[2]
		if err := s.run(nil); err != nil {
			t.Fatal(err)
		}
		if s.lines != uint64(all) || s.selected != uint64(len(want)) {
			t.Fatalf("keep %v, pattern %q: %d of %d lines, want %d of %d", keep, re, s.selected, s.lines, len(want), all)
		}
		s = r.searchFor(t.Context(), p, parts...)
		s.keepEdge, s.maxLine, s.maxTables = keep[0], keep[1], keep[2]
		k := 0
		if err := s.run(func(l Line) bool {
			if k == len(want) {
				t.Fatalf("keep %v, pattern %q: line %d is one too many", keep, re, l.Number)
			}
			w := want[k]
			if l.Number != w.Number || l.Offset != w.Offset || l.Len != w.Len || l.Text != nil && !bytes.Equal(l.Text, w.Text) {
				t.Fatalf("keep %v, pattern %q: line %d at %d, %q, want line %d at %d, %q", keep, re, l.Number, l.Offset, l.Text, w.Number, w.Offset, w.Text)
			}
			if l.Text == nil && l.Len <= int64(keep[1]) && l.Len > 0 {
				t.Fatalf("keep %v: line %d of %d bytes has no text", keep, l.Number, l.Len)
			}
			k++
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if k != len(want) {
			t.Fatalf("keep %v, pattern %q: %d lines told of, want %d", keep, re, k, len(want))
		}
	}
	// And through the front door.
	n, err := r.CountLines(t.Context(), p, parts...)
	if err != nil || n != (LineCount{uint64(all), uint64(len(want))}) {
		t.Fatalf("count is %+v, %v", n, err)
	}
	k := 0
	for l, err := range r.Lines(t.Context(), p, parts...) {
		if err != nil || !bytes.Equal(l.Text, want[k].Text) {
			t.Fatalf("line %d: %q, want %q: %v", k, l.Text, want[k].Text, err)
		}
		if k++; k == 3 {
			break
		}
	}
	if k != min(3, len(want)) {
		t.Fatalf("%d lines", k)
	}
}

// versions returns a text in n versions, one after the other, each a few lines different from the one before.
func versions(base []byte, n int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	lines := bytes.SplitAfter(bytes.Clone(base), newline)
	var out []byte
	for v := range n {
		out = append(out, bytes.Join(lines, nil)...)
		for range 1 + r.IntN(4) {
			i := r.IntN(len(lines))
			switch r.IntN(3) {
			case 0:
				lines[i] = fmt.Appendf(nil, "changed in version %d: %d\n", v, r.IntN(1000))
			case 1:
				lines = slices.Insert(lines, i, fmt.Appendf(nil, "new in version %d: %d\n", v, r.IntN(1000)))
			case 2:
				lines = slices.Delete(lines, i, i+1)
			}
		}
	}
	return out
}

var searchPatterns = []string{
	"", "the", "e", "version 3", "version [0-9]+: 7", "^new", "7$", "^$", `\r$`, "(?i)VERSION", "zzzz", "^[^e]*$", "a.*e.*i", `\bnew\b.*\d{3}`, "x|version 1|q", "(ab)+", "(?:th){1,2}e", "\x00", "\ufffd", "\u00e9+", `b\na`,
}

func TestSearch(t *testing.T) {
	old := text(300<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	long := append(bytes.Repeat([]byte("no newline for long, "), 300), old[:4000]...)
	for name, file := range map[string][]byte{
		"nothing":         {},
		"a newline":       []byte("\n"),
		"newlines":        []byte("\n\n\n"),
		"one line":        []byte("no newline at the end, version 3"),
		"crlf":            []byte("version 1\r\n\r\nnew\r\nversion 31\r\n"),
		"versions":        versions(old[:1500], 15, 1),
		"versions, named": append(versions(old[:2000], 4, 2), old[:6000]...),
		"noise":           noise(20<<10, 3),
		"noise and text":  slices.Concat(noise(5000, 4), old[:1000], noise(5000, 4), []byte("\xff\xfe the \x00 end")),
		"long lines":      slices.Concat(long, []byte("version 7\n"), long, long, newline, long),
		"runs":            slices.Concat(bytes.Repeat([]byte("ab"), 3000), bytes.Repeat([]byte("ab\n"), 3000), bytes.Repeat([]byte("\n"), 3000)),
	} {
		t.Run(name, func(t *testing.T) {
			whole, _ := encode(t, d, file)
			own, _ := encode(t, nil, file)
			for name, template := range map[string][]byte{"whole": whole, "frames": encodeFrames(t, d, file, 7, 20000), "own": own} {
				r := openTemplate(t, d, template)
				for i, expr := range searchPatterns {
					for _, invert := range []bool{false, true}[:1+i%2] {
						p, err := CompilePattern(PatternOptions{Invert: invert}, expr)
						if err != nil {
							t.Fatal(name, err)
						}
						checkSearch(t, r, file, p, regexp.MustCompile(expr), invert)
					}
				}
			}
		})
	}
}

// somePart returns a part of n bytes, often a short one, which may be empty.
func somePart(r *rand.Rand, n int) Span {
	pos := r.IntN(n + 1)
	most := n - pos
	if r.IntN(2) == 0 {
		most = min(most, 30)
	}
	return Span{uint64(pos), uint64(r.IntN(most + 1))}
}

// together returns what parts of a file are, one after the other.
func together(file []byte, parts []Span) (b []byte) {
	for _, s := range parts {
		b = append(b, file[s.Pos:s.Pos+s.Len]...)
	}
	return b
}

// Of parts of a file, what they are one after the other is searched, wherever they begin and end.
func TestSearchParts(t *testing.T) {
	old := text(300<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	file := slices.Concat(versions(old[:1500], 10, 1), noise(2000, 4), old[:15000])
	whole, _ := encode(t, d, file)
	own, _ := encode(t, nil, file[:20000])
	r := rand.New(rand.NewPCG(1, 2))
	for name, template := range map[string][]byte{"whole": whole, "frames": encodeFrames(t, d, file, 7, 20000), "own": own} {
		x := openTemplate(t, d, template)
		size := int(x.Size())
		lists := [][]Span{{}, {{0, 0}}, {{uint64(size), 0}}, {{1, uint64(size) - 1}}, {{0, uint64(size)}, {0, uint64(size)}}}
		for range 4 {
			var parts []Span
			for range 1 + r.IntN(5) {
				parts = append(parts, somePart(r, size))
			}
			lists = append(lists, parts)
		}
		for _, parts := range lists {
			for _, expr := range []string{"", "e", "version [0-9]+: 7", "^new", "^[^e]*$"} {
				p, err := CompilePattern(PatternOptions{}, expr)
				if err != nil {
					t.Fatal(err)
				}
				t.Run(fmt.Sprint(name, parts, expr), func(t *testing.T) {
					checkSearch(t, x, together(file, parts), p, regexp.MustCompile(expr), false, parts...)
				})
			}
		}
		if _, err := x.CountLines(t.Context(), &Pattern{lit: []byte("e"), exact: true}, Span{1, uint64(size)}); err == nil {
			t.Error("a part goes beyond the file")
		}
	}
}

// A pattern's options mean what they mean to grep.
func TestPatternOptions(t *testing.T) {
	lines := []string{"", "a", "b", "ab", "abc", "a.c", "A.C", "aXc", "\xff", "(", "a\nb"[:1], "foobar", "foo"}
	for _, c := range []struct {
		o     PatternOptions
		exprs []string
		same  string // an expression that selects the same
	}{
		{PatternOptions{Literal: true}, []string{"a.c"}, `a\.c`},
		{PatternOptions{Literal: true}, []string{"("}, `\(`},
		{PatternOptions{Literal: true, FoldCase: true}, []string{"a.c"}, `(?i)a\.c`},
		{PatternOptions{Literal: true, WholeLine: true}, []string{"a"}, `^a$`},
		{PatternOptions{WholeLine: true}, []string{"a|b"}, `^(a|b)$`},
		{PatternOptions{}, []string{"a", "b"}, `a|b`},
		{PatternOptions{}, []string{"foo\nc"}, `foo|c`},
		{PatternOptions{Literal: true}, []string{"a.\n("}, `a\.|\(`},
		{PatternOptions{FoldCase: true}, []string{"A"}, `(?i)a`},
		{PatternOptions{}, []string{"", "x"}, ``},
		{PatternOptions{Longest: true}, []string{"foo|foobar"}, `foo`},
	} {
		p, err := CompilePattern(c.o, c.exprs...)
		if err != nil {
			t.Fatal(err)
		}
		same := regexp.MustCompile(c.same)
		for _, l := range lines {
			if p.selects([]byte(l)) != same.MatchString(l) {
				t.Errorf("%+v %q: %q is selected: %v", c.o, c.exprs, l, p.selects([]byte(l)))
			}
		}
	}
	p, err := CompilePattern(PatternOptions{Literal: true}, "\xff")
	if err != nil || !p.selects([]byte("a\xff")) || p.selects([]byte("a\xfe")) {
		t.Error("a literal that is no UTF-8", err)
	}
	for _, bad := range []string{"(", "a{2,1}", "[z-a]", "\xff", "a\n("} {
		if _, err := CompilePattern(PatternOptions{}, bad); !errors.Is(err, ErrOption) {
			t.Errorf("pattern %q: %v", bad, err)
		}
	}
	if _, err := CompilePattern(PatternOptions{}); !errors.Is(err, ErrOption) {
		t.Error("no pattern at all:", err)
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		o    PatternOptions
		expr string
		line string
		want string
	}{
		{PatternOptions{Literal: true}, "aa", "aaaaa", "[[0 2] [2 4]]"},
		{PatternOptions{}, "a*", "baac", "[[1 3]]"},
		{PatternOptions{}, "foo|foobar", "foobar", "[[0 3]]"},
		{PatternOptions{Longest: true}, "foo|foobar", "foobar", "[[0 6]]"},
		{PatternOptions{Literal: true}, "foo\nfoobar", "foobar", "[[0 6]]"},
		{PatternOptions{}, "^a", "aaa", "[[0 1]]"},
		{PatternOptions{Invert: true}, "b", "aaa", "[]"},
		{PatternOptions{Literal: true}, "", "aaa", "[]"},
	} {
		p, err := CompilePattern(c.o, c.expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(p.Matches([]byte(c.line))); got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.expr, c.line, got, c.want)
		}
	}
}

// FuzzSearch compares with package regexp on the expansion. Each edit is four bytes: what to do, how much, and where the source stands.
func FuzzSearch(f *testing.F) {
	old := slices.Concat(text(30<<10, 5), noise(5<<10, 6), bytes.Repeat([]byte("a"), 3000), bytes.Repeat([]byte("ab\n"), 500))
	d := build(f, nil, BuildOptions{}, old)
	f.Fuzz(func(t *testing.T, edits []byte, expr string, literal, invert, whole bool, symbols, local uint16, named bool) {
		p, err := CompilePattern(PatternOptions{Literal: literal, Invert: invert, WholeLine: whole}, expr)
		if err != nil {
			return
		}
		parts := strings.Split(expr, "\n")
		for i, e := range parts {
			if literal {
				e = regexp.QuoteMeta(e)
			}
			parts[i] = "(?:" + e + ")"
		}
		same := strings.Join(parts, "|")
		if whole {
			same = "^(?:" + same + ")$"
		}
		re, err := regexp.Compile(same)
		if err != nil {
			return // a literal that is no UTF-8
		}
		var file []byte
		for ; len(edits) >= 4 && len(file) < 1<<17; edits = edits[4:] {
			n := int(edits[1]) << (edits[0] >> 4 & 7)
			at := int(edits[2])<<8 | int(edits[3])
			switch edits[0] & 3 {
			case 0: // of the dictionary
				at = min(at, len(old))
				file = append(file, old[at:min(at+n, len(old))]...)
			case 1: // of the file
				at = min(at, len(file))
				file = append(file, file[at:min(at+n, len(file))]...)
			case 2:
				file = append(file, noise(n, uint64(at))...)
			case 3: // the bytes of the edits themselves
				file = append(file, edits[:min(n, len(edits))]...)
			}
		}
		var use *dictionary
		if named {
			use = d
		}
		checkSearch(t, openTemplate(t, use, encodeFrames(t, use, file, 1+int(symbols), 1+int(local)*16)), file, p, re, invert)
	})
}

// Rules that play more than anybody could are counted by their parts.
func TestSearchRuleBomb(t *testing.T) {
	const doublings = 40
	codes := append(append(repeat(doublings, codeRule), codeFresh), repeat(doublings, codeRef)...)
	fr := helloFrame(5<<doublings, "", 1, codes...)
	fr.data = [][]byte{[]byte("l\nl\nl")}
	p, err := CompilePattern(PatternOptions{}, "^ll$")
	if err != nil {
		t.Fatal(err)
	}
	r := openTemplate(t, nil, forged{frames: []forgedFrame{fr}}.bytes())
	got, err := r.CountLines(t.Context(), p)
	if want := (LineCount{2<<doublings + 1, 1<<doublings - 1}); err != nil || got != want {
		t.Errorf("%+v, want %+v: %v", got, want, err)
	}
	n := int64(0)
	for l, err := range r.Lines(t.Context(), p) {
		if err != nil || string(l.Text) != "ll" || l.Number != 3+2*n || l.Offset != 4+5*n {
			t.Fatalf("%+v %v", l, err)
		}
		if n++; n == 1000 {
			break
		}
	}
	// One line without an end, that is too long to hold: it streams until the search is given up.
	fr.data = [][]byte{[]byte("lllll")}
	r = openTemplate(t, nil, forged{frames: []forgedFrame{fr}}.bytes())
	lit, _ := CompilePattern(PatternOptions{Literal: true}, "llllllllllllllllllllll")
	if got, err := r.CountLines(t.Context(), lit); err != nil || got != (LineCount{1, 1}) {
		t.Errorf("%+v %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	never, _ := CompilePattern(PatternOptions{}, "[^l]")
	cancel()
	if _, err := r.CountLines(ctx, never); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What is wrong with notes and blocks is told, not searched past.
func TestSearchFails(t *testing.T) {
	old := text(600<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	short, _ := encode(t, d, append(noise(1000, 8), old...))
	template := inFull(t, short)
	p, _ := CompilePattern(PatternOptions{Literal: true}, "the")
	cause := errors.New("no note")
	for n := range 3 {
		r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), func(context.Context, DictionaryName) (Tape, error) { return failAfter(d.tape, n, cause), nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.CountLines(t.Context(), p); !errors.Is(err, cause) {
			t.Errorf("%d notes: %v", n, err)
		}
	}
	at := bytes.Index(template, noise(1000, 8)[:100])
	if at < 0 {
		t.Fatal("noise is not stored as it is")
	}
	bad := bytes.Clone(template)
	bad[at] ^= 1
	var format *FormatError
	if _, err := openTemplate(t, d, bad).CountLines(t.Context(), p); !errors.As(err, &format) {
		t.Error(err)
	}
}

// BenchmarkSearch counts lines in 1,000 versions of a text; bytes are those of the file.
func BenchmarkSearch(b *testing.B) {
	file := versions(text(400<<10, 5), 1000, 1)
	template, _ := encode(b, nil, file)
	for _, c := range []struct{ name, expr string }{{"literal", "item"}, {"expression", "[0-9]+: [0-9]*7"}, {"expression with a literal", "item [0-9]+"}} {
		p, err := CompilePattern(PatternOptions{}, c.expr)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, err := openTemplate(b, nil, template).CountLines(b.Context(), p); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(template))/float64(len(file)), "template/file")
		})
		b.Run(c.name+"/expanded", func(b *testing.B) { // for comparison: package regexp on what is decoded
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				var out bytes.Buffer
				if _, err := openTemplate(b, nil, template).WriteTo(&out); err != nil {
					b.Fatal(err)
				}
				grep(out.Bytes(), regexp.MustCompile(c.expr), false)
			}
		})
	}
}

// evenTape is a tape of notes of 64 bytes, without blocks.
type evenTape []byte

func (t evenTape) Size() uint64 { return uint64(len(t)) }
func (t evenTape) NoteAt(_ context.Context, pos uint64) (uint64, []byte, error) {
	pos &^= 63
	return pos, t[pos:min(pos+64, t.Size())], nil
}
func (t evenTape) Locate(_ context.Context, pos uint64) (Span, error) {
	return Span{pos &^ 63, 64}, nil
}

// Who appends to a line that was found writes nothing into the note that it stands in, which is kept.
func TestLinesAreClipped(t *testing.T) {
	file := text(64<<10, 1)
	d := build(t, nil, BuildOptions{}, file)
	template, _ := encode(t, d, file)
	r := openTemplate(t, d, template)
	p, err := CompilePattern(PatternOptions{}, "item")
	if err != nil {
		t.Fatal(err)
	}
	for l, err := range r.Lines(t.Context(), p) {
		if err != nil {
			t.Fatal(err)
		}
		_ = append(l.Text, "\r\n written over"...)
	}
	got := make([]byte, len(file))
	if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, file) {
		t.Errorf("other bytes play: %v", err)
	}
}

// What is held of many short notes is about what they hold.
func TestSearchShortNotes(t *testing.T) {
	file := text(256<<10, 1)
	d := build(t, nil, BuildOptions{}, file)
	template, _ := encode(t, d, file)
	r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), func(context.Context, DictionaryName) (Tape, error) { return evenTape(file), nil })
	if err != nil {
		t.Fatal(err)
	}
	p, err := CompilePattern(PatternOptions{}, "item [0-9]+")
	if err != nil {
		t.Fatal(err)
	}
	want, all := grep(file, regexp.MustCompile("item [0-9]+"), false)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := r.CountLines(t.Context(), p)
	runtime.ReadMemStats(&after)
	if err != nil || n != (LineCount{uint64(all), uint64(len(want))}) {
		t.Errorf("%+v, want %d of %d: %v", n, len(want), all, err)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 64 {
		t.Errorf("a search took %d MiB", took)
	}
}

// Spans that run across many notes, however many there are, take no more memory than what each has of its first and last note.
func TestSearchLongSpans(t *testing.T) {
	const spans = 500
	file := text(64<<10, 1)
	d := build(t, nil, BuildOptions{}, file)
	p, err := CompilePattern(PatternOptions{Literal: true}, "item 1")
	if err != nil {
		t.Fatal(err)
	}
	count := func(spans uint64) (n LineCount, plays []byte) {
		f := forgedFrame{count: int(spans), play: spans * 60000}
		last := uint64(0)
		for i := range spans { // that begin and end anywhere, and some at the ends of notes
			at := i * 7 % 1000
			if i%3 == 0 {
				at = i % 5 * 32
			}
			f.streams[streamPlay] = append(f.streams[streamPlay], codeNew)
			f.streams[streamTapeLen] = append(f.streams[streamTapeLen], 60000-1)
			f.streams[streamTapePos] = append(f.streams[streamTapePos], zigzag(int64(at-last)))
			last = at + 60000
			if spans < 10 {
				plays = append(plays, file[at:last]...)
			}
		}
		template := forged{dict: d.name(), frames: []forgedFrame{f}}.bytes()
		r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), func(context.Context, DictionaryName) (Tape, error) { return evenTape(file), nil })
		if err != nil {
			t.Fatal(err)
		}
		if n, err = r.CountLines(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		return n, plays
	}
	few, plays := count(7)
	found, all := grep(plays, regexp.MustCompile("item 1"), false)
	if want := (LineCount{uint64(all), uint64(len(found))}); few != want {
		t.Errorf("%+v, want %+v", few, want)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	many, _ := count(spans)
	runtime.ReadMemStats(&after)
	if few.Selected == 0 || many.Lines < few.Lines*spans/8 || many.Selected < few.Selected*spans/8 {
		t.Errorf("%+v in %d spans, %+v in seven", many, spans, few)
	}
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 64 {
		t.Errorf("a search took %d MiB", took)
	}
}
