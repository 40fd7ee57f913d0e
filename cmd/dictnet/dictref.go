package main

import (
	"fmt"
	"strings"

	"github.com/ipfs/go-cid"

	"dictnet/chain"
	"dictnet/dictnet/store"
)

// dictRef is how a dictionary is named on the command line; just one of the fields is set besides text.
type dictRef struct {
	text     string
	name     string           // local name
	manifest cid.Cid          // manifest CID
	car      string           // path of a CAR file
	ipns     string           // IPNS name
	anchor   *chain.Reference // chain address
}

// isCAR reports whether a name is taken for that of a CAR file.
func isCAR(name string) bool { return strings.HasSuffix(name, ".car") }

// isIPNS reports whether a name is taken for an IPNS name.
func isIPNS(name string) bool {
	return strings.HasPrefix(name, "/ipns/") || strings.HasPrefix(name, "ipns://")
}

const dictRefForms = "a dictionary is a local name, a manifest CID, a file.car, /ipns/NAME, or eip155:CHAIN:REGISTRY/DICTIONARY"

func parseDictRef(s string) (dictRef, error) {
	r := dictRef{text: s}
	switch {
	case s == "":
		return r, usageErrorf(dictRefForms, "no dictionary is named")
	case strings.HasPrefix(s, "eip155:"):
		at, err := chain.ParseReference(s)
		if err != nil {
			return r, usageErrorf("dictnet publish prints it", "%w", err)
		}
		r.anchor = &at
		return r, nil
	case isIPNS(s):
		r.ipns = strings.TrimPrefix(strings.TrimPrefix(s, "/ipns/"), "ipns://")
		return r, checkIPNS(r.ipns)
	case isCAR(s):
		r.car = s
		return r, nil
	}
	if c, err := cid.Decode(s); err == nil {
		if p := c.Prefix(); p.Version != 1 || p.Codec != cid.DagCBOR {
			return r, usageErrorf("the CID of a manifest begins with bafyrei", "%s is not the CID of a manifest", s)
		}
		r.manifest = c
		return r, nil
	}
	if err := store.CheckName(s); err != nil {
		return r, usageErrorf(dictRefForms, "%w", err)
	}
	r.name = s
	return r, nil
}

// parseBuildRef reads the name of a dictionary that is to be built: a local name or that of a CAR file.
func parseBuildRef(s string) (dictRef, error) {
	const hint = "-o names it: a local name, or a file.car"
	if s == "" {
		return dictRef{}, usageErrorf(hint, "no dictionary is named")
	}
	r, err := parseDictRef(s)
	if err == nil && r.name == "" && r.car == "" {
		err = fmt.Errorf("cannot build into %s", s)
	}
	if err != nil {
		return r, usageErrorf(hint, "%w", err)
	}
	return r, nil
}

// addressOf returns the chain address that a store remembers for a dictionary, or nil.
func addressOf(a *store.Anchor) (*chain.Reference, error) {
	if a == nil {
		return nil, nil
	}
	r, err := chain.ParseReference("eip155:" + a.Chain + ":" + a.Registry + "/" + a.Dictionary)
	return &r, err
}

// dictionaryAt returns the dictionary of a store that has a chain address, or nil. Of several, it is the one with the most notes.
func dictionaryAt(s *store.Store, at chain.Reference) (*store.Dictionary, error) {
	all, err := s.Dictionaries() // with those that are good, if some are damaged
	var found *store.Dictionary
	for _, d := range all {
		if a, err := addressOf(d.Anchor); err == nil && a != nil && *a == at && (found == nil || d.Current.Size > found.Current.Size) {
			found = &d
		}
	}
	if found != nil {
		err = nil
	}
	return found, err
}
