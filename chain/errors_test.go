package chain

import (
	"errors"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// What a contract refused with is found wherever a node puts it: geth, Anvil and Besu; older ones of Nethermind; Ganache.
func TestRevertDataOfOtherNodes(t *testing.T) {
	data := hexutil.Encode(append(crypto.Keccak256([]byte("NotRegistered(bytes32)"))[:4], make([]byte, 32)...))
	for _, e := range []*statusError{
		{3, "execution reverted", data},
		{-32015, "VM execution error.", "Reverted " + data},
		{-32000, "VM Exception", map[string]any{"result": data}},
	} {
		if err := refusal(&nodeError{"node", e}); !errors.Is(err, ErrNotRegistered) {
			t.Errorf("%v: %v", e.Data, err)
		}
	}
}
