package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
)

// Receipt says what a mined transaction was and cost.
type Receipt struct {
	Tx    common.Hash
	Block uint64
	Gas   uint64   // used
	Price *big.Int // wei per gas
}

// ErrFunds is wrapped when the account cannot pay for a transaction.
var ErrFunds = errors.New("insufficient funds")

// ErrCost is wrapped when a transaction could cost more than WithMaxCost allows. Nothing was sent.
var ErrCost = errors.New("too dear")

// PendingError says that a transaction was sent but not seen in a block before the context ended. It may still be mined.
type PendingError struct {
	Tx  common.Hash
	Err error
}

func (e *PendingError) Error() string {
	return fmt.Sprintf("transaction %s was sent but is not mined yet: %v", e.Tx, e.Err)
}

// Unwrap returns why the waiting ended.
func (e *PendingError) Unwrap() error { return e.Err }

// transact sends data to a contract, or as the creation code of one if to is nil, and waits for the receipt.
func (c *Client) transact(ctx context.Context, s Signer, to *common.Address, data []byte) (*types.Receipt, error) {
	receipt, err := c.takeUp(ctx, s, types.NewTx(&types.DynamicFeeTx{To: to, Data: data}))
	if receipt != nil || err != nil {
		return receipt, err
	}
	for tries := 1; ; tries++ {
		tx, err := c.prepare(ctx, s, to, data)
		if err != nil {
			return nil, err
		}
		receipt, err := c.deliver(ctx, s, []*types.Transaction{tx})
		// Another process of the account may have been faster, or the node that named the nonce late.
		if gone := (*lostError)(nil); tries == maxTries || !errors.As(err, &gone) {
			return receipt, err
		}
	}
}

// maxTries is how often a transaction is made whose nonce another one then takes.
const maxTries = 3

// lostError says that another transaction has the nonce.
type lostError struct{ tx common.Hash }

func (e *lostError) Error() string {
	return fmt.Sprintf("transaction %s will never be mined: another one of the account took its nonce", e.tx)
}

// deliver sends the last of some transactions that have one nonce, and waits until one of them is mined. If that takes
// longer than the client's patience, it offers more for a copy. The outbox knows all along.
func (c *Client) deliver(ctx context.Context, s Signer, txs []*types.Transaction) (*types.Receipt, error) {
	if err := saveTxs(c.outbox, c.ChainID(), txs); err != nil {
		return nil, err
	}
	for {
		last := txs[len(txs)-1]
		if err := c.send(ctx, last); err != nil {
			var unsure *PendingError
			if errors.As(err, &unsure) {
				return nil, err
			}
			// Refused. If one is mined, or is still good enough, that is why.
			receipt, unknown := c.anyReceipt(ctx, txs)
			if receipt != nil {
				return c.settle(ctx, s.Address(), txs, receipt)
			}
			if len(txs) == 1 {
				// Nodes have no common word for a transaction that they have already, so ask.
				has, unsure := c.has(ctx, last)
				if unsure = errors.Join(unknown, unsure); unsure != nil {
					return nil, &PendingError{last.Hash(), unsure}
				}
				if !has {
					return nil, errors.Join(c.lost(ctx, s.Address(), last, err), c.outbox.Save(nil))
				}
			}
		}
		receipt, err := c.wait(ctx, s.Address(), txs)
		if receipt != nil {
			return c.settle(ctx, s.Address(), txs, receipt)
		}
		if err != errStuck {
			if gone := (*lostError)(nil); errors.As(err, &gone) {
				err = errors.Join(err, c.outbox.Save(nil))
			}
			return nil, err
		}
		higher, err := c.raise(ctx, s, last)
		if higher != nil {
			txs = append(txs, higher)
			err = saveTxs(c.outbox, c.ChainID(), txs)
		}
		if err != nil {
			return nil, &PendingError{last.Hash(), err}
		}
	}
}

