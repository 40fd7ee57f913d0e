package devchain

import (
	"bytes"
	"context"
	"errors"
	stdlog "log"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
)

func start(t *testing.T, o Options) *Chain {
	t.Helper()
	began := time.Now()
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("start took %v", took)
	} else {
		t.Logf("start took %v", took)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func dial(t *testing.T, url string) *ethclient.Client {
	t.Helper()
	client, err := ethclient.DialContext(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// pay sends one ether from the first account and waits until it is mined.
func pay(t *testing.T, client *ethclient.Client, to common.Address) *types.Receipt {
	t.Helper()
	from := Accounts()[0]
	key, err := crypto.HexToECDSA(from.Key)
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := client.PendingNonceAt(t.Context(), from.Address)
	if err != nil {
		t.Fatal(err)
	}
	tx := types.MustSignNewTx(key, types.LatestSignerForChainID(big.NewInt(ChainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(ChainID), Nonce: nonce, To: &to, Gas: 21000, Value: big.NewInt(1e18),
		GasTipCap: big.NewInt(1), GasFeeCap: big.NewInt(1e11),
	})
	if err := client.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if r, err := client.TransactionReceipt(t.Context(), tx.Hash()); err == nil {
			return r
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("transaction was not mined within 5 s")
	return nil
}

func TestAccountsHaveTheirKeys(t *testing.T) {
	for _, a := range Accounts() {
		key, err := crypto.HexToECDSA(a.Key)
		if err != nil {
			t.Fatal(err)
		}
		if got := crypto.PubkeyToAddress(key.PublicKey); got != a.Address {
			t.Errorf("key of %s belongs to %s", a.Address, got)
		}
	}
}

func TestMinesOnATransactionOverHTTPAndWebSocket(t *testing.T) {
	c := start(t, Options{})
	to := common.HexToAddress("0x1")
	to[0] = 0xee
	for _, url := range []string{c.URL(), c.WebSocketURL()} {
		client := dial(t, url)
		before, err := client.BalanceAt(t.Context(), to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := pay(t, client, to); r.Status != 1 {
			t.Error("payment failed")
		}
		after, err := client.BalanceAt(t.Context(), to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if after.Sub(after, before).Cmp(big.NewInt(1e18)) != 0 {
			t.Errorf("received %v wei", after)
		}
		if id, err := client.ChainID(t.Context()); err != nil || id.Int64() != ChainID {
			t.Errorf("chain id %v, %v", id, err)
		}
	}
	if c.Block() != 2 {
		t.Errorf("two transactions, one after the other, gave %d blocks", c.Block())
	}
	client := dial(t, c.URL())
	if code, err := client.CodeAt(t.Context(), create2Deployer, nil); err != nil || !bytes.Equal(code, create2DeployerCode) {
		t.Errorf("CREATE2 deployer: %x, %v", code, err)
	}
}

func TestStateOutlivesRestart(t *testing.T) {
	dir := t.TempDir()
	to := common.HexToAddress("0xee00000000000000000000000000000000000001")
	var hash common.Hash
	for round := range 3 {
		c := start(t, Options{Dir: dir})
		if c.Created() != (round == 0) {
			t.Errorf("round %d: created is %v", round, c.Created())
		}
		if c.Block() != uint64(round) {
			t.Fatalf("round %d starts at block %d", round, c.Block())
		}
		client := dial(t, c.URL())
		if round > 0 {
			if _, err := client.TransactionReceipt(t.Context(), hash); err != nil {
				t.Errorf("receipt of round %d: %v", round-1, err)
			}
		}
		hash = pay(t, client, to).TxHash
		// Old states too, which old storage proofs need.
		for block := range int64(round + 2) {
			b, err := client.BalanceAt(t.Context(), to, big.NewInt(block))
			if err != nil {
				t.Fatal(err)
			}
			if want := new(big.Int).Mul(big.NewInt(block), big.NewInt(1e18)); b.Cmp(want) != 0 {
				t.Errorf("round %d: balance at block %d is %v", round, block, b)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	}
}

func TestOneProcessPerDirectory(t *testing.T) {
	dir := t.TempDir()
	c := start(t, Options{Dir: dir})
	_, err := Start(t.Context(), Options{Dir: dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Errorf("second start: %v", err)
	}
	// The one that runs is not disturbed.
	pay(t, dial(t, c.URL()), common.HexToAddress("0xee"))
}

func TestBadAddresses(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0:0":       "only a loopback address",
		":8545":           "only a loopback address",
		"192.0.2.1:80":    "only a loopback address",
		"127.0.0.1":       "want host:port",
		"127.0.0.1:99999": "want a port from 0 to 65535",
		"127.0.0.1:http":  "want a port from 0 to 65535",
	} {
		c, err := Start(t.Context(), Options{Addr: addr})
		if err == nil {
			c.Close()
			t.Errorf("%s: accepted", addr)
		} else if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), addr) {
			t.Errorf("%s: %v", addr, err)
		}
	}
	c := start(t, Options{})
	addr := strings.TrimPrefix(c.URL(), "http://")
	if _, err := Start(t.Context(), Options{Addr: addr}); err == nil || !strings.Contains(err.Error(), addr+" is in use") {
		t.Errorf("port in use: %v", err)
	}
}

func TestChosenAddress(t *testing.T) {
	c := start(t, Options{Addr: "localhost:0"})
	addr := strings.TrimPrefix(c.URL(), "http://")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = start(t, Options{Addr: addr})
	if c.URL() != "http://"+addr || c.WebSocketURL() != "ws://"+addr {
		t.Errorf("asked for %s, got %s and %s", addr, c.URL(), c.WebSocketURL())
	}
}

func TestReorgTakesBlocksBack(t *testing.T) {
	c := start(t, Options{})
	client := dial(t, c.URL())
	c.Mine(2)
	kept := pay(t, client, common.HexToAddress("0xee01"))
	lost := pay(t, client, common.HexToAddress("0xee02"))
	c.Mine(1)
	if err := c.Reorg(2); err != nil {
		t.Fatal(err)
	}
	c.Mine(3)
	if c.Block() != 6 {
		t.Errorf("at block %d after taking back 2 of 5 and mining 3", c.Block())
	}
	if r, err := client.TransactionReceipt(t.Context(), kept.TxHash); err != nil || r.BlockHash != kept.BlockHash {
		t.Errorf("transaction below the fork: %v", err)
	}
	if _, err := client.TransactionReceipt(t.Context(), lost.TxHash); err == nil {
		t.Error("transaction above the fork is still there")
	}
	if err := c.Reorg(6); err == nil {
		t.Error("took back all blocks")
	}
}

// What geth logs arrives at level debug, and whoever logs otherwise is left alone.
func TestLog(t *testing.T) {
	var std, got bytes.Buffer
	stdlog.SetOutput(&std)
	c := start(t, Options{Log: slog.New(slog.NewTextHandler(&got, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	slog.Info("still there")
	c.Close()
	start(t, Options{}) // takes the logger away again
	if got.Len() == 0 || strings.Count(got.String(), "level=DEBUG") != strings.Count(got.String(), "level=") {
		t.Errorf("log at other levels: %s", got.String())
	}
	if !strings.Contains(std.String(), "still there") || strings.Count(std.String(), "\n") != 1 {
		t.Errorf("standard log: %q", std.String())
	}
}

func TestStartHonoursContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := Start(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", c, err)
	}
}
