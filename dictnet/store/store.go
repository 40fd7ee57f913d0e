package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

// MaxBlock is the most bytes that a block may have.
const MaxBlock = 255 << 10

// DefaultUnpackedSize is what the program takes for Options.UnpackedSize if it is not told otherwise.
const DefaultUnpackedSize = 4 << 30

// Options say how to open a store.
type Options struct {
	ReadOnly bool   // read beside a process that writes
	Command  string // what to tell others who find the store locked, as "dictnet build"

	// CacheSize limits the blocks that are neither pinned nor in a named dictionary, in bytes: beyond it, those go that were
	// used least recently. 0: no limit. A store for reading only does not grow, and removes nothing.
	CacheSize int64
	// UnpackedSize is how much of the disk may be taken by copies of what notes hold, expanded, which save the time to do so again, in bytes: see
	// KeepUnpacked. 0, and less than 4 MiB: none.
	UnpackedSize int64
	// Evicted, if not nil, is told what was removed for the limit, or why nothing could be.
	Evicted func(Evicted, error)
	// Damaged, if not nil, is told of blocks whose bytes, when they were read to be served, were not those of their names.
	Damaged func(cid.Cid)
}

// Store is an open home. It is safe for concurrent use.
type Store struct {
	dir   string
	o     Options
	lock  *flock.Flock // nil if for reading only
	packs *packs
	cache *cache // nil without a limit

	unpacked *unpacked // nil if nothing is to be kept so

	corrupt marks // what did not match its name when it was read last

	uncounted sync.Once // see uncount

	keeping sync.Mutex // held while what is kept changes, and while what is not kept is removed
	pinning sync.Mutex // one at a time opens the pins
	naming  sync.Mutex // one at a time changes names
}

// Open opens the home in dir, and makes it if there is none; for reading only, it makes nothing, and none is as an empty one. Of several writers all but the first get a
// *LockedError. It takes no longer when there are many blocks. The caller closes the store.
func Open(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, storageError("open store", err)
	}
	s := &Store{dir: dir, o: o}
	s.packs = newPacks(s.blockDir(), o.ReadOnly)
	s.unpacked = newUnpacked(s.unpackedFile(), o.UnpackedSize)
	if o.ReadOnly {
		if info, err := os.Stat(dir); err == nil && !info.IsDir() {
			return nil, storageError("open store "+dir, syscall.ENOTDIR)
		}
		return s, storageError("open blocks in "+dir, s.packs.checkLayout())
	}
	for _, d := range []string{dir, filepath.Join(dir, "names"), filepath.Join(dir, "index")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, storageError("make store", err)
		}
	}
	if s.lock, err = lockDir(dir, o.Command); err != nil {
		return nil, err
	}
	if err := s.packs.prepare(); err != nil {
		s.packs.close()
		s.lock.Close()
		return nil, storageError("open blocks in "+dir, err)
	}
	if o.CacheSize > 0 {
		s.cache = newCache(s)
	}
	return s, nil
}

// Exists reports whether there is a home in dir. Where that cannot be seen, opening it says why.
func Exists(dir string) bool {
	for _, d := range []string{"names", "blocks"} {
		if _, err := os.Stat(filepath.Join(dir, d)); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return true
		}
	}
	return false
}

// lockDir takes the lock of the writer, or says who has it.
func lockDir(dir, command string) (*flock.Flock, error) {
	path := filepath.Join(dir, "lock")
	l := flock.New(path, flock.SetPermissions(0o644))
	ok, err := l.TryLock()
	if err != nil {
		return nil, storageError("lock store", err)
	}
	if !ok {
		holder := "another process"
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			holder = strings.TrimSpace(string(b))
		}
		return nil, &LockedError{Dir: dir, Holder: holder}
	}
	if command == "" {
		command = filepath.Base(os.Args[0])
	}
	os.WriteFile(path, fmt.Appendf(nil, "process %d (%s)\n", os.Getpid(), command), 0o644) // only a message, for which a full disk may have no room
	return l, nil
}

// Close gives the store back, after a removal for the limit that is under way. What was put stays; it does not sync.
func (s *Store) Close() error {
	if s.cache != nil {
		s.cache.close()
	}
	if s.unpacked != nil {
		s.unpacked.close()
	}
	err := s.packs.close()
	if s.lock != nil {
		os.Truncate(filepath.Join(s.dir, "lock"), 0) // only a message
		if lerr := s.lock.Close(); err == nil {
			err = lerr
		}
	}
	return storageError("close store", err)
}

// Dir returns the path of the home.
func (s *Store) Dir() string { return s.dir }

