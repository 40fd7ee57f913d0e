package pinning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet"
)

const manifest = "bafyreihcagoydax6trvgdkori6z2fkuxgtbzrblputy65jgbezzbmgvkqy"

// A service that says that there are ever more pins is asked once: one is enough.
func TestEndlessList(t *testing.T) {
	var asked atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"count": 1000, "results": [{"requestid": "x", "status": "pinned", "created": "2026-01-01T00:00:00Z", "pin": {"cid": %q}, "delegates": []}]}`, manifest)
	}))
	defer srv.Close()
	s, err := New(srv.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	st, err := s.Pin(ctx, cid.MustParse(manifest), "d", nil, nil)
	if err != nil || st.Status != "pinned" || asked.Load() != 1 {
		t.Errorf("%+v after %d questions, %v", st, asked.Load(), err)
	}
}

// What a service may do besides answering: a service that is not there for a moment while it fetches is asked again; else the error says what it did, soon.
func TestBadServices(t *testing.T) {
	status := func(status string) string {
		return fmt.Sprintf(`{"requestid": "a/b", "status": %q, "pin": {"cid": %q}, "delegates": [%s"/ip4/192.0.2.1/tcp/1"]}`, status, manifest, strings.Repeat(`"/ip4/192.0.2.1/tcp/1", `, 5000))
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		_, err := fmt.Fprint(w, `{"count": 1, "results": [{"requestid": "`)
		for some := strings.Repeat("x", 1<<16); err == nil; {
			_, err = fmt.Fprint(w, some)
		}
	}
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   error
		says   string
	}{
		"endless": {endless, ErrRefused, "more than 1048576 bytes"},
		"silent":  {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, dictnet.ErrUnavailable, ""},
		"down":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, dictnet.ErrUnavailable, "502"},
		"refuses": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusConflict)
			fmt.Fprintf(w, `{"error": {"reason": "FULL", "details": "%s"}}`, strings.Repeat("no ", 10_000))
		}, ErrRefused, "FULL"},
		"token": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }, ErrRefused, "token"},
		"HTML":  {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, ErrRefused, "none of the API"},
		"down for a moment": {func() func(w http.ResponseWriter, r *http.Request) {
			var asked atomic.Int32
			return func(w http.ResponseWriter, r *http.Request) {
				n := asked.Add(1)
				switch {
				case r.URL.Path == "/pins" && r.Method == http.MethodGet:
					fmt.Fprint(w, `{"count": 0, "results": []}`)
				case r.URL.Path == "/pins":
					fmt.Fprint(w, status("queued"))
				case r.URL.EscapedPath() != "/pins/a%2Fb":
					w.WriteHeader(http.StatusNotFound)
				case n < 5:
					w.WriteHeader(http.StatusServiceUnavailable)
				default:
					fmt.Fprint(w, status("pinned"))
				}
			}
		}(), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				test.answer(w, r)
			}))
			t.Cleanup(srv.Close)
			s, err := newService(srv.URL, "token", 2*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			st, err := s.Pin(t.Context(), cid.MustParse(manifest), "d", nil, nil)
			if !errors.Is(err, test.want) || err != nil && (!strings.Contains(err.Error(), test.says) || len(err.Error()) > 1000) {
				t.Errorf("error %v, want %v, %q", err, test.want, test.says)
			}
			if err == nil && (st.Status != "pinned" || len(st.Delegates) > 20) {
				t.Errorf("%s, %d delegates", st.Status, len(st.Delegates))
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// A service that says when it wants to be asked again is left alone until then.
func TestTooMuchToDo(t *testing.T) {
	var asked, early atomic.Int32
	var until atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if time.Now().UnixNano() < until.Load() {
			early.Add(1)
		}
		status := "pinned"
		switch asked.Add(1) {
		case 1:
			fmt.Fprint(w, `{"count": 0, "results": []}`)
			return
		case 2:
			status = "queued"
		case 3:
			until.Store(time.Now().Add(2 * time.Second).UnixNano())
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		fmt.Fprintf(w, `{"requestid": "x", "status": %q, "created": "2026-01-01T00:00:00Z", "pin": {"cid": %q}, "delegates": []}`, status, manifest)
	}))
	defer srv.Close()
	s, err := New(srv.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Pin(t.Context(), cid.MustParse(manifest), "d", nil, nil)
	if err != nil || st.Status != "pinned" || asked.Load() != 4 || early.Load() != 0 {
		t.Errorf("%+v, %v; asked %d times, %d of them too early", st, err, asked.Load(), early.Load())
	}
}

// A service takes 20 addresses, and a host with many networks may have more: the service is told those first that it may reach.
func TestManyOrigins(t *testing.T) {
	var asked struct{ Origins []string }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"count": 0, "results": []}`)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Origins) > 20 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"requestid": "x", "status": "pinned", "created": "2026-01-01T00:00:00Z", "pin": {"cid": %q}, "delegates": []}`, manifest)
	}))
	defer srv.Close()
	s, err := New(srv.URL, "token")
	if err != nil {
		t.Fatal(err)
	}
	const id = "/tcp/4011/p2p/12D3KooWB84AxysK1FBr2WGZ7FEnh7wiGssVnmWkyaA1FT9dKszU"
	origins := []string{"/ip4/127.0.0.1" + id}
	for i := range 30 {
		origins = append(origins, fmt.Sprintf("/ip4/172.17.%d.1%s", i, id))
	}
	origins = append(origins, "/ip4/8.8.4.4"+id)
	if _, err := s.Pin(t.Context(), cid.MustParse(manifest), "d", origins, nil); err != nil {
		t.Fatal(err)
	}
	if len(asked.Origins) != 20 || asked.Origins[0] != origins[31] || asked.Origins[1] != origins[1] {
		t.Errorf("origins %q", asked.Origins)
	}
}

