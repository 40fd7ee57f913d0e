package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/exchange/offline"
	"github.com/ipfs/boxo/ipld/merkledag"
	pinner "github.com/ipfs/boxo/pinning/pinner"
	"github.com/ipfs/boxo/pinning/pinner/dspinner"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	dssync "github.com/ipfs/go-datastore/sync"
	"github.com/ipfs/go-ds-leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"dictnet/dictnet/manifest"
)

// Pin is a promise to keep everything that a manifest reaches.
type Pin struct {
	CID  cid.Cid
	Name string // may be empty
}

// pinsBusy is how long to wait for another process that looks at the pins.
const pinsBusy = 2 * time.Second

// openPins opens the database of the pins, as soon as no other process has it.
func (s *Store) openPins(ctx context.Context, readOnly bool) (*leveldb.Datastore, error) {
	dir := filepath.Join(s.dir, "pins")
	o := &leveldb.Options{Compression: opt.NoCompression, ReadOnly: readOnly}
	db, err := leveldb.NewDatastore(dir, o)
	for end := time.Now().Add(pinsBusy); err != nil && !errors.Is(err, os.ErrPermission) && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		db, err = leveldb.NewDatastore(dir, o)
	}
	return db, storageError("open pins in "+s.dir, err)
}

// withPins opens the pins for one operation, so that others can look at them in between.
func (s *Store) withPins(ctx context.Context, f func(pinner.Pinner) error) error {
	s.pinning.Lock()
	defer s.pinning.Unlock()
	db, err := s.openPins(ctx, false)
	if err != nil {
		return err
	}
	return s.withPinsIn(ctx, db, f)
}

// readPins is withPins for what only looks. It writes nothing: the pinner, which mends what a killed process left before it
// reads, works on a copy in memory. So it can be done beside a writer, and on a full disk.
func (s *Store) readPins(ctx context.Context, f func(pinner.Pinner) error) error {
	files, err := os.ReadDir(filepath.Join(s.dir, "pins"))
	if err != nil && !notExist(err) {
		return storageError("find pins", err)
	}
	if !slices.ContainsFunc(files, func(f os.DirEntry) bool { return strings.HasPrefix(f.Name(), "CURRENT") }) {
		return nil // there are none
	}
	s.pinning.Lock()
	defer s.pinning.Unlock()
	db, err := s.openPins(ctx, true)
	if err != nil {
		return err
	}
	memory := datastore.NewMapDatastore()
	all, err := db.Query(ctx, query.Query{})
	if err == nil {
		for e := range all.Next() {
			if err = e.Error; err == nil {
				err = memory.Put(ctx, datastore.NewKey(e.Key), e.Value)
			}
			if err != nil {
				break
			}
		}
		all.Close()
	}
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return storageError("read pins in "+s.dir, err)
	}
	return s.withPinsIn(ctx, dssync.MutexWrap(memory), f)
}

func (s *Store) withPinsIn(ctx context.Context, db datastore.Batching, f func(pinner.Pinner) error) error {
	dag := merkledag.NewDAGService(blockservice.New(s.Blocks(), offline.Exchange(s.Blocks())))
	p, err := dspinner.New(ctx, db, dag)
	if err != nil {
		db.Close()
		return storageError("open pins in "+s.dir, err)
	}
	err = f(p)
	if cerr := p.Close(); err == nil {
		err = storageError("close pins", cerr)
	}
	if cerr := db.Close(); err == nil {
		err = storageError("close pins", cerr)
	}
	return err
}

// Pin keeps everything that the manifest c reaches, which must be in the store: the caller has put or checked it.
func (s *Store) Pin(ctx context.Context, c cid.Cid, name string) error {
	if s.ReadOnly() {
		return fmt.Errorf("pin %s: %w", c, ErrReadOnly)
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if err := s.there(ctx, c); err != nil {
		return fmt.Errorf("pin %s: %w", c, err)
	}
	if err := s.Sync(ctx); err != nil {
		return err
	}
	return s.withPins(ctx, func(p pinner.Pinner) error {
		// Pinning anew removes the old pin first, so do it only to change the name.
		there, err := p.CheckIfPinnedWithType(ctx, pinner.Recursive, true, c)
		if err == nil && len(there) == 1 && there[0].Pinned() && there[0].Name == name {
			return nil
		}
		return storageError("pin "+c.String(), p.PinWithMode(ctx, c, pinner.Recursive, name))
	})
}

// there reports whether what is to be kept is here. Where blocks may have been removed since they were put, that is all of it.
func (s *Store) there(ctx context.Context, c cid.Cid) error {
	has := func(c cid.Cid) error {
		ok, err := s.Has(ctx, c)
		if err == nil && !ok {
			err = blockError("find", c, ErrMissing)
		}
		return err
	}
	if err := has(c); err != nil || s.cache == nil || c.Prefix().Codec != cid.DagCBOR {
		return err
	}
	m, err := manifest.Open(ctx, s, c)
	if err != nil {
		return err
	}
	return m.Walk(ctx, func(l manifest.Link) (bool, error) { return true, has(l.CID) })
}

// unkept notes that something may be kept no longer.
func (s *Store) unkept() error {
	if s.cache != nil {
		s.cache.forget()
		return nil
	}
	return s.uncount()
}

// Unpin ends the promise. The blocks stay until Collect.
func (s *Store) Unpin(ctx context.Context, c cid.Cid) error {
	if s.ReadOnly() {
		return fmt.Errorf("unpin %s: %w", c, ErrReadOnly)
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	if err := s.unkept(); err != nil {
		return storageError("unpin "+c.String(), err)
	}
	return s.withPins(ctx, func(p pinner.Pinner) error {
		err := p.Unpin(ctx, c, true)
		if errors.Is(err, pinner.ErrNotPinned) {
			return fmt.Errorf("%s: %w", c, ErrNotPinned)
		}
		return storageError("unpin "+c.String(), err)
	})
}

// UnpinNamed is Unpin if the promise was made under this name: of an earlier version, say, which the dictionary of the name keeps by itself. Without such a pin
// nothing changes.
func (s *Store) UnpinNamed(ctx context.Context, c cid.Cid, name string) error {
	pins, err := s.Pins(ctx)
	if err != nil || !slices.Contains(pins, Pin{CID: c, Name: name}) {
		return err
	}
	return s.Unpin(ctx, c)
}

// Pins returns all pins in the order of their CIDs.
func (s *Store) Pins(ctx context.Context) ([]Pin, error) {
	var pins []Pin
	err := s.readPins(ctx, func(p pinner.Pinner) error {
		for pin := range p.RecursiveKeys(ctx, true) {
			if pin.Err != nil {
				return storageError("list pins", pin.Err)
			}
			pins = append(pins, Pin{CID: pin.Pin.Key, Name: pin.Pin.Name})
		}
		return ctx.Err()
	})
	sort.Slice(pins, func(i, j int) bool { return pins[i].CID.KeyString() < pins[j].CID.KeyString() })
	return pins, err
}
