package ipfs

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"
	dht "github.com/libp2p/go-libp2p-kad-dht"
	"github.com/libp2p/go-libp2p-kad-dht/dual"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"

	"dictnet/dictnet/manifest"
)

// routing is a node's part in IPFS's own Kademlia DHTs, the public one and that of the local network, as Kubo has them: it
// announces what the node has, and finds out who has what it wants. Only manifests and their pages are announced and
// looked up: whoever has them has their notes, or knows of them.
type routing struct {
	host host.Host
	dht  *dual.DHT
	tell func(context.Context, cid.Cid) error // the DHT that this node has a block

	mu     sync.Mutex
	looked map[cid.Cid]time.Time // when a manifest was last looked up
	told   map[cid.Cid]time.Time // when a manifest or page was last announced
}

// announceAgain is when an announcement is to be repeated. DHTs forget it after two days.
const announceAgain = 12 * time.Hour

// AnnounceAgain reports whether what was announced at a time is to be announced again.
func AnnounceAgain(last time.Time) bool { return passed(last) >= announceAgain }

// passed is how much time has passed by the clock on the wall: the monotonic clock, which time.Since goes by, stands still while a machine sleeps, and others forget meanwhile. A
// time that is yet to come, left by a clock that was wrong, is long ago.
func passed(since time.Time) time.Duration {
	if d := time.Now().Round(0).Sub(since); d >= 0 {
		return d
	}
	return math.MaxInt64
}

const (
	maxProviders  = 8                // that are called for one manifest
	lookupTime    = 10 * time.Second // for finding and calling them
	lookAgain     = time.Minute      // a lookup is not repeated sooner
	announceTime  = time.Minute      // for one announcement
	announceWidth = 8                // announcements under way; when so many have failed in a row, the others wait for a better time
)

// startRouting joins the DHTs that the seeds are part of. A node that listens also serves them.
func startRouting(h host.Host, seeds []peer.AddrInfo, serve bool) (*routing, error) {
	mode := dht.ModeClient
	if serve {
		mode = dht.ModeServer
	}
	d, err := dual.New(h,
		dual.DHTOption(dht.Mode(mode), dht.BootstrapPeers(seeds...)),
		dual.WanDHTOption(dht.Datastore(newDHTRecords())),
		dual.LanDHTOption(dht.Datastore(newDHTRecords())),
		// Several nodes on one machine are a local network, too.
		dual.LanDHTOption(dht.AddressFilter(func(addrs []ma.Multiaddr) []ma.Multiaddr { return addrs })))
	if err != nil {
		return nil, fmt.Errorf("start node: join the DHT: %w", err)
	}
	if err := d.Bootstrap(context.Background()); err != nil {
		d.Close()
		return nil, fmt.Errorf("start node: join the DHT: %w", err)
	}
	tell := func(ctx context.Context, c cid.Cid) error { return d.Provide(ctx, c, true) }
	return &routing{host: h, dht: d, tell: tell, looked: make(map[cid.Cid]time.Time), told: make(map[cid.Cid]time.Time)}, nil
}

// ready waits until at least one other node of a DHT is known.
func (r *routing) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for r.dht.WAN.RoutingTable().Size()+r.dht.LAN.RoutingTable().Size() == 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("no other node of the DHT answers: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// Announce tells the DHT that this node has manifests and their pages, as far as it does have them, and as far as it has not told it lately (AnnounceAgain). Notes
// are not announced. One announcement that fails hinders no other: the next call makes up for it. It does nothing on a node without a DHT.
func (n *Node) Announce(ctx context.Context, manifests ...cid.Cid) error {
	if n.routing == nil || len(manifests) == 0 {
		return nil
	}
	if err := n.routing.ready(ctx); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	var g errgroup.Group
	g.SetLimit(announceWidth)
	var failed atomic.Int64 // in a row
	announce := func(c cid.Cid) {
		if n.routing.knows(c) {
			return
		}
		g.Go(func() error {
			err := n.routing.provide(ctx, c)
			if err == nil {
				failed.Store(0)
			} else if failed.Add(1) >= announceWidth {
				giveUp()
			}
			return err
		})
	}
	for _, c := range manifests {
		announce(c)
		m, err := manifest.Open(ctx, served{n}, c)
		if err != nil {
			continue // it is not here, or none
		}
		m.Walk(ctx, func(l manifest.Link) (bool, error) { // ends at the first page that is not here
			if !l.Note && l.CID != c {
				announce(l.CID)
			}
			return true, ctx.Err()
		})
	}
	return g.Wait()
}

// knows reports whether the DHT has been told of a block lately.
func (r *routing) knows(c cid.Cid) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	when, ok := r.told[c]
	return ok && !AnnounceAgain(when)
}

func (r *routing) provide(ctx context.Context, c cid.Cid) error {
	ctx, cancel := context.WithTimeout(ctx, announceTime)
	defer cancel()
	err := ctx.Err()
	if err == nil {
		err = r.tell(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("announce %s: %w", c, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told[c] = time.Now()
	return nil
}

// find connects with nodes that have announced those of the blocks that are manifests or pages.
func (r *routing) find(ctx context.Context, want []cid.Cid) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	for _, c := range want {
		if ctx.Err() != nil {
			return // the others are looked up the next time
		}
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

// errNoDHT says that there is nobody to ask for names.
var errNoDHT = errors.New("names are looked up in a DHT, and this node is part of none")
