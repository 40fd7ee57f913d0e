package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

func (a *app) pullCommand() *cobra.Command {
	var name string
	var f readerFlags
	c := &cobra.Command{
		Use:   "pull DICT",
		Short: "Bring a whole dictionary here and keep it",
		Long: `Bring every page and note of a dictionary here, check them, and pin them. With --as, the dictionary gets a local name, to
encode against; a name that stands for an earlier version moves on. A pull that was interrupted goes on where it ended.

` + exitHelp,
		Example: `  dictnet pull eip155:1:0x.../0x... --rpc https://rpc.example.org --peer /ip4/.../p2p/... --as releases
  dictnet pull releases --peer /ip4/.../p2p/...     # the newest version of what has a name here
  dictnet pull releases.car --as releases`,
		Args: args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error { return a.pull(c, args[0], name, false, &f) },
	}
	c.Flags().StringVar(&name, "as", "", "local name for the dictionary")
	f.add(c)
	c.Flags().MarkHidden("offline")
	return c
}

// pull brings a dictionary here and pins it: under its name, with which the pin moves on, or for good.
func (a *app) pull(c *cobra.Command, dict, name string, forGood bool, f *readerFlags) error {
	ctx := c.Context()
	if name != "" {
		if err := store.CheckName(name); err != nil {
			return usageErrorf("", "%w", err)
		}
	}
	holdMemory(400, 192<<20)
	if err := a.checkHomeFor(dict, f); err != nil {
		return err
	}
	s, err := a.openHome(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := a.openReader(ctx, s, dict, codec.DictionaryName{}, f)
	if err != nil {
		return err
	}
	defer r.Close()
	ref, err := r.newest(ctx)
	if err != nil {
		return err
	}
	if name == "" && r.dict != nil {
		name = r.dict.Name
	}
	pin := name
	if forGood {
		pin = ""
	}
	bar := a.progress("pull", -1)
	defer bar.end()
	if err := r.Pull(ctx, ref, pin, func(p dictnet.Progress) { bar.set(int64(p.Bytes)) }); err != nil {
		return err
	}
	bar.end()
	if name != "" {
		if err := r.rename(c, name, ref); err != nil {
			return err
		}
	}
	stats := r.Stats()
	return a.print(map[string]any{"name": name, "manifest": ref.Manifest.String(), "size": ref.Size, "root": ref.Root.String(),
		"trust": r.trust, "blocksFetched": stats.Blocks, "bytesFetched": stats.Bytes},
		row{"dictionary", fmt.Sprintf("%s, %d notes", ref.Manifest, ref.Size)},
		row{"root", ref.Root},
		row{"believed for", r.trust},
		row{"fetched", fmt.Sprintf("%d blocks, %s", stats.Blocks, bytesText(stats.Bytes))},
		row{"name", name})
}

// rename makes name stand for a version that is in the store, if that goes on from what it stood for.
func (r *reader) rename(c *cobra.Command, name string, ref codec.DictionaryRef) error {
	ctx := c.Context()
	now, err := r.Open(ctx, ref)
	if err != nil {
		return err
	}
	d, err := r.store.Dictionary(name)
	before := d.Current.Manifest
	switch {
	case errors.Is(err, store.ErrNoDictionary):
		d = store.Dictionary{Name: name}
	case err != nil:
		return err
	case d.Current != ref && slices.Contains(d.Lineage, ref):
		return nil // it has moved on already
	case d.Current != ref:
		was, err := r.Open(ctx, d.Current)
		if err == nil {
			err = now.Manifest().CheckExtends(ctx, was.Manifest())
		}
		if err != nil {
			return withHint(fmt.Errorf("dictionary %s: %w", name, err), "--as gives the dictionary another name")
		}
		d.Lineage = append(slices.Clone(d.Lineage), d.Current)
	}
	d.Current, d.TapeSize = ref, now.Size()
	if r.address != nil {
		d.Anchor = &store.Anchor{Chain: strconv.FormatUint(r.address.ChainID, 10), Registry: r.address.Registry.Hex(), Dictionary: r.address.ID.String()}
	}
	if err := r.store.SetDictionary(ctx, d); err != nil || before == d.Current.Manifest || !before.Defined() {
		return err
	}
	return r.store.UnpinNamed(ctx, before, name) // the name keeps it
}
