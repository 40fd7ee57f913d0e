package ipfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/ipfs/boxo/ipns"
	"github.com/ipfs/boxo/path"
	"github.com/ipfs/go-cid"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
)

// A client that knows one node of a DHT finds the publisher through it, and gets the dictionary from him.
func TestFindPublisherByDHT(t *testing.T) {
	seedStore, pubStore, clientStore := openStore(t), openStore(t), openStore(t)
	seed := start(t, Options{Blocks: seedStore.Blocks(), Listen: loopback, DHT: true})
	pub := start(t, Options{Blocks: pubStore.Blocks(), Listen: loopback, Peers: seed.Addrs(), DHT: true})

	ext, err := dictnet.NewPublisher(pubStore).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		b, err := codec.SealNote([]byte{byte(i), 1, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := ext.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	published, err := ext.Commit()
	if err != nil {
		t.Fatal(err)
	}
	if err := pub.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}

	client := start(t, Options{Blocks: clientStore.Blocks(), Peers: seed.Addrs(), DHT: true})
	c := newClient(t, clientStore, client, 5*time.Second)
	defer c.Close()
	if err := pub.Announce(t.Context(), published.Ref.Manifest); err != nil {
		t.Fatal(err)
	}
	if err := c.Pull(t.Context(), published.Ref, "d", nil); err != nil {
		t.Fatal(err)
	}
	// The manifest and its page are announced, the notes are not.
	m, err := manifest.Open(t.Context(), pubStore, published.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
		found := false
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		for p := range client.routing.dht.FindProvidersAsync(ctx, l.CID, 1) {
			found = found || p.ID.String() == pub.ID()
		}
		if found == l.Note {
			t.Errorf("%+v: announced %v", l, found)
		}
		return !l.Note || l.Index < 2, nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := client.Connected(); len(got) != 2 {
		t.Errorf("the client is connected with %v, want the seed and the publisher", got)
	}
}

// A node that is alone says so, instead of waiting.
func TestAnnounceAlone(t *testing.T) {
	s := openStore(t)
	n := start(t, Options{Blocks: s.Blocks(), Listen: loopback, DHT: true})
	b, err := codec.SealNote([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := n.Announce(ctx, b.CID); err == nil {
		t.Error("announced to nobody")
	}
}

// An announcement that fails hinders no other, and the next call makes up for it, without repeating what was announced. When all fail, the call ends.
func TestAnnouncementsFail(t *testing.T) {
	home := openStore(t)
	p := publish(t, home, 6000, 20)
	var pages []cid.Cid
	m, err := manifest.Open(t.Context(), home, p.Ref.Manifest)
	if err == nil {
		err = m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
			if !l.Note {
				pages = append(pages, l.CID)
			}
			return true, nil
		})
	}
	if err != nil || len(pages) < 3*announceWidth {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	other := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true})
	n := start(t, Options{Blocks: home.Blocks(), Listen: loopback, DHT: true, Peers: other.Addrs()})
	if err := n.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	told := map[cid.Cid]int{}
	all := 0
	fails := func(cid.Cid) bool { return true }
	n.routing.tell = func(_ context.Context, c cid.Cid) error {
		mu.Lock()
		defer mu.Unlock()
		all++
		if told[c]++; fails(c) {
			return errors.New("nobody took it")
		}
		return nil
	}
	if err := n.Announce(t.Context(), p.Ref.Manifest); err == nil || all >= 2*announceWidth {
		t.Errorf("all fail: %v after %d", err, all)
	}
	told = map[cid.Cid]int{}
	bad := pages[5]
	fails = func(c cid.Cid) bool { return c == bad }
	if err := n.Announce(t.Context(), p.Ref.Manifest); err == nil || !strings.Contains(err.Error(), bad.String()) {
		t.Errorf("one fails: %v", err)
	}
	fails = func(cid.Cid) bool { return false }
	for range 2 {
		if err := n.Announce(t.Context(), p.Ref.Manifest); err != nil {
			t.Error(err)
		}
	}
	for _, c := range pages {
		want := 1
		if c == bad {
			want = 2
		}
		if told[c] != want {
			t.Errorf("%s was announced %d times, want %d", c, told[c], want)
		}
	}
}

// A name that was published while the clock was ahead can be published again.
func TestNameAfterClockWentBack(t *testing.T) {
	home := openStore(t)
	p := publish(t, home, 3, 100)
	key, err := LoadKey(home)
	if err != nil {
		t.Fatal(err)
	}
	other := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true})
	file := filepath.Join(t.TempDir(), "record")
	n := start(t, Options{Blocks: home.Blocks(), Key: key, Listen: loopback, DHT: true, Record: file, Peers: other.Addrs()})
	record, err := ipns.NewRecord(key, path.FromCid(p.Ref.Manifest), 7, time.Now().Add(365*24*time.Hour), nameTTL)
	if err != nil {
		t.Fatal(err)
	}
	data, err := ipns.MarshalRecord(record)
	if err == nil {
		err = n.Connect(t.Context())
	}
	if err == nil {
		err = n.routing.ready(t.Context())
	}
	if err == nil {
		err = n.routing.dht.PutValue(t.Context(), string(ipns.NameFromPeer(n.host.ID()).RoutingKey()), data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got, err := n.Point(t.Context(), p.Ref.Manifest); err != nil || got.Sequence != 8 {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := n.Point(t.Context(), p.Ref.Manifest); err != nil || got.Sequence != 8 {
		t.Errorf("once more: %+v, %v", got, err)
	}
}

// A node that repeats its name does not take back what another of its identity has published since, be it under the same sequence, as by one who did not
// find the last record.
func TestRepeatsWhatWasPublishedLast(t *testing.T) {
	for _, more := range []uint64{1, 0} {
		home := openStore(t)
		first := publish(t, home, 3, 100)
		second := publish(t, home, 3, 100)
		key, err := LoadKey(home)
		if err != nil {
			t.Fatal(err)
		}
		other := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true})
		n := start(t, Options{Blocks: home.Blocks(), Key: key, Listen: loopback, DHT: true, Record: filepath.Join(t.TempDir(), "record"), Peers: other.Addrs()})
		if err := n.Connect(t.Context()); err != nil {
			t.Fatal(err)
		}
		before, err := n.Point(t.Context(), first.Ref.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		record, err := signRecord(key, second.Ref.Manifest, before.Sequence+more)
		if err == nil {
			err = n.routing.dht.PutValue(t.Context(), string(ipns.NameFromPeer(n.host.ID()).RoutingKey()), record)
		}
		if err == nil {
			err = n.repoint(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if record, err = n.Record(t.Context(), before.Name); err != nil {
			t.Fatal(err)
		}
		if now, err := OpenRecord(before.Name, record); err != nil || now.Manifest != second.Ref.Manifest || now.Sequence != before.Sequence+more {
			t.Errorf("sequence +%d: %+v, %v", more, now, err)
		}
	}
}

// A name that could not be published again is tried again soon, not only when it is due the next time.
func TestNameIsTriedAgain(t *testing.T) {
	home := openStore(t)
	p := publish(t, home, 3, 100)
	key, err := LoadKey(home)
	if err != nil {
		t.Fatal(err)
	}
	other := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true})
	file := filepath.Join(t.TempDir(), "record")
	record, err := signRecord(key, p.Ref.Manifest, 3)
	if err == nil {
		err = os.WriteFile(file, []byte("cannot be read now"), 0o600)
	}
	if err == nil {
		err = os.WriteFile(file+".good", record, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, Options{Blocks: home.Blocks(), Key: key, Listen: loopback, DHT: true, Record: file, Peers: other.Addrs(), retry: 50 * time.Millisecond})
	if err := n.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond) // for it to have been tried once
	if err := os.Rename(file+".good", file); err != nil {
		t.Fatal(err)
	}
	name := ipns.NameFromPeer(n.host.ID()).String()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		record, err := other.Record(t.Context(), name)
		if err == nil {
			if got, err := OpenRecord(name, record); err != nil || got.Manifest != p.Ref.Manifest || got.Sequence != 3 {
				t.Errorf("%+v, %v", got, err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// A record that has been found counts, though a member of the DHT who is asked, too, never answers.
func TestNameBesideSilentMember(t *testing.T) {
	home := openStore(t)
	p := publish(t, home, 3, 100)
	key, err := LoadKey(home)
	if err != nil {
		t.Fatal(err)
	}
	good := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true})
	pub := start(t, Options{Blocks: home.Blocks(), Key: key, Listen: loopback, DHT: true, Peers: good.Addrs()})
	if err := pub.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	named, err := pub.Point(t.Context(), p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	silent := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true, Peers: good.Addrs()})
	if err := silent.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); good.routing.dht.LAN.RoutingTable().Find(silent.host.ID()) == ""; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the silent one does not become a member")
		}
	}
	silent.host.SetStreamHandler("/ipfs/lan/kad/1.0.0", func(network.Stream) {}) // he takes questions, and no more
	client := start(t, Options{Blocks: openStore(t).Blocks(), DHT: true, Peers: good.Addrs()})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	record, err := client.Record(ctx, named.Name)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := OpenRecord(named.Name, record); err != nil || got.Manifest != p.Ref.Manifest {
		t.Errorf("%+v, %v", got, err)
	}
	if ctx.Err() == nil {
		t.Error("the silent one was not asked")
	}
}

