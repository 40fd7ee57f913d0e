package merkle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/sumdb/tlog"
)

func TestTilePath(t *testing.T) {
	for _, tt := range []struct {
		tile Tile
		path string
	}{
		{Tile{0, 0, 256}, "tile/0/000"},
		{Tile{0, 0, 1}, "tile/0/000.p/1"},
		{Tile{4, 1234067, 256}, "tile/4/x001/x234/067"},
		{Tile{4, 1234067, 255}, "tile/4/x001/x234/067.p/255"},
		{Tile{1, 1000, 17}, "tile/1/x001/000.p/17"},
		{Tile{0, 1<<56 - 1, 255}, "tile/0/x072/x057/x594/x037/x927/935.p/255"},
		{Tile{7, 0, 255}, "tile/7/000.p/255"},
	} {
		if got := tt.tile.Path(); got != tt.path {
			t.Errorf("path of %+v is %s, want %s", tt.tile, got, tt.path)
		}
		if got, err := ParseTilePath(tt.path); err != nil || got != tt.tile {
			t.Errorf("%s read as %+v, %v, want %+v", tt.path, got, err, tt.tile)
		}
		// x/mod has the same paths but for the height of its tiles, which it states.
		theirs := tlog.Tile{H: 8, L: int(tt.tile.Level), N: int64(tt.tile.Index), W: tt.tile.Width}
		if got := strings.Replace(theirs.Path(), "tile/8/", "tile/", 1); got != tt.path {
			t.Errorf("x/mod calls %+v %s", tt.tile, got)
		}
	}
	if got, want := (Tile{0, 1234067, 8}).EntriesPath(), "tile/entries/x001/x234/067.p/8"; got != want {
		t.Errorf("entries path is %s, want %s", got, want)
	}
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "/tile/0/000", "tile/0/000/", "tile/0/0", "tile/0/00", "tile/0/0000", "tile/00/000", "tile/-1/000",
		"tile/0/x000", "tile/0/x000/000", "tile/0/x01/000", "tile/0/001/000", "tile/0/x001/x000", "tile/0/x001x000", "tile/0/+01", "tile/0/000.p", "tile/0/000.p/",
		"tile/0/000.p/0", "tile/0/000.p/00", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/-1", "tile/0/000.p/1/", "tile/0/000.p/1.p/1",
		"tile/8/000.p/1", "tile/64/000", "tile/7/000", "tile/7/001.p/1", "tile/0/x999/x999/x999/x999/x999/x999/999", "tile/entries/000", "tile/data/000", "tile/8/0/000",
		"tile/0/x072/x057/x594/x037/x927/935", strings.Repeat("x", 1<<16),
	} {
		if got, err := ParseTilePath(path); err == nil {
			t.Errorf("%q read as %+v", path, got)
		} else if len(err.Error()) > 200 {
			t.Errorf("error has %d characters", len(err.Error()))
		}
	}
}

// The example of C2SP tlog-tiles, "Partial Tiles".
func TestNewTilesExample(t *testing.T) {
	count := make(map[string]int)
	for tile := range NewTiles(0, 70_000) {
		name := fmt.Sprintf("level %d", tile.Level)
		if tile.Width != TileWidth {
			name += fmt.Sprintf(" width %d", tile.Width)
		}
		count[name]++
	}
	want := map[string]int{"level 0": 273, "level 0 width 112": 1, "level 1": 1, "level 1 width 17": 1, "level 2 width 1": 1}
	if fmt.Sprint(count) != fmt.Sprint(want) {
		t.Errorf("tiles of 70,000 leaves are %v, want %v", count, want)
	}
	if got := slices.Collect(NewTiles(0, 256)); !slices.Equal(got, []Tile{{0, 0, 256}, {1, 0, 1}}) {
		t.Errorf("tiles of 256 leaves are %v", got)
	}
}

