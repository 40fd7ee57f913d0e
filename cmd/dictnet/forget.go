package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/dictnet/store"
)

func (a *app) forgetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "forget NAME...",
		Short: "Let go of dictionaries: remove their local names",
		Long: `Remove local names of dictionaries, and with them what is known here of their earlier versions and of where they are published, and the pins that build, publish and pull
made under the name. Other pins stay: dictnet pin rm lets go of one. No note goes: dictnet gc removes what neither a pin nor another name reaches. Until then,
dictnet pull MANIFEST --as NAME gives a dictionary its name back; one that is published can be pulled by its chain address.

` + exitHelp,
		Example: `  dictnet forget releases
  dictnet gc`,
		Args: args(1, -1, "the local names of dictionaries"),
		RunE: func(c *cobra.Command, args []string) error { return a.forget(c, args) },
	}
}

type forgetResult struct {
	Forgotten []forgotten `json:"forgotten"`
	GC        *gcResult   `json:"gc,omitempty"` // what gc would do now; nil if that cannot be said
}

// forgotten is a name that is no more, and what is left of it.
type forgotten struct {
	Name        string   `json:"name"`
	Manifest    string   `json:"manifest"`
	Address     string   `json:"address,omitempty"`
	Pinned      []string `json:"pinned,omitempty"`      // manifests of its versions that a pin of another name keeps
	AlsoNamed   []string `json:"alsoNamed,omitempty"`   // other names that keep a version of it
	Outstanding string   `json:"outstanding,omitempty"` // transaction of a publication that is not known to be mined
	IPNS        bool     `json:"ipns,omitempty"`        // this node's IPNS name stands for a version of it
}

func (a *app) forget(c *cobra.Command, names []string) error {
	ctx := c.Context()
	s, err := a.openStore(c, false)
	if err != nil {
		return err
	}
	defer s.Close()
	var dicts []store.Dictionary
	for _, name := range names { // all of them, before one is gone
		if slices.ContainsFunc(dicts, func(d store.Dictionary) bool { return d.Name == name }) {
			continue
		}
		if ref, err := parseDictRef(name); err != nil || ref.name == "" {
			return usageErrorf("dictnet ls lists them; dictnet pin rm lets go of a manifest", "%q is no local name of a dictionary", name)
		}
		d, err := a.namedDictionary(s, name)
		if err != nil {
			return err
		}
		dicts = append(dicts, d)
	}
	l, err := leavings(ctx, s, dicts) // before one is gone, too
	if err != nil {
		return err
	}
	result := forgetResult{}
	var rows []row
	for _, d := range dicts {
		for _, m := range manifestsOf(d) {
			if slices.Contains(l.pins, store.Pin{CID: m, Name: d.Name}) {
				if err := s.Unpin(ctx, m); err != nil {
					return err
				}
			}
		}
		if err := s.RemoveDictionary(d.Name); err != nil {
			return err
		}
		f := l.of(d)
		result.Forgotten = append(result.Forgotten, f)
		rows = append(rows, f.rows()...)
	}
	done, err := collect(ctx, s, true)
	switch {
	case err == nil:
		result.GC = &done
		rows = append(rows, done.rows("gc would remove")...)
	case ctx.Err() != nil:
		return err
	default:
		a.log.Warn("what dictnet gc would remove cannot be said", "error", err)
	}
	return a.print(result, rows...)
}

// left is what is left in a store when some names are removed.
type left struct {
	pins     []store.Pin
	others   []store.Dictionary
	underWay map[chain.Reference]common.Hash // publications
	record   []byte                          // of this node's IPNS name
}

func leavings(ctx context.Context, s *store.Store, gone []store.Dictionary) (l left, err error) {
	if l.underWay, err = outstanding(s); err != nil {
		return l, err
	}
	if l.pins, err = s.Pins(ctx); err != nil {
		return l, err
	}
	if l.others, err = s.Dictionaries(); err != nil && !errors.As(err, new(*store.DamagedNamesError)) { // which gc tells
		return l, err
	}
	l.others = slices.DeleteFunc(l.others, func(d store.Dictionary) bool {
		return slices.ContainsFunc(gone, func(g store.Dictionary) bool { return g.Name == d.Name })
	})
	if l.record, err = os.ReadFile(filepath.Join(s.Dir(), ipnsRecord)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l, storageError(err)
	}
	return l, nil
}

// of returns what is left of a dictionary whose name is removed.
func (l left) of(d store.Dictionary) forgotten {
	f := forgotten{Name: d.Name, Manifest: d.Current.Manifest.String()}
	if at, err := addressOf(d.Anchor); err == nil && at != nil {
		f.Address = at.String()
		if tx, is := l.underWay[*at]; is {
			f.Outstanding = tx.Hex()
		}
	}
	versions := manifestsOf(d)
	for _, p := range l.pins {
		if p.Name != d.Name && slices.Contains(versions, p.CID) {
			f.Pinned = append(f.Pinned, p.CID.String())
		}
	}
	for _, other := range l.others {
		if slices.ContainsFunc(manifestsOf(other), func(c cid.Cid) bool { return slices.Contains(versions, c) }) {
			f.AlsoNamed = append(f.AlsoNamed, other.Name)
		}
	}
	// A record has what it stands for as text, so that no package of libp2p is needed to see that.
	f.IPNS = slices.ContainsFunc(versions, func(c cid.Cid) bool { return bytes.Contains(l.record, []byte("/ipfs/"+c.String())) })
	return f
}

// manifestsOf returns the manifests of all versions of a dictionary.
func manifestsOf(d store.Dictionary) []cid.Cid {
	all := []cid.Cid{d.Current.Manifest}
	for _, v := range d.Lineage {
		all = append(all, v.Manifest)
	}
	return all
}

func (f forgotten) rows() []row {
	rows := []row{{"forgot", f.Name + ", " + f.Manifest}}
	if f.Address != "" {
		rows = append(rows, row{"  published as", f.Address})
	}
	if f.Outstanding != "" {
		rows = append(rows, row{"  under way", "its publication, by transaction " + f.Outstanding + ", of which nobody here waits to hear any more"})
	}
	if f.IPNS {
		rows = append(rows, row{"  IPNS", "this node's IPNS name stands for it, until dictnet publish --ipns makes it stand for another"})
	}
	for _, p := range f.Pinned {
		rows = append(rows, row{"  kept by a pin", "dictnet pin rm " + p + " lets it go"})
	}
	if len(f.AlsoNamed) > 0 {
		rows = append(rows, row{"  kept by name", strings.Join(f.AlsoNamed, ", ")})
	}
	return rows
}

// outstanding returns the publications that are under way from a store, with their transactions.
func outstanding(s *store.Store) (map[chain.Reference]common.Hash, error) {
	files, err := os.ReadDir(outboxes(s))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, storageError(err)
	}
	all := map[chain.Reference]common.Hash{}
	for _, file := range files {
		if strings.HasPrefix(file.Name(), ".") { // what a killed process did not finish to write
			continue
		}
		path := filepath.Join(outboxes(s), file.Name())
		at, tx, err := chain.Outstanding(chain.FileOutbox(path))
		if err != nil {
			return nil, withHint(fmt.Errorf("nothing forgotten, because nobody knows whose publication is under way: %s: %w", path, err), "put back a copy of the file, or move it away")
		}
		if tx != (common.Hash{}) {
			all[at] = tx
		}
	}
	return all, nil
}
