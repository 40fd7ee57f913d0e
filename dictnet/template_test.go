package dictnet

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/dictnet/store"
)

// What the parts of a file take is the file, whatever stands before the template.
func TestPartsAddUp(t *testing.T) {
	s := openStore(t, store.Options{})
	pub := publish(t, s, 10)
	tape, err := newClient(t, Options{Store: s}).Open(t.Context(), pub.Ref)
	if err != nil {
		t.Fatal(err)
	}
	index := buildIndex(t, tape)
	var template bytes.Buffer
	first := noteText(0)
	if _, err := codec.EncodeGiven(t.Context(), &template, append(first, "and more"...), []codec.FileSpan{{Span: codec.Span{Len: uint64(len(first))}}},
		codec.EncodeOptions{Dictionary: &pub.Ref, Tape: tape, Index: index}); err != nil {
		t.Fatal(err)
	}
	list, err := tape.Portable(t.Context(), spansOf(codec.Span{Len: 1}), true)
	if err != nil {
		t.Fatal(err)
	}
	meanings, err := (&contexts.Meanings{Source: "en", Others: []contexts.Meaning{{Context: "fr", Size: 5}}}).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	nowhere := func(context.Context, codec.DictionaryName) (*Tape, error) { return nil, nil }
	for name, head := range map[string][]byte{"nothing": nil, "list": written(t, list), "meanings": meanings} {
		file := append(bytes.Clone(head), template.Bytes()...)
		f, err := OpenTemplate(bytes.NewReader(file), int64(len(file)), 0)
		if err != nil {
			t.Fatal(name, err)
		}
		info, err := f.Inspect(t.Context(), nowhere)
		if err != nil {
			t.Fatal(name, err)
		}
		if p := info.Parts; p.Symbols+p.Local+p.Other+p.List+p.Meanings != int64(len(file)) || info.TemplateSize != int64(len(file)) || p.List+p.Meanings != int64(len(head)) {
			t.Errorf("%s: %+v of %d bytes, %d before the template", name, info, len(file), len(head))
		}
		if (info.List != nil) != (name == "list") || (info.Meanings != nil) != (name == "meanings") {
			t.Errorf("%s: %+v", name, info)
		}
		// Cut short anywhere, it is refused.
		for n := range file {
			f, err := OpenTemplate(bytes.NewReader(file[:n]), int64(n), 0)
			if err == nil {
				_, err = f.Inspect(t.Context(), nowhere)
			}
			if !errors.Is(err, codec.ErrTemplate) && !errors.Is(err, contexts.ErrFormat) {
				t.Fatalf("%s: cut after %d bytes: %v", name, n, err)
			}
		}
	}
}
