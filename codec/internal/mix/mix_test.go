package mix

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dictnet/codec/internal/align"
)

func noise(n int, seed uint64) []byte {
	b := make([]byte, n+8)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	return b[:n]
}

func roundTrip(t *testing.T, raw, ref []byte, hints []align.Hint) int {
	t.Helper()
	data, err := Encode(t.Context(), []byte("before"), raw, ref, hints)
	if err != nil || !bytes.HasPrefix(data, []byte("before")) {
		t.Fatal("what stood before is gone", err)
	}
	data = data[len("before"):]
	got := make([]byte, len(raw))
	if err := Decode(t.Context(), got, data, ref, hints, nil); err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("%d bytes in %d: %v", len(raw), len(data), err)
	}
	return len(data)
}

func TestRoundTrip(t *testing.T) {
	ref := noise(3000, 1)
	for _, n := range []int{0, 1, 2, 3, 7, 8, 9, 100, 2500} {
		roundTrip(t, noise(n, 2), nil, nil)
		roundTrip(t, make([]byte, n), nil, nil)
		roundTrip(t, noise(n, 2), ref, []align.Hint{{At: 0, Ref: 0}})
		roundTrip(t, ref[:n], ref, []align.Hint{{At: n / 2, Ref: n / 2, Tape: 1 << 40, File: 7}, {At: n, Ref: len(ref) - 1}})
	}
}

// What stands in the reference costs next to nothing, also where single bytes differ.
func TestAlignedIsCheap(t *testing.T) {
	ref := noise(30000, 1)
	raw := bytes.Clone(ref)
	same := roundTrip(t, raw, ref, []align.Hint{{}})
	for i := 100; i < len(raw); i += 1000 {
		raw[i] ^= 0x55
	}
	changed := roundTrip(t, raw, ref, []align.Hint{{}})
	if same > 100 || changed > same+100*4 {
		t.Errorf("%d bytes if the same, %d if every thousandth differs", same, changed)
	}
}

// Where numbers point to places that have moved, and it is known how far, they cost little; without places they do not.
func TestMovedPlacesAreForeseen(t *testing.T) {
	const n, gap = 1500, 24 // calls, one every 24 bytes
	r := rand.New(rand.NewPCG(3, 4))
	moved := func(place int) int { return place + place/(16<<10)*52 }
	size := n * gap
	ref := noise(size, 5)
	raw := make([]byte, 0, size+1000)
	var hints []align.Hint
	for i := range n {
		at := i * gap
		target := r.IntN(size)
		binary.LittleEndian.PutUint32(ref[at+4:], uint32(target-(at+8)))
		if len(hints) == 0 || moved(at)-at != hints[len(hints)-1].At-hints[len(hints)-1].Ref {
			raw = append(raw, noise(moved(at)-len(raw), 9)...)
			hints = append(hints, align.Hint{At: len(raw), Ref: at, File: uint64(len(raw)), Tape: uint64(at)})
		}
		raw = append(raw, ref[at:at+gap]...)
		binary.LittleEndian.PutUint32(raw[moved(at)+4:], uint32(moved(target)-(moved(at)+8)))
	}
	known := roundTrip(t, raw, ref, hints)
	for i := range hints {
		hints[i].File = hints[i].Tape // as if nothing had moved
	}
	if unknown := roundTrip(t, raw, ref, hints); 3*known > 2*unknown {
		t.Errorf("%d numbers take %d bytes where it is known what has moved, else %d", n, known, unknown)
	}
}

// The tables are the same on every machine, and nothing but integers went into them.
func TestLogistic(t *testing.T) {
	for x := int32(-limit); x <= limit; x++ {
		want := 65536 / (1 + math.Exp(-float64(x)/256))
		if got := float64(squash(x)); math.Abs(got-want) > 1.5 {
			t.Fatalf("squash(%d) is %v, want %v", x, got, want)
		}
	}
	for p := int32(8); p < 65536; p += 16 {
		if x := stretch(p); x < limit && squash(x) < p&^15 || x > -limit && squash(x-1) >= p|15 {
			t.Fatalf("stretch(%d) is %d", p, x)
		}
	}
}

