//go:build !front

package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"dictnet/chain"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

func (a *app) publishCommand() *cobra.Command {
	var cf chainFlags
	var nf nodeFlags
	var o publishOptions
	c := &cobra.Command{
		Use:   "publish DICT",
		Short: "Pin a dictionary, anchor its version on a chain, and serve it",
		Long: `Pin a dictionary and anchor its present version in a registry contract, which checks that it extends the last one. The first
publication also registers the dictionary; it belongs to the account that pays. Which chain that is, the node says, unless --registry eip155:CHAIN:ADDRESS
does: then nothing is signed for another. Publishing what is anchored already does nothing, so a publication that was interrupted can be repeated.

First the notes, then the root: with --via, others have pinned the dictionary before it is anchored. A Kubo node is given just what it has not; a
pinning service fetches from the node that runs here meanwhile. With --ipns, this node's IPNS name then stands for the version; it can be moved
by whoever has the node's key, and nothing checks that it is moved forward. It is forgotten after two days unless --serve or dictnet node --dht repeats it. --no-chain
leaves the chain out.

With --sign-only, the version is not anchored, but signed into a file, for somebody who pays in the publisher's stead: dictnet chain submit sends it. The signature is good until --valid
is over, once, and only until something else is published or deprecated. The dictionary has to be registered, as it is by the first publication.

With --serve, go on as a node that serves the store, until Ctrl-C; else dictnet node does that.

` + exitHelp,
		Example: `  dictnet publish releases --registry 0x5FbDB2315678afecb367f032d93F642f64180aa3 --dev-key
  dictnet publish releases --rpc https://rpc.example.org --key key.json --password-file password
  dictnet publish releases --dev-key --serve --listen /ip4/127.0.0.1/tcp/4001
  dictnet publish releases --dev-key --via kubo://127.0.0.1:5001 --via https://pin.example --pinning-token-file token
  dictnet publish releases --no-chain --car releases.car --ipns --peer /ip4/.../p2p/...`,
		Args: args(1, 1, "one dictionary"),
		RunE: func(c *cobra.Command, args []string) error { return a.publish(c, args[0], cf, nf, o) },
	}
	cf.write(c)
	c.Flags().StringVar(&cf.registry, "registry", "", "address of the registry contract, or eip155:CHAIN:ADDRESS; needed the first time")
	c.Flags().BoolVar(&o.noChain, "no-chain", false, "do not anchor the version")
	o.handover.flags(c)
	c.Flags().StringVar(&o.sign, "sign-only", "", "only sign the publication, into this file, which dictnet chain submit sends; - is stdout")
	o.valid = pause(24 * time.Hour)
	c.Flags().Var(&o.valid, "valid", "how long what --sign-only signs may be sent")
	c.Flags().BoolVar(&o.serve, "serve", false, "serve the store afterwards, until Ctrl-C")
	c.Flags().StringVar(&o.depth, "confirmations", "1", "when to be content: after so many blocks, or when the chain calls it safe or finalized")
	c.Flags().StringVar(&o.proof, "proof-out", "", "write a proof of what the registry then holds to this file, for dictnet verify --proof; - is stdout")
	nf.serve(c)
	return c
}

type publishOptions struct {
	serve    bool
	depth    string
	proof    string
	noChain  bool
	sign     string // file
	valid    pause
	handover handover
}

type publishResult struct {
	Dictionary  string   `json:"dictionary"`
	Chain       uint64   `json:"chain"`
	Registry    string   `json:"registry"`
	Address     string   `json:"address"`
	IPNS        string   `json:"ipns,omitempty"`
	Signed      string   `json:"signed,omitempty"` // file with the publication, which is not sent
	Version     uint64   `json:"version"`          // 1 for the first
	Size        uint64   `json:"size"`             // notes
	Root        string   `json:"root"`
	Manifest    string   `json:"manifest"`
	Transaction string   `json:"transaction,omitempty"` // empty if it was anchored before
	Block       uint64   `json:"block"`
	Gas         uint64   `json:"gas"` // of all transactions of this run
	Peers       []string `json:"peers,omitempty"`
	HTTP        string   `json:"http,omitempty"`
}

