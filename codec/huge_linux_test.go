package codec

import (
	"cmp"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/merkle"
)

// hugeTape is as many notes of noise as are wanted, each made when it is opened.
type hugeTape struct{ notes uint64 }

const hugeNote = 128 << 10

func (t hugeTape) Size() uint64 { return t.notes * hugeNote }

func (t hugeTape) NoteAt(_ context.Context, pos uint64) (uint64, []byte, error) {
	i := pos / hugeNote
	raw := make([]byte, hugeNote)
	rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}).Read(raw)
	return i * hugeNote, raw, nil
}

func (t hugeTape) Locate(_ context.Context, pos uint64) (Span, error) {
	return Span{pos / hugeNote * hugeNote, hugeNote}, nil
}

func (t hugeTape) Ref() DictionaryRef {
	return DictionaryRef{Manifest: cid.MustParse("bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"), Version: merkle.Version{Size: t.notes, Root: merkle.Hash{1}}}
}

// mostResident is the largest resident set since forgetResident, in MiB.
func mostResident(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, line, _ := strings.Cut(string(text), "VmHWM:")
	kb, err := strconv.ParseFloat(strings.Fields(line)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}

func forgetResident() {
	debug.FreeOSMemory()
	os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // where that is not allowed, what was needed before counts as well
}

// Encoding 64 MiB, nine tenths of which are on the tape, against a tape of DICTNET_BENCH_TAPE GB (1 if not set): memory, and what the index takes. The tape itself
// takes nothing, and opening its notes little.
func BenchmarkHugeTape(b *testing.B) {
	gigabytes, err := strconv.ParseFloat(cmp.Or(os.Getenv("DICTNET_BENCH_TAPE"), "1"), 64)
	if err != nil {
		b.Fatal(err)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // as the program has it
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(200 << 20))
	tape := hugeTape{uint64(gigabytes * 1e9 / hugeNote)}
	dir := b.TempDir()
	input, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer input.Close()
	r := rand.New(rand.NewPCG(1, 2))
	size := 0
	for size < 64<<20 {
		note := r.Uint64N(tape.notes - 8)
		_, raw, _ := tape.NoteAt(b.Context(), note*hugeNote)
		if r.IntN(10) == 0 { // with changes
			for at := 0; at < len(raw); at += 20 + r.IntN(100) {
				raw[at]++
			}
		}
		n, err := input.Write(raw[r.IntN(1000):])
		if err != nil {
			b.Fatal(err)
		}
		size += n
	}
	file, err := os.Create(filepath.Join(dir, "index"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	forgetResident()
	start := time.Now()
	if err := BuildIndex(b.Context(), tape, DefaultChunkSize, file); err != nil {
		b.Fatal(err)
	}
	building := time.Since(start).Seconds()
	b.Logf("index of %.1f GB: made in %.1f s, %.0f MiB resident", gigabytes, building, mostResident(b))
	st, err := file.Stat()
	if err != nil {
		b.Fatal(err)
	}
	forgetResident()
	start = time.Now()
	index, err := OpenIndex(file, st.Size())
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("%.1f MiB of index, opened in %.3f s", float64(st.Size())/(1<<20), time.Since(start).Seconds())
	ref := tape.Ref()
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := input.Seek(0, io.SeekStart); err != nil {
			b.Fatal(err)
		}
		stats, err := Encode(b.Context(), io.Discard, input, EncodeOptions{Dictionary: &ref, Tape: tape, Index: index})
		if err != nil {
			b.Fatal(err)
		}
		if stats.Tape < int64(size)*8/10 {
			b.Fatalf("%+v", stats)
		}
	}
	b.ReportMetric(mostResident(b), "MiB-resident")
}
