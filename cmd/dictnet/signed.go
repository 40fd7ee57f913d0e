//go:build !front

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

// Publications that one account signs and another sends.

// sign writes the publication of a version as a file that somebody else can send.
func (a *app) sign(ctx context.Context, reg *chain.Registry, signer chain.Signer, id chain.ID, head chain.Head, dict store.Dictionary, proof []merkle.Hash, o publishOptions) error {
	digests, ok := signer.(chain.DigestSigner)
	if !ok {
		return usageErrorf("--key FILE names a key file", "--sign-only takes a key: what --signer names signs nothing but transactions")
	}
	may, err := reg.MayPublish(ctx, id, signer.Address())
	switch {
	case err != nil:
		return err
	case head.Frozen:
		return fmt.Errorf("%w: nobody can publish a version of %s any more", chain.ErrFrozen, dict.Name)
	case !may:
		return fmt.Errorf("%w %s: %s signs", chain.ErrNotPublisher, dict.Name, signer.Address())
	}
	deadline := time.Now().Add(time.Duration(o.valid))
	p, err := reg.SignPublication(ctx, digests, id, head.Version, dict.Current.Version, dict.Current.Manifest, proof, deadline)
	if errors.Is(err, chain.ErrStaleVersion) {
		return withHint(err, fmt.Sprintf("dictnet pull %s brings the version that won; build on that", reg.Reference(id)))
	}
	if err != nil {
		return err
	}
	return a.writeJSON(ctx, o.sign, p)
}

func (a *app) submitCommand() *cobra.Command {
	var f ownerFlags
	c := &cobra.Command{
		Use:   "submit DICT FILE",
		Short: "Send a publication that its publisher has signed, and pay for it",
		Long: `Send what dictnet publish --sign-only has written: a version of a dictionary that its owner, or who may publish it, has signed. Anybody may, and pays. A version that is the newest already is
not sent again. FILE - is stdin.

` + exitHelp,
		Example: `  dictnet chain submit eip155:1:0x.../0x... signed.json --rpc https://rpc.example.org --key key.json --password-file password`,
		Args:    args(2, 2, "a dictionary and a file"),
		RunE: func(c *cobra.Command, args []string) error {
			p, err := a.readSigned(c.Context(), args[1])
			if err != nil {
				return err
			}
			return a.change(c, args[0], &f, func(ctx context.Context, d *owned) (ownersChange, error) { return d.submit(ctx, args[1], p) })
		},
	}
	f.add(c)
	return c
}

// readSigned reads what publish --sign-only wrote.
func (a *app) readSigned(ctx context.Context, name string) (p chain.SignedPublication, err error) {
	in, err := a.open(ctx, name)
	if err != nil {
		return p, err
	}
	defer in.close()
	text, err := io.ReadAll(io.LimitReader(in, 1<<20)) // the longest proof has 65 hashes
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return p, usageErrorf("dictnet publish --sign-only writes one", "%s is no signed publication: %w", name, err)
	}
	return p, nil
}

// submit plans to send a signed publication that is in a file.
func (d *owned) submit(ctx context.Context, file string, p chain.SignedPublication) (ownersChange, error) {
	v := p.Version()
	change := ownersChange{
		already: d.head.Version == v && d.head.Manifest.Equals(p.Manifest()),
		send:    func(ctx context.Context) (chain.Receipt, error) { return d.reg.PublishSigned(ctx, d.signer, p) },
		fields:  map[string]any{"version": d.head.Number + 1, "size": v.Size, "root": v.Root, "manifest": p.Manifest().String()},
		rows:    []row{{"version", fmt.Sprintf("%d, %d notes", d.head.Number+1, v.Size)}, {"root", v.Root}, {"manifest", p.Manifest()}},
	}
	switch {
	case p.ID() != d.id:
		return change, usageErrorf("", "%s is a version of dictionary %s, not of %s", file, p.ID(), d.name)
	case change.already:
		change.fields["version"], change.rows[0].value = d.head.Number, fmt.Sprintf("%d, %d notes", d.head.Number, v.Size)
		return change, nil
	case d.head.Frozen:
		return change, fmt.Errorf("%w: nobody can publish a version of %s any more", chain.ErrFrozen, d.name)
	case d.seen.Time.After(p.Deadline()):
		return change, withHint(fmt.Errorf("%w: that in %s was good until %s", chain.ErrSignatureExpired, file, p.Deadline().Format(time.RFC3339)), signAgain)
	}
	by, err := d.reg.SignerOf(p, d.head)
	if err != nil {
		return change, err
	}
	if may, err := d.reg.MayPublish(ctx, d.id, by); err != nil {
		return change, err
	} else if !may {
		return change, withHint(fmt.Errorf("%w %s: nobody who is has signed %s, here and on top of the history as it is now", chain.ErrNotPublisher, d.name, file), signAgain)
	}
	change.fields["publisher"] = by.Hex()
	change.rows = append(change.rows, row{"signed by", by})
	return change, nil
}

const signAgain = "have it signed again: dictnet publish --sign-only"
