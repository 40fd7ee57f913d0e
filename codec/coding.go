package codec

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/lz"
	"dictnet/codec/internal/mix"
	"dictnet/codec/internal/zref"
)

// coding says how a block is stored (section 4.4).
type coding uint8

const (
	codingStored        coding = iota
	codingZstd                 // a zstd frame without its magic number
	codingReferenced           // the same, with the reference as its prefix
	codingAligned              // copies of reference and block, and differences from them: package lz
	codingMixed                // mixed predictions: package mix
	codingOpenedAligned        // the same two, with what was compressed opened
	codingOpenedMixed

	lastCoding = codingOpenedMixed
)

func (c coding) String() string {
	return [...]string{"stored", "zstd", "zstd with reference", "aligned", "mixed", "opened, aligned", "opened, mixed"}[c]
}

// inner returns how what was opened is coded, or c if nothing is.
func (c coding) inner() coding {
	if c >= codingOpenedAligned {
		return c - codingOpenedAligned + codingAligned
	}
	return c
}

// referenced reports whether blocks of this coding have a reference.
func (c coding) referenced() bool { return c >= codingReferenced }

// mostReference is how long a reference may be, in bytes.
func (c coding) mostReference() uint64 {
	if c == codingReferenced {
		return 1 << 20
	}
	return 1 << 23
}

// behind is how many bytes of memory opening a block of so many takes behind its reference.
func (c coding) behind(raw int) int {
	if c == codingMixed {
		return raw + 8
	}
	return 0
}

// before is how many coding it takes there.
func (c coding) before(raw int) int {
	if c == codingReferenced {
		return raw
	}
	return 0
}

// Profile says how much time encoding and decoding may take for how small a template.
type Profile uint8

const (
	ProfileDefault Profile = iota // smaller than the best pairwise delta tools, as fast as they are
	ProfileFast                   // as fast as chunk stores
	ProfileMax                    // as small as possible, at some hundred kilobytes of new bytes a second
)

var profileNames = [...]string{"default", "fast", "max"}

func (p Profile) String() string { return profileNames[p] }

// ParseProfile returns the profile of a name: fast, default or max.
func ParseProfile(name string) (Profile, error) {
	if i := slices.Index(profileNames[:], name); i >= 0 {
		return Profile(i), nil
	}
	return 0, fmt.Errorf("%w: no profile is named %q, want fast, default or max", ErrOption, name)
}

// shape is what a profile makes of a file.
type shape struct {
	coding    coding // of blocks, where it pays
	blockBits int
	fold      uint64 // bytes: a shorter match with the tape is left to the blocks' coding where the file is in step with the tape
	repeat    uint64 // bytes: a shorter match with local notes is left to the blocks' coding
	far       uint64 // the same, where they are of earlier frames
	hook      uint64 // the same, where the file has not been in step with those for a while
	notes     int    // of the tape that are kept, since places far apart are compared: as many as the coders leave memory for
}

func (p Profile) shape() shape {
	switch p {
	case ProfileFast:
		return shape{coding: codingReferenced, blockBits: 17, fold: minTapeMatch, repeat: 256, far: 256, hook: 256, notes: 192}
	case ProfileMax:
		return shape{coding: codingMixed, blockBits: 21, fold: 1024, repeat: 1024, far: 1024, hook: 1024, notes: 192}
	}
	return shape{coding: codingAligned, blockBits: 20, fold: 64, repeat: 256, far: 256, hook: 256, notes: 256}
}

// alone is the shape of a file that is coded without a dictionary: what a block could have been coded against stands in it or nowhere, so that
// longer blocks pay, where those that have a reference would only take more memory, and shorter matches with earlier frames, which say where a block's sources are.
// Shorter ones still pay where there are variants, in which nothing long may be common; else they would only split what a dictionary may be made of.
func (s shape) alone(variants bool) shape {
	s.far = 192
	switch s.coding {
	case codingReferenced:
		s.blockBits = 18
	case codingAligned:
		s.blockBits = 21
		s.repeat = 768 // each copy of what is in the frame pays for every span of the first
	case codingMixed:
		s.blockBits = maxBlockBits // all of a frame
		s.far = 512
	}
	s.hook = s.far
	if variants {
		s.hook = 64
	}
	return s
}

