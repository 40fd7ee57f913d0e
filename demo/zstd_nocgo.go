//go:build !cgo

package main

import (
	"fmt"
	"io"
	"os/exec"
)

// zstdSize returns how long zstd -19 makes a file. Without a C compiler, it needs the zstd command.
func zstdSize(name string) (int64, error) {
	cmd := exec.Command("zstd", "-19", "-T0", "-c", name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("zstd -19 needs a C compiler at build time or the zstd command: %w", err)
	}
	n, err := io.Copy(io.Discard, out)
	if err != nil {
		return 0, err
	}
	return n, cmd.Wait()
}
