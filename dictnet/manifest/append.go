package manifest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"math/bits"
	"slices"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/merkle"
)

// Appender adds notes to a version and writes the blocks of the next one. It holds only the right edge:
// at most 255 entries of every height. The same notes give the same blocks, however they are split
// into versions. It is not safe for concurrent use.
type Appender struct {
	store  Store
	levels [][]entry // levels[0]: notes of the last page; levels[h]: full blocks of height h without a parent
	size   uint64
	length uint64

	labels  Labels         // of the last version
	pending []pendingLabel // given since
	named   uint64         // notes of the last version; its labels are what they are

	pendingCodes [][]Meaning // given since
}

// NewAppender starts from the version base, or from no notes if base is nil.
func NewAppender(ctx context.Context, store Store, base *Manifest) (*Appender, error) {
	a := &Appender{store: store, levels: make([][]entry, 1)}
	if base == nil || base.head.Size == 0 {
		return a, nil
	}
	a.size, a.length = base.head.Size, base.head.length
	labels, err := base.Labels(ctx)
	if err != nil {
		return nil, err
	}
	a.labels, a.named = *labels, a.size
	a.levels = make([][]entry, base.height+1)
	for p := (place{base.height, 0}); ; {
		n, err := base.node(ctx, p)
		if err != nil {
			return nil, err
		}
		last := len(n.links) - 1
		for i := range last {
			a.levels[p.height-1] = append(a.levels[p.height-1], n.entry(i))
		}
		child := place{p.height - 1, p.index*Fanout + uint64(last)}
		if child.height > 0 && notesBelow(a.size, child) != 1<<(8*child.height) {
			p = child
			continue
		}
		a.levels[p.height-1] = append(a.levels[p.height-1], n.entry(last))
		return a, a.fold(ctx, p.height-1)
	}
}

// Add appends the note named c, of rawLen bytes. The note's block need not be in the store.
func (a *Appender) Add(ctx context.Context, c cid.Cid, rawLen int) error {
	d, err := digestOf(codecNote, c)
	if err != nil {
		return fmt.Errorf("append note %d: %w", a.size, err)
	}
	if rawLen < 1 || rawLen > codec.MaxNote {
		return fmt.Errorf("append note %d (%s): %d bytes, want 1 to %d", a.size, c, rawLen, codec.MaxNote)
	}
	length, carry := bits.Add64(a.length, uint64(rawLen), 0)
	if carry != 0 {
		return fmt.Errorf("append note %d (%s): the tape is full", a.size, c)
	}
	a.levels[0] = append(a.levels[0], entry{link: d, hash: leafHash(d), length: uint64(rawLen)})
	a.size, a.length = a.size+1, length
	return a.fold(ctx, 0)
}

// Size returns the number of notes so far, those of the base included.
func (a *Appender) Size() uint64 { return a.size }

// TapeSize returns the raw bytes of all notes so far.
func (a *Appender) TapeSize() uint64 { return a.length }

// fold turns full levels into blocks, from level h upwards.
func (a *Appender) fold(ctx context.Context, h int) error {
	for ; len(a.levels[h]) == Fanout; h++ {
		e, err := a.put(ctx, h+1, a.levels[h])
		if err != nil {
			return err
		}
		a.levels[h] = a.levels[h][:0]
		if len(a.levels) == h+1 {
			a.levels = append(a.levels, nil)
		}
		a.levels[h+1] = append(a.levels[h+1], e)
	}
	return nil
}

// put writes one block and returns what its parent says of it.
func (a *Appender) put(ctx context.Context, height int, entries []entry) (entry, error) {
	link, err := a.putBlock(ctx, encodeNode(height, entries))
	if err != nil {
		return entry{}, err
	}
	e := entry{link: link}
	hashes := make([]merkle.Hash, len(entries))
	for i, child := range entries {
		hashes[i] = child.hash
		e.length += child.length // does not overflow: part of a.length
	}
	e.hash = merkle.Root(hashes)
	return e, nil
}

func (a *Appender) putBlock(ctx context.Context, data []byte) (digest, error) {
	d := digest(sha256.Sum256(data))
	c := cidOf(codecNode, d)
	if err := a.store.Put(ctx, c, data); err != nil {
		return digest{}, fmt.Errorf("write block %s of a manifest: %w", c, err)
	}
	return d, nil
}

// Finish writes the right edge and the manifest and returns the name of the version. More notes may be added
// after it, for another version.
func (a *Appender) Finish(ctx context.Context) (codec.DictionaryRef, error) {
	h := head{Version: merkle.Version{Size: a.size, Root: merkle.EmptyRoot}, length: a.length}
	if a.size > 0 {
		top, err := a.top(ctx)
		if err != nil {
			return codec.DictionaryRef{}, err
		}
		h.tree, h.Root = top.link, top.hash
	}
	if err := a.settleLabels(ctx); err != nil {
		return codec.DictionaryRef{}, err
	}
	if err := a.putLabels(ctx, &h); err != nil {
		return codec.DictionaryRef{}, err
	}
	a.named = a.size
	data := encodeHead(h)
	c := cidOf(codecNode, sha256.Sum256(data))
	if err := a.store.Put(ctx, c, data); err != nil {
		return codec.DictionaryRef{}, fmt.Errorf("write manifest %s: %w", c, err)
	}
	return codec.DictionaryRef{Manifest: c, Version: h.Version}, nil
}

// top writes the blocks that are not full, from the page upwards, and returns the block that holds all.
func (a *Appender) top(ctx context.Context) (entry, error) {
	height := heightOf(a.size)
	var carry []entry // the block below that is not full, if any
	for h := 0; h < height; h++ {
		entries := slices.Concat(a.levels[h], carry)
		carry = nil
		if len(entries) == 0 {
			continue
		}
		e, err := a.put(ctx, h+1, entries)
		if err != nil {
			return entry{}, err
		}
		carry = []entry{e}
	}
	if len(carry) == 0 { // 256^height notes: the block is full and written
		return a.levels[height][0], nil
	}
	return carry[0], nil
}

// Append writes the version that has notes after those of base (cid.Undef: after none), of which
// only CID and RawLen matter. It stops at the first error that notes yields.
func Append(ctx context.Context, store Store, base cid.Cid, notes iter.Seq2[Note, error]) (codec.DictionaryRef, error) {
	var from *Manifest
	if base.Defined() {
		var err error
		if from, err = Open(ctx, store, base); err != nil {
			return codec.DictionaryRef{}, err
		}
	}
	a, err := NewAppender(ctx, store, from)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	for n, err := range notes {
		if err != nil {
			return codec.DictionaryRef{}, err
		}
		if err := a.Add(ctx, n.CID, n.RawLen); err != nil {
			return codec.DictionaryRef{}, err
		}
	}
	return a.Finish(ctx)
}
