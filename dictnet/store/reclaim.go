package store

import (
	"context"
	"errors"
	"os"
	"syscall"
)

// What a pack may take on the disk beyond its blocks before something is done about it, bytes.
const slack = 32 << 10

// reclaim gives the disk space of blocks that were removed back: of whole packs, of parts of packs, and where too little is left in one, by
// moving that. It works on a full disk. What is in a pack decides, not the table: a block that is not in that is put back there.
func (p *packs) reclaim(ctx context.Context) error {
	p.reclaiming.Lock()
	defer p.reclaiming.Unlock()
	live := make(map[uint32]int64) // bytes by pack
	if err := p.each(ctx, func(s slot) error { live[s.pack] += recordSpan(s.size); return nil }); err != nil {
		return err
	}
	all, err := p.numbers()
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.dead = 0
	p.mu.Unlock()
	for _, onlyEmpty := range []bool{true, false} { // these first, because they need no space
		for _, number := range all {
			if onlyEmpty != (live[number] == 0) {
				continue
			}
			if err := p.reclaimPack(ctx, number, live[number]); err != nil {
				return err
			}
		}
	}
	return nil
}

// reclaimPack is reclaim for one pack, of which so many bytes seem to be live.
func (p *packs) reclaimPack(ctx context.Context, number uint32, live int64) error {
	f, err := p.file(number)
	if err != nil {
		return ignoreGone(err)
	}
	info, err := f.Stat()
	if err != nil || live > 0 && !wasteful(info, live) {
		return err
	}
	p.mu.Lock()
	if number == p.number { // nothing is added to it from now on
		p.last = nil
	}
	p.mu.Unlock()
	if info, err = f.Stat(); err != nil {
		return err
	}
	var here []slot
	_, sound, err := scan(f, 0, info.Size(), false, func(at int64, h header, _ bool) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := slot{key: keyOf(h.digest), place: place{number, uint32(at / recordAlign)}, size: h.size, used: p.minute()}
		is, err := p.isHere(s)
		if is {
			here = append(here, s)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(here) == 0 && live == 0 {
		return p.unlink(number, f)
	}
	if !sound {
		return nil // something may be between what was found
	}
	if err := p.punch(f, here, info.Size()); err != nil {
		return err
	}
	live = 0
	for _, s := range here {
		live += recordSpan(s.size)
	}
	if info, err = f.Stat(); err != nil || !wasteful(info, 2*live) && live > info.Size()/8 {
		return err
	}
	if err := p.move(ctx, f, here); err != nil {
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			return nil // another time
		}
		return err
	}
	return p.unlink(number, f)
}

func wasteful(info os.FileInfo, live int64) bool {
	return allocated(info) > live+live/8+slack
}

func ignoreGone(err error) error {
	if err == errGone {
		return nil
	}
	return err
}

// isHere reports whether the table has a block at this place. If it has it nowhere, it has from now on.
func (p *packs) isHere(s slot) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, now, ok, err := p.table.Load().find(s.key)
	if err != nil || ok {
		return ok && now.place == s.place, err
	}
	return true, p.again(s)
}

// punch gives the space between the blocks that are here, in order, back.
func (p *packs) punch(f *os.File, here []slot, size int64) error {
	type gap struct{ at, end int64 }
	var gaps []gap
	end := int64(0)
	for i := 0; i <= len(here); i++ {
		next := align(size)
		if i < len(here) {
			next = here[i].offset()
		}
		if next-end >= recordHeader {
			gaps = append(gaps, gap{end, next})
		}
		if i < len(here) {
			end = next + recordSpan(here[i].size)
		}
	}
	const block = 4096
	large := gaps[:0]
	for _, g := range gaps {
		head := header{gone: true, size: uint32(g.end - g.at - recordHeader)}
		if (g.end&^(block-1))-((g.at+recordHeader+block-1)&^(block-1)) < block {
			continue // no whole block of the disk
		}
		var b [recordHeader]byte
		if _, err := f.ReadAt(b[:], g.at); err != nil {
			return err
		}
		large = append(large, g)
		if was, ok := parseHeader(b[:]); ok && was == head {
			continue // joined before, by one who may have been killed before he gave the space back
		}
		if _, err := f.WriteAt(head.append(nil), g.at); err != nil {
			return err
		}
	}
	if len(large) == 0 {
		return nil
	}
	if err := f.Sync(); err != nil { // else, after a power failure, a block could seem to be where there is nothing
		return err
	}
	for _, g := range large {
		begin := (g.at + recordHeader + block - 1) &^ (block - 1)
		if err := punch(f, begin, g.end&^(block-1)-begin); err != nil {
			return err
		}
	}
	return nil
}

// move copies blocks to the last pack.
func (p *packs) move(ctx context.Context, f *os.File, here []slot) error {
	for _, s := range here {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.moveOne(f, s); err != nil {
			return err
		}
	}
	return p.sync()
}

func (p *packs) moveOne(f *os.File, s slot) error {
	b := make([]byte, recordHeader+int(s.size))
	if _, err := f.ReadAt(b, s.offset()); err != nil {
		return err
	}
	h, ok := parseHeader(b)
	p.mu.Lock()
	defer p.mu.Unlock()
	_, now, there, err := p.table.Load().find(s.key)
	if err != nil || !there || now.place != s.place || !ok || h.gone {
		return err // removed meanwhile
	}
	return p.append(h.digest, b[recordHeader:], now.used)
}

// unlink removes a pack that nothing is in any more.
func (p *packs) unlink(number uint32, f *os.File) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := f.Truncate(0); err != nil { // the space comes back though others have it open
		return err
	}
	if err := os.Remove(p.packPath(number)); err != nil && !notExist(err) {
		return err
	}
	p.drop(number)
	p.unsyncedD = true
	return nil
}
