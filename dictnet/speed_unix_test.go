//go:build unix

package dictnet

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"dictnet/codec"
	"dictnet/dictnet/store"
)

// heldFile is a file that a dictionary in a real store holds whole, with its template. The file is what DICTNET_BENCH_FILE names, else
// 64 MiB of made-up text; its dictionary is built anew, unless DICTNET_BENCH_HOME names a home that has it as dictionary d.
type heldFile struct {
	path     string
	size     int64
	template []byte
	tape     *Tape
	options  codec.EncodeOptions
}

var held = sync.OnceValues(func() (*heldFile, error) {
	ctx := context.Background()
	h := &heldFile{path: os.Getenv("DICTNET_BENCH_FILE")}
	if h.path == "" {
		f, err := os.CreateTemp("", "dictnet-bench-*")
		if err != nil {
			return nil, err
		}
		defer f.Close()
		h.path = f.Name()
		if _, err := f.Write(madeText(64 << 20)); err != nil {
			return nil, err
		}
	}
	st, err := os.Stat(h.path)
	if err != nil {
		return nil, err
	}
	h.size = st.Size()
	home := os.Getenv("DICTNET_BENCH_HOME")
	if home == "" {
		if home, err = os.MkdirTemp("", "dictnet-bench-*"); err != nil {
			return nil, err
		}
		if err := buildHeld(ctx, home, h.path); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(home, store.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	d, err := s.Dictionary("d")
	if err != nil {
		return nil, err
	}
	if h.tape, err = NewClient(Options{Store: s}).Open(ctx, d.Current); err != nil {
		return nil, err
	}
	var index bytes.Buffer
	if err := codec.BuildIndex(ctx, h.tape, codec.DefaultChunkSize, &index); err != nil {
		return nil, err
	}
	h.options = codec.EncodeOptions{Dictionary: &d.Current, Tape: h.tape}
	if h.options.Index, err = codec.OpenIndex(bytes.NewReader(index.Bytes()), int64(index.Len())); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = h.encode(ctx, &out)
	h.template = out.Bytes()
	return h, err
})

func buildHeld(ctx context.Context, home, path string) error {
	s, err := store.Open(home, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	e, err := NewPublisher(s).Extend(ctx, "d")
	if err != nil {
		return err
	}
	b, err := codec.NewBuilder(ctx, e.Add, codec.BuildOptions{})
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := b.Add(f); err != nil {
		return err
	}
	if err := b.Close(); err != nil {
		return err
	}
	_, err = e.Commit()
	return err
}

// madeText is n bytes of words, about as compressible as source text.
func madeText(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 5000)
	for i := range words {
		w := make([]byte, 2+r.IntN(9))
		for j := range w {
			w[j] = "etaoinshrdlucmfw"[min(r.IntN(16), r.IntN(16))]
		}
		words[i] = append(w, " \n.(,"[r.IntN(5)])
	}
	b := make([]byte, 0, n+16)
	for len(b) < n {
		if k := r.IntN(8); k == 0 && len(b) > 200 { // again what stood a little before
			at := len(b) - 1 - r.IntN(min(len(b)-100, 60000))
			b = append(b, b[at:min(at+20+r.IntN(60), len(b))]...)
			continue
		}
		b = append(b, words[min(r.IntN(5000), r.IntN(5000))]...)
	}
	return b[:n]
}

func (h *heldFile) encode(ctx context.Context, dst io.Writer) error {
	f, err := os.Open(h.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = codec.Encode(ctx, dst, f, h.options)
	return err
}

func (h *heldFile) open(ctx context.Context) (*codec.Reader, error) {
	return codec.NewReaderAt(ctx, bytes.NewReader(h.template), int64(len(h.template)), func(context.Context, codec.DictionaryName) (codec.Tape, error) { return h.tape, nil })
}

// cpuTime is what this process has computed so far, on all cores: what tells more than the clock where others compute as well.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Encoding a file that the dictionary holds whole.
func BenchmarkEncodeHeld(b *testing.B) {
	h, err := held()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(h.size)
	start := cpuTime(b)
	for b.Loop() {
		if err := h.encode(b.Context(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpuTime(b)-start).Seconds()/float64(b.N)/float64(h.size)*1e9, "cpu-s/GB")
}

// Decoding a file that the dictionary holds whole.
func BenchmarkDecodeHeld(b *testing.B) {
	h, err := held()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(h.size)
	start := cpuTime(b)
	for b.Loop() {
		r, err := h.open(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if n, err := r.WriteTo(io.Discard); n != h.size || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric((cpuTime(b)-start).Seconds()/float64(b.N)/float64(h.size)*1e9, "cpu-s/GB")
}

// Reading 4 KiB at random places of a file that the dictionary holds whole: one operation is 1,000 reads of a reader that has been opened once.
func BenchmarkReadHeld(b *testing.B) {
	h, err := held()
	if err != nil {
		b.Fatal(err)
	}
	r, err := h.open(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	buf := make([]byte, 4<<10)
	var took []float64 // milliseconds
	for b.Loop() {
		for range 1000 {
			off := rnd.Int64N(h.size - int64(len(buf)))
			start := time.Now()
			if _, err := r.ReadAt(buf, off); err != nil {
				b.Fatal(err)
			}
			took = append(took, float64(time.Since(start))/1e6)
		}
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms-median")
	b.ReportMetric(took[len(took)*99/100], "ms-99%")
}
