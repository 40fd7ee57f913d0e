// Package pinning hands manifests to pinning services, which fetch them with all their notes and keep them: the IPFS Pinning
// Service API (ipfs.github.io/pinning-services-api-spec).
package pinning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ipfs/boxo/pinning/remote/client/openapi"
	"github.com/ipfs/go-cid"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"dictnet/dictnet"
	"dictnet/internal/retryafter"
)

// ErrRefused is wrapped when the service answers that it will not, or could not, keep the manifest.
var ErrRefused = errors.New("the pinning service refuses")

const (
	firstPause = 200 * time.Millisecond // between questions how far the service has come
	lastPause  = 10 * time.Second
	longPause  = 2 * time.Minute  // the same, where the service says that it has too much to do
	patience   = 30 * time.Second // for one answer
	giveUp     = 5                // questions in a row that the service cannot answer now
	maxName    = 255              // characters of a pin's name, by the specification
	maxAddrs   = 20               // origins of a request, or delegates, likewise
	maxAnswer  = 1 << 20          // bytes
)

// Service is one pinning service. It is safe for concurrent use.
type Service struct {
	url *url.URL
	api *openapi.PinsApiService // of boxo's client, whose upper half takes no http.Client, and so no limits
}

// New returns the service whose API has the base URL address, as "https://pin.example/psa". token is the secret that the service
// gave its user; it is sent to nobody else. New does not call the service yet.
func New(address, token string) (*Service, error) { return newService(address, token, patience) }

func newService(address, token string, patience time.Duration) (*Service, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("pinning service %q: want a URL as https://pin.example", address)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	config := openapi.NewConfiguration()
	config.UserAgent = "dictnet"
	config.AddDefaultHeader("Authorization", "Bearer "+token)
	config.Servers = openapi.ServerConfigurations{{URL: u.String()}}
	config.HTTPClient = &http.Client{Timeout: patience, Transport: bounded{}}
	return &Service{url: u, api: openapi.NewAPIClient(config).PinsApi}, nil
}

// bounded ends answers that are too long.
type bounded struct{}

func (bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// Name names the service.
func (s *Service) Name() string { return "pinning service " + s.url.String() }

// Status is how far a request has come.
type Status struct {
	Request   string   `json:"request"`   // by which the service knows it
	Status    string   `json:"status"`    // "queued", "pinning", "pinned" or "failed"
	Delegates []string `json:"delegates"` // multiaddrs of the nodes that fetch
}

// Pin asks the service to keep a manifest with all that it reaches, and waits until it says that it has it. origins are multiaddrs,
// with /p2p/, of nodes that have it; they must stay up until then; of many, the service is told the 20 that
// are the most likely to be reached. told, if not nil, is called whenever the status is another; its delegates
// may be connected with, to be found the sooner. If the service has the manifest already, nothing is asked; if it was asked before and has not, it is told the origins of now.
func (s *Service) Pin(ctx context.Context, manifest cid.Cid, name string, origins []string, told func(Status)) (Status, error) {
	fail := func(err error) (Status, error) {
		return Status{}, fmt.Errorf("%s: pin %s: %w", s.Name(), manifest, err)
	}
	if len(name) > maxName {
		name = name[:maxName]
	}
	origins, err := chosen(origins)
	if err != nil {
		return fail(err)
	}
	list := s.api.PinsGet(ctx).Cid([]string{manifest.String()}).Status([]openapi.Status{openapi.QUEUED, openapi.PINNING, openapi.PINNED})
	ask := openapi.NewPin(manifest.String())
	ask.SetOrigins(origins)
	if name != "" {
		list = list.Name(name)
		ask.SetName(name)
	}
	there, resp, err := list.Execute()
	if err != nil {
		return fail(sort(ctx, resp, err))
	}
	var now openapi.PinStatus
	switch i := slices.IndexFunc(there.Results, func(p openapi.PinStatus) bool { return p.Status == openapi.PINNED }); {
	case i >= 0:
		now = there.Results[i]
	case len(there.Results) > 0:
		now = there.Results[0]
		if contains(now.Pin.GetOrigins(), origins) {
			break
		}
		// It was told to fetch from addresses that may be no more. If it does not take others, it goes on with those.
		if next, _, err := s.api.PinsRequestidPost(ctx, now.Requestid).Pin(*ask).Execute(); err == nil {
			now = next
		}
	default:
		if now, resp, err = s.api.PinsPost(ctx).Pin(*ask).Execute(); err != nil {
			return fail(sort(ctx, resp, err))
		}
	}
	var last string
	var later time.Duration // what the service wants to be left alone for
	failed := 0
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if got, err := cid.Decode(now.Pin.Cid); err != nil || got != manifest {
			return fail(fmt.Errorf("%w: it answers about %q", ErrRefused, now.Pin.Cid))
		}
		st := statusOf(now)
		if st.Status != last && told != nil {
			told(st)
		}
		last = st.Status
		switch now.Status {
		case openapi.PINNED:
			return st, nil
		case openapi.FAILED:
			return fail(fmt.Errorf("%w: pinning failed%s", ErrRefused, detail(now.GetInfo())))
		case openapi.QUEUED, openapi.PINNING:
		default:
			return fail(fmt.Errorf("%w: status %q is none that the specification knows", ErrRefused, st.Status))
		}
		select {
		case <-ctx.Done():
			return fail(fmt.Errorf("it is %s: %w", st.Status, ctx.Err()))
		case <-time.After(max(pause, later)):
		}
		later = 0
		next, resp, err := s.api.PinsRequestidGet(ctx, st.Request).Execute()
		switch err = sort(ctx, resp, err); {
		case err == nil:
			now, failed = next, 0
		case errors.Is(err, dictnet.ErrUnavailable) && failed < giveUp-1: // it goes on with what it has begun, for all we know
			failed++
			later = min(retryafter.Of(resp), longPause)
		default:
			return fail(err)
		}
	}
}

