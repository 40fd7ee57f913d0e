package lz

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dictnet/codec/internal/align"
	"dictnet/codec/internal/rans"
)

// text returns n bytes in words that recur.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := make([]string, 300)
	for i := range words {
		for range 2 + r.IntN(8) {
			words[i] += string(rune('a' + r.IntN(26)))
		}
	}
	var b bytes.Buffer
	for b.Len() < n {
		b.WriteString(words[int(300*r.Float64()*r.Float64())])
		b.WriteByte(" \n"[r.IntN(10)/9])
	}
	return b.Bytes()[:n]
}

func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// edit changes, removes and inserts some bytes, about one place in every.
func edit(seed uint64, b []byte, every int) []byte {
	r := rand.New(rand.NewPCG(seed, 3))
	var out []byte
	for i := 0; i < len(b); i++ {
		switch r.IntN(every * 3) {
		case 0:
			out = append(out, byte(r.Uint32()))
		case 1:
			i += r.IntN(10)
		case 2:
			out = append(out, noise(r.Uint64(), r.IntN(10))...)
			out = append(out, b[i])
		default:
			out = append(out, b[i])
		}
	}
	return out
}

// moved returns code that calls, by relative addresses, other places in it, and the same with holes put in so that all calls change.
func moved(seed uint64) (old, now []byte) {
	r := rand.New(rand.NewPCG(seed, 4))
	const functions, size = 400, 120
	var begins, shifted [functions]int
	shift := 0
	for i := range begins {
		if i%40 == 39 {
			shift += 4 * r.IntN(20)
		}
		begins[i], shifted[i] = i*size, i*size+shift
	}
	old = noise(seed, functions*size)
	now = make([]byte, functions*size+shift)
	for i, b := range begins {
		copy(now[shifted[i]:], old[b:b+size])
		for at := 10; at < size-4; at += 20 {
			to := r.IntN(functions / 8)
			old[b+at-1], now[shifted[i]+at-1] = 0xe8, 0xe8
			binary.LittleEndian.PutUint32(old[b+at:], uint32(begins[to]-(b+at+4)))
			binary.LittleEndian.PutUint32(now[shifted[i]+at:], uint32(shifted[to]-(shifted[i]+at+4)))
		}
	}
	return old, now
}

// movedARM does so for instructions of 64-bit ARM that call, and that name what stands behind all code, which moves further than that.
func movedARM(seed uint64) (old, now []byte) {
	r := rand.New(rand.NewPCG(seed, 5))
	const functions, size, data = 400, 30, 0x1234
	var begins, shifted [functions]uint32 // from the begin, in bytes
	shift := uint32(0)
	for i := range uint32(functions) {
		if i%40 == 39 {
			shift += 4 * r.Uint32N(20)
		}
		begins[i], shifted[i] = 4*i*size, 4*i*size+shift
	}
	old = noise(seed, 4*functions*size)
	now = make([]byte, len(old)+int(shift))
	for i := range begins {
		copy(now[shifted[i]:], old[begins[i]:][:4*size])
		for k := range uint32(size) {
			put := func(word func(place uint32, moved bool) uint32) {
				binary.LittleEndian.PutUint32(old[begins[i]+4*k:], word(1<<20+begins[i]+4*k, false))
				binary.LittleEndian.PutUint32(now[shifted[i]+4*k:], word(1<<21+shifted[i]+4*k, true))
			}
			to := r.IntN(functions)
			named := 1<<22 + r.Uint32N(1<<15)&^7
			leads := func(moved bool) uint32 {
				if moved {
					return named + 1<<20 + data
				}
				return named
			}
			switch k % 10 {
			case 3:
				put(func(place uint32, moved bool) uint32 {
					at := 1<<20 + begins[to]
					if moved {
						at = 1<<21 + shifted[to]
					}
					return 0x94000000 | (at-place)>>2&(1<<26-1)
				})
			case 6:
				put(func(place uint32, moved bool) uint32 {
					pages := leads(moved)>>12 - place>>12
					return 0x90000001 | pages&3<<29 | pages>>2&(1<<19-1)<<5
				})
				k++
				put(func(place uint32, moved bool) uint32 { return 0x91000021 | leads(moved)&0xfff<<10 })
			}
		}
	}
	return old, now
}

