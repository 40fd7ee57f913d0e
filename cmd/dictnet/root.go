package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dictnet/dictnet/store"
)

// app is what the verbs share: the streams, and what the flags of all verbs say.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger

	home         string
	unpackedSize byteSize // of copies of what notes hold; 0: none
	cacheSize    byteSize // of what was fetched and nothing keeps; 0: no limit
	config       string
	json         bool
	quiet        bool
	verbose      bool
	damaged      func(cid.Cid) // counts blocks that were to be served; may be nil
	taken        bool          // stdout has taken a file, so that results go to stderr
	read         bool          // stdin has been opened
	started      bool          // a verb was found and its arguments are in order
}

// run runs one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := handOver(ctx, root.ExecuteContext(ctx), args)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil && exitCode(err) != exitStorage {
		fmt.Fprintln(stderr, "dictnet: interrupted")
		return exitInterrupted
	}
	if errors.Is(err, errNothing) {
		return exitFailure
	}
	if !a.started && exitCode(err) == exitFailure {
		err = usageErrorf("dictnet --help lists the verbs", "%w", err)
	}
	if !errors.As(err, new(*toldError)) {
		a.tell(err)
	}
	return exitCode(err)
}

// tell tells of an error, and of the next step if there is one.
func (a *app) tell(err error) {
	fmt.Fprintf(a.stderr, "dictnet: %s\n", oneLine(err))
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", hint)
	}
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "dictnet",
		Short: "Send very large files as tiny templates against shared, verifiable dictionaries",
		Long: `dictnet sends very large files as tiny templates.

A template refers to notes: chunks of bytes that live in a shared dictionary on IPFS, whose Merkle root a contract on
an Ethereum chain remembers. Whoever has the template fetches just the notes it needs, from anybody, proves that they
are the published ones, and plays the file back.

A dictionary (DICT) is named by its local name, its manifest CID, a CAR file (x.car), its IPNS name (/ipns/NAME), or
its chain address (eip155:CHAIN:REGISTRY/DICTIONARY).

` + exitHelp,
		Example: `  dictnet build release-1.tar -o releases
  dictnet publish releases --rpc http://127.0.0.1:8545 --registry 0x5FbDB2315678afecb367f032d93F642f64180aa3 --dev-key
  dictnet encode release-2.tar -d releases -o release-2.dn
  dictnet decode release-2.dn -o release-2.tar`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			err := a.prepare(c)
			if err == nil {
				a.warnOfEnviron(c)
			}
			return err
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&a.home, "home", "", "directory of the store (default $XDG_DATA_HOME/dictnet or ~/.local/share/dictnet)")
	f.Var(&a.cacheSize, "cache-size", "how much to keep of what was fetched and is neither pinned nor in a named dictionary, as 10GiB; 0: all")
	a.unpackedSize = store.DefaultUnpackedSize
	f.Var(&a.unpackedSize, "unpacked-size", "how much of the disk to take for unpacked copies of notes, so that the next encode or decode is quicker; 0: none")
	f.StringVar(&a.config, "config", "", "file of settings, TOML (default config.toml in the store's directory)")
	f.BoolVar(&a.json, "json", false, "write results as JSON")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no notices")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "tell what is being done")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageErrorf(c.CommandPath()+" --help lists the flags", "%w", err)
	})
	root.AddCommand(
		a.buildCommand(), a.encodeCommand(), a.decodeCommand(),
		a.planCommand(), a.verifyCommand(), a.inspectCommand(), a.auditCommand(),
		a.pullCommand(), a.pinCommand(), a.lsCommand(), a.catCommand(), a.mountCommand(), a.forgetCommand(), a.gcCommand(), a.fsckCommand(),
		a.grepCommand(), a.statCommand(), a.diffCommand(), a.promoteCommand(),
	)
	a.addOthers(root)
	a.completeNames(root)
	return root
}

// completeNames has shells complete the names of dictionaries, for the verbs below a command.
func (a *app) completeNames(c *cobra.Command) {
	for _, c := range c.Commands() {
		if strings.Contains(c.Use, "DICT") || c.Name() == "forget" {
			c.ValidArgsFunction = a.completeDictionary
		}
		for _, name := range []string{"dict", "as"} {
			if c.Flags().Lookup(name) != nil {
				c.RegisterFlagCompletionFunc(name, a.completeDictionary) // an error says that it is registered already
			}
		}
		a.completeNames(c)
	}
}

// prepare runs before every verb: settings from file and environment fill the flags that were not typed.
func (a *app) prepare(c *cobra.Command) error {
	a.started = true
	dropUnused()
	if err := a.applySettings(c); err != nil {
		return err
	}
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	a.log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, at slog.Attr) slog.Attr {
		if at.Key == slog.TimeKey {
			return slog.Attr{} // a person is watching
		}
		return at
	}}))
	slog.SetDefault(a.log)
	return nil
}

// homeDir returns the directory of the store.
func (a *app) homeDir() (string, error) {
	if a.home != "" {
		return a.home, nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "dictnet"), nil
	}
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", usageErrorf("name one with --home", "no directory for the store: %w", err)
	}
	return filepath.Join(dir, ".local", "share", "dictnet"), nil
}

// version says which build this is.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return info.Main.Version + " " + s.Value
		}
	}
	return info.Main.Version
}

// oneName returns the single name that a verb takes, either as argument or by a flag.
func oneName(what, flag, flagValue string, args []string) (string, error) {
	switch {
	case len(args) == 0 && flagValue == "":
		return "", usageErrorf(fmt.Sprintf("name it as argument or with --%s; - is stdin", flag), "no %s is named", what)
	case len(args) > 0 && flagValue != "":
		return "", usageErrorf("leave one out", "two %ss are named: %s and %s", what, args[0], flagValue)
	case len(args) > 0:
		return args[0], nil
	}
	return flagValue, nil
}

// args checks the number of arguments and says what is wrong in words.
func args(least, most int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least {
			return usageErrorf(c.CommandPath()+" --help shows examples", "%s needs %s", c.CommandPath(), what)
		}
		if most >= 0 && len(args) > most {
			return usageErrorf(c.CommandPath()+" --help shows examples", "%s takes %s, not %q", c.CommandPath(), what, args[most])
		}
		return nil
	}
}

// alias adds a flag that stands for an argument, for those who know the first proof of concept.
func alias(f *pflag.FlagSet, p *string, name, of string) {
	f.StringVar(p, name, "", "the same as the argument "+of)
}
