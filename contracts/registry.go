// Code generated via abigen V2 - DO NOT EDIT.
// This file is a generated binding and any manual changes will be lost.

package contracts

import (
	"bytes"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/accounts/abi/bind/v2"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// Reference imports to suppress errors if they are not otherwise used.
var (
	_ = bytes.Equal
	_ = errors.New
	_ = big.NewInt
	_ = common.Big1
	_ = types.BloomLookup
	_ = abi.ConvertType
)

// DictionaryRegistryExtension is an auto generated low-level Go binding around an user-defined struct.
type DictionaryRegistryExtension struct {
	Id       [32]byte
	OldSize  uint64
	NewSize  uint64
	Root     [32]byte
	Manifest [32]byte
}

// DictionaryRegistryHead is an auto generated low-level Go binding around an user-defined struct.
type DictionaryRegistryHead struct {
	Root         [32]byte
	Manifest     [32]byte
	History      [32]byte
	Size         uint64
	Versions     uint64
	BlockNumber  uint64
	Time         uint64
	Owner        common.Address
	Term         uint64
	Frozen       bool
	PendingOwner common.Address
	Name         string
}

// DictionaryRegistryMetaData contains all meta data concerning the DictionaryRegistry contract.
var DictionaryRegistryMetaData = bind.MetaData{
	ABI: "[{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"AlreadyRegistered\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"DictionaryFrozen\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"oldSize\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"newSize\",\"type\":\"uint64\"}],\"name\":\"NotAnExtension\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"oldSize\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"newSize\",\"type\":\"uint64\"}],\"name\":\"NotLarger\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"NotOwner\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"NotPendingOwner\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"NotPublisher\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"NotRegistered\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint256\",\"name\":\"deadline\",\"type\":\"uint256\"}],\"name\":\"SignatureExpired\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"oldSize\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"headSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"headRoot\",\"type\":\"bytes32\"}],\"name\":\"StaleVersion\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"uint256\",\"name\":\"length\",\"type\":\"uint256\"},{\"internalType\":\"uint256\",\"name\":\"limit\",\"type\":\"uint256\"}],\"name\":\"TextTooLong\",\"type\":\"error\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"number\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"versions\",\"type\":\"uint64\"}],\"name\":\"UnknownVersion\",\"type\":\"error\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"number\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"reason\",\"type\":\"string\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"time\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"previousBlock\",\"type\":\"uint64\"}],\"name\":\"Deprecated\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"Frozen\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"}],\"name\":\"Named\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"pendingOwner\",\"type\":\"address\"}],\"name\":\"OwnershipOffered\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"oldOwner\",\"type\":\"address\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"newOwner\",\"type\":\"address\"}],\"name\":\"OwnershipTransferred\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"uint64\",\"name\":\"number\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"manifest\",\"type\":\"bytes32\"},{\"indexed\":false,\"internalType\":\"address\",\"name\":\"publisher\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"time\",\"type\":\"uint64\"},{\"indexed\":false,\"internalType\":\"uint64\",\"name\":\"previousBlock\",\"type\":\"uint64\"}],\"name\":\"Published\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"bool\",\"name\":\"allowed\",\"type\":\"bool\"}],\"name\":\"PublisherSet\",\"type\":\"event\"},{\"anonymous\":false,\"inputs\":[{\"indexed\":true,\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"indexed\":true,\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"indexed\":false,\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"}],\"name\":\"Registered\",\"type\":\"event\"},{\"inputs\":[],\"name\":\"MAX_NAME\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[],\"name\":\"MAX_REASON\",\"outputs\":[{\"internalType\":\"uint256\",\"name\":\"\",\"type\":\"uint256\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"acceptOwnership\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"number\",\"type\":\"uint64\"},{\"internalType\":\"string\",\"name\":\"reason\",\"type\":\"string\"}],\"name\":\"deprecate\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"oldSize\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"newSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"manifest\",\"type\":\"bytes32\"}],\"internalType\":\"structDictionaryRegistry.Extension\",\"name\":\"e\",\"type\":\"tuple\"},{\"internalType\":\"uint256\",\"name\":\"deadline\",\"type\":\"uint256\"}],\"name\":\"digestToSign\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"proof\",\"type\":\"bytes32[]\"}],\"name\":\"extends\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"freeze\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"number\",\"type\":\"uint64\"},{\"internalType\":\"string\",\"name\":\"reason\",\"type\":\"string\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"time\",\"type\":\"uint64\"}],\"name\":\"hashDeprecated\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"}],\"name\":\"hashNote\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"number\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"manifest\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"publisher\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"time\",\"type\":\"uint64\"}],\"name\":\"hashPublished\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"pure\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"name\":\"head\",\"outputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"manifest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"history\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"versions\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"blockNumber\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"time\",\"type\":\"uint64\"},{\"internalType\":\"address\",\"name\":\"owner\",\"type\":\"address\"},{\"internalType\":\"uint64\",\"name\":\"term\",\"type\":\"uint64\"},{\"internalType\":\"bool\",\"name\":\"frozen\",\"type\":\"bool\"},{\"internalType\":\"address\",\"name\":\"pendingOwner\",\"type\":\"address\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"}],\"internalType\":\"structDictionaryRegistry.Head\",\"name\":\"\",\"type\":\"tuple\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"address\",\"name\":\"sender\",\"type\":\"address\"},{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"}],\"name\":\"idOf\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"\",\"type\":\"bytes32\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"before\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"entry\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"later\",\"type\":\"bytes32[]\"}],\"name\":\"inHistory\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"index\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"digest\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"proof\",\"type\":\"bytes32[]\"}],\"name\":\"includesNote\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"oldSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"oldRoot\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"newSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"newRoot\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"proof\",\"type\":\"bytes32[]\"}],\"name\":\"isConsistent\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"uint64\",\"name\":\"size\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"index\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"leafHash\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32[]\",\"name\":\"proof\",\"type\":\"bytes32[]\"}],\"name\":\"isIncluded\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"}],\"name\":\"mayPublish\",\"outputs\":[{\"internalType\":\"bool\",\"name\":\"\",\"type\":\"bool\"}],\"stateMutability\":\"view\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"oldSize\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"newSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"manifest\",\"type\":\"bytes32\"}],\"internalType\":\"structDictionaryRegistry.Extension\",\"name\":\"e\",\"type\":\"tuple\"},{\"internalType\":\"bytes32[]\",\"name\":\"proof\",\"type\":\"bytes32[]\"}],\"name\":\"publish\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"components\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"uint64\",\"name\":\"oldSize\",\"type\":\"uint64\"},{\"internalType\":\"uint64\",\"name\":\"newSize\",\"type\":\"uint64\"},{\"internalType\":\"bytes32\",\"name\":\"root\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"manifest\",\"type\":\"bytes32\"}],\"internalType\":\"structDictionaryRegistry.Extension\",\"name\":\"e\",\"type\":\"tuple\"},{\"internalType\":\"bytes32[]\",\"name\":\"proof\",\"type\":\"bytes32[]\"},{\"internalType\":\"uint256\",\"name\":\"deadline\",\"type\":\"uint256\"},{\"internalType\":\"uint8\",\"name\":\"v\",\"type\":\"uint8\"},{\"internalType\":\"bytes32\",\"name\":\"r\",\"type\":\"bytes32\"},{\"internalType\":\"bytes32\",\"name\":\"s\",\"type\":\"bytes32\"}],\"name\":\"publishSigned\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"salt\",\"type\":\"bytes32\"}],\"name\":\"register\",\"outputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"}],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"string\",\"name\":\"name\",\"type\":\"string\"}],\"name\":\"setName\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"account\",\"type\":\"address\"},{\"internalType\":\"bool\",\"name\":\"allowed\",\"type\":\"bool\"}],\"name\":\"setPublisher\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"},{\"inputs\":[{\"internalType\":\"bytes32\",\"name\":\"id\",\"type\":\"bytes32\"},{\"internalType\":\"address\",\"name\":\"to\",\"type\":\"address\"}],\"name\":\"transferOwnership\",\"outputs\":[],\"stateMutability\":\"nonpayable\",\"type\":\"function\"}]",
	ID:  "DictionaryRegistry",
	Bin: "0x6080604052348015600e575f5ffd5b506128488061001c5f395ff3fe608060405234801561000f575f5ffd5b5060043610610184575f3560e01c8063916db517116100dd578063e1fa8e8411610088578063ef5d6bbb11610063578063ef5d6bbb146103a8578063f339e3b2146103bb578063f594e320146103db575f5ffd5b8063e1fa8e841461036f578063ec13cc7b14610382578063ed9a22b814610395575f5ffd5b8063c5104d25116100b8578063c5104d2514610336578063c7ad9d4d14610349578063cdd9ea901461035c575f5ffd5b8063916db517146102fd578063ab14377f14610310578063afe382ad14610323575f5ffd5b80634b358a891161013d578063773722131161011857806377372213146102c457806379555397146102d757806382576860146102ea575f5ffd5b80634b358a89146102965780636bcd8895146102a9578063756bf254146102bc575f5ffd5b80632c2c3f531161016d5780632c2c3f53146101c35780633761c3b2146101e65780633859c21d146101f9575f5ffd5b80630847821d146101885780631b4f6c46146101ae575b5f5ffd5b61019b610196366004611dfc565b6103e4565b6040519081526020015b60405180910390f35b6101c16101bc366004611dfc565b610497565b005b6101d66101d1366004611e72565b6105f9565b60405190151581526020016101a5565b6101d66101f4366004611ef8565b610635565b61019b610207366004611f22565b604080516001602082015290810189905267ffffffffffffffff8089166060830152808816608083015260a0820187905260c0820186905273ffffffffffffffffffffffffffffffffffffffff851660e083015280841661010083015282166101208201525f906101400160405160208183030381529060405280519060200120905098975050505050505050565b6101c16102a4366004611fb5565b6106fd565b61019b6102b736600461207a565b610869565b61019b601f81565b6101c16102d23660046120f3565b6108e5565b61019b6102e536600461213b565b610984565b6101c16102f8366004612164565b6109a4565b6101d661030b3660046121a7565b6109bf565b6101d661031e36600461221a565b610bf6565b6101c1610331366004612259565b610c53565b61019b6103443660046122af565b610e48565b6101c16103573660046122d7565b610ea1565b6101d661036a366004611e72565b610f6f565b61019b61037d366004611dfc565b610fa6565b6101c1610390366004611dfc565b611081565b6101d66103a33660046121a7565b611167565b6101c16103b6366004611ef8565b61127d565b6103ce6103c9366004611dfc565b6112fd565b6040516101a59190612383565b61019b61020081565b6040517e015512200000000000000000000000000000000000000000000000000000006020820152602581018290525f90600290604501604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0818403018152908290526104539161248b565b602060405180830381855afa15801561046e573d5f5f3e3d5ffd5b5050506040513d601f19601f8201168201806040525081019061049191906124a6565b92915050565b5f6104a18261150e565b600581015490915073ffffffffffffffffffffffffffffffffffffffff163314610505576040517fe0138de3000000000000000000000000000000000000000000000000000000008152600481018390523360248201526044015b60405180910390fd5b6004810154604051339173ffffffffffffffffffffffffffffffffffffffff169084907f0b659dccc8eb950324170e8d9598af5ee04ee070883eb28651a96788721fbf83905f90a46004810180547fffffffffffffffffffffffff000000000000000000000000000000000000000016331780825567ffffffffffffffff74010000000000000000000000000000000000000000909104169060146105a9836124ea565b825467ffffffffffffffff9182166101009390930a92830291909202199091161790555060050180547fffffffffffffffffffffffff000000000000000000000000000000000000000016905550565b5f5f6106048761150e565b6003810154815491925061062a918891889167ffffffffffffffff9091169088886109bf565b979650505050505050565b5f5f6106408461150e565b60048101549091507c0100000000000000000000000000000000000000000000000000000000900460ff161580156106f55750600481015473ffffffffffffffffffffffffffffffffffffffff848116911614806106f55750600481015474010000000000000000000000000000000000000000900467ffffffffffffffff165f908152600782016020908152604080832073ffffffffffffffffffffffffffffffffffffffff8716845290915290205460ff165b949350505050565b5f610708883561150e565b90508442111561074e576040517fe8dcc75e00000000000000000000000000000000000000000000000000000000815288356004820152602481018690526044016104fc565b5f7f7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a083116107e15760016107878a846002015489611574565b604080515f8152602081018083529290925260ff881690820152606081018690526080810185905260a0016020604051602081039080840390855afa1580156107d2573d5f5f3e3d5ffd5b505050602060405103516107e3565b5f5b905073ffffffffffffffffffffffffffffffffffffffff8116610851576040517ff02cd7ac0000000000000000000000000000000000000000000000000000000081528935600482015273ffffffffffffffffffffffffffffffffffffffff821660248201526044016104fc565b61085e828a8a8a85611749565b505050505050505050565b5f60028787878760405161087e929190612516565b60408051918290038220602083019590955281019290925267ffffffffffffffff9081166060830152608082019290925281851660a082015290831660c082015260e0016040516020818303038152906040528051906020012090505b9695505050505050565b601f81111561092a576040517ff4eb2b2d00000000000000000000000000000000000000000000000000000000815260048101829052601f60248201526044016104fc565b818161093585611b50565b600601916109449190836125f3565b50827fdf8c85122601db2da7d791ff0fe8bba7de2a2efcfe863bb708405fcef21b668f8383604051610977929190612750565b60405180910390a2505050565b5f61099d83610993813561150e565b6002015484611574565b9392505050565b6109ba6109b1843561150e565b84848433611749565b505050565b5f8467ffffffffffffffff168767ffffffffffffffff1611156109e357505f6108db565b67ffffffffffffffff8716158015610a3a57506040516002906020815f81855afa158015610a13573d5f5f3e3d5ffd5b5050506040513d601f19601f82011682018060405250810190610a3691906124a6565b8614155b15610a4657505f6108db565b8467ffffffffffffffff168767ffffffffffffffff1603610a755781158015610a6e57508386145b90506108db565b8667ffffffffffffffff165f03610a8e575080156108db565b5f610aa4600167ffffffffffffffff8a16612763565b90505f610abc600167ffffffffffffffff8916612763565b90505b81600116600103610ad657600191821c911c610abf565b5f888315610b19575f869003610af2575f9450505050506108db565b868683610afe81612776565b9450818110610b0f57610b0f6127ad565b9050602002013590505b805b86831015610bce57835f03610b37575f955050505050506108db565b5f888885818110610b4a57610b4a6127ad565b9050602002013590508560011660011480610b6457508486145b15610bac57610b738184611bb9565b9250610b7f8183611bb9565b91505b60018616158015610b9257508515155b15610ba757600195861c959490941c93610b82565b610bb9565b610bb68282611bb9565b91505b50600194851c9493841c939290920191610b1b565b83158015610bdb57508a82145b8015610be657508881145b9c9b505050505050505050505050565b5f5f610c028686611be6565b90505f5b83811015610c3a57610c3082868684818110610c2457610c246127ad565b90506020020135611be6565b9150600101610c06565b50610c448761150e565b60020154149695505050505050565b5f610c5d85611b50565b905067ffffffffffffffff84161580610c935750600381015467ffffffffffffffff680100000000000000009091048116908516115b15610cf85760038101546040517f01ddd90e0000000000000000000000000000000000000000000000000000000081526004810187905267ffffffffffffffff80871660248301526801000000000000000090920490911660448201526064016104fc565b610200821115610d3f576040517ff4eb2b2d0000000000000000000000000000000000000000000000000000000081526004810183905261020060248201526044016104fc565b600381015460405167ffffffffffffffff8087169288927f59d414d745c3361e2e3cb5a295799da596c5b8d6533596638e77422148ba9a6292610d9d92899289924292700100000000000000000000000000000000900416906127da565b60405180910390a3610dc08160020154610dbb878787874342610869565b611be6565b600282015560030180544267ffffffffffffffff90811678010000000000000000000000000000000000000000000000000277ffffffffffffffffffffffffffffffffffffffffffffffff439290921670010000000000000000000000000000000002919091166fffffffffffffffffffffffffffffffff9092169190911717905550505050565b60408051466020820152309181019190915273ffffffffffffffffffffffffffffffffffffffff83166060820152608081018290525f9060a0015b60405160208183030381529060405280519060200120905092915050565b5f610eab84611b50565b600481015474010000000000000000000000000000000000000000900467ffffffffffffffff165f908152600782016020908152604080832073ffffffffffffffffffffffffffffffffffffffff88168085529083529281902080547fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00168715159081179091559051908152929350909186917f7b1cfdc6e28483e03f6e64c9d735eeac9630aa7abd046040693275cc7de1e196910160405180910390a350505050565b5f5f610f7a8761150e565b6003810154815491925061062a9167ffffffffffffffff9091169088610f9f896103e4565b8888611167565b5f610fb13383610e48565b5f81815260208190526040902060048101549192509073ffffffffffffffffffffffffffffffffffffffff1615611017576040517f77caf672000000000000000000000000000000000000000000000000000000008152600481018390526024016104fc565b6004810180547fffffffffffffffffffffffff0000000000000000000000000000000000000000163390811790915560405184815283907fd92db819e1489b1bc4fbd34e0f9138db597a142b11bcfa8b1e5c473505c025539060200160405180910390a350919050565b5f61108b82611b50565b60048101549091507c0100000000000000000000000000000000000000000000000000000000900460ff16156110f0576040517f1cea48f9000000000000000000000000000000000000000000000000000000008152600481018390526024016104fc565b6004810180547fffffff00ffffffffffffffffffffffffffffffffffffffffffffffffffffffff167c010000000000000000000000000000000000000000000000000000000017905560405182907fc1c3af34a857556c885a0be1e533f0c9b0b205545a5a9e65098974fca80d0214905f90a25050565b5f8667ffffffffffffffff168567ffffffffffffffff161061118a57505f6108db565b67ffffffffffffffff808616905f906111a7906001908b16612763565b9050855f5b8581101561126157825f036111c7575f9450505050506108db565b83600116600114806111d857508284145b1561122c576111ff8787838181106111f2576111f26127ad565b9050602002013583611bb9565b91505b6001841615801561121257508315155b1561122757600193841c939290921c91611202565b611251565b61124e82888884818110611242576112426127ad565b90506020020135611bb9565b91505b600193841c9392831c92016111ac565b508115801561126f57508881145b9a9950505050505050505050565b8061128783611b50565b60050180547fffffffffffffffffffffffff00000000000000000000000000000000000000001673ffffffffffffffffffffffffffffffffffffffff92831617905560405190821690339084907f82b250fee9227304b3ee8ff433b6ed5c2f033d2d4e1437d7ae922c20a76bd83d905f90a45050565b60408051610180810182525f8082526020820181905291810182905260608082018390526080820183905260a0820183905260c0820183905260e08201839052610100820183905261012082018390526101408201839052610160820152906113658361150e565b60408051610180810182528254815260018301546020820152600283015491810191909152600382015467ffffffffffffffff8082166060840152680100000000000000008204811660808401527001000000000000000000000000000000008204811660a08401527801000000000000000000000000000000000000000000000000909104811660c0830152600483015473ffffffffffffffffffffffffffffffffffffffff80821660e08501527401000000000000000000000000000000000000000082049092166101008401527c0100000000000000000000000000000000000000000000000000000000900460ff16151561012083015260058301541661014082015260068201805492935090916101608301919061148790612552565b80601f01602080910402602001604051908101604052809291908181526020018280546114b390612552565b80156114fe5780601f106114d5576101008083540402835291602001916114fe565b820191905f5260205f20905b8154815290600101906020018083116114e157829003601f168201915b5050505050815250915050919050565b5f818152602081905260409020600481015473ffffffffffffffffffffffffffffffffffffffff1661156f576040517f8cc00d16000000000000000000000000000000000000000000000000000000008152600481018390526024016104fc565b919050565b604080517f8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f60208201527fe8dffb47ad803dba4085a48e0aee7b34384de08c74db8c0bc656b30de9010d17918101919091527fc89efdaa54c0f20c7adf612882df0950f5a951637e0307cdcb4c672f298b8bc660608201524660808201523060a08201525f90819060c0016040516020818303038152906040528051906020012090505f7fcbbe50fa54b663dae2a3238b0bd505f36497aa7f24f9c1afd2088d4558225443865f0135876020016020810190611650919061280f565b61166060608a0160408b0161280f565b60408051602081019590955284019290925267ffffffffffffffff90811660608481019190915291166080838101919091529088013560a083015287013560c082015260e08101869052610100810185905261012001604080517fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe08184030181529082905280516020918201207f1901000000000000000000000000000000000000000000000000000000000000918301919091526022820184905260428201819052915060620160405160208183030381529060405280519060200120925050509392505050565b600485015473ffffffffffffffffffffffffffffffffffffffff8281169116148015906117ce5750600485015474010000000000000000000000000000000000000000900467ffffffffffffffff165f908152600786016020908152604080832073ffffffffffffffffffffffffffffffffffffffff8516845290915290205460ff16155b15611824576040517ff02cd7ac0000000000000000000000000000000000000000000000000000000081528435600482015273ffffffffffffffffffffffffffffffffffffffff821660248201526044016104fc565b60048501547c0100000000000000000000000000000000000000000000000000000000900460ff1615611886576040517f1cea48f9000000000000000000000000000000000000000000000000000000008152843560048201526024016104fc565b600385015485546118a49167ffffffffffffffff1690868686611c01565b60038501545f90819081906118d09068010000000000000000900467ffffffffffffffff166001612828565b925043915042905067ffffffffffffffff831687357f6fa9020c563dc13be2c978e55b18e50c64fd96981afb63d466b9708662a0264461191660608b0160408c0161280f565b60038c01546040516119a4929160608e01359160808f0135918c918a9167ffffffffffffffff700100000000000000000000000000000000909104169067ffffffffffffffff96871681526020810195909552604085019390935273ffffffffffffffffffffffffffffffffffffffff9190911660608401528316608083015290911660a082015260c00190565b60405180910390a36060870180358955608088013560018a01556002890154611a7991610dbb908a359087906119dd9060408e0161280f565b8c606001358d608001358b8a8a604080516001602082015290810189905267ffffffffffffffff8089166060830152808816608083015260a0820187905260c0820186905273ffffffffffffffffffffffffffffffffffffffff851660e083015280841661010083015282166101208201525f906101400160405160208183030381529060405280519060200120905098975050505050505050565b6002890155611a8e606088016040890161280f565b6003909801805467ffffffffffffffff92831678010000000000000000000000000000000000000000000000000277ffffffffffffffffffffffffffffffffffffffffffffffff94841670010000000000000000000000000000000002949094166fffffffffffffffffffffffffffffffff95841668010000000000000000027fffffffffffffffffffffffffffffffff000000000000000000000000000000009092169a909316999099179890981792909216919091171790945550505050565b5f611b5a8261150e565b600481015490915073ffffffffffffffffffffffffffffffffffffffff16331461156f576040517f0e25346d000000000000000000000000000000000000000000000000000000008152600481018390523360248201526044016104fc565b5f60015f53826001528160215260205f60415f60025afa611bd8575f5ffd5b5f5190505f60405392915050565b60408051602081018490529081018290525f90606001610e83565b67ffffffffffffffff8516611c1c604085016020860161280f565b67ffffffffffffffff1614611c92578235611c3d604085016020860161280f565b6040517f77235800000000000000000000000000000000000000000000000000000000008152600481019290925267ffffffffffffffff908116602483015286166044820152606481018590526084016104fc565b67ffffffffffffffff8516611cad606085016040860161280f565b67ffffffffffffffff1611611d1c57823585611ccf606086016040870161280f565b6040517fe2ac932d000000000000000000000000000000000000000000000000000000008152600481019390935267ffffffffffffffff91821660248401521660448201526064016104fc565b8467ffffffffffffffff165f03611d70576040516002906020815f81855afa158015611d4a573d5f5f3e3d5ffd5b5050506040513d601f19601f82011682018060405250810190611d6d91906124a6565b93505b611d918585611d85606087016040880161280f565b866060013586866109bf565b611df557823585611da8606086016040870161280f565b6040517f69bd0b49000000000000000000000000000000000000000000000000000000008152600481019390935267ffffffffffffffff91821660248401521660448201526064016104fc565b5050505050565b5f60208284031215611e0c575f5ffd5b5035919050565b803567ffffffffffffffff8116811461156f575f5ffd5b5f5f83601f840112611e3a575f5ffd5b50813567ffffffffffffffff811115611e51575f5ffd5b6020830191508360208260051b8501011115611e6b575f5ffd5b9250929050565b5f5f5f5f5f60808688031215611e86575f5ffd5b85359450611e9660208701611e13565b935060408601359250606086013567ffffffffffffffff811115611eb8575f5ffd5b611ec488828901611e2a565b969995985093965092949392505050565b803573ffffffffffffffffffffffffffffffffffffffff8116811461156f575f5ffd5b5f5f60408385031215611f09575f5ffd5b82359150611f1960208401611ed5565b90509250929050565b5f5f5f5f5f5f5f5f610100898b031215611f3a575f5ffd5b88359750611f4a60208a01611e13565b9650611f5860408a01611e13565b95506060890135945060808901359350611f7460a08a01611ed5565b9250611f8260c08a01611e13565b9150611f9060e08a01611e13565b90509295985092959890939650565b5f60a08284031215611faf575f5ffd5b50919050565b5f5f5f5f5f5f5f610140888a031215611fcc575f5ffd5b611fd68989611f9f565b965060a088013567ffffffffffffffff811115611ff1575f5ffd5b611ffd8a828b01611e2a565b90975095505060c0880135935060e088013560ff8116811461201d575f5ffd5b9699959850939692959461010084013594506101209093013592915050565b5f5f83601f84011261204c575f5ffd5b50813567ffffffffffffffff811115612063575f5ffd5b602083019150836020828501011115611e6b575f5ffd5b5f5f5f5f5f5f60a0878903121561208f575f5ffd5b8635955061209f60208801611e13565b9450604087013567ffffffffffffffff8111156120ba575f5ffd5b6120c689828a0161203c565b90955093506120d9905060608801611e13565b91506120e760808801611e13565b90509295509295509295565b5f5f5f60408486031215612105575f5ffd5b83359250602084013567ffffffffffffffff811115612122575f5ffd5b61212e8682870161203c565b9497909650939450505050565b5f5f60c0838503121561214c575f5ffd5b6121568484611f9f565b9460a0939093013593505050565b5f5f5f60c08486031215612176575f5ffd5b6121808585611f9f565b925060a084013567ffffffffffffffff81111561219b575f5ffd5b61212e86828701611e2a565b5f5f5f5f5f5f60a087890312156121bc575f5ffd5b6121c587611e13565b9550602087013594506121da60408801611e13565b935060608701359250608087013567ffffffffffffffff8111156121fc575f5ffd5b61220889828a01611e2a565b979a9699509497509295939492505050565b5f5f5f5f5f6080868803121561222e575f5ffd5b853594506020860135935060408601359250606086013567ffffffffffffffff811115611eb8575f5ffd5b5f5f5f5f6060858703121561226c575f5ffd5b8435935061227c60208601611e13565b9250604085013567ffffffffffffffff811115612297575f5ffd5b6122a38782880161203c565b95989497509550505050565b5f5f604083850312156122c0575f5ffd5b6122c983611ed5565b946020939093013593505050565b5f5f5f606084860312156122e9575f5ffd5b833592506122f960208501611ed5565b91506040840135801515811461230d575f5ffd5b809150509250925092565b5f5b8381101561233257818101518382015260200161231a565b50505f910152565b5f8151808452612351816020860160208601612318565b601f017fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0169290920160200192915050565b602081528151602082015260208201516040820152604082015160608201525f60608301516123be608084018267ffffffffffffffff169052565b50608083015167ffffffffffffffff811660a08401525060a083015167ffffffffffffffff811660c08401525060c083015167ffffffffffffffff811660e08401525060e083015173ffffffffffffffffffffffffffffffffffffffff81166101008401525061010083015167ffffffffffffffff8116610120840152506101208301518015156101408401525061014083015173ffffffffffffffffffffffffffffffffffffffff811661016084015250610160830151610180808401526106f56101a084018261233a565b5f825161249c818460208701612318565b9190910192915050565b5f602082840312156124b6575f5ffd5b5051919050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52601160045260245ffd5b5f67ffffffffffffffff821667ffffffffffffffff810361250d5761250d6124bd565b60010192915050565b818382375f9101908152919050565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52604160045260245ffd5b600181811c9082168061256657607f821691505b602082108103611faf577f4e487b71000000000000000000000000000000000000000000000000000000005f52602260045260245ffd5b601f8211156109ba57828211156109ba57805f5260205f20601f840160051c60208510156125c857505f5b90810190601f840160051c035f5b818110156125eb575f838201556001016125d6565b505050505050565b67ffffffffffffffff83111561260b5761260b612525565b61261f836126198354612552565b8361259d565b5f601f84116001811461266f575f85156126395750838201355b7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff600387901b1c1916600186901b178355611df5565b5f838152602081207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe08716915b828110156126bc578685013582556020948501946001909201910161269c565b50868210156126f7577fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff60f88860031b161c19848701351681555b505060018560011b0183555050505050565b81835281816020850137505f602082840101525f60207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0601f840116840101905092915050565b602081525f6106f5602083018486612709565b81810381811115610491576104916124bd565b5f7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff82036127a6576127a66124bd565b5060010190565b7f4e487b71000000000000000000000000000000000000000000000000000000005f52603260045260245ffd5b606081525f6127ed606083018688612709565b67ffffffffffffffff9485166020840152929093166040909101529392505050565b5f6020828403121561281f575f5ffd5b61099d82611e13565b67ffffffffffffffff8181168382160190811115610491576104916124bd56",
}

