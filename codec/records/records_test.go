package records

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"dictnet/codec"
	"dictnet/merkle"
)

var testRoot = merkle.Hash{0xd0, 0x0d, 0xfe, 0xed, 1}

// logLines makes records of a family: what a service might log.
func logLines(seed uint64, n int) (lines [][]byte) {
	r := rand.New(rand.NewPCG(seed, 7))
	paths := []string{"/api/v1/users", "/api/v1/orders", "/healthz", "/static/app.js", "/api/v2/search?q="}
	agents := []string{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0)", "curl/8.5.0", "kube-probe/1.31"}
	for range n {
		lines = append(lines, fmt.Appendf(nil, `{"time":"2026-11-%02dT%02d:%02d:%02d.%03dZ","level":"%s","msg":"request served","method":"GET","path":"%s","status":%d,"bytes":%d,"agent":"%s","trace":"%016x"}`+"\n",
			1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), []string{"info", "info", "warn"}[r.IntN(3)],
			paths[r.IntN(len(paths))], []int{200, 200, 304, 404}[r.IntN(4)], r.IntN(100000), agents[r.IntN(len(agents))], r.Uint64()))
	}
	return lines
}

// trained is a unit for log lines.
var trained = sync.OnceValue(func() []byte { return train(logLines(1, 2000), 16<<10) })

