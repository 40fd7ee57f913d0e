// Package kubo speaks to a Kubo node by its RPC API (docs.ipfs.tech/reference/kubo/rpc): it fetches blocks through it, and gives it
// dictionaries to pin. The API lets its caller do everything with the node: it is for a node of one's own.
package kubo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ipfs/go-cid"
	"golang.org/x/sync/errgroup"

	"dictnet/dictnet"
	"dictnet/dictnet/store"
)

const (
	// atOnce is how many requests for blocks are under way.
	atOnce = 16
	// patience is how long the node may look for one block, or take for a short answer.
	patience = 30 * time.Second
	// maxAnswer is how much of an answer that is no block is read, in bytes.
	maxAnswer = 1 << 20
)

// Node is a Kubo node's RPC API. It is a dictnet.Source, and safe for concurrent use.
type Node struct {
	base     *url.URL
	http     *http.Client
	patience time.Duration
}

var (
	_ dictnet.Source  = (*Node)(nil)
	_ dictnet.Refuser = (*session)(nil)
)

// New returns the node at an address as "kubo://127.0.0.1:5001". It does not call it yet.
func New(address string) (*Node, error) { return newNode(address, patience) }

func newNode(address string, patience time.Duration) (*Node, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "kubo" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("kubo node %q: want kubo://HOST:PORT, its RPC address", address)
	}
	if u.Port() == "" {
		u.Host += ":5001"
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = atOnce
	transport.MaxConnsPerHost = atOnce + 2
	return &Node{base: &url.URL{Scheme: "http", Host: u.Host, Path: "/api/v0/"}, http: &http.Client{Transport: transport}, patience: patience}, nil
}

// Close gives up the connections that are idle.
func (n *Node) Close() error {
	n.http.CloseIdleConnections()
	return nil
}

// Name names the node.
func (n *Node) Name() string { return "kubo " + n.base.Host }

// RemoteError is what the node answers when it did not do something.
type RemoteError struct {
	Command string
	Status  int // of HTTP
	Message string
}

func (e *RemoteError) Error() string { return fmt.Sprintf("%s: %s", e.Command, e.Message) }

// call runs a command of the node. The caller closes what it answers.
func (n *Node) call(ctx context.Context, command string, args url.Values, contentType string, body io.Reader) (io.ReadCloser, error) {
	u := *n.base
	u.Path += command
	u.RawQuery = args.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "dictnet")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	resp, err := n.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", dictnet.ErrUnavailable, err)
	}
	if resp.StatusCode == http.StatusOK {
		return &reply{resp.Body, resp, command}, nil
	}
	defer resp.Body.Close()
	e := &RemoteError{Command: command, Status: resp.StatusCode, Message: resp.Status}
	var said struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if json.Unmarshal(text, &said) == nil && said.Message != "" {
		e.Message = said.Message
	}
	return nil, e
}

// reply is what the node answers. Where something went wrong after it had begun to, it says so in a trailer, and the reply ends with that error.
type reply struct {
	io.ReadCloser
	resp    *http.Response
	command string
}

func (r *reply) Read(b []byte) (int, error) {
	n, err := r.ReadCloser.Read(b)
	if err == io.EOF {
		if said := r.resp.Trailer.Get("X-Stream-Error"); said != "" {
			err = &RemoteError{Command: r.command, Status: r.resp.StatusCode, Message: said}
		}
	}
	return n, err
}

// ask runs a command whose answer is one JSON value, which is to be there soon.
func (n *Node) ask(ctx context.Context, command string, args url.Values, answer any) error {
	return within(ctx, n.patience, func(ctx context.Context) error {
		body, err := n.call(ctx, command, args, "", nil)
		if err != nil {
			return err
		}
		defer body.Close()
		return json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(answer)
	})
}

// within asks the node something by f, which ends with its context.
func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(wait)
	if err != nil && wait.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: no answer within %v", dictnet.ErrUnavailable, limit)
	}
	return err
}

func (n *Node) wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s: %w", n.Name(), doing, err)
}

// Has reports whether the node keeps a manifest with all that it reaches: a recursive pin.
func (n *Node) Has(ctx context.Context, manifest cid.Cid) (bool, error) {
	var answer struct{ Keys map[string]struct{} }
	err := n.ask(ctx, "pin/ls", url.Values{"arg": {manifest.String()}, "type": {"recursive"}}, &answer)
	var remote *RemoteError
	if errors.As(err, &remote) && strings.Contains(remote.Message, "not pinned") {
		return false, nil
	}
	return err == nil, n.wrap("pin ls", err)
}

