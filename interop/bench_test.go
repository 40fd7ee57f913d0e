//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/store"
)

// benchSize is how much is stored and fetched, in bytes. It does not compress, so that the notes are as large.
const benchSize = 1 << 30

// bench is a place for the benchmarks' processes: `make bench-network` builds plainDictnet, without the race detector.
type bench struct {
	b   *testing.B
	dir string
}

const plainDictnet = "bin/dictnet-plain"

func newBench(b *testing.B) *bench {
	b.Helper()
	return &bench{b, b.TempDir()}
}

func (x *bench) path(name string) string { return filepath.Join(x.dir, name) }

// run runs a program to its end and returns how long it took and what it said.
func (x *bench) run(program string, env []string, args ...string) (time.Duration, []byte) {
	x.b.Helper()
	path, err := filepath.Abs(program)
	if err != nil {
		x.b.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env = x.dir, append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	out, err := cmd.Output()
	if err != nil {
		x.b.Fatalf("%s %v: %v\n%s", program, args, err, stderr.Bytes())
	}
	return time.Since(begin), out
}

// start starts a program that goes on until the benchmark ends, with its output in a file.
func (x *bench) start(name, program string, env []string, args ...string) {
	x.b.Helper()
	path, err := filepath.Abs(program)
	if err != nil {
		x.b.Fatal(err)
	}
	out, err := os.Create(x.path(name + ".out"))
	if err != nil {
		x.b.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout = x.dir, append(os.Environ(), env...), out
	if err := cmd.Start(); err != nil {
		x.b.Fatal(err)
	}
	x.b.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer late.Stop()
		cmd.Wait()
	})
}

func (x *bench) until(what string, is func() bool) {
	x.b.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if is() {
			return
		}
	}
	x.b.Fatalf("a minute went by before %s", what)
}

// sample writes the file whose notes are moved.
func (x *bench) sample() {
	x.b.Helper()
	f, err := os.Create(x.path("sample"))
	if err != nil {
		x.b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{2}), benchSize); err != nil {
		x.b.Fatal(err)
	}
}

// dictionary builds a dictionary of the sample in a home, and returns its manifest and how long it took.
func (x *bench) dictionary(home string) (manifest string, took time.Duration) {
	x.b.Helper()
	took, out := x.run(plainDictnet, nil, "build", "sample", "-o", "d", "--home", home, "--json")
	var built struct{ Manifest string }
	if err := json.Unmarshal(out, &built); err != nil {
		x.b.Fatal(err)
	}
	return built.Manifest, took
}

// node serves a home, and returns the address.
func (x *bench) node(home string) string {
	x.b.Helper()
	x.start(home, plainDictnet, nil, "node", "--home", home, "--listen", "/ip4/127.0.0.1/tcp/0", "--http", "", "--json")
	var started struct{ Peers []string }
	x.until("the node listens", func() bool {
		text, err := os.ReadFile(x.path(home + ".out"))
		return err == nil && json.Unmarshal(text, &started) == nil && len(started.Peers) > 0
	})
	return started.Peers[0]
}

// kubo makes a repository with Kubo's own store and settings, but alone, and returns what its commands need in the environment.
func (x *bench) kubo(name string) []string {
	x.b.Helper()
	env := []string{"IPFS_PATH=" + x.path(name), "IPFS_TELEMETRY=off"}
	x.run(kuboPath, env, "init", "--profile=test", "--empty-repo")
	if err := configure(x.path(name), map[string]any{
		"Bootstrap": []string{}, "AutoConf.Enabled": false, "AutoTLS.Enabled": false, "Discovery.MDNS.Enabled": false, "Routing.Type": "none",
		"DNS.Resolvers": map[string]string{}, "Routing.DelegatedRouters": []string{}, "Ipns.DelegatedPublishers": []string{},
		"Addresses.Swarm": []string{"/ip4/127.0.0.1/tcp/0"}, "Addresses.API": "/ip4/127.0.0.1/tcp/0", "Addresses.Gateway": "/ip4/127.0.0.1/tcp/0",
	}); err != nil {
		x.b.Fatal(err)
	}
	return env
}

