package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
	"github.com/ethereum/go-ethereum/trie"
	"github.com/ethereum/go-ethereum/trie/trienode"

	"dictnet/contracts"
	"dictnet/merkle"
)

// Proof shows what the registry held for a dictionary in one block, to anyone who knows that block's hash, without a
// network: the block's header, the registry's account below its state root, and the dictionary's slots below the account's
// storage root (eth_getProof, EIP-1186). Optionally the whole history comes along, which the proved history hash covers.
//
// It is written as JSON, and stays good for ever.
type Proof struct {
	Format   string          `json:"format"` // ProofFormat
	ChainID  uint64          `json:"chainId"`
	Registry common.Address  `json:"registry"`
	ID       ID              `json:"dictionary"`
	Header   hexutil.Bytes   `json:"header"`            // RLP; its keccak is the block's hash
	Account  []hexutil.Bytes `json:"account"`           // nodes of the state trie, root first
	Storage  []hexutil.Bytes `json:"storage"`           // nodes of the storage trie that lead to the slots
	History  []Entry         `json:"history,omitempty"` // all entries, oldest first, or none
	Via      *Descent        `json:"via,omitempty"`     // shows that Header's block is an ancestor of one that is trusted
}

// ProofFormat is the Format of the proofs that this package writes and reads.
const ProofFormat = "dictnet/registry-proof/1"

// ErrProof is wrapped when a proof does not show what it claims.
var ErrProof = errors.New("proof refused")

// The slots of a dictionary, from its first one; docs/registry.md, "Storage".
const (
	slotRoot = iota
	slotManifest
	slotHistory
	slotNumbers
	slotOwner
	slotPendingOwner
	slotName
	slotCount
)

// slotOf returns the place of a dictionary's slot in the contract's storage.
func slotOf(id ID, n int) common.Hash {
	base := keccak(id[:], number(0))
	return common.BigToHash(new(big.Int).Add(new(big.Int).SetBytes(base[:]), big.NewInt(int64(n))))
}

// Prove asks the node for a proof of a dictionary's head in a block, and checks it. The block must be recent, unless the
// node keeps old states.
func (r *Registry) Prove(ctx context.Context, id ID, b Block) (*Proof, error) {
	c := r.client
	tag := hexutil.EncodeUint64(b.Number)
	header, _, err := c.header(ctx, tag)
	if err != nil {
		return nil, err
	}
	if header.Hash() != b.Hash {
		return nil, fmt.Errorf("chain %s: %w: header of block %d has hash %s, not %s", c.name, ErrProof, b.Number, header.Hash(), b.Hash)
	}
	keys := make([]common.Hash, slotCount) // all 32 bytes, which Anvil insists on
	for i := range keys {
		keys[i] = slotOf(id, i)
	}
	var answer struct {
		AccountProof []hexutil.Bytes
		StorageProof []struct{ Proof []hexutil.Bytes }
	}
	if err := c.call(ctx, &answer, "eth_getProof", r.address, keys, tag); err != nil {
		return nil, err
	}
	p := &Proof{Format: ProofFormat, ChainID: c.ChainID(), Registry: r.address, ID: id, Account: answer.AccountProof}
	if p.Header, err = rlp.EncodeToBytes(header); err != nil {
		return nil, fmt.Errorf("chain %s: header of block %d: %w", c.name, b.Number, err)
	}
	// The upper nodes are shared by all slots.
	seen := map[string]bool{}
	for _, slot := range answer.StorageProof {
		for _, node := range slot.Proof {
			if !seen[string(node)] {
				seen[string(node)] = true
				p.Storage = append(p.Storage, node)
			}
		}
	}
	if _, err := p.Verify(b.Hash); err != nil && !errors.Is(err, ErrNotRegistered) {
		return nil, fmt.Errorf("chain %s: %w", c.name, err)
	}
	return p, nil
}