// Step by step or at once, a publisher writes the tiles that x/mod writes, with the same contents.
func TestNewTilesAgainstTlog(t *testing.T) {
	mem := memTree(testLeaves(1600))
	theirNodes := tlogNodes(mem)
	sizes := []uint64{0, 1, 2, 3, 255, 256, 257, 300, 511, 512, 513, 1000, 1599, 1600}
	for i, new := range sizes {
		for _, old := range sizes[:i+1] {
			var want []Tile
			for _, tile := range tlog.NewTiles(8, int64(old), int64(new)) {
				want = append(want, Tile{uint8(tile.L), uint64(tile.N), tile.W})
			}
			if got := slices.Collect(NewTiles(old, new)); !slices.Equal(got, want) {
				t.Errorf("from %d to %d: tiles are %v, want %v", old, new, got, want)
			}
		}
	}
	for tile := range NewTiles(0, 1600) {
		got, err := ReadTile(ctx, mem, tile)
		if err != nil {
			t.Fatal(err)
		}
		want, err := tlog.ReadTileData(tlog.Tile{H: 8, L: int(tile.Level), N: int64(tile.Index), W: tile.Width}, theirNodes)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("contents of %v differ from x/mod's (%v)", tile, err)
		}
	}
	// Stopping early is allowed.
	for range NewTiles(0, 1<<63) {
		break
	}
	if got := slices.Collect(NewTiles(5, 4)); got != nil {
		t.Errorf("shrinking adds tiles %v", got)
	}
}

// tilesOf writes all tiles of the first size leaves, as files.
func tilesOf(t testing.TB, r NodeReader, size uint64) fstest.MapFS {
	t.Helper()
	files := make(fstest.MapFS)
	for tile := range NewTiles(0, size) {
		data, err := ReadTile(ctx, r, tile)
		if err != nil {
			t.Fatal(err)
		}
		files[tile.Path()] = &fstest.MapFile{Data: data}
	}
	return files
}

// All proofs derived from tiles are those derived from the tree itself.
func TestTileReader(t *testing.T) {
	leaves := testLeaves(70_000)
	mem := memTree(leaves)
	for _, size := range []uint64{1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000} {
		root, err := RootAt(ctx, mem, size)
		if err != nil {
			t.Fatal(err)
		}
		v := Version{size, root}
		r := NewTileReader(v, TilesIn(tilesOf(t, mem, size)))
		if got, err := RootAt(ctx, r, size); err != nil || got != root {
			t.Fatalf("root of %d leaves from tiles = %v, %v", size, got, err)
		}
		for i := uint64(0); i < size; i += 1 + size/300 {
			got, err := ProveInclusion(ctx, r, i, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckInclusion(v, i, leaves[i], got); err != nil {
				t.Fatal(err)
			}
			got, err = ProveConsistency(ctx, r, i, size)
			if err != nil {
				t.Fatal(err)
			}
			if want, _ := ProveConsistency(ctx, mem, i, size); !slices.Equal(got, want) {
				t.Fatalf("consistency proof from %d to %d differs", i, size)
			}
		}
		for l := range bits.Len64(size) {
			id := NodeID{uint8(l), size>>l - 1}
			got, err := r.Nodes(ctx, []NodeID{id})
			if err != nil || got[0] != mem.levels[l][id.Index] {
				t.Fatalf("node %v from tiles = %v, %v", id, got, err)
			}
		}
		if _, err := r.Nodes(ctx, []NodeID{{0, size}}); err == nil {
			t.Errorf("leaf %d of %d was read", size, size)
		}
		if _, err := r.Nodes(ctx, []NodeID{{64, 0}}); err == nil {
			t.Error("a node of level 64 was read")
		}
	}
}

// Our tiles serve x/mod's client, which checks them in its own way, and the other way round.
func TestTilesServeTlog(t *testing.T) {
	const size = 70_000
	mem := memTree(testLeaves(size))
	v := mem.Version()
	files := tilesOf(t, mem, size)
	tree := tlog.Tree{N: size, Hash: tlog.Hash(v.Root)}
	theirs := tlog.TileHashReader(tree, tlogTiles{files})
	ours := NewTileReader(v, TilesIn(files))
	for _, i := range []int64{0, 1, 255, 256, 65_535, 65_536, size - 1} {
		p, err := tlog.ProveRecord(size, i, theirs)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ProveInclusion(ctx, ours, uint64(i), size); err != nil || !slices.Equal(toTlog(got), p) {
			t.Errorf("leaf %d: proof %v, %v differs from x/mod's", i, got, err)
		}
	}
}

// tlogTiles gives x/mod our files.
type tlogTiles struct{ files fstest.MapFS }

func (t tlogTiles) Height() int                     { return 8 }
func (t tlogTiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tlogTiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		d, err := t.files.ReadFile(Tile{uint8(tile.L), uint64(tile.N), tile.W}.Path())
		if err != nil {
			return nil, err
		}
		data = append(data, d)
	}
	return data, nil
}

