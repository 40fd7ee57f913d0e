package main

import (
	"github.com/spf13/cobra"

	"dictnet/chain"
)

func (a *app) chainDeployCommand() *cobra.Command {
	var f chainFlags
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
			client, err := f.dial(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			signer, err := f.signer(client)
			if err != nil {
				return err
			}
			r, receipt, err := chain.Deploy(c.Context(), client, signer)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"registry": r.Address(), "chain": client.ChainID(), "transaction": receipt.Tx, "block": receipt.Block, "gas": receipt.Gas},
				row{"registry", r.Address()}, row{"chain id", client.ChainID()}, row{"transaction", receipt.Tx}, row{"gas", grouped(receipt.Gas)})
		},
	}
	f.write(c)
	return c
}
