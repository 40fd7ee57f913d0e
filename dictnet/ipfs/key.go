package ipfs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/libp2p/go-libp2p/core/crypto"

	"dictnet/dictnet/store"
	"dictnet/internal/durable"
)

// LoadKey returns the identity of the node whose home a store is, and makes one up at the first call. The file is
// readable by its owner only.
func LoadKey(s *store.Store) (crypto.PrivKey, error) {
	path := s.KeyFile()
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = newKey(path); err == nil {
			data, err = os.ReadFile(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: identity of the node: %w", store.ErrStorage, err)
	}
	key, err := crypto.UnmarshalPrivateKey(data)
	if err != nil {
		return nil, fmt.Errorf("%w: identity of the node in %s: %w", store.ErrStorage, path, err)
	}
	return key, nil
}

// newKey puts a new key at path, whole. If another process was faster, its key stays.
func newKey(path string) error {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return err
	}
	data, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return err
	}
	if err := durable.Create(path, data, 0o600); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
