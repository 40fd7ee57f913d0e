package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ipfs/go-cid"

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

// Who watches goes on when notes, or a node, are not there for a while: it is told once, and the audit is made when they are.
func TestWatchGoesOn(t *testing.T) {
	dir := t.TempDir()
	_, must := commands(t)
	dev, address := devRegistry(t, must)
	publisher := filepath.Join(dir, "publisher")
	publish := func(text string) string {
		sample := filepath.Join(dir, "sample")
		if err := os.WriteFile(sample, []byte(strings.Repeat(text, 1000)), 0o666); err != nil {
			t.Fatal(err)
		}
		must("build", sample, "-o", "d", "--home", publisher)
		return must("publish", "d", "--home", publisher, "--rpc", dev.URL(), "--dev-key", "--registry", address)["address"].(string)
	}
	at := publish("one text, ")
	var notes, out atomic.Bool // the notes are there; the node is out of order
	gateway := gatewayOf(t, publisher, func(c cid.Cid) bool { return c.Prefix().Codec != cid.Raw || notes.Load() })
	node := changedNode(t, dev.URL(), func(_ []byte, answer map[string]any) {
		if out.Load() {
			delete(answer, "result")
			answer["error"] = map[string]any{"code": -32005, "message": "limit exceeded"}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reports, stdout := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"audit", at, "--home", filepath.Join(dir, "auditor"), "--rpc", node, "--gateway", gateway.URL, "--watch", "--interval", "20ms", "--json"},
			strings.NewReader(""), stdout, &stderr)
		stdout.CloseWithError(io.ErrUnexpectedEOF)
	}()
	late := time.AfterFunc(30*time.Second, cancel)
	defer late.Stop()
	list := json.NewDecoder(reports)
	type counts struct{ Published, Unavailable uint64 }
	read := func() (c counts) {
		t.Helper()
		if err := list.Decode(&c); err != nil {
			t.Fatalf("%v; exit code %d: %s", err, <-code, &stderr)
		}
		return c
	}
	check := func(c counts, published, unavailable uint64) {
		t.Helper()
		if c.Published != published || c.Unavailable == 0 != (unavailable == 0) {
			t.Errorf("%+v", c)
		}
	}
	next := func(published, unavailable uint64) {
		t.Helper()
		check(read(), published, unavailable)
	}
	next(1, 1)
	time.Sleep(300 * time.Millisecond) // for it to be tried again in vain
	notes.Store(true)
	got := read()
	if got.Unavailable > 0 { // an audit was under way, and something else was said to be why: that is told, too
		check(got, 1, 1)
		got = read()
	}
	check(got, 1, 0)
	out.Store(true)
	time.Sleep(300 * time.Millisecond)
	publish("another text, ")
	out.Store(false)
	next(2, 0)
	cancel()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d: %s", got, &stderr)
	}
	if told := strings.Count(stderr.String(), "level=WARN"); told < 2 || told > 3 { // the node may have gone in the midst of something
		t.Errorf("told %d times:\n%s", told, &stderr)
	}
}
