package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"strings"
)

// makeHistory joins COUNT versions of a few files, one after another, as a repository's history has them. It takes the real
// versions from the inputs whose names begin with PREFIX, in the table's order, and of each the files MEMBER..., joined.
// Between two real versions come others, that have the first few of the changes between the two.
func makeHistory(c *cache, out string, args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	prefix, members := args[1], args[2:]
	_, names, err := parseInputs(inputsText)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, prefix) })
	if len(names) < 2 {
		return fmt.Errorf("fewer than two inputs begin with %s", prefix)
	}
	return writeFile(out, func(w io.Writer) error {
		old, err := c.joined(names[0], members)
		if err != nil {
			return err
		}
		if _, err := w.Write(old); err != nil {
			return err
		}
		written := 1
		for i, name := range names[1:] {
			next, err := c.joined(name, members)
			if err != nil {
				return err
			}
			until := 1 + (count-1)*(i+1)/(len(names)-1) // versions when this one is written
			for _, v := range between(old, next, until-written) {
				if _, err := w.Write(v); err != nil {
					return err
				}
			}
			written, old = until, next
		}
		return nil
	})
}

// joined returns the named files of a tar, joined in the order in which they are named.
func (c *cache) joined(name string, members []string) ([]byte, error) {
	parts := make([][]byte, len(members))
	err := c.eachMember(name, func(h *tar.Header, r io.Reader) error {
		_, rest, _ := strings.Cut(h.Name, "/")
		if i := slices.Index(members, rest); i >= 0 {
			b, err := io.ReadAll(r)
			parts[i] = b
			return err
		}
		return nil
	})
	return bytes.Join(parts, nil), err
}

// between returns n versions, the last of which is b: each has some more of the changes from a to b, from the top down.
func between(a, b []byte, n int) [][]byte {
	la, lb := bytes.SplitAfter(a, []byte("\n")), bytes.SplitAfter(b, []byte("\n"))
	hunks := diffLines(la, lb)
	var versions [][]byte
	for k := 1; k <= n; k++ {
		done := len(hunks) * k / n
		var v []byte
		at := 0 // in la
		for _, h := range hunks[:done] {
			v = appendLines(v, la[at:h.a0])
			v = appendLines(v, lb[h.b0:h.b1])
			at = h.a1
		}
		versions = append(versions, appendLines(v, la[at:]))
	}
	return versions
}

func appendLines(b []byte, lines [][]byte) []byte {
	for _, l := range lines {
		b = append(b, l...)
	}
	return b
}

// hunk says that lines a0 to a1 of one text stand in place of lines b0 to b1 of another.
type hunk struct{ a0, a1, b0, b1 int }

var lineSeed = maphash.MakeSeed()

// diffLines returns the changes from a to b, in order, by Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its
// Variations", Algorithmica 1986). The memory used is quadratic in the number of lines that differ.
func diffLines(a, b [][]byte) []hunk {
	same := func(i, j int) bool { return bytes.Equal(a[i], b[j]) }
	hash := func(lines [][]byte) []uint64 {
		h := make([]uint64, len(lines))
		for i, l := range lines {
			h[i] = maphash.Bytes(lineSeed, l)
		}
		return h
	}
	ha, hb := hash(a), hash(b)
	n, m := len(a), len(b)
	reach := map[int]int{1: 0} // how far in a each diagonal (a minus b) has come
	var trace []map[int]int
	for d := 0; ; d++ {
		step := make(map[int]int, d+1)
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || k != d && reach[k-1] < reach[k+1] {
				x = reach[k+1]
			} else {
				x = reach[k-1] + 1
			}
			for x < n && x-k < m && ha[x] == hb[x-k] && same(x, x-k) {
				x++
			}
			step[k] = x
			if x >= n && x-k >= m {
				trace = append(trace, step)
				return backtrack(trace, n, m)
			}
		}
		trace = append(trace, step)
		reach = step
	}
}

// backtrack walks from the ends of both texts to their beginnings and collects the changes.
func backtrack(trace []map[int]int, n, m int) []hunk {
	var hunks []hunk
	x, y := n, m
	for d := len(trace) - 1; d > 0; d-- {
		reach, k := trace[d-1], x-y
		var px int
		down := k == -d || k != d && reach[k-1] < reach[k+1]
		pk := k - 1
		if down {
			pk = k + 1
		}
		px = reach[pk]
		py := px - pk
		// From (px, py) one step right or down, then along the diagonal to (x, y).
		h := hunk{px, px + 1, py, py}
		if down {
			h = hunk{px, px, py, py + 1}
		}
		if len(hunks) > 0 {
			if last := &hunks[len(hunks)-1]; last.a0 == h.a1 && last.b0 == h.b1 {
				last.a0, last.b0 = h.a0, h.b0
				x, y = px, py
				continue
			}
		}
		hunks = append(hunks, h)
		x, y = px, py
	}
	slices.Reverse(hunks)
	return hunks
}
