package merkle

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// TileWidth is how many hashes a full tile has.
const TileWidth = 256

// A Tile names 1 to 256 hashes that stand side by side on every eighth level of a tree, as in C2SP tlog-tiles: the
// hashes of the nodes (8*Level, 256*Index) and following. The nodes between the levels follow from those in tiles, so a
// tree can be served as plain files from which everybody derives the proofs they need. A tile's contents are its
// hashes, end to end.
//
//	tile level 1                    node (8,0) ...              up to 256 hashes
//	                         ┌──────────┴──────────┐
//	tile level 0       leaf hashes 0-255   leaf hashes 256-511  ...
//
// A full tile never changes. The last tile of a level is partial in most versions: it is named with its width, and a
// wider one takes its place as the tree grows.
type Tile struct {
	Level uint8  // 0..7; the hashes are nodes of level 8*Level
	Index uint64 // tiles to the left of it
	Width int    // hashes, 1..256
}

// String returns the tile's path, for messages.
func (t Tile) String() string { return t.Path() }

// Path returns where the tile is found below a log's prefix: tile/LEVEL/INDEX for a full tile, tile/LEVEL/INDEX.p/WIDTH
// for a partial one, with the index cut into groups of three digits, such as x001/x234/067 (C2SP tlog-tiles, "Merkle
// Tree").
func (t Tile) Path() string { return tilePath(strconv.Itoa(int(t.Level)), t.Index, t.Width) }

// EntriesPath returns where the leaves of a tile of level 0 are found, in the form of AppendEntry.
func (t Tile) EntriesPath() string { return tilePath("entries", t.Index, t.Width) }

func tilePath(level string, index uint64, width int) string {
	name := fmt.Sprintf("%03d", index%1000)
	for index /= 1000; index > 0; index /= 1000 {
		name = fmt.Sprintf("x%03d/%s", index%1000, name)
	}
	path := "tile/" + level + "/" + name
	if width != TileWidth {
		path += ".p/" + strconv.Itoa(width)
	}
	return path
}

// ParseTilePath reads just what Path writes for tiles that a tree can have.
func ParseTilePath(path string) (Tile, error) {
	t := Tile{Width: TileWidth}
	bad := func() (Tile, error) { return Tile{}, fmt.Errorf("%q is not the path of a tile", abbreviate(path)) }
	rest, ok := strings.CutPrefix(path, "tile/")
	if !ok {
		return bad()
	}
	level, rest, ok := strings.Cut(rest, "/")
	n, err := strconv.ParseUint(level, 10, 8)
	if !ok || err != nil {
		return bad()
	}
	t.Level = uint8(n)
	if name, width, partial := strings.Cut(rest, ".p/"); partial {
		if t.Width, err = strconv.Atoi(width); err != nil {
			return bad()
		}
		rest = name
	}
	digits := strings.NewReplacer("/x", "", "/", "").Replace(strings.TrimPrefix(rest, "x"))
	if t.Index, err = strconv.ParseUint(digits, 10, 64); err != nil {
		return bad()
	}
	// Whatever was taken too lightly above does not come out the same.
	if t.Path() != path || !t.valid() {
		return bad()
	}
	return t, nil
}

// valid reports whether some tree of less than 2^64 leaves has the tile.
func (t Tile) valid() bool {
	return t.Level < 8 && t.Width >= 1 && t.Width <= TileWidth && t.in(1<<64-1)
}

// in reports whether all hashes of the tile are complete nodes of a tree over size leaves.
func (t Tile) in(size uint64) bool {
	nodes := size >> (8 * t.Level)
	return t.Index <= nodes/TileWidth && uint64(t.Width) <= nodes-t.Index*TileWidth
}

// tileOf returns the tile of a tree over size leaves that holds what is needed for a complete node, and which of the
// tile's hashes the node is folded from.
func tileOf(id NodeID, size uint64) (t Tile, from, to int) {
	k := id.Level % 8
	first := id.Index << k // number on its tile level of the first hash below the node
	from = int(first % TileWidth)
	return tileAt(id.Level/8, first/TileWidth, size), from, from + 1<<k
}

// tileAt returns the tile with the given coordinates, as wide as a tree over size leaves makes it.
func tileAt(level uint8, index, size uint64) Tile {
	return Tile{level, index, int(min(size>>(8*level)-index*TileWidth, TileWidth))}
}

// edgeTiles returns the partial tiles of a tree over size leaves, from low to high levels: at most one on each.
func edgeTiles(size uint64) []Tile {
	var tiles []Tile
	for l := uint8(0); l < 8; l++ {
		if nodes := size >> (8 * l); nodes%TileWidth != 0 {
			tiles = append(tiles, Tile{l, nodes / TileWidth, int(nodes % TileWidth)})
		}
	}
	return tiles
}

// NewTiles returns the tiles that a publisher adds when a tree grows from oldSize to newSize leaves: the full ones that
// were not there or not full, and the partial ones of the new size. From size 0 these are all tiles.
func NewTiles(oldSize, newSize uint64) iter.Seq[Tile] {
	return func(yield func(Tile) bool) {
		for l := uint8(0); l < 8; l++ {
			oldNodes, newNodes := oldSize>>(8*l), newSize>>(8*l)
			if oldNodes >= newNodes {
				continue
			}
			for i := oldNodes / TileWidth; i*TileWidth < newNodes; i++ {
				if !yield(tileAt(l, i, newSize)) {
					return
				}
			}
		}
	}
}

// ReadTile returns the contents of a tile, 32 bytes for each hash, from a publisher's own nodes, which it does not
// check.
func ReadTile(ctx context.Context, r NodeReader, t Tile) ([]byte, error) {
	if !t.valid() {
		return nil, fmt.Errorf("no tree has a tile of level %d, index %d, width %d", t.Level, t.Index, t.Width)
	}
	ids := make([]NodeID, t.Width)
	for i := range ids {
		ids[i] = NodeID{8 * t.Level, t.Index*TileWidth + uint64(i)}
	}
	hashes, err := readNodes(ctx, r, ids)
	if err != nil {
		return nil, fmt.Errorf("read %v: %w", t, err)
	}
	return appendHashes(make([]byte, 0, t.Width*HashSize), hashes), nil
}