func coder(t testing.TB) *Coder {
	t.Helper()
	c, err := newCoder(testRoot, trained())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// odd are records at the edges, and such as no model expects.
func odd() map[string][]byte {
	r := rand.New(rand.NewPCG(3, 3))
	long := make([]byte, MaxRecord)
	for i := range long {
		long[i] = byte(r.Uint32())
	}
	noise := long[:3000:3000]
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	line := logLines(9, 1)[0]
	return map[string][]byte{
		"empty": {}, "one byte": {'x'}, "zero": {0}, "two": []byte("\n\n"), "three": []byte("abc"), "noise": noise, "every byte": every,
		"longest, of one byte": bytes.Repeat([]byte{'a'}, MaxRecord), "longest, of lines": bytes.Repeat(line, MaxRecord/len(line)+1)[:MaxRecord],
		"line without end": line[:len(line)-1], "half a line": line[len(line)/2:], "noise in a line": slices.Concat(line[:50], noise[:40], line[50:]),
		"period of two": bytes.Repeat([]byte("ab"), 500), "longest, noise": long, "longest, the same noise": bytes.Repeat(noise, 22)[:MaxRecord],
	}
}

func TestRecordsComeBack(t *testing.T) {
	c := coder(t)
	all := odd()
	for i, l := range logLines(2, 300) {
		all[fmt.Sprint("line ", i)] = l
	}
	for name, r := range all {
		template, err := c.AppendEncode([]byte("before"), r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.HasPrefix(template, []byte("before")) {
			t.Fatalf("%s: what stood in dst is gone", name)
		}
		template = template[len("before"):]
		if len(template) > len(r)+Overhead {
			t.Errorf("%s: %d bytes became %d", name, len(r), len(template))
		}
		if !IsTemplate(template) {
			t.Errorf("%s: not known as a template: %x", name, template[:4])
		}
		got, err := c.AppendDecode([]byte("before"), template)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if string(got) != "before"+string(r) {
			t.Fatalf("%s: another record came back", name)
		}
	}
}

// What does not compress grows by what the format says, and by Overhead at most.
func TestOverheadIsSmall(t *testing.T) {
	c := coder(t)
	noise := odd()["longest, noise"]
	for n, more := range map[int]int{127: 11, 128: 12, 1<<14 - 1: 12, 1 << 14: 13, MaxRecord: Overhead} {
		template, err := c.AppendEncode(nil, noise[:n])
		if err != nil {
			t.Fatal(err)
		}
		if len(template) != n+more {
			t.Errorf("%d bytes became %d, want %d more", n, len(template), more)
		}
	}
	for n := range 127 {
		template, err := c.AppendEncode(nil, noise[:n])
		if err != nil {
			t.Fatal(err)
		}
		if len(template) > n+11 {
			t.Errorf("%d bytes became %d", n, len(template))
		}
	}
	line := logLines(5, 1)[0]
	template, err := c.AppendEncode(nil, line)
	if err != nil {
		t.Fatal(err)
	}
	if len(template) > len(line)/3 {
		t.Errorf("a line of %d bytes became %d", len(line), len(template))
	}
}

// Who appends to a line writes nothing into the next one.
func TestLinesAreClipped(t *testing.T) {
	text := "one\ntwo\nthree"
	var got string
	for l := NewLines(strings.NewReader(text)); ; {
		line, err := l.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got += string(line)
		_ = append(line, "written over"...)
	}
	if got != text {
		t.Errorf("the lines are %q", got)
	}
}

func TestTooLongIsRefused(t *testing.T) {
	dst := []byte("before")
	got, err := coder(t).AppendEncode(dst, make([]byte, MaxRecord+1))
	if !errors.Is(err, ErrTooLong) || string(got) != "before" {
		t.Errorf("got %d bytes, error %v", len(got), err)
	}
}

// Whatever bit of a template is wrong: the record does not come back wrong.
func TestEveryFlippedBitIsFound(t *testing.T) {
	c := coder(t)
	raw := odd()["noise"][:60]
	for _, r := range [][]byte{logLines(4, 1)[0], raw} {
		template, err := c.AppendEncode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 8 * len(template) {
			bad := bytes.Clone(template)
			bad[i/8] ^= 1 << (i % 8)
			got, err := c.AppendDecode([]byte("before"), bad)
			if err == nil || !errors.Is(err, codec.ErrTemplate) {
				t.Fatalf("bit %d: error %v", i, err)
			}
			if string(got) != "before" {
				t.Fatalf("bit %d: after an error, %d bytes", i, len(got))
			}
		}
		for n := range template {
			if _, err := c.AppendDecode(nil, template[:n]); !errors.Is(err, codec.ErrTemplate) {
				t.Fatalf("cut to %d bytes: error %v", n, err)
			}
		}
		if _, err := c.AppendDecode(nil, append(bytes.Clone(template), 0)); !errors.Is(err, codec.ErrTemplate) {
			t.Fatalf("one byte more: error %v", err)
		}
	}
}

func TestErrorsSayWhere(t *testing.T) {
	c := coder(t)
	good, err := c.AppendEncode(nil, logLines(4, 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, b ...byte) []byte {
		bad := bytes.Clone(good)
		copy(bad[at:], b)
		return bad
	}
	for _, tc := range []struct {
		name     string
		template []byte
		want     string
	}{
		{"nothing", nil, "at byte 0: it is no template of a record"},
		{"another magic", []byte("\xd7nt\x01 something else"), "at byte 0: it is no template of a record"},
		{"a form to come", change(1, 0xa5), "at byte 1: form 0xa5 of a record is not known"},
		{"a head cut short", good[:5], "at byte 5: cut short in the head of a record"},
		{"another dictionary", change(2, 1, 2, 3, 4), "whose root begins with 01020304, not d00dfeed"},
		{"a length too long", change(headLen, 0xff, 0xff, 0x7f), "at byte 7: the length of the record is no number up to 65535"},
		{"a length in more bytes than it needs", change(headLen, 0x80, 0x00), "at byte 7: the length"},
		{"no state", good[:headLen+2+2], "at byte 9: the coded record does not begin with a state"},
		{"a record longer than its bytes", change(headLen, 0xff, 0x7f), "cut short"},
	} {
		_, err := c.AppendDecode(nil, tc.template)
		if !errors.Is(err, codec.ErrTemplate) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
		}
	}
	var other *DictionaryError
	if _, err := c.AppendDecode(nil, change(2, 1, 2, 3, 4)); !errors.As(err, &other) || other.Want != [4]byte{1, 2, 3, 4} {
		t.Errorf("of another dictionary: %v", err)
	}
}

func TestNothingIsAllocatedPerRecord(t *testing.T) {
	c := coder(t)
	records := logLines(6, 64)
	out := make([]byte, 0, 1<<12)
	var templates [][]byte
	for _, r := range records {
		template, err := c.AppendEncode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		templates = append(templates, template)
	}
	i := 0
	if n := testing.AllocsPerRun(500, func() { c.AppendEncode(out, records[i%64]); i++ }); n != 0 {
		t.Errorf("encoding a record takes %v allocations", n)
	}
	if n := testing.AllocsPerRun(500, func() { c.AppendDecode(out, templates[i%64]); i++ }); n != 0 {
		t.Errorf("decoding a record takes %v allocations", n)
	}
	var src, packed, back Batch
	for _, r := range logLines(6, 4000) {
		src.Append(r)
	}
	// What a batch takes is for its goroutines, however many records it has.
	if n := testing.AllocsPerRun(5, func() { must(t, c.EncodeBatch(&packed, &src)) }); n > 30 {
		t.Errorf("encoding 4000 records takes %v allocations", n)
	}
	if n := testing.AllocsPerRun(5, func() { must(t, c.DecodeBatch(&back, &packed)) }); n > 30 {
		t.Errorf("decoding 4000 records takes %v allocations", n)
	}
	if !bytes.Equal(back.Data, src.Data) || !slices.Equal(back.Ends, src.Ends) {
		t.Error("another batch came back")
	}
}

func must(t testing.TB, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

func TestBatchIsTheSameOnAnyNumberOfCores(t *testing.T) {
	c := coder(t)
	var src Batch
	for _, r := range logLines(8, 333) {
		src.Append(r)
	}
	src.Append(nil)
	var plain Batch
	for i := range src.Len() {
		template, err := c.AppendEncode(nil, src.At(i))
		must(t, err)
		plain.Append(template)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, cores := range []int{1, 2, 3, 7} {
		runtime.GOMAXPROCS(cores)
		var packed, back Batch
		must(t, c.EncodeBatch(&packed, &src))
		if !bytes.Equal(packed.Data, plain.Data) || !slices.Equal(packed.Ends, plain.Ends) {
			t.Errorf("on %d cores: other templates", cores)
		}
		must(t, c.DecodeBatch(&back, &packed))
		if !bytes.Equal(back.Data, src.Data) || !slices.Equal(back.Ends, src.Ends) {
			t.Errorf("on %d cores: other records", cores)
		}
	}
}

func TestBatchNamesTheFirstThatFails(t *testing.T) {
	c := coder(t)
	var src, packed, back Batch
	for _, r := range logLines(8, 100) {
		src.Append(r)
	}
	must(t, c.EncodeBatch(&packed, &src))
	packed.Data[packed.Ends[70]+6] ^= 1
	packed.Data[packed.Ends[30]+6] ^= 1
	err := c.DecodeBatch(&back, &packed)
	var which *BatchError
	if !errors.As(err, &which) || which.Index != 31 || !errors.Is(err, codec.ErrTemplate) || back.Len() != 0 {
		t.Errorf("%d records, error %v, want record 31", back.Len(), err)
	}
	var long Batch
	long.Append(make([]byte, MaxRecord+1))
	if err := c.EncodeBatch(&packed, &long); !errors.As(err, &which) || which.Index != 0 || packed.Len() != 0 {
		t.Errorf("a record too long: error %v", err)
	}
}

func TestConcurrentUse(t *testing.T) {
	c := coder(t)
	records := logLines(10, 200)
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			var template, back []byte
			for i := range records {
				r := records[(i+g*50)%len(records)]
				var err error
				if template, err = c.AppendEncode(template[:0], r); err != nil {
					t.Error(err)
					return
				}
				if back, err = c.AppendDecode(back[:0], template); err != nil || !bytes.Equal(back, r) {
					t.Errorf("another record came back; error %v", err)
					return
				}
			}
		})
	}
	wait.Wait()
}

// The double array finds what comparing each phrase finds.
func TestTrieFindsEveryPhrase(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for round := range 200 {
		letters := 1 + r.IntN(256)
		text := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = byte(r.IntN(letters))
			}
			return b
		}
		content := text(600)
		var phrases []phrase
		for range r.IntN(400) {
			l := 2 + r.IntN([]int{3, 12, maxPhrase - 1}[r.IntN(3)])
			phrases = append(phrases, phrase{uint32(r.IntN(len(content) - l + 1)), uint32(l)})
		}
		slices.SortFunc(phrases, comparePhrases)
		phrases = slices.CompactFunc(phrases, func(a, b phrase) bool { // each text once, or the numbers differ
			return bytes.Equal(content[a.pos:a.pos+a.len], content[b.pos:b.pos+b.len])
		})
		words := newTrie(content, phrases)
		record := slices.Concat(content, text(100), []byte{0, 0, 0}, content[:300])
		var ends [maxPhrase + 1]end
		for i := range record {
			got := map[string]bool{}
			last := 0
			for _, x := range ends[:words.find(content, record, i, &ends)] {
				p := phrases[words.nodes[x.node].word&^tailBit-1]
				if int(x.at)-i != int(p.len) || int(x.at) <= last {
					t.Fatalf("round %d, place %d: a phrase of %d bytes ends at %d, after one at %d", round, i, p.len, x.at, last)
				}
				last = int(x.at)
				got[string(content[p.pos:p.pos+p.len])] = true
			}
			for _, p := range phrases {
				text := content[p.pos : p.pos+p.len]
				if want := bytes.HasPrefix(record[i:], text); want != got[string(text)] {
					t.Fatalf("round %d, place %d: %x found: %v, want %v", round, i, text, !want, want)
				}
			}
		}
	}
}
