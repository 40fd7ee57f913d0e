package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// writeReport writes RESULTS.md and the plots from all measurements that there are.
func writeReport(dir string, r results) error {
	list := tools()
	ms, err := r.all(cases, list)
	if err != nil {
		return err
	}
	if len(ms) == 0 {
		return fmt.Errorf("%s holds no measurements", r.dir)
	}
	d := document{table: tabulate(ms), all: ms}
	for _, t := range list {
		if slices.ContainsFunc(ms, func(m *measurement) bool { return m.Tool == t.name }) {
			d.tools = append(d.tools, t)
		}
	}
	if err := d.plots(filepath.Join(dir, "plots")); err != nil {
		return err
	}
	d.write()
	return os.WriteFile(filepath.Join(dir, "RESULTS.md"), d.Bytes(), 0o666)
}

// document is RESULTS.md while it is written.
type document struct {
	bytes.Buffer
	table table
	all   []*measurement
	tools []tool
}

func (d *document) linef(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *document) row(cells ...string) { d.linef("| %s |", strings.Join(cells, " | ")) }

// head writes the first two lines of a table; all columns but the first hold numbers.
func (d *document) head(cells ...string) {
	d.row(cells...)
	d.linef("|---%s|", strings.Repeat("|--:", len(cells)-1))
}

func (d *document) write() {
	d.linef("# Results\n")
	d.linef("Written by `make bench`; do not edit. Every result was decoded and compared with the input. Sizes are exact. Times are")
	d.linef("medians of wall-clock time of whole processes, start included, the tools in turn; memory is the largest resident set that the kernel saw")
	d.linef("(`wait4`; anything below about 11 MB reads as 11). Inputs: [inputs.txt](inputs.txt), by exact version and sha256.")
	d.linef("Releases that this list does not name: [SURVEY.md](SURVEY.md). What needs a dictionary is given it as it is after use: the first of the runs leaves")
	d.linef("unpacked copies of the notes that it needs ([operating.md](../docs/operating.md)), on the disk as the old file is for the delta tools, and the others read those.\n")
	d.machine()
	d.targets()
	d.linef("![size by pair](plots/size.svg)\n")
	d.updates()
	d.columns()
	d.times()
	d.linef("![ratio against encode speed](plots/ratio-speed.svg)\n")
	d.linef("![decode speed](plots/decode.svg)\n")
	d.linef("![memory](plots/memory.svg)\n")
	d.plain()
	d.special()
	d.failures()
}

// machine says on what and with what was measured.
func (d *document) machine() {
	d.linef("## Machine and programs\n")
	d.linef("%s, %d cores, %s of memory, Linux %s, %s.", cpuModel(), runtime.NumCPU(), memorySize(), kernel(), runtime.Version())
	first, last := time.Time{}, time.Time{}
	fewest, most := 0, 0
	for _, m := range d.all {
		for _, t := range m.Trials {
			if first.IsZero() || t.At.Before(first) {
				first = t.At
			}
			if t.At.After(last) {
				last = t.At
			}
		}
		if n := len(m.Trials); n > 0 {
			if fewest == 0 || n < fewest {
				fewest = n
			}
			most = max(most, n)
		}
	}
	d.linef("Measured from %s to %s UTC, each %s times.\n", first.Format("2006-01-02 15:04"), last.Format("2006-01-02 15:04"), span(fewest, most))
	d.row("tool", "version", "encode command")
	d.linef("|---|---|---|")
	for _, t := range d.tools {
		version := map[string]bool{}
		for _, m := range d.all {
			if m.Tool == t.name {
				version[m.Version] = true
			}
		}
		w := &work{old: "OLD", new: "NEW", packed: "OUT", back: "BACK", dictnet: "dictnet", dir: "."}
		var lines []string
		for _, c := range t.encode(w) {
			lines = append(lines, "`"+c.String()+"`")
		}
		d.row(t.name, strings.Join(sortedKeys(version), ", "), strings.Join(lines, "; "))
	}
	d.linef("")
}

func (d *document) targets() {
	d.linef("## Targets\n")
	d.row("measure", "goal", "reached", "verdict")
	d.linef("|---|---|---|---|")
	vs := d.table.verdicts()
	for _, v := range vs {
		d.row(v.measure, v.goal, v.reached, v.word())
	}
	d.linef("")
	missed := false
	for _, v := range vs {
		if len(v.missed) > 0 {
			if !missed {
				d.linef("Missed:\n")
				missed = true
			}
			d.linef("- %s (goal %s): %s", v.measure, v.goal, strings.Join(v.missed, ", "))
		}
	}
	if missed {
		d.linef("")
	}
}

