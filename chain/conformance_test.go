package chain

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ipfs/go-cid"

	"dictnet/chain/devchain"
	"dictnet/merkle"
)

// tape is a dictionary's leaves that follow from a seed.
type tape struct{ tree merkle.MemTree }

func newTape(seed string, n uint64) *tape {
	t := new(tape)
	for i := range n {
		t.tree.Append(leaf(seed, i))
	}
	return t
}

func leaf(seed string, i uint64) merkle.Hash {
	return merkle.LeafHash(binary.BigEndian.AppendUint64([]byte(seed), i))
}

func (t *tape) version(tb testing.TB, size uint64) merkle.Version {
	tb.Helper()
	root, err := merkle.RootAt(tb.Context(), &t.tree, size)
	if err != nil {
		tb.Fatal(err)
	}
	return merkle.Version{Size: size, Root: root}
}

func (t *tape) proof(tb testing.TB, from, to uint64) []merkle.Hash {
	tb.Helper()
	if from == 0 || from >= to {
		return nil
	}
	proof, err := merkle.ProveConsistency(tb.Context(), &t.tree, from, to)
	if err != nil {
		tb.Fatal(err)
	}
	return proof
}

func manifestOf(v merkle.Version) cid.Cid {
	return manifestCID(sha256.Sum256([]byte("manifest of " + v.String())))
}

