package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"dictnet/dictnet"
	"dictnet/internal/retryafter"
)

// remote is a template on an HTTP server, read as a stream or at random.
type remote struct {
	ctx     context.Context
	http    *http.Client
	url     *url.URL
	stall   time.Duration // how long nothing may come
	version string        // strong ETag, or "": then nothing says whether the template changes while it is read
	size    int64         // -1 if not known
	ranges  bool          // the server answers ranges
	opened  bool
}

const (
	remoteStall   = 30 * time.Second
	remoteTries   = 4        // for what breaks off, until something more has come
	remotePiece   = 64 << 10 // bytes asked for at least, when reading at random
	remotePieces  = 64       // that are kept
	remoteNoRange = "the server does not answer ranges"
)

func isURL(name string) bool {
	scheme, _, ok := strings.Cut(name, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

func newRemote(ctx context.Context, name string) (*remote, error) {
	u, err := url.Parse(name)
	if err != nil || u.Host == "" {
		return nil, usageErrorf("as https://host/release-2.dn", "this is no URL of a template")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // lengths and ranges are those of the template
	transport.ResponseHeaderTimeout = remoteStall
	transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	return &remote{ctx: ctx, url: u, stall: remoteStall, size: -1, http: &http.Client{
		Transport: transport,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) >= 10 {
				return errors.New("redirected too often")
			}
			if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return fmt.Errorf("redirected from https to %s", r.URL.Scheme)
			}
			return nil
		},
	}}, nil
}

func (r *remote) String() string { return r.url.Redacted() }

func (r *remote) close() { r.http.CloseIdleConnections() }

// fail says what is wrong with the server.
func (r *remote) fail(code int, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // it repeats the URL, with its password
	}
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if !r.opened { // else whoever reads says which it is
		err = fmt.Errorf("read template %s: %w", r, err)
	}
	return &hinted{err, code, ""}
}

// request asks for bytes [off, end) (end -1: to the end; off -1: the last remotePiece bytes; 0, -1: all). The caller closes the body. A server that says when it wants to be
// asked again is asked then, if that is soon.
func (r *remote) request(off, end int64) (*http.Response, error) {
	for patience := r.stall; ; {
		resp, wait, err := r.ask(off, end)
		if wait == 0 || wait > patience {
			return resp, err
		}
		patience -= wait
		select {
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		case <-time.After(wait):
		}
	}
}

// ask makes one request. If it fails, wait is how long the server wants to be left alone; 0 if it does not say.
func (r *remote) ask(off, end int64) (_ *http.Response, wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(r.ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url.String(), nil)
	if err != nil {
		cancel()
		return nil, 0, r.fail(exitUsage, err)
	}
	req.Header.Set("User-Agent", "dictnet")
	ranged := off != 0 || end >= 0
	switch {
	case off < 0:
		req.Header.Set("Range", "bytes=-"+strconv.Itoa(remotePiece))
	case end >= 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, end-1))
	case off > 0:
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", off))
	}
	if ranged && r.version != "" {
		req.Header.Set("If-Range", r.version)
	}
	resp, err := r.http.Do(req)
	if err != nil {
		cancel()
		return nil, 0, r.fail(exitUnavailable, fmt.Errorf("%w: %w", dictnet.ErrUnavailable, err))
	}
	late := time.AfterFunc(r.stall, cancel)
	resp.Body = &timedBody{resp.Body, late, r.stall, cancel}
	if err := r.accept(resp, off, ranged); err != nil {
		resp.Body.Close()
		return nil, retryafter.Of(resp), err
	}
	return resp, 0, nil
}

