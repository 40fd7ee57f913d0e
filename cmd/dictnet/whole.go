//go:build !front

package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
)

// addOthers adds the verbs that need libp2p or the embedded chain. The front program (front.go) leaves them to this one.
func (a *app) addOthers(root *cobra.Command) {
	root.AddCommand(a.publishCommand(), a.nodeCommand(), a.chainCommand())
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"})
	help.Use, help.Short = "help [VERB...]", "Show the help of a verb"
	help.Long = "Show the help of a verb, as VERB --help does.\n\n" + exitHelp
	help.Example = "  dictnet help encode\n  dictnet help chain deploy"
	help.Args = func(_ *cobra.Command, args []string) error { // else what is no verb would be told with exit code 0
		if _, rest, err := root.Find(args); err != nil || len(rest) > 0 {
			return usageErrorf("dictnet --help lists the verbs", "there is no verb %q", strings.Join(args, " "))
		}
		return nil
	}
}

// handOver has nobody to hand a command line over to: this is the whole program.
func handOver(_ context.Context, err error, _ []string) error { return err }
