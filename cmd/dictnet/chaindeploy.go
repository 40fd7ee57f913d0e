//go:build !front

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"dictnet/chain"
)

func (a *app) chainDeployCommand() *cobra.Command {
	var f chainFlags
	var fixed bool
	c := &cobra.Command{
		Use:   "deploy",
		Short: "Deploy the registry contract",
		Long: `Deploy the registry contract to the chain that --rpc answers for, and print its address. One registry serves
any number of publishers and dictionaries; it has no owner.

` + exitHelp,
		Example: `  dictnet chain deploy --dev-key
  dictnet chain deploy --rpc https://rpc.example.org --key key.json --password-file password`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.checkWrite(); err != nil {
				return err
			}
			node, err := f.first()
			if err != nil {
				return err
			}
			client, err := dial(c.Context(), node, chain.WithMaxCost(&f.maxCost))
			if err != nil {
				return err
			}
			defer client.Close()
			signer, err := f.openSigner(c.Context(), client)
			if err != nil {
				return err
			}
			deploy := chain.Deploy
			if fixed {
				deploy = chain.DeployFixed
			}
			r, receipt, err := deploy(c.Context(), client, signer)
			if errors.Is(err, chain.ErrNoDeployer) {
				err = withHint(err, "leave --fixed out: the address will then follow from the account")
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
