// Package seed finds the notes of a dictionary in any files on disk, by their content, and reads them where they lie.
//
// A manifest says of a note its CID, which is that of its compressed block, and its raw length. No hash of the raw bytes is known, so they
// cannot be looked up; they can only be guessed and proved. The guess is where a note would lie if the files had been given to build
// ([codec.Recutter]), and that it has the right length; the proof is that sealing the bytes again gives the CID. So a wrong guess costs time, never
// bytes, and files that hold nothing of the dictionary cost hardly more than reading them once.
//
// Sealing gives the same block only as long as it is done by the same version of the codec; notes that were sealed by another
// are not found, and have to be fetched. Blocks that lie in files of their own, as in the folder of a static mirror, are found by their own hash.
package seed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
)

// Seeds are files in which notes are looked for. It is safe for concurrent use.
type Seeds struct {
	files []string
	log   func(msg string, args ...any)

	mu      sync.Mutex // of the scan
	scanned bool
	guesses map[int][]*guess   // by raw length
	blocks  map[cid.Cid]string // files that are a block each

	counts sync.Mutex
	served map[cid.Cid]int // raw lengths of the notes that were given
}

// guess is a place where a note may be.
type guess struct {
	pieces []codec.Piece
	mu     sync.Mutex
	sealed bool              // the rest is known
	name   cid.Cid           // Undef if the bytes cannot be read
	sum    [sha256.Size]byte // of the raw bytes that have this name
}

// Open lists the regular files that paths name, and those below them in lexical order. Links are not followed but for paths themselves. Nothing is
// read yet. log is told of files that cannot be read.
func Open(paths []string, log func(msg string, args ...any)) (*Seeds, error) {
	s := &Seeds{log: log, served: make(map[cid.Cid]int)}
	for _, path := range paths {
		st, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("seed: %w", err)
		}
		if st.Mode().IsRegular() {
			s.files = append(s.files, path)
			continue
		}
		if !st.IsDir() {
			return nil, fmt.Errorf("seed %s: %w: it is neither a file nor a directory", path, fs.ErrInvalid)
		}
		top, err := filepath.EvalSymlinks(path)
		if err != nil {
			return nil, fmt.Errorf("seed: %w", err)
		}
		if err := filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				log("seed cannot be read", "path", p, "error", err)
				return nil
			}
			if d.Type().IsRegular() {
				s.files = append(s.files, p)
			}
			return nil
		}); err != nil {
			return nil, fmt.Errorf("seed: %w", err)
		}
	}
	return s, nil
}

// Files are the files that are looked into, in order.
func (s *Seeds) Files() []string { return s.files }

// Stats says how much has come from seeds.
type Stats struct {
	Notes uint64 `json:"notes"`
	Bytes uint64 `json:"bytes"` // raw
}

// Stats says how many different notes have been given so far.
func (s *Seeds) Stats() (n Stats) {
	s.counts.Lock()
	defer s.counts.Unlock()
	for _, length := range s.served {
		n.Notes++
		n.Bytes += uint64(length)
	}
	return n
}

// Note returns the raw bytes of the note named c, of which there are rawLen, if a seed has them. What it returns
// has been proved to be that note. The files are read through when it is first called.
func (s *Seeds) Note(ctx context.Context, c cid.Cid, rawLen int) (raw []byte, ok bool, err error) {
	if err := s.scan(ctx); err != nil {
		return nil, false, err
	}
	if path, there := s.blocks[c]; there {
		if block, err := readBlock(path); err == nil {
			if raw, err := codec.OpenNote(c, block); err == nil && len(raw) == rawLen {
				s.count(c, rawLen)
				return raw, true, nil
			}
		}
	}
	for _, g := range s.guesses[rawLen] {
		if err := ctx.Err(); err != nil {
			return nil, false, err
		}
		if raw, ok := s.open(g, c, rawLen); ok {
			s.count(c, rawLen)
			return raw, true, nil
		}
	}
	return nil, false, nil
}

// readBlock reads a file that held one block when it was looked through. It may be anything by now, and is not read further than a block may go.
func readBlock(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, codec.MaxNoteBlock+1))
}

