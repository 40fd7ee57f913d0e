package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

func (a *app) auditCommand() *cobra.Command {
	var f readerFlags
	var o auditOptions
	c := &cobra.Command{
		Use:   "audit DICT",
		Short: "Recompute a published dictionary from its bytes and compare it with the chain",
		Long: `Replay the history of a dictionary from the chain's events and transactions: check it against the history hash, and the consistency proof of
every version once more. Fetch and open every note of the newest version, recompute the root of every version, ask each peer which notes he has, and
report what does not fit, and which versions their owner says should no longer be used. With several --rpc, compare what the nodes say of the same block. DICT is a chain address, or the local name of a
dictionary that was published.

With --watch, go on until Ctrl-C and audit every new version; a history that changes is reported too. What cannot be had is told once and tried again, after ever longer
pauses of up to sixteen intervals; only to begin, all nodes have to answer. --proof-out writes what the registry holds, with the whole
history, as evidence that dictnet verify --proof checks elsewhere without a network.

Exit code 3 says that something contradicts the chain, 4 that something could not be had.

` + exitHelp,
		Example: `  dictnet audit releases
  dictnet audit eip155:1:0x.../0x... --rpc https://rpc.example.org --peer /ip4/.../p2p/... --json
  dictnet audit releases --rpc https://one.example.org --rpc https://other.example.net --watch`,
		Args: args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			if name := setFlag(c, auditWithout...); name != "" {
				return usageErrorf("it replays what the nodes of --rpc say, and compares them", "--%s does not go with audit", name)
			}
			return a.audit(c, args[0], &f, o)
		},
	}
	f.add(c)
	for _, name := range auditWithout {
		c.Flags().MarkHidden(name)
	}
	c.Flags().BoolVar(&o.watch, "watch", false, "go on, and audit every new version")
	o.interval = pause(15 * time.Second)
	c.Flags().Var(&o.interval, "interval", "how often --watch looks")
	c.Flags().StringVar(&o.proof, "proof-out", "", "write a proof of what the registry holds, with the history, to this file; - is stdout")
	return c
}

// auditWithout are the flags of verbs that read a dictionary by which an audit would believe something else.
var auditWithout = []string{"offline", "prove", "block", "proof"}

type auditOptions struct {
	watch    bool
	interval pause
	proof    string
}

type auditResult struct {
	Address   string            `json:"address"`
	Owner     string            `json:"owner"`
	Versions  int               `json:"published"` // versions in the history
	History   string            `json:"history"`   // hash over it
	Block     uint64            `json:"block"`     // of the newest entry
	Nodes     int               `json:"nodes"`     // of the chain, that were compared
	Providers map[string]uint64 `json:"providers"` // peer -> notes that he says he has

	Deprecated []deprecation `json:"deprecated,omitempty"`
	*dictnet.Report
}

// deprecation is what the owner said of a version that should no longer be used.
type deprecation struct {
	Version uint64 `json:"version"`
	Reason  string `json:"reason"`
}

// deprecations returns what was said of the versions of a history, by version, and likewise for people.
func deprecations(h *chain.History) (list []deprecation, rows []row) {
	for _, v := range h.Versions() {
		for _, d := range v.Deprecations {
			list = append(list, deprecation{v.Number, d.Reason})
			rows = append(rows, row{"deprecated", fmt.Sprintf("version %d, for %q", v.Number, d.Reason)})
		}
	}
	return list, rows
}

// auditor is what one run of the verb works with.
type auditor struct {
	app     *app
	at      chain.Reference
	regs    []*chain.Registry
	depth   chain.Depth
	client  *dictnet.Client
	sources []dictnet.Source
	o       auditOptions

	// Of watching:
	seen    bool   // the dictionary is there
	failing string // why it could not be audited last, "" if it could
	printed []byte // the last result, as JSON
}

func (a *app) audit(c *cobra.Command, name string, f *readerFlags, o auditOptions) error {
	ctx := c.Context()
	s, err := a.openStoreFor(c, name, f)
	if err != nil {
		return err
	}
	defer s.Close()
	at, err := a.publishedAs(s, name)
	if err != nil {
		return err
	}
	run := auditor{app: a, at: *at, o: o}
	if run.depth, err = parseDepth(f.chain.trust.depth); err != nil {
		return err
	}
	var done closerFunc
	if run.regs, done, err = f.chain.openRegistries(ctx, *at); err != nil {
		return err
	}
	defer done()
	// The client has no anchor, because the audit reports what an anchored client would refuse.
	clientOptions := dictnet.Options{Store: s, Timeout: time.Duration(f.node.wait)}
	sources, closeSources, err := f.node.sources(a, s)
	if err != nil {
		return err
	}
	defer closeSources()
	run.sources, clientOptions.Sources = sources, sources
	run.client = dictnet.NewClient(clientOptions)
	defer run.client.Close()
	if !o.watch {
		return run.report(ctx, 0)
	}
	err = run.regs[0].Watch(ctx, at.ID, run.depth, time.Duration(o.interval), func(h *chain.History, err error) error {
		if err == nil {
			run.seen = true
			err = run.report(ctx, h.Head.Number)
		}
		return run.goOn(err)
	})
	if ctx.Err() != nil {
		return nil // that is how watching ends
	}
	return err
}