// updates is the table of sizes of the next release.
func (d *document) updates() {
	d.linef("## The next release, in bytes\n")
	d.linef("What is sent to one who holds the release before (its notes, its chunks). In brackets: by the smallest of the four delta tools.\n")
	tools := d.toolsOf(update)
	head := []string{"case", "bytes"}
	for _, t := range tools {
		head = append(head, t.name)
	}
	d.head(head...)
	ratios := map[string][]float64{}
	for _, c := range ofKind(update) {
		ms := d.table[c.id]
		if len(ms) == 0 {
			continue
		}
		best := d.table.best(c.id, deltaPeers...)
		row := []string{fmt.Sprintf("%s (%s)", c.id, c.class), number(anyOf(ms).Bytes)}
		for _, t := range tools {
			m := ms[t.name]
			if m == nil {
				row = append(row, "")
				continue
			}
			cell := number(m.Sizes.Warm)
			if m == best {
				cell = "**" + cell + "**"
			}
			if best != nil {
				x := float64(m.Sizes.Warm) / float64(best.Sizes.Warm)
				ratios[t.name] = append(ratios[t.name], x)
				cell += fmt.Sprintf(" (%.2f)", x)
			}
			row = append(row, cell)
		}
		d.row(row...)
	}
	row := []string{"geometric mean of the ratios", ""}
	for _, t := range tools {
		cell := ""
		if v := ratios[t.name]; len(v) > 0 {
			cell = fmt.Sprintf("%.3f", geometricMean(v))
		}
		row = append(row, cell)
	}
	d.row(row...)
	d.linef("")
}

// columns is the table of warm, cold and self-contained sizes.
func (d *document) columns() {
	d.linef("## Warm, cold, self-contained\n")
	d.linef("Warm: the other side holds the release before. Cold: it holds nothing, and gets what is needed of that as well: the notes that the template touches,")
	d.linef("the chunks, or the whole old file by zstd -19. Self-contained: the release before is not used.\n")
	d.head("case", "dictnet max warm", "cold", "dictnet default warm", "cold", "self-contained", "desync warm", "cold", "zstd -19 warm", "cold", "self-contained")
	for _, c := range ofKind(update) {
		ms := d.table[c.id]
		if len(ms) == 0 {
			continue
		}
		row := []string{c.id}
		for _, name := range []string{"dictnet max", "dictnet default", "desync", deltaPeers[0]} {
			var s sizes
			if m := ms[name]; m != nil {
				s = m.Sizes
			}
			row = append(row, number(s.Warm), number(s.Cold))
			if name != "desync" && name != "dictnet max" {
				row = append(row, number(s.SelfContained))
			}
		}
		d.row(row...)
	}
	d.linef("")
}

// times is the tables of time and memory of the next release.
func (d *document) times() {
	tools := d.toolsOf(update)
	for _, part := range []struct {
		title string
		cell  func(m *measurement) string
	}{
		{"Encode, seconds of wall clock (of CPU)", func(m *measurement) string { return fmt.Sprintf("%.2f (%.2f)", m.encodeWall(), m.encodeCPU()) }},
		{"Decode, seconds of wall clock (of CPU)", func(m *measurement) string { return fmt.Sprintf("%.2f (%.2f)", m.decodeWall(), m.decodeCPU()) }},
		{"Memory of encoding and decoding, MiB", func(m *measurement) string {
			return fmt.Sprintf("%.0f / %.0f", m.encodeRSS()/(1<<20), m.decodeRSS()/(1<<20))
		}},
		{"Once for all files: dictionary and index, or store, seconds (MiB)", func(m *measurement) string {
			if m.Prepare.Wall == 0 {
				return ""
			}
			return fmt.Sprintf("%.2f (%d)", m.Prepare.Wall, m.Prepare.RSS>>20)
		}},
	} {
		d.linef("### %s\n", part.title)
		head := []string{"case"}
		for _, t := range tools {
			head = append(head, t.name)
		}
		d.head(head...)
		for _, c := range ofKind(update) {
			ms := d.table[c.id]
			if len(ms) == 0 {
				continue
			}
			row := []string{c.id}
			for _, t := range tools {
				cell := ""
				if m := ms[t.name]; m != nil {
					cell = part.cell(m)
				}
				row = append(row, cell)
			}
			d.row(row...)
		}
		d.linef("")
	}
}

