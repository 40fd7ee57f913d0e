// Package router asks a delegated router who has a dictionary, and them for its blocks: GET /routing/v1/providers/CID, and /routing/v1/peers/ID for those
// of whom it names no address, as the specification "Delegated Routing V1 HTTP API" has it (specs.ipfs.tech). Only manifests and their pages are announced, not notes; so
// whoever has a manifest is asked for the rest too. Nothing that comes is believed: whoever fetches checks it.
package router

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"

	"dictnet/dictnet"
	"dictnet/dictnet/gateway"
)

const (
	patience     = 15 * time.Second // for an answer
	maxAnswer    = 1 << 20          // bytes
	maxProviders = 8                // that are asked
	maxAsked     = 16               // CIDs that the router is asked for
	askAgain     = time.Minute      // in which time; later it may know others
	lookUpTime   = time.Second      // for the addresses of those of whom none was named, where others have some
)

// Router is one delegated router. It is a dictnet.Source, and safe for concurrent use. The caller closes it.
type Router struct {
	base *url.URL
	http *http.Client
	dial func(peers []string) (dictnet.Source, error)

	mu        sync.Mutex
	asked     map[cid.Cid]time.Time // and answered
	sought    map[string]time.Time  // providers whose addresses it was asked for
	known     map[string]bool       // providers
	providers []dictnet.Source
	faults    map[dictnet.Source]int // who lied, failed, or said nothing until the time was up, is asked after the others
}

// New returns the router at a base URL, as "https://router.example". It does not call it yet. Dial makes a source of peers, multiaddrs with
// /p2p/, which is closed with the router if it has a Close; nil leaves them out, so that only providers that answer HTTP are asked.
func New(base string, dial func(peers []string) (dictnet.Source, error)) (*Router, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("router: want a URL as https://router.example")
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/routing/v1")
	return &Router{base: u, http: &http.Client{Timeout: patience}, dial: dial, asked: map[cid.Cid]time.Time{}, sought: map[string]time.Time{}, known: map[string]bool{}, faults: map[dictnet.Source]int{}}, nil
}

// Name names the router and whom it has named.
func (r *Router) Name() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := "router " + r.base.Redacted()
	for _, p := range r.providers {
		name += ", " + p.Name()
	}
	return name
}

// Close closes what was made of providers.
func (r *Router) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, p := range r.providers {
		if c, ok := p.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	r.providers = nil
	r.http.CloseIdleConnections()
	return errors.Join(errs...)
}

// Open starts a session. The router is asked when a block is.
func (r *Router) Open(ctx context.Context) (dictnet.Session, error) {
	return &session{r: r, ctx: ctx, open: map[dictnet.Source]dictnet.Session{}}, nil
}

// provider is a record of an answer: of the schema peer, or of the older one, bitswap.
type provider struct {
	Schema    string
	ID        string
	Addrs     []string
	Protocols []string
	Protocol  string
}

// usable reports whether the record is one that says where somebody is.
func (p *provider) usable() bool { return p.Schema == "peer" || p.Schema == "bitswap" }

// find asks who has a block, and adds those who are new.
func (r *Router) find(ctx context.Context, c cid.Cid) error {
	r.mu.Lock()
	maps.DeleteFunc(r.asked, func(_ cid.Cid, when time.Time) bool { return time.Since(when) >= askAgain })
	asked := !r.asked[c].IsZero() || len(r.asked) >= maxAsked
	r.mu.Unlock()
	if asked {
		return nil
	}
	var answer struct{ Providers []provider }
	if err := r.get(ctx, "providers/"+c.String(), &answer); err != nil {
		return err
	}
	add := func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range answer.Providers {
			r.add(p)
		}
	}
	add() // whoever can be called now, however long it takes to find the others
	r.lookUp(ctx, answer.Providers)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	add()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[c] = time.Now()
	return nil
}

// get asks the router for something. Nothing at all is an answer, too.
func (r *Router) get(ctx context.Context, path string, answer any) error {
	u := *r.base
	u.Path += "/routing/v1/" + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "dictnet")
	resp, err := r.http.Do(req)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return fmt.Errorf("ask the router: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNotFound:
		return nil
	case http.StatusOK:
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(answer); err != nil {
			return fmt.Errorf("the router's answer: %w", err)
		}
		return nil
	}
	return fmt.Errorf("the router answers %q", resp.Status)
}

