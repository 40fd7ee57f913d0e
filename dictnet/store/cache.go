package store

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Evicted says what was removed because the cache had grown beyond its limit.
type Evicted struct {
	Removed      uint64 `json:"removed"` // blocks
	RemovedBytes uint64 `json:"removedBytes"`
	Left         uint64 `json:"leftBytes"` // of blocks that nothing keeps
}

// cache keeps the blocks that no pin and no named dictionary reaches within a limit.
//
// Which they are is only known after all manifests that are kept have been walked and the whole table was read, so that is done
// seldom. In between, a bound of their bytes is carried on: what is put adds to it, and what it may grow by is written to disk
// beforehand, so that a process which is killed leaves it too high, never too low. When it exceeds the limit, a pass
// counts what is there and removes the least recently used until a tenth of the limit is free.
type cache struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	bound   int64 // at least the bytes of blocks that nothing keeps; -1: not known
	written int64 // what the file says; at least bound
	putting int64 // bytes that are counted and perhaps not on disk yet
	pending int64 // bytes that the pass which is running may have missed
	changes int   // of what is kept; see forget
	running bool
	wait    int64 // bytes to be put before the next pass, after one that failed
}

// reserve is how much the bound in the file is ahead.
const reserve = 64 << 20

type cacheFile struct {
	Bound int64 `json:"bound_bytes"`
}

func (s *Store) cacheFile() string { return filepath.Join(s.dir, "cache.json") }

func newCache(s *Store) *cache {
	c := &cache{s: s, bound: -1}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	var f cacheFile
	if b, err := os.ReadFile(s.cacheFile()); err == nil && json.Unmarshal(b, &f) == nil && f.Bound >= 0 {
		c.bound, c.written = f.Bound, f.Bound
	}
	return c
}

// count adds what is about to be put.
func (s *Store) count(n int) error {
	if s.cache == nil {
		return s.uncount()
	}
	return s.cache.add(int64(n))
}

// uncount forgets the bound, because what nothing keeps is about to grow uncounted.
func (s *Store) uncount() (err error) {
	s.uncounted.Do(func() {
		if err = os.Remove(s.cacheFile()); notExist(err) {
			err = nil
		}
	})
	return err
}

func (c *cache) add(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending += n
	c.putting += n
	c.wait -= min(n, c.wait)
	if c.bound >= 0 {
		c.bound += n
		if c.bound > c.written {
			if err := c.save(c.bound + reserve); err != nil {
				return err
			}
		}
	}
	return nil
}

// counted ends what count began, whether the block was put or not, and starts a pass if one is due.
func (s *Store) counted(n int) {
	c := s.cache
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.putting -= int64(n)
	if !c.running && c.due() {
		c.running = true
		c.wg.Go(c.pass)
	}
}

// save writes the bound to the file. c.mu is held.
func (c *cache) save(bound int64) error {
	b, err := json.Marshal(cacheFile{bound})
	if err == nil {
		err = os.WriteFile(c.s.cacheFile(), append(b, '\n'), 0o644)
	}
	if err == nil {
		c.written = bound
	}
	return err
}

// pass counts, and removes what is too much, again until what was put meanwhile is within the limit too.
func (c *cache) pass() {
	for again := true; again; {
		c.mu.Lock()
		changes := c.changes
		c.pending = c.putting
		c.mu.Unlock()
		done, err := c.s.evict(c.ctx, c.s.o.CacheSize)
		c.mu.Lock()
		if err == nil && changes == c.changes {
			c.bound = int64(done.Left) + c.pending
			err = c.save(c.bound)
		}
		if err != nil && changes == c.changes { // do not try again at once
			c.wait = reserve
		}
		again = err == nil && c.pending > 0 && c.due()
		c.running = again
		c.mu.Unlock()
		if told := c.s.o.Evicted; told != nil && c.ctx.Err() == nil && (err != nil || done.Removed > 0) {
			told(done, err)
		}
	}
}

// due reports whether a pass has something to do. c.mu is held.
func (c *cache) due() bool {
	return (c.bound < 0 || c.bound > c.s.o.CacheSize) && c.wait == 0 && c.ctx.Err() == nil
}

// forget makes the next pass count anew: what was kept is no longer.
func (c *cache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bound, c.wait = -1, 0
	c.changes++
	os.Remove(c.s.cacheFile())
}

// close waits for a pass that is running, and writes the bound as it is.
func (c *cache) close() {
	c.wg.Wait()
	c.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bound >= 0 && c.bound != c.written {
		c.save(c.bound) // what is there is too high
	}
}

// evict removes blocks that nothing keeps, the least recently used first, until they are within nine tenths of the limit,
// if they exceed it. Times that lie in the future, after the clock was wrong, count as now.
func (s *Store) evict(ctx context.Context, limit int64) (Evicted, error) {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	live, err := s.mark(ctx)
	if err != nil {
		return Evicted{}, err
	}
	type use struct{ minute, size uint32 } // 8 bytes for each block, so that there may be many
	var uses []use
	var total int64
	now := s.packs.minute()
	err = s.eachLoose(ctx, live, func(b slot) error {
		uses = append(uses, use{min(b.used, now), b.size})
		total += int64(b.size)
		if b.used > now {
			return s.packs.usedNow(b.key)
		}
		return nil
	})
	if err != nil || total <= limit {
		return Evicted{Left: uint64(total)}, err
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Compare(a.minute, b.minute) })
	excess := total - limit/10*9
	latest, sum := uint32(0), int64(0) // those used until then are too much
	for _, u := range uses {
		latest = u.minute
		if sum += int64(u.size); sum >= excess {
			break
		}
	}
	done := Evicted{Left: uint64(total)}
	err = s.eachLoose(ctx, live, func(b slot) error {
		if int64(done.RemovedBytes) >= excess || b.used > latest { // perhaps used since
			return nil
		}
		if _, err := s.packs.remove(b.key); err != nil {
			return err
		}
		done.Removed++
		done.RemovedBytes += uint64(b.size)
		done.Left -= uint64(b.size)
		return nil
	})
	if err == nil {
		err = s.packs.reclaim(ctx)
	}
	return done, storageError("remove what was used least recently", err)
}

// eachLoose visits the blocks that are not live.
func (s *Store) eachLoose(ctx context.Context, live live, visit func(slot) error) error {
	return storageError("list blocks", s.packs.each(ctx, func(b slot) error {
		if live.has(b.key) {
			return nil
		}
		return visit(b)
	}))
}
