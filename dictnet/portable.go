package dictnet

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"slices"
	"sort"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/merkle"
)

// PortableMagic begins a portable template: a list of notes, and then the template (docs/format.md, section 5).
const PortableMagic = "\xd7nP\x01"

// Portable is what a portable template carries besides the template: which notes it touches, so that it can be played without
// the manifest, and perhaps a proof that they are in the version which the template names.
type Portable struct {
	TapeSize uint64          // bytes of the version
	Notes    []manifest.Note // ascending
	Proof    []merkle.Hash   // that they are in the version (merkle.ProveLeaves); nil: there is none
}

const (
	maxPortableNotes = 1 << 24
	notePrefix       = "\x01\x55\x12\x20" // of the CID of every note
)

// Portable lists the notes that reading the spans takes, with a proof if one is asked for.
func (t *Tape) Portable(ctx context.Context, spans iter.Seq2[codec.Span, error], prove bool) (*Portable, error) {
	p := &Portable{TapeSize: t.Size()}
	for n, err := range t.needed(ctx, spans, t.client.Get) {
		if err != nil {
			return nil, err
		}
		p.Notes = append(p.Notes, n)
	}
	slices.SortFunc(p.Notes, func(a, b manifest.Note) int {
		if a.Index < b.Index {
			return -1
		}
		return 1
	})
	if len(p.Notes) > maxPortableNotes {
		return nil, fmt.Errorf("a portable template lists up to %d notes, not %d", maxPortableNotes, len(p.Notes))
	}
	if !prove || len(p.Notes) == 0 {
		return p, nil
	}
	runs, err := p.runs()
	if err != nil {
		return nil, err
	}
	if p.Proof, err = merkle.ProveLeaves(ctx, t.m, runs, t.Ref().Size); err != nil {
		return nil, err
	}
	if p.Proof == nil {
		p.Proof = []merkle.Hash{} // all notes: the list itself is the proof
	}
	return p, nil
}

func (p *Portable) runs() ([]merkle.Run, error) {
	indices := make([]uint64, len(p.Notes))
	for i, n := range p.Notes {
		indices[i] = n.Index
	}
	return merkle.Runs(indices...)
}

// Check reports whether the proof shows that the notes are in a version, each at its place in the list. Where they stand on the tape it does not show: the
// tree binds names only. An error wraps merkle.ErrProof.
func (p *Portable) Check(v merkle.Version) error {
	if p.Proof == nil {
		return fmt.Errorf("%w: the template carries none", merkle.ErrProof)
	}
	runs, err := p.runs()
	if err != nil {
		return fmt.Errorf("%w: %w", merkle.ErrProof, err)
	}
	hashes := make([]merkle.Hash, len(p.Notes))
	for i, n := range p.Notes {
		hashes[i] = merkle.LeafHash(n.CID.Bytes())
	}
	return merkle.CheckLeaves(v, runs, hashes, p.Proof)
}