func devSigner(tb testing.TB, i int) *KeySigner {
	tb.Helper()
	s, err := DevKey(devchain.Accounts()[i].Key)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func dialTest(tb testing.TB, url string) *Client {
	tb.Helper()
	c, err := Dial(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// registered deploys a registry and registers a dictionary of the first account in it.
func registered(tb testing.TB, c *Client, salt [32]byte) (owner *KeySigner, registry *Registry, id ID) {
	tb.Helper()
	owner = devSigner(tb, 0)
	registry, _, err := Deploy(tb.Context(), c, owner)
	if err != nil {
		tb.Fatal(err)
	}
	if id, _, err = registry.Register(tb.Context(), owner, salt); err != nil {
		tb.Fatal(err)
	}
	return owner, registry, id
}

var farFuture = time.Unix(1<<40, 0)

// conformance is what every chain must do. Its first two accounts are those of devchain.Accounts.
func conformance(t *testing.T, url string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	client := dialTest(t, url)
	owner, other := devSigner(t, 0), devSigner(t, 1)
	registry, receipt, err := Deploy(ctx, client, owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("deploy: %d gas", receipt.Gas)

	register := func(t *testing.T) ID {
		t.Helper()
		id, _, err := registry.Register(ctx, owner, sha256.Sum256([]byte(t.Name())))
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	head := func(t *testing.T, id ID) Head {
		t.Helper()
		h, err := registry.Head(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	full := newTape("honest", 300)
	publish := func(t *testing.T, s Signer, id ID, from, to uint64) error {
		t.Helper()
		old, new := full.version(t, from), full.version(t, to)
		_, err := registry.Publish(ctx, s, id, old, new, manifestOf(new), full.proof(t, from, to))
		return err
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(t *testing.T, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got error %v, want %v", err, want)
		}
	}

	t.Run("open", func(t *testing.T) {
		again, err := Open(ctx, client, registry.Address())
		must(t, err)
		if again.Address() != registry.Address() {
			t.Error("another address")
		}
		_, err = Open(ctx, client, common.HexToAddress("0x1234500000000000000000000000000000000000"))
		refused(t, err, ErrNoContract)
		refused(t, client.Expect(client.ChainID()+1), ErrWrongChain)
		must(t, client.Expect(client.ChainID()))
		// A contract that returns its input's first byte is none of ours.
		r, err := client.transact(ctx, owner, nil, common.FromHex("6005600c60003960056000f36000356000"))
		must(t, err)
		_, err = Open(ctx, client, r.ContractAddress)
		refused(t, err, ErrOtherContract)
	})

	t.Run("register", func(t *testing.T) {
		salt := sha256.Sum256([]byte("register"))
		want := registry.IDOf(owner.Address(), salt)
		_, err := registry.Head(ctx, want)
		refused(t, err, ErrNotRegistered)
		id, receipt, err := registry.Register(ctx, owner, salt)
		must(t, err)
		if id != want || receipt.Gas == 0 || receipt.Block == 0 || receipt.Tx == (common.Hash{}) {
			t.Errorf("id %s, receipt %+v", id, receipt)
		}
		h := head(t, id)
		if h.Owner != owner.Address() || h.Number != 0 || h.Version != (merkle.Version{Root: merkle.EmptyRoot}) || h.Manifest.Defined() || h.Frozen || h.Block != 0 {
			t.Errorf("head of an empty dictionary: %+v", h)
		}
		_, _, err = registry.Register(ctx, owner, salt)
		refused(t, err, ErrAlreadyRegistered)
		if second, _, err := registry.Register(ctx, other, salt); err != nil || second == id {
			t.Errorf("same salt by another sender: %s, %v", second, err)
		}
		for range registry.Versions(ctx, id) {
			t.Error("an empty dictionary has a version")
		}
	})

	t.Run("publish", func(t *testing.T) {
		id := register(t)
		sizes := []uint64{0, 1, 2, 3, 7, 8, 64, 65, 300}
		for i, size := range sizes[1:] {
			must(t, publish(t, owner, id, sizes[i], size))
			h := head(t, id)
			v := full.version(t, size)
			if h.Version != v || !h.Manifest.Equals(manifestOf(v)) || h.Number != uint64(i+1) {
				t.Fatalf("head after publishing %d notes: %+v", size, h)
			}
			if d := time.Since(h.Time); d > time.Hour || d < -time.Hour {
				t.Errorf("published at %v", h.Time)
			}
		}
		var got []PublishedVersion
		for v, err := range registry.Versions(ctx, id) {
			must(t, err)
			got = append(got, v)
		}
		if len(got) != len(sizes)-1 {
			t.Fatalf("%d versions", len(got))
		}
		for i, v := range got {
			want := full.version(t, sizes[i+1])
			if v.Version != want || v.Number != uint64(i+1) || !v.Manifest.Equals(manifestOf(want)) || v.Publisher != owner.Address() || v.Tx == (common.Hash{}) || v.Block == 0 {
				t.Errorf("version %d: %+v", i+1, v)
			}
		}
		// The same by walking from block to block.
		h := head(t, id)
		walked, err := registry.walk(ctx, id, h.Block)
		must(t, err)
		if len(walked) != len(got) || walked[0].Version != got[0].Version || walked[len(walked)-1].Version != h.Version {
			t.Errorf("walked over %d versions", len(walked))
		}
	})

	t.Run("a rewritten history", func(t *testing.T) {
		id := register(t)
		must(t, publish(t, owner, id, 0, 100))
		// The forger has a tree of his own in which one old leaf is another, and the proof that belongs to it. It is
		// consistent in itself, but for the old root.
		for _, changed := range []uint64{0, 1, 63, 64, 98, 99} {
			forged := new(tape)
			for i := range uint64(120) {
				if i == changed {
					forged.tree.Append(leaf("forged", i))
				} else {
					forged.tree.Append(leaf("honest", i))
				}
			}
			next := forged.version(t, 120)
			proof := forged.proof(t, 100, 120)
			must(t, merkle.CheckConsistency(forged.version(t, 100), next, proof))
			// Publish itself refuses it, for nothing ...
			_, err := registry.Publish(ctx, owner, id, full.version(t, 100), next, manifestOf(next), proof)
			refused(t, err, ErrNotAnExtension)
			// ... and so does the contract, if the forger has a client that does not.
			_, err = registry.Publish(ctx, owner, id, forged.version(t, 100), next, manifestOf(next), proof)
			refused(t, err, ErrNotAnExtension)
		}
		if h := head(t, id); h.Version != full.version(t, 100) || h.Number != 1 {
			t.Errorf("head changed: %+v", h)
		}
	})

	t.Run("two publishers race", func(t *testing.T) {
		id := register(t)
		_, err := registry.SetPublisher(ctx, owner, id, other.Address(), true)
		must(t, err)
		must(t, publish(t, owner, id, 0, 10))
		must(t, publish(t, other, id, 10, 20))
		err = publish(t, owner, id, 10, 30)
		refused(t, err, ErrStaleVersion)
		var stale *StaleVersionError
		if !errors.As(err, &stale) || stale.Head != full.version(t, 20) || stale.OldSize != 10 || stale.ID != id {
			t.Fatalf("%+v", stale)
		}
		// Told which version won, the loser rebases.
		must(t, publish(t, owner, id, stale.Head.Size, 30))
		var publishers []common.Address
		for v, err := range registry.Versions(ctx, id) {
			must(t, err)
			publishers = append(publishers, v.Publisher)
		}
		if fmt.Sprint(publishers) != fmt.Sprint([]common.Address{owner.Address(), other.Address(), owner.Address()}) {
			t.Errorf("published by %v", publishers)
		}
	})

	t.Run("a refusal that only mining shows", func(t *testing.T) {
		id := register(t)
		must(t, publish(t, owner, id, 0, 10))
		// Both are signed on the same head. The second passes no dry run any more, so it is sent as it is.
		e, words, err := extension(id, full.version(t, 10), full.version(t, 20), manifestOf(full.version(t, 20)), full.proof(t, 10, 20))
		must(t, err)
		tx, err := client.prepare(ctx, owner, &registry.address, binding().PackPublish(e, words))
		must(t, err)
		_, err = registry.SetPublisher(ctx, owner, id, other.Address(), true) // takes the nonce
		must(t, err)
		tx2, err := client.prepare(ctx, owner, &registry.address, binding().PackPublish(e, words))
		must(t, err)
		must(t, publish(t, other, id, 10, 11))
		if err := client.send(ctx, tx); err == nil {
			t.Error("a nonce was taken twice")
		}
		err = client.send(ctx, tx2)
		if err == nil {
			r, waitErr := client.wait(ctx, owner.Address(), []*types.Transaction{tx2})
			must(t, waitErr)
			_, err = client.settle(ctx, owner.Address(), []*types.Transaction{tx2}, r)
		}
		refused(t, err, ErrStaleVersion)
	})

	t.Run("refusals", func(t *testing.T) {
		id := register(t)
		nobodys := ID(sha256.Sum256([]byte("nobody's")))
		refused(t, publish(t, owner, nobodys, 0, 1), ErrNotRegistered)
		refused(t, publish(t, other, id, 0, 1), ErrNotPublisher)
		must(t, publish(t, owner, id, 0, 5))
		refused(t, publish(t, owner, id, 5, 5), ErrNotLarger)
		refused(t, publish(t, owner, id, 5, 4), ErrNotLarger)
		_, err := registry.SetName(ctx, other, id, "mine")
		refused(t, err, ErrNotOwner)
		_, err = registry.SetName(ctx, owner, id, strings.Repeat("x", MaxName+1))
		refused(t, err, ErrTextTooLong)
		_, err = registry.SetName(ctx, owner, id, strings.Repeat("x", MaxName))
		must(t, err)
		_, err = registry.Deprecate(ctx, owner, id, 1, strings.Repeat("x", MaxReason+1))
		refused(t, err, ErrTextTooLong)
		_, err = registry.Deprecate(ctx, owner, id, 1, strings.Repeat("x", MaxReason))
		must(t, err)
		_, err = registry.Deprecate(ctx, owner, id, 2, "")
		refused(t, err, ErrUnknownVersion)
		_, err = registry.AcceptOwnership(ctx, other, id)
		refused(t, err, ErrNotPendingOwner)
		_, err = registry.Publish(ctx, owner, id, full.version(t, 5), full.version(t, 6), cid.NewCidV1(cid.Raw, manifestOf(full.version(t, 6)).Hash()), full.proof(t, 5, 6))
		if err == nil || !strings.Contains(err.Error(), "dag-cbor") {
			t.Errorf("manifest of another codec: %v", err)
		}
	})

	t.Run("contract's own words", func(t *testing.T) {
		// What Publish would refuse by itself reaches the contract all the same, whose custom errors must come back.
		id := register(t)
		must(t, publish(t, owner, id, 0, 5))
		e, _, err := extension(id, full.version(t, 5), full.version(t, 9), manifestOf(full.version(t, 9)), full.proof(t, 5, 9))
		must(t, err)
		_, err = registry.transact(ctx, owner, binding().PackPublish(e, nil))
		refused(t, err, ErrNotAnExtension)
		e.NewSize = 5
		_, err = registry.transact(ctx, owner, binding().PackPublish(e, nil))
		refused(t, err, ErrNotLarger)
		var why *RefusedError
		if !errors.As(err, &why) || !strings.Contains(why.Detail, id.String()) {
			t.Errorf("no detail: %v", err)
		}
	})

	t.Run("transfer", func(t *testing.T) {
		id := register(t)
		_, err := registry.TransferOwnership(ctx, owner, id, other.Address())
		must(t, err)
		if h := head(t, id); h.PendingOwner != other.Address() || h.Owner != owner.Address() {
			t.Errorf("%+v", h)
		}
		_, err = registry.AcceptOwnership(ctx, other, id)
		must(t, err)
		if h := head(t, id); h.Owner != other.Address() || h.PendingOwner != (common.Address{}) || h.Term != 1 {
			t.Errorf("%+v", h)
		}
		refused(t, publish(t, owner, id, 0, 1), ErrNotPublisher)
		must(t, publish(t, other, id, 0, 1))
	})

	t.Run("publishers", func(t *testing.T) {
		id := register(t)
		third := devSigner(t, 2)
		are := func(when string, want ...common.Address) {
			t.Helper()
			if got, err := registry.Publishers(ctx, id); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %v, %v, want %v", when, got, err, want)
			}
		}
		set := func(s Signer, account common.Address, allowed bool) {
			t.Helper()
			_, err := registry.SetPublisher(ctx, s, id, account, allowed)
			must(t, err)
		}
		are("at first")
		set(owner, other.Address(), true)
		set(owner, third.Address(), true)
		set(owner, owner.Address(), true) // may anyway
		are("two", other.Address(), third.Address())
		set(owner, other.Address(), false)
		are("one", third.Address())
		set(owner, other.Address(), true)
		_, err := registry.TransferOwnership(ctx, owner, id, other.Address())
		must(t, err)
		_, err = registry.AcceptOwnership(ctx, other, id)
		must(t, err)
		are("of the old owner")
		set(other, owner.Address(), true)
		are("of the new one", owner.Address())
		_, err = registry.Freeze(ctx, other, id)
		must(t, err)
		are("frozen")
		_, err = registry.Publishers(ctx, ID(sha256.Sum256([]byte("nobody's"))))
		refused(t, err, ErrNotRegistered)
	})

	t.Run("name, deprecate, freeze", func(t *testing.T) {
		id := register(t)
		_, err := registry.SetName(ctx, owner, id, "releases/linux")
		must(t, err)
		must(t, publish(t, owner, id, 0, 5))
		must(t, publish(t, owner, id, 5, 6))
		_, err = registry.Deprecate(ctx, owner, id, 1, "has a hole")
		must(t, err)
		must(t, publish(t, owner, id, 6, 9))
		_, err = registry.Freeze(ctx, owner, id)
		must(t, err)
		refused(t, publish(t, owner, id, 9, 10), ErrFrozen)
		if may, err := registry.MayPublish(ctx, id, owner.Address()); err != nil || may {
			t.Errorf("may publish: %v, %v", may, err)
		}
		h, err := registry.History(ctx, id)
		must(t, err)
		if !h.Head.Frozen || h.Head.Name != "releases/linux" || h.Head.Number != 3 || len(h.Entries) != 4 {
			t.Errorf("%+v", h)
		}
		versions := h.Versions()
		if len(versions) != 3 || len(versions[0].Deprecations) != 1 || versions[0].Deprecations[0].Reason != "has a hole" || versions[1].Deprecations != nil {
			t.Errorf("%+v", versions)
		}
		// Any entry that is missing, changed or out of order is noticed.
		for i := range h.Entries {
			short := &History{h.Head, append(append([]Entry{}, h.Entries[:i]...), h.Entries[i+1:]...)}
			refused(t, short.Check(), ErrHistory)
			changed := &History{h.Head, append([]Entry{}, h.Entries...)}
			changed.Entries[i].Block++
			refused(t, changed.Check(), ErrHistory)
		}
		must(t, h.Check())
	})

	t.Run("signed publication", func(t *testing.T) {
		id := register(t)
		must(t, publish(t, owner, id, 0, 5))
		sign := func(s DigestSigner, from, to uint64, deadline time.Time) SignedPublication {
			t.Helper()
			v := full.version(t, to)
			p, err := registry.SignPublication(ctx, s, id, full.version(t, from), v, manifestOf(v), full.proof(t, from, to), deadline)
			must(t, err)
			return p
		}
		p := sign(owner, 5, 9, farFuture)
		// The digest that was signed is the contract's.
		h := head(t, id)
		want, err := view(ctx, registry, binding().PackDigestToSign(p.extension, p.deadline), binding().UnpackDigestToSign)
		must(t, err)
		if got := registry.publicationDigest(p.extension, h.History, p.deadline); got != want {
			t.Errorf("digest %x, the contract's is %x", got, want)
		}
		changed := p
		changed.extension.Manifest[0] ^= 1
		_, err = registry.PublishSigned(ctx, other, changed)
		refused(t, err, ErrNotPublisher)
		_, err = registry.PublishSigned(ctx, other, sign(other, 5, 9, farFuture))
		refused(t, err, ErrNotPublisher)
		_, err = registry.PublishSigned(ctx, other, sign(owner, 5, 9, time.Unix(1, 0)))
		refused(t, err, ErrSignatureExpired)
		// Handed on to somebody else, who submits it.
		file, err := json.Marshal(p)
		must(t, err)
		var handed SignedPublication
		must(t, json.Unmarshal(file, &handed))
		if v := full.version(t, 9); handed.ID() != id || handed.Version() != v || !handed.Manifest().Equals(manifestOf(v)) || !handed.Deadline().Equal(farFuture) {
			t.Errorf("handed on is version %s (%s) of dictionary %s until %s", handed.Version(), handed.Manifest(), handed.ID(), handed.Deadline())
		}
		if signer, err := registry.SignerOf(handed, h); err != nil || signer != owner.Address() {
			t.Errorf("signed by %s, %v", signer, err)
		}
		_, err = registry.PublishSigned(ctx, other, handed)
		must(t, err)
		for _, bad := range []string{"{}", strings.Replace(string(file), `"deadline":`, `"deadline":-`, 1), strings.Replace(string(file), `"signature":"0x`, `"signature":"0x00`, 1),
			strings.Replace(string(file), `"manifest":"b`, `"manifest":"x`, 1)} {
			if err := json.Unmarshal([]byte(bad), &handed); err == nil {
				t.Errorf("read %s", bad)
			}
		}
		versions := func() (list []PublishedVersion) {
			for v, err := range registry.Versions(ctx, id) {
				must(t, err)
				list = append(list, v)
			}
			return list
		}()
		if len(versions) != 2 || versions[1].Publisher != owner.Address() || versions[1].Version != full.version(t, 9) {
			t.Errorf("%+v", versions)
		}
		// Once only.
		if signer, err := registry.SignerOf(p, head(t, id)); err == nil && signer == owner.Address() {
			t.Error("signed for another history")
		}
		_, err = registry.PublishSigned(ctx, other, p)
		refused(t, err, ErrNotPublisher)
		_, err = registry.SignPublication(ctx, owner, id, full.version(t, 5), full.version(t, 10), manifestOf(full.version(t, 10)), full.proof(t, 5, 10), farFuture)
		refused(t, err, ErrStaleVersion)
	})

	t.Run("storage proofs", func(t *testing.T) {
		id := register(t)
		empty, err := client.Block(ctx, Latest)
		must(t, err)
		_, err = registry.SetName(ctx, owner, id, "proved")
		must(t, err)
		_, err = registry.TransferOwnership(ctx, owner, id, other.Address())
		must(t, err)
		must(t, publish(t, owner, id, 0, 5))
		first, err := client.Block(ctx, Latest)
		must(t, err)
		must(t, publish(t, owner, id, 5, 6))
		_, err = registry.Deprecate(ctx, owner, id, 1, "why")
		must(t, err)
		_, err = registry.Freeze(ctx, owner, id)
		must(t, err)
		newest, err := client.Block(ctx, Latest)
		must(t, err)

		p, err := registry.ProveHistory(ctx, id, newest)
		must(t, err)
		// Written down, read back by somebody without a network.
		b, err := json.Marshal(p)
		must(t, err)
		t.Logf("proof of %d bytes", len(b))
		read := func() *Proof {
			t.Helper()
			p := new(Proof)
			must(t, json.Unmarshal(b, p))
			return p
		}
		got, err := read().Verify(newest.Hash)
		must(t, err)
		if want := head(t, id); got.String() != want.String() || !got.Time.Equal(want.Time) || got.Name != "proved" || !got.Frozen {
			t.Errorf("proved %+v, want %+v", got, want)
		}
		if at, err := p.Block(); err != nil || at != newest {
			t.Errorf("block %+v, %v", at, err)
		}
		// Nothing about it can be changed.
		for i := range len(p.Header) {
			bad := read()
			bad.Header[i] ^= 1
			_, err := bad.Verify(newest.Hash)
			refused(t, err, ErrProof)
		}
		for _, nodes := range []func(p *Proof) []hexutil.Bytes{
			func(p *Proof) []hexutil.Bytes { return p.Account },
			func(p *Proof) []hexutil.Bytes { return p.Storage },
		} {
			for i := range nodes(p) {
				bad := read()
				node := nodes(bad)[i]
				node[len(node)/2] ^= 1
				_, err := bad.Verify(newest.Hash)
				refused(t, err, ErrProof)
				bad = read()
				nodes(bad)[i] = nil
				_, err = bad.Verify(newest.Hash)
				refused(t, err, ErrProof)
			}
		}
		bad := read()
		bad.Registry[0] ^= 1
		_, err = bad.Verify(newest.Hash)
		refused(t, err, ErrProof)
		bad = read()
		bad.History = bad.History[1:]
		_, err = bad.Verify(newest.Hash)
		refused(t, err, ErrProof)
		_, err = read().Verify(first.Hash)
		refused(t, err, ErrProof)

		// Older blocks, and what was not there yet.
		old, err := registry.ProveHistory(ctx, id, first)
		must(t, err)
		if h, err := old.Verify(first.Hash); err != nil || h.Version != full.version(t, 5) || h.PendingOwner != other.Address() || len(old.History) != 1 {
			t.Errorf("%+v, %v", h, err)
		}
		none, err := registry.Prove(ctx, id, empty)
		must(t, err)
		if h, err := none.Verify(empty.Hash); err != nil || h.Number != 0 || h.Root != merkle.EmptyRoot || h.Owner != owner.Address() {
			t.Errorf("%+v, %v", h, err)
		}
		nobodys, err := registry.Prove(ctx, ID{1, 2, 3}, newest)
		must(t, err)
		_, err = nobodys.Verify(newest.Hash)
		refused(t, err, ErrNotRegistered)
		_, err = registry.Prove(ctx, id, Block{newest.Number, first.Hash, first.Time})
		refused(t, err, ErrProof)

		// The older block by the hash of the newer one, where the chain keeps old hashes (EIP-2935).
		var keeper hexutil.Bytes
		must(t, client.call(ctx, &keeper, "eth_getCode", ancestorsContract, "latest"))
		if len(keeper) > 0 {
			old.Via, err = client.ProveDescent(ctx, first, newest)
			must(t, err)
			if h, err := old.Verify(newest.Hash); err != nil || h.Version != full.version(t, 5) {
				t.Errorf("by descent: %+v, %v", h, err)
			}
			_, err = old.Verify(first.Hash)
			refused(t, err, ErrProof)
			_, err = client.ProveDescent(ctx, Block{first.Number, newest.Hash, first.Time}, newest)
			refused(t, err, ErrReorged)
			_, err = client.ProveDescent(ctx, newest, first)
			refused(t, err, ErrProof)
			_, err = client.ProveDescent(ctx, newest, newest)
			refused(t, err, ErrProof)
			old.Via.Storage[len(old.Via.Storage)-1][5] ^= 1
			_, err = old.Verify(newest.Hash)
			refused(t, err, ErrProof)
		} else {
			_, err = client.ProveDescent(ctx, first, newest)
			refused(t, err, ErrProof)
		}

		proved := &ProvedRegistry{registry, func(context.Context) (Block, error) { return newest, nil }}
		if h, err := proved.Head(ctx, id); err != nil || h.String() != got.String() {
			t.Errorf("%+v, %v", h, err)
		}
	})

	t.Run("depth", func(t *testing.T) {
		id := register(t)
		must(t, publish(t, owner, id, 0, 5))
		receipt, err := registry.Publish(ctx, owner, id, full.version(t, 5), full.version(t, 6), manifestOf(full.version(t, 6)), full.proof(t, 5, 6))
		must(t, err)
		for d, want := range map[Depth]uint64{Latest: 6, Confirmed(1): 6, Confirmed(2): 5} {
			h, b, err := registry.HeadAt(ctx, id, d)
			must(t, err)
			if h.Size != want {
				t.Errorf("at depth %s, block %d: %d notes, want %d", d, b.Number, h.Size, want)
			}
		}
		_, _, err = registry.HeadAt(ctx, id, Confirmed(1<<40))
		refused(t, err, ErrTooYoung)
		b, err := registry.Confirm(ctx, receipt.Tx, Confirmed(1))
		must(t, err)
		if b.Number != receipt.Block {
			t.Errorf("confirmed in block %d, mined in %d", b.Number, receipt.Block)
		}
		soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		_, err = registry.Confirm(soon, receipt.Tx, Confirmed(1000))
		var pending *PendingError
		if !errors.As(err, &pending) || pending.Tx != receipt.Tx {
			t.Errorf("waited for 1,000 confirmations: %v", err)
		}
		must(t, client.Still(ctx, b))
		b.Hash[0] ^= 1
		refused(t, client.Still(ctx, b), ErrReorged)
	})

	t.Run("replay", func(t *testing.T) {
		id := register(t)
		must(t, publish(t, owner, id, 0, 5))
		must(t, publish(t, owner, id, 5, 7))
		v := full.version(t, 64)
		p, err := registry.SignPublication(ctx, owner, id, full.version(t, 7), v, manifestOf(v), full.proof(t, 7, 64), farFuture)
		must(t, err)
		_, err = registry.PublishSigned(ctx, other, p)
		must(t, err)
		_, err = registry.Deprecate(ctx, owner, id, 2, "")
		must(t, err)
		h, err := registry.History(ctx, id)
		must(t, err)
		steps, err := registry.Replay(ctx, h)
		must(t, err)
		if len(steps) != 3 || len(h.Entries) != 4 || steps[0].Proof != nil || len(steps[1].Proof) == 0 || len(steps[2].Proof) == 0 {
			t.Fatalf("%+v", steps)
		}
		for i, s := range steps {
			must(t, merkle.CheckConsistency(s.Previous, s.Version, s.Proof))
			if s.Indirect || s.Number != uint64(i+1) {
				t.Errorf("%+v", s)
			}
		}
	})

	t.Run("deploy to the fixed address", func(t *testing.T) {
		var code hexutil.Bytes
		must(t, client.call(ctx, &code, "eth_getCode", create2Deployer, "latest"))
		if len(code) == 0 {
			_, _, err := DeployFixed(ctx, client, owner)
			refused(t, err, ErrNoDeployer)
			return
		}
		first, _, err := DeployFixed(ctx, client, owner)
		must(t, err)
		again, receipt, err := DeployFixed(ctx, client, other)
		must(t, err)
		if first.Address() != FixedAddress() || again.Address() != first.Address() || receipt.Gas != 0 {
			t.Errorf("%s, then %s with %+v", first.Address(), again.Address(), receipt)
		}
	})

	t.Run("quorum", func(t *testing.T) {
		id := register(t)
		must(t, publish(t, owner, id, 0, 5))
		second, err := Open(ctx, dialTest(t, url), registry.Address())
		must(t, err)
		q, err := NewQuorum(2, registry, second)
		must(t, err)
		h, err := q.Head(ctx, id)
		must(t, err)
		if h.String() != head(t, id).String() {
			t.Errorf("%+v", h)
		}
		_, err = q.Head(ctx, ID{9})
		refused(t, err, ErrNotRegistered)
		proved := &ProvedRegistry{second, func(ctx context.Context) (Block, error) { return q.Block(ctx, Latest) }}
		if p, err := proved.Head(ctx, id); err != nil || p.String() != h.String() {
			t.Errorf("%+v, %v", p, err)
		}
	})

	t.Run("an account without money", func(t *testing.T) {
		poor, err := DevKey(strings.Repeat("1f", 32))
		must(t, err)
		_, _, err = registry.Register(ctx, poor, [32]byte{})
		refused(t, err, ErrFunds)
		if err != nil && !strings.Contains(err.Error(), poor.Address().Hex()) {
			t.Errorf("does not name the account: %v", err)
		}
	})

	t.Run("the Go hashes are the contract's", func(t *testing.T) {
		id := register(t)
		must(t, publish(t, owner, id, 0, 5))
		_, err := registry.Deprecate(ctx, owner, id, 1, "r")
		must(t, err)
		h, err := registry.History(ctx, id)
		must(t, err)
		p, d := h.Entries[0], h.Entries[1]
		digest, err := manifestDigest(p.Manifest)
		must(t, err)
		want, err := view(ctx, registry, binding().PackHashPublished(id, p.Number, p.Size, p.Root, digest, p.Publisher, p.Block, uint64(p.Time.Unix())), binding().UnpackHashPublished)
		must(t, err)
		if got, err := p.Hash(id); err != nil || got != want {
			t.Errorf("published: %x, %v, want %x", got, err, want)
		}
		want, err = view(ctx, registry, binding().PackHashDeprecated(id, d.Number, *d.Reason, d.Block, uint64(d.Time.Unix())), binding().UnpackHashDeprecated)
		must(t, err)
		if got, err := d.Hash(id); err != nil || got != want {
			t.Errorf("deprecated: %x, %v, want %x", got, err, want)
		}
		if gotID, err := view(ctx, registry, binding().PackIdOf(owner.Address(), [32]byte{7}), binding().UnpackIdOf); err != nil || gotID != registry.IDOf(owner.Address(), [32]byte{7}) {
			t.Errorf("id: %x, %v", gotID, err)
		}
	})

	t.Run("proofs on chain", func(t *testing.T) {
		id := register(t)
		notes := new(merkle.MemTree)
		digests := make([][32]byte, 9)
		for i := range digests {
			digests[i] = sha256.Sum256([]byte{byte(i)})
			notes.Append(merkle.LeafHash(append([]byte{0x01, 0x55, 0x12, 0x20}, digests[i][:]...)))
		}
		root, err := merkle.RootAt(ctx, notes, 9)
		must(t, err)
		v := merkle.Version{Size: 9, Root: root}
		_, err = registry.Publish(ctx, owner, id, merkle.Version{Root: merkle.EmptyRoot}, v, manifestOf(v), nil)
		must(t, err)
		for i, digest := range digests {
			proof, err := merkle.ProveInclusion(ctx, notes, uint64(i), 9)
			must(t, err)
			words := make([][32]byte, len(proof))
			for j, h := range proof {
				words[j] = h
			}
			if ok, err := view(ctx, registry, binding().PackIncludesNote(id, uint64(i), digest, words), binding().UnpackIncludesNote); err != nil || !ok {
				t.Errorf("note %d: %v, %v", i, ok, err)
			}
			if ok, err := view(ctx, registry, binding().PackIncludesNote(id, uint64(i+1)%9, digest, words), binding().UnpackIncludesNote); err != nil || ok {
				t.Errorf("note %d at another place: %v, %v", i, ok, err)
			}
		}
	})
}
