package contracts

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm/runtime"

	"dictnet/merkle"
)

// evm runs the committed bytecode, so that the checks in Solidity can be held against those in Go a hundred thousand
// times with nothing but `go test`.
type evm struct {
	config  runtime.Config
	address common.Address
}

var registry = NewDictionaryRegistry()

func newEVM(tb testing.TB) *evm {
	tb.Helper()
	db, err := state.New(types.EmptyRootHash, state.NewDatabaseForTesting())
	if err != nil {
		tb.Fatal(err)
	}
	e := &evm{address: common.HexToAddress("0x00000000000000000000000000000000000d1c70")}
	db.CreateAccount(e.address)
	db.SetCode(e.address, RuntimeCode(), tracing.CodeChangeUnspecified)
	e.config = runtime.Config{State: db, GasLimit: 30_000_000, BlockNumber: big.NewInt(1), Time: 1}
	return e
}

// call runs the registry and returns what it returns, and the gas of running it (without that of a transaction).
func (e *evm) call(tb testing.TB, data []byte) ([]byte, uint64, error) {
	tb.Helper()
	out, left, err := runtime.Call(e.address, data, &e.config)
	return out, e.config.GasLimit - left, err
}

func (e *evm) yes(tb testing.TB, data []byte, unpack func([]byte) (bool, error)) bool {
	tb.Helper()
	out, _, err := e.call(tb, data)
	if err != nil {
		tb.Fatalf("the check does not answer: %v", err)
	}
	answer, err := unpack(out)
	if err != nil {
		tb.Fatal(err)
	}
	return answer
}

func words(hashes []merkle.Hash) [][32]byte {
	w := make([][32]byte, len(hashes))
	for i, h := range hashes {
		w[i] = h
	}
	return w
}

// sameConsistency asks both for their opinion, and returns it.
func (e *evm) sameConsistency(tb testing.TB, old, new merkle.Version, proof []merkle.Hash) bool {
	tb.Helper()
	here := merkle.CheckConsistency(old, new, proof) == nil
	there := e.yes(tb, registry.PackIsConsistent(old.Size, old.Root, new.Size, new.Root, words(proof)), registry.UnpackIsConsistent)
	if here != there {
		tb.Errorf("from %s to %s with %d hashes: Go says %v, Solidity %v", old, new, len(proof), here, there)
	}
	return here
}

func (e *evm) sameInclusion(tb testing.TB, v merkle.Version, index uint64, leaf merkle.Hash, proof []merkle.Hash) bool {
	tb.Helper()
	here := merkle.CheckInclusion(v, index, leaf, proof) == nil
	there := e.yes(tb, registry.PackIsIncluded(v.Size, v.Root, index, leaf, words(proof)), registry.UnpackIsIncluded)
	if here != there {
		tb.Errorf("leaf %d of %s with %d hashes: Go says %v, Solidity %v", index, v, len(proof), here, there)
	}
	return here
}

func leafHash(seed uint64, i uint64) merkle.Hash {
	b := binary.BigEndian.AppendUint64(nil, seed)
	return merkle.LeafHash(binary.BigEndian.AppendUint64(b, i))
}

func versionAt(tb testing.TB, t *merkle.MemTree, size uint64) merkle.Version {
	tb.Helper()
	root, err := merkle.RootAt(tb.Context(), t, size)
	if err != nil {
		tb.Fatal(err)
	}
	return merkle.Version{Size: size, Root: root}
}

// Every proof of every tree of up to 48 leaves.
func TestAllSmallTrees(t *testing.T) {
	const most = 48
	e := newEVM(t)
	tree := new(merkle.MemTree)
	for i := range uint64(most) {
		tree.Append(leafHash(0, i))
	}
	for to := range uint64(most + 1) {
		v := versionAt(t, tree, to)
		for from := range to + 1 {
			proof, err := merkle.ProveConsistency(t.Context(), tree, from, to)
			if err != nil {
				t.Fatal(err)
			}
			if !e.sameConsistency(t, versionAt(t, tree, from), v, proof) {
				t.Errorf("from %d to %d: refused", from, to)
			}
			if from == to {
				continue
			}
			proof, err = merkle.ProveInclusion(t.Context(), tree, from, to)
			if err != nil {
				t.Fatal(err)
			}
			if !e.sameInclusion(t, v, from, leafHash(0, from), proof) {
				t.Errorf("leaf %d of %d: refused", from, to)
			}
		}
	}
}

