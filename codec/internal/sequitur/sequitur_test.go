package sequitur

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dictnet/codec/internal/repair"
)

const unlimited = 1 << 30

// expand plays the symbols back.
func expand(seq []uint32, terminals uint32, rules []Rule) []uint32 {
	var out []uint32
	todo := slices.Clone(seq)
	slices.Reverse(todo)
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if s < terminals {
			out = append(out, s)
			continue
		}
		r := rules[s-terminals]
		todo = append(todo, r.Right, r.Left)
	}
	return out
}

// check compresses seq and returns how many symbols the grammar has.
func check(t *testing.T, seq []uint32, terminals uint32, limit, maxDepth int) int {
	t.Helper()
	was := slices.Clone(seq)
	out, rules := Compress(seq, terminals, limit, maxDepth)
	if !slices.Equal(seq, was) {
		t.Fatal("the input was changed")
	}
	depth := make([]int, len(rules))
	for i, r := range rules {
		for _, s := range []uint32{r.Left, r.Right} {
			if s >= terminals+uint32(i) {
				t.Fatalf("rule %d uses %d, a later one", i, s)
			}
			if s >= terminals {
				depth[i] = max(depth[i], depth[s-terminals])
			}
		}
		if depth[i]++; depth[i] > maxDepth {
			t.Fatalf("rule %d has depth %d", i, depth[i])
		}
	}
	if got := expand(out, terminals, rules); !slices.Equal(got, seq) {
		t.Fatalf("expands to %v, want %v", got, seq)
	}
	again, rulesAgain := Compress(seq, terminals, limit, maxDepth)
	if !slices.Equal(out, again) || !slices.Equal(rules, rulesAgain) {
		t.Fatal("two runs differ")
	}
	return len(out) + 2*len(rules)
}

// verify checks what holds of a grammar between two symbols: rings, counts, digram uniqueness, rule utility.
func (g *Grammar) verify() error {
	uses := make([]int32, len(g.rules))
	var live [2]int
	type place struct {
		rule int
		at   int32
	}
	pairs := map[uint64]place{}
	walk := func(r int, symbols []uint32) {
		for _, v := range symbols {
			if v >= g.terminals {
				uses[v-g.terminals]++
			}
		}
	}
	walk(0, g.final)
	listed := map[int32]bool{}
	for r := g.oldest; r != none; r = g.rules[r].newer {
		if listed[r] || r == 0 {
			return fmt.Errorf("rule %d is listed twice, or is the sequence", r)
		}
		listed[r] = true
	}
	free := map[int32]bool{}
	for r := g.freeRule; r != none; r = g.rules[r].older {
		free[r] = true
	}
	for i, r := range g.rules {
		if free[int32(i)] {
			continue
		}
		if (r.guard != none && i != 0) != listed[int32(i)] {
			return fmt.Errorf("rule %d is live or listed, not both", i)
		}
		if r.guard == none {
			walk(i, r.body)
			continue
		}
		symbols := g.symbolsOf(r.guard)
		walk(i, symbols)
		if i != 0 && len(symbols) == 0 {
			return fmt.Errorf("rule %d is empty", i)
		}
		live[min(i, 1)] += len(symbols)
		for n := g.nodes[r.guard].next; n != r.guard; n = g.nodes[n].next {
			x := g.nodes[n]
			if g.nodes[x.next].prev != n || x.in != int32(min(i, 1)) {
				return fmt.Errorf("node %d of rule %d is linked wrongly", n, i)
			}
			key, ok := g.pair(n)
			if !ok {
				continue
			}
			if p, twice := pairs[key]; twice && g.nodes[p.at].next != n { // in aaa the pairs overlap
				return fmt.Errorf("the pair %d %d stands in rule %d and in rule %d", key>>32, uint32(key), p.rule, i)
			}
			if _, twice := pairs[key]; !twice {
				pairs[key] = place{i, n}
			}
			if _, known := g.digrams[key]; !known {
				return fmt.Errorf("the pair %d %d of rule %d is not known", key>>32, uint32(key), i)
			}
		}
	}
	if len(pairs) != len(g.digrams) {
		return fmt.Errorf("%d pairs are known, and %d stand there", len(g.digrams), len(pairs))
	}
	if live != g.live {
		return fmt.Errorf("%v symbols are live, counted as %v", live, g.live)
	}
	for i := range g.rules {
		if i == 0 || free[int32(i)] {
			continue
		}
		if uses[i] != g.rules[i].uses {
			return fmt.Errorf("rule %d is used %d times, counted as %d", i, uses[i], g.rules[i].uses)
		}
		if uses[i] < 2 && g.rules[i].guard != none {
			return fmt.Errorf("rule %d is used %d times", i, uses[i])
		}
	}
	return nil
}

