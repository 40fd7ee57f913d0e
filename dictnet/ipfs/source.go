package ipfs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ipfs/boxo/exchange"
	"github.com/ipfs/go-cid"

	"dictnet/dictnet"
)

var _ dictnet.Source = (*Node)(nil)

// Name names the peers that are asked: those configured and those connected.
func (n *Node) Name() string {
	var names []string
	for _, p := range n.peers {
		at := "?"
		if len(p.Addrs) > 0 {
			at = p.Addrs[0].String()
		}
		names = append(names, fmt.Sprintf("peer %s at %s", p.ID, at))
	}
	for _, id := range n.Connected() {
		if !slices.ContainsFunc(names, func(s string) bool { return strings.Contains(s, id) }) {
			names = append(names, "peer "+id)
		}
	}
	if len(names) == 0 {
		return "no peer"
	}
	return strings.Join(names, ", ")
}

// Open calls the configured peers, if need be, and starts a bitswap session with all that are connected.
func (n *Node) Open(ctx context.Context) (dictnet.Session, error) {
	if err := n.Connect(ctx); err != nil {
		return nil, err
	}
	return &session{node: n, fetcher: n.swap.NewSession(ctx)}, nil
}

type session struct {
	node    *Node
	fetcher exchange.Fetcher
}

// Fetch asks the session's peers. Bitswap does not say that a block is missing: it waits until ctx ends.
func (s *session) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	if s.node.routing != nil {
		s.node.routing.find(ctx, want)
	}
	blocks, err := s.fetcher.GetBlocks(ctx, want)
	if err != nil {
		return err
	}
	left := len(want)
	for b := range blocks {
		got(b.Cid(), b.RawData())
		left--
		if len(s.node.o.Listen) > 0 { // others may have asked us for it
			if err := s.node.swap.Server.NotifyNewBlocks(ctx, b); err != nil {
				return err
			}
		}
	}
	if left > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		return fmt.Errorf("the session ended with %d blocks missing", left)
	}
	return nil
}