// What others announce to a node that serves the DHT does not grow for ever: it is forgotten, any of it.
func TestAnnouncementsAreForgotten(t *testing.T) {
	n := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true})
	providers := n.routing.dht.WAN.ProviderStore()
	key := func(i int) []byte { return fmt.Appendf(nil, "%01000d", i) }
	const many = 20_000
	for i := range many {
		if err := providers.AddProvider(t.Context(), key(i), peer.AddrInfo{ID: n.host.ID()}); err != nil {
			t.Fatal(err)
		}
	}
	const asked = 50
	known := 0
	for i := range asked {
		all, err := providers.GetProviders(t.Context(), key(i*(many/asked)))
		if err != nil || len(all) > 1 {
			t.Fatalf("%v, %v", all, err)
		}
		known += len(all)
	}
	if known == 0 || known > asked*9/10 {
		t.Errorf("%d of %d are known", known, asked)
	}
}

// What was not looked up, because the time was over, counts as due.
func TestNotLookedUp(t *testing.T) {
	home := openStore(t)
	p := publish(t, home, 3, 100)
	n := start(t, Options{Blocks: home.Blocks(), Listen: loopback, DHT: true})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n.routing.find(ctx, []cid.Cid{p.Ref.Manifest})
	if !n.routing.due(p.Ref.Manifest) {
		t.Error("it is not")
	}
}

