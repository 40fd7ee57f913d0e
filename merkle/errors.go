package merkle

import (
	"errors"
	"fmt"
)

// ErrProof is what every refused proof is, by errors.Is: it does not show what it claims. Whoever gave it made a
// mistake or lies.
var ErrProof = errors.New("proof refused")

// A RootError says that hashes do not lead to the root of the version they were given for.
type RootError struct {
	Want Version // the version they should prove
	Got  Hash    // the root they lead to
}

func (e *RootError) Error() string {
	return fmt.Sprintf("hashes lead to root %s, not to that of version %s", e.Got, e.Want)
}

// Is makes a RootError an ErrProof.
func (e *RootError) Is(target error) bool { return target == ErrProof }

// An InclusionError is an inclusion proof that was refused, whole, so that somebody else can check it.
type InclusionError struct {
	Version    Version
	Leaves     []Run
	LeafHashes []Hash // said to be the hashes of Leaves, in order
	Proof      []Hash
	Reason     error
}

func (e *InclusionError) Error() string {
	return fmt.Sprintf("leaves %s of version %s: %v", summary(e.Leaves), e.Version, e.Reason)
}

func (e *InclusionError) Unwrap() error { return e.Reason }

// Is makes an InclusionError an ErrProof.
func (e *InclusionError) Is(target error) bool { return target == ErrProof }

// A ConsistencyError is a consistency proof that was refused, whole, so that somebody else can check it.
type ConsistencyError struct {
	Old, New Version
	Proof    []Hash
	Reason   error
}

func (e *ConsistencyError) Error() string {
	return fmt.Sprintf("version %s does not extend version %s: %v", e.New, e.Old, e.Reason)
}

func (e *ConsistencyError) Unwrap() error { return e.Reason }

// Is makes a ConsistencyError an ErrProof.
func (e *ConsistencyError) Is(target error) bool { return target == ErrProof }
