//go:build !front

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dictnet/dictnet/kubo"
	"dictnet/dictnet/store"
)

// terminal returns the two ends of a pseudo terminal.
func terminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return screen, tty
}

// How far it is with what Kubo is given is told in bytes, as everywhere.
func TestProgressOfKubo(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	sample := filepath.Join(t.TempDir(), "sample")
	random := make([]byte, 24<<20)
	rand.New(rand.NewSource(1)).Read(random)
	if err := os.WriteFile(sample, random, 0o666); err != nil {
		t.Fatal(err)
	}
	_, must := commands(t)
	must("build", sample, "-o", "d", "--home", home)
	s, err := store.Open(home, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dict, err := s.Dictionary("d")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v0/pin/ls":
			http.Error(w, `{"Message":"not pinned"}`, http.StatusInternalServerError)
		case "/api/v0/dag/import":
			for _, err := io.CopyN(io.Discard, r.Body, 1<<20); err == nil; _, err = io.CopyN(io.Discard, r.Body, 1<<20) {
				time.Sleep(20 * time.Millisecond)
			}
		case "/api/v0/pin/add":
			fmt.Fprintf(w, `{"Pins":[%q]}`, dict.Current.Manifest)
		}
	}))
	defer server.Close()
	k, err := kubo.New(strings.Replace(server.URL, "http://", "kubo://", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	screen, tty := terminal(t)
	shown := make(chan string)
	go func() {
		var all bytes.Buffer
		io.Copy(&all, screen) // ends with an error when nobody has the other end
		shown <- all.String()
	}()
	a := &app{stdout: io.Discard, stderr: tty}
	if err := a.pinOnKubo(t.Context(), s, dict, k); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	select {
	case text := <-shown:
		speeds := regexp.MustCompile(`[KMGT]?i?B/s`).FindAllString(text, -1)
		if len(speeds) == 0 || speeds[len(speeds)-1] != "MiB/s" {
			t.Errorf("shown: %q", text)
		}
	case <-time.After(10 * time.Second):
		t.Error("the terminal is still open")
	}
}
