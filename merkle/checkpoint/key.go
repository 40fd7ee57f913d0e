package checkpoint

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Signer signs messages with one key. It has the methods of the Signer of golang.org/x/mod/sumdb/note, so that each
// serves as the other.
type Signer interface {
	Name() string    // of the key, such as "dictionaries.example/typescript"
	KeyHash() uint32 // the key ID
	Sign(text []byte) ([]byte, error)
}

// A Verifier checks signatures of one key. It has the methods of the Verifier of golang.org/x/mod/sumdb/note, so that
// each serves as the other.
type Verifier interface {
	Name() string
	KeyHash() uint32
	Verify(text, sig []byte) bool
}

// A Kind is what sort of signature a key makes (C2SP signed-note, "Signature types").
type Kind byte

const (
	Log     Kind = 1 // Ed25519 over the text: what a log signs its checkpoints with
	Witness Kind = 4 // Ed25519 over the time and the text: what a witness adds (C2SP tlog-cosignature)
)

// keyID returns the first four bytes of SHA-256(name || 0x0A || kind || public key), big-endian.
func keyID(name string, kind Kind, key ed25519.PublicKey) uint32 {
	b := append([]byte(name), '\n', byte(kind))
	sum := sha256.Sum256(append(b, key...))
	return binary.BigEndian.Uint32(sum[:])
}

// A PublicKey checks the signatures of a log or a witness. It implements [Verifier].
type PublicKey struct {
	name string
	kind Kind
	key  ed25519.PublicKey
}

// NewPublicKey returns the key of the given name and kind.
func NewPublicKey(name string, kind Kind, key ed25519.PublicKey) (*PublicKey, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if kind != Log && kind != Witness {
		return nil, fmt.Errorf("key %s: unknown kind %d", name, kind)
	}
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("key %s: has %d bytes, want %d", name, len(key), ed25519.PublicKeySize)
	}
	return &PublicKey{name, kind, key}, nil
}

// ParsePublicKey reads the form that String writes, NAME+ID+KEY (C2SP signed-note, "Verifier keys").
func ParsePublicKey(s string) (*PublicKey, error) {
	name, kind, key, err := parseKey(s)
	if err != nil {
		return nil, fmt.Errorf("public key %q: %w", abbreviate(s), err)
	}
	k, err := NewPublicKey(name, kind, key)
	if err != nil {
		return nil, err
	}
	if k.String() != s {
		return nil, fmt.Errorf("public key %q: the ID is not that of the key, which is %08x", abbreviate(s), k.KeyHash())
	}
	return k, nil
}

// parseKey takes NAME+ID+KEY apart; the ID is for the caller to check.
func parseKey(s string) (name string, kind Kind, key []byte, err error) {
	part := strings.Split(s, "+")
	if len(part) < 3 {
		return "", 0, nil, errors.New("is not of the form NAME+ID+KEY")
	}
	if _, err := strconv.ParseUint(part[1], 16, 32); err != nil || len(part[1]) != 8 {
		return "", 0, nil, errors.New("the ID is not 8 hexadecimal digits")
	}
	b, err := parseBase64(strings.Join(part[2:], "+")) // base64 has plus signs of its own
	if err != nil || len(b) == 0 {
		return "", 0, nil, errors.New("the last part is not base64")
	}
	return part[0], Kind(b[0]), b[1:], nil
}

// String returns the key as NAME+ID+KEY.
func (k *PublicKey) String() string {
	b := append([]byte{byte(k.kind)}, k.key...)
	return fmt.Sprintf("%s+%08x+%s", k.name, k.KeyHash(), base64.StdEncoding.EncodeToString(b))
}

// Name implements [Verifier].
func (k *PublicKey) Name() string { return k.name }

// KeyHash implements [Verifier].
func (k *PublicKey) KeyHash() uint32 { return keyID(k.name, k.kind, k.key) }

// Kind says whose key it is.
func (k *PublicKey) Kind() Kind { return k.kind }

// Verify implements [Verifier].
func (k *PublicKey) Verify(text, sig []byte) bool {
	if k.kind == Witness {
		at, rest, ok := cutTime(sig)
		if !ok {
			return false
		}
		text, sig = cosigned(at, text), rest
	}
	return ed25519.Verify(k.key, text, sig)
}

