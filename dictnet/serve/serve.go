// Package serve answers HTTP for a node: blocks and CARs as a trustless gateway, templates as files, what the store holds as JSON,
// and how the node is doing.
//
//	GET /ipfs/CID?format=raw            a block; ranges (IPFS trustless gateway specification)
//	GET /ipfs/CID?format=car            a DAG as CARv1, dag-scope=block|entity|all
//	GET /ipfs/MANIFEST?format=car&spans=POSITION:LENGTH,...  what leads to spans of the tape, and the first notes (docs/network.md)
//	GET /templates/NAME                 a file of the folder of templates; ranges
//	GET /api/v1/store                   dictionaries, pins and size of the store
//	GET /api/v1/node                    id, addresses, peers, traffic
//	GET /api/v1/dictionaries/D          a version, D being a local name or a manifest's CID
//	GET /api/v1/dictionaries/D/notes    its notes; from=N, count=N
//	POST /api/v1/inspect                a template as the body, or records: what it is made of, as dictnet inspect --json says it
//	POST /api/v1/plan                   a template as the body: which of its notes are here, as dictnet plan --json; context=NAME
//	GET /healthz                        200 while the store can be read and the server is not about to end
//	GET /metrics                        for Prometheus
//
// It only reads. What is not in the store is not looked for elsewhere: the answer is 404 at once. Every block is checked when it is
// read, and one that is damaged is not there.
package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ipfs/boxo/blockservice"
	"github.com/ipfs/boxo/blockstore"
	"github.com/ipfs/boxo/exchange/offline"
	boxo "github.com/ipfs/boxo/gateway"
	"github.com/ipfs/go-cid"
	_ "github.com/ipld/go-ipld-prime/codec/dagcbor" // what manifests are written in
	"github.com/prometheus/client_golang/prometheus"

	"dictnet/dictnet/store"
)

// Options say what is served, and how much at once.
type Options struct {
	Store     *store.Store
	Templates string      // folder whose files are served, subfolders too; "": none
	Node      func() Node // how the node is doing; nil: there is none

	Requests int           // that are answered at once; others wait; 0: 256
	Conns    int           // connections; others wait to be taken; 0: 4,096
	Stall    time.Duration // how long a client may take nothing, or send nothing; 0: 30 s
	Longest  time.Duration // for one request; 0: 1 h
}

// Node is what is told of the node beside the server.
type Node struct {
	ID             string   `json:"id"`
	Addrs          []string `json:"addrs"`
	Peers          []string `json:"peers"` // connected now
	BlocksSent     uint64   `json:"blocksSent"`
	BytesSent      uint64   `json:"bytesSent"`
	BlocksReceived uint64   `json:"blocksReceived"`
	BytesReceived  uint64   `json:"bytesReceived"`
}

// Server is an HTTP server over a store. The caller runs Serve, and ends it by Shutdown.
type Server struct {
	o       Options
	http    *http.Server
	ending  atomic.Bool
	metrics *metrics
}

const maxHeader = 16 << 10 // bytes of a request's header

// New returns a server, which does not listen yet.
func New(o Options) (*Server, error) {
	if o.Requests == 0 {
		o.Requests = 256
	}
	if o.Conns == 0 {
		o.Conns = 4096
	}
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	if o.Longest == 0 {
		o.Longest = time.Hour
	}
	s := &Server{o: o, metrics: newMetrics(o)}
	gateway, err := trustless(o, s.metrics.registry)
	if err != nil {
		return nil, fmt.Errorf("start gateway: %w", err)
	}
	api := &api{o: o}
	mux := http.NewServeMux()
	mux.Handle("/ipfs/", s.metrics.count("gateway", gateway))
	if o.Templates != "" {
		mux.Handle("GET /templates/", s.metrics.count("templates", http.StripPrefix("/templates", templates(o.Templates))))
	}
	mux.Handle("/api/v1/", s.metrics.count("api", local(api.handler())))
	mux.HandleFunc("GET "+healthPath, s.health)
	mux.Handle("GET /metrics", local(s.metrics.handler()))
	s.http = &http.Server{
		Handler:           limit(o, mux),
		ReadHeaderTimeout: o.Stall,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          quiet,
	}
	return s, nil
}

// trustless is boxo's gateway, which gives blocks and CARs and nothing that a client would have to believe. The exchange behind it
// is offline: what is not here is not there.
func trustless(o Options, registry *prometheus.Registry) (http.Handler, error) {
	blocks := blockstore.NewIdStore(o.Store.Blocks()) // CIDs that hold their own bytes, by which clients probe
	backend, err := boxo.NewBlocksBackend(blockservice.New(blocks, offline.Exchange(blocks)), boxo.WithPrometheusRegistry(registry))
	if err != nil {
		return nil, err
	}
	h := boxo.NewHandler(boxo.Config{
		NoDNSLink:          true,
		DisableHTMLErrors:  true,
		RetrievalTimeout:   0, // writes have a deadline each
		MaxRequestDuration: o.Longest,
		MetricsRegistry:    registry,
	}, backend)
	return boxo.NewHeaders(nil).ApplyCors().Wrap(brief(present(blocks, preludes(blocks, h)))), nil
}

// brief ends what answers HEAD where the body would begin: boxo reads all that a CAR would have, to throw it away.
func brief(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			w = &bodiless{ResponseWriter: w}
		}
		next.ServeHTTP(w, r)
	})
}

// bodiless takes no body.
type bodiless struct {
	http.ResponseWriter
	began bool
}

func (w *bodiless) WriteHeader(code int) {
	w.began = w.began || code >= 200
	w.ResponseWriter.WriteHeader(code)
}

func (w *bodiless) Write([]byte) (int, error) {
	if !w.began {
		w.WriteHeader(http.StatusOK) // what is set from now on, as that the CAR breaks off, is no header
	}
	return 0, http.ErrBodyNotAllowed
}

// present answers 404 where the block that a path begins at is not here, and 412 who asks for it only if it is: boxo begins a CAR before it knows.
func present(blocks blockstore.Blockstore, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/ipfs/"), "/")
		if c, err := cid.Decode(name); err == nil && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			if ok, err := blocks.Has(r.Context(), c); err == nil && !ok {
				code := http.StatusNotFound
				if r.Header.Get("Cache-Control") == "only-if-cached" {
					code = http.StatusPreconditionFailed
				}
				http.Error(w, "block "+c.String()+" is not here", code)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// Serve answers requests until Shutdown; then it returns nil at once. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(limitConns(l, s.o.Conns))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve HTTP: %w", err)
}

// Shutdown takes no more requests and returns when those that are being answered have ended, or with an error when ctx has:
// then they are cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.ending.Store(true)
	err := s.http.Shutdown(ctx)
	if err != nil {
		s.http.Close()
		return fmt.Errorf("end HTTP server: %w", err)
	}
	return nil
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if s.ending.Load() {
		http.Error(w, "ending", http.StatusServiceUnavailable)
		return
	}
	var damaged *store.DamagedNamesError // some names, which others are served beside
	if _, err := s.o.Store.Dictionaries(); err != nil && !errors.As(err, &damaged) {
		http.Error(w, "the store cannot be read", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
