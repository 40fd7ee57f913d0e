package main

import (
	"fmt"
	"math"
	"strings"
)

// deltaPeers are the tools of which a template has to beat the smallest.
var deltaPeers = []string{"zstd -19 --patch-from", "xdelta3 -9 -S lzma", "bsdiff", "hdiffz -m-6 zstd-22"}

// table is what was measured, by case and tool; failures are left out.
type table map[string]map[string]*measurement

func tabulate(ms []*measurement) table {
	t := table{}
	for _, m := range ms {
		if t[m.Case] == nil {
			t[m.Case] = map[string]*measurement{}
		}
		if m.Failure == "" && len(m.Trials) > 0 {
			t[m.Case][m.Tool] = m
		}
	}
	return t
}

// best returns the measurement with the fewest bytes among some tools, or nil.
func (t table) best(c string, tools ...string) *measurement {
	var best *measurement
	for _, name := range tools {
		if m := t[c][name]; m != nil && (best == nil || m.Sizes.Warm < best.Sizes.Warm) {
			best = m
		}
	}
	return best
}

// sizeRatio is the bytes of one tool by those of the best of others.
func (t table) sizeRatio(c, tool string, others ...string) (float64, bool) {
	m, b := t[c][tool], t.best(c, others...)
	if m == nil || b == nil {
		return 0, false
	}
	return float64(m.Sizes.Warm) / float64(b.Sizes.Warm), true
}

func geometricMean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}

// verdict is how far a target is reached.
type verdict struct {
	measure  string
	goal     string
	reached  string // the worst, or the mean
	met, all int    // cases
	missed   []string
}

func (v verdict) word() string {
	switch {
	case v.all == 0:
		return "not measured"
	case v.goal == "":
		return ""
	case v.met == v.all:
		return "pass"
	}
	return fmt.Sprintf("**FAIL** on %d of %d", v.all-v.met, v.all)
}

// each makes a verdict of a number for each case, which must not exceed a limit.
func each(measure, goal string, limit float64, format string, list []testCase, number func(c testCase) (float64, bool)) verdict {
	v := verdict{measure: measure, goal: goal}
	worst := math.Inf(-1)
	for _, c := range list {
		x, ok := number(c)
		if !ok {
			continue
		}
		v.all++
		if x <= limit {
			v.met++
		} else {
			v.missed = append(v.missed, fmt.Sprintf("%s "+format, c.id, x))
		}
		if x > worst {
			worst = x
			v.reached = fmt.Sprintf("worst "+format+" ("+c.id+")", x)
		}
	}
	return v
}

// atLeast is each for numbers that must not be below a limit.
func atLeast(measure, goal string, limit float64, format string, list []testCase, number func(c testCase) (float64, bool)) verdict {
	v := each(measure, goal, -limit, format, list, func(c testCase) (float64, bool) {
		x, ok := number(c)
		return -x, ok
	})
	v.reached = strings.Replace(v.reached, "-", "", 1)
	for i := range v.missed {
		v.missed[i] = strings.Replace(v.missed[i], " -", " ", 1)
	}
	return v
}

func ofKind(k kind) (list []testCase) {
	for _, c := range cases {
		if c.kind == k {
			list = append(list, c)
		}
	}
	return list
}

