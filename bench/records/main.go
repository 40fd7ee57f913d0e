// Command records compares the templates of small records with zstd and a dictionary that zstd trains on the same samples with the same budget, on
// nine families of real records. docs/records.md says how it is run, and what it printed.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/zstd"

	"dictnet/codec"
	"dictnet/codec/records"
	"dictnet/merkle"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "records:", err)
		os.Exit(1)
	}
}

func run() error {
	npm := flag.String("npm", "../interop/helia/node_modules,../contracts/node_modules", "directories with npm packages, comma-separated")
	debian := flag.String("debian", "/usr/share/doc", "directory with Debian changelogs")
	status := flag.String("dpkg", "/var/lib/dpkg/status", "file with what dpkg knows of packages")
	npmLog := flag.String("npm-log", "", "directory with npm's log of requests (default index-v5 of npm's cache)")
	modules := flag.String("go", "", "directory of the module cache (default that of go env GOMODCACHE)")
	budget := flag.Int("budget", 110<<10, "bytes of a dictionary")
	rounds := flag.Int("rounds", 31, "how often speed is measured")
	only := flag.String("only", "", "only families whose names contain this")
	flag.Parse()
	if *modules == "" {
		var err error
		if *modules, err = answer("go", "env", "GOMODCACHE"); err != nil {
			return err
		}
	}
	if *npmLog == "" {
		cache, err := answer("npm", "config", "get", "cache")
		if err != nil {
			return err
		}
		*npmLog = filepath.Join(cache, "_cacache", "index-v5")
	}
	packagesIn := strings.Split(*npm, ",")
	var families []family
	for _, f := range []struct {
		take func([]string) (family, error)
		dirs []string
	}{{packages, packagesIn}, {locked, packagesIn}, {requests, []string{*npmLog}}, {changelogs, []string{*debian}}, {copyrights, []string{*debian}}, {sources, []string{*modules}},
		{paragraphs, []string{*status}}, {inPackages("declarations", ".d.ts"), packagesIn}, {inPackages("readme", "readme.md"), packagesIn}} {
		found, err := f.take(f.dirs)
		if err != nil {
			return err
		}
		if len(found.train) == 0 || len(found.test) == 0 {
			return fmt.Errorf("no records of family %s in %v", found.name, f.dirs)
		}
		if strings.Contains(found.name, *only) {
			families = append(families, found)
		}
	}
	dir, err := os.MkdirTemp("", "records-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var compared []*comparison
	for i, f := range families {
		c, err := compare(filepath.Join(dir, fmt.Sprint(i)), f, *budget)
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		compared = append(compared, c)
	}
	fmt.Printf("Sizes, bytes of the test records:\n\n")
	fmt.Println("| family | samples | test records | raw, mean | zstd -19 -D | without its checksum and dictionary id | ours | beside zstd | beside zstd without |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for _, c := range compared {
		fmt.Printf("| %s | %d | %d | %d, %d | %d | %d | **%d** | **%+.1f %%** | %+.1f %% |\n", c.name, len(c.train), len(c.test), c.raw, c.raw/len(c.test), c.zstd, c.bare,
			c.ours, percent(c.ours, c.zstd), percent(c.ours, c.bare))
	}
	fmt.Printf("\nRecords in two seconds of processor time (a second of two cores), %d rounds that take turns, median; best:\n\n", *rounds)
	fmt.Println("| family | raw, mean | encode | decode | zstd in Go, encode | decode |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, c := range compared {
		s, err := c.speed(*rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		fmt.Printf("| %s | %d | %s | %s | %s | %s |\n", c.name, c.raw/len(c.test), s[0], s[1], s[2], s[3])
	}
	fmt.Printf("\nBatches by the size of their records, by the clock, on %d cores: records and MB a second, allocations a record:\n\n", runtime.GOMAXPROCS(0))
	fmt.Println("| family | records of | how many, mean | encode | decode |")
	fmt.Println("|---|---|---|---|---|")
	for _, c := range compared {
		if err := c.bySize(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

func percent(a, b int) float64 { return 100 * (float64(a)/float64(b) - 1) }

// comparison is what became of one family.
type comparison struct {
	family
	raw, zstd, bare int // bytes of the test records; bare is without checksum and dictionary id
	ours            int
	dict            []byte
	coder           *records.Coder
}

// compare trains both kinds of dictionary and encodes the test records, each by itself.
func compare(dir string, f family, budget int) (*comparison, error) {
	c := &comparison{family: f}
	for side, list := range map[string][][]byte{"train": f.train, "test": f.test} {
		if err := os.MkdirAll(filepath.Join(dir, side), 0o777); err != nil {
			return nil, err
		}
		for i, r := range list {
			if err := os.WriteFile(filepath.Join(dir, side, fmt.Sprintf("%06d", i)), r, 0o666); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range f.test {
		c.raw += len(r)
	}
	dict := filepath.Join(dir, "dictionary")
	if err := tool("zstd", "-q", "--train", "-r", filepath.Join(dir, "train"), fmt.Sprint("--maxdict=", budget), "-o", dict); err != nil {
		return nil, err
	}
	var err error
	if c.dict, err = os.ReadFile(dict); err != nil {
		return nil, err
	}
	for _, way := range []struct {
		size  *int
		flags []string
	}{{&c.zstd, nil}, {&c.bare, []string{"--no-check", "--no-dictID"}}} {
		out := filepath.Join(dir, fmt.Sprint("zstd", len(way.flags)))
		if err := os.Mkdir(out, 0o777); err != nil {
			return nil, err
		}
		args := append([]string{"-q", "-19", "-D", dict, "-r", filepath.Join(dir, "test"), "--output-dir-flat", out}, way.flags...)
		if err := tool("zstd", args...); err != nil {
			return nil, err
		}
		names, err := filepath.Glob(filepath.Join(out, "*.zst"))
		if err != nil || len(names) != len(f.test) {
			return nil, fmt.Errorf("zstd made %d files of %d: %v", len(names), len(f.test), err)
		}
		for _, n := range names {
			st, err := os.Stat(n)
			if err != nil {
				return nil, err
			}
			*way.size += int(st.Size())
		}
	}
	b, err := records.NewBuilder(budget)
	if err != nil {
		return nil, err
	}
	for _, r := range f.train {
		b.Add(r)
	}
	t := &tape{}
	if err := b.Finish(t.add); err != nil {
		return nil, err
	}
	if len(t.bytes) > budget {
		return nil, fmt.Errorf("the dictionary has %d bytes", len(t.bytes))
	}
	if c.coder, err = records.Open(context.Background(), merkle.Hash{1, 2, 3, 4}, t); err != nil {
		return nil, err
	}
	for _, r := range f.test {
		template, err := c.coder.AppendEncode(nil, r)
		if err != nil {
			return nil, err
		}
		if back, err := c.coder.AppendDecode(nil, template); err != nil || string(back) != string(r) {
			return nil, fmt.Errorf("another record came back: %v", err)
		}
		c.ours += len(template)
	}
	return c, nil
}

// speed measures what is in the table, one after the other in each round.
func (c *comparison) speed(rounds int) (text [4]string, err error) {
	var src, packed, back records.Batch
	for _, r := range c.test {
		src.Append(r)
	}
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderDict(c.dict), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return text, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderDicts(c.dict), zstd.WithDecoderConcurrency(2))
	if err != nil {
		return text, err
	}
	defer dec.Close()
	var frames [][]byte
	for i := range src.Len() {
		frames = append(frames, enc.EncodeAll(src.At(i), nil))
	}
	var out []byte
	ways := [4]func() error{
		func() error { return c.coder.EncodeBatch(&packed, &src) },
		func() error { return c.coder.DecodeBatch(&back, &packed) },
		func() error {
			for i := range src.Len() {
				out = enc.EncodeAll(src.At(i), out[:0])
			}
			return nil
		},
		func() error {
			for _, f := range frames {
				if out, err = dec.DecodeAll(f, out[:0]); err != nil {
					return err
				}
			}
			return nil
		},
	}
	var speeds [4][]float64
	for range rounds {
		for i, way := range ways {
			before := processorTime()
			if err := way(); err != nil {
				return text, err
			}
			speeds[i] = append(speeds[i], 2*float64(src.Len())/(processorTime()-before))
		}
	}
	for i, s := range speeds {
		slices.Sort(s)
		text[i] = fmt.Sprintf("%.0f; %.0f", s[rounds/2], s[rounds-1])
	}
	return text, nil
}

// bySize prints what a batch of all records takes by the clock, and of those of about one size. The records are repeated, so that there are enough of them.
func (c *comparison) bySize() error {
	for _, sizes := range [][2]int{{shortest, longest + 1}, {shortest, 512}, {512, 1 << 10}, {1 << 10, 2 << 10}, {2 << 10, 4 << 10}, {4 << 10, longest + 1}} {
		from, to := sizes[0], sizes[1]
		var some [][]byte
		for _, r := range c.test {
			if len(r) >= from && len(r) < to {
				some = append(some, r)
			}
		}
		if len(some) < 20 {
			continue // too few to say anything of
		}
		var src, packed, back records.Batch
		for src.Len() < 4096 {
			for _, r := range some {
				src.Append(r)
			}
		}
		var failed error
		text := func(one func() error) string {
			r := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					failed = cmp.Or(failed, one())
				}
			})
			return fmt.Sprintf("%.0f, %.0f, %.4f", float64(r.N*src.Len())/r.T.Seconds(), float64(r.N*len(src.Data))/r.T.Seconds()/1e6, float64(r.AllocsPerOp())/float64(src.Len()))
		}
		encode := text(func() error { return c.coder.EncodeBatch(&packed, &src) })
		decode := text(func() error { return c.coder.DecodeBatch(&back, &packed) })
		if failed != nil {
			return failed
		}
		fmt.Printf("| %s | %d to %d | %d, %d | %s | %s |\n", c.name, from, to-1, len(some), len(src.Data)/src.Len(), encode, decode)
	}
	return nil
}

// processorTime is what this process has used, in seconds.
func processorTime() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// tool runs a program.
func tool(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// answer runs a program and returns what it prints, without the space around it.
func answer(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// tape is one in memory.
type tape struct{ bytes []byte }

func (t *tape) add(b codec.Block) error {
	raw, err := codec.OpenNote(b.CID, b.Data)
	t.bytes = append(t.bytes, raw...)
	return err
}

func (t *tape) Size() uint64 { return uint64(len(t.bytes)) }

// NoteAt returns all of it, as one note.
func (t *tape) NoteAt(context.Context, uint64) (uint64, []byte, error) { return 0, t.bytes, nil }
