package records

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"dictnet/codec"
	"dictnet/codec/internal/varint"
	"dictnet/merkle"
)

// A template of a record begins with two bytes that say what it is, the begin of the root of the dictionary's version, the length of the record
// and a part of its checksum.
//
//	0      1       2          6         7 to 9
//	+------+-------+----------+---------+--------+-----------
//	| 0xd7 | form  | root     | checksum| length | payload
//	+------+-------+----------+---------+--------+-----------
const (
	first     = 0xd7
	formRaw   = 0xa0 // the payload is the record
	formCoded = 0xa1
	headLen   = 7
	idLen     = 4
)

// Overhead is the most bytes that a template has more than its record: the head, the length, and the rest of the checksum.
const Overhead = headLen + 3 + 3

// MaxRecord is the most bytes that a record has.
const MaxRecord = 1<<16 - 1

// ErrTooLong says that a record has more than MaxRecord bytes.
var ErrTooLong = errors.New("the record is too long")

// DictionaryError says that a template was made with another dictionary. It wraps codec.ErrTemplate.
type DictionaryError struct {
	Want, Have [idLen]byte // begin of the roots: of the template's dictionary, and of the one that it was given to
}

func (e *DictionaryError) Error() string {
	return fmt.Sprintf("the record was encoded with a dictionary whose root begins with %x, not %x", e.Want, e.Have)
}

func (e *DictionaryError) Unwrap() error { return codec.ErrTemplate }

// Coder encodes and decodes records with one version of a dictionary. It is safe for concurrent use.
type Coder struct {
	id    [idLen]byte
	model *model

	once sync.Once // encoder: who only decodes does not need it
	enc  *encoder

	mu   sync.Mutex
	free []*parser
}

// Open reads the model of a dictionary, which is at the end of its tape, and no other notes. root is that of the version.
func Open(ctx context.Context, root merkle.Hash, tape codec.Tape) (*Coder, error) {
	size := tape.Size()
	foot, err := readTape(ctx, tape, size-min(size, footerLen), size)
	if err != nil {
		return nil, err
	}
	content, packed, _, err := footer(foot)
	if err != nil {
		return nil, err
	}
	n := uint64(content) + uint64(packed) + footerLen
	if n > size {
		return nil, fmt.Errorf("%w: it states %d bytes, the tape has %d", ErrNoModel, n, size)
	}
	unit, err := readTape(ctx, tape, size-n, size)
	if err != nil {
		return nil, err
	}
	return newCoder(root, unit)
}

func newCoder(root merkle.Hash, unit []byte) (*Coder, error) {
	content, packed, err := splitUnit(unit)
	if err != nil {
		return nil, err
	}
	st, err := unpackStatistics(packed, content)
	if err != nil {
		return nil, err
	}
	return &Coder{id: [idLen]byte(root[:idLen]), model: newModel(st, content)}, nil
}

// readTape returns the bytes of a tape from one place to another.
func readTape(ctx context.Context, tape codec.Tape, from, to uint64) ([]byte, error) {
	var b []byte
	for from < to {
		start, raw, err := tape.NoteAt(ctx, from)
		if err != nil {
			return nil, err
		}
		b = append(b, raw[from-start:min(uint64(len(raw)), to-start)]...)
		from = start + uint64(len(raw))
	}
	return b, nil
}

// encoder makes what only encoding needs.
func (c *Coder) encoder() *encoder {
	c.once.Do(func() { c.enc = newEncoder(c.model) })
	return c.enc
}

// take and give lend the memory that encoding takes.
func (c *Coder) take() *parser {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.free); n > 0 {
		p := c.free[n-1]
		c.free = c.free[:n-1]
		return p
	}
	return new(parser)
}

func (c *Coder) give(p *parser) {
	c.mu.Lock()
	c.free = append(c.free, p)
	c.mu.Unlock()
}

// AppendEncode appends the template of a record to dst. It allocates nothing once dst has room.
func (c *Coder) AppendEncode(dst, record []byte) ([]byte, error) {
	p := c.take()
	defer c.give(p)
	return c.appendEncode(dst, record, p)
}

