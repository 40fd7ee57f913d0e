package codec

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"dictnet/codec/internal/rans"
	"dictnet/codec/internal/zref"
)

// small is a template that is short enough to try all that can happen to it.
type small struct {
	d        *dictionary
	file     []byte
	template []byte
}

// encodeSmall encodes with frames that are closed early.
func encodeSmall(t testing.TB, d *dictionary, file []byte, limit frameLimits) small {
	t.Helper()
	return small{d, file, encodeLimited(t, d.options(), file, limit)}
}

// encodeLimited encodes with frames that are closed at these limits, if there are any; without one of terminals, that is as usual.
func encodeLimited(t testing.TB, o EncodeOptions, file []byte, limit frameLimits) []byte {
	t.Helper()
	var out bytes.Buffer
	e, err := newEncoder(t.Context(), &out, bytes.NewReader(file), o)
	if err != nil {
		t.Fatal(err)
	}
	defer e.local.close()
	if limit != (frameLimits{}) {
		e.limit = limit
		e.limit.terminals = cmp.Or(limit.terminals, defaultFrame.terminals)
	}
	if err := e.run(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// encodeProfile encodes with a profile.
func encodeProfile(t testing.TB, d *dictionary, file []byte, p Profile) small {
	o := d.options()
	o.Profile = p
	var out bytes.Buffer
	if _, err := Encode(t.Context(), &out, bytes.NewReader(file), o); err != nil {
		t.Fatal(err)
	}
	return small{d, file, out.Bytes()}
}

// smallTemplates has one of each kind.
func smallTemplates(t testing.TB) map[string]small {
	old := append(text(20<<10, 5), noise(20<<10, 6)...)
	d := build(t, nil, BuildOptions{}, old)
	edited := slices.Concat(old[:5000], []byte("new words here"), old[5000:9000], old[9100:])
	phrase := noise(700, 9)
	rules := slices.Concat(edited, phrase, edited, phrase, edited)
	changed := bytes.Clone(old)
	for i := 1000; i < 1400; i += 40 {
		changed[i] ^= 1
	}
	three := frameLimits{symbols: 3, local: 1 << 20, play: 1 << 30}
	page := text(2000, 40)
	packed := build(t, nil, BuildOptions{}, slices.Concat(old[:3000], compressed(t, "streams")[5], old[3000:6000]))
	all := map[string]small{
		"empty":      encodeSmall(t, nil, nil, frameLimits{}),
		"local":      encodeSmall(t, nil, []byte("a few local bytes"), frameLimits{}),
		"coded":      encodeSmall(t, nil, text(800, 3), frameLimits{}),
		"repeats":    encodeSmall(t, d, slices.Concat(phrase, old[:3000], phrase[50:600], old[3000:6000], phrase), frameLimits{}),
		"dictionary": encodeSmall(t, d, edited, frameLimits{}),
		"rules":      encodeSmall(t, d, rules[:60<<10], frameLimits{}),
		"reference":  encodeSmall(t, d, changed, frameLimits{}),
		"frames":     encodeSmall(t, d, rules[:50<<10], three),
		"sources":    encodeSmall(t, d, slices.Concat(page, old[:3000], page[:900], text(200, 9), page[910:]), frameLimits{symbols: 100, local: 1000, play: 1 << 30}),
		"mixed":      encodeProfile(t, nil, text(2500, 3), ProfileMax),
		"zstd":       encodeProfile(t, nil, text(800, 3), ProfileFast),
		"prefix":     encodeProfile(t, d, changed, ProfileFast),
		"spans":      encodeSmall(t, d, slices.Concat(old[:9000], old[1000:]), frameLimits{}),
		"opened":     encodeProfile(t, packed, slices.Concat(old[:3000], compressed(t, "next")[5], old[3000:6000]), ProfileDefault),
	}
	for name, s := range all {
		if len(s.template) > 1600 {
			t.Fatalf("%s: template of %d bytes is too long to try all that can happen to it", name, len(s.template))
		}
	}
	for name, has := range map[string]func(*frame) bool{
		"repeats":    func(fr *frame) bool { return has(fr, codeRepeat) },
		"dictionary": func(fr *frame) bool { return has(fr, codeTape) && has(fr, codeFresh) },
		"rules":      func(fr *frame) bool { return has(fr, codeRule) },
		"coded":      func(fr *frame) bool { return fr.blocks[0].coding == codingAligned },
		"reference": func(fr *frame) bool {
			return fr.blocks[0].coding == codingAligned && len(fr.blockReference(0, 1<<40).pieces) > 0
		},
		"spans":  func(fr *frame) bool { return len(fr.blocks) == 0 },
		"zstd":   func(fr *frame) bool { return fr.blocks[0].coding == codingZstd },
		"prefix": func(fr *frame) bool { return fr.blocks[0].coding == codingReferenced },
		"frames": func(fr *frame) bool { return fr.start > 0 },
		"sources": func(fr *frame) bool {
			return len(fr.blocks) > 0 && len(fr.blocks[0].sources) > 0 && fr.blocks[0].coding.referenced()
		},
		"mixed":  func(fr *frame) bool { return fr.blocks[0].coding == codingMixed },
		"opened": func(fr *frame) bool { return fr.blocks[0].coding == codingOpenedAligned },
	} {
		s := all[name]
		r, err := NewReaderAt(t.Context(), bytes.NewReader(s.template), int64(len(s.template)), s.d.open)
		if err != nil {
			t.Fatal(err)
		}
		fr, err := r.play.frame(len(r.idx.frames) - 1)
		if err != nil || !has(fr) {
			t.Fatalf("%s: the template is not of its kind: %v", name, err)
		}
	}
	short := map[string]small{"short": all["reference"], "short of spans": all["spans"], "short and alone": all["zstd"]}
	for name, s := range all {
		s.template = inFull(t, s.template)
		all[name] = s
	}
	for name, s := range short {
		if !isShort(s.template) {
			t.Fatalf("%s: the template is not", name)
		}
		all[name] = s
	}
	return all
}

func has(fr *frame, code uint8) bool {
	return slices.ContainsFunc(fr.score.symbols, func(s symbol) bool { return s.code == code })
}

// decodeStream plays a template as it arrives, by WriteTo or by Read.
func decodeStream(ctx context.Context, template []byte, open OpenTape, ahead bool) ([]byte, error) {
	d, err := NewDecoder(ctx, bytes.NewReader(template), open)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var out bytes.Buffer
	if ahead {
		_, err = d.WriteTo(&out)
	} else {
		_, err = io.Copy(&out, struct{ io.Reader }{d})
	}
	return out.Bytes(), err
}

// decodeWhole plays a template that can be read from anywhere.
func decodeWhole(ctx context.Context, template []byte, open OpenTape) ([]byte, error) {
	r, err := NewReaderAt(ctx, bytes.NewReader(template), int64(len(template)), open)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	_, err = r.WriteTo(&out)
	return out.Bytes(), err
}

// refused checks that no decoder takes the template, and that none plays anything but the begin of the file.
func (s small) refused(t *testing.T, what string, template []byte) {
	t.Helper()
	for way := range 3 {
		var got []byte
		var err error
		switch way {
		case 0, 1:
			got, err = decodeStream(t.Context(), template, s.d.open, way == 1)
		case 2:
			got, err = decodeWhole(t.Context(), template, s.d.open)
		}
		var bad *FormatError
		if !errors.As(err, &bad) || !errors.Is(err, ErrTemplate) {
			t.Fatalf("%s, way %d: %v", what, way, err)
		}
		if bad.Offset < 0 || bad.Offset > int64(len(template)) {
			t.Fatalf("%s, way %d: offset %d of %d: %v", what, way, bad.Offset, len(template), err)
		}
		if !bytes.HasPrefix(s.file, got) {
			t.Fatalf("%s, way %d: plays other bytes", what, way)
		}
	}
}

func TestEveryBitFlipIsRefused(t *testing.T) {
	for name, s := range smallTemplates(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Logf("%d bytes", len(s.template))
			for i := range s.template {
				for k := range flipped {
					b := bytes.Clone(s.template)
					bit := (i + k) % 8
					b[i] ^= 1 << bit
					s.refused(t, fmt.Sprintf("bit %d of byte %d", bit, i), b)
				}
			}
		})
	}
}

