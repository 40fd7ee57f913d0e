package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/rpc"

	"dictnet/contracts"
	"dictnet/merkle"
)

// What the registry refuses; one for each custom error of the contract. They come wrapped in a *RefusedError.
var (
	ErrAlreadyRegistered = errors.New("dictionary is already registered")
	ErrNotRegistered     = errors.New("dictionary is not registered")
	ErrNotOwner          = errors.New("not the owner of the dictionary")
	ErrNotPendingOwner   = errors.New("dictionary is not offered to this account")
	ErrNotPublisher      = errors.New("not a publisher of the dictionary")
	ErrStaleVersion      = errors.New("another version was published meanwhile")
	ErrNotLarger         = errors.New("new version is not larger than the last")
	ErrNotAnExtension    = errors.New("consistency proof does not show that the new version extends the last")
	ErrFrozen            = errors.New("dictionary is frozen")
	ErrUnknownVersion    = errors.New("no such version")
	ErrSignatureExpired  = errors.New("signature has expired")
	ErrTextTooLong       = errors.New("text is too long")
	// ErrReverted is wrapped when the contract refused and the reason is unknown.
	ErrReverted = errors.New("transaction was reverted")
)

// RefusedError says what the registry refused and why.
type RefusedError struct {
	Reason error  // one of the sentinels above; errors.Is finds it
	Detail string // the arguments of the custom error
}

func (e *RefusedError) Error() string {
	if e.Detail == "" {
		return "registry refuses: " + e.Reason.Error()
	}
	return fmt.Sprintf("registry refuses: %v (%s)", e.Reason, e.Detail)
}

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Reason }

// StaleVersionError says that a publication built on a version which is not, or no longer, the newest: somebody else's
// came first. Its publisher can rebase on Head and try again. It is ErrStaleVersion.
type StaleVersionError struct {
	ID      ID
	OldSize uint64         // notes in the version that was built on
	Head    merkle.Version // the version that won
}

func (e *StaleVersionError) Error() string {
	return fmt.Sprintf("dictionary %s: %v: it has %d notes (root %s), not %d", e.ID, ErrStaleVersion, e.Head.Size, e.Head.Root, e.OldSize)
}

// Is makes errors.Is(err, ErrStaleVersion) true.
func (e *StaleVersionError) Is(target error) bool { return target == ErrStaleVersion }

// binding packs and unpacks what the contract takes and says. It reads the contract's interface when it is first asked.
var binding = sync.OnceValue(contracts.NewDictionaryRegistry)

// refusal turns an error of a call to the registry into the typed one, if the node says what the contract said. Any
// other error comes back as it is.
func refusal(err error) error {
	data, reverted := revertData(err)
	if len(data) < 4 {
		if reverted {
			return fmt.Errorf("%w: %w", ErrReverted, err)
		}
		return err
	}
	return decodeRefusal(data, err)
}

func decodeRefusal(data []byte, err error) error {
	if reason, unpackErr := abi.UnpackRevert(data); unpackErr == nil {
		return fmt.Errorf("%w: %s", ErrReverted, reason)
	}
	detail, unpackErr := binding().UnpackError(data)
	if unpackErr != nil {
		return fmt.Errorf("%w with data 0x%x: %w", ErrReverted, data, err)
	}
	dict := func(id [32]byte) string { return "dictionary " + ID(id).String() }
	by := func(id [32]byte, a common.Address) string { return fmt.Sprintf("dictionary %s, account %s", ID(id), a) }
	switch d := detail.(type) {
	case *contracts.DictionaryRegistryAlreadyRegistered:
		return &RefusedError{ErrAlreadyRegistered, dict(d.Id)}
	case *contracts.DictionaryRegistryNotRegistered:
		return &RefusedError{ErrNotRegistered, dict(d.Id)}
	case *contracts.DictionaryRegistryNotOwner:
		return &RefusedError{ErrNotOwner, by(d.Id, d.Account)}
	case *contracts.DictionaryRegistryNotPendingOwner:
		return &RefusedError{ErrNotPendingOwner, by(d.Id, d.Account)}
	case *contracts.DictionaryRegistryNotPublisher:
		return &RefusedError{ErrNotPublisher, by(d.Id, d.Account)}
	case *contracts.DictionaryRegistryStaleVersion:
		head := merkle.Version{Size: d.HeadSize, Root: d.HeadRoot}
		if head.Size == 0 {
			head.Root = merkle.EmptyRoot
		}
		return &StaleVersionError{ID: d.Id, OldSize: d.OldSize, Head: head}
	case *contracts.DictionaryRegistryNotLarger:
		return &RefusedError{ErrNotLarger, fmt.Sprintf("%s, from %d notes to %d", dict(d.Id), d.OldSize, d.NewSize)}
	case *contracts.DictionaryRegistryNotAnExtension:
		return &RefusedError{ErrNotAnExtension, fmt.Sprintf("%s, from %d notes to %d", dict(d.Id), d.OldSize, d.NewSize)}
	case *contracts.DictionaryRegistryDictionaryFrozen:
		return &RefusedError{ErrFrozen, dict(d.Id)}
	case *contracts.DictionaryRegistryUnknownVersion:
		return &RefusedError{ErrUnknownVersion, fmt.Sprintf("%s has %d versions, number %d was named", dict(d.Id), d.Versions, d.Number)}
	case *contracts.DictionaryRegistrySignatureExpired:
		return &RefusedError{ErrSignatureExpired, fmt.Sprintf("%s, deadline %v", dict(d.Id), d.Deadline)}
	case *contracts.DictionaryRegistryTextTooLong:
		return &RefusedError{ErrTextTooLong, fmt.Sprintf("%v bytes, at most %v", d.Length, d.Limit)}
	default:
		panic(fmt.Sprintf("chain: custom error %T is not translated", detail))
	}
}

// revertData finds what a contract reverted with in a node's error. geth and Anvil send a hex string as the error's data;
// Nethermind used to put a word before it. Ganache sends a map, either with the hex string under "result" or with such maps under the transactions' hashes.
func revertData(err error) (data []byte, reverted bool) {
	var e rpc.DataError
	if errors.As(err, &e) {
		if data := findHex(e.ErrorData(), 0); data != nil {
			return data, true
		}
	}
	var plain rpc.Error
	if errors.As(err, &plain) {
		text := strings.ToLower(plain.Error())
		return nil, strings.Contains(text, "revert")
	}
	return nil, false
}

func findHex(v any, depth int) []byte {
	switch v := v.(type) {
	case string:
		digits, ok := strings.CutPrefix(strings.TrimPrefix(v, "Reverted "), "0x")
		if b, err := hex.DecodeString(digits); ok && err == nil && len(b) >= 4 {
			return b
		}
	case map[string]any:
		if depth > 2 {
			return nil
		}
		for _, key := range []string{"result", "data", "return"} {
			if b := findHex(v[key], depth+1); b != nil {
				return b
			}
		}
		for _, inner := range v { // under the transaction's hash; we send one at a time
			if m, ok := inner.(map[string]any); ok {
				if b := findHex(m, depth+1); b != nil {
					return b
				}
			}
		}
	}
	return nil
}
