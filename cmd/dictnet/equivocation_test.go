package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"dictnet/chain/devchain"
)

// Two nodes that call themselves the same chain and hold different versions of one dictionary: the audit and a quorum say so, with what
// each said.
func TestNodesThatContradictEachOther(t *testing.T) {
	dir := t.TempDir()
	dictnet, must := commands(t)
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
		registry := must("chain", "deploy", "--rpc", chain.URL(), "--dev-key", "--home", home)["registry"].(string)
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

// Two nodes that have the same block, and say different things of what the registry held in it: the evidence has both, be it that one of them does
// not know the dictionary, or that only the owner is another. A node that does not answer hides nothing of what the others say.
func TestNodesThatContradictEachOtherInOneBlock(t *testing.T) {
	dictnet, must := commands(t)
	chain, registry := devRegistry(t, must)
	home := filepath.Join(t.TempDir(), "home")
	must("build", someText(t), "-o", "d", "--home", home)
	id := must("publish", "d", "--home", home, "--rpc", chain.URL(), "--dev-key", "--registry", registry)["dictionary"].(string)
	lies := func(lie func(answer map[string]any)) string {
		return changedNode(t, chain.URL(), func(request []byte, answer map[string]any) {
			if bytes.Contains(request, []byte(`"eth_call"`)) { // what the registry answers
				lie(answer)
			}
		})
	}
	failing := lies(func(answer map[string]any) {
		delete(answer, "result")
		answer["error"] = map[string]any{"code": -32000, "message": "out of order"}
	})
	for name, lie := range map[string]func(answer map[string]any){
		"no such dictionary": func(answer map[string]any) {
			delete(answer, "result")
			answer["error"] = map[string]any{"code": 3, "message": "execution reverted",
				"data": hexutil.Encode(crypto.Keccak256([]byte("NotRegistered(bytes32)"))[:4]) + id[2:]}
		},
		"another owner": func(answer map[string]any) {
			head := hexutil.MustDecode(answer["result"].(string))
			head[32+7*32+31] ^= 1
			answer["result"] = hexutil.Encode(head)
		},
	} {
		lying := lies(lie)
		code, stdout, stderr := dictnet("audit", "d", "--home", home, "--rpc", chain.URL(), "--rpc", failing, "--rpc", lying)
		if code != exitRefused || !strings.Contains(stdout, chain.URL()+" and "+lying+" hold different heads") {
			t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
		}
		_, stdout, _ = dictnet("audit", "d", "--home", home, "--rpc", chain.URL(), "--rpc", lying, "--json")
		var report struct{ Findings []struct{ Want, Got string } }
		if err := json.Unmarshal([]byte(stdout), &report); err != nil || len(report.Findings) != 1 {
			t.Fatalf("%s: %s: %v", name, stdout, err)
		}
		_, want, _ := strings.Cut(report.Findings[0].Want, ": ")
		if _, got, _ := strings.Cut(report.Findings[0].Got, ": "); want == got {
			t.Errorf("%s: the evidence is %q against itself", name, got)
		}
	}
}

// A node that tells nothing of blocks any more ends no audit: all else is reported, and that he could not be compared.
func TestAuditWithoutANode(t *testing.T) {
	dictnet, must := commands(t)
	chain, registry := devRegistry(t, must)
	at, err := url.Parse(chain.URL())
	if err != nil {
		t.Fatal(err)
	}
	forward := httputil.NewSingleHostReverseProxy(at)
	half := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || bytes.Contains(body, []byte("eth_getBlockByNumber")) {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		forward.ServeHTTP(w, r)
	}))
	defer half.Close()
	home := filepath.Join(t.TempDir(), "home")
	must("build", someText(t), "-o", "d", "--home", home)
	must("publish", "d", "--home", home, "--rpc", chain.URL(), "--dev-key", "--registry", registry)
	code, stdout, stderr := dictnet("audit", "d", "--home", home, "--rpc", chain.URL(), "--rpc", half.URL)
	if code != exitUnavailable || !strings.Contains(stdout, "root computed") || !strings.Contains(stdout, half.URL) {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}

// changedNode serves what a node says after somebody has changed it.
func changedNode(t *testing.T, node string, change func(request []byte, answer map[string]any)) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		resp, err := http.Post(node, "application/json", bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		var answer map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Error(err)
		}
		change(body, answer)
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// commands returns what runs a command line in this process, and what returns its result and wants it to be done.
func commands(t *testing.T) (dictnet func(args ...string) (code int, stdout, stderr string), must func(args ...string) map[string]any) {
	dictnet = func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		code = run(t.Context(), args, strings.NewReader(""), &out, &errs)
		return code, out.String(), errs.String()
	}
	must = func(args ...string) map[string]any {
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
	return dictnet, must
}

// devRegistry starts a development chain that ends with the test, and deploys a registry there.
func devRegistry(t *testing.T, must func(args ...string) map[string]any) (dev *devchain.Chain, registry string) {
	t.Helper()
	dev, err := devchain.Start(t.Context(), devchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	return dev, must("chain", "deploy", "--rpc", dev.URL(), "--dev-key", "--home", t.TempDir())["registry"].(string)
}

// someText returns a file of which a dictionary can be built.
func someText(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "sample")
	if err := os.WriteFile(name, bytes.Repeat([]byte("some text, "), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	return name
}

// A development chain that is started anew has the registry at the same address, and nothing in it: the hint says how to publish there.
func TestChainStartedAnew(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	dictnet, must := commands(t)
	sample := filepath.Join(dir, "sample")
	if err := os.WriteFile(sample, bytes.Repeat([]byte("some text, "), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	must("build", sample, "-o", "d")
	var manifest, rpc string
	for i := range 2 {
		chain, err := devchain.Start(t.Context(), devchain.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { chain.Close() })
		rpc = chain.URL()
		registry := must("chain", "deploy", "--rpc", rpc, "--dev-key")["registry"].(string)
		if i == 0 {
			manifest = must("publish", "d", "--rpc", rpc, "--dev-key", "--registry", registry)["manifest"].(string)
			continue
		}
		code, _, stderr := dictnet("publish", "d", "--rpc", rpc, "--dev-key", "--registry", registry)
		if code != exitUnavailable || !strings.Contains(stderr, "hint: ") || !strings.Contains(stderr, "dictnet pull "+manifest+" --as NAME") {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		must("pull", manifest, "--as", "anew")
		must("publish", "anew", "--rpc", rpc, "--dev-key", "--registry", registry)
	}
}

// A node that gives no proofs, as many do not, holds nobody back who has named another one, too.
func TestProofByAnotherNode(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	dictnet, must := commands(t)
	chain, registry := devRegistry(t, must)
	must("build", someText(t), "-o", "d")
	must("publish", "d", "--rpc", chain.URL(), "--dev-key", "--registry", registry)
	without := changedNode(t, chain.URL(), func(request []byte, answer map[string]any) {
		if bytes.Contains(request, []byte(`"eth_getProof"`)) {
			delete(answer, "result")
			answer["error"] = map[string]any{"code": -32601, "message": "the method eth_getProof does not exist"}
		}
	})
	if code, _, stderr := dictnet("verify", "d", "--prove", "--rpc", without); code == exitOK || !strings.Contains(stderr, "does not exist") {
		t.Errorf("without a proof: exit code %d: %s", code, stderr)
	}
	if trust := must("verify", "d", "--prove", "--rpc", without, "--rpc", chain.URL())["trust"].(string); !strings.Contains(trust, "proved by the block 2 of 2 nodes name") {
		t.Errorf("believed for %s", trust)
	}
}
