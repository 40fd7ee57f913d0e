//go:build !front

package main

import (
	"github.com/spf13/cobra"
)

func (a *app) chainCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "chain",
		Short: "Run a development chain; deploy the registry contract",
		Long:  "Run a development chain in this process, or deploy the registry contract to any chain.\n\n" + exitHelp,
		Example: `  dictnet chain dev
  dictnet chain deploy --dev-key`,
		Args: args(0, 0, "a verb: dev or deploy"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.chainDeployCommand())
	a.addEmbedded(c)
	return c
}