// A countingSource counts what is fetched and what is kept.
type countingSource struct {
	TileSource
	mu            sync.Mutex
	calls         int
	fetched, kept []Tile
	contents      [][]byte
}

func (s *countingSource) Tiles(ctx context.Context, tiles []Tile) ([][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.fetched = append(s.fetched, tiles...)
	return s.TileSource.Tiles(ctx, tiles)
}

func (s *countingSource) KeepTiles(tiles []Tile, contents [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, tiles...)
	s.contents = append(s.contents, contents...)
}

// uniformTiles serves the tiles of a tree with equal leaves, whatever its size.
type uniformTiles struct{ tree *uniformTree }

func (s uniformTiles) Tiles(ctx context.Context, tiles []Tile) ([][]byte, error) {
	contents := make([][]byte, len(tiles))
	for i, t := range tiles {
		contents[i] = bytes.Repeat(s.tree[8*t.Level][:], t.Width)
	}
	return contents, nil
}

// A client that holds nothing fetches five tiles, in one go, to prove one leaf of ten million, and two for the next.
func TestTileReaderFetches(t *testing.T) {
	tree := newUniformTree()
	for _, tt := range []struct {
		size        uint64
		first, next int
	}{
		{10_000_000, 5, 2},
		{256, 2, 1},
		{1, 1, 0},
		{1<<64 - 1, 8 + 7, 7},
	} {
		root, err := RootAt(ctx, tree, tt.size)
		if err != nil {
			t.Fatal(err)
		}
		s := &countingSource{TileSource: uniformTiles{tree}}
		r := NewTileReader(Version{tt.size, root}, s)
		prove := func(i uint64) {
			t.Helper()
			proof, err := ProveInclusion(ctx, r, i, tt.size)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckInclusion(Version{tt.size, root}, i, tree[0], proof); err != nil {
				t.Fatal(err)
			}
		}
		// The version's root costs the right edge; a tree of one leaf needs nothing else.
		if _, err := RootAt(ctx, r, tt.size); err != nil {
			t.Fatal(err)
		}
		prove(tt.size / 3)
		if len(s.fetched) != tt.first {
			t.Errorf("size %d: first proof took %d tiles, want %d: %v", tt.size, len(s.fetched), tt.first, s.fetched)
		}
		s.fetched, s.calls = nil, 0
		prove(tt.size / 2)
		if len(s.fetched) != tt.next || s.calls > 1 {
			t.Errorf("size %d: next proof took %d tiles in %d calls, want %d: %v", tt.size, len(s.fetched), s.calls, tt.next, s.fetched)
		}
	}
}

// Wherever a tile is damaged, nothing below or in it is returned, and what is returned is right.
func TestTilesDamaged(t *testing.T) {
	const size = 66_000
	mem := memTree(testLeaves(size))
	v := mem.Version()
	good := tilesOf(t, mem, size)
	paths := []string{"tile/0/000", "tile/0/128", "tile/0/256", "tile/0/257.p/208", "tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"}
	for _, path := range paths {
		tile, err := ParseTilePath(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, tile.Width * HashSize / 2, tile.Width*HashSize - 1} {
			bad := make(fstest.MapFS)
			for name, file := range good {
				bad[name] = file
			}
			data := slices.Clone(good[path].Data)
			data[at] ^= 0x80
			bad[path] = &fstest.MapFile{Data: data}
			s := &countingSource{TileSource: TilesIn(bad)}
			r := NewTileReader(v, s)
			index := (tile.Index*TileWidth + uint64(at/HashSize)) << (8 * tile.Level) // a leaf in or below the damaged hash
			var evidence *TileError
			_, err := r.Nodes(ctx, []NodeID{{0, index}})
			if !errors.Is(err, ErrProof) || !errors.As(err, &evidence) || !slices.Contains(evidence.Tiles, tile) {
				t.Errorf("%s, byte %d: leaf %d read with error %v", path, at, index, err)
				continue
			}
			if len(s.kept) != 0 {
				t.Errorf("%s, byte %d: unchecked tiles %v were to be kept", path, at, s.kept)
			}
			// The evidence stands by itself.
			if i := slices.Index(evidence.Tiles, tile); !bytes.Equal(evidence.Contents[i], data) {
				t.Errorf("%s, byte %d: evidence holds other contents", path, at)
			}
			// A leaf that the damage does not touch, if the edge is right.
			if tile.Width == TileWidth {
				other := (index + 300<<(8*tile.Level)) % (1 << 16)
				if tile.Level == 1 {
					continue // a full tile of level 1 covers all of them
				}
				if got, err := r.Nodes(ctx, []NodeID{{0, other}}); err != nil || got[0] != mem.levels[0][other] {
					t.Errorf("%s, byte %d: leaf %d = %v, %v", path, at, other, got, err)
				}
			}
		}
	}
}

// A source that serves the tiles of another tree, all of them consistent with each other, is refused at the root.
func TestTilesOfAnotherTree(t *testing.T) {
	leaves := testLeaves(1000)
	v := memTree(leaves).Version()
	leaves[10] = LeafHash([]byte("another note"))
	r := NewTileReader(v, TilesIn(tilesOf(t, memTree(leaves), 1000)))
	if _, err := r.Nodes(ctx, []NodeID{{0, 999}}); !errors.Is(err, ErrProof) {
		t.Errorf("got error %v", err)
	}
	if _, err := NewTileReader(Version{}, nil).Nodes(ctx, nil); err == nil {
		t.Error("a version of size 0 with a zero root was accepted")
	}
}

type tileFunc func([]Tile) ([][]byte, error)

func (f tileFunc) Tiles(_ context.Context, tiles []Tile) ([][]byte, error) { return f(tiles) }

func TestTileSourceMisbehaves(t *testing.T) {
	mem := memTree(testLeaves(600))
	good := TilesIn(tilesOf(t, mem, 600))
	lost := errors.New("cable cut")
	for name, source := range map[string]tileFunc{
		"error":       func([]Tile) ([][]byte, error) { return nil, lost },
		"no tiles":    func([]Tile) ([][]byte, error) { return nil, nil },
		"empty tiles": func(tiles []Tile) ([][]byte, error) { return make([][]byte, len(tiles)), nil },
		"too few":     func(tiles []Tile) ([][]byte, error) { return good.Tiles(ctx, tiles[1:]) },
		"too many":    func(tiles []Tile) ([][]byte, error) { return good.Tiles(ctx, append(tiles, tiles[0])) },
		"a byte more": func(tiles []Tile) ([][]byte, error) {
			data, err := good.Tiles(ctx, tiles)
			data[0] = append(slices.Clone(data[0]), 0)
			return data, err
		},
		"endless": func(tiles []Tile) ([][]byte, error) {
			data, err := good.Tiles(ctx, tiles)
			data[0] = append(slices.Clone(data[0]), make([]byte, 1<<20)...)
			return data, err
		},
	} {
		got, err := NewTileReader(mem.Version(), source).Nodes(ctx, []NodeID{{0, 3}})
		if err == nil {
			t.Errorf("%s: got %v", name, got)
		}
		if name == "error" && !errors.Is(err, lost) {
			t.Errorf("the source's error is hidden: %v", err)
		}
	}
}

// A publisher may delete partial tiles once the tree has grown past them.
func TestPartialTilesGone(t *testing.T) {
	mem := memTree(testLeaves(1000))
	files := tilesOf(t, mem, 1000)
	root, err := RootAt(ctx, mem, 300)
	if err != nil {
		t.Fatal(err)
	}
	s := &countingSource{TileSource: TilesIn(files)}
	old := NewTileReader(Version{300, root}, s)
	// Size 300 wants tile/0/001.p/44 and tile/1/000.p/1; there are tile/0/001 and tile/1/000.p/3.
	if _, err := old.Nodes(ctx, []NodeID{{0, 299}}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "tile/1/000.p/1") {
		t.Errorf("got error %v, want one about tile/1/000.p/1", err)
	}
	data, err := ReadTile(ctx, mem, Tile{1, 0, 1})
	if err != nil {
		t.Fatal(err)
	}
	files["tile/1/000.p/1"] = &fstest.MapFile{Data: data}
	got, err := old.Nodes(ctx, []NodeID{{0, 299}})
	if err != nil || got[0] != mem.levels[0][299] {
		t.Errorf("leaf 299 = %v, %v", got, err)
	}
	if i := slices.Index(s.kept, Tile{0, 1, 44}); i < 0 || len(s.contents[i]) != 44*HashSize {
		t.Errorf("kept %v, want tile/0/001.p/44 cut to its width", s.kept)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := NewTileReader(mem.Version(), s).Nodes(canceled, []NodeID{{0, 1}}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

// endlessFS has every file, with zeros without end.
type endlessFS struct{ read *int }

func (f endlessFS) Open(string) (fs.File, error) { return f, nil }
func (f endlessFS) Stat() (fs.FileInfo, error)   { return nil, errors.ErrUnsupported }
func (f endlessFS) Close() error                 { return nil }
func (f endlessFS) Read(p []byte) (int, error) {
	if *f.read += len(p); *f.read > 1<<20 {
		return 0, errors.New("read more than a megabyte")
	}
	return len(p), nil
}

func TestEndlessTileFile(t *testing.T) {
	var read int
	r := NewTileReader(Version{600, Hash{}}, TilesIn(endlessFS{&read}))
	if _, err := r.Nodes(ctx, []NodeID{{0, 0}}); err == nil || !strings.Contains(err.Error(), "has 8193 bytes, want") {
		t.Errorf("got error %v after %d bytes", err, read)
	}
}

func TestTileReaderConcurrent(t *testing.T) {
	mem := memTree(testLeaves(3000))
	r := NewTileReader(mem.Version(), &countingSource{TileSource: TilesIn(tilesOf(t, mem, 3000))})
	var wg sync.WaitGroup
	for g := range uint64(8) {
		wg.Go(func() {
			for i := g; i < 3000; i += 97 {
				if got, err := r.Nodes(ctx, []NodeID{{0, i}}); err != nil || got[0] != mem.levels[0][i] {
					t.Errorf("leaf %d = %v, %v", i, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestReadTileRefuses(t *testing.T) {
	mem := memTree(testLeaves(600))
	for _, tile := range []Tile{{0, 0, 0}, {0, 0, 257}, {8, 0, 1}, {7, 0, 256}, {0, 1 << 56, 1}, {0, 3, 1}, {1, 0, 3}, {0, 2, 89}} {
		if data, err := ReadTile(ctx, mem, tile); err == nil {
			t.Errorf("tile %+v of 600 leaves has %d bytes", tile, len(data))
		}
	}
}

func TestEntries(t *testing.T) {
	var bundle []byte
	leaves := [][]byte{{}, []byte("a"), bytes.Repeat([]byte("b"), 36), bytes.Repeat([]byte("c"), MaxEntry)}
	for _, leaf := range leaves {
		var err error
		if bundle, err = AppendEntry(bundle, leaf); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ParseEntries(bundle)
	if err != nil || !slices.EqualFunc(got, leaves, bytes.Equal) {
		t.Errorf("leaves read back as %d leaves, %v", len(got), err)
	}
	if _, err := AppendEntry(nil, make([]byte, MaxEntry+1)); err == nil {
		t.Error("a leaf of 64 KiB fits")
	}
	if got, err := ParseEntries(make([]byte, 2*TileWidth)); err != nil || len(got) != TileWidth {
		t.Errorf("256 empty leaves read back as %d, %v", len(got), err)
	}
	for _, tt := range []struct {
		name, bundle, want string
	}{
		{"empty", "", "empty"},
		{"half a length", "\x00", "at byte 0: length of leaf 0 is cut short"},
		{"half a length later", "\x00\x01a\x00", "at byte 3: length of leaf 1 is cut short"},
		{"half a leaf", "\x00\x03ab", "at byte 0: leaf 0 has 2 bytes of 3"},
		{"257 leaves", strings.Repeat("\x00\x00", 257), "at byte 512: more than 256 leaves"},
	} {
		if _, err := ParseEntries([]byte(tt.bundle)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