// uniform is a tree of any size, all of whose leaves are the same: node (l, i) does not depend on i.
type uniform [64]merkle.Hash

func newUniform() *uniform {
	u := new(uniform)
	u[0] = merkle.LeafHash([]byte("the same"))
	for l := range 63 {
		u[l+1] = merkle.NodeHash(u[l], u[l])
	}
	return u
}

// Sizes that no test could build a tree for, at the edges of powers of two and of 64 bits.
func TestHugeTrees(t *testing.T) {
	e := newEVM(t)
	u := newUniform()
	var sizes []uint64
	for _, shift := range []uint{1, 10, 20, 30, 31, 32, 33, 53, 62, 63} {
		for d := range uint64(3) {
			sizes = append(sizes, 1<<shift-1+d)
		}
	}
	sizes = append(sizes, 1<<64-2, 1<<64-1, 0xAAAAAAAAAAAAAAAA, 0x5555555555555555, 1_000_000_000)
	for _, to := range sizes {
		v := merkle.Version{Size: to, Root: u.root(to)}
		for _, from := range sizes {
			if from > to {
				continue
			}
			proof := u.consistency(from, to)
			if !e.sameConsistency(t, merkle.Version{Size: from, Root: u.root(from)}, v, proof) {
				t.Errorf("from %d to %d: refused", from, to)
			}
			if !e.sameInclusion(t, v, from-1, u[0], u.inclusion(from-1, to)) {
				t.Errorf("leaf %d of %d: refused", from-1, to)
			}
		}
	}
}

// The recursive definitions of RFC 9162, section 2.1, for the tree of n equal leaves.

func (u *uniform) root(n uint64) merkle.Hash {
	if n&(n-1) == 0 {
		return u[log2(n)]
	}
	k := split(n)
	return merkle.NodeHash(u.root(k), u.root(n-k))
}

func (u *uniform) inclusion(m, n uint64) []merkle.Hash {
	if n == 1 {
		return nil
	}
	if k := split(n); m < k {
		return append(u.inclusion(m, k), u.root(n-k))
	} else {
		return append(u.inclusion(m-k, n-k), u.root(k))
	}
}

func (u *uniform) consistency(m, n uint64) []merkle.Hash { return u.subproof(m, n, true) }

func (u *uniform) subproof(m, n uint64, whole bool) []merkle.Hash {
	if m == n {
		if whole {
			return nil
		}
		return []merkle.Hash{u.root(n)}
	}
	if k := split(n); m <= k {
		return append(u.subproof(m, k, whole), u.root(n-k))
	} else {
		return append(u.subproof(m-k, n-k, false), u.root(k))
	}
}

// split is the largest power of two smaller than n, for n >= 2.
func split(n uint64) uint64 { return 1 << log2(n-1) }

func log2(n uint64) (l int) {
	for ; n > 1; n >>= 1 {
		l++
	}
	return l
}

// The forger of the registry's tests, seen from both sides: a tree in which one old leaf is another, and its own proof.
func TestForgersAgreeWithNobody(t *testing.T) {
	e := newEVM(t)
	for to := uint64(2); to < 40; to++ {
		for from := uint64(1); from < to; from++ {
			honest, forged := new(merkle.MemTree), new(merkle.MemTree)
			changed := (from * 7919) % from
			for i := range to {
				honest.Append(leafHash(0, i))
				if i == changed {
					forged.Append(leafHash(1, i))
				} else {
					forged.Append(leafHash(0, i))
				}
			}
			proof, err := merkle.ProveConsistency(t.Context(), forged, from, to)
			if err != nil {
				t.Fatal(err)
			}
			next := versionAt(t, forged, to)
			if !e.sameConsistency(t, versionAt(t, forged, from), next, proof) {
				t.Errorf("from %d to %d: the forger's own tree is refused", from, to)
			}
			if e.sameConsistency(t, versionAt(t, honest, from), next, proof) {
				t.Errorf("from %d to %d: a rewritten leaf is accepted", from, to)
			}
		}
	}
}

