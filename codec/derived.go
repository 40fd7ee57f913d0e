package codec

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ipfs/go-cid"
)

// derivedMagic begins the block of a derived note; its last byte is the form's version (section 1.1).
const derivedMagic = "\xd7nN\x01"

// Limits of a derived note (section 1.1).
const (
	maxDerivedDepth = 63
	maxDerivedBack  = 4 << 20 // bytes
)

// ErrDerived says that a note is a derived one, whose bytes cannot be told without those before it on the tape.
var ErrDerived = fmt.Errorf("%w: it is coded against earlier ones", ErrNote)

// Note is a note whose block has been checked: its bytes, or how it was derived from what stands before it on the tape.
type Note struct {
	Raw     []byte   // nil if it is derived
	Derived *Derived // nil if it is not
}

// Derived is a note that is coded against earlier bytes of its tape. A [Deriver] finds those and opens it.
type Derived struct {
	rawLen int
	depth  int // one more than that of the deepest note it is coded against, at least; notes that are not derived have 0
	coding coding
	back   uint64      // bytes just before the note that it is coded against
	runs   []freshNote // what its bytes replace, from the first to the last; positions count from the note's begin
	data   []byte
}

// RawLen is the length of the note in bytes, 1 to MaxNote.
func (n Note) RawLen() int {
	if n.Derived != nil {
		return n.Derived.rawLen
	}
	return len(n.Raw)
}

// CheckNote checks that block is the note named c. Nothing is expanded before the name, the shape and the stated size
// have been found good. It is safe for concurrent use.
func CheckNote(c cid.Cid, block []byte) (Note, error) {
	if !isDerived(block) {
		raw, err := OpenNote(c, block)
		return Note{Raw: raw}, err
	}
	if err := checkName(c, block); err != nil {
		return Note{}, err
	}
	d, err := parseDerived(block)
	if err != nil {
		return Note{}, fmt.Errorf("%w: %s: %w", ErrNote, c, err)
	}
	return Note{Derived: d}, nil
}

func isDerived(block []byte) bool {
	return len(block) >= len(derivedMagic) && string(block[:len(derivedMagic)]) == derivedMagic
}

// reference returns what the note is coded against if it begins at start.
func (d *Derived) reference(start uint64) *reference {
	var more []Span
	if back := min(d.back, start); back > 0 {
		more = append(more, Span{start - back, back})
	}
	return referenceOf(d.runs, 0, uint64(d.rawLen), start, d.coding, more...)
}

// References returns the spans of the tape, ascending, that the note in a block is coded against if it begins at start: none if it is not a
// derived one. The name of the block is not checked.
func References(block []byte, start uint64) ([]Span, error) {
	if !isDerived(block) {
		return nil, nil
	}
	d, err := parseDerived(block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNote, err)
	}
	return d.reference(start).pieces, nil
}

// appendRuns writes what the bytes of a note replace. Runs that replace nothing are left out.
func appendRuns(b []byte, runs []freshNote) []byte {
	known := slices.DeleteFunc(slices.Clone(runs), func(n freshNote) bool { return !n.ok })
	b = binary.AppendUvarint(b, uint64(len(known)))
	var end, from, file uint64 // where the one before ended
	for _, n := range known {
		gap, size := n.begin-end, n.end-n.begin
		b = binary.AppendUvarint(b, gap)
		b = binary.AppendUvarint(b, size)
		moved := n.from - (from + gap)
		b = binary.AppendUvarint(b, zigzag(int64(moved)))
		b = binary.AppendUvarint(b, zigzag(int64(n.file-(file+gap)-moved)))
		if n.near {
			b = binary.AppendUvarint(b, 1+zigzag(int64(n.to-(n.from+size))))
		} else {
			b = append(b, 0)
		}
		end, from, file = n.end, n.from+size, n.file+size
	}
	return b
}

// runs reads what appendRuns wrote, and puts runs between that replace nothing, so that every byte of the note belongs to one.
func (f *fields) runs(rawLen int) []freshNote {
	var runs []freshNote
	var end, from, file uint64
	size := uint64(rawLen)
	for range f.uvarint(0, size, "number of runs") {
		gap := f.uvarint(0, size-end, "bytes between runs")
		n := freshNote{begin: end + gap, ok: true}
		n.end = n.begin + f.uvarint(1, max(1, size-n.begin), "length of a run")
		moved := uint64(unzigzag(f.uvarint(0, 1<<63, "place of a run")))
		n.from = from + gap + moved
		n.file = file + gap + moved + uint64(unzigzag(f.uvarint(0, 1<<63, "place of a run in the file")))
		if by := f.uvarint(0, 1<<32, "end of what a run replaces"); by > 0 {
			n.to, n.near = n.from+(n.end-n.begin)+uint64(unzigzag(by-1)), true
		}
		if f.err == nil && (n.end > size || n.from >= 1<<63 || n.to >= 1<<63 || n.file >= 1<<63) {
			f.fail("a run lies beyond the note or the tape")
		}
		if f.err != nil {
			return nil
		}
		if gap > 0 {
			runs = append(runs, freshNote{begin: end, end: n.begin, file: file})
		}
		runs = append(runs, n)
		end, from, file = n.end, n.from+(n.end-n.begin), n.file+(n.end-n.begin)
	}
	if end < size {
		runs = append(runs, freshNote{begin: end, end: size, file: file})
	}
	return runs
}

// parseDerived reads a block.
func parseDerived(block []byte) (*Derived, error) {
	f := &fields{b: block}
	f.bytes(len(derivedMagic), "magic")
	d := &Derived{
		rawLen: int(f.uvarint(1, MaxNote, "raw length")),
		depth:  int(f.uvarint(1, maxDerivedDepth, "depth")),
		coding: coding(f.uvarint(uint64(codingAligned), uint64(codingMixed), "coding")),
		back:   f.uvarint(0, maxDerivedBack, "bytes before the note"),
	}
	d.runs = f.runs(d.rawLen)
	if f.err != nil {
		return nil, f.err
	}
	d.data = block[f.pos:]
	return d, nil
}

// sealDerived makes the block of a note that is coded against old, the bytes of what reference says; a plain one if that is not larger.
func sealDerived(ctx context.Context, d *Derived, raw []byte, old counterpart) (Block, error) {
	plain, err := SealNote(raw)
	if err != nil {
		return Block{}, err
	}
	c, data, err := packClosed(ctx, d.coding, raw, old)
	if err != nil {
		return Block{}, err
	}
	if c < codingAligned {
		return plain, nil
	}
	b := append([]byte(nil), derivedMagic...)
	b = binary.AppendUvarint(b, uint64(len(raw)))
	b = binary.AppendUvarint(b, uint64(d.depth))
	b = binary.AppendUvarint(b, uint64(c))
	b = binary.AppendUvarint(b, d.back)
	b = appendRuns(b, d.runs)
	b = append(b, data...)
	if len(b) >= len(plain.Data) || len(b) > MaxNoteBlock {
		return plain, nil
	}
	name, err := NoteCID(b)
	return Block{CID: name, Data: b, RawLen: len(raw)}, err
}

// open returns the note's bytes. old are those of d.reference.
func (d *Derived) open(ctx context.Context, old counterpart) ([]byte, error) {
	raw, err := unpack(ctx, d.coding, d.data, d.rawLen, old, nil)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: derived note: %w", ErrNote, err)
	}
	return raw, nil
}
