package dictnet

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// Prober is what a Session may offer besides: it finds out who has blocks, without moving them.
type Prober interface {
	// Probe calls have for each block that somebody says he has, one call at a time, perhaps several for a
	// block. It returns when all who were asked have answered, or were silent for too long, or ctx ends.
	Probe(ctx context.Context, want []cid.Cid, have func(c cid.Cid, who string)) error
}

// Plan says what reading spans of a tape would cost, before anything is fetched but pages of the manifest.
type Plan struct {
	Notes    uint64        `json:"notes"`    // that the spans touch
	Local    uint64        `json:"local"`    // of them, in the store
	Bytes    uint64        `json:"bytes"`    // raw bytes of the others; their blocks are smaller, if they compress
	Requests uint64        `json:"requests"` // wants to be sent, in groups
	Missing  []PlannedNote `json:"missing"`  // the others, in order
	Nowhere  uint64        `json:"nowhere"`  // of them, those that nobody says he has
	Silent   []string      `json:"silent"`   // sources that could not be asked, and why
}

// PlannedNote is a note to be fetched.
type PlannedNote struct {
	Note   uint64   `json:"note"`
	CID    string   `json:"cid"`
	RawLen int      `json:"length"`
	Who    []string `json:"who"` // say that they have it; empty: nobody
}

// Err returns an error that wraps ErrUnavailable if something cannot be had from anybody.
func (p *Plan) Err() error {
	if p.Nowhere == 0 {
		return nil
	}
	for _, n := range p.Missing {
		if len(n.Who) == 0 {
			return fmt.Errorf("%d of %d notes are %w: nobody who was asked has note %d (%s)", p.Nowhere, p.Notes, ErrUnavailable, n.Note, n.CID)
		}
	}
	return nil
}

// Plan finds out what reading the spans of a tape would cost, and asks every source who has what is missing. What a derived note that is missing is coded
// against is not known before it is here, and not counted.
func (c *Client) Plan(ctx context.Context, t *Tape, spans []codec.Span) (*Plan, error) {
	return c.plan(ctx, t.needed(ctx, spansOf(spans...), c.here))
}

func newPlan() *Plan { return &Plan{Missing: []PlannedNote{}, Silent: []string{}} }

func (c *Client) plan(ctx context.Context, notes iter.Seq2[manifest.Note, error]) (*Plan, error) {
	p := newPlan()
	at := make(map[cid.Cid][]int) // in p.Missing
	for n, err := range notes {
		if err != nil {
			return nil, err
		}
		if err := p.add(ctx, c, n, at); err != nil {
			return nil, err
		}
	}
	var want []cid.Cid
	for _, n := range p.Missing {
		name, err := cid.Decode(n.CID)
		if err != nil {
			return nil, err
		}
		if i := at[name]; p.Missing[i[0]].Note == n.Note {
			want = append(want, name)
		}
	}
	p.Requests = (uint64(len(want)) + groupSize - 1) / groupSize
	if len(want) > 0 {
		if err := c.probe(ctx, want, func(name cid.Cid, who string) {
			for _, i := range at[name] {
				p.Missing[i].Who = append(p.Missing[i].Who, who)
			}
		}, p); err != nil {
			return nil, err
		}
	}
	for _, n := range p.Missing {
		if len(n.Who) == 0 {
			p.Nowhere++
		}
	}
	return p, nil
}

// spansOf yields spans.
func spansOf(spans ...codec.Span) iter.Seq2[codec.Span, error] {
	return func(yield func(codec.Span, error) bool) {
		for _, s := range spans {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// here returns a block if it is in the store, else nil.
func (c *Client) here(ctx context.Context, name cid.Cid) ([]byte, error) {
	data, err := c.blocks.Get(ctx, name)
	if errors.Is(err, store.ErrMissing) || errors.Is(err, store.ErrCorrupt) {
		return nil, nil
	}
	return data, err
}

func (p *Plan) add(ctx context.Context, c *Client, n manifest.Note, at map[cid.Cid][]int) error {
	p.Notes++
	there, err := c.blocks.Has(ctx, n.CID)
	if err != nil {
		return err
	}
	if there {
		p.Local++
		return nil
	}
	if len(at[n.CID]) == 0 {
		p.Bytes += uint64(n.RawLen)
	}
	at[n.CID] = append(at[n.CID], len(p.Missing))
	p.Missing = append(p.Missing, PlannedNote{Note: n.Index, CID: n.CID.String(), RawLen: n.RawLen, Who: []string{}})
	return nil
}

// probe asks all sources at the same time. How long that takes depends on how much they are asked for.
func (c *Client) probe(ctx context.Context, want []cid.Cid, have func(cid.Cid, string), p *Plan) error {
	ctx, cancel := context.WithCancel(ctx) // ends the sessions
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, src := range c.o.Sources {
		wg.Go(func() {
			sess, err := src.Open(ctx)
			if err == nil {
				if prober, ok := sess.(Prober); ok {
					err = prober.Probe(ctx, want, func(c cid.Cid, who string) {
						mu.Lock()
						defer mu.Unlock()
						have(c, who)
					})
				} else {
					err = errors.New("can only be asked by fetching")
				}
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				p.Silent = append(p.Silent, fmt.Sprintf("%s: %v", src.Name(), err))
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
