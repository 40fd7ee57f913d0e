package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"

	"dictnet/merkle/sha256x2"
)

// Check reads every block, on all processors, and calls bad, one call at a time, for each whose bytes are not those of its name or cannot
// be read. It returns how many were read. Names come as raw CIDs: what kind of block it is the store does not know; of a block
// whose record is damaged so much that nobody can say which it was, cid.Undef. A store that is open for writing is mended as far as it can
// be: what was not in the index is, and what is no block is not there any more.
func (s *Store) Check(ctx context.Context, bad func(c cid.Cid, err error)) (uint64, error) {
	if !s.ReadOnly() {
		if err := s.packs.complete(ctx); err != nil {
			return 0, storageError("check the index", err)
		}
	}
	var all []slot
	if err := s.packs.each(ctx, func(b slot) error { all = append(all, b); return nil }); err != nil {
		return 0, storageError("check blocks", err)
	}
	slices.SortFunc(all, func(a, b slot) int { // as they lie on the disk
		return cmp.Or(cmp.Compare(a.pack, b.pack), cmp.Compare(a.at, b.at))
	})
	var mu sync.Mutex
	var done uint64
	g, gctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			var buf [2][]byte
			for gctx.Err() == nil {
				i := min(2*int(next.Add(1)-1), len(all))
				some := all[i:min(i+2, len(all))]
				if len(some) == 0 {
					break
				}
				var bodies [2][]byte
				var errs [2]error
				for i, b := range some {
					buf[i], errs[i] = s.readWhole(buf[i], b)
					bodies[i] = buf[i][recordHeader:]
				}
				var sums [2]digest
				sums[0], sums[1] = sha256x2.Sum(bodies[0], bodies[1])
				for i, b := range some {
					c, err := s.checkSlot(b, buf[i], sums[i], errs[i])
					switch {
					case err == errGone:
						continue
					case errors.Is(err, fs.ErrPermission): // of all, rather than of one
						return err
					}
					if err != nil {
						if err = storageError("check", err); c.Defined() {
							err = blockError("read", c, err)
						}
					}
					mu.Lock()
					done++
					if err != nil {
						bad(c, err)
					}
					mu.Unlock()
				}
			}
			return nil
		})
	}
	err := g.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return done, storageError("check blocks", err)
}

// readWhole reads the record of a slot into buf, or where that is too small, anew; what the file does not have is zeros.
func (s *Store) readWhole(buf []byte, b slot) ([]byte, error) {
	record := slices.Grow(buf[:0], recordHeader+int(b.size))[:recordHeader+int(b.size)]
	f, err := s.packs.file(b.pack)
	n := 0
	if err == nil {
		n, err = s.packs.o.readAll(f, record, b.offset())
	}
	clear(record[n:])
	return record, err
}

// checkSlot compares a block with its name: what readWhole says of it, and the digest of its body. The error is errGone if there is none any more.
func (s *Store) checkSlot(b slot, record []byte, sum digest, err error) (cid.Cid, error) {
	if errors.Is(err, syscall.EIO) { // the disk has lost some of it: it is damaged, if nothing worse shows
		if d, nerr := s.packs.name(b); nerr == nil {
			return rawCID(d), err
		}
	}
	if err != nil && err != io.EOF && err != errGone {
		return cid.Undef, err
	}
	h, ok := parseHeader(record)
	ok = ok && err == nil && !h.gone && h.size == b.size
	if ok && sum == h.digest && keyOf(sum) == b.key {
		return rawCID(sum), nil
	}
	if now, there, serr := s.packs.slotOf(b.key); serr != nil || !there || now.place != b.place {
		return cid.Undef, cmp.Or(serr, errGone) // meanwhile
	}
	switch {
	case err == nil && keyOf(sum) == b.key: // only the head is damaged
		if !s.ReadOnly() {
			return rawCID(sum), s.packs.put(sum, record[recordHeader:], nil)
		}
		return rawCID(sum), fmt.Errorf("%w: the head of its record is damaged", ErrCorrupt)
	case err == nil && keyOf(h.digest) == b.key && !h.gone:
		return rawCID(h.digest), ErrCorrupt
	}
	if !s.ReadOnly() {
		if _, err := s.packs.remove(b.key); err != nil {
			return cid.Undef, err
		}
	}
	if err != nil || ok || h.gone {
		return cid.Undef, errGone // cut off, or never there: it is missing
	}
	return cid.Undef, fmt.Errorf("%w, and nobody can say which: at byte %d of pack %d", ErrCorrupt, b.offset(), b.pack)
}

// SetAside moves a block that proved to be damaged out of the way, into a file of its own, and returns where it is now. Then the block is
// missing, and is fetched or built anew when somebody needs it. If there is no room for the file, there is none.
func (s *Store) SetAside(c cid.Cid) (path string, err error) {
	d, err := checkCID(c)
	if err != nil {
		return "", err
	}
	if s.ReadOnly() {
		return "", blockError("set aside", c, ErrReadOnly)
	}
	b, ok, err := s.packs.slotOf(keyOf(d))
	if err == nil && !ok {
		err = ErrMissing
	}
	if err != nil {
		return "", blockError("set aside", c, err)
	}
	path = filepath.Join(s.dir, "damaged", c.String())
	err = s.packs.copyTo(path, b)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, errGone) {
		os.Remove(path)
		path, err = "", nil
	}
	if err == nil {
		_, err = s.packs.remove(b.key)
	}
	return path, blockError("set aside", c, err)
}

// Kept is a manifest whose blocks are kept.
type Kept struct {
	CID  cid.Cid
	What string // for people: whose it is
}

// Kept lists the manifests of all named dictionaries, their earlier versions, and pins, each once. If some names are damaged, it lists
// what else is kept, with a *DamagedNamesError.
func (s *Store) Kept(ctx context.Context) ([]Kept, error) {
	var all []Kept
	dicts, err := s.Dictionaries()
	var damaged *DamagedNamesError
	if err != nil && !errors.As(err, &damaged) {
		return nil, fmt.Errorf("list what is kept: %w", err)
	}
	err = s.eachKept(ctx, dicts, func(c cid.Cid, what string) error {
		all = append(all, Kept{c, what})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list what is kept: %w", err)
	}
	if damaged != nil {
		return all, damaged
	}
	return all, nil
}
