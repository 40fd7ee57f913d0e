package merkle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// TilesIn returns a source that reads tiles from files named by [Tile.Path], such as a directory that any web server
// can serve. Where a partial tile is gone, as publishers may remove it once the full one is there, it takes the full
// one.
func TilesIn(fsys fs.FS) TileSource { return tileFiles{fsys} }

type tileFiles struct{ fsys fs.FS }

func (s tileFiles) Tiles(ctx context.Context, tiles []Tile) ([][]byte, error) {
	contents := make([][]byte, len(tiles))
	for i, t := range tiles {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data, err := s.read(t)
		if errors.Is(err, fs.ErrNotExist) && t.Width < TileWidth {
			full := t
			full.Width = TileWidth
			if data, err2 := s.read(full); err2 == nil {
				contents[i] = data
				continue
			}
		}
		if err != nil {
			return nil, fmt.Errorf("read tile: %w", err)
		}
		contents[i] = data
	}
	return contents, nil
}

// read returns a file's contents, but no more than shows that it is too long.
func (s tileFiles) read(t Tile) ([]byte, error) {
	f, err := s.fsys.Open(t.Path())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, TileWidth*HashSize+1))
}
