package devchain

import "github.com/ethereum/go-ethereum/common"

// Account is an account that has ether on a development chain.
type Account struct {
	Address common.Address
	Key     string // secp256k1, 64 hex digits; publicly known
}

// Accounts returns the first accounts of the mnemonic "test test test test test test test test test test test junk",
// which Anvil and Hardhat use too. Anybody in the world can spend what they hold on any chain: never use them elsewhere.
func Accounts() []Account {
	return []Account{
		{common.HexToAddress("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"), "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"},
		{common.HexToAddress("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"},
		{common.HexToAddress("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"), "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"},
		{common.HexToAddress("0x90F79bf6EB2c4f870365E785982E1f101E93b906"), "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6"},
	}
}

// The deployer that most chains have at this address (github.com/Arachnid/deterministic-deployment-proxy): what it is
// sent is a salt and creation code, and it deploys that code to an address which follows from the two.
var (
	create2Deployer     = common.HexToAddress("0x4e59b44847b379578588920cA78FbF26c0B4956C")
	create2DeployerCode = common.FromHex("0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3")
)
