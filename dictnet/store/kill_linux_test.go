package store

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet/manifest"
)

// The test binary is also the process that is killed or starved.
func TestMain(m *testing.M) {
	switch os.Getenv("STORE_TEST_ROLE") {
	case "writer":
		writeUntilKilled(0)
	case "evictor":
		writeUntilKilled(killedCache)
	case "full":
		fillDisk()
	case "starved":
		writeWithSmallFiles()
	default:
		os.Exit(m.Run())
	}
}

// killedCache is the limit of the evictor: a few dozen of its blocks.
const killedCache = 100_000

// writeUntilKilled extends the dictionary "d" by one note, again and again, and tells of each version when it is
// acknowledged. With a limit, it also puts blocks that nothing keeps, so that it is removing all the time.
func writeUntilKilled(limit int64) {
	ctx := context.Background()
	s, err := Open(os.Getenv("STORE_TEST_DIR"), Options{Command: "writer", CacheSize: limit})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	d, err := s.Dictionary("d")
	if err != nil && !errors.Is(err, ErrNoDictionary) {
		fmt.Println("error", err)
		os.Exit(1)
	}
	d.Name = "d"
	for i := d.Current.Size; ; {
		for n := range 20 * min(limit, 1) {
			data := []byte(noise(os.Getpid()<<20+int(i<<8)+int(n), 3000))
			if err := s.Put(ctx, mustName(data), data); err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
		}
		next, err := extend(ctx, s, d.Current.Manifest, noteText(i))
		if err == nil {
			named := d
			named.Current = next
			err = s.SetDictionary(ctx, named)
		}
		if limit > 0 && errors.Is(err, ErrMissing) {
			continue // removed before it had a name
		}
		i, d.Current = i+1, next
		if err == nil {
			err = s.Pin(ctx, next.Manifest, "d")
		}
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("done", next.Size)
	}
}

func noteText(i uint64) string { return strings.Repeat(fmt.Sprint("note ", i, " "), 1000) }

func extend(ctx context.Context, s *Store, base cid.Cid, raw string) (codec.DictionaryRef, error) {
	b, err := codec.SealNote([]byte(raw))
	if err != nil {
		return codec.DictionaryRef{}, err
	}
	if err := s.Put(ctx, b.CID, b.Data); err != nil {
		return codec.DictionaryRef{}, err
	}
	return manifest.Append(ctx, s, base, func(yield func(manifest.Note, error) bool) {
		yield(manifest.Note{CID: b.CID, RawLen: b.RawLen}, nil)
	})
}

// A writer killed at any moment loses nothing that it acknowledged, and leaves nothing that is torn.
func TestKilledWriter(t *testing.T) { killLoop(t, "writer", 0) }

// The same when it is killed while it removes what was used least recently; and the limit holds again afterwards.
func TestKilledEvictor(t *testing.T) { killLoop(t, "evictor", killedCache) }

func killLoop(t *testing.T, role string, limit int64) {
	dir := t.TempDir()
	var acknowledged, told uint64
	for round := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "STORE_TEST_ROLE="+role, "STORE_TEST_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		wait := time.Duration(rand.Intn(150)) * time.Millisecond
		killing := false
		kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var n uint64
			if _, err := fmt.Sscanf(lines.Text(), "done %d", &n); err != nil {
				t.Fatalf("round %d: writer says %q", round, lines.Text())
			}
			if n > acknowledged+1 || n < acknowledged {
				t.Fatalf("round %d: version %d after %d", round, n, acknowledged)
			}
			acknowledged = n
			told++
			if !killing {
				killing = true
				kill.Reset(wait)
			}
		}
		cmd.Wait()
		kill.Stop()

		if limit > 0 {
			if _, err := evicted(t, dir, limit); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		beside := mustOpen(t, dir, Options{ReadOnly: true})
		if pins, err := beside.Pins(t.Context()); err != nil || uint64(len(pins)) < told {
			t.Fatalf("round %d: %d pins of %d, before anything was mended, %v", round, len(pins), told, err)
		}
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if limit > 0 {
			if e, err := s.evict(t.Context(), math.MaxInt64); err != nil || e.Left > uint64(limit) {
				t.Fatalf("round %d: left %+v, %v", round, e, err)
			}
		}
		d, err := s.Dictionary("d")
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		// One more than acknowledged may be in place: it was killed before it could tell.
		if d.Current.Size < acknowledged || d.Current.Size > acknowledged+1 {
			t.Fatalf("round %d: version %d, acknowledged %d", round, d.Current.Size, acknowledged)
		}
		m, err := manifest.Open(t.Context(), s, d.Current.Manifest)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for n, err := range m.Notes(t.Context(), 0) {
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			data, err := s.Get(t.Context(), n.CID)
			if err != nil {
				t.Fatalf("round %d: note %d: %v", round, n.Index, err)
			}
			raw, err := codec.OpenNote(n.CID, data)
			if err != nil || string(raw) != noteText(n.Index) {
				t.Fatalf("round %d: note %d: %v", round, n.Index, err)
			}
		}
		if n, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Errorf("round %d: %v", round, err) }); err != nil || n == 0 {
			t.Fatalf("round %d: %d blocks, %v", round, n, err)
		}
		if pins, err := s.Pins(t.Context()); err != nil || uint64(len(pins)) < told {
			t.Fatalf("round %d: %d pins of %d, %v", round, len(pins), told, err)
		}
		acknowledged = d.Current.Size
		s.Close()
	}
	t.Logf("%d versions", acknowledged)
}