// daemon starts Kubo over a repository, and returns the address.
func (x *bench) daemon(name string, env []string) string {
	x.b.Helper()
	x.start(name, kuboPath, env, "daemon")
	x.until("the daemon is ready", func() bool {
		log, _ := os.ReadFile(x.path(name + ".out"))
		return bytes.Contains(log, []byte("Daemon is ready"))
	})
	var id struct{ Addresses []string }
	_, out := x.run(kuboPath, env, "id")
	if err := json.Unmarshal(out, &id); err != nil || len(id.Addresses) == 0 {
		x.b.Fatal(err)
	}
	return id.Addresses[0]
}

func (x *bench) report(took time.Duration, unit string) {
	x.b.ReportMetric(benchSize/1e6/took.Seconds(), unit)
}

// BenchmarkStore stores a GiB of notes: dictnet by cutting and sealing a file, and by importing a CAR; Kubo by adding the file with raw leaves of
// the size of a note, without a daemon.
func BenchmarkStore(b *testing.B) {
	for range b.N {
		x := newBench(b)
		x.sample()
		manifest, build := x.dictionary("home")
		x.run(plainDictnet, nil, "publish", "d", "--no-chain", "--car", "d.car", "--home", "home")
		importing, _ := x.run(plainDictnet, nil, "pull", "d.car", "--as", "d", "--home", "home2")
		env := x.kubo("kubo")
		add, _ := x.run(kuboPath, env, "add", "--offline", "--raw-leaves", "--cid-version=1", "--chunker=size-131072", "--quieter", "--progress=false", "sample")
		dag, _ := x.run(kuboPath, env, "dag", "import", "--offline", "d.car")
		_ = manifest
		x.report(build, "MB/s-build")
		x.report(importing, "MB/s-pull-car")
		x.report(add, "MB/s-kubo-add")
		x.report(dag, "MB/s-kubo-import")
		b.ReportMetric(add.Seconds()/build.Seconds(), "x-build-to-add")
		b.ReportMetric(add.Seconds()/importing.Seconds(), "x-pull-to-add")
	}
}

// BenchmarkFetch fetches a GiB of notes from one peer on loopback: dictnet from dictnet, Kubo from Kubo, and each from the other.
func BenchmarkFetch(b *testing.B) {
	for range b.N {
		x := newBench(b)
		x.sample()
		manifest, _ := x.dictionary("home")
		if err := os.Remove(x.path("sample")); err != nil {
			b.Fatal(err)
		}
		peer := x.node("home")
		ours, _ := x.run(plainDictnet, nil, "pull", manifest, "--peer", peer, "--home", "reader")
		first, second := x.kubo("kubo1"), x.kubo("kubo2")
		at := x.daemon("kubo1", first)
		x.run(kuboPath, first, "swarm", "connect", peer)
		fromUs, _ := x.run(kuboPath, first, "pin", "add", manifest)
		x.daemon("kubo2", second)
		x.run(kuboPath, second, "swarm", "connect", at)
		theirs, _ := x.run(kuboPath, second, "pin", "add", manifest)
		fromKubo, _ := x.run(plainDictnet, nil, "pull", manifest, "--peer", at, "--home", "reader2")
		x.report(ours, "MB/s-dictnet")
		x.report(theirs, "MB/s-kubo")
		x.report(fromUs, "MB/s-kubo-from-dictnet")
		x.report(fromKubo, "MB/s-dictnet-from-kubo")
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-kubo")
	}
}

// distance is the round trip that BenchmarkFirstByte injects: much longer than anything else that it does.
const distance = 400 * time.Millisecond

