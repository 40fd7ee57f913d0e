package manifest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"sort"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"

	"dictnet/codec"
)

const (
	cachedBlocks = 512 // of one open manifest, about 20 KB each
	readAhead    = 32  // blocks asked for at once when many will be needed
)

// Manifest is one version of a dictionary, open for reading. It is safe for concurrent use.
type Manifest struct {
	get    Getter
	cid    cid.Cid
	head   head
	height int // of the tree, 0 if there are no notes
	cache  *lru.Cache[place, *node]

	labelMu sync.Mutex
	labels  *Labels // nil until they are read
}

// Note is one line of the dictionary.
type Note struct {
	Index  uint64 // 0-based
	CID    cid.Cid
	Start  uint64 // tape position of its first byte
	RawLen int    // bytes on the tape, 1 to codec.MaxNote
}

// place names a block of the tree: index counts the blocks of its height from the left.
type place struct {
	height int // 1 for a page
	index  uint64
}

func (p place) String() string {
	if p.height == 1 {
		return fmt.Sprintf("page %d", p.index)
	}
	return fmt.Sprintf("branch %d of height %d", p.index, p.height)
}

// Open reads the manifest named c and nothing below it. What it says about itself (see [Manifest.Ref]) is
// for the caller to compare with what he trusts.
func Open(ctx context.Context, get Getter, c cid.Cid) (*Manifest, error) {
	d, err := digestOf(codecNode, c)
	if err != nil {
		return nil, &BlockError{CID: c, Block: "manifest", Reason: err.Error()}
	}
	data, err := getBlock(ctx, get, d, "manifest")
	if err != nil {
		return nil, err
	}
	h, err := decodeHead(data)
	if err != nil {
		return nil, &BlockError{CID: c, Block: "manifest", Reason: err.Error()}
	}
	cache, err := lru.New[place, *node](cachedBlocks)
	if err != nil {
		return nil, err
	}
	return &Manifest{get: get, cid: c, head: h, height: heightOf(h.Size), cache: cache}, nil
}

// getBlock reads a block and checks its size and digest.
func getBlock(ctx context.Context, get Getter, d digest, name string) ([]byte, error) {
	c := cidOf(codecNode, d)
	data, err := get.Get(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read %s (%s): %w", name, c, err)
	}
	if len(data) > MaxBlock {
		return nil, &BlockError{CID: c, Block: name, Reason: fmt.Sprintf("%d bytes, limit %d", len(data), MaxBlock)}
	}
	if got := digest(sha256.Sum256(data)); got != d {
		return nil, &BlockError{CID: c, Block: name, Reason: fmt.Sprintf("the bytes are those of %s", cidOf(codecNode, got))}
	}
	return data, nil
}

// Ref returns what a template says to name this version.
func (m *Manifest) Ref() codec.DictionaryRef {
	return codec.DictionaryRef{Manifest: m.cid, Version: m.head.Version}
}

// TapeSize returns the raw bytes of all notes.
func (m *Manifest) TapeSize() uint64 { return m.head.length }

// heightOf returns the least h with 256^h >= size.
func heightOf(size uint64) int {
	if size == 0 {
		return 0
	}
	h := 1
	for n := (size - 1) >> 8; n > 0; n >>= 8 {
		h++
	}
	return h
}

// notesBelow returns how many notes are below a block.
func notesBelow(size uint64, p place) uint64 {
	if p.height >= 8 { // at most one, and it holds all
		return size
	}
	full := uint64(1) << (8 * p.height)
	return min(size-p.index*full, full)
}

// entriesOf returns how many entries a block with n notes below has.
func entriesOf(height int, n uint64) int {
	return int((n-1)>>(8*(height-1)) + 1)
}

// node returns the block at p, checked. p must exist.
func (m *Manifest) node(ctx context.Context, p place) (*node, error) {
	if n, ok := m.cache.Get(p); ok {
		return n, nil
	}
	want := entry{link: m.head.tree, hash: m.head.Root, length: m.head.length}
	if p.height < m.height {
		parent, err := m.node(ctx, place{p.height + 1, p.index / Fanout})
		if err != nil {
			return nil, err
		}
		want = parent.entry(int(p.index % Fanout))
	}
	data, err := getBlock(ctx, m.get, want.link, p.String())
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) error {
		return &BlockError{CID: cidOf(codecNode, want.link), Block: p.String(), Reason: fmt.Sprintf(format, args...)}
	}
	n, err := decodeNode(p.height, data)
	if err != nil {
		return nil, bad("%v", err)
	}
	if count := entriesOf(p.height, notesBelow(m.head.Size, p)); len(n.links) != count {
		return nil, bad("%d entries, want %d", len(n.links), count)
	}
	if n.length() != want.length {
		return nil, bad("lengths add up to %d bytes, parent states %d", n.length(), want.length)
	}
	if hash := n.hash(); hash != want.hash {
		return nil, bad("tree hash %s, parent states %s", hash, want.hash)
	}
	m.cache.Add(p, n)
	return n, nil
}

