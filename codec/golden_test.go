package codec

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"

	"dictnet/codec/internal/rans"
)

var update = flag.Bool("update", false, "write the golden files and the named fuzz seeds anew")

// flatTape is a tape of one note, without a block.
type flatTape string

func (t flatTape) Size() uint64 { return uint64(len(t)) }
func (t flatTape) NoteAt(context.Context, uint64) (uint64, []byte, error) {
	return 0, []byte(t), nil
}

const (
	goldenTape = "The quick brown fox jumps over the lazy dog; pack my box with five dozen liquor jugs."
	goldenFile = "The quick " + "red, " + "fox jumps over the " + "red" + " lazy dog" + " liquor jugs." + "fox jumps over the " + "red"
)

// goldenTemplate holds each kind of symbol: spans of the tape on the expected place and on a new thread, a fresh local note, a
// repeat of a part of it, a rule, and a reference to it.
func goldenTemplate() []byte {
	sum, err := multihash.Sum([]byte("golden"), multihash.SHA2_256, -1)
	if err != nil {
		panic(err)
	}
	name := &DictionaryName{Manifest: cid.NewCidV1(cid.DagCBOR, sum), Size: 1}
	f := forgedFrame{
		play: uint64(len(goldenFile)), plays: []byte(goldenFile), count: 6,
		blocks: []blockEntry{{raw: 5, stored: 5}}, data: [][]byte{[]byte("red, ")},
	}
	f.streams = [streamCount][]uint64{
		streamPlay:       {codeTape, codeFresh, codeRule, codeTape, codeRepeat, codeThread, codeNew, codeRef + 2},
		streamTapeLen:    {10 - 1, 19 - 1, 9 - 1, 13 - 1},
		streamTapePos:    {0, zigzag(16 - 15), zigzag(34 - 35), zigzag(72 - 43)},
		streamLocalLen:   {5 - 1},
		streamRepeatDist: {5},
		streamRepeatLen:  {3 - 1},
	}
	return forged{dict: name, frames: []forgedFrame{f}}.bytes()
}

// dump explains every byte of a template. It is written from docs/format.md, and shares no code with the decoder.
type dump struct {
	b   []byte
	pos int
	out strings.Builder
}

func (d *dump) line(n int, format string, args ...any) []byte {
	v := d.b[d.pos : d.pos+n]
	text := fmt.Sprintf(format, args...)
	for i := 0; i < max(n, 1); i += 8 {
		fmt.Fprintf(&d.out, "%4d  %-24s %s\n", d.pos+i, fmt.Sprintf("% x", v[i:min(i+8, n)]), text)
		text = "."
	}
	d.pos += n
	return v
}

func (d *dump) varint(what string) uint64 {
	v, n := binary.Uvarint(d.b[d.pos:])
	d.line(n, "%s: %d", what, v)
	return v
}

func (d *dump) title(format string, args ...any) { fmt.Fprintf(&d.out, "# "+format+"\n", args...) }

func (d *dump) all() string {
	d.title("header (4.1)")
	d.line(4, "magic, version 1")
	if d.varint("1 if a dictionary follows; twice log2 of the whole length less 16")&1 == 1 {
		d.line(32, "digest of the manifest")
		d.varint("notes of the version")
	}
	d.line(4, "crc32c")
	frames := 0
	for ; d.b[d.pos] == 1; frames++ {
		d.frame()
	}
	if frames == 1 {
		d.title("end (4.5)")
		d.line(1, "end of one frame")
		d.line(4, "upper half of the xxh64 of the file")
		d.line(4, "end mark")
	} else {
		d.index()
	}
	if d.pos != len(d.b) {
		d.line(len(d.b)-d.pos, "UNEXPLAINED")
	}
	return d.out.String()
}

func (d *dump) index() {
	d.title("index (4.5)")
	d.line(1, "index")
	for i := range d.varint("frames") {
		d.varint(fmt.Sprintf("frame %d: bytes of the template", i))
		d.varint(fmt.Sprintf("frame %d: bytes of the file", i))
		d.varint(fmt.Sprintf("frame %d: local bytes", i))
	}
	d.line(8, "xxh64 of the file")
	d.line(4, "crc32c")
	d.line(4, "length of the index: %d", binary.LittleEndian.Uint32(d.b[d.pos:]))
	d.line(4, "end mark")
}

