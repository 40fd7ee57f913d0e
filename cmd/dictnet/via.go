//go:build !front

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/ipfs/go-cid"
	"github.com/spf13/cobra"

	"dictnet/dictnet/car"
	"dictnet/dictnet/ipfs"
	"dictnet/dictnet/kubo"
	"dictnet/dictnet/pinning"
	"dictnet/dictnet/store"
)

// handover says to whom a version is given besides being served from here.
type handover struct {
	via       []string
	tokenFile string
	car       string
	ipns      bool

	kubos    []*kubo.Node
	services []*pinning.Service
}

func (h *handover) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&h.via, "via", nil, "have it pinned by others, too: kubo://HOST:5001 for a Kubo node by its RPC, https://... for a pinning service; may be repeated")
	c.Flags().StringVar(&h.tokenFile, "pinning-token-file", "", "file that holds the access token of the pinning services")
	c.Flags().StringVar(&h.car, "car", "", "write the dictionary to this CAR file; - is stdout")
	c.Flags().BoolVar(&h.ipns, "ipns", false, "make this node's IPNS name stand for it, in the DHT that the peers are part of")
}

// check reads the flags, before anything is done.
func (h *handover) check() error {
	var token string
	if h.tokenFile != "" {
		text, err := os.ReadFile(h.tokenFile)
		if err != nil {
			return inputError(err)
		}
		token = strings.TrimSpace(string(text))
	}
	for _, v := range h.via {
		var err error
		if strings.HasPrefix(v, "kubo:") {
			var k *kubo.Node
			k, err = kubo.New(v)
			h.kubos = append(h.kubos, k)
		} else {
			var s *pinning.Service
			s, err = pinning.New(v, token)
			h.services = append(h.services, s)
		}
		if err != nil {
			return usageErrorf("as kubo://127.0.0.1:5001, or the https:// address of a pinning service", "--via: %w", err)
		}
	}
	return nil
}

// pin writes the CAR, and has the version pinned by everybody who is named. A pinning service fetches the notes from
// a node that runs here until it has them.
func (a *app) pin(ctx context.Context, s *store.Store, dict store.Dictionary, h *handover, nf nodeFlags) error {
	m := dict.Current.Manifest
	if h.car != "" {
		if err := a.exportCAR(ctx, s, m, h.car); err != nil {
			return err
		}
	}
	for _, k := range h.kubos {
		defer k.Close()
		if err := a.pinOnKubo(ctx, s, dict, k); err != nil {
			return err
		}
		a.say("pinned by %s", k.Name())
	}
	if len(h.services) == 0 {
		return nil
	}
	n, err := a.startNode(s, nf)
	if err != nil {
		return err
	}
	defer n.Close()
	for _, service := range h.services {
		a.say("%s is asked to fetch from %s", service.Name(), strings.Join(n.Addrs(), ", "))
		_, err := service.Pin(ctx, m, dict.Name, n.Addrs(), func(st pinning.Status) {
			a.say("%s: %s", service.Name(), st.Status)
			if err := n.Call(ctx, st.Delegates...); err != nil {
				a.log.Info("call the service's nodes", "error", err)
			}
		})
		if err != nil {
			return withHint(err, "dictnet publish again asks again; the service fetches from this node, so it must be able to call it, or be called")
		}
	}
	return nil
}

// pinOnKubo gives a node what it has not and has it pinned.
func (a *app) pinOnKubo(ctx context.Context, s *store.Store, dict store.Dictionary, k *kubo.Node) error {
	there, err := k.Has(ctx, dict.Current.Manifest)
	if err != nil || there {
		return err
	}
	base := cid.Undef // the latest version that it has
	for _, old := range slices.Backward(dict.Lineage) {
		if there, err := k.Has(ctx, old.Manifest); err != nil {
			return err
		} else if there {
			base = old.Manifest
			break
		}
	}
	bar := a.progress("give to "+k.Name(), -1)
	defer bar.end()
	err = k.Import(ctx, func(w io.Writer) error {
		return car.ExportSince(ctx, &counted{w: w, bar: bar}, s, base, dict.Current.Manifest, nil)
	})
	if err != nil {
		return err
	}
	return k.Pin(ctx, dict.Current.Manifest, dict.Name)
}

// counted tells a bar how much was written.
type counted struct {
	w    io.Writer
	bar  *progress
	done int64 // bytes
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.done += int64(n)
	c.bar.set(c.done)
	return n, err
}

// startNode starts a node with the identity of the store, for as long as a verb runs.
func (a *app) startNode(s *store.Store, nf nodeFlags) (*ipfs.Node, error) {
	if err := nf.check(); err != nil {
		return nil, err
	}
	o, err := nf.options(s)
	if err != nil {
		return nil, err
	}
	if o.Key, err = ipfs.LoadKey(s); err != nil {
		return nil, err
	}
	n, err := ipfs.Start(o)
	return n, withHint(err, "--listen /ip4/127.0.0.1/tcp/0 takes any free port")
}

// point makes this node's IPNS name stand for a version.
func (a *app) point(ctx context.Context, s *store.Store, dict store.Dictionary, nf nodeFlags) (string, error) {
	nf.dht = true
	n, err := a.startNode(s, nf)
	if err != nil {
		return "", err
	}
	defer n.Close()
	if err := n.Connect(ctx); err != nil {
		return "", &hinted{fmt.Errorf("publish IPNS name: %w", err), exitUnavailable, "--peer names a node of the DHT"}
	}
	p, err := n.Point(ctx, dict.Current.Manifest)
	if err == nil {
		err = n.Announce(ctx, dict.Current.Manifest)
	}
	if err != nil && !errors.Is(err, store.ErrStorage) && exitCode(err) == exitFailure {
		err = &hinted{err, exitUnavailable, "--peer names a node of the DHT"}
	}
	return "/ipns/" + p.Name, err
}
