//go:build !front

package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/store"
)

// A node calls the peers that it has lost though what it announces takes long, or is taken by nobody.
func TestCallsPeersWhileItAnnounces(t *testing.T) {
	dir := t.TempDir()
	_, must := commands(t)
	home := filepath.Join(dir, "home")
	must("build", someText(t), "-o", "d", "--home", home)
	open := func(dir string) *store.Store {
		s, err := store.Open(dir, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	other := open(filepath.Join(dir, "other"))
	key, err := ipfs.LoadKey(other)
	if err != nil {
		t.Fatal(err)
	}
	begin := func(listen string) (*ipfs.Node, string) {
		n, err := ipfs.Start(ipfs.Options{Blocks: other.Blocks(), Key: key, Listen: []string{listen}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n, n.Addrs()[0]
	}
	peer, addr := begin("/ip4/127.0.0.1/tcp/0")
	if err := peer.Close(); err != nil {
		t.Fatal(err)
	}

	a := &app{stdout: io.Discard, stderr: io.Discard, log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	ready := make(chan bool)
	f := nodeFlags{listen: []string{"/ip4/127.0.0.1/tcp/0"}, peers: []string{addr}, dht: true, again: 100 * time.Millisecond}
	served := open(home)
	go func() {
		ended <- a.runNode(ctx, served, f, func(reachable) error {
			close(ready)
			return nil
		})
	}()
	<-ready
	time.Sleep(500 * time.Millisecond) // it has called in vain, and looks for somebody to announce to, for 10 s
	peer, _ = begin(addr[:len(addr)-len("/p2p/")-len(peer.ID())])
	for deadline := time.Now().Add(5 * time.Second); len(peer.Connected()) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("the peer is not called")
			break
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
