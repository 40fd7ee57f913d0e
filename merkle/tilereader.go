package merkle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A TileSource gives the contents of tiles. It is not trusted.
type TileSource interface {
	// Tiles returns the contents of the given tiles in the given order, 32 bytes for each hash, all of them or an
	// error. What it returns may be longer than asked for, such as a full tile in place of a partial one: a wider tile
	// begins with the narrower one. The caller does not change it. Tiles may be called from several goroutines at once.
	Tiles(ctx context.Context, tiles []Tile) ([][]byte, error)
}

// A TileKeeper is a TileSource that wants to know which contents have been checked, in order to keep them.
type TileKeeper interface {
	TileSource
	// KeepTiles is called with tiles that belong to the tree and their contents, of just the right length. It may keep
	// but not change them.
	KeepTiles(tiles []Tile, contents [][]byte)
}

// A TileReader reads the nodes of one version from tiles and checks each tile against the root before it uses it, so
// that what it returns is proved to be in the tree. It keeps the partial tiles at the right edge, at most 64 KiB, once
// they are checked; for other tiles it asks its source each time. Safe for concurrent use if the source is.
type TileReader struct {
	version Version
	source  TileSource

	mu   sync.Mutex
	edge map[Tile][]Hash // the checked partial tiles; nil until then
}

// NewTileReader returns a reader of the nodes of a version that the caller trusts.
func NewTileReader(v Version, source TileSource) *TileReader {
	return &TileReader{version: v, source: source}
}

// A TileError is what a TileReader found wrong, whole, so that somebody else can check it.
type TileError struct {
	Version  Version
	Tiles    []Tile   // one tile, or the partial tiles of the right edge, of which one or more are wrong
	Contents [][]byte // as received
	Got      Hash     // the tree hash of the contents
	Want     Hash     // the root, or the hash that a checked tile states
}

func (e *TileError) Error() string {
	paths := make([]string, len(e.Tiles))
	for i, t := range e.Tiles {
		paths[i] = t.Path()
	}
	return fmt.Sprintf("%s of version %s: tree hash is %s, want %s", strings.Join(paths, ", "), e.Version, e.Got, e.Want)
}

// Is makes a TileError an ErrProof.
func (e *TileError) Is(target error) bool { return target == ErrProof }

// Nodes implements [NodeReader]. It asks the source once, for all tiles that lie between the nodes and what is already
// checked: 4 or 5 tiles for an inclusion proof out of ten million leaves.
func (r *TileReader) Nodes(ctx context.Context, ids []NodeID) ([]Hash, error) {
	if err := r.version.check(); err != nil {
		return nil, err
	}
	size := r.version.Size
	for _, id := range ids {
		if !id.in(size) {
			return nil, fmt.Errorf("node %v is not complete in version %s", id, r.version)
		}
	}

	// Checked tiles, and those to fetch, parents before their children. The highest tile is partial, so each way up
	// ends at the edge.
	r.mu.Lock()
	checked := make(map[Tile][]Hash, len(r.edge))
	for t, hashes := range r.edge {
		checked[t] = hashes
	}
	r.mu.Unlock()
	var fetch []Tile
	edge := edgeTiles(size)
	planned := make(map[Tile]bool)
	for _, t := range edge {
		planned[t] = true
	}
	if len(checked) == 0 {
		fetch = append(fetch, edge...)
	} else {
		edge = nil // nothing left to check there
	}
	for _, id := range ids {
		way := len(fetch)
		for t, _, _ := tileOf(id, size); !planned[t]; t = tileAt(t.Level+1, t.Index/TileWidth, size) {
			planned[t] = true
			fetch = append(fetch, t)
		}
		slices.Reverse(fetch[way:])
	}

	if err := r.check(ctx, fetch, len(edge), checked); err != nil {
		return nil, err
	}

	hashes := make([]Hash, len(ids))
	for i, id := range ids {
		t, from, to := tileOf(id, size)
		hashes[i] = treeHash(checked[t][from:to])
	}
	return hashes, nil
}

// check fetches tiles, of which the first are the right edge and the others follow their parents, and adds to checked
// what they hold.
func (r *TileReader) check(ctx context.Context, tiles []Tile, edge int, checked map[Tile][]Hash) error {
	if len(tiles) == 0 {
		return nil
	}
	contents, err := r.source.Tiles(ctx, tiles)
	if err != nil {
		return err
	}
	if len(contents) != len(tiles) {
		return fmt.Errorf("tile source returned %d tiles, want %d", len(contents), len(tiles))
	}
	contents = slices.Clone(contents)
	hashes := make([][]Hash, len(tiles))
	for i, t := range tiles {
		want := t.Width * HashSize
		if n := len(contents[i]); n < want || n > TileWidth*HashSize || n%HashSize != 0 {
			return fmt.Errorf("%v has %d bytes, want %d", t, n, want)
		}
		contents[i] = contents[i][:want:want]
		hashes[i] = make([]Hash, t.Width)
		for j := range hashes[i] {
			copy(hashes[i][j][:], contents[i][j*HashSize:])
		}
	}

	if edge > 0 {
		// Each partial tile is followed by what is to the right of it on lower levels.
		var rest []Hash
		for _, h := range hashes[:edge] {
			rest = []Hash{treeHash(append(slices.Clip(h), rest...))}
		}
		if rest[0] != r.version.Root {
			return &TileError{r.version, tiles[:edge], contents[:edge], rest[0], r.version.Root}
		}
		proved := make(map[Tile][]Hash, edge)
		for i, t := range tiles[:edge] {
			checked[t], proved[t] = hashes[i], hashes[i]
		}
		r.mu.Lock()
		r.edge = proved
		r.mu.Unlock()
	}
	for i := edge; i < len(tiles); i++ {
		t := tiles[i]
		parent := tileAt(t.Level+1, t.Index/TileWidth, r.version.Size)
		want := checked[parent][t.Index%TileWidth]
		if got := treeHash(hashes[i]); got != want {
			return &TileError{r.version, tiles[i : i+1], contents[i : i+1], got, want}
		}
		checked[t] = hashes[i]
	}
	if keeper, ok := r.source.(TileKeeper); ok {
		keeper.KeepTiles(tiles, contents)
	}
	return nil
}

// treeHash returns the root over 1 to 257 nodes of one level, of which all but the last are complete.
func treeHash(hashes []Hash) Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	var buf [(TileWidth + 2) / 2]Hash
	return newNodeHasher().fold(buf[:], hashes)
}
