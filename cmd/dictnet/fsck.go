package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

func (a *app) fsckCommand() *cobra.Command {
	var f nodeFlags
	var dryRun bool
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Check every block of the store, and mend what is damaged",
		Long: `Read every block of the store and compare it with its name; then look whether all that pins and named dictionaries need is here. A block
that is damaged is moved to the directory damaged of the store. What is needed and not here is fetched from the sources that
are named; without any, it is listed. The file of a name that is damaged stays where it is: what it keeps is not known, and gc removes nothing while it is there.

The exit code is 0 when in the end all that is needed is here and good, 4 when something of it is missing, and 3 when a name is damaged or,
with --dry-run, anything.

` + exitHelp,
		Example: `  dictnet fsck
  dictnet fsck --peer /ip4/.../p2p/...
  dictnet fsck --dry-run --json`,
		Args: args(0, 0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.openStore(c, dryRun)
			if err != nil {
				return err
			}
			defer s.Close()
			check := fsck{app: a, store: s, dryRun: dryRun}
			if !dryRun {
				sources, done, err := f.sources(a, s)
				if err != nil {
					return err
				}
				defer done()
				check.asks = len(sources) > 0
				check.client = dictnet.NewClient(dictnet.Options{Store: s, Sources: sources, Timeout: time.Duration(f.wait)})
				defer check.client.Close()
			}
			return check.run(c.Context())
		},
	}
	f.fetch(c)
	c.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "change nothing: only say what is damaged and what is missing; other verbs may write meanwhile")
	return c
}

// fsck is one check of a store.
type fsck struct {
	app    *app
	store  *store.Store
	client *dictnet.Client // nil if dryRun
	asks   bool            // the client has somebody to ask
	dryRun bool

	names *store.DamagedNamesError // nil: none is

	mu      sync.Mutex
	damaged map[string]*fsckBlock // by multihash
	result  fsckResult
}

type fsckResult struct {
	Blocks   uint64       `json:"blocks"`   // that were read
	Damaged  []*fsckBlock `json:"damaged"`  // in the order of their files
	Missing  []*fsckBlock `json:"missing"`  // needed, and in the end not here or not good
	Repaired int          `json:"repaired"` // needed, and fetched
	Aside    string       `json:"aside,omitempty"`
	Names    []fsckName   `json:"damagedNames,omitempty"`
}

// fsckName is a name whose file is damaged.
type fsckName struct {
	Name  string `json:"name"`
	Path  string `json:"path"`
	Error string `json:"error"`
}

// fsckBlock is a block that was damaged or missing.
type fsckBlock struct {
	CID   string `json:"cid"`
	What  string `json:"what,omitempty"` // who needs it; empty: nobody, it is fetched again when it is needed
	Error string `json:"error"`
}

func (f *fsck) run(ctx context.Context) error {
	f.damaged = map[string]*fsckBlock{}
	f.result.Damaged, f.result.Missing = []*fsckBlock{}, []*fsckBlock{}
	var names []cid.Cid
	var err error
	f.result.Blocks, err = f.store.Check(ctx, func(c cid.Cid, err error) {
		if !c.Defined() { // nobody can say which it was
			f.result.Damaged = append(f.result.Damaged, &fsckBlock{CID: "unknown", Error: oneLine(err)})
			return
		}
		b := &fsckBlock{CID: c.String(), Error: oneLine(err)}
		f.damaged[string(c.Hash())] = b
		f.result.Damaged = append(f.result.Damaged, b)
		names = append(names, c)
	})
	if err != nil {
		return err
	}
	if !f.dryRun {
		for _, c := range names {
			if _, err := f.store.SetAside(c); err != nil {
				return err
			}
		}
		if len(names) > 0 {
			f.result.Aside = f.store.Dir() + "/damaged"
		}
	}
	kept, err := f.store.Kept(ctx)
	if err != nil && !errors.As(err, &f.names) {
		return err
	}
	seen := map[cid.Cid]bool{}
	for _, k := range kept {
		if err := f.complete(ctx, k, seen); err != nil {
			return err
		}
	}
	if !f.dryRun {
		if err := f.store.Sync(ctx); err != nil {
			return err
		}
	}
	return f.report()
}

// Get reads a page of a manifest, from elsewhere if need be.
func (f *fsck) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	if f.client == nil {
		return f.store.Get(ctx, c)
	}
	there, err := f.store.Has(ctx, c)
	if err != nil {
		return nil, err
	}
	data, err := f.client.Get(ctx, c)
	if err == nil && !there {
		f.repaired()
	}
	return data, err
}

func (f *fsck) repaired() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result.Repaired++
}

// fetchAtOnce is how many notes are asked for side by side; the client puts them into windows.
const fetchAtOnce = 256

