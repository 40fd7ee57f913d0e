package checkpoint

import (
	"bytes"
	"reflect"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// The named seeds of these targets are in testdata/fuzz. They run with every go test; go test -fuzz NAME looks for
// more.

// FuzzOpen compares with x/mod: what we open, it opens as the same text.
func FuzzOpen(f *testing.F) {
	log, witness := logKey(f).Public(), witnessKey(f).Public()
	f.Fuzz(func(t *testing.T, msg []byte) {
		m, err := parseMessage(msg)
		if err != nil {
			if _, err := Open(msg, origin, log, witness); err == nil {
				t.Fatal("opened what is not a message")
			}
			return
		}
		if got := m.encode(); !bytes.Equal(got, msg) {
			t.Fatalf("%q was read, and written back as %q", msg, got)
		}
		theirs, theirErr := note.Open(msg, note.VerifierList(log, witness))
		if unverified, ok := theirErr.(*note.UnverifiedNoteError); ok {
			theirs = unverified.Note
		}
		if theirs != nil && theirs.Text != string(m.text) {
			t.Fatalf("text is %q to us, %q to x/mod", m.text, theirs.Text)
		}
		signed, err := Open(msg, origin, log, witness)
		if err != nil {
			return
		}
		if theirErr != nil {
			t.Fatalf("x/mod refuses what we open: %v", theirErr)
		}
		if len(theirs.Sigs) != 1+len(signed.Cosignatures) {
			t.Fatalf("x/mod accepts signatures %v, we %v", theirs.Sigs, signed.Cosignatures)
		}
		if text, err := signed.Text(); err != nil || string(text) != theirs.Text {
			t.Fatalf("%q was read, and written back as %q, %v", theirs.Text, text, err)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		if got, err := c.Text(); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%q was read, and written back as %q, %v", text, got, err)
		}
	})
}

func FuzzProof(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		var p, q Proof
		if p.UnmarshalText(text) != nil {
			return
		}
		got, err := p.MarshalText()
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%q was read, and written back as %q, %v", text, got, err)
		}
		if err := q.UnmarshalText(got); err != nil || !reflect.DeepEqual(p, q) {
			t.Fatalf("read again as %+v, %v", q, err)
		}
	})
}

// FuzzParsePublicKey compares with x/mod, which knows log keys only.
func FuzzParsePublicKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParsePublicKey(s)
		if err != nil {
			return
		}
		if k.String() != s {
			t.Fatalf("%q was read, and written back as %q", s, k)
		}
		if theirs, err := note.NewVerifier(s); k.Kind() == Log && (err != nil || theirs.Name() != k.Name() || theirs.KeyHash() != k.KeyHash()) {
			t.Fatalf("%q is %v, %v to x/mod", s, theirs, err)
		}
	})
}

// FuzzParsePrivateKey compares with x/mod, which knows log keys only.
func FuzzParsePrivateKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParsePrivateKey(s)
		if err != nil {
			return
		}
		if k.Encode() != s {
			t.Fatalf("%q was read, and written back as %q", s, k.Encode())
		}
		if theirs, err := note.NewSigner(s); k.kind == Log && (err != nil || theirs.Name() != k.Name() || theirs.KeyHash() != k.KeyHash()) {
			t.Fatalf("%q is %v, %v to x/mod", s, theirs, err)
		}
	})
}
