//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/rogpeppe/go-internal/testscript"
)

// pin and pinStatus are objects of the Pinning Service API 1.0.0.
type pin struct {
	CID     string            `json:"cid"`
	Name    string            `json:"name,omitempty"`
	Origins []string          `json:"origins,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
}

type pinStatus struct {
	RequestID string            `json:"requestid"`
	Status    string            `json:"status"`
	Created   time.Time         `json:"created"`
	Pin       pin               `json:"pin"`
	Delegates []string          `json:"delegates"`
	Info      map[string]string `json:"info,omitempty"`
}

// service is a pinning service that keeps its pins on a Kubo node. It makes the checks that the specification asks of a service.
type service struct {
	repo     string // of the Kubo node
	delegate string // its address

	mu   sync.Mutex
	pins []*pinStatus
	wg   sync.WaitGroup
}

// pinningService KUBO VAR: starts a service over the node KUBO, and sets a variable to its address. Its token is "secret".
func pinningService(ts *testscript.TestScript, neg bool, args []string) {
	s := &service{repo: ts.MkAbs(args[0]), delegate: ts.Getenv(args[0] + "_PEER")}
	server := httptest.NewServer(s)
	ts.Defer(func() {
		server.Close()
		s.wg.Wait()
	})
	ts.Setenv(args[1], server.URL)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fail := func(code int, reason, details string) {
		w.WriteHeader(code)
		json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"reason": reason, "details": details}})
	}
	if r.Header.Get("Authorization") != "Bearer secret" {
		fail(http.StatusUnauthorized, "UNAUTHORIZED", "access token is missing or invalid")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, one := strings.CutPrefix(r.URL.Path, "/pins/")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/pins":
		q := r.URL.Query()
		statuses := []string{"pinned"} // where none is named
		if q.Has("status") {
			statuses = strings.Split(q.Get("status"), ",")
		}
		results := []*pinStatus{}
		for _, p := range s.pins {
			if (!q.Has("cid") || slices.Contains(strings.Split(q.Get("cid"), ","), p.Pin.CID)) &&
				(!q.Has("name") || q.Get("name") == p.Pin.Name) && slices.Contains(statuses, p.Status) {
				results = append(results, p)
			}
		}
		json.NewEncoder(w).Encode(map[string]any{"count": len(results), "results": results})
	case r.Method == http.MethodPost && r.URL.Path == "/pins":
		var p pin
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&p); err != nil {
			fail(http.StatusBadRequest, "BAD_REQUEST", err.Error())
			return
		}
		if err := checkPin(p); err != nil {
			fail(http.StatusBadRequest, "BAD_REQUEST", err.Error())
			return
		}
		st := &pinStatus{RequestID: fmt.Sprint("request-", len(s.pins)), Status: "queued", Created: time.Now().UTC(), Pin: p, Delegates: []string{s.delegate}}
		s.pins = append(s.pins, st)
		w.WriteHeader(http.StatusAccepted)
		json.NewEncoder(w).Encode(st)
		s.wg.Go(func() { s.fetch(st) })
	case r.Method == http.MethodGet && one:
		i := slices.IndexFunc(s.pins, func(p *pinStatus) bool { return p.RequestID == id })
		if i < 0 {
			fail(http.StatusNotFound, "NOT_FOUND", "no such request")
			return
		}
		json.NewEncoder(w).Encode(s.pins[i])
	default:
		fail(http.StatusNotFound, "NOT_FOUND", r.Method+" "+r.URL.Path)
	}
}

func checkPin(p pin) error {
	if c, err := cid.Decode(p.CID); err != nil || c.Version() != 1 {
		return fmt.Errorf("cid %q: %v", p.CID, err)
	}
	if len(p.Name) > 255 || len(p.Origins) > 20 {
		return fmt.Errorf("too long a name or too many origins")
	}
	for _, o := range p.Origins {
		if a, err := ma.NewMultiaddr(o); err != nil {
			return err
		} else if _, err := a.ValueForProtocol(ma.P_P2P); err != nil {
			return fmt.Errorf("origin %s: %w", o, err)
		}
	}
	return nil
}

// fetch has the node fetch from the origins, as a service would.
func (s *service) fetch(st *pinStatus) {
	set := func(status string, info map[string]string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		st.Status, st.Info = status, info
	}
	set("pinning", nil)
	for _, args := range [][]string{append([]string{"swarm", "connect"}, st.Pin.Origins...), {"pin", "add", "--recursive", "--name", st.Pin.Name, st.Pin.CID}} {
		cmd := exec.Command(kuboPath, args...)
		cmd.Env = append(os.Environ(), "IPFS_PATH="+s.repo)
		if out, err := cmd.CombinedOutput(); err != nil {
			set("failed", map[string]string{"status_details": string(out)})
			return
		}
	}
	set("pinned", nil)
}
