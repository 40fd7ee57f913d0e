package dictnet

import (
	"bytes"
	"fmt"
	"slices"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
)

// Parallel is what one context has of a text that several have, entry by entry.
type Parallel struct {
	Context string
	Entries [][]byte // lines, each with its newline
}

// parallelNote is how long notes of parallel texts are, in bytes.
const parallelNote = 128 << 10

// AddCodes puts texts that say the same in several contexts on the tape, each in one piece, and gives entry i of all one code. A text that is there already, as
// part of an earlier code book of its context, is not put there again. Contexts do not share notes.
func (e *Extension) AddCodes(texts []Parallel) error {
	var meanings []manifest.Meaning
	for _, t := range texts {
		m := manifest.Meaning{Context: t.Context}
		for _, entry := range t.Entries {
			m.Lengths = append(m.Lengths, uint64(len(entry)))
		}
		text := bytes.Join(t.Entries, nil)
		pos, ok, err := e.standing(t.Context, m.Lengths, text)
		if err != nil {
			return err
		}
		if !ok {
			pos = e.app.TapeSize()
			for piece := range slices.Chunk(text, parallelNote) {
				b, err := codec.SealNote(piece)
				if err == nil {
					err = e.Add(b)
				}
				if err != nil {
					return fmt.Errorf("entries of %s: %w", t.Context, err)
				}
			}
		}
		m.Pos = pos
		meanings = append(meanings, m)
		if len(text) > 0 {
			if err := e.Label(t.Context, []codec.Span{{Pos: pos, Len: uint64(len(text))}}); err != nil {
				return err
			}
		}
	}
	return e.app.AddCodes(meanings)
}

// standing looks for a text among those of the code books of its context.
func (e *Extension) standing(context string, lengths []uint64, text []byte) (pos uint64, ok bool, err error) {
	if e.base == nil {
		return 0, false, nil
	}
	codes, err := e.base.Codes(e.ctx)
	if err != nil || !slices.Contains(codes.Contexts(), context) {
		return 0, false, err
	}
	books, err := codes.Entries(context)
	if err != nil {
		return 0, false, err
	}
	for _, entries := range books {
		same := slices.EqualFunc(entries, lengths, func(s codec.Span, n uint64) bool { return s.Len == n })
		if same && e.stands(entries[0].Pos, text) {
			return entries[0].Pos, true, nil
		}
	}
	return 0, false, nil
}

// stands reports whether the base's tape has these bytes at pos, in notes that can be opened here.
func (e *Extension) stands(pos uint64, text []byte) bool {
	for len(text) > 0 {
		n, err := e.base.Locate(e.ctx, pos)
		if err != nil {
			return false
		}
		block, err := e.store.Get(e.ctx, n.CID)
		if err != nil {
			return false
		}
		raw, err := codec.OpenNote(n.CID, block)
		if err != nil {
			return false
		}
		raw = raw[pos-n.Start:]
		raw = raw[:min(len(raw), len(text))]
		if !bytes.Equal(raw, text[:len(raw)]) {
			return false
		}
		text, pos = text[len(raw):], pos+uint64(len(raw))
	}
	return true
}
