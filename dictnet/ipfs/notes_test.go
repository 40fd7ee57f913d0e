package ipfs

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/multiformats/go-multistream"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

var (
	aNote     = nameOf(codecRaw, bytes.Repeat([]byte{0xaa}, 32))
	aManifest = nameOf(codecDagCBOR, bytes.Repeat([]byte{0xbb}, 32))
)

// Requests as they are sent: docs/network.md.
func TestRequestBytes(t *testing.T) {
	aa, bb := strings.Repeat("aa", 32), strings.Repeat("bb", 32)
	for text, r := range map[string]notesRequest{
		"01" + // blocks
			"02" + // of them, two
			"55" + aa + // raw
			"71" + bb: // dag-cbor
		{blocks: []cid.Cid{aNote, aManifest}},
		"02" + // a prelude
			"71" + bb + // the manifest
			"02" + // spans
			"8001" + "05" + // five bytes from byte 128 on
			"00" + "01": // the first byte
		{manifest: aManifest, spans: []codec.Span{{Pos: 128, Len: 5}, {Pos: 0, Len: 1}}},
		"02" + "71" + bb + "00": {manifest: aManifest},
	} {
		b, err := r.append(nil)
		if err != nil || hex.EncodeToString(b) != text {
			t.Errorf("%+v is %x, %v; want %s", r, b, err, text)
		}
		back, err := readRequest(bytes.NewReader(b))
		if err != nil || !slices.Equal(back.blocks, r.blocks) || back.manifest != r.manifest || !slices.Equal(back.spans, r.spans) {
			t.Errorf("%s reads as %+v, %v", text, back, err)
		}
		for n := range b {
			if _, err := readRequest(bytes.NewReader(b[:n])); err == nil {
				t.Errorf("%s: its first %d bytes are a request", text, n)
			}
		}
		if _, err := readRequest(bytes.NewReader(append(b, 0))); err == nil {
			t.Errorf("%s: so it is with a byte more", text)
		}
	}
	for what, b := range map[string]string{
		"no kind that is known":         "03",
		"no blocks":                     "0100",
		"too many":                      "018108" + strings.Repeat("55"+aa, maxAsked+1),
		"a number that is too long":     "018200" + strings.Repeat("55"+aa, 2),
		"a number beyond 64 bits":       "01ffffffffffffffffff02",
		"another codec":                 "010170" + aa,
		"a prelude of a note":           "0255" + aa + "00",
		"a span of no bytes":            "0271" + bb + "010000",
		"a position beyond 63 bits":     "0271" + bb + "01" + "80808080808080808001" + "01",
		"more spans than a prelude has": "0271" + bb + "41" + strings.Repeat("0001", 65),
	} {
		raw, err := hex.DecodeString(b)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := readRequest(bytes.NewReader(raw)); err == nil {
			t.Errorf("%s: read as %+v", what, r)
		}
	}
	if _, err := (&notesRequest{blocks: []cid.Cid{cid.NewCidV0(aNote.Hash())}}).append(nil); err == nil {
		t.Error("a CIDv0 can be asked for")
	}
}

// Whatever a stranger sends, a request is refused or is one that would be sent so.
func FuzzRequest(f *testing.F) {
	for _, r := range []notesRequest{{blocks: []cid.Cid{aNote}}, {manifest: aManifest}, {manifest: aManifest, spans: []codec.Span{{Pos: 300, Len: 1 << 40}}}} {
		b, err := r.append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readRequest(bytes.NewReader(b))
		if err != nil {
			return
		}
		if len(r.blocks) > maxAsked || len(r.spans) > dictnet.PreludeSpans {
			t.Errorf("%d blocks, %d spans", len(r.blocks), len(r.spans))
		}
		if again, err := r.append(nil); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is sent as %x, %v", b, again, err)
		}
	})
}

// Whatever a stranger answers, no block is larger than blocks may be, and each has the name of its bytes.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte{0x55, 3, 'a', 'b', 'c', 0}, false)
	f.Add([]byte{3, 'a', 'b', 'c', 0}, true)
	f.Add(binary.AppendUvarint(nil, store.MaxBlock+1), true)
	f.Fuzz(func(t *testing.T, b []byte, blocks bool) {
		a := newAnswerReader(bytes.NewReader(b))
		buffer := make([]byte, 0, 16)
		for range len(b) + 1 {
			if blocks {
				data, err := a.block(buffer)
				if err == io.EOF || len(data) > store.MaxBlock {
					t.Fatalf("%d bytes, %v", len(data), err)
				}
				if err != nil {
					return
				}
				continue
			}
			c, data, err := a.preludeBlock()
			if err != nil {
				return
			}
			if got, err := c.Prefix().Sum(data); err != nil || got != c || len(data) > store.MaxBlock {
				t.Fatalf("%d bytes under the name %s", len(data), c)
			}
		}
	})
}

