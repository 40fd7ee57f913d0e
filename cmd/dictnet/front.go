//go:build front

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

// The front program is what people start. It has the verbs for what is on this machine and on a chain, without the packages of libp2p, of the gateway and of
// the embedded chain, whose initialisation takes longer than most calls. A command line that needs those is handed over, before anything is
// done, to the whole program beside it: this package without the tag front.

const wholeName = "dictnet-full"

// errWhole is told by a command line that is for the whole program.
var errWhole = errors.New("this needs " + wholeName)

// addOthers has what is no verb of the front program handed over.
func (a *app) addOthers(root *cobra.Command) {
	whole := func(*cobra.Command, []string) error { return errWhole }
	root.RunE, root.Args, root.DisableFlagParsing = whole, cobra.ArbitraryArgs, true
	root.SetHelpCommand(&cobra.Command{Use: "help", DisableFlagParsing: true, RunE: whole})
	root.CompletionOptions.DisableDefaultCmd = true
	complete := &cobra.Command{Use: cobra.ShellCompRequestCmd, Aliases: []string{cobra.ShellCompNoDescRequestCmd}, Hidden: true, DisableFlagParsing: true, RunE: whole}
	root.AddCommand(complete) // before cobra's own
	root.PersistentPreRunE = func(c *cobra.Command, args []string) error {
		if a.started = true; c.DisableFlagParsing {
			return errWhole
		}
		if err := a.prepare(c); err != nil {
			return err
		}
		if asksOthers(c, args) {
			return errWhole
		}
		a.warnOfEnviron(c)
		return nil
	}
}

// asksOthers reports whether a verb's flags or arguments name somebody on the IPFS network.
func asksOthers(c *cobra.Command, args []string) bool {
	names := slices.ContainsFunc(args, isIPNS)
	c.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "peer", "mdns", "gateway", "router", "dht", "swarm-key":
			names = true
		}
		names = names || isIPNS(f.Value.String())
	})
	return names
}

// handOver runs args by the whole program, which replaces this one, if err says so. It returns what went wrong.
func handOver(ctx context.Context, err error, args []string) error {
	if !errors.Is(err, errWhole) {
		return err
	}
	if toldToEnd(ctx) {
		<-ctx.Done() // is told, too
		return ctx.Err()
	}
	path, err := exec.LookPath(besideThis(wholeName))
	if err != nil {
		path, err = exec.LookPath(wholeName)
	}
	if err == nil {
		err = syscall.Exec(path, append([]string{path}, args...), os.Environ())
	}
	return &hinted{fmt.Errorf("%s, which does what this program leaves out, cannot be started: %w", wholeName, err), exitFailure, "install it beside dictnet, or in the PATH: make build makes both"}
}

// toldToEnd reports whether the process has been asked to end. What asks from now on ends it at once: who comes after this program would not hear of it.
func toldToEnd(ctx context.Context) bool {
	told := make(chan os.Signal, 1)
	signal.Notify(told, endSignals()...)
	select {
	case <-ctx.Done():
		return true
	case <-time.After(time.Millisecond): // for what came before that, and is on its way
	}
	signal.Stop(told)
	if len(told) > 0 {
		return true
	}
	signal.Reset(endSignals()...)
	return false
}

// besideThis returns the path of a program in the directory of this one.
func besideThis(name string) string {
	self, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Join(filepath.Dir(self), name)
}

// What follows has nobody to ask: whatever needs somebody was handed over before.

func (f *nodeFlags) sources(*app, *store.Store) ([]dictnet.Source, closerFunc, error) {
	if f.any() {
		return nil, nil, errWhole
	}
	return nil, func() error { return nil }, nil
}

func checkIPNS(string) error { return errWhole }

func resolve(context.Context, string, []dictnet.Source) (cid.Cid, error) { return cid.Undef, errWhole }
