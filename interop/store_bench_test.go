//go:build interop

package interop

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	"github.com/multiformats/go-multihash"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
	"dictnet/merkle/sha256x2"
)

// TestMain: the test binary is also the process that stores a file.
func TestMain(m *testing.M) {
	if home := os.Getenv("INTEROP_STORE_HOME"); home != "" {
		if err := storeFile(context.Background(), home, os.Getenv("INTEROP_STORE_FILE"), os.Getenv("INTEROP_STORE_SYNC") != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// storedBlock is the size of the blocks that BenchmarkStore stores, in bytes.
const storedBlock = 128 << 10

// storeFile does what `ipfs add --raw-leaves --chunker=size-131072` does: cuts a file into blocks, names them, stores them, writes the tree of
// their names, and pins its root. Without commit it leaves the tree and the pin, and so the sync, out.
func storeFile(ctx context.Context, home, path string, commit bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s, err := store.Open(home, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	names := make([]cid.Cid, info.Size()/storedBlock)
	// Some read and name, two blocks at a time, and one stores, so that nobody waits for the store's lock.
	type pair struct {
		first int // number of the first block
		data  []byte
	}
	const ahead = 16
	free, named := make(chan []byte, ahead), make(chan pair, ahead)
	for range ahead {
		free <- make([]byte, 2*storedBlock)
	}
	g, gctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	var naming sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		naming.Add(1)
		g.Go(func() error {
			defer naming.Done()
			for {
				i := 2 * int(next.Add(1)-1)
				if i >= len(names) {
					return nil
				}
				p := pair{first: i}
				select {
				case p.data = <-free:
				case <-gctx.Done():
					return gctx.Err()
				}
				if _, err := f.ReadAt(p.data, int64(i)*storedBlock); err != nil {
					return err
				}
				x, y := sha256x2.Sum(p.data[:storedBlock], p.data[storedBlock:])
				for n, sum := range [][]byte{x[:], y[:]} {
					hash, err := multihash.Encode(sum, multihash.SHA2_256)
					if err != nil {
						return err
					}
					names[i+n] = cid.NewCidV1(cid.Raw, hash)
				}
				named <- p // has room for all there are
			}
		})
	}
	g.Go(func() error { naming.Wait(); close(named); return nil })
	g.Go(func() error {
		for p := range named {
			for n := range 2 {
				if err := s.PutChecked(gctx, names[p.first+n], p.data[n*storedBlock:][:storedBlock]); err != nil {
					return err
				}
			}
			free <- p.data
		}
		return nil
	})
	if err := g.Wait(); err != nil || !commit {
		return err
	}
	ref, err := manifest.Append(ctx, s, cid.Undef, func(yield func(manifest.Note, error) bool) {
		for _, c := range names {
			if !yield(manifest.Note{CID: c, RawLen: storedBlock}, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if err := s.SetDictionary(ctx, store.Dictionary{Name: "d", Current: ref}); err != nil {
		return err
	}
	fmt.Println(names[0])
	return s.Pin(ctx, ref.Manifest, "d")
}

// BenchmarkStore stores a GiB that does not compress, as the same 8,192 blocks in both: Kubo by `add`, offline, with the store and the settings
// that `init` makes; we by storeFile. Kubo does not sync; we do, so both are also measured the other way. Beside them: the disk's own
// speed; `build`, which cuts by content, matches and compresses besides; CARs. Once on the disk and once in memory (/dev/shm), each three
// times by turns; what is reported is the median. x-cpu compares what both take of the processors, which depends less on what else runs.
func BenchmarkStore(b *testing.B) {
	for _, where := range []string{"disk", "memory"} {
		b.Run(where, func(b *testing.B) {
			for range b.N {
				benchmarkStore(b, where)
			}
		})
	}
}

func benchmarkStore(b *testing.B, where string) {
	const rounds = 3
	x := newBench(b)
	if where == "memory" {
		dir, err := os.MkdirTemp("/dev/shm", "store-*")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { os.RemoveAll(dir) })
		x.dir = dir
	}
	x.sample()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	fresh := func(name string) string {
		if err := os.RemoveAll(x.path(name)); err != nil {
			b.Fatal(err)
		}
		unix.Sync()
		return x.path(name)
	}
	var spent time.Duration // of the processors, by what was run last
	run := func(program string, env []string, args ...string) (time.Duration, string) {
		path, err := filepath.Abs(program)
		if err != nil {
			b.Fatal(err)
		}
		cmd := exec.Command(path, args...)
		cmd.Dir, cmd.Env, cmd.Stderr = x.dir, append(os.Environ(), env...), os.Stderr
		begin := time.Now()
		out, err := cmd.Output()
		took := time.Since(begin)
		if err != nil {
			b.Fatalf("%s %v: %v", program, args, err)
		}
		spent = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		return took, string(out)
	}
	ours := func(commit string) (time.Duration, string) {
		env := []string{"INTEROP_STORE_HOME=" + fresh("home"), "INTEROP_STORE_FILE=" + x.path("sample"), "INTEROP_STORE_SYNC=" + commit}
		took, out := run(self, env)
		return took, strings.TrimSpace(out)
	}
	var env []string
	kubo := func(round int) time.Duration {
		repo := fmt.Sprint("kubo", round)
		fresh(repo)
		env = x.kubo(repo)
		took, _ := run(kuboPath, env, "add", "--offline", "--raw-leaves", "--cid-version=1", fmt.Sprint("--chunker=size-", storedBlock), "--quieter", "--progress=false", "sample")
		return took
	}
	// emptied gives back what a repository takes, but keeps its files to the end: for minutes after thousands were removed, ext4 looks for their
	// inodes whenever it makes a file, and Kubo, which makes one for each block, takes several times as long.
	emptied := func(repo string) {
		err := filepath.WalkDir(x.path(repo), func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Type().IsRegular() {
				err = os.Truncate(path, 0)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		unix.Sync()
	}
	took := map[string][]time.Duration{}
	add := func(what string, d time.Duration) { took[what] = append(took[what], d) }
	for round := range rounds {
		d, first := ours("yes")
		add("dictnet-synced", d)
		add("cpu-dictnet-synced", spent)
		d = kubo(round)
		add("kubo", d)
		add("cpu-kubo", spent)
		if _, out := x.run(kuboPath, env, "block", "stat", "--offline", first); !bytes.Contains(out, []byte(fmt.Sprint("Size: ", storedBlock))) {
			b.Fatalf("Kubo does not have the same blocks: %s", out)
		}
		begin := time.Now()
		unix.Sync()
		add("kubo-synced", d+time.Since(begin))
		emptied(fmt.Sprint("kubo", round))
		d, _ = ours("")
		add("dictnet", d)
		fresh("home")
		add("write", x.write(fresh("written"), false))
		add("write-synced", x.write(fresh("written"), true))
		fresh("written")
	}
	for what, all := range took {
		slices.Sort(all)
		if b.Logf("%s %v", what, all); !strings.HasPrefix(what, "cpu") {
			x.report(all[rounds/2], "MB/s-"+what)
		}
	}
	ratio := func(name, theirs, ours string) {
		b.ReportMetric(took[theirs][rounds/2].Seconds()/took[ours][rounds/2].Seconds(), name)
	}
	ratio("x-as-they-are", "kubo", "dictnet-synced")
	ratio("x-both-synced", "kubo-synced", "dictnet-synced")
	ratio("x-none-synced", "kubo", "dictnet")
	ratio("x-cpu", "cpu-kubo", "cpu-dictnet-synced")
	_, build := x.dictionary("home")
	x.run(plainDictnet, nil, "publish", "d", "--no-chain", "--car", "d.car", "--home", "home")
	fresh("home")
	importing, _ := x.run(plainDictnet, nil, "pull", "d.car", "--as", "d", "--home", "home2")
	env = x.kubo("importing")
	dag, _ := x.run(kuboPath, env, "dag", "import", "--offline", "d.car")
	x.report(build, "MB/s-build")
	x.report(importing, "MB/s-pull-car")
	x.report(dag, "MB/s-kubo-import")
}

// write copies the sample to a file, and returns how long that took: as quick as a store can be that neither hashes nor names.
func (x *bench) write(path string, sync bool) time.Duration {
	x.b.Helper()
	in, err := os.Open(x.path("sample"))
	if err != nil {
		x.b.Fatal(err)
	}
	defer in.Close()
	begin := time.Now()
	out, err := os.Create(path)
	if err != nil {
		x.b.Fatal(err)
	}
	defer out.Close()
	if _, err = io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, 1<<20)); err == nil && sync {
		err = out.Sync()
	}
	if err != nil {
		x.b.Fatal(err)
	}
	return time.Since(begin)
}
