package chain

import (
	"encoding/json"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// What nodes and files say is read without a panic, whatever they say.

func FuzzProofFile(f *testing.F) {
	dev := startDev(f)
	client := dialTest(f, dev.URL())
	owner := devSigner(f, 0)
	registry, _, err := Deploy(f.Context(), client, owner)
	if err != nil {
		f.Fatal(err)
	}
	id, _, err := registry.Register(f.Context(), owner, [32]byte{})
	if err != nil {
		f.Fatal(err)
	}
	v := newTape("fuzz", 3).version(f, 3)
	if _, err := registry.Publish(f.Context(), owner, id, newTape("", 0).version(f, 0), v, manifestOf(v), nil); err != nil {
		f.Fatal(err)
	}
	if _, err := registry.Deprecate(f.Context(), owner, id, 1, "r"); err != nil {
		f.Fatal(err)
	}
	b, err := client.Block(f.Context(), Latest)
	if err != nil {
		f.Fatal(err)
	}
	p, err := registry.ProveHistory(f.Context(), id, b)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := json.Marshal(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(`{"format":"dictnet/registry-proof/1","header":"0xc0"}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		var p Proof
		if json.Unmarshal(file, &p) != nil {
			return
		}
		// A forger chooses the header, so the hash fits; what follows must hold all the same.
		h, err := p.Verify(crypto.Keccak256Hash(p.Header))
		if err == nil && h.Owner == (common.Address{}) {
			t.Error("verified the head of a dictionary that nobody owns")
		}
		p.Block()
		if p.History == nil {
			return
		}
		again, err := json.Marshal(p.History)
		if err != nil {
			t.Fatal(err)
		}
		var back []Entry
		if err := json.Unmarshal(again, &back); err != nil {
			t.Errorf("%s does not read back: %v", again, err)
		}
	})
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add(make([]byte, 6*32), false)
	f.Add(make([]byte, 3*32), true)
	f.Fuzz(func(t *testing.T, data []byte, deprecated bool) {
		topic := publishedTopic()
		if deprecated {
			topic = deprecatedTopic()
		}
		e, err := decodeEvent(ID{1}, &types.Log{Topics: []common.Hash{topic, {1}, {31: 1}}, Data: data})
		if err != nil {
			return
		}
		if _, err := e.Hash(ID{1}); err != nil {
			t.Errorf("entry has no hash: %v", err)
		}
	})
}

func FuzzHeadAnswer(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 14*32))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := binding().UnpackHead(data)
		if err != nil {
			return
		}
		head := Head{Owner: h.Owner, Number: h.Versions}
		head.Size, head.Root, head.History = h.Size, h.Root, h.History
		head.complete(h.Manifest, h.Time)
		decodeRefusal(data, nil)
		decodePublication(data)
	})
}

func FuzzOutbox(f *testing.F) {
	f.Add([]byte(`{"chainId":1337,"transactions":["0x02c0"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if txs, err := loadTxs(held(b), 1337); err == nil && len(txs) == 0 && b != nil {
			t.Errorf("%q holds nothing, and that is no error", b)
		}
	})
}

type held []byte

func (h held) Load() ([]byte, error) { return h, nil }
func (held) Save([]byte) error       { return nil }
