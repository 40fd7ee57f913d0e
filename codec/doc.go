// Package codec turns files into templates and back.
//
// A template is what encoding a file leaves: references to spans of a dictionary's tape, rules over
// them, and the bytes that are in no dictionary (local notes). The package knows nothing of networks:
// it reads the tape through [Tape], which the caller provides, and names dictionaries by [DictionaryName].
//
// The formats are described byte for byte in docs/format.md; sections named in comments are of that page.
package codec

import (
	"context"

	"github.com/ipfs/go-cid"

	"dictnet/merkle"
)

// DictionaryName is what a template names: one version of one dictionary. Its manifest says what its root is.
type DictionaryName struct {
	Manifest cid.Cid // CIDv1, dag-cbor, sha2-256
	Size     uint64  // notes, >= 1
}

// DictionaryRef is a version of a dictionary.
type DictionaryRef struct {
	Manifest cid.Cid // CIDv1, dag-cbor, sha2-256
	merkle.Version
}

// Name is how a template names the version.
func (d DictionaryRef) Name() DictionaryName { return DictionaryName{d.Manifest, d.Size} }

// Span is a run of bytes of a tape.
type Span struct {
	Pos uint64 // of the first byte
	Len uint64 // bytes, >= 1
}

// Tape reads the notes of one version of a dictionary as one long string of bytes. Implementations
// must be safe for concurrent use, and return only bytes that they have verified.
type Tape interface {
	// Size is the length of the tape in bytes.
	Size() uint64
	// NoteAt returns the raw bytes of the note that holds byte pos (< Size), and the position of the
	// note's first byte. The caller does not change the bytes, and may keep them.
	NoteAt(ctx context.Context, pos uint64) (start uint64, raw []byte, err error)
}

// Locator is what a Tape may offer besides, so that several notes can be opened side by side.
type Locator interface {
	// Locate returns where the note is that holds byte pos (< Size).
	Locate(ctx context.Context, pos uint64) (Span, error)
}

// Lender is what a Tape may offer besides, so that memory of notes can be used again.
type Lender interface {
	// Lend is NoteAt, but the bytes may be read only until giveBack is called, which is done once, by whatever goroutine; if it is nil, they may be kept.
	Lend(ctx context.Context, pos uint64) (start uint64, raw []byte, giveBack func(), err error)
}

// Prefetcher is what a Tape may offer besides, so that it can ask for many notes at once.
type Prefetcher interface {
	// Prefetch is told which spans are about to be played, in playing order. It returns without
	// waiting for them; what goes wrong is reported by NoteAt.
	Prefetch(ctx context.Context, spans []Span)
}

// OpenTape finds the dictionary that a template names. It is called at most once for a template.
type OpenTape func(ctx context.Context, d DictionaryName) (Tape, error)
