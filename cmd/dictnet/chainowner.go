//go:build !front

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/dictnet/store"
)

// The verbs of who owns a dictionary in a registry, but for publish.

// ownerFlags say who changes what a registry holds, and when that counts as done.
type ownerFlags struct {
	chain chainFlags
	depth string
}

func (f *ownerFlags) add(c *cobra.Command) {
	f.chain.write(c)
	c.Flags().StringVar(&f.depth, "confirmations", "1", "when to be content: after so many blocks, or when the chain calls it safe or finalized")
}

// owned is a dictionary in a registry, and who signs for it.
type owned struct {
	name   string // as it was typed
	id     chain.ID
	reg    *chain.Registry
	head   chain.Head
	seen   chain.Block // in which the head is this
	signer chain.Signer
}

// ownersChange is what a verb wants to be so.
type ownersChange struct {
	already bool // it is
	apart   bool // the head does not tell
	send    func(context.Context) (chain.Receipt, error)
	fields  map[string]any // of the result, besides those of every change
	rows    []row
}

// change makes what a verb wants so, unless it is so already. What the registry would refuse, plan does before anything is sent.
func (a *app) change(c *cobra.Command, name string, f *ownerFlags, plan func(ctx context.Context, d *owned) (ownersChange, error)) error {
	ctx := c.Context()
	depth, err := parseDepth(f.depth)
	if err != nil {
		return err
	}
	if err := f.chain.checkWrite(); err != nil {
		return err
	}
	if _, err := f.chain.first(); err != nil {
		return err
	}
	s, err := a.openStoreOfOwner(c, name, false)
	if err != nil {
		return err
	}
	defer s.Close()
	at, err := a.publishedAs(s, name)
	if err != nil {
		return err
	}
	client, signer, err := f.chain.openSender(ctx, outboxes(s))
	if err != nil {
		return err
	}
	defer client.Close()
	d := &owned{name: name, id: at.ID, signer: signer}
	if d.reg, err = registryOf(ctx, client, *at); err != nil {
		return err
	}
	if d.head, d.seen, err = d.reg.HeadAt(ctx, at.ID, chain.Latest); err != nil {
		return unknownThere(err)
	}
	change, err := plan(ctx, d)
	if err != nil {
		return err
	}
	result := map[string]any{"address": at.String()}
	maps.Copy(result, change.fields)
	rows := append([]row{{"dictionary", at}}, change.rows...)
	if change.already {
		if waits(depth) {
			a.say("waiting for %s", depth)
			if err := d.settled(ctx, depth, !change.apart); err != nil {
				return err
			}
		}
		return a.print(result, append(rows, row{"transaction", "none: it is so already"})...)
	}
	again := c.CommandPath() + " again"
	receipt, err := change.send(ctx)
	var pending *chain.PendingError
	if errors.As(err, &pending) {
		return withHint(err, "it may still be mined; "+again+" goes on from there")
	}
	if err != nil {
		return err
	}
	block := receipt.Block
	if waits(depth) {
		a.say("waiting for %s", depth)
		confirmed, err := d.reg.Confirm(ctx, receipt.Tx, depth)
		if err != nil {
			return withHint(err, again+" says where it stands")
		}
		block = confirmed.Number
	}
	result["transaction"], result["block"], result["gas"] = receipt.Tx, block, receipt.Gas
	return a.print(result, append(rows, row{"transaction", receipt.Tx}, row{"gas", grouped(receipt.Gas)})...)
}

// openStoreOfOwner opens the home for a verb that says something of a dictionary in a registry. Its chain address needs no store; who sends makes one, where what is under
// way is kept.
func (a *app) openStoreOfOwner(c *cobra.Command, name string, readOnly bool) (*store.Store, error) {
	named, err := parseDictRef(name)
	switch {
	case err != nil:
		return nil, err
	case named.anchor != nil:
		return a.openHome(c, readOnly)
	}
	return a.openStore(c, readOnly)
}

