//go:build cgo

package main

import (
	"io"
	"os"
	"runtime"

	"github.com/DataDog/zstd"
)

// zstdSize returns how long zstd -19, the reference implementation with a worker on every core, makes a file.
func zstdSize(name string) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var n counter
	w := zstd.NewWriterLevel(&n, 19)
	if err := w.SetNbWorkers(runtime.NumCPU()); err != nil {
		return 0, err
	}
	if _, err := io.Copy(w, f); err != nil {
		return 0, err
	}
	err = w.Close()
	return int64(n), err
}

type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
