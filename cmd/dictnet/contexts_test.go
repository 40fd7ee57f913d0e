package main

import (
	"bytes"
	"io"
	"testing"

	"dictnet/codec/contexts"
)

// pieces is a file that plays in these pieces.
type pieces []string

func (p pieces) WriteTo(w io.Writer) (n int64, err error) {
	for _, b := range p {
		k, err := io.WriteString(w, b)
		n += int64(k)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// Whether a file has contexts is seen by its first bytes, in whatever pieces they play; of one that has, nothing is written.
func TestWithoutContexts(t *testing.T) {
	const magic = contexts.Magic
	for _, c := range []struct {
		file pieces
		err  error
	}{
		{nil, nil},
		{pieces{""}, nil},
		{pieces{"a"}, nil},
		{pieces{"some", " text"}, nil},
		{pieces{magic[:1]}, nil},
		{pieces{magic[:2], magic[2:5]}, nil},
		{pieces{magic[:5], "?" + magic}, nil},
		{pieces{magic[:3], "", "?", magic}, nil},
		{pieces{"?", magic}, nil},
		{pieces{magic}, errContexts},
		{pieces{magic + "and more"}, errContexts},
		{pieces{magic[:1], magic[1:4], "", magic[4:] + "and", "more"}, errContexts},
	} {
		var all, got bytes.Buffer
		c.file.WriteTo(&all)
		_, err := withoutContexts{c.file}.WriteTo(&got)
		if err != c.err {
			t.Errorf("%q: %v, want %v", c.file, err, c.err)
		}
		if want := all.String(); err == nil && got.String() != want || err != nil && got.Len() > 0 {
			t.Errorf("%q: wrote %q", c.file, got.String())
		}
	}
}