// AppendBinary appends the list as it stands before the template.
func (p *Portable) AppendBinary(b []byte) ([]byte, error) {
	from := len(b)
	b = append(b, PortableMagic...)
	b = binary.AppendUvarint(b, p.TapeSize)
	b = binary.AppendUvarint(b, uint64(len(p.Notes)))
	var index, pos uint64 // after the note before
	for _, n := range p.Notes {
		name := n.CID.Bytes()
		if !bytes.HasPrefix(name, []byte(notePrefix)) || n.Index < index || n.Start < pos {
			return nil, fmt.Errorf("note %d (%s) cannot be listed after note %d", n.Index, n.CID, index)
		}
		b = binary.AppendUvarint(b, n.Index-index)
		if n.Index > index {
			b = binary.AppendUvarint(b, n.Start-pos)
		}
		b = binary.AppendUvarint(b, uint64(n.RawLen))
		b = append(b, name[len(notePrefix):]...)
		index, pos = n.Index+1, n.Start+uint64(n.RawLen)
	}
	if p.Proof == nil {
		b = append(b, 0)
	} else {
		b = binary.AppendUvarint(b, uint64(len(p.Proof))+1)
		for i := range p.Proof {
			b = append(b, p.Proof[i][:]...)
		}
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli)), nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readList reads the list at the start of src, of at most so many notes, and says how many bytes it has; what follows is the template. It
// holds no more than what arrives. A list that breaks the format is a *codec.FormatError, one that is too long ErrLongList.
func readList(src *bufio.Reader, most int) (p *Portable, n int64, err error) {
	r := portableReader{src: src}
	p = new(Portable)
	if m := r.bytes(len(PortableMagic), "magic"); r.err == nil && string(m) != PortableMagic {
		r.at = 0
		r.fail("no portable template begins with % x", m)
	}
	p.TapeSize = r.uvarint(1, 1<<63-1, "length of the tape")
	count := r.uvarint(0, maxPortableNotes, "number of notes")
	if count > uint64(most) {
		return nil, 0, fmt.Errorf("%w: %d notes, limit %d", ErrLongList, count, most)
	}
	var index, pos uint64
	for range count {
		gap := r.uvarint(0, 1<<62, "gap before a note")
		if gap > 0 {
			if gap > p.TapeSize {
				r.fail("gap of %d notes on a tape of %d bytes", gap, p.TapeSize)
			}
			most := p.TapeSize
			if gap < most/codec.MaxNote {
				most = gap * codec.MaxNote
			}
			pos += r.uvarint(gap, most, "bytes before a note")
		}
		note := manifest.Note{Index: index + gap, Start: pos, RawLen: int(r.uvarint(1, codec.MaxNote, "length of a note"))}
		index, pos = note.Index+1, pos+uint64(note.RawLen)
		digest := r.bytes(32, "digest of a note")
		if r.err == nil && pos > p.TapeSize {
			r.fail("note %d ends at byte %d of a tape of %d", note.Index, pos, p.TapeSize)
		}
		if r.err != nil {
			break
		}
		name := append([]byte(notePrefix), digest...)
		if note.CID, err = cid.Cast(name); err != nil {
			return nil, 0, err // it has the right shape
		}
		p.Notes = append(p.Notes, note)
	}
	if hashes := r.uvarint(0, 128*count+1, "number of proof hashes"); hashes > 0 && r.err == nil {
		p.Proof = []merkle.Hash{}
		for range hashes - 1 {
			h := r.bytes(merkle.HashSize, "proof hash")
			if r.err != nil {
				break
			}
			p.Proof = append(p.Proof, merkle.Hash(h))
		}
	}
	sum := r.sum
	if got := r.bytes(4, "checksum"); r.err == nil && binary.LittleEndian.Uint32(got) != sum {
		r.at -= 4
		r.fail("checksum of the list of notes is %08x, want %08x", binary.LittleEndian.Uint32(got), sum)
	}
	if r.err != nil {
		return nil, 0, r.err
	}
	return p, r.at, nil
}

// portableReader reads the fields of a list. The first fault sticks.
type portableReader struct {
	src *bufio.Reader
	at  int64
	sum uint32
	buf [64]byte
	err error
}

func (r *portableReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &codec.FormatError{Offset: r.at, Msg: fmt.Sprintf(format, args...)}
	}
}

// bytes reads n <= 64 bytes, which are valid until the next call.
func (r *portableReader) bytes(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	b := r.buf[:n]
	k, err := io.ReadFull(r.src, b)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		r.at += int64(k)
		r.fail("cut short in %s", what)
		return nil
	case err != nil:
		r.err = fmt.Errorf("read template: %w", err)
		return nil
	}
	r.at += int64(n)
	r.sum = crc32.Update(r.sum, castagnoli, b)
	return b
}

func (r *portableReader) uvarint(lo, hi uint64, what string) (v uint64) {
	at := r.at
	for shift := 0; r.err == nil; shift += 7 {
		b := r.bytes(1, what)
		if b == nil {
			return 0
		}
		if shift == 63 && b[0] > 1 || shift > 0 && b[0] == 0 {
			r.at = at
			r.fail("%s is not a varint in its shortest form", what)
			return 0
		}
		v |= uint64(b[0]&0x7f) << shift
		if b[0] < 0x80 {
			break
		}
	}
	if r.err == nil && (v < lo || v > hi) {
		r.at = at
		r.fail("%s is %d, want %d to %d", what, v, lo, hi)
	}
	if r.err != nil {
		return 0
	}
	return v
}

// PortableTape reads those notes of a version that a portable template lists. It is safe for concurrent use.
type PortableTape struct {
	client  *Client
	p       *Portable
	deriver *codec.Deriver
}

