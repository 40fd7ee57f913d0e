package codec

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"io"
	"testing"
)

// inFull returns a template as it is before it is written short.
func inFull(t testing.TB, template []byte) []byte {
	if !isShort(template) {
		return template
	}
	full, err := expand(template)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

// What may be written short is, and nothing else; in full it is the same template.
func TestShort(t *testing.T) {
	old := text(200<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	for _, c := range []struct {
		name  string
		file  []byte
		short bool
	}{
		{"empty", nil, false},
		{"one byte", []byte("a"), true},
		{"all of the dictionary", old, true},
		{"edited", append([]byte("new"), old...), true},
		{"noise that fits", noise(maxShort-200, 7), true},
		{"noise that does not", noise(maxShort, 7), false},
	} {
		template, _ := encode(t, d, c.file)
		if isShort(template) != c.short {
			t.Errorf("%s: %d bytes, short: %v", c.name, len(template), isShort(template))
			continue
		}
		if !c.short {
			continue
		}
		full := inFull(t, template)
		if isShort(full) || len(full) > maxShort || len(full)-len(template) < 11 || !bytes.Equal(shorten(full), template) {
			t.Errorf("%s: %d bytes, in full %d, short again %d", c.name, len(template), len(full), len(shorten(full)))
		}
		if info, err := Inspect(t.Context(), bytes.NewReader(template), int64(len(template))); err != nil ||
			info.TemplateSize != int64(len(template)) || info.Parts.Symbols+info.Parts.Local+info.Parts.Other != info.TemplateSize {
			t.Errorf("%s: %+v, %v", c.name, info, err)
		}
		for _, b := range [][]byte{template, full} {
			if file, err := decodeStream(t.Context(), b, d.open, true); err != nil || !bytes.Equal(file, c.file) {
				t.Errorf("%s: plays %d bytes of %d, %v", c.name, len(file), len(c.file), err)
			}
			whole := openTemplate(t, d, b)
			part := make([]byte, min(len(c.file), 100))
			at := len(c.file) - len(part)
			if _, err := whole.ReadAt(part, int64(at)); err != nil && err != io.EOF || !bytes.Equal(part, c.file[at:]) {
				t.Errorf("%s: at byte %d: %v", c.name, at, err)
			}
		}
	}
}

// Templates of several frames or blocks, and those with holes, are written in full.
func TestNotShort(t *testing.T) {
	two := helloFrame(10, "hellohello", 2, codeFresh, codeRef)
	holed := helloFrame(5, "hello", 1, codeFresh)
	holed.holes = []Span{{1, 2}}
	d := build(t, nil, BuildOptions{}, text(1<<10, 5))
	for name, g := range map[string]forged{
		"several frames": {frames: []forgedFrame{helloFrame(5, "hello", 1, codeFresh), two}},
		"holes":          {dict: d.name(), frames: []forgedFrame{holed}},
		"no frame":       {},
	} {
		if b := g.bytes(); !bytes.Equal(shorten(b), b) {
			t.Errorf("%s: written short", name)
		}
	}
	if b := (forged{frames: []forgedFrame{two}}).bytes(); bytes.Equal(shorten(b), b) {
		t.Error("one frame: not written short")
	}
}

// docs/format.md, section 4.11.
func TestGoldenShort(t *testing.T) {
	got := hex.EncodeToString(shorten(forged{frames: []forgedFrame{helloFrame(5, "hello", 1, codeFresh)}}.bytes()))
	const want = "d76e740116" + // magic, shape
		"05" + "a36d9f88" + // bytes played, low half of their xxh64
		"01" + "04" + "abc57577" + // one symbol, length of the symbols, the symbols
		"05" + "00" + "68656c6c6f" + // local bytes, coding, block
		"7d82c726" + "69c325e2" // upper half of the xxh64, crc32c
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What a stranger writes as a short template is refused where it is wrong.
func TestHostileShort(t *testing.T) {
	good := shorten(forged{frames: []forgedFrame{helloFrame(5, "hello", 1, codeFresh)}}.bytes())
	sealed := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(bytes.Clone(b), crc32c(b)) }
	body := good[:len(good)-4]
	summary := forgedBlockBits - minBlockBits
	for name, b := range map[string][]byte{
		"nothing":              good[:len(Magic)+1],
		"another checksum":     append(bytes.Clone(body), 0, 0, 0, 0),
		"no frame":             sealed(body[:len(Magic)+1]),
		"bytes added":          sealed(append(bytes.Clone(body), 0)),
		"a checksum less":      sealed(body[:len(body)-4]),
		"longer than may be":   sealed(append(bytes.Clone(body), make([]byte, maxShort)...)),
		"a dictionary, and no": sealed(append([]byte(Magic), byte(summary<<1|1|shortBit))),
		"more than a block":    sealed(append([]byte(Magic+string(rune(shortBit))), 0x80, 0x80, 8, 0, 0, 0, 0, 1, 0, 0x81, 0x80, 4, 0)),
	} {
		if _, err := readShort(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: taken", name)
		}
		for way := range 2 {
			var err error
			if way == 0 {
				_, err = decodeStream(t.Context(), b, nil, false)
			} else {
				_, err = NewReaderAt(t.Context(), bytes.NewReader(b), int64(len(b)), nil)
			}
			if err == nil {
				t.Errorf("%s, way %d: taken", name, way)
			}
		}
	}
}

// What is taken as a short template is one: there is one way to write each.
func FuzzShort(f *testing.F) {
	for _, n := range []int{0, 5, maxShort - 100} {
		frame := helloFrame(5, "hello", 1, codeFresh)
		if n > 5 {
			raw := noise(n, 7)
			frame = forgedFrame{play: uint64(n), plays: raw, count: 1, blocks: []blockEntry{{raw: n, stored: n}}, data: [][]byte{raw}}
			frame.streams[streamPlay], frame.streams[streamLocalLen] = []uint64{codeFresh}, []uint64{uint64(n - 1)}
		}
		short := shorten(forged{frames: []forgedFrame{frame}}.bytes())
		f.Add(short[:len(short)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		short := binary.LittleEndian.AppendUint32(body[:len(body):len(body)], crc32c(body))
		full, err := expand(short)
		if err != nil {
			return
		}
		if isShort(full) {
			t.Fatal("short still")
		}
		if len(full) <= maxShort && !bytes.Equal(shorten(full), short) {
			t.Fatalf("in full\n%x\nis written short as\n%x", full, shorten(full))
		}
	})
}
