package ipfs

import (
	"context"
	"encoding/binary"
	"errors"
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
	streamsOfAll  = 4096 // requests that are here
	servedOfAll   = 64   // of them, those that are answered at the same time: each holds a block or two
	pieceOfABlock = 64 << 10
)

// notesServer answers requests for blocks of the store.
type notesServer struct {
	node   *Node
	all    chan struct{} // a place for each that is answered
	blocks atomic.Uint64
	bytes  atomic.Uint64

	requestTime time.Duration // for a request to arrive
	takeTime    time.Duration // for the peer to take a piece of a block

	mu     sync.Mutex
	closed bool
	here   int
	peers  map[peer.ID]*notesClient
}

// notesClient is a peer who asks.
type notesClient struct {
	here  int
	slots chan struct{}
}

func newNotesServer(n *Node) *notesServer {
	return &notesServer{node: n, all: make(chan struct{}, servedOfAll), peers: make(map[peer.ID]*notesClient),
		requestTime: 10 * time.Second, takeTime: 30 * time.Second}
}

// enter takes in a request, unless there are too many.
func (s *notesServer) enter(id peer.ID) (*notesClient, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.peers[id]
	if s.closed || s.here >= streamsOfAll || c != nil && c.here >= streamsOfOne {
		return nil, false
	}
	if c == nil {
		c = &notesClient{slots: make(chan struct{}, servedOfOne)}
		s.peers[id] = c
	}
	s.here++
	c.here++
	s.node.wg.Add(1)
	return c, true
}

func (s *notesServer) leave(id peer.ID, c *notesClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.here--
	if c.here--; c.here == 0 {
		delete(s.peers, id)
	}
	s.node.wg.Done()
}

// close lets nobody in any more. What is being answered ends with the node's context, which has ended.
func (s *notesServer) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// handle answers the request of one stream.
func (s *notesServer) handle(stream network.Stream) {
	id := stream.Conn().RemotePeer()
	client, ok := s.enter(id)
	if !ok {
		stream.Reset()
		return
	}
	defer s.leave(id, client)
	ctx, cancel := context.WithCancel(s.node.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { stream.Reset() })() // which ends what waits for the peer
	stream.SetReadDeadline(time.Now().Add(s.requestTime))
	r, err := readRequest(stream)
	if err != nil {
		stream.Reset()
		return
	}
	for _, slots := range []chan struct{}{client.slots, s.all} {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-ctx.Done():
			return
		}
	}
	if r.manifest.Defined() {
		err = s.prelude(ctx, stream, r)
	} else {
		err = s.sendBlocks(ctx, stream, r.blocks)
	}
	if err != nil {
		stream.Reset()
		return
	}
	stream.Close()
}

// sendBlocks sends the blocks in order. The next is read while one is sent.
func (s *notesServer) sendBlocks(ctx context.Context, w network.Stream, names []cid.Cid) error {
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
		if err := s.send(w, first, data); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// prelude sends what leads to the notes of some spans.
func (s *notesServer) prelude(ctx context.Context, w network.Stream, r *notesRequest) error {
	var failed error
	dictnet.Play(ctx, served{s.node}, r.manifest, r.spans, func(c cid.Cid, data []byte) error {
		failed = s.send(w, append(make([]byte, 0, pieceOfABlock), byte(c.Prefix().Codec)), data)
		return failed
	})
	if failed != nil {
		return failed
	}
	w.SetWriteDeadline(time.Now().Add(s.takeTime))
	_, err := w.Write([]byte{preludeEnd}) // what is missing, or no manifest, the peer will see when he asks for it
	return err
}

// send sends a block, with its length and first what stands in before, whose room it uses. As long as the peer takes something now and then, it
// goes on.
func (s *notesServer) send(w network.Stream, before, data []byte) error {
	first := binary.AppendUvarint(before, uint64(len(data)))
	n := min(len(data), pieceOfABlock-len(first))
	first = append(first, data[:n]...)
	for rest := data[n:]; ; {
		w.SetWriteDeadline(time.Now().Add(s.takeTime))
		if _, err := w.Write(first); err != nil {
			return err
		}
		if len(rest) == 0 {
			break
		}
		n = min(len(rest), pieceOfABlock)
		first, rest = rest[:n], rest[n:]
	}
	if len(data) > 0 {
		s.blocks.Add(1)
		s.bytes.Add(uint64(len(data)))
	}
	return nil
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
