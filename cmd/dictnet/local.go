package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/seed"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

// localDictionary returns the version of a dictionary that is in the store, asking nobody.
func (a *app) localDictionary(ctx context.Context, s *store.Store, dict string) (codec.DictionaryRef, error) {
	named, err := parseDictRef(dict)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	switch {
	case named.name != "":
		d, err := a.namedDictionary(s, named.name)
		return d.Current, err
	case named.car != "":
		return codec.DictionaryRef{}, usageErrorf("dictnet pull "+dict+" --as NAME brings it into the store", "this takes a dictionary of the store, not the file %s", dict)
	case named.ipns != "":
		return codec.DictionaryRef{}, usageErrorf("dictnet pull "+dict+" --as NAME brings what it stands for", "this takes a dictionary of the store, not the IPNS name %s", dict)
	case named.anchor != nil:
		d, err := dictionaryAt(s, *named.anchor)
		if err != nil {
			return codec.DictionaryRef{}, err
		}
		if d != nil {
			return d.Current, nil
		}
		return codec.DictionaryRef{}, &hinted{fmt.Errorf("dictionary %s is not here", dict), exitUnavailable, "dictnet pull " + dict + " --as NAME brings it"}
	}
	return a.localManifest(ctx, s, named.manifest)
}

// localManifest returns the version that a manifest in the store names.
func (a *app) localManifest(ctx context.Context, s *store.Store, c cid.Cid) (codec.DictionaryRef, error) {
	m, err := manifest.Open(ctx, s, c)
	if errors.Is(err, store.ErrMissing) {
		return codec.DictionaryRef{}, &hinted{fmt.Errorf("dictionary %s is not here", c), exitUnavailable, "dictnet pull " + c.String() + " brings it"}
	}
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	return m.Ref(), nil
}

// openStoreOf opens the home for reading a dictionary that is there, or in a CAR file, for which no home is needed. The caller closes it.
func (a *app) openStoreOf(c *cobra.Command, dict string) (*store.Store, error) {
	if named, err := parseDictRef(dict); err == nil && named.car != "" {
		return a.openHome(c, true)
	}
	return a.openStore(c, true)
}

// openLocal opens a dictionary of which all notes should be here, in the store or in a CAR file, asking nobody. The caller closes
// what comes with it.
func (a *app) openLocal(ctx context.Context, s *store.Store, dict string) (*dictnet.Tape, io.Closer, error) {
	if named, err := parseDictRef(dict); err == nil && named.car != "" {
		file, err := a.openCAR(named.car)
		if err != nil {
			return nil, nil, err
		}
		client := dictnet.NewClient(dictnet.Options{Store: s, Sources: []dictnet.Source{file}})
		done := closerFunc(func() error { return errors.Join(client.Close(), file.Close()) })
		t, err := client.OpenManifest(ctx, file.Root())
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("dictionary %s: %w", dict, err)
		}
		return t, done, nil
	}
	ref, err := a.localDictionary(ctx, s, dict)
	if err != nil {
		return nil, nil, err
	}
	client := dictnet.NewClient(dictnet.Options{Store: s})
	t, err := client.Open(ctx, ref)
	return t, client, err
}

// newest returns the newest version of the reader's dictionary: what the registry holds, or what is here.
func (r *reader) newest(ctx context.Context) (codec.DictionaryRef, error) {
	if r.anchor != nil {
		rec, err := r.anchor.Head(ctx, dictnet.DictionaryID(r.address.ID))
		if err == nil && rec.Versions == 0 {
			err = &hinted{fmt.Errorf("dictionary %s has no version yet", r.address), exitUnavailable, "dictnet publish anchors the first"}
		}
		return rec.Ref(), err
	}
	return r.version(ctx)
}

// version returns the version that the command line names.
func (r *reader) version(ctx context.Context) (codec.DictionaryRef, error) {
	switch {
	case r.only.Manifest.Defined():
		t, err := r.OpenManifest(ctx, r.only.Manifest)
		if err != nil {
			return codec.DictionaryRef{}, err
		}
		return t.Ref(), nil
	case r.dict != nil:
		return r.dict.Current, nil
	}
	return r.newest(ctx)
}

