//go:build !front

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"dictnet/dictnet"
	"dictnet/dictnet/gateway"
	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/kubo"
	"dictnet/dictnet/router"
	"dictnet/dictnet/store"
)

// options returns what a node needs to know to serve, or fetch into, a store. The caller adds who it is.
func (f *nodeFlags) options(s *store.Store) (ipfs.Options, error) {
	o := ipfs.Options{Blocks: s.Blocks(), Listen: f.listen, Peers: f.peers, MDNS: f.mdns, DHT: f.dht, Record: filepath.Join(s.Dir(), ipnsRecord)}
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

// check refuses addresses that can be none, before anything is started.
func (f *nodeFlags) check() error {
	for _, l := range f.listen {
		if err := ipfs.CheckListen(l); err != nil {
			return usageErrorf("--listen /ip4/127.0.0.1/tcp/0 takes any free port", "%w", err)
		}
	}
	if f.http != "" {
		_, port, err := net.SplitHostPort(f.http)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		if err != nil {
			return usageErrorf("as 127.0.0.1:0, which takes any free port", "--http: %w", err)
		}
	}
	if f.http != "" && f.templates != "" {
		if st, err := os.Stat(f.templates); err != nil {
			return inputError(err)
		} else if !st.IsDir() {
			return usageErrorf("", "--templates %s is no directory", f.templates)
		}
	}
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
