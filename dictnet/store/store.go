package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"
	"github.com/ipfs/boxo/blockstore"
	blocks "github.com/ipfs/go-block-format"
	"github.com/ipfs/go-cid"
	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-ds-flatfs"
	"github.com/multiformats/go-multihash"
)

// MaxBlock is the most bytes that a block may have.
const MaxBlock = 255 << 10

// Options say how to open a store.
type Options struct {
	ReadOnly bool   // read beside a process that writes
	Verify   bool   // check the digest of every block that is read; notes and manifests are checked by their readers anyway
	Command  string // what to tell others who find the store locked, as "dictnet build"
}

// Store is an open home. It is safe for concurrent use.
type Store struct {
	dir    string
	o      Options
	lock   *flock.Flock      // nil if for reading only
	files  *flatfs.Datastore // nil if for reading only
	blocks blockstore.Blockstore

	unsynced atomic.Bool // something was put since the last sync

	pinning sync.Mutex // one at a time opens the pins
	naming  sync.Mutex // one at a time changes names
}

// Open opens the home in dir, and makes it if there is none. Of several writers all but the first get a
// *LockedError. The caller closes the store.
func Open(dir string, o Options) (*Store, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, storageError("open store", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "names"), filepath.Join(dir, "index")} {
		if err := os.MkdirAll(d, 0o755); err != nil && !(o.ReadOnly && isDir(dir)) {
			return nil, storageError("make store", err)
		}
	}
	s := &Store{dir: dir, o: o}
	var files datastore.Batching = readFiles{s.blockDir()}
	if !o.ReadOnly {
		if s.lock, err = lockDir(dir, o.Command); err != nil {
			return nil, err
		}
		if s.files, err = openFiles(s.blockDir()); err != nil {
			s.lock.Close()
			return nil, storageError("open blocks in "+dir, err)
		}
		files = s.files
		s.unsynced.Store(true) // perhaps by a process that was killed
	}
	// WriteThrough: whether a block is there already is for Put to say.
	s.blocks = blockstore.NewBlockstore(files, blockstore.NoPrefix(), blockstore.WriteThrough(true))
	if o.Verify {
		s.blocks = &blockstore.ValidatingBlockstore{Blockstore: s.blocks}
	}
	return s, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// openFiles opens the blocks, which appear at once, ready.
func openFiles(dir string) (*flatfs.Datastore, error) {
	if _, err := os.Stat(dir); notExist(err) {
		fresh := dir + ".new"
		if err := os.RemoveAll(fresh); err != nil {
			return nil, err
		}
		if err := flatfs.Create(fresh, flatfs.NextToLast(2)); err != nil {
			return nil, err
		}
		if err := os.Rename(fresh, dir); err != nil {
			return nil, err
		}
	}
	return flatfs.Open(dir, !syncsAtOnce)
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
	if err := os.WriteFile(path, fmt.Appendf(nil, "process %d (%s)\n", os.Getpid(), command), 0o644); err != nil {
		l.Close()
		return nil, storageError("lock store", err)
	}
	return l, nil
}

// Close gives the store back. What was put stays; it does not sync.
func (s *Store) Close() error {
	if s.lock == nil {
		return nil
	}
	err := s.files.Close()
	os.Truncate(filepath.Join(s.dir, "lock"), 0) // only a message
	if lerr := s.lock.Close(); err == nil {
		err = lerr
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

func (s *Store) blockDir() string { return filepath.Join(s.dir, "blocks") }

// Blocks returns the store as the IPFS libraries want it, to serve from. Write through Put, which checks.
func (s *Store) Blocks() blockstore.Blockstore { return s.blocks }

// checkCID reports whether blocks of this name belong in the store, and returns the digest.
func checkCID(c cid.Cid) ([sha256.Size]byte, error) {
	if !c.Defined() {
		return [sha256.Size]byte{}, fmt.Errorf("block without a CID")
	}
	p := c.Prefix()
	if p.Version != 1 || p.MhType != multihash.SHA2_256 || p.MhLength != sha256.Size || p.Codec != cid.Raw && p.Codec != cid.DagCBOR {
		return [sha256.Size]byte{}, fmt.Errorf("block %s: CID is not CIDv1, raw or dag-cbor, sha2-256", c)
	}
	h := c.Hash()
	return [sha256.Size]byte(h[len(h)-sha256.Size:]), nil
}

// Get returns the bytes stored under a name. Unless the store verifies, they are what the disk returned:
// codec.OpenNote and the manifest check them. The error wraps ErrMissing, ErrCorrupt or ErrStorage.
func (s *Store) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	if _, err := checkCID(c); err != nil {
		return nil, err
	}
	b, err := s.blocks.Get(ctx, c)
	if err == blockstore.ErrHashMismatch {
		return nil, fmt.Errorf("block %s in %s: %w", c, s.dir, ErrCorrupt)
	}
	if err != nil {
		return nil, blockError("read", c, err)
	}
	return b.RawData(), nil
}

// Has reports whether there is a block of a name, without reading it.
func (s *Store) Has(ctx context.Context, c cid.Cid) (bool, error) {
	if _, err := checkCID(c); err != nil {
		return false, err
	}
	ok, err := s.blocks.Has(ctx, c)
	return ok, blockError("find", c, err)
}

// Put stores data under the name c after checking that it is its name. A block that is there is left
// alone, unless its length shows that it is broken.
func (s *Store) Put(ctx context.Context, c cid.Cid, data []byte) error {
	digest, err := checkCID(c)
	if err != nil {
		return err
	}
	if len(data) > MaxBlock {
		return fmt.Errorf("block %s has %d bytes, limit %d", c, len(data), MaxBlock)
	}
	if sha256.Sum256(data) != digest {
		return fmt.Errorf("store block %s: %w", c, ErrCorrupt)
	}
	if size, err := s.blocks.GetSize(ctx, c); err == nil && size == len(data) {
		return nil
	}
	b, err := blocks.NewBlockWithCid(data, c)
	if err != nil {
		return blockError("write", c, err)
	}
	s.unsynced.Store(true)
	return blockError("write", c, s.blocks.Put(ctx, b))
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
	if _, err := checkCID(c); err != nil {
		return err
	}
	return blockError("delete", c, s.blocks.DeleteBlock(ctx, c))
}

// Sync returns when everything put so far survives a power failure.
func (s *Store) Sync(ctx context.Context) error {
	if s.ReadOnly() || !s.unsynced.Swap(false) {
		return nil
	}
	if err := syncDisk(s.blockDir()); err != nil {
		s.unsynced.Store(true)
		return storageError("sync "+s.dir, err)
	}
	return ctx.Err()
}
