package codec

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

// keptRuns keeps runs of bytes of a tape that took long to make: in memory, and when there are many in a temporary file, which goes with it. The zero value is
// empty. It is safe for concurrent use.
type keptRuns struct {
	mu   sync.Mutex
	runs []keptRun // by start
	raw  spool
}

type keptRun struct {
	start uint64
	len   int
	at    int64 // in the spool
}

// add keeps a run that begins at start, unless it is kept.
func (k *keptRuns) add(start uint64, raw []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	i, found := k.search(start)
	if found {
		return nil
	}
	at := k.raw.size
	if _, err := k.raw.Write(raw); err != nil {
		return err
	}
	k.runs = slices.Insert(k.runs, i, keptRun{start, len(raw), at})
	return nil
}

func (k *keptRuns) close() error { return k.raw.Close() }

// size returns how many bytes are kept.
func (k *keptRuns) size() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.raw.size
}

// at returns the run that holds pos, and where it begins; nil if none does.
func (k *keptRuns) at(pos uint64) (start uint64, raw []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.find(pos)
	if !ok {
		return 0, nil, nil
	}
	raw, err = k.bytes(r.at, uint64(r.len))
	return r.start, raw, err
}

// read returns up to n bytes, at least one, from pos on, of the run that holds it; nil if none does.
func (k *keptRuns) read(pos, n uint64) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.find(pos)
	if !ok {
		return nil, nil
	}
	skip := pos - r.start
	return k.bytes(r.at+int64(skip), min(n, uint64(r.len)-skip))
}

// peek returns where the run ends that holds pos.
func (k *keptRuns) peek(pos uint64) (end uint64, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, ok := k.find(pos)
	return r.start + uint64(r.len), ok
}

func (k *keptRuns) bytes(at int64, n uint64) ([]byte, error) {
	raw := make([]byte, n)
	if _, err := k.raw.ReadAt(raw, at); err != nil {
		return nil, fmt.Errorf("read back what was kept: %w", err)
	}
	return raw, nil
}

// find returns the run that holds pos.
func (k *keptRuns) find(pos uint64) (keptRun, bool) {
	i, found := k.search(pos)
	if !found {
		i--
	}
	if i < 0 || pos-k.runs[i].start >= uint64(k.runs[i].len) {
		return keptRun{}, false
	}
	return k.runs[i], true
}

func (k *keptRuns) search(start uint64) (int, bool) {
	return slices.BinarySearchFunc(k.runs, start, func(r keptRun, start uint64) int { return cmp.Compare(r.start, start) })
}
