package chain

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"dictnet/contracts"
	"dictnet/merkle"
)

// Nodes forget in which block a transaction is, geth's after a year on main net, and have the block. Only a block without the transaction
// contradicts the event.
func TestReplayOfOldTransactions(t *testing.T) {
	dev := startDev(t)
	owner, registry, id := registered(t, dialTest(t, dev.URL()), [32]byte{1})
	tape := newTape("old", 9)
	for _, v := range [][2]uint64{{0, 5}, {5, 9}} {
		next := tape.version(t, v[1])
		if _, err := registry.Publish(t.Context(), owner, id, tape.version(t, v[0]), next, manifestOf(next), tape.proof(t, v[0], v[1])); err != nil {
			t.Fatal(err)
		}
	}
	forgets := func(method string) bool { return method == "eth_getTransactionByHash" }
	for _, test := range []struct {
		name string
		lie  func(method string, params, result []byte) []byte
		want error
	}{
		{"only the block is there", func(method string, _, result []byte) []byte {
			if forgets(method) {
				return []byte("null")
			}
			return result
		}, nil},
		{"neither is there", func(method string, params, result []byte) []byte {
			if forgets(method) || method == "eth_getBlockByNumber" && bytes.Contains(params, []byte("true")) {
				return []byte("null")
			}
			return result
		}, ErrUnreachable},
		{"the event names a transaction that is nowhere", func(method string, _, result []byte) []byte {
			if method != "eth_getLogs" {
				return result
			}
			var logs []types.Log
			if err := json.Unmarshal(result, &logs); err != nil {
				t.Error(err)
			}
			logs[0].TxHash[0] ^= 1
			result, _ = json.Marshal(logs)
			return result
		}, ErrHistory},
	} {
		through, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), test.lie)), registry.Address())
		if err != nil {
			t.Fatal(err)
		}
		h, err := through.History(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		steps, err := through.Replay(t.Context(), h)
		if !errors.Is(err, test.want) || test.want == ErrUnreachable && errors.Is(err, ErrHistory) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if test.want == nil && (len(steps) != 2 || len(steps[1].Proof) == 0) {
			t.Errorf("%s: %+v", test.name, steps)
		}
	}
}

// A version that came through another contract has no proof that could be read, and is none the worse.
func TestReplayOfAnIndirectPublication(t *testing.T) {
	client := dialTest(t, startDev(t).URL())
	owner, registry, _ := registered(t, client, [32]byte{1})
	// Hands on what it is called with, as wallets do.
	wallet := append(common.FromHex("602a600c600039602a6000f3"+"363d3d37"+"3d3d363d3d73"), registry.address[:]...)
	r, err := client.transact(t.Context(), owner, nil, append(wallet, common.FromHex("5af1"+"6028576000"+"6000fd5b00")...))
	if err != nil {
		t.Fatal(err)
	}
	at := r.ContractAddress
	id := registry.IDOf(at, [32]byte{})
	v := newTape("wallet", 5).version(t, 5)
	e, words, err := extension(id, merkle.Version{Root: merkle.EmptyRoot}, v, manifestOf(v), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{binding().PackRegister([32]byte{}), binding().PackPublish(e, words)} {
		if _, err := client.transact(t.Context(), owner, &at, data); err != nil {
			t.Fatal(err)
		}
	}
	h, err := registry.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := registry.Replay(t.Context(), h)
	if err != nil || len(steps) != 1 || !steps[0].Indirect || steps[0].Publisher != at {
		t.Errorf("%+v, %v", steps, err)
	}
}

// A registry whose creation code was somebody's own: it leaves the registry's code behind, and in its storage a dictionary of an owner who knows
// nothing of it, with a version and the event to match. Code and history are in order; who replays it notices.
func TestReplayOfARegistryWithAPast(t *testing.T) {
	dev := startDev(t)
	client, forger, victim := dialTest(t, dev.URL()), devSigner(t, 0), devSigner(t, 1).Address()
	registry := &Registry{client, crypto.CreateAddress(forger.Address(), 0)}
	id := registry.IDOf(victim, [32]byte{})
	v := newTape("forged", 7).version(t, 7)
	e := Entry{Number: 1, Block: dev.Block() + 1, Time: time.Unix(1e9, 0).UTC(), Version: v, Manifest: manifestOf(v), Publisher: victim}
	entry, err := e.Hash(id)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := manifestDigest(e.Manifest)
	if err != nil {
		t.Fatal(err)
	}
	history := link([32]byte{}, entry)
	numbers := make([]byte, 32)
	for i, n := range []uint64{uint64(e.Time.Unix()), e.Block, e.Number, e.Size} {
		binary.BigEndian.PutUint64(numbers[8*i:], n)
	}

	var code []byte
	run := func(op byte, args ...[]byte) { // the last argument is the first that op takes
		for _, a := range args {
			code = append(append(code, 0x7f), word(a)...) // PUSH32
		}
		code = append(code, op)
	}
	const mstore, sstore, log3, codecopy, ret = 0x52, 0x55, 0xa3, 0x39, 0xf3
	for slot, value := range map[int][]byte{slotRoot: v.Root[:], slotManifest: digest[:], slotHistory: history[:], slotNumbers: numbers, slotOwner: victim[:]} {
		place := slotOf(id, slot)
		run(sstore, value, place[:])
	}
	for i, value := range [][]byte{number(e.Size), v.Root[:], digest[:], victim[:], number(uint64(e.Time.Unix())), nil} {
		run(mstore, value, number(uint64(32*i)))
	}
	topic := publishedTopic()
	run(log3, number(e.Number), id[:], topic[:], number(6*32), nil)
	runtime := contracts.RuntimeCode()
	size := number(uint64(len(runtime)))
	const rest = 5*33 + 2 // what is between here and the code to be copied
	run(codecopy, size, number(uint64(len(code)+rest)), nil)
	run(ret, size, nil)
	if r, err := client.transact(t.Context(), forger, nil, append(code, runtime...)); err != nil || r.ContractAddress != registry.address {
		t.Fatalf("%+v, %v", r, err)
	}

	if registry, err = Open(t.Context(), client, registry.address); err != nil {
		t.Fatal(err)
	}
	h, err := registry.History(t.Context(), id)
	if err != nil || h.Head.Owner != victim || h.Head.Version != v {
		t.Fatalf("%v, %v", h, err)
	}
	if steps, err := registry.Replay(t.Context(), h); !errors.Is(err, ErrHistory) {
		t.Errorf("%+v, %v", steps, err)
	}
	// A node without the state of that time cannot say.
	pruned, err := Open(t.Context(), dialTest(t, serveLiar(t, dev.URL(), func(method string, params, result []byte) []byte {
		if method == "eth_getCode" && !bytes.Contains(params, []byte("latest")) {
			return []byte("null")
		}
		return result
	})), registry.address)
	if err != nil {
		t.Fatal(err)
	}
	if steps, err := pruned.Replay(t.Context(), h); err != nil || len(steps) != 1 || !steps[0].Indirect {
		t.Errorf("%+v, %v", steps, err)
	}
}