func whole(ref []byte) []align.Hint {
	if len(ref) == 0 {
		return nil
	}
	return []align.Hint{{Tape: 1 << 20, File: 1 << 21}}
}

func encode(t testing.TB, raw, ref []byte, hints []align.Hint) []byte {
	t.Helper()
	data, err := Encode(t.Context(), nil, raw, ref, hints)
	if err != nil {
		t.Error(err)
	}
	return data
}

func roundTrip(t *testing.T, raw, ref []byte, hints []align.Hint) int {
	t.Helper()
	before := bytes.Clone(raw)
	data, err := Encode(t.Context(), []byte("before"), raw, ref, hints)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(data, []byte("before")) || !bytes.Equal(raw, before) {
		t.Fatal("Encode wrote where it should not")
	}
	data = data[len("before"):]
	got := noise(99, len(raw)) // a reader's buffer may hold anything
	if err := Decode(got, data, ref, hints, nil); err != nil {
		t.Fatalf("%d bytes against %d: %v", len(raw), len(ref), err)
	}
	if !bytes.Equal(got, raw) {
		t.Fatalf("%d bytes against %d: other bytes came back", len(raw), len(ref))
	}
	return len(data)
}

func TestRoundTrip(t *testing.T) {
	old := text(1, 30000)
	for _, n := range []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 17, 100, mostStretch - 1, mostStretch, mostStretch + 1} {
		for _, m := range []int{0, 1, 3, 4, 8, 100, 30000} {
			ref := old[:m]
			roundTrip(t, edit(uint64(n), old, 30)[:n], ref, whole(ref))
			roundTrip(t, noise(uint64(n), n), ref, whole(ref))
			roundTrip(t, make([]byte, n), ref, nil)
		}
	}
}

func TestSegments(t *testing.T) {
	old := append(text(2, segment), noise(2, segment)...)
	raw := edit(3, append(old, old...), 50)
	for _, n := range []int{segment - 1, segment, segment + 1, 2*segment + 1} {
		roundTrip(t, raw[:n], old, whole(old))
	}
	roundTrip(t, raw[:segment+1], nil, nil)
}

// Hints come from a template: whatever they say, reader and writer do the same.
func TestHints(t *testing.T) {
	old := text(4, 5000)
	raw := edit(5, old, 40)
	for name, hints := range map[string][]align.Hint{
		"behind the reference":  {{At: 0, Ref: 5000}, {At: 3, Ref: 1 << 40}},
		"negative":              {{At: -1, Ref: -1}, {At: 0, Ref: -5}, {At: 7, Ref: 7, RefLo: -9}},
		"at the end":            {{At: 10, Ref: 4999}, {At: 20, Ref: 4998}, {At: len(raw) - 1, Ref: 0}, {At: len(raw), Ref: 0}},
		"twice":                 {{At: 0, Ref: 0}, {At: 0, Ref: 9}, {At: 100, Ref: 100}, {At: 100, Ref: 99}},
		"descending":            {{At: 100, Ref: 100}, {At: 50, Ref: 50}, {At: 200, Ref: 1}},
		"far away":              {{At: 0, Ref: 0, Tape: 1<<64 - 1, File: 1 << 63}, {At: 900, Ref: 900, RefLo: 900, Tape: 0, File: 1<<64 - 7}},
		"the same":              {{At: 0, Ref: 0}, {At: 100, Ref: 100}, {At: 200, Ref: 200}},
		"pieces in a bad order": {{At: 0, Ref: 900, RefLo: 800}, {At: 90, Ref: 10, RefLo: 0}, {At: 400, Ref: 850, RefLo: 800, Tape: 77}},
	} {
		t.Run(name, func(t *testing.T) {
			roundTrip(t, raw, old, hints)
			roundTrip(t, raw[:1], old, hints)
		})
	}
}

