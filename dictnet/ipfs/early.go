package ipfs

import (
	"bufio"
	"context"
	"errors"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/tcpreuse"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// earlyTransport is TCP, but it does not wait for the peer to agree to TLS before it begins with it: that saves a round trip with everybody who
// does agree, as Kubo and nodes of dictnet do. Others are called again in the usual way, and remembered.
type earlyTransport struct {
	*tcp.TcpTransport
	mu    sync.Mutex
	plain map[peer.ID]bool // want to be asked first
}

var (
	_ transport.Transport   = (*earlyTransport)(nil)
	_ transport.DialUpdater = (*earlyTransport)(nil)
)

func newEarlyTransport(u transport.Upgrader, limits network.ResourceManager, shared *tcpreuse.ConnMgr) (*earlyTransport, error) {
	t, err := tcp.NewTCPTransport(&earlyUpgrader{u}, limits, shared, tcp.DisableReuseport()) // or a second node would get a share of the first one's connections
	return &earlyTransport{TcpTransport: t, plain: make(map[peer.ID]bool)}, err
}

const maxPlain = 4096 // peers that are remembered

func (t *earlyTransport) Dial(ctx context.Context, addr ma.Multiaddr, p peer.ID) (transport.CapableConn, error) {
	return t.DialWithUpdates(ctx, addr, p, nil)
}

func (t *earlyTransport) DialWithUpdates(ctx context.Context, addr ma.Multiaddr, p peer.ID, updates chan<- transport.DialUpdate) (transport.CapableConn, error) {
	t.mu.Lock()
	plain := t.plain[p]
	t.mu.Unlock()
	if !plain {
		attempt := new(earlyAttempt)
		c, err := t.TcpTransport.DialWithUpdates(context.WithValue(ctx, earlyKey{}, attempt), addr, p, updates)
		if err == nil || !attempt.disagreed() || ctx.Err() != nil {
			return c, err
		}
		t.mu.Lock()
		if len(t.plain) >= maxPlain {
			clear(t.plain)
		}
		t.plain[p] = true
		t.mu.Unlock()
	}
	return t.TcpTransport.DialWithUpdates(ctx, addr, p, updates)
}

type earlyKey struct{}

// earlyAttempt is one call.
type earlyAttempt struct {
	mu  sync.Mutex
	yes bool
}

func (a *earlyAttempt) disagreed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.yes
}

func (a *earlyAttempt) disagree() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.yes = true
}

// earlyUpgrader lets outgoing connections that are to be early go through an earlyConn.
type earlyUpgrader struct{ transport.Upgrader }

func (u *earlyUpgrader) Upgrade(ctx context.Context, t transport.Transport, c manet.Conn, dir network.Direction, p peer.ID, scope network.ConnManagementScope) (transport.CapableConn, error) {
	if attempt, ok := ctx.Value(earlyKey{}).(*earlyAttempt); ok && dir == network.DirOutbound {
		c = &earlyConn{Conn: c, attempt: attempt, echo: agreement, in: bufio.NewReaderSize(c, earlyBuffer)}
	}
	return u.Upgrader.Upgrade(ctx, t, c, dir, p, scope)
}

// earlyBuffer is how much is read from a connection at a time, in bytes: several TLS records of 16 KiB.
const earlyBuffer = 64 << 10

// agreement is what a caller says to speak TLS, and what the other says who agrees (multistream-select 1.0.0): each line with its
// length before it.
const agreement = "\x13/multistream/1.0.0\n" + "\x0b" + libp2ptls.ID + "\n"

var errDisagrees = errors.New("does not agree to speak " + libp2ptls.ID + " at once")

// earlyConn is the caller's end of a connection. What the caller says to agree on TLS is kept back until he sends what follows, and is
// answered with what is expected from the other; whether he did say so is checked when the first of his bytes is read.
type earlyConn struct {
	manet.Conn
	attempt *earlyAttempt

	writing sync.Mutex
	held    []byte // said, not sent
	sent    bool

	reading sync.Mutex
	echo    string // answered before he has
	checked bool
	failed  error
	in      *bufio.Reader
}

func (c *earlyConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.sent {
		return c.Conn.Write(b)
	}
	before := len(c.held)
	c.held = append(c.held, b...)
	if len(c.held) <= len(agreement) {
		return len(b), nil
	}
	c.sent = true
	n, err := c.Conn.Write(c.held)
	c.held = nil
	return max(0, min(n-before, len(b))), err
}

func (c *earlyConn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(c.echo) > 0 {
		n := copy(b, c.echo)
		c.echo = c.echo[n:]
		return n, nil
	}
	if !c.checked {
		c.checked = true
		c.failed = c.check()
	}
	if c.failed != nil {
		return 0, c.failed
	}
	return c.in.Read(b)
}

// check reads what the other has answered.
func (c *earlyConn) check() error {
	for i := range len(agreement) {
		if b, err := c.in.ReadByte(); err != nil || b != agreement[i] {
			c.attempt.disagree()
			return errors.Join(errDisagrees, err)
		}
	}
	return nil
}