// contains reports whether all of some are among many.
func contains(many, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(many, s) })
}

// chosen returns the origins that a service is told, which are not more than it has to take: those that can be called from anywhere before those of the local network, and
// before those of this machine.
func chosen(origins []string) ([]string, error) {
	rank := make(map[string]int, len(origins))
	for _, o := range origins {
		a, err := ma.NewMultiaddr(o)
		if err != nil {
			return nil, err
		}
		switch {
		case manet.IsIPLoopback(a):
			rank[o] = 2
		case !manet.IsPublicAddr(a):
			rank[o] = 1
		}
	}
	origins = slices.Clone(origins)
	slices.SortStableFunc(origins, func(a, b string) int { return rank[a] - rank[b] })
	return origins[:min(len(origins), maxAddrs)], nil
}

func statusOf(p openapi.PinStatus) Status {
	st := Status{Request: p.Requestid, Status: string(p.Status), Delegates: []string{}}
	for _, d := range p.Delegates[:min(len(p.Delegates), maxAddrs)] {
		if _, err := ma.NewMultiaddr(d); err == nil {
			st.Delegates = append(st.Delegates, d)
		}
	}
	return st
}

// detail is what the service says besides, if anything.
func detail(info map[string]string) string {
	for _, key := range []string{"status_details", "details", "error"} {
		if text := info[key]; text != "" {
			return fmt.Sprintf(": %.200q", text)
		}
	}
	return ""
}

// sort says whether the service could not be reached or did not want to.
func sort(ctx context.Context, resp *http.Response, err error) error {
	var long *http.MaxBytesError
	var said openapi.GenericOpenAPIError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &long):
		return fmt.Errorf("%w: it answers with more than %d bytes", ErrRefused, maxAnswer)
	case !errors.As(err, &said): // it was not heard to its end
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("%w: %w", dictnet.ErrUnavailable, err)
	case resp.StatusCode/100 == 2:
		return fmt.Errorf("%w: it answers what is none of the API: %w", ErrRefused, err)
	}
	return refusal(resp, said.Body())
}

// refusal says why the service did not do what it was asked.
func refusal(resp *http.Response, text []byte) error {
	why := fmt.Sprintf("%q", resp.Status)
	var said struct {
		Error struct{ Reason, Details string }
	}
	if json.Unmarshal(text, &said) == nil && said.Error.Reason != "" {
		why += fmt.Sprintf(", reason %.200q, details %.200q", said.Error.Reason, said.Error.Details)
	}
	switch {
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%w: it answers %s", dictnet.ErrUnavailable, why)
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w: it answers %s (is the token right?)", ErrRefused, why)
	}
	return fmt.Errorf("%w: it answers %s", ErrRefused, why)
}