func (d *dump) frame() {
	d.title("frame (4.2)")
	d.line(1, "frame")
	d.varint("length of the head")
	d.varint("bytes played")
	d.line(4, "low half of their xxh64")
	d.varint("symbols in the sequence")
	n := int(d.varint("length of the symbols"))
	said := symbolsSaid(d.b[d.pos : d.pos+n])
	d.line(n, "symbols, a rans stream (4.3)")
	for _, line := range said {
		d.title("  %s", line)
	}
	var stored []uint64
	local := d.varint("local bytes")
	for i := range (local + 1<<19 - 1) >> 19 {
		n := min(local-i<<19, 1<<19)
		if d.varint(fmt.Sprintf("block %d: coding", i)) != 0 {
			n = d.varint(fmt.Sprintf("block %d: stored bytes", i))
		}
		stored = append(stored, n)
	}
	d.line(4, "crc32c")
	d.title("blocks (4.4)")
	for i, n := range stored {
		d.line(int(n), "block %d: %q", i, d.b[d.pos:d.pos+int(n)])
		d.line(4, "crc32c")
	}
}

// symbolsSaid explains the numbers in a rans stream of symbols.
func symbolsSaid(stream []byte) (lines []string) {
	var d rans.Decoder
	if err := d.Reset(stream); err != nil {
		return []string{err.Error()}
	}
	var m scoreModels
	m.begin()
	last := uint32(1)
	for left := 6; left > 0; left-- { // the sequence of the golden template has 6 symbols
		c := d.Tree(m.play[last][:], 4)
		last = c
		switch {
		case c == 1:
			lines = append(lines, fmt.Sprintf("1: fresh local note, length %d", d.Int(&m.of[3][1])+1))
		case c == 2:
			lines = append(lines, fmt.Sprintf("2: repeat of local bytes, distance %d, length %d", d.Int(&m.of[4][2]), d.Int(&m.of[5][2])+1))
		case c == 3:
			lines = append(lines, "3: rule, two symbols follow")
			left += 2
		case c == 12:
			lines = append(lines, fmt.Sprintf("12: symbol defined %d before", d.Int(&m.back)+1))
		default:
			length := d.Int(&m.of[1][c]) + 1
			at := d.Int(&m.of[2][c])
			lines = append(lines, fmt.Sprintf("%d: span of the tape, length %d, expected %+d", c, length, int64(at>>1)^-int64(at&1)))
		}
	}
	if err := d.End(); err != nil {
		lines = append(lines, err.Error())
	}
	return lines
}

// undump reads the bytes back from a dump.
func undump(text string) (b []byte, err error) {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			v, err := hex.DecodeString(strings.ReplaceAll(line[6:30], " ", ""))
			if err != nil {
				return nil, err
			}
			b = append(b, v...)
		}
	}
	return b, nil
}

func TestGoldenTemplate(t *testing.T) {
	name := filepath.Join("testdata", "template.golden")
	got := (&dump{b: goldenTemplate()}).all()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the template has changed:\n%s", got)
	}
	template, err := undump(string(want))
	if err != nil {
		t.Fatal(err)
	}
	open := func(context.Context, DictionaryName) (Tape, error) { return flatTape(goldenTape), nil }
	for _, ahead := range []bool{false, true} {
		if file, err := decodeStream(t.Context(), template, open, ahead); err != nil || string(file) != goldenFile {
			t.Errorf("the golden template plays %q, %v", file, err)
		}
	}
	info, err := Inspect(t.Context(), bytes.NewReader(template), int64(len(template)))
	info.Dictionary, info.TemplateSize, info.Parts = nil, 0, Parts{}
	if want := (Info{
		FileSize: 81, Frames: 1, Symbols: 6, Rules: 1, Terminals: 6, TapeBytes: 70, FreshBytes: 5, RepeatBytes: 6, TapeSpans: 4, TapeSpanSize: 50,
	}); err != nil || info != want {
		t.Errorf("inspect sees %+v, want %+v; %v", info, want, err)
	}
}
