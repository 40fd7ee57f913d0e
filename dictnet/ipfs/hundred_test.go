package ipfs

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
)

// A hundred clients at once fetch one dictionary, every tenth as one who knows only bitswap: all get all of it. Meanwhile the server holds no more blocks than
// it answers requests, and when they have gone it holds nothing of them.
func TestHundredClients(t *testing.T) {
	const clients, notes = 100, 40
	origin := openStore(t)
	p := publish(t, origin, notes, 20_000)
	counting := &countingBlocks{Blockstore: origin.Blocks()}
	server := start(t, Options{Blocks: counting, Listen: loopback})
	var fetching sync.WaitGroup
	for i := range clients {
		home := openStore(t)
		node := start(t, Options{Blocks: home.Blocks(), Peers: server.Addrs(), bitswapOnly: i%10 == 9, DialTimeout: time.Minute})
		c := newClient(t, home, node, time.Minute)
		fetching.Go(func() {
			if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Errorf("client %d: %v", i, err)
			}
			if st := c.Stats(); st.Wrong > 0 {
				t.Errorf("client %d: %+v", i, st)
			}
			c.Close()
			node.Close()
		})
	}
	fetching.Wait()
	counting.mu.Lock()
	if counting.most > servedOfAll+serveWorkers {
		t.Errorf("%d blocks were read at the same time", counting.most)
	}
	counting.mu.Unlock()
	sent, err := server.Traffic()
	if err != nil || sent.BlocksSent < clients*notes {
		t.Errorf("%+v, %v", sent, err)
	}
	if n := server.notes.blocks.Load(); n < clients*9/10*notes {
		t.Errorf("%d blocks went by the notes protocol", n)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		server.notes.mu.Lock()
		here, peers := server.notes.here, len(server.notes.peers)
		server.notes.mu.Unlock()
		if here == 0 && peers == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests of %d peers are still held", here, peers)
		}
	}
}

// countingBlocks counts how many blocks are being read.
type countingBlocks struct {
	blockstore.Blockstore
	mu        sync.Mutex
	now, most int
}

func (c *countingBlocks) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}

func (c *countingBlocks) Get(ctx context.Context, name cid.Cid) (blocks.Block, error) {
	c.add(1)
	defer c.add(-1)
	return c.Blockstore.Get(ctx, name)
}
