package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"dictnet/internal/durable"
)

// packs are the blocks on disk: records one after another in the files blocks/NUMBER.pack, and the table that says where each is.
//
// One process adds, at the end of the pack with the highest number; the others are not written any more. Any number reads beside it,
// without a lock: what the table says is only believed when the record that it names is that of the block, so
// that a reader whom a change overtakes looks again.
type packs struct {
	dir   string
	o     packOptions
	table atomic.Pointer[table] // nil until it is needed
	files sync.Map              // open packs by number, *os.File

	opening sync.Mutex // one at a time opens the table
	syncing sync.Mutex // one at a time syncs

	mu        sync.Mutex // held while anything is written, but for times of use
	last      *os.File   // the pack that is added to; nil: the next block begins one
	number    uint32     // the highest number of a pack so far
	end       int64      // where the next record goes, in bytes
	begun     int64      // up to where the system was asked to write the pack to the disk
	unsaved   int        // records since the table's progress was saved
	unsynced  []*os.File // packs with records, or marks, that are not synced
	unsyncedD bool       // names in the folder are not synced
	dead      int64      // bytes of blocks that were removed since the last reclaim
	closed    bool

	reclaiming sync.Mutex // one at a time reclaims
}

// packOptions are what tests change.
type packOptions struct {
	readOnly bool
	now      func() time.Time
	write    func(*os.File, []byte, int64) (int, error) // (*os.File).WriteAt, or a disk that fails
	readAll  func(*os.File, []byte, int64) (int, error) // the same of a whole block that is checked or set aside
	size     int64                                      // of a pack, after which the next begins, bytes
}

const (
	packSize   = 1 << 30
	packSuffix = ".pack"
	saveEvery  = 256      // records after which the progress is saved
	beginEvery = 16 << 20 // bytes after which the system is asked to write
	smallBlock = 16 << 10 // bytes of a block that is copied rather than written apart from its header
)

var (
	// errGone: there is no such record any more. Whoever gets it looks into the table again.
	errGone = errors.New("moved or removed")
	// errLayout: the blocks are files.
	errLayout = errors.New("its blocks lie in a file each, as versions before the first release had it: move the directory blocks away, and build or pull again")
)

func newPacks(dir string, readOnly bool) *packs {
	return &packs{dir: dir, o: packOptions{readOnly: readOnly, now: time.Now, write: (*os.File).WriteAt, readAll: (*os.File).ReadAt, size: packSize}}
}

func (p *packs) tablePath() string { return filepath.Join(p.dir, "table") }

func (p *packs) packPath(number uint32) string {
	return filepath.Join(p.dir, fmt.Sprintf("%08d%s", number, packSuffix))
}

