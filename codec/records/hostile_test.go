package records

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"dictnet/codec"
	"dictnet/codec/internal/rans"
)

// FuzzDecode: a template from a stranger ends in an error or in a record that encodes to the same length or less as itself, without a panic, and in
// memory for one record.
func FuzzDecode(f *testing.F) {
	c := coder(f)
	line, err := c.AppendEncode(nil, logLines(4, 1)[0])
	if err != nil {
		f.Fatal(err)
	}
	raw, err := c.AppendEncode(nil, odd()["noise"][:40])
	if err != nil {
		f.Fatal(err)
	}
	empty, err := c.AppendEncode(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{nil, line, raw, empty, line[:12], bytes.Repeat([]byte{0xff}, 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template []byte) {
		got, err := c.AppendDecode(nil, template)
		if err != nil {
			if !errors.Is(err, codec.ErrTemplate) {
				t.Fatalf("error %v", err)
			}
			return
		}
		if len(got) > MaxRecord {
			t.Fatalf("a record of %d bytes", len(got))
		}
		again, err := c.AppendEncode(nil, got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := c.AppendDecode(nil, again); err != nil || !bytes.Equal(back, got) {
			t.Fatalf("it does not come back; error %v", err)
		}
	})
}

// FuzzRoundTrip: every record comes back, whatever it is.
func FuzzRoundTrip(f *testing.F) {
	c := coder(f)
	for _, r := range odd() {
		if len(r) < 4000 {
			f.Add(r)
		}
	}
	f.Fuzz(func(t *testing.T, r []byte) {
		if len(r) > MaxRecord {
			return
		}
		template, err := c.AppendEncode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if len(template) > len(r)+Overhead {
			t.Fatalf("%d bytes became %d", len(r), len(template))
		}
		if got, err := c.AppendDecode(nil, template); err != nil || !bytes.Equal(got, r) {
			t.Fatalf("another record came back; error %v", err)
		}
	})
}

// resum makes the footer of a unit right again.
func resum(unit []byte) []byte {
	rest := len(unit) - footerLen
	binary.LittleEndian.PutUint32(unit[rest+8:], crc32.Checksum(unit[:rest], castagnoli))
	return unit
}

// FuzzModel: a dictionary from a stranger is refused, or one can encode and decode with it.
func FuzzModel(f *testing.F) {
	content, packed, err := splitUnit(train(logLines(1, 300), MinBudget))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content[:500], packed)
	f.Add(content, packed)
	f.Add([]byte{}, packed)
	f.Add(content, packed[:len(packed)/2])
	f.Add([]byte{}, []byte{})
	f.Add(content, bytes.Repeat([]byte{0x55}, 300))
	record := logLines(12, 1)[0]
	f.Fuzz(func(t *testing.T, content, packed []byte) {
		if len(content) > 1<<16 {
			return
		}
		c, err := newCoder(testRoot, joinUnit(content, packed))
		if err != nil {
			if !errors.Is(err, ErrNoModel) {
				t.Fatalf("error %v", err)
			}
			return
		}
		template, err := c.AppendEncode(nil, record)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.AppendDecode(nil, template); err != nil || !bytes.Equal(got, record) {
			t.Fatalf("another record came back; error %v", err)
		}
	})
}

func TestUnitsThatAreNone(t *testing.T) {
	good := trained()
	change := func(do func(b []byte) []byte) []byte { return do(bytes.Clone(good)) }
	for name, unit := range map[string][]byte{
		"nothing":              nil,
		"no footer":            good[:len(good)-1],
		"a wrong checksum":     change(func(b []byte) []byte { b[3] ^= 1; return b }),
		"a byte too many":      append([]byte{0}, good...),
		"lengths that overlap": change(func(b []byte) []byte { b[len(b)-footerLen+2] ^= 0x40; return b }),
		"lengths of 4 GiB":     change(func(b []byte) []byte { copy(b[len(b)-footerLen:], "\xff\xff\xff\xff\xff\xff\xff\xff"); return b }),
		"a model cut short": func() []byte {
			content, packed, _ := splitUnit(good)
			return joinUnit(content, packed[:len(packed)-40])
		}(),
		"a model with noise": func() []byte {
			content, packed, _ := splitUnit(good)
			packed = bytes.Clone(packed)
			for i := range packed[20:60] {
				packed[20+i] ^= byte(i * 37)
			}
			return joinUnit(content, packed)
		}(),
		"a phrase beyond the content": func() []byte {
			_, packed, _ := splitUnit(good)
			return joinUnit([]byte("short"), packed)
		}(),
	} {
		if _, err := newCoder(testRoot, unit); !errors.Is(err, ErrNoModel) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := newCoder(testRoot, resum(bytes.Clone(good))); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// A model may hold no more contexts and phrases than the limits say, whatever is in the stream.
func TestModelsAreBounded(t *testing.T) {
	var e rans.Encoder
	st := &statistics{contexts: map[uint32][]uint8{0: everything()}}
	for k, size := range numberSizes {
		st.number[k] = bytes.Repeat([]byte{1}, size)
	}
	for a := range uint32(256) {
		st.contexts[contextKey(1, a)] = everything()
		for b := range uint32(80) {
			st.contexts[contextKey(2, b<<8|a)] = everything()
		}
	}
	c := coding{enc: &e}
	if err := st.walk(&c, nil); err == nil {
		t.Errorf("%d contexts were taken", len(st.contexts))
	}
}

func everything() []uint8 {
	own := bytes.Repeat([]byte{1}, symbols)
	return own
}

// noteTape is a tape of notes.
type noteTape struct {
	notes [][]byte
	asked []int // notes
}

func (t *noteTape) Size() (n uint64) {
	for _, b := range t.notes {
		n += uint64(len(b))
	}
	return n
}

func (t *noteTape) NoteAt(_ context.Context, pos uint64) (uint64, []byte, error) {
	start := uint64(0)
	for i, b := range t.notes {
		if pos < start+uint64(len(b)) {
			t.asked = append(t.asked, i)
			return start, b, nil
		}
		start += uint64(len(b))
	}
	return 0, nil, errors.New("beyond the tape")
}

func TestBuilderMakesNotesThatOpen(t *testing.T) {
	build := func() (notes [][]byte) {
		b, err := NewBuilder(20 << 10)
		must(t, err)
		for _, r := range logLines(1, 1500) {
			b.Add(r)
		}
		must(t, b.Finish(func(block codec.Block) error {
			raw, err := codec.OpenNote(block.CID, block.Data)
			notes = append(notes, raw)
			return err
		}))
		return notes
	}
	notes := build()
	size := 0
	for _, n := range notes {
		size += len(n)
	}
	if size > 20<<10 || size < 10<<10 {
		t.Errorf("%d bytes on the tape, the budget is %d", size, 20<<10)
	}
	again := build()
	if !bytes.Equal(bytes.Join(notes, nil), bytes.Join(again, nil)) {
		t.Error("the same samples made another dictionary")
	}
	// Of a tape that holds more, only the end is read.
	tape := &noteTape{notes: append([][]byte{[]byte("an earlier version"), []byte("and another")}, notes...)}
	c, err := Open(context.Background(), testRoot, tape)
	must(t, err)
	for _, i := range tape.asked {
		if i < 2 {
			t.Errorf("note %d was read", i)
		}
	}
	record := logLines(2, 1)[0]
	template, err := c.AppendEncode(nil, record)
	must(t, err)
	if got, err := c.AppendDecode(nil, template); err != nil || !bytes.Equal(got, record) {
		t.Errorf("another record came back; error %v", err)
	}
	for _, other := range [][]byte{[]byte("short"), bytes.Repeat([]byte("no model "), 100)} {
		if _, err := Open(context.Background(), testRoot, &noteTape{notes: [][]byte{other}}); !errors.Is(err, ErrNoModel) {
			t.Errorf("a tape without a model: error %v", err)
		}
	}
}

func TestBuilderThinsWhatIsTooMuch(t *testing.T) {
	b, err := NewBuilder(MinBudget)
	must(t, err)
	sample := make([]byte, 60000)
	for i := range 1500 { // 90 MB
		sample[0] = byte(i)
		b.Add(sample)
	}
	if b.bytes > keepSamples || b.bytes < keepSamples/4 {
		t.Errorf("%d bytes are kept", b.bytes)
	}
	if n, bytes := b.Seen(); n != 1500 || bytes != 1500*60000 {
		t.Errorf("%d samples of %d bytes were seen", n, bytes)
	}
	for i, s := range b.kept {
		if s[0] != byte(i*b.step) {
			t.Fatalf("sample %d is kept at %d", s[0], i)
		}
	}
	b, err = NewBuilder(MinBudget)
	must(t, err)
	for range 3 * mostSamples { // of a byte
		b.Add(sample[:1])
	}
	if n := len(b.kept); n > mostSamples || n < mostSamples/4 {
		t.Errorf("%d samples are kept", n)
	}
}

func TestBuilderRefuses(t *testing.T) {
	for _, budget := range []int{-1, 0, MinBudget - 1, MaxBudget + 1} {
		if _, err := NewBuilder(budget); !errors.Is(err, codec.ErrOption) {
			t.Errorf("a budget of %d: error %v", budget, err)
		}
	}
	b, err := NewBuilder(MinBudget)
	must(t, err)
	b.Add([]byte("only one"))
	if err := b.Finish(nil); !errors.Is(err, ErrFewSamples) {
		t.Errorf("of one sample: error %v", err)
	}
}

// Samples of any kind make a dictionary within the budget with which they can be encoded.
func TestTrainingOnOddSamples(t *testing.T) {
	all := odd()
	for name, samples := range map[string][][]byte{
		"two empty":          {{}, {}},
		"two short":          {[]byte("a"), []byte("b")},
		"twice the same":     {all["every byte"], all["every byte"]},
		"noise":              {all["noise"], all["noise"][:1000], all["every byte"]},
		"long runs":          {all["longest, of one byte"], all["longest, of one byte"][:1000]},
		"nothing in common":  {[]byte("abcdefghijklmnop"), []byte("0123456789")},
		"lines, and a noise": append(logLines(3, 50), all["noise"]),
	} {
		for _, budget := range []int{MinBudget, 16 << 10} {
			unit := train(samples, budget)
			if len(unit) > budget {
				t.Errorf("%s: %d bytes, the budget is %d", name, len(unit), budget)
			}
			c, err := newCoder(testRoot, unit)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, r := range append(samples, all["noise"], all["every byte"], []byte("hello")) {
				template, err := c.AppendEncode(nil, r)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if got, err := c.AppendDecode(nil, template); err != nil || !bytes.Equal(got, r) {
					t.Fatalf("%s: another record came back; error %v", name, err)
				}
			}
		}
	}
}