// accept checks that an answer is one to what was asked, of the template that was asked for before.
func (r *remote) accept(resp *http.Response, off int64, ranged bool) error {
	total := resp.ContentLength
	switch {
	case resp.StatusCode == http.StatusOK:
		r.ranges = r.ranges || resp.Header.Get("Accept-Ranges") == "bytes"
	case resp.StatusCode == http.StatusPartialContent && ranged:
		var first, last int64
		if n, err := fmt.Sscanf(resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); n != 3 || err != nil || first > last || last >= total {
			return r.fail(exitUnavailable, fmt.Errorf("the server answers with the range %q", resp.Header.Get("Content-Range")))
		}
		if off < 0 {
			off = max(0, total-remotePiece)
		}
		if first != off {
			return r.fail(exitUnavailable, fmt.Errorf("the server answers with the range %q to one from %d", resp.Header.Get("Content-Range"), off))
		}
		r.ranges = true
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone, resp.StatusCode == http.StatusForbidden, resp.StatusCode == http.StatusUnauthorized:
		return r.fail(exitUsage, fmt.Errorf("the server answers %q", resp.Status))
	default:
		return r.fail(exitUnavailable, fmt.Errorf("%w: the server answers %q", dictnet.ErrUnavailable, resp.Status))
	}
	version := resp.Header.Get("Etag")
	if strings.HasPrefix(version, "W/") {
		version = ""
	}
	if r.size >= 0 && total >= 0 && total != r.size || r.version != "" && version != r.version {
		return r.fail(exitUnavailable, errors.New("it was changed while it was read"))
	}
	r.size, r.version = max(r.size, total), cmp.Or(r.version, version)
	return nil
}

// timedBody ends when nothing comes for a while.
type timedBody struct {
	io.ReadCloser
	late   *time.Timer
	stall  time.Duration
	cancel context.CancelFunc
}

func (b *timedBody) Read(p []byte) (int, error) {
	b.late.Reset(b.stall)
	n, err := b.ReadCloser.Read(p)
	b.late.Stop()
	return n, err
}

func (b *timedBody) Close() error {
	b.late.Stop()
	b.cancel()
	return b.ReadCloser.Close()
}

// openURL opens a template on a server as a stream. What breaks off is taken up again, if the server answers ranges and says by a strong
// ETag that the template is still the same.
func (a *app) openURL(ctx context.Context, name string) (*input, error) {
	r, err := newRemote(ctx, name)
	if err != nil {
		return nil, err
	}
	resp, err := r.request(0, -1)
	if err != nil {
		r.close()
		return nil, err
	}
	s := newRemoteStream(r, resp)
	return &input{Reader: s, closer: s, size: -1, name: r.String()}, nil
}

type remoteStream struct {
	r      *remote
	body   io.ReadCloser // nil: to be asked for again
	off    int64
	failed int // in a row
}

func newRemoteStream(r *remote, first *http.Response) *remoteStream {
	r.opened = true
	return &remoteStream{r: r, body: first.Body}
}

