package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// Depth says which block's state to believe: the newest, one with some blocks on top, or one that the chain's own
// consensus calls safe or final. The zero value is the newest.
type Depth struct {
	// Confirmations is how many blocks must have the fact, 1 for just its own. 0 is as good as 1.
	Confirmations uint64
	// Tag is "safe" or "finalized", or empty. It goes before Confirmations.
	Tag string
}

// The depths that have a name.
var (
	Latest    = Depth{}
	Safe      = Depth{Tag: "safe"}
	Finalized = Depth{Tag: "finalized"}
)

// Confirmed is the newest block that has n-1 blocks on top of it.
func Confirmed(n uint64) Depth { return Depth{Confirmations: n} }

// String says what the depth is, for messages.
func (d Depth) String() string {
	switch {
	case d.Tag != "":
		return d.Tag
	case d.Confirmations > 1:
		return fmt.Sprintf("%d confirmations", d.Confirmations)
	}
	return "latest"
}

// ParseDepth reads latest, safe, finalized or a number of confirmations.
func ParseDepth(s string) (Depth, error) {
	switch s {
	case "latest", "":
		return Latest, nil
	case "safe", "finalized":
		return Depth{Tag: s}, nil
	}
	var n uint64
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || fmt.Sprint(n) != s || n == 0 {
		return Depth{}, fmt.Errorf("depth %q: want latest, safe, finalized or a number of confirmations", s)
	}
	return Confirmed(n), nil
}

// Block names one block for good: after a reorganisation another one may have its number, but never its hash.
type Block struct {
	Number uint64
	Hash   common.Hash
	Time   time.Time
}

// ErrReorged is wrapped when a block that was relied on is no longer part of the chain.
var ErrReorged = errors.New("the chain was reorganised")

// ErrTooYoung is wrapped when a chain has not as many blocks as a depth asks for.
var ErrTooYoung = errors.New("not enough blocks yet")

// Block returns the block at a depth, as the node has it now.
func (c *Client) Block(ctx context.Context, d Depth) (Block, error) {
	tag := d.Tag
	if tag == "" {
		tag = "latest"
		if d.Confirmations > 1 {
			var n hexutil.Uint64
			if err := c.call(ctx, &n, "eth_blockNumber"); err != nil {
				return Block{}, err
			}
			if uint64(n) < d.Confirmations-1 {
				return Block{}, fmt.Errorf("chain %s: %w: %d, want %d", c.name, ErrTooYoung, n, d.Confirmations)
			}
			tag = hexutil.EncodeUint64(uint64(n) - (d.Confirmations - 1))
		}
	} else if tag != "safe" && tag != "finalized" {
		return Block{}, fmt.Errorf("depth %q: want safe or finalized", tag)
	}
	return c.block(ctx, tag)
}

// BlockAt returns the block that has a number now.
func (c *Client) BlockAt(ctx context.Context, number uint64) (Block, error) {
	return c.block(ctx, hexutil.EncodeUint64(number))
}

func (c *Client) block(ctx context.Context, tag string) (Block, error) {
	h, hash, err := c.header(ctx, tag)
	if err != nil {
		return Block{}, err
	}
	return Block{h.Number.Uint64(), hash, time.Unix(int64(h.Time), 0).UTC()}, nil
}

// BlockOf returns the block that has a hash, which the caller trusts: the number and the time that come with it
// are those of the header with this hash.
func (c *Client) BlockOf(ctx context.Context, hash common.Hash) (Block, error) {
	var h *types.Header
	if err := c.call(ctx, &h, "eth_getBlockByHash", hash, false); err != nil {
		return Block{}, err
	}
	if h == nil {
		return Block{}, fmt.Errorf("%w at %s: it has no block %s", ErrUnreachable, c.name, hash)
	}
	if got := h.Hash(); got != hash {
		return Block{}, fmt.Errorf("chain %s: %w: header of block %s has hash %s", c.name, ErrProof, hash, got)
	}
	return Block{h.Number.Uint64(), hash, time.Unix(int64(h.Time), 0).UTC()}, nil
}

