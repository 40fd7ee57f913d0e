package contexts

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var someMeanings = Meanings{Source: "en", Others: []Meaning{{"fr", 300, 0x0123456789abcdef}, {"de", 0, 1}}}

// The golden list says what each byte is for (docs/contexts.md).
func TestGoldenMeanings(t *testing.T) {
	got, err := someMeanings.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for line := range strings.Lines(`
		d7 63 74 78 6d 01        ; magic: 0xD7, "ctxm", version 1
		1d 00 00 00              ; 29 bytes follow
		02 65 6e                 ; made under "en"
		02                       ; other contexts
		02 66 72 ac 02           ; "fr", 300 bytes
		ef cd ab 89 67 45 23 01  ; xxh64
		02 64 65 00              ; "de", none
		01 00 00 00 00 00 00 00  ; xxh64
	`) {
		line, _, _ := strings.Cut(line, ";")
		want += strings.Join(strings.Fields(line), "")
	}
	n := len(got) - 4
	if hex.EncodeToString(got[:n]) != want {
		t.Errorf("meanings are\n%x, want\n%s", got[:n], want)
	}
	if sum := crc32.Checksum(got[:n], crc32.MakeTable(crc32.Castagnoli)); binary.LittleEndian.Uint32(got[n:]) != sum {
		t.Error("checksum")
	}
	m, k, err := ReadMeanings(bytes.NewReader(append(bytes.Clone(got), "template"...)))
	if err != nil || k != int64(len(got)) || m.Source != "en" || !slices.Equal(m.Others, someMeanings.Others) {
		t.Fatal(m, k, err)
	}
	if o, err := m.Find("en"); o != nil || err != nil {
		t.Error(o, err)
	}
	o, err := m.Find("fr")
	if err != nil || o.Check(300, 0x0123456789abcdef) != nil || !errors.Is(o.Check(299, o.Sum), ErrMeaning) || !errors.Is(o.Check(300, 1), ErrMeaning) {
		t.Error(o, err)
	}
	var unknown *UnknownError
	if _, err := m.Find("it"); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "en, fr, de") {
		t.Error(err)
	}
	for i := range got {
		flipped := bytes.Clone(got)
		flipped[i] ^= 1
		if _, _, err := ReadMeanings(bytes.NewReader(flipped)); !errors.Is(err, ErrFormat) {
			t.Errorf("byte %d does not count: %v", i, err)
		}
		if _, _, err := ReadMeanings(bytes.NewReader(got[:i])); !errors.Is(err, ErrFormat) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
}