// far relays TCP connections to an address, and delays what goes either way by half of the distance. It returns where it listens.
func far(b *testing.B, to string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	type piece struct {
		at   time.Time
		data []byte
	}
	relay := func(dst, src net.Conn) {
		pieces := make(chan piece, 4096)
		go func() {
			defer close(pieces)
			for {
				data := make([]byte, 64<<10)
				n, err := src.Read(data)
				if n > 0 {
					pieces <- piece{time.Now().Add(distance / 2), data[:n]}
				}
				if err != nil {
					return
				}
			}
		}()
		defer dst.Close()
		for p := range pieces {
			time.Sleep(time.Until(p.at))
			if _, err := dst.Write(p.data); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				time.Sleep(distance) // what a handshake of TCP would take
				there, err := net.Dial("tcp", to)
				if err != nil {
					near.Close()
					return
				}
				go relay(there, near)
				relay(near, there)
			}()
		}
	}()
	return l.Addr().String()
}

// BenchmarkFirstByte counts the round trips until the first byte of a decode whose notes are remote, from a peer that is connected, and from
// one that has yet to be called. The dictionary has three levels: manifest, branch, page.
func BenchmarkFirstByte(b *testing.B) {
	open := func(dir string) *store.Store {
		s, err := store.Open(dir, store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.Close() })
		return s
	}
	ctx := context.Background()
	origin := open(b.TempDir())
	e, err := dictnet.NewPublisher(origin).Extend(ctx, "d")
	if err != nil {
		b.Fatal(err)
	}
	r := rand.NewChaCha8([32]byte{3})
	var content bytes.Buffer
	for range 300 {
		raw := make([]byte, 100_000)
		r.Read(raw)
		content.Write(raw)
		block, err := codec.SealNote(raw)
		if err == nil {
			err = e.Add(block)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	p, err := e.Commit()
	if err != nil {
		b.Fatal(err)
	}
	local := dictnet.NewClient(dictnet.Options{Store: origin})
	defer local.Close()
	tape, err := local.Open(ctx, p.Ref)
	if err != nil {
		b.Fatal(err)
	}
	var anchors, template bytes.Buffer
	if err := codec.BuildIndex(ctx, tape, 4096, &anchors); err != nil {
		b.Fatal(err)
	}
	index, err := codec.OpenIndex(bytes.NewReader(anchors.Bytes()), int64(anchors.Len()))
	if err != nil {
		b.Fatal(err)
	}
	if _, err := codec.Encode(ctx, &template, bytes.NewReader(content.Bytes()[5_000_000:6_000_000]), codec.EncodeOptions{Dictionary: &p.Ref, Tape: tape, Index: index}); err != nil {
		b.Fatal(err)
	}
	server, err := ipfs.Start(ipfs.Options{Blocks: origin.Blocks(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	parts := strings.Split(server.Addrs()[0], "/") // "", ip4, host, tcp, port, p2p, id
	host, port, err := net.SplitHostPort(far(b, net.JoinHostPort(parts[2], parts[4])))
	if err != nil {
		b.Fatal(err)
	}
	peer := fmt.Sprintf("/ip4/%s/tcp/%s/p2p/%s", host, port, parts[6])

	for _, connected := range []bool{true, false} {
		b.Run(map[bool]string{true: "connected", false: "not-connected"}[connected], func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				home := open(b.TempDir())
				node, err := ipfs.Start(ipfs.Options{Blocks: home.Blocks(), Peers: []string{peer}, DialTimeout: time.Minute})
				if err != nil {
					b.Fatal(err)
				}
				if connected {
					if err := node.Connect(ctx); err != nil {
						b.Fatal(err)
					}
					time.Sleep(3 * distance) // until both have said what they speak
				}
				client := dictnet.NewClient(dictnet.Options{Store: home, Sources: []dictnet.Source{node}, Idle: 10 * time.Second, Timeout: time.Minute})
				b.StartTimer()
				begin := time.Now()
				dec, err := codec.NewDecoder(ctx, bytes.NewReader(template.Bytes()), client.OpenTape)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(dec, make([]byte, 1)); err != nil {
					b.Fatal(err)
				}
				took := time.Since(begin)
				b.ReportMetric(took.Seconds()/distance.Seconds(), "round-trips")
				b.StopTimer()
				dec.Close()
				client.Close()
				node.Close()
			}
		})
	}
}
