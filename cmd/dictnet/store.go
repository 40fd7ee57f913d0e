package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/dictnet/store"
)

// openStore opens the home for a verb that has nothing to do where there is none: most often its name is mistyped. The caller closes it.
func (a *app) openStore(c *cobra.Command, readOnly bool) (*store.Store, error) {
	if err := a.checkHome(); err != nil {
		return nil, err
	}
	return a.openHome(c, readOnly)
}

// noStore says that there is no store.
type noStore struct {
	dir  string
	file string // that was looked for first, if it is not ""
}

func (e *noStore) Error() string {
	if e.file != "" {
		return fmt.Sprintf("there is no file %s, and no store at %s", e.file, e.dir)
	}
	return "there is no store at " + e.dir
}

// checkHome refuses a home that is not there.
func (a *app) checkHome() error {
	dir, err := a.homeDir()
	if err != nil || store.Exists(dir) {
		return err
	}
	return &hinted{&noStore{dir: dir}, exitUnavailable, "--home names another; dictnet build and pull make one, and so does what fetches a dictionary that -d names: --peer, --gateway"}
}

// openHome opens the home; for writing, it makes it if there is none. The caller closes it.
func (a *app) openHome(c *cobra.Command, readOnly bool) (*store.Store, error) {
	dir, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	return store.Open(dir, store.Options{ReadOnly: readOnly, Command: c.CommandPath(), UnpackedSize: int64(a.unpackedSize), Damaged: func(c cid.Cid) {
		a.log.Warn("a block of the store is damaged and is not served; dictnet fsck mends it", "cid", c)
		if a.damaged != nil {
			a.damaged(c)
		}
	}})
}

// openCache opens the home for writing, for a verb that fetches and keeps nothing for good: --cache-size holds.
func (a *app) openCache(c *cobra.Command) (*store.Store, error) {
	dir, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	return store.Open(dir, store.Options{Command: c.CommandPath(), CacheSize: int64(a.cacheSize), UnpackedSize: int64(a.unpackedSize), Evicted: func(e store.Evicted, err error) {
		if err != nil {
			a.log.Warn("the store is larger than --cache-size", "error", err)
			return
		}
		a.log.Info("removed what was used least recently", "blocks", e.Removed, "bytes", e.RemovedBytes)
	}})
}

func (a *app) lsCommand() *cobra.Command {
	var f playFlags
	c := &cobra.Command{
		Use:   "ls [TEMPLATE [PATH...]]",
		Short: "List the dictionaries, pins and size of the store, or the tree of a template",
		Long: `List the dictionaries that have a name here, the pins, and how much the store holds. With a template of a directory, list what the directory holds, or
what is at the paths in it: permissions, bytes, time (UTC), path.

` + exitHelp,
		Example: `  dictnet ls
  dictnet ls --json | jq -r '.dictionaries[].manifest'
  dictnet ls site.dn docs`,
		Args: args(0, -1, "a template, or nothing"),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.lsTree(c, args[0], args[1:], &f)
			}
			s, err := a.openStore(c, true)
			if err != nil {
				return err
			}
			defer s.Close()
			return a.ls(c.Context(), s)
		},
	}
	f.add(c)
	return c
}

type listedDictionary struct {
	Name     string `json:"name"`
	Size     uint64 `json:"size"` // notes
	Root     string `json:"root"`
	Manifest string `json:"manifest"`
	Tape     uint64 `json:"tapeBytes"`
	Versions int    `json:"versions"`
	Address  string `json:"address,omitempty"`
}

