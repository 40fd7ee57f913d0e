package codec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fuzzDictionary is the one that fuzzed templates name.
func fuzzDictionary(t testing.TB) *dictionary { return build(t, nil, BuildOptions{}, noise(10000, 1)) }

// maxFuzzed is how much of a file is played before the rest is left alone.
const maxFuzzed = 1 << 20

var errEnough = errors.New("enough")

// some keeps the first bytes, and wants no more than those.
type some struct{ b []byte }

func (s *some) Write(b []byte) (int, error) {
	if len(s.b)+len(b) > maxFuzzed {
		return 0, errEnough
	}
	s.b = append(s.b, b...)
	return len(b), nil
}

// agree decodes a template in every way and checks that they agree on what it is.
func agree(t *testing.T, template []byte, open OpenTape) {
	var played [3]some
	var errs [3]error
	dec, err := NewDecoder(t.Context(), bytes.NewReader(template), open)
	errs[0] = err
	if err == nil {
		_, errs[0] = io.Copy(&played[0], struct{ io.Reader }{dec})
		dec.Close()
	}
	if dec, err = NewDecoder(t.Context(), bytes.NewReader(template), open); err == nil {
		_, err = dec.WriteTo(&played[1])
		dec.Close()
	}
	errs[1] = err
	r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), open)
	errs[2] = err
	if err == nil {
		_, errs[2] = r.WriteTo(&played[2])
	}
	for i, err := range errs {
		var bad *FormatError
		if err != nil && !errors.Is(err, errEnough) && !errors.As(err, &bad) {
			t.Errorf("way %d: %v", i, err)
		}
		if errors.Is(err, errEnough) {
			return // a later fault may be seen or not
		}
	}
	if (errs[0] == nil) != (errs[1] == nil) || (errs[0] == nil) != (errs[2] == nil) {
		t.Fatalf("decoders disagree: %v; %v; %v", errs[0], errs[1], errs[2])
	}
	if !bytes.Equal(played[0].b, played[1].b) || errs[0] == nil && !bytes.Equal(played[0].b, played[2].b) {
		t.Fatal("decoders play different bytes")
	}
	info, err := Inspect(t.Context(), bytes.NewReader(template), int64(len(template)))
	if errs[0] != nil {
		return
	}
	if err != nil || info.FileSize != int64(len(played[0].b)) || info.TapeBytes+info.FreshBytes+info.RepeatBytes != info.FileSize {
		t.Fatalf("inspect: %+v, %v", info, err)
	}
	for off := int64(0); off < info.FileSize; off += info.FileSize/5 + 1 {
		b := make([]byte, 100)
		n, err := r.ReadAt(b, off)
		if err != nil && err != io.EOF || !bytes.HasPrefix(played[0].b[off:], b[:n]) {
			t.Fatalf("read at %d: %v", off, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	d := fuzzDictionary(f)
	f.Fuzz(func(t *testing.T, template []byte) { agree(t, template, d.open) })
}

// FuzzDecodeStreams puts streams and local notes into a template whose checksums are right, so that what the checksums
// keep away is tried as well.
func FuzzDecodeStreams(f *testing.F) {
	d := fuzzDictionary(f)
	f.Fuzz(func(t *testing.T, play uint64, count int, score, local []byte, coded uint8, named bool) {
		if count < 0 || len(local) > maxLocal {
			return
		}
		kind := coding(coded) % (codingMixed + 1)
		fr := forgedFrame{play: play, count: count, score: score}
		switch {
		case len(local) == 0:
		case kind == codingStored:
			for part := range slices.Chunk(local, 1<<forgedBlockBits) {
				fr.blocks = append(fr.blocks, blockEntry{raw: len(part), stored: len(part)})
				fr.data = append(fr.data, part)
			}
		default: // one block, coded by whoever wrote it, of twice as many bytes
			n := min(2*len(local), 1<<14)
			stored := local[:min(len(local), n)]
			fr.blocks, fr.data = []blockEntry{{coding: kind, raw: n, stored: len(stored)}}, [][]byte{stored}
		}
		again := fr
		if coded >= 128 && len(fr.blocks) > 0 { // the second of the two has the first for a source
			again.blocks = slices.Clone(fr.blocks)
			again.blocks[0].sources = []blockSource{{back: 1}}
		}
		g := forged{frames: []forgedFrame{fr, again}}
		if named {
			g.dict = d.name()
		}
		template := g.bytes()
		agree(t, template, d.open)

		// Once more with the checksums of what it plays, if it plays at all.
		dec, err := NewDecoder(t.Context(), bytes.NewReader(template), d.open)
		if err != nil {
			t.Fatal(err)
		}
		defer dec.Close()
		var out some
		dec.WriteTo(&out)
		if uint64(len(out.b)) == play {
			g.frames[0].plays = out.b
			g.frames = g.frames[:1]
			agree(t, g.bytes(), d.open)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	old := append(text(30<<10, 5), noise(20<<10, 6)...)
	d := build(f, nil, BuildOptions{}, old)
	// Each edit is four bytes: what to do, how much, and where the source stands.
	f.Fuzz(func(t *testing.T, edits []byte, chunk uint16, minPair uint8, symbols, local uint16, named bool) {
		var file []byte
		for ; len(edits) >= 4 && len(file) < maxFuzzed; edits = edits[4:] {
			n := int(edits[1]) << (edits[0] >> 4)
			at := int(edits[2])<<8 | int(edits[3])
			switch edits[0] & 3 {
			case 0: // of the dictionary
				at = min(at, len(old))
				file = append(file, old[at:min(at+n, len(old))]...)
			case 1: // of the file
				at = min(at, len(file))
				file = append(file, file[at:min(at+n, len(file))]...)
			case 2:
				file = append(file, noise(n, uint64(at))...)
			case 3:
				file = append(file, bytes.Repeat([]byte{edits[2]}, n)...)
			}
		}
		o := EncodeOptions{MinPairFreq: int(minPair), ChunkSize: int(chunk)}
		if named {
			o.Dictionary, o.Tape, o.Index = &d.ref, d.tape, d.index
		}
		var out bytes.Buffer
		e, err := newEncoder(t.Context(), &out, bytes.NewReader(file), o)
		if err != nil {
			return // options that are refused
		}
		defer e.local.close()
		e.limit.symbols, e.limit.local = 1+int(symbols), 1+int(local)*64
		if err := e.run(); err != nil {
			t.Fatal(err)
		}
		got, err := decodeWhole(t.Context(), out.Bytes(), d.open)
		if err != nil || !bytes.Equal(got, file) {
			t.Fatalf("%d bytes come back as %d: %v", len(file), len(got), err)
		}
		agree(t, out.Bytes(), d.open)
	})
}

func FuzzOpenIndex(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte, h uint64) {
		x, err := OpenIndex(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if !errors.Is(err, ErrIndex) {
				t.Fatal(err)
			}
			return
		}
		places, err := x.lookup(h, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range places {
			if p > x.TapeSize() {
				t.Fatalf("place %d on a tape of %d", p, x.TapeSize())
			}
		}
	})
}

// seeds are the named inputs of the fuzz targets: what once broke something, or was made to.
func seeds(t *testing.T) map[string]map[string][]any {
	all := map[string]map[string][]any{"FuzzDecode": {}, "FuzzDecodeStreams": {}, "FuzzRoundTrip": {}, "FuzzOpenIndex": {}}
	d := fuzzDictionary(t)
	for name, c := range hostileCases(d) {
		if len(c.template) < 1<<12 {
			all["FuzzDecode"]["hostile "+name] = []any{c.template}
		}
	}
	for name, s := range smallTemplates(t) {
		if s.d == nil { // the others name another dictionary
			all["FuzzDecode"]["good "+name] = []any{s.template}
		}
	}
	spans, _ := encode(t, d, slices.Concat(noise(10000, 1)[:5000], []byte("new"), noise(10000, 1)[6000:]))
	all["FuzzDecode"]["good spans"] = []any{spans}
	page := text(17<<10, 8)
	all["FuzzDecode"]["good sources"] = []any{encodeCuts(t, nil, slices.Concat(page, edit(page, 300, 1)), []int64{int64(len(page))}, 1<<20)}
	again := helloAgain()
	all["FuzzDecodeStreams"]["sources"] = []any{again.play, again.count, again.written(), again.data[0], uint8(130), false}
	all["FuzzDecode"]["good holes"] = []any{templateWithHoles(t, d)}
	all["FuzzHoles"] = map[string][]any{"good": {[]byte("\x02\x00\x01\x01\x62"), uint64(100)}}
	for name, h := range hostileHoles {
		all["FuzzHoles"][name] = []any{[]byte(h.raw), uint64(100)}
	}

	b := func(v ...byte) []byte { return v }
	forgeries := all["FuzzDecodeStreams"]
	scored := func(codes []uint64, tapeLen, tapePos, localLen, repeatDist, repeatLen []uint64) []byte {
		return appendScore(nil, streams{codes, tapeLen, tapePos, localLen, repeatDist, repeatLen})
	}
	v := func(v ...uint64) []uint64 { return v }
	hello := []byte("hello")
	forgeries["hello"] = []any{uint64(5), 1, scored(v(1), nil, nil, v(4), nil, nil), hello, uint8(0), false}
	forgeries["rule and reference"] = []any{uint64(20), 2, scored(v(3, 1, 12, 12), nil, nil, v(4), nil, nil), hello, uint8(0), false}
	forgeries["rule bomb"] = []any{uint64(1) << 48, 1, scored(append(append(repeat(60, 3), 1), repeat(60, 12)...), nil, nil, v(4), nil, nil), hello, uint8(0), false}
	forgeries["huge play"] = []any{uint64(5) << 40, 1, scored(append(append(repeat(40, 3), 1), repeat(40, 12)...), nil, nil, v(4), nil, nil), hello, uint8(0), false}
	forgeries["span and repeat"] = []any{uint64(15 + 3), 3, scored(v(0, 1, 2), v(9), v(20), v(4), v(4), v(2)), hello, uint8(0), true}
	forgeries["all threads"] = []any{uint64(9), 9, scored(v(0, 4, 5, 6, 7, 8, 9, 10, 11), repeat(9, 0), v(200, 1, 0, 2, 0, 2, 0, 2, 0, 2), nil, nil, nil), []byte{}, uint8(0), true}
	for c := codingZstd; c <= codingMixed; c++ {
		forgeries["block "+c.String()] = []any{uint64(10), 1, scored(v(1), nil, nil, v(9), nil, nil), hello, uint8(c), false}
		forgeries["block with reference "+c.String()] = []any{uint64(20), 2, scored(v(0, 1), v(9), v(20), v(9), nil, nil), hello, uint8(c), true}
	}

	trips := all["FuzzRoundTrip"]
	trips["edited"] = []any{b(0x80, 20, 0, 0, 2, 9, 1, 1, 0x80, 60, 20, 1), uint16(0), uint8(0), uint16(1000), uint16(1000), true}
	trips["repeats in small frames"] = []any{b(0x42, 200, 0, 7, 0x41, 100, 0, 9, 0x80, 20, 0, 0, 0x41, 100, 0, 200), uint16(64), uint8(2), uint16(1), uint16(3), true}
	trips["runs"] = []any{b(0x83, 255, 0, 0, 0x83, 255, 1, 0, 0x83, 255, 0, 0), uint16(64), uint8(3), uint16(9), uint16(0), false}
	trips["nothing"] = []any{b(), uint16(0), uint8(0), uint16(0), uint16(0), true}

	var ix bytes.Buffer
	if err := BuildIndex(t.Context(), d.tape, 64, &ix); err != nil {
		t.Fatal(err)
	}
	all["FuzzOpenIndex"]["good"] = []any{ix.Bytes()[:], uint64(1)}
	all["FuzzOpenIndex"]["header only"] = []any{ix.Bytes()[:indexHeader], uint64(1)}
	all["FuzzOpenIndex"]["huge count"] = []any{append(bytes.Clone(ix.Bytes()[:indexHeader-8]), 0, 0, 0, 0, 255, 255, 255, 255), uint64(1)}
	return all
}

// The files under testdata/fuzz are the seeds, in the format of go test.
func TestSeedsAreWritten(t *testing.T) {
	for target, named := range seeds(t) {
		dir := filepath.Join("testdata", "fuzz", target)
		if *update {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(named)) {
			var text strings.Builder
			text.WriteString("go test fuzz v1\n")
			for _, v := range named[name] {
				switch v := v.(type) {
				case []byte:
					fmt.Fprintf(&text, "[]byte(%s)\n", strconv.Quote(string(v)))
				case uint8:
					fmt.Fprintf(&text, "byte(%s)\n", strconv.QuoteRune(rune(v)))
				default:
					fmt.Fprintf(&text, "%T(%v)\n", v, v)
				}
			}
			file := filepath.Join(dir, strings.NewReplacer(" ", "-", ":", "", ",", "", "^", "", "+", "").Replace(name))
			if *update {
				if err := os.WriteFile(file, []byte(text.String()), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			got, err := os.ReadFile(file)
			if err != nil || string(got) != text.String() {
				t.Errorf("%s is not what -update writes: %v", file, err)
			}
		}
	}
}
