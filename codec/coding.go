package codec

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// coding says how a run of bytes is stored (sections 4.2 and 4.4).
type coding uint8

const (
	codingStored     coding = iota
	codingZstd              // a zstd frame without its magic number
	codingReferenced        // the same, with a prefix that the reader knows
)

func (c coding) String() string {
	return [...]string{"stored", "zstd", "zstd with reference"}[c]
}

// zstdMagic begins every zstd frame (RFC 8878, section 3.1.1); the format leaves it out.
const zstdMagic = "\x28\xb5\x2f\xfd"

// minReference is the shortest reference worth its tables.
const minReference = 64

// packers codes blocks against references, so many at a time as it has room for: each takes 68 MiB of tables.
type packers chan struct{}

// maxPackers is how many blocks are coded at a time, at most.
const maxPackers = 2

func newPackers() packers { return make(packers, min(maxPackers, runtime.GOMAXPROCS(0))) }

// idlePackers are encoders whose tables can be used again.
var idlePackers sync.Pool

// code returns raw as a zstd frame without its magic number, with reference as its prefix.
func (p packers) code(raw, reference []byte) []byte {
	p <- struct{}{}
	defer func() { <-p }()
	enc, _ := idlePackers.Get().(*zstd.Encoder)
	defer func() { idlePackers.Put(enc) }()
	options := []zstd.EOption{zstd.WithEncoderDictRaw(0, reference)}
	var out bytes.Buffer
	var err error
	if enc == nil {
		enc, err = zstd.NewWriter(nil, append(packOptions(), options...)...)
	} else {
		err = enc.ResetWithOptions(&out, options...)
	}
	if err == nil {
		// As a stream: EncodeAll has tables of its own beside those that a reset makes.
		enc.ResetContentSize(&out, int64(len(raw)))
		_, err = enc.Write(raw)
	}
	if err == nil {
		err = enc.Close()
	}
	if err != nil {
		panic(err) // only wrong options: the writer does not fail
	}
	return out.Bytes()[len(zstdMagic):]
}

// pack stores raw under the coding that takes the fewest bytes. The reference may be empty. The same
// arguments always give the same bytes.
func (p packers) pack(raw, reference []byte) (coding, []byte) {
	best, data := codingStored, raw
	if len(raw) == 0 {
		return best, data
	}
	if len(reference) >= minReference {
		if d := p.code(raw, reference); len(d) < len(data) {
			best, data = codingReferenced, d
		}
		if len(data) < len(raw)/4 {
			return best, data // it does what it is for
		}
	}
	if d := streamZstd().enc.EncodeAll(raw, nil)[len(zstdMagic):]; len(d) < len(data) {
		best, data = codingZstd, d
	}
	return best, data
}

// unpack reverses pack. It allocates no more than rawLen bytes and the coder's tables.
func unpack(c coding, data []byte, rawLen int, reference []byte) ([]byte, error) {
	if c == codingStored {
		if len(data) != rawLen {
			return nil, fmt.Errorf("%d bytes stored for %d", len(data), rawLen)
		}
		return data, nil
	}
	frame := append([]byte(zstdMagic), data...)
	size, err := frameSize(frame, maxPacked)
	if err != nil {
		return nil, err
	}
	if size != rawLen {
		return nil, fmt.Errorf("zstd frame states %d bytes, want %d", size, rawLen)
	}
	dec := streamZstd().dec
	if c == codingReferenced {
		if len(reference) == 0 {
			return nil, errors.New("coded with a reference that is empty")
		}
		dec, err = zstd.NewReader(nil, zstd.WithDecoderDictRaw(0, reference), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPacked))
		if err != nil {
			return nil, err
		}
		defer dec.Close()
	}
	raw, err := dec.DecodeAll(frame, make([]byte, 0, size))
	if err != nil {
		return nil, err
	}
	if len(raw) != rawLen {
		return nil, fmt.Errorf("%d bytes expanded, want %d", len(raw), rawLen)
	}
	return raw, nil
}

// maxPacked is the most that one coded run may expand to, in bytes.
const maxPacked = maxStream

func packOptions() []zstd.EOption {
	return []zstd.EOption{
		zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderCRC(false),
		zstd.WithSingleSegment(true),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(2 << 20), // a block and its reference; more would only take memory
	}
}

var streamZstd = sync.OnceValue(func() zstdCoders {
	enc, err := zstd.NewWriter(nil, packOptions()...)
	if err != nil {
		panic(err) // only wrong options
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPacked), zstd.WithDecoderConcurrency(0))
	if err != nil {
		panic(err)
	}
	return zstdCoders{enc, dec}
})
