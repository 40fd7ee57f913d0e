package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

func (a *app) verifyCommand() *cobra.Command {
	var template, dict string
	var f readerFlags
	c := &cobra.Command{
		Use:   "verify TEMPLATE|DICT",
		Short: "Check a template, or a dictionary with every note",
		Long: `Check a template: decode it, with every check that decode makes, and write nothing. Or check a dictionary: that every page
and every note is what its name says, that the notes have the root named, and, if it is on a chain, that the registry holds it. If there is
no file of the name given, it is taken for a dictionary. A CAR file is read to its end and must hold all of its dictionary: neither the store nor peers help out.
Templates of records are checked by decode, not here.

With --proof FILE and nothing else, check a proof that publish or audit wrote, against the hash of a block that you trust (--block); with a template or
a dictionary, the proof stands for the chain. No network is used for that.

` + exitHelp,
		Example: `  dictnet verify release-2.dn
  dictnet verify releases
  dictnet verify --proof releases.proof --block 0x...
  dictnet verify release-2.dn --proof releases.proof --block 0x...
  dictnet verify eip155:1:0x.../0x... --rpc https://rpc.example.org --peer /ip4/.../p2p/...`,
		Args: args(0, 1, "one template or dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			a.unpackedSize = 0 // the notes are opened
			if len(args) == 0 && template == "" && f.chain.trust.proof != "" {
				return a.verifyProof(&f.chain.trust)
			}
			name, err := oneName("template", "template", template, args)
			if err != nil {
				return err
			}
			if named, err := parseDictRef(name); template == "" && err == nil && named.car != "" {
				return a.verifyCAR(c, named.car, &f)
			} else if template == "" && err == nil && !a.isFile(name) {
				return orFile(name, a.verifyDictionary(c, name, &f))
			}
			return a.verifyTemplate(c, name, dict, &f)
		},
	}
	c.Flags().StringVarP(&dict, "dict", "d", "", "the dictionary to believe, for a template")
	alias(c.Flags(), &template, "template", "TEMPLATE")
	f.add(c)
	return c
}

// verifyProof checks a proof from a file, and says what it shows.
func (a *app) verifyProof(t *trustFlags) error {
	p, err := readProof(t.proof)
	if err != nil {
		return err
	}
	hash, err := t.blockHash()
	if err != nil {
		return err
	}
	block, err := p.Block()
	if err != nil {
		return fmt.Errorf("proof %s: %w", t.proof, err)
	}
	trusted := hash != (common.Hash{})
	if !trusted {
		hash = block.Hash
	}
	head, err := p.Verify(hash)
	if err != nil {
		return fmt.Errorf("proof %s: %w", t.proof, err)
	}
	at := chain.Reference{ChainID: p.ChainID, Registry: p.Registry, ID: p.ID}
	versions := len((&chain.History{Head: head, Entries: p.History}).Versions())
	rows := []row{
		{"dictionary", at},
		{"owner", head.Owner.Hex()},
		{"version", fmt.Sprintf("%d, %d notes", head.Number, head.Size)},
		{"root", head.Root},
		{"manifest", head.Manifest},
		{"history", fmt.Sprintf("%d versions come along, history hash 0x%x", versions, head.History)},
		{"in block", fmt.Sprintf("%d %s, %s", block.Number, block.Hash, block.Time.Format(time.RFC3339))},
	}
	if trusted {
		rows = append(rows, row{"believed for", "the hash of the trusted block"})
	} else {
		rows = append(rows, row{"believed for", "nothing: compare the hash of the block with one that you trust, or give that with --block"})
	}
	return a.print(map[string]any{"address": at.String(), "owner": head.Owner.Hex(), "version": head.Number, "size": head.Size, "root": head.Root, "manifest": head.Manifest.String(),
		"history": fmt.Sprintf("0x%x", head.History), "entries": p.History, "block": block.Number, "blockHash": block.Hash, "trusted": trusted}, rows...)
}

