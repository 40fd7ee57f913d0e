package main

import (
	"strings"
	"testing"
)

// A node is named once in a quorum, however its URL is written; what may be a secret in it is not told.
func TestDifferentNodes(t *testing.T) {
	for _, twice := range [][]string{
		{"http://127.0.0.1:8545", "http://127.0.0.1:8545"},
		{"http://node.example", "ws://node.example", "HTTP://Node.Example/"},
		{"https://node.example/v1/secret", "https://node.example/v1/secret/"},
	} {
		f := chainFlags{rpc: twice}
		if err := f.differentNodes(); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "://") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", twice, err)
		}
	}
	f := chainFlags{rpc: []string{"http://a.example", "http://a.example:8545", "https://a.example", "http://a.example/Key", "http://a.example/key", "http://b.example"}}
	if err := f.differentNodes(); err != nil {
		t.Error(err)
	}
}
