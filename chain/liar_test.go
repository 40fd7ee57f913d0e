package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"dictnet/contracts"
	"dictnet/merkle"
)

// A liar serves JSON-RPC over HTTP for a real node, and changes some of its answers.
type liar struct {
	node string // URL of the honest node
	lie  func(method string, params, result []byte) (changed []byte)
}

func (l liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var request struct {
		Method string
		Params json.RawMessage
	}
	if err := json.Unmarshal(body, &request); err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	resp, err := http.Post(l.node, "application/json", bytes.NewReader(body))
	if err != nil {
		http.Error(w, err.Error(), 502)
		return
	}
	defer resp.Body.Close()
	var answer map[string]json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		http.Error(w, err.Error(), 502)
		return
	}
	if result, ok := answer["result"]; ok {
		answer["result"] = l.lie(request.Method, request.Params, result)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

func serveLiar(t *testing.T, node string, lie func(method string, params, result []byte) []byte) string {
	s := httptest.NewServer(liar{node, lie})
	t.Cleanup(s.Close)
	return s.URL
}

// outcome is what a way of trusting makes of a lie.
type outcome string

const (
	right    outcome = "right"    // the truth is found all the same
	refusedO outcome = "refused"  // there is an error, and the right one
	believed outcome = "believed" // the lie is taken for the truth
)

// Every lie against every way of trusting. docs/trust.md has the same table in words: what is
// believed here must be listed there.
func TestLies(t *testing.T) {
	dev := startDev(t)
	honest := dialTest(t, dev.URL())
	owner, registry, id := registered(t, honest, [32]byte{1})
	tape := newTape("lies", 30)
	var old Block
	for i := range uint64(3) {
		v := tape.version(t, i*10+10)
		if _, err := registry.Publish(t.Context(), owner, id, tape.version(t, i*10), v, manifestOf(v), tape.proof(t, i*10, i*10+10)); err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			var err error
			if old, err = honest.Block(t.Context(), Latest); err != nil {
				t.Fatal(err)
			}
		}
	}
	truth, err := registry.History(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := honest.Block(t.Context(), Latest)
	if err != nil {
		t.Fatal(err)
	}

	// Tools of the trade.
	headCall := binding().PackHead(id)
	isHead := func(method string, params []byte) bool {
		return method == "eth_call" && bytes.Contains(params, []byte(hexutil.Encode(headCall)[2:]))
	}
	quote := func(b []byte) []byte { out, _ := json.Marshal(hexutil.Bytes(b)); return out }
	unquote := func(b []byte) []byte {
		var out hexutil.Bytes
		if err := json.Unmarshal(b, &out); err != nil {
			t.Error(err)
		}
		return out
	}
	askOld := func(method string, args ...any) []byte {
		var raw json.RawMessage
		if err := honest.call(context.Background(), &raw, method, args...); err != nil {
			t.Error(err)
		}
		return raw
	}
	oldTag := hexutil.EncodeUint64(old.Number)
	withLogs := func(f func(logs []types.Log) []types.Log) func(string, []byte, []byte) []byte {
		return func(method string, _, result []byte) []byte {
			if method != "eth_getLogs" {
				return result
			}
			var logs []types.Log
			if err := json.Unmarshal(result, &logs); err != nil {
				t.Error(err)
			}
			out, err := json.Marshal(f(logs))
			if err != nil {
				t.Error(err)
			}
			return out
		}
	}
	forgedRoot := merkle.LeafHash([]byte("forged"))

	lies := []struct {
		name string
		lie  func(method string, params, result []byte) []byte
		// what becomes of Head, History, Head by a quorum of 2 of 3, and Head by proof
		head, history, quorum, proof outcome
		err                          error // of every refusal
	}{
		{
			"another root in the head",
			func(method string, params, result []byte) []byte {
				if !isHead(method, params) {
					return result
				}
				b := unquote(result)
				copy(b[32:], forgedRoot[:]) // after the offset of the tuple
				return quote(b)
			},
			believed, refusedO, right, right, ErrHistory,
		},
		{
			"another owner",
			func(method string, params, result []byte) []byte {
				if !isHead(method, params) {
					return result
				}
				b := unquote(result)
				b[32+7*32+31] ^= 1
				return quote(b)
			},
			believed, believed, right, right, nil,
		},
		{
			"the head of some time ago",
			func(method string, params, result []byte) []byte {
				if !isHead(method, params) {
					return result
				}
				return askOld("eth_call", map[string]any{"to": registry.address, "data": hexutil.Bytes(headCall)}, oldTag)
			},
			believed, believed, right, right, nil,
		},
		{
			"everything of some time ago",
			func(method string, params, result []byte) []byte {
				switch {
				case isHead(method, params):
					return askOld("eth_call", map[string]any{"to": registry.address, "data": hexutil.Bytes(headCall)}, oldTag)
				case method == "eth_getBlockByNumber":
					return askOld(method, oldTag, false)
				case method == "eth_getProof":
					var args []json.RawMessage
					json.Unmarshal(params, &args)
					return askOld(method, args[0], args[1], oldTag)
				}
				return result
			},
			believed, believed, right, refusedO, ErrProof,
		},
		{
			"a dictionary that is not there",
			func(method string, params, result []byte) []byte {
				if !isHead(method, params) {
					return result
				}
				return quote(make([]byte, 32*14))
			},
			refusedO, refusedO, right, right, nil,
		},
		{
			"impossible numbers",
			func(method string, params, result []byte) []byte {
				if !isHead(method, params) {
					return result
				}
				b := unquote(result)
				copy(b[32+4*32:32+5*32], make([]byte, 32)) // no versions
				return quote(b)
			},
			refusedO, refusedO, right, right, nil,
		},
		{
			"an answer cut short",
			func(method string, params, result []byte) []byte {
				if !isHead(method, params) {
					return result
				}
				return quote(unquote(result)[:100])
			},
			refusedO, refusedO, right, right, nil,
		},
		{
			"the last event dropped",
			withLogs(func(logs []types.Log) []types.Log { return logs[:len(logs)-1] }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"the first event dropped",
			withLogs(func(logs []types.Log) []types.Log { return logs[1:] }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"all events dropped",
			withLogs(func([]types.Log) []types.Log { return nil }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"an event twice",
			withLogs(func(logs []types.Log) []types.Log { return append(logs, logs[0]) }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"an old manifest changed in its event",
			withLogs(func(logs []types.Log) []types.Log { logs[0].Data[2*32] ^= 1; return logs }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"an event said to be of another block",
			withLogs(func(logs []types.Log) []types.Log { logs[0].BlockNumber--; return logs }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"an event of another contract",
			withLogs(func(logs []types.Log) []types.Log { logs[0].Address[0] ^= 1; return logs }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"an event of another dictionary",
			withLogs(func(logs []types.Log) []types.Log { logs[0].Topics[1][0] ^= 1; return logs }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"an event cut short",
			withLogs(func(logs []types.Log) []types.Log { logs[0].Data = logs[0].Data[:40]; return logs }),
			right, refusedO, right, right, ErrHistory,
		},
		{
			"a forged version, and a head and events to match",
			func() func(method string, params, result []byte) []byte {
				forged := &History{Head: truth.Head, Entries: append([]Entry{}, truth.Entries...)}
				last := &forged.Entries[len(forged.Entries)-1]
				last.Root = forgedRoot
				forged.Head.Root = forgedRoot
				hash := [32]byte{}
				for _, e := range forged.Entries {
					entry, err := e.Hash(id)
					if err != nil {
						t.Fatal(err)
					}
					hash = link(hash, entry)
				}
				logs := withLogs(func(logs []types.Log) []types.Log {
					copy(logs[len(logs)-1].Data[32:], forgedRoot[:])
					return logs
				})
				return func(method string, params, result []byte) []byte {
					if isHead(method, params) {
						b := unquote(result)
						copy(b[32:], forgedRoot[:])
						copy(b[32+2*32:], hash[:])
						return quote(b)
					}
					return logs(method, params, result)
				}
			}(),
			believed, believed, right, right, nil,
		},
		{
			"a storage proof cut short",
			func(method string, _, result []byte) []byte {
				if method != "eth_getProof" {
					return result
				}
				var p map[string]any
				json.Unmarshal(result, &p)
				for _, s := range p["storageProof"].([]any) {
					slot := s.(map[string]any)
					slot["proof"] = slot["proof"].([]any)[:1]
				}
				out, _ := json.Marshal(p)
				return out
			},
			right, right, right, refusedO, ErrProof,
		},
		{
			"an account proof of another account",
			func(method string, params, result []byte) []byte {
				if method != "eth_getProof" {
					return result
				}
				var args []json.RawMessage
				json.Unmarshal(params, &args)
				return askOld(method, owner.Address(), args[1], args[2])
			},
			right, right, right, refusedO, ErrProof,
		},
		{
			"another state root in the header",
			func(method string, _, result []byte) []byte {
				if method != "eth_getBlockByNumber" {
					return result
				}
				var h map[string]any
				json.Unmarshal(result, &h)
				h["stateRoot"] = crypto.Keccak256Hash([]byte("forged"))
				out, _ := json.Marshal(h)
				return out
			},
			right, right, right, refusedO, ErrProof,
		},
		{
			"garbage for all but the first questions",
			func(method string, _, result []byte) []byte {
				if method == "eth_chainId" || method == "eth_getCode" {
					return result
				}
				return []byte(`{"garbage":[1,2,3]}`)
			},
			refusedO, refusedO, right, refusedO, ErrUnreachable,
		},
	}
	for _, l := range lies {
		t.Run(l.name, func(t *testing.T) {
			c, err := Dial(t.Context(), serveLiar(t, dev.URL(), l.lie), WithTimeout(5*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			lied, err := Open(t.Context(), c, registry.Address())
			if err != nil {
				t.Fatal(err)
			}
			judge := func(mode string, want outcome, got Head, err error) {
				t.Helper()
				is := right
				switch {
				case err != nil:
					is = refusedO
					if l.err != nil && !errors.Is(err, l.err) {
						t.Errorf("%s: error %v, want %v", mode, err, l.err)
					}
				case got.String() != truth.Head.String():
					is = believed
				}
				if is != want {
					t.Errorf("%s: %s, want %s (%v)", mode, is, want, err)
				}
			}
			head, err := lied.Head(t.Context(), id)
			judge("head", l.head, head, err)
			h, err := lied.History(t.Context(), id)
			if err != nil {
				h = new(History)
			}
			judge("history", l.history, h.Head, err)

			other, err := Open(t.Context(), dialTest(t, dev.WebSocketURL()), registry.Address())
			if err != nil {
				t.Fatal(err)
			}
			q, err := NewQuorum(2, lied, registry, other)
			if err != nil {
				t.Fatal(err)
			}
			head, err = q.Head(t.Context(), id)
			judge("quorum", l.quorum, head, err)
			proved := &ProvedRegistry{lied, func(context.Context) (Block, error) { return trusted, nil }}
			head, err = proved.Head(t.Context(), id)
			judge("proof", l.proof, head, err)

			// Two who contradict each other are no quorum of two, and the error has what each said.
			if l.head == believed {
				q, err := NewQuorum(2, lied, registry)
				if err != nil {
					t.Fatal(err)
				}
				var d *DisagreementError
				head, err := q.Head(t.Context(), id)
				if err == nil {
					// A node that is late holds back a quorum of all; what they agree on was true then.
					for _, v := range truth.Versions() {
						if v.Version == head.Version && v.Manifest.Equals(head.Manifest) && v.Number == head.Number && head.Owner == truth.Head.Owner {
							return
						}
					}
				}
				if !errors.Is(err, ErrEquivocation) || !errors.As(err, &d) || len(d.Answers) != 2 || d.Answers[0].Value == d.Answers[1].Value {
					t.Errorf("quorum of 2 of 2: %+v, %v", head, err)
				}
			}
		})
	}
}

func TestLiesAboutTheChain(t *testing.T) {
	dev := startDev(t)
	registry, _, err := Deploy(t.Context(), dialTest(t, dev.URL()), devSigner(t, 0))
	if err != nil {
		t.Fatal(err)
	}
	// Another chain id: whoever has a reference compares.
	c, err := Dial(t.Context(), serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		if method == "eth_chainId" {
			return []byte(`"0x1"`)
		}
		return result
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Expect(1337); !errors.Is(err, ErrWrongChain) {
		t.Errorf("wrong chain id: %v", err)
	}
	if lied, err := Open(t.Context(), c, registry.Address()); err != nil {
		t.Error(err)
	} else if _, err := NewQuorum(1, registry, lied); !errors.Is(err, ErrWrongChain) {
		t.Errorf("quorum over two chains: %v", err)
	}
	// Code that is nearly the registry's.
	c2, err := Dial(t.Context(), serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		if method == "eth_getCode" {
			code := contracts.RuntimeCode()
			code[len(code)/2] ^= 1
			out, _ := json.Marshal(hexutil.Bytes(code))
			return out
		}
		return result
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c2.Close()
	if _, err := Open(t.Context(), c2, registry.Address()); !errors.Is(err, ErrOtherContract) || !strings.Contains(err.Error(), registry.Address().Hex()) {
		t.Errorf("other code: %v", err)
	}
	// Somebody else's receipt.
	receipt, err := registry.SetName(t.Context(), devSigner(t, 0), ID{}, "")
	if !errors.Is(err, ErrNotRegistered) {
		t.Fatalf("%+v, %v", receipt, err)
	}
	c3, err := Dial(t.Context(), serveLiar(t, dev.URL(), func(method string, _, result []byte) []byte {
		if method == "eth_getTransactionReceipt" && string(result) != "null" {
			var r map[string]any
			json.Unmarshal(result, &r)
			r["transactionHash"] = common.Hash{1}
			out, _ := json.Marshal(r)
			return out
		}
		return result
	}), WithTimeout(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer c3.Close()
	lied, err := Open(t.Context(), c3, registry.Address())
	if err != nil {
		t.Fatal(err)
	}
	var pending *PendingError
	if _, _, err := lied.Register(t.Context(), devSigner(t, 1), [32]byte{3}); !errors.As(err, &pending) {
		t.Errorf("another transaction's receipt: %v", err)
	}
}