func (a *app) ls(ctx context.Context, s *store.Store) error {
	dicts, err := s.Dictionaries()
	var damaged *store.DamagedNamesError
	if err != nil && !errors.As(err, &damaged) {
		return err
	}
	pins, err := s.Pins(ctx)
	if err != nil {
		return err
	}
	stats, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	result := struct {
		Home         string             `json:"home"`
		Dictionaries []listedDictionary `json:"dictionaries"`
		Pins         []string           `json:"pins"`
		Blocks       uint64             `json:"blocks"`
		Bytes        uint64             `json:"bytes"`
		Unpacked     uint64             `json:"unpackedBytes"`
	}{Home: s.Dir(), Dictionaries: []listedDictionary{}, Pins: []string{}, Blocks: stats.Blocks, Bytes: stats.Bytes, Unpacked: stats.Unpacked}
	var rows []row
	for _, d := range dicts {
		l := listedDictionary{Name: d.Name, Size: d.Current.Size, Root: d.Current.Root.String(), Manifest: d.Current.Manifest.String(),
			Tape: d.TapeSize, Versions: len(d.Lineage) + 1}
		at, err := addressOf(d.Anchor)
		if err != nil {
			return fmt.Errorf("dictionary %s: %w", d.Name, err)
		}
		where := "not on a chain"
		if at != nil {
			l.Address = at.String()
			where = l.Address
		}
		result.Dictionaries = append(result.Dictionaries, l)
		rows = append(rows, row{d.Name, fmt.Sprintf("%d notes, %s, version %d, %s, %s", l.Size, bytesText(l.Tape), l.Versions, l.Manifest, where)})
	}
	for _, p := range pins {
		result.Pins = append(result.Pins, p.CID.String())
		rows = append(rows, row{"pin", fmt.Sprint(p.CID, " ", p.Name)})
	}
	rows = append(rows, row{"store", fmt.Sprintf("%s in %d blocks, %s", bytesText(stats.Bytes), stats.Blocks, s.Dir())})
	if stats.Unpacked > 0 {
		rows = append(rows, row{"unpacked", bytesText(stats.Unpacked) + " of copies of what notes hold"})
	}
	if err := a.print(result, rows...); err != nil || damaged == nil {
		return err
	}
	return damaged
}

func (a *app) gcCommand() *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove what no pin and no named dictionary reaches",
		Long: `Remove every block from the store that no pin, no named dictionary and none of its earlier versions reaches; and the indexes of versions that are not
the present one of a named dictionary, which encode and build make again if they need them; and unpacked copies of notes that are gone. dictnet forget lets go of a name, dictnet pin rm of a pin.

` + exitHelp,
		Example: `  dictnet gc --dry-run
  dictnet gc`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.openStore(c, dryRun)
			if err != nil {
				return err
			}
			defer s.Close()
			result, err := collect(c.Context(), s, dryRun)
			if err != nil {
				return err
			}
			verb := "removed"
			if dryRun {
				verb = "would remove"
			}
			return a.print(result, append(result.rows(verb), row{"kept", fmt.Sprintf("%d blocks", result.Kept)})...)
		},
	}
	c.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only say what would go")
	return c
}

type gcResult struct {
	store.Collected
	Indexes    int   `json:"removedIndexes"`
	IndexBytes int64 `json:"removedIndexBytes"`
}

// collect removes what nothing keeps from a store or, if dryRun, only says what that is.
func collect(ctx context.Context, s *store.Store, dryRun bool) (r gcResult, err error) {
	if r.Collected, err = s.Collect(ctx, dryRun); err != nil {
		return r, err
	}
	return r, r.collectIndexes(s, dryRun)
}

func (r gcResult) rows(verb string) []row {
	rows := []row{{verb, fmt.Sprintf("%d blocks, %s", r.Removed, bytesText(r.RemovedBytes))}}
	if r.Indexes > 0 {
		rows = append(rows, row{"", fmt.Sprintf("%d indexes, %s", r.Indexes, bytesText(r.IndexBytes))})
	}
	return rows
}

// collectIndexes removes the indexes that nobody is likely to need again, and those that were not finished a day ago.
func (r *gcResult) collectIndexes(s *store.Store, dryRun bool) error {
	dicts, err := s.Dictionaries()
	if err != nil {
		return err
	}
	list, err := os.ReadDir(s.IndexDir())
	if err != nil && !os.IsNotExist(err) {
		return storageError(err)
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil || strings.HasSuffix(e.Name(), ".part") && time.Since(info.ModTime()) < 24*time.Hour ||
			slices.ContainsFunc(dicts, func(d store.Dictionary) bool {
				return indexPath(s, d.Current.Manifest) == filepath.Join(s.IndexDir(), e.Name())
			}) {
			continue
		}
		if !dryRun {
			if err := os.Remove(filepath.Join(s.IndexDir(), e.Name())); err != nil {
				return storageError(err)
			}
		}
		r.Indexes++
		r.IndexBytes += info.Size()
	}
	return nil
}
