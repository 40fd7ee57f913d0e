// Package gateway asks trustless HTTP gateways for blocks: GET /ipfs/CID?format=raw, as the IPFS gateway
// specification has it (specs.ipfs.tech, "Trustless Gateway"). A plain file server with files named by CID below /ipfs/ will do as
// well. Nothing that comes is believed: whoever fetches checks it.
package gateway

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	carv2 "github.com/ipld/go-car/v2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"dictnet/codec"
	"dictnet/dictnet"
	"dictnet/dictnet/store"
	"dictnet/internal/retryafter"
)

const (
	// atOnce is how many blocks one gateway is asked for at a time.
	atOnce = 8
	// giveUp is how many failures in a row, of requests that should have been answered, end a session.
	giveUp = 3
	// defaultPatience is how long a gateway may take for one block.
	defaultPatience = 30 * time.Second
)

// Gateway is one HTTP gateway. It is a dictnet.Source, and safe for concurrent use.
type Gateway struct {
	base     *url.URL
	http     *http.Client
	streams  *http.Client // without a limit of time for the whole answer
	patience time.Duration
	slots    *semaphore.Weighted // for each block that it is asked for: first come, first served

	mu    sync.Mutex
	until time.Time // it wants to be left alone, for no longer than its patience
}

var (
	_ dictnet.Source  = (*Gateway)(nil)
	_ dictnet.Prober  = (*session)(nil)
	_ dictnet.Archive = (*session)(nil)
	_ dictnet.Prelude = (*session)(nil)
	_ dictnet.Refuser = (*session)(nil)
)

// New returns the gateway at a base URL, as "https://gateway.example" or "http://127.0.0.1:8080". It does not call it yet.
func New(base string) (*Gateway, error) { return newGateway(base, defaultPatience) }

func newGateway(base string, patience time.Duration) (*Gateway, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("gateway %q: want a URL as https://gateway.example", base)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = dialLocalhost(transport.DialContext)
	transport.MaxIdleConnsPerHost = atOnce
	transport.MaxConnsPerHost = 2 * atOnce // no block waits for another's connection, if not for its slot
	transport.ResponseHeaderTimeout = patience
	return &Gateway{base: u, http: &http.Client{Transport: transport, Timeout: patience}, streams: &http.Client{Transport: transport}, patience: patience, slots: semaphore.NewWeighted(atOnce)}, nil
}

// dialLocalhost calls this machine by all names below localhost (RFC 6761, section 6.3), which the resolvers of many systems do not know: as http://localhost:8080,
// Kubo sends whoever asks on to http://CID.ipfs.localhost:8080.
func dialLocalhost(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(addr); err == nil && strings.HasSuffix(host, ".localhost") {
			addr = net.JoinHostPort("localhost", port)
		}
		return dial(ctx, network, addr)
	}
}

// Close gives up the connections that are idle.
func (g *Gateway) Close() error {
	g.http.CloseIdleConnections()
	return nil
}

// Name names the gateway.
func (g *Gateway) Name() string { return "gateway " + g.base.Redacted() }

// Open starts a session. Whether the gateway answers shows at the first block.
func (g *Gateway) Open(context.Context) (dictnet.Session, error) { return &session{g: g}, nil }

// session counts the failures since the last answer.
type session struct {
	g       *Gateway
	mu      sync.Mutex
	failed  int
	refusal string // the last one
	mute    int    // times that nothing was answered when many blocks were asked after
}

// notThere is the status by which the gateway says that it does not have, or does not give, a block.
type notThere string

func (e notThere) Error() string { return fmt.Sprintf("answers %q", string(e)) }

// busy is the status by which the gateway says that it will answer, but later.
type busy string

func (e busy) Error() string { return fmt.Sprintf("answers %q", string(e)) }

