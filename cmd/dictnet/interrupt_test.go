package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dictnet/codec/records"
	"dictnet/codec/tree"
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

// Ctrl-C while a verb writes, or reads a file: that is no fault of the output.
func TestInterruptBetween(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	log, pack, big := filepath.Join(dir, "log"), filepath.Join(dir, "pack"), filepath.Join(dir, "big")
	var lines bytes.Buffer
	for i := range 2 * packBatch {
		fmt.Fprintf(&lines, "{\"level\":\"info\",\"message\":\"request %d was served\",\"milliseconds\":%d}\n", i*i, i%97)
	}
	if err := os.WriteFile(log, lines.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 4<<20)
	rand.New(rand.NewSource(1)).Read(noise)
	if err := os.WriteFile(big, noise, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"build", "--select", "repeated", "--budget", "8KiB", "--lines", log, "-o", "logs"},
		{"encode", "--records", "line", log, "-d", "logs", "-o", pack},
		{"build", big, "-o", "big"},
	} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, nil, io.Discard, &stderr); code != exitOK {
			t.Fatalf("%q: exit code %d: %s", args, code, &stderr)
		}
	}
	for _, args := range [][]string{
		{"encode", "--records", "line", log, "-d", "logs", "-o", "-"},
		{"decode", pack, "-o", "-"},
		{"publish", "big", "--no-chain", "--car", "-"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var stderr bytes.Buffer
		stdout := writerFunc(func(b []byte) (int, error) {
			cancel()
			return len(b), nil
		})
		if code := run(ctx, args, nil, stdout, &stderr); code != exitInterrupted {
			t.Errorf("%q: exit code %d, want %d: %s", args, code, exitInterrupted, &stderr)
		}
	}

	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to") // which nobody opens at their other ends
	for _, pipe := range []string{from, to} {
		if err := syscall.Mkfifo(pipe, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"encode", from, "-o", pack}, {"encode", log, "-o", to}} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		code := make(chan int, 1)
		go func() { code <- run(ctx, args, nil, io.Discard, io.Discard) }()
		select {
		case got := <-code:
			if got != exitInterrupted {
				t.Errorf("%q: exit code %d, want %d", args, got, exitInterrupted)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%q: still running", args)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b, err := records.NewBuilder(records.MinBudget)
	if err != nil {
		t.Fatal(err)
	}
	if err := new(app).addRecords(ctx, b, log, true); !errors.Is(err, context.Canceled) {
		t.Error("samples were read on:", err)
	}
}

// A lost session is an interrupt, be it told twice; under nohup it is nothing.
func TestHangUp(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP) // or what is started would ignore it, if the test is run under nohup
	defer signal.Stop(heard)
	for _, test := range []struct {
		name string
		args []string
		want int
	}{
		{"plain", []string{"dictnet", "encode", "-", "-o", "out"}, exitInterrupted},
		{"nohup", []string{"sh", "-c", "trap '' HUP; exec dictnet encode - -o out"}, exitOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(test.args[0], test.args[1:]...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "DICTNET_HOME="+filepath.Join(dir, "home"))
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			late := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
			defer late.Stop()
			parts := func() []string {
				names, _ := filepath.Glob(filepath.Join(dir, ".out.*.part"))
				return names
			}
			for i := 0; len(parts()) == 0 && i < 500; i++ {
				time.Sleep(20 * time.Millisecond)
			}
			for range 2 {
				if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
					t.Error(err)
				}
			}
			if test.want == exitOK {
				time.Sleep(100 * time.Millisecond)
				stdin.Close()
			}
			cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != test.want {
				t.Errorf("exit code %d, want %d: %s", got, test.want, &stderr)
			}
			if left := parts(); len(left) > 0 {
				t.Errorf("left behind: %s", left)
			}
			if _, err := os.Stat(filepath.Join(dir, "out")); (err == nil) != (test.want == exitOK) {
				t.Errorf("the output: %v", err)
			}
		})
	}
}

// A pipe that takes the place of a file while a tree is read is an error, and not waited for.
func TestPipeInPlaceOfFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("content"), 0o666); err != nil {
		t.Fatal(err)
	}
	in, err := new(app).openTree(t.Context(), dir, true)
	if err != nil {
		t.Fatal(err)
	}
	defer in.close()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o666); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := io.ReadAll(in)
		read <- err
	}()
	select {
	case err := <-read:
		if !errors.Is(err, tree.ErrChanged) {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it is waited for somebody who writes")
		if w, err := os.OpenFile(file, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			w.Close()
		}
		<-read
	}
}