// forgeMeanings writes a list as it is given, right or wrong, with its checksum.
func forgeMeanings(list string) []byte {
	b := append(binary.LittleEndian.AppendUint32([]byte(MeaningsMagic), uint32(len(list))), list...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func hostileMeanings() map[string][]byte {
	const sum = "\x00\x00\x00\x00\x00\x00\x00\x00"
	return map[string][]byte{
		"nothing":           {},
		"another magic":     []byte("\xd7ctxm\x02\x00\x00\x00\x00"),
		"of 4 GiB":          []byte(MeaningsMagic + "\xff\xff\xff\xff"),
		"empty":             forgeMeanings(""),
		"no other":          forgeMeanings("\x02en\x00"),
		"no source":         forgeMeanings("\x00\x01\x02fr\x01" + sum),
		"source again":      forgeMeanings("\x02en\x01\x02en\x01" + sum),
		"twice":             forgeMeanings("\x02en\x02\x02fr\x01" + sum + "\x02fr\x01" + sum),
		"blank":             forgeMeanings("\x02en\x01\x02f \x01" + sum),
		"long name":         forgeMeanings("\x02en\x01\x41" + strings.Repeat("n", 65) + "\x01" + sum),
		"too many":          forgeMeanings("\x02en\x80\x02"),
		"too long":          forgeMeanings("\x02en\x01\x02fr\x81\x80\x80\x80\x80\x80\x80\x80\x10" + sum),
		"sum cut short":     forgeMeanings("\x02en\x01\x02fr\x01\x00"),
		"bytes after it":    forgeMeanings("\x02en\x01\x02fr\x01" + sum + "\x00"),
		"long number":       forgeMeanings("\x02en\x01\x02fr\x81\x00" + sum),
		"checksum":          append(forgeMeanings("\x02en\x01\x02fr\x01" + sum)[:25], 0, 0, 0, 0),
		"without the names": forgeMeanings("\x02en\x03"),
	}
}

func TestHostileMeanings(t *testing.T) {
	for name, b := range hostileMeanings() {
		if _, _, err := ReadMeanings(bytes.NewReader(b)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "byte ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, m := range map[string]Meanings{
		"none":     {Source: "en"},
		"twice":    {"en", []Meaning{{Context: "en"}}},
		"too many": {"en", make([]Meaning, 256)},
		"negative": {"en", []Meaning{{Context: "fr", Size: -1}}},
	} {
		if _, err := m.AppendBinary(nil); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
}

// FuzzMeanings: what is read is written as the same bytes again.
func FuzzMeanings(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		m, n, err := ReadMeanings(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		if again, err := m.AppendBinary(nil); err != nil || !bytes.Equal(again, b[:n]) {
			t.Fatalf("% x comes back as % x: %v", b[:n], again, err)
		}
	})
}

func TestMeaningSeedsAreWritten(t *testing.T) {
	all := hostileMeanings()
	var err error
	if all["good"], err = someMeanings.AppendBinary(nil); err != nil {
		t.Fatal(err)
	}
	for target, all := range map[string]map[string]string{
		"FuzzMeanings": func() map[string]string {
			texts := map[string]string{}
			for name, b := range all {
				texts[name] = fmt.Sprintf("[]byte(%s)\n", strconv.Quote(string(b)))
			}
			return texts
		}(),
		"FuzzEntries": {
			"words":   "string(\"Open\\nYes, sure\\nOpen file\\n\")\nstring(\"Open file Reopen Open\\nYes, sure\\nOpen file\\n\")\n",
			"empty":   "string(\"\")\nstring(\"\")\n",
			"no word": "string(\"été!\\n\\n\\nété!\\n\")\nstring(\"l'été!\\n\\n\\nété! été\")\n",
		},
	} {
		dir := filepath.Join("testdata", "fuzz", target)
		if *update {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			text := "go test fuzz v1\n" + all[name]
			file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
			if *update {
				if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := os.ReadFile(file); err != nil || string(got) != text {
				t.Errorf("%s is not what -update writes: %v", file, err)
			}
		}
	}
}

func TestEntries(t *testing.T) {
	one := Lines([]byte("Cannot open\nOpen\n\nOpen file\nYes\nOpen\nClose it\n"))
	two := Lines([]byte("été!\nOpen"))
	if len(one) != 7 || string(two[1]) != "Open\n" {
		t.Fatal(one, two)
	}
	e := NewEntries(one, two)
	for file, want := range map[string][]Found{
		"":                                 nil,
		"Ope":                              nil,
		"Open":                             {{0, 4, 0, 1, 1, false}},
		"Open\n":                           {{0, 5, 0, 1, 1, true}},
		"Reopen Opening xOpen Openx Open1": nil,
		"<Open>Open file.":                 {{1, 4, 0, 1, 1, false}, {6, 9, 0, 3, 1, false}},
		"Cannot open\nOpen\n\nOpen file\n": {{0, 28, 0, 0, 4, true}},
		"Open file\nYes\nOpen\nClose it":   {{0, 27, 0, 3, 4, false}}, // goes on with what is too short alone
		"l'été!":                           {{3 - 1, 6, 1, 0, 1, false}},
		"Yes\n":                            nil,
	} {
		if got := e.Find([]byte(file)); !slices.Equal(got, want) {
			t.Errorf("in %q: %v, want %v", file, got, want)
		}
	}
}

// FuzzEntries: what is found stands there, in order, and is what the entries are.
func FuzzEntries(f *testing.F) {
	f.Fuzz(func(t *testing.T, text, file string) {
		lines := Lines([]byte(text))
		end := 0
		for _, x := range NewEntries(lines).Find([]byte(file)) {
			want := ""
			for _, l := range lines[x.First:][:x.Count] {
				want += string(l)
			}
			if !x.Newline {
				want = want[:len(want)-1]
			}
			if x.Off < end || x.Book != 0 || x.Len == 0 || file[x.Off:x.Off+x.Len] != want {
				t.Fatalf("%+v is %q, want %q", x, file[x.Off:x.Off+x.Len], want)
			}
			end = x.Off + x.Len
		}
	})
}