// templateDictionary opens the dictionary that a template names, when the codec asks for it.
type templateDictionary struct {
	app     *app
	command *cobra.Command
	dict    string // what the command line says; may be empty
	flags   *readerFlags

	portable *dictnet.Portable // the list of notes that came with the template, or nil
	whole    bool              // all notes will be needed
	long     bool              // it stays open for as long as somebody likes: others want to write to the store meanwhile
	first    []codec.Span      // will be played first, as far as is known

	ref    codec.DictionaryRef // its root is not known where the list of a template was believed as it is
	reader *reader             // nil if the template names no dictionary
	tape   *dictnet.Tape       // likewise
	seeds  *seed.Seeds         // nil if there are none
	seeded *seed.Tape          // likewise
}

func (d *templateDictionary) open(ctx context.Context, name codec.DictionaryName) (codec.Tape, error) {
	dict := d.dict
	if d.flags.listed {
		if d.portable == nil {
			return nil, usageErrorf("-d says which dictionary to believe", "--as-listed, and the template lists no notes")
		}
		dict = name.Manifest.String()
	}
	open := d.app.openStoreFor
	if d.long && !d.flags.brings(dict) && (d.flags.offline || !d.flags.node.any()) {
		open = d.app.openStoreToRead
	}
	s, err := open(d.command, dict, d.flags)
	if errors.As(err, new(*noStore)) && dict == "" {
		err = unknown(name, ": "+err.Error())
	}
	if err != nil {
		return nil, err
	}
	if d.reader, err = d.app.openReader(ctx, s, dict, name, d.flags); err != nil {
		s.Close()
		return nil, err
	}
	d.reader.closers = append([]io.Closer{s}, d.reader.closers...)
	d.reader.Expect(d.first)
	notes, err := d.openListed(ctx, name)
	if err != nil {
		return nil, err
	}
	if notes == nil {
		if d.tape, err = d.reader.openTape(ctx, name); err != nil {
			return nil, err
		}
		d.ref, notes = d.tape.Ref(), d.tape
	}
	if d.seeds, err = d.app.openSeeds(d.flags.seeds); err != nil {
		return nil, err
	}
	if d.seeds == nil {
		return notes, nil
	}
	d.seeded = seed.NewTape(ctx, notes, d.seeds)
	return d.seeded, nil
}

// root returns the root of the dictionary, or nothing if that is not known.
func (d *templateDictionary) root() string {
	if d.ref.Root == (merkle.Hash{}) {
		return ""
	}
	return d.ref.Root.String()
}

func (d *templateDictionary) described() string {
	s := fmt.Sprintf("%s, %d notes", d.ref.Manifest, d.ref.Size)
	if root := d.root(); root != "" {
		s += ", root " + root
	}
	return s
}

func (d *templateDictionary) Close() error {
	if d.reader == nil {
		return nil
	}
	if d.seeded != nil {
		d.seeded.Close()
	}
	return d.reader.Close()
}

// dictionaryInfo says what a dictionary is made of.
type dictionaryInfo struct {
	Manifest string `json:"manifest"`
	Size     uint64 `json:"size"`
	Root     string `json:"root"`
	Tape     uint64 `json:"tapeBytes"`
	Stored   uint64 `json:"storedBytes"` // of the notes that are here
	Present  uint64 `json:"present"`     // notes that are here
	Shortest int    `json:"shortest"`    // raw bytes of a note
	Longest  int    `json:"longest"`

	Contexts []contextInfo `json:"contexts,omitempty"`
	CAR      *carInfo      `json:"car,omitempty"` // the file that was looked at
}

// carInfo is what the bytes of a CAR file are spent on; each block counts once.
type carInfo struct {
	Size      uint64 `json:"size"` // bytes of the file: those below together
	Notes     uint64 `json:"notes"`
	NoteBytes uint64 `json:"noteBytes"`
	Pages     uint64 `json:"pages"` // of the manifest and what it says of contexts
	PageBytes uint64 `json:"pageBytes"`
	Other     uint64 `json:"otherBytes"` // names and lengths of blocks, and what is not the dictionary's
}

