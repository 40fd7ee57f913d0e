package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// trial is one encoding and one decoding.
type trial struct {
	Encode usage     `json:"encode"`
	Decode usage     `json:"decode"`
	At     time.Time `json:"at"`
}

// measurement is what is known of one tool on one case; it is a file of its own.
type measurement struct {
	Case    string  `json:"case"`
	Tool    string  `json:"tool"`
	Version string  `json:"version"`
	Old     string  `json:"old,omitempty"` // sha256 of the inputs
	New     string  `json:"new"`
	Bytes   int64   `json:"bytes"` // of new
	Sizes   sizes   `json:"sizes"`
	Prepare usage   `json:"prepare"` // what is done once for all files: building a dictionary, its index, a store
	Trials  []trial `json:"trials"`
	Share   float64 `json:"share,omitempty"`   // of new's bytes that play from the dictionary; ours only
	Reads   *reads  `json:"reads,omitempty"`   // random reads of 4 KiB; ours only
	Failure string  `json:"failure,omitempty"` // why there is no result: nothing else holds then
	Remark  string  `json:"remark,omitempty"`  // what could not be measured
}

// results is the directory of measurements.
type results struct{ dir string }

func (r results) file(c, t string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return '-'
	}, t)
	return filepath.Join(r.dir, c, clean+".json")
}

// load returns a measurement, or nil if there is none.
func (r results) load(c, t string) (*measurement, error) {
	b, err := os.ReadFile(r.file(c, t))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := new(measurement)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", r.file(c, t), err)
	}
	return m, nil
}

// save writes a measurement, whole or not at all.
func (r results) save(m *measurement) error { return saveJSON(r.file(m.Case, m.Tool), m) }

func saveJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(name+".part", append(b, '\n'), 0o666); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

// all returns every measurement of the given cases and tools, in their order.
func (r results) all(cases []testCase, tools []tool) ([]*measurement, error) {
	var ms []*measurement
	for _, c := range cases {
		for _, t := range tools {
			m, err := r.load(c.id, t.name)
			if err != nil {
				return nil, err
			}
			if m != nil {
				ms = append(ms, m)
			}
		}
	}
	return ms, nil
}

// runner measures.
type runner struct {
	cache   *cache
	results results
	dictnet string // the program
	version string // of it
	scratch string // where the tools work
	repeats int
	redo    bool
	say     func(format string, args ...any)
}

