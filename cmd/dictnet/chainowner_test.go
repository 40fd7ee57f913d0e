package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// A node that does not give the events of so long ago says nothing of who may publish, and all else is shown.
func TestPublishersThatANodeDoesNotTell(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	dictnet, must := commands(t)
	dev, registry := devRegistry(t, must)
	must("build", someText(t), "-o", "d")
	must("publish", "d", "--rpc", dev.URL(), "--dev-key", "--registry", registry)
	kind := hexutil.Encode(crypto.Keccak256([]byte("PublisherSet(bytes32,address,bool)")))
	narrow := changedNode(t, dev.URL(), func(request []byte, answer map[string]any) {
		if bytes.Contains(request, []byte(kind)) {
			delete(answer, "result")
			answer["error"] = map[string]any{"code": -32005, "message": "range is too wide"}
		}
	})
	code, stdout, stderr := dictnet("chain", "show", "d", "--rpc", narrow)
	if code != exitOK || !strings.Contains(stdout, "not known: ") || !strings.Contains(stdout, "range is too wide") || !strings.Contains(stdout, "version 1, ") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if publishers, told := must("chain", "show", "d", "--rpc", narrow)["publishers"]; !told || publishers != nil {
		t.Errorf("publishers: %v", publishers)
	}
}
