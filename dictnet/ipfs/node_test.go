package ipfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	ipld "github.com/ipfs/go-ipld-format"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

var loopback = []string{"/ip4/127.0.0.1/tcp/0"}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func start(t testing.TB, o Options) *Node {
	t.Helper()
	if o.DialTimeout == 0 {
		o.DialTimeout = 20 * time.Second
	}
	n, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func newClient(t testing.TB, s *store.Store, n *Node, timeout time.Duration) *dictnet.Client {
	t.Helper()
	c := dictnet.NewClient(dictnet.Options{Store: s, Sources: []dictnet.Source{n}, Timeout: timeout, Idle: time.Second})
	t.Cleanup(func() { c.Close() })
	return c
}

// noteText is the raw bytes of note i: size bytes that do not compress.
func noteText(i, size int) []byte {
	b := make([]byte, size)
	rand.New(rand.NewSource(int64(i))).Read(b)
	return b
}

func publish(t testing.TB, s *store.Store, notes, size int) dictnet.Published {
	t.Helper()
	e, err := dictnet.NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	for i := range notes {
		b, err := codec.SealNote(noteText(i, size))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	p, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func checkNotes(t testing.TB, c *dictnet.Client, ref codec.DictionaryRef, size int, which ...int) {
	t.Helper()
	tape, err := c.Open(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range which {
		_, raw, err := tape.NoteAt(t.Context(), uint64(i*size))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(raw, noteText(i, size)) {
			t.Fatalf("note %d has other bytes", i)
		}
	}
}

// Two nodes over TCP: one has a dictionary of 2,000 notes, the other brings it home.
func TestPullBetweenNodes(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 2000, 4000)
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	home := openStore(t)
	node := start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()})
	c := newClient(t, home, node, 10*time.Second)
	begin := time.Now()
	if err := c.Pull(t.Context(), p.Ref, "d", nil); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begin)
	st := c.Stats()
	t.Logf("%d blocks, %d bytes in %v, %d stalls", st.Blocks, st.Bytes, took, st.Stalls)
	if st.Blocks != 2000+8+1+1 || st.Wrong != 0 {
		t.Errorf("fetched %+v", st)
	}
	if took > 10*time.Second {
		t.Errorf("took %v", took)
	}
	checkNotes(t, c, p.Ref, 4000, 0, 999, 1999)
	if n, err := home.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); n != 2010 || err != nil {
		t.Errorf("%d blocks, %v", n, err)
	}
}

// Reading here and there fetches only what is needed.
func TestReadAFewNotes(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 1000, 1000)
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	home := openStore(t)
	c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), 10*time.Second)
	begin := time.Now()
	checkNotes(t, c, p.Ref, 1000, 3, 700, 701)
	t.Logf("three notes in %v", time.Since(begin))
	if st := c.Stats(); st.Blocks != 1+1+2+3 {
		t.Errorf("fetched %+v", st)
	}
}

// One at a time, with nothing to collect wants for.
func TestOneAtATime(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 50, 1000)
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	home := openStore(t)
	c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), 10*time.Second)
	checkNotes(t, c, p.Ref, 1000, 0)
	begin := time.Now()
	for i := 1; i < 50; i++ {
		checkNotes(t, c, p.Ref, 1000, i)
	}
	t.Logf("%v for each note", time.Since(begin)/49)
}

// evilBlocks is a store whose owner serves something else than what he is asked for.
type evilBlocks struct {
	blockstore.Blockstore
	change func(cid.Cid, []byte) ([]byte, error)
	get    func()
}

func (e *evilBlocks) Get(ctx context.Context, c cid.Cid) (blocks.Block, error) {
	if e.get != nil {
		e.get()
	}
	b, err := e.Blockstore.Get(ctx, c)
	if err != nil {
		return nil, err
	}
	data, err := e.change(c, bytes.Clone(b.RawData()))
	if err != nil {
		return nil, err
	}
	return blocks.NewBlockWithCid(data, c)
}

