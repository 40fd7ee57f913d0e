//go:build !front

package main

import (
	"context"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"
	"github.com/spf13/cobra"

	"dictnet/chain"
)

// write adds the flags of verbs that send transactions.
func (f *chainFlags) write(c *cobra.Command) {
	c.Flags().StringSliceVar(&f.rpc, "rpc", []string{defaultRPC}, "JSON-RPC of a node of the chain, http or ws")
	c.Flags().StringVar(&f.signer, "signer", "", "URL of a program that holds the key and signs (Clef's protocol)")
	c.Flags().StringVar(&f.account, "account", "", "address of the account that --signer signs for")
	c.Flags().StringVar(&f.key, "key", "", "key file of the account that pays (geth's encrypted keystore form)")
	c.Flags().StringVar(&f.password, "password-file", "", "file that holds the key's password in its first line; without it, $DICTNET_PASSWORD is the password")
	c.Flags().BoolVar(&f.dev, "dev-key", false, "pay with the first well-known development account (development chains only)")
	f.maxCost.SetInt64(chain.DefaultMaxCost)
	c.Flags().Var((*ether)(&f.maxCost), "max-cost", "most that one transaction may cost, whatever the node says, in the chain's own coin")
}

// ether is a flag that holds an amount of a chain's own coin, in wei.
type ether big.Int

func (e *ether) Set(s string) error {
	amount, ok := new(big.Rat).SetString(s)
	if ok {
		amount.Mul(amount, big.NewRat(params.Ether, 1))
	}
	if !ok || amount.Sign() <= 0 || !amount.IsInt() {
		return fmt.Errorf("%q is no amount; as 0.05", s)
	}
	(*big.Int)(e).Set(amount.Num())
	return nil
}

func (e *ether) String() string { return chain.EtherText((*big.Int)(e)) }
func (e *ether) Type() string   { return "ether" }

// checkWrite refuses what can be no address, before anybody is asked.
func (f *chainFlags) checkWrite() error {
	if f.registry != "" {
		if _, _, err := parseRegistry(f.registry); err != nil {
			return usageErrorf("dictnet chain deploy prints it", "--registry: %w", err)
		}
	}
	if f.signer != "" {
		if _, err := chain.ParseAddress(f.account); err != nil {
			return usageErrorf("--account names the account that --signer signs for", "--account: %w", err)
		}
	}
	return nil
}

// testKey is the environment variable that may hold a private key, on development chains only.
const testKey = "DICTNET_TEST_KEY"

// devChains are the ids of chains on which everybody's keys may be used: geth's and Ganache's, and Anvil's.
var devChains = []uint64{1337, 31337}

// openSigner returns who signs on the chain.
func (f *chainFlags) openSigner(ctx context.Context, c *chain.Client) (chain.Signer, error) {
	given := 0
	for _, is := range []bool{f.dev, f.key != "", f.signer != ""} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, usageErrorf("leave all but one out", "more than one of --dev-key, --key and --signer are given")
	case f.signer != "":
		account, err := chain.ParseAddress(f.account)
		if err != nil {
			return nil, usageErrorf("--account names the account that --signer signs for", "%w", err)
		}
		return chain.DialSigner(ctx, f.signer, account)
	case f.dev:
		if !slices.Contains(devChains, c.ChainID()) {
			return nil, usageErrorf("use --key FILE", "--dev-key on chain %d, which is none for development: anybody can use that key", c.ChainID())
		}
		return devSigner()
	case f.key == "" && os.Getenv(testKey) != "":
		if !slices.Contains(devChains, c.ChainID()) {
			return nil, usageErrorf("use --key FILE", "$%s on chain %d, which is none for development: keys in the environment are for tests", testKey, c.ChainID())
		}
		s, err := chain.DevKey(os.Getenv(testKey))
		if err != nil {
			return nil, usageErrorf("64 hex digits", "$%s: %w", testKey, err)
		}
		return s, nil
	case f.key == "":
		return nil, usageErrorf("--key FILE names a key file, --signer URL a program that signs; --dev-key uses the well-known key of development chains", "no account is named that pays")
	}
	password, ok := os.LookupEnv("DICTNET_PASSWORD")
	if f.password != "" {
		b, err := os.ReadFile(f.password)
		if err != nil {
			return nil, inputError(err)
		}
		password, _, _ = strings.Cut(string(b), "\n")
	} else if !ok {
		return nil, usageErrorf("--password-file FILE names a file that holds it; so does $DICTNET_PASSWORD itself", "no password for key %s", f.key)
	}
	s, err := chain.KeyFile(f.key, strings.TrimSuffix(password, "\r"))
	if err != nil {
		return nil, usageErrorf("", "key %s: %w", f.key, err)
	}
	return s, nil
}

