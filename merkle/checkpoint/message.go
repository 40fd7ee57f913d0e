package checkpoint

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what is read. The standard asks for at least 16 signatures, of up to 5 kB each.
const (
	maxMessage    = 1 << 20 // bytes
	maxSignatures = 100
)

// A message is a text with signatures (C2SP signed-note, "Format").
type message struct {
	text       []byte // ends in a newline
	signatures []signature
}

// A signature line is "— NAME BASE64\n", where BASE64 holds four bytes of key ID, big-endian, and the signature.
type signature struct {
	name string
	id   uint32
	sig  []byte
}

const signaturePrefix = "— "

func (m *message) encode() []byte {
	out := append(bytes.Clone(m.text), '\n')
	for _, s := range m.signatures {
		b := append(binary.BigEndian.AppendUint32(nil, s.id), s.sig...)
		out = fmt.Appendf(out, "%s%s %s\n", signaturePrefix, s.name, base64.StdEncoding.EncodeToString(b))
	}
	return out
}

func parseMessage(msg []byte) (*message, error) {
	if len(msg) > maxMessage {
		return nil, fmt.Errorf("signed message has %d bytes, more than %d", len(msg), maxMessage)
	}
	if !plainText(string(msg)) {
		return nil, errors.New("signed message is not UTF-8 without control characters")
	}
	// The last empty line ends the text; there is none among signatures.
	split := bytes.LastIndex(msg, []byte("\n\n"))
	if split < 0 {
		return nil, errors.New("signed message has no empty line before its signatures")
	}
	m := &message{text: msg[: split+1 : split+1]}
	lines, ok := strings.CutSuffix(string(msg[split+2:]), "\n")
	if !ok {
		return nil, errors.New("signed message does not end in a signature line")
	}
	for line := range strings.SplitSeq(lines, "\n") {
		if len(m.signatures) == maxSignatures {
			return nil, fmt.Errorf("signed message has more than %d signatures", maxSignatures)
		}
		s, err := parseSignature(line)
		if err != nil {
			return nil, fmt.Errorf("signature %d: %w", len(m.signatures)+1, err)
		}
		m.signatures = append(m.signatures, s)
	}
	return m, nil
}

func parseSignature(line string) (signature, error) {
	rest, ok := strings.CutPrefix(line, signaturePrefix)
	if !ok {
		return signature{}, fmt.Errorf("%q does not begin with a dash and a space", abbreviate(line))
	}
	name, b64, _ := strings.Cut(rest, " ")
	if err := checkName(name); err != nil {
		return signature{}, err
	}
	b, err := parseBase64(b64)
	if err != nil {
		return signature{}, err
	}
	if len(b) < 5 {
		return signature{}, fmt.Errorf("%q is too short for a key ID and a signature", b64)
	}
	return signature{name, binary.BigEndian.Uint32(b), b[4:]}, nil
}

// checkName refuses what cannot name a key.
func checkName(name string) error {
	if name == "" || !plainText(name) || strings.Contains(name, "+") || strings.ContainsFunc(name, unicode.IsSpace) {
		return fmt.Errorf("%q does not name a key: it must be plain text without spaces or plus signs", abbreviate(name))
	}
	return nil
}

// plainText reports whether s is UTF-8 without ASCII control characters other than newline.
func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 && r != '\n' })
}