func letters(s string) (seq []uint32) {
	for _, c := range []byte(s) {
		seq = append(seq, uint32(c))
	}
	return seq
}

// text writes a grammar as the paper does: the sequence, then each rule, in the order in which they are first used.
func (g *Grammar) text() string {
	names := map[uint32]int{}
	var order []uint32
	say := func(symbols []uint32) string {
		var b strings.Builder
		for _, v := range symbols {
			if v < g.terminals {
				b.WriteByte(byte(v))
				continue
			}
			if names[v] == 0 {
				order = append(order, v)
				names[v] = len(order)
			}
			b.WriteByte(byte('A' + names[v] - 1))
		}
		return b.String()
	}
	parts := []string{say(g.symbolsOf(g.rules[0].guard))}
	for i := 0; i < len(order); i++ {
		parts = append(parts, say(g.symbolsOf(g.rules[order[i]-g.terminals].guard)))
	}
	return strings.Join(parts, " ")
}

// The grammars of the paper's first examples, and the edges.
func TestKnownGrammars(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"a", "a"},
		{"abcd", "abcd"},
		{"abab", "AA ab"},
		{"aaa", "aaa"},
		{"aaaa", "AA aa"},
		{"abcdbc", "aAdA bc"},
		{"abcdbcabcdbc", "AA aBdB bc"},
		{"abcabc", "AA abc"}, // ab was a rule while c was on its way
		{"abbbabcbb", "ABAcB ab bb"},
	} {
		g := New(256, unlimited)
		for i, s := range letters(c.text) {
			g.Append(s)
			if err := g.verify(); err != nil {
				t.Fatalf("%q after %d: %v", c.text, i+1, err)
			}
		}
		if got := g.text(); got != c.want {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
		check(t, letters(c.text), 256, unlimited, 64)
	}
}

// random makes sequences that repeat themselves in many ways: few symbols, copies of what was there, copies with changes.
func random(r *rand.Rand) (seq []uint32, terminals uint32) {
	terminals = 1 + r.Uint32N(5)
	for n := 1 + r.IntN(300); len(seq) < n; {
		if len(seq) > 2 && r.IntN(3) > 0 {
			at := r.IntN(len(seq))
			seq = append(seq, seq[at:at+r.IntN(len(seq)-at+1)]...)
		}
		for range r.IntN(6) {
			seq = append(seq, r.Uint32N(terminals))
		}
	}
	return seq, terminals
}

func TestPropertiesHoldAfterEverySymbol(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 300 {
		seq, terminals := random(r)
		limit := unlimited
		if round%2 == 1 {
			limit = minLimit + r.IntN(60)
		}
		g := New(terminals, limit)
		for i, s := range seq {
			g.Append(s)
			if err := g.verify(); err != nil {
				t.Fatalf("%v after %d, limit %d: %v", seq, i+1, limit, err)
			}
			if n := g.live[0] + g.live[1]; n > g.limit {
				t.Fatalf("%d symbols are live, the limit is %d", n, g.limit)
			}
		}
	}
}

func TestRandomSequences(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 800 {
		seq, terminals := random(r)
		for _, limit := range []int{0, 40, unlimited} {
			check(t, seq, terminals, limit, 64)
		}
		check(t, seq, terminals, unlimited, 1+r.IntN(4))
	}
}

// A sequence that doubles itself nests deeply; what would be too deep is played out.
func TestDepthIsBounded(t *testing.T) {
	var seq []uint32
	for range 4096 {
		seq = append(seq, 0)
	}
	deep := check(t, seq, 1, unlimited, 64)
	for d := 1; d <= 12; d++ {
		n := check(t, seq, 1, unlimited, d)
		if n < deep {
			t.Errorf("depth %d: %d symbols, and without a bound %d", d, n, deep)
		}
		if most := 4096>>d + 4*d + 8; n > most {
			t.Errorf("depth %d: %d symbols, want at most %d", d, n, most)
		}
	}
}

