package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet/store"
)

// gatewayOf serves the blocks of a store that are to be had, as long as the test runs; others may write to the store meanwhile.
func gatewayOf(t *testing.T, home string, has func(cid.Cid) bool) *httptest.Server {
	t.Helper()
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := store.Open(home, store.Options{ReadOnly: true})
		if err != nil {
			t.Error(err)
			return
		}
		defer s.Close()
		c, err := cid.Decode(strings.TrimPrefix(r.URL.Path, "/ipfs/"))
		var b []byte
		if err == nil {
			b, err = s.Get(r.Context(), c)
		}
		if err != nil || !has(c) {
			http.NotFound(w, r)
			return
		}
		w.Write(b)
	}))
	t.Cleanup(gateway.Close)
	return gateway
}

// A name that moves on takes its pin along: else it would be kept that nobody knows to be kept. What a person has pinned stays.
func TestPullMovesThePin(t *testing.T) {
	dir := t.TempDir()
	dictnet, must := commands(t)
	dev, registry := devRegistry(t, must)
	publisher, home := filepath.Join(dir, "publisher"), filepath.Join(dir, "home")
	gateway := gatewayOf(t, publisher, func(cid.Cid) bool { return true })
	publish := func(text string) (manifest, address string) {
		sample := filepath.Join(dir, "sample")
		if err := os.WriteFile(sample, []byte(strings.Repeat(text, 1000)), 0o666); err != nil {
			t.Fatal(err)
		}
		must("build", sample, "-o", "d", "--home", publisher)
		p := must("publish", "d", "--home", publisher, "--rpc", dev.URL(), "--dev-key", "--registry", registry)
		return p["manifest"].(string), p["address"].(string)
	}
	pins := func() string {
		t.Helper()
		code, stdout, stderr := dictnet("pin", "ls", "--home", home)
		if code != exitOK {
			t.Fatal(stderr)
		}
		return strings.Join(strings.Fields(stdout), " ")
	}
	from := []string{"--home", home, "--rpc", dev.URL(), "--gateway", gateway.URL}
	first, address := publish("one text, ")
	must(append([]string{"pull", address, "--as", "releases"}, from...)...)
	if got := pins(); got != first+" releases" {
		t.Errorf("pins: %s", got)
	}
	second, _ := publish("another text, ")
	must(append([]string{"pull", "releases"}, from...)...)
	if got := pins(); got != second+" releases" {
		t.Errorf("after a newer version: %s, want %s", got, second)
	}
	// The name keeps the earlier version; without it, nothing does.
	if gc := must("gc", "--home", home); gc["removed"] != 0.0 {
		t.Errorf("gc: %v", gc)
	}
	if err := os.Remove(filepath.Join(home, "names", "releases.json")); err != nil {
		t.Fatal(err)
	}
	must("pin", "rm", second, "--home", home)
	if gc := must("gc", "--home", home); gc["kept"] != 0.0 {
		t.Errorf("gc: %v", gc)
	}

	must(append([]string{"pull", address, "--as", "releases"}, from...)...)
	must(append([]string{"pin", "add", "releases"}, from...)...)
	third, _ := publish("a third text, ")
	must(append([]string{"pull", "releases"}, from...)...)
	if got := pins(); len(strings.Fields(got)) != 3 || !strings.Contains(got, third+" releases") || !strings.Contains(got, second) {
		t.Errorf("beside one of a person: %s", got)
	}
}
