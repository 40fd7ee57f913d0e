//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A store that somebody may read and not write plays all that it holds, and is encoded against.
func TestStoreOfAnother(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	home, sample, template := filepath.Join(dir, "home"), filepath.Join(dir, "sample"), filepath.Join(dir, "t.dn")
	text := bytes.Repeat([]byte("what a note holds, "), 1000)
	if err := os.WriteFile(sample, text, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DICTNET_HOME", home)
	dictnet, _ := commands(t)
	for _, args := range [][]string{{"build", sample, "-o", "d"}, {"encode", sample, "-d", "d", "-o", template}} {
		if code, _, stderr := dictnet(args...); code != exitOK {
			t.Fatalf("%v: %s", args, stderr)
		}
	}
	encoded, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(home, "index")); err != nil { // which encode has made
		t.Fatal(err)
	}
	bin := programFor(t, dir)
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			t.Cleanup(func() { os.Chmod(path, 0o755) })
			return os.Chmod(path, 0o555)
		}
		if path == bin {
			return nil
		}
		return os.Chmod(path, 0o444)
	})
	if err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	if err := os.Chmod(temporary, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, run := range []struct {
		args []string
		want []byte // nil: it has to write to the store
	}{{[]string{"decode", template, "-o", "-"}, text}, {[]string{"encode", sample, "-d", "d", "-o", "-"}, encoded}, {[]string{"build", sample, "-o", "d"}, nil}} {
		cmd := exec.Command(bin, run.args...)
		cmd.Env = append(os.Environ(), "DICTNET_HOME="+home, "HOME="+dir, "TMPDIR="+temporary)
		asAnother(cmd)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		got, err := cmd.Output()
		if run.want == nil {
			if code := cmd.ProcessState.ExitCode(); code != exitStorage || !strings.Contains(stderr.String(), "\nhint: --home") {
				t.Errorf("%s: exit code %d: %s", run.args[0], code, &stderr)
			}
		} else if err != nil || !bytes.Equal(got, run.want) {
			t.Errorf("%s: %d bytes, %v: %s", run.args[0], len(got), err, &stderr)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// programFor puts the program where anybody can run it.
func programFor(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "dictnet")
	if err := os.WriteFile(bin, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return bin
}

// asAnother lets a command be run by somebody to whom permissions apply.
func asAnother(cmd *exec.Cmd) {
	if os.Getuid() == 0 { // whom nothing is denied
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}

// Of a tree whose place is taken in the end, nothing stays, be its directories read-only.
func TestPlaceIsTaken(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	from := filepath.Join(dir, "from")
	for _, path := range []string{"a/b/c", "a/d", "e"} {
		if err := os.MkdirAll(filepath.Join(from, path), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"a/b/c", "a/b", "a", "e"} {
		if err := os.WriteFile(filepath.Join(from, path, "file"), []byte(path), 0o444); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(from, path), 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(filepath.Join(from, path), 0o755) })
	}
	dictnet, _ := commands(t)
	template := filepath.Join(dir, "t.dn")
	if code, _, stderr := dictnet("encode", from, "-o", template); code != exitOK {
		t.Fatal(stderr)
	}
	encoded, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	if err := os.Chmod(work, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(programFor(t, dir), "decode", "-", "-C", "to")
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "HOME="+work)
	asAnother(cmd)
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
	stdin.Write(encoded[:len(encoded)-1])
	for i := 0; i < 500; i++ {
		if begun, _ := filepath.Glob(filepath.Join(work, ".to.*.part")); len(begun) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := os.MkdirAll(filepath.Join(work, "to", "mine"), 0o777); err != nil {
		t.Fatal(err)
	}
	stdin.Write(encoded[len(encoded)-1:])
	stdin.Close()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitStorage {
		t.Errorf("exit code %d, want %d: %s", code, exitStorage, &stderr)
	}
	if left, err := os.ReadDir(work); err != nil || len(left) != 1 || left[0].Name() != "to" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
