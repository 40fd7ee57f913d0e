package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Who forgets a dictionary whose publication is under way is told by which transaction, and gets it back by its address.
func TestForgottenWhileAPublicationIsUnderWay(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DICTNET_HOME", filepath.Join(dir, "home"))
	_, must := commands(t)
	dev, registry := devRegistry(t, must)
	more := filepath.Join(dir, "more")
	if err := os.WriteFile(more, bytes.Repeat([]byte("more text, "), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	to := []string{"--rpc", dev.URL(), "--dev-key"}
	var address any
	for _, name := range []string{"d", "e"} {
		must("build", someText(t), "-o", name)
		address = must(append([]string{"publish", name, "--registry", registry}, to...)...)["address"]
	}
	must("build", more, "-o", "e")
	dev.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	if code := run(ctx, append([]string{"publish", "e"}, to...), strings.NewReader(""), &stdout, &stderr); code != exitInterrupted {
		t.Fatalf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
	for _, left := range must("forget", "d", "e")["forgotten"].([]any) {
		f := left.(map[string]any)
		tx, told := f["outstanding"].(string)
		if f["name"] == "d" && told || f["name"] == "e" && (!strings.HasPrefix(tx, "0x") || f["address"] != address) {
			t.Errorf("%v", f)
		}
	}
	dev.Resume()
	for deadline := time.Now().Add(20 * time.Second); must("chain", "show", address.(string), "--rpc", dev.URL())["version"] != 2.0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not mined")
		}
	}
	must("pull", address.(string), "--rpc", dev.URL(), "--as", "e")
}
