// Package car moves whole dictionaries in files: CAR archives with the manifest as their one root, then the
// blocks, parents first and notes in tape order, each once. Kubo and other IPFS tools read and write the same.
package car

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// ErrFormat is wrapped by errors about what is not a CAR of a dictionary.
var ErrFormat = errors.New("not a valid CAR file of a dictionary")

// limits keep a hostile file from making a reader allocate what it promises.
var limits = []carv2.Option{
	carv2.MaxAllowedHeaderSize(64 << 10),
	carv2.MaxAllowedSectionSize(store.MaxBlock + 128),
	carv2.ZeroLengthSectionAsEOF(false),
}

// Export writes the dictionary of a manifest as CARv1, reading its blocks from get. What it writes is checked.
// The same dictionary gives the same file. progress, if not nil, is told how many notes are written.
func Export(ctx context.Context, w io.Writer, get manifest.Getter, name cid.Cid, progress func(notes uint64)) error {
	return ExportSince(ctx, w, get, cid.Undef, name, progress)
}

// ExportSince is Export without what an earlier version of the dictionary reaches, for somebody who has that; with cid.Undef
// it is Export.
func ExportSince(ctx context.Context, w io.Writer, get manifest.Getter, old, name cid.Cid, progress func(notes uint64)) error {
	there, size := make(map[cid.Cid]bool), uint64(0)
	if old.Defined() {
		before, err := manifest.Open(ctx, get, old)
		if err != nil {
			return err
		}
		size = before.Ref().Size
		if err := before.Walk(ctx, func(l manifest.Link) (bool, error) {
			if !l.Note {
				there[l.CID] = true
			}
			return true, nil
		}); err != nil {
			return err
		}
	}
	m, err := manifest.Open(ctx, get, name)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, 1<<20)
	out, err := storage.NewWritable(onlyWriter{buffered}, []cid.Cid{name}, carv2.WriteAsCarV1(true))
	if err != nil {
		return fmt.Errorf("write CAR: %w", err)
	}
	err = m.Walk(ctx, func(l manifest.Link) (bool, error) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		if there[l.CID] || l.Note && l.Index < size {
			return false, nil
		}
		what := "page"
		if l.Note {
			what = fmt.Sprintf("note %d", l.Index)
		}
		data, err := get.Get(ctx, l.CID)
		if err != nil {
			return false, fmt.Errorf("%s (%s): %w", what, l.CID, err)
		}
		if l.Note {
			if _, err := codec.CheckNote(l.CID, data); err != nil {
				return false, fmt.Errorf("%s: %w", what, err)
			}
			if progress != nil {
				progress(l.Index + 1)
			}
		} else if got, err := l.CID.Prefix().Sum(data); err != nil || got != l.CID {
			return false, fmt.Errorf("%s (%s): %w", what, l.CID, store.ErrCorrupt)
		}
		if err := out.Put(ctx, l.CID.KeyString(), data); err != nil {
			return false, fmt.Errorf("write CAR: %w", err)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := out.Finalize(); err != nil {
		return fmt.Errorf("write CAR: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write CAR: %w", err)
	}
	return nil
}

// onlyWriter hides that a file could also be written elsewhere than at its end.
type onlyWriter struct{ io.Writer }

// Import reads the dictionary of a CAR (version 1 or 2) into a store, and returns which it is, once all of it is
// there: every block has the bytes of its name, every page fits the root, every note opens. If anything is wrong,
// the store is as it was. The caller names or pins the dictionary. progress, if not nil, is told how many blocks were
// read.
func Import(ctx context.Context, r io.Reader, s *store.Store, progress func(blocks uint64)) (ref codec.DictionaryRef, err error) {
	if s.ReadOnly() {
		return ref, fmt.Errorf("import CAR: %w", store.ErrReadOnly)
	}
	in, err := carv2.NewBlockReader(bufio.NewReaderSize(r, 1<<20), append(limits, carv2.WithTrustedCAR(true))...)
	if err != nil {
		return ref, fmt.Errorf("%w: %v", ErrFormat, err)
	}
	root, err := rootOf(in.Roots)
	if err != nil {
		return ref, err
	}
	arrived := arrivals{store: s, fresh: make(map[cid.Cid]bool), notes: make(map[cid.Cid]int)}
	defer func() {
		for c := range arrived.fresh {
			derr := s.Delete(context.WithoutCancel(ctx), c)
			if err == nil {
				err = derr
			}
		}
	}()
	if err := arrived.all(ctx, in, progress); err != nil {
		return ref, err
	}
	reached, ref, err := check(ctx, s, root, arrived.notes)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	for c := range reached {
		delete(arrived.fresh, c)
	}
	return ref, nil
}

// Begins reports whether what r reads begins as a CAR does.
func Begins(r io.Reader) bool {
	version, err := carv2.ReadVersion(r, limits...)
	return err == nil && (version == 1 || version == 2)
}

func rootOf(roots []cid.Cid) (cid.Cid, error) {
	if len(roots) != 1 {
		return cid.Undef, fmt.Errorf("%w: %d roots, want 1, the manifest", ErrFormat, len(roots))
	}
	if !roots[0].Defined() {
		return cid.Undef, fmt.Errorf("%w: the root has no CID", ErrFormat)
	}
	return roots[0], nil
}

// check reads all of a dictionary, but for the notes that are known to be good and how long, and returns the blocks it reaches.
func check(ctx context.Context, s *store.Store, root cid.Cid, good map[cid.Cid]int) (map[cid.Cid]bool, codec.DictionaryRef, error) {
	m, err := manifest.Open(ctx, s, root)
	if err != nil {
		return nil, codec.DictionaryRef{}, incomplete(err)
	}
	reached := make(map[cid.Cid]bool)
	if err := m.Walk(ctx, func(l manifest.Link) (bool, error) {
		reached[l.CID] = true
		return true, nil
	}); err != nil {
		return nil, codec.DictionaryRef{}, incomplete(err)
	}
	for n, err := range m.Notes(ctx, 0) {
		if err == nil {
			err = ctx.Err()
		}
		if size, ok := good[n.CID]; ok && size == n.RawLen && err == nil {
			continue
		}
		var data []byte
		var note codec.Note
		if err == nil {
			data, err = s.Get(ctx, n.CID)
		}
		if err == nil {
			note, err = codec.CheckNote(n.CID, data)
		}
		if err == nil && note.RawLen() != n.RawLen {
			err = fmt.Errorf("%w: %d bytes, the manifest says %d", codec.ErrNote, note.RawLen(), n.RawLen)
		}
		if errors.Is(err, codec.ErrNote) {
			err = &dictnet.ContradictionError{What: fmt.Sprintf("note %d of the CAR", n.Index), Err: err}
		}
		if err != nil {
			return nil, codec.DictionaryRef{}, incomplete(err)
		}
	}
	return reached, m.Ref(), nil
}

func incomplete(err error) error {
	if errors.Is(err, store.ErrMissing) {
		return fmt.Errorf("the CAR is incomplete: %w: %w", dictnet.ErrUnavailable, err)
	}
	return err
}