type verifyTemplateResult struct {
	Template string `json:"template"`
	Bytes    int64  `json:"bytes"` // of the file
	Manifest string `json:"manifest,omitempty"`
	Root     string `json:"root,omitempty"`
	Trust    string `json:"trust,omitempty"`
}

func (a *app) verifyTemplate(c *cobra.Command, name, dict string, f *readerFlags) error {
	ctx := c.Context()
	in, err := a.openTemplate(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	opener := templateDictionary{app: a, command: c, dict: dict, flags: f}
	defer opener.Close()
	r, err := codec.NewReaderAt(ctx, in.file, in.size, opener.open)
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	bar := a.progress("verify", r.Size())
	defer bar.end()
	n, err := r.WriteTo(&countingWriter{Writer: io.Discard, ctx: ctx, bar: bar})
	if err != nil {
		return fmt.Errorf("template %s: %w", name, err)
	}
	bar.end()
	result := verifyTemplateResult{Template: name, Bytes: n}
	rows := []row{{"template", name + " is good"}, {"file", bytesText(n)}}
	if opener.reader != nil {
		result.Manifest, result.Root, result.Trust = opener.ref.Manifest.String(), opener.root(), opener.reader.trust
		rows = append(rows, row{"dictionary", opener.described()}, row{"believed for", result.Trust})
	}
	return a.print(result, rows...)
}

func (a *app) verifyDictionary(c *cobra.Command, name string, f *readerFlags) error {
	s, err := a.openStoreFor(c, name, f)
	if err != nil {
		return err
	}
	defer s.Close()
	return a.verifyIn(c.Context(), s, name, f)
}

// verifyCAR checks a dictionary in a file by what the file holds and nothing else: an empty store, and nobody to ask.
func (a *app) verifyCAR(c *cobra.Command, path string, f *readerFlags) error {
	ctx := c.Context()
	file, err := a.openCAR(path)
	if err != nil {
		return err
	}
	defer file.Close()
	damage := file.Check(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dictnet.*")
	if err != nil {
		return storageError(err)
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer s.Close()
	alone := *f
	alone.offline = true
	err = a.verifyIn(ctx, s, path, &alone)
	if damage != nil {
		err = damage // what is not to be had is so for that
	}
	if err != nil {
		return fmt.Errorf("dictionary %s: %w", path, err)
	}
	return nil
}

// verifyIn checks a dictionary with the blocks of a store and of those who can be asked.
func (a *app) verifyIn(ctx context.Context, s *store.Store, name string, f *readerFlags) error {
	r, err := a.openReader(ctx, s, name, codec.DictionaryName{}, f)
	if err != nil {
		return err
	}
	defer r.Close()
	ref, err := r.version(ctx)
	if err != nil {
		return err
	}
	if _, err := r.Open(ctx, ref); err != nil { // compares it with the registry, if there is one
		return r.unpublished(err)
	}
	bar := a.progress("verify", -1)
	defer bar.end()
	report, err := dictnet.NewAuditor(r.Client).Audit(ctx, dictnet.Audit{Ref: ref, Progress: func(p dictnet.Progress) { bar.set(int64(p.Bytes)) }})
	if err != nil {
		return err
	}
	bar.end()
	rows := []row{
		{"dictionary", name},
		{"manifest", report.Manifest},
		{"root", report.Root},
		{"root computed", computedRoot(report)},
		{"notes opened", fmt.Sprintf("%d of %d, %s", report.NotesOpened, report.Size, bytesText(report.TapeSize))},
		{"believed for", r.trust},
	}
	for _, finding := range report.Findings {
		rows = append(rows, row{"  " + finding.Kind, fmt.Sprintf("%s: %s", finding.What, finding.Detail)})
	}
	err = a.print(struct {
		Trust string `json:"trust"`
		*dictnet.Report
	}{r.trust, report}, rows...)
	if err != nil {
		return err
	}
	return report.Err()
}