func TestSizes(t *testing.T) {
	old := text(6, 100000)
	code, now := moved(7)
	arm, armNow := movedARM(8)
	for _, c := range []struct {
		name     string
		raw, ref []byte
		most     int
	}{
		{"nothing", nil, old, 0},
		{"the reference", old, old, 40},
		{"the reference, with 200 changes", edit(8, old, 1500), old, 1200},
		{"noise", noise(9, 100000), old, 103000},
		{"noise on top of noise", noise(9, 1000), noise(10, 1000), 1045},
		{"zeros", make([]byte, 1<<20), nil, 100},
		{"text without a reference", old, nil, 27600},
		{"code whose calls moved", now, code, 4000},          // 2400 calls, 4 bytes each
		{"code of 64-bit ARM that moved", armNow, arm, 2300}, // 1200 calls, and 1200 pairs that name a place
	} {
		n := roundTrip(t, c.raw, c.ref, whole(c.ref))
		t.Logf("%s: %d bytes take %d", c.name, len(c.raw), n)
		if n > c.most {
			t.Errorf("%s: %d bytes take %d, want at most %d", c.name, len(c.raw), n, c.most)
		}
	}
}

// The bytes of a stream are part of the format: docs/format.md says how they come about.
func TestGolden(t *testing.T) {
	old := []byte("The quick brown fox jumps over the lazy dog. \x00\x10\x00\x00call\x00\x20\x00\x00call")
	raw := []byte("The quick brown fix jumps over two lazy dogs. \x08\x10\x00\x00call\x08\x20\x00\x00call; the quick fix jumps")
	got := hex.EncodeToString(encode(t, raw, old, []align.Hint{{Tape: 1000, File: 1000}}))
	const want = "059f31542501aa1761ee755c59f792cf9fbad07043a86ffc64ce1081bf"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Encoders and decoders are used again, at the same time: that must not show.
func TestReuse(t *testing.T) {
	var wg sync.WaitGroup
	old := text(11, 20000)
	want := encode(t, edit(12, old, 20), old, whole(old))
	for k := range 8 {
		wg.Go(func() {
			roundTrip(t, noise(uint64(k), 3000*k), nil, nil)
			if got := encode(t, edit(12, old, 20), old, whole(old)); !bytes.Equal(got, want) {
				t.Error("the second time gave other bytes")
			}
		})
	}
	wg.Wait()
}

// endsSoon is a context that has ended when it is asked for the n-th time.
type endsSoon struct {
	context.Context
	n int
}

func (e *endsSoon) Err() error {
	if e.n--; e.n <= 0 {
		return context.Canceled
	}
	return nil
}

// A long block is given up in the middle when nobody waits for it any more, which does not show in the next.
func TestEnds(t *testing.T) {
	old := text(21, 10*mostStretch)
	raw := edit(22, old, 40)[:9*mostStretch+1]
	want := encode(t, raw, old, whole(old))
	for n := 1; n <= 10; n++ {
		if _, err := Encode(&endsSoon{t.Context(), n}, nil, raw, old, whole(old)); !errors.Is(err, context.Canceled) {
			t.Errorf("asked %d times: %v", n, err)
		}
		if got := encode(t, raw, old, whole(old)); !bytes.Equal(got, want) {
			t.Error("what was given up shows in what is coded next")
		}
	}
}

func TestTooLong(t *testing.T) {
	if err := Decode(make([]byte, MaxRaw+1), nil, nil, nil, nil); !errors.Is(err, ErrData) {
		t.Errorf("raw: %v", err)
	}
	if err := Decode(nil, nil, make([]byte, MaxRef+1), nil, nil); !errors.Is(err, ErrData) {
		t.Errorf("ref: %v", err)
	}
}

// No change of the coded bytes makes a reader panic or take long, and hardly any goes unnoticed.
func TestHostile(t *testing.T) {
	old := text(13, 4000)
	raw := edit(14, old, 20)
	data := encode(t, raw, old, whole(old))
	got := make([]byte, len(raw))
	unseen := 0
	for i := range data {
		c := bytes.Clone(data)
		c[i] ^= 1 << (i % 8)
		if err := Decode(got, c, old, whole(old), nil); err == nil {
			unseen++
			if bytes.Equal(got, raw) {
				t.Errorf("byte %d changed, and all is as before", i)
			}
		} else if !errors.Is(err, ErrData) && !errors.Is(err, rans.ErrStream) && !strings.Contains(err.Error(), "rans") {
			t.Errorf("byte %d changed: %v", i, err)
		}
		if err := Decode(got, data[:i], old, whole(old), nil); err == nil && i < len(data)-1 {
			t.Errorf("cut after %d of %d: no error", i, len(data))
		}
	}
	t.Logf("%d of %d changes went unnoticed", unseen, len(data))
	if unseen > len(data)/8 {
		t.Errorf("%d of %d changes went unnoticed", unseen, len(data))
	}
	if err := Decode(nil, []byte{0}, nil, nil, nil); !errors.Is(err, ErrData) {
		t.Errorf("a byte for nothing: %v", err)
	}
	long := make([]byte, segment+1)
	for name, data := range map[string][]byte{
		"no length of the first stream": {},
		"length that is no varint":      bytes.Repeat([]byte{0xff}, 11),
		"length beyond the data":        {200, 1, 7},
		"length of 2^63":                {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1},
	} {
		if err := Decode(long, data, old, nil, nil); !errors.Is(err, ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
	data = encode(t, raw[:50], old, whole(old))
	if err := Decode(got[:50], append([]byte{data[0] | 0x80, 0}, data[1:]...), old, whole(old), nil); data[0] >= 0x80 || !errors.Is(err, ErrData) {
		t.Errorf("a length in more bytes than it takes: %v", err)
	}
	start := time.Now()
	for seed := range uint64(20) {
		if err := Decode(long, append([]byte{0xf4, 3}, noise(seed, 1000)...), old, whole(old), nil); err == nil {
			t.Errorf("noise %d was decoded", seed)
		}
	}
	t.Logf("%v for 20 times noise", time.Since(start))
}

func FuzzRoundTrip(f *testing.F) {
	code, now := moved(15)
	f.Add(now[:3000], code[:3000], uint16(0), uint16(0))
	f.Add(edit(16, text(16, 2000), 9), text(16, 2000), uint16(100), uint16(200))
	f.Add([]byte("abcabcabcabcabd"), []byte("abd"), uint16(14), uint16(2))
	f.Add([]byte{0}, []byte{}, uint16(0), uint16(0))
	f.Fuzz(func(t *testing.T, raw, ref []byte, at, to uint16) {
		hints := []align.Hint{{At: 0, Ref: 0, Tape: 5000, File: 6000}, {At: int(at), Ref: int(to), RefLo: int(to / 2), Tape: 9000, File: 8000}}
		roundTrip(t, raw, ref, hints)
	})
}

// What FuzzDecode starts from, beside testdata, whose names say what they are.
func TestFuzzSeeds(t *testing.T) {
	old := text(13, 300)
	raw := edit(14, old, 20)
	hints := []align.Hint{{At: 0, Ref: 0, Tape: 5000, File: 6000}, {At: 40, Ref: 50, RefLo: 25, Tape: 9000, File: 8000}}
	data := encode(t, raw, old, hints)
	got := make([]byte, len(raw))
	if err := Decode(got, data, old, hints, nil); err != nil || !bytes.Equal(got, raw) {
		t.Error(err)
	}
	if dir := os.Getenv("FUZZ_SEEDS"); dir != "" {
		write := func(name string, data, ref []byte, n, at, to uint16) {
			s := fmt.Sprintf("go test fuzz v1\n[]byte(%q)\n[]byte(%q)\nuint16(%d)\nuint16(%d)\nuint16(%d)\n", data, ref, n, at, to)
			if err := os.WriteFile(filepath.Join(dir, name), []byte(s), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		n := uint16(len(raw))
		write("good", data, old, n, 40, 50)
		write("hostile-cut", data[:len(data)/2], old, n, 40, 50)
		write("hostile-longer", append(bytes.Clone(data), 1), old, n, 40, 50)
		write("hostile-other-hint", data, old, n, 41, 0)
		write("hostile-other-reference", data, old[1:], n, 40, 50)
		write("hostile-no-reference", data, nil, n, 40, 50)
		write("hostile-reference-ends", data, old[:30], n, 40, 29)
		write("hostile-noise", noise(1, 60), old, 60000, 40, 50)
		write("hostile-state-with-a-zero-on-top", []byte{1, 0}, old, n, 40, 50)
		write("nothing", nil, nil, 0, 0, 0)
	}
}

func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, ref []byte, n uint16, at, to uint16) {
		hints := []align.Hint{{At: 0, Ref: 0, Tape: 5000, File: 6000}, {At: int(at), Ref: int(to), RefLo: int(to / 2), Tape: 9000, File: 8000}}
		raw := make([]byte, n)
		if Decode(raw, data, ref, hints, nil) == nil {
			again := make([]byte, n)
			if err := Decode(again, data, ref, hints, nil); err != nil || !bytes.Equal(raw, again) {
				t.Error("the same data gave other bytes the second time")
			}
		}
	})
}

func Benchmark(b *testing.B) {
	code, now := moved(17)
	old := text(18, 1<<20)
	for _, c := range []struct {
		name     string
		raw, ref []byte
	}{
		{"edited text", edit(19, old, 200), old},
		{"moved code", now, code},
		{"new text", old[:1<<18], nil},
		{"noise", noise(20, 1<<18), nil},
	} {
		data := encode(b, c.raw, c.ref, whole(c.ref))
		ratio := float64(len(c.raw)) / float64(len(data))
		b.Run("encode/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.raw)))
			b.ReportAllocs()
			for b.Loop() {
				encode(b, c.raw, c.ref, whole(c.ref))
			}
			b.ReportMetric(float64(len(c.raw))/float64(len(data)), "ratio")
		})
		raw := make([]byte, len(c.raw))
		b.Run("decode/"+c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.raw)))
			b.ReportAllocs()
			for b.Loop() {
				if err := Decode(raw, data, c.ref, whole(c.ref), nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(ratio, "ratio")
		})
	}
}