// HeadAt is Head as it was in the block at a depth. The error wraps ErrReorged if that block was replaced meanwhile.
func (r *Registry) HeadAt(ctx context.Context, id ID, d Depth) (Head, Block, error) {
	b, err := r.client.Block(ctx, d)
	if err != nil {
		return Head{}, Block{}, err
	}
	head, err := r.headIn(ctx, id, b)
	return head, b, err
}

// headIn is Head as it was in a block. Nodes are asked by its number, so whether that is still the number of this block is
// looked at afterwards.
func (r *Registry) headIn(ctx context.Context, id ID, b Block) (Head, error) {
	head, err := r.headOf(ctx, id, hexutil.EncodeUint64(b.Number))
	gone := r.client.Still(ctx, b)
	if err != nil && !errors.Is(gone, ErrReorged) { // which is why there was no answer
		return Head{}, err
	}
	return head, gone
}

// lateness is how long a node that has a block, or a transaction in one, may then seem not to have it: behind one URL there may be
// several nodes, some of them late.
const lateness = 2 * time.Second

// Still returns an error that wraps ErrReorged unless the block is part of the chain now.
func (c *Client) Still(ctx context.Context, b Block) error {
	for began := time.Now(); ; {
		var h *struct{ Hash common.Hash }
		if err := c.call(ctx, &h, "eth_getBlockByNumber", hexutil.EncodeUint64(b.Number), false); err != nil {
			return err
		}
		switch {
		case h != nil && h.Hash == b.Hash:
			return nil
		case h != nil:
			return fmt.Errorf("chain %s: %w: block %d was %s and is %s", c.name, ErrReorged, b.Number, b.Hash, h.Hash)
		case time.Since(began) > lateness:
			return fmt.Errorf("chain %s: %w: block %d (%s) is gone", c.name, ErrReorged, b.Number, b.Hash)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lateness / 10):
		}
	}
}

// Confirm waits until a transaction is at a depth: it was mined, and stays so. The error wraps ErrReorged if its block
// was replaced and the transaction is not in any other, or is refused there (ErrReverted, too); if it is in another one, that one counts.
func (r *Registry) Confirm(ctx context.Context, tx common.Hash, d Depth) (Block, error) {
	c := r.client
	seen, answered := time.Time{}, time.Now()
	for pause := 20 * time.Millisecond; ; pause = min(pause*3/2, 2*time.Second) {
		receipt, block, err := c.mined(ctx, tx, d)
		switch {
		case receipt != nil:
			seen = time.Now()
		case err == nil && !seen.IsZero() && time.Since(seen) > lateness:
			return Block{}, fmt.Errorf("chain %s: %w: transaction %s is in no block any more", c.name, ErrReorged, tx)
		}
		switch {
		case err == nil:
			answered = time.Now()
		case time.Since(answered) > c.timeout && ctx.Err() == nil: // not at the first error: connections break
			return Block{}, &PendingError{tx, err}
		}
		if block != nil {
			if receipt.Status != types.ReceiptStatusSuccessful {
				return Block{}, fmt.Errorf("chain %s: %w: transaction %s is in block %v now, and there: %w", c.name, ErrReorged, tx, block.Number, ErrReverted)
			}
			return *block, nil
		}
		select {
		case <-ctx.Done():
			return Block{}, &PendingError{tx, ctx.Err()}
		case <-time.After(pause):
		}
	}
}

// mined returns the receipt of a transaction if it is in a block, and that block if it is at the depth.
func (c *Client) mined(ctx context.Context, tx common.Hash, d Depth) (*types.Receipt, *Block, error) {
	receipt, err := c.receipt(ctx, tx)
	if receipt == nil {
		return nil, nil, err
	}
	deep, err := c.Block(ctx, d)
	if errors.Is(err, ErrTooYoung) {
		return receipt, nil, nil
	}
	if err != nil || deep.Number < receipt.BlockNumber.Uint64() {
		return receipt, nil, err
	}
	b, err := c.BlockAt(ctx, receipt.BlockNumber.Uint64())
	if err != nil || b.Hash != receipt.BlockHash {
		return receipt, nil, err
	}
	return receipt, &b, nil
}