// lookUp fills in where those providers are of whom the router has named no address, as routers do that do not keep them: it may find them out. Whom it does not find
// cannot be called.
func (r *Router) lookUp(ctx context.Context, providers []provider) {
	limit := patience
	var some []*provider
	r.mu.Lock()
	maps.DeleteFunc(r.sought, func(_ string, when time.Time) bool { return time.Since(when) >= askAgain })
	for i := range providers {
		switch p := &providers[i]; {
		case len(p.Addrs) > 0:
			limit = lookUpTime
		case p.usable() && peerID.MatchString(p.ID) && !r.known[p.ID] && r.sought[p.ID].IsZero() && len(r.known)+len(r.sought)+len(some) < maxProviders:
			some = append(some, p)
		}
	}
	r.mu.Unlock()
	all, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var wg sync.WaitGroup
	for _, p := range some {
		wg.Go(func() {
			var answer struct{ Peers []provider }
			r.get(all, "peers/"+p.ID, &answer) // an error leaves it empty
			for _, found := range answer.Peers {
				if found.ID == p.ID {
					p.Addrs = append(p.Addrs, found.Addrs...)
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return // it did not have the time
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range some {
		r.sought[p.ID] = time.Now()
	}
}

// peerID is the form of a peer's id, in base58 or as a CID. It stands in a URL's path.
var peerID = regexp.MustCompile(`^[A-Za-z0-9]{1,128}$`)

// add makes a source of a provider: a gateway if it has an HTTP address, else a peer. What is no good, or cannot be called, is left out. r.mu is held.
func (r *Router) add(p provider) {
	if len(r.known) >= maxProviders || !p.usable() || r.known[p.ID] {
		return
	}
	var peers []string
	for _, a := range p.Addrs {
		if base := gatewayURL(a); base != "" {
			if g, err := gateway.New(base); err == nil {
				r.known[p.ID] = true
				r.providers = append(r.providers, g)
				return
			}
		}
		if !callable(a) {
			continue
		}
		if !strings.Contains(a, "/p2p/") {
			a += "/p2p/" + p.ID
		}
		peers = append(peers, a)
	}
	bitswap := p.Protocol == "transport-bitswap" || len(p.Protocols) == 0 || slices.Contains(p.Protocols, "transport-bitswap")
	if r.dial == nil || len(peers) == 0 || !bitswap {
		return
	}
	if s, err := r.dial(peers); err == nil {
		r.known[p.ID] = true
		r.providers = append(r.providers, s)
	}
}

// callable reports whether a node of ours can call an address: by TCP, and not through a relay. Most whom the public DHT knows have others, too, and many have only such.
func callable(addr string) bool {
	parts := split(addr)
	switch {
	case len(parts) == 2 && parts[0] == "dnsaddr":
		return true
	case len(parts) == 4 && parts[2] == "tcp":
		return slices.Contains([]string{"ip4", "ip6", "dns", "dns4", "dns6"}, parts[0])
	}
	return false
}

// split returns the parts of a multiaddr, but for the /p2p/ at its end.
func split(addr string) []string {
	parts := strings.Split(strings.Trim(addr, "/"), "/")
	if n := len(parts); n >= 2 && parts[n-2] == "p2p" {
		parts = parts[:n-2]
	}
	return parts
}

// gatewayURL returns the URL of an address as /dns4/gateway.example/tcp/443/https, or "".
func gatewayURL(addr string) string {
	parts := split(addr)
	if len(parts) < 3 {
		return ""
	}
	host, rest := parts[1], parts[2:]
	switch parts[0] {
	case "dns", "dns4", "dns6", "ip4":
	case "ip6":
		host = "[" + strings.Trim(host, "[]") + "]"
	default:
		return ""
	}
	port := ""
	if len(rest) >= 2 && rest[0] == "tcp" {
		port, rest = rest[1], rest[2:]
	}
	scheme := ""
	switch strings.Join(rest, "/") {
	case "https", "tls/http":
		scheme = "https"
	case "http":
		scheme = "http"
	default:
		return ""
	}
	if port != "" {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		host = net.JoinHostPort(host, port)
	}
	base := scheme + "://" + host
	if u, err := url.Parse(base); err != nil || u.Host != host || u.Hostname() == "" { // it is more than a host, or none
		return ""
	}
	return base
}

// session is a conversation with all providers that were named so far.
type session struct {
	r   *Router
	ctx context.Context // of the session

	mu   sync.Mutex
	open map[dictnet.Source]dictnet.Session // nil: cannot be asked

	refusal string // the last one of the router
}

var (
	_ dictnet.Prober  = (*session)(nil)
	_ dictnet.Refuser = (*session)(nil)
)

// inOrder returns the providers, those with the fewest faults first.
func (r *Router) inOrder() []dictnet.Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.providers)
	slices.SortStableFunc(all, func(a, b dictnet.Source) int { return r.faults[a] - r.faults[b] })
	return all
}

// servedWell reports whether somebody is known who was never at fault.
func (r *Router) servedWell() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.providers, func(p dictnet.Source) bool { return r.faults[p] == 0 })
}

func (r *Router) fault(p dictnet.Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[p]++
}

// Fetch asks those whom the router has named for all blocks, and the router for one of those that they do not give. It is asked first as long as it has named
// nobody who was never at fault.
func (s *session) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	if len(want) == 0 {
		return nil
	}
	left := make(map[cid.Cid]bool, len(want))
	for _, c := range want {
		left[c] = true
	}
	asked := make(map[dictnet.Source]bool)
	var failed error
	well := s.r.servedWell()
	if well {
		if failed = s.fetch(ctx, want, left, asked, got); len(left) == 0 || ctx.Err() != nil {
			return failed
		}
	}
	err := s.r.find(ctx, missing(want, left)[0])
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !well:
		failed = err
	case err != nil: // those who do not have it have said so
		s.mu.Lock()
		s.refusal = err.Error()
		s.mu.Unlock()
	}
	if err := s.fetch(ctx, want, left, asked, got); err != nil {
		failed = err
	}
	if len(left) == 0 {
		return nil
	}
	return failed
}

