package chain

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
)

// Signer signs transactions for one account. A key in a device or a service fits behind it.
type Signer interface {
	Address() common.Address
	// SignTx returns the transaction with its signature for the chain, and must change nothing else about it. It may
	// ask a person, so it may take long; it ends with the context.
	SignTx(ctx context.Context, tx *types.Transaction, chainID *big.Int) (*types.Transaction, error)
}

// KeySigner signs with a private key that is held in memory. It can sign digests too (see SignPublication).
type KeySigner struct {
	key     *ecdsa.PrivateKey
	address common.Address
}

// NewKeySigner takes a private key of secp256k1.
func NewKeySigner(key *ecdsa.PrivateKey) *KeySigner {
	return &KeySigner{key, crypto.PubkeyToAddress(key.PublicKey)}
}

// DevKey takes a private key as 64 hex digits, with or without 0x. A key that is written down in the open, in a
// configuration, a shell history or a process's environment, is a key for development only; KeyFile is for others.
func DevKey(digits string) (*KeySigner, error) {
	key, err := crypto.HexToECDSA(strings.TrimPrefix(digits, "0x"))
	if err != nil {
		return nil, errors.New("private key: want 64 hex digits of a secp256k1 key") // never the key in an error
	}
	return NewKeySigner(key), nil
}

// ErrPassword is wrapped by KeyFile when the password does not open the file.
var ErrPassword = errors.New("wrong password")

// KeyFile opens an encrypted key file (Web3 Secret Storage, version 3, as geth and others write it).
func KeyFile(path, password string) (*KeySigner, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	key, err := keystore.DecryptKey(b, password)
	if errors.Is(err, keystore.ErrDecrypt) {
		return nil, fmt.Errorf("key file %s: %w", path, ErrPassword)
	}
	if err != nil {
		return nil, fmt.Errorf("key file %s: not a version 3 key file: %w", path, err)
	}
	return NewKeySigner(key.PrivateKey), nil
}

// Address returns the account that the key belongs to.
func (s *KeySigner) Address() common.Address { return s.address }

// SignTx signs with the key.
func (s *KeySigner) SignTx(_ context.Context, tx *types.Transaction, chainID *big.Int) (*types.Transaction, error) {
	return types.SignTx(tx, types.LatestSignerForChainID(chainID), s.key)
}

// SignDigest returns r, s and a recovery id of 0 or 1, 65 bytes.
func (s *KeySigner) SignDigest(_ context.Context, digest [32]byte) ([]byte, error) {
	return crypto.Sign(digest[:], s.key)
}