// goOn says what watching makes of an error: what could not be had, or was taken back while it was read, is tried again, and so is what a node had to say against a dictionary that it
// has shown before. It is told once as long as it is the same.
func (r *auditor) goOn(err error) error {
	if err == nil {
		r.failing = ""
		return nil
	}
	code := exitCode(err)
	if code != exitUnavailable && !errors.Is(err, chain.ErrReorged) && !(r.seen && code == exitFailure) {
		return err
	}
	if text := err.Error(); text != r.failing {
		r.failing = text
		r.app.log.Warn("audit: it is tried again", "error", err)
	}
	return fmt.Errorf("%w: %w", chain.ErrAgain, err)
}

// publishedAs returns the chain address of a dictionary that is named on the command line.
func (a *app) publishedAs(s *store.Store, name string) (*chain.Reference, error) {
	named, err := parseDictRef(name)
	if err != nil {
		return nil, err
	}
	at := named.anchor
	if named.name != "" {
		d, err := a.namedDictionary(s, named.name)
		if err != nil {
			return nil, err
		}
		if at, err = addressOf(d.Anchor); err != nil {
			return nil, err
		}
		if at == nil {
			return nil, usageErrorf("dictnet publish "+name+" anchors it; dictnet verify checks it without a chain", "dictionary %s is on no chain", name)
		}
	}
	if at == nil {
		return nil, usageErrorf("name it as eip155:CHAIN:REGISTRY/DICTIONARY, or by its local name", "this takes a dictionary that is on a chain, not %s", name)
	}
	return at, nil
}

// evidence is what the nodes say of the dictionary in one block.
type evidence struct {
	*chain.History
	block  chain.Block
	quorum *chain.Quorum // nil for one node
	apart  error         // why the nodes cannot be compared: they have no block in common
}

// evidence reads the history in a block that all nodes have, as the first node has it, and replays it. What a reorganisation takes back meanwhile is looked at again: nobody had relied on it.
func (r *auditor) evidence(ctx context.Context) (e evidence, err error) {
	first := r.regs[0]
	if len(r.regs) > 1 {
		if e.quorum, err = chain.NewQuorum(len(r.regs), r.regs...); err != nil {
			return e, err
		}
	}
	for tries := 1; ; tries++ {
		if e.quorum != nil {
			e.block, e.apart = e.quorum.Block(ctx, r.depth)
		}
		if e.quorum == nil || e.apart != nil {
			if e.block, err = first.Client().Block(ctx, r.depth); err != nil {
				return e, err
			}
		}
		e.History, _, err = first.ReplayIn(ctx, r.at.ID, e.block)
		if !errors.Is(err, chain.ErrReorged) || tries == maxLooks {
			return e, err
		}
	}
}

// maxLooks is how often a history is looked at that a reorganisation takes back while it is read.
const maxLooks = 3

// report audits the history as it is now, which has so many versions at least, and prints the result.
func (r *auditor) report(ctx context.Context, least uint64) error {
	a := r.app
	history, err := r.evidence(ctx)
	if err != nil {
		return err
	}
	head := history.Head
	switch {
	case head.Number < least:
		return fmt.Errorf("not all nodes have version %d of dictionary %s yet: %w", least, r.at, chain.ErrUnreachable)
	case head.Number == 0:
		return &hinted{fmt.Errorf("dictionary %s has no version yet", r.at), exitUnavailable, "dictnet publish anchors the first"}
	}
	if r.o.proof != "" {
		if err := a.writeProof(ctx, r.o.proof, r.regs[0], r.at.ID, r.depth, head.Number); err != nil {
			return err
		}
	}
	bar := a.progress("audit", -1)
	defer bar.end()
	ref := codec.DictionaryRef{Manifest: head.Manifest, Version: head.Version}
	record := dictnet.Record{ID: dictnet.DictionaryID(r.at.ID), Owner: head.Owner.Hex(), Versions: head.Number, Version: head.Version, Manifest: head.Manifest}
	report, err := dictnet.NewAuditor(r.client).Audit(ctx, dictnet.Audit{
		Ref:      ref,
		Head:     &record,
		History:  published(history.Versions()),
		Progress: func(p dictnet.Progress) { bar.set(int64(p.Bytes)) },
	})
	if err != nil {
		return err
	}
	if err := r.compareNodes(ctx, history, report); err != nil {
		return err
	}
	providers, err := r.providers(ctx, ref, report)
	if err != nil {
		return err
	}
	bar.end()
	result := auditResult{Address: r.at.String(), Owner: head.Owner.Hex(), Versions: len(history.Versions()), History: fmt.Sprintf("0x%x", head.History),
		Block: head.Block, Nodes: len(r.regs), Providers: providers, Report: report}
	rows := []row{
		{"dictionary", result.Address},
		{"owner", result.Owner},
		{"published", fmt.Sprintf("%d versions, history hash %s", result.Versions, result.History)},
		{"newest", fmt.Sprintf("%d notes, %s, in block %d", report.Size, bytesText(report.TapeSize), head.Block)},
		{"root on chain", report.Root},
		{"root computed", computedRoot(report)},
		{"notes opened", fmt.Sprintf("%d of %d", report.NotesOpened, report.Size)},
		{"versions replayed", fmt.Sprintf("%d of %d", report.Versions, result.Versions)},
		{"nodes compared", result.Nodes},
	}
	for _, who := range sortedKeys(providers) {
		rows = append(rows, row{who, fmt.Sprintf("has %d of %d notes", providers[who], report.Size)})
	}
	var deprecated []row
	result.Deprecated, deprecated = deprecations(history.History)
	rows = append(rows, deprecated...)
	rows = append(rows, row{"contradictions", report.Contradictions}, row{"unavailable", report.Unavailable})
	for _, finding := range report.Findings {
		rows = append(rows, row{"  " + finding.Kind, fmt.Sprintf("%s: %s", finding.What, finding.Detail)})
	}
	text, err := json.Marshal(result)
	if err == nil && !bytes.Equal(text, r.printed) { // or it was tried again in vain
		r.printed = text
		err = a.print(result, rows...)
	}
	if err != nil {
		return err
	}
	return report.Err()
}

