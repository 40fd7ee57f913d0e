package gateway

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"
	"github.com/ipld/go-car/v2/storage"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

// preludeOf returns a prelude as a CAR, each block changed as a test likes; nil leaves it out.
func preludeOf(t *testing.T, s *store.Store, version cid.Cid, spans []codec.Span, change func(c cid.Cid, data []byte) []byte) []byte {
	var out bytes.Buffer
	w, err := storage.NewWritable(&out, []cid.Cid{version}, carv2.WriteAsCarV1(true))
	if err == nil {
		err = dictnet.Play(t.Context(), s, version, spans, func(c cid.Cid, data []byte) error {
			if data = change(c, bytes.Clone(data)); data == nil {
				return nil
			}
			return w.Put(t.Context(), c.KeyString(), data)
		})
	}
	if err != nil {
		t.Error(err)
	}
	return out.Bytes()
}

// What leads to a note comes by one request. A gateway that does not offer this, or whatever else it answers, is asked block by block.
func TestPrelude(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	same := func(_ cid.Cid, data []byte) []byte { return data }
	for name, c := range map[string]struct {
		change func(c cid.Cid, data []byte) []byte
		send   func(w http.ResponseWriter, archive []byte)
		single int64 // blocks asked for one by one
	}{
		"offered":     {same, func(w http.ResponseWriter, a []byte) { w.Write(a) }, 0},
		"not offered": {same, func(w http.ResponseWriter, a []byte) { w.WriteHeader(http.StatusNotAcceptable) }, 4},
		"not known: just the manifest": {func(c cid.Cid, data []byte) []byte {
			if c != p.Ref.Manifest {
				return nil
			}
			return data
		}, func(w http.ResponseWriter, a []byte) { w.Write(a) }, 3},
		"HTML": {same, func(w http.ResponseWriter, a []byte) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte("<html>"))
		}, 4},
		"HTML that calls itself a CAR": {same, func(w http.ResponseWriter, a []byte) { w.Write([]byte("<html><body>Welcome</body></html>")) }, 4},
		"breaks off": {same, func(w http.ResponseWriter, a []byte) {
			w.Write(a[:len(a)-1])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, 1},
		"all is wrong": {func(_ cid.Cid, data []byte) []byte { data[len(data)-1] ^= 1; return data }, func(w http.ResponseWriter, a []byte) { w.Write(a) }, 4},
		"without end": {same, func(w http.ResponseWriter, a []byte) {
			w.Write(a)
			var junk bytes.Buffer
			j, err := storage.NewWritable(&junk, []cid.Cid{p.Ref.Manifest}, carv2.WriteAsCarV1(true))
			if err != nil {
				return
			}
			head := junk.Len()
			block, err := codec.SealNote([]byte("nobody asked for this"))
			if err != nil || j.Put(t.Context(), block.CID.KeyString(), block.Data) != nil {
				return
			}
			for {
				if _, err := w.Write(junk.Bytes()[head:]); err != nil {
					return
				}
			}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var single, preludes atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				name, err := cid.Decode(strings.TrimPrefix(r.URL.Path, "/ipfs/"))
				if err != nil {
					http.Error(w, err.Error(), http.StatusBadRequest)
					return
				}
				if q := r.URL.Query(); q.Get("format") == "car" {
					preludes.Add(1)
					spans, err := dictnet.ParseSpans(q.Get("spans"))
					if err != nil || name != p.Ref.Manifest || q.Get("dag-scope") != "block" {
						t.Errorf("%s: %v", r.URL, err)
					}
					w.Header().Set("Content-Type", carType+"; version=1")
					c.send(w, preludeOf(t, origin, name, spans, c.change))
					return
				}
				data, err := origin.Get(r.Context(), name)
				if err != nil {
					http.NotFound(w, r)
					return
				}
				single.Add(1)
				w.Write(data)
			}))
			t.Cleanup(srv.Close)
			client, home := newClient(t, srv.URL)
			pos := uint64(3000)
			client.Expect([]codec.Span{{Pos: pos, Len: 1}})
			tape, err := client.Open(t.Context(), p.Ref)
			if err != nil {
				t.Fatal(err)
			}
			start, raw, err := tape.NoteAt(t.Context(), pos)
			if err != nil || start > pos || start+uint64(len(raw)) <= pos || !strings.HasSuffix(string(raw), ", from a gateway") {
				t.Errorf("%q at %d, %v", raw, start, err)
			}
			if single.Load() != c.single || preludes.Load() != 1 {
				t.Errorf("%d blocks and %d preludes were asked for", single.Load(), preludes.Load())
			}
			if n, err := home.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); n != 4 || err != nil {
				t.Errorf("%d blocks, %v", n, err)
			}
		})
	}
}
