//go:build peers

package chain

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The chains that others make, as `npm ci` in contracts/ installs them. That one is missing is a failure: with the tag
// peers somebody asks for these very tests.

const mnemonic = "test test test test test test test test test test test junk"

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func installed(tb testing.TB, path ...string) string {
	tb.Helper()
	p, err := filepath.Abs(filepath.Join(append([]string{"..", "contracts", "node_modules"}, path...)...))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := os.Stat(p); err != nil {
		tb.Fatalf("%v: run npm ci in contracts/", err)
	}
	return p
}

// startPeer runs a chain until the test ends, and waits until it says that it listens.
func startPeer(tb testing.TB, ready string, name string, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = tb.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		stopped := make(chan struct{})
		go func() { cmd.Wait(); close(stopped) }()
		select {
		case <-stopped:
		case <-time.After(10 * time.Second):
			cmd.Process.Kill()
			<-stopped
		}
	})
	listening := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		var said strings.Builder
		for lines.Scan() {
			fmt.Fprintln(&said, lines.Text())
			if strings.Contains(lines.Text(), ready) {
				listening <- ""
			}
		}
		listening <- said.String()
	}()
	select {
	case said := <-listening:
		if said != "" {
			tb.Fatalf("%s ended: %s", filepath.Base(name), said)
		}
	case <-time.After(30 * time.Second):
		tb.Fatalf("%s did not start within 30 s", filepath.Base(name))
	}
	return cmd
}

func startAnvil(tb testing.TB, args ...string) (url string) {
	tb.Helper()
	port := strconv.Itoa(freePort(tb))
	startPeer(tb, "Listening on", installed(tb, "@foundry-rs", "anvil-linux-amd64", "bin", "anvil"), append([]string{"--port", port, "--mnemonic", mnemonic}, args...)...)
	return "http://127.0.0.1:" + port
}

func startGanache(tb testing.TB, args ...string) (url string) {
	tb.Helper()
	port := strconv.Itoa(freePort(tb))
	startPeer(tb, "RPC Listening on", "node", append([]string{installed(tb, "ganache", "dist", "node", "cli.js"),
		"--server.host", "127.0.0.1", "--server.port", port, "--wallet.mnemonic", mnemonic}, args...)...)
	return "http://127.0.0.1:" + port
}

func TestConformanceAnvil(t *testing.T)   { conformance(t, startAnvil(t)) }
func TestConformanceGanache(t *testing.T) { conformance(t, startGanache(t)) }

func TestReorgAnvil(t *testing.T) {
	url := startAnvil(t)
	c := dialTest(t, url)
	call := func(method string, args ...any) {
		t.Helper()
		if err := c.call(t.Context(), nil, method, args...); err != nil {
			t.Error(err)
		}
	}
	reorgs(t, url, func(n int) { call("anvil_mine", n) }, func(n int) { call("anvil_reorg", n, []any{}) })
}

// Anvil and Ganache keep their state if asked to; a dictionary is still there, and can be proved, after a restart.
func TestRestartAnvil(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	var reference Reference
	tape := newTape("restart", 20)
	for round := range uint64(2) {
		t.Run("", func(t *testing.T) {
			client := dialTest(t, startAnvil(t, "--state", state))
			owner := devSigner(t, 0)
			if round == 0 {
				registry, _, err := Deploy(t.Context(), client, owner)
				if err != nil {
					t.Fatal(err)
				}
				id, _, err := registry.Register(t.Context(), owner, [32]byte{})
				if err != nil {
					t.Fatal(err)
				}
				reference = registry.Reference(id)
			}
			registry, err := Open(t.Context(), client, reference.Registry)
			if err != nil {
				t.Fatal(err)
			}
			v := tape.version(t, round*5+5)
			if _, err := registry.Publish(t.Context(), owner, reference.ID, tape.version(t, round*5), v, manifestOf(v), tape.proof(t, round*5, round*5+5)); err != nil {
				t.Fatal(err)
			}
			h, err := registry.Head(t.Context(), reference.ID)
			if err != nil || h.Version != v || h.Number != round+1 {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}
