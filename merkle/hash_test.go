package merkle

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"
)

func TestHashes(t *testing.T) {
	if want := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"; EmptyRoot.String() != want {
		t.Errorf("EmptyRoot = %v, want %s", EmptyRoot, want)
	}
	// Lengths around the size of the stack buffer, and those of a CID and a hash.
	for _, n := range []int{0, 1, 32, 36, 126, 127, 128, 129, 1000} {
		leaf := bytes.Repeat([]byte{0xa5}, n)
		if got, want := LeafHash(leaf), Hash(sha256.Sum256(append([]byte{0}, leaf...))); got != want {
			t.Errorf("LeafHash of %d bytes = %v, want %v", n, got, want)
		}
	}
	l, r := LeafHash([]byte("l")), LeafHash([]byte("r"))
	if got, want := NodeHash(l, r), Hash(sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...))); got != want {
		t.Errorf("NodeHash = %v, want %v", got, want)
	}
}

func TestHashText(t *testing.T) {
	v := Version{7, LeafHash(nil)}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"Size":7,"Root":"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"}`; string(data) != want {
		t.Errorf("JSON is %s, want %s", data, want)
	}
	var back Version
	if err := json.Unmarshal(data, &back); err != nil || back != v {
		t.Errorf("JSON read back as %v, %v", back, err)
	}
	good := v.Root.String()
	for _, bad := range []string{"", "0", good[:63], good + "0", good + "\n", " " + good[1:], "0x" + good, strings.ToUpper(good), good[:63] + "g", strings.Repeat("é", 32)} {
		h := v.Root
		if err := h.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q accepted", bad)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error has several lines: %v", bad, err)
		}
		if h != v.Root {
			t.Errorf("%q: hash changed by a failed read", bad)
		}
	}
}

func TestLeafHashAllocates(t *testing.T) {
	leaf := make([]byte, 36)
	if n := testing.AllocsPerRun(100, func() { LeafHash(leaf) }); n != 0 {
		t.Errorf("LeafHash of a CID allocates %v times", n)
	}
}