func (a *app) publish(c *cobra.Command, name string, cf chainFlags, nf nodeFlags, o publishOptions) error {
	ctx := c.Context()
	ref, err := parseDictRef(name)
	if err != nil {
		return err
	}
	if ref.name == "" {
		return usageErrorf("dictnet pull --as NAME gives it one", "publish takes the local name of a dictionary, not %s", name)
	}
	if err := o.handover.check(); err != nil {
		return err
	}
	if err := nf.check(); err != nil {
		return err
	}
	if err := cf.checkWrite(); err != nil {
		return err
	}
	if _, err := cf.first(); err != nil && !o.noChain {
		return err
	}
	depth, err := parseDepth(o.depth)
	if err != nil {
		return err
	}
	if o.handover.car == "-" && o.proof == "-" {
		return usageErrorf("name a file for one", "both the CAR and the proof are to go to stdout")
	}
	if o.noChain && o.proof != "" {
		return usageErrorf("leave one out", "--proof-out proves what the registry holds, and --no-chain asks none")
	}
	if o.sign != "" && (o.noChain || o.proof != "" || waits(depth)) {
		return usageErrorf("leave it out, or the others", "--sign-only sends nothing, so --no-chain, --proof-out and --confirmations do not go with it")
	}
	if o.sign == "-" && o.handover.car == "-" {
		return usageErrorf("name a file for one", "both the CAR and the signed publication are to go to stdout")
	}
	s, err := a.openStore(c, false)
	if err != nil {
		return err
	}
	defer func() { s.Close() }()
	dict, err := a.namedDictionary(s, ref.name)
	if err != nil {
		return err
	}
	if dict.Current.Size == 0 {
		return usageErrorf("dictnet build SAMPLE... -o "+name+" adds notes", "dictionary %s is empty", name)
	}
	if err := s.Pin(ctx, dict.Current.Manifest, name); err != nil {
		return err
	}
	if err := a.pin(ctx, s, dict, &o.handover, nf); err != nil {
		return err
	}
	result := &publishResult{Size: dict.Current.Size, Root: dict.Current.Root.String(), Manifest: dict.Current.Manifest.String()}
	if !o.noChain {
		if result, err = a.anchor(ctx, s, dict, cf, o, depth); err != nil {
			return err
		}
	}
	if o.handover.ipns {
		if result.IPNS, err = a.point(ctx, s, dict, nf); err != nil {
			return err
		}
	}
	rows := result.rows()
	if !o.serve {
		return a.print(result, rows...)
	}
	nf.dht = nf.dht || o.handover.ipns // so that the name is repeated, and who follows it finds this node
	// A node only reads the store, so that others may write to it meanwhile.
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = a.openStore(c, true); err != nil {
		return err
	}
	return a.runNode(ctx, s, nf, func(at reachable) error {
		result.Peers, result.HTTP = at.Peers, at.HTTP
		for _, p := range at.Peers {
			rows = append(rows, row{"peer", p})
		}
		if at.HTTP != "" {
			rows = append(rows, row{"http", at.HTTP})
		}
		return a.print(result, rows...)
	})
}

func (r *publishResult) rows() []row {
	var rows []row
	if r.Dictionary != "" {
		rows = append(rows, row{"dictionary", r.Dictionary}, row{"address", r.Address},
			row{"version", fmt.Sprintf("%d, %d notes", r.Version, r.Size)})
	}
	rows = append(rows, row{"root", r.Root}, row{"manifest", r.Manifest})
	switch {
	case r.Signed != "":
		rows = append(rows, row{"transaction", "none: signed in " + r.Signed + ", which dictnet chain submit " + r.Address + " " + r.Signed + " sends"})
	case r.Dictionary == "":
		rows = append(rows, row{"transaction", "none: not anchored, as was asked"})
	case r.Transaction == "":
		rows = append(rows, row{"transaction", "none: this version was anchored already"})
	default:
		rows = append(rows, row{"transaction", r.Transaction}, row{"gas", grouped(r.Gas)})
	}
	if r.IPNS != "" {
		rows = append(rows, row{"ipns", r.IPNS})
	}
	return rows
}

