// Package chain is the registry as a Go program sees it: where dictionaries, their versions and their owners are
// remembered by an Ethereum chain.
//
//	client, err := chain.Dial(ctx, "http://127.0.0.1:8545")
//	registry, err := chain.Open(ctx, client, address)
//	head, err := registry.Head(ctx, id)
//
// A Client believes its node: it checks that answers fit together (chain id, the registry's code, events against the
// history hash), but a node that lies consistently is believed. Whoever wants less trust compares nodes (Quorum) or
// has the head proved against a block hash that is known from elsewhere (Prove).
//
// Package dictnet/chain/devchain runs a chain in the process; this package does not depend on it.
package chain

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/merkle"
)

// ID names a dictionary in one registry on one chain. It follows from the chain id, the registry's address, the
// sender who registered it and a salt (see IDOf).
type ID [32]byte

// String returns 0x and 64 hex digits.
func (id ID) String() string { return "0x" + hex.EncodeToString(id[:]) }

// ParseID reads 64 hex digits, with or without 0x.
func ParseID(s string) (ID, error) {
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil || len(b) != len(ID{}) {
		return ID{}, fmt.Errorf("dictionary id %q: want 64 hex digits", s)
	}
	return ID(b), nil
}

// Head is what the registry says of a dictionary: its newest version, and who may do what.
type Head struct {
	ID             ID
	Owner          common.Address
	PendingOwner   common.Address // zero: the dictionary is not on offer
	Term           uint64         // how often the dictionary changed hands
	Number         uint64         // versions published so far, and the number of the newest; 0: none yet
	merkle.Version                // the newest; size 0 and the empty root if there is none
	Manifest       cid.Cid        // of the newest; Undef if there is none
	History        [32]byte       // hash over all entries of the history; 0 if there is none
	Block          uint64         // number of the block of the last entry; 0 if there is none
	Time           time.Time      // of that block; zero if there is none
	Frozen         bool           // no version will follow
	Name           string         // for people, at most 31 bytes; proves nothing
}

// Reference names a dictionary in the world: chain id (EIP-155), registry and id.
type Reference struct {
	ChainID  uint64
	Registry common.Address
	ID       ID
}

// String returns the reference as eip155:<chain id>:<registry>/<dictionary id>, after CAIP-10.
func (r Reference) String() string {
	return fmt.Sprintf("eip155:%d:%s/%s", r.ChainID, r.Registry.Hex(), r.ID)
}

// ParseReference reads what String writes. An address in mixed case must have the right checksum (EIP-55).
func ParseReference(s string) (Reference, error) {
	bad := func(what string) (Reference, error) {
		return Reference{}, fmt.Errorf("dictionary reference %q: %s; want eip155:<chain id>:<registry address>/<dictionary id>", s, what)
	}
	rest, ok := strings.CutPrefix(s, "eip155:")
	if !ok {
		return bad("does not begin with eip155:")
	}
	number, rest, _ := strings.Cut(rest, ":")
	address, id, ok := strings.Cut(rest, "/")
	if !ok {
		return bad("no dictionary id")
	}
	n, ok := new(big.Int).SetString(number, 10)
	if !ok || !n.IsUint64() || n.String() != number {
		return bad("bad chain id")
	}
	a, err := ParseAddress(address)
	if err != nil {
		return bad("bad registry address")
	}
	parsed, err := ParseID(id)
	if err != nil {
		return bad("bad dictionary id")
	}
	return Reference{ChainID: n.Uint64(), Registry: a, ID: parsed}, nil
}

// ParseAddress reads 0x and 40 hex digits; if they are of mixed case, the checksum (EIP-55) must be right.
func ParseAddress(s string) (common.Address, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok || !common.IsHexAddress(s) {
		return common.Address{}, fmt.Errorf("address %q: want 0x and 40 hex digits", s)
	}
	a := common.HexToAddress(s)
	if digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && a.Hex() != s {
		return common.Address{}, fmt.Errorf("address %q: wrong checksum, a digit may be mistyped", s)
	}
	return a, nil
}

// manifestCID is the CID that a digest in the registry stands for: CIDv1, dag-cbor, sha2-256.
func manifestCID(digest [32]byte) cid.Cid {
	hash, err := multihash.Encode(digest[:], multihash.SHA2_256)
	if err != nil {
		panic("chain: " + err.Error())
	}
	return cid.NewCidV1(cid.DagCBOR, hash)
}

// manifestDigest is the reverse of manifestCID. The registry has no room for any other kind of CID.
func manifestDigest(c cid.Cid) ([32]byte, error) {
	p := cid.Prefix{Version: 1, Codec: cid.DagCBOR, MhType: multihash.SHA2_256, MhLength: 32}
	if !c.Defined() || c.Prefix() != p {
		return [32]byte{}, fmt.Errorf("manifest %s: want a CIDv1 of codec dag-cbor and hash sha2-256", c)
	}
	hash := c.Hash()
	return [32]byte(hash[len(hash)-32:]), nil
}

// MarshalText writes the id as String does.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}