// answer sends blocks as a server does, but for what a test does with them.
func answer(s network.Stream, origin *store.Store, change func(i int, data []byte) []byte) error {
	r, err := readRequest(s)
	if err != nil {
		return err
	}
	names := r.blocks
	if r.manifest.Defined() {
		names = []cid.Cid{r.manifest}
	}
	for i, c := range names {
		b, err := origin.Get(context.Background(), c)
		if err != nil {
			return err
		}
		b = change(i, bytes.Clone(b))
		head := binary.AppendUvarint(nil, uint64(len(b)))
		if r.manifest.Defined() {
			head = append([]byte{codecDagCBOR}, head...)
		}
		if _, err := s.Write(append(head, b...)); err != nil {
			return err
		}
	}
	return nil
}

// Peers that speak the notes protocol badly cost little beside a good one; alone, they end with an error that names the block and them. Nothing of what they
// send is kept.
func TestRogueNotes(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 300, 2000)
	good := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	for name, behave := range map[string]func(s network.Stream) error{
		"lies": func(s network.Stream) error {
			return answer(s, origin, func(_ int, data []byte) []byte { data[len(data)/2] ^= 1; return data })
		},
		"says that he has nothing": func(s network.Stream) error {
			return answer(s, origin, func(int, []byte) []byte { return nil })
		},
		"silent":       func(s network.Stream) error { <-never; return nil },
		"resets":       func(s network.Stream) error { return s.Reset() },
		"hangs up":     func(s network.Stream) error { return s.Conn().Close() },
		"cuts off":     func(s network.Stream) error { s.Write([]byte{0xd0, 0x0f, 1, 2, 3}); return nil },
		"says nothing": func(s network.Stream) error { return nil },
		"sends a block larger than one may be": func(s network.Stream) error {
			_, err := s.Write(append(binary.AppendUvarint(nil, store.MaxBlock+1), make([]byte, 4<<20)...))
			return err
		},
		"announces the largest number": func(s network.Stream) error {
			_, err := s.Write(bytes.Repeat([]byte{0xff}, 100))
			return err
		},
		"is slow": func(s network.Stream) error {
			s.Write([]byte{0xd0, 0x0f}) // a block of 2,000 bytes
			for {
				if _, err := s.Write([]byte{0}); err != nil {
					return err
				}
				select {
				case <-never:
					return nil
				case <-time.After(50 * time.Millisecond):
				}
			}
		},
		"sends more than was asked for": func(s network.Stream) error {
			if err := answer(s, origin, func(_ int, data []byte) []byte { data[0] ^= 1; return data }); err != nil {
				return err
			}
			for {
				if _, err := s.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			bad, at := startRogue(t, func(*rogue, peer.ID, bsmsg.BitSwapMessage) {})
			bad.net.Host().SetStreamHandler(notesProtocol, func(s network.Stream) {
				asked.Add(1)
				behave(s)
				s.Close()
			})
			spans := []codec.Span{{Pos: 100_000, Len: 10}}
			home := openStore(t)
			c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: append([]string{at}, good.Addrs()...)}), 5*time.Minute)
			c.Expect(spans)
			if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Fatalf("beside a good one: %v", err)
			}
			if _, err := home.Check(t.Context(), nil); err != nil {
				t.Error(err)
			}

			alone := openStore(t)
			c = newClient(t, alone, start(t, Options{Blocks: alone.Blocks(), Peers: []string{at}}), 2*time.Second)
			c.Expect(spans)
			err := c.Pull(t.Context(), p.Ref, "", nil)
			var missing *dictnet.MissingError
			if !errors.As(err, &missing) || missing.CID != p.Ref.Manifest || !strings.Contains(err.Error(), bad.net.Self().String()) || strings.Contains(err.Error(), "\n") {
				t.Errorf("alone: %v", err)
			}
			if st, err := alone.Stats(t.Context()); err != nil || st != (store.Stats{}) {
				t.Errorf("kept %+v, %v", st, err)
			}
			if asked.Load() == 0 {
				t.Error("he was never asked")
			}
		})
	}
}

