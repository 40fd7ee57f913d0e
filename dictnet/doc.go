// Package dictnet has the roles of the dictionary network: a [Publisher] adds notes to a dictionary and
// names its versions, a [Client] reads dictionaries and believes nothing unproved, an [Auditor] looks for two facts
// that cannot both be true.
//
// It works on a store on disk (package store) and on whatever brings blocks from elsewhere ([Source];
// package ipfs has one). What it needs of a chain it asks through [Anchor]. Without a Source nothing here touches
// a network.
package dictnet

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
)

var (
	// ErrUnavailable is wrapped when something exists, for all we know, and could not be had.
	ErrUnavailable = errors.New("unavailable")
	// ErrContradiction is wrapped when two facts were seen that cannot both be true.
	ErrContradiction = errors.New("contradiction")
)

// MissingError says that a block could not be had, and who was asked. It wraps ErrUnavailable.
type MissingError struct {
	What   string // "note 17", or "block"
	CID    cid.Cid
	Asked  []string      // sources; none if the store is all there is
	Why    []string      // of each of these, why it did not give the block; "" if that is not known
	Waited time.Duration // for the block; 0 if nobody could be asked
	Cause  error         // why the last source gave up, or why the copy in the store is of no use; may be nil
}

// maxTold is how many of those who were asked an error names.
const maxTold = 8

func (e *MissingError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s) is %v: ", e.What, e.CID, ErrUnavailable)
	if len(e.Asked) == 0 {
		b.WriteString("not in the local store, and there is no peer to ask")
	} else {
		told := false
		b.WriteString("asked ")
		for i, name := range e.Asked {
			if i == maxTold {
				fmt.Fprintf(&b, " and %d others", len(e.Asked)-maxTold)
				break
			}
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name)
			if i < len(e.Why) && e.Why[i] != "" && (e.Cause == nil || len(e.Asked) > 1) {
				fmt.Fprintf(&b, " (%s)", e.Why[i])
				told = true
			}
		}
		if e.Waited > 0 {
			fmt.Fprintf(&b, " for %v", e.Waited.Round(time.Millisecond))
		}
		if told {
			return b.String() // the cause is among them
		}
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

func (e *MissingError) Unwrap() []error {
	if e.Cause == nil {
		return []error{ErrUnavailable}
	}
	return []error{ErrUnavailable, e.Cause}
}

// ContradictionError holds two claims about one thing. It wraps ErrContradiction and Err.
type ContradictionError struct {
	What    string              // what both are about: "the template's dictionary", "note 17"
	Claimed codec.DictionaryRef // what was claimed; zero if it is not about versions, and without a root if a template claims it
	Found   codec.DictionaryRef // what was found instead; likewise
	Err     error               // why they cannot both be true
}

func (e *ContradictionError) Error() string {
	return fmt.Sprintf("%v: %s: %v", ErrContradiction, e.What, e.Err)
}

func (e *ContradictionError) Unwrap() []error { return []error{ErrContradiction, e.Err} }