// compareNodes asks every node of the chain for the head in the block that was audited.
func (r *auditor) compareNodes(ctx context.Context, e evidence, report *dictnet.Report) error {
	switch {
	case e.quorum == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(e.apart, chain.ErrEquivocation):
		report.Add(dictnet.Finding{Kind: dictnet.Contradiction, What: "nodes", Detail: e.apart.Error()})
		return nil
	case e.apart != nil:
		report.Add(dictnet.Finding{Kind: dictnet.Unavailable, What: "nodes", Detail: e.apart.Error()})
		return nil
	}
	first := r.regs[0].Client().URL() // who said what was audited, and is asked again, too
	for _, other := range e.quorum.Compare(ctx, r.at.ID, e.block) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case other.Err != nil:
			report.Add(dictnet.Finding{Kind: dictnet.Unavailable, What: "node " + other.Node, Detail: other.Err.Error()})
		case other.Value != e.Head:
			report.Add(dictnet.Finding{Kind: dictnet.Contradiction, What: fmt.Sprintf("nodes, in block %d %s", e.block.Number, e.block.Hash),
				Want: fmt.Sprintf("%s: %s", first, e.Head), Got: fmt.Sprintf("%s: %s", other.Node, other.Value),
				Detail: fmt.Sprintf("%s and %s hold different heads for the same block", first, other.Node)})
		}
	}
	return nil
}

// probeAtOnce is how many notes are asked for in one go, and probeTime how long answers are waited for.
const (
	probeAtOnce = 512
	probeTime   = 5 * time.Second
)

// providers asks everybody who may be asked which notes he has, without moving any.
func (r *auditor) providers(ctx context.Context, ref codec.DictionaryRef, report *dictnet.Report) (map[string]uint64, error) {
	who := map[string]uint64{}
	if len(r.sources) == 0 {
		return who, nil
	}
	tape, err := r.client.OpenManifest(ctx, ref.Manifest)
	if err != nil {
		return who, nil // the report says why
	}
	var notes []cid.Cid
	for n, err := range tape.Manifest().Notes(ctx, 0) {
		if err != nil {
			return who, nil // likewise
		}
		notes = append(notes, n.CID)
	}
	for _, source := range r.sources {
		session, err := source.Open(ctx)
		if err != nil {
			report.Add(dictnet.Finding{Kind: dictnet.Unavailable, What: source.Name(), Detail: err.Error()})
			continue
		}
		prober, ok := session.(dictnet.Prober)
		if !ok {
			continue
		}
		seen := map[string]bool{}
		for some := range slices.Chunk(notes, probeAtOnce) {
			wait, cancel := context.WithTimeout(ctx, probeTime)
			err := prober.Probe(wait, some, func(c cid.Cid, name string) {
				if key := name + c.KeyString(); !seen[key] {
					seen[key] = true
					who[name]++
				}
			})
			cancel()
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil && !errors.Is(err, context.DeadlineExceeded) { // whoever has not answered does not have it
				report.Add(dictnet.Finding{Kind: dictnet.Unavailable, What: source.Name(), Detail: err.Error()})
				break
			}
		}
	}
	return who, nil
}

// published turns the versions of a registry into what the auditor takes.
func published(versions []chain.PublishedVersion) []dictnet.PublishedVersion {
	var all []dictnet.PublishedVersion
	for _, v := range versions {
		all = append(all, dictnet.PublishedVersion{Number: v.Number, Version: v.Version, Manifest: v.Manifest})
	}
	return all
}

// computedRoot says which root the notes listed have.
func computedRoot(r *dictnet.Report) string {
	if r.ComputedRoot == (merkle.Hash{}) {
		return "not known, as not all of the list of notes is here"
	}
	return r.ComputedRoot.String()
}