func TestEveryCutIsRefused(t *testing.T) {
	for name, s := range smallTemplates(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range s.template {
				s.refused(t, fmt.Sprintf("cut after %d", n), s.template[:n])
			}
		})
	}
}

func TestBytesAfterAreRefused(t *testing.T) {
	for name, s := range smallTemplates(t) {
		for _, more := range []string{"\x00", "\n", endMagic, Magic, string(s.template)} {
			s.refused(t, fmt.Sprintf("%s and %q", name, more), append(bytes.Clone(s.template), more...))
		}
	}
}

func repeat(n int, v ...uint64) (out []uint64) {
	for range n {
		out = append(out, v...)
	}
	return out
}

// zstdBomb is a zstd frame without its magic number that states size bytes and holds zeros.
func zstdBomb(size int) []byte {
	enc, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	return enc.EncodeAll(make([]byte, size), nil)[len(zref.Magic):]
}

// hostileCase is a template that is well formed but for one thing.
type hostileCase struct {
	template []byte
	want     string // of the error
	offset   int64  // of the error; -1 if it does not matter
}

// codeOnly is a score of one play code.
func codeOnly(code uint32) []byte {
	var e rans.Encoder
	var m scoreModels
	m.begin()
	e.Tree(m.play[m.last][:], 4, code)
	return e.Append(nil)
}

