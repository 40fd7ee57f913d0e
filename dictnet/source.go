package dictnet

import (
	"context"

	"github.com/ipfs/go-cid"
)

// Source brings blocks from elsewhere: peers, a gateway, a folder. It must be safe for concurrent use.
type Source interface {
	// Name says who is asked, for people.
	Name() string
	// Open starts a session, in which many related blocks are asked for. It ends with ctx. An error means that
	// nobody can be asked now.
	Open(ctx context.Context) (Session, error)
}

// Session is a conversation with a Source. It must be safe for concurrent use.
type Session interface {
	// Fetch asks for blocks and calls got for each that arrives, in any order, unverified, one at a time. It
	// returns when all have arrived, when ctx ends, or when it knows that no more will come; what is missing then
	// may be asked for again. No call of got happens after it has returned.
	Fetch(ctx context.Context, want []cid.Cid, got func(c cid.Cid, data []byte)) error
}
