// Package ipfs is a member of the IPFS network in this process: a libp2p host with a bitswap client and
// server, over the blocks of a store. It speaks to Kubo, Helia and others of its kind.
//
// It talks to nobody whom the caller did not name: no public bootstrap peers, no relays, no port mapping. Importing
// it costs tens of milliseconds at program start, so only what goes to the network does.
package ipfs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	bsnetwork "github.com/ipfs/boxo/bitswap/network"
	"github.com/ipfs/boxo/bitswap/network/bsnet"
	"github.com/ipfs/boxo/bitswap/server"
	"github.com/ipfs/boxo/blockstore"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
	"go.uber.org/fx"
)

// Options say who a node is, where it listens and whom it knows.
type Options struct {
	Blocks blockstore.Blockstore // what is served; only read
	Key    crypto.PrivKey        // who the node is, see LoadKey; nil: somebody new
	Listen []string              // multiaddrs, as "/ip4/127.0.0.1/tcp/4001"; none: others cannot call
	Peers  []string              // multiaddrs with /p2p/ID, who are asked
	MDNS   bool                  // also find and be found by nodes on the local network
	DHT    bool                  // announce and look up manifests in the DHT that the peers are part of

	SwarmKey []byte // of a private network, see LoadSwarmKey; nil: the open one
	Record   string // file that remembers what the node's IPNS name stands for; "": nothing does

	DialTimeout time.Duration // for one peer; 0: 5 s
	Memory      int64         // bytes that connections may use; 0: 1 GiB

	retry       time.Duration // after which a name that could not be published again is; 0: 1 min
	bitswapOnly bool          // as peers that do not know the notes protocol
}

// Node is a running node. It is a dictnet.Source. The caller closes it.
type Node struct {
	host    host.Host
	net     bsnetwork.BitSwapNetwork
	server  *server.Server
	notes   *notesServer
	client  *client
	mdns    interface{ Close() error }
	routing *routing // nil without a DHT
	probes  *probes
	peers   []peer.AddrInfo
	o       Options

	ctx    context.Context // of what goes on beside the calls
	cancel context.CancelFunc
	wg     sync.WaitGroup
	naming sync.Mutex // one publication of the name at a time
	named  time.Time  // when keepName last published it, or tried to
}

// serveWorkers is how many messages are put together and sent at the same time.
const serveWorkers = 16

// Start starts a node. It does not call any peer yet.
func Start(o Options) (*Node, error) {
	return startWith(o,
		libp2p.Security(libp2ptls.ID, libp2ptls.New), // AES, which takes half the time of Noise's cipher
		libp2p.Security(noise.ID, noise.New))
}

