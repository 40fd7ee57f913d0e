package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"dictnet/contracts"
)

// Deploy puts a new registry on the chain. Anyone may; a registry has no owner, only its dictionaries have.
func Deploy(ctx context.Context, c *Client, s Signer) (*Registry, Receipt, error) {
	r, err := c.transact(ctx, s, nil, common.FromHex(contracts.DictionaryRegistryMetaData.Bin))
	if err != nil {
		return nil, Receipt{}, fmt.Errorf("deploy registry: %w", err)
	}
	registry, err := Open(ctx, c, r.ContractAddress)
	return registry, newReceipt(r), err
}

// create2Deployer is at the same address on most chains (github.com/Arachnid/deterministic-deployment-proxy).
var create2Deployer = common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")

// ErrNoDeployer is wrapped by DeployFixed on a chain that has no CREATE2 deployer.
var ErrNoDeployer = errors.New("the chain has no CREATE2 deployer")

// FixedAddress is where DeployFixed puts the registry, on every chain.
func FixedAddress() common.Address {
	code := common.FromHex(contracts.DictionaryRegistryMetaData.Bin)
	return crypto.CreateAddress2(create2Deployer, [32]byte{}, crypto.Keccak256(code))
}

// DeployFixed is Deploy to an address that is the same on every chain that has the usual CREATE2 deployer. If the
// registry is there already, that one is returned, with an empty receipt.
func DeployFixed(ctx context.Context, c *Client, s Signer) (*Registry, Receipt, error) {
	registry, err := Open(ctx, c, FixedAddress())
	if !errors.Is(err, ErrNoContract) {
		return registry, Receipt{}, err
	}
	var code hexutil.Bytes
	if err := c.call(ctx, &code, "eth_getCode", create2Deployer, "latest"); err != nil {
		return nil, Receipt{}, err
	}
	if len(code) == 0 {
		return nil, Receipt{}, fmt.Errorf("chain %s: %w at %s", c.name, ErrNoDeployer, create2Deployer)
	}
	salted := append(make([]byte, 32), common.FromHex(contracts.DictionaryRegistryMetaData.Bin)...)
	r, err := c.transact(ctx, s, &create2Deployer, salted)
	if err != nil {
		return nil, Receipt{}, fmt.Errorf("deploy registry: %w", err)
	}
	registry, err = Open(ctx, c, FixedAddress())
	return registry, newReceipt(r), err
}
