package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Ctrl-C while a verb waits for input: it stops at once, with its own exit code, and leaves nothing behind but what was there.
func TestInterrupt(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("as it was"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"encode", "-", "-o", there},
		{"decode", "-", "-o", there},
		{"build", "-", "-o", "dict"},
		{"build", "-", "-o", filepath.Join(dir, "dict.car")},
		{"inspect", "-"},
		{"chain", "dev", "--listen", "127.0.0.1:0"},
		{"node", "--listen", "/ip4/127.0.0.1/tcp/0"},
	} {
		t.Run(strings.Join(args[:2], " "), func(t *testing.T) {
			stdin, feed := io.Pipe()
			defer feed.Close()
			ctx, cancel := context.WithCancel(t.Context())
			var stderr bytes.Buffer
			code := make(chan int)
			go func() { code <- run(ctx, args, stdin, io.Discard, &stderr) }()
			if args[0] == "encode" || args[0] == "build" {
				feed.Write(make([]byte, 3<<20)) // it has begun
			} else {
				time.Sleep(300 * time.Millisecond)
			}
			cancel()
			select {
			case got := <-code:
				want := exitInterrupted
				if args[0] == "chain" || args[0] == "node" {
					want = exitOK // that is how they end
				}
				if got != want {
					t.Errorf("exit code %d, want %d: %s", got, want, &stderr)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("still running")
			}
			left, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range left {
				if n := f.Name(); n != "home" && n != "there" {
					t.Errorf("left behind: %s", n)
				}
			}
			if b, err := os.ReadFile(there); err != nil || string(b) != "as it was" {
				t.Errorf("what was there is now %q, %v", b, err)
			}
		})
	}
}
