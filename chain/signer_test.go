package chain

import (
	"context"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"
)

func TestKeyFile(t *testing.T) {
	key, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	want := NewKeySigner(key)
	b, err := keystore.EncryptKey(&keystore.Key{Id: uuid.New(), Address: want.Address(), PrivateKey: key}, "right", keystore.LightScryptN, keystore.LightScryptP)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "key.json")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := KeyFile(path, "right")
	if err != nil || s.Address() != want.Address() {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := KeyFile(path, "wrong"); !errors.Is(err, ErrPassword) || !strings.Contains(err.Error(), path) {
		t.Errorf("wrong password: %v", err)
	}
	if _, err := KeyFile(filepath.Join(dir, "none"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	junk := filepath.Join(dir, "junk")
	for _, content := range []string{"", "{}", "not json", string(b[:len(b)/2])} {
		if err := os.WriteFile(junk, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := KeyFile(junk, "right"); err == nil || errors.Is(err, ErrPassword) || !strings.Contains(err.Error(), junk) {
			t.Errorf("file %q: %v", content, err)
		}
	}
}

func TestDevKeyDoesNotShowTheKey(t *testing.T) {
	for _, bad := range []string{"", "12", "0x" + strings.Repeat("zz", 32), strings.Repeat("ff", 32), strings.Repeat("00", 32)} {
		if _, err := DevKey(bad); err == nil || (len(bad) > 2 && strings.Contains(err.Error(), bad[2:])) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// crooked signs something else than it was asked to.
type crooked struct {
	*KeySigner
	change func(tx *types.DynamicFeeTx)
	by     *KeySigner
}

func (c crooked) SignTx(ctx context.Context, tx *types.Transaction, chainID *big.Int) (*types.Transaction, error) {
	inner := &types.DynamicFeeTx{ChainID: chainID, Nonce: tx.Nonce(), To: tx.To(), Data: tx.Data(), Gas: tx.Gas(), GasTipCap: tx.GasTipCap(), GasFeeCap: tx.GasFeeCap()}
	c.change(inner)
	return c.by.SignTx(ctx, types.NewTx(inner), chainID)
}

func TestSignersAreChecked(t *testing.T) {
	me, other := devSigner(t, 0), devSigner(t, 1)
	id := big.NewInt(5)
	to := other.Address()
	tx := types.NewTx(&types.DynamicFeeTx{ChainID: id, Nonce: 1, To: &to, Data: []byte("data"), Gas: 9, GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(2)})
	same := func(*types.DynamicFeeTx) {}
	if _, err := sign(t.Context(), crooked{me, same, me}, tx, id); err != nil {
		t.Errorf("honest: %v", err)
	}
	for name, s := range map[string]Signer{
		"another key":   crooked{me, same, other},
		"another value": crooked{me, func(tx *types.DynamicFeeTx) { tx.Value = big.NewInt(1) }, me},
		"another data":  crooked{me, func(tx *types.DynamicFeeTx) { tx.Data = nil }, me},
		"another fee":   crooked{me, func(tx *types.DynamicFeeTx) { tx.GasFeeCap = big.NewInt(3) }, me},
	} {
		if _, err := sign(t.Context(), s, tx, id); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
