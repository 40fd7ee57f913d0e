//go:build noembed && !front

package main

import (
	"github.com/spf13/cobra"

	"dictnet/chain"
)

func (a *app) addEmbedded(*cobra.Command) {}

func devSigner() (chain.Signer, error) {
	return nil, usageErrorf("use --key FILE", "this binary was built without the embedded chain and its development keys")
}