// A request that was made by an earlier run, which ended, names addresses where nobody may be any more: the service is told those of now.
func TestOriginsOfAnEarlierRun(t *testing.T) {
	const old, now = "/ip4/192.0.2.1/tcp/1/p2p/12D3KooWB84AxysK1FBr2WGZ7FEnh7wiGssVnmWkyaA1FT9dKszU", "/ip4/192.0.2.2/tcp/4011/p2p/12D3KooWB84AxysK1FBr2WGZ7FEnh7wiGssVnmWkyaA1FT9dKszU"
	for name, test := range map[string]struct {
		origin   string // of the earlier run
		refuses  bool   // the service takes no others
		replaced int
	}{
		"the same":  {now, false, 0},
		"others":    {old, false, 1},
		"refused":   {old, true, 1},
		"none told": {"", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			replaced := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				status := func(request, status string) string {
					return fmt.Sprintf(`{"requestid": %q, "status": %q, "created": "2026-01-01T00:00:00Z", "pin": {"cid": %q, "origins": [%q]}, "delegates": []}`, request, status, manifest, test.origin)
				}
				if test.origin == "" {
					status = func(request, status string) string {
						return fmt.Sprintf(`{"requestid": %q, "status": %q, "created": "2026-01-01T00:00:00Z", "pin": {"cid": %q}, "delegates": []}`, request, status, manifest)
					}
				}
				switch {
				case r.Method == http.MethodGet && r.URL.Path == "/pins":
					fmt.Fprintf(w, `{"count": 1, "results": [%s]}`, status("old", "queued"))
				case r.Method == http.MethodPost && r.URL.Path == "/pins/old":
					var p struct {
						CID     string
						Origins []string
					}
					if err := json.NewDecoder(r.Body).Decode(&p); err != nil || p.CID != manifest || len(p.Origins) != 1 || p.Origins[0] != now {
						t.Errorf("asked for %+v, %v", p, err)
					}
					if replaced++; test.refuses {
						w.WriteHeader(http.StatusNotFound)
						return
					}
					w.WriteHeader(http.StatusAccepted)
					fmt.Fprint(w, status("new", "queued"))
				case r.URL.Path == "/pins/new" && replaced == 1, r.URL.Path == "/pins/old" && (test.refuses || test.replaced == 0):
					fmt.Fprint(w, status(r.URL.Path[len("/pins/"):], "pinned"))
				default:
					t.Errorf("%s %s", r.Method, r.URL)
					w.WriteHeader(http.StatusNotFound)
				}
			}))
			defer srv.Close()
			s, err := New(srv.URL, "token")
			if err != nil {
				t.Fatal(err)
			}
			if st, err := s.Pin(t.Context(), cid.MustParse(manifest), "d", []string{now}, nil); err != nil || st.Status != "pinned" || replaced != test.replaced {
				t.Errorf("%+v, %v; replaced %d times", st, err, replaced)
			}
		})
	}
}
