package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ipfs/go-cid"

	"dictnet/contracts"
	"dictnet/merkle"
)

// ErrNoContract is wrapped by Open when there is no contract at the address, ErrOtherContract when there is another one.
var (
	ErrNoContract    = errors.New("no contract at the address")
	ErrOtherContract = errors.New("another contract is at the address")
)

// Registry is a registry contract on a chain. It is safe for concurrent use.
type Registry struct {
	client  *Client
	address common.Address
}

// Open returns the registry at an address, after looking whether the code there is the registry's, byte for byte.
func Open(ctx context.Context, c *Client, address common.Address) (*Registry, error) {
	var code hexutil.Bytes
	if err := c.call(ctx, &code, "eth_getCode", address, "latest"); err != nil {
		return nil, err
	}
	if len(code) == 0 {
		return nil, fmt.Errorf("registry %s on chain %d (%s): %w", address, c.ChainID(), c.name, ErrNoContract)
	}
	if !bytes.Equal(code, contracts.RuntimeCode()) {
		return nil, fmt.Errorf("registry %s on chain %d (%s): %w: code hash %s, the registry's is %s", address, c.ChainID(), c.name,
			ErrOtherContract, crypto.Keccak256Hash(code), crypto.Keccak256Hash(contracts.RuntimeCode()))
	}
	return &Registry{c, address}, nil
}

// Address returns where the contract is.
func (r *Registry) Address() common.Address { return r.address }

// Client returns the client that the registry was opened with.
func (r *Registry) Client() *Client { return r.client }

// Reference returns the name in the world of a dictionary in this registry.
func (r *Registry) Reference(id ID) Reference {
	return Reference{r.client.ChainID(), r.address, id}
}

// IDOf returns the id of the dictionary that an owner registered with a salt, or would.
func (r *Registry) IDOf(owner common.Address, salt [32]byte) ID {
	var chainID [32]byte
	r.client.chainID.FillBytes(chainID[:])
	return ID(crypto.Keccak256(chainID[:], word(r.address[:]), word(owner[:]), salt[:]))
}

// word pads to 32 bytes on the left, as the ABI does with numbers and addresses.
func word(b []byte) []byte { return common.LeftPadBytes(b, 32) }

// view calls a view function on the newest state and decodes what it returns.
func view[T any](ctx context.Context, r *Registry, data []byte, unpack func([]byte) (T, error)) (T, error) {
	return viewIn(ctx, r, "latest", data, unpack)
}

func viewIn[T any](ctx context.Context, r *Registry, block string, data []byte, unpack func([]byte) (T, error)) (T, error) {
	var none T
	out, err := r.client.callContract(ctx, common.Address{}, r.address, data, block)
	if err != nil {
		return none, refusal(err)
	}
	if len(out) == 0 { // what is called where there is no code says nothing; Open saw it in a later block
		n, err := hexutil.DecodeUint64(block)
		if err == nil {
			block = fmt.Sprint(n)
		}
		return none, fmt.Errorf("registry %s on chain %d (%s): %w in block %s", r.address, r.client.ChainID(), r.client.name, ErrNoContract, block)
	}
	v, err := unpack(out)
	if err != nil {
		return none, fmt.Errorf("chain %s: answer of registry %s: %w", r.client.name, r.address, err)
	}
	return v, nil
}

// Head returns what the registry says of a dictionary now. The error wraps ErrNotRegistered if that is nothing.
func (r *Registry) Head(ctx context.Context, id ID) (Head, error) {
	return r.headOf(ctx, id, "latest")
}

func (r *Registry) headOf(ctx context.Context, id ID, block string) (Head, error) {
	h, err := viewIn(ctx, r, block, binding().PackHead(id), binding().UnpackHead)
	if err != nil {
		return Head{}, fmt.Errorf("head of dictionary %s: %w", id, err)
	}
	head := Head{
		ID: id, Owner: h.Owner, PendingOwner: h.PendingOwner, Term: h.Term,
		Number: h.Versions, Version: merkle.Version{Size: h.Size, Root: h.Root},
		History: h.History, Block: h.BlockNumber, Frozen: h.Frozen, Name: h.Name,
	}
	if err := head.complete(h.Manifest, h.Time); err != nil {
		return Head{}, fmt.Errorf("chain %s: head of dictionary %s: %w", r.client.name, id, err)
	}
	return head, nil
}