// inspectDictionary shows a dictionary that is here.
func (a *app) inspectDictionary(c *cobra.Command, name string) error {
	ctx := c.Context()
	if _, err := parseDictRef(name); err != nil {
		return usageErrorf("name a template file, or a dictionary: dictnet ls lists those here", "there is no file %s, and it names no dictionary", name)
	}
	s, err := a.openStore(c, true)
	if err != nil {
		return err
	}
	defer s.Close()
	ref, err := a.localDictionary(ctx, s, name)
	if err != nil {
		return err
	}
	m, err := manifest.Open(ctx, s, ref.Manifest)
	if err != nil {
		return err
	}
	info, err := describeDictionary(ctx, m, func(c cid.Cid) (uint64, bool, error) {
		b, err := s.Get(ctx, c)
		if errors.Is(err, store.ErrMissing) {
			return 0, false, nil
		}
		return uint64(len(b)), err == nil, err
	})
	if err != nil {
		return err
	}
	return a.print(info, info.rows("here")...)
}

// inspectCAR shows a dictionary in a file, and what of it the file has.
func (a *app) inspectCAR(c *cobra.Command, path string) error {
	ctx := c.Context()
	fail := func(err error) error { return fmt.Errorf("dictionary %s: %w", path, err) }
	file, err := a.openCAR(path)
	if err != nil {
		return err
	}
	defer file.Close()
	st, err := file.f.Stat()
	if err != nil {
		return inputError(err)
	}
	sizes, err := file.Sizes(ctx, st.Size())
	if err != nil {
		return fail(err)
	}
	s, err := a.openHome(c, true)
	if err != nil {
		return err
	}
	defer s.Close()
	client := dictnet.NewClient(dictnet.Options{Store: s, Sources: []dictnet.Source{file}})
	defer client.Close()
	t, err := client.OpenManifest(ctx, file.Root())
	if err != nil {
		return fail(err)
	}
	in := &carInfo{Size: uint64(st.Size())}
	seen := make(map[cid.Cid]bool)
	info, err := describeDictionary(ctx, t.Manifest(), func(c cid.Cid) (uint64, bool, error) {
		n, ok := sizes[c]
		if ok && !seen[c] {
			seen[c] = true
			in.Notes++
			in.NoteBytes += n
		}
		return n, ok, nil
	})
	if err != nil {
		return fail(err)
	}
	if err := t.Manifest().Walk(ctx, func(l manifest.Link) (bool, error) {
		if n, ok := sizes[l.CID]; ok && !l.Note && !seen[l.CID] {
			seen[l.CID] = true
			in.Pages++
			in.PageBytes += n
		}
		return true, nil
	}); err != nil {
		return fail(err)
	}
	in.Other = in.Size - in.NoteBytes - in.PageBytes
	info.CAR = in
	return a.print(info, append(info.rows("in the file"),
		row{"file", bytesText(in.Size)},
		row{"  notes", fmt.Sprintf("%s in %d blocks", bytesText(in.NoteBytes), in.Notes)},
		row{"  manifest", fmt.Sprintf("%s in %d blocks", bytesText(in.PageBytes), in.Pages)},
		row{"  all else", bytesText(in.Other)})...)
}

// describeDictionary goes through the notes of a dictionary. Stored says how long the block of one is, if it is there.
func describeDictionary(ctx context.Context, m *manifest.Manifest, stored func(cid.Cid) (uint64, bool, error)) (*dictionaryInfo, error) {
	ref := m.Ref()
	info := &dictionaryInfo{Manifest: ref.Manifest.String(), Size: ref.Size, Root: ref.Root.String(), Tape: m.TapeSize()}
	for n, err := range m.Notes(ctx, 0) {
		if err != nil {
			return nil, err
		}
		if info.Shortest == 0 || n.RawLen < info.Shortest {
			info.Shortest = n.RawLen
		}
		info.Longest = max(info.Longest, n.RawLen)
		size, there, err := stored(n.CID)
		if err != nil {
			return nil, err
		}
		if there {
			info.Present++
			info.Stored += size
		}
	}
	var err error
	info.Contexts, err = contextsOf(ctx, m)
	return info, err
}

func (i *dictionaryInfo) rows(where string) []row {
	return append([]row{
		{"manifest", i.Manifest},
		{"root", i.Root},
		{"notes", fmt.Sprintf("%d of %d to %d bytes; %d are %s", i.Size, i.Shortest, i.Longest, i.Present, where)},
		{"tape", bytesText(i.Tape)},
		{"stored as", bytesText(i.Stored)}}, contextRows(i.Contexts)...)
}
