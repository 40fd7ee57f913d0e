package car

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/ipfs/go-cid"
	format "github.com/ipfs/go-ipld-format"
	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

// File reads single blocks of a CAR where it lies. It is a dictnet.Source, so a dictionary in a file can be used
// without importing it, and a manifest.Getter. It is safe for concurrent use.
type File struct {
	name string
	root cid.Cid
	r    io.ReaderAt
	car  storage.ReadableCar
}

var (
	_ dictnet.Source = (*File)(nil)
	_ dictnet.Prober = (*File)(nil)
)

// Open reads where the blocks of a CAR are, once, and no block. name is for messages. The caller keeps r open.
func Open(r io.ReaderAt, name string) (*File, error) {
	car, err := openBlocks(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", name, ErrFormat, err)
	}
	root, err := rootOf(car.Roots())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &File{name: name, root: root, r: r, car: car}, nil
}

// openBlocks goes through the blocks of a CAR to find them. The index that a CARv2 may have is left alone: nobody vouches for it, and one that says it is huge
// makes go-car panic.
func openBlocks(r io.ReaderAt) (storage.ReadableCar, error) {
	file, err := carv2.NewReader(r, limits...)
	if err != nil {
		return nil, err
	}
	blocks, err := file.DataReader()
	if err != nil {
		return nil, err
	}
	version, err := carv2.ReadVersion(io.NewSectionReader(blocks, 0, math.MaxInt64), limits...)
	if err != nil {
		return nil, err
	}
	if version != 1 {
		return nil, fmt.Errorf("the blocks are in a CARv%d", version)
	}
	return storage.OpenReadable(blocks, limits...)
}

// Root returns the manifest.
func (f *File) Root() cid.Cid { return f.root }

// Check reads the file to its end: every block has the bytes of its name, and none is cut short. Whether these are all blocks of the
// dictionary is not asked.
func (f *File) Check(ctx context.Context) error {
	in, err := carv2.NewBlockReader(bufio.NewReaderSize(io.NewSectionReader(f.r, 0, math.MaxInt64), 1<<20), limits...)
	for n := uint64(0); err == nil; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err = in.Next(); err == io.EOF {
			return nil
		}
		if err != nil {
			err = fmt.Errorf("block %d: %w", n+1, err)
		}
	}
	return fmt.Errorf("%w: %v", ErrFormat, err)
}

// Sizes says how long each block is that a file of size bytes has. The blocks are not read.
func (f *File) Sizes(ctx context.Context, size int64) (map[cid.Cid]uint64, error) {
	in, err := carv2.NewBlockReader(io.NewSectionReader(f.r, 0, size), limits...)
	sizes := make(map[cid.Cid]uint64)
	for err == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var b *carv2.BlockMetadata
		if b, err = in.SkipNext(); err == io.EOF {
			return sizes, nil
		}
		if err == nil {
			sizes[b.Cid] = b.Size
		} else {
			err = fmt.Errorf("block %d: %w", len(sizes)+1, err)
		}
	}
	return nil, fmt.Errorf("%w: %v", ErrFormat, err)
}

// Get returns a block as it stands in the file, unchecked. The error wraps store.ErrMissing if there is none.
func (f *File) Get(ctx context.Context, c cid.Cid) ([]byte, error) {
	data, err := f.car.Get(ctx, c.KeyString())
	var missing interface{ NotFound() bool }
	if errors.As(err, &missing) && missing.NotFound() || format.IsNotFound(err) {
		return nil, fmt.Errorf("block %s of %s: %w", c, f.name, store.ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("block %s of %s: %w: %v", c, f.name, ErrFormat, err)
	}
	return data, nil
}

// Name names the file.
func (f *File) Name() string { return "file " + f.name }

// Open starts a session, of which there is nothing to keep.
func (f *File) Open(context.Context) (dictnet.Session, error) { return f, nil }

// Fetch reads the blocks that are in the file.
func (f *File) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	for _, c := range want {
		if err := ctx.Err(); err != nil {
			return err
		}
		if data, err := f.Get(ctx, c); err == nil {
			got(c, data)
		}
	}
	return nil
}

// Probe says which blocks are in the file.
func (f *File) Probe(ctx context.Context, want []cid.Cid, have func(cid.Cid, string)) error {
	for _, c := range want {
		if err := ctx.Err(); err != nil {
			return err
		}
		if there, err := f.car.Has(ctx, c.KeyString()); err == nil && there {
			have(c, f.Name())
		}
	}
	return nil
}