func startWith(o Options, security ...libp2p.Option) (_ *Node, err error) {
	if o.DialTimeout == 0 {
		o.DialTimeout = 5 * time.Second
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.retry == 0 {
		o.retry = time.Minute
	}
	n := &Node{o: o}
	if n.peers, err = parsePeers(o.Peers); err != nil {
		return nil, err
	}
	for _, a := range o.Listen {
		if err := CheckListen(a); err != nil {
			return nil, err
		}
	}
	limits, err := limits(o.Memory)
	if err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	conns, err := connmgr.NewConnManager(256, 1024, connmgr.WithGracePeriod(time.Minute))
	if err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	opts := []libp2p.Option{
		libp2p.UserAgent("dictnet"),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.ResourceManager(limits),
		libp2p.ConnectionManager(conns),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		libp2p.WithDialTimeout(o.DialTimeout),
		libp2p.WithFxOption(fx.NopLogger), // what goes wrong at the start is returned
	}
	if o.SwarmKey != nil { // whose holders speak nothing in clear
		opts = append(opts, libp2p.PrivateNetwork(o.SwarmKey), libp2p.Transport(tcp.NewTCPTransport, tcp.DisableReuseport()))
	} else {
		opts = append(opts, libp2p.Transport(newEarlyTransport))
	}
	opts = append(opts, security...)
	if o.Key != nil {
		opts = append(opts, libp2p.Identity(o.Key))
	}
	if len(o.Listen) > 0 {
		opts = append(opts, libp2p.ListenAddrStrings(o.Listen...))
	} else {
		opts = append(opts, libp2p.NoListenAddrs)
	}
	if n.host, err = libp2p.New(opts...); err != nil {
		return nil, fmt.Errorf("start node: %w", err)
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	for _, p := range n.peers {
		n.host.ConnManager().Protect(p.ID, "configured")
	}
	n.net = bsnet.NewFromIpfsHost(n.host)
	n.probes = &probes{active: make(map[*probe]bool)}
	n.client = &client{node: n, peers: make(map[peer.ID]*conversation), seen: make(map[peer.ID]time.Time), silent: make(map[peer.ID]bool), places: make(map[peer.ID]chan struct{})}
	n.server = server.New(n.ctx, n.net, o.Blocks,
		server.MaxOutstandingBytesPerPeer(4<<20),
		server.TaskWorkerCount(serveWorkers),
		server.EngineTaskWorkerCount(serveWorkers),
	)
	n.net.Start(receiver{n.client, n.server})
	n.notes = newNotesServer(n)
	if !o.bitswapOnly {
		n.host.SetStreamHandler(notesProtocol, n.notes.handle)
	}
	if o.DHT {
		if n.routing, err = startRouting(n.host, n.peers, len(o.Listen) > 0); err != nil {
			n.Close()
			return nil, err
		}
		n.wg.Go(n.keepName)
	}
	if o.MDNS {
		service := mdns.NewMdnsService(n.host, "", (*found)(n))
		if err := service.Start(); err != nil {
			n.Close()
			return nil, fmt.Errorf("start node: find nodes on the local network: %w", err)
		}
		n.mdns = service
	}
	return n, nil
}

// connsOfOneAddress is how many connections there may be with one address outside: whole offices stand behind one. The library's own limits are 8, and one
// new one in 5 s after the first 16.
const connsOfOneAddress = 256

// callsOfOneAddress is how fast they may come.
var callsOfOneAddress = rate.Limit{RPS: 20, Burst: 2 * connsOfOneAddress}

// limits are those of Kubo: memory and connections are capped, streams are not. Bitswap opens a stream for
// each message, and drops a block silently where a limit stops it.
func limits(memory int64) (network.ResourceManager, error) {
	free := rcmgr.ResourceLimits{
		Streams: rcmgr.Unlimited, StreamsInbound: rcmgr.Unlimited, StreamsOutbound: rcmgr.Unlimited,
		Conns: rcmgr.Unlimited, ConnsInbound: rcmgr.Unlimited, ConnsOutbound: rcmgr.Unlimited,
		FD: rcmgr.Unlimited, Memory: rcmgr.Unlimited64,
	}
	system, transient, one := free, free, free
	system.Memory = rcmgr.LimitVal64(memory)
	system.Conns, system.ConnsInbound, system.FD = 4096, 2048, 4096
	transient.Memory = rcmgr.LimitVal64(memory / 4)
	transient.ConnsInbound = 512
	one.Conns, one.ConnsInbound = 16, 8
	one.Memory = rcmgr.LimitVal64(memory / 4) // of which each stream takes 256 KiB, whatever is on it; who wants more loses his connection
	partial := rcmgr.PartialLimitConfig{
		System: system, Transient: transient, PeerDefault: one,
		AllowlistedSystem: free, AllowlistedTransient: free,
		ServiceDefault: free, ServicePeerDefault: free,
		ProtocolDefault: free, ProtocolPeerDefault: free,
		Conn: free, Stream: free,
	}
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(partial.Build(rcmgr.InfiniteLimits)), rcmgr.WithMetricsDisabled(),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: connsOfOneAddress}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: connsOfOneAddress}, {PrefixLength: 48, ConnCount: 4 * connsOfOneAddress}}),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			NetworkPrefixLimits: []rate.PrefixLimit{{Prefix: netip.MustParsePrefix("127.0.0.0/8")}, {Prefix: netip.MustParsePrefix("::1/128")}}, // no limit
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: callsOfOneAddress}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: callsOfOneAddress}},
				GracePeriod:      time.Minute,
			},
		}))
}

// parsePeers reads multiaddrs and joins those of one peer.
func parsePeers(addrs []string) ([]peer.AddrInfo, error) {
	var all []ma.Multiaddr
	for _, a := range addrs {
		m, err := ma.NewMultiaddr(a)
		if err != nil {
			return nil, fmt.Errorf("peer %q: %w", a, err)
		}
		if _, err := peer.AddrInfoFromP2pAddr(m); err != nil {
			return nil, fmt.Errorf("peer %q: want an address that ends in /p2p/ and the peer's id: %w", a, err)
		}
		all = append(all, m)
	}
	return peer.AddrInfosFromP2pAddrs(all...)
}

// CheckPeer reports whether a text is the address of a peer, as Options.Peers has them.
func CheckPeer(addr string) error {
	_, err := parsePeers([]string{addr})
	return err
}

// CheckListen reports whether an address can be listened on by its form: a multiaddr.
func CheckListen(addr string) error {
	if _, err := ma.NewMultiaddr(addr); err != nil {
		return fmt.Errorf("listen address %q: %w", addr, err)
	}
	return nil
}

