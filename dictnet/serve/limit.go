package serve

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// quiet drops what net/http says about clients that misbehave.
var quiet = log.New(io.Discard, "", 0)

// limit answers so many requests at once, and ends those whose client takes or sends nothing for a while, or that take too
// long.
func limit(o Options, next http.Handler) http.Handler {
	slots := make(chan struct{}, o.Requests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.Path) > maxPath {
			http.Error(w, "the path is too long", http.StatusRequestURITooLong)
			return
		}
		select {
		case slots <- struct{}{}:
		default:
			late := time.NewTimer(o.Stall)
			defer late.Stop()
			select {
			case slots <- struct{}{}:
			case <-r.Context().Done():
				return
			case <-late.C:
				w.Header().Set("Retry-After", "10")
				http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
				return
			}
		}
		defer func() { <-slots }()
		control := http.NewResponseController(w)
		end := time.Now().Add(o.Longest)
		p := &paced{ResponseWriter: w, control: control, stall: o.Stall, end: end}
		p.extend()
		r.Body = &pacedBody{r.Body, control, o.Stall, end}
		next.ServeHTTP(p, r)
		p.extend() // for what is buffered
	})
}

const maxPath = 1024 // bytes

// paced moves the deadline of writes on with each.
type paced struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	end     time.Time
}

func (p *paced) extend() { p.control.SetWriteDeadline(earlier(time.Now().Add(p.stall), p.end)) }

func (p *paced) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil { // a slow client is given time for each piece
		p.extend()
		var m int
		m, err = p.ResponseWriter.Write(b[:min(len(b), 64<<10)])
		n, b = n+m, b[m:]
	}
	return n, err
}

func (p *paced) Flush() {
	p.extend()
	p.control.Flush()
}

func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// pacedBody does the same for reads.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration
	end     time.Time
}

func (p *pacedBody) Read(b []byte) (int, error) {
	p.control.SetReadDeadline(earlier(time.Now().Add(p.stall), p.end))
	return p.ReadCloser.Read(b)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// local refuses requests that a web page made by giving its own name this machine's address (DNS rebinding): the host
// must be an address or localhost.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if len(host) > 1 && host[0] == '[' {
			host = host[1 : len(host)-1]
		}
		if _, err := netip.ParseAddr(host); err != nil && host != "localhost" {
			answer(w, nil, &statusError{http.StatusMisdirectedRequest, errors.New("ask by address, or as localhost")})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// limitConns takes so many connections at once.
func limitConns(l net.Listener, n int) net.Listener {
	return &limitedListener{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type limitedListener struct {
	net.Listener
	slots  chan struct{}
	once   sync.Once
	closed chan struct{}
}

func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: c, free: func() { <-l.slots }}, nil
}

func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	once sync.Once
	free func()
}

func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.free)
	return err
}

// ReadFrom lets files go from the disk to the network without a copy in this process.
func (c *limitedConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }
