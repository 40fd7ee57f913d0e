package contexts

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// ParseMap reads a map as people write it: a line for each run, CONTEXT OFF:LEN in bytes, OFF: to the end of the context; empty lines
// and what follows a # are left out. A run to the end has length math.MaxInt64; see Resolve.
func ParseMap(r io.Reader) ([]Run, error) {
	var runs []Run
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		bad := fmt.Errorf("%w: line %d is not CONTEXT OFF:LEN", ErrMap, n)
		if len(fields) != 2 {
			return nil, bad
		}
		from, length, ok := strings.Cut(fields[1], ":")
		run := Run{Context: fields[0], Len: math.MaxInt64}
		var err error
		if run.Off, err = strconv.ParseInt(from, 10, 64); err == nil && length != "" {
			run.Len, err = strconv.ParseInt(length, 10, 64)
		}
		if !ok || err != nil || run.Off < 0 || run.Len < 1 {
			return nil, bad
		}
		if len(runs) == maxRuns {
			return nil, fmt.Errorf("%w: more than %d runs", ErrMap, maxRuns)
		}
		runs = append(runs, run)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMap, err)
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("%w: it has no line", ErrMap)
	}
	return runs, nil
}

// Resolve gives the runs that go to the end of their context their lengths, and checks them all. sizes are the contexts.
func Resolve(runs []Run, sizes []Context) ([]Run, error) {
	d := &Directory{Contexts: sizes}
	var out []Run
	for _, r := range runs {
		i, err := d.find(r.Context)
		if err != nil {
			return nil, err
		}
		if r.Len == math.MaxInt64 {
			r.Len = sizes[i].Size - r.Off
		}
		out = append(out, r)
	}
	return out, d.CheckMap(out)
}
