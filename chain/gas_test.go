package chain

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm/runtime"
	"github.com/ethereum/go-ethereum/crypto"

	"dictnet/contracts"
	"dictnet/merkle"
)

var update = flag.Bool("update", false, "write the gas table of docs/registry.md instead of checking it")

const (
	gasDoc   = "../docs/registry.md"
	gasBegin = "<!-- gas table, written by go test ./chain -run TestGas -update -->\n"
	gasEnd   = "<!-- end of gas table -->"
)

// uniform is a tree of any size, all of whose leaves are the same.
type uniform []merkle.Hash

func newUniform() uniform {
	u := uniform{merkle.LeafHash([]byte("the same"))}
	for range 40 {
		top := u[len(u)-1]
		u = append(u, merkle.NodeHash(top, top))
	}
	return u
}

func (u uniform) Nodes(_ context.Context, ids []merkle.NodeID) ([]merkle.Hash, error) {
	hashes := make([]merkle.Hash, len(ids))
	for i, id := range ids {
		hashes[i] = u[id.Level]
	}
	return hashes, nil
}

type gasRow struct {
	what string
	gas  uint64
}

// What everything costs, kept in docs/registry.md. More than 2 % off, in either direction, is a change to be looked at
// and written down.
func TestGas(t *testing.T) {
	got := measureGas(t)
	var table strings.Builder
	table.WriteString("| what | gas |\n|---|---:|\n")
	for _, r := range got {
		fmt.Fprintf(&table, "| %s | %d |\n", r.what, r.gas)
		limit := uint64(0)
		switch {
		case strings.HasPrefix(r.what, "publish, later"):
			limit = 80_000
		case strings.HasPrefix(r.what, "view: inclusion"):
			limit = 18_000
		}
		if limit > 0 && r.gas > limit {
			t.Errorf("%s: %d gas, allowed are %d", r.what, r.gas, limit)
		}
	}
	doc, err := os.ReadFile(gasDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(doc), gasBegin)
	kept, after, ok2 := strings.Cut(rest, gasEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no gas table", gasDoc)
	}
	if *update {
		if err := os.WriteFile(gasDoc, []byte(before+gasBegin+table.String()+gasEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := map[string]uint64{}
	for line := range strings.Lines(kept) {
		cells := strings.Split(line, "|")
		if len(cells) == 4 {
			if n, err := strconv.ParseUint(strings.TrimSpace(cells[2]), 10, 64); err == nil {
				want[strings.TrimSpace(cells[1])] = n
			}
		}
	}
	if len(want) != len(got) {
		t.Errorf("the table has %d rows, measured were %d", len(want), len(got))
	}
	for _, r := range got {
		w := want[r.what]
		if diff := max(r.gas, w) - min(r.gas, w); diff*50 > w {
			t.Errorf("%s: %d gas, the table says %d; if that is meant, run go test ./chain -run TestGas -update", r.what, r.gas, w)
		}
	}
}

func measureGas(t *testing.T) []gasRow {
	ctx := t.Context()
	client := dialTest(t, startDev(t).URL())
	owner, other := devSigner(t, 0), devSigner(t, 1)
	var rows []gasRow
	row := func(what string, r Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		rows = append(rows, gasRow{what, r.Gas})
	}
	must := func(_ Receipt, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	registry, receipt, err := Deploy(ctx, client, owner)
	row("deploy", receipt, err)
	salt := func(s string) [32]byte { return sha256.Sum256([]byte(s)) }
	id, receipt, err := registry.Register(ctx, owner, salt("first"))
	row("register", receipt, err)

	u := newUniform()
	version := func(size uint64) merkle.Version {
		root, err := merkle.RootAt(ctx, u, size)
		if err != nil {
			t.Fatal(err)
		}
		return merkle.Version{Size: size, Root: root}
	}
	proof := func(from, to uint64) []merkle.Hash {
		p, err := merkle.ProveConsistency(ctx, u, from, to)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	publish := func(s Signer, id ID, from, to uint64) (Receipt, error) {
		return registry.Publish(ctx, s, id, version(from), version(to), manifestOf(version(to)), proof(from, to))
	}
	receipt, err = publish(owner, id, 0, 1000)
	row("publish, first", receipt, err)
	for _, n := range []struct {
		size uint64
		name string
	}{{1_000, "1k"}, {100_000, "100k"}, {10_000_000, "10M"}, {1_000_000_000, "1G"}} {
		id, _, err := registry.Register(ctx, owner, salt(n.name))
		if err != nil {
			t.Fatal(err)
		}
		must(publish(owner, id, 0, n.size))
		receipt, err = publish(owner, id, n.size, n.size+1000)
		row("publish, later, "+n.name+" notes", receipt, err)
	}
	// The longest proof there is below 2^30 notes, and the most hashes to check it.
	worst, _, err := registry.Register(ctx, owner, salt("worst"))
	if err != nil {
		t.Fatal(err)
	}
	must(publish(owner, worst, 0, 1<<29-1))
	receipt, err = publish(owner, worst, 1<<29-1, 1<<30-1)
	row("publish, doubling 2^29-1 notes, the longest proof", receipt, err)

	receipt, err = registry.SetPublisher(ctx, owner, id, other.Address(), true)
	row("allow a publisher", receipt, err)
	receipt, err = publish(other, id, 1000, 2000)
	row("publish, later, 1k notes, by an allowed publisher", receipt, err)
	must(registry.SetPublisher(ctx, owner, id, other.Address(), false))
	signed, err := registry.SignPublication(ctx, owner, id, version(2000), version(3000), manifestOf(version(3000)), proof(2000, 3000), farFuture)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err = registry.PublishSigned(ctx, other, signed)
	row("publish, later, 1k notes, signed", receipt, err)
	receipt, err = registry.SetName(ctx, owner, id, "a name of thirty-one characters")
	row("name", receipt, err)
	receipt, err = registry.Deprecate(ctx, owner, id, 1, "superseded")
	row("deprecate", receipt, err)
	receipt, err = registry.TransferOwnership(ctx, owner, id, other.Address())
	row("offer the ownership", receipt, err)
	receipt, err = registry.AcceptOwnership(ctx, other, id)
	row("accept the ownership", receipt, err)
	receipt, err = registry.Freeze(ctx, other, id)
	row("freeze", receipt, err)

	e := newGasEVM(t)
	for _, n := range []struct {
		size uint64
		name string
	}{{1_000, "1k"}, {1_000_000_000, "1G"}} {
		v := version(n.size)
		p, err := merkle.ProveInclusion(ctx, u, n.size/3, n.size)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, gasRow{"view: inclusion, " + n.name + " notes", e.gas(t, binding().PackIsIncluded(n.size, v.Root, n.size/3, u[0], asWords(p)))})
	}
	v, w := version(1_000_000_000), version(1_000_001_000)
	rows = append(rows, gasRow{"view: consistency, 1G notes", e.gas(t, binding().PackIsConsistent(v.Size, v.Root, w.Size, w.Root, asWords(proof(v.Size, w.Size))))})
	return rows
}

func asWords(hashes []merkle.Hash) [][32]byte {
	w := make([][32]byte, len(hashes))
	for i, h := range hashes {
		w[i] = h
	}
	return w
}

// gasEVM runs views, and counts what another contract would pay for the call alone.
type gasEVM struct{ config runtime.Config }

var gasAddress = common.HexToAddress("0x00000000000000000000000000000000000d1c70")

func newGasEVM(t *testing.T) *gasEVM {
	db, err := state.New(types.EmptyRootHash, state.NewDatabaseForTesting())
	if err != nil {
		t.Fatal(err)
	}
	db.CreateAccount(gasAddress)
	db.SetCode(gasAddress, contracts.RuntimeCode(), tracing.CodeChangeUnspecified)
	return &gasEVM{runtime.Config{State: db, GasLimit: 30_000_000, BlockNumber: big.NewInt(1), Time: 1}}
}

func (e *gasEVM) gas(t *testing.T, data []byte) uint64 {
	t.Helper()
	out, left, err := runtime.Call(gasAddress, data, &e.config)
	if err != nil || common.BytesToHash(out) != common.BytesToHash([]byte{1}) {
		t.Fatalf("view: %x, %v (%s)", out, err, crypto.Keccak256Hash(data))
	}
	return e.config.GasLimit - left
}
