package kubo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

var manifest = cid.MustParse("bafyreihcagoydax6trvgdkori6z2fkuxgtbzrblputy65jgbezzbmgvkqy")

// node is one whose API answers as a test likes.
func node(t *testing.T, answer http.HandlerFunc) *Node {
	t.Helper()
	srv := httptest.NewServer(answer)
	t.Cleanup(srv.Close)
	n, err := newNode("kubo://"+strings.TrimPrefix(srv.URL, "http://"), 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// A node that takes a question and says nothing is unavailable.
func TestSilentNode(t *testing.T) {
	n := node(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := n.Has(ctx, manifest); !errors.Is(err, dictnet.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("pin ls: %v, %v", err, ctx.Err())
	}
	if _, err := n.Record(ctx, "/ipns/k51"); !errors.Is(err, dictnet.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("name get: %v, %v", err, ctx.Err())
	}
}

// What cannot be read for a node is no fault of the node; what it does not take is.
func TestWhoFailsToImport(t *testing.T) {
	damaged := errors.New("note 7 is damaged")
	takesAll := node(t, func(_ http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	err := takesAll.Import(t.Context(), func(w io.Writer) error {
		io.WriteString(w, "the beginning")
		return damaged
	})
	if !errors.Is(err, damaged) || errors.Is(err, dictnet.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	refuses := node(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	err = refuses.Import(t.Context(), func(w io.Writer) error {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return err
			}
		}
	})
	if remote := (*RemoteError)(nil); !errors.As(err, &remote) || remote.Status != http.StatusForbidden {
		t.Errorf("error %v", err)
	}
	if err := takesAll.Import(t.Context(), func(w io.Writer) error { _, err := io.WriteString(w, "all"); return err }); err != nil {
		t.Error(err)
	}
}

// Why a node does not give a block is told.
func TestReason(t *testing.T) {
	n := node(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, "403 - Forbidden")
	})
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := dictnet.NewClient(dictnet.Options{Store: s, Sources: []dictnet.Source{n}, Timeout: 2 * time.Second})
	defer c.Close()
	if _, err := c.OpenManifest(t.Context(), manifest); !errors.Is(err, dictnet.ErrUnavailable) || !strings.Contains(err.Error(), "403 Forbidden") {
		t.Errorf("error %v", err)
	}
}

// What goes wrong after the node has begun to answer, it says in a trailer.
func TestFailsInTheMiddle(t *testing.T) {
	n := node(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Stream-Error")
		io.WriteString(w, `{"Progress": 100}`)
		w.(http.Flusher).Flush()
		w.Header().Set("X-Stream-Error", "no space left on device")
	})
	err := n.Pin(t.Context(), manifest, "releases")
	if remote := (*RemoteError)(nil); !errors.As(err, &remote) || !strings.Contains(err.Error(), "no space left") || strings.Contains(err.Error(), "\n") {
		t.Errorf("pin add: %v", err)
	}
	err = n.Import(t.Context(), func(w io.Writer) error { _, err := io.WriteString(w, "all"); return err })
	if err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("dag import: %v", err)
	}
}