// Who asks badly is cut off, and others are served meanwhile: garbage, a request that never ends, more requests than one may have, answers that are not taken.
func TestRogueClients(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 300, 20_000)
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	server.notes.mu.Lock()
	server.notes.requestTime, server.notes.takeTime = 300*time.Millisecond, 300*time.Millisecond
	server.notes.mu.Unlock()
	m := newClient(t, origin, start(t, Options{Blocks: origin.Blocks()}), time.Second)
	tape, err := m.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	all := notesRequest{}
	for n, err := range tape.Manifest().Notes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all.blocks = append(all.blocks, n.CID)
	}
	whole, err := all.append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"garbage":               bytes.Repeat([]byte{0xff}, 5000),
		"a request without end": whole[:len(whole)-1],
		"too long a request":    append(bytes.Clone(whole), make([]byte, 1<<20)...),
		"takes nothing":         whole, // three times the window of a stream
	} {
		t.Run(name, func(t *testing.T) {
			h, err := libp2p.New(libp2p.NoListenAddrs, libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.DisableRelay())
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if err := h.Connect(t.Context(), peer.AddrInfo{ID: server.host.ID(), Addrs: server.host.Addrs()}); err != nil {
				t.Fatal(err)
			}
			var streams []network.Stream
			for range streamsOfOne + 36 { // more than he may have
				s, err := h.Network().NewStream(t.Context(), server.host.ID())
				if err != nil {
					t.Fatal(err)
				}
				streams = append(streams, s)
				lazy := multistream.NewMSSelect(s, notesProtocol)
				go func() {
					lazy.Write(text)
					if name == "takes nothing" {
						s.CloseWrite()
					}
				}()
			}
			home := openStore(t)
			c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), time.Minute)
			if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Errorf("another client: %v", err)
			}
			for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // though he keeps his streams open
				server.notes.mu.Lock()
				here := 0
				if rogue := server.notes.peers[h.ID()]; rogue != nil {
					here = len(rogue.here)
				}
				server.notes.mu.Unlock()
				if here > streamsOfOne {
					t.Fatalf("%d requests of one peer are held", here)
				}
				if here == 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%d of his requests are still held", here)
				}
			}
			for _, s := range streams {
				s.Reset()
			}
		})
	}
}

