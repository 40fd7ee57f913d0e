package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) mountCommand() *cobra.Command {
	var f playFlags
	var anyLinks bool
	c := &cobra.Command{
		Use:   "mount TEMPLATE DIR",
		Short: "Show the directory that a template plays, read-only, fetching what is read",
		Long: `Show the tree that a template plays as a directory (FUSE), read-only. Notes are fetched when files that need them are read, and
every one is checked. It lasts until dictnet is interrupted or DIR is unmounted (fusermount3 -u DIR, or umount DIR).
Where nobody is named to fetch from, other verbs may write to the store meanwhile.

Where dictnet does not run as root, mounting needs the program fusermount3.

` + exitHelp,
		Example: `  dictnet mount site.dn /mnt/site
  dictnet mount go-ethereum.dn src -d eip155:1:0x.../0x... --peer /ip4/.../p2p/...`,
		Args: args(2, 2, "a template and a directory"),
		RunE: func(c *cobra.Command, args []string) error { return a.mount(c, args[0], args[1], anyLinks, &f) },
	}
	c.Flags().BoolVar(&anyLinks, "any-links", false, "show links that lead out of the tree, too")
	f.add(c)
	return c
}

type mountResult struct {
	Mounted      string `json:"mounted"`
	Reads        uint64 `json:"reads"`
	Bytes        uint64 `json:"bytes"` // that were read
	NotesFetched uint64 `json:"notesFetched"`
	BytesFetched uint64 `json:"bytesFetched"`
}

func (a *app) mount(c *cobra.Command, name, dir string, anyLinks bool, f *playFlags) error {
	ctx := c.Context()
	if st, err := os.Stat(dir); err != nil {
		return inputError(err)
	} else if !st.IsDir() {
		return inputError(&fs.PathError{Op: "mount on", Path: dir, Err: errors.New("not a directory")})
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return inputError(err)
	}
	f.long = true
	p, err := a.play(c, name, f)
	if err != nil {
		return err
	}
	defer p.Close()
	t, err := p.tree()
	if err != nil {
		return err
	}
	if !anyLinks {
		if err := t.CheckLinks(ctx); err != nil {
			return fmt.Errorf("template %s: %w", name, err)
		}
	}
	m := &mounted{played: p, tree: t, log: a.log, since: time.Now()}
	served, err := m.serve(dir)
	if err != nil {
		return &hinted{fmt.Errorf("mount %s: %w", dir, err), exitFailure, "is there a /dev/fuse that may be opened? without root, fusermount3 is needed, too"}
	}
	a.say("%s is at %s, until interrupted or unmounted", name, dir)
	select {
	case <-served.done:
	case <-ctx.Done():
		if err := served.unmount(); err != nil {
			return fmt.Errorf("unmount %s: %w", dir, err)
		}
	}
	result := mountResult{Mounted: dir, Reads: m.reads.Load(), Bytes: m.bytes.Load()}
	if r := p.opener.reader; r != nil {
		result.NotesFetched, result.BytesFetched = r.Stats().Blocks, r.Stats().Bytes
	}
	return a.print(result,
		row{"mounted", dir},
		row{"read", fmt.Sprintf("%s in %d reads", bytesText(result.Bytes), result.Reads)},
		row{"fetched", fmt.Sprintf("%d blocks, %s", result.NotesFetched, bytesText(result.BytesFetched))})
}
