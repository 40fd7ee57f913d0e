// Command demo runs dictnet's main job once, on two releases of something real, and narrates it: build a dictionary
// from the older release, publish it, anchor it on a chain, encode the newer release, and decode it in another
// process that starts with nothing.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The input: the source of a program that this module needs anyway, in two releases.
const (
	module   = "github.com/ethereum/go-ethereum"
	older    = "v1.17.9"
	newer    = "v1.17.10"
	fileName = "go-ethereum"
)

func main() {
	chain := flag.String("chain", "embedded", "embedded or anvil")
	binary := flag.String("dictnet", "bin/dictnet", "the dictnet binary")
	dir := flag.String("dir", "demo/out", "directory for everything the demo makes; emptied first")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *chain, *binary, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo is one run.
type demo struct {
	ctx    context.Context
	cancel context.CancelFunc
	served []*exec.Cmd // go on until stop
	binary string
	dir    string
	step   int
	times  map[string]time.Duration
}

func newDemo(ctx context.Context, dir string) *demo {
	d := &demo{dir: dir, times: make(map[string]time.Duration)}
	d.ctx, d.cancel = context.WithCancel(ctx)
	return d
}

// start starts a process that goes on until stop.
func (d *demo) start(cmd *exec.Cmd) error {
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	d.served = append(d.served, cmd)
	return nil
}

// stop ends what was started, and returns when it has ended.
func (d *demo) stop() {
	d.cancel()
	for _, cmd := range d.served {
		cmd.Wait() // it was told to end, so the error says nothing
	}
}

func run(ctx context.Context, chain, binary, dir string) error {
	d := newDemo(ctx, dir)
	defer d.stop()
	var err error
	if d.binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}

	d.say("Take two releases of %s from the module cache: %s is the one everybody has, %s is new.", module, older, newer)
	old, oldSize, err := d.release(older)
	if err != nil {
		return err
	}
	file, fileSize, err := d.release(newer)
	if err != nil {
		return err
	}
	d.note("%s %s, %s %s, as tar files", older, mib(oldSize), newer, mib(fileSize))

	d.say("Start a chain (%s) and deploy the registry contract to it.", chain)
	rpc, err := d.startChain(chain)
	if err != nil {
		return err
	}
	var deployed struct {
		Registry string `json:"registry"`
		Gas      uint64 `json:"gas"`
	}
	publisher, client := filepath.Join(dir, "publisher"), filepath.Join(dir, "client")
	if err := d.dictnet(&deployed, "deploy", "chain", "deploy", "--rpc", rpc, "--dev-key", "--home", publisher); err != nil {
		return err
	}
	d.note("registry %s, %d gas, on %s", deployed.Registry, deployed.Gas, rpc)

	d.say("Publisher: build a dictionary from the older release.")
	var built struct {
		Size        uint64 `json:"size"`
		TapeBytes   uint64 `json:"tapeBytes"`
		StoredBytes uint64 `json:"storedBytes"`
	}
	if err := d.dictnet(&built, "build", "build", old, "-o", "releases", "--home", publisher); err != nil {
		return err
	}
	d.note("%d notes, %s on the tape, %s stored", built.Size, mib(int64(built.TapeBytes)), mib(int64(built.StoredBytes)))

	d.say("Publisher: anchor its root on the chain, and serve its notes from an IPFS node in the same process.")
	var published struct {
		Address     string   `json:"address"`
		Root        string   `json:"root"`
		Transaction string   `json:"transaction"`
		Gas         uint64   `json:"gas"`
		Peers       []string `json:"peers"`
	}
	start := time.Now()
	if err := d.serve(&published, "publish", "releases", "--serve", "--listen", "/ip4/127.0.0.1/tcp/0", "--rpc", rpc,
		"--registry", deployed.Registry, "--dev-key", "--home", publisher); err != nil {
		return err
	}
	d.times["publish"] = time.Since(start)
	if len(published.Peers) == 0 {
		return errors.New("the publisher's node has no address")
	}
	d.note("root %s", published.Root)
	d.note("transaction %s, %d gas", published.Transaction, published.Gas)
	d.note("node %s", published.Peers[0])

	d.say("Publisher: encode the newer release against the dictionary.")
	template := filepath.Join(dir, fileName+".dn")
	var encoded struct {
		Written int64 `json:"templateSize"`
		Tape    int64 `json:"tapeBytes"`
		Spans   int64 `json:"spans"`
	}
	if err := d.dictnet(&encoded, "encode", "encode", file, "-d", "releases", "-o", template, "--home", publisher); err != nil {
		return err
	}
	d.note("%s became a template of %s bytes: %d spans and local notes, of which %s play from the dictionary", mib(fileSize), grouped(encoded.Written),
		encoded.Spans, mib(encoded.Tape))

	d.say("Client, another process with an empty store: read the version from the chain, fetch what the template needs, verify, decode.")
	restored := filepath.Join(dir, "restored.tar")
	var decoded struct {
		NotesFetched uint64 `json:"notesFetched"`
		BytesFetched uint64 `json:"bytesFetched"`
		Root         string `json:"root"`
	}
	if err := d.dictnet(&decoded, "fetch, verify, decode", "decode", template, "-o", restored, "-d", published.Address, "--rpc", rpc,
		"--peer", published.Peers[0], "--home", client); err != nil {
		return err
	}
	d.note("%d notes, %s fetched; the root on the chain is %s", decoded.NotesFetched, mib(int64(decoded.BytesFetched)), decoded.Root)
	if err := d.dictnet(nil, "decode again, notes at hand", "decode", template, "-o", restored, "-d", published.Address, "--rpc", rpc, "--home", client); err != nil {
		return err
	}
	same, err := sameFile(file, restored)
	if err != nil {
		return err
	}

	d.say("Auditor, a third process: replay the history from the chain and recompute every root from the bytes.")
	if err := d.dictnet(nil, "audit", "audit", published.Address, "--rpc", rpc, "--peer", published.Peers[0], "--home", filepath.Join(dir, "auditor")); err != nil {
		return err
	}
	d.note("no contradiction")

	d.say("For comparison: zstd -19 on the newer release alone, on all cores.")
	zstdText := "not known"
	start = time.Now()
	if n, err := zstdSize(file); err != nil {
		zstdText += ": " + err.Error()
	} else {
		zstdText = fmt.Sprintf("%s bytes, %.0f times the template; took %.1f s", grouped(n), float64(n)/float64(encoded.Written), time.Since(start).Seconds())
	}
	fmt.Printf("\n")
	for _, r := range [][2]string{
		{"raw size", grouped(fileSize) + " bytes"},
		{"template", fmt.Sprintf("%s bytes, %.3f %% of the file", grouped(encoded.Written), 100*float64(encoded.Written)/float64(fileSize))},
		{"zstd -19 alone", zstdText},
		{"fetched by the client", grouped(int64(decoded.BytesFetched)) + " bytes, once for this and all later templates"},
		{"root on chain", decoded.Root},
		{"byte-identical", yesNo(same)},
		{"build", d.took("build")},
		{"publish and anchor", d.took("publish")},
		{"encode", d.took("encode")},
		{"fetch, verify, decode", d.took("fetch, verify, decode")},
		{"decode, notes at hand", d.took("decode again, notes at hand")},
		{"audit", d.took("audit")},
	} {
		fmt.Printf("  %-22s  %s\n", r[0], r[1])
	}
	if !same {
		return errors.New("the restored file differs")
	}
	return nil
}