// ProveHistory is Prove with all entries of the dictionary's history as of that block.
func (r *Registry) ProveHistory(ctx context.Context, id ID, b Block) (*Proof, error) {
	p, err := r.Prove(ctx, id, b)
	if err != nil {
		return nil, err
	}
	head, err := p.Verify(b.Hash)
	if err != nil {
		return nil, err
	}
	h, err := r.HistoryOf(ctx, head)
	if err != nil {
		return nil, err
	}
	p.History = h.Entries
	return p, nil
}

// ProveVersion is ProveHistory in the block at a depth, where a version of this number, or a later one, is known to be. Behind one URL there may be several nodes, some of
// them late: it is asked again until there is one that has the version, for a few seconds.
func (r *Registry) ProveVersion(ctx context.Context, id ID, d Depth, number uint64) (*Proof, Block, error) {
	for began := time.Now(); ; {
		b, err := r.client.Block(ctx, d)
		var p *Proof
		if err == nil {
			p, err = r.ProveHistory(ctx, id, b)
		}
		if err == nil {
			var head Head
			if head, err = p.Verify(b.Hash); err == nil && head.Number >= number {
				return p, b, nil
			}
			if err == nil {
				err = fmt.Errorf("%w at %s: in block %d dictionary %s has %d versions, not yet number %d", ErrUnreachable, r.client.name, b.Number, id, head.Number, number)
			}
		}
		late := errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNotRegistered) || errors.Is(err, ErrTooYoung)
		if !late || time.Since(began) > 2*lateness {
			return nil, b, err
		}
		select {
		case <-ctx.Done():
			return nil, b, ctx.Err()
		case <-time.After(lateness / 10):
		}
	}
}

// Block returns the block that the proof is about. Whether that block is part of the chain is not for the proof to say.
func (p *Proof) Block() (Block, error) {
	h, err := p.header()
	if err != nil {
		return Block{}, err
	}
	return Block{h.Number.Uint64(), crypto.Keccak256Hash(p.Header), time.Unix(int64(h.Time), 0).UTC()}, nil
}

func (p *Proof) header() (*types.Header, error) { return decodeHeader(p.Header) }

func decodeHeader(encoded []byte) (*types.Header, error) {
	h := new(types.Header)
	if err := rlp.DecodeBytes(encoded, h); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrProof, err)
	}
	if h.Number == nil || !h.Number.IsUint64() {
		return nil, fmt.Errorf("%w: header: bad block number", ErrProof)
	}
	return h, nil
}

// Verify returns the head that the proof shows, given the hash of its block, which the caller must know from a source
// that he trusts; of a proof with a Via, the hash of a later block. No network is used. The error wraps ErrProof if the proof is wrong, and ErrNotRegistered if it is right
// and shows that the dictionary was not registered.
func (p *Proof) Verify(block common.Hash) (Head, error) {
	bad := func(format string, args ...any) (Head, error) {
		return Head{}, fmt.Errorf("proof of dictionary %s: %w: %w", p.ID, ErrProof, fmt.Errorf(format, args...))
	}
	if p.Format != ProofFormat {
		return bad("format %q, want %q", p.Format, ProofFormat)
	}
	header, err := p.header()
	if err != nil {
		return bad("%w", err)
	}
	if p.Via != nil {
		if block, err = p.Via.verify(block, header.Number.Uint64()); err != nil {
			return bad("%w", err)
		}
	}
	if got := crypto.Keccak256Hash(p.Header); got != block {
		return bad("it is about block %s, not %s", got, block)
	}
	account, err := accountOf(header, p.Registry, p.Account)
	if err != nil {
		return bad("%w", err)
	}
	if want := crypto.Keccak256(contracts.RuntimeCode()); !bytes.Equal(account.CodeHash, want) {
		return bad("account %s has code %x, the registry's is %x", p.Registry, account.CodeHash, want)
	}
	var slots [slotCount]common.Hash
	for i := range slots {
		if slots[i], err = slotIn(account, slotOf(p.ID, i), p.Storage); err != nil {
			return bad("slot %d: %w", i, err)
		}
	}
	head, err := headOfSlots(p.ID, slots)
	if err != nil {
		return Head{}, fmt.Errorf("proof of dictionary %s: %w", p.ID, err)
	}
	if p.History != nil {
		if err := (&History{head, p.History}).Check(); err != nil {
			return bad("%w", err)
		}
	}
	return head, nil
}

