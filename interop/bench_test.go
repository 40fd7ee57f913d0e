//go:build interop

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchSize is how much is stored and fetched, in bytes. It does not compress, so that the notes are as large.
const benchSize = 1 << 30

// bench is a place for the benchmarks' processes: `make bench-network` builds plainDictnet, without the race detector.
type bench struct {
	b    *testing.B
	dir  string
	pids map[string]int // of what was started
	used time.Duration  // of the processors, by what was run last
}

const plainDictnet = "bin/dictnet-plain"

func newBench(b *testing.B) *bench {
	b.Helper()
	return &bench{b, b.TempDir(), make(map[string]int), 0}
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
	x.used = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
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
	x.pids[name] = cmd.Process.Pid
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
func (x *bench) sample() { x.sampleOf(benchSize) }

func (x *bench) sampleOf(size int64) {
	x.b.Helper()
	f, err := os.Create(x.path("sample"))
	if err != nil {
		x.b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte{2}), size); err != nil {
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

// BenchmarkFetch fetches a GiB of notes from one peer on loopback: dictnet from dictnet and Kubo from Kubo, by turns, and each from the other. What is reported of the
// first two is the median of the turns; cpu is what both ends used, in seconds.
func BenchmarkFetch(b *testing.B) {
	const turns = 3
	for range b.N {
		x := newBench(b)
		x.sample()
		manifest, _ := x.dictionary("home")
		if err := os.Remove(x.path("sample")); err != nil {
			b.Fatal(err)
		}
		peer := x.node("home")
		first := x.kubo("kubo")
		at := x.daemon("kubo", first)
		x.run(kuboPath, first, "swarm", "connect", peer)
		fromUs, _ := x.run(kuboPath, first, "pin", "add", manifest)
		var ours, theirs, ratios, ourCPU, theirCPU []float64
		for i := range turns {
			reader := fmt.Sprint("reader", i)
			before := x.cpu("home")
			took, _ := x.run(plainDictnet, nil, "pull", manifest, "--peer", peer, "--home", reader)
			ours, ourCPU = append(ours, took.Seconds()), append(ourCPU, x.cpu("home")-before+x.used.Seconds())
			x.remove(reader)

			second := x.kubo(reader)
			x.daemon(reader, second)
			x.run(kuboPath, second, "swarm", "connect", at)
			before = x.cpu("kubo") + x.cpu(reader)
			took, _ = x.run(kuboPath, second, "pin", "add", manifest)
			theirs, theirCPU = append(theirs, took.Seconds()), append(theirCPU, x.cpu("kubo")+x.cpu(reader)-before)
			x.stop(reader)
			x.remove(reader)
			ratios = append(ratios, theirs[i]/ours[i])
		}
		fromKubo, _ := x.run(plainDictnet, nil, "pull", manifest, "--peer", at, "--home", "reader")
		b.ReportMetric(benchSize/1e6/median(ours), "MB/s-dictnet")
		b.ReportMetric(benchSize/1e6/median(theirs), "MB/s-kubo")
		b.ReportMetric(median(ratios), "x-kubo")
		b.ReportMetric(median(ourCPU), "cpu-dictnet")
		b.ReportMetric(median(theirCPU), "cpu-kubo")
		x.report(fromUs, "MB/s-kubo-from-dictnet")
		x.report(fromKubo, "MB/s-dictnet-from-kubo")
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// cpu returns how many seconds of the processors a process has used.
func (x *bench) cpu(name string) float64 {
	x.b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.pids[name]))
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 15 {
		x.b.Fatal(err)
	}
	var ticks int
	for _, f := range fields[13:15] { // of a program without blanks in its name
		n, err := strconv.Atoi(f)
		if err != nil {
			x.b.Fatal(err)
		}
		ticks += n
	}
	return float64(ticks) / 100
}

func (x *bench) stop(name string) {
	x.b.Helper()
	p, err := os.FindProcess(x.pids[name])
	if err == nil {
		err = p.Signal(os.Interrupt)
	}
	if err != nil {
		x.b.Fatal(err)
	}
	x.until(name+" has ended", func() bool { // its parent, this process, may not have heard of it yet
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", x.pids[name]))
		return err != nil || strings.Contains(string(text), ") Z ")
	})
}

func (x *bench) remove(name string) {
	x.b.Helper()
	if err := os.RemoveAll(x.path(name)); err != nil {
		x.b.Fatal(err)
	}
}
