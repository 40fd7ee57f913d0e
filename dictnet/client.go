package dictnet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

// Options say what a Client may use.
type Options struct {
	Store   *store.Store // looked into first; what is fetched is kept there, or in memory if it is open for reading only
	Sources []Source     // asked for what is not in the store; the first have a start; none: offline

	Anchor     Anchor       // if not nil, every dictionary must be a version of Dictionary as its registry has it
	Dictionary DictionaryID // used with Anchor

	Timeout time.Duration // how long to wait for a block when nothing comes; 0: 30 s
	Idle    time.Duration // how long a source may be silent before it is asked anew, or another is; 0: 1 s
}

// Client reads dictionaries. It is safe for concurrent use.
type Client struct {
	o      Options
	blocks blockStore
	fetch  *fetcher

	mu       sync.Mutex
	expected []codec.Span // see Expect
}

// NewClient returns a client. The caller closes it, before the store and the sources.
func NewClient(o Options) *Client {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = time.Second
	}
	c := &Client{o: o, blocks: o.Store}
	if o.Store.ReadOnly() {
		c.blocks = newOverlay(o.Store)
	}
	c.fetch = newFetcher(c.blocks, o.Sources, o.Timeout, o.Idle)
	return c
}

// Close ends all fetching. What is still waited for fails.
func (c *Client) Close() error {
	c.fetch.close()
	return nil
}

// Stats says what has come from sources so far.
func (c *Client) Stats() Stats {
	c.fetch.mu.Lock()
	defer c.fetch.mu.Unlock()
	return c.fetch.stats
}

// Get returns a block, from the store or from elsewhere, after checking its digest. It makes a Client a
// manifest.Getter.
func (c *Client) Get(ctx context.Context, name cid.Cid) ([]byte, error) {
	data, damaged, err := c.fetch.local(ctx, name)
	if data != nil || err != nil {
		return data, err
	}
	data, err = c.fetch.fetch(ctx, &want{what: "block", c: name, replace: damaged})
	return data, noteDamage(err, damaged)
}

// Put keeps a block. It makes a Client a manifest.Store.
func (c *Client) Put(ctx context.Context, name cid.Cid, data []byte) error {
	return c.blocks.Put(ctx, name, data)
}

// noteDamage says why a block that is in the store had to be fetched.
func noteDamage(err error, damaged bool) error {
	var missing *MissingError
	if damaged && errors.As(err, &missing) {
		return fmt.Errorf("%w; the copy in the local store is damaged", err)
	}
	return err
}

// wantNote returns what to ask for to get a note of a dictionary.
func wantNote(n manifest.Note) *want {
	return &want{what: fmt.Sprintf("note %d", n.Index), c: n.CID, check: func(data []byte) error {
		_, err := openNote(n, data)
		return err
	}}
}

// openNote opens a block as the note that a manifest lists. The digest of the block is known to be right, or is
// checked by the caller on error.
func openNote(n manifest.Note, data []byte) (codec.Note, error) {
	note, err := codec.CheckNote(n.CID, data)
	if err == nil && note.RawLen() != n.RawLen {
		err = fmt.Errorf("%w: %s has %d bytes, the manifest says %d", codec.ErrNote, n.CID, note.RawLen(), n.RawLen)
	}
	if err != nil {
		return codec.Note{}, &ContradictionError{What: fmt.Sprintf("note %d", n.Index), Err: err}
	}
	return note, nil
}

// note returns a note. What it holds is kept, unless it takes others to know that.
func (c *Client) note(ctx context.Context, n manifest.Note) (codec.Note, error) {
	if raw := c.o.Store.Unpacked(n.CID, n.RawLen); raw != nil {
		return codec.Note{Raw: raw}, nil
	}
	note, err := c.checkedNote(ctx, n)
	if err == nil && note.Derived == nil {
		c.o.Store.KeepUnpacked(n.CID, note.Raw)
	}
	return note, err
}

// checkedNote opens the block of a note, from the store or from elsewhere.
func (c *Client) checkedNote(ctx context.Context, n manifest.Note) (codec.Note, error) {
	data, err := c.blocks.Get(ctx, n.CID)
	damaged := errors.Is(err, store.ErrCorrupt)
	if err == nil {
		note, bad := openNote(n, data)
		if bad == nil {
			return note, nil
		}
		if name, err := codec.NoteCID(data); err != nil || name.Equals(n.CID) {
			return codec.Note{}, bad // these are the bytes that the dictionary names, and they are no note
		}
		damaged = true
	} else if !damaged && !errors.Is(err, store.ErrMissing) {
		return codec.Note{}, err
	}
	w := wantNote(n)
	w.replace = damaged
	if data, err = c.fetch.fetch(ctx, w); err != nil {
		return codec.Note{}, noteDamage(err, damaged)
	}
	return openNote(n, data)
}

