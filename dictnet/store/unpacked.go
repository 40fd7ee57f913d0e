package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/internal/hugepage"
)

// unpacked keeps what notes hold, expanded, so that whoever needs one again neither expands nor hashes it: a copy that may be lost at any time. Its file is sparse: a page of 4096 bytes,
//
//	 0   8  "dnotes02"
//	 8   8  number of slots, a multiple of 16
//	16   4  CRC-32C of bytes 0 to 16
//
// then slots of 64 bytes, and from the next multiple of 4096 on 240 KiB for each slot, which begin with what its note holds:
//
//	 0  32  digest of the note's block
//	32   4  bytes that the note holds
//	36   4  their CRC-32C
//	40   4  CRC-32C of bytes 0 to 40
//	44   4  when they were read, in minutes since 1970, to within an hour
//
// Numbers are little endian. A slot that does not agree with its own checksum is empty. A note is in one of the 16 slots that bytes 16 to 24 of its digest choose, in place of the one that
// was read longest ago, but of none that was read within the hour: what goes round in more than has room would find nothing.
//
// Any number of processes read and write it at once, without a lock. A slot is emptied before its bytes change and written after them; where two write the same one, or one is killed,
// the checksum of the bytes is wrong, and the slot is as empty.
type unpacked struct {
	path  string
	slots uint64
	now   func() time.Time
	disk  func(*os.File) (free, all int64) // bytes

	opening sync.Mutex
	file    *os.File // nil until it is needed, and where there is none
	lacking bool     // there is none to read
	refused bool     // nothing can be kept

	buckets [16]sync.Mutex // of one in which something is kept, by its number modulo 16

	looking sync.Mutex
	left    int64 // bytes that may be written before it is looked again whether the disk has room
}

const (
	unpackedName  = "unpacked" // of the file
	unpackedMagic = "dnotes02"
	unpackedPage  = 4096
	unpackedSlot  = 64
	unpackedWay   = 16 // slots of a bucket
	unpackedNote  = codec.MaxNote

	unpackedRest  = 60       // minutes after which a note may go
	unpackedCheck = 64 << 20 // bytes after which it is looked again whether the disk has room

	unpackedSpare = 2 << 30 // bytes that are left free on a disk; an eighth of a small one
)

// newUnpacked returns one whose file takes up to limit bytes of the disk; nil if not even a bucket fits in that.
func newUnpacked(path string, limit int64) *unpacked {
	slots := max(0, limit-2*unpackedPage) / (unpackedNote + unpackedSlot) / unpackedWay * unpackedWay
	if slots == 0 {
		return nil
	}
	return &unpacked{path: path, slots: uint64(slots), now: time.Now, disk: diskRoom}
}

func (u *unpacked) slotOffset(i uint64) int64 { return unpackedPage + int64(i)*unpackedSlot }

func (u *unpacked) noteOffset(i uint64) int64 {
	return alignPage(u.slotOffset(u.slots)) + int64(i)*unpackedNote
}

func alignPage(n int64) int64 { return (n + unpackedPage - 1) &^ (unpackedPage - 1) }

// unpackedEntry is a slot.
type unpackedEntry struct {
	digest digest
	size   uint32
	sum    uint32 // CRC-32C of the note
	read   uint32 // minutes since 1970
}

func (e unpackedEntry) append(b []byte) []byte {
	begin := len(b)
	b = append(b, e.digest[:]...)
	b = binary.LittleEndian.AppendUint32(b, e.size)
	b = binary.LittleEndian.AppendUint32(b, e.sum)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[begin:], castagnoli))
	return binary.LittleEndian.AppendUint32(b, e.read)
}

// parseUnpacked reports whether there is a note in a slot.
func parseUnpacked(b []byte) (unpackedEntry, bool) {
	e := unpackedEntry{
		digest: digest(b[:32]),
		size:   binary.LittleEndian.Uint32(b[32:]),
		sum:    binary.LittleEndian.Uint32(b[36:]),
		read:   binary.LittleEndian.Uint32(b[44:]),
	}
	return e, crc32.Checksum(b[:40], castagnoli) == binary.LittleEndian.Uint32(b[40:]) && e.size <= unpackedNote
}

// open returns the file, nil if there is none, and whether it may be written to. If there is none, and put is to write to it, it is made.
func (u *unpacked) open(put bool) (f *os.File, writable bool) {
	u.opening.Lock()
	defer u.opening.Unlock()
	if u.file == nil && !u.refused && (put || !u.lacking) {
		u.file = u.openThere()
		u.lacking = u.file == nil
		if put && u.file == nil && !u.refused {
			u.file = u.make()
			u.refused = u.file == nil
		}
	}
	return u.file, !u.refused
}