func (s *Seeds) count(c cid.Cid, rawLen int) {
	s.counts.Lock()
	defer s.counts.Unlock()
	s.served[c] = rawLen
}

// open returns the bytes of a guess if they are the note named c.
func (s *Seeds) open(g *guess, c cid.Cid, rawLen int) (raw []byte, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sealed && !g.name.Equals(c) {
		return nil, false
	}
	raw, err := s.read(g.pieces, rawLen)
	if err != nil {
		s.log("seed cannot be read", "path", s.files[g.pieces[0].Sample], "error", err)
		g.sealed, g.name = true, cid.Undef
		return nil, false
	}
	sum := sha256.Sum256(raw)
	if !g.sealed || sum != g.sum { // sealed before, the same bytes have the same name; the file may have been changed since
		b, err := codec.SealNote(raw)
		if err != nil {
			return nil, false
		}
		g.sealed, g.name, g.sum = true, b.CID, sum
	}
	return raw, g.name.Equals(c)
}

func (s *Seeds) read(pieces []codec.Piece, rawLen int) ([]byte, error) {
	raw := make([]byte, 0, rawLen)
	var f *os.File
	defer func() {
		if f != nil {
			f.Close()
		}
	}()
	for i, p := range pieces {
		if i == 0 || p.Sample != pieces[i-1].Sample {
			if f != nil {
				f.Close()
			}
			var err error
			if f, err = os.Open(s.files[p.Sample]); err != nil {
				return nil, err
			}
		}
		n := len(raw)
		raw = raw[:n+p.Len]
		if _, err := f.ReadAt(raw[n:], p.Off); err != nil {
			return nil, err
		}
	}
	return raw, nil
}

// zstdMagic begins every block of a note (RFC 8878, section 3.1.1).
const zstdMagic = "\x28\xb5\x2f\xfd"

// scan reads all files through, once.
func (s *Seeds) scan(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.scanned {
		return nil
	}
	s.guesses, s.blocks = make(map[int][]*guess), make(map[cid.Cid]string)
	cut, err := codec.NewRecutter(ctx, codec.DefaultBuildChunk, func(pieces []codec.Piece) error {
		n := 0
		for _, p := range pieces {
			n += p.Len
		}
		s.guesses[n] = append(s.guesses[n], &guess{pieces: pieces})
		return nil
	})
	if err != nil {
		return err
	}
	for _, path := range s.files {
		if err := s.scanFile(cut, path); err != nil {
			return err
		}
	}
	s.scanned = true
	return nil
}

// scanFile reads one file. What cannot be read is as if it ended there.
func (s *Seeds) scanFile(cut *codec.Recutter, path string) error {
	var in io.Reader = nothing{}
	f, err := os.Open(path)
	if err != nil {
		s.log("seed cannot be read", "path", path, "error", err)
	} else {
		defer f.Close()
		if s.isBlock(f) {
			return cut.Add(nothing{}) // keeps the numbers of the files in step
		}
		in = &willing{f, path, s.log}
	}
	return cut.Add(in)
}

// isBlock remembers a file that holds one block.
func (s *Seeds) isBlock(f *os.File) bool {
	st, err := f.Stat()
	if err != nil || st.Size() > codec.MaxNoteBlock || st.Size() < int64(len(zstdMagic)) {
		return false
	}
	b := make([]byte, st.Size())
	if _, err := f.ReadAt(b, 0); err != nil || string(b[:len(zstdMagic)]) != zstdMagic {
		return false
	}
	c, err := codec.NoteCID(b)
	if err != nil {
		return false
	}
	if _, err := codec.OpenNote(c, b); err != nil {
		return false
	}
	s.blocks[c] = f.Name()
	return true
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }

// willing reads a file as far as it can be read.
type willing struct {
	f    *os.File
	path string
	log  func(msg string, args ...any)
}

func (w *willing) Read(b []byte) (int, error) {
	n, err := w.f.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		w.log("seed cannot be read", "path", w.path, "error", err)
		err = io.EOF
	}
	return n, err
}
