package chain

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

// clef answers as Clef does: it reads the arguments with geth's own types for that.
type clef struct {
	keys   []*KeySigner
	deny   bool
	change func(*apitypes.SendTxArgs)
	think  time.Duration
}

func (c *clef) List() []common.Address {
	var list []common.Address
	for _, k := range c.keys {
		list = append(list, k.Address())
	}
	return list
}

func (c *clef) SignTransaction(ctx context.Context, args apitypes.SendTxArgs) (map[string]any, error) {
	select {
	case <-time.After(c.think):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c.deny {
		return nil, errors.New("request denied")
	}
	if c.change != nil {
		c.change(&args)
	}
	tx, err := args.ToTransaction()
	if err != nil {
		return nil, err
	}
	for _, k := range c.keys {
		if k.Address() == args.From.Address() {
			signed, err := k.SignTx(ctx, tx, tx.ChainId())
			if err != nil {
				return nil, err
			}
			raw, err := signed.MarshalBinary()
			return map[string]any{"raw": hexutil.Bytes(raw), "tx": signed}, err
		}
	}
	return nil, errors.New("unknown account")
}

func serveClef(t *testing.T, c *clef) string {
	server := rpc.NewServer()
	if err := server.RegisterName("account", c); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	return s.URL
}

func TestExternalSigner(t *testing.T) {
	dev := startDev(t)
	client := dialTest(t, dev.URL())
	key := devSigner(t, 2)
	c := &clef{keys: []*KeySigner{devSigner(t, 3), key}}
	url := serveClef(t, c)
	s, err := DialSigner(t.Context(), url, key.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	registry, _, err := Deploy(t.Context(), client, s)
	if err != nil {
		t.Fatal(err)
	}
	id, _, err := registry.Register(t.Context(), s, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	if h, err := registry.Head(t.Context(), id); err != nil || h.Owner != key.Address() {
		t.Errorf("%+v, %v", h, err)
	}

	c.deny = true
	if _, err := registry.Freeze(t.Context(), s, id); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), url) {
		t.Errorf("denied: %v", err)
	}
	c.deny = false
	// A signer that adds a little for itself is found out.
	c.change = func(args *apitypes.SendTxArgs) { args.Value = hexutil.Big(*common.Big1) }
	if _, err := registry.Freeze(t.Context(), s, id); err == nil || !strings.Contains(err.Error(), "changed the transaction") {
		t.Errorf("changed: %v", err)
	}
	c.change, c.think = nil, time.Minute
	if _, err := registry.Freeze(soon(t), s, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nobody there: %v", err)
	}
	if h, err := registry.Head(t.Context(), id); err != nil || h.Frozen {
		t.Errorf("%+v, %v", h, err)
	}

	if _, err := DialSigner(t.Context(), url, common.Address{1}); !errors.Is(err, ErrNoAccount) {
		t.Errorf("another account: %v", err)
	}
	if _, err := DialSigner(t.Context(), "http://127.0.0.1:1", key.Address()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody listens: %v", err)
	}
	if _, err := DialSigner(t.Context(), t.TempDir()+"/none.ipc", key.Address()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("no socket: %v", err)
	}
	var _ Signer = s
}
