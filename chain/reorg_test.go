package chain

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

// reorgs is what a client notices when a chain takes blocks back. reorg replaces the newest n blocks by at least as many
// that do not have their transactions; mine appends empty blocks.
func reorgs(t *testing.T, url string, mine, reorg func(n int)) {
	client := dialTest(t, url)
	owner, registry, id := registered(t, client, [32]byte{1})
	tape := newTape("reorg", 20)
	publish := func(from, to uint64) Receipt {
		t.Helper()
		v := tape.version(t, to)
		r, err := registry.Publish(t.Context(), owner, id, tape.version(t, from), v, manifestOf(v), tape.proof(t, from, to))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := publish(0, 5)
	mine(3)
	deep, err := registry.Confirm(t.Context(), first.Tx, Confirmed(3))
	if err != nil {
		t.Fatal(err)
	}
	lost := publish(5, 6)
	shallow, err := client.Block(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := registry.HeadAt(t.Context(), id, Confirmed(3))
	if err != nil || head.Size != 5 {
		t.Errorf("at a depth of 3 blocks: %d notes, %v", head.Size, err)
	}

	// Somebody waits for confirmations of the second version, and then it is gone.
	confirmed := make(chan error, 1)
	go func() {
		_, err := registry.Confirm(t.Context(), lost.Tx, Confirmed(10))
		confirmed <- err
	}()
	time.Sleep(time.Second) // enough to have seen it once
	reorg(2)
	select {
	case err := <-confirmed:
		if !errors.Is(err, ErrReorged) {
			t.Errorf("confirm: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("nobody noticed")
	}
	if err := client.Still(t.Context(), shallow); !errors.Is(err, ErrReorged) {
		t.Errorf("the block that was taken back: %v", err)
	}
	if err := client.Still(t.Context(), deep); err != nil {
		t.Errorf("a block below: %v", err)
	}
	if _, err := registry.Prove(t.Context(), id, shallow); err == nil {
		t.Error("proved something in a block that was taken back")
	}
	h, err := registry.History(t.Context(), id)
	if err != nil || h.Head.Version != tape.version(t, 5) || len(h.Entries) != 1 {
		t.Errorf("after the reorganisation: %+v, %v", h, err)
	}
	// The publisher can do it again.
	again := publish(5, 6)
	mine(3)
	if _, err := registry.Confirm(t.Context(), again.Tx, Confirmed(3)); err != nil {
		t.Error(err)
	}
}

func TestReorgEmbedded(t *testing.T) {
	c := startDev(t)
	reorgs(t, c.URL(), c.Mine, func(n int) {
		if err := c.Reorg(n); err != nil {
			t.Error(err)
		}
		c.Mine(n)
	})
}

// A transaction that comes back after a reorganisation need not do again what it did: another publisher was faster this time.
func TestRevertedAfterReorg(t *testing.T) {
	dev := startDev(t)
	client := dialTest(t, dev.URL())
	owner, registry, id := registered(t, client, [32]byte{1})
	other := devSigner(t, 1)
	if _, err := registry.SetPublisher(t.Context(), owner, id, other.Address(), true); err != nil {
		t.Fatal(err)
	}
	tape := newTape("again", 20)
	publish := func(s Signer, to uint64) Receipt {
		t.Helper()
		v := tape.version(t, to)
		r, err := registry.Publish(t.Context(), s, id, tape.version(t, 0), v, manifestOf(v), nil)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	lost := publish(owner, 5)
	var raw hexutil.Bytes
	if err := client.call(t.Context(), &raw, "eth_getRawTransactionByHash", lost.Tx); err != nil {
		t.Fatal(err)
	}
	if err := dev.Reorg(1); err != nil {
		t.Fatal(err)
	}
	publish(other, 6)
	if err := client.call(t.Context(), new(common.Hash), "eth_sendRawTransaction", raw); err != nil {
		t.Fatal(err)
	}
	dev.Mine(3)
	if b, err := registry.Confirm(t.Context(), lost.Tx, Confirmed(3)); !errors.Is(err, ErrReorged) || !errors.Is(err, ErrReverted) {
		t.Errorf("%+v, %v", b, err)
	}
}

// Behind one URL there may be several nodes, of which one is late or out of order for a moment. That is no reorganisation, and
// no reason to give up.
func TestLateNodeIsNoReorg(t *testing.T) {
	dev := startDev(t)
	_, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{1})
	var asked atomic.Int32
	answers := map[string][]string{} // by method: what is said in place of the first answers, if it is not empty
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		if list := answers[method]; len(list) > 0 {
			answers[method] = list[1:]
			if list[0] != "" {
				asked.Add(1)
				return []byte(list[0])
			}
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	answers["eth_getBlockByNumber"] = []string{"", "null"}
	if h, _, err := through.HeadAt(t.Context(), id, Latest); err != nil || h.ID != id || asked.Load() != 1 {
		t.Errorf("%+v, %v", h, err)
	}
	dev.Mine(1)
	receipt, err := through.SetName(t.Context(), devSigner(t, 0), id, "x")
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { dev.Mine(2) })
	answers["eth_getTransactionReceipt"] = []string{"", "null", `"garbage"`, "null"}
	if _, err := through.Confirm(t.Context(), receipt.Tx, Confirmed(3)); err != nil || asked.Load() != 4 {
		t.Errorf("after %d answers: %v", asked.Load(), err)
	}
}

// Events that a reorganisation took back, between the reading of the head and theirs, are not events that the node hides.
func TestReorgBetweenHeadAndEvents(t *testing.T) {
	dev := startDev(t)
	owner, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{1})
	v := newTape("between", 5).version(t, 5)
	if _, err := registry.Publish(t.Context(), owner, id, newTape("", 0).version(t, 0), v, manifestOf(v), nil); err != nil {
		t.Fatal(err)
	}
	calls := 0
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		if method == "eth_getBlockByNumber" {
			if calls++; calls == 2 { // the head is read, and its block is still there
				if err := dev.Reorg(1); err != nil {
					t.Error(err)
				}
				dev.Mine(2)
			}
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	if h, _, err := through.HistoryAt(t.Context(), id, Latest); calls < 2 || !errors.Is(err, ErrReorged) {
		t.Errorf("%+v, %v, want %v", h, err, ErrReorged)
	}
}

// Neither is a transaction that was taken back, between the reading of the history and its replay, one that contradicts its event.
func TestReorgBetweenHistoryAndReplay(t *testing.T) {
	dev := startDev(t)
	owner, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{1})
	v := newTape("replayed", 5).version(t, 5)
	if _, err := registry.Publish(t.Context(), owner, id, newTape("", 0).version(t, 0), v, manifestOf(v), nil); err != nil {
		t.Fatal(err)
	}
	b, err := registry.Client().Block(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	once := false
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		if method == "eth_getLogs" && !once { // the history is read
			once = true
			if err := dev.Reorg(1); err != nil {
				t.Error(err)
			}
			dev.Mine(2)
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := through.ReplayIn(t.Context(), id, b); !once || !errors.Is(err, ErrReorged) || errors.Is(err, ErrHistory) {
		t.Errorf("%v, want %v", err, ErrReorged)
	}
	// One that is missing without a reason is.
	if _, err := registry.Publish(t.Context(), owner, id, newTape("", 0).version(t, 0), v, manifestOf(v), nil); err != nil {
		t.Fatal(err)
	}
	if b, err = registry.Client().Block(t.Context(), Latest); err != nil {
		t.Fatal(err)
	}
	if h, steps, err := registry.ReplayIn(t.Context(), id, b); err != nil || len(steps) != 1 || h.Head.Version != v {
		t.Errorf("%v, %v", steps, err)
	}
}

// A node that follows another branch between two questions does not contradict those who stayed, who speak of another block.
func TestQuorumWhileOneNodeReorganises(t *testing.T) {
	dev := startDev(t)
	_, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{1})
	var left atomic.Bool
	through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		switch {
		case method == "eth_call":
			left.Store(true)
			var head hexutil.Bytes
			if err := json.Unmarshal(result, &head); err != nil {
				t.Error(err)
			}
			head[32+7*32+31] ^= 1 // owner
			result, _ = json.Marshal(head)
		case method == "eth_getBlockByNumber" && left.Load():
			var b map[string]any
			if err := json.Unmarshal(result, &b); err != nil {
				t.Error(err)
			}
			b["hash"] = common.Hash{1}
			result, _ = json.Marshal(b)
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	q, err := NewQuorum(2, registry, through)
	if err != nil {
		t.Fatal(err)
	}
	if h, _, err := q.HeadAt(t.Context(), id, Latest); err == nil || errors.Is(err, ErrEquivocation) {
		t.Errorf("%+v, %v", h, err)
	}
	left.Store(false)
	b, err := q.Block(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}
	if answers := q.Compare(t.Context(), id, b); answers[0].Err != nil || !errors.Is(answers[1].Err, ErrReorged) {
		t.Errorf("%+v", answers)
	}
}

// A quorum believes no single node about times either.
func TestQuorumAboutTimes(t *testing.T) {
	dev := startDev(t)
	owner, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{1})
	v := newTape("times", 5).version(t, 5)
	if _, err := registry.Publish(t.Context(), owner, id, newTape("", 0).version(t, 0), v, manifestOf(v), nil); err != nil {
		t.Fatal(err)
	}
	want, b, err := registry.HeadAt(t.Context(), id, Latest)
	if err != nil {
		t.Fatal(err)
	}
	lied, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		switch method {
		case "eth_call":
			var head hexutil.Bytes
			if err := json.Unmarshal(result, &head); err != nil {
				t.Error(err)
			}
			head[32+6*32+31] ^= 1 // time
			result, _ = json.Marshal(head)
		case "eth_getBlockByNumber":
			var b map[string]any
			if err := json.Unmarshal(result, &b); err != nil {
				t.Error(err)
			}
			b["timestamp"] = "0x1"
			result, _ = json.Marshal(b)
		}
		return result
	})), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	third, err := Open(context.Background(), dialTest(t, dev.WebSocketURL()), registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	q, err := NewQuorum(2, lied, registry, third)
	if err != nil {
		t.Fatal(err)
	}
	if h, at, err := q.HeadAt(t.Context(), id, Latest); err != nil || h != want || at != b {
		t.Errorf("%+v in %+v, %v, want %+v in %+v", h, at, err, want, b)
	}
}
