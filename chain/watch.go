package chain

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Watch calls f with the history of a dictionary as it is at a depth: now, and again whenever it has changed, until the
// context or f ends it. It looks as often as interval says. What f was called with stays true unless a reorganisation
// takes blocks back that were at that depth: then the error wraps ErrReorged.
//
// A node that does not answer for a while is no reason to end; f gets its errors as they come, and may return them.
func (r *Registry) Watch(ctx context.Context, id ID, d Depth, interval time.Duration, f func(*History, error) error) error {
	var last *History
	for {
		h, _, err := r.HistoryAt(ctx, id, d)
		if errors.Is(err, ErrReorged) { // while it was read: look again, whether what f knows is still true
			h, _, err = r.HistoryAt(ctx, id, d)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if err := f(nil, err); err != nil {
				return err
			}
		case last != nil && !h.extends(last):
			return fmt.Errorf("chain %s: dictionary %s: %w: its history no longer begins with the one that was there", r.client.name, id, ErrReorged)
		case last == nil || h.Head != last.Head:
			last = h
			if err := f(h, nil); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interval):
		}
	}
}

// extends tells whether a history begins with all of an older one. Both have been checked, so their hashes decide.
func (h *History) extends(old *History) bool {
	if len(h.Entries) < len(old.Entries) {
		return false
	}
	prefix := &History{Head: old.Head, Entries: h.Entries[:len(old.Entries)]}
	return len(old.Entries) == 0 || prefix.Check() == nil
}
