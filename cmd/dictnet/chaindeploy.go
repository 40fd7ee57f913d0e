//go:build !front

package main

import (
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"dictnet/chain"
)

// deployments is the directory in the home that remembers those that are under way. It is not that of the publications, which belongs to whoever writes to the store.
const deployments = "deployments"

func (a *app) chainDeployCommand() *cobra.Command {
	var f chainFlags
	var fixed bool
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Deploy the registry contract",
		Long: `Deploy the registry contract to the chain that --rpc answers for, and print its address. One registry serves
any number of publishers and dictionaries; it has no owner. A deployment that was interrupted can be repeated with the same account, and is not paid twice.

` + exitHelp,
		Example: `  dictnet chain deploy --dev-key
  dictnet chain deploy --rpc https://rpc.example.org --key key.json --password-file password`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.checkWrite(); err != nil {
				return err
			}
			home, err := a.homeDir()
			if err != nil {
				return err
			}
			client, signer, err := f.openSender(c.Context(), filepath.Join(home, deployments))
			if err != nil {
				return err
			}
			defer client.Close()
			deploy := chain.Deploy
			if fixed {
				deploy = chain.DeployFixed
			}
			r, receipt, err := deploy(c.Context(), client, signer)
			if errors.Is(err, chain.ErrNoDeployer) {
				err = withHint(err, "leave --fixed out: the address will then follow from the account")
			}
			if pending := (*chain.PendingError)(nil); errors.As(err, &pending) {
				err = withHint(err, "it may still be mined; dictnet chain deploy again goes on from there")
			}
			if err != nil {
				return err
			}
			return a.print(map[string]any{"registry": r.Address(), "chain": client.ChainID(), "transaction": receipt.Tx, "block": receipt.Block, "gas": receipt.Gas},
				row{"registry", r.Address()}, row{"chain id", client.ChainID()}, row{"transaction", receipt.Tx}, row{"gas", grouped(receipt.Gas)})
		},
	}
	f.write(c)
	c.Flags().BoolVar(&fixed, "fixed", false, "deploy to the address that is the same on every chain ("+chain.FixedAddress().Hex()+"), by the CREATE2 deployer that many chains have")
	return c
}
