package checkpoint

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dictnet/merkle"

	"golang.org/x/mod/sumdb/note"
)

const (
	origin      = "dictionaries.example/typescript"
	witnessName = "witness.example/w1"
)

// edKey returns the Ed25519 key whose seed is 32 times the same byte, so that every test writes the same bytes.
func edKey(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func logKey(t testing.TB) *PrivateKey {
	t.Helper()
	k, err := NewLogKey(origin, edKey(1))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func witnessKey(t testing.TB) *PrivateKey {
	t.Helper()
	k, err := NewWitnessKey(witnessName, edKey(2), func() time.Time { return time.Unix(1679315147, 999) })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testTree(n int) *merkle.MemTree {
	tree := new(merkle.MemTree)
	for i := range n {
		tree.Append(merkle.LeafHash([]byte{byte(i)}))
	}
	return tree
}

func testCheckpoint() Checkpoint { return Checkpoint{Origin: origin, Version: testTree(5).Version()} }

func sign(t testing.TB, c Checkpoint, signers ...Signer) []byte {
	t.Helper()
	msg, err := Sign(c, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

const goldenMessage = `dictionaries.example/typescript
5
uFW0LWww9bCH4FJmeD+9bjlPe5JgE8yqZ3AKiwxaWW8=

— dictionaries.example/typescript r6kpZKgjjdbtJn/YSJXV1PRMK5zGhs7wc4k4+/nBshghcH1xM4DCk7k3fbvWpHL2azDPA1LVxV1HI1JkN0IWqLfNVAI=
— witness.example/w1 3xwKNQAAAABkGFDLB3NyZ3r5xH6/eFl4El0mU68CES8OU0IwcP0XO3j7D7rZeTMZWeDmQ7A5LWrKAQBh6W2J+opcYOBj8T3nl7sNBw==
`

func TestGolden(t *testing.T) {
	msg := sign(t, testCheckpoint(), logKey(t), witnessKey(t))
	if string(msg) != goldenMessage {
		t.Errorf("message is\n%swant\n%s", msg, goldenMessage)
	}
	for key, want := range map[string]string{
		logKey(t).Public().String():     "dictionaries.example/typescript+afa92964+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
		witnessKey(t).Public().String(): "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU",
	} {
		if key != want {
			t.Errorf("key is %s, want %s", key, want)
		}
	}
	// A witness that is slower than the log gives the same message.
	late, err := AddSignatures(sign(t, testCheckpoint(), logKey(t)), witnessKey(t))
	if err != nil || !bytes.Equal(late, msg) {
		t.Errorf("cosigned later, the message is\n%s%v", late, err)
	}
}

// The examples of C2SP signed-note and of golang.org/x/mod/sumdb/note, with keys that are not ours.
func TestVectors(t *testing.T) {
	for _, tt := range []struct{ key, msg string }{
		{"example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
			"This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"},
		{"PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
			"If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
				"— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"},
	} {
		key, err := ParsePublicKey(tt.key)
		if err != nil {
			t.Error(err)
			continue
		}
		m, err := parseMessage([]byte(tt.msg))
		if err != nil {
			t.Error(err)
			continue
		}
		s := m.signatures[0]
		if !s.by(key.Name(), key.KeyHash()) || !key.Verify(m.text, s.sig) {
			t.Errorf("%s: signature is not accepted", key.Name())
		}
		if key.Verify(append([]byte(" "), m.text...), s.sig) {
			t.Errorf("%s: signature is accepted for another text", key.Name())
		}
		if got := m.encode(); string(got) != tt.msg {
			t.Errorf("%s: message written back as\n%s", key.Name(), got)
		}
	}
	key, err := ParsePrivateKey("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
	if err != nil {
		t.Fatal(err)
	}
	if got := key.Public().String(); got != "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" {
		t.Errorf("public key is %s", got)
	}
}

// x/mod opens our messages with our keys in its form, and with our keys as they are.
func TestTheyVerifyOurs(t *testing.T) {
	log, witness := logKey(t), witnessKey(t)
	msg := sign(t, testCheckpoint(), log, witness)
	theirs, err := note.NewVerifier(log.Public().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(msg, note.VerifierList(theirs))
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Sigs) != 1 || n.Sigs[0].Name != origin || len(n.UnverifiedSigs) != 1 {
		t.Errorf("opened with signatures %v and %v", n.Sigs, n.UnverifiedSigs)
	}
	if c, err := Parse([]byte(n.Text)); err != nil || !reflect.DeepEqual(c, testCheckpoint()) {
		t.Errorf("its text is %+v, %v", c, err)
	}
	n, err = note.Open(msg, note.VerifierList(log.Public(), witness.Public()))
	if err != nil || len(n.Sigs) != 2 {
		t.Errorf("with our verifiers: %+v, %v", n, err)
	}
	// Our keys sign for them.
	theirMsg, err := note.Sign(&note.Note{Text: n.Text}, log, witness)
	if err != nil || !bytes.Equal(theirMsg, msg) {
		t.Errorf("x/mod signs\n%s%v\nwant\n%s", theirMsg, err, msg)
	}
	signer, err := note.NewSigner(log.Encode())
	if err != nil || signer.KeyHash() != log.KeyHash() {
		t.Errorf("x/mod reads our private key as %v, %v", signer, err)
	}
}

// We open messages that x/mod signs with keys that it made.
func TestWeVerifyTheirs(t *testing.T) {
	skey, vkey, err := note.GenerateKey(nil, origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	text, err := testCheckpoint().Text()
	if err != nil {
		t.Fatal(err)
	}
	msg, err := note.Sign(&note.Note{Text: string(text)}, signer)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePublicKey(vkey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := Open(msg, origin, key)
	if err != nil || !reflect.DeepEqual(signed.Checkpoint, testCheckpoint()) {
		t.Errorf("opened as %+v, %v", signed, err)
	}
	if ours, err := ParsePrivateKey(skey); err != nil || ours.Encode() != skey || ours.Public().String() != vkey {
		t.Errorf("their private key reads as %v, %v", ours, err)
	}
	// Their signer and verifier serve here as they are.
	theirs, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(sign(t, testCheckpoint(), signer), origin, theirs); err != nil {
		t.Error(err)
	}
}

// A witness's signature, put together here once more from the words of C2SP tlog-cosignature.
func TestCosignature(t *testing.T) {
	log, witness := logKey(t), witnessKey(t)
	msg := sign(t, testCheckpoint(), log, witness)
	signed, err := Open(msg, origin, log.Public(), witness.Public())
	if err != nil {
		t.Fatal(err)
	}
	want := []Cosignature{{witnessName, witness.KeyHash(), time.Unix(1679315147, 0).UTC()}}
	if !reflect.DeepEqual(signed.Cosignatures, want) {
		t.Errorf("cosignatures are %v, want %v", signed.Cosignatures, want)
	}

	text, _ := testCheckpoint().Text()
	lines := strings.Split(strings.TrimSpace(string(msg)), "\n")
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[len(lines)-1], "— "+witnessName+" "))
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != 4+8+64 || binary.BigEndian.Uint64(b[4:]) != 1679315147 {
		t.Fatalf("cosignature is %x", b)
	}
	statement := "cosignature/v1\ntime 1679315147\n" + string(text)
	if !ed25519.Verify(edKey(2).Public().(ed25519.PublicKey), []byte(statement), b[12:]) {
		t.Error("cosignature is not over time and text")
	}

	sig := slices.Clone(b[4:])
	for name, damage := range map[string]func([]byte) []byte{
		"another time":      func(s []byte) []byte { s[7]++; return s },
		"a time after 2^63": func(s []byte) []byte { s[0] |= 0x80; return s },
		"no signature":      func(s []byte) []byte { return s[:8] },
		"half a time":       func(s []byte) []byte { return s[:7] },
		"no time":           func(s []byte) []byte { return s[8:] },
	} {
		if witness.Public().Verify(text, damage(slices.Clone(sig))) {
			t.Errorf("%s: accepted", name)
		}
	}
	// Times from 2^63 on are refused even if the witness did sign them, whichever way they are written.
	for _, at := range []string{"-9223372036854775808", "9223372036854775808"} {
		statement := "cosignature/v1\ntime " + at + "\n" + string(text)
		late := append([]byte{0x80, 0, 0, 0, 0, 0, 0, 0}, ed25519.Sign(edKey(2), []byte(statement))...)
		if witness.Public().Verify(text, late) {
			t.Errorf("time %s: accepted", at)
		}
	}
	early, err := NewWitnessKey(witnessName, edKey(2), func() time.Time { return time.Unix(-1, 0) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sign(testCheckpoint(), early); err == nil {
		t.Error("a witness signed before 1970")
	}
	// The same key as a log's and as a witness's has two IDs, and signatures of one do not pass as the other's.
	asLog, err := NewLogKey(witnessName, edKey(2))
	if err != nil {
		t.Fatal(err)
	}
	if asLog.KeyHash() == witness.KeyHash() || asLog.Public().Verify(text, sig) || asLog.Public().Verify(text, sig[8:]) {
		t.Error("a cosignature passes as a log's signature")
	}
	if now, err := NewWitnessKey(witnessName, edKey(2), nil); err != nil {
		t.Error(err)
	} else if _, err := Open(sign(t, testCheckpoint(), log, now), origin, log.Public(), now.Public()); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	log, witness := logKey(t), witnessKey(t)
	other, err := NewLogKey(origin, edKey(3))
	if err != nil {
		t.Fatal(err)
	}
	c := testCheckpoint()
	good := string(sign(t, c, log, witness))
	logLine := good[strings.Index(good, "— "+origin):strings.Index(good, "— "+witnessName)]
	elsewhere := c
	elsewhere.Origin = "dictionaries.example/other"
	many := strings.TrimSuffix(good, "\n") + strings.Repeat("\n"+strings.TrimSuffix(logLine, "\n"), 99) + "\n"

	for _, tt := range []struct{ name, msg, want string }{
		{"empty", "", "no empty line"},
		{"text only", good[:strings.Index(good, "\n\n")+1], "no empty line"},
		{"no signatures", good[:strings.Index(good, "\n\n")+2], "does not end in a signature line"},
		{"last line not ended", strings.TrimSuffix(good, "\n"), "does not end in a signature line"},
		{"signed by nobody known", string(sign(t, c, other)), "is not signed by the log"},
		{"signed by the witness only", string(sign(t, c, witness)), "is not signed by the log"},
		{"of another log", string(sign(t, elsewhere, log)), `checkpoint is of "dictionaries.example/other"`},
		{"larger", strings.Replace(good, "\n5\n", "\n6\n", 1), "is not valid"},
		{"an extension added", strings.Replace(good, "\n\n", "\nmore\n\n", 1), "is not valid"},
		{"carriage returns", strings.ReplaceAll(good, "\n", "\r\n"), "control characters"},
		{"not UTF-8", strings.Replace(good, "\n\n", "\n\xff\n\n", 1), "UTF-8"},
		{"hyphen for dash", strings.ReplaceAll(good, "—", "-"), "does not begin with a dash"},
		{"two spaces", strings.Replace(good, origin+" ", origin+"  ", 1), "is not base64"},
		{"name with a plus sign", strings.Replace(good, "— "+witnessName, "— wit+ness", 1), "does not name a key"},
		{"name missing", strings.Replace(good, "— "+witnessName, "— ", 1), "does not name a key"},
		{"signature missing", good + "— someone\n", "is too short"},
		{"signature of key ID only", good + "— someone AAAAAA==\n", "is too short"},
		{"base64 with bits left over", good + "— someone AAAAAAF=\n", "is not base64"},
		{"too many signatures", many, "more than 100 signatures"},
		{"too long", strings.Repeat("x", maxMessage) + good, "bytes, more than"},
		{"not a checkpoint", string((&message{[]byte("hello\n"), []signature{mustSign(t, log, "hello\n")}}).encode()), "checkpoint, line 2"},
	} {
		signed, err := Open([]byte(tt.msg), origin, log.Public(), witness.Public())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", tt.name, signed, err, tt.want)
		} else if strings.Contains(err.Error(), "\n") || len(err.Error()) > 300 {
			t.Errorf("%s: error is not one short line: %v", tt.name, err)
		}
	}
	if _, err := Open(sign(t, c, other), origin, log.Public()); !errors.Is(err, ErrNotSigned) {
		t.Errorf("got error %v, want ErrNotSigned", err)
	}
	if _, err := Open([]byte(good), origin, log.Public(), log.Public()); err == nil {
		t.Error("one key given twice was accepted")
	}

	// A bad signature of a known witness spoils the message; of an unknown one it does not matter.
	bad := strings.Replace(good, "— "+witnessName+" ", "— "+witnessName+"x ", 1)
	if _, err := Open([]byte(bad), origin, log.Public(), witness.Public()); err != nil {
		t.Errorf("a signature of an unknown key: %v", err)
	}
	m, _ := parseMessage([]byte(good))
	m.signatures[1].sig[20] ^= 1
	var evidence *SignatureError
	if _, err := Open(m.encode(), origin, log.Public(), witness.Public()); !errors.As(err, &evidence) || evidence.Name != witnessName || !bytes.Equal(evidence.Message, m.encode()) {
		t.Errorf("a bad cosignature: got error %v", err)
	}
	// A signature twice counts once.
	twice := good + good[strings.Index(good, "— "+witnessName):]
	if signed, err := Open([]byte(twice), origin, log.Public(), witness.Public()); err != nil || len(signed.Cosignatures) != 1 {
		t.Errorf("a cosignature twice: %+v, %v", signed, err)
	}
}

func mustSign(t *testing.T, k *PrivateKey, text string) signature {
	t.Helper()
	sig, err := k.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return signature{k.Name(), k.KeyHash(), sig}
}

// Whichever bit of a message is flipped, it is not opened as the same claim by the log.
func TestMessageDamaged(t *testing.T) {
	log := logKey(t)
	msg := sign(t, testCheckpoint(), log)
	for i := range msg {
		for bit := range 8 {
			bad := slices.Clone(msg)
			bad[i] ^= 1 << bit
			if _, err := Open(bad, origin, log.Public()); err == nil {
				t.Errorf("bit %d of byte %d flipped: accepted", bit, i)
			}
		}
		if _, err := Open(msg[:i], origin, log.Public()); err == nil {
			t.Errorf("cut to %d bytes: accepted", i)
		}
	}
}

func TestCheckpointText(t *testing.T) {
	root := testTree(5).Version().Root
	b64 := base64.StdEncoding.EncodeToString(root[:])
	for _, c := range []Checkpoint{
		testCheckpoint(),
		{Origin: "with spaces + plus", Version: merkle.Version{Size: 1<<64 - 1, Root: root}},
		{Origin: "ünïcode", Version: merkle.Version{Size: 0, Root: merkle.EmptyRoot}},
		{Origin: "o", Version: merkle.Version{Size: 1, Root: root}, Extensions: []string{"one", "two words"}},
	} {
		text, err := c.Text()
		if err != nil {
			t.Error(err)
			continue
		}
		if got, err := Parse(text); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%q read back as %+v, %v", text, got, err)
		}
	}
	for _, c := range []Checkpoint{
		{},
		{Origin: origin},
		{Origin: "", Version: testCheckpoint().Version},
		{Origin: "two\nlines", Version: testCheckpoint().Version},
		{Origin: "tab\t", Version: testCheckpoint().Version},
		{Origin: "\xff", Version: testCheckpoint().Version},
		{Origin: origin, Version: testCheckpoint().Version, Extensions: []string{""}},
		{Origin: origin, Version: testCheckpoint().Version, Extensions: []string{"a\nb"}},
	} {
		if text, err := c.Text(); err == nil {
			t.Errorf("%+v has text %q", c, text)
		}
		if _, err := Sign(c, logKey(t)); err == nil {
			t.Errorf("%+v was signed", c)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{"", "line 1"},
		{"\n", "line 2: missing"},
		{"o\n5\n", "line 3: missing"},
		{"o\n5\n" + b64, "line 3: not ended"},
		{"\n5\n" + b64 + "\n", "line 1"},
		{"o\n05\n" + b64 + "\n", "line 2"},
		{"o\n-5\n" + b64 + "\n", "line 2"},
		{"o\n18446744073709551616\n" + b64 + "\n", "line 2"},
		{"o\n0x5\n" + b64 + "\n", "line 2"},
		{"o\n5\n" + b64[:43] + "\n", "line 3"},
		{"o\n5\n" + b64[:40] + "\n", "line 3"},
		{"o\n5\n" + root.String() + "\n", "line 3"},
		{"o\n0\n" + b64 + "\n", "line 3: size 0"},
		{"o\n5\n" + b64 + "\n\n", "line 4"},
		{"o\n5\n" + b64 + "\nx\n\ny\n", "line 5"},
		{"o\r\n5\r\n" + b64 + "\r\n", "line 1"},
		{"o\n5\n" + b64[:20] + "\r" + b64[20:] + "\n", "line 3"},
	} {
		if c, err := Parse([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %+v, %v, want an error with %q", tt.text, c, err, tt.want)
		}
	}
}

func TestAddSignatures(t *testing.T) {
	log, witness := logKey(t), witnessKey(t)
	msg := sign(t, testCheckpoint(), log, witness)
	later, err := NewWitnessKey(witnessName, edKey(2), func() time.Time { return time.Unix(2e9, 0) })
	if err != nil {
		t.Fatal(err)
	}
	again, err := AddSignatures(msg, later)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := Open(again, origin, log.Public(), later.Public())
	if err != nil || len(signed.Cosignatures) != 1 || signed.Cosignatures[0].Time.Unix() != 2e9 {
		t.Errorf("cosigned again: %+v, %v", signed, err)
	}
	if bytes.Count(again, []byte(witnessName)) != 1 {
		t.Errorf("the older cosignature is still there:\n%s", again)
	}
	if _, err := AddSignatures([]byte("hello\n\n— a AAAAAAA=\n"), witness); err == nil {
		t.Error("a witness signed what is not a checkpoint")
	}
	if _, err := AddSignatures([]byte("hello"), witness); err == nil {
		t.Error("a witness signed what is not a message")
	}
	if _, err := Sign(testCheckpoint()); err == nil {
		t.Error("signed by nobody")
	}
	if _, err := Sign(testCheckpoint(), log, log); err == nil {
		t.Error("signed twice by one key")
	}
	if _, err := Sign(testCheckpoint(), brokenSigner{log}); err == nil || !strings.Contains(err.Error(), "token unplugged") {
		t.Errorf("signer's error is lost: %v", err)
	}
	var crowd []Signer
	for i := range maxSignatures + 1 {
		k, err := NewLogKey(fmt.Sprintf("k%d", i), edKey(1))
		if err != nil {
			t.Fatal(err)
		}
		crowd = append(crowd, k)
	}
	if _, err := Sign(testCheckpoint(), crowd...); err == nil {
		t.Error("a message was signed that cannot be opened")
	}
}

type brokenSigner struct{ *PrivateKey }

func (brokenSigner) Sign([]byte) ([]byte, error) { return nil, errors.New("token unplugged") }

func TestKeysRefused(t *testing.T) {
	good := logKey(t).Public().String()
	part := strings.SplitN(good, "+", 3)
	for _, s := range []string{
		"", "+", "++", "name", part[0] + "+" + part[1], part[0] + "+" + part[1] + "+", "+" + part[1] + "+" + part[2],
		"a b+" + part[1] + "+" + part[2], "other+" + part[1] + "+" + part[2], part[0] + "+00000000+" + part[2], part[0] + "+" + part[1] + "0+" + part[2],
		part[0] + "+" + strings.ToUpper(part[1]) + "+" + part[2], part[0] + "+" + part[1] + "+" + part[2] + "AAAA", good + "\n", good[:len(good)-1],
		part[0] + "+" + part[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{2}, edKey(1).Public().(ed25519.PublicKey)...)),
		part[0] + "+" + part[1] + "+" + base64.StdEncoding.EncodeToString(append([]byte{4}, edKey(1).Public().(ed25519.PublicKey)...)),
	} {
		if k, err := ParsePublicKey(s); err == nil {
			t.Errorf("%q read as %v", s, k)
		}
	}
	secret := logKey(t).Encode()
	for _, s := range []string{"", good, secret + "A", secret[:len(secret)-2] + "==", strings.Replace(secret, "PRIVATE", "private", 1), strings.Replace(secret, origin, "other", 1), privatePrefix + "a"} {
		k, err := ParsePrivateKey(s)
		if err == nil {
			t.Errorf("%q read as %v", s, k)
		} else if len(s) > 80 && strings.Contains(err.Error(), s[len(s)-30:]) {
			t.Errorf("error shows the secret: %v", err)
		}
	}
	for _, name := range []string{"", "a b", "a+b", "a\u00a0b", "a\n", "\xff"} {
		if _, err := NewLogKey(name, edKey(1)); err == nil {
			t.Errorf("log key named %q", name)
		}
		if _, err := NewWitnessKey(name, edKey(1), nil); err == nil {
			t.Errorf("witness key named %q", name)
		}
		if _, err := NewPublicKey(name, Log, edKey(1).Public().(ed25519.PublicKey)); err == nil {
			t.Errorf("public key named %q", name)
		}
	}
	if _, err := NewLogKey("a", edKey(1)[:63]); err == nil {
		t.Error("private key of 63 bytes accepted")
	}
	if _, err := NewPublicKey("a", Log, make([]byte, 31)); err == nil {
		t.Error("public key of 31 bytes accepted")
	}
	if _, err := NewPublicKey("a", 9, make([]byte, 32)); err == nil {
		t.Error("public key of kind 9 accepted")
	}
}

// However a private key is printed, the secret stays in.
func TestPrivateKeyPrints(t *testing.T) {
	k := logKey(t)
	seed := base64.StdEncoding.EncodeToString(k.key.Seed())
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, x := range []any{k, *k} {
			got := fmt.Sprintf(format, x)
			if strings.Contains(got, seed) || strings.Contains(got, "1 1 1") || strings.Contains(got, "0x1, 0x1") || !strings.Contains(got, origin) {
				t.Errorf("%s prints %s", format, got)
			}
		}
	}
	if k.Public().Kind() != Log {
		t.Errorf("kind is %d", k.Public().Kind())
	}
}
