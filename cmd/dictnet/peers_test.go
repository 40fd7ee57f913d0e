//go:build peers

package main

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
)

// TestRolesAnvil runs testdata/network on a real Anvil, which `npm ci` in contracts/ installs.
func TestRolesAnvil(t *testing.T) {
	cmd := exec.Command("../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", "--port", "0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v (run `make test`, or `npm ci` in contracts/)", err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, addr, ok := strings.Cut(lines.Text(), "Listening on "); ok {
			go func() {
				for lines.Scan() { // so that it can go on talking
				}
			}()
			runNetworkScripts(t, "http://"+addr)
			return
		}
	}
	t.Fatal("anvil ended before it listened")
}