// plain is the tables of files without a dictionary.
func (d *document) plain() {
	for _, part := range []struct {
		kind
		title string
	}{{plain, "Ordinary files, no dictionary"}, {series, "Many versions in one file, no dictionary"}} {
		tools := d.toolsOf(part.kind)
		if len(tools) == 0 {
			continue
		}
		d.linef("## %s\n\nBytes; in brackets seconds to encode / decode.\n", part.title)
		head := []string{"case", "bytes"}
		for _, t := range tools {
			head = append(head, t.name)
		}
		d.head(head...)
		total := map[string]int64{}
		for _, c := range ofKind(part.kind) {
			ms := d.table[c.id]
			if len(ms) == 0 {
				continue
			}
			row := []string{fmt.Sprintf("%s (%s)", c.id, c.class), number(anyOf(ms).Bytes)}
			for _, t := range tools {
				m := ms[t.name]
				if m == nil {
					row = append(row, "")
					continue
				}
				total[t.name] += m.Sizes.Warm
				row = append(row, fmt.Sprintf("%s (%.1f / %.2f)", number(m.Sizes.Warm), m.encodeWall(), m.decodeWall()))
			}
			d.row(row...)
		}
		if len(ofKind(part.kind)) > 1 {
			row := []string{"total", ""}
			for _, t := range tools {
				row = append(row, number(total[t.name]))
			}
			d.row(row...)
		}
		d.linef("")
	}
}

// special is what is measured once: a file that the dictionary holds, a gigabyte, a dictionary of 10 GB.
func (d *document) special() {
	for _, part := range []struct {
		kind
		title, about string
	}{
		{held, "A file that the dictionary holds whole", ""},
		{large, "A gigabyte", "The old releases are the dictionary; the file is all of them, and the new ones but for two."},
		{scale, "A dictionary of 10 GB", "The old releases, and random bytes up to 10 GB, built from a stream; the file is that of the gigabyte above."},
	} {
		tools := d.toolsOf(part.kind)
		if len(tools) == 0 {
			continue
		}
		d.linef("## %s\n", part.title)
		if part.about != "" {
			d.linef("%s\n", part.about)
		}
		d.head("tool", "bytes", "encode s", "GB/s", "MiB", "decode s", "GB/s", "MiB", "once: s", "MiB")
		for _, c := range ofKind(part.kind) {
			for _, t := range tools {
				m := d.table[c.id][t.name]
				if m == nil {
					continue
				}
				e, x := m.encodeWall(), m.decodeWall()
				d.row(t.name, number(m.Sizes.Warm), fmt.Sprintf("%.2f", e), fmt.Sprintf("%.2f", float64(m.Bytes)/e/1e9), fmt.Sprintf("%.0f", m.encodeRSS()/(1<<20)),
					fmt.Sprintf("%.2f", x), fmt.Sprintf("%.2f", float64(m.Bytes)/x/1e9), fmt.Sprintf("%.0f", m.decodeRSS()/(1<<20)),
					fmt.Sprintf("%.2f", m.Prepare.Wall), fmt.Sprint(m.Prepare.RSS>>20))
			}
			d.linef("")
			for _, t := range tools {
				if m := d.table[c.id][t.name]; m != nil && m.Reads != nil {
					d.linef("%s, %d reads of %d bytes at random places, one after another: median %.3f ms, 99th percentile %.3f ms, the first %.3f ms.\n",
						t.name, m.Reads.Count, m.Reads.Bytes, m.Reads.Median*1e3, m.Reads.P99*1e3, m.Reads.First*1e3)
				}
			}
		}
	}
}

func (d *document) failures() {
	var lines []string
	for _, m := range d.all {
		if m.Failure != "" {
			lines = append(lines, fmt.Sprintf("- %s on %s: %s", m.Tool, m.Case, withoutDirs(m.Failure)))
		} else if m.Remark != "" {
			lines = append(lines, fmt.Sprintf("- %s on %s, in part: %s", m.Tool, m.Case, withoutDirs(m.Remark)))
		}
	}
	if len(lines) > 0 {
		d.linef("## What failed\n\n%s\n", strings.Join(lines, "\n"))
	}
}

var dirs = regexp.MustCompile(`/\S*/`)

// withoutDirs is an error on one line, without the directories of this machine.
func withoutDirs(s string) string {
	return dirs.ReplaceAllString(strings.Join(strings.Fields(s), " "), "")
}

// toolsOf returns the tools that have a result for a case of a kind.
func (d *document) toolsOf(k kind) []tool {
	return slices.DeleteFunc(slices.Clone(d.tools), func(t tool) bool {
		return !slices.ContainsFunc(ofKind(k), func(c testCase) bool { return d.table[c.id][t.name] != nil })
	})
}

func anyOf(ms map[string]*measurement) *measurement { return ms[sortedKeys(ms)[0]] }

// number writes n with commas; "" for 0, which stands for what was not measured.
func number(n int64) string {
	if n == 0 {
		return ""
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func span(a, b int) string {
	if a == b {
		return fmt.Sprint(a)
	}
	return fmt.Sprintf("%d to %d", a, b)
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for _, line := range strings.Split(string(b), "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}

func memorySize() string {
	b, _ := os.ReadFile("/proc/meminfo")
	var kib int64
	if _, err := fmt.Sscanf(string(b), "MemTotal: %d kB", &kib); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
}

func kernel() string {
	out, _ := exec.Command("uname", "-r").Output()
	return strings.TrimSpace(string(out))
}
