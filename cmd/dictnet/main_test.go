package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dictnet/dictnet/store"
)

func TestMain(m *testing.M) {
	dictnet := func() {
		ctx, stop := untilSignal()
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	testscript.Main(m, map[string]func(){"dictnet": dictnet, "dictnet-full": dictnet})
}

// TestScripts runs testdata/script: what a person could type, with the commands below besides those of testscript.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DICTNET_HOME", e.WorkDir+"/home")
			return nil
		},
		Cmds: scriptCommands(),
	})
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{"exits": exits, "sample": sample, "edit": edit, "flip": flip, "cut": cut, "field": field, "waitfor": waitFor,
		"serve": serveNode, "flipnote": flipNote, "flipblock": flipBlock, "hold": hold, "get": get, "post": post, "router": routerFor, "loglines": logLines, "lastline": lastLine}
}

// exits CODE COMMAND...: the command ends with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var e *exec.ExitError
	if errors.As(err, &e) {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	if stderr := ts.ReadFile("stderr"); want != 0 && !strings.HasPrefix(stderr, "dictnet: ") {
		ts.Fatalf("the first line of stderr is no error: %s", stderr)
	}
}

// sample FILE BYTES SEED: makes a text that hardly repeats.
func sample(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	seed, err := strconv.ParseUint(args[2], 10, 64)
	ts.Check(err)
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "line %d: item %x has the value %d\n", r.IntN(1000), r.Uint32(), r.IntN(100000))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes()[:n], 0o666))
}

// edit FROM TO: copies a file with a word inserted every 10,000 bytes.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	b := []byte(ts.ReadFile(args[0]))
	var out []byte
	for i := 0; len(b) > 0; i++ {
		n := min(len(b), 10000)
		out = append(append(out, b[:n]...), fmt.Sprintf("(edited %d)", i)...)
		b = b[n:]
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o666))
}

// flip FILE OFFSET: flips a bit of the byte at the offset; a negative one counts from the end.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	off, err := strconv.Atoi(args[1])
	ts.Check(err)
	if off < 0 {
		off += len(b)
	}
	b[off] ^= 1
	ts.Check(os.Chmod(ts.MkAbs(args[0]), 0o666))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o666))
}

// cut FILE BYTES: leaves the first bytes of a file.
func cut(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// waitfor FILE TEXT: waits until a file has the text.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && bytes.Contains(b, []byte(args[1])) {
			return
		}
	}
	ts.Fatalf("%s does not come to have %q", args[0], args[1])
}

// hold HOME: writes to a home, as another process does, until the script ends.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	s, err := store.Open(ts.MkAbs(args[0]), store.Options{Command: "dictnet build"})
	ts.Check(err)
	ts.Defer(func() { s.Close() })
}

// get CODE URL: asks an HTTP server, which answers with this status; what it answers is in the file answer.
func get(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := http.Get(args[1])
	ts.Check(err)
	keepAnswer(ts, resp, args[0])
}

// post CODE URL FILE: sends a file; the answer is put in the file "answer".
func post(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[2]))
	ts.Check(err)
	defer f.Close()
	resp, err := http.Post(args[1], "application/octet-stream", f)
	ts.Check(err)
	keepAnswer(ts, resp, args[0])
}

// keepAnswer puts an answer in the file "answer", if it has the right code.
func keepAnswer(ts *testscript.TestScript, resp *http.Response, code string) {
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("answer"), body, 0o666))
	if strconv.Itoa(resp.StatusCode) != code {
		ts.Fatalf("%s: %s", resp.Status, body)
	}
}

// router VAR CID URL: runs a delegated router that names the gateway at a URL for a CID, and sets a variable to its own URL.
func routerFor(ts *testscript.TestScript, neg bool, args []string) {
	host, port, err := net.SplitHostPort(strings.TrimPrefix(args[2], "http://"))
	ts.Check(err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/routing/v1/providers/"+args[1] {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, `{"Providers":[{"Schema":"peer","ID":"12D3Koo","Addrs":["/ip4/%s/tcp/%s/http"],"Protocols":["transport-ipfs-gateway-http"]}]}`, host, port)
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

// field NAME FILE KEY: sets a variable to a field of JSON results that are written with one field a line.
func field(ts *testscript.TestScript, neg bool, args []string) {
	for _, line := range strings.Split(ts.ReadFile(args[1]), "\n") {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if ok && key == strconv.Quote(args[2]) {
			ts.Setenv(args[0], strings.Trim(value, `",`))
			return
		}
	}
	ts.Fatalf("no field %s", args[2])
}
