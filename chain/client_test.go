package chain

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A chain that does not answer is an error that names it, and soon.
func TestUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	// Accepts connections and says nothing for ever, as a process that is stopped does.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	serve := func(f http.HandlerFunc) string {
		s := httptest.NewServer(f)
		t.Cleanup(s.Close)
		return s.URL
	}
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"0x`)
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat("00", 1<<15))); err != nil {
				return
			}
		}
	}
	for name, url := range map[string]string{
		"nobody listens":     "http://" + closed.Addr().String(),
		"nobody listens, ws": "ws://" + closed.Addr().String(),
		"never answers":      "http://" + silent.Addr().String(),
		"never answers, ws":  "ws://" + silent.Addr().String(),
		"internal error":     serve(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "sorry", 500) }),
		"no such page":       serve(http.NotFound),
		"a page for people":  serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello</html>") }),
		"half an answer":     serve(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"res`) }),
		"a number that is none": serve(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":"zebra"}`)
		}),
		"an answer without an end": serve(endless),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			c, err := Dial(context.Background(), url, WithTimeout(2*time.Second))
			if err == nil {
				c.Close()
				t.Fatal("dialled")
			}
			if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), url) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error: %v", err)
			}
			if took := time.Since(began); took > 4*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestDialRefusesBadURLs(t *testing.T) {
	for _, url := range []string{"", "127.0.0.1:8545", "localhost", "ftp://127.0.0.1", "http://", "http://%zz"} {
		if c, err := Dial(t.Context(), url); err == nil {
			c.Close()
			t.Errorf("%q: dialled", url)
		} else if errors.Is(err, ErrUnreachable) {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// A caller who gives up is told so, not that the chain does not answer.
func TestDialHonoursContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err = Dial(ctx, "http://"+silent.Addr().String())
	if !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnreachable) {
		t.Errorf("error: %v", err)
	}
}

// A block that the node does not have cannot be had, which is no failure of ours.
func TestNoSuchBlock(t *testing.T) {
	client := dialTest(t, startDev(t).URL())
	if b, err := client.BlockAt(t.Context(), 1<<40); !errors.Is(err, ErrUnreachable) {
		t.Errorf("%+v, %v", b, err)
	}
}

// What may be a provider's key does not appear in errors.
func TestErrorsKeepSecrets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = Dial(t.Context(), "http://user:s3cret@"+l.Addr().String()+"/v2/s3cret?key=s3cret")
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "http://"+l.Addr().String()+"/...") {
		t.Errorf("error: %v", err)
	}
}
