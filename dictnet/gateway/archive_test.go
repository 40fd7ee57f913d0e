package gateway

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"dictnet/dictnet"
	"dictnet/dictnet/manifest"
	"dictnet/dictnet/store"
)

// below returns a CAR of a page with its notes, each changed as a test likes.
func below(t *testing.T, s *store.Store, version cid.Cid, page cid.Cid, change func(i int, data []byte) []byte) []byte {
	t.Helper()
	m, err := manifest.Open(t.Context(), s, version)
	if err != nil {
		t.Error(err)
		return nil
	}
	var out bytes.Buffer
	w, err := storage.NewWritable(&out, []cid.Cid{page}, carv2.WriteAsCarV1(true))
	if err != nil {
		t.Error(err)
		return nil
	}
	inside, n := false, 0
	err = m.Walk(t.Context(), func(l manifest.Link) (bool, error) {
		if !l.Note {
			inside = l.CID == page
		}
		if !inside {
			return true, nil
		}
		data, err := s.Get(t.Context(), l.CID)
		if err != nil {
			return false, err
		}
		if l.Note {
			data = change(n, bytes.Clone(data))
			n++
		}
		return true, w.Put(t.Context(), l.CID.KeyString(), data)
	})
	if err == nil {
		err = w.Finalize()
	}
	if err != nil {
		t.Error(err)
	}
	return out.Bytes()
}

// A whole dictionary comes as one CAR for each page. Where that is not offered, breaks off or is wrong, the rest comes block by block, and
// what has arrived is not asked for again.
func TestArchives(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	same := func(_ int, data []byte) []byte { return data }
	for name, c := range map[string]struct {
		change func(i int, data []byte) []byte
		send   func(w http.ResponseWriter, archive []byte)
		most   int64 // single blocks that may be asked for, besides those of the manifest
		wrong  bool
	}{
		"whole":       {same, func(w http.ResponseWriter, a []byte) { w.Write(a) }, 0, false},
		"not offered": {same, func(w http.ResponseWriter, a []byte) { w.WriteHeader(http.StatusNotAcceptable) }, notes, false},
		"HTML": {same, func(w http.ResponseWriter, a []byte) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>"))
		}, notes, false},
		"HTML that calls itself a CAR": {same, func(w http.ResponseWriter, a []byte) { w.Write([]byte("<html><body>Welcome</body></html>")) }, notes, false},
		"breaks off half-way": {same, func(w http.ResponseWriter, a []byte) {
			w.Write(a[:len(a)*3/4]) // the page is a third of it
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, notes/2 + 20, false},
		"without end": {same, func(w http.ResponseWriter, a []byte) {
			header, n := binary.Uvarint(a)
			page := a[uint64(n)+header:]
			size, n := binary.Uvarint(page)
			_, err := w.Write(a)
			for err == nil { // the page, again and again
				_, err = w.Write(page[:uint64(n)+size])
			}
		}, 0, false},
		"every 50th is wrong": {func(i int, data []byte) []byte {
			if i%50 == 7 {
				data[len(data)-1] ^= 1
			}
			return data
		}, func(w http.ResponseWriter, a []byte) { w.Write(a) }, notes / 40, true},
		"all is wrong": {func(_ int, data []byte) []byte { data[0] ^= 1; return data }, func(w http.ResponseWriter, a []byte) { w.Write(a) }, notes, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var single, archives atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				name, err := cid.Decode(strings.TrimPrefix(r.URL.Path, "/ipfs/"))
				if err != nil {
					http.Error(w, err.Error(), http.StatusBadRequest)
					return
				}
				if r.URL.Query().Get("format") == "car" {
					archives.Add(1)
					w.Header().Set("Content-Type", carType+"; version=1")
					c.send(w, below(t, origin, p.Ref.Manifest, name, c.change))
					return
				}
				data, err := origin.Get(r.Context(), name)
				if err != nil {
					http.NotFound(w, r)
					return
				}
				if name.Prefix().Codec == cid.Raw {
					single.Add(1)
				}
				w.Write(data)
			}))
			t.Cleanup(srv.Close)
			client, home := newClient(t, srv.URL)
			if err := client.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Fatal(err)
			}
			if n, err := home.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); n != notes+4 || err != nil {
				t.Errorf("%d blocks, %v", n, err)
			}
			if got := single.Load(); got > c.most || archives.Load() == 0 {
				t.Errorf("%d single notes and %d archives were asked for, want at most %d", got, archives.Load(), c.most)
			}
			if st := client.Stats(); st.Blocks != notes+4 || (st.Wrong > 0) != c.wrong {
				t.Errorf("%+v", st)
			}
		})
	}
}

// A gateway that sends now and then a byte is left when a block takes too long.
func TestDrippingArchive(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", carType)
		archive := below(t, origin, p.Ref.Manifest, p.Ref.Manifest, func(_ int, data []byte) []byte { return data })
		for i := range archive {
			if _, err := w.Write(archive[i : i+1]); err != nil || r.Context().Err() != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}))
	t.Cleanup(srv.Close)
	g, err := newGateway(srv.URL, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	s, _ := g.Open(t.Context())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.(dictnet.Archive).FetchBelow(ctx, p.Ref.Manifest, func(cid.Cid, []byte) {}); err == nil || ctx.Err() != nil {
		t.Errorf("%v, %v", err, ctx.Err())
	}
}

// A gateway that takes a request for a page with its notes, and sends nothing, is left for the next.
func TestSilentArchive(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	var archives atomic.Int64
	serve := func(silent bool) *Gateway {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			name, err := cid.Decode(strings.TrimPrefix(r.URL.Path, "/ipfs/"))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			switch {
			case r.URL.Query().Get("format") != "car":
				if data, err := origin.Get(r.Context(), name); err == nil {
					w.Write(data)
				}
			case silent:
				<-r.Context().Done()
			default:
				archives.Add(1)
				w.Header().Set("Content-Type", carType+"; version=1")
				w.Write(below(t, origin, p.Ref.Manifest, name, func(_ int, data []byte) []byte { return data }))
			}
		}))
		t.Cleanup(srv.Close)
		g, err := New(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Close() })
		return g
	}
	c := dictnet.NewClient(dictnet.Options{Store: openStore(t), Sources: []dictnet.Source{serve(true), serve(false)}, Timeout: 10 * time.Second, Idle: 100 * time.Millisecond})
	defer c.Close()
	begin := time.Now()
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 10*time.Second || archives.Load() == 0 {
		t.Errorf("took %v, %d pages came with their notes", took, archives.Load())
	}
}
