// Package devchain is an Ethereum chain for development in this process: a go-ethereum node without peers that mines a
// block as soon as a transaction arrives, keeps everything on disk or in memory, and serves JSON-RPC on loopback.
//
// It runs main net's present rules and gas prices, keeps all old states (so that storage proofs of any block can be
// had), and holds Anvil's well-known accounts, whose keys everybody knows. Nothing on it is worth anything, or safe.
//
// Importing it links most of geth, about 30 MB: only a command that runs a chain should.
package devchain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/rpc"
)

// ChainID is the chain id of every development chain (EIP-155), geth's and Ganache's usual one.
const ChainID = 1337

// Options say where a chain lives. The zero value is a chain in memory on a free port.
type Options struct {
	// Dir holds the chain's state, and is made if need be. One process at a time can use it. Empty: in memory.
	Dir string
	// Addr is where JSON-RPC is served, HTTP and WebSocket on one port; host and port, where the host is a loopback
	// address and port 0 means any free one. Empty: 127.0.0.1:0.
	Addr string
	// Log gets what the node has to say, all at level debug. The node's logger is one per process: the chain that was
	// started last has it. Nil: nothing is logged.
	Log *slog.Logger
}

// Chain is a running chain. Close it, or its last blocks may be lost.
type Chain struct {
	node    *node.Node
	eth     *eth.Ethereum
	miner   *miner
	created bool
}

// ErrInUse is wrapped by Start when another process runs a chain in the directory.
var ErrInUse = errors.New("another chain is running there")

// Start starts a chain, which is ready to be called when Start returns. The context covers only the start.
func Start(ctx context.Context, o Options) (*Chain, error) {
	host, port, err := loopback(o.Addr)
	if err != nil {
		return nil, err
	}
	created := true
	if o.Dir != "" {
		if o.Dir, err = filepath.Abs(o.Dir); err != nil {
			return nil, fmt.Errorf("development chain: %w", err)
		}
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("development chain: %w", err)
		}
		_, err := os.Stat(filepath.Join(o.Dir, name, "chaindata"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("development chain: %w", err)
		}
		created = err != nil
	}
	setLog(o.Log)

	stack, err := node.New(&node.Config{
		Name:    name,
		DataDir: o.Dir,
		P2P:     p2p.Config{NoDiscovery: true, NoDial: true, MaxPeers: 0},
		// One server for both.
		HTTPHost: host, HTTPPort: port, HTTPModules: modules, HTTPTimeouts: rpc.DefaultHTTPTimeouts, HTTPVirtualHosts: []string{"localhost"},
		WSHost: host, WSPort: port, WSModules: modules, WSOrigins: []string{},
		BatchRequestLimit:    node.DefaultConfig.BatchRequestLimit,
		BatchResponseMaxSize: node.DefaultConfig.BatchResponseMaxSize,
	})
	if errors.Is(err, node.ErrDatadirUsed) {
		return nil, fmt.Errorf("development chain in %s: %w", o.Dir, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("development chain: %w", err)
	}
	c := &Chain{node: stack, created: created}
	if err := c.start(ctx); err != nil {
		if c.miner != nil {
			c.miner.stop()
		}
		stack.Close()
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("development chain: address %s is in use", net.JoinHostPort(host, strconv.Itoa(port)))
		}
		return nil, fmt.Errorf("development chain: %w", err)
	}
	return c, nil
}

const name = "devchain" // the folder inside of Options.Dir; must not change, or old chains are not found

var modules = []string{"eth", "net", "web3"}