// lost says what became of a transaction that the node does not take: its nonce is gone, to one that is mined or waits, or the node has a better reason.
func (c *Client) lost(ctx context.Context, from common.Address, tx *types.Transaction, err error) error {
	var nonce hexutil.Uint64
	if c.call(ctx, &nonce, "eth_getTransactionCount", from, "pending") == nil && uint64(nonce) > tx.Nonce() {
		return fmt.Errorf("%w (%w)", &lostError{tx.Hash()}, err)
	}
	return err
}

// settle empties the outbox after one of the transactions was mined, and says why if the contract refused it.
func (c *Client) settle(ctx context.Context, from common.Address, txs []*types.Transaction, r *types.Receipt) (*types.Receipt, error) {
	if err := c.outbox.Save(nil); err != nil {
		return r, err
	}
	if r.Status == types.ReceiptStatusSuccessful {
		return r, nil
	}
	return r, c.whyReverted(ctx, from, txs[0], r)
}

// maxRaise is how many times what is usual now may be offered before no more is: then it is not for the price that the
// transaction waits, and all that was offered would be paid once it does not.
const maxRaise = 4

// raise copies a transaction with a higher offer: what is usual now, but at least a quarter more than before, as pools
// take no replacement for less than a tenth more. It returns nil if enough is offered already, or as much as may be.
func (c *Client) raise(ctx context.Context, s Signer, tx *types.Transaction) (*types.Transaction, error) {
	tip, limit, err := c.fees(ctx)
	if err != nil {
		return nil, err
	}
	if tx.GasFeeCap().Cmp(new(big.Int).Mul(limit, big.NewInt(maxRaise))) >= 0 {
		return nil, nil
	}
	more := func(now, before *big.Int) *big.Int {
		least := new(big.Int).Mul(before, big.NewInt(5))
		least.Add(least.Rsh(least, 2), big.NewInt(1))
		if now.Cmp(least) > 0 {
			return now
		}
		return least
	}
	tip, limit = more(tip, tx.GasTipCap()), more(limit, tx.GasFeeCap())
	if mostCost(tx.Gas(), limit).Cmp(c.maxCost) > 0 {
		return nil, nil
	}
	return sign(ctx, s, types.NewTx(&types.DynamicFeeTx{
		ChainID: c.chainID, Nonce: tx.Nonce(), To: tx.To(), Data: tx.Data(), Gas: tx.Gas(), GasTipCap: tip, GasFeeCap: limit,
	}), c.chainID)
}

// prepare makes a signed transaction that the contract accepted when it was tried.
func (c *Client) prepare(ctx context.Context, s Signer, to *common.Address, data []byte) (*types.Transaction, error) {
	msg := map[string]any{"from": s.Address(), "data": hexutil.Bytes(data)}
	if to != nil {
		msg["to"] = to
	}
	var gas hexutil.Uint64
	if err := c.call(ctx, &gas, "eth_estimateGas", msg); err != nil {
		return nil, c.explain(err, s.Address())
	}
	var nonce hexutil.Uint64
	if err := c.call(ctx, &nonce, "eth_getTransactionCount", s.Address(), "pending"); err != nil {
		return nil, err
	}
	tip, limit, err := c.fees(ctx)
	if err != nil {
		return nil, err
	}
	// The state may be another one by then: a slot that was warm is cold, a block's number longer.
	enough := uint64(gas) + uint64(gas)/10
	if cost := mostCost(enough, limit); cost.Cmp(c.maxCost) > 0 {
		return nil, fmt.Errorf("chain %s: %w: the transaction may cost %s ether, limit %s (%d gas, for which the node wants up to %s wei each)", c.name, ErrCost,
			EtherText(cost), EtherText(c.maxCost), enough, limit)
	}
	tx := types.NewTx(&types.DynamicFeeTx{
		ChainID:   c.chainID,
		Nonce:     uint64(nonce),
		To:        to,
		Data:      data,
		Gas:       enough,
		GasTipCap: tip,
		GasFeeCap: limit,
	})
	return sign(ctx, s, tx, c.chainID)
}

