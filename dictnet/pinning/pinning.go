// Package pinning hands manifests to pinning services, which fetch them with all their notes and keep them: the IPFS Pinning
// Service API (ipfs.github.io/pinning-services-api-spec).
package pinning

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	remote "github.com/ipfs/boxo/pinning/remote/client"
	"github.com/ipfs/go-cid"
	ma "github.com/multiformats/go-multiaddr"

	"dictnet/dictnet"
)

// ErrRefused is wrapped when the service answers that it will not, or could not, keep the manifest.
var ErrRefused = errors.New("the pinning service refuses")

const (
	firstPause = 200 * time.Millisecond // between questions how far the service has come
	lastPause  = 10 * time.Second
	maxName    = 255 // characters of a pin's name, by the specification
)

// Service is one pinning service. It is safe for concurrent use.
type Service struct {
	client *remote.Client
	url    *url.URL
}

// New returns the service whose API has the base URL address, as "https://pin.example/psa". token is the secret that the service
// gave its user; it is sent to nobody else. New does not call the service yet.
func New(address, token string) (*Service, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("pinning service %q: want a URL as https://pin.example", address)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return &Service{client: remote.NewClient(u.String(), token), url: u}, nil
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
// with /p2p/, of nodes that have it; they must stay up until then. told, if not nil, is called whenever the status is another; its delegates
// may be connected with, to be found the sooner. If the service has the manifest already, nothing is asked.
func (s *Service) Pin(ctx context.Context, manifest cid.Cid, name string, origins []string, told func(Status)) (Status, error) {
	fail := func(err error) (Status, error) {
		return Status{}, fmt.Errorf("%s: pin %s: %w", s.Name(), manifest, s.sort(ctx, err))
	}
	if len(name) > maxName {
		name = name[:maxName]
	}
	var addrs []ma.Multiaddr
	for _, o := range origins {
		a, err := ma.NewMultiaddr(o)
		if err != nil {
			return fail(err)
		}
		addrs = append(addrs, a)
	}
	there, _, err := s.client.LsBatchSync(ctx, remote.PinOpts.FilterCIDs(manifest), remote.PinOpts.FilterName(name),
		remote.PinOpts.FilterStatus(remote.StatusQueued, remote.StatusPinning, remote.StatusPinned))
	if err != nil {
		return fail(err)
	}
	var now remote.PinStatusGetter
	if len(there) > 0 {
		now = there[0]
	} else if now, err = s.client.Add(ctx, manifest, remote.PinOpts.WithName(name), remote.PinOpts.WithOrigins(addrs...)); err != nil {
		return fail(err)
	}
	var last string
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if got := now.GetPin().GetCid(); got != manifest {
			return fail(fmt.Errorf("%w: it answers about %s", ErrRefused, got))
		}
		st := statusOf(now)
		if st.Status != last && told != nil {
			told(st)
		}
		last = st.Status
		switch now.GetStatus() {
		case remote.StatusPinned:
			return st, nil
		case remote.StatusFailed:
			return fail(fmt.Errorf("%w: pinning failed%s", ErrRefused, detail(now.GetInfo())))
		case remote.StatusQueued, remote.StatusPinning:
		default:
			return fail(fmt.Errorf("%w: status %q is none that the specification knows", ErrRefused, now.GetStatus()))
		}
		select {
		case <-ctx.Done():
			return fail(fmt.Errorf("it is %s: %w", st.Status, ctx.Err()))
		case <-time.After(pause):
		}
		if now, err = s.client.GetStatusByID(ctx, st.Request); err != nil {
			return fail(err)
		}
	}
}

func statusOf(g remote.PinStatusGetter) Status {
	st := Status{Request: g.GetRequestId(), Status: g.GetStatus().String(), Delegates: []string{}}
	for _, d := range g.GetDelegates() {
		st.Delegates = append(st.Delegates, d.String())
	}
	return st
}

// detail is what the service says besides, if anything.
func detail(info map[string]string) string {
	for _, key := range []string{"status_details", "details", "error"} {
		if text := info[key]; text != "" {
			return ": " + text
		}
	}
	return ""
}

// sort says whether the service could not be reached or did not want to.
func (s *Service) sort(ctx context.Context, err error) error {
	var u *url.Error
	switch {
	case errors.Is(err, ErrRefused), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return err
	case errors.As(err, &u):
		return fmt.Errorf("%w: %w", dictnet.ErrUnavailable, u.Err)
	case strings.Contains(err.Error(), http.StatusText(http.StatusUnauthorized)), strings.Contains(err.Error(), "UNAUTHORIZED"):
		return fmt.Errorf("%w: %w (is the token right?)", ErrRefused, err)
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}
