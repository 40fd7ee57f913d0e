package main

import (
	"context"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/store"
)

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
	o, err := f.options(s)
	if err != nil {
		return err
	}
	o.Key = key
	n, err := ipfs.Start(o)
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
