package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
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

// A reason is bytes that the owner chose, and a proof with them in it is good after it was written and read.
func TestReasonsInAProofFile(t *testing.T) {
	_, registry, id := registered(t, dialTest(t, startDev(t).URL()), [32]byte{})
	owner := devSigner(t, 0)
	v := newTape("reasons", 3).version(t, 3)
	if _, err := registry.Publish(t.Context(), owner, id, newTape("", 0).version(t, 0), v, manifestOf(v), nil); err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{"", "caf\u00e9\u2028<&>\x00", "caf\xe9"} {
		if _, err := registry.Deprecate(t.Context(), owner, id, 1, reason); err != nil {
			t.Fatal(err)
		}
	}
	b, err := registry.Client().Block(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	p, err := registry.ProveHistory(t.Context(), id, b)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Proof
	if err := json.Unmarshal(file, &back); err != nil {
		t.Fatal(err)
	}
	if _, err := back.Verify(b.Hash); err != nil {
		t.Error(err)
	}
}

// Behind one URL there may be several nodes, of which one is late: a proof of what was published a moment ago is not one of before.
func TestProofByALateNode(t *testing.T) {
	dev := startDev(t)
	client := dialTest(t, dev.URL())
	owner, registry, id := registered(t, client, [32]byte{})
	var before json.RawMessage
	if err := client.call(t.Context(), &before, "eth_getBlockByNumber", "latest", false); err != nil {
		t.Fatal(err)
	}
	v := newTape("late", 3).version(t, 3)
	if _, err := registry.Publish(t.Context(), owner, id, newTape("", 0).version(t, 0), v, manifestOf(v), nil); err != nil {
		t.Fatal(err)
	}
	var late atomic.Int32
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, params, result []byte) []byte {
		if method == "eth_getBlockByNumber" && bytes.Contains(params, []byte("latest")) && late.Add(-1) >= 0 {
			return before
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	late.Store(3)
	p, b, err := through.ProveVersion(t.Context(), id, Latest, 1)
	if err != nil {
		t.Fatal(err)
	}
	if head, err := p.Verify(b.Hash); err != nil || head.Version != v || len(p.History) != 1 {
		t.Errorf("%v, %v, %d entries", head, err, len(p.History))
	}
	late.Store(1 << 20)
	if _, _, err := through.ProveVersion(t.Context(), id, Latest, 1); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "not yet number 1") {
		t.Errorf("always late: %v", err)
	}
}
