package chain

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"dictnet/chain/devchain"
	"dictnet/merkle"
)

// interrupted is a publisher with an outbox, on a chain on which nothing is mined until it is told to.
type interrupted struct {
	chain    *devchain.Chain
	node     string // URL that restart connects to
	timeout  time.Duration
	outbox   FileOutbox
	registry *Registry // with the outbox; restart makes another
	owner    *KeySigner
	id       ID
	tape     *tape
}

func newInterrupted(t *testing.T) *interrupted {
	p := &interrupted{chain: startDev(t), timeout: answerTimeout, owner: devSigner(t, 0), tape: newTape("outbox", 40)}
	p.node = p.chain.URL()
	p.outbox = FileOutbox(filepath.Join(t.TempDir(), "outbox.json"))
	client := dialTest(t, p.chain.URL())
	registry, _, err := Deploy(t.Context(), client, p.owner)
	if err != nil {
		t.Fatal(err)
	}
	p.registry = registry
	p.restart(t, time.Minute)
	if p.id, _, err = p.registry.Register(t.Context(), p.owner, sha256.Sum256([]byte(t.Name()))); err != nil {
		t.Fatal(err)
	}
	return p
}

// restart is what a new process does.
func (p *interrupted) restart(t *testing.T, patience time.Duration) {
	t.Helper()
	client, err := Dial(t.Context(), p.node, WithOutbox(p.outbox), WithPatience(patience), WithTimeout(p.timeout))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if p.registry, err = Open(t.Context(), client, p.registry.Address()); err != nil {
		t.Fatal(err)
	}
}

func (p *interrupted) publish(ctx context.Context, t *testing.T, from, to uint64) (Receipt, error) {
	t.Helper()
	v := p.tape.version(t, to)
	return p.registry.Publish(ctx, p.owner, p.id, p.tape.version(t, from), v, manifestOf(v), p.tape.proof(t, from, to))
}

func (p *interrupted) nonce(t *testing.T, block string) uint64 {
	t.Helper()
	var n hexutil.Uint64
	if err := p.registry.client.call(t.Context(), &n, "eth_getTransactionCount", p.owner.Address(), block); err != nil {
		t.Fatal(err)
	}
	return uint64(n)
}

func (p *interrupted) empty(t *testing.T) {
	t.Helper()
	if b, err := p.outbox.Load(); b != nil || err != nil {
		t.Errorf("the outbox holds %s, %v", b, err)
	}
}

// stuck publishes the first ten notes while nothing is mined, until the context ends, and returns the transaction that
// was sent. A busy machine may not even come to sending it.
func (p *interrupted) stuck(t *testing.T) common.Hash {
	t.Helper()
	for range 20 {
		_, err := p.publish(soon(t), t, 0, 10)
		var pending *PendingError
		if errors.As(err, &pending) {
			return pending.Tx
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("publish on a chain that does not mine: %v", err)
		}
	}
	t.Fatal("nothing was sent")
	return common.Hash{}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestInterruptedPublicationIsTakenUp(t *testing.T) {
	p := newInterrupted(t)
	before := p.nonce(t, "latest")
	p.chain.Pause()
	pending := p.stuck(t)
	if at, tx, err := Outstanding(p.outbox); at != p.registry.Reference(p.id) || tx != pending || err != nil {
		t.Errorf("outstanding is %s by %s, %v, not %s", at, tx, err, pending)
	}
	// Again and again, in new processes: it is still the same transaction.
	for range 3 {
		p.restart(t, time.Minute)
		if again := p.stuck(t); again != pending {
			t.Fatalf("took up %s, sent was %s", again, pending)
		}
	}
	p.chain.Resume()
	p.restart(t, time.Minute)
	r, err := p.publish(t.Context(), t, 0, 10)
	if err != nil || r.Tx != pending {
		t.Fatalf("%+v, %v", r, err)
	}
	p.empty(t)
	// And once more, now that it is the head.
	p.restart(t, time.Minute)
	r, err = p.publish(t.Context(), t, 0, 10)
	if err != nil || r.Tx != pending {
		t.Fatalf("%+v, %v", r, err)
	}
	if n := p.nonce(t, "latest"); n != before+1 {
		t.Errorf("sent %d transactions", n-before)
	}
	p.empty(t)
}

// What a node says of a transaction that it has already differs from node to node; Besu says it with status 400.
func TestTakenUpWhereItIsKnownInOtherWords(t *testing.T) {
	p := newInterrupted(t)
	before := p.nonce(t, "latest")
	p.chain.Pause()
	pending := p.stuck(t)
	for i, words := range []string{"Known transaction", "AlreadyKnown", "transaction already imported"} {
		to, err := url.Parse(p.chain.URL())
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		proxy := &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(to)
				r.Out.Header.Set("Accept-Encoding", "identity")
			},
			ModifyResponse: func(r *http.Response) error {
				b, err := io.ReadAll(r.Body)
				if bytes.Contains(b, []byte("already known")) {
					changed++
					b = bytes.Replace(b, []byte("already known"), []byte(words), 1)
					r.StatusCode = []int{http.StatusBadRequest, http.StatusOK, http.StatusOK}[i]
					r.Header.Set("Content-Length", strconv.Itoa(len(b)))
				}
				r.Body = io.NopCloser(bytes.NewReader(b))
				return err
			},
		}
		s := httptest.NewServer(proxy)
		t.Cleanup(s.Close)
		p.node = s.URL
		p.restart(t, time.Minute)
		if again := p.stuck(t); again != pending || changed == 0 {
			t.Fatalf("%s, %d times: took up %s, sent was %s", words, changed, again, pending)
		}
	}
	p.chain.Resume()
	p.restart(t, time.Minute)
	if r, err := p.publish(t.Context(), t, 0, 10); err != nil || r.Tx != pending {
		t.Errorf("%+v, %v", r, err)
	}
	if n := p.nonce(t, "latest"); n != before+1 {
		t.Errorf("sent %d transactions", n-before)
	}
	p.empty(t)
}

