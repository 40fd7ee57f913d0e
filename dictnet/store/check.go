package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"
)

// Check reads every block, on all processors, and calls bad, one call at a time, for each whose bytes are not those of its name or cannot
// be read. It returns how many were read. Names come as raw CIDs: what kind of block it is the store does not know.
func (s *Store) Check(ctx context.Context, bad func(c cid.Cid, err error)) (uint64, error) {
	var mu sync.Mutex
	var done uint64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	err := s.files.each(ctx, func(d digest, _ fs.DirEntry) error {
		g.Go(func() error {
			data, _, err := s.files.get(d)
			switch {
			case err == nil && sha256.Sum256(data) != d:
				err = ErrCorrupt
			case err == ErrMissing:
				return nil // meanwhile
			case errors.Is(err, fs.ErrPermission): // of all, rather than of one
				return blockError("read", rawCID(d), err)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			if err != nil {
				bad(rawCID(d), blockError("read", rawCID(d), err))
			}
			return nil
		})
		return ctx.Err()
	})
	if gerr := g.Wait(); gerr != nil {
		err = gerr
	}
	return done, storageError("check blocks", err)
}

// SetAside moves the file of a block that proved to be damaged out of the way, and returns where it is now. Then the block is
// missing, and is fetched or built anew when somebody needs it.
func (s *Store) SetAside(c cid.Cid) (path string, err error) {
	d, err := checkCID(c)
	if err != nil {
		return "", err
	}
	if s.ReadOnly() {
		return "", blockError("set aside", c, ErrReadOnly)
	}
	dir := filepath.Join(s.dir, "damaged")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", blockError("set aside", c, err)
	}
	from := s.files.path(d)
	path = filepath.Join(dir, filepath.Base(from))
	err = os.Rename(from, path)
	if notExist(err) {
		err = ErrMissing
	}
	return path, blockError("set aside", c, err)
}

// Kept is a manifest whose blocks are kept.
type Kept struct {
	CID  cid.Cid
	What string // for people: whose it is
}

// Kept lists the manifests of all named dictionaries, their earlier versions, and pins, each once.
func (s *Store) Kept(ctx context.Context) ([]Kept, error) {
	var all []Kept
	err := s.eachKept(ctx, func(c cid.Cid, what string) error {
		all = append(all, Kept{c, what})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list what is kept: %w", err)
	}
	return all, nil
}