// ID returns who the node is.
func (n *Node) ID() string { return n.host.ID().String() }

// Addrs returns where the node listens, in the form that others give as a peer.
func (n *Node) Addrs() []string {
	addrs, err := peer.AddrInfoToP2pAddrs(&peer.AddrInfo{ID: n.host.ID(), Addrs: n.host.Addrs()})
	if err != nil {
		return nil
	}
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return texts
}

// Connected returns the ids of the peers that the node is connected with now.
func (n *Node) Connected() []string {
	var ids []string
	for _, p := range n.host.Network().Peers() {
		ids = append(ids, p.String())
	}
	return ids
}

// Traffic is what blocks have moved since the start.
type Traffic struct {
	BlocksReceived, BytesReceived, BlocksSent, BytesSent uint64
}

// Traffic returns the counters of bitswap and of the notes protocol.
func (n *Node) Traffic() (Traffic, error) {
	sent, err := n.server.Stat()
	if err != nil {
		return Traffic{}, err
	}
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	st := n.client.stats
	st.BlocksSent, st.BytesSent = sent.BlocksSent+n.notes.blocks.Load(), sent.DataSent+n.notes.bytes.Load()
	return st, nil
}

// Connect calls the configured peers that are not connected, at the same time. It returns an error only if
// nobody at all is connected after it.
func (n *Node) Connect(ctx context.Context) error {
	failed := make([]error, len(n.peers))
	var wg sync.WaitGroup
	for i, p := range n.peers {
		if p.ID == n.host.ID() || n.host.Network().Connectedness(p.ID) == network.Connected {
			continue
		}
		wg.Go(func() {
			// A peer that could not be reached a moment ago may be there again.
			if s, ok := n.host.Network().(*swarm.Swarm); ok {
				s.Backoff().Clear(p.ID)
			}
			ctx, cancel := context.WithTimeout(ctx, n.o.DialTimeout)
			defer cancel()
			if err := n.call(ctx, p); err != nil {
				failed[i] = dialError(p.ID, err)
			}
		})
	}
	wg.Wait()
	if len(n.host.Network().Peers()) > 0 {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("cannot connect: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return errors.New("not connected with any peer, and none is configured")
}

// call opens a connection with a peer. What he speaks it does not wait to hear.
func (n *Node) call(ctx context.Context, p peer.AddrInfo) error {
	n.host.Peerstore().AddAddrs(p.ID, p.Addrs, peerstore.TempAddrTTL)
	_, err := n.host.Network().DialPeer(ctx, p.ID)
	return err
}

// Call calls nodes that are not among the configured peers, at the same time: multiaddrs with /p2p/. It returns an error if none of them, and
// at least one was named, can be reached.
func (n *Node) Call(ctx context.Context, addrs ...string) error {
	infos, err := parsePeers(addrs)
	if err != nil {
		return err
	}
	failed := make([]error, len(infos))
	var wg sync.WaitGroup
	for i, p := range infos {
		if p.ID == n.host.ID() {
			continue
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, n.o.DialTimeout)
			defer cancel()
			if err := n.call(ctx, p); err != nil {
				failed[i] = dialError(p.ID, err)
			}
		})
	}
	wg.Wait()
	if slices.Contains(failed, nil) {
		return nil
	}
	return errors.Join(failed...)
}

// dialError says in one line why each address of a peer failed.
func dialError(id peer.ID, err error) error {
	var dial *swarm.DialError
	if !errors.As(err, &dial) || len(dial.DialErrors) == 0 {
		return fmt.Errorf("peer %s: %s", id, strings.Join(strings.Fields(err.Error()), " "))
	}
	var causes []string
	for _, d := range dial.DialErrors {
		causes = append(causes, strings.Join(strings.Fields(d.Cause.Error()), " "))
	}
	return fmt.Errorf("peer %s: %s", id, strings.Join(causes, "; "))
}

// Close ends the node with all its connections and goroutines.
func (n *Node) Close() error {
	n.cancel()
	if n.notes != nil {
		n.notes.close()
	}
	n.wg.Wait()
	var errs []error
	if n.routing != nil {
		errs = append(errs, n.routing.dht.Close())
	}
	if n.mdns != nil {
		errs = append(errs, n.mdns.Close())
	}
	if n.server != nil {
		n.server.Close()
		n.net.Stop()
	}
	errs = append(errs, n.host.Close())
	return errors.Join(errs...)
}

// found connects with nodes that the local network announces.
type found Node

func (f *found) HandlePeerFound(p peer.AddrInfo) {
	if p.ID == f.host.ID() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), f.o.DialTimeout)
	defer cancel()
	f.host.Connect(ctx, p) // one that cannot be reached is not asked
}
