package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"

	"dictnet/chain"
	"dictnet/chain/devchain"
)

// Two machines with one key have two dictionaries of one name, which have one address: who comes second is told so, and his dictionary is not bound
// to what it does not continue.
func TestNamesThatCollide(t *testing.T) {
	dir := t.TempDir()
	dictnet, must := commands(t)
	dev, registry := devRegistry(t, must)
	to := []string{"--rpc", dev.URL(), "--dev-key", "--registry", registry}
	for _, home := range []string{"first", "second"} {
		sample := filepath.Join(dir, home+".sample")
		if err := os.WriteFile(sample, bytes.Repeat([]byte(home+" text, "), 1000), 0o666); err != nil {
			t.Fatal(err)
		}
		must("build", sample, "-o", "d", "--home", filepath.Join(dir, home))
	}
	address := must(append([]string{"publish", "d", "--home", filepath.Join(dir, "first")}, to...)...)["address"].(string)
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "second"))
	code, _, stderr := dictnet(append([]string{"publish", "d"}, to...)...)
	if code != exitRefused || !strings.Contains(stderr, "dictnet pull "+address+" --as d") || !strings.Contains(stderr, "--as NAME") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	// It is what it was.
	if trust := must("verify", "d", "--rpc", dev.URL())["trust"]; trust != "the local name d" {
		t.Errorf("the second dictionary is believed for %s", trust)
	}
	_, hint, _ := strings.Cut(stderr, "else dictnet ")
	hint, _, _ = strings.Cut(hint, " gives")
	must(strings.Fields(strings.Replace(hint, "NAME", "mine", 1))...)
	if mine := must(append([]string{"publish", "mine"}, to...)...)["address"]; mine == address {
		t.Errorf("both are at %s", mine)
	}
}