func (d *demo) say(format string, args ...any) {
	d.step++
	fmt.Printf("\n%d. %s\n", d.step, fmt.Sprintf(format, args...))
}

func (d *demo) note(format string, args ...any) { fmt.Printf("   "+format+"\n", args...) }

func (d *demo) took(step string) string { return fmt.Sprintf("%.2f s", d.times[step].Seconds()) }

// release makes a tar of a release.
func (d *demo) release(version string) (name string, size int64, err error) {
	cmd := exec.CommandContext(d.ctx, "go", "mod", "download", "-json", module+"@"+version)
	cmd.Dir = os.TempDir() // outside any module
	out, err := cmd.Output()
	if err != nil {
		return "", 0, fmt.Errorf("download %s %s: %w: %s", module, version, err, out)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", 0, fmt.Errorf("go mod download: %w", err)
	}
	name = filepath.Join(d.dir, fileName+"-"+version+".tar")
	size, err = writeTar(name, m.Dir)
	return name, size, err
}

// dictnet runs one verb to its end and reads its result.
func (d *demo) dictnet(result any, step string, args ...string) error {
	d.command(args)
	start := time.Now()
	cmd := exec.CommandContext(d.ctx, d.binary, append(args, "--json")...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	d.times[step] = time.Since(start)
	if err != nil {
		return fmt.Errorf("dictnet %s: %w", args[0], err)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(out, result); err != nil {
		return fmt.Errorf("dictnet %s: result: %w", args[0], err)
	}
	return nil
}

// serve starts a verb that goes on until the demo ends, and reads its result.
func (d *demo) serve(result any, args ...string) error {
	d.command(args)
	cmd := exec.CommandContext(d.ctx, d.binary, append(args, "--json")...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.start(cmd); err != nil {
		return err
	}
	if err := json.NewDecoder(out).Decode(result); err != nil {
		return fmt.Errorf("dictnet %s: result: %w", args[0], err)
	}
	return nil
}

// command shows what is run, with the paths as a person would type them.
func (d *demo) command(args []string) {
	line := strings.ReplaceAll(strings.Join(args, " "), d.dir+string(filepath.Separator), "")
	fmt.Printf("   $ dictnet %s\n", line)
}

// startChain starts a chain that ends with the demo, and returns where it answers.
func (d *demo) startChain(kind string) (rpc string, err error) {
	switch kind {
	case "embedded":
		var started struct {
			RPC string `json:"rpc"`
		}
		err := d.serve(&started, "chain", "dev", "--listen", "127.0.0.1:0", "--dir", filepath.Join(d.dir, "chain"))
		return started.RPC, err
	case "anvil":
		const binary = "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
		d.note("$ anvil --port 0")
		cmd := exec.CommandContext(d.ctx, binary, "--port", "0")
		out, err := cmd.StdoutPipe()
		if err != nil {
			return "", err
		}
		if err := d.start(cmd); err != nil {
			return "", err
		}
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, addr, ok := strings.Cut(lines.Text(), "Listening on "); ok {
				go io.Copy(io.Discard, out)
				return "http://" + strings.TrimSpace(addr), nil
			}
		}
		return "", errors.New("anvil ended before it listened")
	}
	return "", fmt.Errorf("chain %q is neither embedded nor anvil", kind)
}

// sameFile reports whether two files hold the same bytes.
func sameFile(a, b string) (bool, error) {
	x, err := os.ReadFile(a)
	if err != nil {
		return false, err
	}
	y, err := os.ReadFile(b)
	return string(x) == string(y), err
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