// openSender connects to a node to send transactions to, and says who signs them. A transaction that is under way when the verb ends is
// kept in the directory, and taken up again by the next one of the same account. The caller closes the client.
func (f *chainFlags) openSender(ctx context.Context, outbox string) (*chain.Client, chain.Signer, error) {
	node, err := f.first()
	if err != nil {
		return nil, nil, err
	}
	plain, err := dial(ctx, node)
	if err != nil {
		return nil, nil, err
	}
	defer plain.Close()
	signer, err := f.openSigner(ctx, plain)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(outbox, 0o777); err != nil {
		return nil, nil, storageError(err)
	}
	file := filepath.Join(outbox, fmt.Sprintf("%d-%s", plain.ChainID(), signer.Address().Hex()))
	client, err := dial(ctx, node, chain.WithOutbox(chain.FileOutbox(file)), chain.WithMaxCost(&f.maxCost))
	return client, signer, err
}

// parseRegistry reads where a registry is: an address, or eip155:CHAIN:ADDRESS (CAIP-10). The chain's id is 0 if it is not said.
func parseRegistry(s string) (chainID uint64, at common.Address, err error) {
	if account, ok := strings.CutPrefix(s, "eip155:"); ok {
		number, address, _ := strings.Cut(account, ":")
		chainID, err = strconv.ParseUint(number, 10, 64)
		if err != nil || chainID == 0 || strconv.FormatUint(chainID, 10) != number {
			return 0, at, fmt.Errorf("registry %q: bad chain id; want eip155:<chain id>:<address>", s)
		}
		s = address
	}
	at, err = chain.ParseAddress(s)
	return chainID, at, err
}

// registryOn returns the registry to use: the one that is remembered, which a flag may only repeat, or the flag's. The node must be one of its chain, as far as that is
// known: what is signed for another chain can be sent there.
func registryOn(client *chain.Client, f chainFlags, name string, known *chain.Reference) (common.Address, error) {
	var chainID uint64
	var at common.Address
	switch {
	case f.registry != "":
		var err error
		if chainID, at, err = parseRegistry(f.registry); err != nil {
			return at, usageErrorf("", "%w", err)
		}
		if known != nil && (known.Registry != at || chainID != 0 && known.ChainID != chainID) {
			return at, usageErrorf("leave --registry out", "the dictionary is anchored in registry %s of chain %d, not %s", known.Registry.Hex(), known.ChainID, f.registry)
		}
	case known == nil:
		return at, usageErrorf("--registry 0x... names it; dictnet chain deploy makes one", "no registry contract is named")
	}
	if known != nil {
		chainID, at = known.ChainID, known.Registry
	}
	if chainID == 0 {
		return at, nil
	}
	if err := client.Expect(chainID); err != nil {
		hint := "--registry says chain %d"
		if known != nil {
			hint = name + " is anchored on chain %d"
		}
		return at, withHint(err, fmt.Sprintf(hint+"; --rpc URL names a node of it", chainID))
	}
	return at, nil
}