// numbers returns those of all packs, in order.
func (p *packs) numbers() ([]uint32, error) {
	entries, err := os.ReadDir(p.dir)
	if err != nil && !notExist(err) {
		return nil, err
	}
	var all []uint32
	for _, e := range entries {
		if text, ok := strings.CutSuffix(e.Name(), packSuffix); ok {
			if n, err := strconv.ParseUint(text, 10, 32); err == nil && n > 0 && e.Name() == filepath.Base(p.packPath(uint32(n))) {
				all = append(all, uint32(n))
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

// file returns an open pack. The error is errGone if there is none.
func (p *packs) file(number uint32) (*os.File, error) {
	if f, ok := p.files.Load(number); ok {
		return f.(*os.File), nil
	}
	mode := os.O_RDWR
	if p.o.readOnly {
		mode = os.O_RDONLY
		p.dropRemoved()
	}
	f, err := os.OpenFile(p.packPath(number), mode, 0)
	if notExist(err) {
		return nil, errGone
	}
	if err != nil {
		return nil, err
	}
	if other, loaded := p.files.LoadOrStore(number, f); loaded {
		f.Close()
		return other.(*os.File), nil
	}
	return f, nil
}

// drop closes a pack.
func (p *packs) drop(number uint32) {
	if f, ok := p.files.LoadAndDelete(number); ok {
		f.(*os.File).Close() // who is reading it reads to the end
	}
}

// dropRemoved closes the packs that the writer has removed, which he made empty before.
func (p *packs) dropRemoved() {
	p.files.Range(func(number, f any) bool {
		if info, err := f.(*os.File).Stat(); err == nil && info.Size() == 0 {
			p.drop(number.(uint32))
		}
		return true
	})
}

// index returns the table, for one that only reads nil if there are no blocks.
func (p *packs) index() (*table, error) {
	if t := p.table.Load(); t != nil {
		return t, nil
	}
	p.opening.Lock()
	defer p.opening.Unlock()
	if t := p.table.Load(); t != nil {
		return t, nil
	}
	t, err := openTable(p.tablePath())
	if notExist(err) {
		all, err := p.numbers()
		if len(all) > 0 && err == nil {
			err = fmt.Errorf("%w: there is none; dictnet fsck makes it anew", errTable)
		}
		return nil, err
	}
	if errors.Is(err, errTable) {
		err = fmt.Errorf("%w; dictnet fsck makes it anew", err)
	}
	if err == nil {
		p.table.Store(t)
	}
	return t, err
}

// renewed reports whether there is another table than t by now. A writer replaces it himself; a reader looks.
func (p *packs) renewed(t *table) bool {
	if !p.o.readOnly || t == nil {
		return p.table.Load() != t
	}
	info, err := os.Stat(p.tablePath())
	if err != nil || os.SameFile(info, t.info) {
		return p.table.Load() != t
	}
	p.table.CompareAndSwap(t, nil) // who uses t goes on with it
	return true
}

// record says where a block is, and how many bytes it has.
type record struct {
	place
	size uint32
}

// find returns where a block is. The error is ErrMissing if it is nowhere, and wraps ErrCorrupt if the head of its record is damaged.
func (p *packs) find(d digest) (record, error) {
	_, r, err := p.read(d, false)
	return r, err
}

// get returns the bytes of a block, which may be anything: only their name and number have been checked, as find does. The block has
// been used.
func (p *packs) get(d digest) ([]byte, record, error) { return p.read(d, true) }

func (p *packs) read(d digest, whole bool) ([]byte, record, error) {
	for {
		t, err := p.index()
		if err != nil {
			return nil, record{}, err
		}
		if t == nil {
			return nil, record{}, ErrMissing
		}
		at, s, ok, err := t.find(keyOf(d))
		if errors.Is(err, errTable) || errors.Is(err, os.ErrClosed) {
			if err := p.mend(t, err); err != nil {
				return nil, record{}, err
			}
			continue
		}
		if err != nil {
			return nil, record{}, err
		}
		err = ErrMissing
		if ok {
			var data []byte
			if data, err = p.readRecord(s, d, whole); err == nil {
				if whole {
					p.use(t, at, s)
				}
				return data, record{s.place, s.size}, nil
			}
		}
		if errors.Is(err, os.ErrClosed) || p.renewed(t) { // another found the pack shorter than it was
			continue
		}
		if ok && (errors.Is(err, errGone) || errors.Is(err, ErrCorrupt)) {
			if _, now, there, ferr := t.find(s.key); ferr == nil && (!there || now.place != s.place) {
				continue // it was moved, or removed, meanwhile
			}
		}
		if errors.Is(err, errGone) {
			err = ErrMissing
		}
		return nil, record{s.place, s.size}, err
	}
}

// readRecord reads the header of a record, and the block, if whole, in one piece.
func (p *packs) readRecord(s slot, d digest, whole bool) ([]byte, error) {
	f, err := p.file(s.pack)
	if err != nil {
		return nil, err
	}
	n := recordHeader
	if whole {
		n += int(s.size)
	}
	b := make([]byte, n)
	_, err = f.ReadAt(b, s.offset())
	var word [4]byte
	switch {
	case err != nil:
	case whole: // a block goes after its header has said so
		_, err = f.ReadAt(word[:], s.offset())
	case s.size > 0: // the last byte is there
		_, err = f.ReadAt(word[:1], s.offset()+recordHeader+int64(s.size)-1)
	}
	switch {
	case err == io.EOF: // cut off, or given up by the writer
		if p.o.readOnly {
			p.drop(s.pack)
		}
		return nil, errGone
	case err != nil:
		return nil, err
	}
	h, ok := parseHeader(b)
	switch {
	case !ok || !h.gone && h.digest == d && h.size != s.size:
		return nil, fmt.Errorf("%w: the head of its record is damaged", ErrCorrupt)
	case h.gone || whole && string(word[:]) == wordGone || h.digest != d:
		return nil, errGone
	}
	return b[recordHeader:], nil
}

// minute returns the time as the table has it.
func (p *packs) minute() uint32 { return uint32(max(0, p.o.now().Unix()/60)) }

// use notes that a block is in use. Where the table cannot be written, it does nothing.
func (p *packs) use(t *table, at uint64, s slot) {
	now := p.minute()
	if s.used == now || t.mute {
		return
	}
	if p.o.readOnly && p.renewed(t) { // all that is read may be in the one from before, and nobody looks at that
		fresh, err := p.index()
		if err != nil || fresh == nil {
			return
		}
		was, _, ok, err := fresh.find(s.key)
		if err != nil || !ok || fresh.mute {
			return
		}
		t, at = fresh, was
	}
	t.use(at, now)
}

// usedNow notes that a block is in use.
func (p *packs) usedNow(k key) error {
	t, err := p.index()
	if err != nil || t == nil {
		return err
	}
	at, s, ok, err := t.find(k)
	if ok && err == nil {
		p.use(t, at, s)
	}
	return err
}

// put adds a block, unless it is there with so many bytes. Then it has been used. before is called before anything is added.
func (p *packs) put(d digest, data []byte, before func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	for again := true; ; again = false {
		t := p.table.Load()
		at, s, ok, err := t.find(keyOf(d))
		if err == nil && ok && int(s.size) == len(data) {
			if _, err := p.readRecord(s, d, false); err == nil {
				p.use(t, at, s)
				return nil
			}
		}
		if err == nil && before != nil {
			if err := before(); err != nil {
				return err
			}
			before = nil
		}
		if err == nil {
			err = p.append(d, data, p.minute())
		}
		if !again || !errors.Is(err, errTable) {
			return err
		}
		if err := p.rebuild(); err != nil {
			return err
		}
	}
}

// append writes a record, and then its slot. If it fails, there is no record. p.mu is held.
func (p *packs) append(d digest, data []byte, used uint32) error {
	if p.last == nil || p.end >= p.o.size {
		if err := p.begin(); err != nil {
			return err
		}
	}
	s := slot{key: keyOf(d), place: p.here(), size: uint32(len(data)), used: used}
	if err := p.writeRecord(s, d, data); err != nil {
		p.last.Truncate(p.end) // what is left of it is no record, or is written over
		return err
	}
	p.end += recordSpan(s.size)
	p.unsync(p.last)
	if p.end-p.begun >= beginEvery {
		startWriting(p.last, p.begun, p.end-p.begun)
		p.begun = p.end
	}
	if p.unsaved++; p.unsaved >= saveEvery {
		return p.save()
	}
	return nil
}

func (p *packs) writeRecord(s slot, d digest, data []byte) error {
	var b [recordHeader]byte
	head := header{size: s.size, digest: d}.append(b[:0])
	if len(data) > smallBlock { // the header comes last, and says that the block is there
		if err := p.writeAt(data, s.offset()+recordHeader); err != nil {
			return err
		}
	} else {
		head = append(head, data...)
	}
	if err := p.writeAt(head, s.offset()); err != nil {
		return err
	}
	t, err := p.roomy()
	if err != nil {
		return err
	}
	return t.add(s)
}

func (p *packs) writeAt(data []byte, at int64) error {
	n, err := p.o.write(p.last, data, at)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	return err
}

// begin begins a pack. p.mu is held.
func (p *packs) begin() error {
	f, err := os.OpenFile(p.packPath(p.number+1), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	p.number++
	p.files.Store(p.number, f)
	p.last, p.end, p.begun, p.unsyncedD = f, 0, 0, true
	return nil
}

func (p *packs) unsync(f *os.File) {
	if !slices.Contains(p.unsynced, f) {
		p.unsynced = append(p.unsynced, f)
	}
}

// here returns the place where the next record goes. p.mu is held.
func (p *packs) here() place {
	if p.last == nil {
		return place{p.number + 1, 0}
	}
	return place{p.number, uint32(p.end / recordAlign)}
}

// save writes down how far the table goes. p.mu is held.
func (p *packs) save() error {
	t := p.table.Load()
	p.unsaved = 0
	t.boot, t.written = boot(), p.here()
	return t.save()
}

// sync returns when everything put so far is on the disk, and in the table there.
func (p *packs) sync() error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	p.mu.Lock()
	here, t := p.here(), p.table.Load()
	files, folder := p.unsynced, p.unsyncedD
	p.unsynced, p.unsyncedD = nil, false
	p.mu.Unlock()
	var err error
	if t == nil {
		return os.ErrClosed
	}
	if len(files) == 0 && !folder && here == t.synced {
		return nil
	}
	for _, f := range files {
		if serr := f.Sync(); serr != nil && !errors.Is(serr, os.ErrClosed) { // closed: all of it was moved
			err = serr
		}
	}
	if err == nil {
		err = t.f.Sync()
	}
	if folder && err == nil {
		err = durable.SyncDir(p.dir)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.table.Load(); err == nil && now != t { // it has grown meanwhile
		t, err = now, now.f.Sync()
	}
	if err != nil {
		for _, f := range files {
			p.unsync(f)
		}
		p.unsyncedD = p.unsyncedD || folder
		return err
	}
	t.synced = here
	return p.save()
}

// remove ends a block. It is no error if there is none. The space comes back by reclaim: dead is how many bytes are waiting for it.
func (p *packs) remove(k key) (dead int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, os.ErrClosed
	}
	err = p.removeRecord(k)
	return p.dead, err
}

func (p *packs) removeRecord(k key) error {
	t := p.table.Load()
	at, s, ok, err := t.find(k)
	if errors.Is(err, errTable) {
		if err = p.rebuild(); err == nil {
			t = p.table.Load()
			at, s, ok, err = t.find(k)
		}
	}
	if err != nil || !ok {
		return err
	}
	if err := t.put(at, slot{place: place{0, wasUsed}}, s); err != nil {
		return err
	}
	f, err := p.file(s.pack)
	if err == errGone {
		return nil
	}
	if err != nil {
		return err
	}
	var b [recordHeader]byte
	if _, err := f.ReadAt(b[:], s.offset()); err == io.EOF {
		return nil
	} else if err != nil {
		return err
	}
	if h, ok := parseHeader(b[:]); !ok || keyOf(h.digest) != k {
		return nil
	}
	p.unsync(f)
	p.dead += recordSpan(s.size)
	_, err = f.WriteAt([]byte(wordGone), s.offset())
	return err
}

// each visits the slots of all blocks, in no order, until an error.
func (p *packs) each(ctx context.Context, visit func(slot) error) error {
	t, err := p.index()
	if err != nil || t == nil {
		return err
	}
	damaged, err := t.each(func(s slot) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return visit(s)
	})
	if err == nil && damaged > 0 {
		err = p.mend(t, errTable) // for the next
	}
	return err
}

// name returns the digest of the block of a slot.
func (p *packs) name(s slot) (digest, error) {
	f, err := p.file(s.pack)
	if err != nil {
		return digest{}, err
	}
	var b [recordHeader]byte
	if _, err := f.ReadAt(b[:], s.offset()); err != nil {
		return digest{}, err
	}
	h, ok := parseHeader(b[:])
	if !ok || keyOf(h.digest) != s.key {
		return digest{}, fmt.Errorf("%w: the head of its record is damaged", ErrCorrupt)
	}
	return h.digest, nil
}

// slotOf returns the slot of a block.
func (p *packs) slotOf(k key) (s slot, ok bool, err error) {
	t, err := p.index()
	if err != nil || t == nil {
		return slot{}, false, err
	}
	_, s, ok, err = t.find(k)
	return s, ok, err
}

// copyTo writes the bytes of a block, whatever they are, to a file, as far as the disk has them.
func (p *packs) copyTo(path string, s slot) error {
	f, err := p.file(s.pack)
	if err != nil {
		return err
	}
	data := make([]byte, s.size)
	n, err := p.o.readAll(f, data, s.offset()+recordHeader)
	if err != nil && err != io.EOF && !errors.Is(err, syscall.EIO) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data[:n], 0o644)
}

// close closes all files. Who still reads opens them again.
func (p *packs) close() (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	if t := p.table.Load(); t != nil {
		if !p.o.readOnly {
			err = p.save()
		}
		p.table.Store(nil)
		t.f.Close()
	}
	p.closed = !p.o.readOnly
	p.files.Range(func(number, _ any) bool {
		p.drop(number.(uint32))
		return true
	})
	return err
}
