// Package store is the home of notes and dictionaries on disk.
//
//	HOME/
//	  lock            held by the one process that may write; says which it is
//	  blocks/         notes and manifests, one after another in N.pack; table says where each is
//	  cache.json      at most how many bytes of blocks nothing keeps; may be deleted
//	  unpacked        what notes hold, expanded, for the next time; may be deleted
//	  damaged/        blocks that were not what their names say, put aside by SetAside
//	  pins/           which manifests to keep (leveldb, boxo's pinner)
//	  names/NAME.json named dictionaries: version, lineage, anchor
//	  index/          caches that may be deleted at any time
//	  identity.key    who this node is on the network
//
// One process writes at a time, and any number may read beside it: they see what it puts at once. Put alone promises nothing across a power
// failure; pinning and naming do: they sync everything first. A process that is killed loses nothing that it has put. What lies on the disk is
// described byte for byte in docs/operating.md.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/ipfs/go-cid"
)

var (
	// ErrStorage is wrapped by every failure of the disk: full, not permitted, locked, broken.
	ErrStorage = errors.New("local storage failed")
	// ErrMissing is wrapped when a block is not in the store.
	ErrMissing = errors.New("not in the store")
	// ErrCorrupt is wrapped when bytes do not belong to the name they are stored or offered under.
	ErrCorrupt = errors.New("bytes do not match the CID")
	// ErrReadOnly is wrapped by what would change a store opened for reading. It is an ErrStorage.
	ErrReadOnly = fmt.Errorf("%w: the store is open for reading only", ErrStorage)
	// ErrNoDictionary is wrapped when no dictionary has a name.
	ErrNoDictionary = errors.New("no such dictionary")
	// ErrNotPinned is wrapped when there is no pin to remove.
	ErrNotPinned = errors.New("not pinned")
)

// LockedError says who writes to the store. It wraps ErrStorage.
type LockedError struct {
	Dir    string
	Holder string // "process 123 (dictnet build)", as the holder wrote it
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%v: %s is in use by %s", ErrStorage, e.Dir, e.Holder)
}

func (e *LockedError) Unwrap() error { return ErrStorage }

// blockError names the block and sorts the error by what a caller can do about it.
func blockError(op string, c cid.Cid, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrMissing):
		return fmt.Errorf("block %s: %w", c, ErrMissing)
	case errors.Is(err, ErrCorrupt):
		return fmt.Errorf("%s block %s: %w", op, c, err)
	case errors.Is(err, ErrReadOnly), isContext(err):
		return fmt.Errorf("%s block %s: %w", op, c, err)
	}
	return fmt.Errorf("%w: %s block %s: %w", ErrStorage, op, c, err)
}

func storageError(op string, err error) error {
	if err == nil || errors.Is(err, ErrStorage) || isContext(err) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrStorage, op, err)
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func notExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