// A transaction is not lost because its receipt cannot be had for now, as from a node that was just started and is still indexing.
func TestReceiptCannotBeHad(t *testing.T) {
	p := newInterrupted(t)
	var silent atomic.Bool
	p.node = serveLiar(t, p.chain.URL(), func(method string, _, result []byte) []byte {
		if silent.Load() && method == "eth_getTransactionReceipt" {
			return []byte(`"later"`)
		}
		return result
	})
	p.timeout = 500 * time.Millisecond
	silent.Store(true)
	var pending *PendingError
	for _, when := range []string{"it was sent now", "it was mined before the restart"} {
		p.restart(t, 50*time.Millisecond)
		if r, err := p.publish(t.Context(), t, 0, 10); !errors.As(err, &pending) {
			t.Fatalf("%s: %+v, %v", when, r, err)
		}
		if txs, err := loadTxs(p.outbox, devchain.ChainID); len(txs) != 1 {
			t.Fatalf("%s: %d transactions in the outbox, %v", when, len(txs), err)
		}
	}
	silent.Store(false)
	p.restart(t, time.Minute)
	if r, err := p.publish(t.Context(), t, 0, 10); err != nil || r.Tx != pending.Tx {
		t.Errorf("%+v, %v", r, err)
	}
	p.empty(t)
}

// A chain that stands still takes nothing, whatever is offered; so what is offered does not go up without an end.
func TestOfferHasABound(t *testing.T) {
	p := newInterrupted(t)
	p.chain.Pause()
	p.restart(t, time.Millisecond)
	for range 6 {
		p.stuck(t)
	}
	txs, err := loadTxs(p.outbox, devchain.ChainID)
	if err != nil {
		t.Fatal(err)
	}
	usual, last := txs[0].GasFeeCap(), txs[len(txs)-1].GasFeeCap()
	if most := new(big.Int).Mul(usual, big.NewInt(maxRaise+maxRaise/4)); len(txs) < 2 || last.Cmp(most) > 0 {
		t.Errorf("%d transactions, the last offers %v, the first %v", len(txs), last, usual)
	}
	p.chain.Resume()
	if _, err := p.publish(t.Context(), t, 0, 10); err != nil {
		t.Fatal(err)
	}
	p.empty(t)
}

// Nothing is sent that may cost more than was allowed, whatever the node wants for gas; nor is more offered for what was sent.
func TestCostHasABound(t *testing.T) {
	p := newInterrupted(t)
	p.restart(t, time.Minute)
	p.registry.client.maxCost = big.NewInt(1e9)
	before := p.nonce(t, "pending")
	if _, err := p.publish(t.Context(), t, 0, 10); !errors.Is(err, ErrCost) || !strings.Contains(err.Error(), "limit 0.000000001") {
		t.Errorf("more than a gwei in all: %v", err)
	}
	if p.nonce(t, "pending") != before {
		t.Error("it was sent")
	}
	p.empty(t)
	p.chain.Pause()
	p.restart(t, time.Millisecond)
	p.stuck(t)
	txs, err := loadTxs(p.outbox, devchain.ChainID)
	if err != nil {
		t.Fatal(err)
	}
	p.registry.client.maxCost = mostCost(txs[0].Gas(), txs[0].GasFeeCap())
	if higher, err := p.registry.client.raise(t.Context(), p.owner, txs[0]); higher != nil || err != nil {
		t.Errorf("raised to %v, %v, where no more may be offered", higher, err)
	}
}

