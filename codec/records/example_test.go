package records_test

import (
	"bytes"
	"context"
	"fmt"
	"sort"

	"dictnet/codec"
	"dictnet/codec/records"
	"dictnet/merkle"
)

// notes is a tape in memory; see the example of package codec.
type notes struct {
	starts []uint64
	raw    [][]byte
	leaves []merkle.Hash
	size   uint64
}

func (t *notes) add(b codec.Block) error {
	raw, err := codec.OpenNote(b.CID, b.Data)
	if err != nil {
		return err
	}
	t.starts, t.raw, t.leaves = append(t.starts, t.size), append(t.raw, raw), append(t.leaves, merkle.LeafHash(b.CID.Bytes()))
	t.size += uint64(len(raw))
	return nil
}

func (t *notes) Size() uint64 { return t.size }

func (t *notes) NoteAt(_ context.Context, pos uint64) (start uint64, raw []byte, err error) {
	i := sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > pos }) - 1
	return t.starts[i], t.raw[i], nil
}

// A dictionary is trained on records of a kind, and another one of them is encoded by itself.
func Example() {
	record := func(i int) []byte {
		return fmt.Appendf(nil, `{"level":"info","msg":"request served","path":"/api/v1/orders/%d","status":200,"took":"%dms"}`+"\n", i*7919%100000, i*31%500)
	}
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	builder, err := records.NewBuilder(16 << 10)
	check(err)
	for i := range 2000 {
		builder.Add(record(i))
	}
	tape := new(notes)
	check(builder.Finish(tape.add))

	coder, err := records.Open(context.Background(), merkle.Root(tape.leaves), tape)
	check(err)
	template, err := coder.AppendEncode(nil, record(4711))
	check(err)
	again, err := coder.AppendDecode(nil, template)
	check(err)
	fmt.Println("the same:", bytes.Equal(again, record(4711)))
	fmt.Println("a quarter of it, or less:", 4*len(template) <= len(again))
	// Output:
	// the same: true
	// a quarter of it, or less: true
}
