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
	tx, err := c.prepare(ctx, s, to, data)
	if err != nil {
		return nil, err
	}
	if err := c.send(ctx, tx); err != nil {
		return nil, err
	}
	return c.wait(ctx, s.Address(), tx)
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
	tx := types.NewTx(&types.DynamicFeeTx{
		ChainID: c.chainID,
		Nonce:   uint64(nonce),
		To:      to,
		Data:    data,
		// The state may be another one by then: a slot that was warm is cold, a block's number longer.
		Gas:       uint64(gas) + uint64(gas)/10,
		GasTipCap: tip,
		GasFeeCap: limit,
	})
	return sign(ctx, s, tx, c.chainID)
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
			if strings.Contains(strings.ToLower(err.Error()), "already known") {
				return nil // we sent it before
			}
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

// wait returns the receipt of a transaction that was sent, and an error if the contract refused it after all.
func (c *Client) wait(ctx context.Context, from common.Address, tx *types.Transaction) (*types.Receipt, error) {
	// Soon at first, for chains that mine at once; then less often.
	answered := time.Now()
	for pause := 5 * time.Millisecond; ; pause = min(pause*3/2, time.Second) {
		var r *types.Receipt
		err := c.call(ctx, &r, "eth_getTransactionReceipt", tx.Hash())
		if err == nil {
			answered = time.Now()
		} else if time.Since(answered) > c.timeout && ctx.Err() == nil {
			// Not at the first error: a node that is still indexing says so by one, and connections break.
			return nil, &PendingError{tx.Hash(), err}
		}
		if r != nil && r.BlockNumber.Cmp(c.head(ctx)) <= 0 {
			if r.Status == types.ReceiptStatusSuccessful {
				return r, nil
			}
			return r, c.whyReverted(ctx, from, tx, r)
		}
		select {
		case <-ctx.Done():
			return nil, &PendingError{tx.Hash(), ctx.Err()}
		case <-time.After(pause):
		}
	}
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
