//go:build !front

package main

import (
	"context"

	"github.com/spf13/cobra"
)

// addOthers adds the verbs that need libp2p or the embedded chain. The front program (front.go) leaves them to this one.
func (a *app) addOthers(root *cobra.Command) {
	root.AddCommand(a.publishCommand(), a.nodeCommand(), a.chainCommand())
}

// handOver has nobody to hand a command line over to: this is the whole program.
func handOver(_ context.Context, err error, _ []string) error { return err }
