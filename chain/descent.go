package chain

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rlp"
)

// Descent shows, to anyone who knows the hash of a block, the hash of one of the 8,191 blocks before it: since EIP-2935 a
// contract of every chain that has it keeps them in its storage. So a proof about an older block can be checked with a
// recent hash. Ganache does not have it.
type Descent struct {
	Header  hexutil.Bytes   `json:"header"`  // RLP, of the later block
	Account []hexutil.Bytes `json:"account"` // nodes of its state trie that lead to the contract
	Storage []hexutil.Bytes `json:"storage"` // nodes of the contract's storage trie that lead to the hash
}

var ancestorsContract = common.HexToAddress("0x0000F90827F1C53a10cb7A02335B175320002935")

const ancestorsKept = 8191 // blocks; HISTORY_SERVE_WINDOW

func ancestorSlot(number uint64) (slot common.Hash) {
	binary.BigEndian.PutUint64(slot[24:], number%ancestorsKept)
	return slot
}

// ProveDescent asks the node to show that b is an ancestor of a later block, at most 8,191 blocks away.
func (c *Client) ProveDescent(ctx context.Context, b, later Block) (*Descent, error) {
	header, _, err := c.header(ctx, hexutil.EncodeUint64(later.Number))
	if err != nil {
		return nil, err
	}
	var answer struct {
		AccountProof []hexutil.Bytes
		StorageProof []struct{ Proof []hexutil.Bytes }
	}
	err = c.call(ctx, &answer, "eth_getProof", ancestorsContract, []common.Hash{ancestorSlot(b.Number)}, hexutil.EncodeUint64(later.Number))
	if err != nil {
		return nil, err
	}
	d := &Descent{Account: answer.AccountProof}
	if d.Header, err = rlp.EncodeToBytes(header); err != nil {
		return nil, fmt.Errorf("chain %s: header of block %d: %w", c.name, later.Number, err)
	}
	if len(answer.StorageProof) == 1 {
		d.Storage = answer.StorageProof[0].Proof
	}
	hash, err := d.verify(later.Hash, b.Number)
	if err != nil {
		return nil, fmt.Errorf("chain %s: %w", c.name, err)
	}
	if hash != b.Hash {
		return nil, fmt.Errorf("chain %s: %w: block %d is %s, not %s", c.name, ErrReorged, b.Number, hash, b.Hash)
	}
	return d, nil
}

// verify returns the hash of the block with this number, given the hash of the later block.
func (d *Descent) verify(later common.Hash, number uint64) (common.Hash, error) {
	bad := func(format string, args ...any) (common.Hash, error) {
		return common.Hash{}, fmt.Errorf("%w: descent from block %s: %w", ErrProof, later, fmt.Errorf(format, args...))
	}
	if got := crypto.Keccak256Hash(d.Header); got != later {
		return bad("it is about block %s", got)
	}
	header, err := decodeHeader(d.Header)
	if err != nil {
		return bad("%w", err)
	}
	// Outside of the window the slot holds the hash of another block.
	if n := header.Number.Uint64(); number >= n || n-number > ancestorsKept {
		return bad("block %d is not one of the %d before block %d", number, ancestorsKept, n)
	}
	account, err := accountOf(header, ancestorsContract, d.Account)
	if err != nil {
		return bad("%w", err)
	}
	hash, err := slotIn(account, ancestorSlot(number), d.Storage)
	if err != nil {
		return bad("%w", err)
	}
	if hash == (common.Hash{}) {
		return bad("it does not have block %d", number)
	}
	return hash, nil
}