// DictionaryRegistry is an auto generated Go binding around an Ethereum contract.
type DictionaryRegistry struct {
	abi abi.ABI
}

// GetABI returns the ABI associated with this contract binding.
func (c *DictionaryRegistry) GetABI() abi.ABI {
	return c.abi
}

// NewDictionaryRegistry creates a new instance of DictionaryRegistry.
func NewDictionaryRegistry() *DictionaryRegistry {
	parsed, err := DictionaryRegistryMetaData.ParseABI()
	if err != nil {
		panic(errors.New("invalid ABI: " + err.Error()))
	}
	return &DictionaryRegistry{abi: *parsed}
}

// Instance creates a wrapper for a deployed contract instance at the given address.
// Use this to create the instance object passed to abigen v2 library functions Call, Transact, etc.
func (c *DictionaryRegistry) Instance(backend bind.ContractBackend, addr common.Address) *bind.BoundContract {
	return bind.NewBoundContract(addr, c.abi, backend, backend, backend)
}

// PackMAXNAME is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x756bf254.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function MAX_NAME() view returns(uint256)
func (dictionaryRegistry *DictionaryRegistry) PackMAXNAME() []byte {
	enc, err := dictionaryRegistry.abi.Pack("MAX_NAME")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMAXNAME is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x756bf254.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function MAX_NAME() view returns(uint256)
func (dictionaryRegistry *DictionaryRegistry) TryPackMAXNAME() ([]byte, error) {
	return dictionaryRegistry.abi.Pack("MAX_NAME")
}

// UnpackMAXNAME is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x756bf254.
//
// Solidity: function MAX_NAME() view returns(uint256)
func (dictionaryRegistry *DictionaryRegistry) UnpackMAXNAME(data []byte) (*big.Int, error) {
	out, err := dictionaryRegistry.abi.Unpack("MAX_NAME", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackMAXREASON is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf594e320.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function MAX_REASON() view returns(uint256)
func (dictionaryRegistry *DictionaryRegistry) PackMAXREASON() []byte {
	enc, err := dictionaryRegistry.abi.Pack("MAX_REASON")
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMAXREASON is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf594e320.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function MAX_REASON() view returns(uint256)
func (dictionaryRegistry *DictionaryRegistry) TryPackMAXREASON() ([]byte, error) {
	return dictionaryRegistry.abi.Pack("MAX_REASON")
}

// UnpackMAXREASON is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf594e320.
//
// Solidity: function MAX_REASON() view returns(uint256)
func (dictionaryRegistry *DictionaryRegistry) UnpackMAXREASON(data []byte) (*big.Int, error) {
	out, err := dictionaryRegistry.abi.Unpack("MAX_REASON", data)
	if err != nil {
		return new(big.Int), err
	}
	out0 := abi.ConvertType(out[0], new(big.Int)).(*big.Int)
	return out0, nil
}

// PackAcceptOwnership is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1b4f6c46.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function acceptOwnership(bytes32 id) returns()
func (dictionaryRegistry *DictionaryRegistry) PackAcceptOwnership(id [32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("acceptOwnership", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackAcceptOwnership is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x1b4f6c46.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function acceptOwnership(bytes32 id) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackAcceptOwnership(id [32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("acceptOwnership", id)
}

// PackDeprecate is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xafe382ad.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function deprecate(bytes32 id, uint64 number, string reason) returns()
func (dictionaryRegistry *DictionaryRegistry) PackDeprecate(id [32]byte, number uint64, reason string) []byte {
	enc, err := dictionaryRegistry.abi.Pack("deprecate", id, number, reason)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDeprecate is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xafe382ad.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function deprecate(bytes32 id, uint64 number, string reason) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackDeprecate(id [32]byte, number uint64, reason string) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("deprecate", id, number, reason)
}

// PackDigestToSign is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x79555397.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function digestToSign((bytes32,uint64,uint64,bytes32,bytes32) e, uint256 deadline) view returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) PackDigestToSign(e DictionaryRegistryExtension, deadline *big.Int) []byte {
	enc, err := dictionaryRegistry.abi.Pack("digestToSign", e, deadline)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackDigestToSign is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x79555397.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function digestToSign((bytes32,uint64,uint64,bytes32,bytes32) e, uint256 deadline) view returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) TryPackDigestToSign(e DictionaryRegistryExtension, deadline *big.Int) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("digestToSign", e, deadline)
}

// UnpackDigestToSign is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x79555397.
//
// Solidity: function digestToSign((bytes32,uint64,uint64,bytes32,bytes32) e, uint256 deadline) view returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) UnpackDigestToSign(data []byte) ([32]byte, error) {
	out, err := dictionaryRegistry.abi.Unpack("digestToSign", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackExtends is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2c2c3f53.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function extends(bytes32 id, uint64 size, bytes32 root, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) PackExtends(id [32]byte, size uint64, root [32]byte, proof [][32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("extends", id, size, root, proof)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackExtends is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x2c2c3f53.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function extends(bytes32 id, uint64 size, bytes32 root, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) TryPackExtends(id [32]byte, size uint64, root [32]byte, proof [][32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("extends", id, size, root, proof)
}

// UnpackExtends is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x2c2c3f53.
//
// Solidity: function extends(bytes32 id, uint64 size, bytes32 root, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) UnpackExtends(data []byte) (bool, error) {
	out, err := dictionaryRegistry.abi.Unpack("extends", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackFreeze is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xec13cc7b.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function freeze(bytes32 id) returns()
func (dictionaryRegistry *DictionaryRegistry) PackFreeze(id [32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("freeze", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackFreeze is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xec13cc7b.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function freeze(bytes32 id) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackFreeze(id [32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("freeze", id)
}

// PackHashDeprecated is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6bcd8895.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function hashDeprecated(bytes32 id, uint64 number, string reason, uint64 blockNumber, uint64 time) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) PackHashDeprecated(id [32]byte, number uint64, reason string, blockNumber uint64, time uint64) []byte {
	enc, err := dictionaryRegistry.abi.Pack("hashDeprecated", id, number, reason, blockNumber, time)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackHashDeprecated is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x6bcd8895.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function hashDeprecated(bytes32 id, uint64 number, string reason, uint64 blockNumber, uint64 time) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) TryPackHashDeprecated(id [32]byte, number uint64, reason string, blockNumber uint64, time uint64) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("hashDeprecated", id, number, reason, blockNumber, time)
}

// UnpackHashDeprecated is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x6bcd8895.
//
// Solidity: function hashDeprecated(bytes32 id, uint64 number, string reason, uint64 blockNumber, uint64 time) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) UnpackHashDeprecated(data []byte) ([32]byte, error) {
	out, err := dictionaryRegistry.abi.Unpack("hashDeprecated", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackHashNote is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0847821d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function hashNote(bytes32 digest) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) PackHashNote(digest [32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("hashNote", digest)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackHashNote is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x0847821d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function hashNote(bytes32 digest) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) TryPackHashNote(digest [32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("hashNote", digest)
}

// UnpackHashNote is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x0847821d.
//
// Solidity: function hashNote(bytes32 digest) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) UnpackHashNote(data []byte) ([32]byte, error) {
	out, err := dictionaryRegistry.abi.Unpack("hashNote", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackHashPublished is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3859c21d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function hashPublished(bytes32 id, uint64 number, uint64 size, bytes32 root, bytes32 manifest, address publisher, uint64 blockNumber, uint64 time) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) PackHashPublished(id [32]byte, number uint64, size uint64, root [32]byte, manifest [32]byte, publisher common.Address, blockNumber uint64, time uint64) []byte {
	enc, err := dictionaryRegistry.abi.Pack("hashPublished", id, number, size, root, manifest, publisher, blockNumber, time)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackHashPublished is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3859c21d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function hashPublished(bytes32 id, uint64 number, uint64 size, bytes32 root, bytes32 manifest, address publisher, uint64 blockNumber, uint64 time) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) TryPackHashPublished(id [32]byte, number uint64, size uint64, root [32]byte, manifest [32]byte, publisher common.Address, blockNumber uint64, time uint64) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("hashPublished", id, number, size, root, manifest, publisher, blockNumber, time)
}

// UnpackHashPublished is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x3859c21d.
//
// Solidity: function hashPublished(bytes32 id, uint64 number, uint64 size, bytes32 root, bytes32 manifest, address publisher, uint64 blockNumber, uint64 time) pure returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) UnpackHashPublished(data []byte) ([32]byte, error) {
	out, err := dictionaryRegistry.abi.Unpack("hashPublished", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackHead is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf339e3b2.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function head(bytes32 id) view returns((bytes32,bytes32,bytes32,uint64,uint64,uint64,uint64,address,uint64,bool,address,string))
func (dictionaryRegistry *DictionaryRegistry) PackHead(id [32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("head", id)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackHead is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xf339e3b2.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function head(bytes32 id) view returns((bytes32,bytes32,bytes32,uint64,uint64,uint64,uint64,address,uint64,bool,address,string))
func (dictionaryRegistry *DictionaryRegistry) TryPackHead(id [32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("head", id)
}

// UnpackHead is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xf339e3b2.
//
// Solidity: function head(bytes32 id) view returns((bytes32,bytes32,bytes32,uint64,uint64,uint64,uint64,address,uint64,bool,address,string))
func (dictionaryRegistry *DictionaryRegistry) UnpackHead(data []byte) (DictionaryRegistryHead, error) {
	out, err := dictionaryRegistry.abi.Unpack("head", data)
	if err != nil {
		return *new(DictionaryRegistryHead), err
	}
	out0 := *abi.ConvertType(out[0], new(DictionaryRegistryHead)).(*DictionaryRegistryHead)
	return out0, nil
}

// PackIdOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc5104d25.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function idOf(address sender, bytes32 salt) view returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) PackIdOf(sender common.Address, salt [32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("idOf", sender, salt)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIdOf is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc5104d25.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function idOf(address sender, bytes32 salt) view returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) TryPackIdOf(sender common.Address, salt [32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("idOf", sender, salt)
}

// UnpackIdOf is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xc5104d25.
//
// Solidity: function idOf(address sender, bytes32 salt) view returns(bytes32)
func (dictionaryRegistry *DictionaryRegistry) UnpackIdOf(data []byte) ([32]byte, error) {
	out, err := dictionaryRegistry.abi.Unpack("idOf", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackInHistory is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xab14377f.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function inHistory(bytes32 id, bytes32 before, bytes32 entry, bytes32[] later) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) PackInHistory(id [32]byte, before [32]byte, entry [32]byte, later [][32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("inHistory", id, before, entry, later)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackInHistory is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xab14377f.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function inHistory(bytes32 id, bytes32 before, bytes32 entry, bytes32[] later) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) TryPackInHistory(id [32]byte, before [32]byte, entry [32]byte, later [][32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("inHistory", id, before, entry, later)
}

// UnpackInHistory is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xab14377f.
//
// Solidity: function inHistory(bytes32 id, bytes32 before, bytes32 entry, bytes32[] later) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) UnpackInHistory(data []byte) (bool, error) {
	out, err := dictionaryRegistry.abi.Unpack("inHistory", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackIncludesNote is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcdd9ea90.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function includesNote(bytes32 id, uint64 index, bytes32 digest, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) PackIncludesNote(id [32]byte, index uint64, digest [32]byte, proof [][32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("includesNote", id, index, digest, proof)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIncludesNote is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xcdd9ea90.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function includesNote(bytes32 id, uint64 index, bytes32 digest, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) TryPackIncludesNote(id [32]byte, index uint64, digest [32]byte, proof [][32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("includesNote", id, index, digest, proof)
}

// UnpackIncludesNote is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xcdd9ea90.
//
// Solidity: function includesNote(bytes32 id, uint64 index, bytes32 digest, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) UnpackIncludesNote(data []byte) (bool, error) {
	out, err := dictionaryRegistry.abi.Unpack("includesNote", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackIsConsistent is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x916db517.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isConsistent(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) PackIsConsistent(oldSize uint64, oldRoot [32]byte, newSize uint64, newRoot [32]byte, proof [][32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("isConsistent", oldSize, oldRoot, newSize, newRoot, proof)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsConsistent is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x916db517.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isConsistent(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) TryPackIsConsistent(oldSize uint64, oldRoot [32]byte, newSize uint64, newRoot [32]byte, proof [][32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("isConsistent", oldSize, oldRoot, newSize, newRoot, proof)
}

// UnpackIsConsistent is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x916db517.
//
// Solidity: function isConsistent(uint64 oldSize, bytes32 oldRoot, uint64 newSize, bytes32 newRoot, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) UnpackIsConsistent(data []byte) (bool, error) {
	out, err := dictionaryRegistry.abi.Unpack("isConsistent", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackIsIncluded is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xed9a22b8.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function isIncluded(uint64 size, bytes32 root, uint64 index, bytes32 leafHash, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) PackIsIncluded(size uint64, root [32]byte, index uint64, leafHash [32]byte, proof [][32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("isIncluded", size, root, index, leafHash, proof)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackIsIncluded is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xed9a22b8.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function isIncluded(uint64 size, bytes32 root, uint64 index, bytes32 leafHash, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) TryPackIsIncluded(size uint64, root [32]byte, index uint64, leafHash [32]byte, proof [][32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("isIncluded", size, root, index, leafHash, proof)
}

// UnpackIsIncluded is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xed9a22b8.
//
// Solidity: function isIncluded(uint64 size, bytes32 root, uint64 index, bytes32 leafHash, bytes32[] proof) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) UnpackIsIncluded(data []byte) (bool, error) {
	out, err := dictionaryRegistry.abi.Unpack("isIncluded", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackMayPublish is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3761c3b2.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function mayPublish(bytes32 id, address account) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) PackMayPublish(id [32]byte, account common.Address) []byte {
	enc, err := dictionaryRegistry.abi.Pack("mayPublish", id, account)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackMayPublish is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x3761c3b2.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function mayPublish(bytes32 id, address account) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) TryPackMayPublish(id [32]byte, account common.Address) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("mayPublish", id, account)
}

// UnpackMayPublish is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0x3761c3b2.
//
// Solidity: function mayPublish(bytes32 id, address account) view returns(bool)
func (dictionaryRegistry *DictionaryRegistry) UnpackMayPublish(data []byte) (bool, error) {
	out, err := dictionaryRegistry.abi.Unpack("mayPublish", data)
	if err != nil {
		return *new(bool), err
	}
	out0 := *abi.ConvertType(out[0], new(bool)).(*bool)
	return out0, nil
}

// PackPublish is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x82576860.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function publish((bytes32,uint64,uint64,bytes32,bytes32) e, bytes32[] proof) returns()
func (dictionaryRegistry *DictionaryRegistry) PackPublish(e DictionaryRegistryExtension, proof [][32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("publish", e, proof)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPublish is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x82576860.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function publish((bytes32,uint64,uint64,bytes32,bytes32) e, bytes32[] proof) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackPublish(e DictionaryRegistryExtension, proof [][32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("publish", e, proof)
}

// PackPublishSigned is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4b358a89.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function publishSigned((bytes32,uint64,uint64,bytes32,bytes32) e, bytes32[] proof, uint256 deadline, uint8 v, bytes32 r, bytes32 s) returns()
func (dictionaryRegistry *DictionaryRegistry) PackPublishSigned(e DictionaryRegistryExtension, proof [][32]byte, deadline *big.Int, v uint8, r [32]byte, s [32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("publishSigned", e, proof, deadline, v, r, s)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackPublishSigned is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x4b358a89.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function publishSigned((bytes32,uint64,uint64,bytes32,bytes32) e, bytes32[] proof, uint256 deadline, uint8 v, bytes32 r, bytes32 s) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackPublishSigned(e DictionaryRegistryExtension, proof [][32]byte, deadline *big.Int, v uint8, r [32]byte, s [32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("publishSigned", e, proof, deadline, v, r, s)
}

// PackRegister is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe1fa8e84.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function register(bytes32 salt) returns(bytes32 id)
func (dictionaryRegistry *DictionaryRegistry) PackRegister(salt [32]byte) []byte {
	enc, err := dictionaryRegistry.abi.Pack("register", salt)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackRegister is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xe1fa8e84.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function register(bytes32 salt) returns(bytes32 id)
func (dictionaryRegistry *DictionaryRegistry) TryPackRegister(salt [32]byte) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("register", salt)
}

// UnpackRegister is the Go binding that unpacks the parameters returned
// from invoking the contract method with ID 0xe1fa8e84.
//
// Solidity: function register(bytes32 salt) returns(bytes32 id)
func (dictionaryRegistry *DictionaryRegistry) UnpackRegister(data []byte) ([32]byte, error) {
	out, err := dictionaryRegistry.abi.Unpack("register", data)
	if err != nil {
		return *new([32]byte), err
	}
	out0 := *abi.ConvertType(out[0], new([32]byte)).(*[32]byte)
	return out0, nil
}

// PackSetName is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x77372213.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setName(bytes32 id, string name) returns()
func (dictionaryRegistry *DictionaryRegistry) PackSetName(id [32]byte, name string) []byte {
	enc, err := dictionaryRegistry.abi.Pack("setName", id, name)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetName is the Go binding used to pack the parameters required for calling
// the contract method with ID 0x77372213.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setName(bytes32 id, string name) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackSetName(id [32]byte, name string) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("setName", id, name)
}

// PackSetPublisher is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc7ad9d4d.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function setPublisher(bytes32 id, address account, bool allowed) returns()
func (dictionaryRegistry *DictionaryRegistry) PackSetPublisher(id [32]byte, account common.Address, allowed bool) []byte {
	enc, err := dictionaryRegistry.abi.Pack("setPublisher", id, account, allowed)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackSetPublisher is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xc7ad9d4d.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function setPublisher(bytes32 id, address account, bool allowed) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackSetPublisher(id [32]byte, account common.Address, allowed bool) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("setPublisher", id, account, allowed)
}

// PackTransferOwnership is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xef5d6bbb.  This method will panic if any
// invalid/nil inputs are passed.
//
// Solidity: function transferOwnership(bytes32 id, address to) returns()
func (dictionaryRegistry *DictionaryRegistry) PackTransferOwnership(id [32]byte, to common.Address) []byte {
	enc, err := dictionaryRegistry.abi.Pack("transferOwnership", id, to)
	if err != nil {
		panic(err)
	}
	return enc
}

// TryPackTransferOwnership is the Go binding used to pack the parameters required for calling
// the contract method with ID 0xef5d6bbb.  This method will return an error
// if any inputs are invalid/nil.
//
// Solidity: function transferOwnership(bytes32 id, address to) returns()
func (dictionaryRegistry *DictionaryRegistry) TryPackTransferOwnership(id [32]byte, to common.Address) ([]byte, error) {
	return dictionaryRegistry.abi.Pack("transferOwnership", id, to)
}

// DictionaryRegistryDeprecated represents a Deprecated event raised by the DictionaryRegistry contract.
type DictionaryRegistryDeprecated struct {
	Id            [32]byte
	Number        uint64
	Reason        string
	Time          uint64
	PreviousBlock uint64
	Raw           *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryDeprecatedEventName = "Deprecated"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryDeprecated) ContractEventName() string {
	return DictionaryRegistryDeprecatedEventName
}

// UnpackDeprecatedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Deprecated(bytes32 indexed id, uint64 indexed number, string reason, uint64 time, uint64 previousBlock)
func (dictionaryRegistry *DictionaryRegistry) UnpackDeprecatedEvent(log *types.Log) (*DictionaryRegistryDeprecated, error) {
	event := "Deprecated"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryDeprecated)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// DictionaryRegistryFrozen represents a Frozen event raised by the DictionaryRegistry contract.
type DictionaryRegistryFrozen struct {
	Id  [32]byte
	Raw *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryFrozenEventName = "Frozen"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryFrozen) ContractEventName() string {
	return DictionaryRegistryFrozenEventName
}

// UnpackFrozenEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Frozen(bytes32 indexed id)
func (dictionaryRegistry *DictionaryRegistry) UnpackFrozenEvent(log *types.Log) (*DictionaryRegistryFrozen, error) {
	event := "Frozen"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryFrozen)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// DictionaryRegistryNamed represents a Named event raised by the DictionaryRegistry contract.
type DictionaryRegistryNamed struct {
	Id   [32]byte
	Name string
	Raw  *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryNamedEventName = "Named"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryNamed) ContractEventName() string {
	return DictionaryRegistryNamedEventName
}

// UnpackNamedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Named(bytes32 indexed id, string name)
func (dictionaryRegistry *DictionaryRegistry) UnpackNamedEvent(log *types.Log) (*DictionaryRegistryNamed, error) {
	event := "Named"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryNamed)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// DictionaryRegistryOwnershipOffered represents a OwnershipOffered event raised by the DictionaryRegistry contract.
type DictionaryRegistryOwnershipOffered struct {
	Id           [32]byte
	Owner        common.Address
	PendingOwner common.Address
	Raw          *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryOwnershipOfferedEventName = "OwnershipOffered"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryOwnershipOffered) ContractEventName() string {
	return DictionaryRegistryOwnershipOfferedEventName
}

// UnpackOwnershipOfferedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event OwnershipOffered(bytes32 indexed id, address indexed owner, address indexed pendingOwner)
func (dictionaryRegistry *DictionaryRegistry) UnpackOwnershipOfferedEvent(log *types.Log) (*DictionaryRegistryOwnershipOffered, error) {
	event := "OwnershipOffered"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryOwnershipOffered)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// DictionaryRegistryOwnershipTransferred represents a OwnershipTransferred event raised by the DictionaryRegistry contract.
type DictionaryRegistryOwnershipTransferred struct {
	Id       [32]byte
	OldOwner common.Address
	NewOwner common.Address
	Raw      *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryOwnershipTransferredEventName = "OwnershipTransferred"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryOwnershipTransferred) ContractEventName() string {
	return DictionaryRegistryOwnershipTransferredEventName
}

// UnpackOwnershipTransferredEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event OwnershipTransferred(bytes32 indexed id, address indexed oldOwner, address indexed newOwner)
func (dictionaryRegistry *DictionaryRegistry) UnpackOwnershipTransferredEvent(log *types.Log) (*DictionaryRegistryOwnershipTransferred, error) {
	event := "OwnershipTransferred"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryOwnershipTransferred)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// DictionaryRegistryPublished represents a Published event raised by the DictionaryRegistry contract.
type DictionaryRegistryPublished struct {
	Id            [32]byte
	Number        uint64
	Size          uint64
	Root          [32]byte
	Manifest      [32]byte
	Publisher     common.Address
	Time          uint64
	PreviousBlock uint64
	Raw           *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryPublishedEventName = "Published"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryPublished) ContractEventName() string {
	return DictionaryRegistryPublishedEventName
}

// UnpackPublishedEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Published(bytes32 indexed id, uint64 indexed number, uint64 size, bytes32 root, bytes32 manifest, address publisher, uint64 time, uint64 previousBlock)
func (dictionaryRegistry *DictionaryRegistry) UnpackPublishedEvent(log *types.Log) (*DictionaryRegistryPublished, error) {
	event := "Published"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryPublished)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// DictionaryRegistryPublisherSet represents a PublisherSet event raised by the DictionaryRegistry contract.
type DictionaryRegistryPublisherSet struct {
	Id      [32]byte
	Account common.Address
	Allowed bool
	Raw     *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryPublisherSetEventName = "PublisherSet"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryPublisherSet) ContractEventName() string {
	return DictionaryRegistryPublisherSetEventName
}

// UnpackPublisherSetEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event PublisherSet(bytes32 indexed id, address indexed account, bool allowed)
func (dictionaryRegistry *DictionaryRegistry) UnpackPublisherSetEvent(log *types.Log) (*DictionaryRegistryPublisherSet, error) {
	event := "PublisherSet"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryPublisherSet)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// DictionaryRegistryRegistered represents a Registered event raised by the DictionaryRegistry contract.
type DictionaryRegistryRegistered struct {
	Id    [32]byte
	Owner common.Address
	Salt  [32]byte
	Raw   *types.Log // Blockchain specific contextual infos
}

const DictionaryRegistryRegisteredEventName = "Registered"

// ContractEventName returns the user-defined event name.
func (DictionaryRegistryRegistered) ContractEventName() string {
	return DictionaryRegistryRegisteredEventName
}

// UnpackRegisteredEvent is the Go binding that unpacks the event data emitted
// by contract.
//
// Solidity: event Registered(bytes32 indexed id, address indexed owner, bytes32 salt)
func (dictionaryRegistry *DictionaryRegistry) UnpackRegisteredEvent(log *types.Log) (*DictionaryRegistryRegistered, error) {
	event := "Registered"
	if len(log.Topics) == 0 {
		return nil, bind.ErrNoEventSignature
	}
	if log.Topics[0] != dictionaryRegistry.abi.Events[event].ID {
		return nil, bind.ErrEventSignatureMismatch
	}
	out := new(DictionaryRegistryRegistered)
	if len(log.Data) > 0 {
		if err := dictionaryRegistry.abi.UnpackIntoInterface(out, event, log.Data); err != nil {
			return nil, err
		}
	}
	var indexed abi.Arguments
	for _, arg := range dictionaryRegistry.abi.Events[event].Inputs {
		if arg.Indexed {
			indexed = append(indexed, arg)
		}
	}
	if err := abi.ParseTopics(out, indexed, log.Topics[1:]); err != nil {
		return nil, err
	}
	out.Raw = log
	return out, nil
}

// UnpackError attempts to decode the provided error data using user-defined
// error definitions.
func (dictionaryRegistry *DictionaryRegistry) UnpackError(raw []byte) (any, error) {
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["AlreadyRegistered"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackAlreadyRegisteredError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["DictionaryFrozen"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackDictionaryFrozenError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["NotAnExtension"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackNotAnExtensionError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["NotLarger"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackNotLargerError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["NotOwner"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackNotOwnerError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["NotPendingOwner"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackNotPendingOwnerError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["NotPublisher"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackNotPublisherError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["NotRegistered"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackNotRegisteredError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["SignatureExpired"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackSignatureExpiredError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["StaleVersion"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackStaleVersionError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["TextTooLong"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackTextTooLongError(raw[4:])
	}
	if bytes.Equal(raw[:4], dictionaryRegistry.abi.Errors["UnknownVersion"].ID.Bytes()[:4]) {
		return dictionaryRegistry.UnpackUnknownVersionError(raw[4:])
	}
	return nil, errors.New("Unknown error")
}

// DictionaryRegistryAlreadyRegistered represents a AlreadyRegistered error raised by the DictionaryRegistry contract.
type DictionaryRegistryAlreadyRegistered struct {
	Id [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error AlreadyRegistered(bytes32 id)
func DictionaryRegistryAlreadyRegisteredErrorID() common.Hash {
	return common.HexToHash("0x77caf672214035207a45708060aa1e2e66841e1b2dbaefae83058807272a7a8a")
}

// UnpackAlreadyRegisteredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error AlreadyRegistered(bytes32 id)
func (dictionaryRegistry *DictionaryRegistry) UnpackAlreadyRegisteredError(raw []byte) (*DictionaryRegistryAlreadyRegistered, error) {
	out := new(DictionaryRegistryAlreadyRegistered)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "AlreadyRegistered", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryDictionaryFrozen represents a DictionaryFrozen error raised by the DictionaryRegistry contract.
type DictionaryRegistryDictionaryFrozen struct {
	Id [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error DictionaryFrozen(bytes32 id)
func DictionaryRegistryDictionaryFrozenErrorID() common.Hash {
	return common.HexToHash("0x1cea48f9c4c084c631f39fde8ca3e4b875da5b909a4cdc04d4dae3a80648cf5c")
}

// UnpackDictionaryFrozenError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error DictionaryFrozen(bytes32 id)
func (dictionaryRegistry *DictionaryRegistry) UnpackDictionaryFrozenError(raw []byte) (*DictionaryRegistryDictionaryFrozen, error) {
	out := new(DictionaryRegistryDictionaryFrozen)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "DictionaryFrozen", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryNotAnExtension represents a NotAnExtension error raised by the DictionaryRegistry contract.
type DictionaryRegistryNotAnExtension struct {
	Id      [32]byte
	OldSize uint64
	NewSize uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotAnExtension(bytes32 id, uint64 oldSize, uint64 newSize)
func DictionaryRegistryNotAnExtensionErrorID() common.Hash {
	return common.HexToHash("0x69bd0b4938b91ac5e1a60a9ddea66b3834dd34798b2c5f7b2b4e44c7bc6191cf")
}

// UnpackNotAnExtensionError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotAnExtension(bytes32 id, uint64 oldSize, uint64 newSize)
func (dictionaryRegistry *DictionaryRegistry) UnpackNotAnExtensionError(raw []byte) (*DictionaryRegistryNotAnExtension, error) {
	out := new(DictionaryRegistryNotAnExtension)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "NotAnExtension", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryNotLarger represents a NotLarger error raised by the DictionaryRegistry contract.
type DictionaryRegistryNotLarger struct {
	Id      [32]byte
	OldSize uint64
	NewSize uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotLarger(bytes32 id, uint64 oldSize, uint64 newSize)
func DictionaryRegistryNotLargerErrorID() common.Hash {
	return common.HexToHash("0xe2ac932d095a1d047ac7abedcd105f315721cb0a8524ade5eef2ea94a32cde5e")
}

// UnpackNotLargerError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotLarger(bytes32 id, uint64 oldSize, uint64 newSize)
func (dictionaryRegistry *DictionaryRegistry) UnpackNotLargerError(raw []byte) (*DictionaryRegistryNotLarger, error) {
	out := new(DictionaryRegistryNotLarger)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "NotLarger", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryNotOwner represents a NotOwner error raised by the DictionaryRegistry contract.
type DictionaryRegistryNotOwner struct {
	Id      [32]byte
	Account common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotOwner(bytes32 id, address account)
func DictionaryRegistryNotOwnerErrorID() common.Hash {
	return common.HexToHash("0x0e25346d3923fdf61b8b8de5a7da7267aa43093abc1ce6c52cbd87b4dcd30574")
}

// UnpackNotOwnerError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotOwner(bytes32 id, address account)
func (dictionaryRegistry *DictionaryRegistry) UnpackNotOwnerError(raw []byte) (*DictionaryRegistryNotOwner, error) {
	out := new(DictionaryRegistryNotOwner)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "NotOwner", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryNotPendingOwner represents a NotPendingOwner error raised by the DictionaryRegistry contract.
type DictionaryRegistryNotPendingOwner struct {
	Id      [32]byte
	Account common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotPendingOwner(bytes32 id, address account)
func DictionaryRegistryNotPendingOwnerErrorID() common.Hash {
	return common.HexToHash("0xe0138de3934238c66213c248cc2c12a1502a4c3b21077ea8a9a5210f764e0dc5")
}

// UnpackNotPendingOwnerError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotPendingOwner(bytes32 id, address account)
func (dictionaryRegistry *DictionaryRegistry) UnpackNotPendingOwnerError(raw []byte) (*DictionaryRegistryNotPendingOwner, error) {
	out := new(DictionaryRegistryNotPendingOwner)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "NotPendingOwner", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryNotPublisher represents a NotPublisher error raised by the DictionaryRegistry contract.
type DictionaryRegistryNotPublisher struct {
	Id      [32]byte
	Account common.Address
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotPublisher(bytes32 id, address account)
func DictionaryRegistryNotPublisherErrorID() common.Hash {
	return common.HexToHash("0xf02cd7ac232e035da2070852243496fb88ff553fd6ad041023429bde15faba35")
}

// UnpackNotPublisherError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotPublisher(bytes32 id, address account)
func (dictionaryRegistry *DictionaryRegistry) UnpackNotPublisherError(raw []byte) (*DictionaryRegistryNotPublisher, error) {
	out := new(DictionaryRegistryNotPublisher)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "NotPublisher", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryNotRegistered represents a NotRegistered error raised by the DictionaryRegistry contract.
type DictionaryRegistryNotRegistered struct {
	Id [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error NotRegistered(bytes32 id)
func DictionaryRegistryNotRegisteredErrorID() common.Hash {
	return common.HexToHash("0x8cc00d16d993ecf8307809fb88fda776e550116fa44f080c604d0c3d12d1a849")
}

// UnpackNotRegisteredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error NotRegistered(bytes32 id)
func (dictionaryRegistry *DictionaryRegistry) UnpackNotRegisteredError(raw []byte) (*DictionaryRegistryNotRegistered, error) {
	out := new(DictionaryRegistryNotRegistered)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "NotRegistered", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistrySignatureExpired represents a SignatureExpired error raised by the DictionaryRegistry contract.
type DictionaryRegistrySignatureExpired struct {
	Id       [32]byte
	Deadline *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error SignatureExpired(bytes32 id, uint256 deadline)
func DictionaryRegistrySignatureExpiredErrorID() common.Hash {
	return common.HexToHash("0xe8dcc75e88db46a86628511d9d2122c21462406389f83d019196d0258a9dc6eb")
}

// UnpackSignatureExpiredError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error SignatureExpired(bytes32 id, uint256 deadline)
func (dictionaryRegistry *DictionaryRegistry) UnpackSignatureExpiredError(raw []byte) (*DictionaryRegistrySignatureExpired, error) {
	out := new(DictionaryRegistrySignatureExpired)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "SignatureExpired", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryStaleVersion represents a StaleVersion error raised by the DictionaryRegistry contract.
type DictionaryRegistryStaleVersion struct {
	Id       [32]byte
	OldSize  uint64
	HeadSize uint64
	HeadRoot [32]byte
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error StaleVersion(bytes32 id, uint64 oldSize, uint64 headSize, bytes32 headRoot)
func DictionaryRegistryStaleVersionErrorID() common.Hash {
	return common.HexToHash("0x7723580003db34ab58d883ab377e67bbd56da2f993c65cfd282164c88c5598f8")
}

// UnpackStaleVersionError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error StaleVersion(bytes32 id, uint64 oldSize, uint64 headSize, bytes32 headRoot)
func (dictionaryRegistry *DictionaryRegistry) UnpackStaleVersionError(raw []byte) (*DictionaryRegistryStaleVersion, error) {
	out := new(DictionaryRegistryStaleVersion)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "StaleVersion", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryTextTooLong represents a TextTooLong error raised by the DictionaryRegistry contract.
type DictionaryRegistryTextTooLong struct {
	Length *big.Int
	Limit  *big.Int
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error TextTooLong(uint256 length, uint256 limit)
func DictionaryRegistryTextTooLongErrorID() common.Hash {
	return common.HexToHash("0xf4eb2b2dbe319380c840209258eb848c417097b3e21292e1f63f878c9e784194")
}

// UnpackTextTooLongError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error TextTooLong(uint256 length, uint256 limit)
func (dictionaryRegistry *DictionaryRegistry) UnpackTextTooLongError(raw []byte) (*DictionaryRegistryTextTooLong, error) {
	out := new(DictionaryRegistryTextTooLong)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "TextTooLong", raw); err != nil {
		return nil, err
	}
	return out, nil
}

// DictionaryRegistryUnknownVersion represents a UnknownVersion error raised by the DictionaryRegistry contract.
type DictionaryRegistryUnknownVersion struct {
	Id       [32]byte
	Number   uint64
	Versions uint64
}

// ErrorID returns the hash of canonical representation of the error's signature.
//
// Solidity: error UnknownVersion(bytes32 id, uint64 number, uint64 versions)
func DictionaryRegistryUnknownVersionErrorID() common.Hash {
	return common.HexToHash("0x01ddd90e39de5c25ffd7b1f5f73ab6b59795a062565d3c86846a40dd92675f65")
}

// UnpackUnknownVersionError is the Go binding used to decode the provided
// error data into the corresponding Go error struct.
//
// Solidity: error UnknownVersion(bytes32 id, uint64 number, uint64 versions)
func (dictionaryRegistry *DictionaryRegistry) UnpackUnknownVersionError(raw []byte) (*DictionaryRegistryUnknownVersion, error) {
	out := new(DictionaryRegistryUnknownVersion)
	if err := dictionaryRegistry.abi.UnpackIntoInterface(out, "UnknownVersion", raw); err != nil {
		return nil, err
	}
	return out, nil
}
