package chain

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrAgain is wrapped by what f returns to Watch to be called again, later, though nothing has changed.
var ErrAgain = errors.New("to be looked at again")

// longestPause is how many intervals Watch waits at most, where it waits longer each time.
const longestPause = 16

// Watch calls f with the history of a dictionary as it is at a depth: now, and again whenever it has changed, until the
// context or f ends it. It looks as often as interval says. What f was called with stays true unless a reorganisation
// takes blocks back that were at that depth: then the error wraps ErrReorged.
//
// A node that does not answer for a while is no reason to end; f gets its errors as they come, each once as long as it is the same, and may return them. As long as there
// are errors, or f returns one that wraps ErrAgain, each pause is twice as long as the one before, up to 16 intervals.
func (r *Registry) Watch(ctx context.Context, id ID, d Depth, interval time.Duration, f func(*History, error) error) error {
	var last *History
	var told string // the error, as long as it is the same
	again, pause := false, interval
	for {
		h, _, err := r.HistoryAt(ctx, id, d)
		if errors.Is(err, ErrReorged) { // while it was read: look again, whether what f knows is still true
			h, _, err = r.HistoryAt(ctx, id, d)
		}
		failed := err != nil
		if !failed {
			told = ""
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case failed:
			if text := err.Error(); text != told {
				told = text
				if err := f(nil, err); err != nil && !errors.Is(err, ErrAgain) {
					return err
				}
			}
		case last != nil && !h.extends(last):
			return fmt.Errorf("chain %s: dictionary %s: %w: its history no longer begins with the one that was there", r.client.name, id, ErrReorged)
		case last == nil || again || h.Head != last.Head:
			last = h
			err := f(h, nil)
			if again = errors.Is(err, ErrAgain); err != nil && !again {
				return err
			}
			failed = again
		}
		wait := interval
		if failed {
			wait, pause = pause, min(2*pause, longestPause*interval)
		} else {
			pause = interval
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
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
