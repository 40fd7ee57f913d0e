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
	"github.com/ipfs/boxo/bitswap/server"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	// maxUnasked and maxUnaskedBytes are how much a peer may send that nobody asked for, until he is left.
	maxUnasked      = 64
	maxUnaskedBytes = 32 << 20
	// lostTime is how long a configured peer who was lost is waited for when others have nothing.
	lostTime = 10 * time.Second
	// remembered is how many blocks that were asked for are told from such when they come again: what was taken back and asked for
	// anew comes twice.
	remembered = 8192
)

var errTooMuch = errors.New("sends what nobody asked for")

// client is the asking side of bitswap (specs.ipfs.tech/bitswap-protocol). It asks each peer for itself, for blocks and never in advance
// whether he has them: whoever decides who is asked for what is the caller, and whatever a peer does is known to be his doing. Peers say at
// once what they do not have.
type client struct {
	node *Node

	mu     sync.Mutex
	peers  map[peer.ID]*conversation
	seen   map[peer.ID]time.Time     // when configured ones were connected
	silent map[peer.ID]bool          // do not speak the notes protocol
	places map[peer.ID]chan struct{} // for requests of it
	stats  Traffic
}

// conversation is what goes on with one peer.
type conversation struct {
	open    map[cid.Cid]*asked
	past    map[cid.Cid]bool // asked for, not open any more; may still come
	order   []cid.Cid        // of past, the oldest first
	asks    uint64           // so far
	unasked int
	bytes   int    // of the unasked blocks
	lies    int    // of them, those that were meant as something else, since nothing was open
	lie     []byte // the last of them
	banned  bool
}

// asked is a block that a peer is asked for.
type asked struct {
	order  uint64
	events chan<- event // of the call of Fetch; it has room for all that can come
}

type event struct {
	c    cid.Cid
	data []byte // nil: he does not have it
	lie  bool   // data is something else
	err  error  // the peer is gone
}

// receiver hands messages to both sides of bitswap.
type receiver struct {
	client *client
	server *server.Server
}

func (r receiver) ReceiveMessage(ctx context.Context, from peer.ID, msg bsmsg.BitSwapMessage) {
	if len(msg.Wantlist()) > 0 || msg.Full() {
		r.server.ReceiveMessage(ctx, from, msg)
	}
	r.client.node.probes.receive(from, msg)
	r.client.receive(from, msg)
}

func (r receiver) ReceiveError(err error)      { r.server.ReceiveError(err) }
func (r receiver) PeerConnected(id peer.ID)    { r.server.PeerConnected(id) }
func (r receiver) PeerDisconnected(id peer.ID) { r.server.PeerDisconnected(id); r.client.lost(id) }

// receive takes what a peer has sent.
func (b *client) receive(from peer.ID, msg bsmsg.BitSwapMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	blocks := msg.Blocks()
	b.stats.BlocksReceived += uint64(len(blocks))
	for _, block := range blocks {
		b.stats.BytesReceived += uint64(len(block.RawData()))
	}
	t := b.peers[from]
	if t == nil {
		if len(blocks) == 0 {
			return
		}
		t = b.talk(from)
	}
	for _, block := range blocks {
		c := block.Cid()
		switch {
		case t.open[c] != nil:
			t.tell(c, event{c: c, data: block.RawData()})
		case t.past[c]:
		default: // not what it was sent as, or never asked for
			t.unasked++
			t.bytes += len(block.RawData())
			if len(t.open) > 0 {
				t.lies++
				t.lie = block.RawData()
			}
		}
	}
	for _, c := range msg.DontHaves() {
		if t.open[c] != nil {
			t.tell(c, event{c: c})
		}
	}
	if t.unasked > maxUnasked && uint64(t.unasked) > t.asks || t.bytes > maxUnaskedBytes {
		t.banned = true
		t.end(errTooMuch)
		go b.node.host.Network().ClosePeer(from)
		return
	}
	// Which of the blocks that he was asked for the wrong ones were meant as shows when all others have come.
	for t.lies > 0 && len(t.open) <= t.lies && len(t.open) > 0 {
		oldest := cid.Undef
		for c, a := range t.open {
			if !oldest.Defined() || a.order < t.open[oldest].order {
				oldest = c
			}
		}
		t.tell(oldest, event{c: oldest, data: t.lie, lie: true})
	}
}

// talk returns the conversation with a peer. b.mu is held.
func (b *client) talk(id peer.ID) *conversation {
	t := b.peers[id]
	if t == nil {
		t = &conversation{open: make(map[cid.Cid]*asked), past: make(map[cid.Cid]bool)}
		b.peers[id] = t
	}
	return t
}