// counterpart is what a block is coded against, and what is known of it.
type counterpart struct {
	bytes []byte // of the reference
	ref   *reference
}

// minReference is the shortest reference worth its tables.
const minReference = 64

// packers lets so many blocks be coded at a time as it has room for: the coders take up to 45 MiB each.
type packers chan struct{}

// maxPackers is how many blocks are coded at a time, at most.
const maxPackers = 2

func newPackers() packers { return make(packers, min(maxPackers, runtime.GOMAXPROCS(0))) }

// idlePackers are encoders whose tables can be used again.
var idlePackers = sync.Pool{New: func() any { return new(zref.Encoder) }}

// packZstd returns raw as a zstd frame without its magic number, with what it is coded against as its prefix.
func packZstd(raw, prefix []byte, hints []align.Hint) []byte {
	enc := idlePackers.Get().(*zref.Encoder)
	defer idlePackers.Put(enc)
	return enc.Encode(raw, prefix, hints)
}

// pack stores raw in the way of a coding, or in the way that takes the fewest bytes of those that are cheaper. From codingAligned on, what was compressed is opened. The same
// arguments always give the same bytes. The error is the context's.
func pack(ctx context.Context, c coding, raw []byte, old counterpart) (coding, []byte, error) {
	k, data, err := codingStored, raw, error(nil)
	if c >= codingAligned {
		var little bool
		if k, data, little, err = packOpened(ctx, c, raw, old); err != nil || little {
			return k, data, err
		}
	}
	if as, closed, err := packClosed(ctx, c, raw, old); err != nil || len(closed) <= len(data) {
		return as, closed, err
	}
	return k, data, nil
}

// packOpened stores raw with what was compressed in it opened, or as it is if that cannot be; little says that it takes so few bytes that it could not take fewer otherwise.
func packOpened(ctx context.Context, c coding, raw []byte, old counterpart) (as coding, data []byte, little bool, err error) {
	inner, against, recipes, n := openBlock(raw, old)
	if n == 0 {
		return codingStored, raw, false, nil
	}
	if as, data, err = packClosed(ctx, c, inner, against); err != nil || as < codingAligned {
		return codingStored, raw, false, err
	}
	data = append(recipes, data...)
	return as - codingAligned + codingOpenedAligned, data, len(data) < n/2, nil
}

// packClosed is pack, but that nothing is opened.
func packClosed(ctx context.Context, c coding, raw []byte, old counterpart) (coding, []byte, error) {
	best, data := codingStored, raw
	if isNoise(c, raw, old) {
		return best, data, nil
	}
	if c >= codingAligned {
		d, err := packAligned(ctx, raw, old)
		if err != nil {
			return 0, nil, err
		}
		if len(d) < len(data) {
			best, data = codingAligned, d
		}
		if c == codingMixed {
			d, err := packMixed(ctx, raw, old)
			if err != nil {
				return 0, nil, err
			}
			if len(d) < len(data) {
				best, data = codingMixed, d
			}
		}
		return best, data, nil
	}
	if len(old.bytes) >= minReference {
		if d := packZstd(raw, old.bytes, old.ref.hints); len(d) < len(data) {
			best, data = codingReferenced, d
		}
		if len(data) < len(raw)*3/4 {
			return best, data, nil // it does what it is for
		}
	}
	if d := packZstd(raw, nil, nil); len(d) < len(data) {
		best, data = codingZstd, d
	}
	return best, data, nil
}

// leastNoise is how long a block must be, in bytes, before it is taken for noise.
const leastNoise = 4 << 10

