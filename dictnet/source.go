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
	// may be asked for again. No call of got happens after it has returned. The bytes belong to got only as long as it runs.
	Fetch(ctx context.Context, want []cid.Cid, got func(c cid.Cid, data []byte)) error
}

// Refuser is what a Session may be besides: one who knows why Fetch last went without a block, in a few words.
type Refuser interface {
	Refusal() string
}

// Party is what a Session may be besides: several who can be asked one by one, so that each is judged by what he does.
type Party interface {
	// Members returns those who can be asked now; the same name stands for the same member. joining says that others
	// may be there in a moment, by themselves.
	Members() (now []Member, joining bool)
	// Seek looks for others, who have blocks that no member has. It returns when nothing more is to be expected of that.
	Seek(ctx context.Context, want []cid.Cid)
}

// Member is one of a Party. An error of Fetch says that he cannot be asked any more.
type Member interface {
	Session
	Name() string
	// Stranger reports whether nobody has named him: he is just there.
	Stranger() bool
}

// Archive is what a Session may offer besides: a whole branch of a manifest by one request.
type Archive interface {
	// FetchBelow asks for a block and all that it reaches, and calls got for each block that arrives, unverified, one at
	// a time. An error says that not all has arrived, or that the source does not offer this.
	FetchBelow(ctx context.Context, root cid.Cid, got func(c cid.Cid, data []byte)) error
}