// A PrivateKey signs for a log or a witness. It implements [Signer].
type PrivateKey struct {
	name string
	kind Kind
	key  ed25519.PrivateKey
	now  func() time.Time // only for a witness
}

// NewLogKey returns the key with which the log of this name signs its checkpoints.
func NewLogKey(name string, key ed25519.PrivateKey) (*PrivateKey, error) {
	return newPrivateKey(name, Log, key, nil)
}

// NewWitnessKey returns the key with which the witness of this name states that it has seen a checkpoint at the time
// that now gives, by nil the system's clock. A witness signs a checkpoint only after it has checked that it extends the
// last one it signed for the same origin.
func NewWitnessKey(name string, key ed25519.PrivateKey, now func() time.Time) (*PrivateKey, error) {
	if now == nil {
		now = time.Now
	}
	return newPrivateKey(name, Witness, key, now)
}

func newPrivateKey(name string, kind Kind, key ed25519.PrivateKey, now func() time.Time) (*PrivateKey, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("key %s: has %d bytes, want %d", name, len(key), ed25519.PrivateKeySize)
	}
	return &PrivateKey{name, kind, key, now}, nil
}

const privatePrefix = "PRIVATE+KEY+"

// ParsePrivateKey reads the form that Encode writes. A witness takes the time from the system's clock. Errors do not
// repeat the key.
func ParsePrivateKey(s string) (*PrivateKey, error) {
	rest, ok := strings.CutPrefix(s, privatePrefix)
	if !ok {
		return nil, errors.New("private key: does not begin with " + privatePrefix)
	}
	name, kind, seed, err := parseKey(rest)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	if kind != Log && kind != Witness {
		return nil, fmt.Errorf("private key: unknown kind %d", kind)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("private key: has %d bytes, want %d", len(seed), ed25519.SeedSize)
	}
	k, err := newPrivateKey(name, kind, ed25519.NewKeyFromSeed(seed), time.Now)
	if err != nil {
		return nil, err
	}
	if k.Encode() != s {
		return nil, fmt.Errorf("private key: the ID is not that of the key, which is %08x", k.KeyHash())
	}
	return k, nil
}

// Encode returns the secret in the form PRIVATE+KEY+NAME+ID+SEED of golang.org/x/mod/sumdb/note. Whoever reads it can
// sign.
func (k *PrivateKey) Encode() string {
	b := append([]byte{byte(k.kind)}, k.key.Seed()...)
	return fmt.Sprintf("%s%s+%08x+%s", privatePrefix, k.name, k.KeyHash(), base64.StdEncoding.EncodeToString(b))
}

// String returns the name and the ID; the secret does not end up in a log by accident.
func (k PrivateKey) String() string { return fmt.Sprintf("%s+%08x", k.name, k.Public().KeyHash()) }

// GoString is String, for the same reason.
func (k PrivateKey) GoString() string { return k.String() }

// Public returns the key that checks what k signs.
func (k *PrivateKey) Public() *PublicKey {
	return &PublicKey{k.name, k.kind, k.key.Public().(ed25519.PublicKey)}
}

// Name implements [Signer].
func (k *PrivateKey) Name() string { return k.name }

// KeyHash implements [Signer].
func (k *PrivateKey) KeyHash() uint32 { return k.Public().KeyHash() }

// Sign implements [Signer].
func (k *PrivateKey) Sign(text []byte) ([]byte, error) {
	if k.kind == Log {
		return ed25519.Sign(k.key, text), nil
	}
	at := k.now().Unix()
	if at < 0 {
		return nil, fmt.Errorf("witness %s: the clock is before 1970", k.name)
	}
	sig := binary.BigEndian.AppendUint64(nil, uint64(at))
	return append(sig, ed25519.Sign(k.key, cosigned(at, text))...), nil
}

// cosigned is what a witness signs (C2SP tlog-cosignature, "Ed25519 signed message").
func cosigned(at int64, text []byte) []byte {
	return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", at), text...)
}

// cutTime splits a witness's signature into the time in seconds since 1970, below 2^63, and the rest.
func cutTime(sig []byte) (at int64, rest []byte, ok bool) {
	if len(sig) < 8 {
		return 0, nil, false
	}
	at = int64(binary.BigEndian.Uint64(sig))
	return at, sig[8:], at >= 0
}
