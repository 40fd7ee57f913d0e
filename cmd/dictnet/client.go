package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

// reader is a client with all it needs, for verbs that read a dictionary.
type reader struct {
	*dictnet.Client
	store   *store.Store
	sources []dictnet.Source
	closers []io.Closer // in the order in which they were opened

	ipns    string            // that is to be looked up
	dict    *store.Dictionary // if the dictionary has a name here
	only    codec.DictionaryRef
	address *chain.Reference // that was asked, or nil
	anchor  dictnet.Anchor   // that is asked; nil if none is
	trust   string           // for people: why versions are believed
}

// readerFlags are the flags of verbs that read a dictionary.
type readerFlags struct {
	chain   chainFlags
	node    nodeFlags
	offline bool
	listed  bool     // believe the list of notes of a portable template
	seeds   []string // files and directories in which notes are looked for
}

func (f *readerFlags) add(c *cobra.Command) {
	f.chain.read(c)
	f.node.fetch(c)
	c.Flags().BoolVar(&f.offline, "offline", false, "ask neither the chain nor peers: believe the versions that are here, or what --proof shows")
}

// asks reports whether it matters what a registry holds, be it shown by a file.
func (f *readerFlags) asks() bool { return !f.offline || f.chain.trust.proof != "" }

// addListed adds the flag of verbs that may believe a template.
func (f *readerFlags) addListed(c *cobra.Command) {
	c.Flags().BoolVar(&f.listed, "as-listed", false, "believe the notes that a portable template lists, whoever published them")
}

// addSeeds adds the flag of verbs that look for notes in files, too.
func (f *readerFlags) addSeeds(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.seeds, "seed", nil, seedHelp)
}