// A peer that lies about one note, sends nothing for it, or lacks it: the note is named with its CID and who was
// asked, in bounded time, and nothing wrong is kept.
func TestBadPeers(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 300, 2000)
	m, err := manifest.Open(t.Context(), origin, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := m.Note(t.Context(), 77)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte) ([]byte, error){
		"one byte flipped": func(b []byte) ([]byte, error) { b[len(b)/2] ^= 1; return b, nil },
		"cut short":        func(b []byte) ([]byte, error) { return b[:len(b)/2], nil },
		"too much":         func(b []byte) ([]byte, error) { return append(b, make([]byte, 1<<20)...), nil },
		"lacks it":         func([]byte) ([]byte, error) { return nil, ipld.ErrNotFound{Cid: bad.CID} },
		"broken disk":      func([]byte) ([]byte, error) { return nil, errors.New("input/output error") },
	} {
		for _, bitswap := range []bool{false, true} {
			t.Run(fmt.Sprint(name, map[bool]string{true: " over bitswap"}[bitswap]), func(t *testing.T) {
				t.Parallel()
				evil := &evilBlocks{Blockstore: origin.Blocks(), change: func(c cid.Cid, data []byte) ([]byte, error) {
					if c.Equals(bad.CID) {
						return change(data)
					}
					return data, nil
				}}
				server := start(t, Options{Blocks: evil, Listen: loopback, bitswapOnly: bitswap})
				home := openStore(t)
				c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), 5*time.Minute) // which nobody has to wait for
				begin := time.Now()
				err := c.Pull(t.Context(), p.Ref, "", nil)
				var missing *dictnet.MissingError
				if !errors.As(err, &missing) || missing.CID != bad.CID {
					t.Fatalf("pull: %v", err)
				}
				for _, word := range []string{"note 77", bad.CID.String(), server.ID(), server.Addrs()[0][:20]} {
					if !strings.Contains(err.Error(), word) {
						t.Errorf("error %q does not say %q", err, word)
					}
				}
				if took := time.Since(begin); took > 15*time.Second {
					t.Errorf("took %v", took)
				}
				if ok, err := home.Has(t.Context(), bad.CID); ok || err != nil {
					t.Errorf("stored: %v, %v", ok, err)
				}
				checkNotes(t, c, p.Ref, 2000, 0, 76, 78, 299) // all others are there
				if _, err := home.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Peers that do not have a note say so, and nobody waits for the timeout.
func TestMissingNotesAreKnownSoon(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 300, 2000)
	m, err := manifest.Open(t.Context(), origin, p.Ref.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []uint64{7, 8, 200} {
		n, err := m.Note(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if err := origin.Delete(t.Context(), n.CID); err != nil {
			t.Fatal(err)
		}
	}
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	home := openStore(t)
	c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), 5*time.Minute)
	begin := time.Now()
	r, err := dictnet.NewAuditor(c).Audit(t.Context(), dictnet.Audit{Ref: p.Ref})
	if err != nil || r.Unavailable != 3 || r.NotesOpened != 297 {
		t.Errorf("%+v, %v", r, err)
	}
	if took := time.Since(begin); took > time.Minute {
		t.Errorf("took %v", took)
	} else {
		t.Logf("took %v", took)
	}
}

// With a second peer, one that lies or is silent costs little.
func TestGoodPeerBesideABadOne(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 300, 2000)
	evil := &evilBlocks{Blockstore: origin.Blocks(), change: func(c cid.Cid, data []byte) ([]byte, error) {
		data[0] ^= 1
		return data, nil
	}}
	liar := start(t, Options{Blocks: evil, Listen: loopback})
	good := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	home := openStore(t)
	c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: append(liar.Addrs(), good.Addrs()...)}), 20*time.Second)
	begin := time.Now()
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("took %v, %+v", time.Since(begin), c.Stats())
	checkNotes(t, c, p.Ref, 2000, 0, 150, 299)
}