func (c *Chain) start(ctx context.Context) error {
	config := ethconfig.Defaults
	config.Genesis = genesis()
	config.NetworkId = ChainID
	config.SyncMode = ethconfig.FullSync
	// Old proofs: every state of every block is kept.
	config.StateScheme = "hash"
	config.NoPruning = true
	config.LogNoHistory = true
	// The defaults are for main net's 2 TB.
	config.DatabaseCache = 16
	config.TrieCleanCache, config.TrieDirtyCache, config.SnapshotCache = 16, 16, 0
	config.TxPool.NoLocals = true
	config.TxPool.Journal = ""
	// What the pool takes the miner takes, so that no transaction waits for ever.
	config.Miner.GasPrice = big.NewInt(1)
	config.TxPool.PriceLimit = 1
	config.RPCTxFeeCap = 0
	var err error
	if c.eth, err = eth.New(c.node, &config); err != nil {
		return err
	}
	c.node.RegisterAPIs([]rpc.API{{
		Namespace: "eth",
		Service:   filters.NewFilterAPI(filters.NewFilterSystem(c.eth.APIBackend, filters.Config{})),
	}})
	beacon, err := catalyst.NewSimulatedBeacon(0, common.Address{}, c.eth)
	if err != nil {
		return err
	}
	c.eth.SetSynced()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.node.Start(); err != nil {
		return err
	}
	c.miner = startMiner(c.eth, beacon)
	return nil
}

// genesis is block 0: main net's rules, Anvil's accounts with 10,000 ether each, and the CREATE2 deployer.
func genesis() *core.Genesis {
	g := core.DeveloperGenesisBlock(30_000_000, nil)
	g.Config.ChainID = big.NewInt(ChainID)
	g.Config.BogotaTime = nil // a draft, with gas prices of its own
	ether := new(big.Int).Exp(big.NewInt(10), big.NewInt(18), nil)
	for _, a := range Accounts() {
		g.Alloc[a.Address] = types.Account{Balance: new(big.Int).Mul(big.NewInt(10_000), ether)}
	}
	g.Alloc[create2Deployer] = types.Account{Code: create2DeployerCode, Nonce: 1, Balance: new(big.Int)}
	return g
}

// URL returns where JSON-RPC is served, as http://127.0.0.1:8545.
func (c *Chain) URL() string { return c.node.HTTPEndpoint() }

// WebSocketURL returns where JSON-RPC is served over WebSocket, as ws://127.0.0.1:8545.
func (c *Chain) WebSocketURL() string { return c.node.WSEndpoint() }

// Created tells whether Start made the chain, rather than finding it on disk.
func (c *Chain) Created() bool { return c.created }

// Block returns the number of the newest block.
func (c *Chain) Block() uint64 { return c.eth.BlockChain().CurrentBlock().Number.Uint64() }

// Mine appends n blocks without waiting for transactions: what lets confirmations come.
func (c *Chain) Mine(n int) {
	for range n {
		c.miner.mine()
	}
}

// Pause lets transactions wait, until Resume: what a busy chain does.
func (c *Chain) Pause() { c.miner.paused.Store(true) }

// Resume ends a Pause, and mines what has waited.
func (c *Chain) Resume() {
	c.miner.paused.Store(false)
	select {
	case c.miner.txs <- core.NewTxsEvent{}:
	default: // others wait already
	}
}

// Reorg takes back the newest n blocks, at least 1 of which must remain besides block 0. Their transactions are lost, and
// the chain goes on from there; Mine n+1 blocks to have a longer chain than the one that was.
func (c *Chain) Reorg(n int) error {
	return c.miner.reorg(c.eth, uint64(n))
}

// Close stops the chain and keeps its state. Calling it again does nothing.
func (c *Chain) Close() error {
	if c.node == nil {
		return nil
	}
	c.miner.stop() // before the database closes under it
	err := c.node.Close()
	c.node = nil
	return err
}

// ErrAddress says that an address is none to listen on.
var ErrAddress = errors.New("listen address")

// loopback splits a listen address and refuses one that others could reach.
func loopback(addr string) (host string, port int, err error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("development chain: %w %q: want host:port", ErrAddress, addr)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("development chain: %w %q: only a loopback address will do, because everybody knows the keys", ErrAddress, addr)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("development chain: %w %q: want a port from 0 to 65535", ErrAddress, addr)
	}
	return host, int(n), nil
}