func (r *reader) Close() error {
	var errs []error
	for _, c := range slices.Backward(r.closers) {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// openReader opens a client for the dictionary that is named on the command line (or, if dict is "", for one that has
// this version under some name here). If version has no manifest, any will do.
func (a *app) openReader(ctx context.Context, s *store.Store, dict string, version codec.DictionaryName, f *readerFlags) (*reader, error) {
	r := &reader{store: s}
	o := dictnet.Options{Store: s, Timeout: time.Duration(f.node.wait)}
	var err error
	fail := func(err error) (*reader, error) {
		r.Close()
		return nil, err
	}
	if err := r.choose(ctx, a, dict, version, f); err != nil {
		return fail(err)
	}
	if err := f.chain.trust.check(r.address, f.offline); err != nil {
		return fail(err)
	}
	if !f.asks() && r.address != nil && r.dict == nil {
		return fail(usageErrorf("leave it out, or name a dictionary that is here", "--offline, and %s is on a chain", r.address))
	}
	if r.address != nil && f.asks() {
		heads, why, done, err := f.chain.openHeads(ctx, *r.address)
		if err != nil {
			if r.dict != nil && errors.Is(err, chain.ErrUnreachable) {
				err = withHint(err, "--rpc URL names another node; --offline believes the versions that are here")
			}
			return fail(err)
		}
		r.closers = append(r.closers, done)
		r.anchor, r.trust = registryAnchor{heads}, why
		o.Anchor, o.Dictionary = r.anchor, dictnet.DictionaryID(r.address.ID)
	}
	for _, path := range f.seeds {
		if isCAR(path) {
			file, err := a.openCAR(path)
			if err != nil {
				return fail(err)
			}
			r.closers = append(r.closers, file)
			r.sources = append(r.sources, file)
		}
	}
	if !f.offline {
		var sources []dictnet.Source
		var done closerFunc
		sources, done, err = f.node.sources(a, s)
		if err != nil {
			return fail(err)
		}
		r.closers = append(r.closers, done)
		r.sources = append(r.sources, sources...)
	}
	if r.ipns != "" {
		if r.only.Manifest, err = resolve(ctx, r.ipns, r.sources); err != nil {
			return fail(err)
		}
	}
	o.Sources = r.sources
	r.Client = dictnet.NewClient(o)
	r.closers = append(r.closers, r.Client) // is closed first, as the last that was opened
	return r, nil
}

// choose finds out which dictionary is meant.
func (r *reader) choose(ctx context.Context, a *app, dict string, version codec.DictionaryName, f *readerFlags) error {
	if dict == "" {
		onChain, others, err := r.known(version)
		switch {
		case len(onChain) == 1 || len(onChain) > 1 && !f.asks():
			return r.named(onChain[0])
		case len(onChain) > 1: // if none of them is published as far, the first says what is wrong
			i := slices.IndexFunc(onChain, func(d store.Dictionary) bool { return f.chain.published(ctx, d, version.Size) })
			return r.named(onChain[max(i, 0)])
		case len(others) > 0:
			return r.named(others[0])
		case err != nil:
			return err
		}
		return unknown(version, "")
	}
	named, err := parseDictRef(dict)
	if err != nil {
		return err
	}
	switch {
	case named.name != "":
		d, err := a.namedDictionary(r.store, named.name)
		if err != nil {
			return err
		}
		return r.named(d)
	case named.anchor != nil:
		r.address = named.anchor
		if r.dict, err = dictionaryAt(r.store, *named.anchor); err != nil { // it may have a name here
			return err
		}
	case named.ipns != "":
		r.ipns = named.ipns
		r.trust = "the IPNS name " + named.ipns + ", signed by its key"
	case named.car != "":
		file, err := a.openCAR(named.car)
		if err != nil {
			return err
		}
		r.closers = append(r.closers, file)
		r.sources = append(r.sources, file)
		r.only.Manifest = file.Root()
		r.trust = "the file " + named.car
	default:
		r.only.Manifest = named.manifest
		r.trust = "its manifest CID, as it was given"
	}
	return nil
}

func unknown(version codec.DictionaryName, why string) error {
	return &hinted{fmt.Errorf("dictionary %s is not known here%s", version.Manifest, why), exitUnavailable,
		"-d eip155:CHAIN:REGISTRY/DICTIONARY says where it is published, -d " + version.Manifest.String() + " that you trust it as it is"}
}

// known returns the dictionaries here that have a version, those that are on a chain apart. If some are damaged, it returns the others with an error.
func (r *reader) known(version codec.DictionaryName) (onChain, others []store.Dictionary, err error) {
	all, err := r.store.Dictionaries()
	for _, d := range all {
		if _, ok := versionOf(d, version); !ok {
			continue
		}
		if d.Anchor != nil {
			onChain = append(onChain, d)
		} else {
			others = append(others, d)
		}
	}
	return onChain, others, err
}

// published reports whether the registry of a dictionary answers, and has a version of it with at least so many notes.
func (f *chainFlags) published(ctx context.Context, d store.Dictionary, size uint64) bool {
	at, err := addressOf(d.Anchor)
	if err != nil {
		return false
	}
	heads, _, done, err := f.openHeads(ctx, *at)
	if err != nil {
		return false
	}
	defer done()
	h, err := heads.Head(ctx, at.ID)
	return err == nil && h.Size >= size
}

func (r *reader) named(d store.Dictionary) (err error) {
	r.dict = &d
	r.trust = "the local name " + d.Name
	r.address, err = addressOf(d.Anchor)
	return err
}

// versionOf returns the version of a dictionary that a name is of, if it is, or was, at one.
func versionOf(d store.Dictionary, name codec.DictionaryName) (codec.DictionaryRef, bool) {
	if d.Current.Name() == name {
		return d.Current, true
	}
	i := slices.IndexFunc(d.Lineage, func(r codec.DictionaryRef) bool { return r.Name() == name })
	if i < 0 {
		return codec.DictionaryRef{}, false
	}
	return d.Lineage[i], true
}

// openTape opens the dictionary that a template names, if the command line's dictionary vouches for it.
func (r *reader) openTape(ctx context.Context, name codec.DictionaryName) (*dictnet.Tape, error) {
	switch {
	case r.anchor != nil: // Open asks the registry
	case r.only.Manifest.Defined():
		t, err := r.OpenManifest(ctx, r.only.Manifest)
		if err != nil {
			return nil, err
		}
		if err := r.vouch(ctx, t, name); err != nil {
			return nil, err
		}
	case r.dict != nil:
		if ref, ok := versionOf(*r.dict, name); ok {
			return r.Open(ctx, ref)
		}
		t, err := r.Open(ctx, r.dict.Current)
		if err != nil {
			return nil, err
		}
		if err := r.vouch(ctx, t, name); err != nil {
			return nil, err
		}
	}
	t, err := r.OpenNamed(ctx, name)
	return t, r.unpublished(err)
}

// unpublished adds a hint to what the registry contradicts: a version here that goes beyond it.
func (r *reader) unpublished(err error) error {
	var c *dictnet.ContradictionError
	if r.dict == nil || r.anchor == nil || !errors.As(err, &c) || c.Found.Size >= c.Claimed.Size {
		return err
	}
	if _, ok := versionOf(*r.dict, c.Claimed.Name()); !ok {
		return err
	}
	return withHint(err, fmt.Sprintf("this version is not published yet: dictnet publish %s does it; --offline believes the versions that are here", r.dict.Name))
}

// vouch reports whether a version is t or a beginning of it. In the second case the manifest of the version is made
// from t's, so that it can be opened where only t is to be had.
func (r *reader) vouch(ctx context.Context, t *dictnet.Tape, name codec.DictionaryName) error {
	found := t.Ref()
	if name.Size < found.Size {
		var err error
		if found, err = t.Manifest().Prefix(ctx, r, name.Size); err != nil {
			return err
		}
	}
	if found.Name() != name {
		claimed := codec.DictionaryRef{Manifest: name.Manifest, Version: merkle.Version{Size: name.Size}}
		return &dictnet.ContradictionError{What: "the template's dictionary", Claimed: claimed, Found: t.Ref(),
			Err: fmt.Errorf("the template names %s, which is no version of %s", name.Manifest, t.Ref().Manifest)}
	}
	return nil
}

// completeDictionary completes the local names of dictionaries, for shells.
func (a *app) completeDictionary(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if err := a.applySettings(c); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	s, err := a.openStore(c, true)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	defer s.Close()
	all, _ := s.Dictionaries() // an error is for the verb to tell
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names, cobra.ShellCompDirectiveDefault // files too: templates, CARs
}

// namedDictionary returns a dictionary by its local name.
func (a *app) namedDictionary(s *store.Store, name string) (store.Dictionary, error) {
	d, err := s.Dictionary(name)
	if errors.Is(err, store.ErrNoDictionary) {
		return d, &hinted{&noDictionary{name, false}, exitUnavailable, "dictnet ls lists those that are; dictnet build makes one, dictnet pull brings one"}
	}
	return d, err
}

// noDictionary says that a local name is none.
type noDictionary struct {
	name   string
	noFile bool // it could have been that of a file, too
}

func (e *noDictionary) Error() string {
	if e.noFile {
		return fmt.Sprintf("there is no file %s, and no dictionary of that name here", e.name)
	}
	return fmt.Sprintf("there is no dictionary %q here", e.name)
}

// orFile makes an error about a name say that there is no such file, either.
func orFile(name string, err error) error {
	var none *noDictionary
	var nowhere *noStore
	switch {
	case errors.As(err, &none):
		none.noFile = true
	case errors.As(err, &nowhere):
		nowhere.file = name
	}
	return err
}

// registryAnchor is a registry on a chain as the roles see it.
type registryAnchor struct{ heads headSource }

func (r registryAnchor) Head(ctx context.Context, id dictnet.DictionaryID) (dictnet.Record, error) {
	h, err := r.heads.Head(ctx, chain.ID(id))
	return dictnet.Record{ID: id, Owner: h.Owner.Hex(), Versions: h.Number, Version: h.Version, Manifest: h.Manifest}, unknownThere(err)
}

// unknownThere says what to do about a dictionary that its registry does not know.
func unknownThere(err error) error {
	if errors.Is(err, chain.ErrNotRegistered) {
		err = &hinted{err, exitUnavailable, "check the address of the dictionary: the registry does not know it"}
	}
	return err
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// openStoreFor opens the home for what reads a dictionary and keeps what it fetches. There is a reason to make one only if something can be fetched.
func (a *app) openStoreFor(c *cobra.Command, dict string, f *readerFlags) (*store.Store, error) {
	if err := a.checkHomeFor(dict, f); err != nil {
		if named, _ := parseDictRef(dict); named.anchor != nil && !f.offline || named.ipns != "" {
			return a.openHome(c, true) // the registry may have something to say; an IPNS name takes somebody to ask
		}
		return nil, err
	}
	return a.openStoreToFetch(c)
}

// openStoreToRead opens the home for what fetches nothing.
func (a *app) openStoreToRead(c *cobra.Command, _ string, _ *readerFlags) (*store.Store, error) {
	return a.openStore(c, true)
}

// checkHomeFor refuses a home that is not there, unless a dictionary is to be had from elsewhere.
func (a *app) checkHomeFor(dict string, f *readerFlags) error {
	if f.brings(dict) {
		return nil
	}
	return a.checkHome()
}

// brings reports whether a dictionary is to be had from elsewhere than the store.
func (f *readerFlags) brings(dict string) bool {
	named, err := parseDictRef(dict)
	if err != nil || named.name != "" {
		return false
	}
	return named.car != "" || len(f.seeds) > 0 || f.node.any() && !f.offline
}

// openStoreToFetch opens the home for writing, or, while another process writes to it or if that is not permitted, for reading, so that what is fetched is
// kept in memory only.
func (a *app) openStoreToFetch(c *cobra.Command) (*store.Store, error) {
	s, err := a.openCache(c)
	var locked *store.LockedError
	switch {
	case errors.As(err, &locked):
		a.log.Info("the store is read only for now", "holder", locked.Holder)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		a.log.Info("the store is read only", "error", err)
	default:
		return s, err
	}
	return a.openHome(c, true)
}