// complete fills in what has another form in the contract, and refuses a record that the contract cannot have made.
func (h *Head) complete(manifest [32]byte, seconds uint64) error {
	if (h.Number == 0) != (h.Size == 0) || (h.Number == 0) != (h.History == [32]byte{}) || h.Number > h.Size || h.Owner == (common.Address{}) {
		return fmt.Errorf("impossible: %d notes in %d versions, owner %s", h.Size, h.Number, h.Owner)
	}
	if h.Number == 0 {
		h.Root = merkle.EmptyRoot
		return nil
	}
	h.Manifest = manifestCID(manifest)
	h.Time = time.Unix(int64(seconds), 0).UTC()
	return nil
}

// Register makes a new dictionary that belongs to the signer. The error wraps ErrAlreadyRegistered if the signer
// used the salt before.
func (r *Registry) Register(ctx context.Context, s Signer, salt [32]byte) (ID, Receipt, error) {
	id := r.IDOf(s.Address(), salt)
	receipt, err := r.transact(ctx, s, binding().PackRegister(salt))
	if err != nil {
		return ID{}, receipt, fmt.Errorf("register dictionary: %w", err)
	}
	return id, receipt, nil
}

// Publish appends a version to a dictionary: from old, which must be the newest one, to new. The proof is merkle's
// from old to new, empty if old is empty. Proofs are checked here first, so that a wrong one costs nothing.
//
// A version that is already the head, with this manifest, is not published again: the receipt is that of then.
// The error wraps ErrStaleVersion, and is a *StaleVersionError, if another version was published meanwhile.
func (r *Registry) Publish(ctx context.Context, s Signer, id ID, old, new merkle.Version, manifest cid.Cid, proof []merkle.Hash) (Receipt, error) {
	e, words, err := extension(id, old, new, manifest, proof)
	if err != nil {
		return Receipt{}, fmt.Errorf("publish dictionary %s: %w", id, err)
	}
	receipt, err := r.transact(ctx, s, binding().PackPublish(e, words))
	var stale *StaleVersionError
	if errors.As(err, &stale) && stale.Head == new {
		if before, ok := r.publishedBefore(ctx, id, new, manifest); ok {
			return before, nil
		}
	}
	if err != nil {
		return receipt, fmt.Errorf("publish dictionary %s: %w", id, err)
	}
	return receipt, nil
}

// publishedBefore returns the receipt by which the head was published, if it is this version.
func (r *Registry) publishedBefore(ctx context.Context, id ID, v merkle.Version, manifest cid.Cid) (Receipt, bool) {
	h, err := r.History(ctx, id)
	if err != nil || h.Head.Version != v || !h.Head.Manifest.Equals(manifest) {
		return Receipt{}, false
	}
	versions := h.Versions()
	receipt, err := r.client.receipt(ctx, versions[len(versions)-1].Tx)
	if err != nil || receipt == nil {
		return Receipt{}, false
	}
	return newReceipt(receipt), true
}

func extension(id ID, old, new merkle.Version, manifest cid.Cid, proof []merkle.Hash) (contracts.DictionaryRegistryExtension, [][32]byte, error) {
	var none contracts.DictionaryRegistryExtension
	digest, err := manifestDigest(manifest)
	if err != nil {
		return none, nil, err
	}
	if new.Size <= old.Size {
		return none, nil, &RefusedError{ErrNotLarger, fmt.Sprintf("from %d notes to %d", old.Size, new.Size)}
	}
	if err := merkle.CheckConsistency(old, new, proof); err != nil {
		return none, nil, fmt.Errorf("%w: %w", &RefusedError{ErrNotAnExtension, fmt.Sprintf("from %d notes to %d", old.Size, new.Size)}, err)
	}
	words := make([][32]byte, len(proof))
	for i, h := range proof {
		words[i] = h
	}
	return contracts.DictionaryRegistryExtension{Id: id, OldSize: old.Size, NewSize: new.Size, Root: new.Root, Manifest: digest}, words, nil
}