var errNoMore = errors.New("the node takes no more")

// Import gives the node the blocks of a CAR. It pins nothing.
func (n *Node) Import(ctx context.Context, write func(io.Writer) error) error {
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	done := make(chan error, 1)
	go func() {
		part, err := form.CreateFormFile("file", "dictionary.car")
		if err == nil {
			err = write(part)
		}
		if err == nil {
			err = form.Close()
		}
		pw.CloseWithError(err)
		done <- err
	}()
	body, err := n.call(ctx, "dag/import", url.Values{"pin-roots": {"false"}, "allow-big-block": {"false"}}, form.FormDataContentType(), pr)
	pr.CloseWithError(errNoMore)
	wrote := <-done
	if err == nil {
		defer body.Close()
	}
	if errors.Is(wrote, io.ErrClosedPipe) { // by net/http
		wrote = errNoMore
	}
	switch {
	case ctx.Err() != nil:
		return n.wrap("dag import", ctx.Err())
	case err != nil && (wrote == nil || errors.Is(wrote, errNoMore)):
		return n.wrap("dag import", err)
	case wrote != nil: // if it failed by itself, the node is not to blame
		return n.wrap("dag import", wrote)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(body, maxAnswer))
	return n.wrap("dag import", err)
}

// Pin makes the node keep a manifest with all that it reaches, under a name, and get from its peers what it has not.
func (n *Node) Pin(ctx context.Context, manifest cid.Cid, name string) error {
	args := url.Values{"arg": {manifest.String()}, "recursive": {"true"}, "progress": {"true"}}
	if name != "" {
		args.Set("name", name)
	}
	body, err := n.call(ctx, "pin/add", args, "", nil)
	if err != nil {
		return n.wrap("pin add", err)
	}
	defer body.Close()
	for lines := json.NewDecoder(body); ; {
		var line struct {
			Pins    []string // in the last line; those before say how far it is
			Message string   // of an error
		}
		err := lines.Decode(&line)
		if err == nil && line.Message != "" {
			err = errors.New(line.Message)
		}
		if err != nil {
			if err == io.EOF {
				err = errors.New("the answer ends before the pin is made")
			}
			return n.wrap("pin add", err)
		}
		if len(line.Pins) > 0 {
			return nil
		}
	}
}

// Connect makes the node call a peer: a multiaddr with /p2p/.
func (n *Node) Connect(ctx context.Context, peer string) error {
	var answer struct{ Strings []string }
	return n.wrap("swarm connect", n.ask(ctx, "swarm/connect", url.Values{"arg": {peer}}, &answer))
}

// Record looks an IPNS name up, which takes the node a minute where it has to search. What it returns is for the caller to check.
func (n *Node) Record(ctx context.Context, name string) (record []byte, err error) {
	err = within(ctx, 3*n.patience, func(ctx context.Context) error {
		body, err := n.call(ctx, "name/get", url.Values{"arg": {strings.TrimPrefix(name, "/ipns/")}}, "", nil)
		if err != nil {
			return err
		}
		defer body.Close()
		record, err = io.ReadAll(io.LimitReader(body, maxAnswer))
		return err
	})
	return record, n.wrap("name get", err)
}

// Open starts a session. Whether the node answers shows at the first block.
func (n *Node) Open(context.Context) (dictnet.Session, error) { return &session{n: n}, nil }

type session struct {
	n       *Node
	mu      sync.Mutex
	refusal string // the last one
}

// Refusal says how the node last went without a block.
func (s *session) Refusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusal
}

// Fetch asks the node for the blocks, several at once; it gets from its peers what it has not.
func (s *session) Fetch(ctx context.Context, want []cid.Cid, got func(cid.Cid, []byte)) error {
	var one sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, c := range want {
		g.Go(func() error {
			data, err := s.n.block(ctx, c)
			var remote *RemoteError
			if errors.As(err, &remote) { // it does not have it, or does not give it
				s.mu.Lock()
				s.refusal = fmt.Sprintf("%.200q", remote.Error())
				s.mu.Unlock()
				return nil
			}
			if err != nil {
				return err
			}
			one.Lock()
			defer one.Unlock()
			got(c, data)
			return nil
		})
	}
	return g.Wait()
}

func (n *Node) block(ctx context.Context, c cid.Cid) ([]byte, error) {
	body, err := n.call(ctx, "block/get", url.Values{"arg": {c.String()}, "timeout": {n.patience.String()}}, "", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, store.MaxBlock+1)) // one more shows that it is too much
}
