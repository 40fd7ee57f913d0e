package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// prepare makes the packs ready for the one process that writes: what the last one did not get to is done.
func (p *packs) prepare() error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return err
	}
	if err := p.checkLayout(); err != nil {
		return err
	}
	t, err := openTable(p.tablePath())
	if err == nil && t.mute {
		t.f.Close()
		return &os.PathError{Op: "open", Path: p.tablePath(), Err: os.ErrPermission}
	}
	if err == nil {
		from, doubt := t.synced, uint32(0)
		if t.boot != 0 && t.boot == boot() {
			from, doubt = t.written, math.MaxUint32 // all that was written has survived
		}
		p.table.Store(t)
		err = p.replay(from, doubt)
	}
	if !errors.Is(err, errTable) && !notExist(err) {
		return err
	}
	if err := p.rebuild(); err != nil {
		return err
	}
	all, err := p.numbers()
	if err != nil {
		return err
	}
	last := place{pack: 1} // of what nobody knows whether it was synced
	if len(all) > 1 {
		last.pack = all[len(all)-2]
	}
	return p.replay(last, last.pack)
}

// checkLayout refuses folders in which each block is a file.
func (p *packs) checkLayout() error {
	if _, err := os.Stat(filepath.Join(p.dir, "SHARDING")); err == nil {
		return errLayout
	}
	return nil
}

// replay brings what was written from a place on into the table, and finds where to go on writing. What is no record at the
// end, because it was torn, is cut off. In the packs from doubt on, blocks that are not what they should be, after a power
// failure, are ended. Nobody else uses p.
func (p *packs) replay(from place, doubt uint32) error {
	t := p.table.Load()
	all, err := p.numbers()
	if err != nil {
		return err
	}
	p.last, p.end, p.begun, p.unsynced = nil, 0, 0, nil
	p.number = 0
	for _, at := range []place{t.synced, t.written} { // a number is not used twice
		if at.at == 0 && at.pack > 0 {
			at.pack-- // it was not there yet
		}
		p.number = max(p.number, at.pack)
	}
	for _, number := range all {
		if number < min(from.pack, t.synced.pack) {
			continue
		}
		f, err := p.file(number)
		if err != nil {
			return err
		}
		if number >= t.synced.pack {
			p.unsync(f)
		}
		if number < from.pack {
			continue
		}
		begin := int64(0)
		if number == from.pack {
			begin = from.offset()
		}
		end, whole, err := p.reread(p.again, f, number, begin, number >= doubt)
		if err != nil {
			return err
		}
		if number < p.number {
			continue
		}
		p.number = number
		if p.last, p.end, p.begun = f, end, end; !whole {
			p.last = nil // nothing is added to what is damaged
		}
	}
	if here := p.here(); here == t.synced {
		p.unsynced = nil
	}
	return p.save()
}

// reread hands the blocks of a pack from an offset on to found. It returns where the next record goes, and whether there is nothing else from there on.
func (p *packs) reread(found func(slot) error, f *os.File, number uint32, from int64, verify bool) (end int64, whole bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, false, err
	}
	if align(info.Size()) < from {
		return 0, false, nil // somebody cut it
	}
	end, _, err = scan(f, from, info.Size(), verify, func(at int64, h header, whole bool) error {
		if !whole {
			_, err := f.WriteAt([]byte(wordGone), at)
			return err
		}
		return found(slot{key: keyOf(h.digest), place: place{number, uint32(at / recordAlign)}, size: h.size, used: p.minute()})
	})
	if err == nil && info.Size() > end {
		err = f.Truncate(end)
	}
	return end, true, err
}

// again puts the slot of a block that was found in a pack. p.mu is held, or nobody else uses p.
func (p *packs) again(s slot) error {
	t, err := p.roomy()
	if err != nil {
		return err
	}
	return t.again(s, t)
}

// roomy returns the table with room for another block. p.mu is held, or nobody else uses p.
func (p *packs) roomy() (*table, error) {
	t := p.table.Load()
	fresh, err := t.roomy()
	if fresh != t && err == nil {
		p.replaced(fresh)
	}
	return fresh, err
}

// replaced takes a new table, which has its name already, in place of the one that there was. That stays open as long as anybody lists or
// syncs it. p.mu is held, or nobody else uses p.
func (p *packs) replaced(fresh *table) {
	p.table.Store(fresh)
	p.unsyncedD = true
}

// mend makes the table anew, if it proved to be damaged and nobody has done so already.
func (p *packs) mend(t *table, cause error) error {
	if p.renewed(t) {
		return nil
	}
	if p.o.readOnly {
		return fmt.Errorf("%w; dictnet fsck makes it anew", cause)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.table.Load() != t {
		return nil
	}
	return p.rebuild()
}

// rebuild makes the table anew from the packs, which it leaves as they are. p.mu is held, or nobody else uses p.
func (p *packs) rebuild() error {
	all, err := p.numbers()
	if err != nil {
		return err
	}
	old := p.table.Load() // may be nil
	fresh, err := newTable(p.tablePath()+".new", minTable, progress{})
	if err != nil {
		return err
	}
	for _, number := range all {
		f, err := p.file(number)
		var size int64
		if err == nil {
			size, err = p.sizeOf(number, f)
		}
		if err == nil {
			_, _, err = scan(f, 0, size, false, func(at int64, h header, _ bool) error {
				roomy, err := fresh.roomy()
				if err != nil {
					return err
				}
				if roomy != fresh {
					fresh.f.Close()
					fresh = roomy
				}
				return fresh.again(slot{key: keyOf(h.digest), place: place{number, uint32(at / recordAlign)}, size: h.size, used: p.minute()}, old)
			})
		}
		if err != nil {
			fresh.f.Close()
			os.Remove(fresh.path)
			return err
		}
	}
	if err := fresh.rename(p.tablePath()); err != nil {
		fresh.f.Close()
		return err
	}
	p.replaced(fresh)
	if p.last != nil {
		return p.save()
	}
	return nil
}

// sizeOf returns how much of a pack is records. p.mu is held, or nobody else uses p.
func (p *packs) sizeOf(number uint32, f *os.File) (int64, error) {
	if p.last != nil && number == p.number {
		return p.end, nil
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// complete looks through all packs and puts what the table lacks into it.
func (p *packs) complete(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.table.Load()
	if damaged, err := t.each(func(slot) error { return ctx.Err() }); err != nil {
		return err
	} else if damaged > 0 {
		return p.rebuild()
	}
	all, err := p.numbers()
	if err != nil {
		return err
	}
	for _, number := range all {
		f, err := p.file(number)
		if err != nil {
			return err
		}
		size, err := p.sizeOf(number, f)
		if err != nil {
			return err
		}
		if _, _, err := scan(f, 0, size, false, func(at int64, h header, _ bool) error {
			if _, _, ok, err := p.table.Load().find(keyOf(h.digest)); ok || err != nil {
				return cmp.Or(err, ctx.Err())
			}
			return p.again(slot{key: keyOf(h.digest), place: place{number, uint32(at / recordAlign)}, size: h.size, used: p.minute()})
		}); err != nil {
			return err
		}
	}
	return nil
}
