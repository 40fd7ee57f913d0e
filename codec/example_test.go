package codec

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

var exampleContext = context.Background()

// A template without a dictionary stands by itself.
func ExampleEncode() {
	var template bytes.Buffer
	stats, err := Encode(exampleContext, &template, strings.NewReader("to be, or not to be"), EncodeOptions{})
	if err != nil {
		panic(err)
	}
	fmt.Println(stats.Read, "bytes read")

	d, err := NewDecoder(exampleContext, &template, nil)
	if err != nil {
		panic(err)
	}
	defer d.Close()
	if _, err := io.Copy(os.Stdout, d); err != nil {
		panic(err)
	}
	// Output:
	// 19 bytes read
	// to be, or not to be
}

// A part of a file is read without the rest.
func ExampleNewReaderAt() {
	var template bytes.Buffer
	if _, err := Encode(exampleContext, &template, strings.NewReader("to be, or not to be"), EncodeOptions{}); err != nil {
		panic(err)
	}
	r, err := NewReaderAt(exampleContext, bytes.NewReader(template.Bytes()), int64(template.Len()), nil)
	if err != nil {
		panic(err)
	}
	part := make([]byte, 6)
	if _, err := r.ReadAt(part, 7); err != nil {
		panic(err)
	}
	fmt.Printf("%q of %d bytes\n", part, r.Size())
	// Output: "or not" of 19 bytes
}