// codedFrame is a frame of one fresh local note of so many bytes in a block of a coding.
func codedFrame(c coding, raw int, data []byte) forgedFrame {
	f := helloFrame(uint64(raw), "", 1, codeFresh)
	f.streams[streamLocalLen] = []uint64{uint64(raw) - 1}
	f.blocks[0] = blockEntry{coding: c, raw: raw, stored: len(data)}
	f.data[0] = data
	return f
}

// frameAt is where the first frame of a forged template without a dictionary begins.
const frameAt = 9

func hostileCases(d *dictionary) map[string]hostileCase {
	size := d.tape.size
	// tape makes a frame of spans, each of which is new.
	tape := func(play uint64, lens, pos []uint64) forgedFrame {
		f := forgedFrame{play: play, count: len(lens)}
		f.streams[streamPlay] = repeat(len(lens), codeNew)
		f.streams[streamTapeLen], f.streams[streamTapePos] = lens, pos
		return f
	}
	withDict := func(f ...forgedFrame) forged { return forged{dict: d.name(), frames: f} }
	plain := func(f ...forgedFrame) forged { return forged{frames: f} }
	dictAt := int64(len(must(appendHeader(nil, d.name(), forgedBlockBits))))
	at := func(g forged, offset int64, want string) hostileCase { return hostileCase{g.bytes(), want, offset} }
	hello := helloFrame(5, "hello", 1, codeFresh)
	change := func(f forgedFrame, by func(*forgedFrame)) forgedFrame {
		f.blocks, f.data = slices.Clone(f.blocks), slices.Clone(f.data)
		by(&f)
		return f
	}
	repeats := func(dist, n uint64) forgedFrame {
		f := helloFrame(5+n, "hello"+strings.Repeat("?", int(min(n, 99))), 2, codeFresh, codeRepeat)
		f.streams[streamRepeatDist], f.streams[streamRepeatLen] = []uint64{dist}, []uint64{n - 1}
		return f
	}
	deep := func(n int) []uint64 { return append(append(repeat(n, codeRule), codeFresh), repeat(n, codeRef)...) }
	chain := func(n int) []uint64 { // rules in rules, each of which plays 5 more
		c := append(repeat(n, codeRule), codeFresh)
		for i := range n {
			c = append(c, codeRef+uint64(i))
		}
		return c
	}
	two := []forgedFrame{hello, hello}
	bomb := zstdBomb(1 << 19)
	lie := bytes.Clone(bomb) // states 8 MiB, has one block
	lie = append([]byte{0xa0, 0, 0, 0x80, 0}, lie[len(lie)-4:]...)
	return map[string]hostileCase{
		"rule bomb":                at(plain(helloFrame(1<<48, "", 1, deep(60)...)), frameAt, "rule plays"),
		"rule bomb in sequence":    at(plain(helloFrame(1<<40, "", 1001, append(deep(40), repeat(1000, codeRef)...)...)), frameAt, "frame states"),
		"rules too deep":           at(plain(helloFrame(66*5, "", 1, chain(65)...)), frameAt, "deep"),
		"rules too deep by a ref":  at(plain(helloFrame(5*(61+62+3), "", 2, slices.Concat(chain(60), repeat(5, codeRule), []uint64{codeRef}, repeat(5, codeRef+3))...)), frameAt, "deep"),
		"reference to nothing":     at(plain(helloFrame(10, "", 2, codeRef, codeFresh)), frameAt, "refers to one before"),
		"rule of itself":           at(plain(helloFrame(10, "", 1, codeRule, codeRef, codeFresh)), frameAt, "refers to one before"),
		"rule of a rule around it": at(plain(helloFrame(10, "", 1, codeRule, codeFresh, codeRule, codeRef+1, codeRef)), frameAt, "refers"),
		"too few symbols":          at(plain(helloFrame(10, "", 3, codeFresh, codeRef)), frameAt, ""),
		"too many symbols":         at(plain(helloFrame(5, "", 1, codeFresh, codeRef)), frameAt, "symbols: rans"),
		"no symbols":               at(plain(helloFrame(5, "", 0)), -1, "symbols of a frame"),
		"2^20 + 1 symbols":         at(plain(helloFrame(5<<20+5, "", 1<<20+1, append(repeat(1<<20, codeRef), codeFresh)...)), -1, "symbols of a frame"),
		"no bytes":                 at(plain(helloFrame(0, "", 1, codeFresh)), -1, "bytes of a frame"),
		"too short a play":         at(plain(helloFrame(4, "", 1, codeFresh)), frameAt, "symbols play 5"),
		"too long a play":          at(plain(helloFrame(6, "", 1, codeFresh)), frameAt, "symbols play 5"),
		"play beyond 2^48":         at(plain(helloFrame(1<<48+1, "", 1, codeFresh)), -1, "bytes of a frame"),
		"wrong bytes":              at(plain(helloFrame(5, "HELLO", 1, codeFresh)), frameAt, "checksum"),
		"stream not used":          at(plain(change(hello, func(f *forgedFrame) { f.score = append(appendScore(nil, f.streams), 0, 0, 0, 1) })), frameAt, "symbols: rans"),
		"symbols missing":          at(plain(change(hello, func(f *forgedFrame) { f.score = []byte{} })), frameAt, ""),
		"no blocks":                at(plain(change(hello, func(f *forgedFrame) { f.blocks, f.data = nil, nil })), frameAt, "blocks hold 0"),
		"block too short":          at(plain(change(hello, func(f *forgedFrame) { f.blocks[0].raw, f.blocks[0].stored, f.data[0] = 4, 4, []byte("hell") })), frameAt, "blocks hold 4"),
		"block too long":           at(plain(change(hello, func(f *forgedFrame) { f.blocks[0].raw, f.blocks[0].stored, f.data[0] = 6, 6, []byte("hello!") })), frameAt, "blocks hold 6"),
		"block of unknown coding":  at(plain(change(hello, func(f *forgedFrame) { f.blocks[0].coding = lastCoding + 1 })), -1, "coding of a block"),
		"block that is no zstd":    at(plain(change(hello, func(f *forgedFrame) { f.blocks[0].coding = codingZstd })), -1, "local notes"),
		"reference without a tape": at(plain(change(hello, func(f *forgedFrame) { f.blocks[0].coding = codingReferenced })), -1, "local notes"),
		"block stored longer": at(plain(change(hello, func(f *forgedFrame) {
			f.blocks[0] = blockEntry{coding: codingZstd, raw: 5, stored: 6}
			f.data[0] = []byte("hello!")
		})), -1, "stored length"),
		"source of no frame":       at(plain(helloAgain(blockSource{back: 1})), -1, "frames back to a source"),
		"source of itself":         at(plain(helloAgain(blockSource{})), -1, "no earlier block"),
		"source that is not there": at(plain(hello, helloAgain(blockSource{back: 1, block: 1})), -1, "no earlier block"),
		"source of a huge number":  at(plain(hello, helloAgain(blockSource{back: 1, block: math.MaxInt64})), -1, "number of a source"),
		"source of no local notes": at(withDict(change(tape(10, []uint64{9}, []uint64{0}), func(f *forgedFrame) { f.plays = noise(10, 1) }), helloAgain(blockSource{back: 1})), -1, "no earlier block"),
		"the same source twice":    at(plain(hello, helloAgain(blockSource{back: 1}, blockSource{back: 1})), -1, "order of the local tape"),
		"sources the other way":    at(plain(hello, hello, helloAgain(blockSource{back: 1}, blockSource{back: 2})), -1, "order of the local tape"),
		"nine sources":             at(plain(hello, helloAgain(slices.Repeat([]blockSource{{back: 1}}, 9)...)), -1, "number of sources"),
		"sources too deep":         at(plain(helloChain(maxNeeds+2)...), -1, "needs 9 others"),
		"sources far too deep":     at(plain(helloChain(3000)...), -1, "needs 9 others"),
		"coding 15":                at(plain(change(hello, func(f *forgedFrame) { f.blocks[0].coding = 15 })), -1, "coding of a block"),
		"opened without streams":   at(plain(codedFrame(codingOpenedAligned, 80, []byte{0, 0})), -1, "number of streams"),
		"opened outside":           at(plain(codedFrame(codingOpenedAligned, 80, []byte{1, 30, 64, 1, 1, 6, 0})), -1, "stream ends at 94 of 80"),
		"opened short":             at(plain(codedFrame(codingOpenedAligned, 80, []byte{1, 0, 63, 1, 1, 6, 0})), -1, "length of a stream"),
		"opened bomb":              at(plain(codedFrame(codingOpenedAligned, 80, []byte{1, 0, 64, 0x81, 0x80, 0x80, 1, 1, 6, 0})), -1, "bytes of a stream"),
		"opened, recipe cut short": at(plain(codedFrame(codingOpenedAligned, 80, []byte{1, 0, 64, 1, 4, 6, 0})), -1, "recipe"),
		"mixed without offers":     at(plain(codedFrame(codingMixed, 40, []byte{1})), -1, "offered after 1 bytes"),
		"mixed too long":           at(plain(codedFrame(codingMixed, 40, bytes.Repeat([]byte{255}, 30))), -1, "do not end"),
		"play code 13":             at(plain(change(hello, func(f *forgedFrame) { f.score = codeOnly(13) })), frameAt, "play code 13"),
		"block states another size": at(plain(change(hello, func(f *forgedFrame) {
			f.play = 1 << 19
			f.streams[streamLocalLen] = []uint64{1<<19 - 1}
			f.blocks[0] = blockEntry{coding: codingZstd, raw: 1 << 19, stored: len(lie)}
			f.data[0] = lie
		})), -1, "local notes"),
		"17 blocks": at(plain(change(hello, func(f *forgedFrame) {
			f.blocks, f.data = nil, nil
			for range 17 {
				f.blocks = append(f.blocks, blockEntry{coding: codingZstd, raw: 1 << 19, stored: len(bomb)})
				f.data = append(f.data, bomb)
			}
		})), -1, "local bytes of a frame"),
		"repeat of too much":        at(plain(repeats(3, 4)), frameAt, "repeat length"),
		"repeat before the begin":   at(plain(repeats(6, 1)), frameAt, "repeat distance"),
		"repeat of what follows":    at(plain(repeats(0, 1)), frameAt, "repeat distance"),
		"repeat before a fresh one": at(plain(change(repeats(1, 1), func(f *forgedFrame) { f.streams[streamPlay] = []uint64{codeRepeat, codeFresh} })), frameAt, "repeat distance"),
		"span without a tape":       at(plain(tape(10, []uint64{9}, []uint64{0})), frameAt, "no dictionary"),
		"span beyond the tape":      at(withDict(tape(10, []uint64{9}, []uint64{zigzag(int64(size) - 9)})), dictAt, "not within the tape"),
		"span longer than the tape": at(withDict(tape(size+1, []uint64{size}, []uint64{0})), dictAt, "tape length"),
		"span before the tape":      at(withDict(tape(10, []uint64{9}, []uint64{zigzag(-1)})), dictAt, "not within the tape"),
		"span that wraps":           at(withDict(tape(10, []uint64{9}, []uint64{math.MaxUint64})), dictAt, "not within the tape"),
		"spans beyond 2^18": at(withDict(change(tape(1<<18+2, repeat(1<<18+2, 0), append([]uint64{0}, repeat(1<<18+1, zigzag(-1))...)), func(f *forgedFrame) {
			f.count = 1<<18 - 1
			f.streams[streamPlay] = append(slices.Concat(repeat(3, codeRule, codeNew, codeNew)), repeat(1<<18-4, codeNew)...)
		})), dictAt, "terminals"),
		"frame of no terminals":   at(forged{frames: []forgedFrame{{play: 1, count: 1}}}, frameAt, ""),
		"index: one byte more":    at(forged{frames: two, index: func(x *index) { x.frames[0].play++ }}, -1, ""),
		"index: one local more":   at(forged{frames: two, index: func(x *index) { x.frames[0].local++ }}, -1, ""),
		"index: frame longer":     at(forged{frames: two, index: func(x *index) { x.frames[0].size++ }}, -1, ""),
		"index: frame shorter":    at(forged{frames: two, index: func(x *index) { x.frames[0].size-- }}, -1, ""),
		"index: frame of nothing": at(forged{frames: two, index: func(x *index) { x.frames[0].size = 0 }}, -1, "length of a frame"),
		"index: frame missing":    at(forged{frames: append(two, hello), index: func(x *index) { x.frames = x.frames[:2] }}, -1, ""),
		"index: one of two":       at(forged{frames: two, index: func(x *index) { x.frames = x.frames[:1] }}, -1, "no index begins"),
		"index: frame too many":   at(forged{frames: two, index: func(x *index) { x.frames = append(x.frames, x.frames[0]) }}, -1, ""),
		"index: all missing":      at(forged{frames: two, index: func(x *index) { x.frames = nil }}, -1, ""),
		"index: frames overlap":   at(forged{frames: two, index: func(x *index) { x.frames[0].size += x.frames[1].size; x.frames[1] = x.frames[0] }}, -1, ""),
		"index: frames moved":     at(forged{frames: two, index: func(x *index) { x.frames[0].size -= 2; x.frames[1].size += 2 }}, -1, ""),
		"index: huge play":        at(forged{frames: two, index: func(x *index) { x.frames[0].play = math.MaxUint64 }}, -1, ""),
		"index: wrong file":       at(forged{frames: two, index: func(x *index) { x.sum++ }}, -1, "file checksum"),
		"index length one more":   at(forged{frames: two, tail: func(b []byte) []byte { b[len(b)-8]++; return b }}, -1, ""),
		"index length one less":   at(forged{frames: two, tail: func(b []byte) []byte { b[len(b)-8]--; return b }}, -1, ""),
		"index length huge":       at(forged{frames: two, tail: func(b []byte) []byte { binary.LittleEndian.PutUint32(b[len(b)-8:], math.MaxUint32); return b }}, -1, ""),
		"index length zero":       at(forged{frames: two, tail: func(b []byte) []byte { binary.LittleEndian.PutUint32(b[len(b)-8:], 0); return b }}, -1, ""),
		"one frame: an index":     at(forged{frames: two[:1], tail: withIndex}, -1, "ends with 0x02"),
		"one frame: wrong file":   at(forged{frames: two[:1], index: func(x *index) { x.sum += 1 << 32 }}, -1, "file checksum"),
		"another version":         {[]byte("\xd7nt\x02" + strings.Repeat("\x00", 60)), "format version 2", 3},
		"no template":             {[]byte("PK\x03\x04" + strings.Repeat("\x00", 60)), "no template begins", 0},
		"nothing":                 {nil, "cut short", 0},
		"unknown shape":           {[]byte("\xd7nt\x01\x20" + strings.Repeat("\x00", 60)), "shape", 4},
		"head of 2^24 bytes":      {append(must(appendHeader(nil, nil, forgedBlockBits)), 1, 0x80, 0x80, 0x80, 8, 1, 2, 3), "", -1},
		"head beyond 2^24":        {append(must(appendHeader(nil, nil, forgedBlockBits)), 1, 0x81, 0x80, 0x80, 8, 1, 2, 3), "", -1},
		"unknown part":            {append(must(appendHeader(nil, nil, forgedBlockBits)), 5, 1, 1), "", -1},
	}
}