func (c *Coder) appendEncode(dst, record []byte, p *parser) ([]byte, error) {
	if len(record) > MaxRecord {
		return dst, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLong, len(record), MaxRecord)
	}
	sum := crc32.Checksum(record, castagnoli)
	dst = append(dst, first, formCoded)
	form := len(dst) - 1
	dst = append(dst, c.id[:]...)
	dst = append(dst, byte(sum>>24))
	dst = binary.AppendUvarint(dst, uint64(len(record)))
	e := c.encoder()
	e.parse(p, record, nil)
	payload := e.write(p, record, sum)
	if len(payload) >= len(record)+3 {
		dst[form] = formRaw
		dst = append(dst, byte(sum>>16), byte(sum>>8), byte(sum))
		return append(dst, record...), nil
	}
	return append(dst, payload...), nil
}

// write codes the tokens that parse found.
func (e *encoder) write(p *parser, r []byte, sum uint32) []byte {
	if need := 8*len(r) + 32; len(p.scratch) < need { // 2 for each symbol, of which a byte takes up to 4
		p.scratch = make([]byte, need)
	}
	s := sink{x: ansLow | sum&ansMask, at: len(p.scratch), buf: p.scratch}
	for at := len(r); at > 0; {
		t := p.steps[at]
		at -= t.len()
		sym, arg := t.symbol(), t.arg()
		switch sym {
		case symPhrase:
			e.putPhrase(&s, arg, p.text[at+zerosBefore-1])
		case symTape:
			e.putNumber(&s, numTapeLen, uint32(t.len())-minTape)
			s.direct(arg, e.place)
			s.cell(e.number[numTapePlace][arg>>e.place], numberBits)
		case symSelf:
			e.putNumber(&s, numSelfLen, uint32(t.len())-minSelf)
			e.putNumber(&s, numSelfDist, arg-1)
		}
		e.putSymbol(&s, p.contexts[at], sym)
	}
	return s.end()
}

// putSymbol codes a symbol, after the escapes that lead to it.
func (e *encoder) putSymbol(s *sink, id uint16, sym uint16) {
	if c := e.cells[id][sym]; c.freq > 0 {
		s.cell(c, contextBits)
		return
	}
	e.putSymbol(s, e.contexts[id].parent, sym) // what comes last is coded first
	s.cell(e.cells[id][symEscape], contextBits)
}

func (e *encoder) putPhrase(s *sink, w uint32, before byte) {
	if c, ok := e.knower(w, before); ok {
		s.cell(c, phraseBits)
		return
	}
	s.cell(e.global[w], phraseBits)
	if c := e.escape[before]; c.freq > 0 {
		s.cell(c, phraseBits)
	}
}

func (e *encoder) putNumber(s *sink, kind int, n uint32) {
	class, extra := numberClass(n)
	s.direct(n, extra)
	s.cell(e.number[kind][class], numberBits)
}

// AppendDecode appends the record of a template to dst. It allocates nothing once dst has room. After an error it returns dst as it was.
func (c *Coder) AppendDecode(dst, template []byte) ([]byte, error) {
	h, err := ParseHead(template)
	if err != nil {
		return dst, err
	}
	if h.Root != c.id {
		return dst, &DictionaryError{h.Root, c.id}
	}
	payload := template[h.size:]
	if h.form == formRaw {
		if len(payload) != h.Len+3 {
			return dst, &codec.FormatError{Offset: int64(h.size), Msg: fmt.Sprintf("%d bytes follow, a raw record of %d bytes has 3 more", len(payload), h.Len)}
		}
		sum := uint32(h.sum)<<24 | uint32(payload[0])<<16 | uint32(payload[1])<<8 | uint32(payload[2])
		if crc32.Checksum(payload[3:], castagnoli) != sum {
			return dst, &codec.FormatError{Offset: int64(h.size), Msg: "the checksum is not the record's"}
		}
		return append(dst, payload[3:]...), nil
	}
	out, at, msg := c.model.decode(dst, payload, h)
	if msg != "" {
		return dst, &codec.FormatError{Offset: int64(h.size + min(at, len(payload))), Msg: msg}
	}
	return out, nil
}

// Head is what a template of a record says of itself.
type Head struct {
	Root [idLen]byte // the begin of the root of its dictionary
	Len  int         // bytes of the record
	form byte
	sum  byte // the upper byte of its checksum
	size int  // bytes of the head
}

