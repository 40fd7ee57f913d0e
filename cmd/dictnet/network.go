package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"dictnet/dictnet"
	"dictnet/dictnet/gateway"
	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/kubo"
	"dictnet/dictnet/router"
	"dictnet/dictnet/store"
)

// nodeFlags say how a verb takes part in the IPFS network.
type nodeFlags struct {
	peers     []string
	gateways  []string
	routers   []string
	listen    []string
	mdns      bool
	dht       bool
	swarmKey  string
	http      string // address to answer HTTP on; "": none
	templates string // folder of templates to serve; "": none
	wait      time.Duration
}

// defaultListen leaves port 4001 to Kubo.
const defaultListen = "/ip4/0.0.0.0/tcp/4011"

// fetch adds the flags of verbs that fetch.
func (f *nodeFlags) fetch(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.peers, "peer", nil, "multiaddr of a peer to ask for notes, as /ip4/192.0.2.1/tcp/4011/p2p/12D3...; may be repeated")
	c.Flags().BoolVar(&f.mdns, "mdns", false, "also ask nodes found on the local network")
	c.Flags().StringSliceVar(&f.gateways, "gateway", nil, "URL of a trustless HTTP gateway to ask for notes, as http://127.0.0.1:8080, or kubo://127.0.0.1:5001 for a Kubo node of yours by its RPC; may be repeated")
	c.Flags().StringSliceVar(&f.routers, "router", nil, "URL of a delegated router (/routing/v1) to ask who has the dictionary; may be repeated")
	c.Flags().BoolVar(&f.dht, "dht", false, "also ask nodes that the peers' DHT names as having the dictionary")
	f.private(c)
	c.Flags().DurationVar(&f.wait, "timeout", 30*time.Second, "how long to wait for a note when nothing comes")
}

// serve adds the flags of verbs that serve.
func (f *nodeFlags) serve(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.peers, "peer", nil, "multiaddr of a peer to stay connected with; may be repeated")
	c.Flags().StringSliceVar(&f.listen, "listen", []string{defaultListen}, "multiaddr to listen on; may be repeated")
	c.Flags().BoolVar(&f.mdns, "mdns", false, "be found by nodes on the local network")
	c.Flags().BoolVar(&f.dht, "dht", false, "announce the dictionaries of the store in the DHT that the peers are part of, and serve it")
	c.Flags().StringVar(&f.http, "http", defaultHTTP, "address to answer HTTP on, as 127.0.0.1:0 or :8080; empty: none")
	c.Flags().StringVar(&f.templates, "templates", "", "directory of templates to serve by HTTP, under /templates/")
	f.private(c)
}

func (f *nodeFlags) private(c *cobra.Command) {
	c.Flags().StringVar(&f.swarmKey, "swarm-key", "", "key of a private network, as Kubo's swarm.key: only nodes that have it can be called, or call (default swarm.key in the store's directory, if there is one)")
}

// options returns what a node needs to know to serve, or fetch into, a store. The caller adds who it is.
func (f *nodeFlags) options(s *store.Store) (ipfs.Options, error) {
	o := ipfs.Options{Blocks: s.Blocks(), Listen: f.listen, Peers: f.peers, MDNS: f.mdns, DHT: f.dht, Record: filepath.Join(s.Dir(), "ipns.record")}
	path := f.swarmKey
	if path == "" {
		path = filepath.Join(s.Dir(), "swarm.key")
	}
	var err error
	if o.SwarmKey, err = ipfs.LoadSwarmKey(path); errors.Is(err, fs.ErrNotExist) && f.swarmKey == "" {
		err = nil
	}
	if err != nil {
		return o, usageErrorf("it is a file as Kubo's swarm.key", "%w", err)
	}
	return o, nil
}

func (f *nodeFlags) check() error {
	for _, p := range f.peers {
		if err := ipfs.CheckPeer(p); err != nil {
			return usageErrorf("dictnet node prints its own", "%w", err)
		}
	}
	return nil
}

// any reports whether somebody may be asked for notes.
func (f *nodeFlags) any() bool {
	return len(f.peers) > 0 || f.mdns || len(f.gateways) > 0 || len(f.routers) > 0
}

// sources returns where to fetch from, in the order in which they are asked: peers, by a node that starts when something
// is asked for, and gateways. The caller closes them.
func (f *nodeFlags) sources(a *app, s *store.Store) (all []dictnet.Source, done closerFunc, err error) {
	if err := f.check(); err != nil {
		return nil, nil, err
	}
	var closers []func() error
	o, err := f.options(s)
	if err != nil {
		return nil, nil, err
	}
	if len(f.peers) > 0 || f.mdns {
		n := &lazyNode{name: strings.Join(f.peers, ", "), start: func() (*ipfs.Node, error) {
			a.log.Info("start node", "peers", len(f.peers))
			return ipfs.Start(o)
		}}
		all, closers = append(all, n), append(closers, n.Close)
	}
	for _, url := range f.gateways {
		if strings.HasPrefix(url, "kubo:") {
			k, err := kubo.New(url)
			if err != nil {
				return nil, nil, usageErrorf("as kubo://127.0.0.1:5001", "%w", err)
			}
			all, closers = append(all, k), append(closers, k.Close)
			continue
		}
		g, err := gateway.New(url)
		if err != nil {
			return nil, nil, usageErrorf("as http://127.0.0.1:8080", "%w", err)
		}
		all, closers = append(all, g), append(closers, g.Close)
	}
	for _, url := range f.routers {
		r, err := router.New(url, func(peers []string) (dictnet.Source, error) {
			o := o
			o.Peers, o.MDNS, o.DHT, o.Listen = peers, false, false, nil
			return ipfs.Start(o)
		})
		if err != nil {
			return nil, nil, usageErrorf("as https://router.example", "%w", err)
		}
		all, closers = append(all, r), append(closers, r.Close)
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

// Record looks an IPNS name up in the DHT.
func (l *lazyNode) Record(ctx context.Context, name string) ([]byte, error) {
	l.once.Do(func() { l.node, l.err = l.start() })
	if l.err != nil {
		return nil, l.err
	}
	return l.node.Record(ctx, name)
}

func (l *lazyNode) Close() error {
	l.once.Do(func() { l.err = fmt.Errorf("node is closed") })
	if l.node == nil {
		return nil
	}
	return l.node.Close()
}
