package checkpoint

import (
	"context"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"

	"dictnet/merkle"
)

func testProof(t testing.TB, index uint64, size int) *Proof {
	t.Helper()
	tree := testTree(size)
	hashes, err := merkle.ProveInclusion(context.Background(), tree, index, uint64(size))
	if err != nil {
		t.Fatal(err)
	}
	msg := sign(t, Checkpoint{Origin: origin, Version: tree.Version()}, logKey(t), witnessKey(t))
	return &Proof{Index: index, Hashes: hashes, Checkpoint: msg}
}

func TestProof(t *testing.T) {
	log, witness := logKey(t).Public(), witnessKey(t).Public()
	other, err := NewLogKey(origin, edKey(3))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1; size < 20; size++ {
		for i := range uint64(size) {
			p := testProof(t, i, size)
			if i%2 == 1 {
				p.Extra = []byte("typescript-5.9.3.tar")
			}
			text, err := p.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			var q Proof
			if err := q.UnmarshalText(text); err != nil || !reflect.DeepEqual(&q, p) {
				t.Fatalf("leaf %d of %d read back as %+v, %v", i, size, q, err)
			}
			leaf := merkle.LeafHash([]byte{byte(i)})
			signed, err := q.Check(leaf, origin, log, witness)
			if err != nil || signed.Version != testTree(size).Version() || len(signed.Cosignatures) != 1 {
				t.Fatalf("leaf %d of %d: %+v, %v", i, size, signed, err)
			}
			if _, err := q.Check(merkle.LeafHash([]byte("other")), origin, log); !errors.Is(err, merkle.ErrProof) {
				t.Fatalf("another leaf: got error %v", err)
			}
			if _, err := q.Check(leaf, "other", log); err == nil {
				t.Fatal("another origin: accepted")
			}
			if _, err := q.Check(leaf, origin, other.Public()); !errors.Is(err, ErrNotSigned) {
				t.Fatalf("another log's key: got error %v", err)
			}
		}
	}
}

func TestProofRefuses(t *testing.T) {
	p := testProof(t, 4, 7)
	p.Extra = []byte("x")
	data, err := p.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	if want := "c2sp.org/tlog-proof@v1\nextra eA==\nindex 4\n"; !strings.HasPrefix(good, want) {
		t.Fatalf("proof is\n%s", good)
	}
	hash := base64.StdEncoding.EncodeToString(p.Hashes[0][:])
	edit := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q to replace", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "no empty line"},
		{"title", edit("@v1", "@v2"), "line 1"},
		{"title only", "c2sp.org/tlog-proof@v1\n\n" + string(p.Checkpoint), "line 2: the index is missing"},
		{"extra only", "c2sp.org/tlog-proof@v1\nextra eA==\n\n" + string(p.Checkpoint), "line 3: the index is missing"},
		{"extra empty", edit("extra eA==", "extra "), "line 2"},
		{"extra twice", edit("extra eA==\n", "extra eA==\nextra eA==\n"), "line 3: the index is missing"},
		{"extra not base64", edit("extra eA==", "extra eA"), "line 2"},
		{"index with a zero", edit("index 4", "index 04"), "line 3"},
		{"index below zero", edit("index 4", "index -4"), "line 3"},
		{"hash cut", edit(hash, hash[:40]), "line 4"},
		{"hash in hexadecimal", edit(hash, p.Hashes[0].String()), "line 4"},
		{"65 hashes", edit(hash, strings.TrimSuffix(strings.Repeat(hash+"\n", 65), "\n")), "hashes follow, more than 64"},
		{"no checkpoint", good[:strings.Index(good, "\n\n")+2], "no empty line"},
		{"no signatures", good[:strings.LastIndex(good, "\n\n")+2], "does not end in a signature line"},
	} {
		q := Proof{Index: 99}
		if err := q.UnmarshalText([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
		if !reflect.DeepEqual(q, Proof{Index: 99}) {
			t.Errorf("%s: changed the proof it failed to read", tt.name)
		}
	}
	for name, bad := range map[string]*Proof{
		"no checkpoint": {},
		"65 hashes":     {Hashes: make([]merkle.Hash, 65), Checkpoint: p.Checkpoint},
	} {
		if text, err := bad.MarshalText(); err == nil {
			t.Errorf("%s: has text %q", name, text)
		}
	}
}
