//go:build !linux

package store

import (
	"errors"
	"os"
)

// local is false: there are no locks of an open file, and nothing is lent.
func local(*os.File) bool { return false }

func lockPart(*os.File, int64, int64, bool) bool { return false }

func unlockPart(*os.File, int64, int64) {}

func mapPart(*os.File, int64, int) ([]byte, error) { return nil, errors.ErrUnsupported }

func unmapPart([]byte) {}
