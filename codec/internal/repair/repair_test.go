package repair

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// expand plays the symbols back.
func expand(seq []uint32, terminals uint32, rules []Rule) []uint32 {
	var out []uint32
	for _, s := range seq {
		if s < terminals {
			out = append(out, s)
			continue
		}
		r := rules[s-terminals]
		out = append(out, expand([]uint32{r.Left, r.Right}, terminals, rules)...)
	}
	return out
}

func depth(s, terminals uint32, rules []Rule) int {
	if s < terminals {
		return 0
	}
	r := rules[s-terminals]
	return 1 + max(depth(r.Left, terminals, rules), depth(r.Right, terminals, rules))
}

// check compresses seq and returns how many symbols the grammar has.
func check(t *testing.T, seq []uint32, terminals uint32, minFreq, maxDepth int) int {
	t.Helper()
	was := slices.Clone(seq)
	out, rules := Compress(seq, terminals, minFreq, maxDepth)
	if !slices.Equal(seq, was) {
		t.Fatal("the input was changed")
	}
	if got := expand(out, terminals, rules); !slices.Equal(got, seq) {
		t.Fatalf("expands to %v, want %v", got, seq)
	}
	for i, r := range rules {
		if self := terminals + uint32(i); r.Left >= self || r.Right >= self {
			t.Fatalf("rule %d uses a later one", i)
		}
		if d := depth(terminals+uint32(i), terminals, rules); d > maxDepth {
			t.Fatalf("rule %d has depth %d", i, d)
		}
	}
	again, rulesAgain := Compress(seq, terminals, minFreq, maxDepth)
	if !slices.Equal(out, again) || !slices.Equal(rules, rulesAgain) {
		t.Fatal("two runs differ")
	}
	return len(out) + 2*len(rules)
}

func letters(s string) (seq []uint32) {
	for _, c := range []byte(s) {
		seq = append(seq, uint32(c))
	}
	return seq
}

func TestKnownGrammars(t *testing.T) {
	for _, c := range []struct {
		text    string
		minFreq int
		out     string
		rules   string
	}{
		{"", 2, "[]", "[]"},
		{"a", 2, "[97]", "[]"},
		{"abcd", 2, "[97 98 99 100]", "[]"},
		{"abab", 2, "[256 256]", "[{97 98}]"},
		{"abab", 3, "[97 98 97 98]", "[]"},
		{"aaa", 2, "[97 97 97]", "[]"}, // aa stands there once, not twice
		{"aaaa", 2, "[256 256]", "[{97 97}]"},
		{"aaaaaaaa", 2, "[257 257]", "[{97 97} {256 256}]"},
		{"abcabcabc", 2, "[257 257 257]", "[{97 98} {256 99}]"},
		{"xabyabzab", 2, "[120 256 121 256 122 256]", "[{97 98}]"},
	} {
		out, rules := Compress(letters(c.text), 256, c.minFreq, 64)
		if fmt.Sprint(out) != c.out || fmt.Sprint(rules) != c.rules {
			t.Errorf("%q: %v %v, want %s %s", c.text, out, rules, c.out, c.rules)
		}
	}
}

func TestRandomSequences(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		alphabet := 1 + r.Uint32N(6)
		seq := make([]uint32, r.IntN(200))
		for i := range seq {
			seq[i] = r.Uint32N(alphabet)
		}
		check(t, seq, alphabet, 2+r.IntN(3), 1+r.IntN(12))
	}
}

func TestRepeatsCollapse(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	phrase := make([]uint32, 1000)
	for i := range phrase {
		phrase[i] = r.Uint32()>>1 | 1 // hardly ever twice the same
	}
	var seq []uint32
	for range 64 {
		seq = append(seq, phrase...)
	}
	if n := check(t, seq, 1<<31, 2, 64); n > 2200 {
		t.Errorf("64 repeats of 1,000 symbols take %d symbols", n)
	}
	if n := check(t, make([]uint32, 1<<16), 1, 2, 64); n > 40 {
		t.Errorf("one symbol 65,536 times takes %d symbols", n)
	}
}

// The depth bound holds where the natural grammar would be a chain.
func TestDepthBound(t *testing.T) {
	var seq []uint32
	for n := 2; n < 60; n++ {
		for i := range n {
			seq = append(seq, uint32(i))
		}
	}
	check(t, seq, 60, 2, 3)
}

func FuzzCompress(f *testing.F) {
	f.Add([]byte("abracadabra abracadabra"), uint8(2), uint8(5))
	f.Add([]byte("aaaaaaaaaaaaaaaaa"), uint8(3), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, minFreq, maxDepth uint8) {
		check(t, letters(string(b)), 256, int(minFreq), int(maxDepth))
	})
}

func BenchmarkCompress(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	seq := make([]uint32, 1<<17)
	for i := range seq {
		seq[i] = uint32(r.ExpFloat64() * 1000)
	}
	start := time.Now()
	for b.Loop() {
		Compress(seq, 1<<20, 2, 64)
	}
	b.ReportMetric(float64(len(seq)*b.N)/time.Since(start).Seconds(), "symbols/s")
}
