package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"dictnet/internal/durable"
)

// Outbox keeps the transaction of one account that was signed and is not known to be mined. Whoever is interrupted
// meanwhile takes it up again with the same outbox, and never sends a second one for the same purpose.
type Outbox interface {
	// Load returns what Save was last given, or nil.
	Load() ([]byte, error)
	// Save keeps b, durably when it returns; nil means that there is nothing to keep any more.
	Save(b []byte) error
}

// FileOutbox is a file. Give every account and registry one of its own.
type FileOutbox string

// Load returns the file's content, or nil if there is no file.
func (f FileOutbox) Load() ([]byte, error) {
	b, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return b, nil
}

// Save replaces the file, or removes it.
func (f FileOutbox) Save(b []byte) error {
	if b == nil {
		if err := durable.Remove(string(f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("outbox: %w", err)
		}
		return nil
	}
	if err := durable.Write(string(f), b, 0o600); err != nil {
		return fmt.Errorf("outbox %s: %w", string(f), err)
	}
	return nil
}

// noOutbox forgets.
type noOutbox struct{}

func (noOutbox) Load() ([]byte, error) { return nil, nil }
func (noOutbox) Save([]byte) error     { return nil }

// pending is what an outbox holds: one transaction and those that were to replace it, all with the same nonce, so that
// at most one of them is ever mined.
type pending struct {
	ChainID      uint64          `json:"chainId"`
	Transactions []hexutil.Bytes `json:"transactions"` // signed, oldest first
}

func saveTxs(o Outbox, chainID uint64, txs []*types.Transaction) error {
	p := pending{ChainID: chainID}
	for _, tx := range txs {
		raw, err := tx.MarshalBinary()
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		p.Transactions = append(p.Transactions, raw)
	}
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return o.Save(b)
}

func loadTxs(o Outbox, chainID uint64) ([]*types.Transaction, error) {
	txs, got, err := readOutbox(o)
	if txs == nil || err != nil {
		return nil, err
	}
	if got != chainID {
		return nil, fmt.Errorf("outbox: %w: holds a transaction for chain %d, this is chain %d", ErrWrongChain, got, chainID)
	}
	return txs, nil
}

// readOutbox returns what an outbox holds, and for which chain; nothing, if it is empty.
func readOutbox(o Outbox) (txs []*types.Transaction, chainID uint64, err error) {
	b, err := o.Load()
	if b == nil || err != nil {
		return nil, 0, err
	}
	var p pending
	if err := json.Unmarshal(b, &p); err != nil || len(p.Transactions) == 0 {
		return nil, 0, fmt.Errorf("outbox: damaged: %w", errors.Join(err, errors.New("holds no transaction")))
	}
	txs = make([]*types.Transaction, len(p.Transactions))
	for i, raw := range p.Transactions {
		txs[i] = new(types.Transaction)
		if err := txs[i].UnmarshalBinary(raw); err != nil {
			return nil, 0, fmt.Errorf("outbox: damaged: %w", err)
		}
		if txs[i].Nonce() != txs[0].Nonce() {
			return nil, 0, errors.New("outbox: damaged: transactions of two nonces")
		}
	}
	return txs, p.ChainID, nil
}

// Outstanding returns whose publication an outbox holds, and by which transaction, without asking a chain whether that is mined by now. The transaction
// is zero if the outbox holds nothing, or something else.
func Outstanding(o Outbox) (at Reference, tx common.Hash, err error) {
	txs, chainID, err := readOutbox(o)
	if txs == nil || err != nil {
		return Reference{}, common.Hash{}, err
	}
	last := txs[len(txs)-1]
	e, _, err := decodePublication(last.Data())
	if err != nil || last.To() == nil {
		return Reference{}, common.Hash{}, nil
	}
	return Reference{chainID, *last.To(), e.Id}, last.Hash(), nil
}

// takeUp brings what was left in the outbox to an end: it sends it again, as nobody knows whether it arrived, and waits
// until it is mined or cannot be any more. It returns the receipt if the transaction was the very one that is wanted.
func (c *Client) takeUp(ctx context.Context, s Signer, want *types.Transaction) (*types.Receipt, error) {
	txs, err := loadTxs(c.outbox, c.ChainID())
	if txs == nil || err != nil {
		return nil, err
	}
	last := txs[len(txs)-1]
	from, err := types.Sender(types.LatestSignerForChainID(c.chainID), last)
	if err != nil || from != s.Address() {
		return nil, fmt.Errorf("outbox: holds a transaction of account %s, not %s", from, s.Address())
	}
	var next hexutil.Uint64
	if err := c.call(ctx, &next, "eth_getTransactionCount", from, "pending"); err != nil {
		return nil, err
	}
	if uint64(next) < last.Nonce() {
		// It waits for transactions that the node does not have: they were dropped, or this is a development chain that was
		// begun anew. If they come after all, so may this one; the registry takes no version twice.
		return nil, c.outbox.Save(nil)
	}
	receipt, err := c.deliver(ctx, s, txs)
	var gone *lostError
	if errors.As(err, &gone) {
		return nil, nil // another transaction took the nonce; start anew
	}
	if isPending := (*PendingError)(nil); errors.As(err, &isPending) || receipt == nil {
		return nil, err
	}
	if same(last, want) {
		return receipt, err
	}
	return nil, nil // something else that was left over; whether it went well nobody waits to hear
}

// same tells whether two transactions do the same.
func same(a, b *types.Transaction) bool {
	sameTo := (a.To() == nil) == (b.To() == nil) && (a.To() == nil || *a.To() == *b.To())
	return sameTo && string(a.Data()) == string(b.Data())
}
