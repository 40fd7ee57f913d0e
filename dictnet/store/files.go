package store

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/multiformats/go-multihash"
)

// files are the blocks on disk: one file each, blocks/XX/KEY.data, where KEY is the multihash in base32 and XX its last
// letters but one. That is the layout which flatfs calls next-to-last/2, as in a Kubo repository. Opening it reads nothing, however many
// blocks there are.
//
// A block appears whole, by rename, under a name that is the hash of its bytes. So any number of processes may
// read while one writes. The modification time of a file is when it was last used, to within touchEvery.
type files struct {
	dir   string
	now   func() time.Time
	write func(*os.File, []byte) (int, error) // (*os.File).Write, or a disk that fails

	made    atomic.Uint64 // temporary files
	fixed   atomic.Bool   // file times cannot be changed
	corrupt marks         // what did not match its name when it was read last
}

const (
	tempDir    = ".temp"
	dataSuffix = ".data"
	touchEvery = time.Minute
)

var keyText = base32.StdEncoding.WithPadding(base32.NoPadding)

// keyOf returns the name of a block's file, without its suffix.
func keyOf(d digest) string {
	return keyText.EncodeToString(append([]byte{multihash.SHA2_256, byte(len(d))}, d[:]...))
}

// digestOfKey is the reverse of keyOf.
func digestOfKey(key string) (digest, bool) {
	var b [40]byte // more than is allowed
	if keyText.DecodedLen(len(key)) > len(b) {
		return digest{}, false
	}
	n, err := keyText.Decode(b[:], []byte(key))
	if err != nil || n != 2+len(digest{}) || b[0] != multihash.SHA2_256 || int(b[1]) != len(digest{}) {
		return digest{}, false
	}
	return digest(b[2:n]), true
}

func newFiles(dir string) *files {
	return &files{dir: dir, now: time.Now, write: (*os.File).Write}
}

// prepare makes the folder ready for the one process that writes.
func (f *files) prepare() error {
	if _, err := os.Stat(f.dir); notExist(err) {
		fresh := f.dir + ".new" // appears at once, ready
		if err := os.RemoveAll(fresh); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(fresh, tempDir), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(fresh, "SHARDING"), []byte("/repo/flatfs/shard/v1/next-to-last/2\n"), 0o644); err != nil {
			return err
		}
		return os.Rename(fresh, f.dir)
	}
	left, err := os.ReadDir(filepath.Join(f.dir, tempDir))
	if notExist(err) {
		return os.Mkdir(filepath.Join(f.dir, tempDir), 0o755)
	}
	for _, e := range left { // by a process that was killed
		if err := os.Remove(filepath.Join(f.dir, tempDir, e.Name())); err != nil && !notExist(err) {
			return err
		}
	}
	return err
}

func (f *files) path(d digest) string {
	key := keyOf(d)
	return filepath.Join(f.dir, key[len(key)-3:len(key)-1], key+dataSuffix)
}

// get returns the bytes of a file, which may be anything. The error wraps ErrMissing if there is none, and ErrCorrupt if it is
// too long to be a block. used is for touch.
func (f *files) get(d digest) (data []byte, used time.Time, err error) {
	file, err := os.Open(f.path(d))
	if notExist(err) {
		return nil, used, ErrMissing
	}
	if err != nil {
		return nil, used, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, used, err
	}
	if info.Mode().IsRegular() && info.Size() > MaxBlock {
		return nil, info.ModTime(), fmt.Errorf("%w: the file has %d bytes, a block at most %d", ErrCorrupt, info.Size(), MaxBlock)
	}
	data = make([]byte, info.Size())
	n, err := io.ReadFull(file, data)
	if err == io.EOF || err == io.ErrUnexpectedEOF { // it was cut meanwhile
		err = nil
	}
	return data[:n], info.ModTime(), err
}

// touch notes that a block is in use. Where file times cannot be changed, it does nothing.
func (f *files) touch(d digest, used time.Time) {
	now := f.now()
	if age := now.Sub(used); age >= 0 && age < touchEvery || f.fixed.Load() {
		return
	}
	if err := os.Chtimes(f.path(d), time.Time{}, now); err != nil && !notExist(err) {
		f.fixed.Store(true)
	}
}

func (f *files) stat(d digest) (fs.FileInfo, error) {
	info, err := os.Lstat(f.path(d))
	if notExist(err) {
		return nil, ErrMissing
	}
	return info, err
}

// put writes a file. If it fails, there is none, or the one that was there.
func (f *files) put(d digest, data []byte) (err error) {
	path := f.path(d)
	tmp := filepath.Join(f.dir, tempDir, filepath.Base(path)+"."+strconv.FormatUint(f.made.Add(1), 10))
	file, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	n, err := f.write(file, data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err == nil && !syncsAtOnce {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
		if notExist(err) { // the first of its folder
			if err = os.Mkdir(filepath.Dir(path), 0o755); err == nil || errors.Is(err, fs.ErrExist) {
				err = os.Rename(tmp, path)
			}
		}
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// remove deletes a file. It is no error if there is none.
func (f *files) remove(d digest) error {
	if err := os.Remove(f.path(d)); !notExist(err) {
		return err
	}
	return nil
}

// each visits all files that have the name of a block, until an error.
func (f *files) each(ctx context.Context, visit func(digest, fs.DirEntry) error) error {
	folders, err := os.ReadDir(f.dir)
	if err != nil && !notExist(err) {
		return err
	}
	for _, folder := range folders {
		if len(folder.Name()) != 2 || !folder.IsDir() {
			continue
		}
		entries, err := os.ReadDir(filepath.Join(f.dir, folder.Name()))
		if err != nil && !notExist(err) {
			return err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			key, ok := strings.CutSuffix(e.Name(), dataSuffix)
			if d, valid := digestOfKey(key); ok && valid {
				if err := visit(d, e); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
