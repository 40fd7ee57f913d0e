package chain

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
)

func TestReference(t *testing.T) {
	const (
		address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
		id      = "0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
		text    = "eip155:1337:" + address + "/" + id
	)
	r, err := ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	if r.ChainID != 1337 || r.Registry != common.HexToAddress(address) || r.ID.String() != id || r.String() != text {
		t.Errorf("%+v is written %s", r, r)
	}
	if lower, err := ParseReference(strings.ToLower(text)); err != nil || lower != r {
		t.Errorf("in small letters: %+v, %v", lower, err)
	}
	if bare, err := ParseReference("eip155:1337:" + address + "/" + id[2:]); err != nil || bare != r {
		t.Errorf("id without 0x: %+v, %v", bare, err)
	}
	for _, bad := range []string{
		"", "eip155:", "eip155:1337", "eip155:1337:" + address, "eip155:1337:" + address + "/",
		"eip156" + text[6:], text + "00", text[:len(text)-1], text[:len(text)-1] + "g",
		"eip155:01337:" + address + "/" + id, "eip155:-1:" + address + "/" + id, "eip155:18446744073709551616:" + address + "/" + id,
		strings.Replace(text, "5FbDB", "5fbDB", 1), // checksum
		strings.Replace(text, "0x5F", "5F", 1),
		strings.Replace(text, address, address[:20], 1),
	} {
		if r, err := ParseReference(bad); err == nil {
			t.Errorf("%q was read as %s", bad, r)
		} else if !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: error does not name it: %v", bad, err)
		}
	}
}

func FuzzParseReference(f *testing.F) {
	f.Add("eip155:1:0x5FbDB2315678afecb367f032d93F642f64180aa3/0x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReference(s)
		if err != nil {
			return
		}
		if again, err := ParseReference(r.String()); err != nil || again != r {
			t.Errorf("%q, read as %s, reads back as %s, %v", s, r, again, err)
		}
	})
}

// The registry holds 32 bytes per manifest; every CID that these cannot stand for is refused.
func TestManifestDigest(t *testing.T) {
	digest := [32]byte{1, 2, 3}
	c := manifestCID(digest)
	if back, err := manifestDigest(c); err != nil || back != digest {
		t.Errorf("%x, %v", back, err)
	}
	other, err := multihash.Sum([]byte("x"), multihash.SHA2_512, -1)
	if err != nil {
		t.Fatal(err)
	}
	short, err := multihash.Encode(digest[:20], multihash.SHA2_256)
	if err != nil {
		t.Fatal(err)
	}
	pb, err := multihash.Sum([]byte("x"), multihash.SHA2_256, -1)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []cid.Cid{
		cid.Undef, cid.NewCidV0(pb), cid.NewCidV1(cid.Raw, c.Hash()), cid.NewCidV1(cid.DagCBOR, other), cid.NewCidV1(cid.DagCBOR, short),
	} {
		if d, err := manifestDigest(bad); err == nil {
			t.Errorf("%s: digest %x", bad, d)
		}
	}
}