// mostCost is what so much gas costs at most, in wei.
func mostCost(gas uint64, limit *big.Int) *big.Int {
	return new(big.Int).Mul(new(big.Int).SetUint64(gas), limit)
}

// EtherText returns an amount as people write it, in ether.
func EtherText(wei *big.Int) string {
	text := new(big.Rat).SetFrac(wei, big.NewInt(params.Ether)).FloatString(18)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// sign has the transaction signed, and believes nothing of the signer but the signature.
func sign(ctx context.Context, s Signer, tx *types.Transaction, chainID *big.Int) (*types.Transaction, error) {
	signed, err := s.SignTx(ctx, tx, chainID)
	if err != nil {
		return nil, fmt.Errorf("sign transaction of %s: %w", s.Address(), err)
	}
	scheme := types.LatestSignerForChainID(chainID)
	if scheme.Hash(signed) != scheme.Hash(tx) {
		return nil, fmt.Errorf("sign transaction of %s: the signer changed the transaction", s.Address())
	}
	if from, err := types.Sender(scheme, signed); err != nil || from != s.Address() {
		return nil, fmt.Errorf("sign transaction of %s: the signature is of %s (%v)", s.Address(), from, err)
	}
	return signed, nil
}

// fees returns what to offer per gas, in wei: a tip for the block's producer, and the most to pay in all. The base fee can
// double within six blocks at most, so twice the present one is enough for a while.
func (c *Client) fees(ctx context.Context) (tip, limit *big.Int, err error) {
	h, _, err := c.header(ctx, "latest")
	if err != nil {
		return nil, nil, err
	}
	if h.BaseFee == nil {
		return nil, nil, fmt.Errorf("chain %s: has no base fee (EIP-1559)", c.name)
	}
	var t hexutil.Big
	if err := c.call(ctx, &t, "eth_maxPriorityFeePerGas"); err != nil {
		return nil, nil, err
	}
	tip = t.ToInt()
	if tip.Sign() == 0 {
		tip = big.NewInt(1) // pools refuse 0
	}
	limit = new(big.Int).Lsh(h.BaseFee, 1)
	return tip, limit.Add(limit, tip), nil
}

func (c *Client) send(ctx context.Context, tx *types.Transaction) error {
	raw, err := tx.MarshalBinary()
	if err != nil {
		return fmt.Errorf("chain %s: %w", c.name, err)
	}
	var hash common.Hash
	err = c.call(ctx, &hash, "eth_sendRawTransaction", hexutil.Bytes(raw))
	if err != nil {
		if e := (*nodeError)(nil); errors.As(err, &e) {
			from, _ := types.Sender(types.LatestSignerForChainID(c.chainID), tx)
			return c.explain(err, from)
		}
		// Whether it arrived nobody knows.
		return &PendingError{tx.Hash(), err}
	}
	if hash != tx.Hash() {
		return fmt.Errorf("chain %s: says that transaction %s is %s", c.name, tx.Hash(), hash)
	}
	return nil
}

// explain gives a node's refusal to take a transaction a type.
func (c *Client) explain(err error, from common.Address) error {
	if text := strings.ToLower(err.Error()); strings.Contains(text, "insufficient funds") || strings.Contains(text, "enough funds") || strings.Contains(text, "gas required exceeds allowance (0)") {
		return fmt.Errorf("chain %s: account %s cannot pay for the transaction: %w (%w)", c.name, from, ErrFunds, err)
	}
	return refusal(err)
}

// errStuck says that a transaction has been waiting for longer than the client's patience.
var errStuck = errors.New("transaction is stuck")

// errGap says that a transaction waits for one before it, which the node does not have.
var errGap = errors.New("an earlier transaction of the account is missing; try again")

// wait returns the receipt of the one of several transactions with one nonce that is mined.
func (c *Client) wait(ctx context.Context, from common.Address, txs []*types.Transaction) (*types.Receipt, error) {
	last := txs[len(txs)-1].Hash()
	began := time.Now()
	answered := began
	// Soon at first, for chains that mine at once; then less often.
	for pause := 5 * time.Millisecond; ; pause = min(pause*3/2, time.Second) {
		for _, tx := range txs {
			r, err := c.receipt(ctx, tx.Hash())
			if err == nil {
				answered = time.Now()
			} else if time.Since(answered) > c.timeout && ctx.Err() == nil {
				// Not at the first error: a node that is still indexing says so by one, and connections break.
				return nil, &PendingError{last, err}
			}
			if r != nil && r.BlockNumber.Cmp(c.head(ctx)) <= 0 {
				return r, nil
			}
		}
		if time.Since(began) > c.patience {
			// Before offering more, look whether something else has the nonce.
			var nonce hexutil.Uint64
			if err := c.call(ctx, &nonce, "eth_getTransactionCount", from, "latest"); err == nil {
				if uint64(nonce) <= txs[0].Nonce() {
					var next hexutil.Uint64
					if err := c.call(ctx, &next, "eth_getTransactionCount", from, "pending"); err == nil && uint64(next) < txs[0].Nonce() {
						return nil, &PendingError{last, errGap} // more money would not help
					}
					return nil, errStuck
				}
				if receipt, err := c.anyReceipt(ctx, txs); receipt == nil && err == nil {
					return nil, &lostError{last}
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil, &PendingError{last, ctx.Err()}
		case <-time.After(pause):
		}
	}
}

// receipt returns the receipt of a transaction, or nil if it is not mined.
func (c *Client) receipt(ctx context.Context, tx common.Hash) (*types.Receipt, error) {
	var r *types.Receipt
	if err := c.call(ctx, &r, "eth_getTransactionReceipt", tx); err != nil {
		return nil, err // and not what was read before the error
	}
	if r != nil && (r.TxHash != tx || r.BlockNumber == nil) {
		return nil, fmt.Errorf("chain %s: the receipt of transaction %s is of %s", c.name, tx, r.TxHash)
	}
	return r, nil
}

// anyReceipt returns the receipt of one of some transactions. No receipt and no error mean that none is mined.
func (c *Client) anyReceipt(ctx context.Context, txs []*types.Transaction) (*types.Receipt, error) {
	var failed error
	for _, tx := range txs {
		r, err := c.receipt(ctx, tx.Hash())
		if r != nil {
			return r, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

// has tells whether the node has a transaction, mined or not.
func (c *Client) has(ctx context.Context, tx *types.Transaction) (bool, error) {
	var found *struct{ Hash common.Hash }
	err := c.call(ctx, &found, "eth_getTransactionByHash", tx.Hash())
	return found != nil && found.Hash == tx.Hash(), err
}

// head returns the number of the block that calls at "latest" see. geth gives receipts a moment before it moves on, and
// behind one URL there may be several nodes, some of them late. -1 means that there was no answer.
func (c *Client) head(ctx context.Context) *big.Int {
	var n hexutil.Big
	if err := c.call(ctx, &n, "eth_blockNumber"); err != nil {
		return big.NewInt(-1)
	}
	return n.ToInt()
}

// whyReverted runs a transaction that failed again, on the block it was in: the state may have changed since it was
// tried, and a receipt does not say why.
func (c *Client) whyReverted(ctx context.Context, from common.Address, tx *types.Transaction, r *types.Receipt) error {
	if tx.To() != nil {
		_, err := c.callContract(ctx, from, *tx.To(), tx.Data(), hexutil.EncodeBig(r.BlockNumber))
		if err := refusal(err); err != nil {
			return fmt.Errorf("transaction %s in block %v: %w", tx.Hash(), r.BlockNumber, err)
		}
	}
	return fmt.Errorf("transaction %s in block %v: %w", tx.Hash(), r.BlockNumber, ErrReverted)
}

func newReceipt(r *types.Receipt) Receipt {
	return Receipt{Tx: r.TxHash, Block: r.BlockNumber.Uint64(), Gas: r.GasUsed, Price: r.EffectiveGasPrice}
}
