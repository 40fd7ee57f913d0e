package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"

	"dictnet/chain"
	"dictnet/chain/devchain"
)

// What the owner has said of a version for all time reaches those who look at its history; a reason is bytes that he chose.
func TestAuditTellsWhatIsDeprecated(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	dictnet, must := commands(t)
	dev, address := devRegistry(t, must)
	must("build", someText(t), "-o", "d")
	at, err := chain.ParseReference(must("publish", "d", "--rpc", dev.URL(), "--dev-key", "--registry", address)["address"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if audit := must("audit", "d", "--rpc", dev.URL()); audit["deprecated"] != nil {
		t.Errorf("%v", audit)
	}
	client, err := chain.Dial(t.Context(), dev.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	registry, err := chain.Open(t.Context(), client, at.Registry)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := chain.DevKey(devchain.Accounts()[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registry.Deprecate(t.Context(), owner, at.ID, 1, "a hole\x1b[2J"); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := dictnet("audit", "d", "--rpc", dev.URL())
	if code != exitOK || !strings.Contains(stdout, `version 1, for "a hole\x1b[2J"`) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if list, _ := must("audit", "d", "--rpc", dev.URL())["deprecated"].([]any); len(list) != 1 {
		t.Errorf("%v", list)
	}
}

// Nodes are compared in the block that was audited: one who lied about it, and then tells the truth of the next, is found out.
func TestAuditComparesWhatItAudits(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	dictnet, must := commands(t)
	dev, address := devRegistry(t, must)
	must("build", someText(t), "-o", "d")
	must("publish", "d", "--rpc", dev.URL(), "--dev-key", "--registry", address)
	calls := 0
	lying := changedNode(t, dev.URL(), func(request []byte, answer map[string]any) {
		if bytes.Contains(request, []byte(`"eth_call"`)) {
			if calls++; calls == 1 {
				head := hexutil.MustDecode(answer["result"].(string))
				head[32+7*32+31] ^= 1 // owner
				answer["result"] = hexutil.Encode(head)
			}
		}
		if bytes.Contains(request, []byte(`"eth_getTransactionByHash"`)) { // the history is read
			dev.Mine(1)
		}
	})
	if code, stdout, stderr := dictnet("audit", "d", "--rpc", lying, "--rpc", dev.URL()); code != exitRefused || !strings.Contains(stdout, "hold different heads") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