// isNoise reports whether a block looks like what has been compressed or encrypted before, and not like what it replaces: no coder would get anything
// out of it but by chance. All bytes are about equally frequent in it, as the sum of the squares of their numbers says: it is 0 to 0.2 % above the least there can be
// in a megabyte that gzip, zstd or xz made, and 1 to 3 % in one of an image, of which the coders from c = codingAligned on save two.
func isNoise(c coding, raw []byte, old counterpart) bool {
	n := uint64(len(raw))
	if n < leastNoise || sumOfSquares(raw[:leastNoise])*256 > 2*leastNoise*leastNoise { // that begins like nothing of the kind
		return false
	}
	squares := sumOfSquares(raw)
	share := uint64(16)
	if c >= codingAligned {
		share = 128
	}
	if squares*256 > n*n+n*n/share+369*n { // of noise it is n*n+255n, give or take 23n: chance does not come to five times that
		return false
	}
	same := 0
	hints := old.ref.hints
	for i, h := range hints {
		end := len(raw)
		if i+1 < len(hints) {
			end = hints[i+1].At
		}
		same += align.Equal(raw[h.At:end], old.bytes[h.Ref:])
	}
	return same < len(raw)/32
}

// sumOfSquares returns the sum of the squares of how often each byte is there.
func sumOfSquares(b []byte) (sum uint64) {
	var counts [256]uint64
	for _, c := range b {
		counts[c]++
	}
	for _, k := range counts {
		sum += k * k
	}
	return sum
}

// packAligned codes a block by package lz.
func packAligned(ctx context.Context, raw []byte, old counterpart) ([]byte, error) {
	return lz.Encode(ctx, nil, raw, old.bytes, old.ref.hints)
}

// packMixed codes a block by package mix.
func packMixed(ctx context.Context, raw []byte, old counterpart) ([]byte, error) {
	return mix.Encode(ctx, nil, raw, slices.Clip(old.bytes), old.ref.hints)
}

// unpack reverses pack. Where that takes long, it shows come, which may be nil, what there is so far. It allocates no more than rawLen bytes and the coder's tables. Where the
// context has ended, the error is that.
func unpack(ctx context.Context, c coding, data []byte, rawLen int, old counterpart, come func(raw []byte)) ([]byte, error) {
	if c != c.inner() {
		return unpackOpened(ctx, c, data, rawLen, old)
	}
	if c == codingAligned || c == codingMixed {
		raw := make([]byte, rawLen)
		var told func(n int)
		if come != nil {
			told = func(n int) { come(raw[:n]) }
		}
		if c == codingAligned {
			return raw, lz.Decode(raw, data, old.bytes, old.ref.hints, told)
		}
		return raw, mix.Decode(ctx, raw, data, old.bytes, old.ref.hints, told)
	}
	if c == codingStored {
		if len(data) != rawLen {
			return nil, fmt.Errorf("%d bytes stored for %d", len(data), rawLen)
		}
		return data, nil
	}
	frame := append([]byte(zref.Magic), data...)
	size, err := frameSize(frame, maxPacked)
	if err != nil {
		return nil, err
	}
	if size != rawLen {
		return nil, fmt.Errorf("zstd frame states %d bytes, want %d", size, rawLen)
	}
	if c == codingReferenced {
		if len(old.bytes) == 0 {
			return nil, errors.New("coded with a reference that is empty")
		}
		return zref.Decode(data, old.bytes, size)
	}
	raw, err := streamZstd().DecodeAll(frame, make([]byte, 0, size))
	if err != nil {
		return nil, err
	}
	if len(raw) != rawLen {
		return nil, fmt.Errorf("%d bytes expanded, want %d", len(raw), rawLen)
	}
	return raw, nil
}

// maxPacked is the most that one coded run may expand to, in bytes.
const maxPacked = maxLocal

// streamZstd opens blocks that have no reference. DecodeAll may be called concurrently.
var streamZstd = sync.OnceValue(func() *zstd.Decoder {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxPacked), zstd.WithDecoderConcurrency(0))
	if err != nil {
		panic(err) // only wrong options
	}
	return dec
})
