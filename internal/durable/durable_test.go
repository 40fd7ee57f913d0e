package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dictnet/internal/durable"
)

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	holds := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("the file holds %q, %v, want %q", got, err, want)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("the folder holds %v, %v, want the file alone", entries, err)
		}
	}
	if err := durable.Create(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	holds("first")
	if err := durable.Create(path, []byte("another"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second Create returns %v, want one that wraps fs.ErrExist", err)
	}
	holds("first")
	if err := durable.Write(path, []byte("second"), 0o640); err != nil {
		t.Fatal(err)
	}
	holds("second")
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("the file's mode is %v, %v, want 0640", st.Mode(), err)
	}
	if err := durable.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a removed file: %v", err)
	}
	if err := durable.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of no file returns %v, want one that wraps fs.ErrNotExist", err)
	}
	if err := durable.Write(filepath.Join(dir, "no", "such"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Write into no folder returns %v, want one that wraps fs.ErrNotExist", err)
	}
}