// asleep returns a time of a machine that has slept since: that long ago on the wall, and now by the monotonic clock.
func asleep(d time.Duration) time.Time {
	t := time.Now().Add(-d)
	(*struct { // time.Time
		wall uint64
		ext  int64
		loc  *time.Location
	})(unsafe.Pointer(&t)).ext += int64(d)
	return t
}

// What a DHT has forgotten while the machine slept is announced again when it wakes. A clock that was ahead holds nothing back.
func TestScheduleWhileAsleep(t *testing.T) {
	if since := time.Since(asleep(time.Hour)); since > time.Minute {
		t.Fatalf("no sleep: %v", since)
	}
	for _, test := range []struct {
		last  time.Time
		again bool
	}{
		{time.Time{}, true},
		{time.Now(), false},
		{time.Now().Add(-announceAgain + time.Minute), false},
		{time.Now().Add(-announceAgain), true},
		{asleep(announceAgain - time.Minute), false},
		{asleep(announceAgain), true},
		{time.Now().Add(time.Hour), true},
	} {
		if AnnounceAgain(test.last) != test.again {
			t.Errorf("announced %v: again %v", test.last, !test.again)
		}
	}
}

// A name that ran out while the machine slept is published soon after it wakes.
func TestNameWhileAsleep(t *testing.T) {
	home := openStore(t)
	p := publish(t, home, 3, 100)
	key, err := LoadKey(home)
	if err != nil {
		t.Fatal(err)
	}
	other := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback, DHT: true})
	file := filepath.Join(t.TempDir(), "record")
	n := start(t, Options{Blocks: home.Blocks(), Key: key, Listen: loopback, DHT: true, Record: file, Peers: other.Addrs(), retry: 50 * time.Millisecond})
	if err := n.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	for looked := false; !looked; time.Sleep(50 * time.Millisecond) { // for a name from before the start, which there is not: it would publish this one again
		n.naming.Lock()
		looked = !n.named.IsZero()
		n.naming.Unlock()
	}
	if _, err := n.Point(t.Context(), p.Ref.Manifest); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if same, err := os.ReadFile(file); err != nil || !bytes.Equal(same, before) {
		t.Fatalf("published again at once: %v", err)
	}
	n.naming.Lock()
	n.named = asleep(renew)
	n.naming.Unlock()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if now, err := os.ReadFile(file); err == nil && !bytes.Equal(now, before) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it is not published again")
		}
	}
}
