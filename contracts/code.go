// Package contracts holds the registry contract, DictionaryRegistry.sol, as Go sees it: the binding that abigen
// generates and the code that a chain has at a registry's address.
//
// compile.js makes the .abi, .bin, .bin-runtime and .slots files from the Solidity source, `go generate` the binding
// from them; check.sh tells whether all of them are fresh. All are committed, so that building needs only Go.
package contracts

import (
	_ "embed"
	"encoding/hex"
	"strings"
)

//go:generate go tool abigen --v2 --abi DictionaryRegistry.abi --bin DictionaryRegistry.bin --type DictionaryRegistry --pkg contracts --out registry.go

//go:embed DictionaryRegistry.bin-runtime
var runtimeHex string

// RuntimeCode returns the code that every chain holds at the address of a registry. The contract has no
// constructor arguments and no immutable variables, so it is the same everywhere.
func RuntimeCode() []byte {
	code, err := hex.DecodeString(strings.TrimSpace(runtimeHex))
	if err != nil {
		panic("contracts: DictionaryRegistry.bin-runtime is not hex: " + err.Error())
	}
	return code
}
