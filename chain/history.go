package chain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ipfs/go-cid"

	"dictnet/merkle"
)

// ErrHistory is wrapped when a node's events do not give the history hash that it says the registry holds: it dropped,
// changed or made up some.
var ErrHistory = errors.New("events contradict the history hash")

// Entry is one fact of a dictionary's history: a version that was published or, if Reason is not nil, the statement
// that one should no longer be used.
type Entry struct {
	Number uint64 // of the version, from 1
	Block  uint64
	Time   time.Time // of the block
	Tx     common.Hash

	merkle.Version
	Manifest  cid.Cid
	Publisher common.Address

	Reason *string
}

// History is a dictionary's entries, oldest first, and the head that they lead to.
type History struct {
	Head    Head
	Entries []Entry
}

// PublishedVersion is a version as it was published.
type PublishedVersion struct {
	Number uint64 // 1 for the first
	merkle.Version
	Manifest  cid.Cid
	Publisher common.Address // who sent or signed it
	Block     uint64
	Time      time.Time // of the block
	Tx        common.Hash
	// Deprecations are the owner's later statements against the version, in order.
	Deprecations []Deprecation
}

// Deprecation is a statement that a version should no longer be used.
type Deprecation struct {
	Reason string
	Block  uint64
	Time   time.Time
}

