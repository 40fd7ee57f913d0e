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

// at returns the run that holds pos, and where it begins; nil if none does.
func (k *keptRuns) at(pos uint64) (start uint64, raw []byte, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i, found := k.search(pos)
	if !found {
		i--
	}
	if i < 0 || pos-k.runs[i].start >= uint64(k.runs[i].len) {
		return 0, nil, nil
	}
	r := k.runs[i]
	raw = make([]byte, r.len)
	if _, err := k.raw.ReadAt(raw, r.at); err != nil {
		return 0, nil, fmt.Errorf("read back what was kept: %w", err)
	}
	return r.start, raw, nil
}

func (k *keptRuns) search(start uint64) (int, bool) {
	return slices.BinarySearchFunc(k.runs, start, func(r keptRun, start uint64) int { return cmp.Compare(r.start, start) })
}