// tell passes on what came of a block.
func (t *conversation) tell(c cid.Cid, e event) {
	t.open[c].events <- e
	t.close(c)
}

func (t *conversation) close(c cid.Cid) {
	delete(t.open, c)
	if !t.past[c] {
		if len(t.order) >= remembered {
			delete(t.past, t.order[0])
			t.order = t.order[1:]
		}
		t.past[c], t.order = true, append(t.order, c)
	}
	if len(t.open) == 0 {
		t.lies, t.lie = 0, nil
	}
}

// end tells everybody that the peer is gone.
func (t *conversation) end(err error) {
	for c := range t.open {
		t.tell(c, event{c: c, err: err})
	}
}

// lost is called when the last connection with a peer has ended.
func (b *client) lost(id peer.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.silent, id) // he may come back as a newer one
	delete(b.places, id)
	if !b.node.stranger(id) {
		b.seen[id] = time.Now()
	}
	if t := b.peers[id]; t != nil {
		t.end(errors.New("the connection broke off"))
		if !t.banned || t.asks == 0 { // who was never asked need not be known again
			delete(b.peers, id)
		}
	}
}

// member is a connected peer. It is a dictnet.Member.
type member struct {
	node *Node
	id   peer.ID
}

func (m member) Name() string { return "peer " + m.id.String() }

// Stranger reports whether the peer is none of the configured ones.
func (m member) Stranger() bool { return m.node.stranger(m.id) }

func (n *Node) stranger(id peer.ID) bool {
	return !slices.ContainsFunc(n.peers, func(p peer.AddrInfo) bool { return p.ID == id })
}

// Fetch asks the peer for the blocks. It returns when he has sent, or has said that he has not, each of them.
func (m member) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	if m.node.speaks(m.id) {
		if err := m.fetchNotes(ctx, want, got); !errors.Is(err, errNotSpoken) {
			return err
		}
	}
	return m.fetchBitswap(ctx, want, got)
}

// count counts a block that has come otherwise than by bitswap.
func (b *client) count(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.BlocksReceived++
	b.stats.BytesReceived += uint64(bytes)
}

func (m member) fetchBitswap(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	b := m.node.client
	events := make(chan event, len(want))
	ask := bsmsg.New(false)
	mine := make(map[cid.Cid]*asked, len(want))
	b.mu.Lock()
	t := b.talk(m.id)
	if t.banned {
		b.mu.Unlock()
		return errTooMuch
	}
	for i, c := range want {
		if t.open[c] != nil {
			continue // somebody else asks for it now
		}
		t.asks++
		mine[c] = &asked{order: t.asks, events: events}
		t.open[c] = mine[c]
		ask.AddEntry(c, int32(len(want)-i), pb.Message_Wantlist_Block, true)
	}
	b.mu.Unlock()
	left := len(mine)
	defer func() { b.takeBack(m.id, t, mine) }()
	if left < len(want) {
		return fmt.Errorf("asked for %d blocks twice at the same time", len(want)-left)
	}
	if err := m.node.net.SendMessage(ctx, m.id, ask); err != nil {
		return oneLine(err)
	}
	for ; left > 0; left-- {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-events:
			if e.err != nil {
				return e.err
			}
			if e.data == nil {
				continue
			}
			got(e.c, e.data)
			if !e.lie {
				m.node.have(ctx, e.c, e.data)
			}
		}
	}
	return nil
}

// takeBack ends a request. The peer is told what is not wanted any more.
func (b *client) takeBack(id peer.ID, t *conversation, mine map[cid.Cid]*asked) {
	thanks := bsmsg.New(false)
	b.mu.Lock()
	for c, a := range mine {
		if t.open[c] != a {
			continue
		}
		t.close(c)
		thanks.Cancel(c)
	}
	b.mu.Unlock()
	if thanks.Empty() || b.node.host.Network().Connectedness(id) != network.Connected {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	b.node.net.SendMessage(ctx, id, thanks) // or he sends it: then it is thrown away
}

// banned reports whether a peer is not to be asked any more.
func (b *client) banned(id peer.ID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.peers[id]
	return t != nil && t.banned
}

// justLost takes down whether a configured peer is connected, and reports whether he was a moment ago: he is called again.
func (b *client) justLost(id peer.ID, connected bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if connected {
		b.seen[id] = time.Now()
		return false
	}
	t := b.peers[id]
	return time.Since(b.seen[id]) < lostTime && (t == nil || !t.banned)
}
