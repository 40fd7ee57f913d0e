package merkle

import (
	"fmt"
)

// An InclusionProof is an inclusion proof as it travels: with the version and the leaves it speaks of. It has a text
// and a binary form, each with one encoding for one proof; see [InclusionProof.MarshalText] and
// [InclusionProof.MarshalBinary]. The leaf hashes are not in it, because whoever checks it computes them from the
// leaves in hand.
type InclusionProof struct {
	Version Version // as stated by whoever made the proof
	Leaves  []Run   // ascending, not touching; see Runs
	Hashes  []Hash  // as ProveLeaves gives them; for one leaf, the path of RFC 9162, section 2.1.3.1
}

// Check returns nil if the proof shows that leafHashes are its leaves, in ascending order, in the version that the
// caller trusts.
func (p *InclusionProof) Check(trusted Version, leafHashes ...Hash) error {
	if p.Version != trusted {
		return &InclusionError{trusted, p.Leaves, leafHashes, p.Hashes, fmt.Errorf("the proof is for version %s", p.Version)}
	}
	return CheckLeaves(trusted, p.Leaves, leafHashes, p.Hashes)
}

// validate refuses what no check could accept, whatever the hashes are.
func (p *InclusionProof) validate() error {
	if _, err := countLeaves(p.Leaves, p.Version.Size); err != nil {
		return err
	}
	if want := leavesLen(p.Leaves, p.Version.Size); len(p.Hashes) != want {
		return fmt.Errorf("has %d hashes, want %d", len(p.Hashes), want)
	}
	return nil
}

// A ConsistencyProof is a consistency proof as it travels: with the two versions it speaks of. It has a text and a
// binary form, each with one encoding for one proof; see [ConsistencyProof.MarshalText] and
// [ConsistencyProof.MarshalBinary].
type ConsistencyProof struct {
	Old, New Version // as stated by whoever made the proof
	Hashes   []Hash  // RFC 9162, section 2.1.4.1; empty from size 0 and between equal sizes
}

// Check returns nil if the proof shows that version new extends version old, where the caller trusts that both were
// published.
func (p *ConsistencyProof) Check(old, new Version) error {
	if p.Old != old || p.New != new {
		return &ConsistencyError{old, new, p.Hashes, fmt.Errorf("the proof is for versions %s and %s", p.Old, p.New)}
	}
	return CheckConsistency(old, new, p.Hashes)
}

// validate refuses what no check could accept, whatever the hashes are.
func (p *ConsistencyProof) validate() error {
	if p.Old.Size > p.New.Size {
		return fmt.Errorf("the old size %d is larger than the new size %d", p.Old.Size, p.New.Size)
	}
	if err := p.Old.check(); err != nil {
		return err
	}
	if err := p.New.check(); err != nil {
		return err
	}
	if want := consistencyLen(p.Old.Size, p.New.Size); len(p.Hashes) != want {
		return fmt.Errorf("has %d hashes, want %d", len(p.Hashes), want)
	}
	return nil
}
