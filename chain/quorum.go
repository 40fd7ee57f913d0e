package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Quorum asks several nodes, preferably of several people, and believes what enough of them say. It is for those who
// trust no single node, but not all of them to lie alike.
type Quorum struct {
	registries []*Registry
	need       int
}

// NewQuorum returns a quorum in which need of the registries must agree: at least one, at most all. All must be the
// same registry on the same chain, each seen through another node.
func NewQuorum(need int, registries ...*Registry) (*Quorum, error) {
	if need < 1 || need > len(registries) {
		return nil, fmt.Errorf("quorum of %d of %d nodes: want 1 to %d", need, len(registries), len(registries))
	}
	for i, r := range registries {
		first := registries[0]
		if err := r.client.Expect(first.client.ChainID()); err != nil {
			return nil, fmt.Errorf("quorum: %w", err)
		}
		if r.address != first.address {
			return nil, fmt.Errorf("quorum: registries %s and %s are two", first.address, r.address)
		}
		for _, other := range registries[:i] {
			if other == r || other.client == r.client {
				return nil, fmt.Errorf("quorum: node %s is named twice", r.client.name)
			}
		}
	}
	return &Quorum{slices.Clone(registries), need}, nil
}

// Answer is what one node said.
type Answer[T any] struct {
	Node  string // its URL
	Value T
	Err   error // instead of Value
}

// DisagreementError says that too few nodes said the same. If two of them really contradict each other, rather than
// fail to answer, it is ErrEquivocation.
type DisagreementError struct {
	What    string
	Need    int
	Answers []Answer[string] // what each said, as text
}

// ErrEquivocation is what a DisagreementError is when nodes contradict each other about the same block.
var ErrEquivocation = errors.New("nodes contradict each other")

func (e *DisagreementError) Error() string {
	var said []string
	for _, a := range e.Answers {
		if a.Err != nil {
			said = append(said, a.Err.Error())
		} else {
			said = append(said, a.Node+" says "+a.Value)
		}
	}
	return fmt.Sprintf("%s: fewer than %d nodes agree: %s", e.What, e.Need, strings.Join(said, "; "))
}

// Is makes errors.Is find ErrEquivocation if two nodes contradict each other, ErrNoContract if all say that, or ErrUnreachable if too few
// answered.
func (e *DisagreementError) Is(target error) bool {
	switch target {
	case ErrEquivocation:
		return e.contradiction()
	case ErrNoContract:
		return !slices.ContainsFunc(e.Answers, func(a Answer[string]) bool { return !errors.Is(a.Err, ErrNoContract) })
	case ErrUnreachable:
		return !e.contradiction()
	}
	return false
}

func (e *DisagreementError) contradiction() bool {
	first := ""
	for _, a := range e.Answers {
		if a.Err != nil {
			continue
		}
		if first != "" && first != a.Value {
			return true
		}
		first = a.Value
	}
	return false
}

// Head returns what enough nodes say of a dictionary, at the newest block that enough of them have.
func (q *Quorum) Head(ctx context.Context, id ID) (Head, error) {
	head, _, err := q.HeadAt(ctx, id, Latest)
	return head, err
}

// HeadAt is Head in the block at a depth. Enough nodes must agree about that block's hash, too.
func (q *Quorum) HeadAt(ctx context.Context, id ID, d Depth) (Head, Block, error) {
	b, err := q.Block(ctx, d)
	if err != nil {
		return Head{}, Block{}, err
	}
	head, err := agree(q, fmt.Sprintf("head of dictionary %s in block %d", id, b.Number), q.headsIn(ctx, id, b), Head.String)
	if err == nil && head.Owner == (common.Address{}) {
		err = fmt.Errorf("head of dictionary %s: %w", id, &RefusedError{Reason: ErrNotRegistered})
	}
	return head, b, err
}

// headsIn asks every node for the head in a block. That there is no such dictionary is an answer, too, on which nodes can agree: a head without an owner.
func (q *Quorum) headsIn(ctx context.Context, id ID, b Block) []Answer[Head] {
	return ask(q, func(r *Registry) (Head, error) {
		head, err := r.headIn(ctx, id, b)
		if errors.Is(err, ErrNotRegistered) {
			return Head{ID: id}, nil
		}
		return head, err
	})
}

// String says all that the registry says of the dictionary, for messages: two heads that read alike are the same.
func (h Head) String() string {
	if h.Owner == (common.Address{}) {
		return "not registered"
	}
	return fmt.Sprintf("version %d (%s), manifest %s, history %x, owner %s, offered to %s, term %d, frozen %v, name %q, block %d, %s",
		h.Number, h.Version, h.Manifest, h.History, h.Owner, h.PendingOwner, h.Term, h.Frozen, h.Name, h.Block, h.Time.Format(time.RFC3339))
}

// Block returns the newest block at a depth that enough nodes have, with the hash on which they agree.
func (q *Quorum) Block(ctx context.Context, d Depth) (Block, error) {
	what := fmt.Sprintf("block at depth %s", d)
	newest := ask(q, func(r *Registry) (Block, error) { return r.client.Block(ctx, d) })
	var numbers []uint64
	for _, a := range newest {
		if a.Err == nil {
			numbers = append(numbers, a.Value.Number)
		}
	}
	if len(numbers) < q.need {
		_, err := agree(q, what, newest, describeBlock)
		return Block{}, err
	}
	// The highest that enough nodes have. One node cannot move it up alone, and not down if there are more than enough.
	slices.Sort(numbers)
	number := numbers[len(numbers)-q.need]
	same := ask(q, func(r *Registry) (Block, error) { return r.client.BlockAt(ctx, number) })
	return agree(q, fmt.Sprintf("block %d", number), same, describeBlock)
}

func describeBlock(b Block) string {
	return fmt.Sprintf("block %d (%s), %s", b.Number, b.Hash, b.Time.Format(time.RFC3339))
}

// ask puts a question to all nodes at a time; one that is slow takes its client's timeout at most.
func ask[T any](q *Quorum, question func(*Registry) (T, error)) []Answer[T] {
	answers := make([]Answer[T], len(q.registries))
	var all sync.WaitGroup
	for i, r := range q.registries {
		all.Go(func() {
			v, err := question(r)
			answers[i] = Answer[T]{r.client.name, v, err}
		})
	}
	all.Wait()
	return answers
}

func agree[T any](q *Quorum, what string, answers []Answer[T], describe func(T) string) (T, error) {
	e := &DisagreementError{What: what, Need: q.need}
	count := map[string]int{}
	for _, a := range answers {
		text := ""
		if a.Err == nil {
			text = describe(a.Value)
			count[text]++
		}
		e.Answers = append(e.Answers, Answer[string]{a.Node, text, a.Err})
	}
	// With less than a majority needed two groups may be large enough; then neither is believed.
	var enough []string
	for text, n := range count {
		if n >= q.need {
			enough = append(enough, text)
		}
	}
	if len(enough) == 1 {
		for _, a := range answers {
			if a.Err == nil && describe(a.Value) == enough[0] {
				return a.Value, nil
			}
		}
	}
	var none T
	return none, e
}