// accountOf returns the account that a proof shows below a block's state root.
func accountOf(h *types.Header, address common.Address, proof []hexutil.Bytes) (types.StateAccount, error) {
	var account types.StateAccount
	encoded, err := lookUp(h.Root, address[:], proof)
	if err != nil {
		return account, fmt.Errorf("account %s: %w", address, err)
	}
	if encoded == nil {
		return account, fmt.Errorf("block %v has no account %s", h.Number, address)
	}
	if err := rlp.DecodeBytes(encoded, &account); err != nil {
		return account, fmt.Errorf("account %s: %w", address, err)
	}
	return account, nil
}

// slotIn returns the word that a proof shows in an account's storage, 0 if it shows that there is none.
func slotIn(account types.StateAccount, place common.Hash, proof []hexutil.Bytes) (common.Hash, error) {
	encoded, err := lookUp(account.Root, place[:], proof)
	if encoded == nil || err != nil {
		return common.Hash{}, err
	}
	var value []byte
	if err := rlp.DecodeBytes(encoded, &value); err != nil || len(value) > 32 {
		return common.Hash{}, errors.New("not a word")
	}
	return common.BytesToHash(value), nil
}

// lookUp follows a proof from a trie's root to a key, which the trie has hashed. No value and no error mean that the
// proof shows that there is none.
func lookUp(root common.Hash, key []byte, nodes []hexutil.Bytes) ([]byte, error) {
	if root == types.EmptyRootHash {
		return nil, nil // there is no node to show
	}
	set := trienode.NewProofSet()
	for _, node := range nodes {
		if err := set.Put(crypto.Keccak256(node), node); err != nil {
			return nil, err
		}
	}
	return trie.VerifyProof(root, crypto.Keccak256(key), set)
}

func headOfSlots(id ID, slots [slotCount]common.Hash) (Head, error) {
	numbers, owner := slots[slotNumbers], slots[slotOwner]
	h := Head{
		ID:           id,
		Owner:        common.BytesToAddress(owner[12:]),
		Term:         bigEndian(owner[4:12]),
		Frozen:       owner[3] != 0,
		PendingOwner: common.BytesToAddress(slots[slotPendingOwner][12:]),
		Version:      merkle.Version{Size: bigEndian(numbers[24:]), Root: merkle.Hash(slots[slotRoot])},
		Number:       bigEndian(numbers[16:24]),
		Block:        bigEndian(numbers[8:16]),
		History:      slots[slotHistory],
	}
	if h.Owner == (common.Address{}) {
		return Head{}, &RefusedError{Reason: ErrNotRegistered}
	}
	// A short string: its bytes on the left, twice its length in the last byte.
	name := slots[slotName]
	if n := int(name[31]) / 2; name[31]%2 == 0 && n <= 31 {
		h.Name = string(name[:n])
	}
	return h, h.complete(slots[slotManifest], bigEndian(numbers[:8]))
}

func bigEndian(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

// ProvedRegistry reads heads by proofs against block hashes that somebody else vouches for: a quorum, a light client, a
// person. The node that gives the proofs need not be trusted, only to answer.
type ProvedRegistry struct {
	Registry *Registry
	// Trusted returns a block in which to look, which is known to be part of the chain.
	Trusted func(ctx context.Context) (Block, error)
}

// Head returns what the registry is proved to hold for a dictionary in the trusted block.
func (r *ProvedRegistry) Head(ctx context.Context, id ID) (Head, error) {
	b, err := r.Trusted(ctx)
	if err != nil {
		return Head{}, err
	}
	p, err := r.Registry.Prove(ctx, id, b)
	if err != nil {
		return Head{}, err
	}
	return p.Verify(b.Hash)
}
