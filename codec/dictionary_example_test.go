package codec_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/codec"
	"dictnet/merkle"
)

// notes is a tape in memory. Those of package dictnet lie in a store, or come from elsewhere, and have a manifest.
type notes struct {
	starts []uint64
	raw    [][]byte
	leaves []merkle.Hash
	size   uint64
}

func (t *notes) add(b codec.Block) error {
	raw, err := codec.OpenNote(b.CID, b.Data)
	if err != nil {
		return err
	}
	t.starts, t.raw, t.leaves = append(t.starts, t.size), append(t.raw, raw), append(t.leaves, merkle.LeafHash(b.CID.Bytes()))
	t.size += uint64(len(raw))
	return nil
}

func (t *notes) Size() uint64 { return t.size }

func (t *notes) NoteAt(_ context.Context, pos uint64) (start uint64, raw []byte, err error) {
	i := sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > pos }) - 1
	return t.starts[i], t.raw[i], nil
}

// A file is encoded against a dictionary that was built from the one before, and played back: whole, and in part.
func Example() {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var old []byte
	for i := range 5000 {
		old = fmt.Appendf(old, "%x\n", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))
	}
	file := slices.Concat(old[:100_000], []byte("a line that is new\n"), old[100_000:])

	// The dictionary: notes on a tape, and an index to find what they hold.
	tape := new(notes)
	builder, err := codec.NewBuilder(ctx, tape.add, codec.BuildOptions{})
	check(err)
	check(builder.Add(bytes.NewReader(old)))
	check(builder.Close())
	var indexed bytes.Buffer
	check(codec.BuildIndex(ctx, tape, codec.DefaultChunkSize, &indexed))
	index, err := codec.OpenIndex(bytes.NewReader(indexed.Bytes()), int64(indexed.Len()))
	check(err)

	// Its name. Package manifest makes the real one; here it is the hash of a text.
	hash, err := multihash.Sum([]byte("manifest"), multihash.SHA2_256, -1)
	check(err)
	dictionary := codec.DictionaryRef{
		Manifest: cid.NewCidV1(cid.DagCBOR, hash),
		Version:  merkle.Version{Size: uint64(len(tape.leaves)), Root: merkle.Root(tape.leaves)},
	}

	var template bytes.Buffer
	stats, err := codec.Encode(ctx, &template, bytes.NewReader(file), codec.EncodeOptions{Dictionary: &dictionary, Tape: tape, Index: index})
	check(err)
	fmt.Println("bytes that play from the dictionary:", stats.Tape, "of", stats.Read)
	fmt.Println("template below 0.1 % of the file:", stats.Written*1000 < stats.Read)

	open := func(_ context.Context, name codec.DictionaryName) (codec.Tape, error) {
		if name != dictionary.Name() {
			return nil, fmt.Errorf("there is no dictionary %s here", name.Manifest)
		}
		return tape, nil
	}
	r, err := codec.NewReaderAt(ctx, bytes.NewReader(template.Bytes()), int64(template.Len()), open)
	check(err)
	var whole bytes.Buffer
	_, err = r.WriteTo(&whole) // every checksum is checked
	check(err)
	fmt.Println("the same:", bytes.Equal(whole.Bytes(), file))
	part := make([]byte, 18)
	_, err = r.ReadAt(part, 100_000)
	check(err)
	fmt.Printf("%s\n", part)
	// Output:
	// bytes that play from the dictionary: 325000 of 325019
	// template below 0.1 % of the file: true
	// the same: true
	// a line that is new
}