// Killed between the saving and the sending, or after the mining and before the outbox was emptied.
func TestInterruptedAtTheEdges(t *testing.T) {
	p := newInterrupted(t)
	v := p.tape.version(t, 10)
	e, words, err := extension(p.id, merkle.Version{Root: merkle.EmptyRoot}, v, manifestOf(v), nil)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := p.registry.client.prepare(t.Context(), p.owner, &p.registry.address, binding().PackPublish(e, words))
	if err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"before sending", "after mining"} {
		if err := saveTxs(p.outbox, devchain.ChainID, []*types.Transaction{tx}); err != nil {
			t.Fatal(err)
		}
		p.restart(t, time.Minute)
		r, err := p.publish(t.Context(), t, 0, 10)
		if err != nil || r.Tx != tx.Hash() {
			t.Fatalf("%s: %+v, %v", when, r, err)
		}
		p.empty(t)
	}
	// What is left over of one publication does not keep the next one from going out.
	if err := saveTxs(p.outbox, devchain.ChainID, []*types.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	if r, err := p.publish(t.Context(), t, 10, 20); err != nil || r.Tx == tx.Hash() {
		t.Fatalf("%+v, %v", r, err)
	}
	p.empty(t)
}

// A transaction whose nonce was taken by another one will never be mined; the publication goes out anew.
func TestLostTransactionIsSentAnew(t *testing.T) {
	p := newInterrupted(t)
	v := p.tape.version(t, 10)
	e, words, err := extension(p.id, merkle.Version{Root: merkle.EmptyRoot}, v, manifestOf(v), nil)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := p.registry.client.prepare(t.Context(), p.owner, &p.registry.address, binding().PackPublish(e, words))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.registry.SetName(t.Context(), p.owner, p.id, "takes the nonce"); err != nil {
		t.Fatal(err)
	}
	if err := saveTxs(p.outbox, devchain.ChainID, []*types.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	p.restart(t, time.Minute)
	r, err := p.publish(t.Context(), t, 0, 10)
	if err != nil || r.Tx == tx.Hash() {
		t.Fatalf("%+v, %v", r, err)
	}
	p.empty(t)
}

// Two processes of one account, or a node that is late, give a transaction a nonce that another one has, which is mined or waits to be: it is made anew.
func TestNonceThatAnotherHas(t *testing.T) {
	for _, waits := range []bool{false, true} {
		p := newInterrupted(t)
		var late atomic.Bool
		p.node = serveLiar(t, p.chain.URL(), func(method string, _, result []byte) []byte {
			if method == "eth_getTransactionCount" && late.CompareAndSwap(true, false) {
				var n hexutil.Uint64
				if err := n.UnmarshalJSON(result); err != nil {
					t.Error(err)
				}
				result, _ = json.Marshal(n - 1)
			}
			return result
		})
		other := make(chan error, 1)
		if waits {
			p.chain.Pause()
		}
		before := p.nonce(t, "pending")
		direct, err := Open(t.Context(), dialTest(t, p.chain.URL()), p.registry.Address())
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, err := direct.SetName(t.Context(), p.owner, p.id, "takes the nonce")
			other <- err
		}()
		for p.nonce(t, "pending") == before {
			time.Sleep(time.Millisecond)
		}
		if waits {
			time.AfterFunc(time.Second, p.chain.Resume)
		}
		p.restart(t, time.Minute)
		late.Store(true)
		if _, err := p.publish(t.Context(), t, 0, 10); err != nil || late.Load() {
			t.Errorf("the other one waits: %v: %v", waits, err)
		}
		if err := <-other; err != nil {
			t.Error(err)
		}
		if n := p.nonce(t, "latest"); n != before+2 {
			t.Errorf("%d transactions were mined", n-before)
		}
		p.empty(t)
	}
}