// Who was interrupted after the registration finds the dictionary again, and publishes.
func TestInterruptedAfterRegistration(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	_, must := commands(t)
	dev, address := devRegistry(t, must)
	must("build", someText(t), "-o", "d")
	client, err := chain.Dial(t.Context(), dev.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	at, err := chain.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	registry, err := chain.Open(t.Context(), client, at)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := chain.DevKey(devchain.Accounts()[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := registry.Register(t.Context(), owner, sha256.Sum256([]byte("dictnet:d")))
	if err != nil {
		t.Fatal(err)
	}
	if got := must("publish", "d", "--rpc", dev.URL(), "--dev-key", "--registry", address)["dictionary"]; got != id.String() {
		t.Errorf("published as %s, registered was %s", got, id)
	}
	// The name has the address now.
	if trust := must("verify", "d", "--rpc", dev.URL())["trust"].(string); !strings.Contains(trust, registry.Reference(id).String()) {
		t.Errorf("believed for %s", trust)
	}
}

// Of a version that is deep enough already nobody asks in which block its transaction is, which nodes forget.
func TestConfirmationsOfAnOldVersion(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	_, must := commands(t)
	dev, registry := devRegistry(t, must)
	forgetful := changedNode(t, dev.URL(), func(request []byte, answer map[string]any) {
		if bytes.Contains(request, []byte(`"eth_getTransactionReceipt"`)) {
			answer["result"] = nil
		}
	})
	must("build", someText(t), "-o", "d")
	block := must("publish", "d", "--rpc", dev.URL(), "--dev-key", "--registry", registry)["block"]
	dev.Mine(5)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"publish", "d", "--rpc", forgetful, "--dev-key", "--confirmations", "3", "--json"}, strings.NewReader(""), &stdout, &stderr)
	if code != exitOK || !strings.Contains(stdout.String(), fmt.Sprintf(`"block": %v,`, block)) {
		t.Errorf("exit code %d: %s%s, want block %v", code, stdout.String(), stderr.String(), block)
	}
}

// Who says which chain is meant signs nothing for another, whatever the node says; who does not is shown what the node says.
func TestChainOfTheFirstPublication(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	dictnet, must := commands(t)
	dev, registry := devRegistry(t, must)
	must("build", someText(t), "-o", "d")
	var sent atomic.Bool
	lying := changedNode(t, dev.URL(), func(request []byte, answer map[string]any) {
		switch {
		case bytes.Contains(request, []byte(`"eth_chainId"`)):
			answer["result"] = "0x7a69" // 31337
		case bytes.Contains(request, []byte(`"eth_sendRawTransaction"`)):
			sent.Store(true)
		}
	})
	to := []string{"publish", "d", "--dev-key"}
	named := fmt.Sprintf("eip155:%d:%s", devchain.ChainID, registry)
	code, _, stderr := dictnet(append(to, "--rpc", lying, "--registry", named)...)
	if code != exitUnavailable || !strings.Contains(stderr, "its id is 31337") || sent.Load() {
		t.Errorf("a node that lies: exit code %d, sent %v: %s", code, sent.Load(), stderr)
	}
	for _, bad := range []string{"eip155:" + registry, "eip155:01:" + registry, "eip155:0:" + registry, "eip155:1", "eip155:1:" + registry + "/0x00"} {
		if code, _, stderr = dictnet(append(to, "--rpc", dev.URL(), "--registry", bad)...); code != exitUsage {
			t.Errorf("%s: exit code %d: %s", bad, code, stderr)
		}
	}
	code, _, stderr = dictnet(append(to, "--rpc", dev.URL(), "--registry", named)...)
	if code != exitOK || !strings.Contains(stderr, fmt.Sprintf("on chain %d as %s says", devchain.ChainID, dev.URL())) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	// It is anchored there, and nowhere else.
	if code, _, stderr = dictnet(append(to, "--rpc", dev.URL(), "--registry", "eip155:1:"+registry)...); code != exitUsage || !strings.Contains(stderr, "of chain") {
		t.Errorf("another chain: exit code %d: %s", code, stderr)
	}
	must(append(to, "--rpc", dev.URL(), "--registry", named)...)
}

// A deployment that was interrupted goes on when it is repeated: there is one registry, and one was paid for.
func TestInterruptedDeployment(t *testing.T) {
	t.Setenv("DICTNET_HOME", filepath.Join(t.TempDir(), "home"))
	dictnet, must := commands(t)
	dev, err := devchain.Start(t.Context(), devchain.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dev.Close() })
	sent := make(chan bool, 1)
	late := changedNode(t, dev.URL(), func(request []byte, answer map[string]any) {
		switch {
		case bytes.Contains(request, []byte(`"eth_sendRawTransaction"`)):
			sent <- true
		case bytes.Contains(request, []byte(`"eth_getTransactionReceipt"`)):
			answer["result"] = nil
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"chain", "deploy", "--rpc", late, "--dev-key"}, strings.NewReader(""), io.Discard, io.Discard)
	}()
	<-sent
	time.Sleep(200 * time.Millisecond)
	cancel()
	if got := <-code; got != exitInterrupted {
		t.Fatalf("exit code %d", got)
	}
	first := must("chain", "deploy", "--rpc", dev.URL(), "--dev-key")["registry"].(string)
	client, err := rpc.DialContext(t.Context(), dev.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	account := devchain.Accounts()[0].Address
	var count hexutil.Uint64
	if err := client.CallContext(t.Context(), &count, "eth_getTransactionCount", account, "latest"); err != nil || count != 1 {
		t.Errorf("%d transactions, %v", count, err)
	}
	if want := crypto.CreateAddress(account, 0); !strings.EqualFold(first, want.Hex()) {
		t.Errorf("registry %s, want %s", first, want)
	}
	// Who wants another one gets it.
	if second := must("chain", "deploy", "--rpc", dev.URL(), "--dev-key")["registry"]; second == first {
		t.Error("the second is the first")
	}
	if code, _, stderr := dictnet("ls"); code != exitUnavailable {
		t.Errorf("a deployment makes a store: exit code %d: %s", code, stderr)
	}
}