// Rows that are numbered anew: what all numbers have become higher by is said about once.
func TestDecimalNumbers(t *testing.T) {
	rows := func(id int, skip int) (b []byte) {
		for i := range 2000 {
			if i == skip {
				continue
			}
			b = fmt.Appendf(b, "(%d,%d,'%x')\n", id, i%7, i*i*i)
			id++
		}
		return b
	}
	ref, raw := rows(1000, 200), rows(1000, 5000)
	out := encode(t, raw, ref, []align.Hint{{}})
	got := make([]byte, len(raw))
	if err := Decode(got, out, ref, []align.Hint{{}}, nil); err != nil || !bytes.Equal(got, raw) {
		t.Fatal(err)
	}
	t.Logf("%d of %d bytes", len(out), len(raw))
	if len(out) > 400 {
		t.Errorf("%d rows with new numbers take %d bytes", 1800, len(out))
	}
}

// Where the reference ends, nothing is expected until the next turn, also if the text goes on like its own begin.
func TestReferenceEnds(t *testing.T) {
	rows := func(n int) (b []byte) { // of which twelve bytes are as those of other rows
		for i := range n {
			b = append(append(b, noise(uint64(i), 4)...), "the same row"...)
		}
		return b
	}
	old := noise(1, 30000)
	for _, c := range []struct {
		name     string
		raw, ref []byte
		most     int
	}{
		{"the reference, twice", append(bytes.Clone(old), old...), old, 100},
		{"rows", rows(3000), rows(100), 13000},
	} {
		n := roundTrip(t, c.raw, c.ref, whole(c.ref))
		t.Logf("%s: %d bytes take %d", c.name, len(c.raw), n)
		if n > c.most {
			t.Errorf("%s: %d bytes take %d, want at most %d", c.name, len(c.raw), n, c.most)
		}
	}
}

