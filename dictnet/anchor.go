package dictnet

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/merkle"
)

// DictionaryID names a dictionary in a registry.
type DictionaryID [32]byte

func (id DictionaryID) String() string { return "0x" + hex.EncodeToString(id[:]) }

// MarshalText writes the id in hexadecimal.
func (id DictionaryID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// Record is what a registry holds of a dictionary: its newest version.
type Record struct {
	ID       DictionaryID
	Owner    string
	Versions uint64 // published so far
	merkle.Version
	Manifest cid.Cid // undefined if Versions is 0
}

// Ref returns the newest version.
func (r Record) Ref() codec.DictionaryRef {
	return codec.DictionaryRef{Manifest: r.Manifest, Version: r.Version}
}

// Anchor is what the roles ask of a registry. It must be safe for concurrent use. An error says why the record
// could not be had; a dictionary that was never published has no versions, or is an error.
type Anchor interface {
	Head(ctx context.Context, id DictionaryID) (Record, error)
}

// PublishedVersion is one line of a registry's history.
type PublishedVersion struct {
	Number uint64 // 1 for the first
	merkle.Version
	Manifest cid.Cid
}

func (v PublishedVersion) ref() codec.DictionaryRef {
	return codec.DictionaryRef{Manifest: v.Manifest, Version: v.Version}
}

func describe(r codec.DictionaryRef) string {
	return fmt.Sprintf("%d notes, root %s, manifest %s", r.Size, r.Root, r.Manifest)
}

func describeName(d codec.DictionaryName) string {
	return fmt.Sprintf("%d notes, manifest %s", d.Size, d.Manifest)
}
