package chain

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The slots that proofs read are where the compiler put the variables.
func TestSlotsAreTheCompilers(t *testing.T) {
	b, err := os.ReadFile("../contracts/DictionaryRegistry.slots")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"contract 0 0 _dictionaries"}
	for _, v := range []struct {
		slot, offset int // offset in bytes from the right
		name         string
	}{
		{slotRoot, 0, "root"},
		{slotManifest, 0, "manifest"},
		{slotHistory, 0, "history"},
		{slotNumbers, 0, "size"},
		{slotNumbers, 8, "versions"},
		{slotNumbers, 16, "blockNumber"},
		{slotNumbers, 24, "time"},
		{slotOwner, 0, "owner"},
		{slotOwner, 20, "term"},
		{slotOwner, 28, "frozen"},
		{slotPendingOwner, 0, "pendingOwner"},
		{slotName, 0, "name"},
		{slotCount, 0, "publishers"}, // the first that proofs leave out
	} {
		want = append(want, fmt.Sprintf("Dictionary %d %d %s", v.slot, v.offset, v.name))
	}
	if got := strings.Split(strings.TrimSpace(string(b)), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the compiler says\n%s\nproofs read\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
