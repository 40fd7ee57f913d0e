package codec

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// forgedFrame is a frame as a stranger may write it: all checksums are right, the rest is as stated.
type forgedFrame struct {
	play    uint64
	plays   []byte // what its checksum is of
	count   int
	streams streams
	score   []byte // stands in place of streams if not nil
	blocks  []blockEntry
	data    [][]byte // of the blocks
	holes   []Span
}

// forged is a template as a stranger may write it.
type forged struct {
	dict   *DictionaryName
	frames []forgedFrame
	index  func(*index) // changes it before it is written
	tail   func([]byte) []byte
}

func (g forged) bytes() []byte {
	b, err := appendHeader(nil, g.dict, forgedBlockBits)
	if err != nil {
		panic(err)
	}
	var x index
	whole := xxhash.New()
	for _, f := range g.frames {
		whole.Write(f.plays)
		e := frameEntry{off: int64(len(b)), start: x.play(), play: f.play}
		b = appendHead(b, f.play, uint32(xxhash.Sum64(f.plays)), f.count, f.written(), f.blocks, f.holes)
		for i, d := range f.data {
			b = append(b, d...)
			b = binary.LittleEndian.AppendUint32(b, crc32c(d))
			e.local += uint64(f.blocks[i].raw)
		}
		e.size = int64(len(b)) - e.off
		x.frames = append(x.frames, e)
	}
	x.sum = whole.Sum64()
	if g.index != nil {
		g.index(&x)
	}
	b = x.append(b)
	if g.tail != nil {
		b = g.tail(b)
	}
	return b
}

func (f forgedFrame) written() []byte {
	if f.score != nil {
		return f.score
	}
	return appendScore(nil, f.streams)
}

// forgedBlockBits says how long blocks are in forged templates.
const forgedBlockBits = 19

// local makes one frame of local notes only: the codes, with "hello" as the only fresh one.
func helloFrame(play uint64, plays string, count int, codes ...uint64) forgedFrame {
	f := forgedFrame{play: play, plays: []byte(plays), count: count, blocks: []blockEntry{{raw: 5, stored: 5}}, data: [][]byte{[]byte("hello")}}
	f.streams[streamPlay] = codes
	f.streams[streamLocalLen] = []uint64{4}
	return f
}
