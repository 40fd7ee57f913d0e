package store

import (
	"context"
	"os"
	"path/filepath"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
	"github.com/ipfs/go-ds-flatfs"
)

// readFiles reads the folder of a flatfs that another process may have open. flatfs itself cannot: opening
// it deletes the files that the other is just writing.
type readFiles struct{ dir string }

var shard = flatfs.NextToLast(2).Func()

func (r readFiles) path(k datastore.Key) string {
	name := k.String()[1:]
	return filepath.Join(r.dir, shard(name), name+".data")
}

func (r readFiles) Get(_ context.Context, k datastore.Key) ([]byte, error) {
	b, err := os.ReadFile(r.path(k))
	if notExist(err) {
		return nil, datastore.ErrNotFound
	}
	return b, err
}

func (r readFiles) GetSize(_ context.Context, k datastore.Key) (int, error) {
	info, err := os.Stat(r.path(k))
	if notExist(err) {
		return -1, datastore.ErrNotFound
	}
	if err != nil {
		return -1, err
	}
	return int(info.Size()), nil
}

func (r readFiles) Has(ctx context.Context, k datastore.Key) (bool, error) {
	_, err := r.GetSize(ctx, k)
	if err == datastore.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// Query lists the keys; values, filters and orders are not supported, and the blockstore asks for none.
func (r readFiles) Query(_ context.Context, q query.Query) (query.Results, error) {
	names, err := filepath.Glob(filepath.Join(r.dir, "*", "*.data"))
	if err != nil {
		return nil, err
	}
	var found []query.Entry
	for _, name := range names {
		base := filepath.Base(name)
		found = append(found, query.Entry{Key: "/" + base[:len(base)-len(".data")]})
	}
	return query.ResultsWithEntries(q, found), nil
}

func (readFiles) Put(context.Context, datastore.Key, []byte) error { return ErrReadOnly }
func (readFiles) Delete(context.Context, datastore.Key) error      { return ErrReadOnly }
func (readFiles) Batch(context.Context) (datastore.Batch, error)   { return nil, ErrReadOnly }
func (readFiles) Sync(context.Context, datastore.Key) error        { return nil }
func (readFiles) Close() error                                     { return nil }
