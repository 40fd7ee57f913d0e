//go:build !front

package main

import (
	"github.com/spf13/cobra"
)

func (a *app) chainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "chain",
		Short: "Deploy the registry contract; change what it holds of a dictionary of yours; run a development chain",
		Long: `Deploy the registry contract to any chain, or run a development chain in this process. See what the registry holds of a dictionary and, as its owner, deprecate a version, freeze, name
or hand over the dictionary, and say who else may publish: what dictnet publish leaves out. Send, as anybody, what its publisher has
signed. What is so already is not sent again, so each of these can be repeated.

` + exitHelp,
		Example: `  dictnet chain dev
  dictnet chain deploy --dev-key
  dictnet chain show releases
  dictnet chain publisher releases 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --dev-key`,
		Args: args(0, 0, "a verb: deploy, dev, show, deprecate, freeze, transfer, accept, publisher, rename or submit"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.chainDeployCommand(), a.chainShowCommand(), a.deprecateCommand(), a.freezeCommand(), a.transferCommand(), a.acceptCommand(), a.publisherCommand(), a.renameCommand(), a.submitCommand())
	a.addEmbedded(c)
	return c
}
