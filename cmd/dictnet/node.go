//go:build !front

package main

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/serve"
	"dictnet/dictnet/store"
)

func (a *app) nodeCommand() *cobra.Command {
	var f nodeFlags
	c := &cobra.Command{
		Use:   "node",
		Short: "Serve the store to the IPFS network",
		Long: `Run an IPFS node over libp2p that serves what is in the store by bitswap, until Ctrl-C. It prints its addresses, which others give as
--peer. It only reads the store, so other verbs may write to it meanwhile, and what they add is served. Every block is checked when it is
read; one that is damaged is not served.

It also answers HTTP, on loopback unless --http says otherwise: /ipfs/CID as a trustless gateway (others give its URL as --gateway), /templates/NAME
with --templates, /healthz, /metrics for Prometheus, and JSON under /api/v1/. When it is to end, what is being answered is finished first.

` + exitHelp,
		Example: `  dictnet node
  dictnet node --listen /ip4/127.0.0.1/tcp/0 --http 127.0.0.1:0 --json
  dictnet node --http :8080 --templates /srv/templates`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			// The home and the node's identity may have to be made first.
			s, err := a.openStoreToFetch(c)
			if err != nil {
				return err
			}
			if err := s.Close(); err != nil {
				return err
			}
			if s, err = a.openHome(c, true); err != nil {
				return err
			}
			defer s.Close()
			return a.runNode(c.Context(), s, f, func(at reachable) error {
				var rows []row
				for _, p := range at.Peers {
					rows = append(rows, row{"peer", p})
				}
				if at.HTTP != "" {
					rows = append(rows, row{"http", at.HTTP})
				}
				return a.print(at, rows...)
			})
		},
	}
	f.serve(c)
	return c
}

// reachable is where a node is to be found.
type reachable struct {
	Peers []string `json:"peers"`
	HTTP  string   `json:"http,omitempty"` // URL
}

const (
	reconnect = 30 * time.Second // how often a node calls peers that it has lost, and looks for new dictionaries
	grace     = 30 * time.Second // for what is being answered when the node is to end
)

// runNode serves a store until the context ends. ready is told where the node is.
func (a *app) runNode(ctx context.Context, s *store.Store, f nodeFlags, ready func(reachable) error) error {
	key, err := ipfs.LoadKey(s)
	if err != nil {
		return err
	}
	o, err := f.options(s)
	if err != nil {
		return err
	}
	o.Key = key
	var n *ipfs.Node
	web, err := a.listenHTTP(s, f, func() serve.Node { return describeNode(n) })
	if err != nil {
		return err
	}
	if web != nil {
		defer web.close()
	}
	if n, err = ipfs.Start(o); err != nil {
		return withHint(err, "--listen /ip4/127.0.0.1/tcp/0 takes any free port")
	}
	defer n.Close()
	at := reachable{Peers: n.Addrs()}
	if web != nil {
		at.HTTP = web.url
		web.start()
	}
	if err := ready(at); err != nil {
		return err
	}
	a.say("serving until Ctrl-C")
	tellSystemd("READY=1")
	holdMemory(400, 192<<20)
	dropUnused()
	var beside sync.WaitGroup
	defer beside.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	again := cmp.Or(f.again, reconnect)
	if f.dht { // beside the calls, because a large dictionary takes its time
		beside.Go(func() { a.keepAnnounced(ctx, s, n, again) })
	}
	for {
		if len(f.peers) > 0 {
			if err := n.Connect(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("connect", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			tellSystemd("STOPPING=1")
			if web != nil {
				if err := web.end(); err != nil {
					a.log.Warn("some requests were cut off", "error", err)
				}
			}
			if t, err := n.Traffic(); err == nil {
				a.say("sent %d blocks, %s", t.BlocksSent, bytesText(t.BytesSent))
			}
			return n.Close()
		case err := <-web.failed():
			return err
		case <-time.After(again):
		}
	}
}

// keepAnnounced announces what is in the store until the context ends.
func (a *app) keepAnnounced(ctx context.Context, s *store.Store, n *ipfs.Node, again time.Duration) {
	for announced := map[cid.Cid]time.Time{}; ; {
		if err := a.announce(ctx, s, n, announced); err != nil && ctx.Err() == nil {
			a.log.Warn("announce", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

// announce announces the dictionaries and pins of the store that have not been announced for a while. Only manifests are
// announced, not each note.
func (a *app) announce(ctx context.Context, s *store.Store, n *ipfs.Node, announced map[cid.Cid]time.Time) error {
	dicts, err := s.Dictionaries()
	var damaged *store.DamagedNamesError
	if errors.As(err, &damaged) {
		a.log.Warn("not all that is named is announced", "error", err)
	} else if err != nil {
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
		if !ipfs.AnnounceAgain(announced[m]) {
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