func TestHistories(t *testing.T) {
	if n := len(histories); n < 200 || n > 256 {
		t.Fatalf("%d histories", n)
	}
	for i, c := range histories {
		for bit := range uint8(2) {
			next := histories[following[i][bit]]
			if next.last != bit || next.n[bit] == 0 || next.n[bit] > c.n[bit]+1 || next.n[1-bit] > c.n[1-bit] {
				t.Errorf("%+v and %d makes %+v", c, bit, next)
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	raw := bytes.Repeat([]byte("some words that are coded. "), 40)
	data, err := Encode(t.Context(), nil, raw, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(raw))
	for name, bad := range map[string][]byte{
		"longer": append(bytes.Clone(data), 1, 2, 3, 4, 5, 6),
		"cut":    data[:len(data)/2],
		"empty":  nil,
		"ones":   bytes.Repeat([]byte{255}, 4000),
	} {
		if err := Decode(t.Context(), got, bad, nil, nil, nil); err == nil && !bytes.Equal(got, raw) {
			t.Logf("%s: other bytes, which a checksum has to find", name)
		} else if err == nil {
			t.Errorf("%s: taken for whole", name)
		}
	}
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

// What takes long ends in the middle when nobody waits for it any more.
func TestEnds(t *testing.T) {
	raw := bytes.Repeat([]byte("some words that are coded. "), 5*untilAsked/27)
	data, err := Encode(t.Context(), nil, raw, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		if _, err := Encode(&endsSoon{t.Context(), n}, nil, raw, nil, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("encode: %v", err)
		}
		if err := Decode(&endsSoon{t.Context(), n}, make([]byte, len(raw)), data, nil, nil, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("decode: %v", err)
		}
	}
}

// A diagonal may turn to every place of the reference, and to no other.
func TestTurns(t *testing.T) {
	ref := noise(5000, 1)
	for _, to := range []int{0, 1, 2500, len(ref) - 1} {
		m := newModel(ref, 100, []align.Hint{{Ref: 2000}}, 20)
		e := newEncoder(nil)
		if !m.mayTurn() || !m.turns(e.coder, true) || m.turn(e.coder, to) != to || m.follower.Ptr != to {
			t.Fatalf("not at %d, but at %d", to, m.follower.Ptr)
		}
		m = newModel(ref, 100, []align.Hint{{Ref: 2000}}, 20)
		d := newDecoder(e.flush())
		if !m.mayTurn() || !m.turns(d.coder, false) || m.turn(d.coder, 0) != to || m.follower.Ptr != to {
			t.Fatalf("not at %d, but at %d", to, m.follower.Ptr)
		}
	}
	// Zeros are ones to the coder: a turn, as far as can be.
	got := make([]byte, 100)
	if err := Decode(t.Context(), got, append([]byte{20}, make([]byte, 50)...), ref, []align.Hint{{Ref: 2000}}, nil); err == nil || !strings.Contains(err.Error(), "byte 0 of 100: the diagonal goes on at") {
		t.Errorf("a diagonal far beyond the reference: %v", err)
	}
}

// Where bytes are inserted or removed, the diagonal follows at the cost of a few bytes.
func TestTurnsAreCheap(t *testing.T) {
	ref := noise(30000, 1)
	for i := range ref {
		if i%4 == 0 {
			ref[i] = 0
		}
	}
	plain := bytes.Clone(ref)
	for i := range plain {
		if i%4 == 0 {
			plain[i] = byte(i >> 2) // so that nothing matches
		}
	}
	turned := slices.Concat(plain[:10000], plain[10007:20000], noise(7, 2), plain[20000:])
	a, b := roundTrip(t, plain, ref, []align.Hint{{}}), roundTrip(t, turned, ref, []align.Hint{{}})
	if b > a+60 {
		t.Errorf("%d bytes along one diagonal, %d along three", a, b)
	}
}

// Rows of a table in which all numbers have moved look alike; behind others that came or went, the diagonal goes on at the same ones.
func TestRowsThatMoved(t *testing.T) {
	const n = 4000
	r := rand.New(rand.NewPCG(5, 6))
	var ref, moved []byte
	at := uint64(0x25c0000)
	for range n {
		at += 8 << r.IntN(3)
		to := 0x100000 + uint64(r.IntN(1<<20))*8
		ref = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(ref, at), to)
		moved = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(moved, at+0x3410), to+0x1230)
	}
	hints := []align.Hint{{}}
	all, some := roundTrip(t, moved, ref, hints), roundTrip(t, slices.Concat(moved[:16000], moved[48000:]), ref, hints)
	if some > all+250 {
		t.Errorf("%d bytes for all rows, %d for some of them", all, some)
	}
}

func FuzzDecode(f *testing.F) {
	raw := []byte("a block of words, a block of words, another block of words")
	ref := []byte("the block of words that was here before, with other words")
	data, err := Encode(f.Context(), nil, raw, ref, []align.Hint{{Ref: 3}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, ref, len(raw), 0, 3)
	f.Add([]byte{}, []byte{}, 100, 0, 0)
	f.Add([]byte{255, 255, 255, 255}, ref, 1000, 5, 50)
	f.Fuzz(func(t *testing.T, data, ref []byte, n, at, to int) {
		if n < 0 || n > 1<<12 || at < 0 || to < 0 || to >= len(ref) || at > n {
			return
		}
		hints := []align.Hint{{At: at, Ref: to, Tape: uint64(to), File: uint64(at)}}
		got := make([]byte, n)
		if Decode(t.Context(), got, data, ref, hints, nil) != nil {
			return
		}
		roundTrip(t, got, ref, hints)
	})
}
