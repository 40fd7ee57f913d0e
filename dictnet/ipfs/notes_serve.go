package ipfs

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

const (
	streamsOfOne  = 64   // requests of one peer that are here; beyond, they are refused
	servedOfOne   = 2    // of them, those that are answered at the same time, in the order in which they came
	streamsOfAll  = 4096 // requests that are here; beyond, who has the most gives up one that waits for a peer who has fewer
	servedOfAll   = 64   // of them, those that are answered at the same time: each holds a block or two
	pieceOfABlock = 64 << 10
)

// notesServer answers requests for blocks of the store.
type notesServer struct {
	node    *Node
	all     chan struct{} // a place for each that is answered
	waiting atomic.Int64  // for a place
	blocks  atomic.Uint64
	bytes   atomic.Uint64

	requestTime time.Duration // for a request to arrive
	takeTime    time.Duration // for the peer to take a piece of a block
	turnTime    time.Duration // that one has a place while others wait for it

	mu     sync.Mutex
	closed bool
	here   int
	peers  map[peer.ID]*notesClient
}

// notesClient is a peer who asks.
type notesClient struct {
	id    peer.ID
	here  []*notesTurn // in the order in which they came
	slots chan struct{}
}

// notesTurn is a request that waits for its turn, or has it.
type notesTurn struct {
	client *notesClient
	cancel context.CancelFunc // of the request
	placed bool
	since  time.Time // when it got its place
	begun  int       // bytes that were sent of the block that is next
}

func newNotesServer(n *Node) *notesServer {
	return &notesServer{node: n, all: make(chan struct{}, servedOfAll), peers: make(map[peer.ID]*notesClient),
		requestTime: 10 * time.Second, takeTime: 30 * time.Second, turnTime: 10 * time.Second}
}

// enter takes in a request, unless there are too many.
func (s *notesServer) enter(id peer.ID, cancel context.CancelFunc) (*notesTurn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.peers[id]
	if c == nil {
		c = &notesClient{id: id, slots: make(chan struct{}, servedOfOne)}
	}
	if s.closed || len(c.here) >= streamsOfOne || s.here >= streamsOfAll && !s.makeRoom(len(c.here)+1) {
		return nil, false
	}
	t := &notesTurn{client: c, cancel: cancel}
	c.here = append(c.here, t)
	s.peers[id] = c
	s.here++
	s.node.wg.Add(1)
	return t, true
}

// makeRoom ends the last request of the peer who has the most here, if he has more than so many and than are answered. s.mu is held.
func (s *notesServer) makeRoom(than int) bool {
	var most *notesClient
	for _, c := range s.peers {
		if most == nil || len(c.here) > len(most.here) {
			most = c
		}
	}
	if len(most.here) <= max(than, servedOfOne) {
		return false
	}
	t := most.here[len(most.here)-1]
	t.cancel()
	s.forget(t)
	return true
}

// forget counts a request as gone, unless it was forgotten before. s.mu is held.
func (s *notesServer) forget(t *notesTurn) {
	c := t.client
	i := slices.Index(c.here, t)
	if i < 0 {
		return
	}
	c.here = slices.Delete(c.here, i, i+1)
	s.here--
	if len(c.here) == 0 {
		delete(s.peers, c.id)
	}
}

func (s *notesServer) leave(t *notesTurn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(t)
	s.node.wg.Done()
}

