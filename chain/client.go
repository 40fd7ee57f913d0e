package chain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/rpc"
)

// ErrUnreachable is wrapped by every error that means the node did not give a usable answer in time.
var ErrUnreachable = errors.New("chain does not answer")

// ErrWrongChain is wrapped when a node serves another chain than the one asked for.
var ErrWrongChain = errors.New("wrong chain")

const (
	connectTimeout = 5 * time.Second
	// answerTimeout bounds one call. A node at work answers within a second.
	answerTimeout = 15 * time.Second
	// maxAnswer bounds what one answer may make us read.
	maxAnswer = 64 << 20 // bytes
)

// Client speaks JSON-RPC with one node. It is safe for concurrent use.
type Client struct {
	rpc     *rpc.Client
	name    string // the URL, without what may be secret in it
	timeout time.Duration
	chainID *big.Int

	outbox   Outbox
	patience time.Duration
	maxCost  *big.Int // wei, of one transaction
}

// Option changes how Dial connects.
type Option func(*Client)

// WithTimeout sets how long one call may take; 15 s if not given.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithOutbox has transactions kept until they are mined. Without, one that was sent when the program ended is forgotten.
func WithOutbox(o Outbox) Option { return func(c *Client) { c.outbox = o } }

// WithPatience sets how long a transaction may wait to be mined before more is offered for it; two minutes if not given.
func WithPatience(d time.Duration) Option { return func(c *Client) { c.patience = d } }

// WithMaxCost sets how much one transaction may cost at most, in wei; DefaultMaxCost if not given. What gas costs the node says, which may be wrong or lie.
func WithMaxCost(wei *big.Int) Option { return func(c *Client) { c.maxCost = wei } }

// DefaultMaxCost is 1 ether, in wei: what geth lets those spend who send through it.
const DefaultMaxCost = params.Ether

