package store

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"time"
)

// The file table says where in the packs each block is. It is derived from them, and made anew when it is lost or damaged; only
// when each block was used last is nowhere else. It is a hash table with open addressing that is changed in place: a page of
// 4096 bytes,
//
//	 0   8  "dntable1"
//	 8   8  log2 of the number of homes: 10..40
//	16  16  two random words, so that nobody can choose blocks whose slots collide
//	32   4  CRC-32C of bytes 0 to 32
//	40   8  which run of the system this was written in; 0: not known
//	48   8  place up to which all is in the table, on the disk: synced
//	56   8  place up to which all is in the table, as long as the system runs: written
//	64   8  slots that are not empty
//	72   4  CRC-32C of bytes 40 to 72
//
// and then slots of 32 bytes:
//
//	 0  16  first half of the block's digest
//	16   8  its place: the number of the pack, and where in it the record begins, in units of 8 bytes, 4 bytes each
//	24   3  bytes of the block
//	27   1  low byte of the CRC-32C of bytes 0 to 27, xor 5a
//	28   4  when the block was used, in minutes since 1970
//
// Numbers are little endian. A slot with pack 0 is empty, or, with 1 in place of the offset, was used. A block's slot is the first
// free one from the one that home gives. There are 1024 more than homes. An empty slot is no zeros, so that lost pages are noticed.
type table struct {
	f    *os.File
	path string // its name by now
	log2 uint
	seed [2]uint64
	info os.FileInfo // to tell it from the one that replaced it
	mute bool        // it cannot be written

	progress // of the writer
}

// progress is what is known of how far a table goes.
type progress struct {
	boot            uint64
	synced, written place
	filled          uint64 // slots that are not empty
}

// place is where a record begins. Packs are numbered from 1.
type place struct{ pack, at uint32 } // at in units of recordAlign

func (p place) offset() int64 { return int64(p.at) * recordAlign }

// key names a block in the table: half of its digest. Of two blocks that agree in it, which somebody would have to make
// with much work, the store keeps only the last.
type key [16]byte

func keyOf(d digest) key { return key(d[:16]) }

type slot struct {
	key
	place
	size uint32
	used uint32 // minutes since 1970
}

const (
	tableMagic  = "dntable1"
	tablePage   = 4096
	slotSize    = 32
	minTable    = 10 // log2 of slots
	maxTable    = 40
	slotsAtOnce = 16   // that a look-up reads
	tableTail   = 1024 // slots after the last home
	wasUsed     = 1    // in the place of a slot that was used
)

// errTable is wrapped by what says that a table is damaged.
var errTable = errors.New("the index of the blocks is damaged")

func (s slot) append(b []byte) []byte {
	begin := len(b)
	b = append(b, s.key[:]...)
	b = binary.LittleEndian.AppendUint32(b, s.pack)
	b = binary.LittleEndian.AppendUint32(b, s.at)
	b = append(b, byte(s.size), byte(s.size>>8), byte(s.size>>16))
	b = append(b, slotCheck(b[begin:]))
	return binary.LittleEndian.AppendUint32(b, s.used)
}

func slotCheck(b []byte) byte { return byte(crc32.Checksum(b[:27], castagnoli)) ^ 0x5a }

func parseSlot(b []byte) (slot, bool) {
	s := slot{
		key:   key(b[:16]),
		place: place{binary.LittleEndian.Uint32(b[16:]), binary.LittleEndian.Uint32(b[20:])},
		size:  uint32(b[24]) | uint32(b[25])<<8 | uint32(b[26])<<16,
		used:  binary.LittleEndian.Uint32(b[28:]),
	}
	return s, b[27] == slotCheck(b) && s.size <= MaxBlock
}

// live reports whether the slot is that of a block.
func (s slot) live() bool { return s.pack != 0 }

func (s slot) empty() bool { return s.pack == 0 && s.at != wasUsed }

// slots returns how many there are: some more than homes, for what finds no place before the end.
func (t *table) slots() uint64 { return 1<<t.log2 + tableTail }

func slotAt(i uint64) int64 { return tablePage + int64(i)*slotSize }

// home returns the number of the slot in which the search for a key begins.
func (t *table) home(k key) uint64 { return t.mix(k) >> (64 - t.log2) }

func (t *table) mix(k key) uint64 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(k[:])^t.seed[0], binary.LittleEndian.Uint64(k[8:])^t.seed[1])
	hi, lo = bits.Mul64(hi^lo^t.seed[1], 0x9E3779B97F4A7C15)
	return hi ^ lo
}

