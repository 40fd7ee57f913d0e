package codec

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/klauspost/compress/zstd"
	"github.com/multiformats/go-multihash"
)

// noise returns n bytes that do not compress, the same for the same seed.
func noise(n int, seed uint64) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), 1})
	b := make([]byte, n)
	r.Read(b)
	return b
}

func TestNoteRoundTrip(t *testing.T) {
	for _, raw := range [][]byte{
		{0}, []byte("a"), bytes.Repeat([]byte("note "), 1000), noise(1, 1), noise(MaxNote, 2), make([]byte, MaxNote), noise(128<<10, 3),
	} {
		b, err := SealNote(raw)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.Data) > MaxNoteBlock {
			t.Errorf("block of %d bytes for %d", len(b.Data), len(raw))
		}
		again, err := SealNote(raw)
		if err != nil || !bytes.Equal(b.Data, again.Data) {
			t.Errorf("sealing %d bytes twice gives two blocks (%v)", len(raw), err)
		}
		got, err := OpenNote(b.CID, b.Data)
		if err != nil || !bytes.Equal(got, raw) {
			t.Errorf("note of %d bytes does not come back: %v", len(raw), err)
		}
	}
	for _, n := range []int{0, MaxNote + 1} {
		if _, err := SealNote(make([]byte, n)); !errors.Is(err, ErrNote) {
			t.Errorf("note of %d bytes: %v", n, err)
		}
	}
}

func TestOpenNoteRefuses(t *testing.T) {
	good, err := SealNote([]byte(strings.Repeat("a good note. ", 300)))
	if err != nil {
		t.Fatal(err)
	}
	open := func(block []byte) error {
		c, err := NoteCID(block)
		if err != nil {
			t.Fatal(err)
		}
		_, err = OpenNote(c, block)
		return err
	}
	plain, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer // a streamed frame states no size
	plain.Reset(&stream)
	plain.Write(bytes.Repeat([]byte("x"), 1<<20))
	plain.Close()
	blocks := map[string][]byte{
		"empty":               {},
		"no zstd":             []byte("hello, world"),
		"cut short":           good.Data[:len(good.Data)-1],
		"bytes after":         append(bytes.Clone(good.Data), 0),
		"two frames":          append(bytes.Clone(good.Data), good.Data...),
		"skippable frame":     {0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9},
		"no size":             stream.Bytes(),
		"bomb":                plain.EncodeAll(make([]byte, MaxNote+1), nil),
		"frame of no bytes":   {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0},
		"states one too many": {0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x11, 0, 0, 'a', 'b'},
		"states one too few":  {0x28, 0xb5, 0x2f, 0xfd, 0x20, 1, 0x11, 0, 0, 'a', 'b'},
		"block too large":     make([]byte, MaxNoteBlock+1),
	}
	for name, block := range blocks {
		if err := open(block); !errors.Is(err, ErrNote) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := open([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 2, 0x11, 0, 0, 'a', 'b'}); err != nil {
		t.Errorf("a raw frame made by hand: %v", err)
	}

	flipped := bytes.Clone(good.Data)
	for i := range flipped {
		flipped[i] ^= 1
		if _, err := OpenNote(good.CID, flipped); !errors.Is(err, ErrNote) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		flipped[i] ^= 1
	}

	sum := good.CID.Hash()
	sha512, err := multihash.Sum(good.Data, multihash.SHA2_512, -1)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]cid.Cid{
		"undefined":   cid.Undef,
		"CIDv0":       cid.NewCidV0(sum),
		"other codec": cid.NewCidV1(cid.DagCBOR, sum),
		"other hash":  cid.NewCidV1(cid.Raw, sha512),
	} {
		if _, err := OpenNote(c, good.Data); !errors.Is(err, ErrNote) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzOpenNote(f *testing.F) {
	b, err := SealNote([]byte("seed"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.Data)
	f.Fuzz(func(t *testing.T, block []byte) {
		c, err := NoteCID(block)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := OpenNote(c, block); err == nil && (len(raw) == 0 || len(raw) > MaxNote) {
			t.Fatalf("note of %d bytes", len(raw))
		}
	})
}