// Peers who take what they asked for slowly do not keep the places of those who are answered: while others wait they take turns, and get all in the end.
func TestSlowPeers(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 30, 200_000)
	m, err := manifest.Open(t.Context(), origin, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	var r notesRequest
	for n, err := range m.Notes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		r.blocks = append(r.blocks, n.CID)
	}
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	s := server.notes
	s.all, s.turnTime = make(chan struct{}, 4), 200*time.Millisecond
	var slow sync.WaitGroup
	served := make(chan struct{})
	for range 2 {
		node := start(t, Options{Blocks: openStore(t).Blocks(), Peers: server.Addrs()})
		if err := node.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range servedOfOne {
			stream, in, err := node.askNotes(t.Context(), server.host.ID(), &r)
			if err != nil {
				t.Fatal(err)
			}
			slow.Go(func() {
				defer stream.Reset()
				in.in = bufio.NewReaderSize(&slowReader{in.in, served}, 64<<10)
				for i, c := range r.blocks {
					data, err := in.block(nil)
					if err != nil || nameOf(codecRaw, digestOf(data)) != c {
						t.Errorf("block %d for a slow peer: %d bytes, %v", i, len(data), err)
						return
					}
				}
				if err := in.end(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	for len(s.all) < cap(s.all) {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // the slow need 45 s
	defer cancel()
	home := openStore(t)
	if err := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), time.Minute).Pull(ctx, p.Ref, "", nil); err != nil {
		t.Errorf("another client: %v", err)
	}
	close(served)
	slow.Wait()
}

// slowReader reads 128 KiB a second, until it need not.
type slowReader struct {
	io.Reader
	fast <-chan struct{}
}

func (r *slowReader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b[:min(len(b), 32<<10)])
	select {
	case <-r.fast:
	case <-time.After(time.Duration(n) * time.Second / (128 << 10)):
	}
	return n, err
}

// A prelude is no longer than its turn.
func TestPreludeOfATurn(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 5, 1000)
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	node := start(t, Options{Blocks: openStore(t).Blocks(), Peers: server.Addrs()})
	if err := node.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.notes.turnTime = 0
	for waiting, want := range []int{7, 1} {
		server.notes.waiting.Store(int64(waiting))
		n := 0
		err := member{node, server.host.ID()}.FetchPrelude(t.Context(), p.Ref.Manifest, []codec.Span{{Pos: 0, Len: 5000}}, func(cid.Cid, []byte) { n++ })
		if err != nil || n != want {
			t.Errorf("%d blocks while %d wait, %v; want %d", n, waiting, err, want)
		}
	}
}

// However many requests some peers have here, there is room for those of others: who has the most gives up what he asked for last.
func TestRoomForNewcomers(t *testing.T) {
	s := start(t, Options{Blocks: openStore(t).Blocks()}).notes
	type asked struct {
		turn *notesTurn
		ctx  context.Context
	}
	all := make(map[peer.ID][]asked)
	enter := func(id peer.ID) bool {
		ctx, cancel := context.WithCancel(t.Context())
		turn, ok := s.enter(id, cancel)
		if !ok {
			cancel()
			return false
		}
		all[id] = append(all[id], asked{turn, ctx})
		return true
	}
	leave := func() {
		for _, some := range all {
			for _, a := range some {
				s.leave(a.turn)
			}
		}
		clear(all)
	}
	defer leave()
	const greedy = streamsOfAll / streamsOfOne
	for i := range greedy {
		for range streamsOfOne {
			if !enter(peer.ID(fmt.Sprint("greedy", i))) {
				t.Fatal("no room though there is")
			}
		}
		if enter(peer.ID(fmt.Sprint("greedy", i))) {
			t.Fatal("more than one may have")
		}
	}
	for i := range greedy {
		for n := range streamsOfOne / 2 {
			if id := peer.ID(fmt.Sprint("late", i)); !enter(id) {
				t.Fatalf("%s has no room for a request after %d", id, n)
			}
		}
		if s.here != streamsOfAll {
			t.Fatalf("%d requests are here", s.here)
		}
	}
	if enter("greedy0") {
		t.Error("one of many has more than the others")
	}
	ended := 0
	for id, some := range all {
		for i, a := range some {
			if a.ctx.Err() != nil {
				if ended++; i < streamsOfOne/2 {
					t.Errorf("request %d of %s was ended", i, id)
				}
			}
		}
	}
	leave()
	if ended != streamsOfAll/2 || s.here != 0 || len(s.peers) != 0 {
		t.Errorf("%d were ended; %d of %d peers are left", ended, s.here, len(s.peers))
	}
}

// Peers that speak neither TLS nor the notes protocol, as Helia, are called and asked all the same, with nothing lost by having begun otherwise.
func TestNoisePeer(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 20, 2000)
	server, err := startWith(Options{Blocks: origin.Blocks(), Listen: loopback, bitswapOnly: true}, libp2p.Security(noise.ID, noise.New))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	home := openStore(t)
	node := start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()})
	c := newClient(t, home, node, time.Minute)
	c.Expect([]codec.Span{{Pos: 0, Len: 10}})
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	conns := node.host.Network().ConnsToPeer(server.host.ID())
	if len(conns) != 1 || conns[0].ConnState().Security != noise.ID {
		t.Errorf("connected by %v", conns)
	}
	if st := c.Stats(); st.Wrong != 0 || st.Blocks != 20+2 {
		t.Errorf("%+v", st)
	}
}

// Who hangs up before he could say what he speaks is not taken for one who speaks bitswap only.
func TestHangsUpAtOnce(t *testing.T) {
	node := start(t, Options{Blocks: openStore(t).Blocks()})
	for range 12 { // half of them have said it by then
		r, at := startRogue(t, func(*rogue, peer.ID, bsmsg.BitSwapMessage) {})
		r.net.Host().SetStreamHandler(notesProtocol, func(s network.Stream) { s.Conn().Close() })
		if err := node.Call(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		err := node.converse(t.Context(), r.net.Self(), &notesRequest{blocks: []cid.Cid{aNote}}, func(answerReader) error { return nil })
		if err == nil || errors.Is(err, errNotSpoken) {
			t.Errorf("he %v", err)
		}
	}
}

// With our own kind, TLS it is.
func TestTLSPeer(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 3, 2000)
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	home := openStore(t)
	node := start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()})
	if err := newClient(t, home, node, time.Minute).Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	conns := node.host.Network().ConnsToPeer(server.host.ID())
	if len(conns) != 1 || conns[0].ConnState().Security != libp2ptls.ID || server.notes.blocks.Load() != 5 {
		t.Errorf("connected by %v; %d blocks by the notes protocol", conns, server.notes.blocks.Load())
	}
}