// TransferOwnership offers the dictionary to another owner, who has to accept; the zero address takes the offer back.
func (r *Registry) TransferOwnership(ctx context.Context, s Signer, id ID, to common.Address) (Receipt, error) {
	return r.change(ctx, s, "transfer", id, binding().PackTransferOwnership(id, to))
}

// AcceptOwnership takes over a dictionary that was offered to the signer.
func (r *Registry) AcceptOwnership(ctx context.Context, s Signer, id ID) (Receipt, error) {
	return r.change(ctx, s, "accept", id, binding().PackAcceptOwnership(id))
}

// SetPublisher allows an account to publish in the owner's stead, or takes that back.
func (r *Registry) SetPublisher(ctx context.Context, s Signer, id ID, account common.Address, allowed bool) (Receipt, error) {
	return r.change(ctx, s, "set publisher of", id, binding().PackSetPublisher(id, account, allowed))
}

// What the contract keeps of texts, in bytes.
const (
	MaxName   = 31
	MaxReason = 512
)

// SetName gives the dictionary a name of at most MaxName bytes.
func (r *Registry) SetName(ctx context.Context, s Signer, id ID, name string) (Receipt, error) {
	return r.change(ctx, s, "name", id, binding().PackSetName(id, name))
}

// Freeze ends the dictionary: no version can follow.
func (r *Registry) Freeze(ctx context.Context, s Signer, id ID) (Receipt, error) {
	return r.change(ctx, s, "freeze", id, binding().PackFreeze(id))
}

// Deprecate states for all time that a version (from 1) should no longer be used; the reason has at most MaxReason bytes.
func (r *Registry) Deprecate(ctx context.Context, s Signer, id ID, number uint64, reason string) (Receipt, error) {
	return r.change(ctx, s, "deprecate version of", id, binding().PackDeprecate(id, number, reason))
}

// MayPublish tells whether an account may publish now.
func (r *Registry) MayPublish(ctx context.Context, id ID, account common.Address) (bool, error) {
	return view(ctx, r, binding().PackMayPublish(id, account), binding().UnpackMayPublish)
}

// Publishers returns the accounts besides the owner that may publish now, in the order in which they were first named; of a frozen dictionary there are none.
// The registry has no list of them: they are looked for in the node's events, of which nothing proves that they are all, and each is asked about.
func (r *Registry) Publishers(ctx context.Context, id ID) ([]common.Address, error) {
	fail := func(err error) ([]common.Address, error) {
		return nil, fmt.Errorf("publishers of dictionary %s: %w", id, err)
	}
	head, b, err := r.HeadAt(ctx, id, Latest)
	if err != nil {
		return fail(err)
	}
	logs, err := r.logs(ctx, id, 0, b.Number, publisherSetTopic())
	if err != nil {
		return fail(err)
	}
	var publishers []common.Address
	asked := map[common.Address]bool{head.Owner: true}
	for i := range logs {
		e, err := binding().UnpackPublisherSetEvent(&logs[i])
		if err != nil {
			return fail(fmt.Errorf("event %d in block %d: %w", logs[i].Index, logs[i].BlockNumber, err))
		}
		if asked[e.Account] {
			continue
		}
		asked[e.Account] = true
		if may, err := r.MayPublish(ctx, id, e.Account); err != nil {
			return fail(err)
		} else if may {
			publishers = append(publishers, e.Account)
		}
	}
	return publishers, nil
}

func (r *Registry) change(ctx context.Context, s Signer, what string, id ID, data []byte) (Receipt, error) {
	receipt, err := r.transact(ctx, s, data)
	if err != nil {
		return receipt, fmt.Errorf("%s dictionary %s: %w", what, id, err)
	}
	return receipt, nil
}

func (r *Registry) transact(ctx context.Context, s Signer, data []byte) (Receipt, error) {
	receipt, err := r.client.transact(ctx, s, &r.address, data)
	if receipt == nil {
		return Receipt{}, err
	}
	return newReceipt(receipt), err
}
