package dictnet

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"dictnet/dictnet/store"
)

// damage changes every block of a store where it lies on the disk: all of it, one bit of it, or so that it is gone.
func damage(t *testing.T, s *store.Store) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(s.Dir(), "blocks", "*.pack"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("%d packs, %v", len(packs), err)
	}
	for _, name := range packs {
		pack, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, at := 0, 0; at < len(pack); i++ { // docs/operating.md
			block := pack[at+44 : at+44+int(binary.LittleEndian.Uint32(pack[at+4:]))]
			switch i % 3 {
			case 0:
				clear(block)
			case 1:
				block[len(block)/2] ^= 1
			case 2:
				copy(pack[at:], "gone")
			}
			at = (at + 44 + len(block) + 7) &^ 7
		}
		if err := os.WriteFile(name, pack, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