func (s *remoteStream) Read(p []byte) (int, error) {
	for {
		var n int
		var err error
		if s.body == nil {
			var resp *http.Response
			if resp, err = s.r.request(s.off, -1); err == nil && s.off > 0 && resp.StatusCode != http.StatusPartialContent {
				resp.Body.Close()
				return 0, s.r.fail(exitUnavailable, errors.New("it broke off, and "+remoteNoRange))
			}
			if err == nil {
				s.body = resp.Body
			}
		}
		if err == nil {
			n, err = s.body.Read(p)
			s.off += int64(n)
			if err == io.EOF && s.r.size >= 0 && s.off < s.r.size {
				err = io.ErrUnexpectedEOF
			}
		}
		if n > 0 {
			s.failed = 0
			if err != io.EOF {
				err = nil // it will come again
			}
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		if s.body != nil {
			s.body.Close()
			s.body = nil
		}
		var told *hinted
		if s.failed++; s.failed >= remoteTries || !s.r.ranges || s.r.version == "" || s.r.ctx.Err() != nil || errors.As(err, &told) && told.code == exitUsage {
			if errors.As(err, &told) {
				return 0, err
			}
			return 0, s.r.fail(exitUnavailable, fmt.Errorf("%w: it broke off after %d bytes: %w", dictnet.ErrUnavailable, s.off, err))
		}
		select {
		case <-s.r.ctx.Done():
			return 0, s.r.ctx.Err()
		case <-time.After(time.Duration(s.failed) * 100 * time.Millisecond):
		}
	}
}

func (s *remoteStream) Close() error {
	if s.body != nil {
		s.body.Close()
	}
	s.r.close()
	return nil
}

// openRemote opens a template on a server for reading at random, by ranges. Where the server does not answer ranges, it returns the
// stream of all of it instead.
func (a *app) openRemote(ctx context.Context, name string) (f *remoteFile, stream *input, err error) {
	r, err := newRemote(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	resp, err := r.request(-1, -1) // the index is at the end
	if err != nil {
		r.close()
		return nil, nil, err
	}
	if resp.StatusCode == http.StatusOK {
		s := newRemoteStream(r, resp)
		return nil, &input{Reader: s, closer: s, size: -1, name: r.String()}, nil
	}
	defer resp.Body.Close()
	pieces, err := lru.New[int64, []byte](remotePieces)
	if err != nil {
		return nil, nil, err
	}
	f = &remoteFile{r: r, pieces: pieces, tail: max(0, r.size-remotePiece)}
	f.end = make([]byte, r.size-f.tail)
	if _, err := io.ReadFull(resp.Body, f.end); err != nil {
		return nil, nil, r.fail(exitUnavailable, fmt.Errorf("%w: it broke off: %w", dictnet.ErrUnavailable, err))
	}
	r.opened = true
	return f, nil, nil
}

// remoteFile reads by ranges. Small reads take a whole piece, of which the last few are kept.
type remoteFile struct {
	r      *remote
	mu     sync.Mutex
	pieces *lru.Cache[int64, []byte] // by offset
	tail   int64                     // where end begins
	end    []byte
}

func (f *remoteFile) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 || off >= f.r.size {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), f.r.size-off)]
	for n < len(want) && err == nil {
		var m int
		m, err = f.readSome(want[n:], off+int64(n))
		n += m
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (f *remoteFile) readSome(p []byte, off int64) (int, error) {
	if off >= f.tail {
		return copy(p, f.end[off-f.tail:]), nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	first := off / remotePiece * remotePiece
	if b, ok := f.pieces.Get(first); ok {
		return copy(p, b[off-first:]), nil
	}
	if len(p) > remotePiece { // what is read at once is asked for at once
		return f.fetch(p[:min(int64(len(p)), f.tail-off)], off)
	}
	b := make([]byte, min(remotePiece, f.r.size-first))
	if _, err := f.fetch(b, first); err != nil {
		return 0, err
	}
	f.pieces.Add(first, b)
	return copy(p, b[off-first:]), nil
}

// fetch fills p. f.mu is held.
func (f *remoteFile) fetch(p []byte, off int64) (n int, err error) {
	for failed := 0; n < len(p); {
		var resp *http.Response
		if resp, err = f.r.request(off+int64(n), off+int64(len(p))); err == nil && resp.StatusCode != http.StatusPartialContent {
			resp.Body.Close()
			return n, f.r.fail(exitUnavailable, errors.New(remoteNoRange+" any more"))
		}
		m := 0
		if err == nil {
			m, err = io.ReadFull(resp.Body, p[n:])
			resp.Body.Close()
			n += m
		}
		var told *hinted
		if err == nil || errors.As(err, &told) && told.code == exitUsage || f.r.ctx.Err() != nil {
			return n, err
		}
		if failed++; m > 0 {
			failed = 0
		}
		if failed >= remoteTries {
			if !errors.As(err, &told) {
				err = f.r.fail(exitUnavailable, fmt.Errorf("%w: it broke off: %w", dictnet.ErrUnavailable, err))
			}
			return n, err
		}
		select {
		case <-f.r.ctx.Done():
			return n, f.r.ctx.Err()
		case <-time.After(time.Duration(failed) * 100 * time.Millisecond):
		}
	}
	return n, nil
}

// Close gives the connections back.
func (f *remoteFile) Close() error {
	f.r.close()
	return nil
}
