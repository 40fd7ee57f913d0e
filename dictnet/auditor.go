package dictnet

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/merkle"
)

// Auditor looks for facts about a dictionary that cannot both be true, and for notes that are not to be had.
type Auditor struct {
	client *Client
}

// NewAuditor returns an auditor that reads through a client. The client should have no Anchor: the audit
// reports what an anchored client refuses to open.
func NewAuditor(c *Client) *Auditor { return &Auditor{c} }

// Audit says what to look at.
type Audit struct {
	Ref      codec.DictionaryRef // the version to recompute
	Head     *Record             // what the registry holds now; nil: not compared
	History  []PublishedVersion  // all that the registry ever held, in order; nil: not compared
	Progress func(Progress)      // may be nil
}

// Kinds of findings.
const (
	Contradiction = "contradiction" // two facts that cannot both be true
	Unavailable   = "unavailable"   // something that should be there could not be had
)

// Finding is one thing that is wrong, with what somebody else needs to check it.
type Finding struct {
	Kind   string  `json:"kind"` // Contradiction or Unavailable
	What   string  `json:"what"` // "note 17", "version 3", "registry", "manifest"
	Note   *uint64 `json:"note,omitempty"`
	CID    string  `json:"cid,omitempty"`
	Want   string  `json:"want,omitempty"` // the claim
	Got    string  `json:"got,omitempty"`  // what was computed or read
	Detail string  `json:"detail"`
}

// maxFindings is how many findings a report spells out.
const maxFindings = 1000

// Report is the result of an audit.
type Report struct {
	Manifest       string      `json:"manifest"`
	Size           uint64      `json:"size"`                  // notes
	Root           merkle.Hash `json:"root"`                  // as claimed
	ComputedRoot   merkle.Hash `json:"computedRoot,omitzero"` // over the CIDs of the notes that the manifest lists; zero if not all of it can be had
	TapeSize       uint64      `json:"length"`                // raw bytes
	NotesOpened    uint64      `json:"notesOpened"`           // found, hashed and expanded
	Versions       uint64      `json:"versions"`              // of the history, that are beginnings of this one
	Contradictions uint64      `json:"contradictions"`        // findings of this kind
	Unavailable    uint64      `json:"unavailable"`           // likewise
	Findings       []Finding   `json:"findings"`              // the first 1,000
}

// Add counts a finding, and spells it out unless there are too many.
func (r *Report) Add(f Finding) {
	if f.Kind == Contradiction {
		r.Contradictions++
	} else {
		r.Unavailable++
	}
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, f)
	}
}

// Err returns nil if nothing was found, else an error that wraps ErrContradiction, or ErrUnavailable if that is all.
func (r *Report) Err() error {
	switch {
	case r.Contradictions > 0:
		return fmt.Errorf("%w: the audit of %s found %d, the first: %s", ErrContradiction, r.Manifest, r.Contradictions, r.first(Contradiction))
	case r.Unavailable > 0:
		return fmt.Errorf("the audit of %s found %d notes or pages %w, the first: %s", r.Manifest, r.Unavailable, ErrUnavailable, r.first(Unavailable))
	}
	return nil
}

func (r *Report) first(kind string) string {
	for _, f := range r.Findings {
		if f.Kind == kind {
			return f.What + ": " + f.Detail
		}
	}
	return "not among those listed"
}

// blame sorts an error into a finding. It is false for what says nothing about the dictionary: an interrupt, a broken
// disk.
func blame(what string, err error) (Finding, bool) {
	f := Finding{What: what, Detail: err.Error()}
	switch {
	case errors.Is(err, ErrContradiction), errors.Is(err, manifest.ErrInvalid), errors.Is(err, codec.ErrNote):
		f.Kind = Contradiction
	case errors.Is(err, ErrUnavailable):
		f.Kind = Unavailable
	default:
		return f, false
	}
	return f, true
}

