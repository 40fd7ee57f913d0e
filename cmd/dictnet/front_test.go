package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// buildFront builds the front program, and returns its path.
func buildFront(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dictnet")
	if out, err := exec.Command("go", "build", "-tags", "front", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the front program: %v\n%s", err, out)
	}
	return path
}

func TestFront(t *testing.T) {
	front := buildFront(t)
	t.Run("hands over", func(t *testing.T) { testHandsOver(t, front) })
	t.Run("scripts", func(t *testing.T) { testFrontScripts(t, front) })
}

// What the front program does itself, and what it hands over, with its arguments, stdin and exit code: here to a script.
func testHandsOver(t *testing.T, front string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("no template"), 0o666); err != nil {
		t.Fatal(err)
	}
	home := "--home=" + filepath.Join(dir, "home")
	run := func(args ...string) (stdout, stderr string, code int) {
		cmd := exec.Command(front, args...)
		var out, said bytes.Buffer
		cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader("stdin"), &out, &said
		cmd.Env = append(os.Environ(), "PATH="+dir)
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return out.String(), said.String(), cmd.ProcessState.ExitCode()
	}

	_, stderr, code := run("node", home)
	if code != exitFailure || !strings.HasPrefix(stderr, "dictnet: dictnet-full, ") || !strings.Contains(stderr, "\nhint: ") {
		t.Errorf("without dictnet-full: exit code %d, %q", code, stderr)
	}

	// The arguments, one a line, then stdin.
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\"\nread line; printf '%s' \"$line\"\nexit 7\n"
	if err := os.WriteFile(filepath.Join(dir, "dictnet-full"), []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	peer := "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"
	for _, args := range [][]string{
		{}, {"--help"}, {"--version"}, {"help", "decode"}, {"completion", "bash"}, {"__complete", "de"}, {"no-verb"},
		{"node", home, "--http", ""}, {home, "node"}, {"publish", "d", home, "--no-such-flag"}, {"chain", "dev", home},
		{"decode", "-", "-o", "-", "--peer", peer, home}, {"decode", "-", "-o", "-", "--mdns", home}, {"plan", "file", "--gateway", "http://127.0.0.1:1", home},
		{"pull", "/ipns/k51", "--as", "d", home}, {"decode", "-", "-o", "-", "-d", "ipns://k51", home},
	} {
		stdout, stderr, code := run(args...)
		want := strings.Join(args, "\n") + "\nstdin"
		if stdout != want || stderr != "" || code != 7 {
			t.Errorf("%q was not handed over as it is: exit code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	for _, args := range [][]string{{"inspect", "file", home}, {"decode", "--no-such-flag", home}, {"decode", "file", home}, {"encode", "--help"}, {"ls", home}} {
		if stdout, _, code := run(args...); code == 7 || stdout == strings.Join(args, "\n")+"\nstdin" {
			t.Errorf("%q was handed over", args)
		}
	}
	// What is told to end before it has handed over, here while it waits for its settings, ends.
	config := filepath.Join(dir, "config")
	if err := syscall.Mkfifo(config, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(front, "decode", "file", "-o", "-", "--mdns", home, "--config", config)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	feed, err := os.OpenFile(config, os.O_WRONLY, 0) // when it reads them
	if err != nil {
		t.Fatal(err)
	}
	cmd.Process.Signal(syscall.SIGTERM)
	time.Sleep(100 * time.Millisecond)
	feed.Close()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("told to end before it has handed over: exit code %d, want %d", code, exitInterrupted)
	}

	if err := os.MkdirAll(filepath.Join(dir, "home"), 0o777); err != nil {
		t.Fatal(err)
	}
	settings := "[decode]\nrouter = ['http://127.0.0.1:1']\n"
	if err := os.WriteFile(filepath.Join(dir, "home", "config.toml"), []byte(settings), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, code := run("decode", "file", "-o", "-", home); code != 7 {
		t.Errorf("a router in the settings: exit code %d", code)
	}
}

// The front program without what it is there to leave out.
func TestFrontIsLight(t *testing.T) {
	for _, dep := range list(t, "-tags", "front", "-deps", "dictnet/cmd/dictnet") {
		for _, heavy := range []string{"github.com/libp2p/go-libp2p", "github.com/ipfs/boxo/gateway", "github.com/ethereum/go-ethereum/core/vm", "dictnet/chain/devchain"} {
			if within(dep, heavy) {
				t.Errorf("the front program depends on %s", dep)
			}
		}
	}
}

// Scripts of TestScripts, typed to the front program; the whole one is beside it.
func testFrontScripts(t *testing.T, front string) {
	testscript.Run(t, testscript.Params{
		Files:               []string{"testdata/script/bad_input.txtar", "testdata/script/forget.txtar", "testdata/script/node.txtar", "testdata/script/offline.txtar", "testdata/script/portable.txtar", "testdata/script/settings.txtar"},
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DICTNET_HOME", e.WorkDir+"/home")
			e.Setenv("PATH", filepath.Dir(front)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			return nil
		},
		Cmds: scriptCommands(),
	})
}
