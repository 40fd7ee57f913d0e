package main

import (
	"errors"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/dictnet/store"
)

func (a *app) pinAddCommand() *cobra.Command {
	var f readerFlags
	c := &cobra.Command{
		Use: "add DICT", Short: "Keep the notes of a dictionary",
		Long: `Keep everything that a manifest reaches: its pages and every note. What is not here is fetched first, if peers or gateways are named; without
them, everything has to be here.

` + exitHelp,
		Example: "  dictnet pin add releases\n  dictnet pin add bafyrei... --peer /ip4/.../p2p/...",
		Args:    args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			if f.node.any() {
				return a.pull(c, args[0], "", true, &f)
			}
			s, err := a.openStore(c, false)
			if err != nil {
				return err
			}
			defer s.Close()
			ref, err := a.localDictionary(c.Context(), s, args[0])
			if err != nil {
				return err
			}
			if err := s.Pin(c.Context(), ref.Manifest, ""); err != nil {
				return err
			}
			return a.print(map[string]any{"manifest": ref.Manifest.String()}, row{"add", ref.Manifest})
		},
	}
	f.add(c)
	return c
}

func (a *app) pinCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "pin",
		Short: "Keep the notes of a manifest, or stop keeping them",
		Long:  "Keep everything that a manifest reaches from collection, or stop keeping it. pin add fetches what is not here.\n\n" + exitHelp,
		Example: `  dictnet pin ls
  dictnet pin add bafyrei...
  dictnet pin rm releases`,
		Args: args(0, 0, "a verb: add, rm or ls"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	change := func(verb, short string, do func(*cobra.Command, *store.Store, cid.Cid) error) *cobra.Command {
		return &cobra.Command{
			Use: verb + " DICT", Short: short, Long: short + ".\n\n" + exitHelp, Example: "  dictnet pin " + verb + " releases\n  dictnet pin " + verb + " bafyrei...",
			Args: args(1, 1, "one dictionary"),
			RunE: func(c *cobra.Command, args []string) error {
				s, err := a.openStore(c, false)
				if err != nil {
					return err
				}
				defer s.Close()
				ref, err := a.localDictionary(c.Context(), s, args[0])
				if err != nil {
					return err
				}
				if err := do(c, s, ref.Manifest); err != nil {
					return err
				}
				return a.print(map[string]any{"manifest": ref.Manifest.String()}, row{verb, ref.Manifest})
			},
		}
	}
	ls := &cobra.Command{
		Use: "ls", Short: "List the pins", Long: "List the pins.\n\n" + exitHelp, Example: "  dictnet pin ls", Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.openStore(c, true)
			if err != nil {
				return err
			}
			defer s.Close()
			pins, err := s.Pins(c.Context())
			if err != nil {
				return err
			}
			type listed struct {
				Manifest string `json:"manifest"`
				Name     string `json:"name"`
			}
			result, rows := []listed{}, []row{}
			for _, p := range pins {
				result = append(result, listed{p.CID.String(), p.Name})
				rows = append(rows, row{p.CID.String(), p.Name})
			}
			return a.print(result, rows...)
		},
	}
	c.AddCommand(ls,
		a.pinAddCommand(),
		change("rm", "Stop keeping the notes of a dictionary", func(c *cobra.Command, s *store.Store, m cid.Cid) error {
			err := s.Unpin(c.Context(), m)
			if errors.Is(err, store.ErrNotPinned) {
				return usageErrorf("dictnet pin ls lists the pins", "%s: %w", m, err)
			}
			return err
		}))
	return c
}
