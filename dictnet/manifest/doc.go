// Package manifest reads and writes the DAG that lists the notes of one version of a dictionary.
//
// It is a 256-ary tree of DAG-CBOR blocks (docs/format.md, section 3), and at the same time the RFC 9162
// tree over the notes, cut into blocks: a page holds 256 notes and so the lowest eight levels of the tree; a
// branch holds 256 children with the tree hash of each, and so the next eight.
//
//	manifest {size, root, length, tree}
//	             |
//	          branch [ child, tree hash, bytes ] ...      height 2: up to 65,536 notes
//	             |          |
//	           page       page [ note, bytes ] ...        height 1: up to 256 notes
//	           | | |      | |
//	           notes      notes                           codec raw; not read here
//
// Beside the tree, a manifest may have labels, which say which notes belong to which expansion contexts (section 3.1), and code
// books, which give entries one meaning per context (section 3.2).
//
// Full blocks never change, so versions share them, and a reader fetches only the blocks above what it needs.
// Every block is checked on arrival against what its parent states: whatever a [Manifest] returns is
// proved to belong to its (size, root). A Manifest is also a [merkle.NodeReader], so proofs are derived, not stored.
package manifest

import (
	"context"
	"errors"
	"fmt"

	"github.com/ipfs/go-cid"
)

// Getter brings blocks by their names. It must be safe for concurrent use. What it returns is checked
// here, digest included, and not changed.
type Getter interface {
	Get(ctx context.Context, c cid.Cid) ([]byte, error)
}

// Store keeps blocks as well. Put may be called with a block that is there already; it does not keep data.
type Store interface {
	Getter
	Put(ctx context.Context, c cid.Cid, data []byte) error
}

// ErrInvalid is wrapped by every error that says that a block cannot be part of the manifest it was read
// for: not what its name says, not of the right shape, or not what its parent states.
var ErrInvalid = errors.New("invalid manifest")

// BlockError says which block of a manifest is invalid, and why. It wraps ErrInvalid.
type BlockError struct {
	CID    cid.Cid
	Block  string // "manifest", "page 3", "branch 0 of height 2"
	Reason string
}

func (e *BlockError) Error() string {
	return fmt.Sprintf("%v: %s (%s): %s", ErrInvalid, e.Block, e.CID, e.Reason)
}

func (e *BlockError) Unwrap() error { return ErrInvalid }
