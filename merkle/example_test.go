package merkle_test

import (
	"context"
	"errors"
	"fmt"
	"testing/fstest"

	"dictnet/merkle"
)

// leafHashes are the hashes of the leaves "note 0", "note 1" and so on.
func leafHashes(n int) []merkle.Hash {
	var hashes []merkle.Hash
	for i := range n {
		hashes = append(hashes, merkle.LeafHash(fmt.Appendf(nil, "note %d", i)))
	}
	return hashes
}

// A publisher appends notes and says which version there is now.
func ExampleTree() {
	var tree merkle.Tree
	for _, h := range leafHashes(3) {
		tree.Append(h)
	}
	fmt.Println(tree.Version())
	// Output:
	// 3:2f2f05ac46b1e8c8ef7ff90d80e10dfcdc40691ef0a417784f1787311bb11a24
}

// A client that trusts a version checks that a note is in it.
func ExampleCheckInclusion() {
	ctx := context.Background()
	var published merkle.MemTree
	published.Append(leafHashes(1000)...)
	version := published.Version()

	proof, err := merkle.ProveInclusion(ctx, &published, 500, version.Size)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(proof), "hashes")
	fmt.Println(merkle.CheckInclusion(version, 500, merkle.LeafHash([]byte("note 500")), proof))
	err = merkle.CheckInclusion(version, 500, merkle.LeafHash([]byte("forged")), proof)
	fmt.Println(errors.Is(err, merkle.ErrProof))
	// Output:
	// 10 hashes
	// <nil>
	// true
}

// An auditor checks that a new version keeps all that the old one had.
func ExampleCheckConsistency() {
	ctx := context.Background()
	var published merkle.MemTree
	published.Append(leafHashes(7)...)
	old := published.Version()
	published.Append(leafHashes(12)[7:]...)
	new := published.Version()

	proof, err := merkle.ProveConsistency(ctx, &published, old.Size, new.Size)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(merkle.CheckConsistency(old, new, proof))

	// Somebody else's seven notes are not the beginning of these twelve.
	var other merkle.MemTree
	other.Append(leafHashes(8)[1:]...)
	var evidence *merkle.ConsistencyError
	fmt.Println(errors.As(merkle.CheckConsistency(other.Version(), new, proof), &evidence))
	// Output:
	// <nil>
	// true
}

// One proof for many notes costs less than one for each.
func ExampleProveLeaves() {
	ctx := context.Background()
	var published merkle.MemTree
	published.Append(leafHashes(1000)...)
	version := published.Version()

	runs, err := merkle.Runs(17, 18, 19, 20, 600, 602)
	if err != nil {
		fmt.Println(err)
		return
	}
	proof, err := merkle.ProveLeaves(ctx, &published, runs, version.Size)
	if err != nil {
		fmt.Println(err)
		return
	}
	all := leafHashes(1000)
	have := append(all[17:21:21], all[600], all[602])
	fmt.Println(runs, len(proof), "hashes in place of 60")
	fmt.Println(merkle.CheckLeaves(version, runs, have, proof))
	// Output:
	// [17-20 600 602] 18 hashes in place of 60
	// <nil>
}

// A proof is saved, and checked elsewhere against a version that is trusted there.
func ExampleInclusionProof() {
	var published merkle.MemTree
	published.Append(leafHashes(3)...)
	proof := merkle.InclusionProof{Version: published.Version(), Leaves: []merkle.Run{{Start: 1, Count: 2}}}
	var err error
	proof.Hashes, err = merkle.ProveLeaves(context.Background(), &published, proof.Leaves, 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := proof.MarshalText()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))

	var saved merkle.InclusionProof
	if err := saved.UnmarshalText(text); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(saved.Check(published.Version(), leafHashes(3)[1:]...))
	// Output:
	// dictnet/1 inclusion proof
	// size 3
	// root 2f2f05ac46b1e8c8ef7ff90d80e10dfcdc40691ef0a417784f1787311bb11a24
	// leaves 1-2
	// 0efe855b148d647f997e24d6c36222023340a23a369beee2d5f7098c02faff1a
	// <nil>
}

// A publisher writes tiles as plain files; a client that trusts a version reads proved nodes from them, wherever they
// come from.
func ExampleTileReader() {
	ctx := context.Background()
	var published merkle.MemTree
	published.Append(leafHashes(300)...)
	version := published.Version()
	files := make(fstest.MapFS)
	for tile := range merkle.NewTiles(0, version.Size) {
		data, err := merkle.ReadTile(ctx, &published, tile)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(tile.Path(), len(data), "bytes")
		files[tile.Path()] = &fstest.MapFile{Data: data}
	}

	nodes := merkle.NewTileReader(version, merkle.TilesIn(files))
	proof, err := merkle.ProveInclusion(ctx, nodes, 200, version.Size)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(merkle.CheckInclusion(version, 200, merkle.LeafHash([]byte("note 200")), proof))
	// Output:
	// tile/0/000 8192 bytes
	// tile/0/001.p/44 1408 bytes
	// tile/1/000.p/1 32 bytes
	// <nil>
}
