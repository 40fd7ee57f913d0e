package ipfs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// routing is a node's part in a Kademlia DHT, IPFS's own protocol: it announces what the node has, and finds out who
// has what it wants. Only manifests are announced and looked up: whoever has a manifest has its notes, or knows of them.
type routing struct {
	host host.Host
	dht  *dht.IpfsDHT

	mu     sync.Mutex
	looked map[cid.Cid]time.Time // when a manifest was last looked up
}

const (
	maxProviders = 8                // that are called for one manifest
	lookupTime   = 10 * time.Second // for finding and calling them
	lookAgain    = time.Minute      // a lookup is not repeated sooner
)

// startRouting joins the DHT that the seeds are part of. A node that listens also serves it.
func startRouting(h host.Host, seeds []peer.AddrInfo, serve bool) (*routing, error) {
	mode := dht.ModeClient
	if serve {
		mode = dht.ModeServer
	}
	d, err := dht.New(h, dht.Mode(mode), dht.BootstrapPeers(seeds...))
	if err != nil {
		return nil, fmt.Errorf("start node: join the DHT: %w", err)
	}
	if err := d.Bootstrap(context.Background()); err != nil {
		d.Close()
		return nil, fmt.Errorf("start node: join the DHT: %w", err)
	}
	return &routing{host: h, dht: d, looked: make(map[cid.Cid]time.Time)}, nil
}

// ready waits until at least one other node of the DHT is known.
func (r *routing) ready(ctx context.Context) error {
	for r.dht.RoutingTable().Size() == 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no other node of the DHT answers: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// Announce tells the DHT that this node has the manifests. Announcements are forgotten after two days, so they
// are to be repeated. It does nothing on a node without a DHT.
func (n *Node) Announce(ctx context.Context, manifests ...cid.Cid) error {
	if n.routing == nil || len(manifests) == 0 {
		return nil
	}
	wait, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	if err := n.routing.ready(wait); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	for _, c := range manifests {
		if err := n.routing.dht.Provide(ctx, c, true); err != nil {
			return fmt.Errorf("announce %s: %w", c, err)
		}
	}
	return nil
}

// find connects with nodes that have announced those of the blocks that are manifests or pages.
func (r *routing) find(ctx context.Context, want []cid.Cid) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for _, c := range want {
		if c.Prefix().Codec != cid.DagCBOR || !r.due(c) || r.ready(ctx) != nil {
			continue
		}
		for p := range r.dht.FindProvidersAsync(ctx, c, maxProviders) {
			if p.ID == r.host.ID() || r.host.Network().Connectedness(p.ID) == network.Connected {
				continue
			}
			r.host.Connect(ctx, p) // one that cannot be reached is not asked
		}
	}
}

// due reports whether a block is to be looked up now, and takes note that it is.
func (r *routing) due(c cid.Cid) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.looked[c]) < lookAgain {
		return false
	}
	r.looked[c] = time.Now()
	return true
}