// openTable opens a table. The error wraps errTable if what is there is none.
func openTable(path string) (*table, error) {
	t := &table{path: path}
	var err error
	if t.f, err = os.OpenFile(path, os.O_RDWR, 0); errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
		t.mute = true
		t.f, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	var b [76]byte
	if _, err = t.f.ReadAt(b[:], 0); err == nil {
		t.info, err = t.f.Stat()
	} else if err == io.EOF {
		err = errTable
	}
	if err == nil {
		err = t.parse(b[:])
	}
	if err != nil {
		t.f.Close()
		return nil, err
	}
	return t, nil
}

// parse reads the first page. The size of the file must be known.
func (t *table) parse(b []byte) error {
	le := binary.LittleEndian
	log2 := le.Uint64(b[8:])
	switch {
	case string(b[:8]) != tableMagic, crc32.Checksum(b[:32], castagnoli) != le.Uint32(b[32:]), crc32.Checksum(b[40:72], castagnoli) != le.Uint32(b[72:]):
		return errTable
	case log2 < minTable || log2 > maxTable || t.info.Size() != slotAt(1<<log2+tableTail):
		return errTable
	}
	t.log2 = uint(log2)
	t.seed = [2]uint64{le.Uint64(b[16:]), le.Uint64(b[24:])}
	t.progress = progress{
		boot:    le.Uint64(b[40:]),
		synced:  place{le.Uint32(b[48:]), le.Uint32(b[52:])},
		written: place{le.Uint32(b[56:]), le.Uint32(b[60:])},
		filled:  le.Uint64(b[64:]),
	}
	return nil
}

func (p progress) append(b []byte) []byte {
	begin := len(b)
	le := binary.LittleEndian
	b = le.AppendUint64(b, p.boot)
	for _, at := range []place{p.synced, p.written} {
		b = le.AppendUint32(le.AppendUint32(b, at.pack), at.at)
	}
	b = le.AppendUint64(b, p.filled)
	return le.AppendUint32(b, crc32.Checksum(b[begin:], castagnoli))
}

// save writes the progress down.
func (t *table) save() error {
	_, err := t.f.WriteAt(t.progress.append(nil), 40)
	return err
}

