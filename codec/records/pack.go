package records

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"

	"dictnet/codec"
)

// PackMagic begins a pack, the templates of many records in one file: the magic; each template after its length as a varint; then 0, and how many
// there were as a varint (docs/format.md, section 7.3).
const PackMagic = "\xd7nr\x01"

// maxTemplate is the most bytes that the template of a record has.
const maxTemplate = MaxRecord + Overhead

// Holds reports whether a file that begins so is the template of a record, or a pack of them.
func Holds(head []byte) bool {
	return IsTemplate(head) || len(head) >= len(PackMagic) && string(head[:len(PackMagic)]) == PackMagic
}

// PackReader reads the templates of a pack, or the only one that stands without. Errors about what is read are *codec.FormatError, those of reading are handed on.
type PackReader struct {
	src  *bufio.Reader
	pack bool
	err  error  // why the file could not be begun, which Next says
	n    int64  // templates read
	at   int64  // bytes read
	buf  []byte // of the last
}

// NewPackReader reads from where a file begins of which Holds is true.
func NewPackReader(r io.Reader) *PackReader {
	p := &PackReader{src: bufio.NewReaderSize(r, 64<<10)}
	head, err := p.src.Peek(len(PackMagic))
	if err != nil && err != io.EOF {
		p.err = err // the buffer forgets it
	}
	if string(head) == PackMagic {
		p.pack = true
		p.src.Discard(len(PackMagic))
		p.at = int64(len(PackMagic))
	}
	return p
}

// Pack reports whether it is a pack, and not a record that stands alone.
func (p *PackReader) Pack() bool { return p.pack }

// Count says how many templates have been read.
func (p *PackReader) Count() int64 { return p.n }

func (p *PackReader) fail(msg string, args ...any) error {
	return &codec.FormatError{Offset: p.at, Msg: fmt.Sprintf(msg, args...)}
}

// cut says that the pack ends in the middle, if that is what an error of reading it means: one that a server has broken off comes wrapped.
func (p *PackReader) cut(err error, what string) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return p.fail("cut short in %s", what)
	}
	return err
}

// number reads a varint.
func (p *PackReader) number(what string) (v uint64, err error) {
	for shift := 0; ; shift += 7 {
		b, err := p.src.ReadByte()
		if err != nil {
			return 0, p.cut(err, what)
		}
		if shift == 63 && b > 1 || shift > 0 && b == 0 {
			return 0, p.fail("%s is no number of 64 bits in its shortest form", what)
		}
		p.at++
		if v |= uint64(b&0x7f) << shift; b < 0x80 {
			return v, nil
		}
	}
}

// Next returns the next template, which is good until the next call, or io.EOF.
func (p *PackReader) Next() ([]byte, error) {
	if p.err != nil {
		return nil, p.err
	}
	if !p.pack {
		if p.n > 0 {
			return nil, io.EOF
		}
		b, err := io.ReadAll(io.LimitReader(p.src, maxTemplate+1))
		if err != nil {
			return nil, err
		}
		if len(b) > maxTemplate {
			return nil, p.fail("the template of a record has more than %d bytes", maxTemplate)
		}
		p.n++
		p.at += int64(len(b))
		return b, nil
	}
	n, err := p.number(fmt.Sprintf("the length of record %d", p.n+1))
	if err != nil {
		return nil, err
	}
	if n == 0 {
		count, err := p.number("the number of records")
		if err != nil {
			return nil, err
		}
		if count != uint64(p.n) {
			return nil, p.fail("the pack states %d records, and has %d", count, p.n)
		}
		if _, err := p.src.ReadByte(); err == nil {
			return nil, p.fail("bytes after the end of the pack")
		} else if err != io.EOF {
			return nil, err
		}
		return nil, io.EOF
	}
	if n > maxTemplate {
		return nil, p.fail("record %d states %d bytes, limit %d", p.n+1, n, maxTemplate)
	}
	p.buf = append(p.buf[:0], make([]byte, n)...)
	if _, err := io.ReadFull(p.src, p.buf); err != nil {
		return nil, p.cut(err, fmt.Sprintf("record %d", p.n+1))
	}
	p.n++
	p.at += int64(n)
	return p.buf, nil
}

const maxRoots = 16

// Info says what a pack is made of, or the template of one record.
type Info struct {
	Records   int64    `json:"records"`
	Raw       int64    `json:"rawRecords"`    // that are stored as they are
	Bytes     int64    `json:"bytes"`         // of the records
	Size      int64    `json:"templateSize"`  // bytes of the file: those of the templates and of the pack
	Templates int64    `json:"templateBytes"` // of each record's own template
	Pack      int64    `json:"packBytes"`     // that tell them apart: the pack's head, lengths and end; 0 of a record that stands alone
	Roots     []string `json:"roots"`         // the begins of those of the dictionaries: one, if all of it can be decoded; at most 16 are told
}

// Inspect says what a file of which Holds is true is made of. No dictionary is needed.
func Inspect(r io.Reader) (Info, error) {
	p := NewPackReader(r)
	info := Info{Roots: []string{}}
	seen := make(map[[idLen]byte]bool)
	for {
		template, err := p.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return Info{}, err
		}
		h, err := ParseHead(template)
		if err != nil {
			return Info{}, fmt.Errorf("record %d: %w", p.n, err)
		}
		info.Records++
		info.Bytes += int64(h.Len)
		info.Templates += int64(len(template))
		if h.Raw() {
			info.Raw++
		}
		if !seen[h.Root] && len(seen) < maxRoots {
			seen[h.Root] = true
			info.Roots = append(info.Roots, hex.EncodeToString(h.Root[:]))
		}
	}
	info.Size = p.at
	info.Pack = info.Size - info.Templates
	return info, nil
}
