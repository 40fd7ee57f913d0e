//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// hosts are two machines with a cable between them: network namespaces, of which the test has its own.
type hosts struct {
	t      *testing.T
	a, b   string
	dir    string
	binary string
}

const (
	addrA = "10.77.0.1"
	addrB = "10.77.0.2"
	rate  = "80mbit"
)

// twoHosts makes the machines, without a cable.
func twoHosts(t *testing.T) *hosts {
	binary, err := filepath.Abs(dictnetPath)
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("%d-%d", os.Getpid(), madeHosts.Add(1))
	h := &hosts{t: t, a: "dictnet-a-" + id, b: "dictnet-b-" + id, dir: t.TempDir(), binary: binary}
	h.namespace(h.a)
	h.namespace(h.b)
	return h
}

var madeHosts atomic.Int32

func (h *hosts) namespace(ns string) {
	h.t.Helper()
	h.ip("netns", "add", ns)
	h.t.Cleanup(func() { exec.Command("ip", "netns", "delete", ns).Run() })
	h.ip("-n", ns, "link", "set", "lo", "up")
}

func newHosts(t *testing.T) *hosts {
	h := twoHosts(t)
	h.ip("-n", h.a, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", h.b)
	h.ip("-n", h.a, "address", "add", addrA+"/24", "dev", "cable")
	h.ip("-n", h.b, "address", "add", addrB+"/24", "dev", "cable")
	h.ip("-n", h.b, "link", "set", "cable", "up")
	h.plug(true)
	if out, err := exec.Command("tc", "-n", h.a, "qdisc", "add", "dev", "cable", "root", "tbf", "rate", rate, "burst", "64kb", "latency", "200ms").CombinedOutput(); err != nil {
		t.Fatalf("tc: %v: %s", err, out)
	}
	return h
}

func (h *hosts) ip(args ...string) []byte {
	h.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("ip %s: %v: %s (the test needs iproute2, and root)", strings.Join(args, " "), err, out)
	}
	return out
}

// plug connects or disconnects the cable, at the publisher's end: the reader just hears nothing any more.
func (h *hosts) plug(in bool) {
	h.t.Helper()
	h.ip("-n", h.a, "link", "set", "cable", map[bool]string{true: "up", false: "down"}[in])
}

// received returns how many bytes have come through the cable to the reader.
func (h *hosts) received() uint64 {
	h.t.Helper()
	var links []struct {
		Stats64 struct{ RX struct{ Bytes uint64 } }
	}
	if err := json.Unmarshal(h.ip("-n", h.b, "-s", "-j", "link", "show", "cable"), &links); err != nil || len(links) != 1 {
		h.t.Fatal(err, len(links))
	}
	return links[0].Stats64.RX.Bytes
}

// on makes a command that runs on a host.
func (h *hosts) on(host, home string, args ...string) *exec.Cmd {
	cmd := exec.Command("ip", append([]string{"netns", "exec", host, h.binary}, append(args, "--home", filepath.Join(h.dir, home))...)...)
	cmd.Dir = h.dir
	return cmd
}

func (h *hosts) run(host, home string, args ...string) []byte {
	h.t.Helper()
	cmd := h.on(host, home, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("%v: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}

// A network that disappears in the middle of a fetch and returns costs time and nothing else; one that does not return is an
// error that says which block is missing and who was asked, and the next attempt goes on where this one ended.
func TestNetworkDisappears(t *testing.T) {
	t.Parallel()
	h := newHosts(t)
	old := make([]byte, 24<<20)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(old)
	if err := os.WriteFile(filepath.Join(h.dir, "old"), old, 0o666); err != nil {
		t.Fatal(err)
	}
	h.run(h.a, "publisher", "build", "old", "-o", "releases")
	h.run(h.a, "publisher", "encode", "old", "-d", "releases", "-o", "template.dn")
	var published struct{ Manifest string }
	if err := json.Unmarshal(h.run(h.a, "publisher", "publish", "releases", "--no-chain", "--json"), &published); err != nil {
		t.Fatal(err)
	}

	node := h.on(h.a, "publisher", "node", "--listen", "/ip4/"+addrA+"/tcp/4011", "--http", "", "--json")
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		node.Process.Signal(os.Interrupt)
		node.Wait()
	})
	var started struct{ Peers []string }
	if err := json.NewDecoder(out).Decode(&started); err != nil {
		t.Fatal(err)
	}
	peer := started.Peers[0]

	// cutOff runs a pull and pulls the plug when a part has come.
	type result struct {
		err    error
		stderr string
	}
	cutOff := func(home, timeout string) <-chan result {
		t.Helper()
		before := h.received()
		cmd := h.on(h.b, home, "pull", published.Manifest, "--peer", peer, "--timeout", timeout)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan result, 1)
		go func() {
			err := cmd.Wait()
			ended <- result{err, stderr.String()}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for h.received()-before < 6<<20 {
			select {
			case r := <-ended:
				t.Fatalf("the pull ended before the cable was pulled: %v %s", r.err, r.stderr)
			case <-ctx.Done():
				t.Fatal("nothing comes")
			case <-time.After(10 * time.Millisecond):
			}
		}
		h.plug(false)
		return ended
	}

	ended := cutOff("reader", "60s")
	time.Sleep(4 * time.Second) // long enough for the reader to have noticed
	select {
	case r := <-ended:
		t.Fatalf("the pull did not wait: %v %s", r.err, r.stderr)
	default:
	}
	h.plug(true)
	if r := <-ended; r.err != nil {
		t.Fatalf("the network is back: %v %s", r.err, r.stderr)
	}
	h.run(h.b, "reader", "decode", "template.dn", "-o", "back", "-d", published.Manifest, "--offline")
	back, err := os.ReadFile(filepath.Join(h.dir, "back"))
	if err != nil || !bytes.Equal(back, old) {
		t.Fatalf("other bytes came back: %v", err)
	}

	r2 := <-cutOff("reader2", "4s")
	exit, ok := r2.err.(*exec.ExitError)
	if !ok || exit.ExitCode() != 4 {
		t.Errorf("exit %v, want 4: %s", r2.err, r2.stderr)
	}
	for _, word := range []string{"unavailable", "note ", "bafkrei", peer[strings.LastIndex(peer, "/")+1:]} {
		if !strings.Contains(r2.stderr, word) {
			t.Errorf("error %q does not say %q", r2.stderr, word)
		}
	}
	h.plug(true)
	before := h.received()
	h.run(h.b, "reader2", "pull", published.Manifest, "--peer", peer)
	if again := h.received() - before; again > uint64(len(old))*9/10 {
		t.Errorf("%d bytes came again, of %d", again, len(old))
	}
	h.run(h.b, "reader2", "decode", "template.dn", "-o", "back2", "-d", published.Manifest, "--offline")
}
