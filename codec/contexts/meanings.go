package contexts

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// MeaningsMagic begins what stands before a template with several meanings: 0xD7, "ctxm", format version 1.
const MeaningsMagic = "\xd7ctxm\x01"

// Meanings say what a template means in several contexts: it was made under one, whose file it plays, and each of the others gives its codes another
// meaning.
type Meanings struct {
	Source string    `json:"source"` // the context that it was made under
	Others []Meaning `json:"others"`
}

// Meaning is the file that a template plays under another context.
type Meaning struct {
	Context string `json:"context"`
	Size    int64  `json:"size"` // bytes
	Sum     uint64 `json:"xxh64"`
}

// Find returns the meaning in a context; nil if it is the one that the template was made under. The error is an *UnknownError.
func (m *Meanings) Find(name string) (*Meaning, error) {
	if name == m.Source {
		return nil, nil
	}
	known := []string{m.Source}
	for i := range m.Others {
		if m.Others[i].Context == name {
			return &m.Others[i], nil
		}
		known = append(known, m.Others[i].Context)
	}
	return nil, &UnknownError{name, known}
}

func (m *Meanings) check() error {
	if len(m.Others) == 0 || len(m.Others) >= maxContexts {
		return fmt.Errorf("%d other contexts, want 1 to %d", len(m.Others), maxContexts-1)
	}
	if err := CheckName(m.Source); err != nil {
		return err
	}
	seen := map[string]bool{m.Source: true}
	for _, o := range m.Others {
		if err := CheckName(o.Context); err != nil {
			return err
		}
		if seen[o.Context] {
			return fmt.Errorf("context %q comes twice", o.Context)
		}
		seen[o.Context] = true
		if o.Size < 0 || o.Size > maxSize {
			return fmt.Errorf("context %q has %d bytes: too many", o.Context, o.Size)
		}
	}
	return nil
}

// AppendBinary writes what stands before the template.
func (m *Meanings) AppendBinary(b []byte) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	var rest []byte
	name := func(s string) { rest = append(binary.AppendUvarint(rest, uint64(len(s))), s...) }
	name(m.Source)
	rest = binary.AppendUvarint(rest, uint64(len(m.Others)))
	for _, o := range m.Others {
		name(o.Context)
		rest = binary.AppendUvarint(rest, uint64(o.Size))
		rest = binary.LittleEndian.AppendUint64(rest, o.Sum)
	}
	from := len(b)
	b = binary.LittleEndian.AppendUint32(append(b, MeaningsMagic...), uint32(len(rest)))
	b = append(b, rest...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli)), nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxMeaningsLen is how long the list of meanings may be, in bytes.
const maxMeaningsLen = maxContexts * (maxName + 1 + binary.MaxVarintLen64 + 8)

// ReadMeanings reads what stands before a template, and says how many bytes that is. It reads not a byte more.
func ReadMeanings(r io.Reader) (m *Meanings, n int64, err error) {
	head := make([]byte, len(MeaningsMagic)+4)
	k, err := io.ReadFull(r, head)
	if !bytes.HasPrefix(head[:k], []byte(MeaningsMagic)[:min(k, len(MeaningsMagic))]) || k == 0 && err == io.EOF {
		return nil, 0, formatErrorf(0, "no meanings begin with % x", head[:min(k, len(MeaningsMagic))])
	}
	if err != nil {
		return nil, 0, cutShort(err, int64(k))
	}
	length := binary.LittleEndian.Uint32(head[len(MeaningsMagic):])
	if length > maxMeaningsLen {
		return nil, 0, formatErrorf(int64(len(MeaningsMagic)), "meanings of %d bytes, limit %d", length, maxMeaningsLen)
	}
	b := make([]byte, length+4)
	if k, err := io.ReadFull(r, b); err != nil {
		return nil, 0, cutShort(err, int64(len(head)+k))
	}
	rest, sum := b[:length], binary.LittleEndian.Uint32(b[length:])
	if got := crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, rest); got != sum {
		return nil, 0, formatErrorf(int64(len(head))+int64(length), "checksum is %08x, want %08x", sum, got)
	}
	p := parser{b: rest, off: int64(len(head))}
	name := func() string { return string(p.take(p.number(maxName, "the length of a name"))) }
	m = &Meanings{Source: name()}
	for range p.number(maxContexts-1, "the number of contexts") {
		o := Meaning{Context: name(), Size: int64(p.number(maxSize, "a size"))}
		if b := p.take(8); b != nil {
			o.Sum = binary.LittleEndian.Uint64(b)
		}
		if p.err != nil {
			return nil, 0, p.err
		}
		m.Others = append(m.Others, o)
	}
	if p.err == nil && len(p.b) > 0 {
		p.fail("%d bytes too many", len(p.b))
	}
	if p.err != nil {
		return nil, 0, p.err
	}
	if err := m.check(); err != nil {
		return nil, 0, formatErrorf(int64(len(head)), "%v", err)
	}
	return m, int64(len(head) + len(b)), nil
}

// ErrMeaning is wrapped when a template does not mean what it is said to.
var ErrMeaning = errors.New("the meaning of the template is another than was encoded")

// Check compares what was played with the meaning.
func (m *Meaning) Check(size int64, sum uint64) error {
	if size != m.Size || sum != m.Sum {
		return fmt.Errorf("%w: %s has %d bytes, xxh64 %016x; want %d, %016x", ErrMeaning, m.Context, size, sum, m.Size, m.Sum)
	}
	return nil
}