// withIndex ends a template of one hello with an index, as if it had more frames.
func withIndex(b []byte) []byte {
	b = b[:len(b)-oneLen]
	from := len(b)
	b = append(b, tagIndex, 1, byte(from-frameAt), 5, 5)
	b = binary.LittleEndian.AppendUint64(b, xxhash.Sum64String("hello"))
	b = binary.LittleEndian.AppendUint32(b, crc32c(b[from:]))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)-from))
	return append(b, endMagic...)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// expands names the cases that the format's own limits stop, not the shape: streams that compress well.
var expands = []string{"spans beyond 2^18"}

// A stranger's template costs an error, not memory or time.
func TestHostileTemplates(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(10000, 1))
	warm := encodeSmall(t, d, noise(10000, 1), frameLimits{}) // coders are made once
	decodeStream(t.Context(), warm.template, d.open, true)
	for name, c := range hostileCases(d) {
		t.Run(name, func(t *testing.T) {
			for way := range 4 {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				var got []byte
				var err error
				switch way {
				case 0, 1:
					got, err = decodeStream(t.Context(), c.template, d.open, way == 1)
				case 2:
					got, err = decodeWhole(t.Context(), c.template, d.open)
				case 3:
					if _, err = Inspect(t.Context(), bytes.NewReader(c.template), int64(len(c.template))); err == nil {
						continue // what it cannot see
					}
				}
				runtime.ReadMemStats(&after)
				var bad *FormatError
				if !errors.As(err, &bad) || !errors.Is(err, ErrTemplate) {
					t.Fatalf("way %d: %d bytes, error %v", way, len(got), err)
				}
				if bad.Offset < 0 || bad.Offset > int64(len(c.template)) {
					t.Errorf("way %d: offset %d of %d", way, bad.Offset, len(c.template))
				}
				if way < 2 && (!strings.Contains(bad.Msg, c.want) || c.offset >= 0 && bad.Offset != c.offset) {
					t.Errorf("way %d: %v, want %q at byte %d", way, err, c.want, c.offset)
				}
				if n, limit := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+64*len(c.template)); n > limit && !slices.Contains(expands, name) || n > 64<<20 {
					t.Errorf("way %d: %d bytes allocated for a template of %d: %v", way, n, len(c.template), err)
				}
			}
		})
	}
}