// load reads several blocks of one height at once, so that those which follow are found in the cache.
func (m *Manifest) load(ctx context.Context, height int, from, to uint64) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readAhead)
	for i := from; i < to; i++ {
		g.Go(func() error {
			_, err := m.node(ctx, place{height, i})
			return err
		})
	}
	return g.Wait()
}

// Note returns note i.
func (m *Manifest) Note(ctx context.Context, i uint64) (Note, error) {
	if i >= m.head.Size {
		return Note{}, fmt.Errorf("note %d of %d does not exist", i, m.head.Size)
	}
	var start uint64
	for h := m.height; ; h-- {
		p := place{h, 0}
		if h < 8 {
			p.index = i >> (8 * h)
		}
		n, err := m.node(ctx, p)
		if err != nil {
			return Note{}, err
		}
		at := int(i >> (8 * (h - 1)) % Fanout)
		start += n.start(at)
		if h == 1 {
			return n.note(at, i, start), nil
		}
	}
}

func (n *node) note(at int, index, start uint64) Note {
	return Note{Index: index, CID: cidOf(codecNote, n.links[at]), Start: start, RawLen: int(n.entry(at).length)}
}

// Locate returns the note that holds byte pos of the tape.
func (m *Manifest) Locate(ctx context.Context, pos uint64) (Note, error) {
	if pos >= m.head.length {
		return Note{}, fmt.Errorf("byte %d is beyond the tape of %d bytes", pos, m.head.length)
	}
	var index, start uint64 // of the block
	for h := m.height; ; h-- {
		n, err := m.node(ctx, place{h, index})
		if err != nil {
			return Note{}, err
		}
		at := sort.Search(len(n.ends), func(i int) bool { return pos-start < n.ends[i] })
		start += n.start(at)
		index = index*Fanout + uint64(at)
		if h == 1 {
			return n.note(at, index, start), nil
		}
	}
}

// NotesOf lists the notes that hold the spans, in their order: each once if the spans are in tape order. Locate returns the note that holds byte pos of the tape, as that of a Manifest
// does. It stops after an error.
func NotesOf(ctx context.Context, spans []codec.Span, locate func(ctx context.Context, pos uint64) (Note, error)) iter.Seq2[Note, error] {
	return func(yield func(Note, error) bool) {
		var first, next uint64 // where the last note begins, and ends
		for _, s := range spans {
			for pos, end := s.Pos, s.Pos+s.Len; pos < end; pos = next {
				if pos >= first && pos < next {
					continue
				}
				n, err := locate(ctx, pos)
				if !yield(n, err) || err != nil {
					return
				}
				first, next = n.Start, n.Start+uint64(n.RawLen)
			}
		}
	}
}

// Notes lists the notes in order, starting with note from. It stops after an error.
func (m *Manifest) Notes(ctx context.Context, from uint64) iter.Seq2[Note, error] {
	return func(yield func(Note, error) bool) {
		if from >= m.head.Size {
			return
		}
		first, err := m.Note(ctx, from)
		if err != nil {
			yield(Note{}, err)
			return
		}
		i, start := from, first.Start
		pages := (m.head.Size-1)/Fanout + 1
		loaded := from / Fanout
		for page := from / Fanout; page < pages; page++ {
			if page >= loaded {
				loaded = min(page+readAhead, pages)
				if err := m.load(ctx, 1, page, loaded); err != nil {
					yield(Note{}, err)
					return
				}
			}
			n, err := m.node(ctx, place{1, page})
			if err != nil {
				yield(Note{}, err)
				return
			}
			for at := int(i % Fanout); at < len(n.links); at++ {
				if !yield(n.note(at, i, start), nil) {
					return
				}
				start += n.entry(at).length
				i++
			}
		}
	}
}
