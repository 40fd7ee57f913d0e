package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/dictnet"
	"dictnet/dictnet/gateway"
	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/store"
)

// nodeFlags say how a verb takes part in the IPFS network.
type nodeFlags struct {
	peers    []string
	gateways []string
	listen   []string
	mdns     bool
	dht      bool
	wait     time.Duration
}

// defaultListen leaves port 4001 to Kubo.
const defaultListen = "/ip4/0.0.0.0/tcp/4011"

// fetch adds the flags of verbs that fetch.
func (f *nodeFlags) fetch(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.peers, "peer", nil, "multiaddr of a peer to ask for notes, as /ip4/192.0.2.1/tcp/4011/p2p/12D3...; may be repeated")
	c.Flags().BoolVar(&f.mdns, "mdns", false, "also ask nodes found on the local network")
	c.Flags().StringSliceVar(&f.gateways, "gateway", nil, "URL of a trustless HTTP gateway to ask for notes, as http://127.0.0.1:8080; may be repeated")
	c.Flags().BoolVar(&f.dht, "dht", false, "also ask nodes that the peers' DHT names as having the dictionary")
	c.Flags().DurationVar(&f.wait, "timeout", 30*time.Second, "how long to wait for a note when nothing comes")
}

// serve adds the flags of verbs that serve.
func (f *nodeFlags) serve(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.peers, "peer", nil, "multiaddr of a peer to stay connected with; may be repeated")
	c.Flags().StringSliceVar(&f.listen, "listen", []string{defaultListen}, "multiaddr to listen on; may be repeated")
	c.Flags().BoolVar(&f.mdns, "mdns", false, "be found by nodes on the local network")
	c.Flags().BoolVar(&f.dht, "dht", false, "announce the dictionaries of the store in the DHT that the peers are part of, and serve it")
}

func (f *nodeFlags) check() error {
	for _, p := range f.peers {
		if err := ipfs.CheckPeer(p); err != nil {
			return usageErrorf("dictnet node prints its own", "%w", err)
		}
	}
	return nil
}

// sources returns where to fetch from, in the order in which they are asked: peers, by a node that starts when something
// is asked for, and gateways. The caller closes them.
func (f *nodeFlags) sources(a *app, s *store.Store) (all []dictnet.Source, done closerFunc, err error) {
	if err := f.check(); err != nil {
		return nil, nil, err
	}
	var closers []func() error
	if len(f.peers) > 0 || f.mdns {
		n := &lazyNode{name: strings.Join(f.peers, ", "), start: func() (*ipfs.Node, error) {
			a.log.Info("start node", "peers", len(f.peers))
			return ipfs.Start(ipfs.Options{Blocks: s.Blocks(), Peers: f.peers, MDNS: f.mdns, DHT: f.dht})
		}}
		all, closers = append(all, n), append(closers, n.Close)
	}
	for _, url := range f.gateways {
		g, err := gateway.New(url)
		if err != nil {
			return nil, nil, usageErrorf("as http://127.0.0.1:8080", "%w", err)
		}
		all, closers = append(all, g), append(closers, g.Close)
	}
	return all, func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}, nil
}

// lazyNode is a node that starts when it is first asked. It is a dictnet.Source.
type lazyNode struct {
	name  string // of whom it asks, before it has started
	start func() (*ipfs.Node, error)
	once  sync.Once
	node  *ipfs.Node
	err   error
}

func (l *lazyNode) Name() string {
	if l.name == "" {
		return "nodes on the local network"
	}
	return l.name
}

func (l *lazyNode) Open(ctx context.Context) (dictnet.Session, error) {
	l.once.Do(func() { l.node, l.err = l.start() })
	if l.err != nil {
		return nil, l.err
	}
	return l.node.Open(ctx)
}

func (l *lazyNode) Close() error {
	l.once.Do(func() { l.err = fmt.Errorf("node is closed") })
	if l.node == nil {
		return nil
	}
	return l.node.Close()
}

func (a *app) nodeCommand() *cobra.Command {
	var f nodeFlags
	c := &cobra.Command{
		Use:   "node",
		Short: "Serve the store to the IPFS network",
		Long: `Run an IPFS node over libp2p that serves what is in the store by bitswap, until Ctrl-C. It prints its addresses, which others give as
--peer. It only reads the store, so other verbs may write to it meanwhile, and what they add is served.

` + exitHelp,
		Example: `  dictnet node
  dictnet node --listen /ip4/127.0.0.1/tcp/0 --json`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			// The home and the node's identity may have to be made first.
			s, err := a.openStoreToFetch(c)
			if err != nil {
				return err
			}
			if err := s.Close(); err != nil {
				return err
			}
			if s, err = a.openStore(c, true); err != nil {
				return err
			}
			defer s.Close()
			return a.runNode(c.Context(), s, f, func(peers []string) error {
				var rows []row
				for _, p := range peers {
					rows = append(rows, row{"peer", p})
				}
				return a.print(map[string]any{"peers": peers}, rows...)
			})
		},
	}
	f.serve(c)
	return c
}

const (
	reconnect  = 30 * time.Second // how often a node calls peers that it has lost, and looks for new dictionaries
	reannounce = 12 * time.Hour   // announcements are forgotten after two days
)

// runNode serves a store until the context ends. ready is told the node's addresses.
func (a *app) runNode(ctx context.Context, s *store.Store, f nodeFlags, ready func(peers []string) error) error {
	if err := f.check(); err != nil {
		return err
	}
	key, err := ipfs.LoadKey(s)
	if err != nil {
		return err
	}
	n, err := ipfs.Start(ipfs.Options{Blocks: s.Blocks(), Key: key, Listen: f.listen, Peers: f.peers, MDNS: f.mdns, DHT: f.dht})
	if err != nil {
		return withHint(err, "--listen /ip4/127.0.0.1/tcp/0 takes any free port")
	}
	defer n.Close()
	if err := ready(n.Addrs()); err != nil {
		return err
	}
	a.say("serving until Ctrl-C")
	announced := map[cid.Cid]time.Time{}
	for {
		if len(f.peers) > 0 {
			if err := n.Connect(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("connect", "error", err)
			}
		}
		if f.dht {
			if err := a.announce(ctx, s, n, announced); err != nil && ctx.Err() == nil {
				a.log.Warn("announce", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			if t, err := n.Traffic(); err == nil {
				a.say("sent %d blocks, %s", t.BlocksSent, bytesText(t.BytesSent))
			}
			return n.Close()
		case <-time.After(reconnect):
		}
	}
}

// announce announces the dictionaries and pins of the store that have not been announced for a while. Only manifests are
// announced, not each note.
func (a *app) announce(ctx context.Context, s *store.Store, n *ipfs.Node, announced map[cid.Cid]time.Time) error {
	dicts, err := s.Dictionaries()
	if err != nil {
		return err
	}
	pins, err := s.Pins(ctx)
	if err != nil {
		return err
	}
	var manifests []cid.Cid
	for _, d := range dicts {
		manifests = append(manifests, d.Current.Manifest)
		for _, v := range d.Lineage {
			manifests = append(manifests, v.Manifest)
		}
	}
	for _, p := range pins {
		manifests = append(manifests, p.CID)
	}
	for _, m := range manifests {
		if time.Since(announced[m]) < reannounce {
			continue
		}
		if err := n.Announce(ctx, m); err != nil {
			return err
		}
		announced[m] = time.Now()
		a.log.Info("announced " + m.String())
	}
	return nil
}