// A turn where numbers are foreseen waits for the next byte that is not, in whatever stretch that is; but not behind a hint.
func TestTurnsThatWait(t *testing.T) {
	letters := func(seed uint64, n int) []byte {
		b := noise(seed, n)
		for i, c := range b {
			b[i] = 'a' + c%26
		}
		return b
	}
	const was, is = ";1001;1002;1003;1004", ";1112;1113;1114;1115"
	begin, one, other := letters(1, 6000), append([]byte(is[1:]), letters(2, 30000)...), letters(3, 30000)
	copy(begin[100:], ";1000!")
	for _, c := range []struct {
		name string
		at   int // where the numbers end
		then []byte
		hint bool
	}{
		{"at the end of a stretch", mostStretch, one[len(is)-1:], false},
		{"before a hint", 2000, other, true},
		{"at the end of a stretch, before a hint", mostStretch, other, true},
	} {
		old := bytes.Clone(begin)
		copy(old[c.at-len(was):], was)
		raw := bytes.Clone(old[:c.at])
		copy(raw[100:], ";1111!")
		copy(raw[c.at-len(is):], is)
		hints := []align.Hint{{}}
		if c.hint {
			hints = append(hints, align.Hint{At: c.at, Ref: len(begin) + len(one), File: uint64(c.at), Tape: uint64(len(begin) + len(one))})
		}
		raw = append(raw, c.then...)
		raw[c.at+100] = '!'
		if n := roundTrip(t, raw, bytes.Join([][]byte{old, one, other}, nil), hints); n > 200 {
			t.Errorf("%s: %d bytes take %d", c.name, len(raw), n)
		}
	}
}