// verdicts compares what was measured with what the project set out to reach.
func (t table) verdicts() []verdict {
	wall := func(tool string, f func(*measurement) float64) func(c testCase) (float64, bool) {
		return func(c testCase) (float64, bool) {
			m := t[c.id][tool]
			if m == nil {
				return 0, false
			}
			return f(m), true
		}
	}
	ratio := func(tool string, others ...string) func(c testCase) (float64, bool) {
		return func(c testCase) (float64, bool) { return t.sizeRatio(c.id, tool, others...) }
	}
	// speed is how many times as long a peer takes.
	speed := func(tool, peer string, f func(*measurement) float64) func(c testCase) (float64, bool) {
		return func(c testCase) (float64, bool) {
			m, p := t[c.id][tool], t[c.id][peer]
			if m == nil || p == nil {
				return 0, false
			}
			return f(p) / f(m), true
		}
	}
	gbs := func(f func(*measurement) float64) func(*measurement) float64 {
		return func(m *measurement) float64 { return float64(m.Bytes) / f(m) / 1e9 }
	}
	updates := ofKind(update)
	mean := func(measure, goal string, limit float64, tool string) verdict {
		var v []float64
		for _, c := range updates {
			if x, ok := t.sizeRatio(c.id, tool, deltaPeers...); ok {
				v = append(v, x)
			}
		}
		r := verdict{measure: measure, goal: goal}
		if len(v) == 0 {
			return r
		}
		g := geometricMean(v)
		r.all, r.reached = 1, fmt.Sprintf("%.3f over %d", g, len(v))
		if g <= limit {
			r.met = 1
		}
		return r
	}
	var mostlyOld []testCase // of which 95 % play from the dictionary
	for _, c := range append(append(ofKind(large), ofKind(held)...), updates...) {
		if m := t[c.id]["dictnet default"]; m != nil && m.Share >= 0.95 {
			mostlyOld = append(mostlyOld, c)
		}
	}
	zstd := deltaPeers[0]
	vs := []verdict{
		each("max: size by the smallest delta", "<= 0.8", 0.8, "%.3f", updates, ratio("dictnet max", deltaPeers...)),
		mean("max: the same, geometric mean", "<= 0.7", 0.7, "dictnet max"),
		each("default: size by the smallest delta", "<= 1.0", 1, "%.3f", updates, ratio("dictnet default", deltaPeers...)),
		mean("default: the same, geometric mean", "", math.Inf(1), "dictnet default"),
		atLeast("default: encode speed by that of zstd -19 --patch-from", ">= 5", 5, "%.2f", updates, speed("dictnet default", zstd, (*measurement).encodeWall)),
		atLeast("default: encode speed by that of hdiffz", ">= 1", 1, "%.2f", updates, speed("dictnet default", deltaPeers[3], (*measurement).encodeWall)),
		each("fast: size by desync's", "<= 0.5", 0.5, "%.3f", updates, ratio("dictnet fast", "desync")),
		atLeast("fast: encode speed by that of desync", ">= 1.5", 1.5, "%.2f", updates, speed("dictnet fast", "desync", (*measurement).encodeWall)),
	}
	for _, p := range []string{"default", "fast"} {
		vs = append(vs,
			atLeast(p+": decode where 95 % is dictionary, GB/s", ">= 1", 1, "%.2f", mostlyOld, wall("dictnet "+p, gbs((*measurement).decodeWall))),
			atLeast(p+": decode speed by that of zstd -d --patch-from", ">= 1", 1, "%.2f", append(ofKind(large), updates...), speed("dictnet "+p, zstd, (*measurement).decodeWall)))
	}
	vs = append(vs,
		atLeast("default: encode what the dictionary holds, GB/s", ">= 1", 1, "%.2f", ofKind(held), wall("dictnet default", gbs((*measurement).encodeWall))),
		each("max: ordinary files, size by zstd -19 --long=27", "<= 1.0", 1, "%.3f", ofKind(plain), ratio("dictnet max", "zstd -19 --long=27")),
		each("max: ordinary files, size by xz -9e", "<= 1.05", 1.05, "%.3f", ofKind(plain), ratio("dictnet max", "xz -9e")),
		each("max: 1,280 versions, size by the smallest of zstd, xz, lrzip", "<= 0.8", 0.8, "%.3f", ofKind(series), ratio("dictnet max", "zstd -19 --long=31", "xz -9e", "lrzip -L 9")),
		each("default: memory of encoding, dictionary of 10 GB, MiB", "<= 256", 256, "%.0f", ofKind(scale), wall("dictnet default", func(m *measurement) float64 { return m.encodeRSS() / (1 << 20) })),
	)
	all := append([]testCase(nil), cases...)
	for _, p := range []string{"default", "max"} {
		vs = append(vs,
			each(p+": memory of encoding, MiB", "<= 256", 256, "%.0f", all, wall("dictnet "+p, func(m *measurement) float64 { return m.encodeRSS() / (1 << 20) })),
			each(p+": memory of decoding, MiB", "<= 64", 64, "%.0f", all, wall("dictnet "+p, func(m *measurement) float64 { return m.decodeRSS() / (1 << 20) })))
	}
	return append(vs, each("default: random read of 4 KiB of a gigabyte, median, ms", "< 1", 1, "%.3f", ofKind(large), func(c testCase) (float64, bool) {
		m := t[c.id]["dictnet default"]
		if m == nil || m.Reads == nil {
			return 0, false
		}
		return m.Reads.Median * 1e3, true
	}))
}
