package ipfs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	pb "github.com/ipfs/boxo/bitswap/message/pb"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"dictnet/dictnet"
)

var _ dictnet.Prober = (*session)(nil)

const (
	// probeSize is how many blocks a peer is asked about in one message. Servers keep at most 1,024 questions.
	probeSize = 512
	// probeTime is how long a peer may take to answer one.
	probeTime = 10 * time.Second
	// maxMute is how often he may not answer.
	maxMute = 2
)

// probes hears what peers say they have and have not.
type probes struct {
	mu     sync.Mutex
	active map[*probe]bool
}

// probe is a question to one peer about some blocks.
type probe struct {
	peer peer.ID
	open map[cid.Cid]bool // not answered yet
	have func(cid.Cid)
	done chan struct{} // closed when all are answered
}

// receive gives the questions to a peer the answers that are in his message.
func (p *probes) receive(from peer.ID, msg bsmsg.BitSwapMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for q := range p.active {
		if q.peer != from {
			continue
		}
		for _, c := range msg.Haves() {
			q.answer(c, true)
		}
		for _, b := range msg.Blocks() { // a small block comes at once
			q.answer(b.Cid(), true)
		}
		for _, c := range msg.DontHaves() {
			q.answer(c, false)
		}
	}
}

func (q *probe) answer(c cid.Cid, yes bool) {
	if !q.open[c] {
		return
	}
	delete(q.open, c)
	if yes {
		q.have(c)
	}
	if len(q.open) == 0 {
		close(q.done)
	}
}

// Probe asks every connected peer what he has. One who did not answer, twice, is not asked again in the session: a long list is asked for in many calls.
func (s *session) Probe(ctx context.Context, want []cid.Cid, have func(cid.Cid, string)) error {
	var wg sync.WaitGroup
	var failed error
	peers := s.node.host.Network().Peers()
	if len(peers) == 0 {
		return errors.New("not connected with any peer")
	}
	for _, id := range peers {
		s.mu.Lock()
		mute := s.mute[id]
		s.mu.Unlock()
		if mute >= maxMute {
			continue
		}
		wg.Go(func() {
			for some := range slices.Chunk(want, probeSize) {
				if err := s.node.ask(ctx, id, some, func(c cid.Cid) { have(c, "peer "+id.String()) }); err != nil {
					s.mu.Lock()
					s.mute[id]++
					failed = fmt.Errorf("peer %s: %w", id, err)
					s.mu.Unlock()
					return
				}
			}
		})
	}
	wg.Wait()
	return failed
}

// ask asks one peer and waits for all answers.
func (n *Node) ask(ctx context.Context, id peer.ID, want []cid.Cid, have func(cid.Cid)) error {
	q := &probe{peer: id, open: make(map[cid.Cid]bool), have: have, done: make(chan struct{})}
	question, thanks := bsmsg.New(false), bsmsg.New(false)
	for _, c := range want {
		q.open[c] = true
		question.AddEntry(c, 1, pb.Message_Wantlist_Have, true)
		thanks.Cancel(c)
	}
	n.probes.mu.Lock()
	n.probes.active[q] = true
	n.probes.mu.Unlock()
	defer func() {
		n.probes.mu.Lock()
		delete(n.probes.active, q)
		n.probes.mu.Unlock()
	}()
	wait, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	err := n.net.SendMessage(wait, id, question)
	if err == nil {
		select {
		case <-q.done:
		case <-wait.Done():
			err = wait.Err()
		}
	}
	if err != nil && wait.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer within %v", probeTime)
	}
	if err != nil {
		return err
	}
	return n.net.SendMessage(ctx, id, thanks) // or it would send word when it gets what it had not
}
