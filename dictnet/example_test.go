package dictnet_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/gateway"
	"dictnet/dictnet/serve"
	"dictnet/dictnet/store"
)

// registry stands in for one on a chain, as package chain asks it.
type registry struct{ head dictnet.Record }

func (r registry) Head(context.Context, dictnet.DictionaryID) (dictnet.Record, error) {
	return r.head, nil
}

// A publisher builds a dictionary and serves its notes, a client who holds nothing plays a template against it, and an auditor recomputes what was published.
func Example() {
	ctx := context.Background()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	open := func(name string) *store.Store {
		s, err := store.Open(filepath.Join(dir, name), store.Options{})
		check(err)
		return s
	}
	var release []byte
	for i := range 10_000 {
		release = fmt.Appendf(release, "line %d of the first release\n", i*i)
	}
	next := bytes.Replace(release, []byte("line 100 of the first"), []byte("line 100 of the second"), 1)

	// The publisher.
	home := open("publisher")
	defer home.Close()
	extension, err := dictnet.NewPublisher(home).Extend(ctx, "releases")
	check(err)
	builder, err := codec.NewBuilder(ctx, extension.Add, codec.BuildOptions{})
	check(err)
	check(builder.Add(bytes.NewReader(release)))
	check(builder.Close())
	published, err := extension.Commit()
	check(err)
	anchor := registry{dictnet.Record{Versions: 1, Version: published.Ref.Version, Manifest: published.Ref.Manifest}} // chain.Registry.Publish does it

	local := dictnet.NewClient(dictnet.Options{Store: home})
	defer local.Close()
	tape, err := local.Open(ctx, published.Ref)
	check(err)
	var indexed, template bytes.Buffer
	check(codec.BuildIndex(ctx, tape, codec.DefaultChunkSize, &indexed))
	index, err := codec.OpenIndex(bytes.NewReader(indexed.Bytes()), int64(indexed.Len()))
	check(err)
	_, err = codec.Encode(ctx, &template, bytes.NewReader(next), codec.EncodeOptions{Dictionary: &published.Ref, Tape: tape, Index: index})
	check(err)

	server, err := serve.New(serve.Options{Store: home}) // or an ipfs.Node
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	go server.Serve(listener)
	defer server.Shutdown(ctx)
	source, err := gateway.New("http://" + listener.Addr().String())
	check(err)
	defer source.Close()

	// The client.
	cache := open("client")
	defer cache.Close()
	client := dictnet.NewClient(dictnet.Options{Store: cache, Sources: []dictnet.Source{source}, Anchor: anchor})
	defer client.Close()
	r, err := codec.NewReaderAt(ctx, bytes.NewReader(template.Bytes()), int64(template.Len()), client.OpenTape)
	check(err)
	var played bytes.Buffer
	_, err = r.WriteTo(&played)
	check(err)
	fmt.Println("the next release:", bytes.Equal(played.Bytes(), next))

	// The auditor, who has no anchor: it is what he compares with.
	evidence := open("auditor")
	defer evidence.Close()
	reader := dictnet.NewClient(dictnet.Options{Store: evidence, Sources: []dictnet.Source{source}})
	defer reader.Close()
	report, err := dictnet.NewAuditor(reader).Audit(ctx, dictnet.Audit{
		Ref:     published.Ref,
		Head:    &anchor.head,
		History: []dictnet.PublishedVersion{{Number: 1, Version: published.Ref.Version, Manifest: published.Ref.Manifest}},
	})
	check(err)
	fmt.Println("every note opened:", report.NotesOpened == published.Ref.Size, "the root:", report.ComputedRoot == published.Ref.Root, "wrong:", report.Err())
	// Output:
	// the next release: true
	// every note opened: true the root: true wrong: <nil>
}