// newTable makes an empty table in a file.
func newTable(path string, log2 uint, p progress) (*table, error) {
	return writeTable(&table{path: path, log2: log2, seed: [2]uint64{rand.Uint64(), rand.Uint64()}, progress: p}, func(put func(slot) error) error {
		for range uint64(1)<<log2 + tableTail {
			if err := put(slot{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// writeTable makes the file of a table. fill gives its slots in the order of their numbers.
func writeTable(t *table, fill func(put func(slot) error) error) (_ *table, err error) {
	if t.f, err = os.OpenFile(t.path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o644); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.f.Close()
			os.Remove(t.path)
		}
	}()
	out := bufio.NewWriterSize(t.f, 1<<20)
	if _, err = out.Write(t.firstPage()); err != nil {
		return nil, err
	}
	var b [slotSize]byte
	err = fill(func(s slot) error {
		_, err := out.Write(s.append(b[:0]))
		return err
	})
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		t.info, err = t.f.Stat()
	}
	return t, err
}

func (t *table) firstPage() []byte {
	b := make([]byte, 0, tablePage)
	b = append(b, tableMagic...)
	for _, v := range []uint64{uint64(t.log2), t.seed[0], t.seed[1]} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	b = t.progress.append(append(b, 0, 0, 0, 0))
	return b[:tablePage]
}

// grown makes a table of the blocks of another, with room for as many again, in memory that does not depend on how many they are:
// homes have the same order in both, so that all blocks between two empty slots come before all that follow.
func (t *table) grown(path string) (*table, error) {
	g := &table{path: path, log2: t.log2, seed: t.seed, progress: t.progress}
	g.filled = 0
	if _, err := t.each(func(slot) error { g.filled++; return nil }); err != nil {
		return nil, err
	}
	for g.filled > g.slots()/8*3 && g.log2 < maxTable {
		g.log2++
	}
	return writeTable(g, func(put func(slot) error) error {
		next := uint64(0)
		fillTo := func(end uint64) error {
			for ; next < end; next++ {
				if err := put(slot{}); err != nil {
					return err
				}
			}
			return nil
		}
		var run []slot
		place := func() error {
			slices.SortFunc(run, func(a, b slot) int { return cmp.Compare(g.mix(a.key), g.mix(b.key)) })
			for _, s := range run {
				if err := fillTo(g.home(s.key)); err != nil {
					return err
				}
				if next++; next > g.slots() {
					return fmt.Errorf("%w: it has no free slot", errTable)
				}
				if err := put(s); err != nil {
					return err
				}
			}
			run = run[:0]
			return nil
		}
		damaged, err := t.all(func(s slot) error {
			if s.live() {
				run = append(run, s)
			} else if s.empty() {
				return place()
			}
			return nil
		})
		if err == nil && damaged > 0 {
			err = errTable
		}
		if err != nil {
			return err
		}
		if err := place(); err != nil {
			return err
		}
		return fillTo(g.slots())
	})
}

// find returns the slot of a key and its number. If there is none, ok is false, and at is the number of the slot where it may be
// put: free, what is there now. The error wraps errTable where the table is damaged.
func (t *table) find(k key) (at uint64, s slot, ok bool, err error) { return t.lookUp(k, 5) }

func (t *table) lookUp(k key, tries int) (at uint64, s slot, ok bool, err error) {
	var buf [slotsAtOnce * slotSize]byte
	at, free := t.slots(), slot{}
	for i := t.home(k); i < t.slots(); {
		b := buf[:min(slotsAtOnce, t.slots()-i)*slotSize]
		if err := t.readSlots(b, i, tries); err != nil {
			return 0, slot{}, false, err
		}
		for ; len(b) > 0; b, i = b[slotSize:], i+1 {
			s, _ := parseSlot(b)
			if s.live() && s.key == k {
				return i, s, true, nil
			}
			if !s.live() && at == t.slots() {
				at, free = i, s
			}
			if s.empty() {
				return at, free, false, nil
			}
		}
	}
	return at, free, false, nil
}

// readSlots fills b with slots that are sound. One that is just being written may seem damaged, so it looks again, so often.
func (t *table) readSlots(b []byte, i uint64, tries int) error {
	for try := 1; ; try++ {
		if _, err := t.f.ReadAt(b, slotAt(i)); err != nil {
			if err == io.EOF {
				err = fmt.Errorf("%w: it is cut off", errTable)
			}
			return err
		}
		bad := -1
		for n := 0; n < len(b) && bad < 0; n += slotSize {
			if _, ok := parseSlot(b[n:]); !ok {
				bad = n / slotSize
			}
		}
		if bad < 0 {
			return nil
		}
		if try >= tries {
			return fmt.Errorf("%w: slot %d", errTable, i+uint64(bad))
		}
		time.Sleep(time.Duration(try-1) * time.Millisecond)
	}
}

// put writes slot i, in which was was before.
func (t *table) put(i uint64, s, was slot) error {
	if _, err := t.f.WriteAt(s.append(make([]byte, 0, slotSize)), slotAt(i)); err != nil {
		return err
	}
	if was.empty() {
		t.filled++
	}
	return nil
}

// rename gives the table's file another name.
func (t *table) rename(path string) error {
	err := os.Rename(t.path, path)
	if err == nil {
		t.path = path
	}
	return err
}

// add puts the slot of a block, in place of the one that it has if there is one.
func (t *table) add(s slot) error {
	at, was, _, err := t.find(s.key)
	if err == nil && at == t.slots() {
		err = fmt.Errorf("%w: it has no free slot", errTable)
	}
	if err != nil {
		return err
	}
	return t.put(at, s, was)
}

// again is add for a block that was found in a pack; old says when it was used, if it knows.
func (t *table) again(s slot, old *table) error {
	if old != nil {
		if _, was, ok, err := old.lookUp(s.key, 1); ok && err == nil {
			s.used = was.used
			if old == t && was.place == s.place && was.size == s.size {
				t.filled++ // perhaps it was not counted
				return nil
			}
		}
	}
	return t.add(s)
}

// use notes when the block of slot i was used.
func (t *table) use(i uint64, minute uint32) error {
	_, err := t.f.WriteAt(binary.LittleEndian.AppendUint32(nil, minute), slotAt(i)+28)
	return err
}

// roomy returns the table, or if it is crowded one of the same name with more room, and leaves this one open.
func (t *table) roomy() (*table, error) {
	if t.filled <= t.slots()/8*5 {
		return t, nil
	}
	fresh, err := t.grown(t.path + ".new")
	if err != nil {
		return nil, err
	}
	if err := fresh.rename(t.path); err != nil {
		fresh.f.Close()
		return nil, err
	}
	return fresh, nil
}

// each visits the slots of all blocks, in no order. Damaged ones are left out, and counted.
func (t *table) each(visit func(slot) error) (damaged int, err error) {
	return t.all(func(s slot) error {
		if !s.live() {
			return nil
		}
		return visit(s)
	})
}

// all visits all slots in the order of their numbers, but for damaged ones.
func (t *table) all(visit func(slot) error) (damaged int, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(t.f, tablePage, int64(t.slots())*slotSize), 1<<20)
	var b [slotSize]byte
	for i := range t.slots() {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return damaged, err
		}
		s, ok := parseSlot(b[:])
		if !ok {
			if err := t.readSlots(b[:], i, 5-min(damaged, 4)); errors.Is(err, errTable) {
				damaged++
				continue
			} else if err != nil {
				return damaged, err
			}
			s, _ = parseSlot(b[:])
		}
		if err := visit(s); err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}
