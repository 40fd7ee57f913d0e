package dictnet

import (
	"os"
	"path/filepath"
	"testing"

	"dictnet/dictnet/store"
)

// damage cuts or changes the file of every block of a store.
func damage(t *testing.T, s *store.Store) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Dir(), "blocks", "*", "*.data"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for i, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		switch i % 3 {
		case 0:
			data = data[:len(data)/2]
		case 1:
			data[len(data)/2] ^= 1
		case 2:
			data = nil
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
