package chain

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/rpc"
)

// ExternalSigner has transactions signed by another program, which keeps the key and asks its owner: one that speaks
// Clef's protocol (account_list, account_signTransaction).
type ExternalSigner struct {
	rpc     *rpc.Client
	name    string
	address common.Address
}

// ErrNoAccount is wrapped when an external signer does not have the account.
var ErrNoAccount = errors.New("signer does not have the account")

// ErrDenied is wrapped when an external signer, or who sits at it, does not want to sign.
var ErrDenied = errors.New("signer refuses")

// DialSigner connects to an external signer, by an http, https, ws or wss URL or the path of a socket, and sees whether it
// has the account. Asking a signer for its accounts may make it ask a person, so this may take as long as ctx allows.
func DialSigner(ctx context.Context, endpoint string, account common.Address) (*ExternalSigner, error) {
	s := &ExternalSigner{name: endpoint, address: account}
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		s.name = publicName(u)
	}
	connect, cancel := context.WithTimeoutCause(ctx, connectTimeout, errTimeout)
	defer cancel()
	var err error
	if s.rpc, err = rpc.DialContext(connect, endpoint); err != nil {
		return nil, fmt.Errorf("signer %s: %w: %w", s.name, ErrUnreachable, err)
	}
	var accounts []common.Address
	if err := s.call(ctx, &accounts, "account_list"); err != nil {
		s.rpc.Close()
		return nil, err
	}
	for _, a := range accounts {
		if a == account {
			return s, nil
		}
	}
	s.rpc.Close()
	return nil, fmt.Errorf("signer %s: %w %s: it has %v", s.name, ErrNoAccount, account, accounts)
}

// Close ends the connection.
func (s *ExternalSigner) Close() { s.rpc.Close() }

// Address returns the account that the signer signs for.
func (s *ExternalSigner) Address() common.Address { return s.address }

// SignTx has a transaction signed. It waits for the signer's owner as long as ctx allows.
func (s *ExternalSigner) SignTx(ctx context.Context, tx *types.Transaction, chainID *big.Int) (*types.Transaction, error) {
	args := map[string]any{
		"from": s.address, "to": tx.To(), "gas": hexutil.Uint64(tx.Gas()), "nonce": hexutil.Uint64(tx.Nonce()),
		"maxFeePerGas": (*hexutil.Big)(tx.GasFeeCap()), "maxPriorityFeePerGas": (*hexutil.Big)(tx.GasTipCap()),
		"value": (*hexutil.Big)(tx.Value()), "input": hexutil.Bytes(tx.Data()), "chainId": (*hexutil.Big)(chainID),
	}
	var signed struct{ Raw hexutil.Bytes }
	if err := s.call(ctx, &signed, "account_signTransaction", args); err != nil {
		return nil, err
	}
	result := new(types.Transaction)
	if err := result.UnmarshalBinary(signed.Raw); err != nil {
		return nil, fmt.Errorf("signer %s: returned no transaction: %w", s.name, err)
	}
	return result, nil
}

func (s *ExternalSigner) call(ctx context.Context, result any, method string, args ...any) error {
	began := time.Now()
	err := s.rpc.CallContext(ctx, result, method, args...)
	switch e := rpc.Error(nil); {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return fmt.Errorf("signer %s: %w: %w", s.name, ErrDenied, err)
	case ctx.Err() != nil:
		return fmt.Errorf("signer %s: no answer within %v: %w", s.name, time.Since(began).Round(time.Second), ctx.Err())
	}
	return fmt.Errorf("signer %s: %w: %w", s.name, ErrUnreachable, err)
}