// anchor brings the current version of a dictionary into the registry, if it is not there.
func (a *app) anchor(ctx context.Context, s *store.Store, dict store.Dictionary, cf chainFlags, o publishOptions, depth chain.Depth) (*publishResult, error) {
	client, signer, err := cf.openSender(ctx, outboxes(s))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	at, err := addressOf(dict.Anchor)
	if err != nil {
		return nil, fmt.Errorf("dictionary %s: %w", dict.Name, err)
	}
	address, err := registryOn(client, cf, dict.Name, at)
	if err != nil {
		return nil, err
	}
	reg, err := openContract(ctx, client, address)
	if err != nil {
		return nil, err
	}
	result := &publishResult{Size: dict.Current.Size, Root: dict.Current.Root.String(), Manifest: dict.Current.Manifest.String()}
	found := false // registered before: by an interrupted run, or for another dictionary that has this name on another machine
	if at == nil && o.sign != "" {
		return nil, usageErrorf("dictnet publish "+dict.Name+" without --sign-only registers it", "dictionary %s is registered nowhere yet, which takes a transaction of its owner", dict.Name)
	}
	if at == nil {
		salt := sha256.Sum256([]byte("dictnet:" + dict.Name))
		id := reg.IDOf(signer.Address(), salt)
		var receipt chain.Receipt
		_, err := reg.Head(ctx, id)
		if found = err == nil; errors.Is(err, chain.ErrNotRegistered) {
			a.say("%s is about to be registered: in registry %s, on chain %d as %s says, by account %s", dict.Name, address, client.ChainID(), client.URL(), signer.Address())
			_, receipt, err = reg.Register(ctx, signer, salt)
			found = errors.Is(err, chain.ErrAlreadyRegistered)
		}
		if err != nil && !found {
			return nil, err
		}
		if !found {
			a.say("registered dictionary %s", id)
		}
		result.Gas += receipt.Gas
		ref := reg.Reference(id)
		at = &ref
		dict.Anchor = &store.Anchor{Chain: strconv.FormatUint(ref.ChainID, 10), Registry: ref.Registry.Hex(), Dictionary: ref.ID.String()}
		if !found {
			if err := s.SetDictionary(ctx, dict); err != nil {
				return nil, err
			}
		}
	}
	result.Dictionary, result.Chain, result.Registry, result.Address = at.ID.String(), at.ChainID, at.Registry.Hex(), at.String()
	head, err := reg.Head(ctx, at.ID)
	if errors.Is(err, chain.ErrNotRegistered) {
		return nil, &hinted{fmt.Errorf("dictionary %s: %w", dict.Name, err), exitUnavailable, fmt.Sprintf(
			"it was registered on another chain, or on this one before it was started anew: dictnet pull %s --as NAME gives it a name that publish registers here", dict.Current.Manifest)}
	}
	if err != nil {
		return nil, err
	}
	if o.sign != "" && head.Version == dict.Current.Version {
		return nil, usageErrorf("dictnet build SAMPLE... -o "+dict.Name+" adds notes", "there is nothing to sign: this version of %s is anchored already", dict.Name)
	}
	if head.Version == dict.Current.Version {
		if !head.Manifest.Equals(dict.Current.Manifest) {
			return nil, withHint(fmt.Errorf("dictionary %s: %w: these %d notes are published with manifest %s, not %s", dict.Name, dictnet.ErrContradiction, head.Size, head.Manifest, dict.Current.Manifest),
				fmt.Sprintf("their labels differ: dictnet pull %s brings the published ones; else %s", at, anew(dict)))
		}
		if found {
			if err := s.SetDictionary(ctx, dict); err != nil {
				return nil, err
			}
		}
		result.Version, result.Block = head.Number, head.Block
		if waits(depth) {
			h, err := reg.History(ctx, at.ID)
			if err != nil {
				return nil, err
			}
			if uint64(len(h.Versions())) < head.Number { // a reorganisation took it back meanwhile
				return nil, fmt.Errorf("dictionary %s: version %d: %w", dict.Name, head.Number, chain.ErrReorged)
			}
			v := h.Versions()[head.Number-1]
			result.Block = v.Block
			// Of an old transaction a node may no longer know in which block it is.
			if deep, err := client.Block(ctx, depth); err != nil || deep.Number < v.Block {
				if err := a.confirm(ctx, reg, v.Tx, depth, result); err != nil {
					return nil, err
				}
			}
		}
		return result, a.proveTo(ctx, o, reg, at.ID, depth, result.Version)
	}
	proof, err := dictnet.NewPublisher(s).Prove(ctx, dict.Current, head.Version)
	if errors.Is(err, dictnet.ErrContradiction) {
		err = withHint(fmt.Errorf("dictionary %s: %w", dict.Name, err), fmt.Sprintf("if a later version was published, dictnet pull %s --as %s brings it here; else %s", at, dict.Name, anew(dict)))
	}
	if err == nil && found {
		err = s.SetDictionary(ctx, dict)
	}
	if err != nil {
		return nil, err
	}
	if o.sign != "" {
		result.Version, result.Signed = head.Number+1, o.sign
		return result, a.sign(ctx, reg, signer, at.ID, head, dict, proof, o)
	}
	receipt, err := reg.Publish(ctx, signer, at.ID, head.Version, dict.Current.Version, dict.Current.Manifest, proof)
	var pending *chain.PendingError
	switch {
	case errors.As(err, &pending):
		return nil, withHint(err, "it may still be mined; dictnet publish "+dict.Name+" again goes on from there")
	case errors.Is(err, chain.ErrStaleVersion):
		return nil, withHint(err, fmt.Sprintf("dictnet pull %s brings the version that won; build on that", at))
	case err != nil:
		return nil, err
	}
	result.Gas += receipt.Gas
	result.Version, result.Block, result.Transaction = head.Number+1, receipt.Block, receipt.Tx.Hex()
	if waits(depth) {
		if err := a.confirm(ctx, reg, receipt.Tx, depth, result); err != nil {
			return nil, withHint(err, "dictnet publish "+dict.Name+" again says where it stands")
		}
	}
	return result, a.proveTo(ctx, o, reg, at.ID, depth, result.Version)
}

// anew says how a dictionary gets an address of its own.
func anew(dict store.Dictionary) string {
	return fmt.Sprintf("dictnet pull %s --as NAME gives this dictionary a name that publish registers anew", dict.Current.Manifest)
}

// waits tells whether a depth asks for more than that a version is there.
func waits(depth chain.Depth) bool { return depth != chain.Latest && depth != chain.Confirmed(1) }

// confirm waits until the transaction that published a version is at a depth.
func (a *app) confirm(ctx context.Context, reg *chain.Registry, tx common.Hash, depth chain.Depth, result *publishResult) error {
	a.say("waiting for %s", depth)
	block, err := reg.Confirm(ctx, tx, depth)
	result.Block = block.Number
	return err
}

// proveTo writes the proof that was asked for, of the version that was published or found.
func (a *app) proveTo(ctx context.Context, o publishOptions, reg *chain.Registry, id chain.ID, depth chain.Depth, number uint64) error {
	if o.proof == "" {
		return nil
	}
	return a.writeProof(ctx, o.proof, reg, id, depth, number)
}
