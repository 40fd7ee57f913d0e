//go:build !noembed && !front

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/chain/devchain"
)

// addEmbedded adds what needs the embedded chain, which is most of the binary: the build tag noembed leaves it out.
func (a *app) addEmbedded(chain *cobra.Command) { chain.AddCommand(a.chainDevCommand()) }

// devSigner signs with the first well-known development account.
func devSigner() (chain.Signer, error) { return chain.DevKey(devchain.Accounts()[0].Key) }

func (a *app) chainDevCommand() *cobra.Command {
	var dir, listen string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a development chain with JSON-RPC on loopback",
		Long: `Run an Ethereum chain of one's own in this process until Ctrl-C. It mines when a transaction comes, and
holds the well-known accounts of "test test ... junk", whose keys everybody knows: nothing on it is safe or worth anything.

` + exitHelp,
		Example: `  dictnet chain dev --dir devchain
  dictnet chain dev --listen 127.0.0.1:0 --json`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			chain, err := devchain.Start(c.Context(), devchain.Options{Dir: dir, Addr: listen, Log: a.log})
			if errors.Is(err, devchain.ErrAddress) {
				return usageErrorf("--listen 127.0.0.1:0 takes any free port", "%w", err)
			}
			if err != nil {
				return withHint(err, "--listen 127.0.0.1:0 takes any free port; --dir names another chain")
			}
			defer chain.Close()
			err = a.print(map[string]any{"rpc": chain.URL(), "websocket": chain.WebSocketURL(), "chain": devchain.ChainID, "account": devchain.Accounts()[0].Address},
				row{"chain id", devchain.ChainID}, row{"JSON-RPC", chain.URL()}, row{"WebSocket", chain.WebSocketURL()}, row{"account", devchain.Accounts()[0].Address})
			if err != nil {
				return err
			}
			a.say("running until Ctrl-C")
			<-c.Context().Done()
			return chain.Close()
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "directory that keeps the chain; without it the chain is gone at the end")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8545", "loopback address to serve JSON-RPC on")
	return c
}
