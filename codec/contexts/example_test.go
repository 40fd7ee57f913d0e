package contexts_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"dictnet/codec"
	"dictnet/codec/contexts"
)

// Two variants of a text share one template, and one is picked.
func Example() {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	en, fr := "Bridge ahead. Speed limit 30.\n", "Pont devant. Vitesse max 30.\n"
	variants, err := contexts.NewReader([]contexts.Variant{
		{Name: "en", Size: int64(len(en)), Reader: strings.NewReader(en)},
		{Name: "fr", Size: int64(len(fr)), Reader: strings.NewReader(fr)},
	}, nil)
	check(err)
	var template bytes.Buffer
	_, err = codec.Encode(ctx, &template, variants, codec.EncodeOptions{})
	check(err)

	r, err := codec.NewReaderAt(ctx, bytes.NewReader(template.Bytes()), int64(template.Len()), nil)
	check(err)
	directory, err := contexts.Find(r, r.Size())
	check(err)
	fmt.Println(directory.Names())
	view, err := directory.View(r, "fr")
	check(err)
	text := make([]byte, view.Size())
	_, err = view.ReadAt(text, 0)
	check(err)
	fmt.Printf("%s", text)
	// Output:
	// [en fr]
	// Pont devant. Vitesse max 30.
}
