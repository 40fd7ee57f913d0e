//go:build !front

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet"
	"dictnet/dictnet/ipfs"
)

// checkIPNS reports what is wrong with an IPNS name.
func checkIPNS(name string) error {
	if err := ipfs.CheckName(name); err != nil {
		return usageErrorf("dictnet publish --ipns prints it", "%w", err)
	}
	return nil
}

// nameSource is what a source may offer besides: the signed record of an IPNS name, unchecked.
type nameSource interface {
	Record(ctx context.Context, name string) ([]byte, error)
}

// resolve looks up what an IPNS name stands for, and believes the latest record that its key has signed.
func resolve(ctx context.Context, name string, sources []dictnet.Source) (cid.Cid, error) {
	var best ipfs.Pointer
	var failed error
	for _, s := range sources {
		ns, ok := s.(nameSource)
		if !ok {
			continue
		}
		record, err := ns.Record(ctx, name)
		var p ipfs.Pointer
		if err == nil {
			p, err = ipfs.OpenRecord(name, record)
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", s.Name(), err))
			continue
		}
		if !best.Manifest.Defined() || p.Later(best) {
			best = p
		}
	}
	switch {
	case best.Manifest.Defined():
		return best.Manifest, nil
	case ctx.Err() != nil:
		return cid.Undef, ctx.Err()
	case failed == nil:
		return cid.Undef, usageErrorf("--dht with a --peer looks it up, or a --gateway does", "there is nobody to ask for IPNS name %s", name)
	}
	return cid.Undef, &hinted{fmt.Errorf("IPNS name %s is %w: %w", name, dictnet.ErrUnavailable, failed), exitUnavailable, "is it published, and has its publisher been seen within two days?"}
}
