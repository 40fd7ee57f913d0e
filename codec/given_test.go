package codec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"
)

// endWriter ends a context when it is written to.
type endWriter func()

func (w endWriter) Write(b []byte) (int, error) { w(); return len(b), nil }

// What reads nothing ends with its context, too: no block is begun any more.
func TestGivenEnds(t *testing.T) {
	file := noise(7*defaultFrame.local, 1)
	goroutines := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := EncodeGiven(ctx, endWriter(cancel), file, nil, EncodeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled after the first frame: %v", err)
	}
	if _, err := EncodeGiven(ctx, io.Discard, file[:100], nil, EncodeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	ended(t, goroutines)
}

// A template of given spans plays the file, needs nothing else of the tape, and plays another where its spans mean others.
func TestGiven(t *testing.T) {
	tape := slices.Concat([]byte("hello world\nsalut le monde\n"), text(100<<10, 1))
	d := build(t, nil, BuildOptions{}, tape)
	en, fr := Span{0, 12}, Span{12, 15}
	filler := noise(3<<20, 2)
	file := slices.Concat([]byte("<"), tape[:12], []byte("> <"), tape[:11], []byte(">"), tape[:12], tape[:12], filler, tape[50:90])
	want := slices.Concat([]byte("<"), tape[12:27], []byte("> <"), tape[12:26], []byte(">"), tape[12:27], tape[12:27], filler, tape[50:90])
	spans := []FileSpan{{1, en}, {16, Span{0, 11}}, {28, en}, {40, en}, {52 + 3<<20, Span{50, 40}}}
	o := EncodeOptions{Dictionary: &d.ref, Tape: d.tape, Index: d.index}
	var out bytes.Buffer
	stats, err := EncodeGiven(t.Context(), &out, file, spans, o)
	if err != nil || stats.Tape != 12*3+11+40 || stats.Read != int64(len(file)) {
		t.Fatal(stats, err)
	}
	if got, err := decodeWhole(t.Context(), out.Bytes(), d.open); err != nil || !bytes.Equal(got, file) {
		t.Fatal(len(got), err)
	}
	agree(t, out.Bytes(), d.open)
	r := openTemplate(t, d, out.Bytes())
	var asked []Span
	for s, err := range r.Wanted() {
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, s)
	}
	if joined := JoinSpans(asked); !slices.Equal(joined, []Span{{0, 12}, {50, 40}}) {
		t.Errorf("it asks for %v", joined)
	}
	refused := errors.New("refused")
	meaning := func(s Span) (Span, error) {
		switch s {
		case en:
			return fr, nil
		case Span{0, 11}:
			return Span{12, 14}, nil
		case Span{50, 40}:
			return s, nil
		}
		return Span{}, refused
	}
	var back bytes.Buffer
	n, sum, err := r.WriteMeaning(&back, meaning, int64(len(want)))
	if err != nil || n != int64(len(want)) || !bytes.Equal(back.Bytes(), want) || sum != xxhash.Sum64(want) {
		t.Fatal(n, err)
	}
	if wanted, err := r.WantedMeaning(meaning); err != nil || !slices.Equal(JoinSpans(wanted), []Span{{12, 15}, {50, 40}}) {
		t.Error(wanted, err)
	}
	if _, _, err := r.WriteMeaning(&back, meaning, int64(len(want))-1); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Error(err)
	}
	if _, _, err := r.WriteMeaning(&back, func(Span) (Span, error) { return Span{}, refused }, 1<<40); !errors.Is(err, refused) {
		t.Error(err)
	}
	for _, beyond := range []Span{{d.tape.size, 1}, {d.tape.size + 1, 0}, {1, 1<<64 - 1}} {
		if _, _, err := r.WriteMeaning(&back, func(Span) (Span, error) { return beyond, nil }, 1<<40); err == nil {
			t.Error("beyond the tape")
		}
	}
	// Nothing may be given that is not so.
	for name, spans := range map[string][]FileSpan{
		"other bytes": {{0, en}},
		"overlapping": {{1, en}, {12, en}},
		"descending":  {{28, en}, {1, en}},
		"beyond":      {{uint64(len(file)) - 3, en}},
		"far beyond":  {{1 << 63, en}},
		"empty":       {{1, Span{0, 0}}},
		"off tape":    {{1, Span{d.tape.size - 3, 12}}},
	} {
		if _, err := EncodeGiven(t.Context(), &out, file, spans, o); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
	for _, file := range [][]byte{{}, tape[:12], []byte("x")} {
		out.Reset()
		var spans []FileSpan
		if len(file) == 12 {
			spans = []FileSpan{{0, en}}
		}
		if _, err := EncodeGiven(t.Context(), &out, file, spans, o); err != nil {
			t.Fatal(err)
		}
		if got, err := decodeWhole(t.Context(), out.Bytes(), d.open); err != nil || !bytes.Equal(got, file) {
			t.Error(got, err)
		}
	}
}
