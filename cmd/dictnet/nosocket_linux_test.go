package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const noSockets = "DICTNET_TEST_NO_SOCKETS"

// A process with noSockets in its environment starts anew as one that the kernel ends when it opens a socket, be it while its packages start.
func init() {
	if os.Getenv(noSockets) == "" {
		return
	}
	os.Unsetenv(noSockets)
	runtime.LockOSThread() // the filter is the thread's, and that of what it executes
	if err := forbidSockets(); err != nil {
		panic(err)
	}
	panic(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
}

func forbidSockets() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SOCKET, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_KILL_PROCESS},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// Decoding a template whose notes are here opens no socket, not even when peers, gateways and the local network are named that could be asked: nothing of the network is
// started. The same process is ended when a note is not here, so the trap works.
func TestDecodeOpensNoSocket(t *testing.T) {
	dir := t.TempDir()
	file := make([]byte, 1_000_000)
	r := rand.NewChaCha8([32]byte{6})
	r.Read(file)
	if err := os.WriteFile(filepath.Join(dir, "file"), file, 0o666); err != nil {
		t.Fatal(err)
	}
	dictnet := func(env string, args ...string) ([]byte, error) {
		cmd := exec.Command("dictnet", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Logf("%v: %v %s", args, err, stderr.String())
		}
		return out, err
	}
	out, err := dictnet("", "build", "file", "-o", "d", "--home", "home", "--json")
	var built struct{ Manifest string }
	if err == nil {
		err = json.Unmarshal(out, &built)
	}
	if err == nil {
		_, err = dictnet("", "encode", "file", "-d", "d", "-o", "template.dn", "--home", "home")
	}
	if err != nil {
		t.Fatal(err)
	}
	network := []string{"--peer", "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN", "--gateway", "http://127.0.0.1:1", "--mdns"}
	decode := []string{"decode", "template.dn", "-o", "-", "-d", built.Manifest, "--timeout", "2s"}
	for _, args := range [][]string{decode, append(decode[:len(decode):len(decode)], network...)} {
		if out, err := dictnet(noSockets+"=1", append(args, "--home", "home")...); err != nil || !bytes.Equal(out, file) {
			t.Errorf("%v: %d bytes, %v", args, len(out), err)
		}
	}
	_, err = dictnet(noSockets+"=1", append(append(decode, network...), "--home", "empty")...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGSYS {
		t.Errorf("with notes that are not here: %v", err)
	}
}
