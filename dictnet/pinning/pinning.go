// Package pinning hands manifests to pinning services, which fetch them with all their notes and keep them: the IPFS Pinning
// Service API (ipfs.github.io/pinning-services-api-spec).
package pinning

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ipfs/go-cid"
	ma "github.com/multiformats/go-multiaddr"

	"dictnet/dictnet"
)

// ErrRefused is wrapped when the service answers that it will not, or could not, keep the manifest.
var ErrRefused = errors.New("the pinning service refuses")

const (
	firstPause   = 200 * time.Millisecond // between questions how far the service has come
	lastPause    = 10 * time.Second
	patience     = 30 * time.Second // for one answer
	giveUp       = 5                // questions in a row that the service cannot answer now
	maxName      = 255              // characters of a pin's name, by the specification
	maxDelegates = 20               // of a request, likewise
	maxAnswer    = 1 << 20          // bytes
)

// Service is one pinning service. It is safe for concurrent use.
type Service struct {
	url   *url.URL
	token string
	http  *http.Client
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
	return &Service{url: u, token: token, http: &http.Client{Timeout: patience}}, nil
}

// Name names the service.
func (s *Service) Name() string { return "pinning service " + s.url.String() }

// Status is how far a request has come.
type Status struct {
	Request   string   `json:"request"`   // by which the service knows it
	Status    string   `json:"status"`    // "queued", "pinning", "pinned" or "failed"
	Delegates []string `json:"delegates"` // multiaddrs of the nodes that fetch
}

// pin is what a service is to keep, and pinStatus what it says of a request for that.
type pin struct {
	CID     string   `json:"cid"`
	Name    string   `json:"name,omitempty"`
	Origins []string `json:"origins,omitempty"`
}

type pinStatus struct {
	RequestID string            `json:"requestid"`
	Status    string            `json:"status"`
	Pin       pin               `json:"pin"`
	Delegates []string          `json:"delegates"`
	Info      map[string]string `json:"info"`
}

// Pin asks the service to keep a manifest with all that it reaches, and waits until it says that it has it. origins are multiaddrs,
// with /p2p/, of nodes that have it; they must stay up until then. told, if not nil, is called whenever the status is another; its delegates
// may be connected with, to be found the sooner. If the service has the manifest already, nothing is asked.
func (s *Service) Pin(ctx context.Context, manifest cid.Cid, name string, origins []string, told func(Status)) (Status, error) {
	fail := func(err error) (Status, error) {
		return Status{}, fmt.Errorf("%s: pin %s: %w", s.Name(), manifest, err)
	}
	if len(name) > maxName {
		name = name[:maxName]
	}
	for _, o := range origins {
		if _, err := ma.NewMultiaddr(o); err != nil {
			return fail(err)
		}
	}
	query := url.Values{"cid": {manifest.String()}, "status": {"queued,pinning,pinned"}}
	if name != "" {
		query.Set("name", name)
	}
	var there struct{ Results []pinStatus }
	if err := s.ask(ctx, http.MethodGet, s.url.JoinPath("pins"), query, nil, &there); err != nil {
		return fail(err)
	}
	var now pinStatus
	if len(there.Results) > 0 {
		now = there.Results[0]
	} else if err := s.ask(ctx, http.MethodPost, s.url.JoinPath("pins"), nil, pin{manifest.String(), name, origins}, &now); err != nil {
		return fail(err)
	}
	var last string
	failed := 0
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if got, err := cid.Decode(now.Pin.CID); err != nil || got != manifest {
			return fail(fmt.Errorf("%w: it answers about %q", ErrRefused, now.Pin.CID))
		}
		st := statusOf(now)
		if st.Status != last && told != nil {
			told(st)
		}
		last = st.Status
		switch st.Status {
		case "pinned":
			return st, nil
		case "failed":
			return fail(fmt.Errorf("%w: pinning failed%s", ErrRefused, detail(now.Info)))
		case "queued", "pinning":
		default:
			return fail(fmt.Errorf("%w: status %q is none that the specification knows", ErrRefused, st.Status))
		}
		select {
		case <-ctx.Done():
			return fail(fmt.Errorf("it is %s: %w", st.Status, ctx.Err()))
		case <-time.After(pause):
		}
		var next pinStatus
		err := s.ask(ctx, http.MethodGet, s.url.JoinPath("pins", url.PathEscape(st.Request)), nil, nil, &next)
		switch {
		case err == nil:
			now, failed = next, 0
		case errors.Is(err, dictnet.ErrUnavailable) && failed < giveUp-1: // it goes on with what it has begun, for all we know
			failed++
		default:
			return fail(err)
		}
	}
}

func statusOf(p pinStatus) Status {
	st := Status{Request: p.RequestID, Status: p.Status, Delegates: []string{}}
	for _, d := range p.Delegates[:min(len(p.Delegates), maxDelegates)] {
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

// ask makes one request, with a body if it is not nil, and reads the answer. The error wraps ErrRefused, or dictnet.ErrUnavailable if the service cannot be
// reached or says that it cannot answer now.
func (s *Service) ask(ctx context.Context, method string, to *url.URL, query url.Values, body, answer any) error {
	to.RawQuery = query.Encode()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, to.String(), content)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "dictnet")
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := s.http.Do(r)
	var text []byte
	if err == nil {
		defer resp.Body.Close()
		text, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	}
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if u := (*url.Error)(nil); errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("%w: %w", dictnet.ErrUnavailable, err)
	}
	if len(text) > maxAnswer {
		return fmt.Errorf("%w: it answers with more than %d bytes", ErrRefused, maxAnswer)
	}
	if resp.StatusCode/100 != 2 {
		return refusal(resp, text)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%w: it answers what is none of the API: %w", ErrRefused, err)
	}
	return nil
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