// hold waits as long as the gateway wants to be left alone.
func (g *Gateway) hold(ctx context.Context) error {
	g.mu.Lock()
	wait := time.Until(g.until)
	g.mu.Unlock()
	if wait <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// refused says what an answer means that is none. Whoever wants to be left alone for longer than one waits for a block counts as one who fails.
func (g *Gateway) refused(resp *http.Response) error {
	if wait := retryafter.Of(resp); wait > 0 && wait <= g.patience {
		g.mu.Lock()
		defer g.mu.Unlock()
		if until := time.Now().Add(wait); until.After(g.until) {
			g.until = until
		}
		return busy(resp.Status)
	}
	if resp.StatusCode >= 400 && resp.StatusCode < 500 && resp.StatusCode != http.StatusTooManyRequests && resp.StatusCode != http.StatusRequestTimeout {
		return notThere(resp.Status)
	}
	return fmt.Errorf("answers %q", resp.Status)
}

// request asks for a block, or with HEAD only whether it is there.
func (g *Gateway) request(ctx context.Context, method string, c cid.Cid) (*http.Response, error) {
	u := *g.base
	u.Path += "/ipfs/" + c.String()
	u.RawQuery = "format=raw"
	r, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/vnd.ipld.raw")
	r.Header.Set("User-Agent", "dictnet")
	if err := g.hold(ctx); err != nil {
		return nil, err
	}
	resp, err := g.http.Do(r)
	if err != nil || resp.StatusCode == http.StatusOK {
		return resp, err
	}
	resp.Body.Close()
	return nil, g.refused(resp)
}

func (g *Gateway) get(ctx context.Context, c cid.Cid) ([]byte, error) {
	resp, err := g.request(ctx, http.MethodGet, c)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, store.MaxBlock+1)) // one more shows that it is too much
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Record asks the gateway for the signed record of an IPNS name (?format=ipns-record). What it returns is for the caller to check.
func (g *Gateway) Record(ctx context.Context, name string) ([]byte, error) {
	u := *g.base
	u.Path += "/ipns/" + strings.TrimPrefix(name, "/ipns/")
	u.RawQuery = "format=ipns-record"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/vnd.ipfs.ipns-record")
	r.Header.Set("User-Agent", "dictnet")
	resp, err := g.http.Do(r)
	if err != nil {
		return nil, oneLine(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answers %q", resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxRecord))
}

// maxRecord is the most that an IPNS record has, in bytes, by its specification.
const maxRecord = 10 << 10

// result counts what came of a request, and says when to give up.
func (s *session) result(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.As(err, new(busy)): // it is asked again when it wants to be
		s.refusal = err.Error()
		return nil
	case errors.As(err, new(notThere)):
		s.refusal = err.Error()
		err = nil
	}
	if err == nil {
		s.failed = 0
		return nil
	}
	s.refusal = oneLine(err).Error()
	if s.failed++; s.failed >= giveUp {
		return oneLine(err)
	}
	return nil
}

// Refusal says how the gateway last went without a block.
func (s *session) Refusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// oneLine leaves out the URL that net/http repeats: the source is named already.
func oneLine(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Fetch asks for the blocks, several at once.
func (s *session) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	var one sync.Mutex
	return s.each(ctx, want, func(ctx context.Context, c cid.Cid) error {
		for {
			data, err := s.g.get(ctx, c)
			if err == nil {
				one.Lock()
				got(c, data)
				one.Unlock()
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if stop := s.result(err); stop != nil || err == nil || errors.As(err, new(notThere)) {
				return stop
			}
			select { // and try it again
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
}

// FetchBelow asks for a block and all that it reaches, as a CAR (?format=car&dag-scope=all).
func (s *session) FetchBelow(ctx context.Context, root cid.Cid, got func(cid.Cid, []byte)) error {
	return s.stream(ctx, root, url.Values{"dag-scope": {"all"}}, math.MaxInt64, math.MaxInt, got)
}

// FetchPrelude asks for what leads to spans of a tape, as a CAR (?spans=...). A gateway that does not know this sends just the manifest, or
// anything: that is no error, since it may serve blocks well.
func (s *session) FetchPrelude(ctx context.Context, name cid.Cid, spans []codec.Span, got func(cid.Cid, []byte)) error {
	query := url.Values{"dag-scope": {"block"}, "spans": {dictnet.FormatSpans(spans)}}
	s.stream(ctx, name, query, dictnet.PreludeBytes+store.MaxBlock, dictnet.PreludeBlocks, got)
	return ctx.Err()
}

var errTooMuch = errors.New("sends more than was asked for")

// stream asks for a CAR, and passes on its blocks, up to so many bytes and blocks. Each must be here within the gateway's patience.
func (s *session) stream(ctx context.Context, root cid.Cid, query url.Values, bytes int64, most int, got func(cid.Cid, []byte)) error {
	u := *s.g.base
	u.Path += "/ipfs/" + root.String()
	query.Set("format", "car")
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", carType+"; version=1; order=dfs; dups=n")
	r.Header.Set("User-Agent", "dictnet")
	if err := s.g.hold(ctx); err != nil {
		return err
	}
	resp, err := s.g.streams.Do(r)
	if err != nil {
		return oneLine(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s.g.refused(resp)
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || kind != carType {
		return fmt.Errorf("answers with %q, not with a CAR", resp.Header.Get("Content-Type"))
	}
	late := time.AfterFunc(s.g.patience, func() { resp.Body.Close() })
	defer late.Stop()
	blocks, err := carv2.NewBlockReader(bufio.NewReaderSize(resp.Body, 1<<18), carv2.WithTrustedCAR(true),
		carv2.MaxAllowedHeaderSize(64<<10), carv2.MaxAllowedSectionSize(store.MaxBlock+128), carv2.ZeroLengthSectionAsEOF(false))
	if err != nil {
		return fmt.Errorf("sends no CAR: %w", err)
	}
	for ; ; most-- {
		late.Reset(s.g.patience)
		b, err := blocks.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the CAR breaks off: %w", err)
		}
		if bytes -= int64(len(b.RawData())); bytes < 0 || most == 0 {
			return errTooMuch
		}
		got(b.Cid(), b.RawData())
	}
}

const carType = "application/vnd.ipld.car"

// Probe asks by HEAD which blocks are there. A gateway that did not answer any, several times, is not asked again in the session: a long list is asked for in
// many calls.
func (s *session) Probe(ctx context.Context, want []cid.Cid, have func(cid.Cid, string)) error {
	s.mu.Lock()
	mute := s.mute
	s.mu.Unlock()
	if mute >= giveUp {
		return errors.New("does not answer")
	}
	var one sync.Mutex
	var failed error // of one that was to be answered
	answered := false
	err := s.each(ctx, want, func(ctx context.Context, c cid.Cid) error {
		resp, err := s.g.request(ctx, http.MethodHead, c)
		one.Lock()
		defer one.Unlock()
		if err == nil {
			resp.Body.Close()
			have(c, s.g.Name())
		}
		there := err == nil || errors.As(err, new(notThere))
		answered = answered || there
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !there {
			failed = oneLine(err)
		}
		return s.result(err)
	})
	if err == nil && !answered { // of a few, not so many fail that it is left
		err = failed
	}
	if err != nil && !answered {
		s.mu.Lock()
		s.mute++
		s.mu.Unlock()
	}
	return err
}

// each calls f for each block, as many at a time as there are slots, and those first that come first, in the order of the calls as well: what is played first is asked for first.
func (s *session) each(ctx context.Context, want []cid.Cid, f func(context.Context, cid.Cid) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range want {
		if err := s.g.slots.Acquire(ctx, 1); err != nil {
			g.Go(func() error { return err })
			break
		}
		g.Go(func() error {
			defer s.g.slots.Release(1)
			return f(ctx, c)
		})
	}
	return g.Wait()
}