// runCase measures the tools on a case: in turn, then all again, so that whatever disturbs the machine disturbs all of them.
func (r *runner) runCase(c testCase, list []tool) error {
	type entry struct {
		tool
		*work
		m *measurement
	}
	var entries []entry
	dir, err := os.MkdirTemp(r.scratch, "bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var oldFile, newFile string
	for _, t := range list {
		if !slices.Contains(t.kinds, c.kind) {
			continue
		}
		if t.skip != nil && t.skip(c) {
			continue
		}
		if missing := missingProgram(t); missing != "" {
			r.say("%s: %s left out: %s is not on PATH", c.id, t.name, missing)
			continue
		}
		m, err := r.results.load(c.id, t.name)
		if err != nil {
			return err
		}
		version := r.version
		if !t.dictnet {
			version = versionOf(t)
		}
		if m != nil && (r.redo || m.Version != version || m.Failure != "") {
			m = nil
		}
		if m != nil && len(m.Trials) >= r.repeats {
			continue
		}
		if newFile == "" {
			if newFile, err = r.cache.path(c.new); err != nil {
				return err
			}
			if c.old != "" {
				if oldFile, err = r.cache.path(c.old); err != nil {
					return err
				}
			}
		}
		size, err := fileSize(newFile)
		if err != nil {
			return err
		}
		fresh := &measurement{Case: c.id, Tool: t.name, Version: version, Old: r.cache.sums[c.old], New: r.cache.sums[c.new], Bytes: size}
		if m == nil || m.Old != fresh.Old || m.New != fresh.New {
			m = fresh
		}
		own := filepath.Join(dir, fmt.Sprint(len(entries)))
		if err := os.Mkdir(own, 0o777); err != nil {
			return err
		}
		entries = append(entries, entry{t, &work{testCase: c, dir: own, old: oldFile, new: newFile,
			packed: filepath.Join(own, "packed"), back: filepath.Join(own, "back"), dictnet: r.dictnet, disk: r.cache.dir}, m})
	}
	fail := func(e entry, err error) error {
		r.say("%s: %s FAILED: %v", c.id, e.name, err)
		e.m.Failure = err.Error()
		return r.results.save(e.m)
	}
	for i, e := range entries {
		if e.prepare == nil {
			continue
		}
		u, err := e.prepare(e.work)
		if err != nil {
			if err := fail(e, fmt.Errorf("prepare: %w", err)); err != nil {
				return err
			}
			entries[i].m = nil
			continue
		}
		e.m.Prepare = u
	}
	for n := range r.repeats {
		for i, e := range entries {
			if e.m == nil || len(e.m.Trials) > n {
				continue
			}
			if err := e.try(e.work, e.m); err != nil {
				if err := fail(e, err); err != nil {
					return err
				}
				entries[i].m = nil
				continue
			}
			if err := r.results.save(e.m); err != nil {
				return err
			}
			last := e.m.Trials[len(e.m.Trials)-1]
			r.say("%s: %-22s %11d bytes  encode %7.2f s %5d MB  decode %6.2f s %5d MB", c.id, e.name, e.m.Sizes.Warm,
				last.Encode.Wall, last.Encode.RSS>>20, last.Decode.Wall, last.Decode.RSS>>20)
		}
	}
	return nil
}

// try encodes, decodes and compares once, and finds the other sizes if they are not known yet.
func (t tool) try(w *work, m *measurement) error {
	os.Remove(w.packed)
	if err := os.RemoveAll(w.back); err != nil {
		return err
	}
	if t.before != nil {
		if err := t.before(w); err != nil {
			return fmt.Errorf("put back: %w", err)
		}
	}
	encode, err := run(t.encode(w)...)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	size := t.size
	if size == nil {
		size = func(w *work) (int64, error) { return fileSize(w.packed) }
	}
	n, err := size(w)
	if err != nil {
		return err
	}
	decode, err := run(t.decode(w)...)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if err := sameBytes(w.new, w.back); err != nil {
		return err
	}
	os.RemoveAll(w.back)
	m.Trials = append(m.Trials, trial{encode, decode, time.Now().UTC().Truncate(time.Second)})
	known := m.Sizes.Warm == n
	m.Sizes.Warm = n
	if t.more != nil && !known {
		m.Remark = ""
		if err := t.more(w, m); err != nil {
			m.Remark = err.Error()
		}
	}
	return nil
}

func missingProgram(t tool) string {
	for _, p := range t.programs {
		if _, err := exec.LookPath(p); err != nil {
			return p
		}
	}
	return ""
}

// sameBytes returns an error unless both files hold the same.
func sameBytes(want, got string) error {
	a, err := os.Open(want)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.Open(got)
	if err != nil {
		return err
	}
	defer b.Close()
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); ; {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return fmt.Errorf("decoded bytes differ from the input's, in the megabyte at %d", off)
		}
		off += int64(n)
		if errA != nil || errB != nil {
			if ended(errA) && ended(errB) {
				return nil
			}
			return errors.Join(errA, errB)
		}
	}
}

func ended(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// median returns the middle one of some values; 0 if there are none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func (m *measurement) medianOf(f func(trial) float64) float64 {
	var v []float64
	for _, t := range m.Trials {
		v = append(v, f(t))
	}
	return median(v)
}

func (m *measurement) encodeWall() float64 {
	return m.medianOf(func(t trial) float64 { return t.Encode.Wall })
}
func (m *measurement) decodeWall() float64 {
	return m.medianOf(func(t trial) float64 { return t.Decode.Wall })
}
func (m *measurement) encodeCPU() float64 {
	return m.medianOf(func(t trial) float64 { return t.Encode.CPU })
}
func (m *measurement) decodeCPU() float64 {
	return m.medianOf(func(t trial) float64 { return t.Decode.CPU })
}
func (m *measurement) encodeRSS() float64 {
	return m.medianOf(func(t trial) float64 { return float64(t.Encode.RSS) })
}
func (m *measurement) decodeRSS() float64 {
	return m.medianOf(func(t trial) float64 { return float64(t.Decode.RSS) })
}
