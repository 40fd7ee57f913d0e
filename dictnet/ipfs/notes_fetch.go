package ipfs

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	"github.com/multiformats/go-multistream"

	"dictnet/codec"
	"dictnet/dictnet"
)

// errNotSpoken says that a peer does not speak the protocol.
var errNotSpoken = errors.New("speaks bitswap only")

// askedOfOne is how many requests are under way at one peer; he may refuse what is more than 64.
const askedOfOne = 16

// placesAt returns the places for requests to a peer.
func (b *client) placesAt(id peer.ID) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.places[id] == nil {
		b.places[id] = make(chan struct{}, askedOfOne)
	}
	return b.places[id]
}

func digestOf(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

// speaks reports whether a peer may speak the notes protocol: he has not said what he speaks yet, or this is of it.
func (n *Node) speaks(id peer.ID) bool {
	if n.o.bitswapOnly {
		return false
	}
	n.client.mu.Lock()
	silent := n.client.silent[id]
	n.client.mu.Unlock()
	if silent {
		return false
	}
	all, err := n.host.Peerstore().GetProtocols(id)
	return err != nil || len(all) == 0 || slices.Contains(all, notesProtocol)
}

// identified waits until a peer has said what he speaks, and reports whether the notes protocol is of it.
func (n *Node) identified(ctx context.Context, s network.Stream) bool {
	if h, ok := n.host.(interface{ IDService() identify.IDService }); ok {
		select {
		case <-h.IDService().IdentifyWait(s.Conn()):
		case <-ctx.Done():
			return true // not known
		}
	}
	id := s.Conn().RemotePeer()
	all, err := n.host.Peerstore().GetProtocols(id)
	if err == nil && slices.Contains(all, notesProtocol) || s.Conn().IsClosed() { // closed: he may not have had the time to say so
		return true
	}
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	n.client.silent[id] = true
	return false
}

// askNotes opens a stream with a request on it. Nothing is negotiated beforehand: the answer says whether the peer understood. The caller resets the
// stream.
func (n *Node) askNotes(ctx context.Context, id peer.ID, r *notesRequest) (network.Stream, answerReader, error) {
	text, err := r.append(nil)
	if err != nil {
		return nil, answerReader{}, err
	}
	s, err := n.host.Network().NewStream(network.WithNoDial(ctx, "he is connected, or not asked"), id)
	if err != nil {
		return nil, answerReader{}, err
	}
	if err := s.SetProtocol(notesProtocol); err != nil {
		s.Reset()
		return nil, answerReader{}, err
	}
	lazy := multistream.NewMSSelect(s, notesProtocol)
	if _, err = lazy.Write(text); err == nil {
		err = s.CloseWrite()
	}
	if err != nil {
		s.Reset()
		return nil, answerReader{}, err
	}
	return s, newAnswerReader(lazy), nil
}

// converse runs f on a stream with a request. It returns errNotSpoken if the peer does not speak the protocol, and remembers it.
func (n *Node) converse(ctx context.Context, id peer.ID, r *notesRequest, f func(answerReader) error) error {
	places := n.client.placesAt(id)
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, in, err := n.askNotes(ctx, id, r)
	if err != nil {
		return oneLine(err)
	}
	defer s.Reset()
	defer context.AfterFunc(ctx, func() { s.Reset() })()
	if err = in.start(); err != nil && ctx.Err() == nil && !n.identified(ctx, s) {
		return errNotSpoken
	}
	if err == nil {
		err = f(in)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return oneLine(err)
	}
	return nil
}

// usualBlock is the size of a block that most notes are not larger than.
const usualBlock = 192 << 10

// fetchNotes asks a peer for blocks. What he does not have is left out.
func (m member) fetchNotes(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	if m.node.client.banned(m.id) {
		return errTooMuch
	}
	return m.node.converse(ctx, m.id, &notesRequest{blocks: want}, func(in answerReader) error {
		buffer := make([]byte, 0, usualBlock)
		for i, c := range want {
			data, err := in.block(buffer)
			if err != nil {
				return fmt.Errorf("after %d of %d blocks: %w", i, len(want), err)
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if data != nil {
				m.node.client.count(len(data))
				got(c, data)
				m.node.have(ctx, c, data)
			}
		}
		return in.end()
	})
}

var _ dictnet.Prelude = member{}

// FetchPrelude asks the peer for what leads to spans.
func (m member) FetchPrelude(ctx context.Context, name cid.Cid, spans []codec.Span, got func(cid.Cid, []byte)) error {
	if !m.node.speaks(m.id) || m.node.client.banned(m.id) {
		return nil
	}
	err := m.node.converse(ctx, m.id, &notesRequest{manifest: name, spans: spans}, func(in answerReader) error {
		for bytes, blocks := 0, 0; bytes <= maxPrelude && blocks <= dictnet.PreludeBlocks; blocks++ {
			c, data, err := in.preludeBlock()
			if err == io.EOF {
				return in.end()
			}
			if err != nil {
				return err
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			bytes += len(data)
			m.node.client.count(len(data))
			got(c, data)
		}
		return errTooMuch
	})
	if errors.Is(err, errNotSpoken) {
		return nil
	}
	return err
}
