package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"dictnet/chain"
	"dictnet/codec"
	"dictnet/codec/contexts"
	"dictnet/codec/tree"
	"dictnet/dictnet"
	"dictnet/dictnet/car"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
	"dictnet/merkle"
)

// Exit codes. They are listed in help and in the README, and never change meaning.
const (
	exitOK          = 0
	exitFailure     = 1   // anything that the other codes do not name
	exitUsage       = 2   // wrong flags or arguments, or an input that is not there or cannot be read
	exitRefused     = 3   // verification failed: bytes, proofs or roots contradict each other
	exitUnavailable = 4   // a note, a dictionary, a peer or a chain could not be reached
	exitStorage     = 5   // the store or an output could not be written: disk full, locked, not permitted
	exitInterrupted = 130 // Ctrl-C
)

const exitHelp = `Exit codes:
  0    done
  1    failed for a reason that no other code names
  2    wrong usage, or an input that is not there or cannot be read
  3    verification failed: bytes, proofs or roots contradict each other
  4    a note, a dictionary, a peer or a chain could not be reached
  5    the store or an output could not be written (disk full, locked, not permitted)
  130  interrupted`

// hinted is an error with the next step that its reader may take.
type hinted struct {
	error
	code int // 0: what the error itself says
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

// hintedWith returns the outermost of the hinted errors in an error that has what is asked for, or nil.
func hintedWith(err error, has func(*hinted) bool) (h *hinted) {
	for errors.As(err, &h) {
		if has(h) {
			return h
		}
		err = h.error
	}
	return nil
}

// usageErrorf reports a mistake in what was typed.
func usageErrorf(hint, format string, args ...any) error {
	return &hinted{fmt.Errorf(format, args...), exitUsage, hint}
}

// errNothing is told by the exit code alone, as by grep and diff: no line matches, or the files differ.
var errNothing = errors.New("nothing matches, or not all")

// toldError is an error that was told when it came, so that the exit code is all that is left of it.
type toldError struct{ error }

func (e *toldError) Unwrap() error { return e.error }

// withHint adds a next step to an error.
func withHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &hinted{err, 0, hint}
}

// exitCode returns the exit code of an error.
func exitCode(err error) int {
	h := hintedWith(err, func(h *hinted) bool { return h.code != 0 })
	switch {
	case err == nil:
		return exitOK
	case h != nil:
		return h.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case isAny(err, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, store.ErrStorage, tree.ErrSameName):
		return exitStorage
	case isAny(err, codec.ErrTemplate, codec.ErrNote, tree.ErrTree, tree.ErrEscape, contexts.ErrFormat, contexts.ErrMeaning, manifest.ErrInvalid, manifest.ErrFork, store.ErrCorrupt, car.ErrFormat, dictnet.ErrContradiction, chain.ErrHistory, chain.ErrProof, chain.ErrEquivocation,
		chain.ErrOtherContract, chain.ErrNotAnExtension, chain.ErrReorged, merkle.ErrProof):
		return exitRefused
	case isAny(err, dictnet.ErrUnavailable, store.ErrMissing, chain.ErrUnreachable, chain.ErrNoContract, chain.ErrWrongChain, chain.ErrTooYoung, context.DeadlineExceeded):
		return exitUnavailable
	case isAny(err, fs.ErrNotExist, fs.ErrPermission, fs.ErrExist, syscall.EISDIR, syscall.ENOTDIR, codec.ErrOption, chain.ErrUnknownVersion, chain.ErrTextTooLong):
		return exitUsage
	}
	return exitFailure
}

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// hintOf returns the next step for an error, or "".
func hintOf(err error) string {
	if h := hintedWith(err, func(h *hinted) bool { return h.hint != "" }); h != nil {
		return h.hint
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: free some space, or use --home, -o or TMPDIR on another disk"
	case errors.As(err, new(*store.LockedError)):
		return "wait until it has ended; --home names another store"
	case errors.Is(err, store.ErrStorage) && isAny(err, fs.ErrPermission, syscall.EROFS):
		return "--home names another store, and TMPDIR another directory for temporary files; what only reads the store goes on"
	case errors.As(err, new(*store.DamagedNamesError)):
		return "put back a copy of the file; or move it away, and dictnet pull MANIFEST --as NAME names the dictionary anew, if dictnet gc was not run meanwhile"
	case errors.Is(err, tree.ErrTree):
		return "a tree is what encode makes of a directory; decode -o plays any template as a file"
	case errors.Is(err, tree.ErrEscape):
		return "--any-links makes such links as they are"
	case errors.Is(err, tree.ErrSameName):
		return "unpack it on a file system that tells such names apart, or read single files with dictnet cat"
	case errors.Is(err, codec.ErrTemplate):
		return "the template is damaged or is none: get it again from where it came"
	case errors.Is(err, chain.ErrNoContract):
		return "the registry was deployed after that block: wait until a later one is as deep, or ask for fewer --confirmations"
	case errors.Is(err, chain.ErrCost):
		return "another node may name another price; --max-cost allows more"
	case errors.Is(err, chain.ErrUnreachable):
		return "is the chain running? --rpc URL names another one; dictnet chain dev starts one for development"
	}
	return ""
}
