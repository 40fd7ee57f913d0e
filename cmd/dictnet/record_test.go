package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"dictnet/codec/records"
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

// writerOf is an output that does something for what is written.
type writerOf func(b []byte)

func (w writerOf) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

// Records are coded some at a time: Ctrl-C is heard between, and told as what it is; and however long they are, few are held.
func TestRecordsGoInBatches(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	file := func(name string, lines int, long string) string {
		var b bytes.Buffer
		for i := range lines {
			fmt.Fprintf(&b, `{"number":%d,"id":"%016x","level":"info","text":"%s"}`+"\n", i, uint64(i)*0x9e3779b97f4a7c15, long)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	do := func(ctx context.Context, want int, stdout io.Writer, args ...string) {
		t.Helper()
		var stderr bytes.Buffer
		if got := run(ctx, args, strings.NewReader(""), stdout, &stderr); got != want {
			t.Errorf("%s: exit code %d, want %d: %s", args, got, want, &stderr)
		}
	}
	do(t.Context(), exitOK, io.Discard, "build", "--select", "repeated", "--budget", "8KiB", "--lines", file("samples", 400, ""), "-o", "logs")

	many, long := file("many", 3*packBatch, ""), file("long", packBytes/records.MaxRecord+10, strings.Repeat("a", records.MaxRecord-100))
	for _, path := range []string{many, long} {
		do(t.Context(), exitOK, io.Discard, "encode", "--records", "line", path, "-d", "logs", "-o", path+".dnr")
	}
	for _, args := range [][]string{{"encode", "--records", "line", many, "-d", "logs", "-o", "-"}, {"decode", many + ".dnr", "-o", "-"}} {
		ctx, cancel := context.WithCancel(t.Context())
		do(ctx, exitInterrupted, writerOf(func([]byte) { cancel() }), args...)
		cancel()
	}
	most, all := 0, sha256.New()
	do(t.Context(), exitOK, io.MultiWriter(all, writerOf(func(b []byte) { most = max(most, len(b)) })), "decode", long+".dnr", "-o", "-")
	if most > packBytes+records.MaxRecord {
		t.Errorf("%d bytes are held at a time", most)
	}
	if b, err := os.ReadFile(long); err != nil || sha256.Sum256(b) != [sha256.Size]byte(all.Sum(nil)) {
		t.Error("another file came back", err)
	}
}
