package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"
)

// loglines FILE LINES SEED [one]: makes a log as a service might write it; with one, all in one line.
func logLines(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	seed, err := strconv.ParseUint(args[2], 10, 64)
	ts.Check(err)
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for range n {
		fmt.Fprintf(&b, `{"time":"2026-11-%02dT%02d:%02d:%02dZ","level":"%s","msg":"request served","path":"%s","status":%d,"bytes":%d,"trace":"%016x"}`+"\n",
			1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), []string{"info", "warn"}[r.IntN(2)], []string{"/api/users", "/api/orders", "/healthz"}[r.IntN(3)],
			[]int{200, 304, 404}[r.IntN(3)], r.IntN(100000), r.Uint64())
	}
	text := b.Bytes()
	if len(args) > 3 {
		text = bytes.Repeat(bytes.ReplaceAll(text, []byte("\n"), []byte(" ")), 3)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o666))
}

// lastline TO FROM: copies the last line of a file.
func lastLine(ts *testscript.TestScript, neg bool, args []string) {
	lines := bytes.SplitAfter([]byte(ts.ReadFile(args[1])), []byte("\n"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), lines[len(lines)-2], 0o666))
}
