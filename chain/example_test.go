package chain_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/chain"
	"dictnet/chain/devchain"
	"dictnet/merkle"
)

// A dictionary's life on a chain of one's own: two versions, an attempt to rewrite the first, and what a client sees.
func Example() {
	ctx := context.Background()
	dev, err := devchain.Start(ctx, devchain.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer dev.Close()
	client, err := chain.Dial(ctx, dev.URL())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	owner, err := chain.DevKey(devchain.Accounts()[0].Key)
	if err != nil {
		log.Fatal(err)
	}
	registry, _, err := chain.Deploy(ctx, client, owner)
	if err != nil {
		log.Fatal(err)
	}
	id, _, err := registry.Register(ctx, owner, sha256.Sum256([]byte("releases")))
	if err != nil {
		log.Fatal(err)
	}

	var notes merkle.MemTree
	empty := notes.Version()
	for i := range 5 {
		notes.Append(merkle.LeafHash([]byte{byte(i)}))
	}
	first := notes.Version()
	if _, err := registry.Publish(ctx, owner, id, empty, first, manifest(first), nil); err != nil {
		log.Fatal(err)
	}
	notes.Append(merkle.LeafHash([]byte{5}))
	second := notes.Version()
	proof, err := merkle.ProveConsistency(ctx, &notes, first.Size, second.Size)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := registry.Publish(ctx, owner, id, first, second, manifest(second), proof); err != nil {
		log.Fatal(err)
	}

	// Another tree cannot follow, whoever signs it.
	other := merkle.Version{Size: 9, Root: merkle.LeafHash([]byte("another"))}
	_, err = registry.Publish(ctx, owner, id, second, other, manifest(other), proof)
	fmt.Println("rewriting:", errors.Is(err, chain.ErrNotAnExtension))

	for v, err := range registry.Versions(ctx, id) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("version %d: %d notes\n", v.Number, v.Size)
	}

	// A proof for people who have nothing but the hash of a block.
	block, err := client.Block(ctx, chain.Latest)
	if err != nil {
		log.Fatal(err)
	}
	p, err := registry.Prove(ctx, id, block)
	if err != nil {
		log.Fatal(err)
	}
	head, err := p.Verify(block.Hash)
	fmt.Println("proved:", head.Version == second, err)

	// Output:
	// rewriting: true
	// version 1: 5 notes
	// version 2: 6 notes
	// proved: true <nil>
}

// manifest stands in for the manifest that a publisher builds.
func manifest(v merkle.Version) cid.Cid {
	hash, err := multihash.Sum([]byte(v.String()), multihash.SHA2_256, -1)
	if err != nil {
		log.Fatal(err)
	}
	return cid.NewCidV1(cid.DagCBOR, hash)
}
