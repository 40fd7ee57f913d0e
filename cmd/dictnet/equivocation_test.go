package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dictnet/chain/devchain"
)

// Two nodes that call themselves the same chain and hold different versions of one dictionary: the audit and a quorum say so, with what
// each said.
func TestNodesThatContradictEachOther(t *testing.T) {
	dir := t.TempDir()
	dictnet := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
	must := func(args ...string) map[string]any {
		t.Helper()
		code, stdout, stderr := dictnet(append(args, "--json")...)
		if code != exitOK {
			t.Fatalf("dictnet %v: exit code %d: %s", args, code, stderr)
		}
		var result map[string]any
		if err := json.Unmarshal([]byte(stdout), &result); err != nil {
			t.Fatal(err)
		}
		return result
	}
	var urls []string
	var address, home string
	for _, text := range []string{"one truth, ", "another truth, "} {
		chain, err := devchain.Start(t.Context(), devchain.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { chain.Close() })
		home = filepath.Join(dir, text)
		sample := filepath.Join(dir, "sample")
		if err := os.WriteFile(sample, bytes.Repeat([]byte(text), 1000), 0o666); err != nil {
			t.Fatal(err)
		}
		registry := must("chain", "deploy", "--rpc", chain.URL(), "--dev-key")["registry"].(string)
		must("build", sample, "-o", "d", "--home", home)
		published := must("publish", "d", "--home", home, "--rpc", chain.URL(), "--dev-key", "--registry", registry)
		urls, address = append(urls, chain.URL()), published["address"].(string)
	}
	// The first node is the honest one of the home that is looked at last.
	code, stdout, stderr := dictnet("audit", address, "--home", home, "--rpc", urls[1], "--rpc", urls[0])
	if code != exitRefused || !strings.Contains(stdout, "contradictions") || !strings.Contains(stderr, urls[0]) || !strings.Contains(stderr, urls[1]) {
		t.Errorf("audit: exit code %d\n%s%s", code, stdout, stderr)
	}
	code, _, stderr = dictnet("verify", "d", "--home", home, "--rpc", urls[1], "--rpc", urls[0])
	if code != exitRefused || !strings.Contains(stderr, urls[0]) {
		t.Errorf("quorum: exit code %d\n%s", code, stderr)
	}
	if code, _, stderr = dictnet("verify", "d", "--home", home, "--rpc", urls[1]); code != exitOK {
		t.Errorf("one node: exit code %d\n%s", code, stderr)
	}
}
