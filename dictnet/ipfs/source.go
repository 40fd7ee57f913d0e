package ipfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

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

// Open calls the configured peers, if need be, and starts a session with all that are connected, as soon as one is. Peers that are lost
// are called again while the session lasts.
func (n *Node) Open(ctx context.Context) (dictnet.Session, error) {
	s := &session{node: n, joining: true, mute: make(map[peer.ID]int)}
	first := make(chan error, 1)
	n.wg.Go(func() {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(n.ctx, cancel)()
		for wait := redial; ; {
			err := n.Connect(ctx)
			s.set(false)
			select {
			case first <- err:
			default:
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
			wait = min(2*wait, 8*redial)
			if s.members() > 0 {
				wait = redial
			}
		}
	})
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(foundTime); ; {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case err := <-first:
			if err == nil {
				return s, nil
			}
			if n.mdns == nil || time.Now().After(deadline) {
				return nil, err
			}
			time.AfterFunc(poolTime, func() { // somebody may be found yet
				select {
				case first <- err:
				default:
				}
			})
		case <-poll.C:
			if s.members() > 0 {
				return s, nil
			}
		}
	}
}

const (
	redial    = time.Second            // between calls of peers that are not connected
	foundTime = 2 * time.Second        // for the local network to name somebody
	poolTime  = 100 * time.Millisecond // between looks
)

// session is a dictnet.Party of the peers that are connected.
type session struct {
	node *Node

	mu      sync.Mutex
	joining bool
	mute    map[peer.ID]int // how often peers did not answer when they were asked what they have
}

var (
	_ dictnet.Party  = (*session)(nil)
	_ dictnet.Member = member{}
)

func (s *session) set(joining bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joining = joining
}

func (s *session) members() int {
	all, _ := s.Members()
	return len(all)
}

// Members returns the peers that are connected. Others join while the configured ones are called for the first time, and while one who was lost is called
// again: those who are left do not answer for him.
func (s *session) Members() (all []dictnet.Member, joining bool) {
	net := s.node.host.Network()
	for _, id := range net.Peers() {
		if net.Connectedness(id) == network.Connected && !s.node.client.banned(id) {
			all = append(all, member{s.node, id})
		}
	}
	s.mu.Lock()
	joining = s.joining
	s.mu.Unlock()
	for _, p := range s.node.peers {
		if s.node.client.justLost(p.ID, net.Connectedness(p.ID) == network.Connected) && len(all) > 0 {
			joining = true
		}
	}
	return all, joining
}

// Seek asks the DHT, if the node has a part in one, who has those of the blocks that are manifests or pages, and calls them.
func (s *session) Seek(ctx context.Context, want []cid.Cid) {
	if s.node.routing != nil {
		s.node.routing.find(ctx, want)
	}
}

// Fetch asks all peers, one after the other.
func (s *session) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	left := make(map[cid.Cid]bool, len(want))
	for _, c := range want {
		left[c] = true
	}
	all, _ := s.Members()
	var failed error
	for _, m := range all {
		some := slices.DeleteFunc(slices.Clone(want), func(c cid.Cid) bool { return !left[c] })
		if len(some) == 0 {
			return nil
		}
		failed = m.Fetch(ctx, some, func(c cid.Cid, data []byte) {
			delete(left, c)
			got(c, data)
		})
	}
	return failed
}

// have tells peers who have asked for a block that it is here now.
func (n *Node) have(ctx context.Context, c cid.Cid, data []byte) {
	if len(n.o.Listen) == 0 {
		return
	}
	if b, err := blocks.NewBlockWithCid(bytes.Clone(data), c); err == nil {
		n.server.NotifyNewBlocks(ctx, b)
	}
}

// oneLine says an error of the network in one line.
func oneLine(err error) error {
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