// settled waits until what is so already is so at a depth: in the head as it is there or, of what the head does not tell, as soon as the block in which it was seen is as deep.
func (d *owned) settled(ctx context.Context, depth chain.Depth, inHead bool) error {
	for {
		head, deep, err := d.reg.HeadAt(ctx, d.id, depth)
		switch {
		case err == nil && inHead && head == d.head:
			return nil
		case err == nil && deep.Number >= d.seen.Number:
			return d.reg.Client().Still(ctx, d.seen)
		}
		if err != nil && !isAny(err, chain.ErrTooYoung, chain.ErrNotRegistered, chain.ErrNoContract) { // those were so at that depth
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// byOwner refuses a signer whom the dictionary does not belong to.
func (d *owned) byOwner() error {
	if d.signer.Address() == d.head.Owner {
		return nil
	}
	err := fmt.Errorf("%w %s: it belongs to %s, and %s signs", chain.ErrNotOwner, d.name, d.head.Owner, d.signer.Address())
	if d.signer.Address() == d.head.PendingOwner {
		return withHint(err, "it is offered to this account: dictnet chain accept "+d.name+" takes it over")
	}
	return withHint(err, "--key FILE or --signer URL names another account")
}

// checkText refuses what the registry cannot keep, or not show again.
func checkText(what, text string, most int) error {
	if len(text) > most {
		return fmt.Errorf("%w: the %s has %d bytes, and the registry takes %d", chain.ErrTextTooLong, what, len(text), most)
	}
	if !utf8.ValidString(text) {
		return usageErrorf("", "the %s is not UTF-8", what)
	}
	return nil
}

func (a *app) deprecateCommand() *cobra.Command {
	var f ownerFlags
	var reason string
	c := &cobra.Command{
		Use:   "deprecate DICT NUMBER",
		Short: "State that a version should no longer be used",
		Long: `State in the registry, for all time, that a version should no longer be used, and why. NUMBER is that of the version, 1 for the first. It removes nothing: what was encoded
against the version still plays, and readers are not held up; dictnet chain show and audit tell them.

` + exitHelp,
		Example: `  dictnet chain deprecate releases 3 --reason "holds a wrong build" --key key.json --password-file password`,
		Args:    args(2, 2, "a dictionary and the number of a version"),
		RunE: func(c *cobra.Command, args []string) error {
			number, err := strconv.ParseUint(args[1], 10, 64)
			if err != nil || number == 0 {
				return usageErrorf("dictnet chain show "+args[0]+" says which is the newest", "%q is no number of a version; the first is 1", args[1])
			}
			if reason == "" {
				return usageErrorf("--reason TEXT says it", "no reason is given why version %d should no longer be used", number)
			}
			if err := checkText("reason", reason, chain.MaxReason); err != nil {
				return err
			}
			return a.change(c, args[0], &f, func(ctx context.Context, d *owned) (ownersChange, error) {
				none := ownersChange{}
				if err := d.byOwner(); err != nil {
					return none, err
				}
				if number > d.head.Number {
					return none, fmt.Errorf("%w: %s has %d versions, number %d is named", chain.ErrUnknownVersion, d.name, d.head.Number, number)
				}
				h, err := d.reg.HistoryOf(ctx, d.head)
				if err != nil {
					return none, err
				}
				said := h.Versions()[number-1].Deprecations
				return ownersChange{
					already: slices.ContainsFunc(said, func(s chain.Deprecation) bool { return s.Reason == reason }),
					send: func(ctx context.Context) (chain.Receipt, error) {
						return d.reg.Deprecate(ctx, d.signer, d.id, number, reason)
					},
					fields: map[string]any{"version": number, "reason": reason},
					rows:   []row{{"deprecated", fmt.Sprintf("version %d, for %q", number, reason)}},
				}, nil
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&reason, "reason", "", "why the version should no longer be used, for people")
	return c
}

func (a *app) freezeCommand() *cobra.Command {
	var f ownerFlags
	c := &cobra.Command{
		Use:   "freeze DICT",
		Short: "End a dictionary: no version can follow",
		Long: `End a dictionary in the registry: nobody, its owner included, can publish a version of it any more. This cannot be undone, so it takes --yes. What was published stays as it is.

` + exitHelp,
		Example: `  dictnet chain freeze releases --yes --key key.json --password-file password`,
		Args:    args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			if typedFlag(c, "yes") == "" {
				return usageErrorf("--yes, typed, does it", "this cannot be undone: no version of %s could ever follow", args[0])
			}
			return a.change(c, args[0], &f, func(_ context.Context, d *owned) (ownersChange, error) {
				return ownersChange{
					already: d.head.Frozen,
					send:    func(ctx context.Context) (chain.Receipt, error) { return d.reg.Freeze(ctx, d.signer, d.id) },
					fields:  map[string]any{"frozen": true, "version": d.head.Number},
					rows:    []row{{"frozen", "at " + versionText(d.head)}},
				}, d.byOwner()
			})
		},
	}
	f.add(c)
	c.Flags().Bool("yes", false, "do it, though it cannot be undone; no setting says it")
	return c
}

func (a *app) transferCommand() *cobra.Command {
	var f ownerFlags
	c := &cobra.Command{
		Use:   "transfer DICT ADDRESS",
		Short: "Offer a dictionary to another owner",
		Long: `Offer a dictionary in the registry to another account. It belongs to that account when it accepts (dictnet chain accept), and to the present owner until then. A later offer takes the place of
an earlier one; one to the address 0x0000000000000000000000000000000000000000 takes it back.

` + exitHelp,
		Example: `  dictnet chain transfer releases 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --key key.json --password-file password`,
		Args:    args(2, 2, "a dictionary and the address of an account"),
		RunE: func(c *cobra.Command, args []string) error {
			to, err := chain.ParseAddress(args[1])
			if err != nil {
				return usageErrorf("", "%w", err)
			}
			return a.change(c, args[0], &f, func(_ context.Context, d *owned) (ownersChange, error) {
				return ownersChange{
					already: d.head.PendingOwner == to,
					send: func(ctx context.Context) (chain.Receipt, error) {
						return d.reg.TransferOwnership(ctx, d.signer, d.id, to)
					},
					fields: map[string]any{"owner": d.head.Owner.Hex(), "pendingOwner": accountField(to)},
					rows:   []row{{"owner", d.head.Owner}, {"offered to", accountText(to)}},
				}, d.byOwner()
			})
		},
	}
	f.add(c)
	return c
}

func (a *app) acceptCommand() *cobra.Command {
	var f ownerFlags
	c := &cobra.Command{
		Use:   "accept DICT",
		Short: "Take over a dictionary that was offered",
		Long: `Take over a dictionary in the registry that its owner has offered to the account that signs (dictnet chain transfer). Accounts that the old owner allowed to publish may do so no longer.

` + exitHelp,
		Example: `  dictnet chain accept eip155:1:0x.../0x... --rpc https://rpc.example.org --key key.json --password-file password`,
		Args:    args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.change(c, args[0], &f, func(_ context.Context, d *owned) (ownersChange, error) {
				self := d.signer.Address()
				change := ownersChange{
					already: d.head.Owner == self && d.head.PendingOwner != self,
					send:    func(ctx context.Context) (chain.Receipt, error) { return d.reg.AcceptOwnership(ctx, d.signer, d.id) },
					fields:  map[string]any{"owner": self.Hex()},
					rows:    []row{{"owner", self}},
				}
				if !change.already && d.head.PendingOwner != self {
					return change, withHint(fmt.Errorf("%w: %s is offered to %s, and %s signs", chain.ErrNotPendingOwner, d.name, accountText(d.head.PendingOwner), self),
						"its owner offers it: dictnet chain transfer DICT "+self.Hex())
				}
				return change, nil
			})
		},
	}
	f.add(c)
	return c
}

func (a *app) publisherCommand() *cobra.Command {
	var f ownerFlags
	var remove bool
	c := &cobra.Command{
		Use:   "publisher DICT ADDRESS",
		Short: "Allow another account to publish, or no longer",
		Long: `Allow another account to publish versions of a dictionary besides its owner, until it changes hands; or, with --remove, no longer. So the owner's key need not be where versions are
published.

` + exitHelp,
		Example: `  dictnet chain publisher releases 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --key key.json --password-file password
  dictnet chain publisher releases 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --remove --key key.json --password-file password`,
		Args: args(2, 2, "a dictionary and the address of an account"),
		RunE: func(c *cobra.Command, args []string) error {
			account, err := chain.ParseAddress(args[1])
			if err != nil {
				return usageErrorf("", "%w", err)
			}
			return a.change(c, args[0], &f, func(ctx context.Context, d *owned) (ownersChange, error) {
				none := ownersChange{}
				switch err := d.byOwner(); {
				case err != nil:
					return none, err
				case remove && account == d.head.Owner:
					return none, usageErrorf("dictnet chain transfer offers it to another", "%s is the owner of %s, who may always publish", account, d.name)
				case !remove && d.head.Frozen:
					return none, fmt.Errorf("%w: nobody can publish a version of %s any more", chain.ErrFrozen, d.name)
				}
				may, err := d.reg.MayPublish(ctx, d.id, account)
				if err != nil {
					return none, err
				}
				what := "may publish"
				if remove {
					what = "may not publish"
				}
				return ownersChange{
					already: may != remove,
					apart:   true,
					send: func(ctx context.Context) (chain.Receipt, error) {
						return d.reg.SetPublisher(ctx, d.signer, d.id, account, !remove)
					},
					fields: map[string]any{"account": account.Hex(), "allowed": !remove},
					rows:   []row{{what, account}},
				}, nil
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&remove, "remove", false, "it may publish no longer")
	return c
}

func (a *app) renameCommand() *cobra.Command {
	var f ownerFlags
	c := &cobra.Command{
		Use:   "rename DICT NAME",
		Short: "Give a dictionary a name in the registry",
		Long: `Give a dictionary a name in the registry, of at most 31 bytes, in the place of the one it has; an empty one takes it away. It is for people, need not be unique and proves nothing. The local names
of dictionaries have nothing to do with it.

` + exitHelp,
		Example: `  dictnet chain rename releases example.org/releases --key key.json --password-file password`,
		Args:    args(2, 2, "a dictionary and a name"),
		RunE: func(c *cobra.Command, args []string) error {
			name := args[1]
			if err := checkText("name", name, chain.MaxName); err != nil {
				return err
			}
			return a.change(c, args[0], &f, func(_ context.Context, d *owned) (ownersChange, error) {
				return ownersChange{
					already: d.head.Name == name,
					send:    func(ctx context.Context) (chain.Receipt, error) { return d.reg.SetName(ctx, d.signer, d.id, name) },
					fields:  map[string]any{"name": name},
					rows:    []row{{"name", strconv.Quote(name)}},
				}, d.byOwner()
			})
		},
	}
	f.add(c)
	return c
}

// shownWithout are the flags of verbs that read a dictionary which ask no chain.
var shownWithout = []string{"proof"}

func (a *app) chainShowCommand() *cobra.Command {
	var f chainFlags
	c := &cobra.Command{
		Use:   "show DICT",
		Short: "Show what the registry holds of a dictionary, and who may change it",
		Long: `Show what the registry holds of a dictionary: its owner, whom it is offered to, its name, the newest version, whether one can follow, and which versions their owner says should no longer be
used. Who may publish besides the owner is looked for in the events of the first --rpc, which the registry does not vouch for: one may be missing.

` + exitHelp,
		Example: `  dictnet chain show releases
  dictnet chain show eip155:1:0x.../0x... --rpc https://rpc.example.org --json`,
		Args: args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error {
			if name := typedFlag(c, shownWithout...); name != "" {
				return usageErrorf("dictnet verify --proof FILE says what is in it", "--%s does not go with chain show, which asks a chain", name)
			}
			return a.chainShow(c, args[0], &f)
		},
	}
	f.read(c)
	for _, name := range shownWithout {
		c.Flags().MarkHidden(name)
	}
	return c
}

type chainShowResult struct {
	Address      string        `json:"address"`
	Owner        string        `json:"owner"`
	PendingOwner string        `json:"pendingOwner,omitempty"`
	Publishers   []string      `json:"publishers"` // besides the owner; null if the node does not tell
	Name         string        `json:"name,omitempty"`
	Frozen       bool          `json:"frozen"`
	Version      uint64        `json:"version"` // number of the newest; 0: none yet
	Size         uint64        `json:"size"`    // notes
	Root         string        `json:"root"`
	Manifest     string        `json:"manifest,omitempty"`
	Block        uint64        `json:"block"` // of the last entry
	Deprecated   []deprecation `json:"deprecated,omitempty"`
	Trust        string        `json:"trust"`
}

func (a *app) chainShow(c *cobra.Command, name string, f *chainFlags) error {
	ctx := c.Context()
	s, err := a.openStoreOfOwner(c, name, true)
	if err != nil {
		return err
	}
	defer s.Close()
	at, err := a.publishedAs(s, name)
	if err != nil {
		return err
	}
	heads, trust, done, err := f.openHeads(ctx, *at)
	if err != nil {
		return err
	}
	defer done()
	head, err := heads.Head(ctx, at.ID)
	if err != nil {
		return unknownThere(err)
	}
	reg, client, err := f.openRegistry(ctx, f.rpc[0], *at)
	if err != nil {
		return err
	}
	defer client.Close()
	history, err := reg.HistoryOf(ctx, head) // whoever tells the events: they lead to the head that is believed
	if err != nil {
		return err
	}
	r := chainShowResult{Address: at.String(), Owner: head.Owner.Hex(), PendingOwner: accountField(head.PendingOwner), Name: head.Name, Frozen: head.Frozen,
		Version: head.Number, Size: head.Size, Root: head.Root.String(), Block: head.Block, Trust: trust}
	rows := []row{{"dictionary", r.Address}}
	if r.Name != "" {
		rows = append(rows, row{"name", strconv.Quote(r.Name)})
	}
	rows = append(rows, row{"owner", r.Owner})
	if r.PendingOwner != "" {
		rows = append(rows, row{"offered to", r.PendingOwner})
	}
	publishers, err := reg.Publishers(ctx, at.ID)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		rows = append(rows, row{"publishers", "not known: " + oneLine(err)})
	default:
		r.Publishers = []string{}
		for _, p := range publishers {
			r.Publishers = append(r.Publishers, p.Hex())
			rows = append(rows, row{"publisher", p})
		}
	}
	rows = append(rows, row{"newest", versionText(head)}, row{"root", r.Root})
	if head.Number > 0 {
		r.Manifest = head.Manifest.String()
		rows = append(rows, row{"manifest", r.Manifest})
	}
	if r.Frozen {
		rows = append(rows, row{"frozen", "no version can follow"})
	}
	var deprecated []row
	r.Deprecated, deprecated = deprecations(history)
	return a.print(r, append(append(rows, deprecated...), row{"believed for", trust})...)
}

// versionText says which version is the newest.
func versionText(h chain.Head) string {
	if h.Number == 0 {
		return "no version yet"
	}
	return fmt.Sprintf("version %d, %d notes", h.Number, h.Size)
}

// accountField and accountText write an account that may be none, which is the zero address in the registry.
func accountField(a common.Address) string {
	if a == (common.Address{}) {
		return ""
	}
	return a.Hex()
}

func accountText(a common.Address) string {
	if a == (common.Address{}) {
		return "nobody"
	}
	return a.Hex()
}
