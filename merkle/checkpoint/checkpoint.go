// Package checkpoint signs versions of a tree and checks such signatures, in the forms that transparency logs and their
// witnesses share, so that their tools read ours and ours theirs:
//
//   - the signed text (C2SP signed-note), below called a message, since a note is something else here;
//   - the checkpoint, which is a message about a version (C2SP tlog-checkpoint);
//   - the cosignature of a witness (C2SP tlog-cosignature, Ed25519);
//   - the proof that a leaf is in a checkpoint's tree, in one file that needs no network (C2SP tlog-proof).
//
// A checkpoint looks like this. The three lines are the origin, which names the log, the size, and the root in base64;
// after the empty line come signatures:
//
//	dictionaries.example/typescript
//	5
//	uFW0LWww9bCH4FJmeD+9bjlPe5JgE8yqZ3AKiwxaWW8=
//
//	— dictionaries.example/typescript r6kpZKgjjdbtJn/YSJXV...
//	— witness.example/w1 3xwKNQAAAABkGFDLB3NyZ3r5xH6...
package checkpoint

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"dictnet/merkle"
)

// A Checkpoint is what a log says about itself: that its tree has this version.
type Checkpoint struct {
	Origin         string   // names the log: one line, such as "dictionaries.example/typescript"
	merkle.Version          // size and root
	Extensions     []string // further lines, none empty; the standard advises against them
}

// Text returns the signed part of the checkpoint's message, each line ended by a newline.
func (c Checkpoint) Text() ([]byte, error) {
	if c.Size == 0 && c.Root != merkle.EmptyRoot {
		return nil, errors.New("checkpoint: size 0 has another root than the empty tree")
	}
	lines := append([]string{c.Origin, strconv.FormatUint(c.Size, 10), base64.StdEncoding.EncodeToString(c.Root[:])}, c.Extensions...)
	for i, line := range lines {
		if line == "" || strings.Contains(line, "\n") || !plainText(line) {
			return nil, fmt.Errorf("checkpoint: line %d, %q, is empty or not plain text of one line", i+1, abbreviate(line))
		}
	}
	return []byte(strings.Join(lines, "\n") + "\n"), nil
}

// Parse reads just what Text writes. What it returns is a claim: see Open.
func Parse(text []byte) (Checkpoint, error) {
	fail := func(line int, format string, args ...any) (Checkpoint, error) {
		return Checkpoint{}, fmt.Errorf("checkpoint, line %d: %w", line, fmt.Errorf(format, args...))
	}
	lines := strings.Split(string(text), "\n")
	if last := len(lines) - 1; lines[last] != "" {
		return fail(last+1, "not ended by a newline")
	}
	lines = lines[:len(lines)-1]
	if len(lines) < 3 {
		return fail(len(lines)+1, "missing")
	}
	for i, line := range lines {
		if line == "" || !plainText(line) {
			return fail(i+1, "%q is empty or not plain text", abbreviate(line))
		}
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = parseNumber(lines[1]); err != nil {
		return fail(2, "%w", err)
	}
	if c.Root, err = parseHash(lines[2]); err != nil {
		return fail(3, "%w", err)
	}
	if c.Size == 0 && c.Root != merkle.EmptyRoot {
		return fail(3, "size 0 has another root than the empty tree")
	}
	if len(lines) > 3 {
		c.Extensions = lines[3:]
	}
	return c, nil
}

// parseNumber reads a decimal number without leading zeros.
func parseNumber(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		return 0, fmt.Errorf("%q is not a decimal number below 2^64 without leading zeros", abbreviate(s))
	}
	return n, nil
}

func parseHash(s string) (h merkle.Hash, err error) {
	b, err := parseBase64(s)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("%q is not the base64 form of a hash", abbreviate(s))
	}
	return merkle.Hash(b), nil
}

// parseBase64 reads standard base64 with padding, and only in the one form that encoding gives.
func parseBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return nil, fmt.Errorf("%q is not base64", abbreviate(s))
	}
	return b, nil
}

// abbreviate keeps a stranger's text from filling an error message.
func abbreviate(s string) string {
	const most = 80
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
