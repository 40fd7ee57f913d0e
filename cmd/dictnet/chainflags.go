package main

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/dictnet/store"
)

// chainFlags say which chain a verb talks to, and who signs.
type chainFlags struct {
	rpc      []string // the first one is asked, and gets transactions; all of them are a quorum
	registry string
	key      string
	password string // file
	signer   string // URL of an external signer
	account  string // that it signs for
	dev      bool
	maxCost  big.Int // wei
	trust    trustFlags
}

const defaultRPC = "http://127.0.0.1:8545"

// read adds the flags of verbs that read the chain.
func (f *chainFlags) read(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.rpc, "rpc", []string{defaultRPC}, "JSON-RPC of a node of the chain, http or ws; may be repeated, see --quorum")
	f.trust.add(c)
}

// first returns the node that is asked, and gets transactions.
func (f *chainFlags) first() (string, error) {
	if len(f.rpc) == 0 {
		return "", usageErrorf("--rpc URL names one", "no node of the chain is named")
	}
	return f.rpc[0], nil
}

// outboxes is the directory of a store that keeps the transactions under way, a file for each account and chain.
func outboxes(s *store.Store) string { return filepath.Join(s.Dir(), "outbox") }

// dial connects to a node of the chain. The caller closes the client.
func dial(ctx context.Context, url string, options ...chain.Option) (*chain.Client, error) {
	c, err := chain.Dial(ctx, url, options...)
	if err != nil && !errors.Is(err, chain.ErrUnreachable) && ctx.Err() == nil {
		err = usageErrorf("", "%w", err)
	}
	return c, err
}

// openRegistry connects to the registry that a chain address names, through one node. The caller closes the client.
func (f *chainFlags) openRegistry(ctx context.Context, url string, at chain.Reference) (*chain.Registry, *chain.Client, error) {
	c, err := dial(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	r, err := registryOf(ctx, c, at)
	if err != nil {
		c.Close()
		return nil, nil, err
	}
	return r, c, nil
}

// registryOf returns the registry that a chain address names, through a client, whose node must be one of that chain.
func registryOf(ctx context.Context, c *chain.Client, at chain.Reference) (*chain.Registry, error) {
	if err := c.Expect(at.ChainID); err != nil {
		return nil, withHint(err, fmt.Sprintf("--rpc URL names a node of chain %d", at.ChainID))
	}
	return openContract(ctx, c, at.Registry)
}

// openContract returns the registry at the address of a contract.
func openContract(ctx context.Context, c *chain.Client, address common.Address) (*chain.Registry, error) {
	r, err := chain.Open(ctx, c, address)
	return r, withHint(err, "dictnet chain deploy deploys the contract and prints its address")
}

// parseDepth reads what --confirmations says.
func parseDepth(text string) (chain.Depth, error) {
	d, err := chain.ParseDepth(text)
	if err != nil {
		return d, usageErrorf("a number, safe or finalized", "%w", err)
	}
	return d, nil
}