// A number that has moved as the one before it, or as the model knows, is foreseen; one that has moved otherwise or by little is not.
func TestForeseen(t *testing.T) {
	var ref, raw []byte
	for _, n := range []struct{ old, by uint32 }{{0x10000, 0x4321}, {0x24000, 0x4321}, {0x38000, 0x5678}, {0x50000, 3}, {0x60000, 3}, {0x70000, 9}} {
		ref = binary.LittleEndian.AppendUint32(ref, n.old)
		raw = binary.LittleEndian.AppendUint32(raw, n.old+n.by)
	}
	hints := []align.Hint{{Tape: 1 << 20, File: 1 << 20}}
	var m model
	m.reset(raw, ref, hints)
	m.fields[1].moves[0][hash32(0x70000, moveBits)] = move{0x70000, 9}
	var p parser
	p.reset(raw, ref, hints, &m, new(prices))
	p.takeHints()
	s := &p.paths[0]
	for i, want := range []bool{false, true, false, false, false, true} {
		pos := p.ref + 4*i
		if got := p.foreseen(s, pos); got != want {
			t.Errorf("number %d: foreseen %v, want %v", i, got, want)
		}
		if want && !p.foreseen(s, pos+3) {
			t.Errorf("number %d: its last byte is not foreseen", i)
		}
	}
	p.turn(s, 4) // within raw nothing is known of places
	if p.foreseen(s, p.ref+4) {
		t.Error("foreseen without a place")
	}
}
