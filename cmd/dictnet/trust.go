package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"dictnet/chain"
)

// trustFlags say whom a verb believes about what the registry holds. docs/trust.md says what each way accepts.
type trustFlags struct {
	quorum int
	depth  string
	prove  bool
	block  string
	proof  string
}

func (f *trustFlags) add(c *cobra.Command) {
	c.Flags().IntVar(&f.quorum, "quorum", 0, "how many of the nodes given by --rpc must say the same (default all)")
	c.Flags().StringVar(&f.depth, "confirmations", "1", "which state to believe: with so many blocks, or safe, or finalized")
	c.Flags().BoolVar(&f.prove, "prove", false, "have the node prove what the registry holds, against the hash of the block that --confirmations says")
	c.Flags().StringVar(&f.block, "block", "", "hash of a block that you trust: have what the registry holds proved against it")
	c.Flags().StringVar(&f.proof, "proof", "", "file with a proof that publish or audit wrote: ask no chain, but check it against --block")
}

// check refuses a proof, or a trusted block, that nothing would be compared with. at is where the dictionary is published, or nil.
func (f *trustFlags) check(at *chain.Reference, offline bool) error {
	switch {
	case f.proof == "" && f.block == "":
		return nil
	case at == nil:
		flag := "--proof"
		if f.proof == "" {
			flag = "--block"
		}
		return usageErrorf("name the dictionary as eip155:CHAIN:REGISTRY/DICTIONARY", "%s is about what a registry holds, and the dictionary is on no chain as far as is known here", flag)
	case f.proof == "" && offline:
		return usageErrorf("--proof FILE takes what the registry held from a file", "--block has a node prove what the registry held, and --offline asks none")
	}
	return nil
}

// headSource says what a registry holds for a dictionary.
type headSource interface {
	Head(ctx context.Context, id chain.ID) (chain.Head, error)
}

// openHeads returns the source of heads that the flags choose, and what it rests on, for people. The caller closes it.
func (f *chainFlags) openHeads(ctx context.Context, at chain.Reference) (heads headSource, why string, done closerFunc, err error) {
	t := f.trust
	depth, err := parseDepth(t.depth)
	if err != nil {
		return nil, "", nil, err
	}
	if t.quorum < 0 {
		return nil, "", nil, usageErrorf("without it, all must agree", "--quorum %d: want 1 or more", t.quorum)
	}
	if t.proof != "" {
		p, err := readProof(t.proof)
		if err != nil {
			return nil, "", nil, err
		}
		hash, err := t.blockHash()
		if err != nil {
			return nil, "", nil, err
		}
		if hash == (common.Hash{}) {
			return nil, "", nil, usageErrorf("a block explorer, your own node or somebody you trust knows the hashes of blocks", "--proof needs the hash of a trusted block: --block HASH")
		}
		return bundle{p, hash, at}, fmt.Sprintf("the proof in %s, by block %s", t.proof, hash), func() error { return nil }, nil
	}
	regs, done, err := f.openRegistries(ctx, at)
	if err != nil {
		return nil, "", nil, err
	}
	fail := func(err error) (headSource, string, closerFunc, error) {
		done()
		return nil, "", nil, err
	}
	if len(f.rpc) == 1 && t.quorum <= 1 && !t.prove && t.block == "" {
		return registryAt{regs[0], depth}, fmt.Sprintf("the registry at %s, by %s", at, regs[0].Client().URL()), done, nil
	}
	need := t.quorum
	if need == 0 {
		need = len(f.rpc)
	}
	quorum, err := chain.NewQuorum(need, regs...)
	if err != nil {
		return fail(usageErrorf("name more nodes with --rpc, or a smaller --quorum", "%w", err))
	}
	said := fmt.Sprintf("%d of %d nodes", need, len(f.rpc))
	hash, err := t.blockHash()
	switch {
	case err != nil:
		return fail(err)
	case hash != (common.Hash{}):
		proved := provers{regs, func(ctx context.Context, r *chain.Registry) (chain.Block, error) {
			return r.Client().BlockOf(ctx, hash)
		}}
		return proved, fmt.Sprintf("the registry at %s, proved by block %s", at, hash), done, nil
	case t.prove:
		proved := provers{regs, func(ctx context.Context, _ *chain.Registry) (chain.Block, error) { return quorum.Block(ctx, depth) }}
		return proved, fmt.Sprintf("the registry at %s, proved by the block %s name (%s)", at, said, depth), done, nil
	}
	return quorumAt{quorum, depth}, fmt.Sprintf("the registry at %s, by %s", at, said), done, nil
}

