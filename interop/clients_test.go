//go:build interop

package interop

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet"
	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/store"
)

// Clients of one address, as all of an office are, are not refused for being many: forty processes at once bring a dictionary home from another host.
func TestManyClientsOfOneAddress(t *testing.T) {
	t.Parallel()
	h := newHosts(t)
	var err error
	if h.binary, err = filepath.Abs(plainDictnet); err != nil {
		t.Fatal(err)
	}
	old := make([]byte, 300_000)
	r := rand.NewChaCha8([32]byte{5})
	r.Read(old)
	if err := os.WriteFile(filepath.Join(h.dir, "old"), old, 0o666); err != nil {
		t.Fatal(err)
	}
	h.run(h.a, "publisher", "build", "old", "-o", "releases")
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
	var clients sync.WaitGroup
	for i := range 40 {
		clients.Go(func() {
			cmd := h.on(h.b, fmt.Sprint("reader", i), "pull", published.Manifest, "--peer", started.Peers[0])
			if said, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("client %d: %v: %s", i, err, said)
			}
		})
	}
	clients.Wait()
}

// BenchmarkPeers has clients fetch one dictionary of 32 MiB at once from a node, over libp2p, and check every block: one client, a hundred, and a hundred of
// which three are Kubo. The clients but Kubo run in this process and share the processors with the node, so what counts is the ratio: MB/s of all clients
// together. node-MB is the most that the node had resident.
func BenchmarkPeers(b *testing.B) {
	const size = 32 << 20
	var one float64
	for _, test := range []struct{ clients, kubos, times int }{{1, 0, 20}, {100, 0, 1}, {97, 3, 1}} {
		b.Run(fmt.Sprintf("%d-and-%d-kubo", test.clients, test.kubos), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				x := newBench(b)
				x.sampleOf(size)
				name, _ := x.dictionary("home")
				at := x.node("home")
				home, err := store.Open(b.TempDir(), store.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer home.Close()
				want := blocksOf(b, home, at, name)
				var pins []func() error
				for i := range test.kubos {
					repo := fmt.Sprint("kubo", i)
					env := x.kubo(repo)
					x.daemon(repo, env)
					x.run(kuboPath, env, "swarm", "connect", at)
					pins = append(pins, func() error {
						pin := exec.Command(kuboPath, "pin", "add", name)
						pin.Env = append(os.Environ(), env...)
						return pin.Run()
					})
				}
				var nodes []*ipfs.Node
				for range test.clients {
					n, err := ipfs.Start(ipfs.Options{Blocks: home.Blocks(), Peers: []string{at}, DialTimeout: time.Minute})
					if err != nil {
						b.Fatal(err)
					}
					defer n.Close()
					nodes = append(nodes, n)
				}
				before := x.cpu("home")
				b.StartTimer()
				begin := time.Now()
				for range test.times {
					var all sync.WaitGroup
					for _, n := range nodes {
						all.Go(func() {
							if err := fetchAll(b.Context(), n, want); err != nil {
								b.Error(err)
							}
						})
					}
					for _, pin := range pins {
						all.Go(func() {
							if err := pin(); err != nil {
								b.Error(err)
							}
						})
					}
					all.Wait()
				}
				rate := float64((test.clients+test.kubos)*test.times) * size / 1e6 / time.Since(begin).Seconds()
				if test.clients == 1 {
					one = rate
				}
				b.ReportMetric((x.cpu("home")-before)/(float64((test.clients+test.kubos)*test.times)*size/1e9), "node-cpu-s/GB")
				b.ReportMetric(rate, "MB/s")
				b.ReportMetric(rate/one, "x-one")
				b.ReportMetric(x.resident("home"), "node-MB")
			}
		})
	}
}

// blocksOf lists the blocks of a version.
func blocksOf(b *testing.B, home *store.Store, at, name string) (all []cid.Cid) {
	n, err := ipfs.Start(ipfs.Options{Blocks: home.Blocks(), Peers: []string{at}})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	c := dictnet.NewClient(dictnet.Options{Store: home, Sources: []dictnet.Source{n}})
	defer c.Close()
	manifest, err := cid.Decode(name)
	if err != nil {
		b.Fatal(err)
	}
	t, err := c.OpenManifest(b.Context(), manifest)
	if err != nil {
		b.Fatal(err)
	}
	for note, err := range t.Manifest().Notes(b.Context(), 0) {
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, note.CID)
	}
	return all
}

// fetchAll fetches blocks as a client does, 64 in a request and four requests at a time, and checks them.
func fetchAll(ctx context.Context, n *ipfs.Node, want []cid.Cid) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sess, err := n.Open(ctx)
	if err != nil {
		return err
	}
	requests := make(chan []cid.Cid)
	failed := make(chan error, 4)
	for range cap(failed) {
		go func() {
			var failure error
			for some := range requests {
				left := len(some)
				err := sess.Fetch(ctx, some, func(c cid.Cid, data []byte) {
					if sum := sha256.Sum256(data); strings.HasSuffix(string(c.Hash()), string(sum[:])) {
						left--
					}
				})
				if err == nil && left > 0 {
					err = fmt.Errorf("%d of %d blocks did not come", left, len(some))
				}
				failure = errors.Join(failure, err)
			}
			failed <- failure
		}()
	}
	for len(want) > 0 {
		k := min(64, len(want))
		requests <- want[:k]
		want = want[k:]
	}
	close(requests)
	for range cap(failed) {
		err = errors.Join(err, <-failed)
	}
	return err
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// resident returns the most that a process has had in memory, in MB.
func (x *bench) resident(name string) float64 {
	x.b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", x.pids[name]))
	m := highWater.FindSubmatch(status)
	if err != nil || m == nil {
		x.b.Fatal(err)
	}
	kB, _ := strconv.Atoi(string(m[1]))
	return float64(kB) / 1e3
}
