package store

import (
	"hash/crc32"
	"os"
	"sync"

	"github.com/ipfs/go-cid"
)

// lending says which places of the file of unpacked notes are read where they lie, in memory that the file is mapped to. As long as one is, its bytes have a shared lock, and
// whoever would change them an exclusive one: so between processes (of the open file, which ends with whoever held it), and here between goroutines, who share the file.
type lending struct {
	mu    sync.Mutex
	known bool           // whether there are locks
	locks bool           // on the file system; if not, nothing is lent
	times map[uint64]int // places: how often they are lent; beingWritten
}

const beingWritten = -1

// lock locks a place, shared or exclusively, unless another process has it.
func (l *lending) lock(u *unpacked, f *os.File, place uint64, exclusive bool) bool {
	if !l.known {
		l.known, l.locks = true, local(f)
	}
	if !l.locks {
		return exclusive
	}
	return lockPart(f, u.noteOffset(place), unpackedNote, exclusive)
}

func (l *lending) unlock(u *unpacked, f *os.File, place uint64) {
	if l.locks {
		unlockPart(f, u.noteOffset(place), unpackedNote)
	}
}

// begin lends a place once more, unless somebody changes it.
func (l *lending) begin(u *unpacked, f *os.File, place uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.times[place]
	if n == beingWritten || n == 0 && !l.lock(u, f, place, false) {
		return false
	}
	l.set(place, n+1)
	return true
}

// end takes a place back, once.
func (l *lending) end(u *unpacked, f *os.File, place uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.times[place]
	if n == 1 {
		l.unlock(u, f, place)
	}
	l.set(place, n-1)
}

// beginWrite reports whether a place may be changed, until endWrite is called.
func (l *lending) beginWrite(u *unpacked, f *os.File, place uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.times[place] != 0 || !l.lock(u, f, place, true) {
		return false
	}
	l.set(place, beingWritten)
	return true
}

func (l *lending) endWrite(u *unpacked, f *os.File, place uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unlock(u, f, place)
	l.set(place, 0)
}

func (l *lending) set(place uint64, n int) {
	if l.times == nil {
		l.times = make(map[uint64]int)
	}
	if l.times[place] = n; n == 0 {
		delete(l.times, place)
	}
}

// lend is get, but the bytes are those of the file.
func (u *unpacked) lend(d digest, size int) (raw []byte, stale bool, giveBack func()) {
	f, _ := u.open(false)
	if f == nil {
		return nil, false, nil
	}
	place, e, ok := u.find(f, d, size)
	if !ok || !u.lending.begin(u, f, place) {
		return nil, false, nil
	}
	raw, err := mapPart(f, u.noteOffset(place), size)
	if err != nil {
		u.lending.end(u, f, place)
		return nil, false, nil
	}
	giveBack = func() {
		unmapPart(raw)
		u.lending.end(u, f, place)
	}
	if crc32.Checksum(raw, castagnoli) != e.sum { // it is damaged, or was changed before it was lent
		giveBack()
		return nil, false, nil
	}
	return raw, u.read(f, place, e), giveBack
}

// LendUnpacked is Unpacked, but the bytes are those of a file that is mapped to memory: they must not be written to, and may be read until giveBack is called. Nobody changes
// them meanwhile. An error of the disk, or a file that somebody cuts, ends the process.
func (s *Store) LendUnpacked(c cid.Cid, size int) (raw []byte, giveBack func()) {
	if s.unpacked == nil {
		return nil, nil
	}
	d, err := checkCID(c)
	if err != nil {
		return nil, nil
	}
	raw, stale, giveBack := s.unpacked.lend(d, size)
	if stale {
		s.packs.usedNow(keyOf(d))
	}
	return raw, giveBack
}