// The deepest rules that the format allows play.
func TestDeepRules(t *testing.T) {
	codes := append(repeat(maxDepth, codeRule), codeFresh)
	for i := range maxDepth {
		codes = append(codes, codeRef+uint64(i))
	}
	file := strings.Repeat("hello", maxDepth+1)
	template := forged{frames: []forgedFrame{helloFrame(uint64(len(file)), file, 1, codes...)}}.bytes()
	for _, ahead := range []bool{false, true} {
		if got, err := decodeStream(t.Context(), template, nil, ahead); err != nil || string(got) != file {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if got, err := decodeWhole(t.Context(), template, nil); err != nil || string(got) != file {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// A template may honestly play far more than anybody waits for; who gives up gets out.
func TestHugePlayCanBeLeft(t *testing.T) {
	codes := append(append(repeat(45, codeRule), codeFresh), repeat(45, codeRef)...)
	template := forged{frames: []forgedFrame{helloFrame(5<<45, "", 1, codes...)}}.bytes()
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := NewReaderAt(ctx, bytes.NewReader(template), int64(len(template)), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 7)
	if n, err := r.ReadAt(b, 5<<45-7); n != 7 || err != nil || string(b) != "lohello" {
		t.Errorf("%q, %v", b[:n], err)
	}
	stop := &stopAfter{n: 1 << 16, do: func() { cancel(nil) }}
	if n, err := r.WriteTo(stop); !errors.Is(err, context.Canceled) || n > 1<<18 {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// stopAfter calls do once it has got n bytes.
type stopAfter struct {
	n  int
	do func()
}

func (w *stopAfter) Write(b []byte) (int, error) {
	if w.n -= len(b); w.n <= 0 {
		w.do()
	}
	return len(b), nil
}

// countingTape is a tape of one note that counts the spans which it is told will be wanted.
type countingTape struct{ spans int }

func (*countingTape) Size() uint64 { return 1000 }

func (*countingTape) NoteAt(context.Context, uint64) (uint64, []byte, error) {
	return 0, make([]byte, 1000), nil
}

func (c *countingTape) Prefetch(_ context.Context, s []Span) { c.spans += len(s) }

// Of a span that plays over and over it is said once that it will be wanted.
func TestPrefetchOfBomb(t *testing.T) {
	d := build(t, nil, BuildOptions{}, noise(10000, 1))
	f := forgedFrame{play: 1 << 45, count: 1}
	f.streams[streamPlay] = append(append(repeat(45, codeRule), codeTape), repeat(45, codeRef)...)
	f.streams[streamTapeLen] = []uint64{0}
	f.streams[streamTapePos] = []uint64{0}
	template := forged{dict: d.name(), frames: []forgedFrame{f}}.bytes()
	tape := new(countingTape)
	open := func(context.Context, DictionaryName) (Tape, error) { return tape, nil }
	ctx, cancel := context.WithCancel(t.Context())
	r, err := NewReaderAt(ctx, bytes.NewReader(template), int64(len(template)), open)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Prefetch(1, 1<<16); err != nil || tape.spans != 1 {
		t.Errorf("%d spans, %v, want 1", tape.spans, err)
	}
	cancel()
	if err := r.Prefetch(1, 1<<44); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}