// Rules that nest like a chain, each one symbol longer than the last, come out balanced or not at all.
func TestChain(t *testing.T) {
	var seq []uint32
	for n := uint32(2); n < 300; n++ {
		for s := range n {
			seq = append(seq, s)
		}
		seq = append(seq, 1000+n)
	}
	for _, d := range []int{1, 2, 8, 64, 1000} {
		check(t, seq, 2000, unlimited, d)
	}
	if n := check(t, seq, 2000, unlimited, 64); n > 3000 {
		t.Errorf("a chain of 298 rules has %d symbols", n)
	}
}

// The memory of a grammar does not grow with the sequence: what repeats at a distance is found within the limit, and
// everything is kept right beyond it.
func TestMemoryIsBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	const limit = 1000
	g := New(1<<20, limit)
	var seq []uint32
	for range 50_000 {
		s := r.Uint32N(1 << 12)
		if len(seq) > 200 && r.IntN(4) > 0 {
			s = seq[len(seq)-200]
		}
		seq = append(seq, s)
		g.Append(s)
	}
	if err := g.verify(); err != nil {
		t.Fatal(err)
	}
	if n := len(g.nodes); n > 3*limit {
		t.Errorf("%d nodes for %d live symbols", n, limit)
	}
	if n := len(g.digrams); n > limit {
		t.Errorf("%d pairs for %d live symbols", n, limit)
	}
	out, rules := g.Finish(64)
	if !slices.Equal(expand(out, 1<<20, rules), seq) {
		t.Error("expands to something else")
	}
	if n := len(out) + 2*len(rules); n > len(seq) {
		t.Errorf("%d symbols became %d", len(seq), n)
	}
}

// versions is a sequence as the encoder has it: a run of symbols that comes again and again with a few changes.
func versions(n, length int) (seq []uint32, terminals uint32) {
	r := rand.New(rand.NewPCG(7, 8))
	cur := make([]uint32, length)
	next := uint32(0)
	for i := range cur {
		cur[i], next = next, next+1
	}
	for range n {
		for range 3 {
			cur[r.IntN(length)] = next
			next++
		}
		seq = append(seq, cur...)
	}
	return seq, next
}

// Sequitur is as good as Re-Pair where versions follow each other, give or take.
func TestVersions(t *testing.T) {
	seq, terminals := versions(200, 500)
	got := check(t, seq, terminals, unlimited, 64)
	out, rules := repair.Compress(seq, terminals, 2, 64)
	want := len(out) + 2*len(rules)
	ours, ourRules := Compress(seq, terminals, unlimited, 64)
	if !slices.Equal(expand(out, terminals, rules), expand(ours, terminals, ourRules)) {
		t.Error("Sequitur and Re-Pair stand for different sequences")
	}
	if got > want*3/2 {
		t.Errorf("%d symbols, Re-Pair %d", got, want)
	}
	if bounded := check(t, seq, terminals, 4000, 64); bounded > 3*got {
		t.Errorf("%d symbols with 4,000 live, %d without a limit", bounded, got)
	}
}

func TestSymbolThatIsNoTerminal(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a symbol out of range was taken")
		}
	}()
	New(5, unlimited).Append(5)
}

func FuzzCompress(f *testing.F) {
	for _, s := range []string{"", "abab", "aaaaaaa", "abbbabcbb", "abcdbcabcdbc"} {
		f.Add([]byte(s), uint16(20), uint8(64))
	}
	f.Fuzz(func(t *testing.T, b []byte, limit uint16, maxDepth uint8) {
		if len(b) > 5000 {
			return
		}
		seq := letters(string(b))
		check(t, seq, 256, int(limit), 1+int(maxDepth))
		g := New(256, int(limit))
		for i, s := range seq {
			g.Append(s)
			if i%37 == 0 || i == len(seq)-1 {
				if err := g.verify(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkGrammars compares Sequitur and Re-Pair on versions; symbols/op is the grammar's size.
func BenchmarkGrammars(b *testing.B) {
	seq, terminals := versions(1000, 1000)
	for _, c := range []struct {
		name     string
		compress func() ([]uint32, []Rule)
	}{
		{"repair", func() ([]uint32, []Rule) { return repair.Compress(seq, terminals, 2, 64) }},
		{"sequitur", func() ([]uint32, []Rule) { return Compress(seq, terminals, unlimited, 64) }},
		{"sequitur-64k", func() ([]uint32, []Rule) { return Compress(seq, terminals, 1<<16, 64) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(4 * len(seq)))
			b.ReportAllocs()
			for b.Loop() {
				out, rules := c.compress()
				b.ReportMetric(float64(len(out)+2*len(rules)), "symbols/op")
			}
		})
	}
}
