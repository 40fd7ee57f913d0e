package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

// dictnetTool is this project's program with one profile.
func dictnetTool(profile string) tool {
	dir := func(w *work) string {
		if w.kind == scale {
			return filepath.Join(w.disk, "scale-home")
		}
		return w.in("home")
	}
	home := func(w *work) string { return "--home=" + dir(w) }
	encode := func(w *work, out string, withDict bool) command {
		argv := []string{w.dictnet, "encode", w.new, "-o", out, "--profile", profile, "-q", home(w)}
		if withDict {
			argv = append(argv, "-d", "d")
		}
		return cmd(argv...)
	}
	return tool{
		name: "dictnet " + profile, kinds: []kind{update, held, plain, series, large, scale}, dictnet: true,
		skip: func(c testCase) bool {
			return c.kind == scale && profile != "default" || c.kind == large && profile == "max"
		},
		prepare: func(w *work) (usage, error) {
			if w.old == "" {
				return usage{}, nil
			}
			build := cmd(w.dictnet, "build", w.old, "-o", "d", "-q", home(w))
			if w.kind == scale {
				if err := os.RemoveAll(dir(w)); err != nil {
					return usage{}, err
				}
				build.argv[2], build.feed = "-", tenGigabytes(w.old)
			}
			u, err := run(build)
			if err != nil {
				return u, err
			}
			// The first encode derives the dictionary's index, which is kept: it belongs to what is done once.
			empty := w.in("empty")
			if err := os.WriteFile(empty, []byte("x"), 0o666); err != nil {
				return u, err
			}
			c := encode(w, w.in("first"), true)
			c.argv[2] = empty
			v, err := run(c)
			u.add(v)
			return u, err
		},
		encode: func(w *work) []command { return []command{encode(w, w.packed, w.old != "")} },
		decode: func(w *work) []command {
			return []command{cmd(w.dictnet, "decode", w.packed, "-o", w.back, "-q", "--offline", home(w))}
		},
		more: func(w *work, m *measurement) error {
			if w.old == "" {
				return nil
			}
			o, err := openTemplate(context.Background(), dir(w), w.packed)
			if err != nil {
				return err
			}
			defer o.Close()
			notes, err := o.notesTouched()
			if err != nil {
				return err
			}
			m.Sizes.Cold = m.Sizes.Warm + notes
			if m.Share, err = o.share(); err != nil {
				return err
			}
			switch w.kind {
			case scale:
				return os.RemoveAll(dir(w))
			case large:
				m.Reads, err = o.randomReads(4<<10, 2000)
				return err
			}
			if profile == "max" {
				return nil // what that makes of a file alone is what the ordinary files are for; here it would take too long
			}
			out := w.in("alone")
			if _, err := run(encode(w, out, false)); err != nil {
				return err
			}
			m.Sizes.SelfContained, err = fileSize(out)
			return err
		},
	}
}

// tenGigabytes writes a file, and random bytes until there are 10 GB.
func tenGigabytes(file string) func(io.Writer) error {
	return func(w io.Writer) error {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		n, err := io.Copy(w, f)
		if err != nil {
			return err
		}
		_, err = io.CopyN(w, rand.NewChaCha8([32]byte{}), 10e9-n)
		return err
	}
}

// opened is a template with its dictionary, in this process.
type opened struct {
	store  *store.Store
	client *dictnet.Client
	file   *os.File
	tape   *dictnet.Tape
	*codec.Reader
}

func openTemplate(ctx context.Context, home, template string) (o *opened, err error) {
	o = new(opened)
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	if o.store, err = store.Open(home, store.Options{ReadOnly: true, UnpackedSize: store.DefaultUnpackedSize}); err != nil {
		return o, err
	}
	o.client = dictnet.NewClient(dictnet.Options{Store: o.store})
	if o.file, err = os.Open(template); err != nil {
		return o, err
	}
	st, err := o.file.Stat()
	if err != nil {
		return o, err
	}
	o.Reader, err = codec.NewReaderAt(ctx, o.file, st.Size(), func(ctx context.Context, name codec.DictionaryName) (codec.Tape, error) {
		t, err := o.client.OpenNamed(ctx, name)
		o.tape = t
		return t, err
	})
	return o, err
}

func (o *opened) Close() {
	if o.file != nil {
		o.file.Close()
	}
	if o.client != nil {
		o.client.Close()
	}
	if o.store != nil {
		o.store.Close()
	}
}

// notesTouched adds up the stored bytes of the notes that the template needs: what one fetches who holds none.
func (o *opened) notesTouched() (int64, error) {
	if o.tape == nil {
		return 0, nil
	}
	ctx := context.Background()
	var total int64
	seen := map[uint64]bool{}
	for s, err := range o.Wanted() {
		if err != nil {
			return 0, err
		}
		for pos := s.Pos; pos < s.Pos+s.Len; {
			n, err := o.tape.Manifest().Locate(ctx, pos)
			if err != nil {
				return 0, err
			}
			if !seen[n.Index] {
				seen[n.Index] = true
				block, err := o.store.Get(ctx, n.CID)
				if err != nil {
					return 0, err
				}
				total += int64(len(block))
			}
			pos = n.Start + uint64(n.RawLen)
		}
	}
	return total, nil
}

// share is how much of the file plays from the dictionary, of 1.
func (o *opened) share() (float64, error) {
	st, err := o.file.Stat()
	if err != nil {
		return 0, err
	}
	info, err := codec.Inspect(context.Background(), o.file, st.Size())
	if err != nil {
		return 0, err
	}
	return float64(info.TapeBytes) / float64(max(o.Size(), 1)), nil
}

// reads are times of random reads, in seconds.
type reads struct {
	Count  int     `json:"count"`
	Bytes  int     `json:"bytes"` // each
	First  float64 `json:"first"`
	Median float64 `json:"median"`
	P99    float64 `json:"p99"`
}

// randomReads reads size bytes at count places, one after another.
func (o *opened) randomReads(size, count int) (*reads, error) {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, size)
	var took []float64
	for range count {
		off := r.Int64N(o.Size() - int64(size))
		start := time.Now()
		if _, err := o.ReadAt(b, off); err != nil {
			return nil, fmt.Errorf("read at %d: %w", off, err)
		}
		took = append(took, time.Since(start).Seconds())
	}
	first := took[0]
	slices.Sort(took)
	return &reads{count, size, first, median(took), took[count*99/100]}, nil
}

// dictnetVersion describes the program by the commit it was built from.
func dictnetVersion() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
