package ipfs

import (
	"context"
	"strings"
	"sync"

	"github.com/ipfs/go-datastore"
	"github.com/ipfs/go-datastore/query"
)

// dhtRecords is what a node keeps for a DHT that it serves: who has what, and what names stand for, as others tell it. It is in memory and has a limit: beyond,
// any record gives way to a new one, so that nobody can fill it for good.
type dhtRecords struct {
	mu    sync.Mutex
	all   map[datastore.Key][]byte
	bytes int
}

const (
	maxDHTRecords = 16 << 20 // bytes
	besideRecord  = 100      // bytes that one takes beside its key and value
)

var _ datastore.Batching = (*dhtRecords)(nil)

func newDHTRecords() *dhtRecords { return &dhtRecords{all: make(map[datastore.Key][]byte)} }

func (r *dhtRecords) Put(_ context.Context, key datastore.Key, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(key)
	r.all[key] = value
	r.bytes += len(key.String()) + len(value) + besideRecord
	for other := range r.all { // in an order that nobody knows
		if r.bytes <= maxDHTRecords {
			break
		}
		if other != key {
			r.remove(other)
		}
	}
	return nil
}

// remove removes a record if it is there. r.mu is held.
func (r *dhtRecords) remove(key datastore.Key) {
	if value, ok := r.all[key]; ok {
		delete(r.all, key)
		r.bytes -= len(key.String()) + len(value) + besideRecord
	}
}

func (r *dhtRecords) Delete(_ context.Context, key datastore.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(key)
	return nil
}

func (r *dhtRecords) Get(_ context.Context, key datastore.Key) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if value, ok := r.all[key]; ok {
		return value, nil
	}
	return nil, datastore.ErrNotFound
}

func (r *dhtRecords) Has(ctx context.Context, key datastore.Key) (bool, error) {
	return datastore.GetBackedHas(ctx, r, key)
}

func (r *dhtRecords) GetSize(ctx context.Context, key datastore.Key) (int, error) {
	return datastore.GetBackedSize(ctx, r, key)
}

func (r *dhtRecords) Query(_ context.Context, q query.Query) (query.Results, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	below := strings.TrimSuffix(q.Prefix, "/") + "/"
	var found []query.Entry // those that nobody asks for are many
	for key, value := range r.all {
		if strings.HasPrefix(key.String(), below) {
			found = append(found, query.Entry{Key: key.String(), Value: value, Size: len(value)})
		}
	}
	return query.NaiveQueryApply(q, query.ResultsWithEntries(q, found)), nil
}

func (r *dhtRecords) Batch(context.Context) (datastore.Batch, error) {
	return datastore.NewBasicBatch(r), nil
}

func (r *dhtRecords) Sync(context.Context, datastore.Key) error { return nil }
func (r *dhtRecords) Close() error                              { return nil }