// complete looks for all that a manifest needs, and fetches what is not here. What is in seen was looked for already.
func (f *fsck) complete(ctx context.Context, k store.Kept, seen map[cid.Cid]bool) error {
	own := map[cid.Cid]bool{}  // pages of this manifest
	gone := map[cid.Cid]bool{} // those that cannot be had: what is below them is not known
	for {
		again, err := f.walk(ctx, k, seen, own, gone)
		if err != nil || !again {
			return err
		}
	}
}

// walk looks for what a manifest needs until a page cannot be had, which it adds to gone.
func (f *fsck) walk(ctx context.Context, k store.Kept, seen, own, gone map[cid.Cid]bool) (again bool, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(fetchAtOnce)
	at, what := k.CID, "the manifest of "+k.What // the page that is being read
	m, err := manifest.Open(gctx, f, k.CID)
	if err == nil {
		err = m.Walk(gctx, func(l manifest.Link) (bool, error) {
			if gone[l.CID] || seen[l.CID] && !own[l.CID] {
				return false, nil
			}
			seen[l.CID] = true
			if l.Note {
				what := fmt.Sprintf("note %d of %s", l.Index, k.What)
				here, err := f.here(gctx, l.CID, what)
				if err == nil && !here {
					g.Go(func() error { return f.fetch(gctx, l.CID, what) })
				}
				return false, err
			}
			if own[l.CID] = true; l.CID != k.CID {
				at, what = l.CID, "a page of "+k.What
			}
			_, err := f.here(gctx, l.CID, what)
			return true, err
		})
	}
	if gerr := g.Wait(); gerr != nil {
		return false, gerr
	}
	if err != nil {
		gone[at] = true
		return at != k.CID, f.lacks(ctx, at, what, err)
	}
	return false, nil
}

// here reports whether a block is in the store and good. If it was damaged, it says who needs it.
func (f *fsck) here(ctx context.Context, c cid.Cid, what string) (bool, error) {
	f.mu.Lock()
	was := f.damaged[string(c.Hash())]
	if was != nil {
		was.CID, was.What = c.String(), what
	}
	f.mu.Unlock()
	if was != nil && f.dryRun {
		return false, nil
	}
	return f.store.Has(ctx, c)
}

func (f *fsck) fetch(ctx context.Context, c cid.Cid, what string) error {
	if f.client == nil {
		return f.lacks(ctx, c, what, store.ErrMissing)
	}
	if _, err := f.client.Get(ctx, c); err != nil {
		return f.lacks(ctx, c, what, err)
	}
	f.repaired()
	return nil
}

// lacks notes that a block cannot be had, and why; it returns the errors that end the check.
func (f *fsck) lacks(ctx context.Context, c cid.Cid, what string, err error) error {
	if ctx.Err() != nil || errors.Is(err, store.ErrStorage) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result.Missing = append(f.result.Missing, &fsckBlock{c.String(), what, oneLine(err)})
	return nil
}

func (f *fsck) report() error {
	rows := []row{{"checked", fmt.Sprintf("%d blocks", f.result.Blocks)}, {"damaged", fmt.Sprintf("%d blocks", len(f.result.Damaged))}}
	for _, b := range f.result.Damaged {
		what := b.What
		if what == "" {
			what = "nothing needs it"
		}
		rows = append(rows, row{"damaged", b.CID + ", " + what})
	}
	if f.names != nil {
		for _, n := range *f.names {
			f.result.Names = append(f.result.Names, fsckName{n.Name, n.Path, oneLine(n.Err)})
			rows = append(rows, row{"damaged", fmt.Sprintf("name %s, %s", n.Name, n.Path)})
		}
	}
	if f.result.Aside != "" {
		rows = append(rows, row{"put aside in", f.result.Aside})
	}
	if f.result.Repaired > 0 {
		rows = append(rows, row{"fetched", fmt.Sprintf("%d blocks", f.result.Repaired)})
	}
	for _, b := range f.result.Missing {
		rows = append(rows, row{"missing", b.CID + ", " + b.What})
	}
	if err := f.app.print(f.result, rows...); err != nil {
		return err
	}
	switch {
	case f.dryRun && len(f.result.Damaged) > 0:
		return &hinted{fmt.Errorf("%d blocks of the store are damaged", len(f.result.Damaged)), exitRefused, "dictnet fsck puts them aside; with --peer or --gateway it fetches good ones"}
	case len(f.result.Missing) > 0 && f.asks:
		return &hinted{fmt.Errorf("%d blocks are missing that nobody who was asked has", len(f.result.Missing)), exitUnavailable, "--peer and --gateway name others; dictnet build makes the notes anew from the same samples"}
	case len(f.result.Missing) > 0:
		return &hinted{fmt.Errorf("%d blocks are missing", len(f.result.Missing)), exitUnavailable, "dictnet fsck --peer ... or --gateway ... fetches them"}
	case f.names != nil:
		return &hinted{f.names, exitRefused, ""}
	}
	return nil
}
