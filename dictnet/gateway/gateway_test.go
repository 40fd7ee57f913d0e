package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

const notes = 300

func publish(t testing.TB, s *store.Store) dictnet.Published {
	t.Helper()
	e, err := dictnet.NewPublisher(s).Extend(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	for i := range notes {
		b, err := codec.SealNote(fmt.Appendf(nil, "note %d, from a gateway", i))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	p, err := e.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// serve is a gateway over a store, as the specification has it, whose answers wrap may change.
func serve(t testing.TB, s *store.Store, wrap func(w http.ResponseWriter, r *http.Request, data []byte)) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.URL.Path, "/ipfs/")
		c, err := cid.Decode(name)
		if !ok || err != nil || r.URL.RawQuery != "format=raw" || r.Header.Get("Accept") != "application/vnd.ipld.raw" {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		data, err := s.Get(r.Context(), c)
		if err != nil {
			http.NotFound(w, r)
			return
		}
		if wrap != nil {
			wrap(w, r, data)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.ipld.raw")
		w.Write(data)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func newClient(t testing.TB, urls ...string) (*dictnet.Client, *store.Store) {
	t.Helper()
	var sources []dictnet.Source
	for _, u := range urls {
		g, err := New(u)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { g.Close() })
		sources = append(sources, g)
	}
	s := openStore(t)
	c := dictnet.NewClient(dictnet.Options{Store: s, Sources: sources, Timeout: 2 * time.Second, Idle: 500 * time.Millisecond})
	t.Cleanup(func() { c.Close() })
	return c, s
}

// A gateway on this machine that gives each CID a host name of its own, as Kubo's does when it is called by the name localhost.
func TestNamesBelowLocalhost(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, ok := strings.CutPrefix(r.URL.Path, "/ipfs/"); ok && strings.HasPrefix(r.Host, "localhost:") {
			http.Redirect(w, r, "http://"+name+".ipfs."+r.Host+"/?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		name, _, _ := strings.Cut(r.Host, ".ipfs.localhost:")
		c, err := cid.Decode(name)
		if err != nil || r.URL.Query().Get("format") != "raw" {
			http.NotFound(w, r)
			return
		}
		if data, err := origin.Get(r.Context(), c); err == nil {
			w.Write(data)
		}
	}))
	defer srv.Close()
	c, _ := newClient(t, strings.Replace(srv.URL, "127.0.0.1", "localhost", 1))
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
}

func TestPull(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	c, home := newClient(t, serve(t, origin, nil)+"/")
	begin := time.Now()
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d notes in %v", notes, time.Since(begin))
	if n, err := home.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); n != notes+4 || err != nil {
		t.Errorf("%d blocks, %v", n, err)
	}
}

// A gateway that answers with something else costs little beside a good one, and alone is an error that names
// it. Nothing wrong is kept.
func TestBadGateways(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	good := serve(t, origin, nil)
	var calls atomic.Int64
	bad := map[string]func(w http.ResponseWriter, r *http.Request, data []byte){
		"HTML with status 200": func(w http.ResponseWriter, r *http.Request, _ []byte) {
			fmt.Fprint(w, "<html><body>Welcome to our gateway!</body></html>")
		},
		"one byte flipped": func(w http.ResponseWriter, r *http.Request, data []byte) {
			data = bytes.Clone(data)
			data[len(data)/2] ^= 1
			w.Write(data)
		},
		"cut short": func(w http.ResponseWriter, r *http.Request, data []byte) { w.Write(data[:len(data)-1]) },
		"breaks the connection": func(w http.ResponseWriter, r *http.Request, data []byte) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data[:len(data)/2])
			panic(http.ErrAbortHandler)
		},
		"without end": func(w http.ResponseWriter, r *http.Request, data []byte) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
		"silent": func(w http.ResponseWriter, r *http.Request, data []byte) { <-r.Context().Done() },
		"404":    func(w http.ResponseWriter, r *http.Request, _ []byte) { http.NotFound(w, r) },
		"410":    func(w http.ResponseWriter, r *http.Request, _ []byte) { w.WriteHeader(http.StatusGone) },
		"500":    func(w http.ResponseWriter, r *http.Request, _ []byte) { w.WriteHeader(http.StatusInternalServerError) },
		"429":    func(w http.ResponseWriter, r *http.Request, _ []byte) { w.WriteHeader(http.StatusTooManyRequests) },
		"to itself": func(w http.ResponseWriter, r *http.Request, _ []byte) {
			http.Redirect(w, r, r.URL.String(), http.StatusFound)
		},
		"every third fails": func(w http.ResponseWriter, r *http.Request, data []byte) {
			if calls.Add(1)%3 == 0 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			w.Write(data)
		},
	}
	for name, wrap := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := serve(t, origin, wrap)
			c, home := newClient(t, url, good)
			if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil {
				t.Fatalf("beside a good one: %v", err)
			}
			if _, err := home.Check(t.Context(), func(c cid.Cid, err error) { t.Error(err) }); err != nil {
				t.Error(err)
			}
			c, home = newClient(t, url)
			begin := time.Now()
			err := c.Pull(t.Context(), p.Ref, "", nil)
			if name == "every third fails" {
				if err != nil {
					t.Errorf("alone: %v", err)
				}
				return
			}
			if !errors.Is(err, dictnet.ErrUnavailable) || !strings.Contains(err.Error(), url) || strings.Contains(err.Error(), "\n") {
				t.Errorf("alone: %v", err)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("alone: took %v", took)
			}
			if st, err := home.Stats(t.Context()); err != nil || st.Blocks != 0 {
				t.Errorf("kept %v, %v", st, err)
			}
		})
	}
}

