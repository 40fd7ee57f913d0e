package codec

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"
)

func TestMeasure(t *testing.T) {
	old := text(400<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	for name, file := range map[string][]byte{
		"nothing":       {},
		"one byte":      {42},
		"a newline":     {'\n'},
		"text":          old,
		"versions":      versions(old[:100000], 12, 2),
		"noise between": slices.Concat(old[1000:150000], noise(700<<10, 3), old[2000:300000], noise(700<<10, 3)),
		"runs":          bytes.Repeat([]byte("ab\n"), 100000),
	} {
		t.Run(name, func(t *testing.T) {
			var want [256]uint64
			for _, c := range file {
				want[c]++
			}
			lines := want['\n']
			if len(file) > 0 && file[len(file)-1] != '\n' {
				lines++
			}
			entropy := 0.0
			for _, n := range want {
				if n > 0 {
					entropy += float64(n) * math.Log2(float64(len(file))/float64(n)) / float64(max(len(file), 1))
				}
			}
			whole, stats := encode(t, d, file)
			for name, template := range map[string][]byte{"whole": whole, "frames": encodeFrames(t, d, file, 7, 20000)} {
				m, err := openTemplate(t, d, template).Measure(t.Context())
				if err != nil {
					t.Fatal(name, err)
				}
				if m.Histogram != want || m.Lines != lines || m.Bytes != uint64(len(file)) || math.Abs(m.Entropy-entropy) > 1e-9 {
					t.Errorf("%s: %d bytes, %d lines, %f bits; want %d, %d, %f", name, m.Bytes, m.Lines, m.Entropy, len(file), lines, entropy)
				}
				for _, most := range []int{1, 50} { // in many parts
					if again, err := openTemplate(t, d, template).measure(t.Context(), most, nil); err != nil || again != m {
						t.Errorf("%s, by %d steps: %+v, want %+v: %v", name, most, again, m, err)
					}
				}
				if m.Tape+m.Fresh+m.Repeat != m.Bytes || m.Distinct > d.tape.size+m.Fresh || m.Distinct < m.Fresh {
					t.Errorf("%s: shares do not add up: %+v", name, m)
				}
				if name == "whole" && (m.Tape != uint64(stats.Tape) || m.Fresh != uint64(stats.Fresh) || m.Repeat != uint64(stats.Repeat)) {
					t.Errorf("shares %d, %d, %d; encoder says %d, %d, %d", m.Tape, m.Fresh, m.Repeat, stats.Tape, stats.Fresh, stats.Repeat)
				}
			}
		})
	}
}

// What rules play is multiplied, not played.
func TestMeasureRuleBomb(t *testing.T) {
	const doublings = 40
	codes := append(append(repeat(doublings, codeRule), codeFresh), repeat(doublings, codeRef)...)
	fr := helloFrame(5<<doublings, "", 1, codes...)
	m, err := openTemplate(t, nil, forged{frames: []forgedFrame{fr}}.bytes()).Measure(t.Context())
	if err != nil || m.Histogram['l'] != 2<<doublings || m.Lines != 1 || m.Distinct != 5 || m.Fresh != 5 || m.Repeat != 5<<doublings-5 {
		t.Errorf("%+v %v", m, err)
	}
}

func TestMeasureFails(t *testing.T) {
	old := text(600<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	template, _ := encode(t, d, old)
	cause := errors.New("no note")
	for n := range 3 {
		r, err := NewReaderAt(t.Context(), bytes.NewReader(template), int64(len(template)), func(context.Context, DictionaryName) (Tape, error) { return failAfter(d.tape, n, cause), nil })
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Measure(t.Context()); !errors.Is(err, cause) {
			t.Errorf("%d notes: %v", n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := openTemplate(t, d, template).Measure(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkMeasure(b *testing.B) {
	file := versions(text(400<<10, 5), 1000, 1)
	template, _ := encode(b, nil, file)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := openTemplate(b, nil, template).Measure(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// Parts of a file are measured as if they were files, and play from where they say.
func TestMeasureParts(t *testing.T) {
	old := text(300<<10, 5)
	d := build(t, nil, BuildOptions{}, old)
	rare := noise(60<<10, 3)
	file := slices.Concat(old[1000:150000], rare, old[2000:100000], rare, old[100:90000], []byte("end"))
	for i := range 20 {
		file = append(append(file, rare[:20000+i]...), old[5000:40000]...)
	}
	for name, template := range map[string][]byte{"whole": first(encode(t, d, file)), "frames": encodeFrames(t, d, file, 7, 20000)} {
		r := openTemplate(t, d, template)
		whole, err := r.Measure(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, cuts := range [][]uint64{{0, uint64(len(file))}, {0, 1, 77777, 150000, 150001, 400000, uint64(len(file)) - 1, uint64(len(file))}, {0, 0, 300000, 300000, uint64(len(file))}} {
			var sum Measure
			for i := 1; i < len(cuts); i++ {
				part := Span{cuts[i-1], cuts[i] - cuts[i-1]}
				m, err := r.Measure(t.Context(), part)
				if err != nil {
					t.Fatal(err)
				}
				raw := file[part.Pos : part.Pos+part.Len]
				var want [256]uint64
				for _, c := range raw {
					want[c]++
				}
				lines := uint64(bytes.Count(raw, []byte("\n")))
				if len(raw) > 0 && raw[len(raw)-1] != '\n' {
					lines++
				}
				if m.Histogram != want || m.Lines != lines || m.Bytes != part.Len || m.Tape+m.Fresh+m.Repeat != m.Bytes {
					t.Errorf("%s: part %v: %d bytes, %d lines, shares %d, %d, %d", name, part, m.Bytes, m.Lines, m.Tape, m.Fresh, m.Repeat)
				}
				sum.Tape, sum.Fresh, sum.Repeat = sum.Tape+m.Tape, sum.Fresh+m.Fresh, sum.Repeat+m.Repeat
				sets := [][]Span{{{0, d.tape.size}}, {}, {{0, 1000}, {2000, 50000}}, {{1000, 1000}, {52000, d.tape.size - 52000}}}
				from, err := r.PlaysFrom(sets, part)
				if err != nil || from[0] != m.Tape || from[1] != 0 || from[2]+from[3] != m.Tape {
					t.Errorf("%s: part %v plays %v of %d bytes: %v", name, part, from, m.Tape, err)
				}
			}
			if sum.Tape != whole.Tape || sum.Fresh != whole.Fresh || sum.Repeat != whole.Repeat {
				t.Errorf("%s: parts have %d, %d, %d; the whole %d, %d, %d", name, sum.Tape, sum.Fresh, sum.Repeat, whole.Tape, whole.Fresh, whole.Repeat)
			}
		}
		two, err := r.Measure(t.Context(), Span{100, 50}, Span{0, 100}, Span{5, 0})
		if err != nil || two.Bytes != 150 || two.Lines != uint64(bytes.Count(file[:150], []byte("\n")))+1 && file[99] != '\n' {
			t.Error(two.Bytes, two.Lines, err)
		}
		for _, beyond := range []Span{{uint64(len(file)), 1}, {uint64(len(file)) + 1, 0}, {1, 1<<64 - 1}} {
			if _, err := r.Measure(t.Context(), beyond); err == nil {
				t.Errorf("%v is measured", beyond)
			}
		}
	}
}

// What plays from sets of many spans is told without going through all of them for each span of the file.
func TestPlaysFromManySpans(t *testing.T) {
	const n = 2000
	d := build(t, nil, BuildOptions{}, noise(4*n, 1))
	f := forgedFrame{play: n, count: n}
	f.streams[streamPlay] = repeat(n, codeNew)
	f.streams[streamTapeLen] = repeat(n, 0)
	f.streams[streamTapePos] = append([]uint64{0}, repeat(n-1, zigzag(1))...) // every other byte
	r := openTemplate(t, d, forged{dict: d.name(), frames: []forgedFrame{f}}.bytes())
	var set []Span
	for i := range uint64(n) {
		set = append(set, Span{4 * i, 1})
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sums, err := r.PlaysFrom([][]Span{set, nil, {{n, n}}})
	runtime.ReadMemStats(&after)
	if err != nil || !slices.Equal(sums, []uint64{n / 2, 0, n / 2}) {
		t.Error(sums, err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes of memory", n)
	}
}

func first[T, U any](v T, _ U) T { return v }