// openRegistries connects to the registry through every node that answers. Of several nodes some may be silent: whether enough
// are left is for the quorum to say.
func (f *chainFlags) openRegistries(ctx context.Context, at chain.Reference) (regs []*chain.Registry, done closerFunc, err error) {
	var clients []*chain.Client
	done = func() error {
		for _, c := range clients {
			c.Close()
		}
		return nil
	}
	if _, err := f.first(); err != nil {
		return nil, nil, err
	}
	if err := f.differentNodes(); err != nil {
		return nil, nil, err
	}
	var failed []error
	for _, url := range f.rpc {
		reg, client, err := f.openRegistry(ctx, url, at)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		regs, clients = append(regs, reg), append(clients, client)
	}
	if len(regs) == 0 || len(failed) > 0 && (f.trust.quorum == 0 || len(regs) < f.trust.quorum) {
		done()
		return nil, nil, errors.Join(failed...)
	}
	return regs, done, nil
}

// differentNodes refuses a node that is named twice: it would count twice in a quorum.
func (f *chainFlags) differentNodes() error {
	seen := map[string]bool{}
	for _, node := range f.rpc {
		u, err := url.Parse(node)
		if err != nil {
			continue // dialing it says what is wrong
		}
		u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
		same := strings.TrimSuffix(u.String(), "/")
		if seen[same] {
			name := u.Scheme + "://" + u.Host // the rest may be a secret
			if strings.TrimSuffix(u.RequestURI(), "/") != "" {
				name += "/..."
			}
			return usageErrorf("a quorum is of different nodes: leave one out", "node %s is named twice", name)
		}
		seen[same] = true
	}
	return nil
}

var hashForm = regexp.MustCompile(`^0x[0-9a-fA-F]{64}$`)

// blockHash returns the trusted hash, zero if none is given.
func (t *trustFlags) blockHash() (common.Hash, error) {
	if t.block == "" {
		return common.Hash{}, nil
	}
	if !hashForm.MatchString(t.block) {
		return common.Hash{}, usageErrorf("", "block hash %q: want 0x and 64 hex digits", t.block)
	}
	hash := common.HexToHash(t.block)
	if hash == (common.Hash{}) {
		return hash, usageErrorf("", "block hash %q is that of no block", t.block)
	}
	return hash, nil
}

// registryAt and quorumAt believe the state at a depth.
type registryAt struct {
	*chain.Registry
	depth chain.Depth
}

func (r registryAt) Head(ctx context.Context, id chain.ID) (chain.Head, error) {
	h, _, err := r.HeadAt(ctx, id, r.depth)
	return h, err
}

type quorumAt struct {
	*chain.Quorum
	depth chain.Depth
}

func (q quorumAt) Head(ctx context.Context, id chain.ID) (chain.Head, error) {
	h, _, err := q.HeadAt(ctx, id, q.depth)
	return h, err
}

// provers are nodes of which one has to prove what the registry held: they need not be believed, and not all of them keep or give what that takes.
type provers struct {
	nodes   []*chain.Registry
	trusted func(context.Context, *chain.Registry) (chain.Block, error)
}

func (p provers) Head(ctx context.Context, id chain.ID) (chain.Head, error) {
	var failed []error
	for _, r := range p.nodes {
		proved := chain.ProvedRegistry{Registry: r, Trusted: func(ctx context.Context) (chain.Block, error) { return p.trusted(ctx, r) }}
		h, err := proved.Head(ctx, id)
		if err == nil || errors.Is(err, chain.ErrNotRegistered) || ctx.Err() != nil {
			return h, err
		}
		failed = append(failed, err)
	}
	return chain.Head{}, errors.Join(failed...)
}

// bundle is a proof from a file.
type bundle struct {
	*chain.Proof
	block common.Hash
	at    chain.Reference
}

func (b bundle) Head(_ context.Context, id chain.ID) (chain.Head, error) {
	if got := (chain.Reference{ChainID: b.ChainID, Registry: b.Registry, ID: b.ID}); got != b.at || id != b.at.ID {
		return chain.Head{}, fmt.Errorf("%w: it is about %s, not %s", chain.ErrProof, got, b.at)
	}
	return b.Verify(b.block)
}

func readProof(name string) (*chain.Proof, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, inputError(err)
	}
	p := new(chain.Proof)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, &hinted{fmt.Errorf("proof %s: %w: %v", name, chain.ErrProof, err), exitRefused, "dictnet publish --proof-out writes one"}
	}
	return p, nil
}

// writeProof writes what a registry holds for a dictionary, with its history, as a file that can be checked without a network: in the block at a depth, in which the version of
// a number is known to be.
func (a *app) writeProof(ctx context.Context, name string, reg *chain.Registry, id chain.ID, depth chain.Depth, number uint64) error {
	p, block, err := reg.ProveVersion(ctx, id, depth, number)
	if err != nil {
		return err
	}
	if err := a.writeJSON(ctx, name, p); err != nil {
		return err
	}
	a.say("proof in %s, by block %d %s", name, block.Number, block.Hash)
	return nil
}

// writeJSON writes an output file for others to read; "-" is stdout.
func (a *app) writeJSON(ctx context.Context, name string, value any) error {
	out, err := a.create(ctx, name)
	if err != nil {
		return err
	}
	defer out.abandon()
	enc := json.NewEncoder(out)
	enc.SetIndent("", " ")
	if err := enc.Encode(value); err != nil {
		return outputError(name, err)
	}
	return out.commit()
}