// A gateway that says when it wants to be asked again is left alone until then, and counts as one who fails if that is too long.
func TestTooMuchToDo(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	var asked atomic.Int64
	var began atomic.Int64
	c, _ := newClient(t, serve(t, origin, func(w http.ResponseWriter, r *http.Request, data []byte) {
		began.CompareAndSwap(0, time.Now().UnixNano())
		if time.Since(time.Unix(0, began.Load())) < time.Second {
			asked.Add(1)
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.Write(data)
	}))
	if err := c.Pull(t.Context(), p.Ref, "", nil); err != nil || asked.Load() != 1 { // for the manifest
		t.Errorf("%v; asked %d times before its time", err, asked.Load())
	}
	for _, wait := range []string{"3600", "0"} {
		asked.Store(0)
		c, _ = newClient(t, serve(t, origin, func(w http.ResponseWriter, r *http.Request, data []byte) {
			asked.Add(1)
			w.Header().Set("Retry-After", wait)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		begin := time.Now()
		if err := c.Pull(t.Context(), p.Ref, "", nil); !errors.Is(err, dictnet.ErrUnavailable) || !strings.Contains(err.Error(), "503") || asked.Load() > 10*giveUp {
			t.Errorf("asked %d times: %v", asked.Load(), err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	}
}

// What was wrong with each of several gateways is told, in one line.
func TestReasons(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	status := func(code int) string {
		return serve(t, origin, func(w http.ResponseWriter, _ *http.Request, _ []byte) { w.WriteHeader(code) })
	}
	gone, broken := status(http.StatusGone), status(http.StatusBadGateway)
	page := serve(t, origin, func(w http.ResponseWriter, _ *http.Request, _ []byte) { fmt.Fprint(w, "<html>") })
	c, _ := newClient(t, gone, broken, page, closed.URL)
	_, err := c.Open(t.Context(), p.Ref)
	if !errors.Is(err, dictnet.ErrUnavailable) {
		t.Fatal(err)
	}
	for _, want := range []string{gone + ` (answers "410 Gone")`, broken + ` (answers "502 Bad Gateway")`, page + ` (sent 6 bytes that are not it)`, closed.URL + " (dial tcp "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: nothing of %s", err, want)
		}
	}
	c, _ = newClient(t, gone)
	if _, err := c.Open(t.Context(), p.Ref); err == nil || !strings.Contains(err.Error(), "410 Gone") {
		t.Errorf("one gateway: %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, _ := newClient(t, srv.URL)
	begin := time.Now()
	if _, err := c.Open(t.Context(), p.Ref); !errors.Is(err, dictnet.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestPlan(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	url := serve(t, origin, nil)
	c, home := newClient(t, url)
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Plan(t.Context(), tape, []codec.Span{{Pos: 0, Len: tape.Size()}})
	if err != nil || plan.Nowhere != 0 || len(plan.Missing) != notes || plan.Missing[7].Who[0] != "gateway "+url {
		t.Errorf("%+v, %v", plan, err)
	}
	if st, err := home.Stats(t.Context()); err != nil || st.Blocks != 4 {
		t.Errorf("fetched %v, %v", st, err)
	}
}

// A long list takes its time, and is asked for to its end.
func TestLongPlan(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	g, err := New(serve(t, origin, func(w http.ResponseWriter, r *http.Request, data []byte) {
		if r.Method == http.MethodHead {
			time.Sleep(60 * time.Millisecond)
		}
		w.Write(data)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	c := dictnet.NewClient(dictnet.Options{Store: openStore(t), Sources: []dictnet.Source{g}, Timeout: 2 * time.Second})
	defer c.Close()
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Plan(t.Context(), tape, []codec.Span{{Pos: 0, Len: tape.Size()}})
	if err != nil || plan.Nowhere != 0 || len(plan.Silent) != 0 {
		t.Errorf("%d of %d are nowhere, silent %v, %v", plan.Nowhere, plan.Notes, plan.Silent, err)
	}
}

// A gateway that cannot be asked after one note has not said that it has none.
func TestPlanWithoutAnswer(t *testing.T) {
	origin := openStore(t)
	p := publish(t, origin)
	g, err := New(serve(t, origin, func(w http.ResponseWriter, r *http.Request, data []byte) {
		if r.Method == http.MethodHead {
			w.WriteHeader(http.StatusBadGateway)
		}
		w.Write(data)
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	c := dictnet.NewClient(dictnet.Options{Store: openStore(t), Sources: []dictnet.Source{g}})
	defer c.Close()
	tape, err := c.Open(t.Context(), p.Ref)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := c.Plan(t.Context(), tape, []codec.Span{{Pos: 0, Len: 1}})
	if err != nil || plan.Nowhere != 1 || len(plan.Silent) != 1 || !strings.Contains(plan.Silent[0], "502") {
		t.Errorf("%+v, %v", plan, err)
	}
}

// A gateway that does not answer is not waited for again and again, however long the list.
func TestMuteGateway(t *testing.T) {
	var asked atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	}))
	defer srv.Close()
	g, err := New(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	s, _ := g.Open(t.Context())
	c, err := codec.NoteCID([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		err = s.(dictnet.Prober).Probe(ctx, []cid.Cid{c}, func(cid.Cid, string) { t.Error("it has it") })
		cancel()
	}
	if err == nil || errors.Is(err, context.DeadlineExceeded) || asked.Load() > giveUp {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

func TestNew(t *testing.T) {
	for _, base := range []string{"", "gateway.example", "ftp://gateway.example", "https://", "http://x/?a=b", "http://x/#y", "http://[::1"} {
		if _, err := New(base); err == nil {
			t.Errorf("%q taken for a gateway", base)
		}
	}
	g, err := New("https://user:secret@gateway.example/path/")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(g.Name(), "secret") {
		t.Errorf("named %q", g.Name())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := g.Open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := codec.NoteCID([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Fetch(ctx, []cid.Cid{c}, func(cid.Cid, []byte) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
