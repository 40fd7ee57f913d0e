package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/codec"
	"dictnet/dictnet"
)

func (a *app) auditCommand() *cobra.Command {
	var f readerFlags
	c := &cobra.Command{
		Use:   "audit DICT",
		Short: "Recompute a published dictionary from its bytes and compare it with the chain",
		Long: `Replay the history of a dictionary from the chain's events and check it against the history hash, fetch and open every note of the
newest version, recompute the root of every version, and report what does not fit. DICT is a chain address, or the local name of a dictionary that
was published.

Exit code 3 says that something contradicts the chain, 4 that something could not be had.

` + exitHelp,
		Example: `  dictnet audit releases
  dictnet audit eip155:1:0x.../0x... --rpc https://rpc.example.org --peer /ip4/.../p2p/... --json`,
		Args: args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error { return a.audit(c, args[0], &f) },
	}
	f.add(c)
	c.Flags().MarkHidden("offline")
	return c
}

type auditResult struct {
	Address  string `json:"address"`
	Owner    string `json:"owner"`
	Versions int    `json:"published"` // versions in the history
	History  string `json:"history"`   // hash over it
	Block    uint64 `json:"block"`
	*dictnet.Report
}

func (a *app) audit(c *cobra.Command, name string, f *readerFlags) error {
	ctx := c.Context()
	s, err := a.openStoreToFetch(c)
	if err != nil {
		return err
	}
	defer s.Close()
	named, err := parseDictRef(name)
	if err != nil {
		return err
	}
	at := named.anchor
	if named.name != "" {
		d, err := a.namedDictionary(s, named.name)
		if err != nil {
			return err
		}
		if at, err = addressOf(d.Anchor); err != nil {
			return err
		}
		if at == nil {
			return usageErrorf("dictnet publish "+name+" anchors it; dictnet verify checks it without a chain", "dictionary %s is on no chain", name)
		}
	}
	if at == nil {
		return usageErrorf("name it as eip155:CHAIN:REGISTRY/DICTIONARY, or by its local name", "audit needs a dictionary that is on a chain, not %s", name)
	}
	reg, client, err := f.chain.openRegistry(ctx, *at)
	if err != nil {
		return err
	}
	defer client.Close()
	history, err := reg.History(ctx, at.ID)
	if err != nil {
		return err
	}
	if history.Head.Number == 0 {
		return &hinted{fmt.Errorf("dictionary %s has no version yet", at), exitUnavailable, "dictnet publish anchors the first"}
	}

	// The client has no anchor, because the audit reports what an anchored client would refuse.
	o := dictnet.Options{Store: s, Timeout: f.node.wait}
	src, err := f.node.source(a, s)
	if err != nil {
		return err
	}
	if src != nil {
		defer src.Close()
		o.Sources = []dictnet.Source{src}
	}
	reader := dictnet.NewClient(o)
	defer reader.Close()
	bar := a.progress("audit", -1)
	defer bar.end()
	head := history.Head
	record := dictnet.Record{ID: dictnet.DictionaryID(at.ID), Owner: head.Owner.Hex(), Versions: head.Number, Version: head.Version, Manifest: head.Manifest}
	report, err := dictnet.NewAuditor(reader).Audit(ctx, dictnet.Audit{
		Ref:      codec.DictionaryRef{Manifest: head.Manifest, Version: head.Version},
		Head:     &record,
		History:  published(history.Versions()),
		Progress: func(p dictnet.Progress) { bar.set(int64(p.Bytes)) },
	})
	if err != nil {
		return err
	}
	bar.end()
	result := auditResult{Address: at.String(), Owner: head.Owner.Hex(), Versions: len(history.Versions()), History: fmt.Sprintf("0x%x", head.History), Block: head.Block, Report: report}
	rows := []row{
		{"dictionary", result.Address},
		{"owner", result.Owner},
		{"published", fmt.Sprintf("%d versions, history hash %s", result.Versions, result.History)},
		{"newest", fmt.Sprintf("%d notes, %s, in block %d", report.Size, bytesText(report.TapeSize), head.Block)},
		{"root on chain", report.Root},
		{"root computed", report.ComputedRoot},
		{"notes opened", fmt.Sprintf("%d of %d", report.NotesOpened, report.Size)},
		{"versions replayed", fmt.Sprintf("%d of %d", report.Versions, result.Versions)},
		{"contradictions", report.Contradictions},
		{"unavailable", report.Unavailable},
	}
	for _, finding := range report.Findings {
		rows = append(rows, row{"  " + finding.Kind, fmt.Sprintf("%s: %s", finding.What, finding.Detail)})
	}
	if err := a.print(result, rows...); err != nil {
		return err
	}
	return report.Err()
}

// published turns the versions of a registry into what the auditor takes.
func published(versions []chain.PublishedVersion) []dictnet.PublishedVersion {
	var all []dictnet.PublishedVersion
	for _, v := range versions {
		all = append(all, dictnet.PublishedVersion{Number: v.Number, Version: v.Version, Manifest: v.Manifest})
	}
	return all
}