// IsTemplate reports whether a template begins as one of a record does.
func IsTemplate(b []byte) bool {
	return len(b) >= 2 && b[0] == first && b[1]&0xf0 == 0xa0
}

// Raw reports whether the record is stored as it is.
func (h Head) Raw() bool { return h.form == formRaw }

// ParseHead reads the head of a template.
func ParseHead(b []byte) (h Head, err error) {
	if !IsTemplate(b) {
		return h, &codec.FormatError{Offset: 0, Msg: "it is no template of a record"}
	}
	if len(b) < headLen+1 {
		return h, &codec.FormatError{Offset: int64(len(b)), Msg: "cut short in the head of a record"}
	}
	h.form, h.sum = b[1], b[6]
	if h.form > formCoded {
		return h, &codec.FormatError{Offset: 1, Msg: fmt.Sprintf("form %#x of a record is not known", h.form)}
	}
	copy(h.Root[:], b[2:])
	n, k := varint.Read(b[headLen:])
	if k <= 0 || n > MaxRecord {
		return h, &codec.FormatError{Offset: headLen, Msg: fmt.Sprintf("the length of the record is no number up to %d", MaxRecord)}
	}
	h.Len, h.size = int(n), headLen+k
	return h, nil
}

// decode appends the record of a payload. Else it says what is wrong and where.
func (m *model) decode(dst, payload []byte, h Head) (out []byte, at int, wrong string) {
	s, ok := newSource(payload)
	if !ok {
		return nil, 0, "the coded record does not begin with a state"
	}
	begin := len(dst)
	end := begin + h.Len
	out = slices.Grow(dst, h.Len)
	var last uint32
	for len(out) < end {
		if s.at > len(payload)+4 {
			return nil, len(payload), "cut short"
		}
		id := m.context(last)
		sym := m.contexts[id].dist.next(&s)
		for sym == symEscape {
			id = m.contexts[id].parent
			sym = m.contexts[id].dist.next(&s)
		}
		if sym < 256 {
			out = append(out, byte(sym))
			last = last<<8 | uint32(sym)
			continue
		}
		room := uint32(end - len(out))
		switch sym {
		case symPhrase:
			w := uint16(0)
			if d := m.after[byte(last)]; d != nil {
				w = d.next(&s)
			}
			if w == 0 {
				if len(m.phrases) == 0 {
					return nil, s.at, "a phrase, and the dictionary has none"
				}
				w = m.global.next(&s)
			}
			p := m.phrases[w-1]
			if p.len > room {
				return nil, s.at, "a phrase goes beyond the record"
			}
			out = append(out, m.content[p.pos:p.pos+p.len]...)
		case symTape:
			place := uint32(m.number[numTapePlace].next(&s)) << m.place
			place |= s.direct(m.place)
			n := m.readNumber(&s, numTapeLen) + minTape
			if n > room || uint64(place)+uint64(n) > uint64(len(m.content)) {
				return nil, s.at, "a span goes beyond the tape or the record"
			}
			out = append(out, m.content[place:place+n]...)
		case symSelf:
			dist := m.readNumber(&s, numSelfDist) + 1
			n := m.readNumber(&s, numSelfLen) + minSelf
			if n > room || int(dist) > len(out)-begin {
				return nil, s.at, "a repetition goes beyond the record"
			}
			from := len(out) - int(dist)
			if n <= dist {
				out = append(out, out[from:from+int(n)]...)
			} else {
				for i := range int(n) {
					out = append(out, out[from+i])
				}
			}
		}
		switch n := len(out) - begin; { // a token has two bytes at least
		case n >= 3:
			last = uint32(out[len(out)-1]) | uint32(out[len(out)-2])<<8 | uint32(out[len(out)-3])<<16
		default:
			last = uint32(out[len(out)-1]) | uint32(out[len(out)-2])<<8
		}
	}
	sum := crc32.Checksum(out[begin:], castagnoli)
	if byte(sum>>24) != h.sum || !s.end(sum) {
		return nil, s.at, "the checksum is not the record's"
	}
	return out, s.at, ""
}

// readNumber reads what putNumber wrote.
func (m *model) readNumber(s *source, kind int) uint32 {
	base, extra := numberBase(uint32(m.number[kind].next(s)))
	return base + s.direct(extra)
}
