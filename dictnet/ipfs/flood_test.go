package ipfs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	bsnetwork "github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	blocks "github.com/ipfs/go-block-format"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multistream"

	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

// rogue is a peer that speaks bitswap and answers each want-list as it likes.
type rogue struct {
	net    bsnetwork.BitSwapNetwork
	answer func(r *rogue, from peer.ID, msg bsmsg.BitSwapMessage)
	mu     sync.Mutex
	asked  int
}

func startRogue(t *testing.T, answer func(*rogue, peer.ID, bsmsg.BitSwapMessage)) (*rogue, string) {
	t.Helper()
	h, err := libp2p.New(libp2p.ListenAddrStrings(loopback...), libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.DisableRelay())
	if err != nil {
		t.Fatal(err)
	}
	r := &rogue{net: bsnet.NewFromIpfsHost(h), answer: answer}
	r.net.Start(r)
	t.Cleanup(func() {
		r.net.Stop()
		h.Close()
	})
	return r, fmt.Sprintf("%s/p2p/%s", h.Addrs()[0], h.ID())
}

func (r *rogue) ReceiveMessage(_ context.Context, from peer.ID, msg bsmsg.BitSwapMessage) {
	r.mu.Lock()
	r.asked += len(msg.Wantlist())
	r.mu.Unlock()
	go r.answer(r, from, msg)
}
func (r *rogue) ReceiveError(error)       {}
func (r *rogue) PeerConnected(peer.ID)    {}
func (r *rogue) PeerDisconnected(peer.ID) {}

func (r *rogue) send(to peer.ID, msg bsmsg.BitSwapMessage) {
	r.net.SendMessage(context.Background(), to, msg) // the other end may have had enough
}

// A peer that floods, claims without sending, says nothing, or hangs up costs little beside a good one; alone, one who does something is an error that
// names the block and him long before the timeout. Nothing of what he sends is kept.
func TestRoguePeers(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 300, 2000)
	good := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	for name, behave := range map[string]struct {
		answer func(*rogue, peer.ID, bsmsg.BitSwapMessage)
		active bool // he shows what he is
	}{
		"floods": {func(r *rogue, to peer.ID, _ bsmsg.BitSwapMessage) {
			for i := range 100 {
				m := bsmsg.New(false)
				for j := range 10 {
					m.AddBlock(blocks.NewBlock(fmt.Appendf(make([]byte, 100_000), "nobody asked for this %d.%d", i, j)))
				}
				r.send(to, m)
			}
		}, true},
		"sends one thing for all": {func(r *rogue, to peer.ID, msg bsmsg.BitSwapMessage) {
			for range msg.Wantlist() {
				m := bsmsg.New(false)
				m.AddBlock(blocks.NewBlock([]byte("always this")))
				r.send(to, m)
			}
		}, true},
		"hangs up": {func(r *rogue, to peer.ID, _ bsmsg.BitSwapMessage) { r.net.Host().Network().ClosePeer(to) }, false},
		"claims": {func(r *rogue, to peer.ID, msg bsmsg.BitSwapMessage) {
			m := bsmsg.New(false)
			for _, e := range msg.Wantlist() {
				m.AddHave(e.Cid)
			}
			r.send(to, m)
		}, false},
		"silent": {func(*rogue, peer.ID, bsmsg.BitSwapMessage) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, at := startRogue(t, behave.answer)
			home := openStore(t)
			c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: append([]string{at}, good.Addrs()...)}), 5*time.Minute)
			if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Fatalf("beside a good one: %v", err)
			}
			if _, err := home.Check(t.Context(), nil); err != nil {
				t.Error(err)
			}

			timeout := 2 * time.Second
			if behave.active {
				timeout = 5 * time.Minute // which is not needed
			}
			alone := openStore(t)
			c = newClient(t, alone, start(t, Options{Blocks: alone.Blocks(), Peers: []string{at}}), timeout)
			err := c.Pull(t.Context(), p.Ref, "", nil)
			var missing *dictnet.MissingError
			if !errors.As(err, &missing) || missing.CID != p.Ref.Manifest || !strings.Contains(err.Error(), bad.net.Self().String()) {
				t.Errorf("alone: %v", err)
			}
			if st, err := alone.Stats(t.Context()); err != nil || st != (store.Stats{}) {
				t.Errorf("kept %+v, %v", st, err)
			}
			bad.mu.Lock()
			defer bad.mu.Unlock()
			if bad.asked == 0 {
				t.Error("he was never asked")
			}
		})
	}
}

// A peer who opens streams and says nothing on them takes the memory of a few peers, not that of all.
func TestMemoryOfOnePeer(t *testing.T) {
	server := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, Memory: 256 << 20}) // 1,024 streams
	open := func(streams int) peer.ID {
		t.Helper()
		h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.DisableRelay())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		if err := h.Connect(t.Context(), peer.AddrInfo{ID: server.host.ID(), Addrs: server.host.Addrs()}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(network.WithNoDial(t.Context(), "once"), 10*time.Second)
		defer cancel()
		for range streams {
			s, err := h.Network().NewStream(ctx, server.host.ID())
			if err != nil {
				break
			}
			s.SetDeadline(time.Now().Add(10 * time.Second))
			multistream.NewMSSelect(s, bsnet.ProtocolBitswap).Write([]byte{0x80}) // the beginning of a message
		}
		return h.ID()
	}
	open(1000)
	one := open(100)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conns := server.host.Network().ConnsToPeer(one)
		if len(conns) == 1 && len(conns[0].GetStreams()) >= 100 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("another has %d connections", len(conns))
		}
	}
}

// Of what a peer sends unasked nothing is kept, and one who was never asked is not remembered when he has gone.
func TestUnaskedIsForgotten(t *testing.T) {
	node := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback})
	r, _ := startRogue(t, func(*rogue, peer.ID, bsmsg.BitSwapMessage) {})
	if err := r.net.Connect(t.Context(), peer.AddrInfo{ID: node.host.ID(), Addrs: node.host.Addrs()}); err != nil {
		t.Fatal(err)
	}
	b, me := node.client, r.net.Self()
	until := func(what string, f func(c *conversation) bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
			b.mu.Lock()
			done := f(b.peers[me])
			b.mu.Unlock()
			if done {
				return
			}
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	large := bsmsg.New(false)
	large.AddBlock(blocks.NewBlock(make([]byte, 2<<20)))
	r.send(node.host.ID(), large)
	until("it has not come, or is kept", func(c *conversation) bool { return c != nil && c.lie == nil })
	many := bsmsg.New(false)
	for i := range maxUnasked {
		many.AddBlock(blocks.NewBlock([]byte{byte(i)}))
	}
	r.send(node.host.ID(), many)
	until("he is remembered", func(c *conversation) bool { return c == nil })
}