// ReadOnly reports whether the store refuses every change.
func (s *Store) ReadOnly() bool { return s.lock == nil }

// IndexDir returns the folder for caches, which may vanish between two runs.
func (s *Store) IndexDir() string { return filepath.Join(s.dir, "index") }

// KeyFile returns the path of the node's identity.
func (s *Store) KeyFile() string { return filepath.Join(s.dir, "identity.key") }

func (s *Store) unpackedFile() string { return filepath.Join(s.dir, unpackedName) }

func (s *Store) blockDir() string { return filepath.Join(s.dir, "blocks") }

// checkCID reports whether blocks of this name belong in the store, and returns the digest.
func checkCID(c cid.Cid) (digest, error) {
	if !c.Defined() {
		return digest{}, fmt.Errorf("block without a CID")
	}
	p := c.Prefix()
	if p.Version != 1 || p.MhType != multihash.SHA2_256 || p.MhLength != sha256.Size || p.Codec != cid.Raw && p.Codec != cid.DagCBOR {
		return digest{}, fmt.Errorf("block %s: CID is not CIDv1, raw or dag-cbor, sha2-256", c)
	}
	return digestOf(c), nil
}

// Get returns the bytes stored under a name, as they came from the disk: codec.OpenNote and the manifest check them, where [Store.Blocks]
// checks by itself. The error wraps ErrMissing, ErrCorrupt or ErrStorage.
func (s *Store) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	d, err := checkCID(c)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, blockError("read", c, err)
	}
	data, err := s.read(c, d, false)
	return data, blockError("read", c, err)
}

// Has reports whether there is a block of a name, without reading it.
func (s *Store) Has(ctx context.Context, c cid.Cid) (bool, error) {
	d, err := checkCID(c)
	if err != nil {
		return false, err
	}
	if err := ctx.Err(); err != nil {
		return false, blockError("find", c, err)
	}
	_, err = s.packs.find(d)
	if err == ErrMissing || errors.Is(err, ErrCorrupt) {
		return false, nil
	}
	return err == nil, blockError("find", c, err)
}

// Put stores data under the name c after checking that it is its name. A block that is there is left
// alone, unless its length shows that it is broken.
func (s *Store) Put(ctx context.Context, c cid.Cid, data []byte) error {
	d, err := checkCID(c)
	if err != nil {
		return err
	}
	if sha256.Sum256(data) != d {
		return fmt.Errorf("store block %s: %w", c, ErrCorrupt)
	}
	return s.PutChecked(ctx, c, data)
}

// PutChecked is Put for a caller who has just made c from data, or compared them, so that nothing is hashed twice.
func (s *Store) PutChecked(ctx context.Context, c cid.Cid, data []byte) error {
	d, err := checkCID(c)
	if err != nil {
		return err
	}
	if len(data) > MaxBlock {
		return fmt.Errorf("block %s has %d bytes, limit %d", c, len(data), MaxBlock)
	}
	if s.ReadOnly() {
		return blockError("write", c, ErrReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return blockError("write", c, err)
	}
	counted := false
	defer func() {
		if counted {
			s.counted(len(data))
		}
	}()
	return blockError("write", c, s.packs.put(d, data, func() error {
		counted = true
		return s.count(len(data))
	}))
}

// Replace stores data over a block that proved to be corrupt.
func (s *Store) Replace(ctx context.Context, c cid.Cid, data []byte) error {
	if err := s.Delete(ctx, c); err != nil {
		return err
	}
	return s.Put(ctx, c, data)
}

// Delete removes one block, pinned or not. It is no error if there is none.
func (s *Store) Delete(ctx context.Context, c cid.Cid) error {
	d, err := checkCID(c)
	if err != nil {
		return err
	}
	if s.ReadOnly() {
		return blockError("delete", c, ErrReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return blockError("delete", c, err)
	}
	return blockError("delete", c, s.remove(ctx, keyOf(d)))
}

// reclaimEvery is how many bytes of removed blocks are left lying about.
const reclaimEvery = 64 << 20

func (s *Store) remove(ctx context.Context, k key) error {
	dead, err := s.packs.remove(k)
	if err == nil && dead > reclaimEvery {
		err = s.packs.reclaim(ctx)
	}
	return err
}

// Sync returns when everything put so far survives a power failure.
func (s *Store) Sync(ctx context.Context) error {
	if s.ReadOnly() {
		return nil
	}
	if err := s.packs.sync(); err != nil {
		return storageError("sync "+s.dir, err)
	}
	return ctx.Err()
}
