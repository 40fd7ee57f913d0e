package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"

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
	// no proof here. That the registry checked one we still know.
	Indirect bool
}

// Replay reads a dictionary's history, and the transaction of every version, and checks the consistency proofs once more,
// in Go. The error wraps ErrHistory if events, transactions and head do not fit, and is a *ReplayError if a proof is wrong:
// then the chain accepted what it should not have, or the node lies.
func (r *Registry) Replay(ctx context.Context, id ID) (*History, []Step, error) {
	h, err := r.History(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	var steps []Step
	previous := merkle.Version{Root: merkle.EmptyRoot}
	for _, v := range h.Versions() {
		s := Step{PublishedVersion: v, Previous: previous}
		if err := r.replay(ctx, id, &s); err != nil {
			return h, steps, fmt.Errorf("chain %s: version %d of dictionary %s: %w", r.client.name, v.Number, id, err)
		}
		steps = append(steps, s)
		previous = v.Version
	}
	return h, steps, nil
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
	var tx *types.Transaction
	if err := r.client.call(ctx, &tx, "eth_getTransactionByHash", s.Tx); err != nil {
		return err
	}
	if tx == nil || tx.Hash() != s.Tx {
		return fmt.Errorf("%w: its transaction %s is not there", ErrHistory, s.Tx)
	}
	if tx.To() == nil || *tx.To() != r.address {
		s.Indirect = true
		return nil
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

// Compare asks every node of the quorum for the head in the block at a depth that enough of them have, and returns what each
// said, for an auditor: two heads of one dictionary in one block that differ are evidence against a node. A head without an owner says that
// there is no such dictionary.
func (q *Quorum) Compare(ctx context.Context, id ID, d Depth) (Block, []Answer[Head], error) {
	b, err := q.Block(ctx, d)
	if err != nil {
		return Block{}, nil, err
	}
	return b, q.headsIn(ctx, id, b), nil
}