// A transaction whose nonce is too high waits for ever: what was left over from a development chain that was begun anew, or
// followed on one that the node has dropped. It must not hold up the next.
func TestNonceGap(t *testing.T) {
	p := newInterrupted(t)
	v := p.tape.version(t, 10)
	e, words, err := extension(p.id, merkle.Version{Root: merkle.EmptyRoot}, v, manifestOf(v), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := p.registry.client
	tx, err := client.prepare(t.Context(), p.owner, &p.registry.address, binding().PackPublish(e, words))
	if err != nil {
		t.Fatal(err)
	}
	late, err := sign(t.Context(), p.owner, types.NewTx(&types.DynamicFeeTx{
		ChainID: client.chainID, Nonce: tx.Nonce() + 5, To: tx.To(), Data: tx.Data(), Gas: tx.Gas(), GasTipCap: tx.GasTipCap(), GasFeeCap: tx.GasFeeCap(),
	}), client.chainID)
	if err != nil {
		t.Fatal(err)
	}
	p.restart(t, 100*time.Millisecond)
	_, err = p.registry.client.deliver(t.Context(), p.owner, []*types.Transaction{late})
	var pending *PendingError
	if !errors.As(err, &pending) || !errors.Is(err, errGap) {
		t.Fatalf("sent with a gap: %v", err)
	}
	p.restart(t, time.Minute)
	if r, err := p.publish(t.Context(), t, 0, 10); err != nil || r.Tx == late.Hash() {
		t.Fatalf("%+v, %v", r, err)
	}
	p.empty(t)
}

// A transaction that waits too long is replaced by one that offers more, and only one of them is mined.
func TestStuckTransactionIsReplaced(t *testing.T) {
	p := newInterrupted(t)
	before := p.nonce(t, "latest")
	p.chain.Pause()
	p.restart(t, 50*time.Millisecond)
	var first common.Hash
	var txs []*types.Transaction
	for range 20 { // on a busy machine there may have been no time for a replacement
		first = p.stuck(t)
		var err error
		if txs, err = loadTxs(p.outbox, devchain.ChainID); err != nil {
			t.Fatal(err)
		}
		if len(txs) > 1 {
			break
		}
	}
	if len(txs) < 2 || txs[len(txs)-1].Hash() != first {
		t.Fatalf("%d transactions in the outbox", len(txs))
	}
	for i, tx := range txs[1:] {
		if tx.Nonce() != txs[0].Nonce() || tx.GasFeeCap().Cmp(txs[i].GasFeeCap()) <= 0 || tx.GasTipCap().Cmp(txs[i].GasTipCap()) <= 0 {
			t.Errorf("replacement %d does not offer more", i+1)
		}
	}
	// The node has dropped the first one, unless there was no time to send any other.
	var cheapest *types.Transaction
	if err := p.registry.client.call(t.Context(), &cheapest, "eth_getTransactionByHash", txs[0].Hash()); err != nil {
		t.Fatal(err)
	}
	if cheapest != nil && len(txs) > 2 {
		t.Errorf("the node still has the first of %d", len(txs))
	}
	p.chain.Resume()
	r, err := p.publish(t.Context(), t, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if n := p.nonce(t, "latest"); n != before+1 {
		t.Errorf("%d transactions were mined", n-before)
	}
	if r.Tx == txs[0].Hash() && cheapest == nil {
		t.Error("the cheapest was mined")
	}
	p.empty(t)
}

func TestBadOutbox(t *testing.T) {
	p := newInterrupted(t)
	tx, err := p.registry.client.prepare(t.Context(), p.owner, &p.registry.address, binding().PackSetName(p.id, "x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := saveTxs(p.outbox, 5, []*types.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.publish(t.Context(), t, 0, 10); !errors.Is(err, ErrWrongChain) {
		t.Errorf("outbox of another chain: %v", err)
	}
	if at, tx, err := Outstanding(p.outbox); tx != (common.Hash{}) || err != nil {
		t.Errorf("outstanding is %s of %s, %v, but what was sent is no publication", tx, at, err)
	}
	if err := saveTxs(p.outbox, devchain.ChainID, []*types.Transaction{tx}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.registry.Register(t.Context(), devSigner(t, 1), [32]byte{}); err == nil || !strings.Contains(err.Error(), p.owner.Address().Hex()) {
		t.Errorf("outbox of another account: %v", err)
	}
	for _, junk := range []string{"x", "{}", `{"chainId":1337,"transactions":["0x00"]}`, `{"chainId":1337,"transactions":[]}`, "null"} {
		if err := os.WriteFile(string(p.outbox), []byte(junk), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := p.publish(t.Context(), t, 0, 10); err == nil || !strings.Contains(err.Error(), "outbox: ") {
			t.Errorf("%s: %v", junk, err)
		}
		if _, _, err := Outstanding(p.outbox); err == nil {
			t.Errorf("%s: what is outstanding is known", junk)
		}
	}
	nowhere := FileOutbox(filepath.Join(t.TempDir(), "no", "such", "folder"))
	if err := nowhere.Save([]byte("x")); err == nil || !strings.Contains(err.Error(), string(nowhere)) {
		t.Errorf("%v", err)
	}
}
