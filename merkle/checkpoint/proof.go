package checkpoint

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"dictnet/merkle"
)

// A Proof shows that a leaf is in the tree of a signed checkpoint, in one file that needs no network (C2SP tlog-proof).
// Its text form:
//
//	c2sp.org/tlog-proof@v1
//	extra BASE64                  only if there is extra data
//	index 73894
//	BASE64                        a line for each hash, from the leaf's sibling upwards
//
//	the signed checkpoint
type Proof struct {
	Extra      []byte        // for whoever uses the proof; nobody vouches for it
	Index      uint64        // of the leaf
	Hashes     []merkle.Hash // inclusion proof, at most 64
	Checkpoint []byte        // signed message
}

const (
	proofTitle = "c2sp.org/tlog-proof@v1"
	maxHashes  = 64 // in a tree of less than 2^64 leaves
)

// MarshalText gives the text form.
func (p *Proof) MarshalText() ([]byte, error) {
	if len(p.Hashes) > maxHashes {
		return nil, fmt.Errorf("log proof: %d hashes are more than %d", len(p.Hashes), maxHashes)
	}
	if _, err := parseMessage(p.Checkpoint); err != nil {
		return nil, fmt.Errorf("log proof: %w", err)
	}
	text := []byte(proofTitle + "\n")
	if len(p.Extra) > 0 {
		text = fmt.Appendf(text, "extra %s\n", base64.StdEncoding.EncodeToString(p.Extra))
	}
	text = fmt.Appendf(text, "index %d\n", p.Index)
	for _, h := range p.Hashes {
		text = fmt.Appendf(text, "%s\n", base64.StdEncoding.EncodeToString(h[:]))
	}
	text = append(text, '\n')
	return append(text, p.Checkpoint...), nil
}

// UnmarshalText reads just what MarshalText writes. That the proof has the right shape does not make it true: see
// Check. On an error p is unchanged.
func (p *Proof) UnmarshalText(text []byte) error {
	head, msg, ok := bytes.Cut(text, []byte("\n\n"))
	if !ok {
		return errors.New("log proof: has no empty line before its checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	number := 1 // of lines[0]
	next := func() (line string) {
		line, lines = lines[0], lines[1:]
		number++
		return line
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("log proof, line %d: %w", number-1, fmt.Errorf(format, args...))
	}
	if line := next(); line != proofTitle {
		return fail("%q is not %q", abbreviate(line), proofTitle)
	}
	q := Proof{Checkpoint: bytes.Clone(msg)}
	var err error
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		q.Extra, err = parseBase64(strings.TrimPrefix(next(), "extra "))
		if err != nil || len(q.Extra) == 0 {
			return fail("extra data is not base64, or empty")
		}
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		number++
		return fail("the index is missing")
	}
	if q.Index, err = parseNumber(strings.TrimPrefix(next(), "index ")); err != nil {
		return fail("%w", err)
	}
	if len(lines) > maxHashes {
		return fail("%d hashes follow, more than %d", len(lines), maxHashes)
	}
	for len(lines) > 0 {
		h, err := parseHash(next())
		if err != nil {
			return fail("%w", err)
		}
		q.Hashes = append(q.Hashes, h)
	}
	if _, err := parseMessage(q.Checkpoint); err != nil {
		return fmt.Errorf("log proof: %w", err)
	}
	*p = q
	return nil
}

// Check returns the checkpoint if [Open] accepts it and it has leafHash at the proof's index.
func (p *Proof) Check(leafHash merkle.Hash, origin string, log Verifier, witnesses ...Verifier) (*Signed, error) {
	signed, err := Open(p.Checkpoint, origin, log, witnesses...)
	if err != nil {
		return nil, err
	}
	if err := merkle.CheckInclusion(signed.Version, p.Index, leafHash, p.Hashes); err != nil {
		return nil, err
	}
	return signed, nil
}