// The peer goes away in the middle: what has come is kept, the error says so; when it is back, the rest comes.
func TestPeerGoesAway(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 1000, 2000)
	key, err := LoadKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	var server *Node
	var once sync.Once
	served := 0
	var mu sync.Mutex
	gone := make(chan struct{})
	leaving := &evilBlocks{Blockstore: origin.Blocks(), change: func(_ cid.Cid, data []byte) ([]byte, error) { return data, nil }, get: func() {
		mu.Lock()
		defer mu.Unlock()
		if served++; served > 300 {
			once.Do(func() {
				go func() {
					server.Close()
					close(gone)
				}()
			})
		}
	}}
	server = start(t, Options{Blocks: leaving, Listen: loopback, Key: key})
	at := server.Addrs()
	home := openStore(t)
	node := start(t, Options{Blocks: home.Blocks(), Peers: at})
	c := newClient(t, home, node, 3*time.Second)
	err = c.Pull(t.Context(), p.Ref, "", nil)
	if !errors.Is(err, dictnet.ErrUnavailable) {
		t.Fatalf("pull: %v", err)
	}
	t.Logf("%v", err)
	<-gone
	first := c.Stats().Blocks
	if first == 0 || first >= 1000 {
		t.Errorf("fetched %d blocks before", first)
	}

	listen := strings.Split(at[0], "/p2p/")[0]
	start(t, Options{Blocks: origin.Blocks(), Listen: []string{listen}, Key: key})
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	if st := c.Stats(); st.Blocks < 1006 || st.Blocks > 1006+uint64(maxLost) {
		t.Errorf("fetched %d blocks, then %d in all", first, st.Blocks)
	}
}

// A configured peer who is lost for a moment is waited for, though others are there who have nothing.
func TestPeerGoesAwayFromACrowd(t *testing.T) {
	const size = 2000
	origin := openStore(t)
	p := publish(t, origin, 10, size)
	key, err := LoadKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback, Key: key})
	at := server.Addrs()
	home := openStore(t)
	node := start(t, Options{Blocks: home.Blocks(), Listen: loopback, Peers: at})
	if err := start(t, Options{Blocks: openStore(t).Blocks(), Peers: node.Addrs()}).Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, home, node, 30*time.Second)
	checkNotes(t, c, p.Ref, size, 0)
	server.Close()
	for deadline := time.Now().Add(10 * time.Second); len(node.Connected()) > 1 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	back := make(chan *Node)
	go func() {
		time.Sleep(500 * time.Millisecond)
		n, err := Start(Options{Blocks: origin.Blocks(), Listen: []string{strings.Split(at[0], "/p2p/")[0]}, Key: key})
		if err != nil {
			t.Error(err)
		}
		back <- n
	}()
	defer func() {
		if n := <-back; n != nil {
			n.Close()
		}
	}()
	checkNotes(t, c, p.Ref, size, 5)
}

// maxLost is how many blocks may be on their way twice when a connection breaks.
const maxLost = 512

func TestNobodyThere(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 1, 10)
	gone := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	at := gone.Addrs()
	gone.Close()
	home := openStore(t)
	for name, peers := range map[string][]string{"none configured": nil, "not listening": at} {
		node := start(t, Options{Blocks: home.Blocks(), Peers: peers})
		c := newClient(t, home, node, 30*time.Second)
		begin := time.Now()
		_, err := c.Open(t.Context(), p.Ref)
		if !errors.Is(err, dictnet.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if peers != nil && !strings.Contains(err.Error(), gone.ID()) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q", name, err)
		}
	}
}