// Audit recomputes a version from its blocks, opens every note, and compares what comes out with the registry. It
// returns an error only when it could not be carried out; what it found is in the report.
func (a *Auditor) Audit(ctx context.Context, o Audit) (*Report, error) {
	r := &Report{Manifest: o.Ref.Manifest.String(), Size: o.Ref.Size, Root: o.Ref.Root, Findings: []Finding{}}
	t, err := a.client.openManifest(ctx, o.Ref.Manifest)
	if err != nil {
		f, ok := blame("manifest", err)
		if !ok {
			return nil, err
		}
		f.CID = o.Ref.Manifest.String()
		r.Add(f)
		return r, nil
	}
	r.TapeSize = t.Size()
	if t.Ref() != o.Ref {
		r.Add(Finding{Kind: Contradiction, What: "manifest", CID: r.Manifest, Want: describe(o.Ref), Got: describe(t.Ref()),
			Detail: "the manifest is of another version than the one named"})
	}
	if err := a.notes(ctx, o, t, r); err != nil {
		return nil, err
	}
	if _, err := t.m.Labels(ctx); err != nil {
		f, ok := blame("labels", err)
		if !ok {
			return nil, err
		}
		f.CID = r.Manifest
		r.Add(f)
		return r, nil // without them, no earlier version can be told
	}
	if err := a.history(ctx, o, t, r); err != nil {
		return nil, err
	}
	if o.Head != nil {
		if err := a.head(ctx, *o.Head, t, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// maxGone is how many blocks of a manifest may be missing until an audit looks for no more of its notes.
const maxGone = 16

// notes recomputes the root over the notes and opens each. Where a page of the manifest cannot be had, it goes on behind it.
func (a *Auditor) notes(ctx context.Context, o Audit, t *Tape, r *Report) error {
	var tree merkle.Tree
	next, whole := uint64(0), uint64(0) // the note after the last; how many are in the tree
	p := Progress{OfNotes: t.Ref().Size, OfBytes: t.Size()}
	gone := make(map[cid.Cid]bool)
	list, at := t.m.Notes(ctx, 0), cid.Undef
	for again := true; again; {
		again = false
		for n, err := range a.client.ensure(ctx, list) {
			what := "pages of the manifest"
			if n.CID.Defined() {
				what = fmt.Sprintf("note %d", n.Index)
				if whole == n.Index {
					tree.Append(merkle.LeafHash(n.CID.Bytes()))
					whole++
				}
				next = n.Index + 1
				if err == nil {
					_, err = a.client.checkedNote(ctx, n)
				}
				p.Notes++
				p.Bytes += uint64(n.RawLen)
				if o.Progress != nil {
					o.Progress(p)
				}
			}
			if err == nil {
				r.NotesOpened++
				continue
			}
			f, ok := blame(what, err)
			if !ok {
				return err
			}
			switch {
			case n.CID.Defined():
				f.Note, f.CID = &n.Index, n.CID.String()
			case at.Defined():
				f.CID = at.String()
				again = !gone[at] && len(gone) < maxGone
				gone[at] = true
			default: // one of those that are read together: which one is to be found out
				again = true
				list = behind(ctx, t, &next, gone, &at)
				continue
			}
			r.Add(f)
		}
	}
	v := tree.Version()
	if v.Size != t.Ref().Size {
		return nil
	}
	if r.ComputedRoot = v.Root; v.Root != o.Ref.Root {
		r.Add(Finding{Kind: Contradiction, What: "root", CID: r.Manifest, Want: o.Ref.Root.String(), Got: v.Root.String(),
			Detail: fmt.Sprintf("the %d notes do not have the root named", v.Size)})
	}
	return nil
}

var errEnough = errors.New("no more is asked for")

// behind lists the notes from one on, page by page and but for those below blocks that are gone. When it ends with an error, at is the block that cannot be had.
func behind(ctx context.Context, t *Tape, from *uint64, gone map[cid.Cid]bool, at *cid.Cid) iter.Seq2[manifest.Note, error] {
	return func(yield func(manifest.Note, error) bool) {
		from := *from
		err := t.m.Walk(ctx, func(l manifest.Link) (bool, error) {
			if !l.Note {
				*at = l.CID
				return !gone[l.CID], ctx.Err()
			}
			if l.Index < from {
				return false, nil
			}
			n, err := t.m.Note(ctx, l.Index)
			if err == nil && !yield(n, nil) {
				err = errEnough
			}
			return false, err
		})
		if err != nil && err != errEnough {
			yield(manifest.Note{}, err)
		}
	}
}

// nowhere takes blocks and forgets them.
type nowhere struct{ *Client }

func (nowhere) Put(context.Context, cid.Cid, []byte) error { return nil }

// beginning checks that a published version is what the tape began with.
func (a *Auditor) beginning(ctx context.Context, what string, v codec.DictionaryRef, t *Tape, r *Report) (bool, error) {
	f := Finding{Kind: Contradiction, What: what, CID: v.Manifest.String()}
	if v.Size > t.Ref().Size {
		f.Want, f.Got = describe(v), describe(t.Ref())
		f.Detail = fmt.Sprintf("%d notes were published, this version has %d", v.Size, t.Ref().Size)
		r.Add(f)
		return false, nil
	}
	at, err := merkle.RootAt(ctx, t.m, v.Size)
	if err == nil && at != v.Root {
		f.Want, f.Got = v.Root.String(), at.String()
		f.Detail = fmt.Sprintf("the first %d notes do not have the root that was published for them", v.Size)
		r.Add(f)
		return false, nil
	}
	var found codec.DictionaryRef
	if err == nil && v.Manifest.Defined() {
		found, err = t.m.Prefix(ctx, nowhere{a.client}, v.Size)
		if err == nil && found.Manifest != v.Manifest {
			f.Want, f.Got = v.Manifest.String(), found.Manifest.String()
			f.Detail = fmt.Sprintf("the first %d notes do not have the manifest that was published for them, so their lengths or their labels differ", v.Size)
			r.Add(f)
			return false, nil
		}
	}
	if err != nil {
		f, ok := blame(what, err)
		if !ok {
			return false, err
		}
		r.Add(f)
		return false, nil
	}
	return true, nil
}

func (a *Auditor) history(ctx context.Context, o Audit, t *Tape, r *Report) error {
	last := uint64(0)
	for _, v := range o.History {
		what := fmt.Sprintf("version %d", v.Number)
		if v.Size < last {
			r.Add(Finding{Kind: Contradiction, What: what, CID: v.Manifest.String(), Want: fmt.Sprintf("at least %d notes", last),
				Got: fmt.Sprintf("%d notes", v.Size), Detail: "a published version is shorter than the one before it"})
		}
		last = v.Size
		ok, err := a.beginning(ctx, what, v.ref(), t, r)
		if err != nil {
			return err
		}
		if ok {
			r.Versions++
		}
	}
	return nil
}

// head compares the version with what the registry holds now: it is the head, or a beginning of it, or goes on from it.
func (a *Auditor) head(ctx context.Context, rec Record, t *Tape, r *Report) error {
	head := rec.Ref()
	if head.Size <= t.Ref().Size {
		if n := len(r.Findings); n > 0 && r.Findings[n-1].CID == head.Manifest.String() && r.Findings[n-1].Kind == Contradiction {
			return nil // said already, as the last version of the history
		}
		_, err := a.beginning(ctx, "registry", head, t, r)
		return err
	}
	whole, err := a.client.openManifest(ctx, head.Manifest)
	if err == nil && whole.Ref() != head {
		r.Add(Finding{Kind: Contradiction, What: "registry", CID: head.Manifest.String(), Want: describe(head), Got: describe(whole.Ref()),
			Detail: "the manifest that the registry names is of another version"})
		return nil
	}
	if err == nil {
		_, err = a.beginning(ctx, "registry", t.Ref(), whole, r)
		return err
	}
	f, ok := blame("registry", err)
	if !ok {
		return err
	}
	f.CID = head.Manifest.String()
	r.Add(f)
	return nil
}
