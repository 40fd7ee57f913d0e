package ipfs

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	bsmsg "github.com/ipfs/boxo/bitswap/message"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/peer"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
)

// A plan tells who has what, and moves no note.
func TestPlan(t *testing.T) {
	const notes, size = 700, 3000
	full, half := openStore(t), openStore(t)
	p := publish(t, full, notes, size)
	publish(t, half, notes, size)
	m, err := manifest.Open(t.Context(), full, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	var gone cid.Cid // nobody has it
	for n, err := range m.Notes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n.Index%2 == 1 {
			err = half.Delete(t.Context(), n.CID)
		}
		if n.Index == 333 {
			gone = n.CID
			err = full.Delete(t.Context(), n.CID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a := start(t, Options{Blocks: full.Blocks(), Listen: loopback})
	b := start(t, Options{Blocks: half.Blocks(), Listen: loopback})
	home := openStore(t)
	node := start(t, Options{Blocks: home.Blocks(), Peers: append(a.Addrs(), b.Addrs()...)})
	c := newClient(t, home, node, 10*time.Second)
	checkNotes(t, c, p.Ref, size, 5) // one note is here
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	before := c.Stats().Blocks
	whole := []codec.Span{{Pos: 0, Len: tape.Size()}, {Pos: 10, Len: 20}}
	begin := time.Now()
	plan, err := c.Plan(t.Context(), tape, whole)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("planned in %v", time.Since(begin))
	if plan.Notes != notes || plan.Local != 1 || len(plan.Missing) != notes-1 || plan.Bytes != (notes-1)*size || plan.Nowhere != 1 || len(plan.Silent) != 0 {
		t.Errorf("%d notes, %d local, %d missing, %d bytes, %d nowhere, silent %v", plan.Notes, plan.Local, len(plan.Missing), plan.Bytes, plan.Nowhere, plan.Silent)
	}
	if err := plan.Err(); !errors.Is(err, dictnet.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	for _, n := range plan.Missing {
		var want []string
		if n.CID != gone.String() {
			want = append(want, "peer "+a.ID())
		}
		if n.Note%2 == 0 {
			want = append(want, "peer "+b.ID())
		}
		slices.Sort(want)
		slices.Sort(n.Who)
		if !slices.Equal(n.Who, want) {
			t.Fatalf("note %d: %v have it, want %v", n.Note, n.Who, want)
		}
	}
	if after := c.Stats().Blocks; after != before+2 { // two pages that were not needed before
		t.Errorf("fetched %d blocks to plan", after-before)
	}

	// A peer that is gone has nothing.
	a.Close()
	plan, err = c.Plan(t.Context(), tape, []codec.Span{{Pos: size, Len: 1}, {Pos: 2 * size, Len: 1}})
	if err != nil || plan.Notes != 2 || plan.Nowhere != 1 {
		t.Errorf("with one peer: %+v, %v", plan, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Plan(ctx, tape, whole); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// A peer who does not say what he has is asked twice, however long the list, and the others always.
func TestMutePeer(t *testing.T) {
	const notes, wait = 5, time.Second
	origin := openStore(t)
	p := publish(t, origin, notes, 100)
	m, err := manifest.Open(t.Context(), origin, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	good := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	mute, at := startRogue(t, func(*rogue, peer.ID, bsmsg.BitSwapMessage) {})
	node := start(t, Options{Blocks: openStore(t).Blocks(), Peers: append(good.Addrs(), at)})
	if err := node.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := node.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	has := 0
	for n, err := range m.Notes(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		s.(dictnet.Prober).Probe(ctx, []cid.Cid{n.CID}, func(cid.Cid, string) { has++ })
		cancel()
	}
	mute.mu.Lock()
	defer mute.mu.Unlock()
	if has != notes || mute.asked != maxMute {
		t.Errorf("%d of %d are said to be there; the other was asked %d times", has, notes, mute.asked)
	}
}
