package dictnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

// Publisher adds notes to the dictionaries of a store and shows that each version extends the last.
type Publisher struct {
	store *store.Store
}

// NewPublisher returns a publisher over a store that is open for writing.
func NewPublisher(s *store.Store) *Publisher { return &Publisher{s} }

// Published is a version that is in the store, named and pinned.
type Published struct {
	Name     string
	Ref      codec.DictionaryRef
	TapeSize uint64
	Old      merkle.Version // that it extends
	Proof    []merkle.Hash  // that it does (RFC 9162, section 2.1.4); empty if Old has no notes or is the same
}

// Extension is the next version of a dictionary while notes are added to it. It is not safe for concurrent use.
// Until Commit the dictionary is what it was.
type Extension struct {
	store *store.Store
	dict  store.Dictionary
	base  *manifest.Manifest // nil if the dictionary is new
	app   *manifest.Appender
	ctx   context.Context
	first uint64   // notes of the base
	ends  []uint64 // where each note that was added ends on the tape
}

// Extend begins the next version of the dictionary of a name, the first one if there is none. ctx is for all work
// up to Commit.
func (p *Publisher) Extend(ctx context.Context, name string) (*Extension, error) {
	if p.store.ReadOnly() {
		return nil, fmt.Errorf("extend dictionary %s: %w", name, store.ErrReadOnly)
	}
	if err := store.CheckName(name); err != nil {
		return nil, err
	}
	e := &Extension{store: p.store, ctx: ctx}
	var err error
	e.dict, err = p.store.Dictionary(name)
	switch {
	case errors.Is(err, store.ErrNoDictionary):
		e.dict = store.Dictionary{Name: name}
	case err != nil:
		return nil, err
	default:
		if e.base, err = manifest.Open(ctx, p.store, e.dict.Current.Manifest); err != nil {
			return nil, fmt.Errorf("extend dictionary %s: %w", name, err)
		}
	}
	if e.app, err = manifest.NewAppender(ctx, p.store, e.base); err != nil {
		return nil, fmt.Errorf("extend dictionary %s: %w", name, err)
	}
	e.first = e.app.Size()
	return e, nil
}

// Base returns the version to be extended; its size is 0 if the dictionary is new.
func (e *Extension) Base() codec.DictionaryRef { return e.dict.Current }

// Add appends a note, which codec has sealed: its name is not checked again. It has the form that codec.NewBuilder asks for.
func (e *Extension) Add(b codec.Block) error {
	if err := e.store.PutChecked(e.ctx, b.CID, b.Data); err != nil {
		return err
	}
	err := e.app.Add(e.ctx, b.CID, b.RawLen)
	e.ends = append(e.ends, e.app.TapeSize())
	return err
}

// Label gives a context the notes that hold the spans of the tape, which may be those of the base.
func (e *Extension) Label(context string, spans []codec.Span) error {
	for _, s := range spans {
		from, err := e.noteAt(s.Pos)
		if err != nil {
			return err
		}
		last, err := e.noteAt(s.Pos + s.Len - 1)
		if err != nil {
			return err
		}
		if err := e.app.Label(context, manifest.NoteRun{First: from, Count: last - from + 1}); err != nil {
			return err
		}
	}
	return nil
}

// noteAt returns which note holds a byte of the tape.
func (e *Extension) noteAt(pos uint64) (uint64, error) {
	if e.base != nil && pos < e.base.TapeSize() {
		n, err := e.base.Locate(e.ctx, pos)
		return n.Index, err
	}
	i, found := slices.BinarySearch(e.ends, pos)
	if found {
		i++
	}
	if i == len(e.ends) {
		return 0, fmt.Errorf("byte %d is beyond the tape of %d bytes", pos, e.app.TapeSize())
	}
	return e.first + uint64(i), nil
}

// mark adds a note if there are new labels and no new note: a version is known by its notes, so that labels alone would make no other. The
// note says what it is for.
func (e *Extension) mark() error {
	names := e.app.Unlabelled()
	if len(names) == 0 || e.app.Size() > e.first {
		return nil
	}
	b, err := codec.SealNote(fmt.Appendf(nil, "dictnet: %d notes, labels of %s\n", e.first, strings.Join(names, " ")))
	if err != nil {
		return err
	}
	return e.Add(b)
}

// Size returns the number of notes so far, those of the base included.
func (e *Extension) Size() uint64 { return e.app.Size() }

// Commit makes the new version the current one of the name, for good. Without notes and labels added, the version stays
// what it was.
func (e *Extension) Commit() (Published, error) {
	if err := e.mark(); err != nil {
		return Published{}, err
	}
	ref, err := e.app.Finish(e.ctx)
	if err != nil {
		return Published{}, err
	}
	old := e.dict.Current
	pub := Published{Name: e.dict.Name, Ref: ref, TapeSize: e.app.TapeSize(), Old: old.Version}
	if e.base == nil {
		pub.Old = merkle.Version{Root: merkle.EmptyRoot}
	}
	m, err := manifest.Open(e.ctx, e.store, ref.Manifest)
	if err != nil {
		return Published{}, err
	}
	if pub.Proof, err = merkle.ProveConsistency(e.ctx, m, pub.Old.Size, ref.Size); err != nil {
		return Published{}, err
	}
	d := e.dict
	if e.base != nil && old != ref {
		d.Lineage = append(slices.Clone(d.Lineage), old)
	}
	d.Current, d.TapeSize = ref, pub.TapeSize
	if err := e.store.SetDictionary(e.ctx, d); err != nil {
		return Published{}, err
	}
	if err := e.store.Pin(e.ctx, ref.Manifest, d.Name); err != nil {
		return Published{}, err
	}
	if e.base != nil && old != ref {
		if err := e.store.UnpinNamed(e.ctx, old.Manifest, d.Name); err != nil { // the name keeps it
			return Published{}, err
		}
	}
	e.dict, e.base, e.first, e.ends = d, m, ref.Size, nil
	return pub, nil
}

// Prove shows that the version ref extends the version old, for a registry that holds old. If it does not, the error
// is a *ContradictionError.
func (p *Publisher) Prove(ctx context.Context, ref codec.DictionaryRef, old merkle.Version) ([]merkle.Hash, error) {
	m, err := manifest.Open(ctx, p.store, ref.Manifest)
	if err != nil {
		return nil, fmt.Errorf("prove that %s extends %d notes: %w", ref.Manifest, old.Size, err)
	}
	refuse := func(found merkle.Version, format string, args ...any) error {
		return &ContradictionError{What: "the new version and the published one",
			Claimed: codec.DictionaryRef{Version: old}, Found: codec.DictionaryRef{Manifest: ref.Manifest, Version: found},
			Err: fmt.Errorf(format, args...)}
	}
	if m.Ref() != ref {
		return nil, refuse(m.Ref().Version, "%s is not what its manifest says: %s", describe(ref), describe(m.Ref()))
	}
	if old.Size > ref.Size {
		return nil, refuse(ref.Version, "%d notes are published already, this version has %d", old.Size, ref.Size)
	}
	at, err := merkle.RootAt(ctx, m, old.Size)
	if err != nil {
		return nil, err
	}
	if at != old.Root && old.Size > 0 {
		return nil, refuse(merkle.Version{Size: old.Size, Root: at},
			"the first %d notes of this version have root %s, the published ones %s", old.Size, at, old.Root)
	}
	return merkle.ProveConsistency(ctx, m, old.Size, ref.Size)
}