// All who are named are called, and not just until one answers.
func TestCallAll(t *testing.T) {
	node := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback})
	nobody := "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWB84AxysK1FBr2WGZ7FEnh7wiGssVnmWkyaA1FT9dKszU"
	addrs := append(node.Addrs(), nobody)
	want := map[string]bool{}
	for range 3 {
		other := start(t, Options{Blocks: openStore(t).Blocks(), Listen: loopback})
		addrs = append(addrs, other.Addrs()...)
		want[other.ID()] = true
	}
	if err := node.Call(t.Context(), addrs...); err != nil {
		t.Fatal(err)
	}
	for _, id := range node.Connected() {
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("not connected with %v", want)
	}
	if err := node.Call(t.Context(), nobody); err == nil {
		t.Error("connected with nobody")
	}
	if err := node.Call(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBadOptions(t *testing.T) {
	taken := start(t, Options{Blocks: openStore(t).Blocks(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}}).host.Addrs()[0].String()
	for _, o := range []Options{
		{Listen: []string{taken}},
		{Listen: []string{taken}, SwarmKey: make([]byte, 32)},
		{Peers: []string{"/ip4/127.0.0.1/tcp/4001"}},
		{Peers: []string{"127.0.0.1:4001"}},
		{Peers: []string{"/ip4/127.0.0.1/tcp/4001/p2p/xyz"}},
		{Listen: []string{"127.0.0.1"}},
		{Listen: []string{"/ip4/203.0.113.1/tcp/1"}},
	} {
		o.Blocks = openStore(t).Blocks()
		n, err := Start(o)
		if err == nil {
			n.Close()
			t.Errorf("%v: started", o)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: error of several lines: %v", o, err)
		}
	}
	if err := CheckPeer("/ip4/127.0.0.1/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"); err != nil {
		t.Error(err)
	}
}

func TestKey(t *testing.T) {
	s := openStore(t)
	a, err := LoadKey(s)
	if err != nil {
		t.Fatal(err)
	}
	b, err := LoadKey(s)
	if err != nil || !a.Equals(b) {
		t.Errorf("the key changed: %v", err)
	}
	if info, err := os.Stat(s.KeyFile()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v, %v", info.Mode(), err)
	}
	n1 := start(t, Options{Blocks: s.Blocks(), Key: a})
	n2 := start(t, Options{Blocks: s.Blocks(), Key: b})
	if n1.ID() != n2.ID() {
		t.Error("one key, two nodes")
	}
	if err := os.WriteFile(s.KeyFile(), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(s); !errors.Is(err, store.ErrStorage) || !strings.Contains(err.Error(), "identity.key") {
		t.Errorf("broken key: %v", err)
	}
}

// Many clients at once, each with a store of its own.
func TestManyClients(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin, 200, 2000)
	server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
	var wg sync.WaitGroup
	for i := range 8 {
		home := openStore(t)
		c := newClient(t, home, start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), 20*time.Second)
		wg.Go(func() {
			if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// Nothing of a node or a client is left running when both are closed, not even after a fetch that failed.
func TestNoGoroutinesLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 3 {
		func() {
			origin, home := openStore(t), openStore(t)
			defer origin.Close()
			defer home.Close()
			p := publish(t, origin, 20, 100)
			server := start(t, Options{Blocks: origin.Blocks(), Listen: loopback})
			defer server.Close()
			node := start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs()})
			defer node.Close()
			c := newClient(t, home, node, time.Second)
			defer c.Close()
			tape, err := c.Open(t.Context(), p.Ref)
			if err != nil {
				t.Fatal(err)
			}
			tape.Prefetch(t.Context(), []codec.Span{{Pos: 0, Len: tape.Size()}})
			gone, err := codec.NoteCID([]byte("gone"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Get(t.Context(), gone); !errors.Is(err, dictnet.ErrUnavailable) {
				t.Errorf("missing block: %v", err)
			}
		}()
	}
	var after int
	for range 100 {
		if after = runtime.NumGoroutine(); after <= before+1 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines before, %d after:\n%s", before, after, buf[:runtime.Stack(buf, true)])
}

func BenchmarkPull(b *testing.B) {
	for _, size := range []int{4 << 10, 128 << 10} {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			const notes = 1000
			origin := openStore(b)
			p := publish(b, origin, notes, size)
			server := start(b, Options{Blocks: origin.Blocks(), Listen: loopback})
			b.SetBytes(int64(notes * size))
			for b.Loop() {
				home := openStore(b)
				c := newClient(b, home, start(b, Options{Blocks: home.Blocks(), Peers: server.Addrs()}), 20*time.Second)
				if err := c.Pull(b.Context(), p.Ref, "", nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
