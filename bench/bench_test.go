package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test binary measures other programs as the real one does.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == launchVerb {
		os.Exit(launch(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func TestEveryInputIsPinnedAndUsedAsNamed(t *testing.T) {
	inputs, names, err := parseInputs(inputsText)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if inputs[n].sum == "-" {
			t.Errorf("%s has no hash", n)
		}
	}
	seen := map[string]bool{}
	for _, c := range cases {
		if seen[c.id] {
			t.Errorf("two cases are named %s", c.id)
		}
		seen[c.id] = true
		for _, n := range []string{c.old, c.new} {
			if _, ok := inputs[n]; n != "" && !ok {
				t.Errorf("%s needs %s, which is no input", c.id, n)
			}
		}
	}
}

func TestInputsThatAreNoTable(t *testing.T) {
	sum := strings.Repeat("0", 64)
	for _, text := range []string{
		"a " + sum,                                 // no recipe
		"a " + sum + " npm",                        // no argument
		"a " + sum[1:] + " npm x@1",                // short hash
		"a " + sum + " curl x",                     // no such recipe
		"a - npm x@1\na - npm x@2",                 // twice
		"a " + strings.ToUpper("ABC") + " npm x@1", // not hex of 32 bytes
	} {
		if _, _, err := parseInputs(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestCacheRefusesOtherBytes(t *testing.T) {
	dir := t.TempDir()
	c := &cache{dir: dir, sums: map[string]string{}, say: t.Logf, inputs: map[string]input{
		"x": {"x", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", []string{"concat"}}, // of "x"
	}}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := c.path("x"); err != nil {
		t.Fatal(err)
	}
	clear(c.sums)
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("y"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := c.path("x"); err == nil || !strings.Contains(err.Error(), "pins") {
		t.Errorf("bytes with another hash: %v", err)
	}
}

// Applying all changes to one text gives the other, and the versions between go from one to the other step by step.
func TestBetween(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	text := func() []byte {
		var b []byte
		for range r.IntN(30) {
			b = fmt.Appendf(b, "%d\n", r.IntN(6))
		}
		if r.IntN(2) == 0 {
			b = append(b, "no newline at the end"...)
		}
		return b
	}
	for range 2000 {
		a, b := text(), text()
		n := 1 + r.IntN(5)
		versions := between(a, b, n)
		if len(versions) != n || !bytes.Equal(versions[n-1], b) {
			t.Fatalf("from %q to %q in %d: %q", a, b, n, versions)
		}
	}
	lines := func(s string) [][]byte { return bytes.SplitAfter([]byte(s), []byte("\n")) }
	got := diffLines(lines("a\nb\nc\nd\n"), lines("a\nX\nc\nd\ne\n"))
	if want := []hunk{{1, 2, 1, 2}, {4, 4, 4, 5}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := between([]byte("1\n2\n3\n"), []byte("one\n2\nthree\n"), 2); string(got[0]) != "one\n2\n3\n" {
		t.Errorf("half-way is %q", got[0])
	}
}

// What a program cost is what itself cost, not the process that started it.
func TestRunMeasuresTheProgram(t *testing.T) {
	ballast := make([]byte, 256<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	out := filepath.Join(t.TempDir(), "out")
	u, err := run(command{argv: []string{"cat"}, feed: func(w io.Writer) error {
		_, err := w.Write([]byte("fed"))
		return err
	}, out: out})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(out); string(b) != "fed" {
		t.Errorf("cat wrote %q", b)
	}
	if u.RSS <= 0 || u.RSS > 128<<20 {
		t.Errorf("cat is said to have used %d MiB", u.RSS>>20)
	}
	if u.Wall <= 0 {
		t.Errorf("cat took %v s", u.Wall)
	}
	if ballast[len(ballast)/2] != 1 {
		t.Error("lost the ballast")
	}
	if _, err := run(cmd("sh", "-c", "echo no such thing >&2; exit 3")); err == nil || !strings.Contains(err.Error(), "no such thing") || !strings.Contains(err.Error(), "3") {
		t.Errorf("a failing program: %v", err)
	}
	if _, err := run(cmd("/no/such/program")); err == nil {
		t.Error("a program that is not there ran")
	}
}

// copier is a tool for tests: it "packs" by copying, and breaks a byte if told to.
func copier(broken bool) tool {
	return tool{
		name: "copier", kinds: []kind{plain},
		encode: func(w *work) []command { return []command{cmd("cp", w.new, w.packed)} },
		decode: func(w *work) []command {
			if broken {
				return []command{cmd("sh", "-c", `printf X > "$0"; tail -c +2 "$1" >> "$0"`, w.back, w.packed)}
			}
			return []command{cmd("cp", w.packed, w.back)}
		},
	}
}

func testRunner(t *testing.T) (*runner, testCase) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, bytes.Repeat([]byte("some text\n"), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	sum, err := fileSum(in)
	if err != nil {
		t.Fatal(err)
	}
	c := &cache{dir: dir, sums: map[string]string{}, say: t.Logf, inputs: map[string]input{"in": {"in", sum, []string{"concat"}}}}
	return &runner{cache: c, results: results{filepath.Join(dir, "out")}, scratch: dir, repeats: 2, say: t.Logf}, testCase{id: "case", kind: plain, new: "in"}
}

func TestRunCaseGoesOnWhereItStopped(t *testing.T) {
	r, c := testRunner(t)
	if err := r.runCase(c, []tool{copier(false)}); err != nil {
		t.Fatal(err)
	}
	m, err := r.results.load("case", "copier")
	if err != nil || m == nil || len(m.Trials) != 2 || m.Sizes.Warm != 10000 || m.Bytes != 10000 {
		t.Fatalf("%+v, %v", m, err)
	}
	first := m.Trials[0].At
	r.repeats = 3
	if err := r.runCase(c, []tool{copier(false)}); err != nil {
		t.Fatal(err)
	}
	if m, _ = r.results.load("case", "copier"); len(m.Trials) != 3 || !m.Trials[0].At.Equal(first) {
		t.Errorf("continued to %+v", m)
	}
	r.redo = true
	r.repeats = 1
	if err := r.runCase(c, []tool{copier(false)}); err != nil {
		t.Fatal(err)
	}
	if m, _ = r.results.load("case", "copier"); len(m.Trials) != 1 {
		t.Errorf("redone to %+v", m)
	}
}

func TestRunGiven(t *testing.T) {
	r, _ := testRunner(t)
	dir := t.TempDir()
	for _, name := range []string{"old", "new"} {
		if err := os.WriteFile(filepath.Join(dir, name), bytes.Repeat([]byte(name), 1000), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	broken := copier(true)
	broken.name = "breaker"
	list := []tool{copier(false), broken}
	for i := range list {
		list[i].kinds = []kind{update}
	}
	var out strings.Builder
	if err := runGiven(r, &out, filepath.Join(dir, "old"), filepath.Join(dir, "new"), list); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "3000") || !strings.Contains(got, "copier") || !strings.Contains(got, "breaker: decoded bytes differ") {
		t.Errorf("printed\n%s", got)
	}
	if err := runGiven(r, &out, filepath.Join(dir, "old"), "", list); err == nil {
		t.Error("measured without a new file")
	}
	if err := runGiven(r, &out, filepath.Join(dir, "none"), filepath.Join(dir, "new"), list); err == nil {
		t.Error("measured from a file that is not there")
	}
}

func TestRunCaseNoticesWrongBytes(t *testing.T) {
	r, c := testRunner(t)
	if err := r.runCase(c, []tool{copier(true)}); err != nil {
		t.Fatal(err)
	}
	m, err := r.results.load("case", "copier")
	if err != nil || m == nil || !strings.Contains(m.Failure, "differ") {
		t.Fatalf("%+v, %v", m, err)
	}
	if got := tabulate([]*measurement{m}); got["case"]["copier"] != nil {
		t.Error("a failure counts as a result")
	}
}

// Every peer that is on PATH understands what it is told, and gives back what it was given.
func TestPeers(t *testing.T) {
	r, _ := testRunner(t)
	r.repeats = 2 // the second time, what the first one left must not be in the way
	rnd := rand.New(rand.NewPCG(9, 9))
	old := make([]byte, 60_000)
	for i := range old {
		old[i] = byte(rnd.IntN(64))
	}
	fresh := append([]byte("something new"), old...)
	fresh[30_000]++
	for name, b := range map[string][]byte{"old": old, "new": fresh} {
		if err := os.WriteFile(filepath.Join(r.cache.dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
		r.cache.inputs[name] = input{name, "-", []string{"concat"}}
	}
	for _, k := range []kind{update, held, plain, series, large} {
		c := testCase{id: string(k), kind: k, new: "new"}
		if k != plain && k != series {
			c.old = "old"
		}
		for _, tl := range tools() {
			if tl.dictnet || missingProgram(tl) != "" || !slices.Contains(tl.kinds, k) {
				continue
			}
			if err := r.runCase(c, []tool{tl}); err != nil {
				t.Fatal(err)
			}
			m, err := r.results.load(c.id, tl.name)
			if err != nil {
				t.Fatal(err)
			}
			if m.Failure != "" || m.Remark != "" || len(m.Trials) != 2 || m.Sizes.Warm <= 0 || m.Version == "" {
				t.Errorf("%s, %s: %+v", k, tl.name, m)
			}
			if slices.Contains(deltaPeers, tl.name) && m.Sizes.Warm > 2000 {
				t.Errorf("%s sends %d bytes for a file that differs in few", tl.name, m.Sizes.Warm)
			}
		}
	}
}

func TestChunkStoresCountWhatIsNew(t *testing.T) {
	old, new := t.TempDir(), filepath.Join(t.TempDir(), "new")
	write := func(name, s string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(old, "ab", "1"), "12345")
	if err := linkTree(old, new); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(new, "cd", "2"), "123")
	if n, err := treeSize(new, old); n != 3 || err != nil {
		t.Errorf("%d bytes are new, %v", n, err)
	}
	if n, err := treeSize(new, ""); n != 8 || err != nil {
		t.Errorf("%d bytes in all, %v", n, err)
	}
}

// fake is a measurement as a tool would leave it.
func fake(c testCase, tool string, size int64, encode, decode float64) *measurement {
	return &measurement{Case: c.id, Tool: tool, Version: "1", Bytes: 1e9, Sizes: sizes{Warm: size}, Share: 1,
		Trials: []trial{{usage{encode, encode, 100 << 20}, usage{decode, decode, 50 << 20}, time.Unix(0, 0)}}}
}

func TestVerdicts(t *testing.T) {
	c := ofKind(update)[0]
	measure := func(max int64) map[string]verdict {
		var ms []*measurement
		for i, p := range deltaPeers {
			ms = append(ms, fake(c, p, int64(1000+i), 60, 2))
		}
		ms = append(ms, fake(c, "desync", 3000, 1.5, 2), fake(c, "dictnet max", max, 20, 1), fake(c, "dictnet default", 1000, 10, 1), fake(c, "dictnet fast", 1600, 1, 1))
		got := map[string]verdict{}
		for _, v := range tabulate(ms).verdicts() {
			got[v.measure] = v
		}
		return got
	}
	for _, x := range []struct {
		max           int64
		measure, word string
	}{
		{800, "max: size by the smallest delta", "pass"},
		{801, "max: size by the smallest delta", "**FAIL** on 1 of 1"},
		{700, "max: the same, geometric mean", "pass"},
		{701, "max: the same, geometric mean", "**FAIL** on 1 of 1"},
		{700, "default: size by the smallest delta", "pass"},
		{700, "default: encode speed by that of zstd -19 --patch-from", "pass"},
		{700, "fast: size by desync's", "**FAIL** on 1 of 1"},
		{700, "fast: encode speed by that of desync", "pass"},
		{700, "default: decode where 95 % is dictionary, GB/s", "pass"},
		{700, "max: ordinary files, size by xz -9e", "not measured"},
	} {
		if got := measure(x.max)[x.measure]; got.word() != x.word {
			t.Errorf("max %d: %s: %s (%s), want %s", x.max, x.measure, got.word(), got.reached, x.word)
		}
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	r := results{filepath.Join(dir, "out")}
	if err := writeReport(dir, r); err == nil {
		t.Error("a report of nothing was written")
	}
	for i, c := range cases {
		for j, tl := range tools() {
			if slices.Contains(tl.kinds, c.kind) {
				m := fake(c, tl.name, int64(1000+100*i+10*j), 1+float64(j), 1)
				if tl.dictnet && c.kind == large {
					m.Reads = &reads{100, 4096, 0.01, 0.0001, 0.001}
				}
				if err := r.save(m); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := r.save(&measurement{Case: cases[0].id, Tool: "bsdiff", Failure: "/some/dir/it\nbroke"}); err != nil {
		t.Fatal(err)
	}
	if err := writeReport(dir, r); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "RESULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## Targets", "- bsdiff on " + cases[0].id + ": it broke", "median 0.100 ms", "geometric mean", "typescript-minor (text) | 1,000,000,000 |"} {
		if !bytes.Contains(b, []byte(want)) {
			t.Errorf("RESULTS.md does not say %q", want)
		}
	}
	if bytes.Contains(b, []byte("NaN")) || bytes.Contains(b, []byte("%!")) {
		t.Errorf("RESULTS.md says NaN or has a wrong format:\n%s", b)
	}
	for _, p := range []string{"size", "decode", "memory", "ratio-speed"} {
		svg, err := os.ReadFile(filepath.Join(dir, "plots", p+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) || !bytes.HasSuffix(svg, []byte("</svg>\n")) {
			t.Errorf("%s.svg is no drawing", p)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, x := range []struct {
		v    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}} {
		if got := median(x.v); got != x.want {
			t.Errorf("median of %v is %v", x.v, got)
		}
	}
}