// Dial connects to a node and asks for its chain id. The URL's scheme is http, https, ws or wss.
// The error wraps ErrUnreachable if there is no answer within 15 s (or what WithTimeout says).
func Dial(ctx context.Context, rawURL string, options ...Option) (*Client, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("chain %q: not a URL like http://127.0.0.1:8545", rawURL)
	}
	c := &Client{name: publicName(u), timeout: answerTimeout, outbox: noOutbox{}, patience: 2 * time.Minute, maxCost: big.NewInt(DefaultMaxCost)}
	for _, o := range options {
		o(c)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	switch u.Scheme {
	case "http", "https":
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
		c.rpc, err = rpc.DialOptions(ctx, rawURL, rpc.WithHTTPClient(&http.Client{Transport: limited{transport}}))
	case "ws", "wss":
		c.rpc, err = rpc.DialOptions(ctx, rawURL, rpc.WithWebsocketMessageSizeLimit(maxAnswer))
	default:
		return nil, fmt.Errorf("chain %s: scheme %q is none of http, https, ws, wss", c.name, u.Scheme)
	}
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	var id hexutil.Big
	if err := c.call(ctx, &id, "eth_chainId"); err != nil {
		c.rpc.Close()
		return nil, err
	}
	c.chainID = id.ToInt()
	if !c.chainID.IsUint64() {
		c.rpc.Close()
		return nil, fmt.Errorf("chain %s: chain id %v is too large", c.name, c.chainID)
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() { c.rpc.Close() }

// ChainID returns the chain's id (EIP-155).
func (c *Client) ChainID() uint64 { return c.chainID.Uint64() }

// URL returns where the node is, without user, path and query, which may hold a secret.
func (c *Client) URL() string { return c.name }

// Expect returns an error that wraps ErrWrongChain unless the node serves the chain with this id.
func (c *Client) Expect(chainID uint64) error {
	if got := c.ChainID(); got != chainID {
		return fmt.Errorf("chain %s: %w: its id is %d, not %d", c.name, ErrWrongChain, got, chainID)
	}
	return nil
}

var errTimeout = errors.New("no answer in time")

// call makes one call, within the client's timeout. Errors of the node come back as they are, because their data may
// say why a contract refused; all others wrap ErrUnreachable.
func (c *Client) call(ctx context.Context, result any, method string, args ...any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	if err := c.rpc.CallContext(ctx, result, method, args...); err != nil {
		return c.failed(ctx, err)
	}
	return nil
}

func (c *Client) failed(ctx context.Context, err error) error {
	if e := rpc.Error(nil); errors.As(err, &e) {
		return &nodeError{c.name, e}
	}
	if ctx.Err() != nil {
		if cause := context.Cause(ctx); cause == errTimeout {
			err = errTimeout
		} else {
			return fmt.Errorf("chain %s: %w", c.name, ctx.Err()) // our caller had enough
		}
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL
	}
	var h rpc.HTTPError
	if errors.As(err, &h) {
		if e := refusedWith(h); e != nil {
			return &nodeError{c.name, e}
		}
		err = errors.New("HTTP status " + h.Status) // without the page
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.name, err)
}

// nodeError is an error that the node itself returned.
type nodeError struct {
	name string
	err  rpc.Error
}

func (e *nodeError) Error() string { return fmt.Sprintf("chain %s: %v", e.name, e.err) }
func (e *nodeError) Unwrap() error { return e.err }

// statusError is an error of a node that came with a status other than 200.
type statusError struct {
	Code    int
	Message string
	Data    any
}

func (e *statusError) Error() string  { return e.Message }
func (e *statusError) ErrorCode() int { return e.Code }
func (e *statusError) ErrorData() any { return e.Data }

// refusedWith returns the node's own error, or nil if the page has none. Besu sends its errors with status 400, providers some
// of theirs with 413; other statuses say that the question did not reach the node.
func refusedWith(h rpc.HTTPError) rpc.Error {
	var answer struct{ Error *statusError }
	if h.StatusCode != http.StatusBadRequest && h.StatusCode != http.StatusRequestEntityTooLarge || json.Unmarshal(h.Body, &answer) != nil || answer.Error == nil {
		return nil
	}
	return answer.Error
}

// publicName is the part of a node's URL that may be shown: providers put their keys into user, path or query.
func publicName(u *url.URL) string {
	name := u.Scheme + "://" + u.Host
	if len(u.Path) > 1 || u.RawQuery != "" {
		name += "/..."
	}
	return name
}

// limited bounds the answers of an HTTP server.
type limited struct{ http.RoundTripper }

var errTooLong = fmt.Errorf("answer is longer than %d MiB", maxAnswer>>20)

func (l limited) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &limitedBody{resp.Body, maxAnswer}
	}
	return resp, err
}

type limitedBody struct {
	io.ReadCloser
	left int64 // bytes
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// header returns the header of a block, given by a number or by a tag such as "latest", and the hash that the node says
// it has. Of a chain whose headers have fields that we do not know the two do not fit.
func (c *Client) header(ctx context.Context, block string) (*types.Header, common.Hash, error) {
	var raw json.RawMessage
	if err := c.call(ctx, &raw, "eth_getBlockByNumber", block, false); err != nil {
		return nil, common.Hash{}, err
	}
	var h *types.Header
	var said *struct{ Hash common.Hash }
	if err := errors.Join(json.Unmarshal(raw, &h), json.Unmarshal(raw, &said)); err != nil {
		return nil, common.Hash{}, fmt.Errorf("%w at %s: block %s: %w", ErrUnreachable, c.name, block, err)
	}
	if h == nil || said == nil {
		return nil, common.Hash{}, fmt.Errorf("%w at %s: it has no block %s", ErrUnreachable, c.name, block)
	}
	return h, said.Hash, nil
}

// callContract runs a view function on the state of a block.
func (c *Client) callContract(ctx context.Context, from, to common.Address, data []byte, block string) ([]byte, error) {
	var out hexutil.Bytes
	msg := map[string]any{"from": from, "to": to, "data": hexutil.Bytes(data)}
	err := c.call(ctx, &out, "eth_call", msg, block)
	return out, err
}