// header returns what the first page begins with.
func (u *unpacked) header() []byte {
	b := binary.LittleEndian.AppendUint64([]byte(unpackedMagic), u.slots)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// openThere opens the file, if it has as many slots as are wanted.
func (u *unpacked) openThere() *os.File {
	f, err := os.OpenFile(u.path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		u.refused = true
		f, err = os.Open(u.path)
	}
	if err != nil {
		return nil
	}
	want := u.header()
	got := make([]byte, len(want))
	info, err := f.Stat()
	if err == nil {
		_, err = f.ReadAt(got, 0)
	}
	if err != nil || !bytes.Equal(got, want) || info.Size() != u.noteOffset(u.slots) {
		f.Close()
		return nil
	}
	return f
}

// make makes an empty file, in place of what is there. Where the disk has no sparse files, there is none.
func (u *unpacked) make() *os.File {
	f, err := os.OpenFile(fmt.Sprintf("%s.%x.part", u.path, rand.Uint64()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil
	}
	const some = 1 << 20
	err = f.Truncate(some)
	if info, serr := f.Stat(); err == nil && (serr != nil || allocated(info) >= some) {
		err = errors.ErrUnsupported
	}
	if err == nil {
		_, err = f.WriteAt(u.header(), 0)
	}
	if err == nil {
		err = f.Truncate(u.noteOffset(u.slots))
	}
	if err == nil {
		err = os.Rename(f.Name(), u.path)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil
	}
	return f
}

// bucketOf returns the number of the bucket in which a note may be.
func (u *unpacked) bucketOf(d digest) uint64 {
	return binary.LittleEndian.Uint64(d[16:]) % (u.slots / unpackedWay)
}

// bucket reads the slots in which a note may be, and returns the number of the first.
func (u *unpacked) bucket(f *os.File, d digest) (first uint64, slots []byte, err error) {
	first = u.bucketOf(d) * unpackedWay
	slots = make([]byte, unpackedWay*unpackedSlot)
	_, err = f.ReadAt(slots, u.slotOffset(first))
	return first, slots, err
}

func (u *unpacked) minute() uint32 { return uint32(max(0, u.now().Unix()/60)) }

// find returns the place of a note that holds size bytes, and its slot.
func (u *unpacked) find(f *os.File, d digest, size int) (place uint64, e unpackedEntry, ok bool) {
	first, slots, err := u.bucket(f, d)
	if err != nil {
		return 0, e, false
	}
	for i := range uint64(unpackedWay) {
		slot := slots[i*unpackedSlot:]
		if digest(slot[:32]) != d {
			continue
		}
		if e, ok := parseUnpacked(slot); ok && int(e.size) == size {
			return first + i, e, true
		}
	}
	return 0, e, false
}

// get returns the size bytes that a note holds, in memory that room gives; nil if they are not there. Stale says that they had not been read within the hour.
func (u *unpacked) get(d digest, size int, room func(size int) []byte) (raw []byte, stale bool) {
	f, _ := u.open(false)
	if f == nil {
		return nil, false
	}
	place, e, ok := u.find(f, d, size)
	if !ok {
		return nil, false
	}
	raw = room(size)
	if _, err := f.ReadAt(raw, u.noteOffset(place)); err != nil || crc32.Checksum(raw, castagnoli) != e.sum {
		return nil, false
	}
	return raw, u.read(f, place, e)
}

// read notes that a place is read now, and reports whether it had not been within the hour.
func (u *unpacked) read(f *os.File, place uint64, e unpackedEntry) (stale bool) {
	now := u.minute()
	if stale = now-e.read >= unpackedRest; stale {
		f.WriteAt(binary.LittleEndian.AppendUint32(nil, now), u.slotOffset(place)+44)
	}
	return stale
}

// put keeps what a note holds, if there is a place for it. That it cannot is no error: it is a copy.
func (u *unpacked) put(d digest, raw []byte) {
	f, writable := u.open(true)
	if !writable || len(raw) > unpackedNote || !u.hasRoom(f, len(raw)) {
		return
	}
	lock := &u.buckets[u.bucketOf(d)%uint64(len(u.buckets))]
	lock.Lock()
	defer lock.Unlock()
	first, slots, err := u.bucket(f, d)
	if err != nil {
		return
	}
	now := u.minute()
	place, age := uint64(0), int64(-1)
	var was unpackedEntry
	for i := range uint64(unpackedWay) {
		e, ok := parseUnpacked(slots[i*unpackedSlot:])
		old := int64(now - e.read) // large if it lies in the future, after the clock was wrong
		switch {
		case !ok:
			e.size, old = 0, 1<<40
		case e.digest == d: // its bytes proved to be others
			old = 1 << 41
		case old < unpackedRest:
			continue
		}
		if old > age {
			place, age, was = first+i, old, e
		}
	}
	if age < 0 {
		return
	}
	if err := u.write(f, place, was, unpackedEntry{d, uint32(len(raw)), crc32.Checksum(raw, castagnoli), now}, raw); err != nil {
		u.refuse()
	}
}

func (u *unpacked) write(f *os.File, place uint64, was, e unpackedEntry, raw []byte) error {
	if was.size > 0 {
		if err := u.empty(f, place); err != nil {
			return err
		}
	}
	if _, err := f.WriteAt(raw, u.noteOffset(place)); err != nil {
		return err
	}
	u.punch(f, place, e.size, was.size)
	_, err := f.WriteAt(e.append(make([]byte, 0, unpackedSlot)), u.slotOffset(place))
	return err
}

func (u *unpacked) empty(f *os.File, place uint64) error {
	_, err := f.WriteAt(make([]byte, unpackedSlot), u.slotOffset(place))
	return err
}

// punch gives the disk space behind the first from of to bytes of a place back.
func (u *unpacked) punch(f *os.File, place uint64, from, to uint32) {
	begin, end := alignPage(int64(from)), alignPage(int64(to))
	if begin < end {
		punch(f, u.noteOffset(place)+begin, end-begin)
	}
}

// hasRoom reports whether the disk has room for n bytes more, and for what others want to write.
func (u *unpacked) hasRoom(f *os.File, n int) bool {
	u.looking.Lock()
	defer u.looking.Unlock()
	if u.left < int64(n) {
		u.left = min(u.spare(f), unpackedCheck)
	}
	if u.left < int64(n) {
		return false
	}
	u.left -= int64(n)
	return true
}

// spare returns how many bytes the disk has free for what can be spared; less than 0 if others need what is free.
func (u *unpacked) spare(f *os.File) int64 {
	free, all := u.disk(f)
	return free - min(all/8, unpackedSpare)
}

// refuse ends keeping, after the disk was full or failed.
func (u *unpacked) refuse() {
	u.opening.Lock()
	defer u.opening.Unlock()
	u.refused = true
}

// keepOnly empties the slots of notes for which keep is false, and all if the disk is short of room.
func (u *unpacked) keepOnly(keep func(digest) (bool, error)) error {
	f, writable := u.open(false)
	if f == nil || !writable {
		return nil
	}
	short := u.spare(f) < 0
	slots := make([]byte, 1024*unpackedSlot)
	for i := uint64(0); i < u.slots; {
		b := slots[:min(1024, u.slots-i)*unpackedSlot]
		if _, err := f.ReadAt(b, u.slotOffset(i)); err != nil {
			return err
		}
		for ; len(b) > 0; b, i = b[unpackedSlot:], i+1 {
			e, ok := parseUnpacked(b)
			if !ok {
				continue
			}
			if kept, err := keep(e.digest); err != nil {
				return err
			} else if kept && !short {
				continue
			}
			if err := u.empty(f, i); err != nil {
				return err
			}
			u.punch(f, i, 0, e.size)
		}
	}
	return nil
}

func (u *unpacked) close() {
	u.opening.Lock()
	defer u.opening.Unlock()
	if u.file != nil {
		u.file.Close()
		u.file, u.lacking = nil, false
	}
}

// Unpacked returns the size bytes that a note holds, if they were kept by KeepUnpacked and are as they were; else nil. The block counts as used.
func (s *Store) Unpacked(c cid.Cid, size int) []byte {
	return s.UnpackedIn(c, size, hugepage.Slice[byte])
}

// UnpackedIn is Unpacked, in memory that room gives, which is asked for size bytes if they are there.
func (s *Store) UnpackedIn(c cid.Cid, size int, room func(size int) []byte) []byte {
	if s.unpacked == nil {
		return nil
	}
	d, err := checkCID(c)
	if err != nil {
		return nil
	}
	raw, stale := s.unpacked.get(d, size, room)
	if stale {
		s.packs.usedNow(keyOf(d)) // an error is found by who reads the block
	}
	return raw
}

// KeepUnpacked keeps what a note holds, whose block has been checked and says it by itself, as long as Options.UnpackedSize has room for it: also in a store that is open for reading
// only, if its files can be written to. It does not say whether it has.
func (s *Store) KeepUnpacked(c cid.Cid, raw []byte) {
	if s.unpacked == nil {
		return
	}
	if d, err := checkCID(c); err == nil {
		s.unpacked.put(d, raw)
	}
}

// dropUnpacked removes what is kept of notes whose blocks are here no more, and all if nothing is to be kept.
func (s *Store) dropUnpacked() error {
	all, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, f := range all {
		torn := strings.HasPrefix(f.Name(), unpackedName+".") && strings.HasSuffix(f.Name(), ".part") // by one who was killed when he made it
		if torn || s.unpacked == nil && f.Name() == unpackedName {
			if err := os.Remove(filepath.Join(s.dir, f.Name())); err != nil && !notExist(err) {
				return err
			}
		}
	}
	if s.unpacked == nil {
		return nil
	}
	return s.unpacked.keepOnly(func(d digest) (bool, error) {
		_, ok, err := s.packs.slotOf(keyOf(d))
		return ok, err
	})
}