var (
	_ codec.Tape       = (*PortableTape)(nil)
	_ codec.Prefetcher = (*PortableTape)(nil)
	_ codec.Locator    = (*PortableTape)(nil)
)

// OpenPortable reads the notes of a list. Each is checked by its CID, and nothing else is: whether the list is to be believed is for the
// caller to know, by [Portable.Check].
func (c *Client) OpenPortable(p *Portable) *PortableTape {
	t := &PortableTape{client: c, p: p}
	t.deriver = codec.NewDeriver(t.GetNote, t.Prefetch)
	return t
}

// Size returns the length of the tape in bytes.
func (t *PortableTape) Size() uint64 { return t.p.TapeSize }

// errNotListed says that a template asks for a note that it does not list.
var errNotListed = errors.New("the template does not list the note")

// Note returns which note holds byte pos, without asking anybody.
func (t *PortableTape) Note(_ context.Context, pos uint64) (manifest.Note, error) {
	notes := t.p.Notes
	i := sort.Search(len(notes), func(i int) bool { return notes[i].Start+uint64(notes[i].RawLen) > pos })
	if i == len(notes) || notes[i].Start > pos {
		return manifest.Note{}, &ContradictionError{What: "the template and its list of notes", Err: fmt.Errorf("%w that holds byte %d of the tape", errNotListed, pos)}
	}
	return notes[i], nil
}

// NoteAt returns the note that holds byte pos, from the store or from elsewhere.
func (t *PortableTape) NoteAt(ctx context.Context, pos uint64) (start uint64, raw []byte, err error) {
	return t.deriver.NoteAt(ctx, pos)
}

// GetNote is NoteAt but for derived notes, which it does not open.
func (t *PortableTape) GetNote(ctx context.Context, pos uint64) (start uint64, n codec.Note, err error) {
	at, err := t.Note(ctx, pos)
	if err != nil {
		return 0, codec.Note{}, err
	}
	n, err = t.client.note(ctx, at)
	return at.Start, n, err
}

// Locate returns where the note lies that holds byte pos.
func (t *PortableTape) Locate(ctx context.Context, pos uint64) (codec.Span, error) {
	n, err := t.Note(ctx, pos)
	return codec.Span{Pos: n.Start, Len: uint64(n.RawLen)}, err
}

// Prefetch asks for the notes of the spans, in order.
func (t *PortableTape) Prefetch(ctx context.Context, spans []codec.Span) {
	spans = slices.Clone(spans)
	t.ask(ctx, func(yield func(manifest.Note, error) bool) {
		seen := make(map[uint64]bool)
		for n, err := range manifest.NotesOf(ctx, spans, t.Note) {
			if err != nil {
				return // told by NoteAt
			}
			if !seen[n.Index] {
				seen[n.Index] = true
				if !yield(n, nil) {
					return
				}
			}
		}
	})
}

// Here reports whether a note is in the store, unchecked.
func (t *PortableTape) Here(ctx context.Context, n manifest.Note) (bool, error) {
	return t.client.blocks.Has(ctx, n.CID)
}

// FetchAll asks for all notes of the list at once, before it is known in which order they play.
func (t *PortableTape) FetchAll(ctx context.Context) {
	t.ask(ctx, t.notes)
}

// notes yields the notes of the list.
func (t *PortableTape) notes(yield func(manifest.Note, error) bool) {
	for _, n := range t.p.Notes {
		if !yield(n, nil) {
			return
		}
	}
}

// Plan is Client.Plan for the notes of the list. A span that it does not cover is a contradiction.
func (t *PortableTape) Plan(ctx context.Context, spans []codec.Span) (*Plan, error) {
	for _, err := range manifest.NotesOf(ctx, codec.JoinSpans(spans), t.Note) {
		if err != nil {
			return nil, err
		}
	}
	return t.client.plan(ctx, t.notes)
}

func (t *PortableTape) ask(ctx context.Context, notes iter.Seq2[manifest.Note, error]) {
	f := t.client.fetch
	if len(f.sources) == 0 {
		return
	}
	f.spawn(ctx, func(ctx context.Context) {
		for range t.client.ensure(ctx, notes) {
			if ctx.Err() != nil {
				return // what is missing is reported where it is needed
			}
		}
	})
}