// OpenTape opens the dictionary that a template names, as codec.OpenTape asks for. See OpenNamed.
func (c *Client) OpenTape(ctx context.Context, name codec.DictionaryName) (codec.Tape, error) {
	t, err := c.OpenNamed(ctx, name)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Open opens a version of a dictionary. See OpenNamed.
func (c *Client) Open(ctx context.Context, ref codec.DictionaryRef) (*Tape, error) {
	t, err := c.OpenNamed(ctx, ref.Name())
	if err == nil && t.Ref() != ref {
		return nil, &ContradictionError{What: "the dictionary", Claimed: ref, Found: t.Ref(),
			Err: fmt.Errorf("said to have root %s; its manifest says %s", ref.Root, t.Ref().Root)}
	}
	return t, err
}

// OpenNamed opens the version of a dictionary that a template names. If the client has an Anchor, the
// version must be one that the registry has: the newest, or a beginning of it.
func (c *Client) OpenNamed(ctx context.Context, name codec.DictionaryName) (*Tape, error) {
	var anchored codec.DictionaryRef
	if c.o.Anchor != nil {
		early, cancel := context.WithCancel(ctx)
		defer cancel()
		if len(c.o.Sources) > 0 { // it comes while the registry is asked
			c.fetch.spawn(early, func(ctx context.Context) { c.openManifest(ctx, name.Manifest) })
		}
		var err error
		if anchored, err = c.checkAnchored(ctx, name); err != nil {
			return nil, err
		}
	}
	t, err := c.openManifest(ctx, name.Manifest)
	if err != nil {
		return nil, err
	}
	if t.Ref().Name() != name {
		return nil, &ContradictionError{What: "the dictionary", Claimed: claimed(name), Found: t.Ref(),
			Err: fmt.Errorf("named as %s; its manifest says %d notes", describeName(name), t.Ref().Size)}
	}
	if c.o.Anchor != nil {
		if err := checkRoot(anchored, t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func claimed(d codec.DictionaryName) codec.DictionaryRef {
	return codec.DictionaryRef{Manifest: d.Manifest, Version: merkle.Version{Size: d.Size}}
}

// OpenManifest opens the version that a manifest CID names. What the manifest says of itself is its version.
func (c *Client) OpenManifest(ctx context.Context, name cid.Cid) (*Tape, error) {
	t, err := c.openManifest(ctx, name)
	if err == nil && c.o.Anchor != nil {
		var anchored codec.DictionaryRef
		if anchored, err = c.checkAnchored(ctx, t.Ref().Name()); err == nil {
			err = checkRoot(anchored, t)
		}
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (c *Client) openManifest(ctx context.Context, name cid.Cid) (*Tape, error) {
	c.mu.Lock()
	spans := c.expected
	c.mu.Unlock()
	var get manifest.Getter = c
	if len(spans) > 0 {
		get = &leadingGetter{Client: c, lead: &lead{name, spans}}
	}
	m, err := manifest.Open(ctx, get, name)
	if err != nil {
		return nil, fmt.Errorf("open dictionary %s: %w", name, err)
	}
	t := &Tape{client: c, m: m}
	t.deriver = codec.NewDeriver(t.GetNote, t.Prefetch)
	return t, nil
}

// checkAnchored compares a version with the registry's head record: it must be the head, or what the head's
// own blocks give for the same number of notes. In the second case the right edge of the version is written on
// the way, so that it can be read where only the head is to be had. It returns the version with the root that is anchored.
func (c *Client) checkAnchored(ctx context.Context, name codec.DictionaryName) (codec.DictionaryRef, error) {
	rec, err := c.o.Anchor.Head(ctx, c.o.Dictionary)
	if err != nil {
		return codec.DictionaryRef{}, fmt.Errorf("ask the registry for dictionary %s: %w", c.o.Dictionary, err)
	}
	head := rec.Ref()
	refuse := func(found codec.DictionaryRef, format string, args ...any) (codec.DictionaryRef, error) {
		return codec.DictionaryRef{}, &ContradictionError{What: "the dictionary and the registry", Claimed: claimed(name), Found: found, Err: fmt.Errorf(format, args...)}
	}
	switch {
	case name == head.Name():
		return head, nil
	case name.Size > head.Size:
		return refuse(head, "the registry holds %d notes of dictionary %s, the version named has %s", head.Size, c.o.Dictionary, describeName(name))
	case name.Size == head.Size:
		return refuse(head, "the registry holds %s, the version named has %s", describe(head), describeName(name))
	}
	t, err := c.openManifest(ctx, head.Manifest)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	if t.Ref() != head {
		return refuse(t.Ref(), "the registry holds %s, its manifest says %d notes, root %s", describe(head), t.Ref().Size, t.Ref().Root)
	}
	found, err := t.m.Prefix(ctx, c, name.Size)
	if err != nil {
		return codec.DictionaryRef{}, fmt.Errorf("check the dictionary against the registry: %w", err)
	}
	if found.Name() != name {
		return refuse(found, "the first %d notes of the registry's version have manifest %s, the version named has %s", name.Size, found.Manifest, describeName(name))
	}
	return found, nil
}

// checkRoot refuses a manifest that is not of the root which is anchored: the registry takes whatever manifest a publisher names, and of
// a version it has proved nothing but the root.
func checkRoot(anchored codec.DictionaryRef, t *Tape) error {
	if t.Ref() == anchored {
		return nil
	}
	return &ContradictionError{What: "the dictionary and the registry", Claimed: anchored, Found: t.Ref(),
		Err: fmt.Errorf("the registry holds root %s, the manifest that it names says %s", anchored.Root, t.Ref().Root)}
}
