package devchain

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/catalyst"
	"github.com/ethereum/go-ethereum/event"
)

// miner makes a block whenever the pool has transactions that can be executed. The node's own loop for this could still
// write to the database while it closes; this one has ended when stop returns.
type miner struct {
	// mu is held while a block is made and around every TxPool.Sync: of two at the same time, one would never return.
	mu     sync.Mutex
	beacon *catalyst.SimulatedBeacon
	eth    *eth.Ethereum
	txs    chan core.NewTxsEvent
	sub    event.Subscription
	quit   chan struct{}
	once   sync.Once
	paused atomic.Bool
	done   sync.WaitGroup
}

func startMiner(e *eth.Ethereum, beacon *catalyst.SimulatedBeacon) *miner {
	m := &miner{
		beacon: beacon,
		eth:    e,
		txs:    make(chan core.NewTxsEvent, 64),
		quit:   make(chan struct{}),
	}
	m.sub = e.TxPool().SubscribeTransactions(m.txs, true)
	m.done.Add(1)
	go m.run()
	return m
}

// A transaction that waits for the base fee to fall gets it fallen by empty blocks, one each time.
const patience = 200 * time.Millisecond

func (m *miner) run() {
	defer m.done.Done()
	defer m.sub.Unsubscribe()
	var again <-chan time.Time
	for {
		select {
		case <-m.quit:
			return
		case <-m.sub.Err():
			return
		case <-m.txs:
		case <-again:
		}
		for len(m.txs) > 0 {
			<-m.txs
		}
		again = nil
		for !m.paused.Load() && m.executable() > 0 {
			before := m.executable()
			m.mine()
			if m.executable() >= before {
				again = time.After(patience)
				break
			}
			select {
			case <-m.quit:
				return
			default:
			}
		}
	}
}

// executable counts the pool's transactions that only wait for a block.
func (m *miner) executable() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.eth.TxPool().Sync()
	n, _ := m.eth.TxPool().Stats()
	return n
}

func (m *miner) mine() {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.quit:
	default:
		m.beacon.Commit()
	}
}

func (m *miner) reorg(e *eth.Ethereum, n uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	head := e.BlockChain().CurrentBlock().Number.Uint64()
	if n >= head {
		return fmt.Errorf("development chain: cannot take back %d of %d blocks", n, head)
	}
	parent := e.BlockChain().GetBlockByNumber(head - n)
	if parent == nil {
		return errors.New("development chain: no such block")
	}
	m.beacon.Rollback()
	if err := m.beacon.Fork(parent.Hash()); err != nil {
		return fmt.Errorf("development chain: %w", err)
	}
	m.eth.TxPool().Sync()
	m.beacon.Rollback() // the pool has put the lost transactions back
	return nil
}

func (m *miner) stop() {
	m.once.Do(func() {
		close(m.quit)
		m.done.Wait()
		m.mu.Lock()
		m.beacon.Stop()
		m.mu.Unlock()
	})
}
