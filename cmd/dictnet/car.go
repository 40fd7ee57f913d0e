package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/car"
	"dictnet/dictnet/store"
)

// importCAR brings the dictionary of a CAR file into a store.
func (a *app) importCAR(ctx context.Context, s *store.Store, path string) (codec.DictionaryRef, error) {
	in, err := a.open(ctx, path)
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	defer in.close()
	ref, err := car.Import(ctx, in, s, nil)
	if err != nil {
		return ref, fmt.Errorf("dictionary %s: %w", path, err)
	}
	return ref, nil
}

// exportCAR writes a dictionary to a CAR file.
func (a *app) exportCAR(ctx context.Context, s *store.Store, manifest cid.Cid, path string) error {
	out, err := a.create(ctx, path)
	if err != nil {
		return err
	}
	defer out.abandon()
	if err := car.Export(ctx, stoppable(ctx, out), s, manifest, nil); err != nil {
		return out.written(fmt.Errorf("dictionary %s: %w", manifest, err))
	}
	return out.commit()
}

// carFile is a dictionary that is read where it lies.
type carFile struct {
	*car.File
	f *os.File
}

func (c *carFile) Close() error { return c.f.Close() }

// openCAR opens the dictionary of a CAR file, which is not copied. The caller closes it.
func (a *app) openCAR(path string) (*carFile, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, withHint(inputError(err), "a dictionary that ends in .car is a file")
		}
		return nil, inputError(err)
	}
	c, err := car.Open(f, path)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("dictionary %s: %w", path, err)
	}
	return &carFile{c, f}, nil
}
