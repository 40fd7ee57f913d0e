//go:build unix

package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
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
		want []byte
	}{{[]string{"decode", template, "-o", "-"}, text}, {[]string{"encode", sample, "-d", "d", "-o", "-"}, encoded}} {
		cmd := exec.Command(bin, run.args...)
		cmd.Env = append(os.Environ(), "DICTNET_HOME="+home, "HOME="+dir, "TMPDIR="+temporary)
		if os.Getuid() == 0 { // whom nothing is denied
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if got, err := cmd.Output(); err != nil || !bytes.Equal(got, run.want) {
			t.Errorf("%s: %d bytes, %v: %s", run.args[0], len(got), err, &stderr)
		}
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
