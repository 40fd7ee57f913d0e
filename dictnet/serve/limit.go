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
// long. How the node is doing is told beside them.
func limit(o Options, next http.Handler) http.Handler {
	slots := make(chan struct{}, o.Requests)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &paced{ResponseWriter: w, control: http.NewResponseController(w), stall: o.Stall, end: time.Now().Add(o.Longest)}
		comes := r.ContentLength != 0
		if comes {
			p.await() // net/http throws away what nobody reads, and would wait for it for ever
			r.Body = &pacedBody{r.Body, p}
		}
		if len(r.URL.Path) > maxPath {
			http.Error(w, "the path is too long", http.StatusRequestURITooLong)
			return
		}
		if comes && r.Method != http.MethodPost {
			comes = false
			if _, err := io.CopyN(io.Discard, r.Body, maxStray); err != nil && err != io.EOF {
				w.Header().Set("Connection", "close")
				http.Error(w, "the body did not come", http.StatusRequestTimeout)
				return
			}
		}
		if r.URL.Path == healthPath {
			next.ServeHTTP(w, r)
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
				if comes {
					p.await()
				}
				w.Header().Set("Retry-After", "10")
				http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
				return
			}
		}
		defer func() { <-slots }()
		p.end = time.Now().Add(o.Longest)
		p.extend()
		if comes {
			p.await()
		}
		next.ServeHTTP(p, r)
		p.extend() // for what is buffered
	})
}

const (
	maxPath    = 1024      // bytes
	maxStray   = 256 << 10 // bytes of a body that nobody asked for
	healthPath = "/healthz"
)

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

// await moves the deadline of reads.
func (p *paced) await() { p.control.SetReadDeadline(earlier(time.Now().Add(p.stall), p.end)) }

// pacedBody moves it with each read.
type pacedBody struct {
	io.ReadCloser
	p *paced
}

func (b *pacedBody) Read(buf []byte) (int, error) {
	b.p.await()
	return b.ReadCloser.Read(buf)
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
