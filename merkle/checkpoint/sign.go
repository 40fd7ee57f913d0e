package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sign returns the checkpoint as a message signed by each signer, in the given order. A log must never sign two
// checkpoints of which one does not extend the other.
func Sign(c Checkpoint, signers ...Signer) ([]byte, error) {
	text, err := c.Text()
	if err != nil {
		return nil, err
	}
	if len(signers) == 0 {
		return nil, errors.New("checkpoint: nobody signs")
	}
	m := &message{text: text}
	if err := m.sign(signers); err != nil {
		return nil, err
	}
	return m.encode(), nil
}

// AddSignatures returns a signed checkpoint with further signatures, as a witness makes it. Those that are there stay
// as they are, but for older ones of the same keys. It checks none: see Open.
func AddSignatures(msg []byte, signers ...Signer) ([]byte, error) {
	m, err := parseMessage(msg)
	if err != nil {
		return nil, err
	}
	if _, err := Parse(m.text); err != nil {
		return nil, err
	}
	for _, s := range signers {
		m.signatures = slices.DeleteFunc(m.signatures, func(old signature) bool { return old.by(s.Name(), s.KeyHash()) })
	}
	if err := m.sign(signers); err != nil {
		return nil, err
	}
	return m.encode(), nil
}

func (m *message) sign(signers []Signer) error {
	for _, s := range signers {
		if err := checkName(s.Name()); err != nil {
			return err
		}
		for _, old := range m.signatures {
			if old.by(s.Name(), s.KeyHash()) {
				return fmt.Errorf("key %s+%08x signs twice", s.Name(), s.KeyHash())
			}
		}
		sig, err := s.Sign(bytes.Clone(m.text))
		if err != nil {
			return fmt.Errorf("sign as %s: %w", s.Name(), err)
		}
		m.signatures = append(m.signatures, signature{s.Name(), s.KeyHash(), sig})
	}
	if len(m.signatures) > maxSignatures {
		return fmt.Errorf("signed message has more than %d signatures", maxSignatures)
	}
	return nil
}

// by reports whether the signature says it is of the given key.
func (s signature) by(name string, id uint32) bool { return s.name == name && s.id == id }

// A Signed is a checkpoint whose signatures have been checked.
type Signed struct {
	Checkpoint
	Cosignatures []Cosignature // by witnesses that the caller knows, in the order of the message, one for each
}

// A Cosignature says which witness has seen the checkpoint.
type Cosignature struct {
	Name    string
	KeyHash uint32
	Time    time.Time // as the witness states; zero if its kind of signature has none
}

// A SignatureError is a message with a signature that a known key did not make, whole, so that somebody else can check
// it.
type SignatureError struct {
	Message []byte
	Name    string
	KeyHash uint32
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("signature by %s+%08x is not valid", e.Name, e.KeyHash)
}

// ErrNotSigned is that a message has no signature by the log.
var ErrNotSigned = errors.New("checkpoint is not signed by the log")

// Open returns the checkpoint in a message, if it is of the log with the given origin, and signed by it. Signatures of
// witnesses are checked too; how many there must be is for the caller to say. A signature that a known key did not make
// spoils the message; signatures of unknown keys are passed over.
func Open(msg []byte, origin string, log Verifier, witnesses ...Verifier) (*Signed, error) {
	m, err := parseMessage(msg)
	if err != nil {
		return nil, err
	}
	known := append([]Verifier{log}, witnesses...)
	for i, a := range known {
		for _, b := range known[:i] {
			if a.Name() == b.Name() && a.KeyHash() == b.KeyHash() {
				return nil, fmt.Errorf("key %s+%08x is given twice", a.Name(), a.KeyHash())
			}
		}
	}
	var byLog bool
	var seen []Cosignature
	for _, s := range m.signatures {
		i := slices.IndexFunc(known, func(v Verifier) bool { return s.by(v.Name(), v.KeyHash()) })
		if i < 0 {
			continue
		}
		if !known[i].Verify(m.text, s.sig) {
			return nil, &SignatureError{msg, s.name, s.id}
		}
		if i == 0 {
			byLog = true
			continue
		}
		if slices.ContainsFunc(seen, func(c Cosignature) bool { return s.by(c.Name, c.KeyHash) }) {
			continue
		}
		c := Cosignature{Name: s.name, KeyHash: s.id}
		if k, ok := known[i].(*PublicKey); ok && k.kind == Witness {
			at, _, _ := cutTime(s.sig)
			c.Time = time.Unix(at, 0).UTC()
		}
		seen = append(seen, c)
	}
	if !byLog {
		return nil, fmt.Errorf("%w %s+%08x", ErrNotSigned, log.Name(), log.KeyHash())
	}
	c, err := Parse(m.text)
	if err != nil {
		return nil, err
	}
	if c.Origin != origin {
		return nil, fmt.Errorf("checkpoint is of %q, not of %q", abbreviate(c.Origin), abbreviate(origin))
	}
	return &Signed{c, seen}, nil
}