// Versions returns all versions of a dictionary, oldest first. All events are read and checked against the history hash
// before the first is returned; an error comes alone and last.
func (r *Registry) Versions(ctx context.Context, id ID) iter.Seq2[PublishedVersion, error] {
	return func(yield func(PublishedVersion, error) bool) {
		h, err := r.History(ctx, id)
		if err != nil {
			yield(PublishedVersion{}, err)
			return
		}
		for _, v := range h.Versions() {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// Versions returns the published versions with what was later said of each.
func (h *History) Versions() []PublishedVersion {
	var list []PublishedVersion
	for _, e := range h.Entries {
		if e.Reason != nil {
			v := &list[e.Number-1]
			v.Deprecations = append(v.Deprecations, Deprecation{*e.Reason, e.Block, e.Time})
			continue
		}
		list = append(list, PublishedVersion{
			Number: e.Number, Version: e.Version, Manifest: e.Manifest, Publisher: e.Publisher,
			Block: e.Block, Time: e.Time, Tx: e.Tx,
		})
	}
	return list
}

// History reads a dictionary's head and all events that led to it, and checks the ones against the other. The error
// wraps ErrHistory if they do not fit.
//
// Events are asked for in one call, and where the node does not give them so, in as many as it takes (see walk).
func (r *Registry) History(ctx context.Context, id ID) (*History, error) {
	h, _, err := r.HistoryAt(ctx, id, Latest)
	return h, err
}

// HistoryAt is History as it was in the block at a depth.
func (r *Registry) HistoryAt(ctx context.Context, id ID, d Depth) (*History, Block, error) {
	b, err := r.client.Block(ctx, d)
	if err != nil {
		return nil, Block{}, err
	}
	h, err := r.historyIn(ctx, id, b)
	return h, b, err
}

// historyIn is History as it was in a block. The error wraps ErrReorged if that block is no longer part of the chain.
func (r *Registry) historyIn(ctx context.Context, id ID, b Block) (*History, error) {
	head, err := r.headIn(ctx, id, b)
	if err != nil {
		return nil, err
	}
	h, err := r.HistoryOf(ctx, head)
	if err != nil {
		if gone := r.client.Still(ctx, b); errors.Is(gone, ErrReorged) {
			err = gone // with the events
		}
	}
	return h, err
}

// HistoryOf reads the events that led to a head, which may come from elsewhere (a quorum, a proof), and checks them against it.
func (r *Registry) HistoryOf(ctx context.Context, head Head) (*History, error) {
	h, id := &History{Head: head}, head.ID
	if head.Number == 0 {
		return h, nil
	}
	take := func(events []event, err error) error {
		if err != nil {
			return fmt.Errorf("history of dictionary %s: %w", id, err)
		}
		h.Entries = nil
		for _, e := range events {
			h.Entries = append(h.Entries, e.Entry)
		}
		if err := h.Check(); err != nil {
			return fmt.Errorf("chain %s: %w", r.client.name, err)
		}
		return nil
	}
	err := take(r.events(ctx, id, 0, head.Block))
	if err != nil && ctx.Err() == nil {
		// Too many blocks or too many events for this node, which may say so, break off, take too long, or leave some out.
		err = take(r.walk(ctx, id, head.Block))
	}
	if err != nil {
		return nil, err
	}
	return h, nil
}

// event is an entry with what leads to the one before.
type event struct {
	Entry
	previous uint64 // block of the entry before, 0 for the first
	index    uint   // of the log in its block
}

var (
	publishedTopic    = eventTopic("Published")
	deprecatedTopic   = eventTopic("Deprecated")
	publisherSetTopic = eventTopic("PublisherSet")
)

// eventTopic returns what gives the first topic of the contract's events of a name.
func eventTopic(name string) func() common.Hash {
	return sync.OnceValue(func() common.Hash {
		surface := binding().GetABI()
		return surface.Events[name].ID
	})
}

// logs returns the registry's events about a dictionary, of some kinds, in a range of blocks, both ends included.
func (r *Registry) logs(ctx context.Context, id ID, from, to uint64, kinds ...common.Hash) ([]types.Log, error) {
	var logs []types.Log
	query := map[string]any{
		"address":   r.address,
		"topics":    []any{kinds, common.Hash(id)},
		"fromBlock": hexutil.Uint64(from),
		"toBlock":   hexutil.Uint64(to),
	}
	if err := r.client.call(ctx, &logs, "eth_getLogs", query); err != nil {
		return nil, err
	}
	for i := range logs {
		if l := &logs[i]; l.Address != r.address || l.Removed || l.BlockNumber < from || l.BlockNumber > to {
			return nil, fmt.Errorf("chain %s: %w: got an event of %s in block %d that was not asked for", r.client.name, ErrHistory, l.Address, l.BlockNumber)
		}
	}
	return logs, nil
}

// events returns the entries in a range of blocks, both ends included, in order.
func (r *Registry) events(ctx context.Context, id ID, from, to uint64) ([]event, error) {
	logs, err := r.logs(ctx, id, from, to, publishedTopic(), deprecatedTopic())
	if err != nil {
		return nil, err
	}
	list := make([]event, 0, len(logs))
	for i := range logs {
		l := &logs[i]
		e, err := decodeEvent(id, l)
		if err != nil {
			return nil, fmt.Errorf("chain %s: %w: event %d in block %d: %w", r.client.name, ErrHistory, l.Index, l.BlockNumber, err)
		}
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b event) int {
		if a.Block != b.Block {
			return int(min(max(int64(a.Block-b.Block), -1), 1))
		}
		return int(a.index) - int(b.index)
	})
	return list, nil
}

func decodeEvent(id ID, l *types.Log) (event, error) {
	if len(l.Topics) != 3 || l.Topics[1] != common.Hash(id) {
		return event{}, errors.New("wrong topics")
	}
	base := Entry{Block: l.BlockNumber, Tx: l.TxHash}
	switch l.Topics[0] {
	case publishedTopic():
		p, err := binding().UnpackPublishedEvent(l)
		if err != nil {
			return event{}, err
		}
		base.Number, base.Publisher = p.Number, p.Publisher
		base.Version = merkle.Version{Size: p.Size, Root: p.Root}
		base.Manifest = manifestCID(p.Manifest)
		base.Time = time.Unix(int64(p.Time), 0).UTC()
		return event{base, p.PreviousBlock, l.Index}, nil
	case deprecatedTopic():
		d, err := binding().UnpackDeprecatedEvent(l)
		if err != nil {
			return event{}, err
		}
		base.Number, base.Reason = d.Number, &d.Reason
		base.Time = time.Unix(int64(d.Time), 0).UTC()
		return event{base, d.PreviousBlock, l.Index}, nil
	}
	return event{}, errors.New("wrong topics")
}

// walk reads the entries from the newest to the oldest. Each names the block of the one before, so stretches without any
// are skipped; the ranges grow until the node does not give one.
func (r *Registry) walk(ctx context.Context, id ID, block uint64) ([]event, error) {
	var parts [][]event
	most := uint64(1 << 20) // blocks at a time
	for width := uint64(1); ; {
		events, err := r.events(ctx, id, block-min(block, width-1), block)
		if err == nil && (len(events) == 0 || events[len(events)-1].Block != block) {
			err = fmt.Errorf("chain %s: %w: no event in block %d, where one is said to be", r.client.name, ErrHistory, block)
		}
		if err != nil && width > 1 && ctx.Err() == nil {
			most = width / 2
			width = most
			if rejected := (rpc.Error)(nil); !errors.As(err, &rejected) {
				width = 1 // whether the node answers at all is to be known soon
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		parts = append(parts, events)
		first := events[0]
		if first.previous == 0 {
			break
		}
		if first.previous >= first.Block {
			return nil, fmt.Errorf("chain %s: %w: block %d is said to come before block %d", r.client.name, ErrHistory, first.previous, first.Block)
		}
		block = first.previous
		width = min(width*4, most)
	}
	slices.Reverse(parts)
	return slices.Concat(parts...), nil
}

// Check tells whether the entries lead to the head: it folds their hashes as the contract does, and compares the last
// version with the head's. Whoever trusts the head can then trust every entry.
func (h *History) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("dictionary %s: %w: %s", h.Head.ID, ErrHistory, fmt.Sprintf(format, args...))
	}
	var (
		hash  [32]byte
		last  Entry  // the newest version
		count uint64 // versions so far
	)
	for i, e := range h.Entries {
		if e.Reason == nil {
			if count++; e.Number != count {
				return bad("version %d follows on %d", e.Number, count-1)
			}
			if e.Size <= last.Size {
				return bad("version %d has %d notes, the one before %d", e.Number, e.Size, last.Size)
			}
			last = e
		} else if e.Number == 0 || e.Number > count {
			return bad("version %d is deprecated before it is published", e.Number)
		}
		entry, err := e.Hash(h.Head.ID)
		if err != nil {
			return bad("entry %d: %v", i+1, err)
		}
		hash = link(hash, entry)
	}
	switch {
	case hash != h.Head.History:
		return bad("%d entries give %x, the head says %x", len(h.Entries), hash, h.Head.History)
	case count != h.Head.Number || (count > 0 && (last.Version != h.Head.Version || !last.Manifest.Equals(h.Head.Manifest))):
		return bad("version %d (%s) is not the head's, %d (%s)", count, last.Version, h.Head.Number, h.Head.Version)
	}
	if n := len(h.Entries); n > 0 && (h.Entries[n-1].Block != h.Head.Block || !h.Entries[n-1].Time.Equal(h.Head.Time)) {
		return bad("the last entry is of block %d, the head says %d", h.Entries[n-1].Block, h.Head.Block)
	}
	return nil
}

// Hash returns what the entry adds to the history of the dictionary: the contract's hashPublished or hashDeprecated.
func (e Entry) Hash(id ID) ([32]byte, error) {
	seconds := uint64(e.Time.Unix())
	if e.Reason != nil {
		return keccak(number(2), id[:], number(e.Number), crypto.Keccak256([]byte(*e.Reason)), number(e.Block), number(seconds)), nil
	}
	digest, err := manifestDigest(e.Manifest)
	if err != nil {
		return [32]byte{}, err
	}
	return keccak(number(1), id[:], number(e.Number), number(e.Size), e.Root[:], digest[:], word(e.Publisher[:]), number(e.Block), number(seconds)), nil
}

// link returns the history hash after an entry.
func link(history, entry [32]byte) [32]byte { return keccak(history[:], entry[:]) }

func keccak(words ...[]byte) [32]byte { return [32]byte(crypto.Keccak256(words...)) }

// number is a uint64 as a word of the ABI.
func number(n uint64) []byte {
	var b [32]byte
	for i := range 8 {
		b[31-i] = byte(n >> (8 * i))
	}
	return b[:]
}