// writeWithSmallFiles puts a small and a large block where files may not grow beyond 80,000 bytes, which is enough for the table.
func writeWithSmallFiles() {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 80_000, Max: 80_000}
	ctx := context.Background()
	s, err := Open(os.Getenv("STORE_TEST_DIR"), Options{})
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	small, large := bytes.Repeat([]byte("s"), 100), bytes.Repeat([]byte("l"), 100_000)
	if err := s.Put(ctx, mustName(small), small); err != nil {
		fmt.Println("small:", err)
		os.Exit(1)
	}
	err = s.Put(ctx, mustName(large), large)
	if !errors.Is(err, ErrStorage) || !errors.Is(err, syscall.EFBIG) {
		fmt.Println("large:", err)
		os.Exit(1)
	}
	if ok, err := s.Has(ctx, mustName(large)); ok || err != nil {
		fmt.Println("large is there:", ok, err)
		os.Exit(1)
	}
	s.Close()
}

// fillDisk puts blocks on a disk of 1 MiB until it is full, and goes on when there is room again. It runs in a mount
// namespace of its own.
func fillDisk() {
	ctx := context.Background()
	dir := os.Getenv("STORE_TEST_DIR")
	fail := func(args ...any) {
		fmt.Println(args...)
		os.Exit(1)
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=1m"); err != nil {
		fail("mount:", err)
	}
	s, err := Open(dir, Options{})
	if err != nil {
		fail(err)
	}
	ref, err := extend(ctx, s, cid.Undef, noise(0, 1000))
	if err == nil {
		err = s.SetDictionary(ctx, Dictionary{Name: "d", Current: ref})
	}
	if err != nil {
		fail(err)
	}
	var there []cid.Cid
	for i := 1; ; i++ {
		data := []byte(noise(i, 30_000))
		if err = s.Put(ctx, mustName(data), data); err != nil {
			if ok, herr := s.Has(ctx, mustName(data)); ok || herr != nil {
				fail("what was not stored is there:", ok, herr)
			}
			break
		}
		there = append(there, mustName(data))
	}
	if !errors.Is(err, ErrStorage) || !errors.Is(err, syscall.ENOSPC) || len(there) < 10 {
		fail("full after", len(there), ":", err)
	}
	// Neither a version nor a name nor a pin is acknowledged, and what was there is as it was.
	for i := 0; err != nil && i < 10; i++ { // until the last bytes are used up as well
		_, err = extend(ctx, s, ref.Manifest, noise(1000+i, 4000))
	}
	next, err := extend(ctx, s, ref.Manifest, noise(2000, 30_000))
	if !errors.Is(err, syscall.ENOSPC) {
		fail("extended on a full disk:", next, err)
	}
	if err := s.Pin(ctx, ref.Manifest, strings.Repeat("n", 60_000)); !errors.Is(err, ErrStorage) {
		fail("pinned on a full disk:", err)
	}
	if d, err := s.Dictionary("d"); err != nil || d.Current != ref {
		fail("dictionary", d.Current, err)
	}
	s.Close()
	other, err := os.Create(dir + "/other") // somebody takes what that gave back
	for err == nil {
		_, err = other.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		fail("fill up:", err)
	}
	s, err = Open(dir, Options{}) // opens, full as it is
	if err != nil {
		fail("open on a full disk:", err)
	}
	if n, err := s.Check(ctx, func(c cid.Cid, err error) { fail("damaged:", err) }); err != nil || n < uint64(len(there)) {
		fail("checked", n, err)
	}
	if _, err := s.Collect(ctx, false); err != nil {
		fail("collect on a full disk:", err)
	}
	data := []byte(noise(1, 30_000))
	if err := s.Put(ctx, mustName(data), data); err != nil {
		fail("put when there is room again:", err)
	}
	s.Close()
}

// A process that was killed when it had joined the records of what is gone, and had not given their space back, leaves that to the next one.
func TestReclaimAfterKill(t *testing.T) {
	s := mustOpen(t, t.TempDir(), Options{})
	names := fill(t, s, 1, 20, 100_000)
	path, at := packOf(t, s, names[5])
	_, end := packOf(t, s, names[10])
	for _, c := range names[5:10] {
		if err := s.Delete(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	writeTo(t, path, header{gone: true, size: uint32(end - at - recordHeader)}.append(nil), at-recordHeader)
	before := diskUse(t, s)
	if err := s.packs.reclaim(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := diskUse(t, s); after > before-400_000 {
		t.Errorf("%d bytes on the disk, %d before", after, before)
	}
	whole(t, s, "after", names[:5], names[10:])
}

// A disk that is really full.
func TestFullDisk(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_ROLE=full", "STORE_TEST_DIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// The kernel stops a write half-way, as on a full disk: nothing is there under the name, nothing else is lost.
func TestWriteStopsHalfWay(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "STORE_TEST_ROLE=starved", "STORE_TEST_DIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := mustOpen(t, dir, Options{})
	n, err := s.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) })
	if n != 1 || err != nil {
		t.Errorf("%d blocks left, %v", n, err)
	}
}
