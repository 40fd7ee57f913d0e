package checkpoint_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"time"

	"dictnet/merkle"
	"dictnet/merkle/checkpoint"
)

// A publisher signs a version, a witness adds that it has seen it, and a client that knows both keys opens the result.
func ExampleOpen() {
	// Real keys come from ed25519.GenerateKey.
	log, err := checkpoint.NewLogKey("dictionaries.example/demo", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }
	witness, err := checkpoint.NewWitnessKey("witness.example/w1", ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, 32)), clock)
	if err != nil {
		fmt.Println(err)
		return
	}

	var tree merkle.Tree
	tree.Append(merkle.LeafHash([]byte("note 0")))
	msg, err := checkpoint.Sign(checkpoint.Checkpoint{Origin: "dictionaries.example/demo", Version: tree.Version()}, log)
	if err != nil {
		fmt.Println(err)
		return
	}
	if msg, err = checkpoint.AddSignatures(msg, witness); err != nil {
		fmt.Println(err)
		return
	}

	signed, err := checkpoint.Open(msg, "dictionaries.example/demo", log.Public(), witness.Public())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(signed.Version)
	for _, c := range signed.Cosignatures {
		fmt.Println("seen by", c.Name, "at", c.Time)
	}
	// Output:
	// 1:0efe855b148d647f997e24d6c36222023340a23a369beee2d5f7098c02faff1a
	// seen by witness.example/w1 at 2026-11-22 12:00:00 +0000 UTC
}