// Refusal says why the router could not be asked for others, if it could not.
func (s *session) Refusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// fetch asks those who were named and not asked yet, one after the other, for what is left.
func (s *session) fetch(ctx context.Context, want []cid.Cid, left map[cid.Cid]bool, asked map[dictnet.Source]bool, got func(cid.Cid, []byte)) error {
	var failed error
	for _, p := range s.r.inOrder() {
		if asked[p] {
			continue
		}
		asked[p] = true
		sess, err := s.session(p)
		before := len(left)
		if err == nil && sess != nil {
			lied := false
			err = sess.Fetch(ctx, missing(want, left), func(c cid.Cid, data []byte) {
				if name, err := c.Prefix().Sum(data); err != nil || name != c { // others may have it
					lied = true
					return
				}
				delete(left, c)
				got(c, data)
			})
			if err == nil && lied {
				err = errors.New("sends something else than it is asked for")
			}
		}
		if err != nil && (ctx.Err() == nil || len(left) == before) {
			s.r.fault(p)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			failed = fmt.Errorf("%s: %w", p.Name(), err)
		}
		if len(left) == 0 {
			return nil
		}
	}
	return failed
}

// Probe asks those whom the router has named so far which blocks they have, at the same time. Notes are announced by nobody: if it has named nobody yet, the router is asked
// for the first block all the same.
func (s *session) Probe(ctx context.Context, want []cid.Cid, have func(cid.Cid, string)) error {
	if len(want) > 0 && len(s.r.inOrder()) == 0 {
		if err := s.r.find(ctx, want[0]); err != nil {
			return err
		}
	}
	all := s.r.inOrder()
	if len(all) == 0 {
		return errors.New("names nobody")
	}
	var one sync.Mutex
	var failed error
	var wg sync.WaitGroup
	for _, p := range all {
		wg.Go(func() {
			sess, err := s.session(p)
			prober, ok := sess.(dictnet.Prober)
			switch {
			case err == nil && ok:
				err = prober.Probe(ctx, want, func(c cid.Cid, who string) {
					one.Lock()
					defer one.Unlock()
					have(c, who)
				})
			case err == nil:
				err = errors.New("cannot be asked")
			}
			if err != nil {
				one.Lock()
				defer one.Unlock()
				failed = fmt.Errorf("%s: %w", p.Name(), err)
			}
		})
	}
	wg.Wait()
	return failed
}

func missing(want []cid.Cid, left map[cid.Cid]bool) []cid.Cid {
	var m []cid.Cid
	for _, c := range want {
		if left[c] {
			m = append(m, c)
		}
	}
	return m
}

func (s *session) session(p dictnet.Source) (dictnet.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sess, ok := s.open[p]; ok {
		return sess, nil
	}
	sess, err := p.Open(s.ctx)
	if err != nil {
		sess = nil
	}
	s.open[p] = sess
	return sess, err
}