// FuzzChecks holds Solidity against Go on proofs of trees that are right, nearly right or not even wrong. The bytes are a
// script: what to claim, and what to change about the true proof.
func FuzzChecks(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(7), []byte{})
	f.Add(uint64(2), uint8(0), uint8(7), []byte{1, 2, 3})
	f.Add(uint64(3), uint8(64), uint8(65), []byte{4, 0, 9, 5, 1, 1})
	f.Add(uint64(4), uint8(200), uint8(255), []byte{0, 31, 1, 0, 2, 0, 3, 1})
	f.Add(uint64(5), uint8(8), uint8(8), []byte{6, 8, 0})
	f.Add(uint64(6), uint8(0), uint8(0), []byte{2, 2, 2})
	tree := new(merkle.MemTree)
	for i := range uint64(256) {
		tree.Append(leafHash(9, i))
	}
	e := newEVM(f)
	f.Fuzz(func(t *testing.T, seed uint64, from, to uint8, script []byte) {
		if from > to {
			from, to = to, from
		}
		random := rand.New(rand.NewPCG(seed, 1))
		old, new := versionAt(t, tree, uint64(from)), versionAt(t, tree, uint64(to))
		proof, err := merkle.ProveConsistency(t.Context(), tree, old.Size, new.Size)
		if err != nil {
			t.Fatal(err)
		}
		index := uint64(from)
		leaf := leafHash(9, index)
		var path []merkle.Hash
		if index < new.Size {
			if path, err = merkle.ProveInclusion(t.Context(), tree, index, new.Size); err != nil {
				t.Fatal(err)
			}
		}
		if len(script) > 40 {
			script = script[:40]
		}
		for len(script) >= 2 {
			op, arg := script[0], script[1]
			script = script[2:]
			switch op % 9 {
			case 0:
				flip(proof, arg, random)
				flip(path, arg, random)
			case 1:
				proof, path = cut(proof, arg), cut(path, arg)
			case 2:
				extra := merkle.Hash{arg}
				if arg%2 == 0 && len(proof) > 0 {
					extra = proof[int(arg)%len(proof)]
				}
				proof, path = append(proof, extra), append(path, extra)
			case 3:
				old.Size += uint64(int64(int8(arg)))
			case 4:
				new.Size += uint64(int64(int8(arg)))
			case 5:
				old.Root[arg%32] ^= 1 << (arg / 32)
				leaf[arg%32] ^= 1 << (arg / 32)
			case 6:
				new.Root[arg%32] ^= 1 << (arg / 32)
			case 7:
				index = random.Uint64() >> (arg % 64)
			case 8:
				new.Root, old.Root = old.Root, new.Root
			}
		}
		e.sameConsistency(t, old, new, proof)
		e.sameInclusion(t, new, index, leaf, path)
	})
}

func flip(hashes []merkle.Hash, which byte, random *rand.Rand) {
	if len(hashes) > 0 {
		h := &hashes[int(which)%len(hashes)]
		h[random.IntN(32)] ^= 1 << random.IntN(8)
	}
}

func cut(hashes []merkle.Hash, which byte) []merkle.Hash {
	if len(hashes) == 0 {
		return hashes
	}
	i := int(which) % len(hashes)
	return append(append([]merkle.Hash{}, hashes[:i]...), hashes[i+1:]...)
}

func BenchmarkConsistencyInTheEVM(b *testing.B) {
	e := newEVM(b)
	u := newUniform()
	const n = 1_000_000_000
	data := registry.PackIsConsistent(n, u.root(n), n+1000, u.root(n+1000), words(u.consistency(n, n+1000)))
	for b.Loop() {
		if _, _, err := e.call(b, data); err != nil {
			b.Fatal(err)
		}
	}
}
