package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// What Inspect counts without playing is what the encoder counted while it wrote.
func TestInspectAgreesWithEncoder(t *testing.T) {
	old := append(text(2<<20, 5), noise(1<<20, 6)...)
	d := build(t, nil, BuildOptions{}, old)
	page := edit(old[:100<<10], 700, 3)
	for name, file := range map[string][]byte{
		"empty":     {},
		"edited":    edit(old, 5000, 1),
		"rules":     bytes.Repeat(page, 50),
		"all local": noise(9<<20, 8),
	} {
		t.Run(name, func(t *testing.T) {
			template, stats := encode(t, d, file)
			info, err := Inspect(t.Context(), bytes.NewReader(template), int64(len(template)))
			if err != nil {
				t.Fatal(err)
			}
			if name == "edited" && (info.Dictionary == nil || *info.Dictionary != d.ref.Name()) {
				t.Errorf("dictionary is %v, want %v", info.Dictionary, d.ref)
			}
			if name == "rules" && info.Rules == 0 {
				t.Error("no rules")
			}
			if info.FileSize != stats.Read || info.TemplateSize != stats.Written || info.Frames != stats.Frames ||
				info.Symbols != stats.Symbols || info.Rules != stats.Rules ||
				info.TapeBytes != stats.Tape || info.FreshBytes != stats.Fresh || info.RepeatBytes != stats.Repeat {
				t.Errorf("%+v\nencoder said %+v", info, stats)
			}
			if p := info.Parts; p.Symbols+p.Local+p.Other != info.TemplateSize {
				t.Errorf("parts %+v do not add up to %d", p, info.TemplateSize)
			}
			if info.TapeSpanSize > int64(d.tape.size) || info.TapeSpans > info.Terminals {
				t.Errorf("%d spans of %d bytes", info.TapeSpans, info.TapeSpanSize)
			}

			// Wanted covers the spans, and what blocks are coded against.
			r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), d.open)
			if err != nil {
				t.Fatal(err)
			}
			var n, size int64
			for s, err := range r.Wanted() {
				if err != nil || s.Len == 0 || s.Pos+s.Len > d.tape.size {
					t.Fatalf("wants %+v: %v", s, err)
				}
				n++
				size += int64(s.Len)
			}
			if n < info.TapeSpans || size < info.TapeSpanSize {
				t.Errorf("wants %d runs of %d bytes, inspect sees %d of %d", n, size, info.TapeSpans, info.TapeSpanSize)
			}
		})
	}
}

func TestInfoAsJSON(t *testing.T) {
	d := build(t, nil, BuildOptions{}, text(1000, 1))
	b, err := json.Marshal(Info{Dictionary: d.name(), FileSize: 5, Parts: Parts{Local: 3}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"dictionary":{"manifest":"` + d.ref.Manifest.String() + `","size":1},` +
		`"fileSize":5,"templateSize":0,"frames":0,"symbols":0,"rules":0,"terminals":0,"tapeBytes":0,"freshBytes":0,"repeatBytes":0,` +
		`"tapeSpans":0,"tapeSpanBytes":0,"parts":{"symbols":0,"local":3,"other":0}}`
	if string(b) != want {
		t.Errorf("%s\nwant %s", b, want)
	}
}

func TestInspectRefuses(t *testing.T) {
	template, _ := encode(t, nil, text(10000, 1))
	for n := range template {
		if _, err := Inspect(t.Context(), bytes.NewReader(template[:n]), int64(n)); !errors.Is(err, ErrTemplate) {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
}