// close lets nobody in any more. What is being answered ends with the node's context, which has ended.
func (s *notesServer) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// place waits until a request may be answered, behind those that have waited for longer.
func (s *notesServer) place(ctx context.Context, t *notesTurn) bool {
	select {
	case s.all <- struct{}{}:
	default:
		s.waiting.Add(1)
		defer s.waiting.Add(-1)
		select {
		case s.all <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	t.placed, t.since = true, time.Now()
	return true
}

// giveUp lets another have the place.
func (s *notesServer) giveUp(t *notesTurn) {
	if t.placed {
		t.placed = false
		<-s.all
	}
}

// over reports whether a request is to let others have its place.
func (s *notesServer) over(t *notesTurn) bool {
	return s.waiting.Load() > 0 && time.Since(t.since) >= s.turnTime
}

// handle answers the request of one stream.
func (s *notesServer) handle(stream network.Stream) {
	ctx, cancel := context.WithCancel(s.node.ctx)
	defer cancel()
	t, ok := s.enter(stream.Conn().RemotePeer(), cancel)
	if !ok {
		stream.Reset()
		return
	}
	defer s.leave(t)
	defer context.AfterFunc(ctx, func() { stream.Reset() })() // which ends what waits for the peer
	stream.SetReadDeadline(time.Now().Add(s.requestTime))
	r, err := readRequest(stream)
	if err != nil {
		stream.Reset()
		return
	}
	select {
	case t.client.slots <- struct{}{}:
		defer func() { <-t.client.slots }()
	case <-ctx.Done():
		return
	}
	defer s.giveUp(t)
	if !s.place(ctx, t) {
		return
	}
	if r.manifest.Defined() {
		err = s.prelude(ctx, stream, r, t)
	}
	for rest := r.blocks; err == nil && len(rest) > 0; {
		var sent int
		if sent, err = s.sendBlocks(ctx, stream, rest, t); sent < len(rest) && err == nil {
			s.giveUp(t)
			if !s.place(ctx, t) {
				return
			}
		}
		rest = rest[sent:]
	}
	if err != nil {
		stream.Reset()
		return
	}
	stream.Close()
}

// sendBlocks sends the blocks in order, and returns how many it sent until the request's turn was over. The next is read while one is sent.
func (s *notesServer) sendBlocks(ctx context.Context, w network.Stream, names []cid.Cid, t *notesTurn) (sent int, err error) {
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan []byte, 1) // nil: it is not here
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(ready)
		for _, c := range names {
			var data []byte
			if b, err := s.node.o.Blocks.Get(ctx, c); err == nil && len(b.RawData()) <= store.MaxBlock {
				data = b.RawData()
			}
			select {
			case ready <- data:
			case <-ctx.Done():
				return
			}
		}
	})
	defer reading.Wait()
	defer cancel()
	first := make([]byte, 0, pieceOfABlock)
	for data := range ready {
		if data == nil && t.begun > 0 {
			return sent, errors.New("removed while it was sent")
		}
		if t.begun, err = s.send(w, first, data, t.begun, t); err != nil || t.begun < len(data) {
			return sent, err
		}
		t.begun = 0
		if sent++; s.over(t) {
			return sent, nil
		}
	}
	return sent, ctx.Err()
}

// errTurn ends a prelude whose turn is over.
var errTurn = errors.New("others wait")

// prelude sends what leads to the notes of some spans, until its turn is over.
func (s *notesServer) prelude(ctx context.Context, w network.Stream, r *notesRequest, t *notesTurn) error {
	var failed error
	dictnet.Play(ctx, served{s.node}, r.manifest, r.spans, func(c cid.Cid, data []byte) error {
		for at := 0; at < len(data) && failed == nil; {
			at, failed = s.send(w, append(make([]byte, 0, pieceOfABlock), byte(c.Prefix().Codec)), data, at, t)
		}
		if failed == nil && s.over(t) {
			return errTurn
		}
		return failed
	})
	if failed != nil {
		return failed
	}
	w.SetWriteDeadline(time.Now().Add(s.takeTime))
	_, err := w.Write([]byte{preludeEnd}) // what is missing, or no manifest, the peer will see when he asks for it
	return err
}

// send sends a block from a byte on until the request's turn is over, and returns up to which byte it sent. Its length, and first what stands in before, whose room it
// uses, come before the first byte. As long as the peer takes something now and then, it goes on.
func (s *notesServer) send(w network.Stream, before, data []byte, from int, t *notesTurn) (int, error) {
	var piece []byte
	if from == 0 {
		piece = binary.AppendUvarint(before, uint64(len(data)))
	}
	for at := from; ; {
		next := data[at:min(at+pieceOfABlock-len(piece), len(data))]
		at += len(next)
		if len(piece) > 0 {
			next = append(piece, next...)
			piece = nil
		}
		w.SetWriteDeadline(time.Now().Add(s.takeTime))
		if _, err := w.Write(next); err != nil {
			return at, err
		}
		if at == len(data) {
			break
		}
		if s.over(t) {
			return at, nil
		}
	}
	if len(data) > 0 {
		s.blocks.Add(1)
		s.bytes.Add(uint64(len(data)))
	}
	return len(data), nil
}

// served is the store of a node as a manifest.Getter.
type served struct{ node *Node }

func (s served) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	b, err := s.node.o.Blocks.Get(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(b.RawData()) > store.MaxBlock {
		return nil, errors.New("too large")
	}
	return b.RawData(), nil
}
