package zref

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// byOthers is a frame, without its magic number, that another encoder made.
func byOthers(t testing.TB, raw, prefix []byte, options ...zstd.EOption) []byte {
	t.Helper()
	e, err := zstd.NewWriter(nil, append(options, zstd.WithEncoderDictRaw(0, prefix))...)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	return e.EncodeAll(raw, nil)[len(Magic):]
}

// Frames of other encoders state their checksum, or have a window, or not; a checksum is that of the text alone.
func TestDecodeOthers(t *testing.T) {
	prefix := text(200<<10, 1)
	raw := edited(prefix, 100, 2)
	for _, level := range []zstd.EncoderLevel{zstd.SpeedFastest, zstd.SpeedBestCompression} {
		for _, sum := range []bool{false, true} {
			for _, single := range []bool{false, true} {
				frame := byOthers(t, raw, prefix, zstd.WithEncoderLevel(level), zstd.WithEncoderCRC(sum), zstd.WithSingleSegment(single))
				got, err := Decode(frame, prefix, len(raw))
				if err != nil || !bytes.Equal(got, raw) {
					t.Errorf("%v, checksum %v, one segment %v: %d of %d bytes, %v", level, sum, single, len(got), len(raw), err)
				}
				if sum {
					frame[len(frame)-1] ^= 1
					if _, err := Decode(frame, prefix, len(raw)); !errors.Is(err, zstd.ErrCRCMismatch) {
						t.Errorf("%v, one segment %v: with a false checksum: %v", level, single, err)
					}
				}
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	prefix := []byte("what stood there, and stood there before")
	raw := []byte("what stands there, and stood there before")
	frame := new(Encoder).Encode(raw, bytes.Clone(prefix), nil)
	long := noise(300<<10, 1)
	dictionary := bytes.Clone(frame)
	dictionary[0] |= 1 // one byte of a dictionary id comes before the size
	for _, c := range []struct {
		name   string
		frame  []byte
		prefix []byte
		n      int
	}{
		{"nothing", nil, prefix, 0},
		{"another size", frame, prefix, len(raw) + 1},
		{"a dictionary id", dictionary, prefix, len(raw)},
		{"cut in the header", frame[:1], prefix, len(raw)},
		{"cut in a block", frame[:len(frame)-1], prefix, len(raw)},
		{"something behind it", append(bytes.Clone(frame), 0), prefix, len(raw)},
		{"too short a prefix", new(Encoder).Encode(long, bytes.Clone(long), nil), long[1:], len(long)},
		{"no room for the checksum", append([]byte{frame[0] | 4}, frame[1], 0), prefix, len(raw)},
	} {
		if got, err := Decode(c.frame, c.prefix, c.n); err == nil {
			t.Errorf("%s: %d bytes, and no error", c.name, len(got))
		}
	}
}

// What Decode makes of a frame is what another decoder, that knows dictionaries, makes of it.
func FuzzDecode(f *testing.F) {
	for _, s := range samples()[:17] {
		raw, prefix := s.raw[:min(len(s.raw), 1000)], s.prefix[:min(len(s.prefix), 1000)]
		f.Add(new(Encoder).Encode(raw, bytes.Clone(prefix), nil), prefix, uint16(len(raw)))
	}
	words := text(2000, 1)
	f.Add(byOthers(f, words, words[500:], zstd.WithEncoderCRC(true)), words[500:], uint16(len(words)))
	f.Fuzz(func(t *testing.T, frame, prefix []byte, n uint16) {
		got, err := Decode(frame, prefix, int(n))
		if err == nil && len(got) != int(n) {
			t.Fatalf("%d bytes, want %d", len(got), n)
		}
		if err != nil {
			return
		}
		if want, err := decode(frame, prefix); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("other bytes than of another decoder, which has %d, %v", len(want), err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	prefix := noise(256<<10, 1)
	for _, every := range []int{8, 32, 256} {
		raw := edited(prefix, every, 2)
		frame := new(Encoder).Encode(raw, bytes.Clone(prefix), nil)
		b.Run(fmt.Sprint("edited every ", every), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := Decode(frame, prefix, len(raw)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("edited every %d, by dictionary", every), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := decode(frame, prefix); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
