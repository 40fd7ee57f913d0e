package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"dictnet/contracts"
	"dictnet/merkle"
)

// Step is a version of a replayed history with the consistency proof that it was published with: evidence, for anybody
// and without the chain, that it extends the version before.
type Step struct {
	PublishedVersion
	Previous merkle.Version
	Proof    []merkle.Hash
	// Indirect: the publication came through another contract (a wallet, say), whose call we cannot read, so there is
	// no proof here. That the registry checked one we still know: its code was there before.
	Indirect bool
}

// Replay reads the transaction of every version of a history that this registry gave, and checks the consistency proofs once more,
// in Go. The error wraps ErrHistory if events, transactions and head do not fit, and is a *ReplayError if a proof is wrong:
// then the chain accepted what it should not have, or the node lies.
func (r *Registry) Replay(ctx context.Context, h *History) ([]Step, error) {
	var steps []Step
	previous := merkle.Version{Root: merkle.EmptyRoot}
	for _, v := range h.Versions() {
		s := Step{PublishedVersion: v, Previous: previous}
		if err := r.replay(ctx, h.Head.ID, &s); err != nil {
			return steps, fmt.Errorf("chain %s: version %d of dictionary %s: %w", r.client.name, v.Number, h.Head.ID, err)
		}
		steps = append(steps, s)
		previous = v.Version
	}
	return steps, nil
}

// ReplayIn reads the history of a dictionary as it was in a block, and replays it. The error wraps ErrReorged if that block is no longer part of the chain: then so may be what was
// published, and nothing contradicts anything.
func (r *Registry) ReplayIn(ctx context.Context, id ID, b Block) (*History, []Step, error) {
	h, err := r.historyIn(ctx, id, b)
	if err != nil {
		return nil, nil, err
	}
	steps, err := r.Replay(ctx, h)
	if err != nil {
		if gone := r.client.Still(ctx, b); errors.Is(gone, ErrReorged) {
			err = gone
		}
	}
	return h, steps, err
}

// ReplayError holds two versions that are both in a dictionary's history, and the proof that does not show that one
// extends the other.
type ReplayError struct {
	Old, New merkle.Version
	Proof    []merkle.Hash
	Err      error
}

func (e *ReplayError) Error() string {
	return fmt.Sprintf("it was published with a proof that does not lead from %s to %s: %v", e.Old, e.New, e.Err)
}

// Unwrap returns what is wrong with the proof.
func (e *ReplayError) Unwrap() error { return e.Err }

func (r *Registry) replay(ctx context.Context, id ID, s *Step) error {
	tx, err := r.client.transactionIn(ctx, s.Block, s.Tx)
	if err != nil {
		return err
	}
	if tx.To() == nil || *tx.To() != r.address {
		s.Indirect = true
		return r.thereBefore(ctx, s.Block)
	}
	e, proof, err := decodePublication(tx.Data())
	if err != nil {
		return fmt.Errorf("%w: transaction %s: %w", ErrHistory, s.Tx, err)
	}
	digest, err := manifestDigest(s.Manifest)
	if err != nil {
		return err
	}
	want := contracts.DictionaryRegistryExtension{Id: id, OldSize: s.Previous.Size, NewSize: s.Size, Root: s.Root, Manifest: digest}
	if e != want {
		return fmt.Errorf("%w: transaction %s publishes something else", ErrHistory, s.Tx)
	}
	s.Proof = proof
	if err := merkle.CheckConsistency(s.Previous, s.Version, proof); err != nil {
		return &ReplayError{s.Previous, s.Version, proof, err}
	}
	return nil
}

// thereBefore returns an error that wraps ErrHistory if the registry was made in a block: by creation code of anybody's, which can leave the
// registry's code behind, and versions that this code never saw. A node that has no state of so long ago cannot say.
func (r *Registry) thereBefore(ctx context.Context, block uint64) error {
	codeIn := func(number uint64) (code string) {
		r.client.call(ctx, &code, "eth_getCode", r.address, hexutil.EncodeUint64(number)) // "" if it cannot say
		return code
	}
	if codeIn(block-1) == "0x" && len(codeIn(block)) > len("0x") {
		return fmt.Errorf("%w: it came with the creation of the registry in block %d, which need not have checked it", ErrHistory, block)
	}
	return ctx.Err()
}

// transactionIn returns a transaction that is said to be in a block. Nodes forget after some time in which block a transaction is, and keep the block.
func (c *Client) transactionIn(ctx context.Context, number uint64, hash common.Hash) (*types.Transaction, error) {
	var tx *types.Transaction
	if err := c.call(ctx, &tx, "eth_getTransactionByHash", hash); err != nil {
		return nil, err
	}
	if tx != nil && tx.Hash() == hash {
		return tx, nil
	}
	var b *struct{ Transactions []json.RawMessage } // some may be of types that we do not know
	if err := c.call(ctx, &b, "eth_getBlockByNumber", hexutil.EncodeUint64(number), true); err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("%w at %s: it has neither transaction %s nor block %d", ErrUnreachable, c.name, hash, number)
	}
	for _, raw := range b.Transactions {
		if tx := new(types.Transaction); tx.UnmarshalJSON(raw) == nil && tx.Hash() == hash {
			return tx, nil
		}
	}
	return nil, fmt.Errorf("%w: its transaction %s is not in block %d", ErrHistory, hash, number)
}

// decodePublication reads the call of publish or publishSigned.
func decodePublication(data []byte) (e contracts.DictionaryRegistryExtension, proof []merkle.Hash, err error) {
	surface := binding().GetABI()
	if len(data) < 4 {
		return e, nil, errors.New("calls nothing")
	}
	for _, name := range []string{"publish", "publishSigned"} {
		m := surface.Methods[name]
		if !bytes.Equal(m.ID, data[:4]) {
			continue
		}
		args, err := m.Inputs.Unpack(data[4:])
		if err != nil {
			return e, nil, err
		}
		var call struct {
			E     contracts.DictionaryRegistryExtension
			Proof [][32]byte
		}
		if err := m.Inputs[:2].Copy(&call, args[:2]); err != nil {
			return e, nil, err
		}
		for _, h := range call.Proof {
			proof = append(proof, h)
		}
		return call.E, proof, nil
	}
	return e, nil, fmt.Errorf("calls function %x, not publish", data[:4])
}

// Compare asks every node of the quorum for the head in a block, such as Block returns, and returns what each
// said, for an auditor: two heads of one dictionary in one block that differ are evidence against a node. A head without an owner says that
// there is no such dictionary.
func (q *Quorum) Compare(ctx context.Context, id ID, b Block) []Answer[Head] {
	return q.headsIn(ctx, id, b)
}
